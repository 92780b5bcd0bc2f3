/* Bytes that ship although nobody will look at them: what a later instruction deletes, archives and sources that were unpacked, build tools, layers that are copied
 * for the sake of an owner. All of them ask lint/effect.h; in stages that don't ship nothing here is a fault. */
#include "base/buf.h"
#include "lint/bytes.h"
#include "lint/effect.h"

#define SHOWN 3 /* paths that a message names */

static bool ships(const struct lint *l, const struct lint_effect *e) { return lint_ships(l, e->in); }

/* --- deleted in a later instruction --- */
/* The effect that made what `r` removes, in an earlier instruction; NULL. */
static const struct lint_effect *made_before(const struct lint *l, const struct lint_effects *e, u32 r)
{
	const struct lint_effect *x = &e->v[r];
	bool own_cache = false; /* cleaning up after itself */
	for (u32 k = r; k-- > 0;) {
		const struct lint_effect *m = &e->v[k];
		own_cache |= m->instruction == x->instruction && m->cache && lint_effect_covers(x, m->path);
		if (own_cache && m->cache)
			continue;
		if (m->instruction == x->instruction && m->kind == EFFECT_MAKE && !m->cache && x->first && m->path.n > 1 && (lint_effect_covers(x, m->path) || (m->tree && lint_below(x->path, m->path))))
			return NULL; /* of its own making, or it cannot be told */
		if (m->instruction >= x->instruction || m->kind == EFFECT_UNPACK || m->kind == EFFECT_OWN || !ships(l, m) || !lint_stage_on(l, x->stage, m->stage))
			continue;
		if (m->kind == EFFECT_REMOVE && lint_effect_covers(m, x->path))
			return NULL; /* gone already */
		if (m->kind != EFFECT_MAKE && m->kind != EFFECT_TOUCH)
			continue;
		bool named = m->kind == EFFECT_TOUCH; /* to a program: it may have made what is below, but a home is everybody's */
		if (named && (lint_below(m->path, STR("/home")) || lint_below(m->path, STR("/root")) || str_contains(x->path, STR("/.cache"))))
			continue;
		bool whole = !named && lint_effect_covers(x, m->path), part = (m->tree || (named && x->path.n > m->path.n)) && x->first && m->path.n > 1 && lint_below(x->path, m->path);
		if ((whole || part) && !lint_removed_in(e, k, m->instruction, m->path) && !(m->s && lint_mounted(m->s, m->path)))
			return m;
	}
	return NULL;
}

static void deleted_later(struct lint *l)
{
	const struct lint_effects *e = lint_effects(l);
	for (u32 i = 0; i < e->n;) {
		u32 at = e->v[i].instruction, n = 0, end = i, lines[SHOWN] = { 0 };
		const struct lint_effect *shown[SHOWN] = { NULL };
		bool moved = false;
		u64 estimate = 0;
		for (; end < e->n && e->v[end].instruction == at; end++) {
			const struct lint_effect *x = &e->v[end], *m;
			if (x->kind != EFFECT_REMOVE || !ships(l, x) || !(m = made_before(l, e, end)) || (x->s && lint_mounted(x->s, x->path)))
				continue;
			if (n < SHOWN)
				shown[n] = x, lines[n] = m->in->line;
			moved = x->moved;
			estimate += m->cache ? cache_infos[m->cache].typical * (u64)1000000 : 0;
			n++;
		}
		i = end;
		if (!n)
			continue;
		struct buf b = BUF(0);
		for (u32 k = 0; k < MIN(n, (u32)SHOWN); k++)
			buf_printf(&b, "%s%.*s (line %u)", k ? ", " : "", STR_FMT(str_head(shown[k]->path, 120)), lines[k]);
		struct diagnostic *d = lint_add_cmd(l, shown[0]->s, shown[0]->c, "%s%s %s by another instruction: the image still holds %s", b.p, n > SHOWN ? ", …" : "",
						    n > 1 ? "were written" : "was written", moved && n == 1 ? "it a second time" : n > 1 ? "them" : "it");
		lint_estimate(l, d, estimate, shown[0]->path);
		buf_free(&b);
	}
}

/* --- archives --- */
static bool used_up(const struct lint_effects *e, u32 at, const struct lint *l, bool *later)
{
	const struct lint_effect *m = &e->v[at];
	for (u32 k = at + 1; k < e->n; k++) {
		const struct lint_effect *u = &e->v[k];
		if (u->kind == EFFECT_UNPACK && lint_stage_on(l, u->stage, m->stage) && (str_eq(u->path, m->path) || (str_chr(u->path, '*') && str_glob(u->path, m->path)))) {
			*later = u->instruction != m->instruction;
			return true;
		}
	}
	return false;
}

static bool removed_anywhere(const struct lint_effects *e, u32 at)
{
	for (u32 k = at + 1; k < e->n; k++)
		if (e->v[k].kind == EFFECT_REMOVE && lint_effect_covers(&e->v[k], e->v[at].path))
			return true;
	return false;
}

/* ` && rm -f FILE` behind the command that unpacks, where that command stands in a list of && that is not nested in anything. */
static void remove_after(struct lint *l, struct diagnostic *d, const struct lint_effects *e, u32 at)
{
	for (u32 k = at + 1; k < e->n && e->v[k].instruction == e->v[at].instruction; k++) {
		const struct lint_effect *u = &e->v[k];
		if (u->kind != EFFECT_UNPACK || !str_eq(u->path, e->v[at].path) || u->path.p[0] != '/' || u->c->wrapped)
			continue;
		const struct sh_node *n = u->c->node, *p = n->parent;
		for (size_t c = 0; c < u->path.n; c++)
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+", u->path.p[c]))
				return;
		if (p && !(p->kind == SH_ANDOR && !p->parent))
			return;
		for (const struct sh_node *x = p ? p->child : NULL; x; x = x->next)
			if (x->op == SH_OP_OR)
				return;
		u32 end = lint_span(u->s, n->at, n->end).end;
		lint_fix(l, d, FIX_SUGGESTED, "Remove the archive in the same instruction", (struct df_span){ end, end }, str_of(arena_printf(l->arena, " && rm -f %.*s", STR_FMT(u->path))));
		return;
	}
}

static void archives(struct lint *l)
{
	enum { KEPT, COPIED };
	const struct lint_rule *group = l->rule;
	const struct lint_effects *e = lint_effects(l);
	for (u32 i = 0; i < e->n; i++) {
		const struct lint_effect *m = &e->v[i];
		bool later = false;
		if (m->kind != EFFECT_MAKE || !lint_is_archive(m->path) || m->cache || !ships(l, m) || (i && str_eq(m->path, e->v[i - 1].path) && m->instruction == e->v[i - 1].instruction))
			continue;
		bool fetched = m->fetched || m->s;
		if (!used_up(e, i, l, &later) || lint_removed_in(e, i, m->instruction, m->path) || (m->s && lint_mounted(m->s, m->path)))
			continue;
		l->rule = group + (fetched ? KEPT : COPIED);
		if (fetched && removed_anywhere(e, i))
			continue; /* deleted-later says so */
		struct diagnostic *d;
		if (m->s) {
			d = lint_add_cmd(l, m->s, m->c, "%.*s is unpacked %sbut stays in the image", STR_FMT(str_head(m->path, 200)), later ? "by another instruction " : "");
			lint_estimate(l, d, 0, m->path);
			remove_after(l, d, e, i);
		} else {
			d = lint_add(l, m->in, fetched ? "ADD keeps the archive %.*s in a layer of its own; a RUN only unpacks it" : "%.*s is copied into a layer of its own only to be unpacked by a RUN", STR_FMT(str_head(m->path, 200)));
			lint_estimate(l, d, 0, m->path);
		}
	}
}

/* --- sources --- */
static const struct sh_command *builds_in(const struct lint_script *s, u32 from)
{
	for (u32 i = from; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		if (sh_is_sub(c, "make", "install") || sh_is_sub(c, "ninja", "install") || (sh_is(c, "cmake") && sh_has_flag(c, "install")) || (sh_is(c, "make") && sh_has_flag(c, "C") && sh_operand(c, 0, NULL) && str_is(sh_operand(c, 0, NULL)->text, "install")) ||
		    (str_ends(c->base, STR("python3")) && c->n_args > 1 && str_is(c->args[0].text, "setup.py") && str_is(c->args[1].text, "install")))
			return c;
	}
	return NULL;
}

static void sources_kept(struct lint *l)
{
	const struct lint_effects *e = lint_effects(l);
	for (u32 i = 0; i < e->n; i++) {
		const struct lint_effect *m = &e->v[i];
		if (m->kind != EFFECT_MAKE || !m->unpacked || !m->s || !ships(l, m) || m->path.n < 2 || str_is(m->path, "/usr/local") || str_is(m->path, "./") || str_is(m->path, "."))
			continue;
		u32 from = (u32)(m->c - m->s->commands.v) + 1;
		if (m->c < m->s->commands.v || from > m->s->commands.n || !builds_in(m->s, from))
			continue;
		/* Removing the directory, or what was unpacked into it, is fine: `rm -rf foo-1.0` in the directory where tar ran. */
		bool removed = false;
		for (u32 k = i + 1; k < e->n && e->v[k].instruction == m->instruction && !removed; k++)
			removed = e->v[k].kind == EFFECT_REMOVE && !e->v[k].moved && (lint_effect_covers(&e->v[k], m->path) || (e->v[k].tree && lint_below(e->v[k].path, m->path)));
		if (removed || lint_mounted(m->s, m->path))
			continue;
		lint_estimate(l, lint_add_cmd(l, m->s, m->c, "the sources in %.*s stay in the image after they are installed", STR_FMT(str_head(m->path, 200))), 0, m->path);
		while (i + 1 < e->n && e->v[i + 1].instruction == m->instruction && !e->v[i + 1].unpacked)
			i++;
	}
}

/* --- build tools --- */
static u32 tool_size(struct str p) /* MB with what it depends on; 0: none */
{
	static const struct { const char *name; u32 mb; } tools[] = {
		{ "build-essential", 250 }, { "build-base", 200 }, { "gcc", 150 }, { "g++", 200 }, { "gcc-c++", 150 }, { "make", 2 }, { "cmake", 60 }, { "clang", 400 }, { "automake", 10 }, { "autoconf", 5 }, { "libtool", 5 },
		{ "alpine-sdk", 250 }, { "base-devel", 250 }, { "gfortran", 80 }, { "ninja-build", 1 }, { "meson", 10 }, { "golang", 400 }, { "golang-go", 400 }, { "cargo", 300 }, { "rustc", 300 }, { "bison", 3 }, { "flex", 2 },
		{ "nasm", 3 }, { "yasm", 3 }, { "musl-dev", 10 }, { "linux-headers", 8 }, { "default-jdk", 400 }, { "default-jdk-headless", 350 }, { "maven", 60 }, { "gradle", 120 }, { "dpkg-dev", 20 }, { "patch", 1 }, { "swig", 6 },
		{ "python3-dev", 50 }, { "python-dev", 50 }, { "libc6-dev", 15 }, { "gcc-multilib", 200 }, { "kernel-headers", 8 }, { "kernel-devel", 60 }, { "groupinstall", 0 }, { "rpm-build", 20 }, { "binutils", 30 },
	};
	const char *eq = str_chr(p, '=');
	if (eq)
		p.n = (size_t)(eq - p.p);
	for (size_t i = 0; i < countof(tools); i++)
		if (str_is(p, tools[i].name))
			return tools[i].mb;
	if (str_starts(p, STR("openjdk-")) && (str_ends(p, STR("-jdk")) || str_ends(p, STR("-jdk-headless"))))
		return 350;
	if ((str_starts(p, STR("gcc-")) || str_starts(p, STR("g++-")) || str_starts(p, STR("clang-"))) && p.n > 4 && p.p[p.n - 1] >= '0' && p.p[p.n - 1] <= '9')
		return 150;
	if (str_starts(p, STR("java-")) && str_ends(p, STR("-devel")))
		return 350;
	return str_ends(p, STR("-dev")) || str_ends(p, STR("-devel")) || str_ends(p, STR("-headers")) ? 5 : 0;
}

static bool installs(const struct sh_command *c)
{
	static const char *const managers[] = { "apt-get", "apt", "aptitude", "yum", "dnf", "microdnf", "tdnf", "zypper" };
	for (size_t i = 0; i < countof(managers); i++)
		if (sh_is(c, managers[i])) {
			struct operands o = { .c = c, .valued = "-o -c -t --target-release --option" };
			const struct sh_word *sub = operand_next(&o);
			return sub && lint_word_in(sub->text, "install in");
		}
	return sh_is_sub(c, "apk", "add");
}

static bool uninstalls(const struct sh_command *c)
{
	static const char *const managers[] = { "apt-get", "apt", "aptitude", "yum", "dnf", "microdnf", "zypper", "apk", "dpkg" };
	for (size_t i = 0; i < countof(managers); i++)
		if (sh_is(c, managers[i])) {
			for (u32 k = 0; k < c->n_args; k++)
				if (lint_word_in(c->args[k].text, "remove purge autoremove erase rm del --purge -P -r --auto-remove"))
					return !(sh_is(c, "apt-get") && str_is(c->args[k].text, "--auto-remove"));
			return false;
		}
	return false;
}

static bool has_operand(const struct sh_command *c, struct str name)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (str_eq(c->args[i].text, name))
			return true;
	return false;
}

/* Whether a package, or the group that apk installed it under, goes again in the commands (from, end) of a script; *any: something goes. */
static bool goes(const struct lint_script *s, u32 from, const struct sh_command *install, struct str name)
{
	struct str group = sh_flag_value(install, "t").p ? sh_flag_value(install, "t") : sh_flag_value(install, "virtual");
	for (u32 i = from; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		if (!uninstalls(c))
			continue;
		if (has_operand(c, name) || (group.p && has_operand(c, group)))
			return true;
		for (u32 k = 0; k < c->n_args; k++) /* $BUILD_DEPS, $(cat …), a pattern: what goes is not known, so nothing is said */
			if (!c->args[k].literal)
				return true;
	}
	return false;
}

static void build_tools(struct lint *l)
{
	enum { KEPT };
	u32 budget = 200000; /* packages times commands */
	lint_each_command(l, s, c) {
		if (!lint_ships(l, s->in) || !installs(c) || s->outer != s->in)
			continue;
		struct buf b = BUF(0);
		struct str first = { 0 };
		u32 n = 0, largest = 0, from = (u32)(c - s->commands.v) + 1;
		struct operands o = { .c = c, .valued = "-o -c -t --target-release --option --virtual" };
		operand_next(&o);
		for (const struct sh_word *w; (w = operand_next(&o));) {
			u32 mb = tool_size(w->text);
			if (!mb || budget < s->commands.n)
				continue;
			budget -= s->commands.n;
			if (goes(s, from, c, w->text))
				continue;
			if (n < 4)
				buf_printf(&b, "%s%.*s", n ? ", " : "", STR_FMT(str_head(w->text, 60)));
			first = n ? first : w->text;
			largest = MAX(largest, mb);
			n++;
		}
		if (n) {
			struct diagnostic *d = lint_add_cmd(l, s, c, "%s%s %s in the image that ships", b.p, n > 4 ? ", …" : "", n == 1 ? "is only needed to build, and stays" : "are only needed to build, and stay");
			lint_estimate(l, d, largest >= 20 ? largest * (u64)1000000 : 0, (struct str){ 0 });
		}
		buf_free(&b);
	}
}

/* --- chown -R --- */
static bool numeric(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == ':'))
			return false;
	return s.n > 0;
}

/* COPY --chown, where the owner is a number (a name must be known to the image by then) and the command is a RUN of its own. */
static void own_by_copy(struct lint *l, struct diagnostic *d, const struct lint_effect *x, const struct lint_effect *m)
{
	bool chmod = sh_is(x->c, "chmod");
	struct operands o = { .c = x->c };
	const struct sh_word *who = operand_next(&o), *what = who ? operand_next(&o) : NULL;
	if (m->s || chmod || !sh_is(x->c, "chown") || !who || !what || operand_next(&o) || !numeric(who->text) || !str_eq(x->path, m->path))
		return;
	if (x->s->tree.root != x->c->node || x->s->heredoc || x->in != x->s->outer || df_flag(m->in, "chown") || m->instruction + 1 != x->instruction || m->in->word.span.end == 0)
		return;
	u32 after = m->in->word.span.end;
	lint_fix(l, d, FIX_SUGGESTED, "Set the owner where the files are copied", (struct df_span){ after, after }, str_of(arena_printf(l->arena, " --chown=%.*s", STR_FMT(who->text))));
	/* the RUN goes with its line */
	struct df_span gone = { x->in->span.at, x->in->span.end };
	const struct df_file *f = &l->file;
	while (gone.end < f->text.n && f->text.p[gone.end] != '\n')
		gone.end++;
	if (gone.end < f->text.n)
		gone.end++;
	if (gone.at == f->lines[x->in->line - 1] && gone.end < f->text.n)
		lint_fix_add(l, d, gone, str_n("", 0));
	else
		d->fix = NULL;
}

/* Whether the script itself makes the directory: then it is hardly one that was there. */
static bool made_here(const struct lint_effect *x)
{
	const struct sh_word *path = &x->c->args[x->c->n_args - 1];
	for (const struct sh_command *c = x->s->commands.v; c < x->c; c++)
		if (sh_is(c, "mkdir") || sh_is(c, "install"))
			for (u32 k = 0; k < c->n_args && k < 64; k++)
				if (str_eq(c->args[k].text, path->text) || str_eq(c->args[k].text, x->path))
					return true;
	return false;
}

static void owner_copies(struct lint *l)
{
	const struct lint_effects *e = lint_effects(l);
	for (u32 i = 0; i < e->n; i++) {
		const struct lint_effect *x = &e->v[i], *found = NULL;
		if (x->kind != EFFECT_OWN || !ships(l, x) || !x->s || x->path.n < 2)
			continue;
		bool fresh = lint_below(x->path, STR("/run")) || lint_below(x->path, STR("/var/run")) || made_here(x);
		for (u32 k = i; k-- > 0 && !found;) {
			const struct lint_effect *m = &e->v[k];
			if (m->instruction >= x->instruction || (m->kind == EFFECT_TOUCH && fresh) || (m->kind != EFFECT_MAKE && m->kind != EFFECT_TOUCH) || m->cache || !lint_stage_on(l, x->stage, m->stage))
				continue;
			if (m->path.n > 1 && (lint_below(x->path, m->path) || lint_effect_covers(x, m->path)) && (m->tree || m->kind == EFFECT_TOUCH || lint_effect_covers(x, m->path)))
				found = m;
		}
		if (!found || (found->s && lint_mounted(found->s, found->path)) || lint_mounted(x->s, x->path))
			continue;
		bool copied = !found->s;
		struct diagnostic *d = lint_add_cmd(l, x->s, x->c, "%.*s -R stores everything in %.*s a second time: it %s line %u%s", STR_FMT(x->c->base), STR_FMT(str_head(x->path, 200)),
						    copied ? "was copied by" : "comes from", found->in->line, copied ? sh_is(x->c, "chmod") ? "; COPY --chmod sets it there" : "; COPY --chown sets it there" : "");
		lint_estimate(l, d, 0, x->path);
		own_by_copy(l, d, x, found);
		while (i + 1 < e->n && e->v[i + 1].kind == EFFECT_OWN && e->v[i + 1].c == x->c)
			i++; /* one finding a command */
	}
}

/* --- gem's documentation --- */
static void gem_documentation(struct lint *l)
{
	lint_each_command(l, s, c) {
		if (!sh_is_sub(c, "gem", "install") || !lint_ships(l, s->in) || sh_has_flag(c, "no-document") || sh_has_flag(c, "N") || sh_has_flag(c, "no-doc") || sh_has_flag(c, "no-rdoc") || sh_has_flag(c, "no-ri") || sh_flag_value(c, "document").p)
			continue;
		struct str base = s->stage != DF_NONE && s->stage < l->graph.n_stages ? l->graph.stages[s->stage].image_expanded : (struct str){ 0 };
		if (!base.n || str_contains(base, STR("ruby")) || str_contains(l->file.text, STR("gemrc")) || str_contains(l->file.text, STR("--no-document")))
			continue; /* the ruby images set it in their gemrc */
		lint_add_cmd(l, s, c, "gem install also makes documentation that nobody reads in a container");
	}
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_waste[] = {
	{ .meta = { RULE("deleted-later", LEVEL_WARNING, "size"), .summary = "a file is deleted by another instruction than the one that wrote it",
		.why = "Every instruction makes a layer, and layers only ever add: deleting a file in a later one hides it, and its bytes are still stored, pulled and unpacked everywhere. What was secret in it can still be read. "
		       "Delete in the RUN that writes, take the file with RUN --mount=type=bind instead of COPY, or build in a stage of its own and copy the result.",
		.bad = "FROM debian:12\nRUN dd if=/dev/zero of=/tmp/data bs=1M count=20\nRUN rm /tmp/data\n", .good = "FROM debian:12\nRUN dd if=/dev/zero of=/tmp/data bs=1M count=20 && rm /tmp/data\n" }, .check = deleted_later },
	{ .meta = { RULE("archive-kept", LEVEL_WARNING, "size"), .aliases = "binnacle:tarSomethingRmTheSomething", .summary = "an archive is downloaded, unpacked and kept",
		.why = "The archive is stored beside its contents. Pipe the download into tar, or remove the archive in the same RUN; what ADD downloaded can't be removed any more.",
		.bad = "FROM debian:12\nRUN curl -fsSLO https://example.org/app.tar.gz && tar -xzf app.tar.gz -C /opt\n",
		.good = "FROM debian:12\nRUN curl -fsSLO https://example.org/app.tar.gz && tar -xzf app.tar.gz -C /opt && rm app.tar.gz\n" }, .check = archives },
	{ .meta = { RULE("archive-copied", LEVEL_INFO, "size"), .yields_to = "copy-then-unpack", .summary = "an archive is copied into the image only to be unpacked there",
		.why = "The layer of the COPY holds the archive for good, whatever a later RUN does with it. RUN --mount=type=bind,source=app.zip,target=/tmp/app.zip makes it visible to the one RUN that unpacks it; ADD unpacks tar archives by itself.",
		.bad = "FROM debian:12\nCOPY app.zip /tmp/app.zip\nRUN unzip /tmp/app.zip -d /opt\n", .good = "FROM debian:12\nRUN --mount=type=bind,source=app.zip,target=/tmp/app.zip unzip /tmp/app.zip -d /opt\n" } },
	{ .meta = { RULE("sources-kept", LEVEL_INFO, "size"), .aliases = "binnacle:mkdirUsrSrcThenRemove", .summary = "sources are built, installed and kept",
		.why = "After `make install` the source tree and its object files are of no use to the image. Remove the tree in the same RUN, or build in a stage of its own.",
		.bad = "FROM debian:12\nRUN git clone https://example.org/app.git /usr/src/app && cd /usr/src/app && make && make install\n",
		.good = "FROM debian:12\nRUN git clone https://example.org/app.git /usr/src/app && cd /usr/src/app && make && make install && rm -rf /usr/src/app\n" }, .check = sources_kept },
	{ .meta = { RULE("build-tools-kept", LEVEL_INFO, "size"), .summary = "compilers or headers stay in the image that ships",
		.why = "Compilers, make and -dev packages take hundreds of megabytes and are what an intruder would bring along. Build in a stage of its own and COPY --from it, or remove them in the RUN that installs them.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get install -y gcc && rm -rf /var/lib/apt/lists/*\n",
		.good = "FROM debian:12 AS build\nRUN apt-get update && apt-get install -y gcc && rm -rf /var/lib/apt/lists/*\nFROM debian:12\nCOPY --from=build /app /app\n" }, .check = build_tools },
	{ .meta = { RULE("owner-copies-layer", LEVEL_WARNING, "size"), .summary = "chown -R or chmod -R over files of an earlier layer",
		.why = "A layer stores whole files: changing the owner or mode of a file stores all of it again. COPY --chown and COPY --chmod set both where the file is written; what a RUN makes it can own at once.",
		.bad = "FROM debian:12\nCOPY app /app\nRUN chown -R 1000:1000 /app\n", .good = "FROM debian:12\nCOPY --chown=1000:1000 app /app\n" }, .check = owner_copies },
	{ .meta = { RULE("gem-documentation", LEVEL_INFO, "size"), .aliases = "binnacle:gemUpdateNoDocument", .summary = "gem install makes documentation",
		.why = "Without --no-document gem generates ri and rdoc pages of every gem and its dependencies, and takes longer for it.",
		.bad = "FROM debian:12\nRUN gem install rails:7.1.0\n", .good = "FROM debian:12\nRUN gem install --no-document rails:7.1.0\n" }, .check = gem_documentation },
	{ .meta = { 0 } },
};
