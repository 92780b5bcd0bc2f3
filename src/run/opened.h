/* opened.h — files that are opened below a mount, told by fanotify: whoever opens them does not wait, and each file is told once. For root alone. */
#ifndef PARE_RUN_OPENED_H
#define PARE_RUN_OPENED_H
#include "run/observe.h"
#include <stdatomic.h>

bool opened_possible(void);
struct opened;
/* `root`: a directory of the mount. NULL: not here. What is opened from now on goes to `o`; *steady: in the steady phase. */
struct opened *opened_watch(int root, struct observed *o, const atomic_bool *steady);
void opened_end(struct opened *w); /* after the last event was taken; NULL is fine */
#endif
