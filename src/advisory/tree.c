#include "advisory/tree.h"
#include "advisory/page.h"

int tree_view(struct str file, struct tree *ret, struct error *err)
{
	struct tree t = { .p = file.p, .n = file.n, .root = NO_PAGE };
	if (file.n < PAGE_HEAD + META_END || get32(file.p + META_AT_MAGIC) != META_MAGIC)
		return error_set(err, ERR_INPUT, "not an advisory database");
	if (get32(file.p + META_AT_VERSION) != META_VERSION)
		return error_set(err, ERR_INPUT, "an LMDB file of version %u: not an advisory database", get32(file.p + META_AT_VERSION) & 0xffffu);
	t.page_size = get32(file.p + META_AT_FREE);
	if (t.page_size < 512 || t.page_size > 65536 || (t.page_size & (t.page_size - 1)))
		return error_set(err, ERR_INPUT, "damaged: pages of %zu bytes", t.page_size);
	if (file.n < 2 * t.page_size)
		return error_set(err, ERR_INPUT, "cut off in its first page");
	const char *meta = file.p, *second = file.p + t.page_size;
	if (get32(second + META_AT_MAGIC) == META_MAGIC && get64(second + META_AT_TXN) > get64(meta + META_AT_TXN))
		meta = second;
	u64 last = get64(meta + META_AT_LAST);
	if (last >= file.n / t.page_size)
		return error_set(err, ERR_INPUT, "cut off: %zu bytes, and %s pages of %zu should be there", file.n, last < UINT32_MAX ? "more" : "too many", t.page_size);
	t.pages = last + 1;
	t.root = get64(meta + META_AT_MAIN + TREE_AT_ROOT);
	t.entries = get64(meta + META_AT_MAIN + TREE_AT_ENTRIES);
	if (t.root != NO_PAGE && t.root >= t.pages)
		return error_set(err, ERR_INPUT, "damaged: its root is beyond its end");
	*ret = t;
	return 0;
}

static const char *page_at(const struct tree *t, u64 page) { return t->p + page * t->page_size; }

/* Number of nodes of a branch or leaf page; -1: it is none. */
static s64 page_nodes(const struct tree *t, u64 page, bool *leaf)
{
	if (page < 2 || page >= t->pages)
		return -1;
	const char *p = page_at(t, page);
	u32 flags = get16(p + 10) & 0x7fu, lower = get16(p + 12), upper = get16(p + 14);
	if ((flags != PAGE_BRANCH && flags != PAGE_LEAF) || lower < PAGE_HEAD || upper < lower || upper > t->page_size || lower % 2)
		return -1;
	*leaf = flags == PAGE_LEAF;
	return (lower - PAGE_HEAD) / 2;
}

/* Node i of a page whose nodes were counted. */
static const char *node_at(const struct tree *t, u64 page, u32 i, struct str *key)
{
	const char *p = page_at(t, page);
	size_t at = get16(p + PAGE_HEAD + 2 * (size_t)i);
	if (at < PAGE_HEAD || at + NODE_HEAD > t->page_size)
		return NULL;
	const char *node = p + at;
	size_t n = get16(node + 6);
	if (at + NODE_HEAD + n > t->page_size)
		return NULL;
	*key = str_n(node + NODE_HEAD, n);
	return node;
}

static bool child_of(const struct tree *t, u64 page, u32 i, u64 *ret)
{
	struct str key;
	const char *node = node_at(t, page, i, &key);
	if (!node)
		return false;
	*ret = get16(node) | (u64)get16(node + 2) << 16 | (u64)get16(node + 4) << 32;
	return true;
}

static bool value_of(const struct tree *t, u64 page, const char *node, struct str key, struct str *ret)
{
	size_t n = get16(node) | (size_t)get16(node + 2) << 16;
	const char *data = key.p + key.n;
	size_t room = (size_t)(page_at(t, page) + t->page_size - data);
	u32 flags = get16(node + 4);
	if (flags == 0 && n <= room) {
		*ret = str_n(data, n);
		return true;
	}
	if (flags != NODE_BIG || room < 8 || n > TREE_VALUE_MAX)
		return false;
	u64 big = get64(data);
	u64 pages = (PAGE_HEAD + (u64)n + t->page_size - 1) / t->page_size;
	if (big < 2 || big >= t->pages || pages > t->pages - big || (get16(page_at(t, big) + 10) & 0x7fu) != PAGE_OVERFLOW)
		return false;
	*ret = str_n(page_at(t, big) + PAGE_HEAD, n);
	return true;
}

/* Reads the entry that the position names. */
static int here(struct tree_at *at)
{
	u32 d = at->depth - 1;
	const char *node = node_at(at->t, at->level[d].page, at->level[d].i, &at->key);
	return node && value_of(at->t, at->level[d].page, node, at->key, &at->value) ? 1 : -1;
}

/* Down from `page`, by `key` or along the left edge when that is NULL. 1: at->level ends in a leaf, maybe behind its last node. */
static int descend(struct tree_at *at, u64 page, const struct str *key)
{
	const struct tree *t = at->t;
	for (;;) {
		bool leaf = false;
		s64 n = page_nodes(t, page, &leaf);
		if (n < 1 || at->depth == TREE_DEPTH)
			return -1;
		/* First node not before the key; in a branch the first node's key counts as before everything. */
		u32 low = leaf ? 0 : 1, high = key ? (u32)n : low;
		while (low < high) {
			u32 mid = low + (high - low) / 2;
			struct str k;
			if (!node_at(t, page, mid, &k))
				return -1;
			int c = str_cmp(k, *key);
			if (c < 0 || (c == 0 && !leaf))
				low = mid + 1;
			else
				high = mid;
		}
		u32 i = leaf ? low : low - 1;
		at->level[at->depth].page = page;
		at->level[at->depth].n = (u32)n;
		at->level[at->depth++].i = i;
		if (leaf)
			return 1;
		if (!child_of(t, page, i, &page))
			return -1;
	}
}

/* From behind the last node of a leaf to the next leaf. */
static int settle(struct tree_at *at)
{
	u32 d = at->depth - 1;
	if (at->level[d].i < at->level[d].n)
		return here(at);
	while (at->depth > 1) {
		d = --at->depth - 1;
		if (++at->level[d].i < at->level[d].n) {
			u64 page;
			if (!child_of(at->t, at->level[d].page, at->level[d].i, &page))
				return -1;
			return descend(at, page, NULL) < 0 ? -1 : here(at);
		}
	}
	return 0;
}

int tree_seek(const struct tree *t, struct str key, struct tree_at *ret)
{
	*ret = (struct tree_at){ .t = t };
	if (t->root == NO_PAGE)
		return 0;
	int r = descend(ret, t->root, &key);
	r = r < 0 ? -1 : settle(ret);
	return r > 0 && str_cmp(ret->key, key) < 0 ? -1 : r;
}

int tree_next(struct tree_at *at)
{
	struct str before = at->key;
	at->level[at->depth - 1].i++;
	int r = settle(at);
	return r > 0 && str_cmp(at->key, before) <= 0 ? -1 : r;
}

int tree_get(const struct tree *t, struct str key, struct str *value)
{
	struct tree_at at;
	int r = tree_seek(t, key, &at);
	if (r <= 0 || !str_eq(at.key, key))
		return r < 0 ? -1 : 0;
	*value = at.value;
	return 1;
}
