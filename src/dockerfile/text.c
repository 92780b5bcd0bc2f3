#include "dockerfile/parser.h"
#include "base/text.h"

/* The piece that holds byte `offset`. */
static u32 piece_of(const struct df_text *t, u32 offset)
{
	u32 a = 0, b = t->n_pieces;
	while (b - a > 1) {
		u32 m = a + (b - a) / 2;
		if (t->pieces[m].text <= offset)
			a = m;
		else
			b = m;
	}
	return a;
}

u32 df_text_at(const struct df_text *t, u32 offset)
{
	if (t->n_pieces == 0)
		return 0;
	const struct df_piece *p = &t->pieces[piece_of(t, offset)];
	if (offset == t->s.n && p->text == offset && p > t->pieces) /* the end is behind the last byte, not where the next piece would be */
		p--;
	return p->file + (offset - p->text);
}

struct df_span df_text_span(const struct df_text *t, u32 at, u32 end)
{
	u32 from = df_text_at(t, at);
	return (struct df_span){ from, end > at ? df_text_at(t, end - 1) + 1 : from };
}

struct df_text df_text_slice(struct arena *a, const struct df_text *t, u32 at, u32 end)
{
	struct df_text r = { .s = str_n(t->s.p + at, end - at) };
	if (t->n_pieces == 0)
		return r;
	u32 first = piece_of(t, at), last = end > at ? piece_of(t, end - 1) : first;
	r.n_pieces = last - first + 1;
	if (at == 0) {
		r.pieces = t->pieces;
		return r;
	}
	struct df_piece *v = arena_alloc(a, sizeof *v * r.n_pieces);
	for (u32 i = 0; i < r.n_pieces; i++) {
		struct df_piece p = t->pieces[first + i];
		u32 skip = i == 0 ? at - p.text : 0;
		v[i] = (struct df_piece){ i == 0 ? 0 : p.text - at, p.file + skip };
	}
	r.pieces = v;
	return r;
}

/* Length of the white space that ends at p + n. */
static u32 space_before(const char *p, u32 n)
{
	for (u32 k = 1; k <= 3 && k <= n; k++)
		if (word_space(p + n - k, k) == k)
			return k;
	return 0;
}

void df_trim(struct str s, u32 *at, u32 *end)
{
	size_t n;
	while (*at < *end && (n = word_space(s.p + *at, *end - *at)))
		*at += (u32)n;
	while (*end > *at && (n = space_before(s.p + *at, *end - *at)))
		*end -= (u32)n;
}

u32 df_line_of(const struct df_file *f, u32 offset)
{
	u32 a = 0, b = f->n_lines;
	while (b - a > 1) {
		u32 m = a + (b - a) / 2;
		if (f->lines[m] <= offset)
			a = m;
		else
			b = m;
	}
	return a + 1;
}

/* Characters that begin before `offset`, counted from a mark near by: findings on one long line must not each count it anew. */
static u32 characters_before(const struct df_file *f, u32 offset)
{
	u32 n = f->characters[offset / DF_MARK];
	for (u32 i = offset / DF_MARK * DF_MARK; i < offset; i++)
		n += ((u8)f->text.p[i] & 0xC0) != 0x80;
	return n;
}

void df_mark_characters(struct df_file *f)
{
	u32 *marks = arena_alloc(&f->arena, sizeof *marks * (f->text.n / DF_MARK + 1)), n = 0;
	for (u32 i = 0; i < f->text.n; i++) {
		if (i % DF_MARK == 0)
			marks[i / DF_MARK] = n;
		n += ((u8)f->text.p[i] & 0xC0) != 0x80;
	}
	if (f->text.n % DF_MARK == 0)
		marks[f->text.n / DF_MARK] = n;
	f->characters = marks;
}

struct df_position df_position(const struct df_file *f, u32 offset)
{
	if (f->n_lines == 0)
		return (struct df_position){ 1, 1 };
	struct df_position r = { df_line_of(f, offset), 1 };
	u32 from = f->lines[r.line - 1];
	if (r.line == 1 && f->bom)
		from = 3;
	r.column += characters_before(f, MIN(offset, (u32)f->text.n)) - characters_before(f, from);
	return r;
}

const struct df_flag *df_flag(const struct df_instruction *i, const char *name)
{
	const struct df_flag *found = NULL;
	for (u32 k = 0; k < i->n_flags; k++)
		if (str_is(i->flags[k].name, name))
			found = &i->flags[k];
	return found;
}

const struct df_flag *df_flags_next(const struct df_instruction *i, const char *name, const struct df_flag *after)
{
	for (u32 k = after ? (u32)(after - i->flags) + 1 : 0; k < i->n_flags; k++)
		if (str_is(i->flags[k].name, name))
			return &i->flags[k];
	return NULL;
}
