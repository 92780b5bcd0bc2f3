/* udiff.h — the difference of two texts as `diff -u` prints it: what patch(1) and git apply take.
 *
 * Lines are bytes up to and with their newline; a last line without one is followed by "\ No newline at end of file". Three lines of context.
 * Work is lines times changed lines, those up to UDIFF_CHANGES; what differs in more is shown as one block taken out and one put in. */
#ifndef PARE_REPORT_UDIFF_H
#define PARE_REPORT_UDIFF_H
#include "base/common.h"
#include "base/str.h"

#define UDIFF_CHANGES 1000

/* Prints nothing when they are equal. `name` stands behind a/ and b/, or alone when it is absolute. `terminal`: neutralise the texts (text_safe()), which
 * patch can no longer read where they hold control bytes. */
void report_udiff(FILE *out, struct str name, struct str before, struct str after, bool terminal);
#endif
