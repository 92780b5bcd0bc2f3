/* fix.h — making the edits that findings offer, so that no file is ever broken.
 *
 * Fixes are taken in the order of their place; one whose edits touch those of a fix already taken waits for the next round. After a round the
 * result is parsed again and compared with what went in: every instruction that no edit touches must be there, byte for byte and in order, and so must every comment
 * line; the number of stages, the line ends, the BOM and the presence of a final newline stay; a RUN whose script parsed must still parse. A round that doesn't hold is
 * halved until the fix at fault is alone, and that one is left out. Rounds go on until none changes anything: so a second run changes nothing. Fixes that
 * are still at it after FIX_ROUNDS go in circles, and looking for faults is work with a limit (fix.c): then the file stays as it was. It does so, too, when safe
 * fixes lead to one that would change an instruction which no finding of the file as it was permits to change. A file that BuildKit refuses is not touched. */
#ifndef PARE_LINT_FIX_H
#define PARE_LINT_FIX_H
#include "base/buf.h"
#include "lint/lint.h"

#define FIX_ROUNDS 20

struct fix_result {
	struct buf text;     /* the new file; owned */
	bool changed;
	u32 made, left_out;  /* fixes; left_out: offered for `text` still, and not safe to make */
};
int fix_apply(struct str text, const struct lint_options *opt, enum fix_safety up_to, struct fix_result *ret, struct error *err) must_check;

/* The same with findings from elsewhere: find() appends to *out what it finds in `text`; it is asked again after each round. */
typedef int fix_finder(void *ctx, struct str text, const struct lint_options *opt, struct diagnostics *out, struct error *err);
int fix_apply_found(struct str text, const struct lint_options *opt, enum fix_safety up_to, fix_finder *find, void *ctx, struct fix_result *ret, struct error *err) must_check;
void fix_result_free(struct fix_result *r);
#endif
