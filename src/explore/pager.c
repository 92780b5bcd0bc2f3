#include "explore/pager.h"
#include "base/text.h"

/* One character as it is shown at `column`; returns its bytes. */
static size_t piece(struct str s, size_t column, struct buf *out)
{
	u32 code;
	size_t n = text_utf8(s, &code);
	if (n == 0 && s.n >= 1)
		n = 1;
	if (s.p[0] == '\t') {
		for (size_t k = 8 - column % 8; k; k--)
			buf_putc(out, ' ');
		return 1;
	}
	text_safe(out, str_head(s, n));
	return n;
}

size_t pager_text_row(struct str bytes, size_t width, bool whole, struct buf *out)
{
	size_t at = 0, column = 0;
	struct buf one = BUF(0);
	while (at < bytes.n) {
		if (bytes.p[at] == '\n') {
			at++;
			break;
		}
		struct str rest = str_from(bytes, at);
		if (rest.p[0] == '\r' && rest.n > 1 && rest.p[1] == '\n') {
			at += 2;
			break;
		}
		/* A character cut by the end of what is at hand is looked at when more is there; the row ends before it. */
		u32 code;
		if (!whole && rest.n < 4 && at && text_utf8(rest, &code) == 0)
			break;
		buf_clear(&one);
		size_t n = piece(rest, column, &one), w = text_width(buf_str(&one));
		if (column + w > width && column)
			break; /* the first one goes in however narrow it is: there must be progress */
		buf_add(out, buf_str(&one));
		column += w;
		at += n;
	}
	buf_free(&one);
	/* A newline right behind a full row belongs to it. */
	if (at && at < bytes.n && column >= width && bytes.p[at] == '\n' && bytes.p[at - 1] != '\n')
		at++;
	return at;
}

size_t pager_hex_bytes(size_t width) { return width >= 10 + 16 * 4 + 3 ? 16 : width >= 10 + 8 * 4 + 3 ? 8 : 4; }

void pager_hex_row(u64 offset, struct str bytes, size_t per_row, struct buf *out)
{
	buf_printf(out, "%08llx ", (unsigned long long)offset);
	for (size_t i = 0; i < per_row; i++) {
		const char *gap = i == per_row / 2 && per_row == 16 ? " " : "";
		if (i < bytes.n)
			buf_printf(out, "%s %02x", gap, (unsigned)(u8)bytes.p[i]);
		else
			buf_printf(out, "%s   ", gap);
	}
	buf_puts(out, "  ");
	for (size_t i = 0; i < bytes.n; i++)
		buf_putc(out, bytes.p[i] >= ' ' && bytes.p[i] < 127 ? bytes.p[i] : '.');
}

bool pager_is_binary(struct str head)
{
	size_t odd = 0, all = head.n;
	while (head.n) {
		u32 code;
		size_t n = text_utf8(head, &code);
		if (n && code == 0)
			return true;
		bool cut = n == 0 && head.n < 4; /* the end of the head, perhaps in a character */
		if ((n == 0 && !cut) || (n && code < 32 && code != '\n' && code != '\t' && code != '\r' && code != 27 && code != 12))
			odd++;
		head = str_from(head, n ? n : 1);
	}
	return odd * 10 > all;
}

int pager_row(struct pager *p, size_t width, u64 *at, struct buf *out, struct error *err)
{
	struct str v;
	size_t want = p->hex ? pager_hex_bytes(width) : MIN(PAGER_LINE, width * 8 + 8); /* 4 bytes a column and one, rounded up */
	if (content_get(&p->content, *at, want, &v, err) < 0)
		return -1;
	if (v.n == 0)
		return 0;
	if (p->hex) {
		pager_hex_row(*at, v, want, out);
		*at += v.n;
	} else {
		*at += pager_text_row(v, width, *at + v.n >= p->content.size, out);
	}
	return 1;
}

/* The row before `at`: back to the beginning of its line, then forward row by row. */
static int before(struct pager *p, size_t width, u64 *at, struct error *err)
{
	if (p->hex) {
		size_t k = pager_hex_bytes(width);
		*at = *at > k ? (*at - 1) / k * k : 0;
		return 0;
	}
	u64 from = *at > PAGER_LINE ? *at - PAGER_LINE : 0;
	struct str v;
	if (content_get(&p->content, from, (size_t)(*at - from), &v, err) < 0)
		return -1;
	size_t i = v.n ? v.n - 1 : 0; /* the newline that ends the row before doesn't count */
	while (i && v.p[i - 1] != '\n')
		i--;
	struct buf skip = BUF(0);
	u64 row = from + i;
	for (;;) {
		struct str rest = str_from(v, (size_t)(row - from));
		buf_clear(&skip);
		size_t k = pager_text_row(rest, width, true, &skip);
		if (k == 0 || row + k >= *at)
			break;
		row += k;
	}
	buf_free(&skip);
	*at = row;
	return 0;
}

int pager_move(struct pager *p, size_t width, s64 rows, struct error *err)
{
	struct buf skip = BUF(0);
	int r = 1;
	for (; rows > 0 && r > 0; rows--) {
		u64 at = p->top;
		buf_clear(&skip);
		r = pager_row(p, width, &at, &skip, err);
		if (r > 0 && at < p->content.size)
			p->top = at;
		else if (r > 0)
			r = 0;
	}
	for (; rows < 0 && p->top && r > 0; rows++)
		r = before(p, width, &p->top, err) < 0 ? -1 : 1;
	buf_free(&skip);
	return r < 0 ? -1 : 0;
}

int pager_end(struct pager *p, size_t width, size_t height, struct error *err)
{
	u64 old = p->top;
	p->top = p->content.size;
	if (pager_move(p, width, -(s64)MIN(height, (size_t)4096), err) == 0)
		return 0;
	p->top = old;
	return -1;
}
