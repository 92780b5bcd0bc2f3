/* rpm_ndb.c — Packages.db (rpm's lib/backend/ndb/rpmpkg.c), all numbers little-endian:
 *
 *      0    "RpmP" | u32 version 0 | generation | pages of slots (4096 bytes each, this header's 32 included) | next package
 *      32   slots: "Slot" | u32 package, 0 for a free one | block | blocks        (blocks of 16 bytes)
 *      …    blobs: "BlbS" | u32 package | generation | length | header, padded | u32 Adler-32 | length | "BlbE"
 */
#include "package/rpm.h"

#define PAGE 4096u
#define SLOT 16u
#define BLOCK 16u
#define HEAD 16u /* of a blob */
#define TAIL 12u

static u32 adler32(struct str s)
{
	const u8 *p = (const u8 *)s.p;
	u32 a = 1, b = 0;
	for (size_t n = s.n; n;) {
		size_t run = MIN(n, (size_t)5552); /* as many as can't overflow */
		n -= run;
		while (run--) {
			a += *p++;
			b += a;
		}
		a %= 65521;
		b %= 65521;
	}
	return b << 16 | a;
}

/* The blob that a slot points to, with head and tail; p NULL: damaged. *budget is what is left of the file's bytes. */
static struct str whole_blob(struct str db, const char *slot, u64 *budget, struct note_writer *w)
{
	u32 package = rpm_le32(slot + 4);
	u64 at = (u64)rpm_le32(slot + 8) * BLOCK, size = (u64)rpm_le32(slot + 12) * BLOCK;
	if (size < HEAD + TAIL || at > db.n || size > db.n - at || size > *budget) {
		note_damage(w, "package %u lies outside of the file", package);
		return (struct str){ NULL, 0 };
	}
	*budget -= size;
	const char *p = db.p + at, *tail = p + size - TAIL;
	u64 n = rpm_le32(p + 12);
	if (memcmp(p, "BlbS", 4) != 0 || rpm_le32(p + 4) != package || n > size - HEAD - TAIL || memcmp(tail + 8, "BlbE", 4) != 0 || rpm_le32(tail + 4) != n) {
		note_damage(w, "package %u is not where its slot says", package);
		return (struct str){ NULL, 0 };
	}
	if (adler32(str_n(p, (size_t)(tail - p))) != rpm_le32(tail))
		note_damage(w, "package %u: checksum does not match", package);
	return str_n(p, (size_t)size);
}

static struct str header_of(struct str blob) { return str_n(blob.p + HEAD, rpm_le32(blob.p + 12)); }

/* Where the slots end; 0: it is no database that we know. */
static u64 slots_of(struct str db, struct note_writer *w)
{
	u64 end = db.n >= 32 ? (u64)rpm_le32(db.p + 12) * PAGE : 0;
	if (db.n < 32 || rpm_le32(db.p + 4) != 0 || end == 0) {
		note_damage(w, "NDB: a header that is not known");
		return 0;
	}
	if (end > db.n) {
		note_damage(w, "NDB: %llu bytes of slots in a file of %zu: cut off", (unsigned long long)end, db.n);
		end = db.n;
	}
	return end;
}

/* Calls one() for every blob, in the order of slots. */
static void blobs(struct str db, void (*one)(void *ctx, u32 package, struct str blob), void *ctx, struct note_writer *w)
{
	u64 end = slots_of(db, w), budget = db.n;
	for (u64 at = 2 * SLOT; at + SLOT <= end; at += SLOT) {
		const char *s = db.p + at;
		if (memcmp(s, "Slot", 4) != 0) {
			note_damage(w, "NDB: no slot at %llu", (unsigned long long)at);
			return;
		}
		struct str blob = rpm_le32(s + 4) ? whole_blob(db, s, &budget, w) : (struct str){ NULL, 0 };
		if (blob.p)
			one(ctx, rpm_le32(s + 4), blob);
	}
}

static void tell(void *ctx, u32 package, struct str blob) { rpm_blob(header_of(blob), package, ctx); }

void rpm_ndb(struct str db, struct note_writer *w) { blobs(db, tell, w, w); }

/* --- with fewer packages --- */
struct rewriter {
	rpm_left *left;
	void *ctx;
	struct str *v; /* blobs that are left */
	u32 n, cap;
};

static void keep(void *ctx, u32 package, struct str blob)
{
	struct rewriter *w = ctx;
	(void)package;
	if (rpm_header_left(header_of(blob), w->left, w->ctx))
		VEC_PUSH(w->v, w->n, w->cap, blob);
}

static void put_le32(struct buf *out, u64 v)
{
	for (u32 i = 0; i < 4; i++)
		buf_putc(out, (char)(u8)(v >> 8 * i));
}

/* Header, a slot a package, free slots up to the end of the page, blobs. */
static void put_file(struct str old, const struct rewriter *w, struct buf *out)
{
	u64 pages = ((u64)w->n + 2) * SLOT / PAGE + (((u64)w->n + 2) * SLOT % PAGE != 0), at = pages * PAGE;
	buf_add(out, str_head(old, 8));
	put_le32(out, (u64)rpm_le32(old.p + 8) + 1);
	put_le32(out, pages);
	buf_add(out, str_n(old.p + 16, 2 * SLOT - 16));
	for (u64 i = 2; i < pages * (PAGE / SLOT); i++) {
		const struct str *blob = i - 2 < w->n ? &w->v[i - 2] : NULL;
		buf_puts(out, "Slot");
		put_le32(out, blob ? rpm_le32(blob->p + 4) : 0);
		put_le32(out, blob ? at / BLOCK : 0);
		put_le32(out, blob ? blob->n / BLOCK : 0);
		at += blob ? blob->n : 0;
	}
	for (u32 i = 0; i < w->n; i++)
		buf_add(out, w->v[i]);
}

int rpm_ndb_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err)
{
	struct buf note = BUF(NOTE_MAX);
	struct note_writer nw;
	struct rewriter w = { .left = left, .ctx = ctx };
	note_begin(&nw, &note);
	blobs(file, keep, &w, &nw);
	int r = nw.damages ? error_set(err, ERR_INPUT, "NDB: damaged") : 0;
	if (r == 0)
		put_file(file, &w, out);
	r = note_end(&nw, err) < 0 ? -1 : r;
	free(w.v);
	buf_free(&note);
	return r;
}
