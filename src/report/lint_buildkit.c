/* `pare lint --format buildkit`: the document that `docker build --call=check,format=json` prints: warnings by their source, the sources whole, and why the file
 * would not build where it would not. BuildKit looks at one file; with several each is a source, and the first that does not parse is the error of the build. */
#include "base/buf.h"
#include "report/lint_writer.h"
#include "rule/link.h"

struct source {
	char *name; /* owned, as is data */
	char *data; /* base64 */
};
struct buildkit {
	struct source *sources;
	u32 n, cap;
	char *error; /* message; NULL: every file parses */
	u32 error_source, error_line, error_end;
};

static void begin(struct lint_report *r)
{
	r->state = xcalloc(1, sizeof(struct buildkit));
	jsonw_init(&r->json, r->f, 2);
	jsonw_obj(&r->json);
	jsonw_key(&r->json, "warnings");
	jsonw_arr(&r->json);
}

static char *base64(struct str s)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = xmalloc((s.n + 2) / 3 * 4 + 1), *o = out;
	for (size_t i = 0; i < s.n; i += 3) {
		u32 v = (u32)(u8)s.p[i] << 16 | (i + 1 < s.n ? (u32)(u8)s.p[i + 1] << 8 : 0) | (i + 2 < s.n ? (u8)s.p[i + 2] : 0);
		*o++ = digit[v >> 18];
		*o++ = digit[v >> 12 & 63];
		*o++ = i + 1 < s.n ? digit[v >> 6 & 63] : '=';
		*o++ = i + 2 < s.n ? digit[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

/* The last line a finding is about: BuildKit gives an instruction all its lines. */
static u32 last_line(const struct lint_file *file, const struct diagnostic *d)
{
	const struct df_file *df = &file->lint->file;
	if (d->instruction < df->n_instructions && df->instructions[d->instruction].line == d->line)
		return df->instructions[d->instruction].end_line;
	u32 end = d->end_column <= 1 && d->end_line ? d->end_line - 1 : d->end_line; /* the end is exclusive */
	return MAX(end, d->line);
}

static void write_line(struct jsonw *w, const char *key, u32 line)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_ku(w, "line", line);
	jsonw_end(w);
}

static void write_location(struct jsonw *w, u32 source, u32 line, u32 end)
{
	jsonw_key(w, "location");
	jsonw_obj(w);
	jsonw_ku(w, "sourceIndex", source);
	jsonw_key(w, "ranges");
	jsonw_arr(w);
	jsonw_obj(w);
	write_line(w, "start", line);
	write_line(w, "end", end);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	struct buildkit *b = r->state;
	struct jsonw *w = &r->json;
	if (!file->lint)
		return;
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		if (!b->error && strcmp(d->code, "DL1000") == 0) {
			b->error = xstrdup(d->message);
			b->error_source = b->n;
			b->error_line = d->line;
			b->error_end = last_line(file, d);
			continue;
		}
		const char *name = d->rule->buildkit ? d->rule->buildkit : d->code;
		char link[RULE_LINK];
		const char *url = rule_link(d->rule, name, link);
		jsonw_obj(w);
		jsonw_kz(w, "ruleName", name);
		jsonw_kz(w, "description", d->rule->summary);
		if (url)
			jsonw_kz(w, "url", url);
		jsonw_kz(w, "detail", d->message);
		write_location(w, b->n, d->line, last_line(file, d));
		jsonw_end(w);
	}
	struct source s = { xstrdup(file->name), base64(file->lint->file.text) };
	VEC_PUSH(b->sources, b->n, b->cap, s);
}

static void end(struct lint_report *r)
{
	struct buildkit *b = r->state;
	struct jsonw *w = &r->json;
	jsonw_end(w);
	jsonw_key(w, "sources");
	jsonw_arr(w);
	for (u32 i = 0; i < b->n; i++) {
		jsonw_obj(w);
		jsonw_kz(w, "filename", b->sources[i].name);
		jsonw_kz(w, "data", b->sources[i].data);
		jsonw_kz(w, "language", "Dockerfile");
		jsonw_end(w);
		free(b->sources[i].name);
		free(b->sources[i].data);
	}
	jsonw_end(w);
	if (b->error) {
		jsonw_key(w, "buildError");
		jsonw_obj(w);
		jsonw_kz(w, "message", b->error);
		write_location(w, b->error_source, b->error_line, b->error_end);
		jsonw_end(w);
	}
	jsonw_end(w);
	free(b->error);
	free(b->sources);
	free(b);
	r->state = NULL;
}

const struct lint_writer lint_writer_buildkit = { "buildkit", begin, file, end };
