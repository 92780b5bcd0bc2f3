/* about.h — what a stored image says of itself, and what it stands on. */
#ifndef PARE_STORE_ABOUT_H
#define PARE_STORE_ABOUT_H
#include "store/store.h"

#define ABOUT_PLATFORMS 64 /* of an index: more are only counted */
struct store_about {
	struct platform platforms[ABOUT_PLATFORMS]; /* of an index: those whose manifest is here */
	u32 n_platforms, n_absent; /* absent: the index names it, but it was not asked for */
	struct digest config;      /* of the only one, or the first that is here; none: it has none */
	const char *const *labels; /* of that one: "key=value", NULL-terminated; never NULL */
};
/* What cannot be read is left out: damage is store_check()'s to tell. -1: the database. */
int store_about(struct store *s, const struct store_ref *ref, struct arena *a, struct store_about *ret, struct error *err) must_check;

/* Tells of each document that has references which blobs stand under it (itself, too), each pair once, in a fixed order. `leased`: a living process needs the blob, whatever becomes of the
 * references. As one moment has it. */
int store_each_part(struct store *s, int (*f)(void *ctx, const struct digest *root, const struct digest *blob, u64 size, bool leased, struct error *err), void *ctx, struct error *err) must_check;
#endif
