/* Stages: their names, what is copied from them, what stands before the first. */
#include "lint/edit.h"

enum { COPY_UNKNOWN, COPY_SELF, COPY_ROOT, NAME_TWICE, BEFORE_FROM, ONBUILD_FORBIDDEN };
extern const struct lint_rule rules_stage[];
#define AS(l, r) ((l)->rule = &rules_stage[r])

static bool number_of(struct str s, u64 *n) { return s.n && s.p[0] >= '0' && s.p[0] <= '9' && str_to_u64(s, n); }

/* --- COPY --from --- */
#define NEAR 40 /* longest name that is compared for likeness */

/* Whether two names differ by one letter: changed, added, left out, or two that changed places. */
static bool alike(struct str a, struct str b)
{
	if (a.n > b.n)
		return alike(b, a);
	if (a.n < 3 || b.n > NEAR || b.n - a.n > 1)
		return false;
	size_t i = 0, k = 0;
	while (i < a.n && a.p[i] == b.p[i])
		i++;
	while (k < a.n - i && a.p[a.n - 1 - k] == b.p[b.n - 1 - k])
		k++;
	size_t left = a.n - i - k;
	return left <= (a.n == b.n) || (a.n == b.n && left == 2 && a.p[i] == b.p[i + 1] && a.p[i + 1] == b.p[i]);
}

#define CANDIDATES 200 /* stages that are looked at for a likeness */

static struct str like(const struct lint *l, struct str name, u32 before)
{
	for (u32 i = 0; i < before && i < CANDIDATES; i++)
		if (l->graph.stages[i].name.n && alike(l->graph.stages[i].name, name))
			return l->graph.stages[i].name;
	return str_n(NULL, 0);
}

static bool later(const struct lint *l, struct str name, u32 stage)
{
	u32 k = df_graph_stage(&l->graph, name, l->graph.n_stages);
	return k != DF_NONE && k > stage;
}

static bool known_to_hadolint(const struct lint *l, struct str from, u32 stages)
{
	u32 k = df_graph_stage(&l->graph, from, stages);
	u64 n;
	if (str_contains(lint_unquote(from), STR(":")) || (k != DF_NONE && str_eq(l->graph.stages[k].name, from)))
		return true;
	size_t digits = 0;
	while (digits < from.n && from.p[digits] >= '0' && from.p[digits] <= '9')
		digits++;
	return number_of(str_head(from, digits), &n) && n < stages;
}

static struct df_span value_span(const struct df_flag *f)
{
	u32 n = (u32)f->value.n;
	return f->span.end - f->span.at >= n ? (struct df_span){ f->span.end - n, f->span.end } : f->span;
}

static void copy_unknown(struct lint *l, const struct df_instruction *in, const struct df_flag *f, u32 stage)
{
	struct str from = f->value;
	AS(l, COPY_UNKNOWN);
	if (l->codes == LINT_HADOLINT) {
		const struct df_stage *s = lint_stage(l, in);
		if (!known_to_hadolint(l, from, s && s->from != DF_NONE ? s->index + 1 : 0))
			lint_add(l, in, "no stage before this one is called %.*s", STR_FMT(from));
		return;
	}
	u64 n;
	if (df_graph_stage(&l->graph, from, stage) != DF_NONE || str_chr(from, '$') || str_chr(from, '/') || str_chr(from, ':') || str_chr(from, '@'))
		return; /* a stage, an image, or what a variable says; other names may be images or named contexts */
	if (number_of(from, &n)) {
		if (n > stage)
			lint_add_at(l, in, f->span, "there is no stage %.*s before this one", STR_FMT(from));
	} else if (later(l, from, stage)) {
		lint_add_at(l, in, f->span, "stage %.*s comes later: COPY --from sees earlier ones only", STR_FMT(from));
	} else {
		struct str near = like(l, from, stage);
		if (near.p) {
			struct diagnostic *d = lint_add_at(l, in, f->span, "no stage is called %.*s: is %.*s meant?", STR_FMT(from), STR_FMT(near));
			lint_fix(l, d, FIX_SUGGESTED, "Copy from the stage that is called so", value_span(f), near);
		}
	}
}

static bool copies_from_self(const struct lint *l, struct str from, const struct df_stage *s)
{
	u64 n;
	if (l->codes == LINT_HADOLINT)
		return s->name.p && str_eq(s->name, from);
	if (df_graph_stage(&l->graph, from, s->index) != DF_NONE)
		return false; /* an earlier one of that name */
	return (s->name.n && str_ieq(s->name, from)) || (number_of(from, &n) && n == s->index);
}

static void copy_root(struct lint *l, const struct df_instruction *in, const struct df_stage *s)
{
	bool root = false;
	for (u32 i = 0; i + 1 < in->n_args; i++)
		root |= str_is(lint_unquote(in->args[i].s), "/");
	if (!root || !str_is(lint_unquote(in->args[in->n_args - 1].s), "/"))
		return;
	if (l->codes != LINT_HADOLINT) {
		const struct df_flag *f = df_flag(in, "from");
		u32 k = s ? df_graph_stage(&l->graph, f->value, s->index) : DF_NONE;
		if (k == DF_NONE || s->scratch || l->graph.stages[k].scratch || !lint_ships(l, in))
			return; /* how an image is made of one layer; an image that is made to be copied from; a stage that only builds */
	}
	AS(l, COPY_ROOT);
	lint_add(l, in, "copies a whole file system over this one: name what is needed of it");
}

static void check_copy(struct lint *l)
{
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		const struct df_flag *f = in->keyword == DF_COPY && in->n_args >= 2 ? df_flag(in, "from") : NULL;
		if (!f || !f->value.n)
			continue;
		const struct df_stage *s = lint_stage(l, in);
		if (s && copies_from_self(l, f->value, s)) {
			AS(l, COPY_SELF);
			lint_add_at(l, in, f->span, "COPY --from=%.*s copies from the stage it stands in", STR_FMT(f->value));
		} else {
			copy_unknown(l, in, f, s ? s->index : 0);
		}
		copy_root(l, in, s);
	}
}

/* --- names --- */
static void check_names(struct lint *l)
{
	bool hadolint = l->codes == LINT_HADOLINT;
	for (u32 i = 0; i < l->graph.n_stages; i++) {
		const struct df_stage *s = &l->graph.stages[i];
		if (s->from == DF_NONE || !s->name.n || l->file.instructions[s->from].bad)
			continue;
		const struct df_instruction *in = &l->file.instructions[s->from];
		struct df_span where = in->n_args == 3 ? in->args[2].span : in->span;
		u32 k = df_graph_stage(&l->graph, s->name, i);
		AS(l, NAME_TWICE);
		if (k != DF_NONE && (hadolint ? str_eq(l->graph.stages[k].name, s->name) : str_ieq(l->graph.stages[k].name, s->name)))
			lint_add_at(l, in, where, "a stage before this one is called %.*s too", STR_FMT(s->name));
	}
}

/* --- order --- */
static void check_order(struct lint *l)
{
	for (u32 i = 0; i < l->file.n_instructions && l->file.instructions[i].keyword != DF_FROM; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		if (in->keyword == DF_ARG || in->keyword == DF_UNKNOWN)
			continue;
		lint_add(l, in, "%s stands before the first FROM: only ARG may", df_keyword_text[in->keyword]);
		if (l->codes != LINT_HADOLINT)
			return;
	}
}

static void check_onbuild(struct lint *l)
{
	for (u32 i = 0; i < l->file.n_instructions; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		if (in->keyword == DF_ONBUILD && in->trigger && (in->trigger->keyword == DF_ONBUILD || in->trigger->keyword == DF_FROM || in->trigger->keyword == DF_MAINTAINER))
			lint_add(l, in, "ONBUILD cannot trigger %s", df_keyword_text[in->trigger->keyword]);
	}
}

const struct lint_rule rules_stage[] = {
	[COPY_UNKNOWN] = { .meta = {
		.name = "copy-from-unknown", .hadolint = "DL3022", .level = LEVEL_WARNING, .since = "2026.1", .topic = "correctness",
		.summary = "COPY --from names no stage that stands before it",
		.why = "A name that is no stage is taken for an image and fetched from a registry: a typing error becomes a download of somebody else's files, or a build that fails late. "
		       "Images and named contexts are right where they are meant; the rule speaks of stages that come later, numbers that no stage has, and names that look like a stage's.",
		.bad = "FROM debian:12\nCOPY --from=build /app /app\nFROM golang:1.22 AS build\n", .good = "FROM golang:1.22 AS build\nFROM debian:12\nCOPY --from=build /app /app\n" },
		check_copy },
	[COPY_SELF] = { .meta = {
		.name = "copy-from-self", .hadolint = "DL3023", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0006 trivy:DS006 trivy:AVD-DS-0006 kics:cdddb86f-95f6-4fc4-b5a1-483d9afceb2b",
		.summary = "COPY --from names the stage it stands in",
		.why = "A stage is not finished while it is built: nothing can be copied from it. BuildKit refuses to build the file.",
		.bad = "FROM debian:12 AS app\nCOPY --from=app /a /b\n", .good = "FROM debian:12 AS build\nFROM debian:12 AS app\nCOPY --from=build /a /b\n" } },
	[COPY_ROOT] = { .meta = {
		.name = "copy-from-root", .hadolint = "DL3067", .level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "COPY --from copies the whole file system of a stage over another",
		.why = "Everything of the other stage comes along, its build tools and caches too, and writes over what the base image has: what is the same is stored twice. "
		       "Into `scratch` it is a way to make one layer of many, and images like tonistiigi/xx are made to be copied whole: there the rule is silent.",
		.bad = "FROM debian:12 AS build\nFROM debian:12\nCOPY --from=build / /\n", .good = "FROM debian:12 AS build\nFROM debian:12\nCOPY --from=build /app /app\n" } },
	[NAME_TWICE] = { .meta = {
		.name = "stage-name-twice", .hadolint = "DL3024", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0012 trivy:DS012 trivy:AVD-DS-0012 checkov:CKV_DOCKER_11 kics:f2daed12-c802-49cd-afed-fe41d0b82fed",
		.summary = "two stages have the same name",
		.why = "The later one hides the earlier: COPY --from, FROM and --target can only reach one of them, and which one depends on where they stand. Letters of either case are the same.",
		.bad = "FROM debian:12 AS app\nFROM debian:12 AS app\n", .good = "FROM debian:12 AS build\nFROM debian:12 AS app\n" },
		check_names },
	[BEFORE_FROM] = { .meta = {
		.name = "before-from", .hadolint = "DL3061", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.summary = "an instruction stands before the first FROM",
		.why = "There is no image yet that it could change. Only ARG and comments may stand there; BuildKit refuses anything else.",
		.bad = "LABEL a=b\nFROM debian:12\n", .good = "ARG V=12\nFROM debian:${V}\nLABEL a=b\n" },
		check_order },
	[ONBUILD_FORBIDDEN] = { .meta = {
		.name = "onbuild-forbidden", .hadolint = "DL3043", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.summary = "ONBUILD triggers what it must not",
		.why = "ONBUILD, FROM and MAINTAINER cannot be triggered: the stage that is built on the image has begun already. BuildKit refuses the file.",
		.bad = "FROM debian:12\nONBUILD ONBUILD RUN true\n", .good = "FROM debian:12\nONBUILD RUN true\n" },
		check_onbuild },
	{ .meta = { 0 } },
};
