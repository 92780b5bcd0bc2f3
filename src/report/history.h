/* history.h — how an image came about: each step of its history with what it added, took away and costs. */
#ifndef PARE_REPORT_HISTORY_H
#define PARE_REPORT_HISTORY_H
#include "report/subject.h"

/* Newest first, as docker history has it. `whole`: instructions and digests are not cut; now: seconds since 1970. */
void history_table(FILE *f, const struct rootfs *r, bool whole, s64 now);
/* Lowest first. */
void history_json(FILE *f, const struct subject *s);
#endif
