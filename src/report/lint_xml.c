/* Checkstyle and JUnit, as hadolint writes them: one line, attributes in alphabetical order. Of JUnit's document every reader wants another half, so what hadolint
 * leaves out (how many tests, a name and class of each, its file) is there too; what would change from run to run (the time) is not. */
#include "base/text.h"
#include "report/lint_writer.h"

static void xml(FILE *f, const char *z, bool attribute)
{
	struct buf out = BUF(0);
	text_xml(&out, str_of(z), attribute);
	fwrite(out.p ? out.p : "", 1, out.n, f);
	buf_free(&out);
}

static void attribute(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	xml(f, value, true);
	putc('"', f);
}

static void begin(FILE *f) { fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", f); }

/* --- checkstyle: files with findings --- */
static void checkstyle_begin(struct lint_report *r)
{
	begin(r->f);
	fputs("<checkstyle version=\"4.3\"", r->f);
}

static void checkstyle_file(struct lint_report *r, const struct lint_file *file)
{
	if (file->d->n == 0)
		return;
	if (r->with_findings == 1)
		putc('>', r->f);
	fputs("<file", r->f);
	attribute(r->f, "name", lint_report_path(r, file));
	putc('>', r->f);
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		fprintf(r->f, "<error column=\"%u\" line=\"%u\"", strcmp(d->code, "DL1000") == 0 ? d->column : 1, d->line);
		attribute(r->f, "message", d->message);
		attribute(r->f, "severity", level_text[d->level]);
		attribute(r->f, "source", d->code);
		fputs("/>", r->f);
	}
	fputs("</file>", r->f);
}

static void checkstyle_end(struct lint_report *r) { fputs(r->with_findings ? "</checkstyle>" : "/>", r->f); }

/* --- junit: every file is a suite --- */
static void junit_begin(struct lint_report *r)
{
	begin(r->f);
	fputs("<testsuites id=\"pare\" name=\"pare lint\" time=\"0.001\">", r->f);
}

static void junit_case(FILE *f, const char *path, const struct diagnostic *d, bool parse)
{
	char id[100], line[40];
	if (parse)
		snprintf(id, sizeof id, "hadolint.error");
	else
		snprintf(id, sizeof id, "hadolint.rule.%s", d->code);
	fputs("<testcase", f);
	attribute(f, "classname", path);
	attribute(f, "file", path);
	attribute(f, "id", id);
	snprintf(line, sizeof line, "%u", d->line);
	attribute(f, "line", line);
	attribute(f, "name", d->code);
	fputs(" time=\"0.001\"><failure", f);
	if (!parse)
		attribute(f, "id", d->code);
	if (parse) {
		snprintf(line, sizeof line, "line %u, column %u", d->line, d->column);
		fprintf(f, " message=\"parse error at %s\"", line);
	} else {
		attribute(f, "message", d->message);
	}
	attribute(f, "type", level_text[d->level]);
	fputs(parse ? ">Parse Error in " : ">File: ", f);
	xml(f, path, false);
	if (parse)
		fprintf(f, "\nLine: %u\nColumn: %u\nParse Error: ", d->line, d->column);
	else
		fprintf(f, "\nLine: %u\nCategory: Hadolint - Dockerfile Static Analysis\n%s: ", d->line, level_text[d->level]);
	xml(f, d->message, false);
	fputs("\n</failure></testcase>", f);
}

static void junit_file(struct lint_report *r, const struct lint_file *file)
{
	const char *path = lint_report_path(r, file);
	u32 parse = file->unreadable != NULL;
	for (u32 i = 0; i < file->d->n; i++)
		parse += strcmp(file->d->v[i].code, "DL1000") == 0;
	fprintf(r->f, "<testsuite errors=\"%u\" failures=\"%u\"", parse, file->d->n);
	attribute(r->f, "file", path);
	fprintf(r->f, " id=\"hadolint\" name=\"pare %s\" tests=\"%u\" time=\"0.001\"", PARE_VERSION, file->d->n + (file->unreadable != NULL));
	if (file->d->n == 0 && !file->unreadable) {
		fputs("/>", r->f);
		return;
	}
	putc('>', r->f);
	for (u32 i = 0; i < file->d->n; i++)
		junit_case(r->f, path, &file->d->v[i], strcmp(file->d->v[i].code, "DL1000") == 0);
	if (file->unreadable) {
		fputs("<testcase", r->f);
		attribute(r->f, "classname", path);
		fputs(" name=\"unreadable\" time=\"0.001\"><error", r->f);
		attribute(r->f, "message", file->unreadable);
		fputs("/></testcase>", r->f);
	}
	fputs("</testsuite>", r->f);
}

static void junit_end(struct lint_report *r) { fputs("</testsuites>", r->f); }

const struct lint_writer lint_writer_checkstyle = { "checkstyle", checkstyle_begin, checkstyle_file, checkstyle_end };
const struct lint_writer lint_writer_junit = { "junit", junit_begin, junit_file, junit_end };
