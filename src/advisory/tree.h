/* tree.h — one sorted map of bytes to bytes in one file, in LMDB's format (data version 1), whose main tree it is.
 *
 *      page 0, 1   meta     page size, root, last page; page 1 counts
 *      branch      [ptr ptr …   … node node]    node: child's page, its first key (the first node's is empty)
 *      leaf        [ptr ptr …   … node node]    node: key, value; or the page where a large value stands
 *      overflow    [header | value …]
 *
 * The LMDB of a 64-bit little-endian machine can open what is written here. liblmdb is not asked for two reasons. It trusts the pages that it maps: a number in a file from elsewhere leads it out of the map.
 * Here every page number, offset and length is checked where it is used, so that no file does more than end in "damaged". And it writes by copying pages: a map that is loaded in
 * the order of its keys can be written front to back instead, every page full, with a few pages of memory and the same bytes each time. */
#ifndef PARE_ADVISORY_TREE_H
#define PARE_ADVISORY_TREE_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define TREE_KEY_MAX ((size_t)511)
#define TREE_VALUE_MAX ((size_t)(1 * GiB))
#define TREE_DEPTH 16u /* levels; 7 keys a page at the least */

/* --- reading: a view of the whole file, which stays where it is while the tree is used --- */
struct tree {
	const char *p;
	size_t n;
	size_t page_size;
	u64 pages, root; /* root UINT64_MAX: empty */
	u64 entries;
};
/* ERR_INPUT: not an LMDB file of a little-endian machine, or cut off. The bytes behind the meta pages are not looked at. */
int tree_view(struct str file, struct tree *ret, struct error *err) must_check;

struct tree_at { /* a position; no memory of its own */
	const struct tree *t;
	u32 depth;
	struct {
		u64 page;
		u32 i, n;
	} level[TREE_DEPTH];
	struct str key, value;
};
/* The first entry whose key is not before `key`: 1, 0 none, -1 damaged. */
int tree_seek(const struct tree *t, struct str key, struct tree_at *ret) must_check;
int tree_next(struct tree_at *at) must_check; /* as tree_seek; keys always ascend, so it ends */
int tree_get(const struct tree *t, struct str key, struct str *value) must_check;

/* --- writing --- */
struct tree_writer;
struct tree_writer *tree_writer_new(int fd); /* at the start of an empty file */
/* Keys must ascend strictly, 1 to TREE_KEY_MAX bytes. */
int tree_add(struct tree_writer *w, struct str key, struct str value, struct error *err) must_check;
int tree_finish(struct tree_writer *w, struct error *err) must_check;
void tree_writer_free(struct tree_writer *w);
#endif
