/* context_inner.h — what a context is, within build/. */
#ifndef PARE_BUILD_CONTEXT_INNER_H
#define PARE_BUILD_CONTEXT_INNER_H
#include "base/file.h"
#include "build/context.h"
#include <pthread.h>

#define CONTEXT_DOCKERFILE_MAX ((size_t)(16 * MiB))
#define CONTEXT_IGNORE_MAX ((size_t)(4 * MiB))

struct known; /* context_known.c */
struct context {
	struct arena a;
	struct context_options opt;
	int root;                 /* of its directory */
	const char *name;
	const char *uri, *digest; /* of one that was fetched; NULL: it was not */
	struct stage stage;       /* what is no directory was unpacked there; path NULL: none */
	struct buf text;          /* a Dockerfile that came alone */
	bool has_text;
	struct dockerignore ignore; /* never written to after it was opened: of several threads each matches with a copy */
	_Atomic u64 steps;        /* that all of them took */
	struct known *known;
	pthread_mutex_t lock;     /* of `known` */
};

bool context_over(struct context *c); /* more than CONTEXT_STEPS: what is ignored is not known any more */

/* --- context_known.c: digests by what files look like from outside --- */
struct known_file {
	u64 dev, ino, size;
	s64 mtime, ctime; /* ns */
	u32 mode, pad;
	u8 digest[32];
};
/* `path`: of its file; NULL: for this process alone. What is damaged is empty. */
struct known *known_open(const char *path);
const struct known_file *known_find(struct known *k, const struct known_file *like); /* NULL: never seen like that */
void known_add(struct known *k, const struct known_file *f);
void known_close(struct known *k); /* keeps what was added; that it cannot is no error */

/* --- context_fetch.c: contexts that are no directories --- */
int context_fetch(struct context *c, const char *where, struct error *err) must_check; /* http, https */
int context_stdin(struct context *c, struct error *err) must_check;
int context_clone(struct context *c, const char *where, struct error *err) must_check; /* git; 1: it is none of git's */
#endif
