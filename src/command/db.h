/* db.h — what the files of `pare db` share. */
#ifndef PARE_COMMAND_DB_H
#define PARE_COMMAND_DB_H
#include "base/arena.h"
#include "command/command.h"

enum { O_OUTPUT, O_FROM, O_DB, O_FORMAT, O_OFFLINE, O_KEEP_GOING, O_PLACE };

/* The file that was named, else the store's. NULL and *err. */
const char *db_file(struct arena *a, const char *named, struct error *err);

/* db_update.c */
int db_run_update(const struct option_value *opt, char **args, int n_args);
int db_run_push(const struct option_value *opt, char **args, int n_args);
#endif
