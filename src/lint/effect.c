#include "lint/effect.h"
#include "base/buf.h"

#define LONG_PATH 512

struct walk {
	struct lint *l;
	struct arena *a;
	struct lint_effects *e;
	const struct lint_script *s; /* NULL: COPY, ADD */
	const struct sh_command *c;
	const struct df_instruction *in;
	const struct df_state *state;
	struct str cwd, outer_cwd;   /* outer_cwd: behind the subshell that `scope` is */
	const struct sh_node *scope;
	struct lint_effect lost;     /* where goes what the list has no room for */
	bool made;                   /* something in this script may have written anything */
};

/* --- words --- */
bool lint_word_in(struct str word, const char *list)
{
	struct str rest = str_of(list);
	while (rest.p)
		if (str_eq(str_cut(&rest, ' '), word))
			return true;
	return false;
}

const struct sh_word *operand_next(struct operands *o)
{
	while (o->at < o->c->n_args) {
		const struct sh_word *w = &o->c->args[o->at++];
		if (o->ended || w->text.n < 2 || w->text.p[0] != '-')
			return w;
		if (str_is(w->text, "--"))
			o->ended = true;
		else if (o->valued && lint_word_in(w->text, o->valued))
			o->at++;
	}
	return NULL;
}

bool lint_is_archive(struct str p)
{
	static const char *const ends[] = { ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar.Z", ".tar.lz4", ".zip", ".7z", ".rar", ".deb", ".rpm", ".whl", ".gz", ".xz", ".bz2" };
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(p, str_of(ends[i])))
			return true;
	return false;
}

bool lint_below(struct str path, struct str dir)
{
	while (dir.n > 1 && dir.p[dir.n - 1] == '/')
		dir.n--;
	return dir.n && str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/' || dir.p[dir.n - 1] == '/');
}

/* --- paths --- */
/* One path made clean: "//", "/./" and "/../" resolved by the text alone. */
static struct str clean(struct arena *a, struct str p)
{
	char *out = arena_alloc(a, p.n + 2);
	size_t n = 0;
	struct str rest = p;
	bool absolute = p.n && p.p[0] == '/';
	if (absolute)
		out[n++] = '/';
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (part.n == 0 || (str_is(part, ".") && n > 0))
			continue;
		if (str_is(part, "..") && n > 1) {
			while (n > 1 && out[n - 1] != '/')
				n--;
			if (n > 1)
				n--;
			continue;
		}
		if (n && out[n - 1] != '/')
			out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	return str_n(out, n);
}

static struct str join(struct arena *a, struct str dir, struct str p)
{
	if (p.n && p.p[0] == '/')
		return clean(a, p);
	return clean(a, str_of(arena_printf(a, "%.*s/%.*s", STR_FMT(dir), STR_FMT(p))));
}

static struct str home(struct walk *w)
{
	struct str u = w->state ? w->state->user : (struct str){ 0 };
	const char *colon = u.n ? str_chr(u, ':') : NULL;
	if (colon)
		u.n = (size_t)(colon - u.p);
	if (!u.n || str_is(u, "root") || str_is(u, "0"))
		return STR("/root");
	return str_of(arena_printf(w->a, "/home/%.*s", STR_FMT(u)));
}

static void add_parts(struct walk *w, struct buf *b, const struct sh_part *parts, u32 n)
{
	for (u32 i = 0; i < n && b->n < 4000; i++) {
		const struct sh_part *p = &parts[i];
		const struct df_var *v;
		switch (p->kind) {
		case SH_DOUBLE:
		case SH_DOLLAR_DOUBLE:
			for (u32 k = 0; k < p->n_parts && b->n < 4000; k++)
				if (p->parts[k].kind == SH_PARAM)
					add_parts(w, b, &p->parts[k], 1);
				else
					buf_add(b, p->parts[k].text);
			break;
		case SH_PARAM:
			v = w->state && !p->op.n ? df_state_var(w->state, p->name) : NULL;
			if (v && v->known && v->value.p)
				buf_add(b, str_head(v->value, 1000));
			else if (str_is(p->name, "HOME") && !p->op.n)
				buf_add(b, home(w));
			else if (str_is(p->name, "PWD") && !p->op.n)
				buf_add(b, w->cwd);
			else
				buf_printf(b, "${%.*s%.*s}", STR_FMT(p->name), STR_FMT(p->op));
			break;
		case SH_TILDE:
			buf_add(b, p->text.n == 1 ? home(w) : p->text);
			break;
		default:
			buf_add(b, p->text);
		}
	}
}

static struct str path_of(struct walk *w, const struct sh_word *word)
{
	if (word->literal && word->text.n < 4000)
		return join(w->a, w->cwd, word->text);
	struct buf b = BUF(8000);
	if (word->n_parts)
		add_parts(w, &b, word->parts, word->n_parts);
	else
		buf_add(&b, str_head(word->text, 4000));
	struct str r = join(w->a, w->cwd, buf_str(&b));
	buf_free(&b);
	return r;
}

static struct str base_name(struct str p)
{
	while (p.n > 1 && p.p[p.n - 1] == '/')
		p.n--;
	const char *slash = p.n ? memrchr(p.p, '/', p.n) : NULL;
	return slash ? str_from(p, (size_t)(slash - p.p) + 1) : p;
}

/* --- the list --- */
static struct lint_effect *add(struct walk *w, enum effect_kind kind, struct str path)
{
	if (w->e->n >= LINT_EFFECTS || !path.n || str_starts(path, STR("/dev/")) || str_starts(path, STR("/proc/"))) {
		w->lost = (struct lint_effect){ 0 };
		return &w->lost;
	}
	u32 stage = w->l->graph.stage_of ? w->l->graph.stage_of[w->in->index] : DF_NONE;
	struct lint_effect x = { .kind = kind, .path = path, .instruction = w->in->index, .stage = stage, .s = w->s, .c = w->c, .in = w->in, .first = !w->made };
	if (w->e->n == w->e->cap) { /* in the arena: freed with the file */
		u32 cap = MAX(w->e->cap * 2, 32u);
		struct lint_effect *v = arena_alloc(w->a, cap * sizeof *v);
		if (w->e->n)
			memcpy(v, w->e->v, w->e->n * sizeof *v);
		w->e->v = v;
		w->e->cap = cap;
	}
	w->e->v[w->e->n] = x;
	return &w->e->v[w->e->n++];
}

static struct lint_effect *add_word(struct walk *w, enum effect_kind kind, const struct sh_word *word) { return add(w, kind, path_of(w, word)); }

/* "{a,b}" inside a path: one effect for each. */
static void remove_word(struct walk *w, const struct sh_word *word, bool tree, bool moved)
{
	struct str p = path_of(w, word);
	const char *open = str_chr(p, '{'), *close = open ? memchr(open, '}', (size_t)(p.p + p.n - open)) : NULL;
	if (!open || !close || (open > p.p && open[-1] == '$') || !memchr(open, ',', (size_t)(close - open))) {
		struct lint_effect *x = add(w, EFFECT_REMOVE, p);
		x->tree = tree;
		x->moved = moved;
		return;
	}
	struct str head = str_n(p.p, (size_t)(open - p.p)), tail = str_from(p, (size_t)(close - p.p) + 1), rest = str_n(open + 1, (size_t)(close - open) - 1);
	while (rest.p) {
		struct str part = str_cut(&rest, ',');
		struct lint_effect *x = add(w, EFFECT_REMOVE, clean(w->a, str_of(arena_printf(w->a, "%.*s%.*s%.*s", STR_FMT(head), STR_FMT(part), STR_FMT(tail)))));
		x->tree = tree;
		x->moved = moved;
	}
}

static void cache_make(struct walk *w, enum cache_of k)
{
	struct str dir = str_of(cache_infos[k].dir);
	if (dir.p[0] == '~')
		dir = str_of(arena_printf(w->a, "%.*s%s", STR_FMT(home(w)), cache_infos[k].dir + 1));
	struct lint_effect *x = add(w, EFFECT_MAKE, dir);
	x->cache = k;
	x->tree = x->fetched = true;
}

static void cache_remove(struct walk *w, enum cache_of k)
{
	struct str dir = str_of(cache_infos[k].dir);
	if (dir.p[0] == '~')
		dir = str_of(arena_printf(w->a, "%.*s%s", STR_FMT(home(w)), cache_infos[k].dir + 1));
	struct lint_effect *x = add(w, EFFECT_REMOVE, dir);
	x->tree = true;
}

/* --- downloads --- */
static struct str url_name(struct str url)
{
	const char *end = str_chr(url, '?');
	if (end)
		url.n = (size_t)(end - url.p);
	return base_name(url);
}

static bool is_url(struct str s) { return str_contains(str_head(s, 12), STR("://")) || str_starts(s, STR("$")); }

static void curl(struct walk *w)
{
	const struct sh_command *c = w->c;
	const struct sh_word *url = NULL, *out = NULL;
	struct str dir = w->cwd;
	bool remote = false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str t = c->args[i].text;
		if (lint_word_in(t, "-o --output") && i + 1 < c->n_args)
			out = &c->args[++i];
		else if (str_is(t, "--output-dir") && i + 1 < c->n_args)
			dir = path_of(w, &c->args[++i]);
		else if (t.n > 1 && t.p[0] == '-' && t.p[1] != '-') {
			remote |= str_chr(t, 'O') != NULL;
			if (t.p[t.n - 1] == 'o' && i + 1 < c->n_args) /* -fsSLo FILE */
				out = &c->args[++i];
			else if (lint_word_in(t, "-H -d -X -u -A -b -e -F -m -x -w -T -y -Y -z -E -C"))
				i++;
		} else if (str_is(t, "--remote-name") || str_is(t, "--remote-name-all"))
			remote = true;
		else if (t.n && t.p[0] != '-' && (is_url(t) || !url))
			url = &c->args[i];
	}
	struct lint_effect *x = NULL;
	if (out && !str_is(out->text, "-"))
		x = add_word(w, EFFECT_MAKE, out);
	else if (remote && url)
		x = add(w, EFFECT_MAKE, join(w->a, dir, url_name(url->text)));
	if (x)
		x->fetched = true;
}

static void wget(struct walk *w)
{
	const struct sh_command *c = w->c;
	struct str dir = w->cwd, out = { 0 };
	bool spider = false, none = false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str t = c->args[i].text;
		bool next = i + 1 < c->n_args;
		if (str_starts(t, STR("--output-document=")))
			out = join(w->a, w->cwd, str_from(t, 18));
		else if (str_starts(t, STR("--directory-prefix=")))
			dir = join(w->a, w->cwd, str_from(t, 19));
		else if (lint_word_in(t, "-P --directory-prefix") && next)
			dir = path_of(w, &c->args[++i]);
		else if (str_starts(t, STR("-P")))
			dir = join(w->a, w->cwd, str_from(t, 2));
		else if (t.n > 1 && t.p[0] == '-' && t.p[1] != '-' && t.p[t.n - 1] == 'O' && next) /* -qO FILE */
			none |= str_is(c->args[++i].text, "-"), out = path_of(w, &c->args[i]);
		else if (t.n > 2 && t.p[0] == '-' && t.p[1] != '-' && str_chr(t, 'O')) { /* -qO- */
			struct str rest = str_from(t, (size_t)((const char *)str_chr(t, 'O') - t.p) + 1);
			none |= str_is(rest, "-");
			out = join(w->a, w->cwd, rest);
		} else if (str_is(t, "--output-document") && next)
			none |= str_is(c->args[++i].text, "-"), out = path_of(w, &c->args[i]);
		else if (str_is(t, "--spider"))
			spider = true;
	}
	if (spider || none)
		return;
	if (out.p) {
		add(w, EFFECT_MAKE, out)->fetched = true;
		return;
	}
	struct operands o = { .c = c, .valued = "-P --directory-prefix -t --tries -T --timeout -U --user-agent --header -o -a --user --password -e -i --progress" };
	for (const struct sh_word *word; (word = operand_next(&o));)
		if (is_url(word->text))
			add(w, EFFECT_MAKE, join(w->a, dir, url_name(word->text)))->fetched = true;
}

static void git(struct walk *w)
{
	struct operands o = { .c = w->c, .valued = "-C -c -b --branch --depth -o --origin --reference --template -j --jobs --filter --config --shallow-since" };
	const struct sh_word *sub = operand_next(&o), *url = sub && str_is(sub->text, "clone") ? operand_next(&o) : NULL, *dir = url ? operand_next(&o) : NULL;
	if (!url)
		return;
	struct str name = base_name(url->text);
	if (str_ends(name, STR(".git")))
		name.n -= 4;
	struct lint_effect *x = dir ? add_word(w, EFFECT_MAKE, dir) : add(w, EFFECT_MAKE, join(w->a, w->cwd, name));
	x->tree = x->fetched = x->unpacked = true;
}

/* --- archives --- */
static void tar(struct walk *w)
{
	const struct sh_command *c = w->c;
	struct str dir = w->cwd;
	const struct sh_word *file = NULL;
	char mode = 0;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str t = c->args[i].text;
		bool next = i + 1 < c->n_args, cluster = t.n && (t.p[0] == '-' ? t.n > 1 && t.p[1] != '-' : i == 0);
		if (lint_word_in(t, "-C --directory") && next)
			dir = path_of(w, &c->args[++i]);
		else if (str_starts(t, STR("--directory=")))
			dir = join(w->a, w->cwd, str_from(t, 12));
		else if (str_starts(t, STR("-C")) && t.n > 2)
			dir = join(w->a, w->cwd, str_from(t, 2));
		else if (lint_word_in(t, "--extract --get"))
			mode = 'x';
		else if (str_is(t, "--create"))
			mode = 'c';
		else if (str_starts(t, STR("--file=")))
			file = &c->args[i];
		else if (str_is(t, "--file") && next)
			file = &c->args[++i];
		else if (cluster) {
			for (size_t k = 0; k < t.n; k++)
				mode = strchr("xct", t.p[k]) ? t.p[k] : mode;
			if (t.p[t.n - 1] == 'f' && next)
				file = &c->args[++i];
			else if (t.p[t.n - 1] == 'C' && next)
				dir = path_of(w, &c->args[++i]);
		}
	}
	if (mode == 'x') {
		if (file && !str_is(file->text, "-"))
			add(w, EFFECT_UNPACK, str_starts(file->text, STR("--file=")) ? join(w->a, w->cwd, str_from(file->text, 7)) : path_of(w, file));
		struct lint_effect *x = add(w, EFFECT_MAKE, dir);
		x->tree = x->unpacked = true;
	} else if (mode == 'c' && file && !str_is(file->text, "-")) {
		add_word(w, EFFECT_MAKE, file);
	}
}

static void unzip(struct walk *w)
{
	struct operands o = { .c = w->c, .valued = "-d -P -x" };
	const struct sh_word *file = operand_next(&o);
	if (!file || sh_has_flag(w->c, "l") || sh_has_flag(w->c, "p"))
		return;
	add_word(w, EFFECT_UNPACK, file);
	struct str d = sh_flag_value(w->c, "d");
	struct lint_effect *x = add(w, EFFECT_MAKE, d.p ? join(w->a, w->cwd, d) : w->cwd);
	x->tree = x->unpacked = true;
}

/* dpkg -i, rpm -i, apt install ./x.deb: an archive whose contents are installed. */
static void install_files(struct walk *w)
{
	struct operands o = { .c = w->c };
	for (const struct sh_word *word; (word = operand_next(&o));)
		if (lint_is_archive(word->text) && !is_url(word->text))
			add_word(w, EFFECT_UNPACK, word);
}

/* --- files --- */
static void rm(struct walk *w)
{
	bool tree = sh_has_flag(w->c, "r") || sh_has_flag(w->c, "R") || sh_has_flag(w->c, "recursive");
	struct operands o = { .c = w->c };
	for (const struct sh_word *word; (word = operand_next(&o));)
		remove_word(w, word, tree, false);
}

static void find(struct walk *w)
{
	bool deletes = false;
	for (u32 i = 0; i < w->c->n_args; i++)
		deletes |= str_is(w->c->args[i].text, "-delete") || str_is(w->c->args[i].text, "rm");
	for (u32 i = 0; deletes && i < w->c->n_args && w->c->args[i].text.n && w->c->args[i].text.p[0] != '-'; i++) {
		struct lint_effect *x = add_word(w, EFFECT_REMOVE, &w->c->args[i]);
		x->tree = true;
		x->first = false; /* which of them is not known */
	}
}

static void copy_or_move(struct walk *w, bool move)
{
	const char *valued = "-t --target-directory -S --suffix";
	struct str into = sh_flag_value(w->c, "t");
	const struct sh_word *last = NULL;
	u32 n = 0;
	struct operands o = { .c = w->c, .valued = valued };
	for (const struct sh_word *word; (word = operand_next(&o)); n++)
		last = word;
	if (!last)
		return;
	struct str dest = into.p ? join(w->a, w->cwd, into) : path_of(w, last);
	bool dir = into.p || n > 2 || (last->text.n && last->text.p[last->text.n - 1] == '/') || lint_word_in(last->text, ". ..");
	o = (struct operands){ .c = w->c, .valued = valued };
	for (const struct sh_word *word; (word = operand_next(&o)) && (into.p || word != last);) {
		if (move)
			remove_word(w, word, true, true);
		if (dir)
			add(w, EFFECT_MAKE, join(w->a, dest, base_name(word->text)))->tree = true;
	}
	if (!dir || n == 2)
		add(w, EFFECT_MAKE, dest)->tree = true;
}

static void own(struct walk *w, bool recursive_only)
{
	bool tree = sh_has_flag(w->c, "R") || sh_has_flag(w->c, "recursive");
	struct operands o = { .c = w->c, .valued = "--from" };
	bool reference = false;
	for (u32 i = 0; i < w->c->n_args; i++)
		reference |= str_starts(w->c->args[i].text, STR("--reference"));
	if (recursive_only && !tree)
		return;
	if (!reference)
		operand_next(&o); /* owner or mode */
	for (const struct sh_word *word; (word = operand_next(&o));)
		add_word(w, EFFECT_OWN, word)->tree = tree;
}

static void outputs(struct walk *w)
{
	/* FILE operands of tee and touch, of=FILE of dd, what compilers and openssl name as their output. */
	const struct sh_command *c = w->c;
	if (sh_is(c, "tee") || sh_is(c, "touch") || sh_is(c, "truncate") || sh_is(c, "fallocate")) {
		struct operands o = { .c = c, .valued = "-s --size -l --length -d --date -r -t" };
		for (const struct sh_word *word; (word = operand_next(&o));)
			add_word(w, EFFECT_MAKE, word);
		return;
	}
	for (u32 i = 0; i < c->n_args; i++) {
		struct str t = c->args[i].text;
		if (sh_is(c, "dd") && str_starts(t, STR("of=")))
			add(w, EFFECT_MAKE, join(w->a, w->cwd, str_from(t, 3)));
		else if (lint_word_in(t, sh_is(c, "openssl") ? "-out -keyout" : sh_is(c, "keytool") ? "-keystore" : "-o") && i + 1 < c->n_args && !sh_is(c, "dd"))
			add_word(w, EFFECT_MAKE, &c->args[++i]);
	}
}

static void redirects(struct walk *w, const struct sh_node *n)
{
	for (u32 i = 0; i < n->n_redirects; i++) {
		const struct sh_redirect *r = &n->redirects[i];
		if (r->op.n && str_chr(r->op, '>') && !str_is(r->op, ">&") && !str_is(r->op, "<>") && r->target.text.n)
			add_word(w, EFFECT_MAKE, &r->target);
	}
}

/* --- package managers --- */
static bool install_word(const struct sh_command *c, const char *subs)
{
	struct operands o = { .c = c, .valued = "-o -c -t --target-release --option --config -C --prefix -w --cwd --dir -f --file -p" };
	const struct sh_word *sub = operand_next(&o);
	return sub && lint_word_in(sub->text, subs);
}

static bool env_set(struct walk *w, const char *name)
{
	const struct df_var *v = w->state ? df_state_var(w->state, str_of(name)) : NULL;
	if (v && v->value.n && !str_is(v->value, "0") && !str_is(v->value, "false") && !str_is(v->value, "off"))
		return true;
	for (u32 i = 0; w->s && i < w->s->commands.n; i++) /* NAME=1 before the command, or exported in front of it */
		for (u32 k = 0, n = w->s->commands.v[i].node == w->c->node ? w->c->node->n_assigns : 0; k < n; k++)
			if (str_is(w->c->node->assigns[k].name, name))
				return true;
	return false;
}

static void system_packages(struct walk *w)
{
	const struct sh_command *c = w->c;
	if (sh_is(c, "apt-get") || sh_is(c, "apt") || sh_is(c, "aptitude")) {
		if (install_word(c, "update"))
			cache_make(w, CACHE_APT_LISTS);
		install_files(w);
	} else if (sh_is(c, "apk")) {
		if (install_word(c, "add update upgrade") && !sh_has_flag(c, "no-cache"))
			cache_make(w, CACHE_APK);
	} else {
		enum cache_of k = sh_is(c, "yum") ? CACHE_YUM : sh_is(c, "zypper") ? CACHE_ZYPPER : CACHE_DNF;
		if (install_word(c, "clean"))
			cache_remove(w, k);
		else if (install_word(c, "install in groupinstall localinstall reinstall update upgrade makecache builddep"))
			cache_make(w, k);
		install_files(w);
	}
}

static void node_packages(struct walk *w)
{
	const struct sh_command *c = w->c;
	struct operands o = { .c = c, .valued = "-C --prefix --cwd --dir -w --filter -F" };
	const struct sh_word *sub = operand_next(&o), *next = sub ? operand_next(&o) : NULL;
	enum cache_of k = sh_is(c, "npm") ? CACHE_NPM : sh_is(c, "yarn") ? CACHE_YARN : CACHE_PNPM;
	if (sub && next && ((str_is(sub->text, "cache") && lint_word_in(next->text, "clean clear rm verify")) || (str_is(sub->text, "store") && str_is(next->text, "prune")))) {
		if (!str_is(next->text, "verify"))
			cache_remove(w, k);
	} else if (k == CACHE_YARN ? !sub || lint_word_in(sub->text, "install add global import") : sub && lint_word_in(sub->text, "install i ci add update up install-ci-test clean-install it fetch")) {
		cache_make(w, k);
	}
}

static void python_packages(struct walk *w)
{
	const struct sh_command *c = w->c;
	struct operands o = { .c = c, .valued = "-r --requirement -c --python -p --index-url -i" };
	const struct sh_word *sub = operand_next(&o), *next = sub ? operand_next(&o) : NULL;
	bool pip = str_starts(c->base, STR("pip")) && !sh_is(c, "pipenv") && !sh_is(c, "pipx");
	if (sh_is(c, "uv") && sub && str_is(sub->text, "pip"))
		sub = next;
	if (!sub)
		return;
	if (sh_is(c, "uv") && (lint_word_in(sub->text, "sync add install") || (str_is(sub->text, "tool") && next)) && !sh_has_flag(c, "no-cache") && !sh_has_flag(c, "n") && !env_set(w, "UV_NO_CACHE"))
		cache_make(w, CACHE_UV);
	else if (pip && lint_word_in(sub->text, "install wheel download") && !sh_has_flag(c, "no-cache-dir") && !env_set(w, "PIP_NO_CACHE_DIR"))
		cache_make(w, CACHE_PIP);
	else if (sh_is(c, "poetry") && lint_word_in(sub->text, "install add update sync") && !sh_has_flag(c, "no-cache") && !env_set(w, "POETRY_NO_CACHE"))
		cache_make(w, CACHE_POETRY);
	else if (sh_is(c, "pipenv") && lint_word_in(sub->text, "install sync update") && !sh_has_flag(c, "clear") && !env_set(w, "PIP_NO_CACHE_DIR"))
		cache_make(w, CACHE_PIPENV);
	else if (str_is(sub->text, "cache") && next && lint_word_in(next->text, "purge clean clear prune"))
		cache_remove(w, pip ? CACHE_PIP : sh_is(c, "uv") ? CACHE_UV : CACHE_POETRY);
}

static void language_packages(struct walk *w)
{
	const struct sh_command *c = w->c;
	if (sh_is(c, "gem") && install_word(c, "install i update"))
		cache_make(w, CACHE_GEM);
	else if (sh_is(c, "bundle") || sh_is(c, "bundler")) {
		struct operands o = { .c = c, .valued = "-j --jobs --path --without --with --retry --gemfile" };
		const struct sh_word *sub = operand_next(&o);
		if (!sub || lint_word_in(sub->text, "install update"))
			cache_make(w, CACHE_BUNDLER);
	} else if (sh_is(c, "go")) {
		if (install_word(c, "build install get mod run test vet generate") && !env_set(w, "GOFLAGS")) {
			if (!install_word(c, "mod get"))
				cache_make(w, CACHE_GO_BUILD);
			if (install_word(c, "mod get install"))
				cache_make(w, CACHE_GO_MOD);
		} else if (install_word(c, "clean")) {
			if (sh_has_flag(c, "modcache"))
				cache_remove(w, CACHE_GO_MOD);
			if (sh_has_flag(c, "cache"))
				cache_remove(w, CACHE_GO_BUILD);
		}
	} else if (sh_is(c, "cargo") && install_word(c, "build b install fetch test check run"))
		cache_make(w, CACHE_CARGO);
	else if (sh_is(c, "composer") || sh_is(c, "composer.phar")) {
		if (install_word(c, "clear-cache clearcache cc"))
			cache_remove(w, CACHE_COMPOSER);
		else if (install_word(c, "install i update u require create-project global") && !sh_has_flag(c, "no-cache") && !env_set(w, "COMPOSER_NO_CACHE"))
			cache_make(w, CACHE_COMPOSER);
	} else if (sh_is(c, "conda") || sh_is(c, "mamba") || sh_is(c, "micromamba")) {
		if (install_word(c, "clean"))
			cache_remove(w, CACHE_CONDA);
		else if (install_word(c, "install create update env"))
			cache_make(w, CACHE_CONDA);
	} else if (sh_is(c, "mvn") || sh_is(c, "mvnw"))
		cache_make(w, CACHE_MAVEN);
	else if (sh_is(c, "gradle") || sh_is(c, "gradlew"))
		cache_make(w, CACHE_GRADLE);
}

/* --- one command --- */
static void change_dir(struct walk *w)
{
	struct operands o = { .c = w->c };
	const struct sh_word *dir = operand_next(&o);
	const struct sh_node *n = w->c->node->parent;
	while (n && n->kind != SH_SUBSHELL)
		n = n->parent;
	if (n != w->scope) {
		w->outer_cwd = w->cwd;
		w->scope = n;
	}
	struct str to = !dir ? home(w) : str_is(dir->text, "-") ? w->cwd : path_of(w, dir);
	if (to.n <= LONG_PATH) /* a script of nothing but `cd $x` must not grow it at every step */
		w->cwd = to;
}

static void leave_scope(struct walk *w)
{
	if (!w->scope)
		return;
	const struct sh_node *n = w->c->node;
	while (n && n != w->scope)
		n = n->parent;
	if (!n) {
		w->cwd = w->outer_cwd;
		w->scope = NULL;
	}
}

static void touches(struct walk *w)
{
	struct operands o = { .c = w->c };
	for (const struct sh_word *word; (word = operand_next(&o));)
		if (word->text.n > 4 && word->text.p[0] == '/')
			add_word(w, EFFECT_TOUCH, word);
}

static const struct {
	const char *names;
	void (*f)(struct walk *w);
	bool harmless; /* all that it makes is known */
} commands[] = {
	{ "cd pushd", change_dir, true },
	{ "rm unlink rmdir shred", rm, true },
	{ "find", find, true },
	{ "curl", curl, true },
	{ "wget", wget, true },
	{ "git", git, false },
	{ "tar bsdtar gtar", tar, false },
	{ "unzip", unzip, false },
	{ "dpkg rpm", install_files, false },
	{ "apt-get apt aptitude apk yum dnf microdnf tdnf zypper", system_packages, false },
	{ "npm yarn yarnpkg pnpm", node_packages, false },
	{ "pip pip2 pip3 poetry pipenv uv", python_packages, false },
	{ "gem bundle bundler go cargo composer composer.phar conda mamba micromamba mvn mvnw gradle gradlew", language_packages, false },
	{ "tee touch truncate fallocate dd openssl keytool sort", outputs, true },
	{ "gcc g++ cc c++ clang clang++ ld ar", outputs, false },
	{ "echo set export true : test [ ls cat mkdir ln unset printf", NULL, true },
};

static void command(struct walk *w)
{
	struct str base = w->c->base;
	leave_scope(w);
	bool known = false, harmless = false;
	for (size_t i = 0; i < countof(commands); i++) {
		if (!lint_word_in(base, commands[i].names))
			continue;
		known = true;
		harmless = commands[i].harmless;
		if (commands[i].f)
			commands[i].f(w);
	}
	if (str_is(base, "cp") || str_is(base, "mv") || str_is(base, "install"))
		copy_or_move(w, str_is(base, "mv")), harmless = true;
	else if (str_is(base, "chown") || str_is(base, "chgrp"))
		own(w, true), harmless = true;
	else if (str_is(base, "chmod"))
		own(w, true), harmless = true;
	else if (w->c->n_args > 1 && (str_is(base, "python") || str_is(base, "python3")) && str_is(w->c->args[0].text, "-m") && lint_word_in(w->c->args[1].text, "pip pip3")) {
		struct sh_command pip = *w->c; /* python -m pip install … */
		pip.base = STR("pip");
		pip.args += 2;
		pip.n_args -= 2;
		const struct sh_command *real = w->c;
		w->c = &pip;
		python_packages(w);
		w->c = real;
		for (u32 i = w->e->n; i-- && w->e->v[i].c == &pip;)
			w->e->v[i].c = real;
	} else if (!known)
		touches(w);
	if (w->c->node->kind == SH_SIMPLE && !w->c->wrapped)
		redirects(w, w->c->node);
	w->made |= !harmless;
}

static void script(struct walk *w)
{
	struct str dir = w->state && w->state->workdir.p ? w->state->workdir : (struct str){ 0 };
	w->scope = NULL;
	w->made = false;
	w->cwd = dir.n && dir.p[0] == '/' ? clean(w->a, dir) : dir.n ? str_of(arena_printf(w->a, "./%.*s", STR_FMT(dir))) : STR(".");
	for (u32 i = 0; i < w->s->commands.n; i++) {
		w->c = &w->s->commands.v[i];
		command(w);
	}
}

/* --- COPY and ADD --- */
static void copy(struct walk *w)
{
	const struct df_instruction *in = w->in;
	if (in->n_args + in->n_heredocs < 2 && in->n_args < 2)
		return;
	struct str dir = w->state && w->state->workdir.p ? w->state->workdir : STR("."), out[2];
	struct word_options opt = { .escape = w->l->file.escape, .skip_unset = true };
	struct word_env env = w->state ? df_state_env(w->state) : (struct word_env){ 0 };
	const struct df_word *last = &in->args[in->n_args - 1];
	out[1] = last->s;
	if (str_chr(last->s, '$') && w->state)
		if (word_expand(w->a, last->s, &opt, &env, &out[1], NULL) < 0)
			return;
	struct str dest = join(w->a, dir, out[1]);
	bool into = in->n_args > 2 || (out[1].n && out[1].p[out[1].n - 1] == '/') || lint_word_in(out[1], ". ..");
	for (u32 i = 0; i + 1 < in->n_args && i < 64; i++) {
		struct str src = in->args[i].s, name = url_name(src);
		bool url = in->keyword == DF_ADD && is_url(src);
		if (!name.n || lint_word_in(name, ". .. /") || str_chr(name, '*'))
			continue;
		struct lint_effect *x = add(w, EFFECT_MAKE, into ? join(w->a, dest, name) : dest);
		x->fetched = url;
		x->tree = !str_chr(name, '.') || name.p[0] == '.';
		if (in->keyword == DF_ADD && !url && lint_is_archive(name))
			x->path = dest, x->tree = true; /* unpacked there */
	}
	add(w, EFFECT_MAKE, dest)->tree = true;
}

const struct lint_effects *lint_effects(struct lint *l)
{
	if (l->effects)
		return l->effects;
	struct lint_effects *e = arena_new(&l->file.arena, struct lint_effects);
	struct walk w = { .l = l, .a = &l->file.arena, .e = e };
	const struct lint_script *s = lint_next_run(l, NULL);
	for (const struct df_instruction *i = lint_next(l, NULL); i && e->n < LINT_EFFECTS; i = lint_next(l, i)) {
		w.in = i;
		w.state = l->graph.state ? l->graph.state[i->index] : NULL;
		w.s = NULL;
		w.c = NULL;
		if (i->keyword == DF_COPY || i->keyword == DF_ADD)
			copy(&w);
		while (s && s->in->index < i->index)
			s = lint_next_run(l, s);
		for (; s && s->in->index == i->index; s = lint_next_run(l, s)) {
			w.s = s;
			script(&w);
		}
	}
	l->effects = e;
	return e;
}

/* --- questions --- */
static bool pattern(struct str p) { return str_chr(p, '*') || str_chr(p, '?') || str_chr(p, '['); }

bool lint_effect_covers(const struct lint_effect *e, struct str path)
{
	struct str p = e->path;
	if (!pattern(p))
		return str_eq(p, path) || (e->tree && lint_below(path, p));
	/* A star behind a directory is its contents: who takes them away takes what the directory holds. */
	if (str_ends(p, STR("/*")) && !pattern(str_head(p, p.n - 2)))
		return str_eq(path, str_head(p, p.n - 2)) || (lint_below(path, str_head(p, p.n - 2)) && (e->tree || !memchr(path.p + p.n - 1, '/', path.n - MIN(path.n, p.n - 1))));
	return str_glob(p, path);
}

const struct lint_effect *lint_removed_in(const struct lint_effects *e, u32 after, u32 instruction, struct str path)
{
	for (u32 i = after; i < e->n && e->v[i].instruction <= instruction; i++)
		if (e->v[i].kind == EFFECT_REMOVE && e->v[i].instruction == instruction && lint_effect_covers(&e->v[i], path))
			return &e->v[i];
	return NULL;
}

bool lint_stage_on(const struct lint *l, u32 of, u32 stage)
{
	for (u32 steps = 0; steps < 32; steps++) {
		if (of == stage)
			return true;
		if (of == DF_NONE || of >= l->graph.n_stages)
			return false;
		of = l->graph.stages[of].base;
		if (of == DF_NONE)
			return false;
	}
	return false;
}
