/* `pare lint --format github`: workflow commands that GitHub shows beside the lines of a pull request. */
#include "base/text.h"
#include "report/lint_writer.h"

/* Data of a command: a percent sign and line ends are escaped; in a property the separators too. */
static void data(FILE *f, const char *z, bool property)
{
	struct buf clean = BUF(0);
	text_safe(&clean, str_of(z));
	for (const char *p = buf_str(&clean).p; *p; p++) {
		if (*p == '%' || (property && (*p == ':' || *p == ',')))
			fprintf(f, "%%%02X", (unsigned)*p);
		else
			putc(*p, f);
	}
	buf_free(&clean);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	const char *path = lint_report_path(r, file);
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		fprintf(r->f, "::%s file=", d->level == LEVEL_ERROR ? "error" : d->level == LEVEL_WARNING ? "warning" : "notice");
		data(r->f, path, true);
		fprintf(r->f, ",line=%u,endLine=%u", d->line, MAX(d->line, d->end_line));
		if (d->line == d->end_line) /* columns are for one line */
			fprintf(r->f, ",col=%u,endColumn=%u", d->column, d->end_column);
		fputs(",title=", r->f);
		data(r->f, d->code, true);
		fputs("::", r->f);
		data(r->f, d->message, false);
		if (d->bytes)
			fprintf(r->f, " (%s%s)", d->estimated ? "about " : "", TEXT_SIZE(d->bytes));
		putc('\n', r->f);
	}
}

const struct lint_writer lint_writer_github = { .name = "github", .file = file };
