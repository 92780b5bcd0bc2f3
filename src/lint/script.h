/* script.h — the shell scripts of a Dockerfile: which text a shell runs, and which shell. */
#ifndef PARE_LINT_SCRIPT_H
#define PARE_LINT_SCRIPT_H
#include "lint/lint.h"

/* Fills l->scripts from l->file and l->graph; texts go to l->file.arena. */
void lint_scripts(struct lint *l);
void lint_scripts_free(struct lint *l);
#endif
