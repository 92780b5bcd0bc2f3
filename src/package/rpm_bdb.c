/* rpm_bdb.c — Packages, a Berkeley DB hash (dbinc/db_page.h), in the byte order of the machine that wrote it.
 *
 *      page 0     u32 at 12 magic 0x061561, at 16 version, at 20 page size; u8 at 24 encryption, 25 page type 8, 26 flags; u32 at 32 last page
 *      any page   u32 at 8 its number, at 16 the next of a chain; u16 at 20 items, at 22 length (overflow); u8 at 25 type; 26 on: data
 *      hash page  u16 offsets of the items from 26 on, which lie one before the other from the end of the page: key, value, key, value …
 *      item       u8 1 and the bytes, or u8 3 (at 4: u32 first overflow page, at 8: u32 length)
 *
 * Keys are the packages' numbers; 0 keeps the next free one. All pages are looked at in order rather than by bucket: a damaged
 * directory then costs nothing. Pages that were never used, or were freed, are of type 0; page 0 has at 28 the first of a list of them, and at 88 how many pairs there are. */
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

/* --- with fewer packages --- */
static void set(const struct bdb *b, char *p, u32 v, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		p[i] = (char)(u8)(v >> 8 * (b->swapped ? bytes - 1 - i : i));
}

/* The pages of a value's chain are free from now on. They were found good by chain(). */
static void free_chain(const struct bdb *b, u32 page, struct buf *out)
{
	while (page) {
		u32 next = get32(b, b->db.p + (size_t)page * b->page_size + 16);
		char *p = out->p + (size_t)page * b->page_size;
		memset(p + 8, 0, b->page_size - 8);
		set(b, p + 8, page, 4);
		set(b, p + 16, get32(b, out->p + 28), 4);
		set(b, p + 22, b->page_size & 0xffff, 2);
		set(b, out->p + 28, page, 4);
		page = next;
	}
}

/* Whether the pair stays. What is no package (the number of the next one) does. */
static bool pair_left(struct bdb *b, struct str key, struct str value, rpm_left *left, void *ctx, struct buf *out)
{
	if (key.p[0] != ITEM_DATA || key.n != 5) {
		note_damage(b->w, "a key that is no package number");
		return true;
	}
	if (get32(b, key.p + 1) == 0)
		return true;
	if (value.p[0] == ITEM_DATA)
		return rpm_header_left(str_from(value, 1), left, ctx);
	if (value.p[0] != ITEM_OFFPAGE || value.n < 12 || !chain(b, get32(b, value.p + 4), get32(b, value.p + 8))) {
		note_damage(b->w, "a value that is damaged");
		return true;
	}
	if (rpm_header_left(buf_str(&b->value), left, ctx))
		return true;
	free_chain(b, get32(b, value.p + 4), out);
	return false;
}

/* The items of page `number` again, without pairs that went; how many those are. */
static u32 rewrite_page(struct bdb *b, u32 number, rpm_left *left, void *ctx, struct buf *out)
{
	const char *page = b->db.p + (size_t)number * b->page_size;
	u32 n = get16(b, page + 20), kept = 0, low = b->page_size, gone = 0;
	if (n % 2 || PAGE_HEADER + 2 * n > b->page_size || get32(b, page + 8) != number) {
		note_damage(b->w, "page %u", number);
		return 0;
	}
	autofree char *new = xcalloc(b->page_size, 1);
	memcpy(new, page, PAGE_HEADER);
	for (u32 i = 0; i < n; i += 2) {
		struct str pair[2];
		if (!item(b, page, i, &pair[0]) || !item(b, page, i + 1, &pair[1])) {
			note_damage(b->w, "page %u: item %u", number, i);
			return 0;
		}
		bool stays = pair_left(b, pair[0], pair[1], left, ctx, out);
		gone += !stays;
		for (u32 k = 0; k < 2 && stays; k++) {
			if (pair[k].n > low - PAGE_HEADER - 2 * n) { /* they would lie where the offsets do */
				note_damage(b->w, "page %u: item %u", number, i);
				return 0;
			}
			low -= (u32)pair[k].n;
			memcpy(new + low, pair[k].p, pair[k].n);
			set(b, new + PAGE_HEADER + (size_t)2 * kept++, low, 2);
		}
	}
	set(b, new + 20, kept, 2);
	set(b, new + 22, low & 0xffff, 2);
	if (gone)
		memcpy(out->p + (size_t)number * b->page_size, new, b->page_size);
	return gone;
}

int rpm_bdb_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err)
{
	struct buf note = BUF(NOTE_MAX);
	struct note_writer nw;
	struct bdb b = { .db = file, .w = &nw };
	u32 gone = 0;
	note_begin(&nw, &note);
	if (open(&b) && !nw.damages) {
		buf_add(out, file);
		b.used = xcalloc(b.pages, 1);
		for (u32 i = 1; i < b.pages && !nw.damages; i++) {
			char type = file.p[(size_t)i * b.page_size + 25];
			if (type == PAGE_HASH || type == PAGE_HASH_UNSORTED)
				gone += rewrite_page(&b, i, left, ctx, out);
			else if (type != PAGE_FREE && type != PAGE_OVERFLOW)
				note_damage(&nw, "page %u is of unknown type", i);
		}
		u32 pairs = get32(&b, file.p + 88);
		set(&b, out->p + 88, pairs - MIN(gone, pairs), 4);
	}
	int r = nw.damages ? error_set(err, ERR_INPUT, "Berkeley DB: damaged") : 0;
	r = note_end(&nw, err) < 0 ? -1 : r;
	free(b.used);
	buf_free(&b.value);
	buf_free(&note);
	return r;
}
