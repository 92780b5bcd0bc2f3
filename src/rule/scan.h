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

struct scan_finding { /* strings never NULL ("" when there is nothing to say), in scan.arena */
	enum finding_kind kind;
	const char *id;            /* "CVE-…"; a rule's name for the other kinds */
	enum severity severity;
	const char *vendor_severity; /* as the vendor says it */
	const char *package, *version, *fixed_version, *state, *reason, *purl;
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
	double risk;               /* order: kev, epss, severity, reachable, fixable together */
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
	struct problems problems; /* coverage.incomplete; not empty: exit status 3 */
};
struct scan_finding *scan_add(struct scan *s, enum finding_kind kind, const char *id, enum severity sev); /* a blank one at the end */
void scan_sort(struct scan *s); /* by risk, kind, severity, id, package, version, path, layer: always the same order */
void scan_free(struct scan *s);
#endif
