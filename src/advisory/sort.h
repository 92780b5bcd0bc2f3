/* sort.h — pairs of bytes sorted by key, then by value, in bounded memory: sorted in runs of SORT_RUN, the runs in one unnamed file beside the result, merged at the end.
 * Equal pairs come out once. What comes out depends on what went in alone, not on the order. */
#ifndef PARE_ADVISORY_SORT_H
#define PARE_ADVISORY_SORT_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define SORT_RUN ((size_t)(48 * MiB))  /* bytes of pairs in memory */
#define SORT_RUNS 1024u                /* 48 GiB */
#define SORT_PAIR ((size_t)(32 * MiB)) /* one pair */

struct sorter;
/* `beside`: the directory of this path takes the file, when there is one. */
struct sorter *sorter_new(const char *beside, size_t run);
int sorter_add(struct sorter *s, struct str key, struct str value, struct error *err) must_check; /* copies */
/* Calls f for each pair in order, once; stops when f returns not 0. */
int sorter_each(struct sorter *s, int (*f)(void *ctx, struct str key, struct str value, struct error *err), void *ctx, struct error *err) must_check;
void sorter_free(struct sorter *s);
#endif
