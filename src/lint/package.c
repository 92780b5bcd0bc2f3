#include "lint/package.h"

/* ShellCheck, which reads for hadolint, takes these for what they run. */
static const char *const transparent[] = { "builtin", "command", "exec", NULL };

static bool seen_by_hado(const struct sh_command *c) { return !c->wrapped || (c->index && str_listed(c[-1].name, transparent)); }

bool pkg_is(const struct lint *l, const struct sh_command *c, const char *name)
{
	return pkg_hado(l) ? str_is(c->name, name) && seen_by_hado(c) : str_is(c->base, name);
}

bool pkg_is_any(const struct lint *l, const struct sh_command *c, const char *const *names)
{
	return pkg_hado(l) ? str_listed(c->name, names) && seen_by_hado(c) : str_listed(c->base, names);
}

const struct sh_word *pkg_sub(const struct lint *l, const struct sh_command *c, const char *const *names, const char *const *subs, const char *const *valued)
{
	if (!pkg_is_any(l, c, names))
		return NULL;
	if (!pkg_hado(l)) {
		const struct sh_word *w = sh_operand(c, 0, valued);
		return w && str_listed(w->text, subs) ? w : NULL;
	}
	for (u32 i = 0; i < c->n_args; i++)
		if (str_listed(c->args[i].text, subs))
			return &c->args[i];
	return NULL;
}

/* --- what a word says --- */
struct spell {
	const struct lint *l;
	const struct df_state *state;
	struct pkg_word *p;
	size_t n;
	bool known;    /* some of it */
	bool resolved; /* a variable was put in */
};

static void put(struct spell *w, struct str s)
{
	size_t n = MIN(s.n, sizeof w->p->buf - w->n);
	if (n)
		memcpy(w->p->buf + w->n, s.p, n);
	w->n += n;
}

static void spell_parts(struct spell *w, const struct sh_part *parts, u32 n);

static void spell_param(struct spell *w, const struct sh_part *part)
{
	bool plain = part->op.n == 0, fallback = str_is(part->op, ":-") || str_is(part->op, "-");
	if (!pkg_hado(w->l) && !part->index.p && (plain || fallback)) {
		const struct df_var *v = w->state ? df_state_var(w->state, part->name) : NULL;
		if (v && v->known && v->value.p) {
			put(w, v->value);
			w->known = w->resolved = true;
			return;
		}
		if (fallback && part->n_parts) {
			spell_parts(w, part->parts, part->n_parts);
			return;
		}
	}
	put(w, STR("${"));
	put(w, part->name);
	put(w, STR("}"));
	w->p->open = true;
}

static void spell_parts(struct spell *w, const struct sh_part *parts, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		const struct sh_part *part = &parts[i];
		switch (part->kind) {
		case SH_DOUBLE:
		case SH_DOLLAR_DOUBLE:
			spell_parts(w, part->parts, part->n_parts);
			break;
		case SH_PARAM:
			spell_param(w, part);
			break;
		case SH_COMMAND:
		case SH_ARITHMETIC:
		case SH_PROCESS:
			put(w, STR("${VAR}"));
			w->p->open = true;
			break;
		case SH_BRACE:
			if (pkg_hado(w->l))
				break;
			/* fall through */
		default:
			put(w, part->text);
			w->known |= part->text.n > 0;
		}
	}
}

static void spell(const struct lint *l, const struct lint_script *s, struct pkg_word *p)
{
	const struct sh_word *w = p->word;
	p->open = p->whole = false;
	p->text = w->text;
	p->more = (struct str){ 0 };
	if (w->literal)
		return;
	struct spell x = { .l = l, .state = l->graph.state ? l->graph.state[s->outer->index] : NULL, .p = p };
	spell_parts(&x, w->parts, w->n_parts);
	p->text = str_n(p->buf, x.n);
	p->whole = p->open && !x.known;
	if (x.resolved && !w->quoted)
		p->more = p->text; /* the shell splits it */
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* The next of the words that the shell makes of one; options among them are passed over. */
static bool cut_word(struct pkg_word *p)
{
	do {
		size_t at = 0, n = 0;
		while (at < p->more.n && blank(p->more.p[at]))
			at++;
		while (at + n < p->more.n && !blank(p->more.p[at + n]))
			n++;
		p->text = str_n(p->more.p + at, n);
		p->more = str_from(p->more, at + n);
	} while (p->text.n && p->text.p[0] == '-');
	return p->text.n > 0;
}

static bool takes_value(struct str flag, const char *const *names, bool anywhere)
{
	bool is_long = flag.p[1] == '-';
	if (is_long && str_chr(flag, '='))
		return false;
	for (; names && *names; names++) {
		struct str key = str_of(*names);
		if (str_eq(str_from(flag, is_long ? 2 : 1), key))
			return true;
		if (!is_long && key.n == 1 && (anywhere ? memchr(flag.p + 1, key.p[0], flag.n - 1) != NULL : flag.p[flag.n - 1] == key.p[0]))
			return true;
	}
	return false;
}

bool pkg_next(const struct lint *l, const struct lint_script *s, const struct sh_command *c, const struct sh_word *sub, const char *const *valued,
              const char *const *dropped, struct pkg_word *p)
{
	bool hado = pkg_hado(l);
	u32 from = sub ? (u32)(sub - c->args) + 1 : 0;
	if (p->more.n && cut_word(p))
		return true;
	for (; p->i < c->n_args; p->i++) {
		struct str a = c->args[p->i].text;
		bool value = p->value, flag = a.n > 1 && a.p[0] == '-' && !str_is(a, "--") && !p->operands;
		p->value = false;
		if (value && (!hado || !flag))
			continue;
		if (flag) {
			p->value = takes_value(a, hado ? dropped : valued, hado);
		} else if (str_is(a, "--")) {
			p->operands = !hado;
		} else if (p->i >= from && a.n && !str_is(a, "-")) {
			p->word = &c->args[p->i++];
			spell(l, s, p);
			if (!p->more.n || cut_word(p))
				return true;
			p->i--; /* the variable holds none */
		}
	}
	return false;
}

bool pkg_may_hold(const struct lint *l, const struct lint_script *s, const struct sh_command *c, const char *const *options)
{
	for (u32 i = 0; i < c->n_args; i++) {
		struct pkg_word p = { .word = &c->args[i] };
		if (c->args[i].literal || c->args[i].quoted)
			continue;
		spell(l, s, &p);
		if (p.whole && (str_contains(p.text, STR("OPT")) || str_contains(p.text, STR("FLAG")) || str_contains(p.text, STR("ARG")) || str_contains(p.text, STR("opt")) || str_contains(p.text, STR("flag")) || str_contains(p.text, STR("arg"))))
			return true;
		for (struct str rest = p.text; rest.p;)
			if (str_listed(str_cut(&rest, ' '), options))
				return true;
	}
	return false;
}

/* --- speaking --- */
#define PKG_EDITS 32 /* of one fix; what is left is for the next round */

bool pkg_say(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, const struct sh_word *w, const char *message, ...)
{
	if (pkg_hado(l) && y->d && y->in == s->outer)
		return false;
	char text[512];
	va_list ap;
	va_start(ap, message);
	vsnprintf(text, sizeof text, message, ap);
	va_end(ap);
	y->d = w ? lint_add_word(l, s, w, "%s", text) : lint_add_cmd(l, s, c, "%s", text);
	y->in = s->outer;
	y->edits = 0;
	return true;
}

void pkg_fix(struct lint *l, struct pkg_say *y, enum fix_safety safety, const char *title, struct df_span where, struct str with)
{
	if (y->edits >= PKG_EDITS)
		return;
	if (y->edits++)
		lint_fix_add(l, y->d, where, with);
	else
		lint_fix(l, y->d, safety, title, where, with);
}

void pkg_fix_option(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_word *behind, enum fix_safety safety, const char *title, const char *option)
{
	char text[64];
	struct df_span at = lint_span(s, behind->at, behind->end);
	int n = snprintf(text, sizeof text, " %s", option);
	pkg_fix(l, y, safety, title, (struct df_span){ at.end, at.end }, str_n(text, (size_t)n));
}

/* How the script joins its last two commands (`&&` on the same line, or on the next), for one more; ` && ` where that cannot be told. */
static struct str joint(const struct lint *l, const struct lint_script *s, const struct sh_node *last, char *buf, size_t size)
{
	const struct sh_node *before = last->kind == SH_ANDOR ? last->child : NULL;
	while (before && before->next && before->next->next)
		before = before->next;
	if (!before || !before->next || before->next->op != SH_OP_AND)
		return STR(" && ");
	u32 at = lint_span(s, before->at, before->end).end, end = lint_span(s, before->next->at, before->next->end).at;
	size_t n = 0;
	for (u32 i = at; i < end; i++) {
		char c = l->file.text.p[i];
		if (c == '\r')
			continue;
		if ((c != ' ' && c != '\t' && c != '\n' && c != '&' && c != l->file.escape) || n + 1 >= size)
			return STR(" && ");
		buf[n++] = c;
	}
	return n ? str_n(buf, n) : STR(" && ");
}

/* The last command that the script runs; NULL where nothing can follow it. */
static const struct sh_node *last_command(const struct lint_script *s)
{
	static const char *const enders[] = { "exec", "exit", "return", NULL };
	const struct sh_node *n = s->tree.root;
	if (!n || s->tree.n_errors || s->json || !s->posix)
		return NULL;
	while (n->kind == SH_LIST && n->child) {
		n = n->child;
		while (n->next)
			n = n->next;
	}
	const struct sh_node *end = n;
	while (end->kind == SH_ANDOR && end->child) {
		end = end->child;
		while (end->next)
			end = end->next;
	}
	if (end->kind == SH_SIMPLE && (!end->n_words || str_listed(end->words[0].text, enders)))
		return NULL;
	struct str text = s->text.s, own = str_n(text.p + n->at, MIN((size_t)n->end, text.n) - n->at), rest = str_trim(str_from(text, n->end));
	if (str_contains(own, STR("<<")) || (rest.n && rest.p[0] != ';' && rest.p[0] != '#'))
		return NULL;
	return n;
}

static const char *const as_root[] = { "sudo", "doas", NULL };

void pkg_fix_append(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *like, enum fix_safety safety, const char *title, const char *command)
{
	const struct sh_node *last = last_command(s);
	if (!last || y->edits)
		return;
	char join[160], text[400];
	const char *sudo = like->wrapped && like->index && str_listed(like[-1].base, as_root) ? (str_is(like[-1].base, "doas") ? "doas " : "sudo ") : "";
	struct str j = joint(l, s, last, join, sizeof join);
	int n = snprintf(text, sizeof text, "%.*s%s%s", STR_FMT(j), sudo, command);
	if (n < 0 || (size_t)n >= sizeof text)
		return;
	u32 at = lint_span(s, last->at, last->end).end;
	pkg_fix(l, y, safety, title, (struct df_span){ at, at }, str_n(text, (size_t)n));
}

/* --- unpinned packages --- */
void pkg_unpinned_in(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, const struct sh_word *sub, const struct pkg_pin *pin)
{
	const struct sh_word *first = NULL;
	char name[128] = "";
	u32 more = 0;
	for (struct pkg_word p = { 0 }; pkg_next(l, s, c, sub, pin->valued, pin->dropped, &p);) {
		if ((!pkg_hado(l) && p.whole) || str_listed(p.text, pin->subs) || pin->pinned(l, p.text))
			continue;
		more += first != NULL;
		if (!first) {
			first = p.word;
			snprintf(name, sizeof name, "%.*s", (int)MIN(p.text.n, sizeof name - 1), p.text.p);
		}
	}
	if (!first)
		return;
	if (more)
		pkg_say(l, y, s, c, first, "%s and %u more are installed in whatever version is newest: pin them (%s)", name, more, pin->how);
	else
		pkg_say(l, y, s, c, first, "%s is installed in whatever version is newest: pin it (%s)", name, pin->how);
}

void pkg_unpinned(struct lint *l, const struct pkg_pin *pin)
{
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_sub(l, c, pin->names, pin->subs, pin->valued);
		if (sub && (pkg_hado(l) || !pin->silent || !pin->silent(l, s, c)))
			pkg_unpinned_in(l, &y, s, c, pkg_hado(l) ? NULL : sub, pin);
	}
}

/* --- commands that would ask --- */
bool pkg_fed(const struct sh_command *c)
{
	bool last;
	const struct sh_node *p = sh_pipeline_of(c, &last);
	if (p) {
		const struct sh_node *first = p->child;
		bool head = false;
		for (const struct sh_node *n = c->node; n && n != p; n = n->parent)
			head |= n == first;
		if (!head)
			return true;
	}
	return sh_redirect_of(c->node, '<') != NULL;
}

const char *const pkg_yes_words[] = { "-y", "-yq", "-yqq", "-qy", "-qqy", "-qq", "-yf", "-fy", "--yes", "--assume-yes", "--assumeyes", "-n", "--non-interactive", NULL };

void pkg_asks(struct lint *l, const struct pkg_yes *yes)
{
	struct pkg_say y = { 0 };
	bool hado = pkg_hado(l);
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_sub(l, c, yes->names, hado ? yes->hado_subs : yes->subs, yes->valued);
		if (!sub)
			continue;
		bool answered = false;
		for (const char *const *f = yes->flags; *f && !answered; f++)
			answered = hado ? sh_hado_has_flag(c, *f) : sh_has_flag(c, *f);
		if (answered || (!hado && (pkg_fed(c) || pkg_may_hold(l, s, c, pkg_yes_words) || (yes->silent && yes->silent(l, s, c)))))
			continue;
		pkg_say(l, &y, s, c, NULL, "`%.*s %.*s` asks before it acts, and nobody answers in a build: add %s", STR_FMT(str_head(c->base, 40)), STR_FMT(str_head(sub->text, 40)), yes->option);
		pkg_fix_option(l, &y, s, yes->global ? c->word : sub, FIX_SAFE, "Answer yes to the questions", yes->option);
	}
}

/* --- what is removed --- */
static struct str home(struct str t, char *buf, size_t size)
{
	static const char *const names[] = { "~/", "$HOME/", "${HOME}/", NULL };
	for (const char *const *n = names; *n; n++) {
		if (str_starts(t, str_of(*n))) {
			struct str rest = str_from(t, strlen(*n));
			int k = snprintf(buf, size, "/root/%.*s", STR_FMT(rest));
			return k > 0 && (size_t)k < size ? str_n(buf, (size_t)k) : t;
		}
	}
	return t;
}

static bool covers(struct str t, struct str path)
{
	while (t.n > 1 && (t.p[t.n - 1] == '*' || t.p[t.n - 1] == '/'))
		t.n--;
	if (t.n <= 1)
		return false;
	if (str_starts(path, t) && (path.n == t.n || path.p[t.n] == '/'))
		return true;
	/* `path/something*` */
	return t.n > path.n && str_starts(t, path) && t.p[path.n] == '/' && memchr(t.p + path.n, '*', t.n - path.n) && !memchr(t.p + path.n + 1, '/', t.n - path.n - 1);
}

/* `a{b,c}d` is `abd` or `acd`: whether one of them covers the path. Few braces, few alternatives: nobody writes more. */
static bool covers_braces(struct str t, struct str path, u32 depth)
{
	const char *open = str_chr(t, '{'), *close = open ? memchr(open, '}', (size_t)(t.p + t.n - open)) : NULL;
	if (!close || depth > 2 || t.n > 200)
		return covers(t, path);
	struct str head = str_n(t.p, (size_t)(open - t.p)), tail = str_n(close + 1, (size_t)(t.p + t.n - close - 1)), rest = str_n(open + 1, (size_t)(close - open - 1));
	for (u32 k = 0; rest.p && k < 16; k++) {
		char buf[256];
		struct str one = str_cut(&rest, ',');
		int n = snprintf(buf, sizeof buf, "%.*s%.*s%.*s", STR_FMT(head), STR_FMT(one), STR_FMT(tail));
		if (n > 0 && (size_t)n < sizeof buf && covers_braces(str_n(buf, (size_t)n), path, depth + 1))
			return true;
	}
	return false;
}

bool pkg_removes(const struct sh_command *c, struct str path)
{
	bool find = sh_is(c, "find");
	if (!sh_is(c, "rm") && !(find && (sh_has_arg(c, "-delete") || sh_has_arg(c, "rm"))))
		return false;
	for (u32 i = 0; i < c->n_args; i++) {
		struct str t = c->args[i].text;
		char buf[256];
		if (t.n && t.p[0] == '-') {
			if (find)
				break;
			continue;
		}
		if (covers_braces(home(t, buf, sizeof buf), path, 0))
			return true;
	}
	return false;
}

bool pkg_cleans_by_name(const struct sh_command *c)
{
	static const char *const managers[] = { "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper", "yarn", "npm", "pip", NULL };
	return (str_contains(c->base, STR("clean")) || str_contains(c->base, STR("purge"))) && !str_listed(c->base, managers);
}

bool pkg_mounts(const struct lint_script *s, const char *fragment)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(s->in, "mount", f));) {
		struct str rest = f->value, type = { 0 }, target = { 0 };
		while (rest.p) {
			struct str value = str_cut(&rest, ','), key = str_cut(&value, '=');
			if (str_ieq(key, STR("type")))
				type = value;
			else if (str_ieq(key, STR("target")) || str_ieq(key, STR("dst")) || str_ieq(key, STR("destination")))
				target = value;
		}
		if (target.n && (str_is(type, "cache") || str_is(type, "tmpfs")) && str_contains(target, str_of(fragment)))
			return true;
	}
	return false;
}

/* --- stages --- */
u8 *pkg_bases(const struct lint *l)
{
	const struct df_graph *g = &l->graph;
	u8 *bases = xcalloc(g->n_stages + 1, 1);
	for (u32 i = 0; i < g->n_stages; i++)
		if (g->stages[i].base != DF_NONE)
			bases[g->stages[i].base] = 1;
	return bases;
}

/* hadolint: the last FROM line, lines that read the same, and stages that another FROM names. ONBUILD it judges without any FROM. */
static bool counts_for_hado(const struct lint *l, const struct lint_script *s, const u8 *bases)
{
	const struct df_graph *g = &l->graph;
	if (s->outer->keyword == DF_ONBUILD)
		return true;
	if (s->stage == DF_NONE || !g->n_stages)
		return g->n_stages == 0;
	const struct df_stage *own = &g->stages[s->stage], *last = &g->stages[g->n_stages - 1];
	if (own == last)
		return true;
	if (own->from == DF_NONE || last->from == DF_NONE)
		return false;
	if (str_eq(own->image, last->image) && str_eq(own->name, last->name) && str_eq(own->platform, last->platform))
		return true;
	return own->name.p && bases[s->stage];
}

bool pkg_stays(const struct lint *l, const struct lint_script *s, const u8 *bases) { return pkg_hado(l) ? counts_for_hado(l, s, bases) : lint_ships(l, s->outer); }

bool pkg_in_chain(const struct lint *l, u32 stage, u32 base)
{
	for (u32 hops = 0; stage != DF_NONE && hops < 64; hops++, stage = l->graph.stages[stage].base)
		if (stage == base)
			return true;
	return stage == base;
}

static void look_for(const struct lint *l, struct pkg_mention *m)
{
	struct str text = str_of(m->text);
	m->known = true;
	if (!str_contains(l->file.text, text)) /* what a continuation cuts in two is not looked for */
		return;
	for (u32 i = 0; i < l->file.n_instructions && m->n < countof(m->at); i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		bool found = str_contains(in->text.s, text);
		for (u32 k = 0; k < in->n_heredocs && !found; k++)
			found = str_contains(in->heredocs[k].content, text);
		if (found && !(m->n && l->graph.stage_of[m->at[m->n - 1]] == l->graph.stage_of[i]))
			m->at[m->n++] = i;
	}
}

bool pkg_mentioned(const struct lint *l, const struct lint_script *s, struct pkg_mention *m)
{
	if (!m->known)
		look_for(l, m);
	for (u32 i = 0; i < m->n; i++)
		if (m->at[i] <= s->outer->index && (l->graph.stage_of[m->at[i]] == DF_NONE || pkg_in_chain(l, s->stage, l->graph.stage_of[m->at[i]])))
			return true;
	return false;
}

struct str pkg_env(const struct lint *l, const struct lint_script *s, const char *name)
{
	const struct df_state *state = l->graph.state ? l->graph.state[s->outer->index] : NULL;
	const struct df_var *v = state ? df_state_var(state, str_of(name)) : NULL;
	return v && v->known ? v->value : (struct str){ 0 };
}
