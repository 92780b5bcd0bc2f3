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

/* The blob that a slot points to; *budget is what is left of the file's bytes. */
static void blob(struct str db, u32 package, u64 block, u64 blocks, u64 *budget, struct note_writer *w)
{
	u64 at = block * BLOCK, size = blocks * BLOCK;
	if (size < HEAD + TAIL || at > db.n || size > db.n - at || size > *budget) {
		note_damage(w, "package %u lies outside of the file", package);
		return;
	}
	*budget -= size;
	const char *p = db.p + at, *tail = p + size - TAIL;
	u64 n = rpm_le32(p + 12);
	if (memcmp(p, "BlbS", 4) != 0 || rpm_le32(p + 4) != package || n > size - HEAD - TAIL || memcmp(tail + 8, "BlbE", 4) != 0 || rpm_le32(tail + 4) != n) {
		note_damage(w, "package %u is not where its slot says", package);
		return;
	}
	if (adler32(str_n(p, (size_t)(tail - p))) != rpm_le32(tail))
		note_damage(w, "package %u: checksum does not match", package);
	rpm_blob(str_n(p + HEAD, (size_t)n), package, w);
}

void rpm_ndb(struct str db, struct note_writer *w)
{
	u64 slots_end = db.n >= 32 ? (u64)rpm_le32(db.p + 12) * PAGE : 0, budget = db.n;
	if (db.n < 32 || rpm_le32(db.p + 4) != 0 || slots_end == 0) {
		note_damage(w, "NDB: a header that is not known");
		return;
	}
	if (slots_end > db.n) {
		note_damage(w, "NDB: %llu bytes of slots in a file of %zu: cut off", (unsigned long long)slots_end, db.n);
		slots_end = db.n;
	}
	for (u64 at = 2 * SLOT; at + SLOT <= slots_end; at += SLOT) {
		const char *s = db.p + at;
		if (memcmp(s, "Slot", 4) != 0) {
			note_damage(w, "NDB: no slot at %llu", (unsigned long long)at);
			return;
		}
		if (rpm_le32(s + 4))
			blob(db, rpm_le32(s + 4), rpm_le32(s + 8), rpm_le32(s + 12), &budget, w);
	}
}
