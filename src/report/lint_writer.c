#include "report/lint_writer.h"

extern const struct lint_writer lint_writer_table, lint_writer_json, lint_writer_tty, lint_writer_gnu, lint_writer_checkstyle, lint_writer_codeclimate, lint_writer_gitlab,
	lint_writer_codacy, lint_writer_sonarqube, lint_writer_sarif, lint_writer_junit, lint_writer_buildkit, lint_writer_github, lint_writer_markdown;

const struct lint_writer *const lint_writers[] = {
	&lint_writer_table,
	&lint_writer_json,
	&lint_writer_tty,
	&lint_writer_gnu,
	&lint_writer_checkstyle,
	&lint_writer_codeclimate,
	&lint_writer_gitlab,
	&lint_writer_codacy,
	&lint_writer_sonarqube,
	&lint_writer_sarif,
	&lint_writer_junit,
	&lint_writer_buildkit,
	&lint_writer_github,
	&lint_writer_markdown,
	NULL,
};

const struct lint_writer *lint_writer_find(const char *name)
{
	for (const struct lint_writer *const *w = lint_writers; *w; w++)
		if (strcmp((*w)->name, name) == 0)
			return *w;
	return NULL;
}

void lint_report_begin(struct lint_report *r)
{
	if (r->writer->begin)
		r->writer->begin(r);
}

void lint_report_file(struct lint_report *r, const struct lint_file *file)
{
	r->seen++;
	r->unreadable += file->unreadable != NULL;
	r->refused += file->refused;
	r->with_findings += file->d->n > 0;
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		r->count[d->level]++;
		r->fixable += d->fix != NULL;
		r->bytes += d->bytes;
		r->estimated |= d->bytes && d->estimated;
	}
	r->writer->file(r, file);
}

void lint_report_end(struct lint_report *r)
{
	if (r->writer->end)
		r->writer->end(r);
}

const char *lint_report_path(const struct lint_report *r, const struct lint_file *file) { return r->path ? r->path : file->name; }
