/* examine.h — an image under examination: everything that is wrong with it, of all kinds, from what is known of it (struct subject) and the advisory database. What `pare scan` and the
 * one screen of `pare IMAGE` both ask. */
#ifndef PARE_REPORT_EXAMINE_H
#define PARE_REPORT_EXAMINE_H
#include "advisory/match.h"
#include "check/license.h"
#include "report/subject.h"
#include "rule/scan.h"

enum { EXAMINE_VULNERABILITIES = 1u << KIND_VULNERABILITY, EXAMINE_SECRETS = 1u << KIND_SECRET, EXAMINE_CONFIG = 1u << KIND_CONFIG, EXAMINE_LICENSES = 1u << KIND_LICENSE, EXAMINE_ALL = 15 };

struct examine_options {
	u32 kinds;               /* EXAMINE_… */
	const struct db *db;     /* NULL: vulnerabilities are not looked for, which is a problem when they are among `kinds` */
	bool all_layers;         /* packages that only lower layers hold, too (presence shadowed and deleted) */
	struct match_options match;
	const struct license_policy *licenses; /* NULL: nothing is found, only counted */
};

/* A kind of examination beside the matcher, one file each: adds its findings. Of an SBOM image and tree are empty. */
struct examiner {
	enum finding_kind kind;
	void (*examine)(const struct subject *s, const struct examine_options *opt, struct scan *out);
};
extern const struct examiner *const examiners[]; /* NULL-terminated */

/* Fills *out (all zero before), sorted. -1: the database is damaged. */
int examine(const struct subject *s, const struct examine_options *opt, struct scan *out, struct error *err) must_check;
/* "upgrade to 1.2-4: apt-get install --only-upgrade x (layer 3: RUN …)". Into the scan's arena. */
const char *remedy_of(const struct subject *s, struct scan *scan, const struct scan_finding *f);
/* The command that upgrades a package of the system, without the package's name: "apt-get install --only-upgrade"; NULL: it is none of the system's. */
const char *remedy_command(const struct packages *p, const char *type);
#endif
