/* A signature, written as cosign does: beside those that are there under the image's tag, and as a manifest that refers to the image. */
#include "base/json.h"
#include "trust/claim.h"
#include "trust/key.h"
#include "trust/place.h"

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

/* Under cosign's tag, with what is there; *layer: ours, the caller's. */
static int under_tag(struct repo *r, const struct digest *d, const json_t *payload, struct str text, const struct key *k, json_t **layer, struct error *err)
{
	char tag[PLACE_TAG];
	autojson json_t *old = NULL;
	bool tagged = place_tag(d, tag);
	if (tagged && place_manifest(r, tag, &old, err) < 0)
		return -1;
	autojson json_t *layers = old ? json_incref(json_arr(old, "layers")) : json_array();
	json_t *ours = made(layers, payload, text, k);
	if (ours) {
		*layer = json_incref(ours);
		return 0;
	}
	if (json_array_size(layers) >= TRUST_SIGNATURES_MAX)
		return error_set(err, ERR_INPUT, "%s: has %u signatures already", tag, TRUST_SIGNATURES_MAX);
	*layer = new_layer(payload, text, k, err);
	if (!*layer)
		return -1;
	json_array_append(layers, *layer);
	json_t *config = tagged ? put_config(r, MT_CONFIG, layers, err) : NULL;
	if (tagged && !config)
		return -1;
	autojson json_t *doc = tagged ? manifest(config, layers) : NULL;
	return tagged ? put_manifest(r, tag, doc, NULL, err) : 0;
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
	int status = claim_write(d, identity, annotations, &text, err);
	if (status == 0 && (status = repo_document(r, DIGEST_STR(d), &subject, err)) > 0)
		status = error_set(err, ERR_INPUT, "%s: has no %s", repo_name(r), DIGEST_STR(d));
	if (status == 0 && !(payload = put(r, TRUST_PAYLOAD, buf_str(&text), err)))
		status = -1;
	if (status == 0)
		status = under_tag(r, d, payload, buf_str(&text), k, &layer, err);
	if (status == 0)
		status = as_referrer(r, &subject, layer, ret, err);
	json_decref(layer);
	json_decref(payload);
	document_free(&subject);
	buf_free(&text);
	return status;
}
