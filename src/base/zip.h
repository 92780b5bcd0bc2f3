/* zip.h — a zip (jar, war, egg …) that lies in memory: its entries one after the other, the content of those that matter, inside budgets that a
 * whole nest of archives shares. Nothing is extracted; sizes that the archive claims are believed only to refuse. */
#ifndef PARE_BASE_ZIP_H
#define PARE_BASE_ZIP_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define ZIP_ARCHIVES_MAX 8192u            /* in a file, itself counted */
#define ZIP_ENTRIES_MAX (1u << 20)        /* of a file, the archives in it included */
#define ZIP_BYTES_MAX ((u64)512 * MiB)    /* content taken out of a file, the archives in it included */
#define ZIP_NESTED_MAX ((u64)128 * MiB)   /* one archive in an archive */

struct zip_budget { /* of one file of the image: start with zeroes */
	u64 bytes;
	u32 entries, archives;
	bool over; /* one of them was met: nothing more can be read */
};

struct zip;
struct zip_entry {
	struct str name; /* good until the next entry */
	u64 size;        /* as claimed, UINT64_MAX when it isn't */
};

/* Whether the bytes are a zip, by their beginning or by the directory at their end (a script may stand in front of it). */
bool zip_is(struct str bytes);
int zip_open(struct str bytes, struct zip_budget *budget, struct zip **ret, struct error *err) must_check;
/* The next regular file: 1, 0 at the end, -1 damaged or over a budget. */
int zip_next(struct zip *z, struct zip_entry *e, struct error *err) must_check;
/* Its content, which `out` (cleared) or the archive itself holds, until the next entry. `cut`: what is longer than `limit` is cut there; otherwise
 * that is an error. -1: only this entry can't be read, others may. */
int zip_read(struct zip *z, const struct zip_entry *e, u64 limit, bool cut, struct buf *out, struct str *content, struct error *err) must_check;
void zip_close(struct zip *z);
#endif
