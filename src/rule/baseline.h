/* baseline.h — findings that are known and accepted, so that only what is new fails.
 *
 * A finding is known by its file, its rule, the text of its instruction without regard to white space, and how many such there are: it survives
 * moved lines and reformatting, and a second one of the same kind is new. The file is JSON (docs/schema/lint-baseline.schema.json), sorted, made to be
 * committed and reviewed:
 *
 *     {"pare_baseline": 1, "findings": [{"file": "Dockerfile", "rule": "apt-lists-kept", "text": "RUN apt-get update && …", "fingerprint": "90b1…", "count": 1}]} */
#ifndef PARE_RULE_BASELINE_H
#define PARE_RULE_BASELINE_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define BASELINE_FINDINGS 1000000

struct baseline_entry {
	struct str file, rule, text; /* text: what a person recognises it by */
	u64 fingerprint;
	u32 count, taken;
};
struct baseline {
	struct arena arena;
	struct baseline_entry *v;
	u32 n, cap;
	u32 *table, size; /* 1 + index by key; size a power of two */
};

/* ERR_USAGE for a file that is not there, or is no baseline. */
int baseline_load(const char *path, struct baseline *ret, struct error *err) must_check;
/* Whether one more such finding is known; counts it. `text` is the instruction as it stands in the file. */
bool baseline_take(struct baseline *b, struct str file, struct str rule, struct str text);
/* Makes one more such finding known. */
void baseline_add(struct baseline *b, struct str file, struct str rule, struct str text);
u32 baseline_gone(const struct baseline *b); /* known findings that were not met again */
void baseline_write(FILE *f, struct baseline *b); /* sorts */
void baseline_free(struct baseline *b);
#endif
