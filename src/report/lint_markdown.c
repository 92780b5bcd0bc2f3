/* `pare lint --format markdown`: a table for a job's summary or a comment. */
#include "base/text.h"
#include "report/lint_writer.h"

static void cell(FILE *f, const char *z)
{
	struct buf text = BUF(0);
	text_markdown(&text, str_of(z));
	fputs(buf_str(&text).p, f);
	buf_free(&text);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		if (i == 0 && r->with_findings == 1)
			fputs("| Where | Level | Rule | Finding | Cost | Fix |\n|---|---|---|---|---:|---|\n", r->f);
		fputs("| ", r->f);
		cell(r->f, lint_report_path(r, file));
		fprintf(r->f, ":%u | %s | ", d->line, level_text[d->level]);
		cell(r->f, d->code);
		fputs(" | ", r->f);
		cell(r->f, d->message);
		fprintf(r->f, " | %s%s | ", d->bytes && d->estimated ? "about " : "", d->bytes ? TEXT_SIZE(d->bytes) : "");
		cell(r->f, d->fix ? d->fix->title : "");
		fputs(d->fix && d->fix->safety == FIX_SUGGESTED ? " (look at it) |\n" : " |\n", r->f);
	}
	if (file->unreadable) {
		fputs("\nCould not read ", r->f);
		cell(r->f, file->name);
		fputs(": ", r->f);
		cell(r->f, file->unreadable);
		fputs("\n", r->f);
	}
}

static void end(struct lint_report *r)
{
	if (r->with_findings == 0)
		fputs("No findings.\n", r->f);
	else
		fprintf(r->f, "\n%u error%s, %u warning%s, %u other%s.\n", r->count[LEVEL_ERROR], r->count[LEVEL_ERROR] == 1 ? "" : "s", r->count[LEVEL_WARNING],
			r->count[LEVEL_WARNING] == 1 ? "" : "s", r->count[LEVEL_INFO] + r->count[LEVEL_STYLE], r->count[LEVEL_INFO] + r->count[LEVEL_STYLE] == 1 ? "" : "s");
}

const struct lint_writer lint_writer_markdown = { .name = "markdown", .file = file, .end = end };
