/* trust.h — who signed an image, and which images may be used.
 *
 * Signatures are cosign's ("simple signing", containers-signature(5) payload): a JSON payload that names the manifest's digest, signed with a key of ours (ECDSA P-256/384/521, Ed25519, RSA >= 2048;
 * PEM: public PKIX, private PKCS#8, or cosign's encrypted one). Kept as a manifest whose layers are the payloads, annotation dev.cosignproject.cosign/signature; found as a referrer of
 * the image (artifact type below) and under cosign's tag sha256-HEX.sig. Written as both, so that cosign finds it.
 *
 * A signature that does not name this digest, or is by another key, is none. Nothing is fetched from transparency logs; keyless signatures are said to be unverified, never good. */
#ifndef PARE_TRUST_TRUST_H
#define PARE_TRUST_TRUST_H
#include "base/arena.h"
#include "base/error.h"
#include "transport/repo.h"

#define TRUST_SIGNATURES_MAX 100u
#define TRUST_DOCUMENT_MAX ((size_t)(64 * KiB)) /* of a payload or a bundle */
#define TRUST_ARTIFACT "application/vnd.dev.cosign.artifact.sig.v1+json"
#define TRUST_PAYLOAD "application/vnd.dev.cosign.simplesigning.v1+json"

struct key;
int key_public(const char *file, struct key **ret, struct error *err) must_check;
/* `password` of an encrypted one; NULL: from $COSIGN_PASSWORD. */
int key_private(const char *file, const char *password, struct key **ret, struct error *err) must_check;
void key_free(struct key *k);
const char *key_file(const struct key *k); /* its file */
/* PREFIX.key (0600; PKCS#8, with a password in cosign's encrypted form) and PREFIX.pub of a new ECDSA P-256 pair. Writes over nothing. */
int key_generate(const char *prefix, const char *password, struct error *err) must_check;

struct signature {
	const char *key;        /* which of the keys it holds under; NULL: none of them */
	const char *identity;   /* docker-reference in it */
	const char **annotations; /* "K=V" of what it was signed with, NULL-terminated, sorted by K; never NULL */
	const char *why_not;    /* when key is NULL: "another key", "names sha256:…", "keyless: the transparency log is not asked" */
};
/* Everything that signs `d`; how many hold comes back in *good. Sigstore's bundles count, too: those whose envelope holds cosign's statement about this digest,
 * and those that sign the manifest's own bytes; attestations are no signatures. What is under the tag and a referrer is one. More than TRUST_SIGNATURES_MAX is ERR_INPUT: then none is believed. */
int trust_verify(struct repo *r, const struct digest *d, struct key *const *keys, u32 n_keys, struct arena *a, struct signature **ret, u32 *n, u32 *good, struct error *err) must_check;
/* annotations: "K=V", NULL-terminated (NULL: none). What this key signed with the same words already is not signed again. *ret the digest of the manifest that refers to the image;
 * the one under cosign's tag holds what was there before, too. */
int trust_sign(struct repo *r, const struct digest *d, const char *identity, const struct key *k, const char *const *annotations, struct digest *ret, struct error *err) must_check;

// policy.toml: which registries and repositories may be used, which must be signed and by what key.
//
//	default = "allow"            # or "deny"
//	require-digest = false
//	[[rule]]
//	match = ["registry.example/app/*", "docker.io/library/*"]   # the most specific one counts: of all rules the one with the longest text in front of its first wildcard
//	                             # whole names, with or without a tag; * stays inside a component, ** crosses them; "docker.io": all of a registry; "*": everything
//	action = "allow"             # or "deny"
//	require-digest = false
//	keys = ["release.pub"]       # beside the policy file; then signatures of one of them are needed
//	signatures = 1               # how many of the keys
//
// A file that is JSON is a policy.json of podman and skopeo instead (containers.h).
struct policy;
int policy_read(const char *file, struct policy **ret, struct error *err) must_check; /* NULL: $PARE_POLICY, $XDG_CONFIG_HOME/pare/policy.toml, /etc/pare/policy.toml; none of them: everything is allowed */
int policy_parse(struct str text, const char *file, struct policy **ret, struct error *err) must_check; /* from memory; keys lie beside `file` */
void policy_free(struct policy *p);
const char *policy_file(const struct policy *p); /* NULL: none was there */
/* -1 and why not (ERR_INPUT becomes exit status 1 in commands). `tagged`: the image was named without a digest. */
int policy_allows(struct policy *p, struct repo *from, const char *name, bool tagged, const struct digest *d, struct error *err) must_check;
#endif
