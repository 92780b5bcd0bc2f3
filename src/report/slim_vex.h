/* slim_vex.h — what went out of an image, as an OpenVEX document (openvex.dev, version 0.2.0): a statement a package, "not_affected" for "component_not_present". */
#ifndef PARE_REPORT_SLIM_VEX_H
#define PARE_REPORT_SLIM_VEX_H
#include "slim/slim.h"

/* The vulnerability is "*", all that there are and will be: it is the package that is not there. Deterministic: the time is SOURCE_DATE_EPOCH's, else the image's own. */
void slim_vex(FILE *f, const struct slim *s);
#endif
