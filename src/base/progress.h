/* progress.h — one line on standard error while long work runs; only on a terminal, only after 0.4 s, never with --quiet.
 * Safe from any thread. The line is wiped when the work ends. */
#ifndef PARE_BASE_PROGRESS_H
#define PARE_BASE_PROGRESS_H
#include "base/common.h"

void progress_enable(bool on);                    /* from main(): a terminal and not --quiet */
void progress_begin(const char *what, u64 total); /* total bytes, 0 when not known; `what` stays the caller's */
void progress_add(u64 bytes);
void progress_skip(u64 bytes);                    /* of the total: they need not be done after all */
void progress_end(void);
#endif
