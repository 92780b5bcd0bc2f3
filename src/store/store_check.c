/* store_check.c — reads everything back: what is stored is what its digest says, what is named is there. */
#include "base/progress.h"
#include "base/thread.h"
#include "store/db.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum fault { GOOD, GONE, WRONG, UNREADABLE };
struct row {
	struct digest digest;
	u64 size;
	bool document;
	enum fault fault;
};
struct checking {
	struct store *s;
	bool repair;
	void (*f)(void *ctx, const char *line);
	void *ctx;
	struct store_check *ret;
	struct row *v;
	u32 n, cap;
};

static void __attribute__((format(printf, 2, 3))) tell(struct checking *c, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (c->f)
		c->f(c->ctx, line);
}

/* --- blobs --- */
static int rows(struct checking *c, struct error *err)
{
	LOCKED(c->s);
	autoquery sqlite3_stmt *q = db_ask(c->s, err, "SELECT digest, size, type IS NOT NULL FROM blobs ORDER BY digest", "");
	int r = q ? 1 : -1;
	while (r == 1 && (r = db_row(c->s, q, err)) == 1) {
		struct row row = { .size = (u64)sqlite()->column_int64(q, 1), .document = sqlite()->column_int64(q, 2) != 0 };
		if (db_digest(q, 0, &row.digest, err) < 0)
			return -1;
		VEC_PUSH(c->v, c->n, c->cap, row);
	}
	return r;
}

static enum fault read_file(const char *path, const struct digest *d, u64 size)
{
	struct stat st;
	struct str view;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? GONE : UNREADABLE;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size != UINT64_MAX && (u64)st.st_size != size)) {
		close(fd);
		return WRONG;
	}
	struct stream *bytes = stream_file(fd, true, 0, UINT64_MAX, 0);
	struct digester *g = digester_new((enum digest_alg)d->alg);
	int r;
	while ((r = stream_next(bytes, &view, NULL)) == 0 && view.n) {
		digester_add(g, view);
		progress_add(view.n);
	}
	struct digest have = digester_finish(g);
	stream_close(bytes);
	return r < 0 ? UNREADABLE : digest_eq(&have, d) ? GOOD : WRONG;
}

static void verify(u32 i, void *ctx)
{
	struct checking *c = ctx;
	struct buf path = BUF(0);
	c->v[i].fault = read_file(store_path(c->s, &c->v[i].digest, &path), &c->v[i].digest, c->v[i].size);
	buf_free(&path);
}

/* As one moment has it: a sweep may have taken it, and somebody put it there again, while it was read. */
static int look_again(struct checking *c, struct row *row, struct error *err)
{
	struct buf path = BUF(0);
	s64 size;
	bool change = !db_still(c->s);
	int r = change ? db_begin(c->s, err) : 0;
	if (r < 0)
		return r;
	r = db_number(c->s, &size, err, "SELECT size FROM blobs WHERE digest = ?", "d", &row->digest);
	if (r == 0) {
		row->size = (u64)size;
		row->fault = read_file(store_path(c->s, &row->digest, &path), &row->digest, row->size);
	}
	buf_free(&path);
	if (change && db_commit(c->s, -1, NULL) < 0) { /* nothing was changed */
	}
	return r;
}

/* What a sweep has taken since the rows were read is no fault. */
static int report_blobs(struct checking *c, struct error *err)
{
	for (u32 i = 0; i < c->n; i++) {
		struct row *row = &c->v[i];
		struct digest *d = &row->digest;
		LOCKED(c->s);
		int r = row->fault == GOOD ? 0 : look_again(c, row, err);
		if (r < 0)
			return -1;
		if (r == 1) {
			row->fault = GOOD;
			continue;
		}
		c->ret->blobs++;
		c->ret->bytes += row->size;
		if (row->fault == GONE) {
			c->ret->missing++;
			tell(c, "missing: %s, of %llu bytes", DIGEST_STR(d), (unsigned long long)row->size);
		} else if (row->fault != GOOD) {
			c->ret->bad++;
			tell(c, "bad: %s: %s", DIGEST_STR(d), row->fault == WRONG ? "its bytes have another digest" : "can't be read");
		}
	}
	return 0;
}

/* --- what names what --- */
static int report_names(struct checking *c, struct error *err)
{
	LOCKED(c->s);
	s64 refs = 0;
	static const char *const wanting[] = {
		"SELECT child, parent FROM names WHERE kind = 0 AND parent IN (SELECT digest FROM blobs) AND child NOT IN (SELECT digest FROM blobs) ORDER BY parent, child",
		"SELECT digest, iif(name = '', 'a reference without a name', name) FROM refs WHERE digest NOT IN (SELECT digest FROM blobs WHERE type IS NOT NULL) ORDER BY name, digest",
	};
	for (size_t i = 0; i < countof(wanting); i++) {
		autoquery sqlite3_stmt *q = db_ask(c->s, err, wanting[i], "");
		int r = q ? 1 : -1;
		while (r == 1 && (r = db_row(c->s, q, err)) == 1) {
			c->ret->missing++;
			tell(c, "missing: %s, named by %s", db_text(q, 0), db_text(q, 1));
		}
		if (r < 0)
			return -1;
	}
	if (db_number(c->s, &refs, err, "SELECT count(*) FROM refs", "") < 0)
		return -1;
	c->ret->refs = (u32)refs;
	return 0;
}

static int report_stray(void *ctx, const char *path, const struct digest *d, struct error *err)
{
	struct checking *c = ctx;
	LOCKED(c->s);
	s64 one;
	if (!d->alg) { /* neither a repair nor a sweep touches it */
		tell(c, "foreign: %s: is no blob of ours, and is left alone", path);
		return 0;
	}
	int r = db_number(c->s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", d);
	if (r == 1) {
		c->ret->stray++;
		tell(c, "stray: %s", path);
	}
	return r < 0 ? -1 : 0;
}

/* --- repair --- */
/* Goes when it is as bad as it was; somebody may have put a good one in its place. */
static int take_out(struct checking *c, const struct row *row, struct error *err)
{
	struct buf path = BUF(0);
	int r = 0;
	store_path(c->s, &row->digest, &path);
	if (row->fault == UNREADABLE || read_file(path.p, &row->digest, row->size) != GOOD) {
		r = db_run(c->s, err, "DELETE FROM blobs WHERE digest = ?", "d", &row->digest);
		if (r == 0 && unlink(path.p) < 0 && errno != ENOENT)
			r = error_errno(err, "%s", path.p);
	}
	buf_free(&path);
	return r;
}

/* A stray that is what its name says is taken in: until the next sweep, unless something comes that names it. Others are removed. */
static int settle(void *ctx, const char *path, const struct digest *d, struct error *err)
{
	struct checking *c = ctx;
	struct stat st;
	s64 one;
	int r = d->alg ? db_number(c->s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", d) : 0;
	if (r != 1)
		return r;
	if (lstat(path, &st) == 0 && read_file(path, d, UINT64_MAX) == GOOD)
		return db_run(c->s, err, "INSERT INTO blobs VALUES(?, ?, 0, NULL)", "di", d, (s64)st.st_size);
	return unlink(path) < 0 && errno != ENOENT ? error_errno(err, "%s", path) : 0;
}

int drop_incomplete(struct store *s, u32 *dropped, struct error *err)
{
	s64 before = 0, after = 0, docs, left = -1;
	int r = 0;
	for (docs = 0; r == 0 && docs != left; docs = left, r = db_number(s, &left, err, "SELECT count(*) FROM blobs", ""))
		r = db_run(s, err, "DELETE FROM blobs WHERE digest IN (SELECT parent FROM names WHERE kind = 0 AND child NOT IN (SELECT digest FROM blobs))", "");
	r = r < 0 ? r : db_number(s, &before, err, "SELECT count(*) FROM refs", "");
	r = r < 0 ? r : db_run(s, err, "DELETE FROM refs WHERE digest NOT IN (SELECT digest FROM blobs WHERE type IS NOT NULL)", "");
	r = r < 0 ? r : db_number(s, &after, err, "SELECT count(*) FROM refs", "");
	*dropped = (u32)(before - after);
	return r;
}

/* What documents name, once more from the documents. */
static int reread(struct checking *c, struct error *err)
{
	int r = 0;
	for (u32 i = 0; r == 0 && i < c->n; i++) {
		struct buf bytes = BUF(STORE_DOCUMENT_MAX);
		struct names n;
		s64 one;
		if (c->v[i].document && c->v[i].fault == GOOD && store_document(c->s, &c->v[i].digest, &bytes, NULL) == 0 && names_read(buf_str(&bytes), NULL, &n, NULL) == 0) {
			for (u32 k = 0; r == 0 && k < n.n; k++) /* as when it was put: what is there has to be there */
				if (n.v[k].kind == NAMED_MAYBE && (r = db_number(c->s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", &n.v[k].digest)) == 0)
					n.v[k].kind = NAMED;
				else if (r > 0)
					r = 0;
			r = r < 0 ? r : names_record(c->s, &c->v[i].digest, &n, err);
			free(n.v);
		}
		buf_free(&bytes);
	}
	return r;
}

static int repair(struct checking *c, struct error *err)
{
	LOCKED(c->s);
	int r = db_begin(c->s, err);
	if (r < 0)
		return r;
	for (u32 i = 0; r == 0 && i < c->n; i++)
		if (c->v[i].fault != GOOD)
			r = take_out(c, &c->v[i], err);
	r = r < 0 ? r : store_each_blob_file(c->s, settle, c, err);
	u32 more = 0; /* that only the documents say */
	r = r < 0 ? r : drop_incomplete(c->s, &c->ret->dropped, err);
	r = r < 0 ? r : reread(c, err);
	r = r < 0 ? r : drop_incomplete(c->s, &more, err);
	c->ret->dropped += more;
	r = r < 0 ? r : db_run(c->s, err, "UPDATE state SET changed = changed + 1", "");
	r = db_commit(c->s, r, err);
	return r < 0 ? r : index_heal(c->s, true, err);
}

int store_check(struct store *s, bool repair_it, void (*f)(void *ctx, const char *line), void *ctx, struct store_check *ret, struct error *err)
{
	*ret = (struct store_check){ 0 };
	if (!s->db)
		return 0;
	if (repair_it && !s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	struct checking c = { .s = s, .repair = repair_it, .f = f, .ctx = ctx, .ret = ret };
	u64 total = 0;
	int r = db_sound(s) ? 0 : error_set(err, ERR_INPUT, "%s/store.db: is damaged; `pare store check --repair` makes it anew from index.json", s->images);
	r = r < 0 ? r : rows(&c, err);
	for (u32 i = 0; i < c.n; i++)
		total += c.v[i].size;
	progress_begin("reading the store", total);
	if (r == 0)
		thread_each(c.n, verify, &c);
	progress_end();
	r = r < 0 ? r : report_blobs(&c, err);
	r = r < 0 ? r : report_names(&c, err);
	r = r < 0 ? r : store_each_blob_file(s, report_stray, &c, err);
	if (r == 0 && repair_it)
		r = repair(&c, err);
	free(c.v);
	return r;
}
