#include "advisory/sort.h"
#include "base/buf.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define READ ((size_t)(64 * KiB)) /* of a run at once */
#define HEAD ((size_t)8)          /* of a pair: u32 key, u32 value */

struct run {
	u64 at, end;   /* of the file: what was not read yet */
	char *p;       /* buffer */
	size_t n, cap, used;
	struct str key, value;
};

struct sorter {
	char *dir;
	int fd;
	u64 size;      /* of the file */
	size_t limit;
	char *p;       /* pairs of the run that is being filled */
	size_t n, cap;
	size_t *pair;  /* where each begins */
	u32 n_pairs, cap_pairs;
	struct run *runs;
	u32 n_runs;
};

struct sorter *sorter_new(const char *beside, size_t run)
{
	struct sorter *s = xcalloc(1, sizeof *s);
	const char *slash = strrchr(beside, '/');
	struct buf dir = BUF(0);
	buf_add(&dir, slash ? str_n(beside, (size_t)(slash - beside) + 1) : STR("./"));
	s->dir = dir.p;
	s->fd = -1;
	s->limit = run;
	return s;
}

void sorter_free(struct sorter *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	for (u32 i = 0; i < s->n_runs; i++)
		free(s->runs[i].p);
	free(s->runs);
	free(s->pair);
	free(s->p);
	free(s->dir);
	free(s);
}

static void pair_at(const char *p, struct str *key, struct str *value)
{
	u32 n[2];
	memcpy(n, p, sizeof n);
	*key = str_n(p + HEAD, n[0]);
	*value = str_n(p + HEAD + n[0], n[1]);
}

static int pair_cmp(const void *x, const void *y, void *base)
{
	struct str kx, vx, ky, vy;
	pair_at((const char *)base + *(const size_t *)x, &kx, &vx);
	pair_at((const char *)base + *(const size_t *)y, &ky, &vy);
	int c = str_cmp(kx, ky);
	return c ? c : str_cmp(vx, vy);
}

static int open_file(struct sorter *s, struct error *err)
{
	s->fd = file_nameless(s->dir);
	return s->fd < 0 ? error_errno(err, "a file for sorting in %s", s->dir) : 0;
}

static void sort_pairs(struct sorter *s)
{
	if (s->n_pairs)
		qsort_r(s->pair, s->n_pairs, sizeof *s->pair, pair_cmp, s->p);
}

/* The run in memory, in order and without repeats, behind the others. */
static int spill(struct sorter *s, struct error *err)
{
	if (s->fd < 0 && open_file(s, err) < 0)
		return -1;
	if (s->n_runs == SORT_RUNS)
		return error_set(err, ERR_INPUT, "the feeds are too large");
	sort_pairs(s);
	struct buf out = BUF(0);
	u64 start = s->size;
	int r = 0;
	for (u32 i = 0; i < s->n_pairs && r == 0; i++) {
		if (i && pair_cmp(&s->pair[i - 1], &s->pair[i], s->p) == 0)
			continue;
		struct str key, value;
		pair_at(s->p + s->pair[i], &key, &value);
		buf_add(&out, str_n(s->p + s->pair[i], HEAD + key.n + value.n));
		if (out.n >= MiB || i + 1 == s->n_pairs) {
			s->size += out.n;
			r = file_write_all(s->fd, out.p, out.n);
			buf_clear(&out);
		}
	}
	if (r == 0 && out.n) {
		s->size += out.n;
		r = file_write_all(s->fd, out.p, out.n);
	}
	if (r < 0)
		error_errno(err, "sorting in %s", s->dir);
	buf_free(&out);
	s->runs = xrealloc(s->runs, (s->n_runs + 1) * sizeof *s->runs);
	s->runs[s->n_runs++] = (struct run){ .at = start, .end = s->size };
	s->n = 0;
	s->n_pairs = 0;
	return r;
}

int sorter_add(struct sorter *s, struct str key, struct str value, struct error *err)
{
	size_t size = HEAD + key.n + value.n;
	if (size > SORT_PAIR)
		return error_set(err, ERR_INPUT, "an advisory of %zu bytes", size);
	if (s->n && s->n + s->n_pairs * sizeof *s->pair + size > s->limit && spill(s, err) < 0)
		return -1;
	if (s->n + size > s->cap) {
		s->cap = MAX(s->n + size, MIN(MAX(s->cap * 2, (size_t)64 * KiB), s->limit));
		s->p = xrealloc(s->p, s->cap);
	}
	u32 n[2] = { (u32)key.n, (u32)value.n };
	VEC_PUSH(s->pair, s->n_pairs, s->cap_pairs, s->n);
	char *p = s->p + s->n;
	memcpy(p, n, sizeof n);
	if (key.n)
		memcpy(p + HEAD, key.p, key.n);
	if (value.n)
		memcpy(p + HEAD + key.n, value.p, value.n);
	s->n += size;
	return 0;
}

/* The next pair of a run: 1, 0 at its end, -1. */
static int run_next(struct sorter *s, struct run *r, struct error *err)
{
	for (;;) {
		size_t have = r->n - r->used, want = HEAD;
		if (have >= HEAD) {
			pair_at(r->p + r->used, &r->key, &r->value);
			want = HEAD + r->key.n + r->value.n;
			if (have >= want) {
				r->used += want;
				return 1;
			}
		} else if (!have && r->at == r->end) {
			return 0;
		}
		if (have)
			memmove(r->p, r->p + r->used, have);
		r->n = have;
		r->used = 0;
		if (MAX(want, READ) > r->cap) {
			r->cap = MAX(want, READ);
			r->p = xrealloc(r->p, r->cap);
		}
		ssize_t got = file_pread(s->fd, r->p + r->n, (size_t)MIN((u64)(r->cap - r->n), r->end - r->at), r->at);
		if (got <= 0)
			return error_errno(err, "sorting in %s", s->dir);
		r->at += (u64)got;
		r->n += (size_t)got;
	}
}

static int run_cmp(const struct run *a, const struct run *b)
{
	int c = str_cmp(a->key, b->key);
	return c ? c : str_cmp(a->value, b->value);
}

/* The heap of runs, the first pair on top. */
static void sink(struct run **h, u32 n, u32 i)
{
	for (u32 c; (c = 2 * i + 1) < n; i = c) {
		if (c + 1 < n && run_cmp(h[c + 1], h[c]) < 0)
			c++;
		if (run_cmp(h[i], h[c]) <= 0)
			return;
		struct run *t = h[i];
		h[i] = h[c];
		h[c] = t;
	}
}

static int merge(struct sorter *s, int (*f)(void *ctx, struct str key, struct str value, struct error *err), void *ctx, struct error *err)
{
	struct run **heap = xcalloc(s->n_runs, sizeof *heap);
	struct buf last = BUF(0);
	size_t last_key = 0;
	bool any = false;
	u32 n = 0;
	int r = 0;
	for (u32 i = 0; i < s->n_runs && r >= 0; i++) {
		r = run_next(s, &s->runs[i], err);
		if (r > 0)
			heap[n++] = &s->runs[i];
	}
	for (u32 i = n / 2; i-- > 0;)
		sink(heap, n, i);
	while (n && r >= 0) {
		struct run *top = heap[0];
		if (!any || last_key != top->key.n || !str_eq(str_head(buf_str(&last), last_key), top->key) || !str_eq(str_from(buf_str(&last), last_key), top->value)) {
			r = f(ctx, top->key, top->value, err);
			if (r)
				break;
			buf_clear(&last);
			buf_add(&last, top->key);
			buf_add(&last, top->value);
			last_key = top->key.n;
			any = true;
		}
		r = run_next(s, top, err);
		if (r == 0)
			heap[0] = heap[--n];
		if (n && r >= 0)
			sink(heap, n, 0);
	}
	free(heap);
	buf_free(&last);
	return r < 0 ? -1 : r;
}

int sorter_each(struct sorter *s, int (*f)(void *ctx, struct str key, struct str value, struct error *err), void *ctx, struct error *err)
{
	if (!s->n_runs) {
		sort_pairs(s);
		for (u32 i = 0; i < s->n_pairs; i++) {
			struct str key, value;
			pair_at(s->p + s->pair[i], &key, &value);
			if (i && pair_cmp(&s->pair[i - 1], &s->pair[i], s->p) == 0)
				continue;
			int r = f(ctx, key, value, err);
			if (r)
				return r;
		}
		return 0;
	}
	if (s->n_pairs && spill(s, err) < 0)
		return -1;
	free(s->p);
	free(s->pair);
	s->p = NULL;
	s->pair = NULL;
	s->cap = s->cap_pairs = 0;
	return merge(s, f, ctx, err);
}
