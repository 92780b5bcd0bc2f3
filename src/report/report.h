/* report.h — `pare IMAGE`: one screen, and the same as JSON. Where the bytes are, what is risky, what to do about it. */
#ifndef PARE_REPORT_REPORT_H
#define PARE_REPORT_REPORT_H
#include "report/advice.h"
#include "report/examine.h"
#include "report/scan_show.h"

struct report {
	const struct subject *s;
	const struct examine_options *opt; /* EXAMINE_VULNERABILITIES only with a database */
	struct bytes bytes;
	struct advice advice;
	struct scan scan;         /* its problems are all that is `incomplete` */
	struct findings risks;
	struct arena arena;       /* of the actions */
	struct scan_action *actions;
	u32 n_actions;
	struct error err;
};
/* Asks all of it of a subject with SUBJECT_RISKS; -1: the database is damaged. */
int report_make(const struct subject *s, const struct examine_options *opt, struct report *ret, struct error *err) must_check;
void report_free(struct report *x);
void write_report(FILE *f, const struct report *x, bool color, u32 width);
void write_report_json(FILE *f, const struct report *x);
#endif
