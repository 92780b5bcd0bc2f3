#include "compose/recipe.h"
#include "base/file.h"
#include "oci/platform.h"
#include <yaml.h>

struct reader {
	struct arena *a;
	yaml_document_t *doc;
	const char *name;
	struct recipe *r;
	struct error *err;
};

static int wrong(const struct reader *r, const yaml_node_t *at, const char *what, struct str word)
{
	return error_set(r->err, ERR_USAGE, word.n ? "%s:%zu: %s: %.*s" : "%s:%zu: %s%.*s", r->name, at ? at->start_mark.line + 1 : 1, what, (int)MIN(word.n, (size_t)100), word.p);
}

static bool is_map(const yaml_node_t *n) { return n->type == YAML_MAPPING_NODE; }
static bool is_list(const yaml_node_t *n) { return n->type == YAML_SEQUENCE_NODE; }
static bool is_scalar(const yaml_node_t *n) { return n->type == YAML_SCALAR_NODE; }
static struct str raw(const yaml_node_t *n) { return is_scalar(n) ? str_n(n->data.scalar.value, n->data.scalar.length) : STR(""); }

static int text(const struct reader *r, const yaml_node_t *n, const char **ret)
{
	struct str s = raw(n);
	if (!is_scalar(n) || str_chr(s, '\0'))
		return wrong(r, n, "a text is wanted here", STR(""));
	*ret = arena_strdup(r->a, s);
	return 0;
}

static int flag(const struct reader *r, const yaml_node_t *n, bool *ret)
{
	struct str s = raw(n);
	bool yes = str_ieq(s, STR("true")) || str_ieq(s, STR("yes")) || str_ieq(s, STR("on"));
	if (!yes && !str_ieq(s, STR("false")) && !str_ieq(s, STR("no")) && !str_ieq(s, STR("off")))
		return wrong(r, n, "true or false is wanted here", s);
	*ret = yes;
	return 0;
}

static int number(const struct reader *r, const yaml_node_t *n, u64 most, s64 *ret)
{
	u64 v;
	if (!is_scalar(n) || !str_to_u64(raw(n), &v) || v > most)
		return wrong(r, n, "no number that fits", raw(n));
	*ret = (s64)v;
	return 0;
}

/* A list of texts; or one text, which is one word, or with `split` words that are separated by blanks. */
static int list(const struct reader *r, const yaml_node_t *n, bool split, const char *const **ret)
{
	if (is_scalar(n)) {
		const char *s;
		if (text(r, n, &s) < 0)
			return -1;
		const char **one = arena_array(r->a, const char *, 2);
		one[0] = s;
		*ret = split ? recipe_words(r->a, s) : one;
		return 0;
	}
	if (!is_list(n))
		return wrong(r, n, "a list is wanted here", STR(""));
	size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start), k = 0;
	if (count > RECIPE_WORDS)
		return wrong(r, n, "too many words", STR(""));
	const char **v = arena_array(r->a, const char *, count + 1);
	for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
		if (text(r, yaml_document_get_node(r->doc, *i), &v[k++]) < 0)
			return -1;
	*ret = v;
	return 0;
}

static int pairs(const struct reader *r, const yaml_node_t *n, struct recipe_pair **ret, u32 *count)
{
	if (!is_map(n))
		return wrong(r, n, "names with values are wanted here", STR(""));
	size_t most = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	if (most > RECIPE_WORDS)
		return wrong(r, n, "too many names", STR(""));
	*ret = arena_array(r->a, struct recipe_pair, most + 1);
	*count = 0;
	for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		struct recipe_pair *v = &(*ret)[(*count)++];
		if (text(r, yaml_document_get_node(r->doc, p->key), &v->key) < 0 || text(r, yaml_document_get_node(r->doc, p->value), &v->value) < 0)
			return -1;
	}
	return 0;
}

static int environment(const struct reader *r, const yaml_node_t *n)
{
	struct recipe_pair *v;
	u32 count;
	if (!is_map(n))
		return list(r, n, false, &r->r->env);
	if (pairs(r, n, &v, &count) < 0)
		return -1;
	const char **env = arena_array(r->a, const char *, count + 1u);
	for (u32 i = 0; i < count; i++)
		env[i] = arena_printf(r->a, "%s=%s", v[i].key, v[i].value);
	r->r->env = env;
	return 0;
}

static int layers(const struct reader *r, const yaml_node_t *n)
{
	s64 v;
	if (str_is(raw(n), "package"))
		v = 0;
	else if (str_is(raw(n), "one"))
		v = 1;
	else if (number(r, n, RECIPE_LAYERS_MAX, &v) < 0 || v < 1)
		return wrong(r, n, "layers: package, one or a number from 1 to 120", raw(n));
	r->r->layers = (u32)v;
	return 0;
}

/* Of /etc/passwd: no colon, no line break. */
static bool plain(const char *s) { return !strpbrk(s, ":\n\r"); }
static bool account_name(const char *s)
{
	size_t n = strlen(s);
	if (!n || n > 32 || !((s[0] >= 'a' && s[0] <= 'z') || s[0] == '_'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == n;
}

static int one_user(const struct reader *r, const yaml_node_t *n, struct recipe_user *u)
{
	*u = (struct recipe_user){ .uid = -1, .gid = -1, .gecos = "", .home = "/nonexistent", .shell = "/usr/sbin/nologin" };
	if (is_scalar(n)) { /* NAME, NAME:UID, NAME:UID:GID */
		struct str rest = raw(n), name = str_cut(&rest, ':'), uid = rest.p ? str_cut(&rest, ':') : STR("");
		u64 v;
		u->name = arena_strdup(r->a, name);
		if (!account_name(u->name) || (uid.n && (!str_to_u64(uid, &v) || v >= UINT32_MAX)))
			return wrong(r, n, "users: NAME, NAME:UID or NAME:UID:GID", raw(n));
		u->uid = uid.n ? (s64)v : -1;
		if (rest.p && (!str_to_u64(rest, &v) || v >= UINT32_MAX))
			return wrong(r, n, "users: NAME, NAME:UID or NAME:UID:GID", raw(n));
		u->gid = rest.p ? (s64)v : u->uid;
		return 0;
	}
	if (!is_map(n))
		return wrong(r, n, "users: a name, or a user's fields", STR(""));
	for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		struct str key = raw(k);
		int s = str_is(key, "name") ? text(r, v, &u->name) : str_is(key, "uid") ? number(r, v, UINT32_MAX - 1, &u->uid) : str_is(key, "gid") ? number(r, v, UINT32_MAX - 1, &u->gid) :
			str_is(key, "home") ? text(r, v, &u->home) : str_is(key, "shell") ? text(r, v, &u->shell) : str_is(key, "gecos") ? text(r, v, &u->gecos) : wrong(r, k, "a user has no", key);
		if (s < 0)
			return -1;
	}
	if (!u->name || !account_name(u->name) || !plain(u->home) || !plain(u->shell) || !plain(u->gecos))
		return wrong(r, n, "users: no name that is one, or a colon in a field", STR(""));
	if (u->gid < 0)
		u->gid = u->uid;
	return 0;
}

static int users(const struct reader *r, const yaml_node_t *n)
{
	if (!is_list(n))
		return wrong(r, n, "users: a list is wanted here", STR(""));
	size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
	if (count > RECIPE_WORDS)
		return wrong(r, n, "too many users", STR(""));
	r->r->users = arena_array(r->a, struct recipe_user, count + 1);
	r->r->n_users = 0;
	for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
		if (one_user(r, yaml_document_get_node(r->doc, *i), &r->r->users[r->r->n_users++]) < 0)
			return -1;
	return 0;
}

static int key_text(const struct reader *r, struct str key, const yaml_node_t *v, bool *known)
{
	struct recipe *p = r->r;
	const struct { const char *key; const char **to; } texts[] = {
		{ "distribution", &p->distribution }, { "mirror", &p->mirror }, { "security-mirror", &p->security_mirror }, { "snapshot", &p->snapshot }, { "keyring", &p->keyring }, { "user", &p->user },
		{ "workdir", &p->workdir }, { "stop-signal", &p->stop_signal }, { "timezone", &p->timezone },
	};
	const struct { const char *key; bool *to; } flags[] = {
		{ "recommends", &p->recommends }, { "docs", &p->docs }, { "manuals", &p->manuals }, { "locales", &p->locales },
	};
	for (u32 i = 0; i < countof(texts); i++)
		if (str_is(key, texts[i].key))
			return text(r, v, texts[i].to);
	for (u32 i = 0; i < countof(flags); i++)
		if (str_is(key, flags[i].key))
			return flag(r, v, flags[i].to);
	*known = false;
	return 0;
}

static int key_list(const struct reader *r, struct str key, const yaml_node_t *v, bool *known)
{
	struct recipe *p = r->r;
	const struct { const char *key; const char *const **to; bool split; } lists[] = {
		{ "components", &p->components, true }, { "architectures", &p->archs, true }, { "packages", &p->packages, true }, { "exclude", &p->exclude, true }, { "keep", &p->keep, false },
		{ "drop", &p->drop, false }, { "ports", &p->ports, true }, { "volumes", &p->volumes, true }, { "entrypoint", &p->entrypoint, true }, { "cmd", &p->cmd, true },
	};
	for (u32 i = 0; i < countof(lists); i++)
		if (str_is(key, lists[i].key))
			return list(r, v, lists[i].split, lists[i].to);
	*known = false;
	return 0;
}

static int key_of(const struct reader *r, const yaml_node_t *k, const yaml_node_t *v)
{
	struct str key = raw(k);
	bool known = true;
	int s = key_text(r, key, v, &known);
	if (!known) {
		known = true;
		s = key_list(r, key, v, &known);
	}
	if (known)
		return s;
	if (str_is(key, "suite") || str_is(key, "suites")) {
		r->r->only_suites = is_list(v) || str_is(key, "suites");
		return list(r, v, true, &r->r->suites);
	}
	if (str_is(key, "env"))
		return environment(r, v);
	if (str_is(key, "users"))
		return users(r, v);
	if (str_is(key, "layers"))
		return layers(r, v);
	if (str_is(key, "labels"))
		return pairs(r, v, &r->r->labels, &r->r->n_labels);
	if (str_is(key, "annotations"))
		return pairs(r, v, &r->r->annotations, &r->r->n_annotations);
	return wrong(r, k, "no key of a SPEC", key);
}

static int read_keys(const struct reader *r, const yaml_node_t *root)
{
	if (!root || !is_map(root))
		return wrong(r, root, "keys with values are wanted", STR(""));
	for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		for (const yaml_node_pair_t *q = root->data.mapping.pairs.start; q < p; q++)
			if (str_eq(raw(yaml_document_get_node(r->doc, q->key)), raw(k)))
				return wrong(r, k, "twice", raw(k));
		if (key_of(r, k, v) < 0)
			return -1;
	}
	return 0;
}

int recipe_parse(struct str body, const char *name, struct arena *a, struct recipe *ret, struct error *err)
{
	yaml_parser_t p;
	yaml_document_t doc;
	struct reader r = { a, &doc, name, ret, err };
	int status;
	if (!yaml_parser_initialize(&p))
		return error_set(err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)body.p, body.n);
	if (!yaml_parser_load(&p, &doc)) {
		status = error_set(err, ERR_USAGE, "%s:%zu: not YAML: %s", name, p.problem_mark.line + 1, p.problem ? p.problem : "damaged");
	} else {
		status = read_keys(&r, yaml_document_get_root_node(&doc));
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return status;
}

int recipe_read(const char *file, struct arena *a, struct recipe *r, struct error *err)
{
	struct buf body = BUF(RECIPE_BYTES);
	int status = file_read(file, RECIPE_BYTES, &body, err);
	if (status == 0)
		status = recipe_parse(buf_str(&body), file, a, r, err);
	buf_free(&body);
	return status;
}

void recipe_init(struct recipe *r) { *r = (struct recipe){ .distribution = "debian" }; }

const char *const *recipe_words(struct arena *a, const char *text)
{
	u32 n = 0;
	char *copy = arena_strdup(a, str_of(text)), *at = NULL;
	const char **v = arena_array(a, const char *, strlen(text) / 2 + 2);
	for (char *w = strtok_r(copy, " \t\r\n,", &at); w; w = strtok_r(NULL, " \t\r\n,", &at))
		v[n++] = w;
	return v;
}

static const struct { const char *arch, *platform; } archs[] = {
	{ "amd64", "linux/amd64" }, { "arm64", "linux/arm64" }, { "armhf", "linux/arm/v7" }, { "armel", "linux/arm/v5" }, { "i386", "linux/386" },
	{ "ppc64el", "linux/ppc64le" }, { "s390x", "linux/s390x" }, { "riscv64", "linux/riscv64" }, { "mips64el", "linux/mips64le" }, { "loong64", "linux/loong64" },
};

const char *recipe_arch(const struct platform *p)
{
	for (u32 i = 0; i < countof(archs); i++) {
		struct platform q;
		if (platform_parse(str_of(archs[i].platform), &q, &(struct error){ 0 }) == 0 && strcmp(p->os, q.os) == 0 && strcmp(p->arch, q.arch) == 0 && (strcmp(p->variant, q.variant) == 0 || (!p->variant[0] && strcmp(archs[i].arch, "armel") != 0)))
			return archs[i].arch;
	}
	return NULL;
}

bool recipe_platform(const char *arch, struct platform *ret)
{
	for (u32 i = 0; i < countof(archs); i++)
		if (strcmp(arch, archs[i].arch) == 0)
			return platform_parse(str_of(archs[i].platform), ret, &(struct error){ 0 }) == 0;
	return false;
}
