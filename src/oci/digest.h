/* digest.h — content identifiers (OCI image specification, descriptor.md "Digests"): sha256, sha384, sha512.
 *
 * A digest out of a document is data: digest_parse() takes only registered algorithms with exactly their number of
 * lower-case hexadecimal digits, so that digest_path() can never leave `blobs/`. */
#ifndef PARE_OCI_DIGEST_H
#define PARE_OCI_DIGEST_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

enum digest_alg { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };
#define DIGEST_TEXT 136 /* room for the longest text form, terminated */

struct digest {
	u8 alg;       /* enum digest_alg; DIGEST_NONE: no digest */
	u8 bytes[64]; /* the first 32, 48 or 64 count, the rest is zero */
};

int digest_parse(struct str text, struct digest *ret, struct error *err) must_check;
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT]); /* "sha256:…", "" for none */
#define DIGEST_STR(d) digest_text((d), (char[DIGEST_TEXT]){ 0 })
const char *digest_path(const struct digest *d, char out[DIGEST_TEXT + 8]); /* "blobs/sha256/…" */
static inline bool digest_eq(const struct digest *a, const struct digest *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Computing: an OpenSSL EVP context of one algorithm. */
struct digester;
struct digester *digester_new(enum digest_alg alg);
void digester_add(struct digester *d, struct str s);
struct digest digester_finish(struct digester *d); /* frees d */
struct digest digest_bytes(enum digest_alg alg, struct str s);
#endif
