/* match.h — which advisories hold for which packages, by each vendor's own rules, with the reason of every answer.
 *
 * Which records are asked is a matter of the distribution (distro.h): Debian, Ubuntu, Alpine and its kin, Photon, Azure publish by source package, the others by binary
 * package; the release comes from os-release, for Alpine from the repositories' branch when those are newer; Red Hat's by CPE and module stream. Language packages and
 * programs are asked by their purl type's ecosystem, whatever the distribution. */
#ifndef PARE_ADVISORY_MATCH_H
#define PARE_ADVISORY_MATCH_H
#include "advisory/db.h"
#include "package/package.h"
#include "rule/scan.h"

/* What the matcher answered about one record: for `--why`. */
struct match_answer {
	const struct db_record *record;
	u32 package;        /* index into packages; UINT32_MAX: none was asked for it */
	bool affected;
	const char *reason; /* "1.2-3 < 1.2-4 (dpkg)", "fixed \"0\": never affected", "module stream nodejs:16 is not installed", … */
};

struct match_options {
	const char *why;    /* an id: tell on_answer about every record of it, matches or not; NULL */
	void (*on_answer)(void *ctx, const struct match_answer *a);
	void *ctx;
	bool quiet;         /* no word on what the database does not cover */
	const char *today;  /* "2026-01-31": for end-of-life; SOURCE_DATE_EPOCH's day when that is set */
};

/* What is known of the system itself: out->os, out->coverage, and a finding when it gets no updates any more. `d` may be NULL: then by the built-in dates. */
void match_system(const struct packages *p, const struct db *d, const struct match_options *opt, struct scan *out);
/* Adds a finding for every match to out->findings (kind vulnerability). What the database does not cover is noted (out->notes) and, of the system's own packages, a finding; a system
 * whose package database is gone is a problem: never a quiet nothing. -1: the database is damaged. */
int match_packages(const struct packages *p, const struct db *d, const struct match_options *opt, struct scan *out, struct error *err) must_check;
#endif
