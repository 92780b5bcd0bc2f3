/* manifest.h — what the files of `pare manifest` share. */
#ifndef PARE_COMMAND_MANIFEST_H
#define PARE_COMMAND_MANIFEST_H
#include "base/json.h"
#include "command/place.h"
#include "transport/repo.h"

enum { O_RAW, O_CONFIG, O_PLATFORM, O_FORMAT, O_OS, O_ARCH, O_VARIANT, O_OS_VERSION, O_ANNOTATION, O_INDEX_ANNOTATION, O_PLACE, O_END = O_PLACE + PLACE_COUNT };

/* An index or manifest with its place. */
struct opened {
	struct repo *r;
	struct document d;
	json_t *doc;
};
int manifest_open(const char *word, const struct repo_options *o, struct opened *ret, struct error *err) must_check;
void manifest_close(struct opened *m);

/* manifest_edit.c */
int manifest_run_create(const struct option_value *opt, char **args, int n_args);
int manifest_run_annotate(const struct option_value *opt, char **args, int n_args);
int manifest_run_rm(const struct option_value *opt, char **args, int n_args);
#endif
