#include "trust/claim.h"
#include "base/json.h"
#include "trust/key.h"

#define TYPE_COSIGN "cosign container image signature"
#define TYPE_ATOMIC "atomic container signature"
#define IN_TOTO "application/vnd.in-toto+json"

static const char *none[] = { NULL };

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const char **annotations_of(struct arena *a, json_t *obj)
{
	size_t n = MIN(json_object_size(obj), (size_t)CLAIM_ANNOTATIONS_MAX), i = 0;
	const char *key, **v;
	json_t *value;
	if (!n)
		return none;
	v = arena_array(a, const char *, n + 1);
	json_object_foreach(obj, key, value)
	{
		if (i == n)
			break;
		char *other = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
		v[i++] = arena_printf(a, "%s=%s", key, other ? other : json_is_string(value) ? json_string_value(value) : "");
		free(other);
	}
	qsort(v, n, sizeof *v, by_text);
	return v;
}

static json_t *document(struct str text)
{
	return text.n <= TRUST_DOCUMENT_MAX ? json_read(text, "payload", NULL) : NULL;
}

/* A digest of the document's, fit to be shown. */
static const char *named(struct arena *a, struct str says)
{
	struct digest d;
	if (digest_parse(says, &d, NULL) < 0)
		return "names no digest";
	return arena_printf(a, "names %s", DIGEST_STR(&d));
}

void claim_payload(struct arena *a, struct str payload, const struct digest *d, struct claim *ret)
{
	*ret = (struct claim){ .identity = "", .annotations = none };
	autojson json_t *doc = document(payload);
	json_t *critical = json_obj(doc, "critical");
	struct str type = json_view(critical, "type"), identity = json_view(json_obj(critical, "identity"), "docker-reference");
	struct str says = json_view(json_obj(critical, "image"), "docker-manifest-digest");
	if (identity.p && !str_chr(identity, '\0'))
		ret->identity = arena_strdup(a, identity);
	ret->annotations = annotations_of(a, json_obj(doc, "optional"));
	if (!critical)
		ret->wrong = "its payload is none";
	else if (!str_is(type, TYPE_COSIGN) && !str_is(type, TYPE_ATOMIC))
		ret->wrong = "its payload is of another type";
	else if (!identity.p || str_chr(identity, '\0'))
		ret->wrong = "its payload has no identity";
	else if (!str_is(says, DIGEST_STR(d)))
		ret->wrong = named(a, says);
}

/* "timestamp" is a number in containers-signature(5), and readers insist. */
static json_t *annotation_value(struct str key, struct str value)
{
	u64 n;
	if (str_is(key, "timestamp"))
		return str_to_u64(value, &n) && n <= INT64_MAX ? json_integer((json_int_t)n) : NULL;
	return json_stringn(value.p, value.n);
}

int claim_write(const struct digest *d, const char *identity, const char *const *annotations, struct buf *out, struct error *err)
{
	autojson json_t *optional = annotations && annotations[0] ? json_object() : json_null();
	for (size_t i = 0; annotations && annotations[i]; i++) {
		struct str value = str_of(annotations[i]), key = str_cut(&value, '=');
		json_t *v = value.p && key.n && i < CLAIM_ANNOTATIONS_MAX ? annotation_value(key, value) : NULL;
		if (!v || json_object_setn_new(optional, key.p, key.n, v) < 0)
			return error_set(err, ERR_USAGE, "annotation %.100s: K=V is wanted, in UTF-8%s", annotations[i], str_is(key, "timestamp") ? ", a timestamp in seconds" : "");
	}
	autojson json_t *doc = json_pack("{s:{s:{s:s}, s:{s:s}, s:s}, s:O}", "critical", "identity", "docker-reference", identity, "image", "docker-manifest-digest", DIGEST_STR(d), "type",
					 TYPE_COSIGN, "optional", optional);
	autofree char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!text || strlen(text) > TRUST_DOCUMENT_MAX)
		return error_set(err, ERR_USAGE, "the identity %.100s and the annotations make no payload: UTF-8, at most 64 KB", identity);
	buf_puts(out, text);
	return 0;
}

/* --- bundles --- */
static struct str decoded(struct arena *a, struct str text, bool *ok)
{
	struct buf b = BUF(TRUST_DOCUMENT_MAX);
	*ok = text.p && base64_read(text, &b);
	struct str s = *ok ? str_n(arena_strdup(a, buf_str(&b)), b.n) : str_n("", 0);
	buf_free(&b);
	return s;
}

/* An in-toto statement: one of its subjects has to be the image. */
static void statement(struct arena *a, struct str text, const struct digest *d, struct claim *ret)
{
	autojson json_t *doc = document(text);
	struct str predicate = json_view(doc, "predicateType");
	const char *hex = strchr(DIGEST_STR(d), ':'), *alg = d->alg == DIGEST_SHA256 ? "sha256" : d->alg == DIGEST_SHA384 ? "sha384" : "sha512";
	json_t *subjects = json_arr(doc, "subject");
	ret->wrong = "its statement is about something else";
	if (!predicate.p || !str_starts(json_view(doc, "_type"), STR("https://in-toto.io/Statement/"))) {
		ret->wrong = "its statement is none";
		return;
	}
	if (!str_is(predicate, STATEMENT_SIGN)) {
		ret->wrong = arena_printf(a, "attests %.*s, signs nothing", STR_FMT(str_head(predicate, 100)));
		return;
	}
	for (size_t i = 0; hex && i < MIN(json_array_size(subjects), 64u); i++) {
		json_t *s = json_array_get(subjects, i);
		struct str name = json_view(s, "name");
		if (!str_is(json_view(json_obj(s, "digest"), alg), hex + 1))
			continue;
		ret->wrong = NULL;
		ret->annotations = annotations_of(a, json_obj(s, "annotations"));
		if (name.p && !str_chr(name, '\0'))
			ret->identity = arena_strdup(a, name);
		return;
	}
}

/* A signature of the manifest itself. The digest beside it only tells what that was; what is verified are the bytes. */
static void message_signature(struct arena *a, const json_t *signed_message, const struct digest *d, struct bundle *ret)
{
	json_t *hint = json_obj(signed_message, "messageDigest");
	struct digest said = { .alg = DIGEST_SHA256 };
	bool ok = true;
	struct str bytes = hint ? decoded(a, json_view(hint, "digest"), &ok) : STR("");
	ret->plain = true;
	if (ok && d->alg == DIGEST_SHA256 && bytes.n == 32) {
		memcpy(said.bytes, bytes.p, bytes.n);
		if (!digest_eq(&said, d))
			ret->claim.wrong = arena_printf(a, "names %s", DIGEST_STR(&said));
	}
	ret->signatures[0] = decoded(a, json_view(signed_message, "signature"), &ok);
	ret->n = ok && ret->signatures[0].n;
}

void bundle_read(struct arena *a, struct str text, const struct digest *d, struct bundle *ret)
{
	*ret = (struct bundle){ .claim = { .identity = "", .annotations = none } };
	autojson json_t *doc = document(text);
	json_t *material = json_obj(doc, "verificationMaterial"), *envelope = json_obj(doc, "dsseEnvelope"), *signatures = json_arr(envelope, "signatures"), *plain = json_obj(doc, "messageSignature");
	struct str type = json_view(envelope, "payloadType");
	bool ok;
	ret->keyless = json_obj(material, "certificate") || json_obj(material, "x509CertificateChain");
	if (!str_starts(json_view(doc, "mediaType"), STR(BUNDLE_PREFIX)) || !envelope == !plain) {
		ret->claim.wrong = "its bundle is none";
		return;
	}
	if (plain) {
		message_signature(a, plain, d, ret);
		return;
	}
	struct str payload = decoded(a, json_view(envelope, "payload"), &ok);
	if (!ok || !str_is(type, IN_TOTO)) {
		ret->claim.wrong = "its envelope holds no statement";
		return;
	}
	statement(a, payload, d, &ret->claim);
	struct buf message = BUF(0);
	buf_printf(&message, "DSSEv1 %zu %s %zu ", type.n, IN_TOTO, payload.n);
	buf_add(&message, payload);
	ret->message = str_n(arena_strdup(a, buf_str(&message)), message.n);
	buf_free(&message);
	for (size_t i = 0; i < json_array_size(signatures) && ret->n < BUNDLE_SIGNATURES_MAX; i++) {
		struct str s = decoded(a, json_view(json_array_get(signatures, i), "sig"), &ok);
		if (ok)
			ret->signatures[ret->n++] = s;
	}
}
