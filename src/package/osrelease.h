/* osrelease.h — which distribution an image is made of: os-release(5). */
#ifndef PARE_PACKAGE_OSRELEASE_H
#define PARE_PACKAGE_OSRELEASE_H
#include "package/package.h"

extern const struct collector osrelease_collector; /* its note is the file */
/* Fills os_id, os_version and os_pretty from /etc/os-release, else /usr/lib/os-release; "" when neither is there. */
void osrelease_read(const struct rootfs *r, struct packages *p);
#endif
