#include "dockerfile/parser.h"
#include "base/buf.h"
#include "base/text.h"
#include <math.h>

#define NESTED 64 /* of what is no string anyway */

struct reader {
	struct str s;
	u32 at;
	bool range; /* a number that no double holds */
};

static char look(const struct reader *r) { return r->at < r->s.n ? r->s.p[r->at] : '\0'; }

static void blanks(struct reader *r)
{
	while (r->at < r->s.n && strchr(" \t\r\n", r->s.p[r->at]) && r->s.p[r->at])
		r->at++;
}

static int hex4(struct reader *r)
{
	int v = 0;
	if (r->s.n - r->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = r->s.p[r->at++], low = (char)(c | 32);
		int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static void put_utf8(struct buf *b, u32 c)
{
	if (c < 0x80) {
		buf_putc(b, (char)c);
	} else if (c < 0x800) {
		buf_putc(b, (char)(0xC0 | c >> 6));
		buf_putc(b, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_putc(b, (char)(0xE0 | c >> 12));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_putc(b, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_putc(b, (char)(0xF0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3F)));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_putc(b, (char)(0x80 | (c & 0x3F)));
	}
}

/* The escape behind a backslash. */
static bool escape(struct reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = look(r);
	const char *k = c ? strchr(from, c) : NULL;
	r->at++;
	if (k) {
		buf_putc(b, to[k - from]);
		return true;
	}
	if (c != 'u')
		return false;
	int v = hex4(r);
	if (v < 0)
		return false;
	u32 code = (u32)v;
	if (code >= 0xD800 && code < 0xE000) { /* half of a pair: U+FFFD unless the other follows */
		struct reader ahead = *r;
		u32 whole = 0xFFFD;
		if (code < 0xDC00 && r->s.n - r->at >= 6 && r->s.p[r->at] == '\\' && r->s.p[r->at + 1] == 'u') {
			ahead.at += 2;
			int low = hex4(&ahead);
			if (low >= 0xDC00 && low < 0xE000) {
				whole = 0x10000 + ((code - 0xD800) << 10) + ((u32)low - 0xDC00);
				*r = ahead;
			}
		}
		code = whole;
	}
	put_utf8(b, code);
	return true;
}

/* A string, the reader at its quote. *b gets what it means when that isn't what is written: then *plain is false. */
static bool string(struct reader *r, struct buf *b, bool *plain)
{
	u32 from = ++r->at;
	*plain = true;
	buf_clear(b);
	while (r->at < r->s.n) {
		u8 c = (u8)r->s.p[r->at];
		if (c == '"') {
			r->at++;
			return true;
		}
		if (c < 0x20)
			return false;
		size_t n = c < 0x80 ? 1 : text_utf8(str_from(r->s, r->at), &(u32){ 0 });
		if (*plain && (c == '\\' || n == 0)) {
			buf_add(b, str_n(r->s.p + from, r->at - from));
			*plain = false;
		}
		if (c == '\\') {
			r->at++;
			if (!escape(r, b))
				return false;
			continue;
		}
		if (!*plain) {
			if (n)
				buf_add(b, str_n(r->s.p + r->at, n));
			else
				put_utf8(b, 0xFFFD);
		}
		r->at += n ? (u32)n : 1;
	}
	return false;
}

static bool digits(struct reader *r)
{
	u32 from = r->at;
	while (look(r) >= '0' && look(r) <= '9')
		r->at++;
	return r->at > from;
}

static bool number(struct reader *r)
{
	u32 from = r->at;
	r->at += look(r) == '-';
	if (look(r) == '0')
		r->at++;
	else if (!digits(r))
		return false;
	if (look(r) == '.') {
		r->at++;
		if (!digits(r))
			return false;
	}
	if (look(r) == 'e' || look(r) == 'E') {
		r->at++;
		r->at += look(r) == '-' || look(r) == '+';
		if (!digits(r))
			return false;
	}
	char text[512];
	u32 n = r->at - from;
	if (n < sizeof text) {
		memcpy(text, r->s.p + from, n);
		text[n] = '\0';
		r->range |= isinf(strtod(text, NULL)) != 0;
	}
	return true;
}

static bool literal(struct reader *r, const char *z)
{
	if (!str_starts(str_from(r->s, r->at), str_of(z)))
		return false;
	r->at += (u32)strlen(z);
	return true;
}

/* Any value that is no string: whether it is well formed. No recursion: a stack of brackets. */
static bool value(struct reader *r, struct buf *b)
{
	char stack[NESTED];
	u32 depth = 0;
	bool plain;
	for (;;) {
		blanks(r);
		char c = look(r);
		bool opened = false;
		if (c == '[' || c == '{') {
			if (depth == NESTED)
				return false;
			stack[depth++] = c;
			r->at++;
			blanks(r);
			opened = look(r) != (c == '[' ? ']' : '}');
		} else if (!(c == '"' ? string(r, b, &plain) : c == 't' ? literal(r, "true") : c == 'f' ? literal(r, "false") : c == 'n' ? literal(r, "null") : number(r))) {
			return false;
		}
		while (!opened && depth) { /* a value ended, or an empty bracket may close */
			blanks(r);
			c = look(r);
			if (c == ',') {
				r->at++;
				opened = true;
			} else if (c == (stack[depth - 1] == '[' ? ']' : '}')) {
				r->at++;
				depth--;
			} else {
				return false;
			}
		}
		if (depth == 0)
			return true;
		if (stack[depth - 1] == '{') {
			blanks(r);
			if (look(r) != '"' || !string(r, b, &plain))
				return false;
			blanks(r);
			if (look(r) != ':')
				return false;
			r->at++;
		}
	}
}

enum df_json df_json_read(struct df_parser *p, const struct df_text *text, u32 at, u32 end, const struct df_word **ret, u32 *n)
{
	struct str s = str_head(text->s, end);
	size_t space;
	while (at < end && (space = word_space(s.p + at, end - at)))
		at += (u32)space;
	struct reader r = { s, at, false };
	if (look(&r) != '[')
		return DF_JSON_NO;
	struct buf b = BUF(DF_BYTES);
	struct df_word *v = NULL;
	u32 many = 0, cap = 0;
	bool others = false, ok = false, plain;
	r.at++;
	blanks(&r);
	if (look(&r) == ']') {
		r.at++;
		ok = true;
	}
	while (!ok) {
		blanks(&r);
		u32 from = r.at;
		if (look(&r) != '"') {
			others = true;
			if (!value(&r, &b))
				break;
		} else {
			if (!string(&r, &b, &plain))
				break;
			struct df_word w = { .s = plain ? str_n(s.p + from + 1, r.at - from - 2) : str_n(arena_bytes(p->a, buf_str(&b)), b.n), .span = df_text_span(text, from, r.at) };
			if (many < DF_WORDS)
				VEC_PUSH(v, many, cap, w);
			else
				p->too_many = true;
		}
		blanks(&r);
		char c = look(&r);
		r.at++;
		if (c == ']')
			ok = true;
		else if (c != ',')
			break;
	}
	blanks(&r);
	ok = ok && r.at == end && !r.range;
	if (ok && !others && many) {
		struct df_word *kept = arena_alloc(p->a, sizeof *kept * many);
		memcpy(kept, v, sizeof *kept * many);
		*ret = kept;
	}
	if (ok && !others)
		*n = many;
	free(v);
	buf_free(&b);
	return !ok ? DF_JSON_NO : others ? DF_JSON_NOT_STRINGS : DF_JSON_YES;
}
