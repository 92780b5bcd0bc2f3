/* scan_show.h — what the writers of a scan's findings share. */
#ifndef PARE_REPORT_SCAN_SHOW_H
#define PARE_REPORT_SCAN_SHOW_H
#include "base/buf.h"
#include "report/scan.h"

/* The findings in the order in which people read them: those of one package (file, for secrets) beside each other, the package with the worst first. *order is malloc'ed, as long as
 * the result says; what is suppressed is left out unless asked for. */
u32 scan_order(const struct scan *s, bool suppressed, u32 **order);
bool scan_same_group(const struct scan_finding *a, const struct scan_finding *b);

/* What to do first: findings that one action removes. */
struct scan_action {
	const struct scan_finding *first; /* the most risky one */
	const char *text;    /* "apt-get install --only-upgrade curl libssl3 in layer 2 (RUN …)" */
	double risk;         /* of all that it removes */
	u32 count, severity[SEVERITIES], unrated, kev; /* unrated ones are in no severity here */
};
/* Most risk first. *ret is malloc'ed, texts in the arena. */
u32 scan_actions(const struct subject *s, const struct scan *scan, struct arena *a, struct scan_action **ret);

const char *scan_severity(const struct scan_finding *f); /* its word; "unknown" where nobody has rated it */
const char *scan_where(const struct scan_finding *f, char out[512]); /* "openssl 3.0.1" or a path with its line */
const char *scan_title(const struct subject *s); /* what was scanned */
const char *scan_system(const struct scan *scan, char out[128]); /* "Debian GNU/Linux 12 (bookworm)", "rhel 9.2"; "" none */
#endif
