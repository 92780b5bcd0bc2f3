#include "lint/pragma.h"

void lint_pragmas(struct lint *l) { (void)l; }
