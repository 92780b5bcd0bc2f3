/* diff_in.h — what the parts of diff share: a layer on its way into the store, and byte code of Python. For build/ alone. */
#ifndef PARE_BUILD_DIFF_IN_H
#define PARE_BUILD_DIFF_IN_H
#include "build/diff.h"
#include <time.h>

/* --- diff_pack.c: the plain tar comes in, a layer comes out. Big ones keep two processors busy: digests and compression each on threads of their own. --- */
struct pack;
struct pack *pack_new(struct store *s);
int pack_add(struct pack *p, struct str bytes, struct error *err) must_check;
int pack_from(struct pack *p, int pipe, struct error *err) must_check; /* everything that comes from there */
/* Into the store, leased. 1: nothing ever came, there is no layer. */
int pack_finish(struct pack *p, struct build_layer *ret, struct error *err) must_check;
void pack_free(struct pack *p); /* NULL is fine */

/* --- diff_python.c --- */
/* Byte code in the file `fd` ("x.cpython-311.pyc") that says when its source was changed: says what its source in the step's directory says after the step, *changed. `dir`: where the byte code lies. */
struct diff_clock { /* what a time becomes */
	s64 began, ended, epoch;
};
struct timespec diff_time(const struct diff_clock *c, struct timespec t);
bool python_is_code(const char *name);
int python_follow(const struct diff_clock *c, int dir, bool pycache, const char *name, int fd, bool *changed) must_check; /* -1 with errno */
#endif
