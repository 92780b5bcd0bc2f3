/* reference.h — image names as Docker's reference grammar has them: [host[:port]/]path[:tag][@digest].
 * Normalised like docker does: "alpine" is docker.io/library/alpine:latest. */
#ifndef PARE_OCI_REFERENCE_H
#define PARE_OCI_REFERENCE_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "oci/digest.h"

struct reference {
	const char *domain; /* "docker.io" when none is written */
	const char *path;   /* "library/alpine" */
	const char *tag;    /* NULL when there is a digest and no tag; "latest" when there is neither */
	struct digest digest;
};

int reference_parse(struct arena *a, struct str text, struct reference *ret, struct error *err) must_check;
/* "docker.io/library/alpine:latest@sha256:…" */
const char *reference_text(struct arena *a, const struct reference *r);
/* As people write it: without docker.io/ and library/. */
const char *reference_familiar(struct arena *a, const struct reference *r);
/* Whether two spellings name the same image: "alpine" and "docker.io/library/alpine:latest" do. */
bool reference_same(const char *a, const char *b);
#endif
