/* lint_run.h — many Dockerfiles, linted on all processors, fixed, and reported in order. */
#ifndef PARE_COMMAND_LINT_RUN_H
#define PARE_COMMAND_LINT_RUN_H
#include "lint/files.h"
#include "lint/fix.h"
#include "report/lint_writer.h"
#include "rule/baseline.h"

struct option_value;
struct subject;
struct lint_run {
	struct lint_options opt;        /* of all files; .dockerignore and context come from where the file is */
	const char *context;            /* --context; NULL: see lint_surroundings_read() */
	struct lint_report *report;     /* NULL: findings are not shown (--diff, --fix of standard input) */
	struct baseline *known;         /* NULL, or findings that are not new */
	struct baseline *update;        /* NULL, or takes all findings */
	const struct subject *image;    /* --image: what the one file was built into; NULL: bytes are estimates */
	bool fix, diff, quiet;
	enum fix_safety safety;
	u64 fail_over;                  /* gate on measured and estimated bytes; UINT64_MAX: none */
	/* results */
	u32 fixed_files, fixes, left_out, not_new;
	u64 bytes;
	u32 unmatched, unmatched_line;  /* instructions that the image's history does not have, the last one's line */
	struct error image_error;       /* the image was not built from the file */
	bool failed;                    /* something could not be read, parsed, or written */
	bool environment;               /* … because of the surroundings (a file could not be written) */
	bool check_error;               /* BuildKit's `error=true`, and a finding of its rules */
};
/* What stands around a file. `context`, else the directory of what is called Dockerfile or Containerfile, is the build context (whoever gives the file another
 * name says where that is); NAME.dockerignore, else .dockerignore in the directory, is what COPY doesn't get. `path` NULL or "-": no file; the working directory's .dockerignore. Sets opt->context and opt->ignored_files, good until lint_surroundings_free(). */
struct lint_surroundings {
	struct buf ignored;
	char *directory;
};
void lint_surroundings_read(const char *path, const char *context, struct lint_options *opt, struct lint_surroundings *ret);
void lint_surroundings_free(struct lint_surroundings *s);

/* The image of --image, with its packages (`place`: the first of PLACE_OPTIONS); lint_image_problems() prints what could not be read of it and returns the exit status, as command_problems(). */
int lint_image_open(const char *location, const struct option_value *place, struct subject **ret, struct error *err) must_check;
int lint_image_problems(const struct subject *s);
void lint_image_close(struct subject *s);

void lint_run_all(struct lint_run *r, const struct lint_paths *paths);
#endif
