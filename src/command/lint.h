/* lint.h — the parts of `pare lint`. */
#ifndef PARE_COMMAND_LINT_H
#define PARE_COMMAND_LINT_H
#include "lint/lint.h"

int lint_serve(struct lint_options *opt); /* --lsp; returns an exit status */
#endif
