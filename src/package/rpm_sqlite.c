/* rpm_sqlite.c — rpmdb.sqlite: read by SQLite itself out of memory, with everything off that a hostile schema could use.
 *
 * rpm writes in WAL mode: the newest pages may stand in rpmdb.sqlite-wal. A collector sees one file at a time, so both leave hashes of
 * their pages, and the reader says so when the database lacks some that the log has (after a crash; normally the log is empty). */
#include "base/hash.h"
#include "base/sqlite.h"
#include "package/rpm.h"

#define STEPS 100000    /* of SQLite's machine between two looks at how much it has done */
#define ROUNDS_A_MIB 20 /* of STEPS that a MiB of database may take: ten times what the smallest rows would */
#define ROW_MIN 24      /* bytes: a header of one entry */

static int only_packages(void *ctx, int action, const char *table, const char *column, const char *db, const char *trigger)
{
	(void)ctx, (void)column, (void)db;
	if (action == SQLITE_SELECT)
		return SQLITE_OK;
	return action == SQLITE_READ && !trigger && table && (!strcmp(table, "Packages") || !strcmp(table, "sqlite_master")) ? SQLITE_OK : SQLITE_DENY;
}

static int tired(void *ctx)
{
	u64 *rounds = ctx;
	return *rounds == 0 || --*rounds == 0;
}

static void complain(sqlite3 *db, struct note_writer *w) { note_damage(w, "SQLite: %s", sqlite()->errmsg(db)); }

/* Virtual tables and views would run code of the database's choosing. */
static bool is_table(sqlite3 *db, int *status)
{
	sqlite3_stmt *s = NULL;
	bool yes = false;
	*status = sqlite()->prepare_v2(db, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'Packages'", -1, &s, NULL);
	if (*status == SQLITE_OK && (*status = sqlite()->step(s)) == SQLITE_ROW) {
		const char *sql = (const char *)sqlite()->column_text(s, 0);
		yes = sql && str_starts(str_of(sql), STR("CREATE TABLE"));
	}
	sqlite()->finalize(s);
	return yes;
}

/* A row takes as many bytes of the file as its blob, and never less than the smallest header: computed columns and trees that
 * lead to the same page twice are caught by that. */
static void rows(sqlite3 *db, u64 budget, struct note_writer *w)
{
	sqlite3_stmt *s = NULL;
	int r;
	if (sqlite()->prepare_v2(db, "SELECT hnum, blob FROM Packages", -1, &s, NULL) != SQLITE_OK) {
		complain(db, w);
		return;
	}
	while ((r = sqlite()->step(s)) == SQLITE_ROW) {
		const void *blob = sqlite()->column_blob(s, 1);
		int n = sqlite()->column_bytes(s, 1);
		if (!blob || n < 0 || (u64)MAX(n, ROW_MIN) > budget) {
			note_damage(w, "SQLite: row %lld is empty, or more than the file holds", (long long)sqlite()->column_int64(s, 0));
			break;
		}
		budget -= (u64)MAX(n, ROW_MIN);
		rpm_blob(str_n(blob, (size_t)n), (u32)sqlite()->column_int64(s, 0), w);
	}
	if (r == SQLITE_INTERRUPT)
		note_damage(w, "SQLite: takes more work than a database of its size can");
	else if (r != SQLITE_DONE && r != SQLITE_ROW)
		complain(db, w);
	sqlite()->finalize(s);
}

static u32 page_size(struct str file)
{
	u32 size = (u32)(u8)file.p[16] << 8 | (u8)file.p[17];
	return size == 1 ? 65536 : size;
}

/* Pages that no row of ours needs may be missing unnoticed; the header tells how many there are (when its counters at 24 and 92 agree). */
static void check_length(struct str file, struct note_writer *w)
{
	u64 pages = rpm_be32(file.p + 28), size = page_size(file);
	if (memcmp(file.p + 24, file.p + 92, 4) == 0 && pages * size > file.n)
		note_damage(w, "SQLite: %llu pages of %llu bytes in a file of %zu: cut off", (unsigned long long)pages, (unsigned long long)size, file.n);
}

static void put_pages(struct str file, struct note_writer *w)
{
	u32 size = page_size(file);
	if (size < 512)
		return;
	struct buf b = BUF(0);
	buf_add(&b, str_n(&size, sizeof size));
	for (size_t at = 0; at + size <= file.n; at += size) {
		u64 h = hash64(str_n(file.p + at, size), 0);
		buf_add(&b, str_n(&h, sizeof h));
	}
	note_put(w, RPM_PAGES, buf_str(&b));
	buf_free(&b);
}

void rpm_sqlite(struct str file, struct note_writer *w)
{
	sqlite3 *db = NULL;
	u64 rounds = (file.n / MiB + 1) * ROUNDS_A_MIB;
	if (file.n < 512) {
		note_damage(w, "SQLite: %zu bytes are no database", file.n);
		return;
	}
	check_length(file, w);
	/* A copy, for one thing has to be changed: memory has no log, so SQLite refuses WAL mode there (file format versions at 18 and 19). */
	autofree u8 *copy = xmalloc(file.n);
	memcpy(copy, file.p, file.n);
	bool wal = copy[18] == 2;
	copy[18] = copy[19] = 1;
	if (sqlite()->open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		note_damage(w, "SQLite: can't be started");
		sqlite()->close(db);
		return;
	}
	sqlite()->db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite()->db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite()->db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite()->db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite()->limit(db, SQLITE_LIMIT_LENGTH, (int)MIN(file.n + 1024, (u64)INT32_MAX));
	sqlite()->limit(db, SQLITE_LIMIT_SQL_LENGTH, 65536);
	sqlite()->progress_handler(db, STEPS, tired, &rounds);
	if (sqlite()->deserialize(db, "main", copy, (sqlite3_int64)file.n, (sqlite3_int64)file.n, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
		complain(db, w);
	} else {
		/* Before the authorizer: a pragma of ours, checks cells as pages are loaded. */
		sqlite()->exec(db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
		sqlite()->set_authorizer(db, only_packages, NULL);
		int status;
		if (is_table(db, &status))
			rows(db, file.n, w);
		else if (status != SQLITE_ROW && status != SQLITE_DONE)
			complain(db, w);
		else
			note_damage(w, "SQLite: has no table Packages");
		if (wal)
			put_pages(file, w);
	}
	sqlite()->close(db);
}

/* --- the write-ahead log: fileformat2.html, 4 --- */

struct frame {
	u32 page;
	u32 index; /* in the log */
	u64 hash;
};

static int by_page(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;
	if (x->page != y->page)
		return x->page < y->page ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Sums words two by two; the log's magic tells their byte order. */
static void checksum(bool big, struct str s, u32 sum[2])
{
	for (size_t i = 0; i + 8 <= s.n; i += 8) {
		sum[0] += (big ? rpm_be32(s.p + i) : rpm_le32(s.p + i)) + sum[1];
		sum[1] += (big ? rpm_be32(s.p + i + 4) : rpm_le32(s.p + i + 4)) + sum[0];
	}
}

/* The last of each page up to the last commit. */
static void put_frames(struct frame *v, u32 n, u32 size, u32 pages, struct note_writer *w)
{
	struct buf b = BUF(0);
	if (n)
		qsort(v, n, sizeof *v, by_page);
	buf_add(&b, str_n(&size, sizeof size));
	for (u32 i = 0; i < n; i++) {
		if ((i + 1 < n && v[i + 1].page == v[i].page) || v[i].page > pages)
			continue;
		buf_add(&b, str_n(&v[i].page, sizeof v[i].page));
		buf_add(&b, str_n(&v[i].hash, sizeof v[i].hash));
	}
	if (n)
		note_put(w, RPM_FRAMES, buf_str(&b));
	buf_free(&b);
}

void rpm_sqlite_log(struct str log, struct note_writer *w)
{
	u32 sum[2] = { 0 }, n = 0, cap = 0, committed = 0, pages = 0;
	struct frame *v = NULL;
	if (log.n == 0)
		return;
	u32 magic = log.n >= 32 ? rpm_be32(log.p) : 0, size = log.n >= 32 ? rpm_be32(log.p + 8) : 0;
	if ((magic | 1) != 0x377f0683 || size < 512 || size > 65536 || (size & (size - 1))) {
		note_damage(w, "SQLite: a log whose header is not known");
		return;
	}
	bool big = magic & 1;
	checksum(big, str_head(log, 24), sum);
	if (sum[0] != rpm_be32(log.p + 24) || sum[1] != rpm_be32(log.p + 28))
		return; /* as SQLite does: never begun */
	for (size_t at = 32; at + 24 + size <= log.n; at += 24 + size) {
		const char *f = log.p + at;
		checksum(big, str_n(f, 8), sum);
		checksum(big, str_n(f + 24, size), sum);
		if (memcmp(f + 8, log.p + 16, 8) != 0 || sum[0] != rpm_be32(f + 16) || sum[1] != rpm_be32(f + 20) || rpm_be32(f) == 0)
			break; /* left from an earlier round of the log, or never finished */
		struct frame x = { rpm_be32(f), n, hash64(str_n(f + 24, size), 0) };
		VEC_PUSH(v, n, cap, x);
		if (rpm_be32(f + 4)) {
			committed = n;
			pages = rpm_be32(f + 4);
		}
	}
	put_frames(v, committed, size, pages, w);
	free(v);
}

bool rpm_sqlite_whole(struct str pages, struct str frames)
{
	if (frames.n <= 4)
		return true;
	if (pages.n < 4 || memcmp(pages.p, frames.p, 4) != 0)
		return false;
	pages = str_from(pages, 4);
	for (struct str f = str_from(frames, 4); f.n >= 12; f = str_from(f, 12)) {
		u32 page;
		memcpy(&page, f.p, 4);
		if (page == 0 || page > pages.n / 8 || memcmp(pages.p + (size_t)(page - 1) * 8, f.p + 4, 8) != 0)
			return false;
	}
	return true;
}
