/* finding.h — a judgement on facts: what, how bad, where, what it costs, and what removes it. */
#ifndef PARE_RULE_FINDING_H
#define PARE_RULE_FINDING_H
#include "base/arena.h"
#include "base/common.h"

enum severity { SEV_INFO, SEV_LOW, SEV_MEDIUM, SEV_HIGH, SEV_CRITICAL };
extern const char *const severity_text[];

struct finding {
	const char *rule;     /* stable name, "root-user" */
	const char *kind;     /* of a scan's: "vulnerability" …; else NULL */
	enum severity severity;
	const char *message;  /* one line */
	const char *path;     /* NULL when it is about the configuration */
	s32 layer;            /* -1: none */
	u32 count;            /* how many things it sums up; >= 1 */
	u64 bytes;            /* measured cost; 0 for risks */
	double risk;          /* of a scan's: 0 to 100, of all that it sums up; else 0 */
	const char *fix;      /* what to do, one line: the command or edit; NULL when nothing is known */
};

struct findings {
	struct arena arena;
	struct finding *v;
	u32 n, cap;
};
struct finding *findings_add(struct findings *f, const char *rule, enum severity sev, const char *message, ...) printf_like(4, 5);
void findings_sort(struct findings *f); /* by bytes, severity, rule, path: always the same order */
void findings_free(struct findings *f);
#endif
