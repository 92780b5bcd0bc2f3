/* containers_parts.h — what containers.c reads and containers_ask.c asks. */
#ifndef PARE_TRUST_CONTAINERS_PARTS_H
#define PARE_TRUST_CONTAINERS_PARTS_H
#include "trust/containers.h"

enum identity { MATCH_REPO_DIGEST_OR_EXACT, MATCH_EXACT, MATCH_REPOSITORY, EXACT_REFERENCE, EXACT_REPOSITORY, REMAP_IDENTITY };
struct key_place {
	const char *file, *pem; /* one of them: read when it is asked, the policies of others' images are no matter */
};
struct requirement {
	enum { REQUIRE_NOTHING, REQUIRE_NOTHING_LIKE_IT, REQUIRE_SIGNATURE } kind;
	const char *cannot;    /* why a signature of that kind is not checked here; NULL */
	enum identity identity;
	const char *first, *second; /* what goes with it */
	struct key_place *keys;
	u32 n_keys;
};
struct scope {
	const char *transport, *name;
	struct requirement *v;
	u32 n;
};
struct containers {
	const char *file;
	struct scope all, *scopes;
	u32 n;
};

/* A name as it is written: the tag is NULL unless it stands there. */
struct named {
	const char *domain, *repository, *tag; /* "quay.io", "quay.io/app/web" */
	struct digest digest;
};
bool containers_name(struct arena *a, const char *text, struct named *ret);
/* Whether what a signature calls the image is what the requirement wants; `image` NULL: it has no name of its own. */
bool containers_identity(struct arena *a, const struct requirement *r, const struct named *image, const char *identity);
#endif
