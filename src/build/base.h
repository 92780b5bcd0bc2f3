/* base.h — images that stages are built on or copy from: found in our store, else in an engine that runs here, else in their registry, and then in our store. */
#ifndef PARE_BUILD_BASE_H
#define PARE_BUILD_BASE_H
#include "build/chain.h"
#include "base/buf.h"
#include "oci/platform.h"
#include "transport/repo.h"
#include <pthread.h>

struct store;
struct base {
	struct base *next;
	const char *name;          /* as asked for */
	struct platform platform;  /* that was asked for */
	struct digest digest;      /* of the manifest */
	struct str config;         /* the document */
	struct chain chain;
	struct config *parsed;     /* of it */
};
struct bases {
	pthread_mutex_t lock;
	struct arena a;
	struct base *first;
	struct store *store;
	const char *dir;           /* of the store */
	const struct repo_options *repo;
	const char *const *contexts; /* NAME=WHERE of images ("docker-image://REF", "oci-layout://DIR[:TAG][@DIGEST]"); NULL-terminated or NULL */
	bool pull;                 /* a registry is asked even when our store has the name */
	/* NULL, or where a bare name that our store does not have is found ("docker-daemon:NAME", "docker://NAME"); whether an image may be taken (trust). */
	const char *(*found)(void *ctx, struct arena *a, const char *name);
	int (*allowed)(void *ctx, struct repo *from, const struct document *d, struct error *err);
	void *ctx;
};
/* Once for each name and platform; what comes back lives as long as `b`. ERR_INPUT: no such platform. Errors name the image. From several threads. */
int base_get(struct bases *b, const char *name, const struct platform *p, const struct base **ret, struct error *err) must_check;
/* Where a named context of that name leads, without its "NAME=": what is in `contexts`, of several the last; NULL: there is none. "alpine" is "docker.io/library/alpine:latest" here, too. */
const char *base_context(const char *const *contexts, struct str name);
bool base_is_image(const char *where); /* "docker-image://…", "oci-layout://…" */
void bases_free(struct bases *b);
#endif
