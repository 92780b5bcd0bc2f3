/* bytes.h — what a finding costs.
 *
 * Without an image an estimate, where one can be given honestly: what such a thing takes in the images that people build. With one (report/measure.h)
 * the same findings get what was measured in the layer of their instruction; `costs` says what is measured. */
#ifndef PARE_LINT_BYTES_H
#define PARE_LINT_BYTES_H
#include "lint/lint.h"

enum lint_cost_kind {
	COST_NONE,
	COST_DIR,      /* what the instruction's layer wrote at or below bytes_in and still ships */
	COST_GONE,     /* what the instruction's layer hides of those below: deleted later */
	COST_METADATA, /* what the instruction's layer holds again with other metadata */
	COST_BUILD,    /* build tools that the instruction's layer installs */
	COST_BASE,     /* build tools in the layers of the base image */
	COST_LAYER,    /* everything in the instruction's layer */
};
struct lint_cost {
	const char *rule;         /* our name, or hadolint's code */
	enum lint_cost_kind kind;
	const char *in;           /* where, unless the rule says so itself */
	u32 typical;              /* MB; 0: no honest estimate */
};
const struct lint_cost *lint_cost_of(const struct rule *r); /* NULL: costs nothing, or nothing that could be measured */

/* An estimate by the rule that speaks. `in` is copied; p NULL: nowhere in particular. */
void lint_estimate(struct lint *l, struct diagnostic *d, u64 bytes, struct str in);
/* Estimates for the findings [first, out->n) that have none yet. */
void lint_bytes(struct lint *l, u32 first);
#endif
