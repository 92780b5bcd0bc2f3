/* attest.h — what is said about an image beside it: documents that refer to its manifest (OCI image specification 1.1, manifest.md, "subject"), which every registry keeps and nothing takes for a platform.
 *
 * Provenance is an in-toto statement (v1) with SLSA's predicate v1: what was asked for, and by their digests what it was made of. No clock, no host, no user, no path of this machine is in it; values of build arguments only with
 * `max`, for they may be nobody else's business. Secrets never. */
#ifndef PARE_BUILD_ATTEST_H
#define PARE_BUILD_ATTEST_H
#include "build/plan.h"

#define ATTEST_TYPE "application/vnd.in-toto+json"

/* Puts `bytes` of that media type beside the image that `subject` describes. */
int attest_put(struct build *b, const json_t *subject, const char *type, const char *title, struct str bytes, struct error *err) must_check;
/* The statement, into out. */
void attest_provenance(const struct build_target *t, const char *digest, bool max, struct buf *out);
#endif
