#include "lint/lint.h"
#include "base/buf.h"
#include "lint/bytes.h"
#include "lint/pragma.h"
#include "lint/script.h"

/* --- findings of the driver itself --- */
enum { RULE_PARSE_ERROR, RULE_TRIGGER, RULE_TOO_MANY };
const struct lint_rule rules_driver[] = {
	[RULE_PARSE_ERROR] = { .meta = {
		.name = "parse-error", .hadolint = "DL1000", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.summary = "the file does not parse: BuildKit refuses to build it",
		.why = "What BuildKit cannot read it does not build, and no rule can judge what it means. Everything else in the file is still checked, as far as it can be understood.",
		.bad = "FROM debian:12\nRUM apt-get update\n", .good = "FROM debian:12\nRUN apt-get update\n" } },
	[RULE_TRIGGER] = { .meta = {
		.name = "trigger-parse-error", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.summary = "a trigger of ONBUILD does not parse",
		.why = "BuildKit accepts the file and refuses the trigger when an image is built on this one: the failure is somebody else's.",
		.bad = "FROM debian:12\nONBUILD COPY app\n", .good = "FROM debian:12\nONBUILD COPY app /app\n" } },
	[RULE_TOO_MANY] = { .meta = {
		.name = "too-many-findings", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.summary = "the file has more findings than are kept",
		.why = "A file with ten thousand findings is generated, or made to exhaust who reads it. The findings that came first are shown.",
		.bad = "", .good = "" } },
	{ .meta = { 0 } },
};

/* --- which rules --- */
const char *lint_code(const struct rule *r, enum lint_codes codes)
{
	if (codes == LINT_BUILDKIT && r->buildkit)
		return r->buildkit;
	return r->hadolint ? r->hadolint : r->buildkit ? r->buildkit : r->name;
}

bool lint_rule_wanted(const struct rule *r, const struct lint_options *opt)
{
	bool driver = r == &rules_driver[RULE_PARSE_ERROR].meta || r == &rules_driver[RULE_TOO_MANY].meta;
	if (opt->codes == LINT_HADOLINT ? !r->hadolint : opt->codes == LINT_BUILDKIT && !r->buildkit)
		return driver;
	return driver || !opt->ruleset || strcmp(r->since, opt->ruleset) <= 0;
}

static enum level level_of(struct lint *l, const struct lint_rule *r)
{
	const struct check_options *c = &l->own.check;
	if (l->own.level_of == r)
		return l->own.level;
	bool wanted = lint_rule_wanted(&r->meta, l->opt);
	enum level level = !wanted ? LEVEL_IGNORE : l->opt->level ? l->opt->level(l->opt->level_ctx, &r->meta) : r->meta.level;
	/* `# check=experimental=NAME` asks for one of BuildKit's that is off */
	if (wanted && r->meta.level == LEVEL_IGNORE && level == LEVEL_IGNORE && r->meta.buildkit && (c->experimental_all || ignore_lists(c->experimental, str_of(r->meta.buildkit))))
		level = LEVEL_WARNING;
	l->own.level_of = r;
	return l->own.level = level;
}

static void ask_rules(struct lint *l)
{
	for (const struct lint_rule *const *set = lint_rule_sets; *set; set++) {
		for (const struct lint_rule *r = *set, *group; r->meta.name;) {
			bool wanted = false;
			group = r;
			do
				wanted |= level_of(l, r) != LEVEL_IGNORE;
			while ((++r)->meta.name && !r->check);
			l->rule = group;
			if (wanted && group->check)
				group->check(l);
		}
	}
}

/* --- adding findings --- */
static struct diagnostic *forgotten(struct lint *l)
{
	l->own.forgotten = (struct diagnostic){ 0 };
	return &l->own.forgotten;
}

static struct df_span first_line_of(const struct df_file *f, struct df_span s)
{
	const char *p = f->text.p + s.at, *end = memchr(p, '\n', s.end - s.at);
	size_t n = end ? (size_t)(end - p) : s.end - s.at;
	while (n && (p[n - 1] == '\r' || p[n - 1] == '\\' || p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return (struct df_span){ s.at, s.at + (u32)n };
}

static struct diagnostic *add(struct lint *l, const struct df_instruction *i, struct df_span where, const char *message, va_list ap)
{
	const struct lint_rule *r = l->rule;
	enum level level = level_of(l, r);
	if (level == LEVEL_IGNORE)
		return forgotten(l);
	struct diagnostics *out = l->out;
	if (out->n - l->own.first >= LINT_FINDINGS) {
		l->own.dropped++;
		return forgotten(l);
	}
	char text[1024];
	vsnprintf(text, sizeof text, message, ap);
	struct df_position at = df_position(&l->file, where.at), end = df_position(&l->file, MAX(where.end, where.at));
	if (i && l->codes != LINT_ALL) /* hadolint and BuildKit speak of instructions */
		at = (struct df_position){ i->line, 1 };
	struct diagnostic d = { .rule = &r->meta, .level = level, .code = lint_code(&r->meta, l->codes), .message = arena_strdup(l->arena, str_of(text)),
		.at = where.at, .end = where.end, .line = at.line, .column = at.column, .end_line = end.line, .end_column = end.column, .instruction = i ? i->index : UINT32_MAX };
	VEC_PUSH(out->v, out->n, out->cap, d);
	l->own.no_fix = false;
	return &out->v[out->n - 1];
}

#define ADD(l, i, where, message)                              \
	va_list ap;                                            \
	va_start(ap, message);                                 \
	struct diagnostic *d = add(l, i, where, message, ap);  \
	va_end(ap)

struct diagnostic *lint_add(struct lint *l, const struct df_instruction *i, const char *message, ...)
{
	ADD(l, i, i ? first_line_of(&l->file, i->span) : ((struct df_span){ 0 }), message);
	return d;
}

struct diagnostic *lint_add_at(struct lint *l, const struct df_instruction *i, struct df_span where, const char *message, ...)
{
	ADD(l, i, where, message);
	return d;
}

static struct df_span span_of_command(const struct lint_script *s, const struct sh_command *c)
{
	u32 at = c->node->at, end = c->node->end;
	const struct sh_word *words = c->node->words, *name = c->args - 1;
	if (c->wrapped && c->args && name >= words && name < words + c->node->n_words)
		at = name->at;
	return lint_span(s, at, end);
}

struct diagnostic *lint_add_cmd(struct lint *l, const struct lint_script *s, const struct sh_command *c, const char *message, ...)
{
	ADD(l, s->in, span_of_command(s, c), message);
	l->own.no_fix = s->json;
	return d;
}

struct diagnostic *lint_add_word(struct lint *l, const struct lint_script *s, const struct sh_word *w, const char *message, ...)
{
	ADD(l, s->in, lint_span(s, w->at, w->end), message);
	l->own.no_fix = s->json;
	return d;
}

struct df_span lint_span(const struct lint_script *s, u32 at, u32 end)
{
	u32 n = (u32)s->text.s.n;
	if (!s->text.n_pieces)
		return s->in->span;
	return df_text_span(&s->text, MIN(at, n), MIN(MAX(at, end), n));
}

/* --- fixes --- */
static struct str with_own_eol(struct lint *l, struct str s)
{
	if (l->file.eol != DF_EOL_CRLF || !str_chr(s, '\n'))
		return str_n(arena_strdup(l->arena, s), s.n);
	struct buf b = BUF(0);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_putc(&b, '\r');
		buf_putc(&b, s.p[i]);
	}
	struct str r = { arena_strdup(l->arena, buf_str(&b)), b.n };
	buf_free(&b);
	return r;
}

void lint_fix(struct lint *l, struct diagnostic *d, enum fix_safety safety, const char *title, struct df_span where, struct str with)
{
	if (d == &l->own.forgotten || l->own.no_fix)
		return;
	struct fix *f = arena_new(l->arena, struct fix);
	*f = (struct fix){ .safety = safety, .title = arena_strdup(l->arena, str_of(title)) };
	d->fix = f;
	lint_fix_add(l, d, where, with);
}

void lint_fix_add(struct lint *l, struct diagnostic *d, struct df_span where, struct str with)
{
	if (!d->fix)
		return;
	struct fix *f = (struct fix *)d->fix; /* made above */
	struct edit *v = arena_array(l->arena, struct edit, f->n_edits + 1);
	u32 at = 0;
	while (at < f->n_edits && f->edits[at].at <= where.at)
		at++;
	if (at)
		memcpy(v, f->edits, at * sizeof *v);
	v[at] = (struct edit){ where.at, MAX(where.at, where.end), with_own_eol(l, with) };
	if (f->n_edits > at)
		memcpy(v + at + 1, f->edits + at, (f->n_edits - at) * sizeof *v);
	f->edits = v;
	f->n_edits++;
}

/* --- loops and questions --- */
const struct df_instruction *lint_next(const struct lint *l, const struct df_instruction *i)
{
	for (u32 k = i ? i->index + 1 : 0; k < l->file.n_instructions; k++) {
		const struct df_instruction *n = &l->file.instructions[k];
		const struct df_instruction *inner = n->keyword == DF_ONBUILD && n->trigger ? n->trigger : n;
		if (!n->bad && !inner->bad)
			return inner;
	}
	return NULL;
}

const struct lint_script *lint_next_run(const struct lint *l, const struct lint_script *s)
{
	for (u32 i = s ? (u32)(s - l->scripts) + 1 : 0; i < l->n_scripts; i++)
		if (l->scripts[i].in->keyword == DF_RUN && (l->scripts[i].posix || l->codes == LINT_HADOLINT))
			return &l->scripts[i];
	return NULL;
}

bool lint_ships(const struct lint *l, const struct df_instruction *i)
{
	u32 stage = l->graph.stage_of ? l->graph.stage_of[i->index] : DF_NONE;
	return stage == DF_NONE || l->graph.stages[stage].ships;
}

/* Whether `path` is `dir` or below it. */
static bool below(struct str path, struct str dir)
{
	while (dir.n > 1 && dir.p[dir.n - 1] == '/')
		dir.n--;
	return str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/' || dir.p[dir.n - 1] == '/');
}

bool lint_mounted(const struct lint_script *s, struct str path)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(s->in, "mount", f));) {
		struct str rest = f->value, type = STR("bind"), target = { 0 };
		while (rest.p) {
			struct str value = str_cut(&rest, ','), key = str_cut(&value, '=');
			if (str_ieq(key, STR("type")))
				type = value;
			else if (str_ieq(key, STR("target")) || str_ieq(key, STR("dst")) || str_ieq(key, STR("destination")))
				target = value;
		}
		if (target.n && (str_is(type, "cache") || str_is(type, "tmpfs")) && below(path, target))
			return true;
	}
	return false;
}

/* --- the run --- */
/* What BuildKit refuses and hadolint reads and has a code of its own for: instructions before the first FROM (DL3061), ONBUILD of what must not be triggered (DL3043). */
static bool hadolint_reads(const struct df_file *f, const struct df_error *e)
{
	u32 lo = 0, hi = f->n_instructions;
	while (lo < hi) {
		u32 m = (lo + hi) / 2;
		if (f->instructions[m].line < e->line)
			lo = m + 1;
		else
			hi = m;
	}
	const struct df_instruction *in = lo < f->n_instructions && f->instructions[lo].line == e->line ? &f->instructions[lo] : NULL;
	const struct df_instruction *t = in && in->keyword == DF_ONBUILD ? in->trigger : NULL;
	return e->order || (t && (t->keyword == DF_ONBUILD || t->keyword == DF_FROM || t->keyword == DF_MAINTAINER));
}

static void parse_errors(struct lint *l)
{
	const struct df_file *f = &l->file;
	l->refused &= l->codes != LINT_HADOLINT;
	for (u32 i = 0; i < f->n_errors; i++) {
		const struct df_error *e = &f->errors[i];
		if (l->codes == LINT_HADOLINT && hadolint_reads(f, e))
			continue;
		l->refused |= e->fatal || e->order;
		l->rule = &rules_driver[e->fatal || e->order ? RULE_PARSE_ERROR : RULE_TRIGGER];
		u32 line = MIN(MAX(e->line, 1u), MAX(f->n_lines, 1u));
		struct df_span where = { 0 };
		if (f->n_lines)
			where = first_line_of(f, (struct df_span){ f->lines[line - 1], (u32)f->text.n });
		lint_add_at(l, NULL, where, "%s", e->message);
	}
}

/* A finding gives way where a rule that its rule yields to speaks of the same instruction. */
struct spoken {
	const struct rule *rule;
	u32 next; /* 1 + index */
};

static void yield(struct lint *l)
{
	struct diagnostics *d = l->out;
	bool any = false;
	for (u32 i = l->own.first; i < d->n && !any; i++)
		any = d->v[i].rule->yields_to != NULL;
	if (!any || l->codes != LINT_ALL)
		return;
	struct spoken *v = NULL;
	u32 n = 0, cap = 0, kept = l->own.first;
	u32 *head = xcalloc(l->file.n_instructions + 1, sizeof *head); /* 1 + index of the rules that speak of an instruction, each once */
	for (u32 i = l->own.first; i < d->n; i++) {
		u32 slot = MIN(d->v[i].instruction, l->file.n_instructions), k = head[slot];
		while (k && v[k - 1].rule != d->v[i].rule)
			k = v[k - 1].next;
		if (!k) {
			struct spoken s = { d->v[i].rule, head[slot] };
			VEC_PUSH(v, n, cap, s);
			head[slot] = n;
		}
	}
	for (u32 i = l->own.first; i < d->n; i++) {
		bool gives_way = false;
		u32 slot = MIN(d->v[i].instruction, l->file.n_instructions);
		for (u32 k = d->v[i].rule->yields_to && slot < l->file.n_instructions ? head[slot] : 0; k && !gives_way; k = v[k - 1].next)
			gives_way = rule_yields(d->v[i].rule, v[k - 1].rule->name) || (v[k - 1].rule->hadolint && rule_yields(d->v[i].rule, v[k - 1].rule->hadolint));
		if (!gives_way)
			d->v[kept++] = d->v[i];
	}
	d->n = kept;
	free(head);
	free(v);
}

int lint_open(struct str text, const struct lint_options *opt, struct diagnostics *out, struct lint *ret, struct error *err)
{
	struct lint *l = ret;
	*l = (struct lint){ .opt = opt, .codes = opt->codes, .out = out, .arena = &out->arena };
	if (df_parse(text, &l->file, err) < 0)
		return -1;
	l->own.first = out->n;
	l->refused = l->file.refused;
	df_graph_build(&l->file, &(struct df_graph_options){ .build_args = opt->build_args, .n_build_args = opt->n_build_args, .target = opt->target, .base = opt->base,
		.ctx = opt->base_ctx }, &l->graph);
	lint_pragma_check(l);
	parse_errors(l);
	if (l->refused && opt->codes == LINT_HADOLINT)
		return 0; /* hadolint says no more of a file that it cannot read */
	lint_scripts(l);
	ask_rules(l);
	yield(l);
	lint_pragmas(l);
	if (opt->codes == LINT_ALL)
		lint_bytes(l, l->own.first);
	if (l->own.dropped) {
		l->rule = &rules_driver[RULE_TOO_MANY];
		u32 more = l->own.dropped;
		l->own.first = out->n;
		lint_add_at(l, NULL, (struct df_span){ 0 }, "%u findings more than the %u that are kept of a file", more, (u32)LINT_FINDINGS);
	}
	return 0;
}

void lint_close(struct lint *l)
{
	lint_scripts_free(l);
	df_graph_free(&l->graph);
	df_free(&l->file);
	*l = (struct lint){ 0 };
}

int lint_run(struct str text, const struct lint_options *opt, struct diagnostics *out, bool *refused, struct error *err)
{
	struct lint l;
	if (lint_open(text, opt, out, &l, err) < 0)
		return -1;
	*refused = l.refused;
	lint_close(&l);
	return 0;
}
