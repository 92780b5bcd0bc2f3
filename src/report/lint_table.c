/* `pare lint` for people. */
#include "base/text.h"
#include "report/lint_writer.h"

static void safe(FILE *f, const char *z)
{
	struct buf clean = BUF(0);
	text_safe(&clean, str_of(z));
	fputs(buf_str(&clean).p, f);
	buf_free(&clean);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		safe(r->f, file->name);
		fprintf(r->f, ":%u  %-7s  %-8s  ", d->line, level_text[d->level], d->code);
		safe(r->f, d->message);
		putc('\n', r->f);
	}
}

const struct lint_writer lint_writer_table = { "table", NULL, file, NULL };
