/* slim_risks.h — what scans of an image find before and after a slimming: from the facts of the original and the plan, nothing is read for it.
 *
 * A vulnerability stays when a file of its package does; a secret when the entry that holds it does, in any layer. What environment, labels, history and commands hold stays. */
#ifndef PARE_REPORT_SLIM_RISKS_H
#define PARE_REPORT_SLIM_RISKS_H
#include "advisory/db.h"
#include "slim/slim.h"

struct slim_scan { /* of the original */
	struct packages *own; /* at level safe, which chooses by the system's packages alone; else NULL */
	struct scan vulnerabilities, secrets;
	bool looked, searched; /* there was a database; the layers were read for secrets */
};

/* d NULL: vulnerabilities are not looked for. secrets: the layers were read with their collector. -1: the database is damaged. */
int slim_scan(const struct slim *s, const struct db *d, const char *today, bool secrets, struct slim_scan *ret, struct error *err) must_check;
/* What of it is in the result, into s->vulnerabilities and s->secrets. */
void slim_count_risks(const struct slim_scan *x, struct slim *s);
void slim_scan_free(struct slim_scan *x);
#endif
