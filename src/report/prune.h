/* prune.h — what pruning would remove and did, for people and programs. */
#ifndef PARE_REPORT_PRUNE_H
#define PARE_REPORT_PRUNE_H
#include "prune/prune.h"

extern const char *const prune_kind_text[]; /* "container", "image", … */
/* What goes, the largest first, then a line with the sum; `all`: then what stays, too. */
void prune_table(FILE *f, const struct prune_item *items, u32 n, bool all, s64 now);
/* `freed` NULL: a dry run. */
void prune_json(FILE *f, const char *place, const struct prune_item *items, u32 n, const u64 *freed);
#endif
