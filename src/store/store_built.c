/* store_built.c — the build cache's records: what a step came to, under its key. The blob that one names stays while the record does. */
#include "store/db.h"
#include <time.h>

int store_built_put(struct store *s, const struct digest *key, const struct digest *layer, struct str record, struct str inputs, struct error *err)
{
	LOCKED(s);
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	/* It can be made again: no step waits for the disk because of it. */
	int r = db_soon(s, true, err);
	r = r < 0 ? r : db_run(s, err, "INSERT OR REPLACE INTO built VALUES(?, ?, ?, ?, ?)", layer ? "ddiss" : "dniss", key, layer, (s64)time(NULL), &record, &inputs);
	if (db_soon(s, false, r < 0 ? NULL : err) < 0)
		r = -1;
	return r;
}

int store_built_get(struct store *s, const struct digest *key, struct buf *record, struct buf *inputs, struct error *err)
{
	LOCKED(s);
	if (!s->db)
		return 0;
	autoquery sqlite3_stmt *q = db_ask(s, err, inputs ? "SELECT record, inputs FROM built WHERE key = ?" : "SELECT record FROM built WHERE key = ?", "d", key);
	int r = q ? db_row(s, q, err) : -1;
	if (r == 1) {
		buf_puts(record, db_text(q, 0));
		if (inputs)
			buf_puts(inputs, db_text(q, 1));
	}
	return r;
}

int store_built_used(struct store *s, const struct digest *keys, u32 n, struct error *err)
{
	LOCKED(s);
	s64 now = (s64)time(NULL);
	if (!n || !s->write)
		return 0;
	int r = db_soon(s, true, err);
	r = r < 0 ? r : db_begin(s, err);
	if (r == 0) {
		for (u32 i = 0; i < n && r == 0; i++)
			r = db_run(s, err, "UPDATE built SET used = ? WHERE key = ?", "id", now, &keys[i]);
		r = db_commit(s, r, err);
	}
	if (db_soon(s, false, r < 0 ? NULL : err) < 0)
		r = -1;
	return r;
}

static int each(struct store *s, int (*f)(void *, const struct store_built *, struct error *), void *ctx, struct error *err)
{
	autoquery sqlite3_stmt *q = db_ask(s, err,
		"WITH RECURSIVE held(d) AS (SELECT digest FROM leases UNION SELECT child FROM held JOIN names ON parent = d) "
		"SELECT key, built.digest, used, record, coalesce(blobs.size, 0), EXISTS (SELECT 1 FROM held WHERE held.d = built.digest) FROM built LEFT JOIN blobs ON blobs.digest = built.digest "
		"ORDER BY used, key", "");
	int r = q ? 1 : -1;
	while (r == 1 && (r = db_row(s, q, err)) == 1) {
		struct store_built b = { .used = sqlite()->column_int64(q, 2), .size = (u64)MAX(sqlite()->column_int64(q, 4), 0), .leased = sqlite()->column_int64(q, 5) != 0 };
		if (db_digest(q, 0, &b.key, err) < 0 || (db_text(q, 1)[0] && db_digest(q, 1, &b.layer, err) < 0))
			return -1;
		b.record = str_of(db_text(q, 3));
		r = f(ctx, &b, err) < 0 ? -1 : 1;
	}
	return r;
}

int store_built_each(struct store *s, int (*f)(void *ctx, const struct store_built *b, struct error *err), void *ctx, struct error *err)
{
	LOCKED(s);
	struct buf gone = BUF(0);
	u32 reaped = 0;
	s64 any = 0;
	if (!s->db || db_number(s, &any, err, "SELECT EXISTS (SELECT 1 FROM built)", "") != 0 || !any)
		return s->db && err && err->kind ? -1 : 0;
	bool change = !db_still(s); /* as store_each_part() */
	int r = change ? db_begin(s, err) : 0;
	if (r == 0) {
		r = change ? lease_reap(s, &gone, &reaped, err) : 0;
		r = r < 0 ? r : each(s, f, ctx, err);
		if (change && db_commit(s, -1, NULL) < 0) { /* undone, as it is meant to be */
		}
	}
	buf_free(&gone);
	return r;
}

int store_built_drop(struct store *s, const struct digest *key, struct error *err)
{
	LOCKED(s);
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	return db_run(s, err, "DELETE FROM built WHERE key = ?", "d", key);
}
