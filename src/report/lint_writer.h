/* lint_writer.h — what an output format of `pare lint` is. One file in report/ a format (or a family of them), one line in lint_writers[].
 *
 * Files come in a fixed order, one at a time, each with its findings sorted; nothing of a file is kept after writer->file() returns, so a
 * format that needs everything at once keeps what it needs itself (report->state). Texts may quote the file: neutralise them. */
#ifndef PARE_REPORT_LINT_WRITER_H
#define PARE_REPORT_LINT_WRITER_H
#include "base/jsonw.h"
#include "lint/lint.h"

struct lint_file {
	const char *name;               /* as given, or as found below a directory; "-": standard input */
	const struct lint *lint;        /* its text (lint->file.text), positions (df_position), stages; NULL when it could not be read */
	const struct diagnostics *d;    /* sorted; what is off or ignored is not in it; n == 0 when there is none */
	const char *unreadable;         /* why it could not be read; NULL */
	bool refused;                   /* it does not parse: d holds DL1000 */
};

struct lint_report {
	FILE *f;
	const struct lint_writer *writer;
	enum lint_codes codes;
	bool color;
	enum level threshold;           /* findings at or over it fail the run */
	const char *path;               /* --file-path-in-report; NULL: the file's own name */
	u32 n_files;                    /* to come */
	u32 seen, unreadable, refused;  /* files so far; kept by lint_report_file() */
	u32 count[LEVEL_ERROR + 1];     /* findings so far, by level */
	u32 fixable, with_findings;
	u64 bytes;                      /* measured, so far */
	bool estimated;                 /* some of the bytes are guesses */
	struct jsonw json;              /* for writers of JSON */
	void *state;                    /* the writer's own; freed by its end() */
};

struct lint_writer {
	const char *name;               /* of --format */
	void (*begin)(struct lint_report *r);                              /* NULL: nothing */
	void (*file)(struct lint_report *r, const struct lint_file *file);
	void (*end)(struct lint_report *r);                                /* NULL: nothing */
	bool never_fails;               /* findings don't fail the run, whatever the threshold: hadolint's rule for what another service judges */
};
extern const struct lint_writer *const lint_writers[]; /* NULL-terminated; the first is the default */

const struct lint_writer *lint_writer_find(const char *name); /* NULL when there is none */
void lint_report_begin(struct lint_report *r);
void lint_report_file(struct lint_report *r, const struct lint_file *file);
void lint_report_end(struct lint_report *r);
/* The name that formats which take --file-path-in-report print. */
const char *lint_report_path(const struct lint_report *r, const struct lint_file *file);
#endif
