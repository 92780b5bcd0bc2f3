/* slim_vex.h — what went out of an image, as an OpenVEX document (openvex.dev, version 0.2.0): "not_affected" for "component_not_present". */
#ifndef PARE_REPORT_SLIM_VEX_H
#define PARE_REPORT_SLIM_VEX_H
#include "report/slim_risks.h"

/* A statement for each vulnerability that is known of packages that went, by its name with its aliases, and one for each of those packages whose vulnerability is "*", all that there are and will be: it is the
 * package that is not there. Of packages of which a file stays nothing is said, for no advisory names the file that holds the vulnerable code. Deterministic: the time is SOURCE_DATE_EPOCH's, else the image's own. `digest`: of
 * the result's manifest; NULL: it has none yet. */
void slim_vex(FILE *f, const struct slim *s, const struct slim_scan *x, const char *digest);
#endif
