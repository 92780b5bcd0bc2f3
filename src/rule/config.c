#include "rule/config.h"
#include "base/buf.h"
#include "base/file.h"
#include <errno.h>
#include <unistd.h>
#include <yaml.h>

static const struct {
	const char *key, *environment;
} switches[CONFIG_SWITCHES] = {
	[CONFIG_NO_FAIL] = { "no-fail", "HADOLINT_NOFAIL" },
	[CONFIG_NO_COLOR] = { "no-color", "NO_COLOR" },
	[CONFIG_VERBOSE] = { "verbose", "HADOLINT_VERBOSE" },
	[CONFIG_STRICT_LABELS] = { "strict-labels", "HADOLINT_STRICT_LABELS" },
	[CONFIG_NO_IGNORE] = { "disable-ignore-pragma", "HADOLINT_DISABLE_IGNORE_PRAGMA" },
};
static const char *const texts[CONFIG_TEXTS] = { "format", "codes", "ruleset", "baseline", "fail-over", "target" };

/* --- values --- */
void config_list_add(struct config *c, struct config_list *l, struct str s)
{
	struct str copy = { arena_strdup(&c->arena, s), s.n };
	VEC_PUSH(l->v, l->n, l->cap, copy);
}

static bool known_type(struct str t)
{
	static const char *const types[] = { "text", "url", "semver", "hash", "rfc3339", "spdx", "email" };
	for (size_t i = 0; i < countof(types); i++)
		if (str_is(t, types[i]))
			return true;
	return false;
}

static int add_label(struct config *c, struct str name, struct str type, struct error *err)
{
	if (str_is(type, "") || str_is(type, "raw") || str_is(type, "rawtext"))
		type = STR("text");
	if (!known_type(type) || !name.n)
		return error_set(err, ERR_USAGE, "label %.*s: '%.*s' is none of text, url, semver, hash, rfc3339, spdx, email", STR_FMT(str_head(name, 100)), STR_FMT(str_head(type, 60)));
	struct config_label l = { { arena_strdup(&c->arena, name), name.n }, { arena_strdup(&c->arena, type), type.n } };
	VEC_PUSH(c->labels, c->n_labels, c->cap_labels, l);
	return 0;
}

int config_add_label(struct config *c, const char *text, struct error *err)
{
	struct str type = str_of(text), name = str_cut(&type, ':');
	return add_label(c, name, type.p ? type : STR(""), err);
}

static bool parse_bool(struct str s, bool *ret)
{
	static const char *const yes[] = { "true", "yes", "on", "y", "1" }, *const no[] = { "false", "no", "off", "n", "0" };
	for (size_t i = 0; i < countof(yes); i++)
		if (str_ieq(s, str_of(yes[i])) || str_ieq(s, str_of(no[i]))) {
			*ret = str_ieq(s, str_of(yes[i]));
			return true;
		}
	return false;
}

/* --- the file --- */
struct reader {
	struct config *c;
	yaml_document_t *doc;
	struct error *err;
};

static struct str scalar(const yaml_node_t *n) { return n->type == YAML_SCALAR_NODE ? str_n(n->data.scalar.value, n->data.scalar.length) : str_n(NULL, 0); }

static bool is_null(const yaml_node_t *n)
{
	struct str s = scalar(n);
	return s.p && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!s.n || str_is(s, "~") || str_is(s, "null") || str_is(s, "Null") || str_is(s, "NULL"));
}

static int wrong(struct reader *r, const yaml_node_t *at, const char *key, const char *wants)
{
	return error_set(r->err, ERR_USAGE, "line %zu: %s: %s", at->start_mark.line + 1, key, wants);
}

/* A scalar or a sequence of them. */
static int read_list(struct reader *r, const yaml_node_t *n, const char *key, struct config_list *into)
{
	if (is_null(n))
		return 0;
	if (n->type == YAML_SCALAR_NODE) {
		config_list_add(r->c, into, scalar(n));
		return 0;
	}
	if (n->type != YAML_SEQUENCE_NODE)
		return wrong(r, n, key, "wants a list");
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		if (!item || item->type != YAML_SCALAR_NODE)
			return wrong(r, item ? item : n, key, "wants a list of names");
		config_list_add(r->c, into, scalar(item));
	}
	return 0;
}

typedef int read_pair(struct reader *r, struct str key, const yaml_node_t *value);

static int read_mapping(struct reader *r, const yaml_node_t *n, const char *key, read_pair *pair)
{
	if (is_null(n))
		return 0;
	if (n->type != YAML_MAPPING_NODE)
		return wrong(r, n, key, "wants keys and values");
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		if (!k || !v || k->type != YAML_SCALAR_NODE)
			return wrong(r, n, key, "wants names as keys");
		if (pair(r, scalar(k), v) < 0)
			return -1;
	}
	return 0;
}

static int read_override(struct reader *r, struct str key, const yaml_node_t *value)
{
	enum level level;
	if (!level_parse(key, &level))
		return 0;
	return read_list(r, value, level_text[level], &r->c->level[level]);
}

static int read_label(struct reader *r, struct str key, const yaml_node_t *value)
{
	if (value->type != YAML_SCALAR_NODE)
		return wrong(r, value, "label-schema", "wants a type for each label");
	return add_label(r->c, key, scalar(value), r->err);
}

static int read_build_arg(struct reader *r, struct str key, const yaml_node_t *value)
{
	if (value->type != YAML_SCALAR_NODE)
		return wrong(r, value, "build-args", "wants a value for each name");
	struct str v = scalar(value);
	char *text = arena_printf(&r->c->arena, "%.*s=%.*s", STR_FMT(key), STR_FMT(v));
	config_list_add(r->c, &r->c->build_args, str_of(text));
	return 0;
}

static int read_top(struct reader *r, struct str key, const yaml_node_t *value)
{
	struct config *c = r->c;
	struct str s = scalar(value);
	if (str_is(key, "ignored"))
		return read_list(r, value, "ignored", &c->ignored);
	if (str_is(key, "trustedRegistries") || str_is(key, "trusted-registries"))
		return read_list(r, value, "trustedRegistries", &c->trusted);
	if (str_is(key, "override"))
		return read_mapping(r, value, "override", read_override);
	if (str_is(key, "label-schema"))
		return read_mapping(r, value, "label-schema", read_label);
	if (str_is(key, "build-args"))
		return value->type == YAML_MAPPING_NODE ? read_mapping(r, value, "build-args", read_build_arg) : read_list(r, value, "build-args", &c->build_args);
	if (is_null(value))
		return 0;
	if (str_is(key, "failure-threshold"))
		return level_parse(s, &c->threshold) ? 0 : wrong(r, value, "failure-threshold", "one of error, warning, info, style, ignore, none");
	for (u32 i = 0; i < CONFIG_SWITCHES; i++)
		if (str_is(key, switches[i].key))
			return s.p && parse_bool(s, &c->on[i]) ? 0 : wrong(r, value, switches[i].key, "wants true or false");
	for (u32 i = 0; i < CONFIG_TEXTS; i++)
		if (str_is(key, texts[i]) || (i == CONFIG_FORMAT && str_is(key, "output-format"))) {
			if (!s.p || str_chr(s, '\0'))
				return wrong(r, value, texts[i], "wants a word");
			c->text[i] = arena_strdup(&c->arena, s);
		}
	return 0;
}

static int read_yaml(struct config *c, struct str text, struct error *err)
{
	yaml_parser_t p;
	yaml_document_t doc;
	struct reader r = { c, &doc, err };
	if (!yaml_parser_initialize(&p))
		return error_set(err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
	int status = 0;
	if (!yaml_parser_load(&p, &doc)) {
		status = error_set(err, ERR_USAGE, "line %zu: not YAML: %s", p.problem_mark.line + 1, p.problem ? p.problem : "damaged");
	} else {
		const yaml_node_t *root = yaml_document_get_root_node(&doc);
		if (root)
			status = read_mapping(&r, root, "the file", read_top);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return status;
}

static int read_file(const char *path, struct config *c, struct error *err)
{
	struct buf text = BUF(CONFIG_BYTES);
	int status = file_read(path, CONFIG_BYTES, &text, err);
	if (status < 0)
		err->kind = ERR_USAGE;
	else if ((status = read_yaml(c, buf_str(&text), err)) < 0)
		error_wrap(err, "%s", path);
	buf_free(&text);
	return status;
}

/* The first that exists of DIR/NAME.yaml and DIR/NAME.yml. */
static const char *exists(struct config *c, const char *dir, const char *below, const char *name)
{
	static const char *const ends[] = { "yaml", "yml" };
	for (size_t i = 0; dir && dir[0] && i < countof(ends); i++) {
		char *path = strcmp(dir, ".") == 0 ? arena_printf(&c->arena, "%s.%s", name, ends[i]) : arena_printf(&c->arena, "%s/%s%s.%s", dir, below, name, ends[i]);
		if (access(path, F_OK) == 0)
			return path;
	}
	return NULL;
}

static const char *search(struct config *c)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME"), *below = xdg && xdg[0] ? "" : ".config/";
	const char *base = xdg && xdg[0] ? xdg : home, *found;
	if ((found = exists(c, ".", "", ".pare")) || (found = exists(c, ".", "", ".hadolint")) || (found = exists(c, base, below, "pare")) || (found = exists(c, base, below, "hadolint")) ||
		(found = exists(c, home, ".hadolint/", "hadolint")) || (found = exists(c, home, ".hadolint/", "config")) || (found = exists(c, home, "", ".hadolint")))
		return found;
	return NULL;
}

char *config_near(const char *path)
{
	static const char *const names[] = { ".pare.yaml", ".pare.yml", ".hadolint.yaml", ".hadolint.yml" };
	struct buf b = BUF(0);
	buf_puts(&b, path);
	while (b.n) {
		do
			b.n--;
		while (b.n && b.p[b.n] != '/');
		size_t dir = b.n;
		for (size_t i = 0; i < countof(names); i++) {
			b.n = dir;
			buf_printf(&b, "/%s", names[i]);
			if (access(b.p, F_OK) == 0)
				return b.p;
		}
		b.n = dir;
	}
	buf_free(&b);
	return NULL;
}

int config_load(const char *file, struct config *ret, struct error *err)
{
	struct config c = { .threshold = LEVEL_INFO };
	c.file = file ? arena_strdup(&c.arena, str_of(file)) : search(&c);
	if (c.file && read_file(c.file, &c, err) < 0) {
		config_free(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

/* --- the environment --- */
static void env_list(struct config *c, const char *name, struct config_list *into)
{
	struct str rest = str_of(getenv(name));
	while (rest.p) {
		struct str s = str_trim(str_cut(&rest, ','));
		if (s.n)
			config_list_add(c, into, s);
	}
}

void config_environment(struct config *c)
{
	static const struct {
		const char *name;
		enum level level;
	} overrides[] = { { "HADOLINT_OVERRIDE_ERROR", LEVEL_ERROR }, { "HADOLINT_OVERRIDE_WARNING", LEVEL_WARNING }, { "HADOLINT_OVERRIDE_INFO", LEVEL_INFO },
		{ "HADOLINT_OVERRIDE_STYLE", LEVEL_STYLE } };
	for (u32 i = 0; i < CONFIG_SWITCHES; i++) {
		const char *v = getenv(switches[i].environment);
		bool on = false;
		if (v)
			c->on[i] = parse_bool(str_of(v), &on) && on;
	}
	const char *format = getenv("HADOLINT_FORMAT"), *threshold = getenv("HADOLINT_FAILURE_THRESHOLD");
	if (format && format[0])
		c->text[CONFIG_FORMAT] = arena_strdup(&c->arena, str_of(format));
	if (threshold && !level_parse(str_of(threshold), &c->threshold))
		threshold = NULL;
	for (size_t i = 0; i < countof(overrides); i++)
		env_list(c, overrides[i].name, &c->level[overrides[i].level]);
	env_list(c, "HADOLINT_IGNORE", &c->ignored);
	env_list(c, "HADOLINT_TRUSTED_REGISTRIES", &c->trusted);
	env_list(c, "HADOLINT_ALLOWED_REGISTRIES", &c->trusted);
	struct config_list labels = { 0 };
	env_list(c, "HADOLINT_REQUIRE_LABELS", &labels);
	for (u32 i = 0; i < labels.n; i++)
		if (config_add_label(c, labels.v[i].p, NULL) < 0)
			continue;
	free(labels.v);
}

void config_free(struct config *c)
{
	free(c->ignored.v);
	for (u32 i = 0; i <= LEVEL_ERROR; i++)
		free(c->level[i].v);
	free(c->trusted.v);
	free(c->build_args.v);
	free(c->labels);
	arena_free(&c->arena);
	*c = (struct config){ 0 };
}
