#include "lint/pragma.h"
#include "base/buf.h"
#include <time.h>

enum { RULE_USED, RULE_UNUSED, RULE_UNKNOWN, RULE_EXPIRED };
const struct lint_rule rules_pragma[] = {
	[RULE_USED] = { .meta = {
		.name = "ignore-used", .hadolint = "DL1001", .level = LEVEL_IGNORE, .since = "2026.1", .topic = "style",
		.summary = "a comment switches a rule off",
		.why = "Off unless asked for. Where exceptions are decided in one place, for instance the configuration file, a comment that switches a rule off goes around that "
		       "decision.",
		.bad = "FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo true\n", .good = "FROM debian:12\nRUN true\n" } },
	[RULE_UNUSED] = { .meta = {
		.name = "ignore-unused", .level = LEVEL_STYLE, .since = "2026.1", .topic = "style",
		.summary = "a comment ignores a rule that has nothing to say there",
		.why = "What it excused was repaired, or moved, or the comment stands in the wrong place: it holds for the instruction right below it. Left there it hides the next "
		       "finding of that rule.",
		.bad = "FROM debian:12\n# pare ignore=run-sudo\nRUN true\n", .good = "FROM debian:12\n# pare ignore=run-sudo\nRUN sudo true\n" } },
	[RULE_UNKNOWN] = { .meta = {
		.name = "ignore-unknown", .level = LEVEL_STYLE, .since = "2026.1", .topic = "style",
		.summary = "a comment ignores a rule that does not exist",
		.why = "A misspelt name ignores nothing, and the finding that it was meant for comes back. The names are those of `pare lint --list-rules`, those of the other tools "
		       "among them.",
		.bad = "FROM debian:12\n# pare ignore=no-such-rule\nRUN true\n", .good = "FROM debian:12\nRUN true\n" } },
	[RULE_EXPIRED] = { .meta = {
		.name = "ignore-expired", .level = LEVEL_INFO, .since = "2026.1", .topic = "style",
		.summary = "a comment ignored a rule until a day that has passed",
		.why = "The exception was made for a time. It holds no longer, and the finding is shown again: repair it, or decide anew.",
		.bad = "FROM debian:12\n# pare ignore=run-sudo until=2020-01-31\nRUN sudo true\n",
		.good = "FROM debian:12\n# pare ignore=run-sudo until=9999-12-31\nRUN sudo true\n" } },
	{ .meta = { 0 } },
};

/* One name of one comment. */
struct held {
	const struct rule *rule; /* NULL: all of the tool */
	enum ignore_tool tool;
	u32 first, last;         /* lines it holds for */
	u32 comment;             /* index; UINT32_MAX: the file's directive */
	struct str name;
	bool used;
};

struct held_list {
	struct held *v;
	u32 n, cap;
	char today[11]; /* "" until it is asked for */
};

static struct str comment_text(const struct lint *l, u32 i)
{
	const struct df_span *s = &l->file.comments[i].span;
	return str_n(l->file.text.p + s->at, s->end - s->at);
}

static void hold(struct held_list *h, const struct held *x)
{
	for (u32 i = 0; !x->rule && x->last == UINT32_MAX && i < h->n; i++)
		if (!h->v[i].rule && h->v[i].tool == x->tool && h->v[i].last == UINT32_MAX && h->v[i].first <= x->first)
			return; /* said already */
	if (h->n < PRAGMA_NAMES)
		VEC_PUSH(h->v, h->n, h->cap, *x);
}

/* --- `# check=` --- */
void lint_pragma_check(struct lint *l)
{
	struct str name = STR("BUILDKIT_DOCKERFILE_CHECK=");
	struct str value = { 0 };
	for (u32 i = 0; i < l->file.n_directives; i++)
		if (str_is(l->file.directives[i].name, "check"))
			value = l->file.directives[i].value;
	for (u32 i = 0; i < l->opt->n_build_args; i++)
		if (str_starts(l->opt->build_args[i], name))
			value = str_from(l->opt->build_args[i], name.n);
	if (!check_options_parse(value, &l->own.check))
		l->own.check = (struct check_options){ 0 };
	l->check_error = l->own.check.error;
}

static void hold_check(const struct lint *l, struct held_list *h)
{
	const struct check_options *c = &l->own.check;
	struct held x = { .tool = IGNORE_BUILDKIT, .first = 0, .last = UINT32_MAX, .comment = UINT32_MAX };
	struct str names = c->skip;
	if (c->skip_all)
		hold(h, &x);
	while (ignore_name(&names, &x.name)) {
		const struct lint_rule *r = lint_rule_find(x.name);
		x.rule = r ? &r->meta : NULL;
		if (r)
			hold(h, &x);
	}
}

/* --- where a comment holds --- */
/* Index of the stage that an instruction is of, or that begins with it. */
static const struct df_stage *stage_at(const struct lint *l, u32 instruction)
{
	u32 s = instruction < l->file.n_instructions && l->graph.stage_of ? l->graph.stage_of[instruction] : DF_NONE;
	return s == DF_NONE ? NULL : &l->graph.stages[s];
}

static void range_of_stage(const struct lint *l, const struct df_comment *c, struct held *x)
{
	if (l->codes == LINT_HADOLINT) {
		u32 i = c->instruction, n = l->file.n_instructions;
		x->first = c->line + 2;
		x->last = UINT32_MAX;
		while (i < n && l->file.instructions[i].line < x->first)
			i++;
		if (i < n && l->file.instructions[i].keyword != DF_FROM) {
			const struct df_stage *s = stage_at(l, i);
			if (s)
				i = s->end;
			else
				while (i < n && l->file.instructions[i].keyword != DF_FROM)
					i++;
		}
		if (i < n)
			x->last = l->file.instructions[i].line;
		return;
	}
	u32 at = c->instruction;
	if (at < l->file.n_instructions && l->file.instructions[at].keyword != DF_FROM && at)
		at--; /* of the stage that the comment stands in, also when an end of file or another stage follows */
	const struct df_stage *s = stage_at(l, at < l->file.n_instructions ? at : l->file.n_instructions - 1);
	if (s && s->end > s->first) {
		x->first = l->file.instructions[s->first].line;
		x->last = l->file.instructions[s->end - 1].end_line;
	}
}

/* Whether only comments stand between comment `i` and line `line`. */
static bool only_comments_between(const struct lint *l, u32 i, u32 line)
{
	u32 at = l->file.comments[i].line + 1;
	for (i++; i < l->file.n_comments && l->file.comments[i].line == at; i++)
		at++;
	return at == line;
}

static bool range_of(const struct lint *l, const struct ignore *g, u32 i, struct held *x)
{
	const struct df_comment *c = &l->file.comments[i];
	*x = (struct held){ .tool = g->tool, .comment = i, .first = 1, .last = 0 };
	if (g->scope == IGNORE_FILE) {
		x->first = 0;
		x->last = UINT32_MAX;
	} else if (g->scope == IGNORE_STAGE) {
		range_of_stage(l, c, x);
	} else if (g->scope == IGNORE_LINE || c->inside || l->codes == LINT_HADOLINT) {
		x->first = x->last = c->line + 1;
	} else if (c->instruction < l->file.n_instructions) {
		const struct df_instruction *in = &l->file.instructions[c->instruction];
		if (g->tool == IGNORE_HADOLINT && !only_comments_between(l, i, in->line))
			return true;
		x->first = in->line;
		x->last = in->end_line;
	}
	return !(l->codes == LINT_HADOLINT && c->inside);
}

/* --- names --- */
/* A code that is another tool's, well formed: not having such a rule is no mistake of the file. */
static bool foreign_code(enum ignore_tool tool, struct str s)
{
	if (tool == IGNORE_TRIVY || tool == IGNORE_CHECKOV || tool == IGNORE_KICS || tool == IGNORE_TALLY)
		return true;
	if (str_starts(s, STR("hadolint/")) || str_starts(s, STR("shellcheck/")))
		s = str_from(s, s.p[0] == 'h' ? 9 : 11);
	bool code = s.n >= 5 && (str_starts(s, STR("DL")) || str_starts(s, STR("SC")));
	for (size_t i = 2; i < s.n && code; i++)
		code = s.p[i] >= '0' && s.p[i] <= '9';
	return code;
}

static void unknown_name(struct lint *l, u32 comment, struct str name)
{
	const struct df_comment *c = &l->file.comments[comment];
	u32 at = (u32)(name.p - l->file.text.p);
	l->rule = &rules_pragma[RULE_UNKNOWN];
	lint_add_at(l, NULL, (struct df_span){ MAX(at, c->span.at), MIN(at + (u32)name.n, c->span.end) }, "no rule is called %.*s", STR_FMT(name));
}

static bool expired(struct lint *l, struct held_list *h, const struct ignore *g, u32 comment)
{
	if (!g->until.p)
		return false;
	if (!h->today[0]) {
		time_t now = time(NULL);
		struct tm tm;
		gmtime_r(&now, &tm);
		strftime(h->today, sizeof h->today, "%Y-%m-%d", &tm);
	}
	l->rule = &rules_pragma[RULE_EXPIRED];
	if (!ignore_is_date(g->until))
		lint_add_at(l, NULL, l->file.comments[comment].span, "until=%.*s is no day like 2026-12-31: the comment holds for ever", STR_FMT(g->until));
	else if (ignore_expired(g->until, h->today))
		lint_add_at(l, NULL, l->file.comments[comment].span, "this ignore ended on %.*s", STR_FMT(g->until));
	return ignore_expired(g->until, h->today);
}

/* Everything that comment `i` holds. */
static void hold_comment(struct lint *l, struct held_list *h, u32 i)
{
	struct str rest = comment_text(l, i), names, name;
	struct ignore g;
	while (ignore_next(&rest, &g)) {
		struct held x;
		if (l->codes == LINT_HADOLINT && !ignore_is_hadolints(&g))
			continue;
		if ((l->codes == LINT_BUILDKIT && g.tool != IGNORE_BUILDKIT && g.tool != IGNORE_PARE) || !range_of(l, &g, i, &x))
			continue;
		if (g.scope != IGNORE_FILE && g.scope != IGNORE_STAGE) {
			l->rule = &rules_pragma[RULE_USED];
			lint_add_at(l, NULL, l->file.comments[i].span, "a comment switches %.*s off", g.all ? 10 : (int)MIN(g.names.n, (size_t)200), g.all ? "every rule" : g.names.p);
		}
		if (l->opt->no_ignore_pragma || expired(l, h, &g, i))
			continue;
		if (g.all) {
			hold(h, &x);
			continue;
		}
		names = g.names;
		while (ignore_name(&names, &name)) {
			const struct lint_rule *r = NULL;
			x.name = name;
			while ((r = lint_rule_named(name, r))) {
				x.rule = &r->meta;
				hold(h, &x);
			}
			if (!lint_rule_find(name) && !foreign_code(g.tool, name))
				unknown_name(l, i, name);
		}
	}
}

/* --- applying them --- */
static bool has_alias(const struct rule *r, enum ignore_tool tool)
{
	struct str rest = str_of(r->aliases), name, t;
	if (tool == IGNORE_BUILDKIT)
		return r->buildkit != NULL;
	while (rule_alias_next(&rest, &t, &name))
		if (str_is(t, ignore_tool_text[tool]))
			return true;
	return false;
}

static bool holds(const struct held *h, const struct diagnostic *d)
{
	if (d->line < h->first || d->line > h->last)
		return false;
	if (h->rule)
		return h->rule == d->rule;
	return h->tool == IGNORE_PARE || h->tool == IGNORE_TALLY || has_alias(d->rule, h->tool);
}

static bool experimental(const struct rule *r) { return r->buildkit && r->level == LEVEL_IGNORE; }

static void take_out(struct lint *l, struct held_list *h, u32 from)
{
	struct diagnostics *d = l->out;
	u32 kept = from;
	for (u32 i = from; i < d->n; i++) {
		bool ignored = false, error = strcmp(d->v[i].rule->name, "parse-error") == 0;
		for (u32 k = 0; k < h->n && !error; k++)
			if (!(ignored && !h->v[k].rule) && holds(&h->v[k], &d->v[i]) && !(h->v[k].comment == UINT32_MAX && experimental(d->v[i].rule))) {
				h->v[k].used = ignored = true;
			}
		if (!ignored)
			d->v[kept++] = d->v[i];
	}
	d->n = kept;
}

/* A name that took nothing out, of a rule that was asked. */
static void unused(struct lint *l, const struct held_list *h)
{
	for (u32 k = 0; k < h->n; k++) {
		const struct held *x = &h->v[k];
		/* one name may stand for several rules, side by side: the last speaks for them */
		bool used = x->used || (k + 1 < h->n && h->v[k + 1].name.p == x->name.p);
		for (u32 i = k; i > 0 && h->v[i - 1].name.p == x->name.p; i--)
			used |= h->v[i - 1].used;
		if (used || !x->rule || x->comment == UINT32_MAX || x->tool == IGNORE_TRIVY || x->tool == IGNORE_CHECKOV || x->tool == IGNORE_KICS)
			continue;
		enum level level = !lint_rule_wanted(x->rule, l->opt) ? LEVEL_IGNORE : l->opt->level ? l->opt->level(l->opt->level_ctx, x->rule) : x->rule->level;
		if (level == LEVEL_IGNORE)
			continue;
		u32 at = (u32)(x->name.p - l->file.text.p);
		l->rule = &rules_pragma[RULE_UNUSED];
		lint_add_at(l, NULL, (struct df_span){ at, at + (u32)x->name.n }, "%.*s has nothing to say there", STR_FMT(x->name));
	}
}

void lint_pragmas(struct lint *l)
{
	struct held_list h = { 0 };
	if (l->codes != LINT_HADOLINT)
		hold_check(l, &h);
	for (u32 i = 0; i < l->file.n_comments; i++)
		hold_comment(l, &h, i);
	if (h.n) {
		take_out(l, &h, l->own.first);
		u32 spoken = l->out->n;
		unused(l, &h);
		take_out(l, &h, spoken);
	}
	free(h.v);
}
