/* claim.h — what a signed document says: cosign's payload, and the statement in a Sigstore bundle. No I/O, hostile bytes. */
#ifndef PARE_TRUST_CLAIM_H
#define PARE_TRUST_CLAIM_H
#include "trust/trust.h"

#define CLAIM_ANNOTATIONS_MAX 256u
#define BUNDLE_SIGNATURES_MAX 8u
#define BUNDLE_PREFIX "application/vnd.dev.sigstore.bundle" /* of its media types, whatever their version */
#define STATEMENT_SIGN "https://sigstore.dev/cosign/sign/v1" /* the predicate that is a signature; others attest something else */

struct claim {
	const char *identity;     /* "" when it has none */
	const char **annotations; /* as struct signature's */
	const char *wrong;        /* why it says nothing about the digest; NULL: it names it */
};
void claim_payload(struct arena *a, struct str payload, const struct digest *d, struct claim *ret);
/* The payload for it, compact and sorted: the same words are the same bytes. ERR_USAGE for annotations that are none. */
int claim_write(const struct digest *d, const char *identity, const char *const *annotations, struct buf *out, struct error *err) must_check;

struct bundle {
	struct claim claim;
	struct str message;       /* what was signed: the envelope's pre-authentication encoding */
	struct str signatures[BUNDLE_SIGNATURES_MAX];
	u32 n;
	bool plain;               /* no envelope: what was signed are the bytes of the image's manifest; message is empty */
	bool keyless;             /* it brings a certificate for its key */
};
void bundle_read(struct arena *a, struct str text, const struct digest *d, struct bundle *ret);
#endif
