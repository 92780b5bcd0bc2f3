/* first.h — what a report says first of an image: its risks, those of a kind in one line, and what to do, bytes and risks in one order. */
#ifndef PARE_REPORT_FIRST_H
#define PARE_REPORT_FIRST_H
#include "report/advice.h"
#include "report/scan_show.h"

/* Findings that belong together: of one package (of the system: one source package), of one rule on secrets, of one check; most risk first, info left out. Rule: the worst one's id. */
void first_risks(const struct subject *s, const struct scan *scan, struct findings *ret);

struct first_action {
	double score;                      /* 0 to 100; the order */
	const struct finding *finding;     /* an advice on bytes, or a risk; or */
	const struct scan_action *upgrade; /* what removes vulnerabilities */
};
/* What to do, most effect first. A risk counts as its worst finding does (scan_risk()), and a twentieth of all of them together; bytes count twice the share of the image that they
 * are, in per cent: half of an image is as much as a critical vulnerability that is exploited. *ret is malloc'ed; returns how many. */
u32 first_actions(const struct advice *a, u64 stored, const struct findings *risks, const struct scan_action *upgrades, u32 n_upgrades, struct first_action **ret);
#endif
