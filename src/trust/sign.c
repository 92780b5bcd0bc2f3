/* A signature, written as cosign does: beside those that are there under the image's tag, and as a manifest that refers to the image. */
#include "base/json.h"
#include "trust/claim.h"
#include "trust/key.h"
#include "trust/place.h"

#define TAG_TRIES 16u
#define LAYER_MAX 32768u /* of another's layer, with its annotations */

static int open_memory(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	(void)err;
	*ret = stream_memory(str_from(*(struct str *)ctx, from));
	return 0;
}

/* Puts the bytes; the caller's descriptor of them. */
static json_t *put(struct repo *r, const char *type, struct str bytes, struct error *err)
{
	struct descriptor d = { .media_type = type, .digest = digest_bytes(DIGEST_SHA256, bytes), .size = bytes.n };
	enum put how;
	if (repo_put_blob(r, &d, &(struct blob_from){ .open = open_memory, .ctx = &bytes }, &how, err) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", DIGEST_STR(&d.digest), "size", (json_int_t)bytes.n);
}

static int put_manifest(struct repo *r, const char *tag, const json_t *doc, struct digest *ret, struct error *err)
{
	autofree char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return error_set(err, ERR_INPUT, "signatures: they make no manifest");
	return repo_put_document(r, tag, MT_MANIFEST, str_of(text), ret, err);
}

/* The configuration that goes with payloads: an image's, of no platform, with their digests as its layers. */
static json_t *put_config(struct repo *r, const char *type, const json_t *layers, struct error *err)
{
	json_t *ids = json_array(), *layer;
	size_t i;
	json_array_foreach(layers, i, layer)
	{
		json_array_append(ids, json_object_get(layer, "digest"));
	}
	autojson json_t *doc = json_pack("{s:s, s:{}, s:s, s:[], s:s, s:{s:s, s:o}}", "architecture", "", "config", "created", "0001-01-01T00:00:00Z", "history", "os", "", "rootfs", "type",
					 "layers", "diff_ids", ids);
	autofree char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	return put(r, type, str_of(text ? text : "{}"), err);
}

/* The layer that this key made for this payload already; borrowed. */
static json_t *made(const json_t *layers, const json_t *payload, struct str text, const struct key *k)
{
	json_t *layer;
	size_t i;
	json_array_foreach(layers, i, layer)
	{
		struct buf raw = BUF(KEY_SIGNATURE_MAX);
		struct str said = json_view(json_obj(layer, "annotations"), PLACE_SIGNATURE);
		bool ours = json_equal(json_object_get(layer, "digest"), json_object_get(payload, "digest")) && said.p && base64_read(said, &raw) && key_holds(k, text, buf_str(&raw));
		buf_free(&raw);
		if (ours)
			return layer;
	}
	return NULL;
}

static json_t *new_layer(const json_t *payload, struct str text, const struct key *k, struct error *err)
{
	struct buf raw = BUF(0), word = BUF(0);
	json_t *layer = NULL;
	if (key_sign(k, text, &raw, err) == 0) {
		base64_write(buf_str(&raw), &word);
		layer = json_copy((json_t *)(uintptr_t)payload);
		json_object_set_new(layer, "annotations", json_pack("{s:s}", PLACE_SIGNATURE, buf_str(&word).p));
	}
	buf_free(&raw);
	buf_free(&word);
	return layer;
}

static json_t *manifest(json_t *config, json_t *layers)
{
	return json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "config", config, "layers", layers);
}

/* What stands under cosign's tag; the caller's. An empty list: nothing, or no tag is that long. */
static json_t *tagged(struct repo *r, const char *tag, struct error *err)
{
	autojson json_t *old = NULL;
	if (tag && place_manifest(r, tag, &old, err) < 0)
		return NULL;
	return old ? json_incref(json_arr(old, "layers")) : json_array();
}

/* Ours: the one that is there, or a new one; the caller's. */
static json_t *layer_for(struct repo *r, const char *tag, const json_t *payload, struct str text, const struct key *k, struct error *err)
{
	autojson json_t *layers = tagged(r, tag, err);
	json_t *ours = layers ? made(layers, payload, text, k) : NULL;
	if (!layers || ours)
		return json_incref(ours);
	if (json_array_size(layers) >= TRUST_SIGNATURES_MAX) {
		error_set(err, ERR_INPUT, "%s: has %u signatures already", tag, TRUST_SIGNATURES_MAX);
		return NULL;
	}
	return new_layer(payload, text, k, err);
}

static bool listed(const json_t *layers, const json_t *layer)
{
	struct str digest = json_view(layer, "digest"), signature = json_view(json_obj(layer, "annotations"), PLACE_SIGNATURE);
	json_t *one;
	size_t i;
	json_array_foreach(layers, i, one)
	{
		struct str said = json_view(json_obj(one, "annotations"), PLACE_SIGNATURE);
		if (str_eq(json_view(one, "digest"), digest) && said.p && str_eq(said, signature))
			return true;
	}
	return false;
}

/* Whether it is a signature as cosign writes it, of a size that leaves room for others, whose payload is there. */
static bool usable(struct repo *r, const json_t *layer)
{
	struct descriptor d = { .media_type = TRUST_PAYLOAD };
	struct error ignored = { 0 };
	if (!str_is(json_view(layer, "mediaType"), TRUST_PAYLOAD) || !json_view(json_obj(layer, "annotations"), PLACE_SIGNATURE).p ||
	    digest_parse(json_view(layer, "digest"), &d.digest, NULL) < 0 || !json_u64(layer, "size", &d.size) || d.size > TRUST_DOCUMENT_MAX || json_dumpb(layer, NULL, 0, JSON_COMPACT) > LAYER_MAX)
		return false;
	return repo_has(r, &d, &ignored) > 0;
}

/* Adds the layers of the signatures that refer to the image, of those manifests that were not read before. What cannot be read is left out: it is not ours. */
static int gather(struct repo *r, const struct digest *d, json_t *seen, json_t *layers, struct error *err)
{
	autojson json_t *index = repo_referrers(r, d, TRUST_ARTIFACT, err);
	json_t *m, *layer;
	size_t i, k;
	if (!index)
		return -1;
	json_array_foreach(json_arr(index, "manifests"), i, m)
	{
		const char *digest = json_text(m, "digest");
		struct error ignored = { 0 };
		autojson json_t *doc = NULL;
		if (!digest || json_object_get(seen, digest) || json_object_size(seen) >= TRUST_SIGNATURES_MAX)
			continue;
		json_object_set_new(seen, digest, json_true());
		if (place_manifest(r, digest, &doc, &ignored) != 0)
			continue;
		json_array_foreach(json_arr(doc, "layers"), k, layer)
		{
			if (json_array_size(layers) < TRUST_SIGNATURES_MAX && !listed(layers, layer) && usable(r, layer))
				json_array_append(layers, layer);
		}
	}
	return 0;
}

/* Under cosign's tag, with what is there. A tag is read and then written: who signs at the same moment may write over ours, and we over theirs.
 * All of us refer to the image before, so what refers to it and is not under the tag is put back, by whoever comes last. */
static int under_tag(struct repo *r, const struct digest *d, const char *tag, json_t *layer, struct error *err)
{
	autojson json_t *all = json_pack("[O]", layer), *seen = json_object();
	for (u32 turn = 0; turn < TAG_TRIES; turn++) {
		if (gather(r, d, seen, all, err) < 0)
			return -1;
		autojson json_t *layers = tagged(r, tag, err);
		json_t *one;
		size_t i, before = json_array_size(layers);
		if (!layers)
			return -1;
		json_array_foreach(all, i, one)
		{
			if (json_array_size(layers) < TRUST_SIGNATURES_MAX && !listed(layers, one))
				json_array_append(layers, one);
		}
		if (json_array_size(layers) == before)
			return 0;
		json_t *config = put_config(r, MT_CONFIG, layers, err);
		if (!config)
			return -1;
		autojson json_t *doc = manifest(config, layers);
		if (put_manifest(r, tag, doc, NULL, err) < 0)
			return -1;
	}
	return error_set(err, ERR_ENV, "%s: %s is written by others all the time: try again", repo_name(r), tag);
}

static int as_referrer(struct repo *r, const struct document *subject, json_t *layer, struct digest *ret, struct error *err)
{
	autojson json_t *layers = json_pack("[O]", layer);
	json_t *config = put_config(r, TRUST_ARTIFACT, layers, err);
	if (!config)
		return -1;
	autojson json_t *doc = manifest(config, layers);
	json_object_set_new(doc, "artifactType", json_string(TRUST_ARTIFACT));
	json_object_set_new(doc, "subject",
			    json_pack("{s:s, s:s, s:I}", "mediaType", subject->type, "digest", DIGEST_STR(&subject->digest), "size", (json_int_t)subject->bytes.n));
	return put_manifest(r, "", doc, ret, err);
}

int trust_sign(struct repo *r, const struct digest *d, const char *identity, const struct key *k, const char *const *annotations, struct digest *ret, struct error *err)
{
	struct buf text = BUF(0);
	struct document subject = { 0 };
	json_t *payload = NULL, *layer = NULL;
	char name[PLACE_TAG], *tag = !repo_nameless(r) && place_tag(d, name) ? name : NULL; /* NULL: no tag is that long, or what is signed has no name */
	int status = claim_write(d, identity, annotations, &text, err);
	if (status == 0 && (status = repo_document(r, DIGEST_STR(d), &subject, err)) > 0)
		status = error_set(err, ERR_INPUT, "%s: has no %s", repo_name(r), DIGEST_STR(d));
	if (status == 0 && !(payload = put(r, TRUST_PAYLOAD, buf_str(&text), err)))
		status = -1;
	if (status == 0 && !(layer = layer_for(r, tag, payload, buf_str(&text), k, err)))
		status = -1;
	if (status == 0)
		status = as_referrer(r, &subject, layer, ret, err);
	if (status == 0 && tag)
		status = under_tag(r, d, tag, layer, err);
	json_decref(layer);
	json_decref(payload);
	document_free(&subject);
	buf_free(&text);
	return status;
}
