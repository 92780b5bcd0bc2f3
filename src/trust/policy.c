/* policy.toml (a policy.json is containers.c's): read strictly (a word that is not understood is a word that would not be kept), asked once an image. */
#include "base/file.h"
#include "base/json.h"
#include "base/toml.h"
#include "oci/reference.h"
#include "trust/containers.h"
#include "trust/key.h"
#include <errno.h>
#include <unistd.h>

#define POLICY_FILE_MAX ((size_t)(1 * MiB))
#define POLICY_RULES_MAX 1000u
#define POLICY_KEYS_MAX 64u
#define PATTERN_MAX 512u

struct rule {
	const char **match;
	u32 n_match;
	struct key **keys; /* freed by policy_free() */
	u32 n_keys, signatures;
	bool deny, require_digest;
};

struct policy {
	struct arena arena;
	const char *file; /* NULL: there is none */
	struct rule *rules;
	u32 n;
	bool deny, require_digest;
	struct containers *containers; /* the file is a policy.json: that instead of the rules */
};

const char *policy_file(const struct policy *p) { return p->file; }

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (u32 i = 0; i < p->n; i++)
		for (u32 k = 0; k < p->rules[i].n_keys; k++)
			key_free(p->rules[i].keys[k]);
	arena_free(&p->arena);
	free(p);
}

/* --- reading --- */
static int read_bool(const json_t *table, const char *key, bool *ret, struct error *err)
{
	const json_t *v = json_object_get(table, key);
	if (v && !json_is_boolean(v))
		return error_set(err, ERR_USAGE, "%s: true or false is wanted", key);
	*ret = json_is_true(v);
	return 0;
}

static int read_action(const json_t *table, const char *key, bool *deny, struct error *err)
{
	const json_t *v = json_object_get(table, key);
	struct str s = json_view(table, key);
	*deny = str_is(s, "deny");
	return !v || *deny || str_is(s, "allow") ? 0 : error_set(err, ERR_USAGE, "%s: \"allow\" or \"deny\" is wanted", key);
}

static int known_keys(json_t *table, const char *const *names, struct error *err)
{
	const char *key;
	json_t *v;
	json_object_foreach(table, key, v)
	{
		if (!str_listed(str_of(key), names))
			return error_set(err, ERR_USAGE, "%.60s: is not known here", key);
	}
	return 0;
}

static int read_match(struct policy *p, const json_t *table, struct rule *rule, struct error *err)
{
	const json_t *v = json_object_get(table, "match");
	u32 n = json_is_string(v) ? 1 : (u32)json_array_size(v);
	if (!n)
		return error_set(err, ERR_USAGE, "match: a list of names is wanted");
	rule->match = arena_array(&p->arena, const char *, n);
	for (; rule->n_match < n; rule->n_match++) {
		const json_t *item = json_is_string(v) ? v : json_array_get(v, rule->n_match);
		struct str s = json_is_string(item) ? str_n(json_string_value(item), json_string_length(item)) : str_n("", 0);
		if (!s.n || s.n > PATTERN_MAX || str_chr(s, '\0'))
			return error_set(err, ERR_USAGE, "match: names of at most %u characters are wanted", PATTERN_MAX);
		rule->match[rule->n_match] = arena_strdup(&p->arena, s);
	}
	return 0;
}

static int read_keys(struct policy *p, const json_t *table, struct rule *rule, struct error *err)
{
	const json_t *list = json_object_get(table, "keys"), *count = json_object_get(table, "signatures");
	const char *slash = strrchr(p->file, '/');
	u32 n = (u32)json_array_size(list);
	u64 wanted = 1;
	if (list && (!json_is_array(list) || !n || n > POLICY_KEYS_MAX))
		return error_set(err, ERR_USAGE, "keys: a list of 1 to %u files is wanted", POLICY_KEYS_MAX);
	rule->keys = arena_array(&p->arena, struct key *, n + 1);
	for (u32 i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		const char *name = json_string_value(item);
		if (!name || !*name || strlen(name) != json_string_length(item))
			return error_set(err, ERR_USAGE, "keys: a list of files is wanted");
		if (*name != '/' && slash)
			name = arena_printf(&p->arena, "%.*s/%s", (int)(slash - p->file), p->file, name);
		if (key_public(name, &rule->keys[i], err) < 0)
			return -1;
		rule->n_keys++;
		for (u32 k = 0; k < i; k++)
			if (key_same(rule->keys[k], rule->keys[i]))
				return error_set(err, ERR_USAGE, "keys: %s and %s are the same key", key_file(rule->keys[k]), name);
	}
	if (count && (!json_u64(table, "signatures", &wanted) || !wanted || wanted > n))
		return error_set(err, ERR_USAGE, "signatures: how many of the %u keys have to have signed is wanted", n);
	rule->signatures = n ? (u32)wanted : 0;
	return rule->deny && n ? error_set(err, ERR_USAGE, "keys: mean nothing where action is \"deny\"") : 0;
}

static int read_rule(struct policy *p, json_t *table, struct rule *rule, struct error *err)
{
	static const char *const names[] = { "match", "action", "keys", "signatures", "require-digest", NULL };
	if (!json_is_object(table))
		return error_set(err, ERR_USAGE, "[[rule]] is wanted");
	if (known_keys(table, names, err) < 0 || read_match(p, table, rule, err) < 0 || read_action(table, "action", &rule->deny, err) < 0 ||
	    read_bool(table, "require-digest", &rule->require_digest, err) < 0)
		return -1;
	return read_keys(p, table, rule, err);
}

static int read_rules(struct policy *p, json_t *doc, struct error *err)
{
	static const char *const names[] = { "default", "require-digest", "rule", NULL };
	json_t *rules = json_object_get(doc, "rule");
	u32 n = (u32)json_array_size(rules);
	if (known_keys(doc, names, err) < 0 || read_action(doc, "default", &p->deny, err) < 0 || read_bool(doc, "require-digest", &p->require_digest, err) < 0)
		return -1;
	if (rules && (!json_is_array(rules) || n > POLICY_RULES_MAX))
		return error_set(err, ERR_USAGE, "rule: at most %u [[rule]] are wanted", POLICY_RULES_MAX);
	p->rules = arena_array(&p->arena, struct rule, n + 1);
	for (u32 i = 0; i < n; i++) {
		p->n++;
		if (read_rule(p, json_array_get(rules, i), &p->rules[i], err) < 0)
			return error_wrap(err, "rule %u", i + 1);
	}
	return 0;
}

int policy_parse(struct str text, const char *file, struct policy **ret, struct error *err)
{
	struct policy *p = xcalloc(1, sizeof *p);
	json_t *doc = NULL;
	p->file = arena_strdup(&p->arena, str_of(file));
	bool json = str_starts(str_trim(text), STR("{")); /* which no TOML begins with */
	int status = json ? containers_parse(&p->arena, text, p->file, &p->containers, err) : toml_parse(text, &doc, err);
	if (status == 0 && !json)
		status = read_rules(p, doc, err);
	json_decref(doc);
	if (status < 0) {
		policy_free(p);
		return error_wrap(err, "policy %s", file);
	}
	*ret = p;
	return 0;
}

/* The first that is there; one that is named has to be. */
static const char *find(struct arena *a)
{
	const char *named = getenv("PARE_POLICY"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *own = config && *config == '/' ? arena_printf(a, "%s/pare/policy.toml", config) : home ? arena_printf(a, "%s/.config/pare/policy.toml", home) : NULL;
	if (named && *named)
		return named;
	if (own && (access(own, F_OK) == 0 || errno == EACCES)) /* a policy that may not be read is not one that says nothing */
		return own;
	return access("/etc/pare/policy.toml", F_OK) == 0 || errno == EACCES ? "/etc/pare/policy.toml" : NULL;
}

int policy_read(const char *file, struct policy **ret, struct error *err)
{
	struct arena a = { 0 };
	struct buf text = BUF(POLICY_FILE_MAX);
	int status = 0;
	if (!file)
		file = find(&a);
	if (!file)
		*ret = xcalloc(1, sizeof **ret);
	else if ((status = file_read(file, POLICY_FILE_MAX, &text, err)) == 0)
		status = policy_parse(buf_str(&text), file, ret, err);
	buf_free(&text);
	arena_free(&a);
	return status;
}

/* --- asking --- */
struct subject {
	const char *plain;  /* "docker.io/library/alpine"; "oci:dir:1" of a place that is no registry's */
	const char *tagged; /* "docker.io/library/alpine:3.20"; NULL: without a tag */
};

static void subject_of(struct arena *a, struct repo *from, const char *name, struct subject *s)
{
	static const char *const files[] = { "oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "containers-storage:", "rootfs:", "dir:", "file:" };
	struct reference r;
	const char *transport = from ? repo_transport(from) : "";
	bool registry = from && repo_registry(from);
	struct str text = str_of(name);
	*s = (struct subject){ .plain = name };
	if (str_starts(text, STR("docker://")) || str_starts(text, STR("pare:")))
		text = str_from(text, text.p[0] == 'd' ? 9 : 5);
	for (size_t i = 0; i < countof(files) && !registry; i++)
		if (strcmp(transport, "pare") != 0 && str_starts(text, str_of(files[i])))
			return;
	if ((from && repo_nameless(from)) || reference_parse(a, text, &r, NULL) < 0)
		return;
	s->plain = arena_printf(a, "%s/%s", r.domain, r.path); /* as it was named: registries.conf may keep it elsewhere */
	if (r.tag)
		s->tagged = arena_printf(a, "%s:%s", s->plain, r.tag);
}

/* How much of a pattern is said without wildcards: first in front of the first one, then in all. */
static u32 weight(const char *pattern)
{
	u32 front = (u32)strcspn(pattern, "*?[\\"), all = 0;
	for (const char *c = pattern; *c; c++)
		all += *c != '*' && *c != '?';
	return front << 16 | (all << 1 | (pattern[front] == '\0'));
}

/* 0: doesn't match. */
static u32 matches(struct arena *a, const char *pattern, const struct subject *s)
{
	if (strcmp(pattern, "*") == 0 || strcmp(pattern, "**") == 0)
		return 1;
	bool place = strpbrk(pattern, "/") != NULL || (strchr(pattern, ':') && str_eq(str_of(pattern), str_of(s->plain)));
	const char *whole = arena_printf(a, "/%s%s", pattern, place ? "" : "/**");
	bool ok = str_glob(str_of(whole), str_of(s->plain)) || (s->tagged && str_glob(str_of(whole), str_of(s->tagged)));
	return ok ? weight(pattern) + 2 : 0;
}

static const struct rule *choose(struct arena *a, const struct policy *p, const struct subject *s, const char **pattern)
{
	const struct rule *best = NULL;
	u32 most = 0;
	for (u32 i = 0; i < p->n; i++)
		for (u32 k = 0; k < p->rules[i].n_match; k++) {
			u32 w = matches(a, p->rules[i].match[k], s);
			if (w > most) {
				most = w;
				best = &p->rules[i];
				*pattern = best->match[k];
			}
		}
	return best;
}

/* How many of the rule's keys have signed; each counts once, however often. */
static int count_keys(const struct rule *rule, struct repo *from, const struct digest *d, struct arena *a, u32 *held, const char **why, struct error *err)
{
	struct signature *v;
	u32 n, good;
	if (trust_verify(from, d, rule->keys, rule->n_keys, a, &v, &n, &good, err) < 0)
		return -1;
	*held = 0;
	*why = n ? NULL : "there is no signature";
	for (u32 i = 0; i < n && !*why; i++)
		*why = v[i].why_not;
	for (u32 k = 0; k < rule->n_keys; k++)
		for (u32 i = 0; i < n; i++)
			if (v[i].key == key_file(rule->keys[k])) {
				++*held;
				break;
			}
	return 0;
}

static int ask(struct policy *p, struct repo *from, const char *name, bool tagged, const struct digest *d, struct arena *a, struct error *err)
{
	struct subject s;
	const char *pattern = "", *why = NULL;
	u32 held = 0;
	subject_of(a, from, name, &s);
	const struct rule *rule = choose(a, p, &s, &pattern);
	if (!rule && p->deny)
		return error_set(err, ERR_INPUT, "%s: refused: no rule of %s allows it", name, p->file);
	u32 number = rule ? (u32)(rule - p->rules) + 1 : 0;
	if (rule && rule->deny)
		return error_set(err, ERR_INPUT, "%s: refused by rule %u (%s) of %s", name, number, pattern, p->file);
	if (tagged && rule && rule->require_digest)
		return error_set(err, ERR_INPUT, "%s: refused by rule %u (%s) of %s: it is named without a digest", name, number, pattern, p->file);
	if (tagged && p->require_digest)
		return error_set(err, ERR_INPUT, "%s: refused by %s: it is named without a digest", name, p->file);
	if (!rule || !rule->n_keys)
		return 0;
	if (!from || !d || d->alg == DIGEST_NONE)
		return error_set(err, ERR_INPUT, "%s: refused by rule %u (%s) of %s: it has to be signed, and its place keeps no signatures", name, number, pattern, p->file);
	if (count_keys(rule, from, d, a, &held, &why, err) < 0)
		return error_wrap(err, "%s: rule %u (%s) of %s", name, number, pattern, p->file);
	if (held >= rule->signatures)
		return 0;
	return error_set(err, ERR_INPUT, "%s: refused by rule %u (%s) of %s: %u of %u signatures %s%s%s", name, number, pattern, p->file, held, rule->signatures, held == 1 ? "holds" : "hold",
			 why ? ": " : "", why ? why : "");
}

int policy_allows(struct policy *p, struct repo *from, const char *name, bool tagged, const struct digest *d, struct error *err)
{
	struct arena a = { 0 };
	int status = !p->file ? 0 : p->containers ? containers_allows(p->containers, from, name, d, &a, err) : ask(p, from, name, tagged, d, &a, err);
	arena_free(&a);
	return status;
}
