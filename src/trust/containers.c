/* policy.json: reading it. Asking it is in containers_ask.c. */
#include "trust/containers.h"
#include "trust/containers_parts.h"
#include "base/json.h"
#include "trust/key.h"

/* Keys that are known and no others; NULL-terminated. */
static int known(const json_t *o, const char *const *words, struct error *err)
{
	const char *key;
	json_t *v;
	if (!json_is_object(o))
		return error_set(err, ERR_USAGE, "an object is wanted");
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		if (!str_listed(str_of(key), words))
			return error_set(err, ERR_USAGE, "%.60s: is not known here", key);
	return 0;
}

/* A text that has to be there. */
static const char *text_of(struct arena *a, const json_t *o, const char *key, struct error *err)
{
	struct str s = json_view(o, key);
	if (s.p && s.n && s.n < 4096 && !str_chr(s, '\0'))
		return arena_strdup(a, s);
	error_set(err, ERR_USAGE, "%s: a text is wanted", key);
	return NULL;
}

/* --- identities --- */
static const struct {
	const char *type, *first, *second; /* what goes with it */
} identities[] = {
	[MATCH_REPO_DIGEST_OR_EXACT] = { "matchRepoDigestOrExact", NULL, NULL },
	[MATCH_EXACT] = { "matchExact", NULL, NULL },
	[MATCH_REPOSITORY] = { "matchRepository", NULL, NULL },
	[EXACT_REFERENCE] = { "exactReference", "dockerReference", NULL },
	[EXACT_REPOSITORY] = { "exactRepository", "dockerRepository", NULL },
	[REMAP_IDENTITY] = { "remapIdentity", "prefix", "signedPrefix" },
};

static int read_identity(struct arena *a, const json_t *o, struct requirement *r, struct error *err)
{
	struct str type = json_view(o, "type");
	size_t i = 0;
	while (i < countof(identities) && !str_is(type, identities[i].type))
		i++;
	if (i == countof(identities))
		return error_set(err, ERR_USAGE, "signedIdentity: no type that is known");
	const char *words[] = { "type", identities[i].first, identities[i].second, NULL };
	struct named n;
	r->identity = (enum identity)i;
	if (known(o, words, err) < 0 || (identities[i].first && !(r->first = text_of(a, o, identities[i].first, err))) || (identities[i].second && !(r->second = text_of(a, o, identities[i].second, err))))
		return error_wrap(err, "signedIdentity");
	if ((r->identity == EXACT_REFERENCE || r->identity == EXACT_REPOSITORY) && !containers_name(a, r->first, &n))
		return error_set(err, ERR_USAGE, "signedIdentity: %.200s: is no name", r->first);
	if (r->identity == EXACT_REFERENCE && !n.tag && !n.digest.alg)
		return error_set(err, ERR_USAGE, "signedIdentity: %.200s: has neither a tag nor a digest", r->first);
	return 0;
}

/* --- requirements --- */
static int add_key(struct arena *a, const json_t *v, bool data, struct requirement *r, struct error *err)
{
	struct str s = json_is_string(v) ? str_n(json_string_value(v), json_string_length(v)) : str_n("", 0);
	struct buf pem = BUF(KEY_FILE_MAX);
	if (r->n_keys == CONTAINERS_KEYS_MAX)
		return error_set(err, ERR_USAGE, "over %u keys", CONTAINERS_KEYS_MAX);
	if (!data && (!s.n || s.p[0] != '/' || str_chr(s, '\0')))
		return error_set(err, ERR_USAGE, "keyPath: a file with its whole path is wanted");
	if (data && (!base64_read(s, &pem) || !pem.n)) {
		buf_free(&pem);
		return error_set(err, ERR_USAGE, "keyData: base64 is wanted");
	}
	r->keys[r->n_keys++] = (struct key_place){ .pem = data ? arena_strdup(a, buf_str(&pem)) : NULL, .file = data ? NULL : arena_strdup(a, s) };
	buf_free(&pem);
	return 0;
}

static int read_keys(struct arena *a, const json_t *o, struct requirement *r, struct error *err)
{
	static const struct {
		const char *name;
		bool list, data;
	} ways[] = { { "keyPath", false, false }, { "keyPaths", true, false }, { "keyData", false, true }, { "keyDatas", true, true } };
	u32 said = 0;
	r->keys = arena_array(a, struct key_place, CONTAINERS_KEYS_MAX);
	for (size_t i = 0; i < countof(ways); i++) {
		const json_t *v = json_object_get(o, ways[i].name);
		if (!v)
			continue;
		said++;
		if (ways[i].list && !json_array_size(v))
			return error_set(err, ERR_USAGE, "%s: a list is wanted", ways[i].name);
		for (size_t k = 0; k < (ways[i].list ? json_array_size(v) : 1); k++)
			if (add_key(a, ways[i].list ? json_array_get(v, k) : v, ways[i].data, r, err) < 0)
				return -1;
	}
	bool others = json_object_get(o, "fulcio") || json_object_get(o, "pki");
	if (said + (json_object_get(o, "fulcio") != NULL) + (json_object_get(o, "pki") != NULL) != 1)
		return error_set(err, ERR_USAGE, "one of keyPath, keyPaths, keyData, keyDatas is wanted");
	for (const char *const *w = (const char *const[]){ "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas", NULL }; *w; w++)
		if (json_object_get(o, *w))
			r->cannot = "sigstoreSigned with an entry of a transparency log (rekorPublicKey…), which is not checked here";
	if (others)
		r->cannot = "sigstoreSigned by a certificate (fulcio, pki), which is not checked here";
	return 0;
}

static int read_requirement(struct arena *a, const json_t *o, struct requirement *r, struct error *err)
{
	static const char *const plain[] = { "type", NULL };
	static const char *const by_gpg[] = { "type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity", NULL };
	static const char *const by_key[] = { "type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas",
					      "signedIdentity", NULL };
	struct str type = json_view(o, "type");
	const json_t *identity = json_object_get(o, "signedIdentity");
	*r = (struct requirement){ 0 };
	if (str_is(type, "insecureAcceptAnything") || str_is(type, "reject")) {
		r->kind = str_is(type, "reject") ? REQUIRE_NOTHING_LIKE_IT : REQUIRE_NOTHING;
		return known(o, plain, err);
	}
	if (str_is(type, "signedBy")) {
		r->kind = REQUIRE_SIGNATURE;
		r->cannot = "signedBy: signatures of GPG, which are not checked here";
		return known(o, by_gpg, err);
	}
	if (!str_is(type, "sigstoreSigned"))
		return error_set(err, ERR_USAGE, "a requirement of no type that is known");
	r->kind = REQUIRE_SIGNATURE;
	return known(o, by_key, err) < 0 || read_keys(a, o, r, err) < 0 ? -1 : identity ? read_identity(a, identity, r, err) : 0;
}

static int read_scope(struct arena *a, const json_t *list, struct scope *s, struct error *err)
{
	if (!json_array_size(list) || json_array_size(list) > CONTAINERS_REQUIREMENTS_MAX)
		return error_set(err, ERR_USAGE, "a list of 1 to %u requirements is wanted", CONTAINERS_REQUIREMENTS_MAX);
	s->v = arena_array(a, struct requirement, json_array_size(list));
	for (; s->n < json_array_size(list); s->n++)
		if (read_requirement(a, json_array_get(list, s->n), &s->v[s->n], err) < 0)
			return -1;
	return 0;
}

static int read_transports(struct arena *a, json_t *transports, struct containers *p, struct error *err)
{
	const char *transport, *name;
	json_t *scopes, *list;
	if (transports && !json_is_object(transports))
		return error_set(err, ERR_USAGE, "transports: an object is wanted");
	json_object_foreach(transports, transport, scopes) {
		if (!json_is_object(scopes))
			return error_set(err, ERR_USAGE, "transports: %.60s: an object is wanted", transport);
		json_object_foreach(scopes, name, list) {
			struct scope s = { .transport = arena_strdup(a, str_of(transport)), .name = arena_strdup(a, str_of(name)) };
			if (p->n == CONTAINERS_SCOPES_MAX)
				return error_set(err, ERR_USAGE, "transports: over %u scopes", CONTAINERS_SCOPES_MAX);
			if (read_scope(a, list, &s, err) < 0)
				return error_wrap(err, "transports: %.60s: \"%.200s\"", transport, name);
			p->scopes[p->n++] = s;
		}
	}
	return 0;
}

int containers_parse(struct arena *a, struct str text, const char *file, struct containers **ret, struct error *err)
{
	static const char *const words[] = { "default", "transports", NULL };
	json_error_t e;
	autojson json_t *doc = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e); /* the file has a ceiling, and nesting one of the library's */
	struct containers *p = arena_new(a, struct containers);
	if (!doc)
		return error_set(err, ERR_USAGE, "line %d: %.200s", e.line, e.text);
	*p = (struct containers){ .file = file, .all = { .transport = "", .name = "" } };
	json_t *transports = json_object_get(doc, "transports");
	const char *key;
	json_t *v;
	size_t n = 1;
	json_object_foreach(json_is_object(transports) ? transports : NULL, key, v)
		n += json_object_size(v);
	p->scopes = arena_array(a, struct scope, MIN(n, (size_t)CONTAINERS_SCOPES_MAX));
	if (known(doc, words, err) < 0)
		return -1;
	if (read_scope(a, json_object_get(doc, "default"), &p->all, err) < 0)
		return error_wrap(err, "default");
	if (read_transports(a, transports, p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}
