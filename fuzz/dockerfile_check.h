/* dockerfile_check.h — what is true of every parsed Dockerfile, however hostile: spans are inside the file, instructions in order and disjoint, pieces lead back to
 * the same bytes. For the fuzzers and for the unit tests. */
#ifndef FUZZ_DOCKERFILE_CHECK_H
#define FUZZ_DOCKERFILE_CHECK_H
#include "dockerfile/parse.h"

#define HOLDS(x)                                                                                      \
	do {                                                                                          \
		if (!(x)) {                                                                           \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);        \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

static inline void check_span(const struct df_file *f, struct df_span s, struct df_span outer)
{
	HOLDS(s.at <= s.end && s.end <= f->text.n);
	HOLDS(outer.at <= s.at && s.end <= outer.end);
}

static inline void check_text(const struct df_file *f, const struct df_text *t, struct df_span outer)
{
	HOLDS(t->s.n == 0 || t->n_pieces > 0);
	for (u32 i = 0; i + 1 < t->n_pieces; i++)
		HOLDS(t->pieces[i].text < t->pieces[i + 1].text && t->pieces[i].file < t->pieces[i + 1].file);
	u32 last = 0;
	for (u32 i = 0; i < t->s.n; i++) {
		u32 at = df_text_at(t, i);
		HOLDS(at < f->text.n && at >= outer.at && at < outer.end && (i == 0 || at > last));
		HOLDS(f->text.p[at] == t->s.p[i]);
		last = at;
	}
	if (t->s.n)
		HOLDS(df_text_span(t, 0, (u32)t->s.n).end == last + 1 && df_text_at(t, (u32)t->s.n) == last + 1);
}

static inline void check_instruction(const struct df_file *f, const struct df_instruction *in, struct df_span outer)
{
	check_span(f, in->span, outer);
	check_text(f, &in->text, in->span);
	check_text(f, &in->rest, in->span);
	HOLDS(in->line >= 1 && in->line <= in->head_end && in->head_end <= in->end_line && in->end_line <= f->n_lines);
	check_span(f, in->word.span, in->span);
	HOLDS(in->word.s.n == 0 || df_line_of(f, in->word.span.at) <= in->end_line);
	for (u32 i = 0; i < in->n_flags; i++)
		check_span(f, in->flags[i].span, in->span);
	for (u32 i = 0; i < in->n_args; i++)
		check_span(f, in->args[i].span, in->span);
	for (u32 i = 0; i < in->n_pairs; i++) {
		check_span(f, in->pairs[i].span, in->span);
		check_span(f, in->pairs[i].name.span, in->pairs[i].span);
		check_span(f, in->pairs[i].value.span, in->pairs[i].span);
	}
	u32 at = in->span.at;
	for (u32 i = 0; i < in->n_heredocs; i++) {
		const struct df_heredoc *h = &in->heredocs[i];
		check_span(f, h->marker, in->span);
		HOLDS(h->body.at >= at && h->body.end >= h->body.at && h->body.end <= f->text.n && h->name.n > 0);
		HOLDS(h->content.n == h->body.end - h->body.at && h->content.p == f->text.p + h->body.at);
		at = h->body.end;
	}
	if (in->trigger)
		check_instruction(f, in->trigger, in->span);
}

static inline void check_file(const struct df_file *f)
{
	struct df_span all = { 0, (u32)f->text.n };
	u32 at = 0, line = 0;
	bool fatal = false;
	for (u32 i = 0; i < f->n_instructions; i++) {
		const struct df_instruction *in = &f->instructions[i];
		check_instruction(f, in, all);
		HOLDS(in->span.at >= at && in->line > line && in->index == i);
		HOLDS(in->text.s.n == 0 || df_line_of(f, in->span.end) >= df_line_of(f, in->span.at));
		at = in->span.end;
		line = in->end_line;
	}
	for (u32 i = 0; i < f->n_comments; i++) {
		const struct df_comment *c = &f->comments[i];
		check_span(f, c->span, all);
		HOLDS(f->text.p[c->span.at] == '#' && c->line == df_line_of(f, c->span.at) && c->instruction <= f->n_instructions);
		if (c->inside)
			HOLDS(c->span.at > f->instructions[c->instruction].span.at && c->span.end <= f->instructions[c->instruction].span.end);
		HOLDS(i == 0 || c->line > f->comments[i - 1].line);
	}
	for (u32 i = 0; i < f->n_errors; i++) {
		fatal |= f->errors[i].fatal;
		HOLDS(f->errors[i].message && f->errors[i].line >= 1 && f->errors[i].line <= MAX(f->n_lines, 1u));
	}
	HOLDS(fatal == f->refused);
	HOLDS(f->n_instructions || f->refused);
	struct df_position p = df_position(f, (u32)f->text.n);
	HOLDS(p.line >= 1 && p.column >= 1);
}
#endif
