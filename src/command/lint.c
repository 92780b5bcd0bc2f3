#include "command/lint.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread.h"
#include "command/command.h"
#include "lint/files.h"
#include "report/lint_writer.h"

enum { O_FORMAT, O_CONFIG, O_CODES, O_LSP };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "How to print the findings.", NULL },
	[O_CONFIG] = { "config", 'c', OPT_VALUE, "FILE", "Configuration file; a .hadolint.yaml is understood unchanged.", NULL },
	[O_CODES] = { "codes", 0, OPT_VALUE, "SET", "all (the default), or only hadolint's or BuildKit's rules at that tool's semantics.", "all hadolint buildkit" },
	[O_LSP] = { "lsp", 0, OPT_FLAG, NULL, "Be a language server (LSP 3.17) on standard input and output, for editors.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* --- many files: linted together, printed in order --- */
#define BATCH 64

struct linted {
	const char *name;
	struct buf text;
	struct diagnostics found;
	struct lint lint;
	struct error err;
	bool opened;
};

struct batch {
	struct linted v[BATCH];
	u32 n;
	const struct lint_options *opt;
};

static void lint_one(u32 i, void *ctx)
{
	struct batch *b = ctx;
	struct linted *x = &b->v[i];
	x->text = BUF(DF_BYTES + 1);
	if (strcmp(x->name, "-") == 0 ? file_read_fd(0, DF_BYTES, "standard input", &x->text, &x->err) : file_read(x->name, DF_BYTES, &x->text, &x->err))
		return;
	if (lint_open(buf_str(&x->text), b->opt, &x->found, &x->lint, &x->err) < 0)
		return;
	x->opened = true;
	diagnostics_sort(&x->found);
}

static void report_one(struct linted *x, struct lint_report *r)
{
	if (!x->opened)
		command_fail(&x->err);
	lint_report_file(r, &(struct lint_file){ .name = x->name, .lint = x->opened ? &x->lint : NULL, .d = &x->found,
		.unreadable = x->opened ? NULL : x->err.text, .refused = x->opened && x->lint.refused });
	if (x->opened)
		lint_close(&x->lint);
	diagnostics_free(&x->found);
	buf_free(&x->text);
}

static void lint_all(const struct lint_paths *paths, const struct lint_options *opt, struct lint_report *r)
{
	struct batch *b = xcalloc(1, sizeof *b);
	b->opt = opt;
	for (u32 at = 0; at < paths->n; at += b->n) {
		b->n = MIN(paths->n - at, (u32)BATCH);
		for (u32 i = 0; i < b->n; i++)
			b->v[i] = (struct linted){ .name = paths->v[at + i] };
		thread_each(b->n, lint_one, b);
		for (u32 i = 0; i < b->n; i++)
			report_one(&b->v[i], r);
	}
	free(b);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	static const char *const codes[] = { "all", "hadolint", "buildkit" };
	struct error err = { 0 };
	struct lint_options o = { 0 };
	struct lint_report r = { .f = stdout, .color = globals.color, .threshold = LEVEL_INFO };
	struct lint_paths paths;
	char *here[] = { "." };
	for (u32 i = 0; opt[O_CODES].value && i < countof(codes); i++)
		if (strcmp(opt[O_CODES].value, codes[i]) == 0)
			o.codes = (enum lint_codes)i;
	if (opt[O_LSP].count)
		return lint_serve(&o);
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "table";
	r.writer = lint_writer_find(format);
	r.codes = o.codes;
	if (!r.writer) {
		error_set(&err, ERR_USAGE, "--format %.60s: no such format", format);
		return command_fail(&err);
	}
	lint_paths_find(n_args ? args : here, n_args ? (u32)n_args : 1, &paths);
	r.n_files = paths.n;
	lint_report_begin(&r);
	lint_all(&paths, &o, &r);
	lint_report_end(&r);
	int status = command_problems(&paths.problems);
	lint_paths_free(&paths);
	if (status || r.unreadable || r.refused)
		return command_done(3);
	u32 failing = 0;
	for (enum level l = r.threshold; l <= LEVEL_ERROR; l++)
		failing += r.count[l];
	return command_done(failing ? 1 : 0);
}

const struct command command_lint = {
	.name = "lint",
	.summary = "Dockerfile practice, and its repair",
	.synopsis = "[OPTIONS] [FILE|DIR...]",
	.description = "Judges Dockerfiles.",
	.options = options,
	.examples = "pare lint # every Dockerfile below the working directory\n"
		    "pare lint --codes hadolint -f json Dockerfile # what hadolint would say",
	.min_args = 0,
	.max_args = ARGS_MANY,
	.run = run,
};
