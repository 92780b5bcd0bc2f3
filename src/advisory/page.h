/* page.h — inside of the tree: LMDB's pages in numbers. */
#ifndef PARE_ADVISORY_PAGE_H
#define PARE_ADVISORY_PAGE_H
#include "base/common.h"

#define PAGE_HEAD 16u /* u64 number, u16 unused, u16 flags, u16 lower, u16 upper; or u32 pages of an overflow */
#define NODE_HEAD 8u  /* u16 low, u16 high, u16 flags, u16 size of the key; then key and value */
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1 };
#define META_MAGIC 0xbeefc0deu
#define META_VERSION 1u
/* Within a meta page, behind the header: magic, version, u64 address, u64 map size, two trees (free pages, main), u64 last page, u64 transaction. */
enum { META_AT_MAGIC = 16, META_AT_VERSION = 20, META_AT_MAP = 32, META_AT_FREE = 40, META_AT_MAIN = 88, META_AT_LAST = 136, META_AT_TXN = 144, META_END = 152 };
/* Of a tree: u32 page size (of the free tree), u16 flags, u16 depth, u64 branches, leaves, overflows, entries, root. */
enum { TREE_AT_FLAGS = 4, TREE_AT_DEPTH = 6, TREE_AT_BRANCHES = 8, TREE_AT_LEAVES = 16, TREE_AT_OVERFLOWS = 24, TREE_AT_ENTRIES = 32, TREE_AT_ROOT = 40 };
#define NO_PAGE UINT64_MAX

/* Least significant byte first, on every machine. */
static inline u64 get_bytes(const char *p, u32 n)
{
	u64 v = 0;
	while (n--)
		v = v << 8 | (u8)p[n];
	return v;
}
static inline void put_bytes(char *p, u64 v, u32 n)
{
	for (u32 i = 0; i < n; i++, v >>= 8)
		p[i] = (char)(v & 0xff);
}
static inline u16 get16(const char *p) { return (u16)get_bytes(p, 2); }
static inline u32 get32(const char *p) { return (u32)get_bytes(p, 4); }
static inline u64 get64(const char *p) { return get_bytes(p, 8); }
static inline void put16(char *p, u64 v) { put_bytes(p, v, 2); }
static inline void put32(char *p, u64 v) { put_bytes(p, v, 4); }
static inline void put64(char *p, u64 v) { put_bytes(p, v, 8); }
#endif
