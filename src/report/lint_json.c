/* `pare lint --format json` (CLI.md, docs/schema/lint.schema.json): one array of findings over all files. */
#include "report/lint_writer.h"

static void begin(struct lint_report *r)
{
	jsonw_init(&r->json, r->f, 1);
	jsonw_arr(&r->json);
}

static void write_fix(struct jsonw *w, const struct df_file *file, const struct fix *fix)
{
	jsonw_key(w, "fix");
	if (!fix) {
		jsonw_null(w);
		return;
	}
	jsonw_obj(w);
	jsonw_kz(w, "title", fix->title);
	jsonw_kz(w, "safety", fix->safety == FIX_SAFE ? "safe" : "suggested");
	jsonw_key(w, "edits");
	jsonw_arr(w);
	for (u32 i = 0; i < fix->n_edits; i++) {
		struct df_position a = df_position(file, fix->edits[i].at), b = df_position(file, fix->edits[i].end);
		jsonw_obj(w);
		jsonw_ku(w, "line", a.line);
		jsonw_ku(w, "column", a.column);
		jsonw_ku(w, "end_line", b.line);
		jsonw_ku(w, "end_column", b.column);
		jsonw_ks(w, "text", fix->edits[i].with);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void file(struct lint_report *r, const struct lint_file *file)
{
	struct jsonw *w = &r->json;
	for (u32 i = 0; i < file->d->n; i++) {
		const struct diagnostic *d = &file->d->v[i];
		jsonw_obj(w);
		jsonw_kz(w, "file", file->name);
		jsonw_ku(w, "line", d->line);
		jsonw_ku(w, "column", d->column);
		jsonw_ku(w, "end_line", d->end_line);
		jsonw_ku(w, "end_column", d->end_column);
		jsonw_kz(w, "level", level_text[d->level]);
		jsonw_kz(w, "code", d->code);
		jsonw_kz(w, "rule", d->rule->name);
		jsonw_kz(w, "message", d->message);
		if (d->bytes) {
			jsonw_ku(w, "bytes", d->bytes);
			jsonw_kb(w, "bytes_estimated", d->estimated);
			jsonw_kz(w, "bytes_in", d->bytes_in);
		}
		write_fix(w, &file->lint->file, d->fix);
		jsonw_end(w);
	}
}

static void end(struct lint_report *r) { jsonw_end(&r->json); }

const struct lint_writer lint_writer_json = { "json", begin, file, end };
