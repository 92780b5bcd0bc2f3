/* pick.h — which of a directory's files COPY takes: not those that the context leaves out, of the rest those that --parents' pattern names, without what --exclude names.
 *
 * A directory that is left out itself is there when something below it is not. Paths are clean (within.h), relative to `base`, which is a path of the context. */
#ifndef PARE_BUILD_PICK_H
#define PARE_BUILD_PICK_H
#include "build/context.h"

struct pick {
	struct context *context;     /* NULL: nothing is left out */
	const char *base;
	struct dockerignore include; /* n 0: everything */
	struct dockerignore exclude;
};
/* The patterns, in the arena; ERR_USAGE: one that docker refuses. */
int pick_patterns(struct arena *a, const struct str *patterns, u32 n, struct dockerignore *ret, struct error *err) must_check;
bool pick_has(const struct pick *p, const char *path);   /* "": the directory itself, always */
bool pick_below(const struct pick *p, const char *path); /* of what pick_has() denies: whether something below it may be there */
/* Whether something of the directory `root` (open) is there for --parents. 1: nothing. */
int pick_any(const struct pick *p, int root, struct error *err) must_check;
#endif
