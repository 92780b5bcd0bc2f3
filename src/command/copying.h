/* copying.h — what copy, pull and push have in common: reading their options and saying what came of it. */
#ifndef PARE_COMMAND_COPYING_H
#define PARE_COMMAND_COPYING_H
#include "command/place.h"
#include "copy/copy.h"

/* Values of options; each may be NULL where a command has no such one. */
struct copying {
	const struct option_value *platform, *all, *format, *compression, *level, *referrers, *require_digest, *preserve, *parallel, *dry_run;
};
int copying_options(const struct copying *c, struct copy_options *ret, struct error *err) must_check;

double copying_now(void);
/* On standard error, unless --quiet: what changed, what was left out, what was sent and what was there. */
void copying_told(const struct copy_result *r, const struct copy_options *o, double seconds);
/* docs/schema/copy.schema.json. */
void copying_json(FILE *f, const char *source, const char *target, const struct copy_result *r, const struct copy_options *o, double seconds);
#endif
