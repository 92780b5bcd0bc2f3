/* gate.h — when a scan fails: conditions on findings, any of which is enough.
 *
 *     critical high medium low info      that severity, or worse
 *     kev                                known to be exploited
 *     epss>0.5                           more likely than that to be exploited within thirty days
 *     cvss>7.5                           a base score over that
 *     fixable                            a fix is there to be taken
 *     vulnerability secret config license   of that kind
 *     reachable                          what the image starts runs it or loads it, as far as that is known: with reachable+high what surely lies idle fails nothing
 *     eol                                the system gets no updates any more
 *
 * Joined by commas any one fails; joined by "+" all must hold: "kev,critical+fixable". */
#ifndef PARE_RULE_GATE_H
#define PARE_RULE_GATE_H
#include "rule/scan.h"

#define GATES_MAX 64
enum gate_test { GATE_SEVERITY, GATE_KEV, GATE_EPSS, GATE_CVSS, GATE_FIXABLE, GATE_KIND, GATE_EOL, GATE_REACHABLE };
struct gate {
	enum gate_test test;
	double limit;       /* of EPSS, CVSS */
	u32 value;          /* severity, kind */
	bool and_next;      /* the next one must hold, too */
};
struct gates {
	struct gate v[GATES_MAX];
	u32 n;
};

/* Adds those of a list. ERR_USAGE: an unknown word. */
int gates_parse(struct str list, struct gates *g, struct error *err) must_check;
/* How many findings fail; what is suppressed or known doesn't. */
u32 gates_count(const struct gates *g, const struct scan *s);
#endif
