/* What signs and what is signed: payloads, bundles, keys, policies; the first byte says which. */
#include "trust/claim.h"
#include "trust/key.h"

static const struct digest image = { .alg = DIGEST_SHA256, .bytes = { 0xab, 0xcd } };

static void policy(struct str text)
{
	struct policy *p = NULL;
	struct error err = { 0 };
	if (policy_parse(text, "/nowhere/policy.toml", &p, &err) < 0) {
		if (err.kind != ERR_USAGE && err.kind != ERR_ENV) /* ERR_ENV: a key's file */
			abort();
		return;
	}
	static const char *const names[] = { "alpine", "registry.example/app/web:1", "quay.io/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "oci:dir/x:1", "" };
	for (size_t i = 0; i < countof(names); i++)
		if (policy_allows(p, NULL, names[i], i & 1, &image, &err) < 0 && err.kind != ERR_INPUT)
			abort();
	policy_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct str text = str_n(data + 1, size ? size - 1 : 0);
	struct claim c;
	struct bundle b;
	struct key *k = NULL;
	struct error err = { 0 };
	if (!size)
		return 0;
	switch (data[0]) {
	case 'p':
		claim_payload(&a, text, &image, &c);
		if (!c.identity || !c.annotations || (!c.wrong && !text.n))
			abort();
		break;
	case 'b':
		bundle_read(&a, text, &image, &b);
		if (b.n > BUNDLE_SIGNATURES_MAX || (!b.claim.wrong && !b.message.n && !b.plain))
			abort();
		break;
	case 'k':
		if (key_parse_private(text, "k", NULL, &k, &err) < 0 && err.kind != ERR_USAGE)
			abort();
		key_free(k);
		break;
	case 'u':
		if (key_parse_public(text, "k", &k, &err) < 0 && err.kind != ERR_USAGE)
			abort();
		if (k && key_holds(k, STR("text"), text))
			abort();
		key_free(k);
		break;
	case 't':
		policy(text);
		break;
	default:
		break;
	}
	arena_free(&a);
	return 0;
}
