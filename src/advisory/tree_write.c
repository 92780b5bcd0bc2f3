/* tree_write.c — a tree written from its first key to its last: a page that is full goes to the file, and its first key into the page above. */
#include "advisory/page.h"
#include "advisory/tree.h"
#include "base/buf.h"
#include "base/file.h"
#include <unistd.h>

#define SIZE 4096u
#define NODE_MAX (((SIZE - PAGE_HEAD) / 2 & ~1u) - 2u) /* a larger node's value stands in pages of its own, as LMDB would have it */
#define OUT_MAX ((size_t)(256 * KiB))

struct level {
	char page[SIZE];
	u32 lower, upper;
	u32 n;
	char key[TREE_KEY_MAX]; /* first of the page: what the page above is told */
	size_t key_n;
	u64 written;            /* pages */
};

struct tree_writer {
	int fd;
	struct buf out;
	u64 next; /* number of the next page */
	u64 overflows, entries;
	char last[TREE_KEY_MAX];
	size_t last_n;
	u32 depth;
	struct level *level[TREE_DEPTH]; /* 0: leaves */
};

static int flush(struct tree_writer *w, struct error *err)
{
	if (file_write_all(w->fd, w->out.p, w->out.n) < 0)
		return error_errno(err, "writing the database");
	buf_clear(&w->out);
	return 0;
}

static int put(struct tree_writer *w, struct str bytes, struct error *err)
{
	if (w->out.n + bytes.n > OUT_MAX && w->out.n && flush(w, err) < 0)
		return -1;
	buf_add(&w->out, bytes);
	return 0;
}

static void blank(struct level *l)
{
	memset(l->page, 0, SIZE);
	l->lower = PAGE_HEAD;
	l->upper = SIZE;
	l->n = 0;
}

struct tree_writer *tree_writer_new(int fd)
{
	struct tree_writer *w = xcalloc(1, sizeof *w);
	static const char zero[2 * SIZE];
	w->fd = fd;
	w->next = 2;
	w->out = BUF(0);
	buf_add(&w->out, str_n(zero, sizeof zero));
	return w;
}

void tree_writer_free(struct tree_writer *w)
{
	if (!w)
		return;
	for (u32 i = 0; i < TREE_DEPTH; i++)
		free(w->level[i]);
	buf_free(&w->out);
	free(w);
}

/* --- nodes --- */
static bool fits(const struct level *l, size_t node) { return l->lower + 2 + ((node + 1) & ~(size_t)1) <= l->upper; }

/* A node of `head` (its first three numbers), key and data at the end of the page. */
static void place(struct level *l, u64 head, struct str key, struct str data)
{
	size_t size = (NODE_HEAD + key.n + data.n + 1) & ~(size_t)1;
	l->upper -= (u32)size;
	char *node = l->page + l->upper;
	put16(node, head);
	put16(node + 2, head >> 16);
	put16(node + 4, head >> 32);
	put16(node + 6, key.n);
	if (key.n)
		memcpy(node + NODE_HEAD, key.p, key.n);
	if (data.n)
		memcpy(node + NODE_HEAD + key.n, data.p, data.n);
	put16(l->page + l->lower, l->upper);
	l->lower += 2;
	l->n++;
}

static int branch(struct tree_writer *w, u32 depth, struct str key, u64 child, struct error *err);

static void keep_key(struct level *l, struct str key)
{
	memcpy(l->key, key.p, key.n);
	l->key_n = key.n;
}

/* The page of a level goes to the file; *number is its own. */
static int emit(struct tree_writer *w, u32 depth, u64 *number, struct error *err)
{
	struct level *l = w->level[depth];
	*number = w->next++;
	l->written++;
	put64(l->page, *number);
	put16(l->page + 10, depth ? PAGE_BRANCH : PAGE_LEAF);
	put16(l->page + 12, l->lower);
	put16(l->page + 14, l->upper);
	return put(w, str_n(l->page, SIZE), err);
}

/* The same, and tells the page above. Depth of recursion: that of the tree. */
static int emit_up(struct tree_writer *w, u32 depth, struct error *err)
{
	struct level *l = w->level[depth];
	u64 number;
	if (emit(w, depth, &number, err) < 0 || branch(w, depth + 1, str_n(l->key, l->key_n), number, err) < 0)
		return -1;
	blank(l);
	return 0;
}

static int need(struct tree_writer *w, u32 depth, struct error *err)
{
	if (depth >= TREE_DEPTH)
		return error_set(err, ERR_INPUT, "the database is too large");
	if (!w->level[depth]) {
		w->level[depth] = xcalloc(1, sizeof *w->level[depth]);
		blank(w->level[depth]);
		w->depth = depth + 1;
	}
	return 0;
}

/* A child of the page at `depth`. LMDB wants two children a page at the least: a full page leaves its last one to the next. */
static int branch(struct tree_writer *w, u32 depth, struct str key, u64 child, struct error *err)
{
	if (need(w, depth, err) < 0)
		return -1;
	struct level *l = w->level[depth];
	if (!fits(l, NODE_HEAD + key.n)) {
		const char *node = l->page + l->upper;
		char copy[TREE_KEY_MAX];
		u64 moved = get16(node) | (u64)get16(node + 2) << 16 | (u64)get16(node + 4) << 32;
		size_t n = get16(node + 6), size = (NODE_HEAD + n + 1) & ~(size_t)1;
		memcpy(copy, node + NODE_HEAD, n);
		memset(l->page + l->upper, 0, size);
		l->upper += (u32)size;
		l->lower -= 2;
		put16(l->page + l->lower, 0);
		l->n--;
		if (emit_up(w, depth, err) < 0)
			return -1;
		keep_key(l, str_n(copy, n));
		place(l, moved, STR(""), STR(""));
	}
	if (!l->n)
		keep_key(l, key);
	place(l, child, l->n ? key : STR(""), STR(""));
	return 0;
}

/* --- entries --- */
static int large(struct tree_writer *w, struct str value, u64 *number, struct error *err)
{
	char head[PAGE_HEAD] = { 0 };
	static const char zero[SIZE];
	u64 pages = (PAGE_HEAD + value.n + SIZE - 1) / SIZE;
	*number = w->next;
	w->next += pages;
	w->overflows += pages;
	put64(head, *number);
	put16(head + 10, PAGE_OVERFLOW);
	put32(head + 12, pages);
	size_t rest = (size_t)(pages * SIZE) - PAGE_HEAD - value.n;
	return put(w, str_n(head, PAGE_HEAD), err) < 0 || put(w, value, err) < 0 || put(w, str_n(zero, rest), err) < 0 ? -1 : 0;
}

int tree_add(struct tree_writer *w, struct str key, struct str value, struct error *err)
{
	if (!key.n || key.n > TREE_KEY_MAX || value.n > TREE_VALUE_MAX || (w->entries && str_cmp(str_n(w->last, w->last_n), key) >= 0))
		return error_set(err, ERR_INPUT, "the database's keys are out of order or too long");
	memcpy(w->last, key.p, key.n);
	w->last_n = key.n;
	w->entries++;
	if (need(w, 0, err) < 0)
		return -1;
	struct level *l = w->level[0];
	char number[8];
	u64 head = value.n;
	if (NODE_HEAD + key.n + value.n > NODE_MAX) {
		u64 page;
		if (large(w, value, &page, err) < 0)
			return -1;
		put64(number, page);
		head |= (u64)NODE_BIG << 32;
		value = str_n(number, sizeof number);
	}
	if (!fits(l, NODE_HEAD + key.n + value.n) && emit_up(w, 0, err) < 0)
		return -1;
	if (!l->n)
		keep_key(l, key);
	place(l, head, key, value);
	return 0;
}

static void meta(char *p, u64 number, const struct tree_writer *w, u64 root)
{
	memset(p, 0, SIZE);
	put64(p, number);
	put16(p + 10, PAGE_META);
	put32(p + META_AT_MAGIC, META_MAGIC);
	put32(p + META_AT_VERSION, META_VERSION);
	put64(p + META_AT_MAP, w->next * SIZE);
	put32(p + META_AT_FREE, SIZE);
	put16(p + META_AT_FREE + TREE_AT_FLAGS, 8); /* whole numbers as keys */
	put64(p + META_AT_FREE + TREE_AT_ROOT, NO_PAGE);
	put64(p + META_AT_MAIN + TREE_AT_ROOT, NO_PAGE);
	put64(p + META_AT_LAST, number ? w->next - 1 : 1);
	put64(p + META_AT_TXN, number);
	if (!number || root == NO_PAGE)
		return;
	char *t = p + META_AT_MAIN;
	u64 branches = 0;
	for (u32 i = 1; i < w->depth; i++)
		branches += w->level[i]->written;
	put16(t + TREE_AT_DEPTH, w->depth);
	put64(t + TREE_AT_BRANCHES, branches);
	put64(t + TREE_AT_LEAVES, w->level[0]->written);
	put64(t + TREE_AT_OVERFLOWS, w->overflows);
	put64(t + TREE_AT_ENTRIES, w->entries);
	put64(t + TREE_AT_ROOT, root);
}

int tree_finish(struct tree_writer *w, struct error *err)
{
	u64 root = NO_PAGE;
	for (u32 d = 0; d < w->depth; d++) {
		bool top = d + 1 == w->depth && w->level[d]->written == 0;
		if (top ? emit(w, d, &root, err) < 0 : emit_up(w, d, err) < 0)
			return -1;
	}
	char pages[2 * SIZE];
	meta(pages, 0, w, root);
	meta(pages + SIZE, 1, w, root);
	if (flush(w, err) < 0)
		return -1;
	if (pwrite(w->fd, pages, sizeof pages, 0) != (ssize_t)sizeof pages)
		return error_errno(err, "writing the database");
	return 0;
}
