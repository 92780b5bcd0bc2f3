#include "lsp/position.h"
#include "base/buf.h"
#include "base/text.h"

void lines_free(struct lines *l)
{
	free(l->at);
	*l = (struct lines){ 0 };
}

void lines_of(struct str text, struct lines *l)
{
	l->n = l->last = l->character = 0;
	VEC_PUSH(l->at, l->n, l->cap, 0);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n' || (text.p[i] == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n')))
			VEC_PUSH(l->at, l->n, l->cap, (u32)(i + 1));
}

/* One character at the front of s: its bytes, and how many units an editor counts for it. A byte that is no UTF-8 counts one. */
static size_t character(struct str s, enum position_unit unit, u32 *units)
{
	u32 c = 0;
	size_t n = text_utf8(s, &c);
	*units = unit == UNIT_UTF8 ? (u32)MAX(n, (size_t)1) : c > 0xffff ? 2 : 1;
	return n ? n : 1;
}

static struct str line_text(const struct lines *l, struct str text, u32 line)
{
	size_t end = line + 1 < l->n ? l->at[line + 1] : text.n;
	struct str s = str_n(text.p + l->at[line], end - l->at[line]);
	if (line + 1 < l->n) { /* without its end */
		s.n--;
		if (s.n && s.p[s.n] == '\n' && s.p[s.n - 1] == '\r')
			s.n--;
	}
	return s;
}

struct position position_of(struct lines *l, struct str text, enum position_unit unit, u32 offset)
{
	u32 lo = 0, hi = l->n;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;
		if (l->at[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	struct str s = str_head(line_text(l, text, lo), offset - l->at[lo]);
	struct position p = { lo, 0 };
	if (unit == l->unit && l->last >= l->at[lo] && l->last <= l->at[lo] + s.n) { /* findings come in order, and a line may be a megabyte */
		s = str_from(s, l->last - l->at[lo]);
		p.character = l->character;
	}
	for (u32 units; s.n; p.character += units)
		s = str_from(s, character(s, unit, &units));
	if (offset == text.n || ((u8)text.p[offset] & 0xc0) != 0x80) {
		l->last = (u32)(s.p - text.p);
		l->character = p.character;
		l->unit = unit;
	}
	return p;
}

u32 position_offset(const struct lines *l, struct str text, enum position_unit unit, u64 line, u64 chr)
{
	if (line >= l->n)
		return (u32)text.n;
	struct str s = line_text(l, text, (u32)line);
	u32 at = l->at[line], units;
	while (s.n) {
		size_t n = character(s, unit, &units);
		if (chr < units)
			break;
		chr -= units;
		at += (u32)n;
		s = str_from(s, n);
	}
	return at;
}
