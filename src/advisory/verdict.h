/* verdict.h — one record against one installed package: whether it holds, and why. */
#ifndef PARE_ADVISORY_VERDICT_H
#define PARE_ADVISORY_VERDICT_H
#include "advisory/db.h"
#include "advisory/distro.h"

enum verdict_kind {
	VERDICT_NOT_MEANT,   /* the record speaks of something else: another product, architecture, module stream, kind of build */
	VERDICT_NOT,         /* it speaks of this package, which is not affected */
	VERDICT_FIXED_HERE,  /* it was, and the installed version has the fix */
	VERDICT_AFFECTED,
	VERDICT_UNCLEAR,     /* the versions cannot be compared */
};

struct verdict {
	enum verdict_kind kind;
	u32 rank;            /* of several products that hold, the most particular counts (extended support) */
	char reason[320];    /* filled when it was asked for, or the verdict is VERDICT_AFFECTED */
};

/* `d` NULL: a language's package. `version` is the one to compare: the source's where the record names sources. `sets`: Red Hat's content sets. */
void verdict_on(const struct db_record *r, const struct package *k, struct str version, const struct version_scheme *scheme, const struct distro *d, const char *sets, bool explain, struct verdict *ret);
#endif
