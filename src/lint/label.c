/* Labels: their keys, and what a label schema asks for. */
#include "lint/edit.h"
#include "lint/label_value.h"

enum { KEY, MISSING, SUPERFLUOUS, EMPTY, URL, TIME, LICENSE, HASH, VERSION, EMAIL };
extern const struct lint_rule rules_label[];
#define AS(l, r) ((l)->rule = &rules_label[r])

static bool hadolint(const struct lint *l) { return l->codes == LINT_HADOLINT; }
static struct str key_of(const struct df_pair *p) { return lint_unquote(p->name.s); }

/* --- keys --- */
static bool lower(char c) { return c >= 'a' && c <= 'z'; }
static bool digit(char c) { return c >= '0' && c <= '9'; }

/* Docker's recommendation. Underscores and slashes are allowed though not recommended: hadolint minds, we don't. */
static bool key_ok(const struct lint *l, struct str k)
{
	if (!k.n || !lower(k.p[0]) || !(lower(k.p[k.n - 1]) || digit(k.p[k.n - 1])))
		return false;
	for (size_t i = 0; i < k.n; i++) {
		char c = k.p[i];
		if (!lower(c) && !digit(c) && c != '.' && c != '-' && (hadolint(l) || (c != '_' && c != '/')))
			return false;
		if (i && (c == '.' || c == '-') && k.p[i - 1] == c)
			return false;
	}
	return true;
}

static bool reserved(const struct lint *l, struct str k)
{
	if (!hadolint(l) && (str_starts(k, STR("com.docker.extension.")) || str_starts(k, STR("com.docker.desktop."))))
		return false; /* Docker's extensions have to have them */
	return str_starts(k, STR("com.docker.")) || str_starts(k, STR("io.docker.")) || str_starts(k, STR("org.dockerproject."));
}

static bool in_schema(const struct lint *l, struct str key)
{
	for (u32 i = 0; i < l->opt->n_labels; i++)
		if (str_eq(l->opt->labels[i].name, key))
			return true;
	return false;
}

static void check_keys(struct lint *l)
{
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));)
		for (u32 i = 0; in->keyword == DF_LABEL && i < in->n_pairs; i++) {
			struct str k = key_of(&in->pairs[i]);
			bool res = reserved(l, k), ok = key_ok(l, k);
			if ((ok && !res) || (!hadolint(l) && (in_schema(l, k) || str_chr(k, '$'))))
				continue;
			if (ok)
				lint_add_at(l, in, in->pairs[i].name.span, "label %.*s is in a namespace that Docker keeps for itself", STR_FMT(k));
			else
				lint_add_at(l, in, in->pairs[i].name.span, "label %.*s: a key is lower-case letters, digits, single dots and hyphens, from a letter to a letter or digit", STR_FMT(k));
			if (hadolint(l))
				break;
		}
}

/* --- values --- */
static const struct {
	const char *type;
	u32 rule;
	bool (*ok)(struct str s);
	const char *what;
} types[] = {
	{ "url", URL, label_is_url, "a URL" },
	{ "rfc3339", TIME, label_is_time, "a time as RFC 3339 writes it" },
	{ "spdx", LICENSE, label_is_license, "a licence of SPDX's list" },
	{ "hash", HASH, NULL, "a commit hash" },
	{ "semver", VERSION, label_is_version, "a semantic version" },
	{ "email", EMAIL, label_is_email, "an e-mail address" },
};

static bool value_ok(const struct lint *l, u32 type, struct str v)
{
	if (!types[type].ok)
		return label_is_hash(v, !hadolint(l));
	return types[type].ok(v) || (!hadolint(l) && types[type].ok == label_is_license && label_is_license_expression(v));
}

static void check_value(struct lint *l, const struct df_instruction *in, const struct df_pair *p, const struct lint_label *label)
{
	bool known = true;
	struct str v = hadolint(l) ? lint_unquote(p->value.s) : lint_expand(l, in, p->value.s, &known);
	if (!known)
		return;
	if (!v.n) {
		AS(l, EMPTY);
		lint_add_at(l, in, p->span, "label %.*s is empty", STR_FMT(label->name));
	}
	for (u32 i = 0; i < countof(types) && (v.n || hadolint(l)); i++)
		if (str_is(label->type, types[i].type) && !value_ok(l, i, v)) {
			AS(l, types[i].rule);
			lint_add_at(l, in, p->span, "label %.*s is not %s", STR_FMT(label->name), types[i].what);
		}
}

static void check_schema(struct lint *l)
{
	if (!l->opt->n_labels && !l->opt->strict_labels)
		return;
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		bool superfluous = false;
		for (u32 i = 0; in->keyword == DF_LABEL && i < in->n_pairs; i++) {
			const struct df_pair *p = &in->pairs[i];
			for (u32 k = 0; k < l->opt->n_labels; k++)
				if (str_eq(key_of(p), l->opt->labels[k].name))
					check_value(l, in, p, &l->opt->labels[k]);
			AS(l, SUPERFLUOUS);
			if (l->opt->strict_labels && !in_schema(l, key_of(p)) && !(superfluous && hadolint(l))) {
				superfluous = true;
				lint_add_at(l, in, p->span, "label %.*s is not in the schema", STR_FMT(key_of(p)));
			}
		}
	}
}

/* --- labels that are missing --- */
static bool sets(const struct df_instruction *in, struct str label)
{
	for (u32 i = 0; in->keyword == DF_LABEL && i < in->n_pairs; i++)
		if (str_eq(key_of(&in->pairs[i]), label))
			return true;
	return false;
}

static bool stage_sets(const struct lint *l, const struct df_stage *s, struct str label)
{
	for (u32 n = 0; n <= l->graph.n_stages; n++) {
		for (u32 i = s->first; i < s->end; i++)
			if (!l->file.instructions[i].bad && sets(&l->file.instructions[i], label))
				return true;
		if (s->base == DF_NONE)
			return false;
		s = &l->graph.stages[s->base];
	}
	return false;
}

/* Ours: the image that is built has the label, from its own stage or one that it is built on. */
static void check_target(struct lint *l)
{
	if (l->graph.target == DF_NONE)
		return;
	const struct df_stage *s = &l->graph.stages[l->graph.target];
	for (u32 k = 0; k < l->opt->n_labels && s->from != DF_NONE; k++)
		if (!stage_sets(l, s, l->opt->labels[k].name))
			lint_add(l, &l->file.instructions[s->from], "label %.*s is missing", STR_FMT(l->opt->labels[k].name));
}

/* Hadolint's: every stage that is not built on one that has it, copied from, or the base of one that has it and no name of its own. */
enum fate { GOOD = 1, BAD, SILENT };

static void quiet(const struct lint *l, u8 *fate, struct str alias, u32 upto)
{
	u32 k = df_graph_stage(&l->graph, alias, upto);
	if (k != DF_NONE && str_eq(l->graph.stages[k].name, alias) && fate[k] == BAD)
		fate[k] = SILENT;
}

static void missing_hadolint(struct lint *l, struct str label, u8 *fate)
{
	const struct df_stage *now = NULL;
	struct str name = { 0 };
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		const struct df_stage *s = lint_stage(l, in);
		const struct df_flag *from = in->keyword == DF_COPY ? df_flag(in, "from") : NULL;
		if (in->keyword == DF_FROM && s) {
			struct str image = lint_image_name(lint_unquote(s->image)).path;
			u32 k = df_graph_stage(&l->graph, image, s->index);
			fate[s->index] = k != DF_NONE && str_eq(l->graph.stages[k].name, image) && fate[k] == GOOD ? GOOD : BAD;
			name = s->name.n ? s->name : image;
			now = s;
		} else if (now && from && from->value.n) {
			quiet(l, fate, from->value, now->index + 1);
		} else if (now && sets(in, label)) {
			quiet(l, fate, name, now->index + 1);
			fate[now->index] = GOOD;
		}
	}
	for (u32 i = 0; i < l->graph.n_stages; i++)
		if (fate[i] == BAD && l->graph.stages[i].from != DF_NONE)
			lint_add(l, &l->file.instructions[l->graph.stages[i].from], "label %.*s is missing", STR_FMT(label));
}

static void check_missing(struct lint *l)
{
	if (!hadolint(l)) {
		check_target(l);
		return;
	}
	u8 *fate = xcalloc(l->graph.n_stages + 1, 1);
	for (u32 k = 0; k < l->opt->n_labels; k++) {
		memset(fate, 0, l->graph.n_stages + 1);
		missing_hadolint(l, l->opt->labels[k].name, fate);
	}
	free(fate);
}

#define SCHEMA "A label schema (label-schema in the configuration, or --require-label) names the labels that images of an organisation carry, and what their values are. "
#define VALUE(r, own, code, text, reason)                                                                                   \
	[r] = { .meta = { .name = own, .hadolint = code, .level = LEVEL_WARNING, .since = "2026.1", .topic = "metadata",    \
		.summary = text, .why = SCHEMA reason " Without a schema the rule says nothing.", .bad = "", .good = "FROM debian:12\nLABEL a=b\n" } }

const struct lint_rule rules_label[] = {
	[KEY] = { .meta = {
		.name = "label-key", .hadolint = "DL3048", .level = LEVEL_STYLE, .since = "2026.1", .topic = "metadata",
		.summary = "a label's key is not what Docker recommends",
		.why = "Tools select by labels. Docker recommends keys of lower-case letters, digits, single dots and hyphens, that begin with a letter and with the reverse of a domain of yours, "
		       "and keeps com.docker.*, io.docker.* and org.dockerproject.* for itself.",
		.bad = "FROM debian:12\nLABEL Vendor..Name=x\n", .good = "FROM debian:12\nLABEL com.example.vendor-name=x\n" },
		check_keys },
	[MISSING] = { .meta = {
		.name = "label-missing", .hadolint = "DL3049", .level = LEVEL_INFO, .since = "2026.1", .topic = "metadata",
		.summary = "a label of the schema is not set",
		.why = SCHEMA "One that is missing is missing in every inventory that is made of images. Stages that only build need none. Without a schema the rule says nothing.",
		.bad = "", .good = "FROM debian:12\nLABEL a=b\n" },
		check_missing },
	[SUPERFLUOUS] = { .meta = {
		.name = "label-superfluous", .hadolint = "DL3050", .level = LEVEL_INFO, .since = "2026.1", .topic = "metadata",
		.summary = "a label is not in the schema, and the schema is strict",
		.why = SCHEMA "With strict-labels no others are wanted: a typing error in a key is found so.",
		.bad = "", .good = "FROM debian:12\nLABEL a=b\n" },
		check_schema },
	VALUE(EMPTY, "label-empty", "DL3051", "a label of the schema has no value", "An empty one passes for set and says nothing."),
	VALUE(URL, "label-url", "DL3052", "a label of type `url` is no URL", "What is read as a URL must be one."),
	VALUE(TIME, "label-time", "DL3053", "a label of type `rfc3339` is no time of RFC 3339", "A time is written 2026-01-31T12:00:00Z: sortable, and with its zone."),
	VALUE(LICENSE, "label-license", "DL3054", "a label of type `spdx` is no SPDX licence", "Licence audits match SPDX's identifiers, and expressions of them."),
	VALUE(HASH, "label-hash", "DL3055", "a label of type `hash` is no commit hash", "A revision is found again by its hash: 40 hexadecimal digits, or 7."),
	VALUE(VERSION, "label-version", "DL3056", "a label of type `semver` is no semantic version", "Versions are compared by Semantic Versioning: MAJOR.MINOR.PATCH."),
	VALUE(EMAIL, "label-email", "DL3058", "a label of type `email` is no address", "Who maintains an image should be reachable."),
	{ .meta = { 0 } },
};
