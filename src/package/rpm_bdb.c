/* rpm_bdb.c — Packages, a Berkeley DB hash (dbinc/db_page.h), in the byte order of the machine that wrote it.
 *
 *      page 0     u32 at 12 magic 0x061561, at 16 version, at 20 page size; u8 at 24 encryption, 25 page type 8, 26 flags; u32 at 32 last page
 *      any page   u32 at 8 its number, at 16 the next of a chain; u16 at 20 items, at 22 length (overflow); u8 at 25 type; 26 on: data
 *      hash page  u16 offsets of the items from 26 on, which lie one before the other from the end of the page: key, value, key, value …
 *      item       u8 1 and the bytes, or u8 3 (at 4: u32 first overflow page, at 8: u32 length)
 *
 * Keys are the packages' numbers; 0 keeps the next free one. All pages are looked at in order rather than by bucket: a damaged
 * directory then costs nothing. Pages that were never used, or were freed, are of type 0. */
#include "base/buf.h"
#include "package/rpm.h"

#define HASH_MAGIC 0x061561u
#define PAGE_HEADER 26u
enum { PAGE_FREE = 0, PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_HASH_META = 8, PAGE_HASH = 13 };
enum { ITEM_DATA = 1, ITEM_DUPLICATE = 2, ITEM_OFFPAGE = 3, ITEM_OFFDUP = 4 };

struct bdb {
	struct str db;
	u32 page_size, pages;
	bool swapped; /* big-endian */
	u8 *used;     /* overflow pages that a value has had */
	struct buf value;
	struct note_writer *w;
};

static u32 get32(const struct bdb *b, const char *p) { return b->swapped ? rpm_be32(p) : rpm_le32(p); }
static u32 get16(const struct bdb *b, const char *p)
{
	const u8 *q = (const u8 *)p;
	return b->swapped ? (u32)q[0] << 8 | q[1] : (u32)q[1] << 8 | q[0];
}

bool rpm_is_bdb(struct str db) { return db.n >= 26 && (rpm_le32(db.p + 12) == HASH_MAGIC || rpm_be32(db.p + 12) == HASH_MAGIC); }

/* A value of `length` bytes on the chain of overflow pages that begins at `page`, into b->value. */
static bool chain(struct bdb *b, u32 page, u32 length)
{
	buf_clear(&b->value);
	while (page) {
		if (page >= b->pages || b->used[page])
			return false;
		b->used[page] = 1;
		const char *p = b->db.p + (size_t)page * b->page_size;
		u32 n = get16(b, p + 22);
		if (p[25] != PAGE_OVERFLOW || get32(b, p + 8) != page || n > b->page_size - PAGE_HEADER || n > length - b->value.n)
			return false;
		buf_add(&b->value, str_n(p + PAGE_HEADER, n));
		page = get32(b, p + 16);
	}
	return b->value.n == length;
}

/* Item i of a hash page; its end is where the item before it begins. */
static bool item(const struct bdb *b, const char *page, u32 i, struct str *ret)
{
	u32 begin = get16(b, page + PAGE_HEADER + (size_t)2 * i);
	u32 end = i ? get16(b, page + PAGE_HEADER + (size_t)2 * (i - 1)) : b->page_size;
	if (begin < PAGE_HEADER || begin >= end || end > b->page_size)
		return false;
	*ret = str_n(page + begin, end - begin);
	return true;
}

static void pair(struct bdb *b, u32 number, struct str key, struct str value)
{
	/* u32 package; 0 in either byte order */
	if (key.p[0] != ITEM_DATA || key.n != 5) {
		note_damage(b->w, "page %u: a key that is no package number", number);
		return;
	}
	u32 package = get32(b, key.p + 1);
	if (package == 0)
		return;
	if (value.p[0] == ITEM_DATA) {
		rpm_blob(str_from(value, 1), package, b->w);
	} else if (value.p[0] == ITEM_OFFPAGE && value.n >= 12) {
		if (chain(b, get32(b, value.p + 4), get32(b, value.p + 8)))
			rpm_blob(buf_str(&b->value), package, b->w);
		else
			note_damage(b->w, "package %u: its overflow pages are damaged", package);
	} else {
		note_damage(b->w, "page %u: a value of unknown kind %d", number, value.p[0]);
	}
}

static void hash_page(struct bdb *b, u32 number, const char *page)
{
	u32 n = get16(b, page + 20);
	if (n % 2 || PAGE_HEADER + 2 * n > b->page_size || get32(b, page + 8) != number) {
		note_damage(b->w, "page %u: %u items on a page that says it is %u", number, n, get32(b, page + 8));
		return;
	}
	for (u32 i = 0; i < n; i += 2) {
		struct str key, value;
		if (item(b, page, i, &key) && item(b, page, i + 1, &value))
			pair(b, number, key, value);
		else
			note_damage(b->w, "page %u: item %u lies outside of it", number, i);
	}
}

static bool open(struct bdb *b)
{
	const char *m = b->db.p;
	b->swapped = rpm_be32(m + 12) == HASH_MAGIC;
	b->page_size = get32(b, m + 20);
	u64 last = b->db.n >= 36 ? get32(b, m + 32) : 0;
	if (b->page_size < 512 || b->page_size > 65536 || (b->page_size & (b->page_size - 1)) || m[25] != PAGE_HASH_META) {
		note_damage(b->w, "Berkeley DB: a header that is not known");
		return false;
	}
	if (m[24] || (m[26] & 1)) {
		note_damage(b->w, "Berkeley DB: encryption and page checksums are not supported: write it anew with rpm --rebuilddb");
		return false;
	}
	if ((last + 1) * b->page_size > b->db.n)
		note_damage(b->w, "Berkeley DB: %llu pages of %u bytes in a file of %zu: cut off", (unsigned long long)last + 1, b->page_size, b->db.n);
	b->pages = (u32)MIN(b->db.n / b->page_size, last + 1);
	return true;
}

void rpm_bdb(struct str db, struct note_writer *w)
{
	struct bdb b = { .db = db, .w = w };
	if (!open(&b))
		return;
	b.used = xcalloc(b.pages, 1);
	for (u32 i = 1; i < b.pages; i++) {
		const char *page = db.p + (size_t)i * b.page_size;
		switch (page[25]) {
		case PAGE_HASH:
		case PAGE_HASH_UNSORTED:
			hash_page(&b, i, page);
			break;
		case PAGE_FREE:
		case PAGE_OVERFLOW:
			break;
		default:
			note_damage(w, "page %u is of unknown type %d", i, page[25]);
		}
	}
	free(b.used);
	buf_free(&b.value);
}
