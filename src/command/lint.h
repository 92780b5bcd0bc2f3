/* lint.h — the parts of `pare lint`. */
#ifndef PARE_COMMAND_LINT_H
#define PARE_COMMAND_LINT_H
#include "command/command.h"
#include "lint/lint.h"

/* How the command line `opt` judges with configuration file `file` (NULL: the one that is found): what the options point to is good until it is freed. */
struct lint_judgement;
struct lint_judgement *lint_judgement_read(const struct option_value *opt, const char *file, struct error *err); /* NULL: *err says why */
const struct lint_options *lint_judgement_options(const struct lint_judgement *j);
void lint_judgement_free(struct lint_judgement *j);

/* lsp.c: --lsp; `file` is that of --config. Returns an exit status. */
int lint_serve(const struct option_value *opt, const char *file);
#endif
