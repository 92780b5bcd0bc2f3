/* RUN: commands that do nothing in a build, pipes that hide failures, instructions that could be one. */
#include "base/buf.h"
#include "lint/edit.h"

enum { IDLE, CD, CONSECUTIVE, SH_LINK, PIPEFAIL };
extern const struct lint_rule rules_run[];

static bool hadolint(const struct lint *l) { return l->codes == LINT_HADOLINT; }

static bool is_one_of(struct str s, const char *const *v)
{
	for (; *v; v++)
		if (str_is(s, *v))
			return true;
	return false;
}

/* The command that a shell reads at that place: wrappers' commands are no commands of their own to hadolint. */
static bool named(const struct lint *l, const struct sh_command *c, const char *name)
{
	return hadolint(l) ? !c->wrapped && str_is(c->name, name) : sh_is(c, name);
}

/* --- commands that make no sense in a build --- */
static bool in_background(const struct lint_script *s)
{
	for (u32 i = 0; i < s->commands.n; i++)
		for (const struct sh_node *n = s->commands.v[i].node; n; n = n->parent)
			if (n->op == SH_OP_AMP)
				return true;
	return false;
}

/* Where they do make sense: a server that is started, used and stopped by one RUN; keys that are mounted; an editor that installs its plug-ins. */
static bool has_purpose(const struct lint_script *s, const struct sh_command *c, bool background)
{
	static const char *const batch[] = { "c", "e", "es", "S", "cmd", NULL };
	const struct df_flag *security = df_flag(s->in, "security");
	if (sh_is(c, "kill"))
		return true;
	if (sh_is(c, "service")) {
		const struct sh_command *last = &s->commands.v[s->commands.n - 1];
		return c != last || (c->n_args && (str_is(c->args[c->n_args - 1].text, "stop") || str_is(c->args[c->n_args - 1].text, "--status-all")));
	}
	if (sh_is(c, "ssh"))
		return df_flag(s->in, "mount") || c->n_args == 0 || str_is(c->args[0].text, "-V");
	if (sh_is(c, "mount"))
		return security && str_is(security->value, "insecure");
	if (sh_is(c, "vim")) {
		for (u32 i = 0; i < c->n_args; i++)
			if (c->args[i].text.n && c->args[i].text.p[0] == '+')
				return true;
		return sh_has_any_flag(c, batch);
	}
	if (sh_is(c, "ps"))
		return background || c->in_substitution;
	return false;
}

static void check_idle(struct lint *l)
{
	static const char *const names[] = { "free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim", NULL };
	u32 last = UINT32_MAX;
	const struct lint_script *asked = NULL;
	bool background = false;
	lint_each_command(l, s, c) {
		if (s->in->index == last || !is_one_of(hadolint(l) ? c->name : c->base, names))
			continue;
		if (s != asked && !hadolint(l))
			background = in_background(s);
		asked = s;
		if (hadolint(l) ? c->wrapped : c->in_function || has_purpose(s, c, background))
			continue;
		last = s->in->index;
		lint_add_cmd(l, s, c, "%.*s does nothing that stays: a build has no services, terminals or users", STR_FMT(c->base));
	}
}

/* --- cd --- */
/* The nodes of a script that run one after the other in its own shell: whether `n` is the first of them, the last, or both. */
static void place_of(const struct sh_node *n, bool *first, bool *last)
{
	*first = *last = true;
	for (const struct sh_node *p = n->parent; p; n = p, p = n->parent) {
		if (p->kind != SH_LIST && p->kind != SH_ANDOR) {
			*first = *last = false; /* a subshell, a pipe, a loop: it ends there */
			return;
		}
		*first &= p->child == n;
		*last &= !n->next;
	}
}

static u32 count_named(const struct lint_script *s, const char *name)
{
	u32 n = 0;
	for (u32 i = 0; i < s->commands.n; i++)
		n += sh_is(&s->commands.v[i], name);
	return n;
}

/* Whether WORKDIR can name it: no command's output, no variable that only the shell knows. */
static bool workdir_can(const struct lint *l, const struct lint_script *s, const struct sh_word *w)
{
	const struct df_state *st = l->graph.state ? l->graph.state[s->in->index] : NULL;
	if (!w->text.n || w->text.p[0] == '-' || w->text.p[0] == '~')
		return false;
	if (w->literal)
		return true;
	for (u32 i = 0; i < w->n_parts; i++) {
		const struct sh_part *p = &w->parts[i];
		if (p->kind == SH_DOUBLE && p->n_parts == 1)
			p = p->parts;
		bool known = p->kind == SH_PARAM && !p->op.n && st && df_state_var(st, p->name);
		if (p->kind != SH_LITERAL && !known)
			return false;
	}
	return true;
}

/* A directory that the RUN itself removes is no place to stay in. */
static bool removed_later(const struct lint_script *s, struct str dir)
{
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		for (u32 k = 0; sh_is(c, "rm") && k < c->n_args; k++)
			if (str_starts(c->args[k].text, dir) && (c->args[k].text.n == dir.n || c->args[k].text.p[dir.n] == '/'))
				return true;
	}
	return false;
}

/* `RUN cd DIR && rest` as `WORKDIR DIR` and `RUN rest`. */
static void fix_cd(struct lint *l, struct diagnostic *d, const struct lint_script *s, const struct sh_command *c)
{
	const struct sh_node *n = c->node, *next = n->next;
	const struct sh_word *to = &c->args[0];
	if (s->heredoc || s->json || s->in->n_heredocs || lint_outer(l, s->in) != s->in || n->n_words != 2 || n->n_redirects || !to->literal || !next || next->op != SH_OP_AND)
		return;
	struct df_span cut = lint_span(s, n->at, next->at);
	struct buf b = BUF(4 * KiB);
	for (u32 at = cut.at; at < cut.end; at++)
		if (l->file.text.p[at] == '#')
			return; /* a comment may stand between */
	bool quote = str_chr(to->text, ' ') != NULL;
	buf_printf(&b, quote ? "WORKDIR \"%.*s\"\n" : "WORKDIR %.*s\n", STR_FMT(to->text));
	lint_fix(l, d, FIX_SUGGESTED, "Use WORKDIR", lint_line_before(l, s->in), buf_str(&b));
	lint_fix_add(l, d, cut, str_n("", 0));
	buf_free(&b);
}

static void check_cd_ours(struct lint *l)
{
	lint_each_command(l, s, c) {
		bool first, last;
		if (!sh_is(c, "cd") || c->wrapped || c->in_function || c->in_substitution || c->in_condition || c->n_args == 0 || s->json)
			continue;
		place_of(c->node, &first, &last);
		if (last) {
			lint_add_cmd(l, s, c, "cd at the end of a RUN is forgotten when the RUN ends: WORKDIR is what stays");
		} else if (first && !s->heredoc && count_named(s, "cd") == 1 && !count_named(s, "pushd") && workdir_can(l, s, &c->args[0]) && !removed_later(s, c->args[0].text)) {
			struct diagnostic *d = lint_add_cmd(l, s, c, "the whole RUN works in %.*s: WORKDIR says so", STR_FMT(c->args[0].text));
			fix_cd(l, d, s, c);
		}
	}
}

static void check_cd(struct lint *l)
{
	if (!hadolint(l)) {
		check_cd_ours(l);
		return;
	}
	u32 last = UINT32_MAX;
	lint_each_command(l, s, c)
		if (named(l, c, "cd") && s->in->index != last) {
			last = s->in->index;
			lint_add_cmd(l, s, c, "cd holds until the RUN ends: WORKDIR is what stays");
		}
}

/* --- RUN after RUN --- */
static u32 commands_of(const struct lint *l, const struct df_instruction *in, u32 *at)
{
	u32 n = 0;
	while (*at < l->n_scripts && l->scripts[*at].in->index < in->index)
		(*at)++;
	for (u32 k = *at; k < l->n_scripts && l->scripts[k].in->index == in->index; k++)
		for (u32 i = 0; i < l->scripts[k].commands.n; i++)
			n += !l->scripts[k].commands.v[i].wrapped && l->scripts[k].commands.v[i].name.n;
	return n;
}

static bool same_flags(const struct df_instruction *a, const struct df_instruction *b)
{
	if (a->n_flags != b->n_flags)
		return false;
	for (u32 i = 0; i < a->n_flags; i++)
		if (!str_eq(a->flags[i].raw, b->flags[i].raw))
			return false;
	return true;
}

/* Whether a script leaves the shell as it found it, and goes on to its end. */
static bool leaves_no_trace(const struct lint_script *s)
{
	static const char *const v[] = { "cd", "pushd", "export", "set", "shopt", "umask", "ulimit", "alias", ".", "source", "exec", "exit", "return", "trap", "unset", "readonly", "declare", "eval", NULL };
	for (u32 i = 0; i < s->commands.n; i++)
		if (is_one_of(s->commands.v[i].name, v) || s->commands.v[i].in_function || (s->commands.v[i].node->n_words == 0))
			return false;
	return s->commands.n > 0;
}

/* Whether `a && SCRIPT` runs all of it only when a succeeds: commands joined by && alone. */
static bool is_chain(const struct sh_node *n)
{
	if (n->kind == SH_LIST)
		return false;
	for (const struct sh_node *c = n->kind == SH_ANDOR ? n->child : NULL; c; c = c->next)
		if (c != n->child && c->op != SH_OP_AND)
			return false;
	return true;
}

static bool joinable(const struct lint *l, const struct lint_script *s)
{
	struct str text = str_trim(s->text.s);
	return s->posix && !s->json && !s->heredoc && !s->in->n_heredocs && !s->tree.n_errors && s->tree.root && lint_outer(l, s->in) == s->in && leaves_no_trace(s) && !str_chr(text, '#') &&
	       !str_ends(text, STR("&")) && !str_ends(text, STR(";")) && !in_background(s);
}

/* The text between two RUNs without its blank lines, which would end the continuation one day. */
static void fix_join(struct lint *l, struct diagnostic *d, const struct lint_script *a, const struct lint_script *b)
{
	if (!joinable(l, a) || !joinable(l, b) || !is_chain(b->tree.root) || a->pipefail != b->pipefail)
		return;
	u32 end = df_text_at(&a->text, (u32)(str_trim(a->text.s).p - a->text.s.p + (long)str_trim(a->text.s).n - 1)) + 1, at = df_text_at(&b->text, (u32)(str_trim(b->text.s).p - b->text.s.p));
	struct str between = str_n(l->file.text.p + end, b->in->span.at - end);
	struct buf t = BUF(64 * KiB);
	buf_printf(&t, " && %c\n", l->file.escape);
	str_cut(&between, '\n');
	while (between.p) {
		struct str line = str_cut(&between, '\n'), trimmed = str_trim(line);
		if (!trimmed.n)
			continue;
		if (trimmed.p[0] != '#') {
			buf_free(&t);
			return;
		}
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(&t, line);
		buf_putc(&t, '\n');
	}
	buf_puts(&t, "    ");
	if (!t.over)
		lint_fix(l, d, FIX_SUGGESTED, "Make one RUN of both", (struct df_span){ end, at }, buf_str(&t));
	buf_free(&t);
}

static void check_consecutive(struct lint *l)
{
	const struct df_instruction *before = NULL, *above = NULL; /* the one that is remembered; the one right above */
	u32 commands = 0, at = 0, above_at = 0;
	for (u32 i = 0; i < l->file.n_instructions; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		if (in->keyword != DF_RUN || in->bad) {
			before = above = NULL;
			continue;
		}
		u32 n = commands_of(l, in, &at);
		if (!before || !same_flags(before, in) || n > 1 || commands > 1) {
			before = in;
			commands = n;
		} else if (hadolint(l) || lint_ships(l, in)) {
			struct diagnostic *d = lint_add(l, in, "one RUN with the one before it would be one layer less");
			if (above && at < l->n_scripts && l->scripts[at].in == in && l->scripts[above_at].in == above && same_flags(above, in))
				fix_join(l, d, &l->scripts[above_at], &l->scripts[at]);
		}
		above = at < l->n_scripts && l->scripts[at].in == in ? in : NULL;
		above_at = at;
	}
}

/* --- ln -s bash /bin/sh --- */
static bool links_sh(const struct lint *l, const struct sh_command *c)
{
	if (!named(l, c, "ln"))
		return false;
	if (!hadolint(l))
		return c->n_args >= 2 && str_is(c->args[c->n_args - 1].text, "/bin/sh");
	for (u32 i = 0; i < c->n_args; i++)
		if (str_is(c->args[i].text, "/bin/sh"))
			return true;
	return false;
}

/* A RUN that does nothing but that becomes the SHELL that is meant. */
static void fix_link(struct lint *l, struct diagnostic *d, const struct lint_script *s, const struct sh_command *c)
{
	static const char *const shells[] = { "bash", "/bin/bash", "/usr/bin/bash", "zsh", "/bin/zsh", "ash", "/bin/ash", NULL };
	for (u32 i = 0; i < s->commands.n; i++)
		if (&s->commands.v[i] != c && !(sh_is(&s->commands.v[i], "rm") && s->commands.v[i].n_args && str_is(s->commands.v[i].args[s->commands.v[i].n_args - 1].text, "/bin/sh")))
			return;
	struct str to = c->n_args >= 2 ? c->args[c->n_args - 2].text : str_n("", 0);
	if (!is_one_of(to, shells) || s->json || s->in->n_heredocs || s->in->n_flags || lint_outer(l, s->in) != s->in || lint_holds_comment(l, s->in))
		return;
	struct buf b = BUF(256);
	buf_printf(&b, "SHELL [\"%s%.*s\", \"-c\"]", to.p[0] == '/' ? "" : "/bin/", STR_FMT(to));
	lint_fix(l, d, FIX_SUGGESTED, "Use SHELL", s->in->span, buf_str(&b));
	buf_free(&b);
}

static void check_link(struct lint *l)
{
	u32 last = UINT32_MAX;
	lint_each_command(l, s, c)
		if (links_sh(l, c) && s->in->index != last) {
			last = s->in->index;
			fix_link(l, lint_add_cmd(l, s, c, "replaces the shell of the image's own scripts: SHELL chooses one for RUN"), s, c);
		}
}

/* --- pipes --- */
/* Programs that don't fail, and that a pipe may cut off: with pipefail `yes | …` would fail always. */
static bool cannot_fail(const struct sh_node *n)
{
	static const char *const v[] = { "echo", "printf", "yes", "true", ":", NULL };
	return n->kind == SH_SIMPLE && n->n_words && is_one_of(n->words[0].text, v);
}

/* Whether pipefail would change nothing: the status is asked for (`if a | b`, `a | b || c`, `! a | b`), or thrown away by what holds it (`echo $(a | b)`). */
static bool status_is_used(const struct sh_node *pipe)
{
	for (const struct sh_node *n = pipe, *p = n->parent;; n = p, p = n->parent) {
		if (n->negated)
			return true;
		if (!p)
			return false;
		bool loop = p->kind == SH_WHILE || p->kind == SH_UNTIL;
		if (n == p->child && (loop || p->kind == SH_IF))
			return true;
		if (p->kind == SH_ANDOR && n->next && n->next->op == SH_OP_OR)
			return true;
		if (p->kind == SH_SIMPLE && p->n_words)
			return true; /* a substitution in a word; that of an assignment alone counts */
		if (((p->kind == SH_FOR || p->kind == SH_SELECT) && p->child != n) || (p->kind == SH_CASE && n->kind != SH_CASE_ITEM))
			return true; /* in its words */
	}
}

struct pipes {
	const struct lint *l;
	const struct sh_node *found;
};

static void visit_pipe(void *ctx, const struct sh_node *n)
{
	struct pipes *p = ctx;
	if (p->found || n->kind != SH_PIPELINE)
		return;
	bool risky = hadolint(p->l);
	for (const struct sh_node *c = n->child; c && c->next && !risky; c = c->next)
		risky = !cannot_fail(c);
	if (risky && (hadolint(p->l) || !status_is_used(n)))
		p->found = n;
}

static struct str base_name(struct str s)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\')
			return str_from(s, i);
	return s;
}

/* Hadolint: bash, zsh or ash with -o pipefail; PowerShell and cmd are left alone. */
static bool shell_has_pipefail(const struct df_instruction *in)
{
	static const char *const shells[] = { "bash", "zsh", "ash", NULL };
	if (!in->n_args)
		return false;
	struct str first = in->args[0].s;
	if (str_starts(first, STR("pwsh")) || str_starts(first, STR("powershell")) || str_starts(first, STR("cmd")))
		return true;
	bool o = false, pipefail = false;
	for (u32 i = 1; i < in->n_args; i++) {
		struct str a = in->args[i].s;
		o |= a.n > 1 && a.p[0] == '-' && a.p[1] != '-' && str_chr(a, 'o');
		pipefail |= str_is(a, "pipefail");
	}
	return is_one_of(base_name(first), shells) && o && pipefail;
}

/* The base image of the stages that this one is built on; as it is written where a variable hides it. */
static struct str root_image(const struct lint *l, const struct df_stage *s)
{
	while (s->base != DF_NONE)
		s = &l->graph.stages[s->base];
	return lint_unquote(s->image_known ? s->image_expanded : s->image);
}

/* Whether the image's /bin/sh knows pipefail: busybox's does, and bash where it is /bin/sh. */
static bool sh_knows_pipefail(struct str image)
{
	static const char *const names[] = { "alpine", "busybox", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "opensuse", "archlinux", "redhat", "/ubi", "wolfi", NULL };
	for (const char *const *n = names; *n; n++)
		if (str_contains(image, str_of(*n)))
			return true;
	return false;
}

/* `first`: where the stage's first such pipe is. A SHELL there serves all of them, so each finding offers that one. */
static void fix_pipefail(struct lint *l, struct diagnostic *d, const struct lint_script *s, const struct df_instruction *first)
{
	const struct df_stage *st = lint_stage(l, s->in);
	const struct df_state *state = l->graph.state ? l->graph.state[s->in->index] : NULL;
	if (hadolint(l) || s->json || lint_outer(l, s->in) != s->in || s->tree.n_errors || !st || st->from == DF_NONE)
		return;
	bool own = s->dialect == SH_BASH || (state && state->n_shell);
	if (own || s->heredoc || sh_knows_pipefail(root_image(l, st))) {
		u32 at = 0;
		while (at < s->text.s.n && (s->text.s.p[at] == ' ' || s->text.s.p[at] == '\t' || s->text.s.p[at] == '\n'))
			at++;
		if (s->text.s.n > at + 1 && s->text.s.p[at] == '#')
			return; /* a #! line, or a comment */
		lint_fix(l, d, FIX_SUGGESTED, "Set pipefail in the RUN", lint_span(s, at, at), s->heredoc ? STR("set -o pipefail\n") : STR("set -o pipefail && "));
	} else if (!st->scratch && !st->windows) {
		lint_fix(l, d, FIX_SUGGESTED, "Use bash with pipefail from here on", lint_line_before(l, first), STR("SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n"));
	}
}

static u32 stage_start(const struct lint *l, const struct df_instruction *in)
{
	const struct df_stage *s = lint_stage(l, in);
	return s ? s->first : 0;
}

static void check_pipes(struct lint *l)
{
	u32 from = 0, last = UINT32_MAX;
	bool on = false; /* hadolint's memory: SHELL of the stage, and of no other */
	const struct df_instruction *first = NULL;
	for (const struct lint_script *s = NULL; (s = lint_next_run(l, s));) {
		for (; from <= s->in->index; from++) {
			const struct df_instruction *in = &l->file.instructions[from];
			on = in->keyword == DF_FROM ? false : in->keyword == DF_SHELL ? shell_has_pipefail(in) : on;
		}
		if (s->in->index == last || (hadolint(l) ? on : s->pipefail || !s->posix))
			continue;
		struct pipes p = { .l = l };
		sh_each(s->tree.root, visit_pipe, &p);
		if (!p.found)
			continue;
		last = s->in->index;
		struct diagnostic *d = lint_add_at(l, s->in, lint_span(s, p.found->at, p.found->end), "a failure on the left of the pipe goes unseen: set pipefail");
		if (!first || first->index < stage_start(l, s->in))
			first = s->in;
		fix_pipefail(l, d, s, first);
	}
}

const struct lint_rule rules_run[] = {
	[IDLE] = { .meta = {
		.name = "run-idle-command", .hadolint = "DL3001", .level = LEVEL_INFO, .since = "2026.1", .topic = "correctness",
		.aliases = "kics:9b6b0f38-92a2-41f9-b881-3a1083d99f1b",
		.summary = "a RUN calls a program that makes no sense in a build",
		.why = "A build has no terminal, no services and no other users; whatever a RUN starts is gone when it ends. `service x start` in a RUN starts nothing in the container. "
		       "A server that one RUN starts, uses and stops, ssh with a mounted key, and an editor in batch mode are left alone.",
		.bad = "FROM debian:12\nRUN service nginx start\n", .good = "FROM postgres:16\nRUN service postgresql start && psql -f init.sql && service postgresql stop\n" },
		check_idle },
	[CD] = { .meta = {
		.name = "run-cd", .hadolint = "DL3003", .level = LEVEL_WARNING, .since = "2026.1", .topic = "style",
		.aliases = "trivy:DS-0013 trivy:DS013 trivy:AVD-DS-0013 kics:f4a6bcd3-e231-4acf-993c-aa027be50d2e",
		.summary = "cd where WORKDIR is meant",
		.why = "cd holds until its RUN ends. At the end of a RUN it does nothing, and who wrote it expects otherwise; at the start of one it says what WORKDIR says for all that follow. "
		       "In the middle, in a subshell, or there and back within one RUN it is the right thing, and the rule is silent.",
		.bad = "FROM debian:12\nRUN cd /app && make\n", .good = "FROM debian:12\nWORKDIR /app\nRUN make && (cd doc && make) && cd / && rm -rf /app/tmp\n" },
		check_cd },
	[CONSECUTIVE] = { .meta = {
		.name = "run-after-run", .hadolint = "DL3059", .level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.aliases = "kics:0008c003-79aa-42d8-95b8-1c2fe37dbfe6",
		.summary = "short RUN instructions follow each other",
		.why = "Each RUN is a layer, and what one layer writes the next cannot take back. Commands that belong together belong in one RUN. "
		       "Longer RUNs, RUNs with other flags, and stages that only build are left alone: there the split is for the cache.",
		.bad = "FROM debian:12\nRUN mkdir /a\nRUN touch /a/b\n", .good = "FROM debian:12\nRUN mkdir /a && touch /a/b\n" },
		check_consecutive },
	[SH_LINK] = { .meta = {
		.name = "run-link-sh", .hadolint = "DL4005", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.aliases = "kics:8a301064-c291-4b20-adcb-403fe7fd95fd",
		.summary = "/bin/sh is replaced to change the shell of RUN",
		.why = "Scripts of the distribution are written for its /bin/sh and may break under another; a package update puts the old link back. SHELL changes the shell of RUN, CMD and ENTRYPOINT, and of nothing else.",
		.bad = "FROM debian:12\nRUN ln -sf /bin/bash /bin/sh\n", .good = "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\n" },
		check_link },
	[PIPEFAIL] = { .meta = {
		.name = "run-pipefail", .hadolint = "DL4006", .level = LEVEL_WARNING, .since = "2026.1", .topic = "shell",
		.aliases = "trivy:DS-0032 kics:efbf148a-67e9-42d2-ac47-02fa1c0d0b22",
		.summary = "a pipe in a RUN, and no pipefail",
		.why = "A pipe's status is that of its last command: when curl fails in `curl … | tar -x`, the RUN goes on with half an archive, and the layer is kept as if all were well. "
		       "`set -o pipefail` in the RUN, or a SHELL with it, makes the failure count. Debian's /bin/sh doesn't know it before version 13, bash and busybox do. "
		       "What cannot fail (echo, yes) and pipes whose status is asked for are left alone.",
		.bad = "FROM debian:12\nRUN curl -fsSL https://example.com/a.tgz | tar -xz\n", .good = "FROM alpine:3.20\nRUN set -o pipefail && curl -fsSL https://example.com/a.tgz | tar -xz\nRUN echo y | cat\n" },
		check_pipes },
	{ .meta = { 0 } },
};
