/* What stages are built on: tags, registries, platforms. */
#include "lint/edit.h"

enum { UNTAGGED, LATEST, REGISTRY, PLATFORM, REDUNDANT };
extern const struct lint_rule rules_base_image[];

/* Hadolint takes the image as it is written. We expand it: *known false where a variable in it has no value. */
static struct lint_image_name image_of(const struct lint *l, const struct df_stage *s, bool *known)
{
	bool written = l->codes == LINT_HADOLINT;
	*known = written || s->image_known;
	return lint_image_name(lint_unquote(written || !s->image_known ? s->image : s->image_expanded));
}

static bool begins_with_variable(struct str s) { return s.n && s.p[0] == '$'; }
static bool has_variable(struct str s) { return str_chr(s, '$') != NULL; }

static bool names_stage(const struct lint *l, struct str name, u32 before)
{
	u32 k = df_graph_stage(&l->graph, name, before);
	return k != DF_NONE && (l->codes != LINT_HADOLINT || str_eq(l->graph.stages[k].name, name));
}

static const struct df_instruction *from_of(const struct lint *l, const struct df_stage *s)
{
	if (s->from == DF_NONE || l->file.instructions[s->from].bad || !l->file.instructions[s->from].n_args)
		return NULL;
	return &l->file.instructions[s->from];
}

static void check_tags(struct lint *l)
{
	for (u32 i = 0; i < l->graph.n_stages; i++) {
		const struct df_stage *s = &l->graph.stages[i];
		const struct df_instruction *in = from_of(l, s);
		if (!in)
			continue;
		bool known;
		struct lint_image_name n = image_of(l, s, &known);
		if (n.digest.p || str_is(n.path, "scratch") || (l->codes != LINT_HADOLINT && s->base != DF_NONE))
			continue;
		if (n.tag.p) {
			l->rule = &rules_base_image[LATEST];
			if (str_is(n.tag, "latest"))
				lint_add_at(l, in, in->args[0].span, "%.*s:latest is another image every few weeks: name a version", STR_FMT(n.path));
		} else if (!begins_with_variable(n.path) && (known || !has_variable(n.path)) && !(l->codes == LINT_HADOLINT && names_stage(l, n.path, i))) {
			l->rule = &rules_base_image[UNTAGGED];
			lint_add_at(l, in, in->args[0].span, "%.*s has no tag, so it is :latest: name a version", STR_FMT(n.path));
		}
	}
}

/* --- registries --- */
static bool matches(struct str pattern, struct str registry)
{
	if (str_is(pattern, "*"))
		return true;
	if (pattern.n && pattern.p[0] == '*')
		return str_ends(registry, str_from(pattern, 1));
	if (pattern.n && pattern.p[pattern.n - 1] == '*')
		return str_starts(registry, str_head(pattern, pattern.n - 1));
	return str_eq(pattern, registry);
}

static bool trusted(const struct lint *l, struct str registry)
{
	for (u32 i = 0; i < l->opt->n_trusted; i++)
		if (registry.p ? matches(l->opt->trusted[i], registry) : matches(l->opt->trusted[i], STR("docker.io")) || matches(l->opt->trusted[i], STR("hub.docker.com")))
			return true;
	return false;
}

/* Whether an image comes from a registry that is not on the list. What a variable hides cannot be said; a list may name the variable itself. */
static bool foreign(const struct lint *l, struct str image, u32 before)
{
	struct lint_image_name n = lint_image_name(lint_unquote(image));
	if (str_is(n.path, "scratch") || names_stage(l, n.registry.p ? image : n.path, before))
		return false;
	if (!n.registry.p && begins_with_variable(n.path)) {
		struct str rest = n.path, host = str_cut(&rest, '/');
		return l->codes == LINT_HADOLINT && !trusted(l, host) && !trusted(l, n.registry);
	}
	return !trusted(l, n.registry);
}

static void check_mounts(struct lint *l, const struct df_instruction *in, u32 stage)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(in, "mount", f));) {
		struct str rest = f->value, type = STR("bind"), from = { 0 };
		while (rest.p) {
			struct str value = str_cut(&rest, ','), key = str_cut(&value, '=');
			if (str_ieq(key, STR("type")))
				type = value;
			else if (str_ieq(key, STR("from")))
				from = value;
		}
		if (from.n && (str_ieq(type, STR("bind")) || str_ieq(type, STR("cache"))) && foreign(l, from, stage)) {
			lint_add_at(l, in, f->span, "%.*s is mounted from a registry that is not trusted", STR_FMT(from));
			if (l->codes == LINT_HADOLINT)
				return;
		}
	}
}

static void check_registry(struct lint *l)
{
	if (!l->opt->n_trusted)
		return;
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		const struct df_stage *s = lint_stage(l, in);
		u32 stage = s ? s->index : 0;
		const struct df_flag *from = in->keyword == DF_COPY ? df_flag(in, "from") : NULL;
		if (in->keyword == DF_FROM && in->n_args && s) {
			bool expanded = l->codes != LINT_HADOLINT && s->image_known;
			if (s->base == DF_NONE && foreign(l, expanded ? s->image_expanded : s->image, stage))
				lint_add_at(l, in, in->args[0].span, "%.*s does not come from a trusted registry", STR_FMT(in->args[0].s));
		} else if (from && from->value.n && foreign(l, from->value, stage)) {
			lint_add_at(l, in, from->span, "%.*s does not come from a trusted registry", STR_FMT(from->value));
		} else if (in->keyword == DF_RUN) {
			check_mounts(l, in, stage);
		}
	}
}

/* --- platforms --- */
static bool names_platform(struct str stage, struct str platform)
{
	struct str rest = platform;
	str_cut(&rest, '/');
	struct str arch = rest.p ? str_cut(&rest, '/') : str_n("", 0);
	for (size_t i = 0; arch.n && i + arch.n <= stage.n; i++)
		if (str_ieq(str_n(stage.p + i, arch.n), arch))
			return true;
	return false;
}

/* "$TARGETPLATFORM", "${TARGETPLATFORM}" and, for us, "${TARGETPLATFORM:-x}": BuildKit always gives it a value. */
static bool is_target_platform(const struct lint *l, struct str p)
{
	if (str_is(p, "$TARGETPLATFORM") || str_is(p, "${TARGETPLATFORM}"))
		return true;
	return l->codes != LINT_HADOLINT && (str_starts(p, STR("${TARGETPLATFORM:-")) || str_starts(p, STR("${TARGETPLATFORM-"))) && str_chr(p, '}') == p.p + p.n - 1;
}

/* Whether a global ARG gives the name another meaning. */
static bool redefined(const struct lint *l)
{
	for (u32 i = 0; i < l->file.n_instructions && l->file.instructions[i].keyword != DF_FROM; i++)
		for (u32 k = 0; k < l->file.instructions[i].n_pairs; k++)
			if (str_is(l->file.instructions[i].pairs[k].name.s, "TARGETPLATFORM") && l->file.instructions[i].pairs[k].value.s.p)
				return true;
	return false;
}

static struct df_span with_blanks_behind(const struct lint *l, struct df_span s)
{
	while (s.end < l->file.text.n && (l->file.text.p[s.end] == ' ' || l->file.text.p[s.end] == '\t'))
		s.end++;
	return s;
}

static void check_platform(struct lint *l)
{
	bool hadolint = l->codes == LINT_HADOLINT, other = !hadolint && redefined(l);
	for (u32 i = 0; i < l->graph.n_stages; i++) {
		const struct df_stage *s = &l->graph.stages[i];
		const struct df_instruction *in = from_of(l, s);
		const struct df_flag *f = in ? df_flag(in, "platform") : NULL;
		if (!f || !f->value.n)
			continue;
		struct str p = lint_unquote(f->value);
		if (is_target_platform(l, p) && !other) {
			l->rule = &rules_base_image[REDUNDANT];
			struct diagnostic *d = lint_add_at(l, in, f->span, "--platform=%.*s is what FROM does without it", STR_FMT(p));
			lint_fix(l, d, FIX_SAFE, "Remove the redundant --platform", with_blanks_behind(l, f->span), str_n("", 0));
			continue;
		}
		bool ok = hadolint ? str_contains(p, STR("BUILDPLATFORM")) || str_contains(p, STR("TARGETPLATFORM")) : has_variable(p) || names_platform(s->name, p);
		l->rule = &rules_base_image[PLATFORM];
		if (!ok && p.n)
			lint_add_at(l, in, f->span, "the stage is %.*s on every machine: leave --platform to whoever builds", STR_FMT(p));
	}
}

const struct lint_rule rules_base_image[] = {
	[UNTAGGED] = { .meta = {
		.name = "base-untagged", .hadolint = "DL3006", .level = LEVEL_WARNING, .since = "2026.1", .topic = "base-image",
		.aliases = "trivy:DS-0001 trivy:DS001 trivy:AVD-DS-0001 checkov:CKV_DOCKER_7 kics:9efb0b2d-89c9-41a3-91ca-dcc0aec911fd",
		.summary = "a stage is built on an image without a tag",
		.why = "Without a tag Docker takes `latest`, which is whatever was published last. The same Dockerfile then builds another image next month, and nobody changed a line: "
		       "a new major version arrives with the build that was meant to repair something else. Variables are followed to their defaults, and stages of the same file need no tag.",
		.bad = "FROM debian\n", .good = "ARG BASE=debian:12\nFROM ${BASE} AS base\nFROM base\n" },
		check_tags },
	[LATEST] = { .meta = {
		.name = "base-latest", .hadolint = "DL3007", .level = LEVEL_WARNING, .since = "2026.1", .topic = "base-image",
		.aliases = "trivy:DS-0001 trivy:DS001 trivy:AVD-DS-0001 checkov:CKV_DOCKER_7 kics:f45ea400-6bbe-4501-9fc7-1c3d75c32067",
		.summary = "a stage is built on an image's `latest` tag",
		.why = "`latest` moves. A build that worked breaks when it moves, a rollback does not bring back what was there, and nobody can say afterwards which version was built on. "
		       "With a digest behind it the tag decides nothing, and the rule is silent.",
		.bad = "FROM debian:latest\n", .good = "FROM debian:12\n" } },
	[REGISTRY] = { .meta = {
		.name = "untrusted-registry", .hadolint = "DL3026", .level = LEVEL_ERROR, .since = "2026.1", .topic = "security",
		.summary = "an image comes from a registry that is not on the list of trusted ones",
		.why = "Whoever controls the registry controls what is built on it. With `trustedRegistries` in the configuration (or --trusted-registry) only images of those are accepted, "
		       "in FROM, in COPY --from and in mounts; `*.example.com` and `*` are patterns. Without a list the rule says nothing.",
		.bad = "", .good = "FROM debian:12\n" },
		check_registry },
	[PLATFORM] = { .meta = {
		.name = "from-platform", .hadolint = "DL3029", .level = LEVEL_WARNING, .since = "2026.1", .topic = "base-image",
		.aliases = "kics:b16e8501-ef3c-44e1-a543-a093238099c9",
		.summary = "FROM fixes the platform",
		.why = "A constant --platform makes an image for one kind of machine, whatever --platform the build asks for: on others it runs emulated, slowly, or not at all. "
		       "$BUILDPLATFORM is right for stages that cross-compile; a constant is right where the stage's name says which platform it is for.",
		.bad = "FROM --platform=linux/amd64 debian:12\n", .good = "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nFROM debian:12\n" },
		check_platform },
	[REDUNDANT] = { .meta = {
		.name = "redundant-platform", .hadolint = "DL3065", .level = LEVEL_WARNING, .since = "2026.1", .topic = "base-image",
		.summary = "FROM --platform=$TARGETPLATFORM is the default",
		.why = "The target platform is what FROM takes when nothing is said. Writing it down adds nothing but a dependency on BuildKit's variables.",
		.bad = "FROM --platform=$TARGETPLATFORM debian:12\n", .good = "FROM debian:12\n" } },
	{ .meta = { 0 } },
};
