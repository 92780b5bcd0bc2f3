/* scan.h — what a scan found: vulnerabilities, secrets, configuration, licences, in one list, and how much of the image it can speak of. */
#ifndef PARE_RULE_SCAN_H
#define PARE_RULE_SCAN_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "rule/finding.h"

enum finding_kind { KIND_VULNERABILITY, KIND_SECRET, KIND_CONFIG, KIND_LICENSE };
extern const char *const finding_kind_text[]; /* "vulnerability" "secret" "config" "license" */
enum presence { PRESENCE_LIVE, PRESENCE_SHADOWED, PRESENCE_DELETED }; /* visible; another file stands over it; removed, but recoverable from its layer */
extern const char *const presence_text[];
enum reachable { REACHABLE_UNKNOWN, REACHABLE_YES, REACHABLE_NO }; /* on the closure of the entry point (program/) */
extern const char *const reachable_text[]; /* "unknown" "yes" "no" */
#define SEVERITIES 5

struct scan_finding { /* strings never NULL ("" when there is nothing to say), in scan.arena */
	enum finding_kind kind;
	const char *id;            /* "CVE-…"; a rule's name for the other kinds */
	enum severity severity;
	bool unrated;              /* nobody has rated it: shown as "unknown", taken for medium */
	const char *vendor_severity; /* as the vendor says it */
	const char *package, *version, *fixed_version, *state, *reason, *purl;
	const char *aliases, *advisories; /* the other names it has, and the vendor's advisories that repair it; separated by blanks */
	s32 package_index;         /* into packages; -1 */
	const char *path;          /* "/etc/shadow", "ENV TOKEN", "label x", "history 3" */
	s32 layer;                 /* -1: none */
	u32 line;                  /* 0: none */
	enum presence presence;
	enum reachable reachable;
	const char *title;         /* one line */
	const char *match;         /* why: the comparison; a secret's masked value */
	const char *remedy;        /* "upgrade to 1.2-4: apt-get install --only-upgrade x in layer 3 (RUN …)"; how to rotate */
	const char *url;
	const char *cvss_vector;
	double cvss;               /* base score; 0 unknown */
	double epss, epss_percentile; /* -1 unknown */
	const char *kev;           /* day it was added; "" not known to be exploited */
	bool ransomware;
	const char *suppressed;    /* "" or who ignores it and why: not printed unless asked, no gate */
	bool known;                /* it is in the baseline: no gate */
	double risk;               /* scan_risk() */
	u32 count;                 /* places that it stands for; 1, but for sums: "900 more world-writable files" */
};

struct scan {
	struct arena arena;
	struct scan_finding *v;
	u32 n, cap;
	struct {
		const char *id, *version, *pretty, *eol; /* eol: a date or "" */
		bool is_eol;
	} os;
	struct {
		u64 executable_bytes, identified_bytes;
		const char **unidentified; /* paths */
		u32 n_unidentified;
	} coverage;
	struct scan_license { /* how many packages have a licence of each category; none when nobody asked */
		const char *category, *names; /* "copyleft"; the licences with most packages, separated by ", " */
		u32 packages;
	} *licenses;
	u32 n_licenses;
	struct problems notes;    /* coverage.notes: what was read but could not be judged, such as packages that the database says nothing of; no failure */
	struct problems problems; /* coverage.incomplete; not empty: exit status 3 */
};
struct scan_finding *scan_add(struct scan *s, enum finding_kind kind, const char *id, enum severity sev); /* a blank one at the end */
/* What to look at first, 0 to 100: how bad × how likely × how present.
 *
 *   how bad      the middle of its severity (info 0.5, low 2.5, medium 5, high 7.5, critical 9.5), where there is a CVSS base score the mean of both; times 10
 *   how likely   1 when it is known to be exploited (KEV), else 0.3 + 0.7 × EPSS, 0.4 where EPSS has no word of it; × 0.3 when the entry point does not reach it
 *   how present  1; × 0.3 when only a lower layer still holds it; × 0.8 when there is no fix to take yet
 *
 * What is no vulnerability is there already: secrets count 0.9, configuration 0.5, licences 0.2 of how bad they are. */
double scan_risk(const struct scan_finding *f);
void scan_count(const struct scan *s, u32 count[SEVERITIES]); /* what is not suppressed, by severity */
void scan_sort(struct scan *s); /* sets every risk, then by risk, kind, severity, id, package, version, path, layer: always the same order */
void scan_free(struct scan *s);
#endif
