/* release.h — what tells more of a distribution's release than os-release(5) does: its own release file, the repositories its package manager reads. */
#ifndef PARE_PACKAGE_RELEASE_H
#define PARE_PACKAGE_RELEASE_H
#include "package/package.h"

/* The files it reads; osrelease_collector takes them. */
bool release_wants(struct str dir, struct str name);
/* After osrelease_read(). Fills os_id and os_version where there is no os-release; os_version of Red Hat and CentOS from their release file, whose minor release counts;
 * os_branch and os_content_sets. */
void release_read(const struct rootfs *r, struct packages *p);
#endif
