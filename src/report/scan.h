/* scan.h — a scan's findings, one writer a format. */
#ifndef PARE_REPORT_SCAN_H
#define PARE_REPORT_SCAN_H
#include "report/subject.h"
#include "rule/scan.h"

struct scan_options {
	bool color, show_suppressed;
	bool licenses; /* how many packages have which kind of licence, for people */
	u32 width;
};
struct scan_writer {
	const char *name; /* "table", "json", "sarif", "cyclonedx", "junit", "gitlab", "html", "markdown" */
	void (*write)(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt);
};
extern const struct scan_writer *const scan_writers[]; /* NULL-terminated; the first is the default */
const struct scan_writer *scan_writer_find(const char *name); /* NULL when there is none */
#endif
