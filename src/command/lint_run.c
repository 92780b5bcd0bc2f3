#include "command/lint_run.h"
#include "base/file.h"
#include "base/thread.h"
#include "command/command.h"
#include "report/measure.h"
#include "report/subject.h"
#include "report/udiff.h"
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 64             /* files whose facts are held at once, */
#define BATCH_BYTES ((u64)MiB) /* and how long they may be together, unless it is one: facts take many times that */

struct linted {
	const char *name;
	struct buf text;
	struct lint_surroundings around;
	struct fix_result fixed;
	struct lint_options opt;
	struct diagnostics found;
	struct lint lint;
	struct error err;
	struct measure measure;
	struct error measure_error;
	bool read, opened;
};

struct batch {
	struct linted v[BATCH];
	u32 n;
	const struct lint_run *run;
};

static bool is_stdin(const struct linted *x) { return strcmp(x->name, "-") == 0; }

/* --- one file --- */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, MAX((size_t)(slash - path), (size_t)1)) : xstrdup(".");
	return dir;
}

void lint_surroundings_read(const char *path, const char *context, struct lint_options *opt, struct lint_surroundings *ret)
{
	struct buf name = BUF(0);
	bool file = path && strcmp(path, "-") != 0;
	const char *slash = file ? strrchr(path, '/') : NULL, *base = slash ? slash + 1 : file ? path : "";
	*ret = (struct lint_surroundings){ .ignored = BUF(MiB), .directory = context ? xstrdup(context) : file ? directory_of(path) : NULL };
	if (context || strcmp(base, "Dockerfile") == 0 || strcmp(base, "Containerfile") == 0)
		opt->context = ret->directory;
	buf_printf(&name, "%s.dockerignore", file ? path : "");
	if (!file || access(name.p, F_OK) != 0) {
		buf_clear(&name);
		buf_printf(&name, "%s/.dockerignore", ret->directory ? ret->directory : ".");
	}
	if (access(name.p, F_OK) == 0 && file_read(name.p, MiB, &ret->ignored, NULL) == 0)
		opt->ignored_files = buf_str(&ret->ignored);
	buf_free(&name);
}

void lint_surroundings_free(struct lint_surroundings *s)
{
	buf_free(&s->ignored);
	free(s->directory);
	*s = (struct lint_surroundings){ 0 };
}

static void lint_one(u32 i, void *ctx)
{
	struct batch *b = ctx;
	const struct lint_run *run = b->run;
	struct linted *x = &b->v[i];
	struct stat st;
	x->text = BUF(DF_BYTES + MiB);
	x->opt = run->opt;
	if (!is_stdin(x) && stat(x->name, &st) == 0 && S_ISDIR(st.st_mode))
		error_set(&x->err, ERR_INPUT, "%s: is a directory", x->name);
	else if (is_stdin(x) ? file_read_fd(0, DF_BYTES, "standard input", &x->text, &x->err) == 0 : file_read(x->name, DF_BYTES, &x->text, &x->err) == 0)
		x->read = true;
	if (!x->read)
		return;
	lint_surroundings_read(x->name, run->context, &x->opt, &x->around);
	struct str text = buf_str(&x->text);
	if ((run->fix || run->diff) && fix_apply(text, &x->opt, run->safety, &x->fixed, &x->err) < 0)
		return;
	if (x->fixed.changed)
		text = buf_str(&x->fixed.text);
	if (lint_open(text, &x->opt, &x->found, &x->lint, &x->err) < 0)
		return;
	x->opened = true;
	if (run->image && measure_map(&x->lint, run->image->image, &x->measure, &x->measure_error) == 0) {
		measure_findings(&x->measure, run->image, &x->found);
		diagnostics_sort_by_bytes(&x->found);
	} else {
		diagnostics_sort(&x->found);
	}
}

static void free_one(struct linted *x)
{
	if (x->opened)
		lint_close(&x->lint);
	if (x->fixed.text.p)
		fix_result_free(&x->fixed);
	measure_free(&x->measure);
	diagnostics_free(&x->found);
	buf_free(&x->text);
	lint_surroundings_free(&x->around);
}

/* --- in order, on one thread --- */
/* The file that a name leads to gets the new text at once or not at all, and keeps its mode and, where that is allowed, its owner. */
static int write_back(const char *name, struct str text, struct error *err)
{
	char real[PATH_MAX];
	struct stat st;
	struct outfile o;
	if (!realpath(name, real) || stat(real, &st) < 0)
		return error_errno(err, "%s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_ENV, "%s: not a regular file: it is not written", name);
	if (outfile_open(&o, real, err) < 0)
		return -1;
	if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(o.fd, st.st_uid, st.st_gid) < 0) { /* somebody else's file that we may write: it becomes ours */
	}
	if (fchmod(o.fd, st.st_mode & 07777) < 0 || file_write_all(o.fd, text.p, text.n) < 0) {
		error_errno(err, "%s", name);
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, err);
}

static void finish_fix(struct lint_run *r, struct linted *x)
{
	struct error err = { 0 };
	if (r->diff) {
		if (x->fixed.changed)
			report_udiff(stdout, is_stdin(x) ? STR("Dockerfile") : str_of(x->name), buf_str(&x->text), buf_str(&x->fixed.text), globals.color);
	} else if (is_stdin(x)) {
		struct str out = x->fixed.changed ? buf_str(&x->fixed.text) : buf_str(&x->text);
		fwrite(out.p, 1, out.n, stdout);
	} else if (x->fixed.changed && write_back(x->name, buf_str(&x->fixed.text), &err) < 0) {
		command_fail(&err);
		r->failed = r->environment = true;
		return;
	}
	r->fixed_files += x->fixed.changed;
	r->fixes += x->fixed.made;
	r->left_out += x->fixed.left_out;
}

static struct str text_of(const struct linted *x, const struct diagnostic *d)
{
	const struct df_file *f = &x->lint.file;
	if (d->instruction < f->n_instructions) {
		struct df_span s = f->instructions[d->instruction].span;
		return str_n(f->text.p + s.at, s.end - s.at);
	}
	if (!d->line || d->line > f->n_lines)
		return str_n("", 0);
	struct str rest = str_from(f->text, f->lines[d->line - 1]);
	return str_cut(&rest, '\n');
}

/* What the baseline knows is not shown. */
static void only_new(struct lint_run *r, struct linted *x)
{
	struct diagnostics *d = &x->found;
	u32 kept = 0;
	for (u32 i = 0; i < d->n; i++) {
		struct str file = str_of(x->name), rule = str_of(d->v[i].rule->name), text = text_of(x, &d->v[i]);
		if (r->update)
			baseline_add(r->update, file, rule, text);
		if (r->known && baseline_take(r->known, file, rule, text))
			r->not_new++;
		else
			d->v[kept++] = d->v[i];
	}
	d->n = kept;
}

static void report_one(struct lint_run *r, struct linted *x)
{
	if (x->read && (r->fix || r->diff) && !x->err.kind)
		finish_fix(r, x);
	if (!x->opened) {
		command_fail(&x->err);
		r->failed = true;
	} else {
		r->failed |= x->lint.refused;
		r->unmatched = x->measure.missing;
		r->unmatched_line = x->measure.missing_line;
		r->image_error = x->measure_error;
		if (r->update || r->known)
			only_new(r, x);
		for (u32 i = 0; i < x->found.n; i++) {
			r->bytes += r->image && x->found.v[i].estimated ? 0 : x->found.v[i].bytes; /* with an image only what was measured counts */
			r->check_error |= x->lint.check_error && x->found.v[i].rule->buildkit;
		}
	}
	if (r->report)
		lint_report_file(r->report, &(struct lint_file){ .name = x->name, .lint = x->opened ? &x->lint : NULL, .d = &x->found,
			.unreadable = x->opened ? NULL : x->err.text, .refused = x->opened && x->lint.refused });
}

void lint_run_all(struct lint_run *r, const struct lint_paths *paths)
{
	struct batch *b = xcalloc(1, sizeof *b);
	b->run = r;
	for (u32 at = 0; at < paths->n; at += b->n) {
		u64 bytes = 0;
		for (b->n = 0; b->n < BATCH && at + b->n < paths->n; b->n++) {
			struct stat st;
			bytes += stat(paths->v[at + b->n], &st) == 0 && st.st_size > 0 ? (u64)st.st_size : 0;
			if (b->n && bytes > BATCH_BYTES)
				break;
			b->v[b->n] = (struct linted){ .name = paths->v[at + b->n] };
		}
		if (b->n == 1)
			lint_one(0, b);
		else
			thread_each(b->n, lint_one, b);
		for (u32 i = 0; i < b->n; i++) {
			report_one(r, &b->v[i]);
			free_one(&b->v[i]);
		}
	}
	free(b);
}
