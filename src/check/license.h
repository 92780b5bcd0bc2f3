/* license.h — which licences a user lives with: a policy, and what it says of the packages of an image.
 *
 *     allow: [permissive, "LGPL-*", MPL-2.0]    # identifiers of SPDX, patterns of them, or categories
 *     warn:  [weak-copyleft]
 *     deny:  [network-copyleft, "GPL-3.0-*"]
 *     unknown: warn                             # allow, warn, deny: packages that say nothing, or what is no identifier. Default warn
 *     default: deny                             # of what no list names. Default: deny when there is a list `allow`, else allow
 *     exceptions:
 *       - package: readline                     # a pattern; with `version` and `license`, patterns too, only those
 *         reason: linked by a tool that stays inside
 *
 * Of several lists that name a licence the exact name wins over a pattern, a pattern over a category; then deny over warn over allow. An expression is what its parts make of it:
 * of OR the best one counts, of AND the worst; "X WITH Y" is asked for as a whole first, then as X. "GPL-2.0", "GPL-2.0+" are the same as -only and -or-later. */
#ifndef PARE_CHECK_LICENSE_H
#define PARE_CHECK_LICENSE_H
#include "package/package.h"
#include "rule/scan.h"

#define POLICY_BYTES (1 * MiB)
#define POLICY_ENTRIES 5000u
#define LICENSE_DEPTH 64u /* parentheses in parentheses */

/* From the freest to the strictest; what nobody knows stands before what asks for something, so that an expression with both says what it surely asks for. */
enum license_category { LICENSE_PERMISSIVE, LICENSE_OTHER, LICENSE_UNKNOWN, LICENSE_WEAK, LICENSE_COPYLEFT, LICENSE_NETWORK, LICENSE_RESTRICTED, LICENSE_CATEGORIES };
extern const char *const license_category_text[]; /* "permissive" "other" "unknown" "weak-copyleft" "copyleft" "network-copyleft" "restricted" */
enum license_verdict { LICENSE_ALLOW, LICENSE_WARN, LICENSE_DENY };

struct license_entry {
	const char *pattern;
	enum license_verdict verdict;
};
struct license_exception {
	const char *package, *version, *license, *reason; /* patterns; "" any */
};
struct license_policy {
	struct arena arena;
	struct license_entry *v;
	u32 n, cap;
	struct license_exception *except;
	u32 n_except, cap_except;
	enum license_verdict unknown, other; /* other: of what no list names */
	bool other_given, unknown_given;
};

/* Adds what a file, or a list "MIT,BSD-*" of the command line, says. ERR_USAGE. license_policy_done() when all is said. */
int license_policy_load(const char *file, struct license_policy *p, struct error *err) must_check;
int license_policy_read(struct str text, const char *file, struct license_policy *p, struct error *err) must_check;
int license_policy_list(struct str list, enum license_verdict verdict, struct license_policy *p, struct error *err) must_check;
void license_policy_done(struct license_policy *p);
void license_policy_free(struct license_policy *p);

/* What the policy says of an expression. *which: the licence that decided, *unknown: nobody knows it; *by: the entry, or "" */
enum license_verdict license_policy_ask(const struct license_policy *p, struct str expression, struct str *which, const char **by, bool *unknown);
enum license_category license_category_of(struct str expression); /* of OR the freest, of AND the strictest */

/* Adds findings of KIND_LICENSE: "license-denied" (high), "license-warned" (medium), "license-unknown" (low, high when unknown ones are denied). */
void license_judge(const struct license_policy *p, const struct packages *k, struct scan *out);
/* Fills out->licenses. */
void license_count(const struct packages *k, struct scan *out);
#endif
