/* place.h — where signatures of an image are kept: a tag made of its digest, and manifests that refer to it. */
#ifndef PARE_TRUST_PLACE_H
#define PARE_TRUST_PLACE_H
#include "trust/trust.h"

#define PLACE_SIGNATURE "dev.cosignproject.cosign/signature"     /* annotations of a layer: the signature of its bytes, in base64 … */
#define PLACE_CERTIFICATE "dev.sigstore.cosign/certificate"      /* … and, keyless, whose key it was */
#define PLACE_TAG 129 /* a tag has at most 128 characters */

bool place_tag(const struct digest *d, char out[PLACE_TAG]); /* "sha256-HEX.sig"; false when no tag is that long */
/* 1: there is none of that name. What is there and no manifest is ERR_INPUT. *ret is the caller's. */
int place_manifest(struct repo *r, const char *which, json_t **ret, struct error *err) must_check;
int place_small(struct repo *r, const struct descriptor *d, struct buf *out, struct error *err) must_check; /* a blob, whole; at most out->max bytes of it */
#endif
