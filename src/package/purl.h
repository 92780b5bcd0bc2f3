/* purl.h — package URLs (purl-spec): pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS, each part percent-encoded, qualifiers sorted.
 *
 * Namespaces: deb, rpm and apk the distribution's id; npm the scope, maven the group, golang and composer what stands before the last '/'. Qualifiers: arch, distro ("debian-12"),
 * epoch of rpm, upstream (the source package where it has another name). */
#ifndef PARE_PACKAGE_PURL_H
#define PARE_PACKAGE_PURL_H
#include "base/arena.h"
#include "package/package.h"

/* `upstream` is the source package's name, "NAME@VERSION" where its version is another than the package's; `rpmmod` an rpm's modularity label. Names keep
 * their case where the ecosystem tells it apart (npm's old names, Go's modules), whatever the specification would have made of them. */
const char *purl_make(struct arena *a, const struct package *k, const char *os_id, const char *os_version);

struct purl { /* decoded, in an arena */
	const char *type, *name_space, *name, *version, *subpath; /* "" when absent */
	const char *arch, *distro, *epoch, *upstream, *module;    /* the qualifiers that matter */
};
#define PURL_MAX ((size_t)(16 * KiB))
/* -1: no purl, or one over PURL_MAX. */
int purl_parse(struct arena *a, struct str text, struct purl *ret) must_check;
/* The name as the ecosystem writes it (struct package): "@babel/core", "org.slf4j:slf4j-api", "bash". */
const char *purl_name(struct arena *a, const struct purl *u);
/* The version as struct package has it: of an rpm with its epoch. */
const char *purl_version(struct arena *a, const struct purl *u);
#endif
