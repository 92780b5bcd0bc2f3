/* ignore.h — comments that switch rules off, as each tool writes them.
 *
 *     # pare ignore=apt-lists-kept,DL3008 reason=the mirror is ours until=2026-12-31
 *     # pare stage ignore=…   # pare global ignore=…
 *     # hadolint ignore=DL3008,SC2046 # why      # hadolint stage ignore=…   # hadolint global ignore=…
 *     # check=skip=JSONArgsRecommended            (also a directive of the whole file: ;error=true;experimental=…)
 *     #trivy:ignore:DS002:exp:2026-12-31 why      several on a line
 *     # checkov:skip=CKV_DOCKER_2:why             holds for the whole file
 *     # kics-scan ignore   ignore-line   ignore-block   disable=ID,ID
 *     # tally ignore=hadolint/DL3008;reason=why   # tally global ignore=…
 *
 * Names are as written: whose they are is for the caller to find out. Views into the comment. */
#ifndef PARE_RULE_IGNORE_H
#define PARE_RULE_IGNORE_H
#include "base/common.h"
#include "base/str.h"

enum ignore_tool { IGNORE_PARE, IGNORE_HADOLINT, IGNORE_BUILDKIT, IGNORE_TRIVY, IGNORE_CHECKOV, IGNORE_KICS, IGNORE_TALLY };
extern const char *const ignore_tool_text[]; /* as in a rule's aliases: "pare" "hadolint" "buildkit" "trivy" … */

enum ignore_scope {
	IGNORE_NEXT,  /* the instruction that follows */
	IGNORE_LINE,  /* the line that follows */
	IGNORE_STAGE, /* the stage that begins below, or that it stands in */
	IGNORE_FILE,
};

struct ignore {
	enum ignore_tool tool;
	enum ignore_scope scope;
	bool all;          /* every rule of the tool (of pare and tally: every rule) */
	struct str names;  /* walk with ignore_name() */
	struct str reason, until; /* p NULL: not given; until: "2026-12-31" */
};

/* The next one of a comment: *rest starts as the comment, `#` included. False: no more. */
bool ignore_next(struct str *rest, struct ignore *ret);
/* The next of a list of names: *names starts as ignore.names. */
bool ignore_name(struct str *names, struct str *name);
/* Whether hadolint would read it: its own, and every name of the letters that its codes are made of. */
bool ignore_is_hadolints(const struct ignore *i);
/* Whether `until` (a day, "YYYY-MM-DD", inclusive) lies before `today`; false when it is no date. */
bool ignore_expired(struct str until, const char today[11]);
bool ignore_is_date(struct str s);

/* BuildKit's options of its checks, `skip=A,B;error=true;experimental=C`. */
struct check_options {
	bool skip_all, experimental_all, error;
	struct str skip, experimental; /* walk with ignore_name() */
};
/* False: BuildKit would refuse it. */
bool check_options_parse(struct str s, struct check_options *ret) must_check;
bool ignore_lists(struct str names, struct str name); /* whether `name` is one of them; ASCII case counts */
#endif
