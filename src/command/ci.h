/* ci.h — dive's gates: its rules, its configuration file (`.dive-ci`), its defaults and its strict comparisons.
 *
 *   rules:
 *     lowestEfficiency: 0.9             # fails when the efficiency is lower
 *     highestWastedBytes: 20MB          # fails when more is wasted
 *     highestUserWastedPercent: 0.10    # fails when a larger part of the layers above the first is
 *
 * A value of "disabled", "off", "false" or "" takes a rule out. */
#ifndef PARE_COMMAND_CI_H
#define PARE_COMMAND_CI_H
#include "base/common.h"
#include "base/error.h"
#include "rootfs/dive.h"

struct ci_rules {
	bool efficiency_on, bytes_on, percent_on;
	double efficiency, percent;
	u64 bytes;
};

/* Defaults, overwritten by `file` (NULL: .dive-ci in the working directory when it is there). */
int ci_load(const char *file, struct ci_rules *ret, struct error *err) must_check;
/* One rule as on the command line: dive's name and a value. */
int ci_set(struct ci_rules *r, const char *name, const char *value, struct error *err) must_check;
/* How many rules fail; a line each (PASS, FAIL, SKIP) to f when it is not NULL. */
u32 ci_check(const struct ci_rules *r, const struct dive *d, FILE *f);
#endif
