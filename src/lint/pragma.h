/* pragma.h — comments that switch rules off, applied to the findings of a file (rule/ignore.h reads them).
 *
 * With LINT_HADOLINT as hadolint does it to the letter: a line's pragma holds for the next line, a stage's from the second line below it to the
 * next FROM. Otherwise a comment holds for the instruction below it (hadolint's only when nothing but comments is between), and one between the
 * lines of a continued instruction for the next line. */
#ifndef PARE_LINT_PRAGMA_H
#define PARE_LINT_PRAGMA_H
#include "lint/lint.h"

#define PRAGMA_NAMES 10000 /* names in the comments of one file; further ones are not heard */

/* Reads `# check=` (or the build argument that replaces it) into l->own.check. Before the rules are asked. */
void lint_pragma_check(struct lint *l);
/* Takes out what the comments ignore, and speaks for the rules of rules_pragma[]. After the rules. */
void lint_pragmas(struct lint *l);
#endif
