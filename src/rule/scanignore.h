/* scanignore.h — findings that somebody has decided to live with: our own file, and those of other scanners, recognised by their content.
 *
 *     ignore:                                   # ours, .pare-ignore.yaml
 *       - id: CVE-2024-1234                     # a pattern, as "CVE-2024-*"; of secrets and configuration the rule's name
 *         package: openssl                      # all that follow may be left out; patterns, too
 *         path: srv/app/key.pem
 *         kind: vulnerability                   # secret, config, license
 *         reason: the function is never called  # wanted
 *         expires: 2026-12-31                   # last day on which it holds
 *
 *     CVE-2018-14618 exp:2026-01-01             # .trivyignore
 *     vulnerabilities: [{id, paths, purls, expired_at, statement}]; misconfigurations, secrets, licenses likewise         # .trivyignore.yaml
 *     ignore: [{vulnerability, fix-state, package: {name, version, type, location}, reason}]                              # .grype.yaml
 *
 * An entry of ours that matches nothing, or whose last day is over, is stale: it should be taken out, and fails the scan. Theirs only cease to hold. */
#ifndef PARE_RULE_SCANIGNORE_H
#define PARE_RULE_SCANIGNORE_H
#include "rule/scan.h"

#define SCANIGNORE_BYTES (4 * MiB)
#define SCANIGNORE_ENTRIES 20000

struct scan_ignore {
	const char *id, *package, *version, *type, *path, *purl, *state, *reason, *expires; /* "" any */
	const char *file;
	u32 line, kinds;    /* bits 1 << enum finding_kind; 0 any */
	bool ours, used, expired;
};
struct scan_ignores {
	struct arena arena;
	struct scan_ignore *v;
	u32 n, cap;
};

/* Adds those of a file. ERR_USAGE: it is not there, or none of these. */
int scan_ignores_load(const char *file, struct scan_ignores *ret, struct error *err) must_check;
int scan_ignores_read(struct str text, const char *file, struct scan_ignores *ret, struct error *err) must_check;
/* Sets `suppressed` of what they match. today: "2026-01-31". */
void scan_ignores_apply(struct scan_ignores *i, struct scan *s, const char *today);
bool scan_ignore_stale(const struct scan_ignore *i);
void scan_ignores_free(struct scan_ignores *i);
#endif
