/* The formats of `pare lint` that are hadolint's own lines and JSON documents, byte for byte where they fix the bytes: keys in alphabetical order, no blanks, no
 * newline behind a document, its name as the engine's (what reads these documents keys on it), column 1 for findings, and other fields for a file that does not
 * parse than for a finding. Messages are ours. */
#include "base/crypto.h"
#include "base/text.h"
#include "report/lint_writer.h"

static bool is_parse_error(const struct diagnostic *d) { return strcmp(d->code, "DL1000") == 0; }

static void safe(FILE *f, const char *z)
{
	struct buf clean = BUF(0);
	text_safe(&clean, str_of(z));
	fputs(buf_str(&clean).p, f);
	buf_free(&clean);
}

/* --- tty and gnu: a line a finding --- */
static void tty_file(struct lint_report *r, const struct lint_file *file)
{
	static const char *const color[] = { "", "\x1b[96m", "\x1b[92m", "\x1b[1m\x1b[93m", "\x1b[1m\x1b[91m" };
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		safe(r->f, file->name);
		if (is_parse_error(d))
			fprintf(r->f, ":%u:%u ", d->line, d->column);
		else
			fprintf(r->f, ":%u %s %s%s%s: ", d->line, d->code, r->color ? color[d->level] : "", level_text[d->level], r->color ? "\x1b[0m" : "");
		safe(r->f, d->message);
		putc('\n', r->f);
	}
}

static void gnu_file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		fputs("hadolint:", r->f);
		safe(r->f, file->name);
		if (is_parse_error(d))
			fprintf(r->f, ":%u:%u: ", d->line, d->column);
		else
			fprintf(r->f, ":%u: %s %s: ", d->line, d->code, level_text[d->level]);
		safe(r->f, d->message);
		putc('\n', r->f);
	}
}

/* --- JSON --- */
/* A document is made in memory: without the newline behind it, and, for a fingerprint, to be hashed. */
struct document {
	FILE *f;
	char *p; /* owned */
	size_t n;
	struct jsonw w;
};

static struct jsonw *document_begin(struct document *d)
{
	*d = (struct document){ 0 };
	d->f = open_memstream(&d->p, &d->n);
	if (!d->f)
		abort(); /* memory is gone */
	jsonw_init(&d->w, d->f, 0);
	jsonw_obj(&d->w);
	return &d->w;
}

static struct str document_end(struct document *d)
{
	jsonw_end(&d->w);
	fclose(d->f);
	return str_trim(str_n(d->p, d->n));
}

static void write_str(FILE *f, struct str s) { fwrite(s.p, 1, s.n, f); }

static void codacy_file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		struct jsonw w;
		jsonw_init(&w, r->f, 0);
		jsonw_obj(&w);
		jsonw_kz(&w, "filename", file->name);
		jsonw_ku(&w, "line", d->line);
		jsonw_kz(&w, "message", d->message);
		jsonw_kz(&w, "patternId", d->code);
		jsonw_end(&w);
	}
}

static void write_position(struct jsonw *w, const char *key, const struct diagnostic *d)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_ku(w, "column", d->column);
	jsonw_ku(w, "line", d->line);
	jsonw_end(w);
}

/* An issue of Code Climate's, with a fingerprint or without. */
static struct str issue(struct document *doc, const char *path, const struct diagnostic *d, const char *fingerprint)
{
	static const char *const severity[] = { "", "minor", "info", "major", "blocker" };
	struct jsonw *w = document_begin(doc);
	jsonw_key(w, "categories");
	jsonw_arr(w);
	jsonw_str(w, STR("Bug Risk"));
	jsonw_end(w);
	jsonw_kz(w, "check_name", d->code);
	jsonw_kz(w, "description", d->message);
	if (fingerprint)
		jsonw_kz(w, "fingerprint", fingerprint);
	jsonw_key(w, "location");
	jsonw_obj(w);
	if (is_parse_error(d)) {
		jsonw_kz(w, "path", path);
		jsonw_key(w, "positions");
		jsonw_obj(w);
		write_position(w, "begin", d);
		write_position(w, "end", d);
		jsonw_end(w);
	} else {
		jsonw_key(w, "lines");
		jsonw_obj(w);
		jsonw_ku(w, "begin", d->line);
		jsonw_ku(w, "end", d->line);
		jsonw_end(w);
		jsonw_kz(w, "path", path);
	}
	jsonw_end(w);
	jsonw_kz(w, "severity", severity[d->level]);
	jsonw_kz(w, "type", "issue");
	return document_end(doc);
}

static void codeclimate_file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		struct document doc;
		write_str(r->f, issue(&doc, lint_report_path(r, file), &file->d->v[i], NULL));
		putc('\0', r->f);
		free(doc.p);
	}
}

static void gitlab_begin(struct lint_report *r) { putc('[', r->f); }
static void gitlab_end(struct lint_report *r) { putc(']', r->f); }

/* Only files with findings count in with_findings, and this one is counted already: nothing stands before its first. */
static bool first_of_all(const struct lint_report *r, u32 i) { return i == 0 && r->with_findings == 1; }

static void gitlab_file(struct lint_report *r, const struct lint_file *file)
{
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		struct document doc;
		unsigned char sum[EVP_MAX_MD_SIZE];
		char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
		unsigned n = 0;
		struct str text = issue(&doc, lint_report_path(r, file), d, NULL);
		if (!crypto()->digest(text.p, text.n, sum, &n, crypto()->sha1(), NULL))
			abort(); /* the library breaks its word */
		for (unsigned k = 0; k < n; k++)
			snprintf(hex + 2 * k, 3, "%02x", sum[k]);
		free(doc.p);
		if (!first_of_all(r, i))
			putc(',', r->f);
		write_str(r->f, issue(&doc, lint_report_path(r, file), d, hex));
		free(doc.p);
	}
}

static void sonarqube_begin(struct lint_report *r) { fputs("{\"issues\":[", r->f); }
static void sonarqube_end(struct lint_report *r) { fputs("]}", r->f); }

static void sonarqube_file(struct lint_report *r, const struct lint_file *file)
{
	static const char *const severity[] = { "", "INFO", "MINOR", "MAJOR", "CRITICAL" };
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		bool parse = is_parse_error(d);
		struct document doc;
		struct jsonw *w = document_begin(&doc);
		jsonw_kz(w, "engineId", "Hadolint");
		jsonw_key(w, "primaryLocation");
		jsonw_obj(w);
		jsonw_kz(w, "filePath", lint_report_path(r, file));
		jsonw_kz(w, "message", d->message);
		jsonw_key(w, "textRange");
		jsonw_obj(w);
		jsonw_ku(w, "endColumn", parse ? d->column : 1);
		jsonw_ku(w, "endLine", d->line);
		jsonw_ku(w, "startColumn", parse ? d->column : 0);
		jsonw_ku(w, "startLine", d->line);
		jsonw_end(w);
		jsonw_end(w);
		jsonw_kz(w, "ruleId", d->code);
		jsonw_kz(w, "severity", parse ? "BLOCKER" : severity[d->level]);
		jsonw_kz(w, "type", d->level == LEVEL_ERROR ? "BUG" : "CODE_SMELL");
		if (!first_of_all(r, i))
			putc(',', r->f);
		write_str(r->f, document_end(&doc));
		free(doc.p);
	}
}

const struct lint_writer lint_writer_tty = { .name = "tty", .file = tty_file };
const struct lint_writer lint_writer_gnu = { .name = "gnu", .file = gnu_file };
const struct lint_writer lint_writer_codacy = { .name = "codacy", .file = codacy_file, .never_fails = true };
const struct lint_writer lint_writer_codeclimate = { .name = "codeclimate", .file = codeclimate_file, .never_fails = true };
const struct lint_writer lint_writer_gitlab = { "gitlab_codeclimate", gitlab_begin, gitlab_file, gitlab_end };
const struct lint_writer lint_writer_sonarqube = { "sonarqube", sonarqube_begin, sonarqube_file, sonarqube_end };
