#include "report/columns.h"
#include "base/text.h"
#include <stdarg.h>

/* Neutralised and cut to the column's width. */
static const char *cell_text(struct columns *c, u32 column, const char *text)
{
	struct buf safe = BUF(0), fit = BUF(0);
	text_safe(&safe, str_of(text ? text : ""));
	text_fit(&fit, buf_str(&safe), c->most[column] ? c->most[column] : SIZE_MAX / 4, false);
	const char *kept = arena_strdup(&c->arena, buf_str(&fit));
	buf_free(&safe);
	buf_free(&fit);
	return kept;
}

void columns_add(struct columns *c, const char *cell)
{
	if (c->filled == c->room) {
		c->room = c->room ? c->room * 2 : 64;
		c->cells = xrealloc(c->cells, c->room * sizeof *c->cells);
	}
	c->cells[c->filled] = cell_text(c, c->filled % c->n, cell);
	c->filled++;
}

void columns_addf(struct columns *c, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	columns_add(c, small);
}

static void pad(FILE *f, size_t n)
{
	while (n-- > 0)
		putc(' ', f);
}

void columns_write(FILE *f, struct columns *c)
{
	size_t width[COLUMNS_MAX] = { 0 };
	for (u32 i = 0; i < c->filled; i++)
		width[i % c->n] = MAX(width[i % c->n], text_width(str_of(c->cells[i])));
	for (u32 i = 0; i < c->filled; i++) {
		u32 col = i % c->n;
		size_t w = text_width(str_of(c->cells[i]));
		if (col == 0 && c->indent)
			fputs(c->indent, f);
		if (c->right >> col & 1)
			pad(f, width[col] - w);
		fputs(c->cells[i], f);
		if (col + 1 == c->n) {
			putc('\n', f);
			continue;
		}
		bool rest = false; /* nothing behind it: no blanks at the end of the line */
		for (u32 k = i + 1; k % c->n && k < c->filled; k++)
			rest |= c->cells[k][0] != '\0';
		if (rest)
			pad(f, (c->right >> col & 1 ? 0 : width[col] - w) + 2);
	}
}

void columns_free(struct columns *c)
{
	arena_free(&c->arena);
	free(c->cells);
	c->cells = NULL;
	c->filled = c->room = 0;
}

const char *columns_ago(s64 then, s64 now, char out[40])
{
	static const struct { s64 seconds; const char *one; } units[] = { { 31536000, "year" }, { 2592000, "month" }, { 604800, "week" }, { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	if (then <= 0)
		return "";
	s64 gone = MAX(now - then, 0);
	size_t u = 0;
	while (u + 1 < countof(units) && gone < 2 * units[u].seconds)
		u++;
	s64 n = gone / units[u].seconds;
	snprintf(out, 40, "%lld %s%s ago", (long long)n, units[u].one, n == 1 ? "" : "s");
	return out;
}
