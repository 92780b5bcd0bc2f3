/* Every signature of an image: found, read, and asked of each key. */
#include "base/json.h"
#include "oci/manifest.h"
#include "trust/claim.h"
#include "trust/key.h"
#include "trust/place.h"

struct gather {
	struct repo *r;
	const struct digest *d;
	struct key *const *keys;
	u32 n_keys;
	struct arena *a;
	struct signature *v; /* room for TRUST_SIGNATURES_MAX */
	struct digest *seen; /* what was read for each */
	u32 n, good;
	struct document image; /* what was asked about, once a signature of its own bytes is there */
};

/* A new one, or NULL: one with this content was there already, or (*status is -1 then) there are too many. */
static struct signature *add(struct gather *g, struct str content, struct str more, int *status, struct error *err)
{
	struct digester *h = digester_new(DIGEST_SHA256);
	digester_add(h, content);
	digester_add(h, STR("\n"));
	digester_add(h, more);
	struct digest id = digester_finish(h);
	for (u32 i = 0; i < g->n; i++)
		if (digest_eq(&g->seen[i], &id))
			return NULL;
	if (g->n == TRUST_SIGNATURES_MAX) {
		*status = error_set(err, ERR_INPUT, "%s: more than %u signatures of %s: none of them is believed", repo_name(g->r), TRUST_SIGNATURES_MAX, DIGEST_STR(g->d));
		return NULL;
	}
	g->seen[g->n] = id;
	return &g->v[g->n++];
}

/* The bytes that a signature without an envelope is of. */
static int image_bytes(struct gather *g, struct str *ret, struct error *err)
{
	int r = g->image.digest.alg ? 0 : repo_document(g->r, DIGEST_STR(g->d), &g->image, err);
	*ret = buf_str(&g->image.bytes);
	return r > 0 ? error_set(err, ERR_INPUT, "%s: has no %s", repo_name(g->r), DIGEST_STR(g->d)) : r;
}

static void judge(struct gather *g, struct signature *s, const struct claim *c, struct str message, const struct str *signatures, u32 n, bool keyless)
{
	*s = (struct signature){ .identity = c->identity, .annotations = c->annotations, .why_not = c->wrong };
	for (u32 k = 0; !c->wrong && k < g->n_keys && !s->key; k++)
		for (u32 i = 0; i < n && !s->key; i++)
			if (key_holds(g->keys[k], message, signatures[i]))
				s->key = key_file(g->keys[k]);
	if (s->key)
		g->good++;
	else if (!s->why_not)
		s->why_not = keyless ? "keyless: the transparency log is not asked" : n ? "another key" : "its signature cannot be read";
}

/* One layer of a manifest of signatures. */
static int take_layer(struct gather *g, const json_t *layer, struct error *err)
{
	struct str type = json_view(layer, "mediaType"), said = json_view(layer, "digest");
	const json_t *notes = json_obj(layer, "annotations");
	struct str text = json_view(notes, PLACE_SIGNATURE);
	bool bundle = str_starts(type, STR(BUNDLE_PREFIX));
	struct descriptor d = { .media_type = bundle ? BUNDLE_PREFIX : TRUST_PAYLOAD };
	int status = 0;
	if (!bundle && !str_is(type, TRUST_PAYLOAD))
		return 0;
	struct signature *s = add(g, said.p ? said : STR(""), text.p && !bundle ? text : STR(""), &status, err);
	if (!s)
		return status;
	*s = (struct signature){ .identity = "", .annotations = arena_new(g->a, const char *) };
	if (digest_parse(said, &d.digest, NULL) < 0 || !json_u64(layer, "size", &d.size) || d.size > TRUST_DOCUMENT_MAX) {
		s->why_not = d.size > TRUST_DOCUMENT_MAX ? "its payload is over 64 KB" : "its manifest names no payload";
		return 0;
	}
	struct buf content = BUF(TRUST_DOCUMENT_MAX), raw = BUF(KEY_SIGNATURE_MAX);
	struct error e = { 0 };
	if (place_small(g->r, &d, &content, &e) < 0) {
		s->why_not = arena_printf(g->a, "its payload is damaged: %s", e.text);
		if (e.kind != ERR_INPUT)
			status = error_set(err, e.kind, "%s", e.text);
	} else if (bundle) {
		struct bundle b;
		bundle_read(g->a, buf_str(&content), g->d, &b);
		if (b.plain)
			status = image_bytes(g, &b.message, err);
		judge(g, s, &b.claim, b.message, b.signatures, b.n, b.keyless);
	} else {
		struct claim c;
		claim_payload(g->a, buf_str(&content), g->d, &c);
		bool ok = text.p && base64_read(text, &raw) && raw.n;
		judge(g, s, &c, buf_str(&content), &(struct str){ raw.p, raw.n }, ok, json_view(notes, PLACE_CERTIFICATE).p != NULL);
	}
	buf_free(&content);
	buf_free(&raw);
	return status;
}

static int take_manifest(struct gather *g, const char *which, struct error *err)
{
	json_t *doc = NULL;
	int r = place_manifest(g->r, which, &doc, err);
	json_t *layers = json_arr(doc, "layers"), *layer;
	size_t i;
	if (r > 0)
		return 0;
	json_array_foreach(layers, i, layer)
	{
		if (r == 0)
			r = take_layer(g, layer, err);
	}
	json_decref(doc);
	return r;
}

static bool may_sign(const json_t *descriptor)
{
	struct str type = json_view(descriptor, "artifactType"), predicate = json_view(json_obj(descriptor, "annotations"), "dev.sigstore.bundle.predicateType");
	return str_is(type, TRUST_ARTIFACT) || (str_starts(type, STR(BUNDLE_PREFIX)) && (!predicate.p || str_is(predicate, STATEMENT_SIGN)));
}

static int take_referrers(struct gather *g, struct error *err)
{
	autojson json_t *index = repo_referrers(g->r, g->d, NULL, err);
	u32 asked = 0;
	size_t i;
	json_t *m;
	if (!index)
		return -1;
	json_array_foreach(json_arr(index, "manifests"), i, m)
	{
		struct digest d;
		if (!may_sign(m) || digest_parse(json_view(m, "digest"), &d, NULL) < 0)
			continue;
		if (++asked > TRUST_SIGNATURES_MAX)
			return error_set(err, ERR_INPUT, "%s: more than %u signatures refer to %s: none of them is believed", repo_name(g->r), TRUST_SIGNATURES_MAX, DIGEST_STR(g->d));
		if (take_manifest(g, DIGEST_STR(&d), err) < 0)
			return -1;
	}
	return 0;
}

int trust_verify(struct repo *r, const struct digest *d, struct key *const *keys, u32 n_keys, struct arena *a, struct signature **ret, u32 *n, u32 *good, struct error *err)
{
	struct gather g = { .r = r, .d = d, .keys = keys, .n_keys = n_keys, .a = a };
	char tag[PLACE_TAG];
	g.v = arena_array(a, struct signature, TRUST_SIGNATURES_MAX);
	g.seen = arena_array(a, struct digest, TRUST_SIGNATURES_MAX);
	int status = (place_tag(d, tag) && take_manifest(&g, tag, err) < 0) || take_referrers(&g, err) < 0 ? error_wrap(err, "signatures") : 0;
	document_free(&g.image);
	if (status < 0)
		return -1;
	*ret = g.v;
	*n = g.n;
	*good = g.good;
	return 0;
}
