/* distro.h — a distribution as advisories know it: under which names they are published, by source or by binary package, until when.
 *
 *      id                     release   ecosystems                                        names
 *      debian, raspbian       12        Debian:12                                         source
 *      ubuntu                 22.04     Ubuntu:22.04:LTS; Ubuntu:Pro:… for +esm builds    source
 *      alpine                 3.19      Alpine:v3.19; the repositories' branch when newer source
 *      wolfi, chainguard, minimos, echo —  Wolfi, Chainguard, MinimOS, Echo               source
 *      photon 3.0, azurelinux 3, mariner 2  Photon OS:3.0, Azure Linux:3                  source
 *      rhel, centos, …        8         Red Hat, by CPE                                   binary
 *      almalinux, rocky, ol, amzn       AlmaLinux:8, Rocky Linux:8, Oracle Linux:8, Amazon Linux:2   binary
 *      sles 15.3, opensuse-leap 15.5 …  SUSE:Linux Enterprise Server 15 SP3 and its modules, openSUSE:Leap 15.5   binary */
#ifndef PARE_ADVISORY_DISTRO_H
#define PARE_ADVISORY_DISTRO_H
#include "package/package.h"
#include "version/version.h"

#define DISTRO_ECOSYSTEMS 16

enum distro_rules { /* what else its vendor's advisories ask for */
	DISTRO_SOURCE = 1,         /* by source package */
	DISTRO_CPE = 2,            /* Red Hat: products by CPE; what has a fix counts before what has none, the highest fix of several */
	DISTRO_KINDS = 4,          /* Oracle: ksplice and fips builds are compared with their own kind only */
	DISTRO_NO_STREAMS = 8,     /* Rocky: errata don't tell module streams apart, so packages of modules are not compared */
	DISTRO_PRO = 16,           /* Ubuntu: a package that was built for Pro is asked under its names, too */
	DISTRO_NO_PACKAGES = 32,   /* it has no package database of its own (Bottlerocket) */
};

struct distro {
	const char *type;          /* purl type of its packages: "deb", "apk", "rpm", "alpm"; NULL: the distribution is not known */
	const struct version_scheme *scheme;
	const char *ecosystems[DISTRO_ECOSYSTEMS];
	u32 n_ecosystems;          /* 0: nobody publishes advisories for it that we read */
	const char *pro;           /* Ubuntu: "Ubuntu:Pro:16.04:LTS" */
	const char *root;          /* "Root:Debian:12": what Root.io builds again for that release; NULL */
	const char *release;       /* as its advisories count: "12", "22.04", "3.19", "8"; "" rolling */
	const char *minor;         /* Red Hat: "8.4", "" */
	u32 rules;
	const char *eol_product, *eol_cycle; /* endoflife.date's */
	const char *builtin;       /* rule/eol.h's */
};

/* From os_id, os_version, os_codename, os_branch. Strings in the arena. */
void distro_of(const struct packages *p, struct arena *a, struct distro *ret);
/* The OSV ecosystem of a language's packages: "pypi" → "PyPI"; NULL. */
const char *ecosystem_of_type(const char *purl_type);
#endif
