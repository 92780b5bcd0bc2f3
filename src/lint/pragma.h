/* pragma.h — comments that switch rules off, applied to the findings of a file (rule/ignore.h reads the comments). */
#ifndef PARE_LINT_PRAGMA_H
#define PARE_LINT_PRAGMA_H
#include "lint/lint.h"

/* Takes out what the file's comments and its `# check=` directive ignore. */
void lint_pragmas(struct lint *l);
#endif
