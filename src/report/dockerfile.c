#include "report/dockerfile.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "dockerfile/word.h"

static void heredocs_json(struct jsonw *w, const struct df_instruction *in)
{
	jsonw_key(w, "heredocs");
	jsonw_arr(w);
	for (u32 i = 0; i < in->n_heredocs; i++) {
		const struct df_heredoc *h = &in->heredocs[i];
		jsonw_obj(w);
		jsonw_ks(w, "name", h->name);
		jsonw_ku(w, "fd", h->fd);
		jsonw_kb(w, "expand", h->expand);
		jsonw_kb(w, "chomp", h->chomp);
		jsonw_ku(w, "line", h->line);
		jsonw_ks(w, "content", h->content);
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* The words as written; the old form of ENV and LABEL is a name and all that follows it. */
static void args_json(struct jsonw *w, const struct df_instruction *in)
{
	jsonw_key(w, "args");
	jsonw_arr(w);
	bool old = (in->keyword == DF_ENV || in->keyword == DF_LABEL) && in->n_pairs == 1 && !in->pairs[0].eq;
	for (u32 i = 0; i < in->n_args && !old; i++)
		jsonw_str(w, in->args[i].s);
	if (old) {
		jsonw_str(w, in->pairs[0].name.s);
		jsonw_str(w, in->pairs[0].value.s);
	}
	jsonw_end(w);
	if (in->n_pairs == 0)
		return;
	jsonw_key(w, "pairs");
	jsonw_arr(w);
	for (u32 i = 0; i < in->n_pairs; i++) {
		jsonw_obj(w);
		jsonw_ks(w, "name", in->pairs[i].name.s);
		jsonw_key(w, "value");
		if (in->pairs[i].value.s.p)
			jsonw_str(w, in->pairs[i].value.s);
		else
			jsonw_null(w);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void keyword_json(struct jsonw *w, const struct df_instruction *in)
{
	jsonw_obj(w);
	jsonw_ks(w, "keyword", in->keyword == DF_UNKNOWN ? in->word.s : str_of(df_keyword_text[in->keyword]));
	jsonw_ku(w, "line", in->line);
	jsonw_ku(w, "end_line", in->end_line);
}

static void body_json(struct jsonw *w, const struct df_instruction *in)
{
	struct buf b = BUF(0);
	jsonw_key(w, "flags");
	jsonw_arr(w);
	for (u32 i = 0; i < in->n_flags; i++) {
		buf_clear(&b);
		buf_puts(&b, "--");
		buf_add(&b, in->flags[i].name);
		if (in->flags[i].value.p)
			buf_putc(&b, '=');
		buf_add(&b, in->flags[i].value);
		jsonw_str(w, buf_str(&b));
	}
	jsonw_end(w);
	args_json(w, in);
	jsonw_kb(w, "json", in->json);
	heredocs_json(w, in);
	jsonw_ks(w, "original", in->text.s);
	buf_free(&b);
}

void report_dockerfile_json(FILE *out, const struct df_file *f)
{
	struct jsonw w;
	jsonw_init(&w, out, 2);
	jsonw_obj(&w);
	jsonw_key(&w, "directives");
	jsonw_obj(&w);
	for (u32 i = 0; i < f->n_directives; i++)
		jsonw_ks(&w, f->directives[i].name.p, f->directives[i].value);
	jsonw_end(&w);
	jsonw_ks(&w, "escape", str_n(&f->escape, 1));
	jsonw_key(&w, "instructions");
	jsonw_arr(&w);
	for (u32 i = 0; i < f->n_instructions; i++) {
		u32 open = 0;
		for (const struct df_instruction *in = &f->instructions[i]; in; in = in->trigger, open++) { /* a few levels at most: the parser has a ceiling */
			if (open)
				jsonw_key(&w, "onbuild");
			keyword_json(&w, in);
			body_json(&w, in);
		}
		while (open--)
			jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "comments");
	jsonw_arr(&w);
	for (u32 i = 0; i < f->n_comments; i++) {
		const struct df_comment *c = &f->comments[i];
		jsonw_obj(&w);
		jsonw_ku(&w, "line", c->line);
		jsonw_ks(&w, "text", str_n(f->text.p + c->span.at, c->span.end - c->span.at));
		jsonw_kb(&w, "inside", c->inside);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_kb(&w, "refused", f->refused);
	jsonw_key(&w, "errors");
	jsonw_arr(&w);
	for (u32 i = 0; i < f->n_errors; i++) {
		jsonw_obj(&w);
		jsonw_ku(&w, "line", f->errors[i].line);
		jsonw_kz(&w, "message", f->errors[i].message);
		jsonw_kb(&w, "fatal", f->errors[i].fatal);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}

#define TEXT_COLUMNS 100 /* of an instruction's text; the rest is cut */

static void cell(FILE *out, struct str s) { text_put(out, str_head(s, 4 * TEXT_COLUMNS), TEXT_COLUMNS, false, false); }

static void lines(FILE *out, u32 from, u32 to)
{
	char text[32];
	if (from == to)
		snprintf(text, sizeof text, "%u", from);
	else
		snprintf(text, sizeof text, "%u-%u", from, to);
	fprintf(out, "%11s  ", text);
}

void report_dockerfile_table(FILE *out, const struct df_file *f)
{
	u32 stages = 0;
	fputs("      LINES  INSTRUCTION  ARGUMENTS\n", out);
	for (u32 i = 0; i < f->n_directives; i++) {
		lines(out, f->directives[i].line, f->directives[i].line);
		fprintf(out, "%-11s  ", "#");
		fprintf(out, "%s=", f->directives[i].name.p);
		cell(out, f->directives[i].value);
		putc('\n', out);
	}
	for (u32 i = 0; i < f->n_instructions; i++) {
		const struct df_instruction *in = &f->instructions[i];
		bool from = in->keyword == DF_FROM;
		if (from && stages++)
			putc('\n', out);
		lines(out, in->line, in->end_line);
		u32 at = (u32)in->word.s.n, end = (u32)in->text.s.n;
		while (at < end && word_space(in->text.s.p + at, end - at))
			at++;
		if (in->keyword == DF_UNKNOWN)
			fprintf(out, "%-11s  ", "?"), at = 0;
		else
			fprintf(out, "%-11s  ", df_keyword_text[in->keyword]);
		cell(out, str_from(in->text.s, at));
		putc('\n', out);
		for (u32 k = 0; k < in->n_heredocs; k++) {
			const struct df_heredoc *h = &in->heredocs[k];
			fprintf(out, "%26s<<", "");
			cell(out, h->name);
			fprintf(out, ": %zu bytes from line %u on%s\n", h->content.n, h->line, h->expand ? "" : ", not expanded");
		}
	}
}
