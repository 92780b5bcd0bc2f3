/* What the container runs: CMD, ENTRYPOINT, HEALTHCHECK. */
#include "base/buf.h"
#include "lint/edit.h"

enum { SHELL_FORM, CMD_TWICE, ENTRYPOINT_TWICE, HEALTH_TWICE, HEALTH_MISSING };
extern const struct lint_rule rules_command[];
#define AS(l, r) ((l)->rule = &rules_command[r])

/* --- shell form --- */
static bool is_builtin(struct str name)
{
	static const char *const v[] = { "cd", "export", "source", ".", "set", "unset", "eval", "exec", "ulimit", "umask", "alias", "trap", "wait", "read", "shift", "return", "exit", "if", ":", "type",
		"command", "builtin", "local", "declare", "hash", "jobs", "bg", "fg", "times", "let", "shopt", "pushd", "popd" };
	for (u32 i = 0; i < countof(v); i++)
		if (str_is(name, v[i]))
			return true;
	return false;
}

/* The command that is still there when everything before it is done: behind the last `;` or `&&`. NULL where it is none by itself. */
static const struct sh_node *last_command(const struct sh_node *n)
{
	while (n && (n->kind == SH_LIST || n->kind == SH_ANDOR)) {
		const struct sh_node *c = n->child;
		while (c && c->next)
			c = c->next;
		if (c && n->kind == SH_ANDOR && c->op != SH_OP_AND)
			return NULL;
		if (c && (c->op == SH_OP_AMP || c->op == SH_OP_PIPE))
			return NULL;
		n = c;
	}
	return n && n->kind == SH_SIMPLE && n->n_words && !n->negated ? n : NULL;
}

static bool ends_in_exec(const struct lint_script *s)
{
	const struct sh_node *n = s->posix ? last_command(s->tree.root) : NULL;
	return n && n->n_words > 1 && str_is(n->words[0].text, "exec");
}

/* One command of literal words: the same words make the JSON form. */
static bool is_plain(const struct lint_script *s)
{
	const struct sh_node *n = s->tree.root;
	if (!s->posix || s->tree.n_errors || !n || n->kind != SH_SIMPLE || n->negated || n->n_assigns || n->n_redirects || !n->n_words)
		return false;
	for (u32 i = 0; i < n->n_words; i++)
		if (!n->words[i].literal)
			return false;
	bool exec = str_is(n->words[0].text, "exec") && n->n_words > 1 && n->words[1].text.n && n->words[1].text.p[0] != '-';
	return !is_builtin(n->words[exec].text) && n->words[exec].text.n && !str_ends(str_trim(s->text.s), STR("&"));
}

static void json_string(struct buf *b, struct str s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		u8 c = (u8)s.p[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < ' ')
			buf_printf(b, "\\u%04x", c);
		else
			buf_putc(b, (char)c);
	}
	buf_putc(b, '"');
}

static void fix_to_json(struct lint *l, struct diagnostic *d, const struct lint_script *s)
{
	const struct sh_node *n = s->tree.root;
	struct buf b = BUF(64 * KiB);
	buf_putc(&b, '[');
	u32 first = str_is(n->words[0].text, "exec");
	for (u32 i = first; i < n->n_words; i++) {
		if (i > first)
			buf_puts(&b, ", ");
		json_string(&b, n->words[i].text);
	}
	buf_putc(&b, ']');
	if (!b.over)
		lint_fix(l, d, FIX_SUGGESTED, "Write it as JSON: no shell between the program and its signals", lint_span(s, n->words[0].at, n->words[n->n_words - 1].end), buf_str(&b));
	buf_free(&b);
}

static void fix_with_exec(struct lint *l, struct diagnostic *d, const struct lint_script *s)
{
	const struct sh_node *n = s->posix && !s->tree.n_errors ? last_command(s->tree.root) : NULL;
	if (!n || is_builtin(n->words[0].text) || !n->words[0].literal || str_ends(str_trim(s->text.s), STR("&")))
		return;
	struct df_span at = lint_span(s, n->words[0].at, n->words[0].at);
	lint_fix(l, d, FIX_SUGGESTED, "Put exec before the program: it then gets the signals", at, STR("exec "));
}

static const struct lint_script *script_of(const struct lint *l, const struct df_instruction *in, u32 *from)
{
	while (*from < l->n_scripts && l->scripts[*from].in->index < in->index)
		(*from)++;
	return *from < l->n_scripts && l->scripts[*from].in == in ? &l->scripts[*from] : NULL;
}

static void check_form(struct lint *l)
{
	u32 at = 0;
	bool hadolint = l->codes == LINT_HADOLINT;
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		bool health = in->keyword == DF_HEALTHCHECK && in->n_args && str_ieq(in->args[0].s, STR("CMD"));
		if (in->json || !in->n_args || !(in->keyword == DF_CMD || in->keyword == DF_ENTRYPOINT || (health && hadolint)))
			continue; /* a health check's shell takes no signals: ours leaves it alone */
		const struct lint_script *s = script_of(l, in, &at);
		const struct df_state *st = l->graph.state ? l->graph.state[in->index] : NULL;
		if (!hadolint && ((st && st->n_shell) || (s && ends_in_exec(s))))
			continue; /* the shell is what was asked for, or it is gone by then */
		bool plain = s && is_plain(s);
		struct diagnostic *d = lint_add(l, in, "%s in shell form: a shell stands between the program and its signals", df_keyword_text[in->keyword]);
		if (!s || lint_holds_comment(l, in))
			continue;
		if (plain)
			fix_to_json(l, d, s);
		else if (!hadolint)
			fix_with_exec(l, d, s);
	}
}

/* --- more than one of a stage --- */
static void check_twice(struct lint *l)
{
	static const struct {
		enum df_keyword keyword;
		u32 rule;
	} kinds[] = { { DF_CMD, CMD_TWICE }, { DF_ENTRYPOINT, ENTRYPOINT_TWICE }, { DF_HEALTHCHECK, HEALTH_TWICE } };
	const struct df_instruction *before[countof(kinds)] = { 0 };
	for (u32 i = 0; i < l->file.n_instructions; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		if (in->bad)
			continue;
		for (u32 k = 0; k < countof(kinds); k++) {
			if (in->keyword == DF_FROM)
				before[k] = NULL;
			if (in->keyword != kinds[k].keyword)
				continue;
			if (before[k]) {
				AS(l, kinds[k].rule);
				struct diagnostic *d = lint_add(l, in, "the %s of line %u counts for nothing: this one replaces it", df_keyword_text[in->keyword], before[k]->line);
				lint_fix_remove(l, d, FIX_SAFE, "Remove the one that is replaced", before[k]);
			}
			before[k] = in;
		}
	}
}

/* --- no health check --- */
#define STAGES 200 /* more than anybody builds: from there on the rule is silent */

struct health {
	struct str src, name;
	bool good, bad;
};

/* Hadolint's: stages that are built on one that has it have it, by the names of images and stages. */
static void mark_good(struct health *v, u32 n, u32 now)
{
	bool more = true, fresh = true;
	v[now].good = true;
	v[now].bad = false;
	for (u32 round = 0; more && round <= n; round++) {
		more = false;
		for (u32 i = 0; i < n; i++)
			for (u32 k = 0; v[i].bad && k < n; k++)
				if ((fresh ? k == now : v[k].good) && str_eq(v[i].src, v[k].name)) {
					v[i].bad = false;
					v[i].good = more = true;
				}
		fresh = false;
	}
}

static void health_hadolint(struct lint *l)
{
	u32 n = l->graph.n_stages, seen = 0;
	if (n > STAGES)
		return;
	struct health *v = xcalloc(n + 1, sizeof *v);
	for (u32 i = 0; i < l->file.n_instructions; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		const struct df_stage *s = lint_stage(l, in);
		if (in->bad || !s || s->from == DF_NONE)
			continue;
		if (in->keyword == DF_FROM) {
			struct health h = { .src = lint_image_name(lint_unquote(s->image)).path, .bad = true };
			h.name = s->name.n ? s->name : h.src;
			for (u32 k = 0; k < s->index && h.bad; k++)
				h.bad = !(v[k].good && str_eq(v[k].name, h.src));
			h.good = !h.bad;
			v[s->index] = h;
			seen = s->index + 1;
		} else if (in->keyword == DF_HEALTHCHECK && v[s->index].bad) {
			mark_good(v, seen, s->index);
		}
	}
	for (u32 i = 0; i < n; i++)
		if (v[i].bad)
			lint_add(l, &l->file.instructions[l->graph.stages[i].from], "the stage has no HEALTHCHECK");
	free(v);
}

static void check_health(struct lint *l)
{
	if (l->codes == LINT_HADOLINT) {
		health_hadolint(l);
		return;
	}
	u32 target = l->graph.target;
	if (target != DF_NONE && l->graph.stages[target].from != DF_NONE && !lint_last(l, target, DF_HEALTHCHECK))
		lint_add(l, &l->file.instructions[l->graph.stages[target].from], "the image has no HEALTHCHECK");
}

const struct lint_rule rules_command[] = {
	[SHELL_FORM] = { .meta = {
		.name = "shell-form", .hadolint = "DL3025", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.aliases = "kics:b86987e1-6397-4619-81d5-8807f2387c79",
		.summary = "CMD or ENTRYPOINT is written in shell form",
		.why = "In shell form the container's first process is a shell, and the program its child: `docker stop` signals the shell, which doesn't pass it on, and after ten seconds everything is killed. "
		       "An ENTRYPOINT in shell form also never sees CMD or what is given to `docker run`. JSON form starts the program itself; where a shell is needed, `exec` before the program puts it in the shell's place. "
		       "With a SHELL of its own the stage has asked for the shell, and the rule is silent.",
		.bad = "FROM debian:12\nCMD nginx -g 'daemon off;'\n", .good = "FROM debian:12\nENTRYPOINT exec nginx $OPTIONS\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n" },
		check_form },
	[CMD_TWICE] = { .meta = {
		.name = "cmd-twice", .hadolint = "DL4003", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0016 trivy:DS016 trivy:AVD-DS-0016 kics:41c195f4-fc31-4a5c-8a1b-90605538d49f",
		.summary = "a stage has more than one CMD",
		.why = "Only the last CMD of a stage counts. Whoever wrote the others expects them to run.",
		.bad = "FROM debian:12\nCMD [\"a\"]\nCMD [\"b\"]\n", .good = "FROM debian:12 AS one\nCMD [\"a\"]\nFROM one\nCMD [\"b\"]\n" },
		check_twice },
	[ENTRYPOINT_TWICE] = { .meta = {
		.name = "entrypoint-twice", .hadolint = "DL4004", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0007 trivy:DS007 trivy:AVD-DS-0007 kics:6938958b-3f1a-451c-909b-baeee14bdc97",
		.summary = "a stage has more than one ENTRYPOINT",
		.why = "Only the last ENTRYPOINT of a stage counts. Whoever wrote the others expects them to run.",
		.bad = "FROM debian:12\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n", .good = "FROM debian:12\nENTRYPOINT [\"b\"]\n" } },
	[HEALTH_TWICE] = { .meta = {
		.name = "healthcheck-twice", .hadolint = "DL3012", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0023 trivy:DS023 trivy:AVD-DS-0023",
		.summary = "a stage has more than one HEALTHCHECK",
		.why = "Only the last HEALTHCHECK of a stage counts; the others look as if something were watched.",
		.bad = "FROM debian:12\nHEALTHCHECK CMD true\nHEALTHCHECK CMD curl localhost\n", .good = "FROM debian:12\nHEALTHCHECK CMD curl localhost\n" } },
	[HEALTH_MISSING] = { .meta = {
		.name = "healthcheck-missing", .hadolint = "DL3057", .level = LEVEL_IGNORE, .since = "2026.1", .topic = "metadata",
		.aliases = "trivy:DS-0026 trivy:DS026 trivy:AVD-DS-0026 checkov:CKV_DOCKER_2 kics:b03a748a-542d-44f4-bb86-9199ab4fd2d5",
		.summary = "the image has no HEALTHCHECK",
		.why = "Without one Docker and Swarm know that a process is there, not that it answers. Kubernetes has probes of its own and ignores HEALTHCHECK, so the rule is off unless asked for. HEALTHCHECK NONE says that none is wanted.",
		.bad = "FROM debian:12\nCMD [\"app\"]\n", .good = "FROM debian:12\nHEALTHCHECK CMD curl -f http://localhost/\nCMD [\"app\"]\n" },
		check_health },
	{ .meta = { 0 } },
};
