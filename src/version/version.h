/* version.h — which of two versions is the later one, as each package manager and registry orders them. One file a scheme.
 *
 *      dpkg      deb-version(7), dpkg's lib/dpkg/version.c        apk       apk-tools' src/version.c (1.2.3_alpha1-r4)
 *      rpm       rpm-version(7): [epoch:]version-release, ~ ^      semver    semver.org 2.0.0
 *      npm       semver as node-semver takes it (loose "v1.2")     pep440    PEP 440, with legacy versions before all others
 *      gem       Gem::Version                                      maven     ComparableVersion
 *      go        golang.org/x/mod/semver; "go1.21rc2" too          nuget     NuGetVersion: four numbers, case ignored
 *      composer  composer/semver: stability words, dev- branches
 *
 * Versions are hostile: any bytes, any length; linear time, no allocation that input decides without a ceiling. */
#ifndef PARE_VERSION_VERSION_H
#define PARE_VERSION_VERSION_H
#include "base/common.h"
#include "base/str.h"

#define VERSION_MAX ((size_t)4096) /* a longer one is no version */

struct version_scheme {
	const char *name; /* "dpkg" … as `db compare` calls it */
	/* Compares: *order < 0, 0, > 0. -1 when one of them is no version of this scheme (then `db compare` says "error"). */
	int (*compare)(struct str a, struct str b, int *order);
};
extern const struct version_scheme version_dpkg, version_apk, version_rpm, version_semver, version_npm, version_pep440, version_gem, version_maven, version_go, version_nuget, version_composer;
extern const struct version_scheme *const version_schemes[]; /* all of them, NULL-terminated */

const struct version_scheme *version_scheme_named(struct str name);     /* NULL: none */
const struct version_scheme *version_scheme_of_type(const char *purl_type); /* "deb" → dpkg, "pypi" → pep440 …; rpm for "generic" (programs: "1.1.1k"), semver for what has none of its own */
/* The same for ordering lists: never fails; what is no version of the scheme is ordered bytewise behind those that are. */
int version_order(const struct version_scheme *s, const char *a, const char *b);
/* Whether `version` satisfies `range` as the scheme's registries write them (npm "^1.2 || >=3 <4", maven "[1.0,2.0)", pep440 ">=1,<2,!=1.5", gem "~> 1.2", composer), at most 2 * VERSION_MAX bytes. -1: one of them is not understood. */
int version_in_range(const struct version_scheme *s, struct str version, struct str range);
#endif
