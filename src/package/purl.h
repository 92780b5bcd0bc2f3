/* purl.h — package URLs (purl-spec): pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS, each part percent-encoded, qualifiers sorted.
 *
 * Namespaces: deb, rpm and apk the distribution's id; npm the scope, maven the group, golang and composer what stands before the last '/'. Qualifiers: arch, distro ("debian-12"),
 * epoch of rpm, upstream (the source package where it has another name). */
#ifndef PARE_PACKAGE_PURL_H
#define PARE_PACKAGE_PURL_H
#include "base/arena.h"
#include "package/package.h"

const char *purl_make(struct arena *a, const struct package *k, const char *os_id, const char *os_version);

struct purl { /* decoded, in an arena */
	const char *type, *name_space, *name, *version, *subpath; /* "" when absent */
	const char *arch, *distro, *epoch, *upstream;             /* the qualifiers that matter */
};
/* -1: no purl. */
int purl_parse(struct arena *a, struct str text, struct purl *ret) must_check;
#endif
