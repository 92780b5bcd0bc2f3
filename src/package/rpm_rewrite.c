#include "package/rpm_rewrite.h"
#include "base/sqlite.h"
#include "package/rpm.h"

#define STEPS 100000
#define ROUNDS_A_MIB 40

/* Those of rpm 4.16 and later, and which columns have an index; a table that is not there is not made. */
enum { BYTES, KEY, BOTH };
static const struct {
	const char *name;
	u8 indexed; /* BYTES: none, and the key is no text */
} tables[] = { { "Name", KEY }, { "Basenames", BOTH }, { "Group", KEY }, { "Requirename", BOTH }, { "Providename", BOTH }, { "Conflictname", BOTH }, { "Obsoletename", BOTH }, { "Triggername", BOTH }, { "Dirnames", BOTH },
	{ "Installtid", BYTES }, { "Sigmd5", BYTES }, { "Sha1header", KEY }, { "Filetriggername", BOTH }, { "Transfiletriggername", BOTH }, { "Recommendname", BOTH }, { "Suggestname", BOTH }, { "Supplementname", BOTH },
	{ "Enhancename", BOTH } };

struct rewriter {
	sqlite3 *from, *to;
	u64 rounds; /* of STEPS that reading may still take */
	u64 budget; /* rows and their bytes that a file of this size can have */
	struct error *err;
};

static int tired(void *ctx)
{
	u64 *rounds = ctx;
	return *rounds == 0 || --*rounds == 0;
}

static int only_reading(void *ctx, int action, const char *table, const char *column, const char *db, const char *trigger)
{
	(void)ctx, (void)column, (void)db;
	if (action == SQLITE_SELECT)
		return SQLITE_OK;
	bool known = table && (strcmp(table, "Packages") == 0 || strcmp(table, "sqlite_master") == 0);
	for (size_t i = 0; table && i < countof(tables); i++)
		known |= strcmp(table, tables[i].name) == 0;
	return action == SQLITE_READ && !trigger && known ? SQLITE_OK : SQLITE_DENY;
}

static int bad(struct rewriter *w, sqlite3 *db) { return error_set(w->err, ERR_INPUT, "SQLite: %s", sqlite()->errmsg(db)); }

static bool is_sqlite(struct str file) { return file.n >= 512 && memcmp(file.p, "SQLite format 3", 16) == 0; }

bool rpm_can_rewrite(struct str file) { return is_sqlite(file) || str_starts(file, STR("RpmP")) || rpm_is_bdb(file); }

/* `copy`, n bytes, as long as it is open. */
static int open_old(struct rewriter *w, u8 *copy, size_t n)
{
	copy[18] = copy[19] = 1; /* memory has no log */
	if (sqlite()->open_v2(":memory:", &w->from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return bad(w, w->from);
	sqlite()->db_config(w->from, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite()->db_config(w->from, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite()->db_config(w->from, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite()->db_config(w->from, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite()->limit(w->from, SQLITE_LIMIT_LENGTH, (int)MIN(n + 1024, (u64)INT32_MAX));
	sqlite()->limit(w->from, SQLITE_LIMIT_SQL_LENGTH, 65536);
	sqlite()->progress_handler(w->from, STEPS, tired, &w->rounds);
	if (sqlite()->deserialize(w->from, "main", copy, (sqlite3_int64)n, (sqlite3_int64)n, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		return bad(w, w->from);
	sqlite()->exec(w->from, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
	sqlite()->set_authorizer(w->from, only_reading, NULL);
	return 0;
}

static int make(struct rewriter *w, const char *sql) { return sqlite()->exec(w->to, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : bad(w, w->to); }

/* Views and virtual tables are none. */
static bool has_table(struct rewriter *w, const char *name)
{
	sqlite3_stmt *s = NULL;
	bool yes = false;
	if (sqlite()->prepare_v2(w->from, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1", -1, &s, NULL) == SQLITE_OK && sqlite()->bind_text(s, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite()->step(s) == SQLITE_ROW) {
		const char *sql = (const char *)sqlite()->column_text(s, 0);
		yes = sql && str_starts(str_of(sql), STR("CREATE TABLE"));
	}
	sqlite()->finalize(s);
	return yes;
}

static bool afford(struct rewriter *w, u64 bytes)
{
	if (bytes > w->budget)
		return false;
	w->budget -= bytes;
	return true;
}

bool rpm_header_left(struct str blob, rpm_left *left, void *ctx)
{
	struct buf note = BUF(NOTE_MAX);
	struct note_writer nw;
	struct error ignored = { 0 };
	struct str name = STR(""), version = STR(""), arch = STR(""), bytes;
	u8 tag;
	note_begin(&nw, &note);
	int r = rpm_header(blob, &nw, &ignored);
	r = note_end(&nw, &ignored) < 0 ? -1 : r;
	struct note_reader nr = { .rest = buf_str(&note) };
	while (r == 0 && note_next(&nr, &tag, &bytes)) {
		if (tag == NOTE_NAME)
			name = bytes;
		else if (tag == NOTE_VERSION)
			version = bytes;
		else if (tag == NOTE_ARCH)
			arch = bytes;
	}
	bool yes = r == 0 && name.n && left(ctx, name, version, arch);
	buf_free(&nr.path);
	buf_free(&note);
	return yes;
}

static int headers(struct rewriter *w, rpm_left *left, void *ctx)
{
	sqlite3_stmt *in = NULL, *out = NULL;
	int r = 0, got = SQLITE_DONE;
	if (!has_table(w, "Packages"))
		return error_set(w->err, ERR_INPUT, "SQLite: has no table Packages");
	if (make(w, "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)") < 0)
		return -1;
	if (sqlite()->prepare_v2(w->to, "INSERT INTO Packages VALUES (?1, ?2)", -1, &out, NULL) != SQLITE_OK)
		r = bad(w, w->to);
	else if (sqlite()->prepare_v2(w->from, "SELECT hnum, blob FROM Packages ORDER BY hnum", -1, &in, NULL) != SQLITE_OK)
		r = bad(w, w->from);
	while (r == 0 && (got = sqlite()->step(in)) == SQLITE_ROW) {
		const void *blob = sqlite()->column_blob(in, 1);
		int n = sqlite()->column_bytes(in, 1);
		if (!blob || n < 0 || !afford(w, (u64)n + 8))
			r = error_set(w->err, ERR_INPUT, "SQLite: a row is empty, or more than the file holds");
		else if (rpm_header_left(str_n(blob, (size_t)n), left, ctx) &&
			 (sqlite()->bind_int64(out, 1, sqlite()->column_int64(in, 0)) != SQLITE_OK || sqlite()->bind_blob(out, 2, blob, n, SQLITE_STATIC) != SQLITE_OK || sqlite()->step(out) != SQLITE_DONE ||
			  sqlite()->reset(out) != SQLITE_OK))
			r = bad(w, w->to);
	}
	if (r == 0 && got != SQLITE_DONE)
		r = bad(w, w->from);
	sqlite()->finalize(in);
	sqlite()->finalize(out);
	return r;
}

/* Rows (key, hnum, idx) of what is left. */
static int index_rows(struct rewriter *w, const char *table, u8 indexed)
{
	sqlite3_stmt *in = NULL, *out = NULL;
	char sql[256];
	int r = 0, got = SQLITE_DONE;
	snprintf(sql, sizeof sql, "CREATE TABLE '%s' (key '%s' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))", table,
		 indexed == BYTES ? "BLOB" : "TEXT");
	if (make(w, sql) < 0)
		return -1;
	snprintf(sql, sizeof sql, "INSERT INTO '%s' SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM Packages WHERE hnum = ?2)", table);
	if (sqlite()->prepare_v2(w->to, sql, -1, &out, NULL) != SQLITE_OK)
		r = bad(w, w->to);
	snprintf(sql, sizeof sql, "SELECT key, hnum, idx FROM '%s' ORDER BY rowid", table);
	if (r == 0 && sqlite()->prepare_v2(w->from, sql, -1, &in, NULL) != SQLITE_OK)
		r = bad(w, w->from);
	while (r == 0 && (got = sqlite()->step(in)) == SQLITE_ROW) {
		bool ok = true;
		for (int i = 0; i < 3; i++)
			ok &= sqlite()->bind_value(out, i + 1, sqlite()->column_value(in, i)) == SQLITE_OK;
		if (!afford(w, (u64)MAX(sqlite()->column_bytes(in, 0), 0) + 3))
			r = error_set(w->err, ERR_INPUT, "SQLite: table %s holds more than the file does", table);
		else if (!ok || sqlite()->step(out) != SQLITE_DONE || sqlite()->reset(out) != SQLITE_OK)
			r = bad(w, w->to);
	}
	if (r == 0 && got != SQLITE_DONE)
		r = bad(w, w->from);
	sqlite()->finalize(in);
	sqlite()->finalize(out);
	for (int i = 0; i < indexed && r == 0; i++) {
		snprintf(sql, sizeof sql, "CREATE INDEX '%s_%s_idx' ON '%s'(%s ASC)", table, i ? "hnum" : "key", table, i ? "hnum" : "key");
		r = make(w, sql);
	}
	return r;
}

static int put_bytes(struct rewriter *w, struct str old, struct buf *out)
{
	sqlite3_int64 n = 0;
	unsigned char *p = sqlite()->serialize(w->to, "main", &n, 0);
	if (!p || n < 512) {
		sqlite()->free(p);
		return error_set(w->err, ERR_ENV, "SQLite: no memory");
	}
	memcpy(p + 60, old.p + 60, 4); /* user version and application: rpm's own */
	memcpy(p + 68, old.p + 68, 4);
	memset(p + 96, 0, 4); /* which SQLite wrote it: the bytes are to be the same everywhere */
	buf_add(out, str_n(p, (size_t)n));
	sqlite()->free(p);
	return 0;
}

static int rewrite_sqlite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err)
{
	struct rewriter w = { .rounds = (file.n / MiB + 1) * ROUNDS_A_MIB, .budget = file.n, .err = err };
	autofree u8 *copy = xmalloc(file.n);
	memcpy(copy, file.p, file.n);
	int r = open_old(&w, copy, file.n);
	if (r == 0 && sqlite()->open_v2(":memory:", &w.to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		r = bad(&w, w.to);
	if (r == 0)
		r = make(&w, "PRAGMA page_size = 4096; BEGIN");
	if (r == 0)
		r = headers(&w, left, ctx);
	for (size_t i = 0; i < countof(tables) && r == 0; i++)
		if (has_table(&w, tables[i].name))
			r = index_rows(&w, tables[i].name, tables[i].indexed);
	if (r == 0)
		r = make(&w, "COMMIT");
	if (r == 0)
		r = put_bytes(&w, file, out);
	sqlite()->close(w.from);
	sqlite()->close(w.to);
	return r;
}

int rpm_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err)
{
	if (is_sqlite(file))
		return rewrite_sqlite(file, left, ctx, out, err);
	return rpm_is_bdb(file) ? rpm_bdb_rewrite(file, left, ctx, out, err) : rpm_ndb_rewrite(file, left, ctx, out, err);
}
