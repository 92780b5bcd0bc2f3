/* alike.h — whether a text is one that a program could have given that gave these. */
#ifndef PARE_RUN_ALIKE_H
#define PARE_RUN_ALIKE_H
#include "run/probe.h"

#define ALIKE_MAX (2 * ANSWER_RUNS) /* texts at once */
struct given { /* one text, and when it was given */
	struct str text;
	s64 when;
};
/* `v`: 1 to ALIKE_MAX texts of the original. false: *was and *is point at the first place that tells them apart (of v[0] and of `is`). */
bool alike(const struct given *v, u32 n, const struct given *is, struct str *was, struct str *got);
/* How many words the given ones do not agree on; UINT32_MAX: they cannot be aligned. */
u32 alike_masked(const struct given *v, u32 n);
/* True: *line is the first line of `is` that tells of an error and that none of v has; numbers, times and IDs do not count. */
bool new_trouble(const struct given *v, u32 n, struct str is, struct str *line);
#endif
