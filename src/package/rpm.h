/* rpm.h — inside of the rpm ecosystem: three containers of header blobs, one parser of headers, all writing one note.
 *
 *      SQLite   rpmdb.sqlite   table Packages(hnum, blob)      rpm_sqlite.c
 *      NDB      Packages.db    slots and blobs, SUSE           rpm_ndb.c
 *      BDB      Packages       a Berkeley DB hash, to 2020     rpm_bdb.c
 *
 * Which one a file is, its first bytes tell. Damage is noted (note.h) and what is whole is kept. The bytes are read once from front to
 * back of whatever index there is; no blob, page or byte of the file is used twice, so the work is bounded by the file's size. */
#ifndef PARE_PACKAGE_RPM_H
#define PARE_PACKAGE_RPM_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "package/note.h"
#include "package/rpm_rewrite.h"

#define RPM_DATABASE_MAX (256 * MiB) /* a larger database is a problem, "over the budget" */
#define RPM_ENTRIES_MAX 65536u       /* index entries of one header, as in rpm */
#define RPM_DIRS_MAX (1u << 20)      /* directories of one package */

/* SQLite's own tags in the note. PAGES: u32 page size, u64 hash of each page in order. FRAMES: u32 page size, then u32 page and
 * u64 hash of each page that the write-ahead log ends with; both in this machine's byte order (notes don't leave it). */
enum { RPM_PAGES = NOTE_PRIVATE, RPM_FRAMES };

/* One package out of its header (without the 8 bytes of magic, as databases hold them); gpg-pubkey pseudo packages are left out. -1: so
 * damaged that there is no package; damage in its list of files is noted and the package stays. */
int rpm_header(struct str blob, struct note_writer *w, struct error *err) must_check;
/* The same for entry `number` of a database: damage goes into the note. */
void rpm_blob(struct str blob, u32 number, struct note_writer *w);

void rpm_sqlite(struct str db, struct note_writer *w);
void rpm_sqlite_log(struct str log, struct note_writer *w); /* rpmdb.sqlite-wal */
/* Whether the log's pages (FRAMES) are all in the database (PAGES). */
bool rpm_sqlite_whole(struct str pages, struct str frames) must_check;
void rpm_ndb(struct str db, struct note_writer *w);
bool rpm_is_bdb(struct str db) must_check;
void rpm_bdb(struct str db, struct note_writer *w);

/* For rpm_rewrite.c. */
bool rpm_header_left(struct str blob, rpm_left *left, void *ctx);
int rpm_ndb_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err) must_check;
int rpm_bdb_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err) must_check;

static inline u32 rpm_be32(const char *p)
{
	const u8 *b = (const u8 *)p;
	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}
static inline u32 rpm_le32(const char *p)
{
	const u8 *b = (const u8 *)p;
	return (u32)b[3] << 24 | (u32)b[2] << 16 | (u32)b[1] << 8 | b[0];
}
#endif
