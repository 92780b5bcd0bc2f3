/* Signatures and policies over a place in memory: what holds, and everything that must not. */
#include "base/json.h"
#include "trust/claim.h"
#include "trust/key.h"
#include "trust/place.h"
#include "trust/secretbox.h"
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

/* --- a place in memory --- */
#define MANY 400
struct memory {
	struct repo repo;
	struct {
		struct digest digest;
		struct buf bytes;
		char tag[200];
		bool document;
	} v[MANY];
	u32 n;
};

static int find(struct memory *m, const struct digest *d, const char *tag)
{
	for (u32 i = m->n; i-- > 0;)
		if ((tag && strcmp(m->v[i].tag, tag) == 0) || (d && digest_eq(&m->v[i].digest, d)))
			return (int)i;
	return -1;
}

static u32 keep(struct memory *m, struct str bytes, const char *tag)
{
	assert_true(m->n < MANY);
	u32 i = m->n++;
	m->v[i].digest = digest_bytes(DIGEST_SHA256, bytes);
	buf_add(&m->v[i].bytes, bytes);
	snprintf(m->v[i].tag, sizeof m->v[i].tag, "%s", tag ? tag : "");
	return i;
}

static int m_document(struct repo *r, const char *which, struct document *ret, struct error *err)
{
	struct memory *m = (struct memory *)r;
	struct digest d;
	(void)err;
	int i = digest_parse(str_of(which), &d, NULL) == 0 ? find(m, &d, NULL) : find(m, NULL, which);
	if (i < 0)
		return 1;
	*ret = (struct document){ .bytes = BUF(0), .digest = m->v[i].digest, .type = MT_MANIFEST };
	buf_add(&ret->bytes, buf_str(&m->v[i].bytes));
	return 0;
}

static int m_blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	int i = find((struct memory *)r, &d->digest, NULL);
	if (i < 0)
		return error_set(err, ERR_INPUT, "no blob");
	*ret = stream_memory(str_from(buf_str(&((struct memory *)r)->v[i].bytes), from));
	return 0;
}

static int m_has(struct repo *r, const struct descriptor *d, struct error *err)
{
	(void)err;
	return find((struct memory *)r, &d->digest, NULL) >= 0;
}

static int m_put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	struct stream *s;
	struct str view;
	struct buf all = BUF(0);
	(void)d;
	if (from->open(from->ctx, 0, &s, err) < 0)
		return -1;
	while (stream_next(s, &view, err) == 0 && view.n)
		buf_add(&all, view);
	stream_close(s);
	keep((struct memory *)r, buf_str(&all), NULL);
	buf_free(&all);
	*how = PUT_SENT;
	return 0;
}

static int m_put_document(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	struct memory *m = (struct memory *)r;
	(void)type;
	(void)err;
	if (tag && *tag) {
		int old = find(m, NULL, tag);
		if (old >= 0)
			m->v[old].tag[0] = '\0';
	}
	if (tag && *tag ? true : find(m, digest, NULL) < 0)
		m->v[keep(m, bytes, tag)].document = true;
	return 0;
}

static json_t *m_referrers(struct repo *r, const struct digest *subject, struct error *err)
{
	struct memory *m = (struct memory *)r;
	json_t *list = json_array();
	(void)err;
	for (u32 i = 0; i < m->n; i++) {
		json_t *doc = m->v[i].document ? json_read(buf_str(&m->v[i].bytes), "x", NULL) : NULL;
		if (str_is(json_view(json_obj(doc, "subject"), "digest"), DIGEST_STR(subject)))
			json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:O}", "mediaType", MT_MANIFEST, "digest", DIGEST_STR(&m->v[i].digest), "size", (int)m->v[i].bytes.n, "artifactType",
							      json_object_get(doc, "artifactType")));
		json_decref(doc);
	}
	return json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list);
}

static void m_close(struct repo *r)
{
	struct memory *m = (struct memory *)r;
	for (u32 i = 0; i < m->n; i++)
		buf_free(&m->v[i].bytes);
}

static const struct repo_ops ops = { .transport = "memory", .document = m_document, .blob = m_blob, .has = m_has, .put_blob = m_put_blob, .put_document = m_put_document,
	.referrers = m_referrers, .close = m_close };

/* --- the world of each test: an image, two pairs of keys --- */
struct world {
	struct memory *m;
	struct digest image;
	struct key *secret, *public, *other_secret, *other;
	struct arena a;
	char dir[64];
	const char *pub;
};

static struct key *pair(struct world *w, const char *name, struct key **public, const char *password)
{
	struct error err = { 0 };
	struct key *k = NULL;
	const char *prefix = arena_printf(&w->a, "%s/%s", w->dir, name);
	if (key_generate(prefix, password, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(key_generate(prefix, password, NULL), -1); /* nothing is written over */
	if (key_private(arena_printf(&w->a, "%s.key", prefix), password, &k, &err) < 0 || key_public(arena_printf(&w->a, "%s.pub", prefix), public, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(key_same(k, *public));
	return k;
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/test-trust-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->m = (struct memory *)repo_new(sizeof *w->m, &ops);
	w->m->repo.name = "memory";
	w->m->repo.write = true;
	u32 i = keep(w->m, STR("{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"), "1");
	w->m->v[i].document = true;
	w->image = w->m->v[i].digest;
	w->secret = pair(w, "one", &w->public, NULL);
	w->other_secret = pair(w, "two", &w->other, NULL);
	w->pub = arena_printf(&w->a, "%s/one.pub", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	static const char *const files[] = { "one.key", "one.pub", "two.key", "two.pub", "three.key", "three.pub", "policy.toml" };
	for (size_t i = 0; i < countof(files); i++)
		unlink(arena_printf(&w->a, "%s/%s", w->dir, files[i]));
	rmdir(w->dir);
	repo_close(&w->m->repo);
	key_free(w->secret);
	key_free(w->public);
	key_free(w->other_secret);
	key_free(w->other);
	arena_free(&w->a);
	free(w);
	return 0;
}

static struct digest sign(struct world *w, const struct key *k, const char *const *annotations)
{
	struct digest d = { 0 };
	struct error err = { 0 };
	if (trust_sign(&w->m->repo, &w->image, "r.example/app:1", k, annotations, &d, &err) < 0)
		fail_msg("%s", err.text);
	return d;
}

static struct signature *verify(struct world *w, struct key *k, u32 *n, u32 *good)
{
	struct signature *v = NULL;
	struct error err = { 0 };
	if (trust_verify(&w->m->repo, &w->image, &k, 1, &w->a, &v, n, good, &err) < 0)
		fail_msg("%s", err.text);
	return v;
}

/* --- tests --- */
static void unhex(const char *hex, u8 *out)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		out[i] = (u8)strtoul(two, NULL, 16);
	}
}

/* "Cryptography in NaCl", sections 8 to 10. */
static void secretbox_vectors(void **state)
{
	(void)state;
	static const char text[] = "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057"
				   "e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705";
	static const char box[] = "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738"
				  "b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";
	u8 shared[32], zero[16] = { 0 }, key[32], want[32], nonce[24], plain[131], sealed[147], out[147];
	unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", shared);
	unhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389", want);
	secretbox_hsalsa20(key, zero, shared);
	assert_memory_equal(key, want, 32);
	unhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37", nonce);
	unhex(text, plain);
	unhex(box, sealed);
	assert_true(secretbox_seal(out, str_n(plain, sizeof plain), nonce, key));
	assert_memory_equal(out, sealed, sizeof sealed);
	assert_true(secretbox_open(out, str_n(sealed, sizeof sealed), nonce, key));
	assert_memory_equal(out, plain, sizeof plain);
	for (size_t i = 0; i < sizeof sealed; i += 7) {
		sealed[i] ^= 1;
		assert_false(secretbox_open(out, str_n(sealed, sizeof sealed), nonce, key));
		sealed[i] ^= 1;
	}
	assert_false(secretbox_open(out, str_n(sealed, 16), nonce, key));
}

static void base64(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA", "A=AA", "AA=A", "====", "AAA=AAAA", "AA A", "AA\nA", "AAA*", "A===" };
	struct buf b = BUF(0), text = BUF(0);
	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(base64_read(str_of(bad[i]), &b));
	assert_true(base64_read(STR(" aGVsbG8=\n"), &b));
	assert_string_equal(b.p, "hello");
	base64_write(STR("hello"), &text);
	assert_string_equal(text.p, "aGVsbG8=");
	buf_free(&b);
	buf_free(&text);
}

static void signed_and_verified(void **state)
{
	struct world *w = *state;
	static const char *const notes[] = { "env=prod", "built=yes", NULL };
	u32 n, good;
	verify(w, w->public, &n, &good);
	assert_int_equal(n, 0);
	sign(w, w->secret, notes);
	struct signature *v = verify(w, w->public, &n, &good);
	assert_int_equal(n, 1); /* the tag's and the referrer's are one */
	assert_int_equal(good, 1);
	assert_string_equal(v[0].identity, "r.example/app:1");
	assert_string_equal(v[0].annotations[0], "built=yes");
	assert_string_equal(v[0].annotations[1], "env=prod");
	assert_null(v[0].annotations[2]);
	assert_ptr_equal(v[0].key, key_file(w->public));
	v = verify(w, w->other, &n, &good);
	assert_int_equal(good, 0);
	assert_string_equal(v[0].why_not, "another key");
	/* a second key beside the first; the first again changes nothing */
	sign(w, w->other_secret, notes);
	u32 before = w->m->n;
	struct digest a = sign(w, w->secret, notes), b = sign(w, w->secret, notes);
	assert_true(digest_eq(&a, &b));
	assert_true(w->m->n <= before + 4); /* no new document; blobs here are kept as often as they come */
	verify(w, w->public, &n, &good);
	assert_int_equal(n, 2);
	assert_int_equal(good, 1);
	struct key *both[] = { w->other, w->public };
	struct error err = { 0 };
	assert_int_equal(trust_verify(&w->m->repo, &w->image, both, 2, &w->a, &v, &n, &good, &err), 0);
	assert_int_equal(good, 2);
}

/* A manifest of signatures by hand, under the tag. */
static void by_hand(struct world *w, struct str payload, struct str signature, u32 times)
{
	struct buf word = BUF(0);
	char tag[PLACE_TAG];
	assert_true(place_tag(&w->image, tag));
	base64_write(signature, &word);
	json_t *layers = json_array();
	for (u32 i = 0; i < times; i++) {
		u32 at = keep(w->m, payload, NULL);
		char text[64];
		snprintf(text, sizeof text, "%u", i);
		json_array_append_new(layers, json_pack("{s:s, s:s, s:i, s:{s:s, s:s}}", "mediaType", TRUST_PAYLOAD, "digest", DIGEST_STR(&w->m->v[at].digest), "size", (int)payload.n, "annotations",
							PLACE_SIGNATURE, times > 1 ? text : buf_str(&word).p, "i", text));
	}
	json_t *doc = json_pack("{s:i, s:{}, s:o}", "schemaVersion", 2, "config", "layers", layers);
	char *bytes = json_dumps(doc, JSON_COMPACT);
	m_put_document(&w->m->repo, tag, MT_MANIFEST, str_of(bytes), NULL, NULL);
	free(bytes);
	json_decref(doc);
	buf_free(&word);
}

static void not_signed(void **state)
{
	struct world *w = *state;
	struct buf payload = BUF(0), raw = BUF(0), changed = BUF(0);
	struct digest image2 = digest_bytes(DIGEST_SHA256, STR("another"));
	u32 n, good;
	/* a good signature of another image */
	assert_int_equal(claim_write(&image2, "r.example/app:1", NULL, &payload, NULL), 0);
	assert_int_equal(key_sign(w->secret, buf_str(&payload), &raw, NULL), 0);
	by_hand(w, buf_str(&payload), buf_str(&raw), 1);
	struct signature *v = verify(w, w->public, &n, &good);
	assert_int_equal(n, 1);
	assert_int_equal(good, 0);
	assert_string_equal(v[0].why_not, arena_printf(&w->a, "names %s", DIGEST_STR(&image2)));
	/* one byte of it is another */
	buf_clear(&payload);
	assert_int_equal(claim_write(&w->image, "r.example/app:1", NULL, &payload, NULL), 0);
	buf_clear(&raw);
	assert_int_equal(key_sign(w->secret, buf_str(&payload), &raw, NULL), 0);
	buf_add(&changed, buf_str(&payload));
	*strstr(changed.p, "r.example") = 'q';
	by_hand(w, buf_str(&changed), buf_str(&raw), 1);
	v = verify(w, w->public, &n, &good);
	assert_int_equal(good, 0);
	assert_string_equal(v[0].why_not, "another key");
	/* as it was it holds */
	by_hand(w, buf_str(&payload), buf_str(&raw), 1);
	verify(w, w->public, &n, &good);
	assert_int_equal(good, 1);
	/* no signature at all, half of one */
	by_hand(w, buf_str(&payload), STR(""), 1);
	verify(w, w->public, &n, &good);
	assert_int_equal(good, 0);
	by_hand(w, buf_str(&payload), str_head(buf_str(&raw), raw.n / 2), 1);
	verify(w, w->public, &n, &good);
	assert_int_equal(good, 0);
	/* bytes that are not those their digest says */
	by_hand(w, buf_str(&payload), buf_str(&raw), 1);
	for (u32 i = 0; i < w->m->n; i++)
		if (str_eq(buf_str(&w->m->v[i].bytes), buf_str(&payload)))
			w->m->v[i].bytes.p[3] ^= 1;
	v = verify(w, w->public, &n, &good);
	assert_int_equal(good, 0);
	assert_non_null(v[0].why_not);
	buf_free(&payload);
	buf_free(&raw);
	buf_free(&changed);
}

static void too_many(void **state)
{
	struct world *w = *state;
	struct signature *v;
	struct error err = { 0 };
	u32 n, good;
	by_hand(w, STR("{}"), STR("x"), TRUST_SIGNATURES_MAX + 1);
	assert_int_equal(trust_verify(&w->m->repo, &w->image, &w->public, 1, &w->a, &v, &n, &good, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void payloads(void **state)
{
	struct world *w = *state;
	struct claim c;
	static const struct {
		const char *text, *wrong; /* %s: the digest */
	} t[] = {
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\"},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image signature\"}}", NULL },
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\"},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"atomic container signature\"},\"optional\":null}", NULL },
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\"},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"other\"}}", "its payload is of another type" },
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\\u0000b\"},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image signature\"}}", "its payload has no identity" },
		{ "{\"critical\":{\"identity\":[],\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image signature\"}}", "its payload has no identity" },
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\"},\"image\":{\"docker-manifest-digest\":\"%s\\u0000\"},\"type\":\"cosign container image signature\"}}", "names no digest" },
		{ "{\"critical\":{\"identity\":{\"docker-reference\":\"a\"},\"image\":{\"docker-manifest-digest\":[\"%s\"]},\"type\":\"cosign container image signature\"}}", "names no digest" },
		{ "[\"%s\"]", "its payload is none" },
		{ "%s", "its payload is none" },
	};
	for (size_t i = 0; i < countof(t); i++) {
		struct buf text = BUF(0);
		for (const char *p = t[i].text; *p; p++) {
			if (p[0] == '%')
				buf_puts(&text, DIGEST_STR(&w->image)), p++;
			else
				buf_putc(&text, *p);
		}
		claim_payload(&w->a, buf_str(&text), &w->image, &c);
		if (t[i].wrong)
			assert_string_equal(c.wrong, t[i].wrong);
		else
			assert_null(c.wrong);
		buf_free(&text);
	}
	static const char *const stamped[] = { "timestamp=1234", NULL }, *const bad[] = { "timestamp=now", NULL }, *const none[] = { "novalue", NULL };
	struct buf text = BUF(0);
	assert_int_equal(claim_write(&w->image, "a", stamped, &text, NULL), 0);
	assert_non_null(strstr(text.p, "\"optional\":{\"timestamp\":1234}"));
	assert_int_equal(claim_write(&w->image, "a", bad, &text, NULL), -1);
	assert_int_equal(claim_write(&w->image, "a", none, &text, NULL), -1);
	assert_int_equal(claim_write(&w->image, "\xff", NULL, &text, NULL), -1);
	buf_free(&text);
}

/* A bundle that w->secret signed. */
static const char *bundle_text(struct world *w, const char *predicate, const char *hex)
{
	struct buf message = BUF(0), raw = BUF(0), payload = BUF(0), sig = BUF(0);
	const char *statement = arena_printf(&w->a, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":\"%s\"}", hex, predicate);
	buf_printf(&message, "DSSEv1 28 application/vnd.in-toto+json %zu %s", strlen(statement), statement);
	assert_int_equal(key_sign(w->secret, buf_str(&message), &raw, NULL), 0);
	base64_write(buf_str(&raw), &sig);
	base64_write(str_of(statement), &payload);
	const char *text = arena_printf(&w->a,
					"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMaterial\":{},\"dsseEnvelope\":{\"payload\":\"%s\","
					"\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"AAAA\"},{\"sig\":\"%s\"}]}}",
					payload.p, sig.p);
	buf_free(&message);
	buf_free(&raw);
	buf_free(&payload);
	buf_free(&sig);
	return text;
}

static void bundles(void **state)
{
	struct world *w = *state;
	const char *hex = arena_strdup(&w->a, str_of(DIGEST_STR(&w->image) + 7));
	static const char other[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct {
		const char *text, *why;
	} t[] = {
		{ bundle_text(w, STATEMENT_SIGN, hex), NULL },
		{ bundle_text(w, STATEMENT_SIGN, other), "its statement is about something else" },
		{ bundle_text(w, "https://slsa.dev/provenance/v1", hex), "attests https://slsa.dev/provenance/v1, signs nothing" },
	};
	for (size_t i = 0; i < countof(t); i++) {
		struct memory *m = w->m;
		u32 at = keep(m, str_of(t[i].text), NULL), n, good;
		const char *doc = arena_printf(&w->a, "{\"artifactType\":\"%s.v0.3+json\",\"subject\":{\"digest\":\"%s\"},\"layers\":[{\"mediaType\":\"%s.v0.3+json\",\"digest\":\"%s\",\"size\":%zu}]}",
					       BUNDLE_PREFIX, DIGEST_STR(&w->image), BUNDLE_PREFIX, DIGEST_STR(&m->v[at].digest), strlen(t[i].text));
		u32 kept = keep(m, str_of(doc), NULL);
		m->v[kept].document = true;
		struct signature *v = verify(w, w->public, &n, &good);
		assert_int_equal(n, 1);
		assert_int_equal(good, t[i].why == NULL);
		if (t[i].why)
			assert_string_equal(v[0].why_not, t[i].why);
		verify(w, w->other, &n, &good);
		assert_int_equal(good, 0);
		m->v[kept].document = false;
	}
}

static void encrypted_keys(void **state)
{
	struct world *w = *state;
	struct key *public, *k = NULL, *again = NULL;
	struct error err = { 0 };
	const char *file = arena_printf(&w->a, "%s/three.key", w->dir);
	unsetenv("COSIGN_PASSWORD");
	k = pair(w, "three", &public, "correct");
	assert_int_equal(key_private(file, "wrong", &again, &err), -1);
	assert_non_null(strstr(err.text, "does not open"));
	assert_int_equal(key_private(file, NULL, &again, &err), -1);
	assert_non_null(strstr(err.text, "is encrypted"));
	setenv("COSIGN_PASSWORD", "correct", 1);
	assert_int_equal(key_private(file, NULL, &again, &err), 0);
	assert_true(key_same(again, public));
	unsetenv("COSIGN_PASSWORD");
	sign(w, again, NULL);
	u32 n, good;
	verify(w, public, &n, &good);
	assert_int_equal(good, 1);
	key_free(k);
	key_free(again);
	key_free(public);
	/* parameters that would take all memory, or all day */
	static const char *const params[] = { "\"N\":1073741824,\"r\":8,\"p\":1", "\"N\":32768,\"r\":1000000,\"p\":1", "\"N\":1048576,\"r\":8,\"p\":8", "\"N\":3,\"r\":8,\"p\":1", "\"N\":0,\"r\":0,\"p\":0" };
	for (size_t i = 0; i < countof(params); i++) {
		struct buf word = BUF(0);
		base64_write(str_of(arena_printf(&w->a, "{\"kdf\":{\"name\":\"scrypt\",\"params\":{%s},\"salt\":\"AAAA\"},\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
							 "\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", params[i])), &word);
		const char *text = arena_printf(&w->a, "-----BEGIN %s-----\n%s\n-----END %s-----\n", "ENCRYPTED COSIGN PRIVATE KEY", word.p, "ENCRYPTED COSIGN PRIVATE KEY");
		assert_int_equal(key_parse_private(str_of(text), "k", "x", &again, &err), -1);
		assert_non_null(strstr(err.text, "scrypt with N"));
		buf_free(&word);
	}
}

static bool allows(struct world *w, const char *text, const char *name, bool tagged, struct error *err)
{
	struct policy *p;
	struct error e = { 0 };
	if (policy_parse(str_of(text), arena_printf(&w->a, "%s/policy.toml", w->dir), &p, &e) < 0)
		fail_msg("%s", e.text);
	*err = (struct error){ 0 };
	int r = policy_allows(p, &w->m->repo, name, tagged, &w->image, err);
	policy_free(p);
	return r == 0;
}

static void policies(void **state)
{
	struct world *w = *state;
	struct error err;
	static const char text[] = "default = \"deny\"\n[[rule]]\nmatch = [\"docker.io/library/*\", \"quay.io\"]\n[[rule]]\nmatch = \"quay.io/bad/**\"\naction = \"deny\"\n"
				   "[[rule]]\nmatch = \"quay.io/bad/good\"\n[[rule]]\nmatch = [\"r.example/x:1\"]\n[[rule]]\nmatch = [\"oci:/srv/*\"]\n";
	static const struct {
		const char *name;
		bool ok;
	} t[] = {
		{ "alpine", true }, { "docker.io/library/alpine:3", true }, { "docker.io/me/alpine", false }, { "quay.io/a", true }, { "quay.io/a/b/c:1", true }, { "quay.io.evil/a", false },
		{ "evil/quay.io/a", false }, { "quay.io/bad/x", false }, { "quay.io/bad/x/y:z", false }, { "quay.io/bad/good:1", true }, { "r.example/x:1", true }, { "r.example/x:2", false },
		{ "r.example/x", false }, { "oci:/srv/a:1", true }, { "oci:/srv/a/b:1", false }, { "oci:/etc/x", false }, { "", false }, { "localhost:5000/a", false },
	};
	for (size_t i = 0; i < countof(t); i++)
		if (allows(w, text, t[i].name, true, &err) != t[i].ok)
			fail_msg("%s: %s", t[i].name, err.text);
	assert_true(allows(w, "", "anything", true, &err));
	assert_false(allows(w, "require-digest = true", "a", true, &err));
	assert_non_null(strstr(err.text, "without a digest"));
	assert_true(allows(w, "require-digest = true", "a", false, &err));
	assert_false(allows(w, "[[rule]]\nmatch = \"*\"\nrequire-digest = true", "a", true, &err));
	static const char one[] = "[[rule]]\nmatch = \"*\"\nkeys = [\"one.pub\"]", two[] = "[[rule]]\nmatch = \"*\"\nkeys = [\"one.pub\", \"two.pub\"]\nsignatures = 2";
	assert_false(allows(w, one, "a", true, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "rule 1 (*)"));
	assert_non_null(strstr(err.text, "there is no signature"));
	sign(w, w->secret, NULL);
	assert_true(allows(w, one, "a", true, &err));
	assert_false(allows(w, two, "a", true, &err));
	static const char *const more[] = { "n=2", NULL };
	sign(w, w->secret, more); /* the same key twice is one */
	assert_false(allows(w, two, "a", true, &err));
	assert_non_null(strstr(err.text, "1 of 2"));
	sign(w, w->other_secret, NULL);
	assert_true(allows(w, two, "a", true, &err));
}

static void policies_refused(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = { "defualt = \"deny\"", "default = \"maybe\"", "default = true", "require-digest = \"yes\"", "rule = 1", "rule = [1]", "[[rule]]", "[[rule]]\nmatch = []",
		"[[rule]]\nmatch = [1]", "[[rule]]\nmatch = [\"\"]", "[[rule]]\nmatch = \"a\"\naction = 1", "[[rule]]\nmatch = \"a\"\nkey = [\"one.pub\"]", "[[rule]]\nmatch = \"a\"\nkeys = []",
		"[[rule]]\nmatch = \"a\"\nkeys = \"one.pub\"", "[[rule]]\nmatch = \"a\"\nkeys = [\"one.pub\", \"./one.pub\"]\nsignatures = 2", "[[rule]]\nmatch = \"a\"\nkeys = [\"one.pub\"]\nsignatures = 2",
		"[[rule]]\nmatch = \"a\"\nkeys = [\"one.pub\"]\nsignatures = 0", "[[rule]]\nmatch = \"a\"\nkeys = [\"one.key\"]", "[[rule]]\nmatch = \"a\"\naction = \"deny\"\nkeys = [\"one.pub\"]", "x" };
	for (size_t i = 0; i < countof(bad); i++) {
		struct policy *p;
		struct error err = { 0 };
		if (policy_parse(str_of(bad[i]), arena_printf(&w->a, "%s/policy.toml", w->dir), &p, &err) == 0)
			fail_msg("%s", bad[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secretbox_vectors),
		cmocka_unit_test(base64),
		cmocka_unit_test_setup_teardown(signed_and_verified, setup, teardown),
		cmocka_unit_test_setup_teardown(not_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(bundles, setup, teardown),
		cmocka_unit_test_setup_teardown(encrypted_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(policies, setup, teardown),
		cmocka_unit_test_setup_teardown(policies_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
