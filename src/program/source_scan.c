#include "program/source_scan.h"

#define DEEP 16u

struct str scan_line(const char **p, const char *end)
{
	const char *from = *p, *to = scan_line_end(from, end);
	*p = to < end ? to + 1 : end;
	return str_n(from, (size_t)(to - from));
}

/* Behind "#{": to its '}', over strings in it. */
static const char *skip_braces(const char *p, const char *end)
{
	char in[DEEP]; /* what closes: '}', or a quote */
	u32 n = 0;
	in[n++] = '}';
	for (; p < end; p++) {
		char c = *p, to = in[n - 1];
		if (c == '\\')
			p += p + 1 < end;
		else if (c == to) {
			if (--n == 0)
				return p + 1;
		} else if (n < DEEP && to == '}' && (c == '{' || c == '"' || c == '\''))
			in[n++] = c == '{' ? '}' : c;
		else if (n < DEEP && to == '"' && c == '#' && p + 1 < end && p[1] == '{') {
			in[n++] = '}';
			p++;
		}
	}
	return p;
}

struct str scan_delimited(const char **ret, const char *end, bool braces)
{
	const char *p = *ret, *start = p + 1;
	char from = *p++, to = scan_closing(from);
	u32 deep = 1;
	while (p < end) {
		char c = *p;
		if (c == '\\' && p + 1 < end)
			p += 2;
		else if (c == to && --deep == 0) {
			*ret = p + 1;
			return str_n(start, (size_t)(p - start));
		} else if (braces && c == '#' && p + 1 < end && p[1] == '{')
			p = skip_braces(p + 2, end);
		else {
			deep += c == from && from != to;
			p++;
		}
	}
	*ret = end;
	return str_n(start, (size_t)(end - start));
}

bool scan_next_word(struct str *rest, struct str *word)
{
	size_t from = 0, to;
	*word = *rest;
	if (!rest->n)
		return false;
	while (from < rest->n && scan_is_blank(rest->p[from]))
		from++;
	for (to = from; to < rest->n && !scan_is_blank(rest->p[to]);)
		to++;
	*word = str_n(rest->p + from, to - from);
	*rest = str_from(*rest, to);
	return word->n;
}

void scan_put(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_putc(out, (u8)text.p[i] < ' ' ? ' ' : text.p[i]);
}
