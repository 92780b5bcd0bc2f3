#include "report/udiff.h"
#include "base/buf.h"
#include "base/text.h"

#define CONTEXT 3

struct lines {
	struct str *v; /* each with its newline */
	u32 n, cap;
};

/* A run of lines that differ: [a, a + na) of the old text became [b, b + nb) of the new. */
struct change {
	u32 a, na, b, nb;
};

struct changes {
	struct change *v;
	u32 n, cap;
};

static void split(struct str s, struct lines *l)
{
	while (s.n) {
		const char *nl = str_chr(s, '\n');
		size_t n = nl ? (size_t)(nl - s.p) + 1 : s.n;
		VEC_PUSH(l->v, l->n, l->cap, str_n(s.p, n));
		s = str_from(s, n);
	}
}

static void change_add(struct changes *c, u32 a, u32 na, u32 b, u32 nb)
{
	if (na == 0 && nb == 0)
		return;
	struct change *last = c->n ? &c->v[c->n - 1] : NULL;
	if (last && last->a + last->na == a && last->b + last->nb == b) {
		last->na += na;
		last->nb += nb;
	} else {
		VEC_PUSH(c->v, c->n, c->cap, ((struct change){ a, na, b, nb }));
	}
}

/* Myers' greedy algorithm between [a0, a1) and [b0, b1): furthest[d] is the row of furthest points with d edits. */
static void compare(const struct lines *a, u32 a0, u32 a1, const struct lines *b, u32 b0, u32 b1, struct changes *out)
{
	s32 n = (s32)(a1 - a0), m = (s32)(b1 - b0), most = (s32)MIN((u64)n + (u64)m, (u64)UDIFF_CHANGES), d = 0, found = -1;
	s32 **rows = xcalloc((size_t)most + 1, sizeof *rows);
	for (d = 0; d <= most && found < 0; d++) {
		s32 *row = rows[d] = xcalloc((size_t)(2 * d + 1), sizeof **rows);
		const s32 *up = d ? rows[d - 1] + (d - 1) : NULL; /* up[k] for k in -(d-1) .. d-1 */
		for (s32 k = -d; k <= d; k += 2) {
			s32 x = !up ? 0 : k == -d || (k != d && up[k - 1] < up[k + 1]) ? up[k + 1] : up[k - 1] + 1;
			while (x < n && x - k < m && x - k >= 0 && str_eq(a->v[a0 + (u32)x], b->v[b0 + (u32)(x - k)]))
				x++;
			row[k + d] = x;
			if (x >= n && x - k >= m && x - k == m)
				found = d;
		}
	}
	if (found < 0) {
		change_add(out, a0, (u32)n, b0, (u32)m);
	} else { /* walk back, then turn round */
		struct changes back = { 0 };
		s32 x = n, y = m;
		for (d = found; d > 0; d--) {
			const s32 *up = rows[d - 1] + (d - 1);
			s32 k = x - y;
			bool down = k == -d || (k != d && up[k - 1] < up[k + 1]);
			x = down ? up[k + 1] : up[k - 1];
			y = x - (down ? k + 1 : k - 1);
			VEC_PUSH(back.v, back.n, back.cap, ((struct change){ a0 + (u32)x, !down, b0 + (u32)y, down }));
		}
		for (u32 i = back.n; i-- > 0;)
			change_add(out, back.v[i].a, back.v[i].na, back.v[i].b, back.v[i].nb);
		free(back.v);
	}
	for (d = 0; d <= most; d++)
		free(rows[d]);
	free(rows);
}

struct printer {
	FILE *f;
	bool terminal;
	struct buf safe;
};

static void put_line(struct printer *p, char mark, struct str line)
{
	bool newline = line.n && line.p[line.n - 1] == '\n';
	putc(mark, p->f);
	if (p->terminal) {
		buf_clear(&p->safe);
		text_safe(&p->safe, str_head(line, line.n - newline));
		fwrite(buf_str(&p->safe).p, 1, p->safe.n, p->f);
	} else {
		fwrite(line.p, 1, line.n - newline, p->f);
	}
	fputs(newline ? "\n" : "\n\\ No newline at end of file\n", p->f);
}

static void put_range(FILE *f, char mark, u32 at, u32 n)
{
	fprintf(f, n == 1 ? " %c%u" : " %c%u,%u", mark, n ? at + 1 : at, n);
}

static void put_name(struct printer *p, const char *mark, char side, struct str name)
{
	buf_clear(&p->safe);
	text_safe(&p->safe, name);
	bool absolute = name.n && name.p[0] == '/';
	fprintf(p->f, "%s %.*s%.*s\n", mark, absolute ? 0 : 2, side == 'a' ? "a/" : "b/", (int)p->safe.n, buf_str(&p->safe).p);
}

/* Changes [i, k), near enough to share their context. */
static void hunk(struct printer *p, const struct lines *a, const struct lines *b, const struct change *c, u32 n)
{
	const struct change *last = &c[n - 1];
	u32 lead = MIN(c->a, (u32)CONTEXT), from = c->a - lead, to = MIN(last->a + last->na + CONTEXT, a->n);
	u32 trail = to - (last->a + last->na);
	fputs("@@", p->f);
	put_range(p->f, '-', from, to - from);
	put_range(p->f, '+', c->b - lead, last->b + last->nb + trail - (c->b - lead));
	fputs(" @@\n", p->f);
	u32 at = from;
	for (u32 i = 0; i < n; i++) {
		for (; at < c[i].a; at++)
			put_line(p, ' ', a->v[at]);
		for (u32 k = 0; k < c[i].na; k++)
			put_line(p, '-', a->v[at++]);
		for (u32 k = 0; k < c[i].nb; k++)
			put_line(p, '+', b->v[c[i].b + k]);
	}
	for (; at < to; at++)
		put_line(p, ' ', a->v[at]);
}

void report_udiff(FILE *out, struct str name, struct str before, struct str after, bool terminal)
{
	struct lines a = { 0 }, b = { 0 };
	struct changes c = { 0 };
	struct printer p = { out, terminal, BUF(0) };
	if (str_eq(before, after))
		return;
	split(before, &a);
	split(after, &b);
	u32 head = 0, tail = 0;
	while (head < a.n && head < b.n && str_eq(a.v[head], b.v[head]))
		head++;
	while (tail < a.n - head && tail < b.n - head && str_eq(a.v[a.n - 1 - tail], b.v[b.n - 1 - tail]))
		tail++;
	compare(&a, head, a.n - tail, &b, head, b.n - tail, &c);
	put_name(&p, "---", 'a', name);
	put_name(&p, "+++", 'b', name);
	for (u32 i = 0; i < c.n;) {
		u32 k = i + 1;
		while (k < c.n && c.v[k].a - (c.v[k - 1].a + c.v[k - 1].na) <= 2 * CONTEXT)
			k++;
		hunk(&p, &a, &b, c.v + i, k - i);
		i = k;
	}
	free(a.v);
	free(b.v);
	free(c.v);
	buf_free(&p.safe);
}
