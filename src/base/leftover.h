/* leftover.h — what files on their way and stages have in common, within base/: their names and their locks. */
#ifndef PARE_BASE_LEFTOVER_H
#define PARE_BASE_LEFTOVER_H
#include "base/buf.h"
#include "base/common.h"

#define FILE_NAME_TRIES 100
int file_letters(struct buf *out) must_check; /* eight more, that nobody else has; -1: errno */
/* Locks what was made this moment; false: somebody took it for left over in between, and it is gone. Where there are no locks it is ours without. */
bool file_lock_new(int fd);
#endif
