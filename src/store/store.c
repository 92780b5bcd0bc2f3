#include "store/store.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/db.h"
#include "store/load.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1

#define BUILT(create) create "built(key TEXT PRIMARY KEY, digest TEXT, used INTEGER NOT NULL, record TEXT NOT NULL, inputs TEXT NOT NULL);"
static const char SCHEMA[] = "CREATE TABLE refs(name TEXT NOT NULL, digest TEXT NOT NULL, type TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY(name, digest)) WITHOUT ROWID;"
			     "CREATE UNIQUE INDEX refs_name ON refs(name) WHERE name <> '';"
			     "CREATE INDEX refs_digest ON refs(digest);"
			     "CREATE TABLE blobs(digest TEXT PRIMARY KEY, size INTEGER NOT NULL, added INTEGER NOT NULL, type TEXT) WITHOUT ROWID;"
			     "CREATE TABLE names(parent TEXT NOT NULL, child TEXT NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY(parent, child)) WITHOUT ROWID;"
			     "CREATE INDEX names_child ON names(child);"
			     "CREATE TABLE leases(owner TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(owner, digest)) WITHOUT ROWID;"
			     "CREATE TABLE layers(digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL) WITHOUT ROWID;"
			     BUILT("CREATE TABLE ")
			     "CREATE TABLE state(changed INTEGER NOT NULL, shown INTEGER NOT NULL);" /* of references; the one that index.json has */
			     "INSERT INTO state VALUES(1, 0);"
			     "PRAGMA user_version = 1;";

void store_unlock(struct store **s) { pthread_mutex_unlock(&(*s)->lock); }

struct store *store_locked(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	return s;
}

/* --- questions --- */
int db_fail(struct store *s, struct error *err)
{
	int code = sqlite()->extended_errcode(s->db), sys = sqlite()->system_errno(s->db);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return error_set(err, ERR_ENV, "%s/store.db: %s", s->images, strerror(ENOSPC));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(err, ERR_ENV, "%s/store.db: another process has kept it for over %d seconds", s->images, STORE_BUSY / 1000);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a table is not there */
		s->damaged = true;
		return error_set(err, ERR_INPUT, "%s/store.db: %s; `pare store check --repair` makes it anew from index.json", s->images, sqlite()->errmsg(s->db));
	default:
		s->uncertain = true;
		return error_set(err, ERR_ENV, "%s/store.db: %s", s->images, (code & 0xff) == SQLITE_IOERR && sys ? strerror(sys) : sqlite()->errmsg(s->db));
	}
}

static int bind(sqlite3_stmt *q, const char *kinds, va_list ap)
{
	char text[DIGEST_TEXT];
	int r = SQLITE_OK;
	for (int i = 1; *kinds && r == SQLITE_OK; kinds++, i++) {
		switch (*kinds) {
		case 't':
			r = sqlite()->bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
			break;
		case 'i':
			r = sqlite()->bind_int64(q, i, va_arg(ap, s64));
			break;
		case 'd':
			r = sqlite()->bind_text(q, i, digest_text(va_arg(ap, const struct digest *), text), -1, SQLITE_TRANSIENT);
			break;
		case 's': {
			const struct str *v = va_arg(ap, const struct str *);
			r = sqlite()->bind_text(q, i, v->n ? v->p : "", (int)v->n, SQLITE_TRANSIENT);
			break;
		}
		default:
			(void)va_arg(ap, const void *);
			r = sqlite()->bind_null(q, i);
		}
	}
	return r;
}

static sqlite3_stmt *ask(struct store *s, struct error *err, const char *sql, const char *kinds, va_list ap)
{
	sqlite3_stmt *q = NULL;
	if (sqlite()->prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && bind(q, kinds, ap) == SQLITE_OK)
		return q;
	db_fail(s, err);
	sqlite()->finalize(q);
	return NULL;
}

sqlite3_stmt *db_ask(struct store *s, struct error *err, const char *sql, const char *kinds, ...)
{
	va_list ap;
	va_start(ap, kinds);
	sqlite3_stmt *q = ask(s, err, sql, kinds, ap);
	va_end(ap);
	return q;
}

int db_row(struct store *s, sqlite3_stmt *q, struct error *err)
{
	int r = sqlite()->step(q);
	return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : db_fail(s, err);
}

void db_end(sqlite3_stmt *q)
{
	if (q)
		sqlite()->finalize(q);
}

void db_end_p(sqlite3_stmt **q) { db_end(*q); }

int db_run(struct store *s, struct error *err, const char *sql, const char *kinds, ...)
{
	va_list ap;
	va_start(ap, kinds);
	autoquery sqlite3_stmt *q = ask(s, err, sql, kinds, ap);
	va_end(ap);
	int r = q ? 1 : -1;
	while (r == 1)
		r = db_row(s, q, err);
	return r;
}

int db_number(struct store *s, s64 *ret, struct error *err, const char *sql, const char *kinds, ...)
{
	va_list ap;
	va_start(ap, kinds);
	autoquery sqlite3_stmt *q = ask(s, err, sql, kinds, ap);
	va_end(ap);
	int r = q ? db_row(s, q, err) : -1;
	if (r == 1)
		*ret = sqlite()->column_int64(q, 0);
	return r < 0 ? -1 : !r;
}

const char *db_text(sqlite3_stmt *q, int column)
{
	const char *z = (const char *)sqlite()->column_text(q, column);
	return z ? z : "";
}

int db_digest(sqlite3_stmt *q, int column, struct digest *ret, struct error *err) { return digest_parse(str_of(db_text(q, column)), ret, err); }

int db_begin(struct store *s, struct error *err) { return sqlite()->exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(s, err); }

int db_commit(struct store *s, int r, struct error *err)
{
	if (r >= 0 && sqlite()->exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = db_fail(s, err);
	if (!sqlite()->get_autocommit(s->db))
		sqlite()->exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

bool db_still(const struct store *s) { return !s->write && access(s->images, W_OK) < 0; }

void db_make_room(struct store *s) { sqlite()->exec(s->db, "PRAGMA wal_checkpoint", NULL, NULL, NULL); }

int db_soon(struct store *s, bool on, struct error *err)
{
	return sqlite()->exec(s->db, on ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(s, err);
}

/* --- opening --- */
/* A log beside the database: readers and one writer at a time. The switch is refused while another process looks at the file, and then tried again. */
static int use_log(struct store *s, struct error *err)
{
	for (int tries = 0;; tries++) {
		autoquery sqlite3_stmt *q = db_ask(s, err, tries % 2 ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode", "");
		int r = q ? sqlite()->step(q) : SQLITE_ERROR;
		if (r == SQLITE_ROW && strcmp(db_text(q, 0), "wal") == 0)
			return 0;
		if (!q || (r != SQLITE_ROW && r != SQLITE_BUSY) || tries == STORE_BUSY / 10)
			return q ? db_fail(s, err) : -1;
		if (tries % 2)
			usleep(20000);
	}
}

/* A store that was made before there were builds gets the table; where nothing can be written, one for this opening. */
static int know_builds(struct store *s, struct error *err)
{
	s64 one;
	int r = db_number(s, &one, err, "SELECT 1 FROM sqlite_master WHERE name = 'built'", "");
	return r <= 0 ? r : sqlite()->exec(s->db, s->write ? BUILT("CREATE TABLE IF NOT EXISTS ") : BUILT("CREATE TEMP TABLE "), NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(s, err);
}

static int make_tables(struct store *s, struct error *err)
{
	s64 version;
	if (db_number(s, &version, err, "PRAGMA user_version", "") != 0)
		return -1;
	if (version == 0 && s->write) {
		if (db_begin(s, err) < 0)
			return -1;
		int r = db_number(s, &version, err, "PRAGMA user_version", ""); /* somebody else may have been here */
		if (r == 0 && version == 0)
			r = sqlite()->exec(s->db, SCHEMA, NULL, NULL, NULL) == SQLITE_OK ? index_rebuild(s, err) : db_fail(s, err);
		if (db_commit(s, r, err) < 0)
			return -1;
		version = version ? version : VERSION;
	}
	if (version > VERSION)
		return error_set(err, ERR_INPUT, "%s/store.db: of a newer version of pare (format %lld, this one knows %d)", s->images, (long long)version, VERSION);
	return version ? know_builds(s, err) : 0;
}

static int set_up(struct store *s, struct error *err)
{
	const struct sqlite *q = sqlite();
	int keep = 1;
	q->busy_timeout(s->db, STORE_BUSY);
	q->db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	q->db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* The log keeps its room when nobody uses it: on a full disk, removing something must still be possible. */
	q->file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (s->write && use_log(s, err) < 0)
		return -1;
	if (db_soon(s, false, err) < 0)
		return -1;
	if (q->exec(s->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(s, err);
	return make_tables(s, err);
}

/* "file:PATH?immutable=1": no log and no locks. */
static void as_it_is(const char *path, struct buf *out)
{
	buf_puts(out, "file:");
	for (; *path; path++) {
		if (*path == '%' || *path == '?' || *path == '#')
			buf_printf(out, "%%%02X", (unsigned)*path);
		else
			buf_putc(out, *path);
	}
	buf_puts(out, "?immutable=1");
}

static int open_db(struct store *s, struct error *err)
{
	const struct sqlite *q = sqlite();
	struct buf path = BUF(0), other = BUF(0);
	struct stat st;
	buf_printf(&path, "%s/store.db", s->images);
	buf_printf(&other, "%s-wal", path.p);
	int flags = SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW;
	int r = q->open_v2(path.p, &s->db, flags | SQLITE_OPEN_READWRITE | (s->write ? SQLITE_OPEN_CREATE : 0), NULL) == SQLITE_OK ? set_up(s, err) : db_fail(s, err);
	/* Where nothing can be written at all there is nobody who changes it either; then it can be read without a log, when that is empty. */
	if (r < 0 && !s->write && (!err || err->kind == ERR_ENV) && (stat(other.p, &st) < 0 || st.st_size == 0 || access(s->images, W_OK) < 0)) {
		q->close(s->db);
		s->db = NULL;
		buf_clear(&other);
		as_it_is(path.p, &other);
		r = q->open_v2(other.p, &s->db, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK ? make_tables(s, err) : db_fail(s, err);
	}
	buf_free(&other);
	buf_free(&path);
	return r;
}

static int make_layout(struct store *s, struct error *err)
{
	static const char *const dirs[] = { "images/ingest", "images/blobs/sha256", "leases" };
	static const char marker[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	struct buf path = BUF(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < countof(dirs); i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/%s", s->dir, dirs[i]);
		r = file_mkdirs(path.p, err);
	}
	buf_clear(&path);
	buf_printf(&path, "%s/oci-layout", s->images);
	if (r == 0 && access(path.p, F_OK) < 0) {
		struct outfile o;
		r = outfile_open(&o, path.p, err);
		if (r == 0 && file_write_all(o.fd, marker, sizeof marker - 1) < 0) {
			r = error_errno(err, "%s", path.p);
			outfile_abort(&o);
		}
		r = r < 0 ? r : outfile_commit(&o, err);
	}
	buf_free(&path);
	return r;
}

static struct store *store_new(const char *dir, bool write, struct error *err)
{
	struct arena a = { 0 };
	const char *place = store_dir(&a, dir, err);
	if (!place) {
		arena_free(&a);
		return NULL;
	}
	struct store *s = xcalloc(1, sizeof *s);
	struct buf images = BUF(0);
	buf_printf(&images, "%s/images", place);
	*s = (struct store){ .dir = xstrdup(place), .images = images.p, .lease_fd = -1, .write = write };
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&s->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	hashtab_open(&s->leased, 64);
	arena_free(&a);
	return s;
}

static bool file_there(const struct store *s, const char *name, s64 *size)
{
	struct buf path = BUF(0);
	struct stat st;
	buf_printf(&path, "%s/%s", s->images, name);
	bool yes = lstat(path.p, &st) == 0;
	*size = yes ? (s64)st.st_size : 0;
	buf_free(&path);
	return yes;
}

/* Not `write`: a store that is not there, or was made this moment, has no database and is empty. */
static int open_in(struct store *s, struct error *err)
{
	s64 size, version = 0;
	int r = s->write ? make_layout(s, err) : 0;
	char *real = realpath(s->images, NULL); /* SQLite follows no links, not even to the store */
	if (real) {
		free(s->images);
		s->images = real;
	}
	if (r == 0 && (s->write || file_there(s, "store.db", &size)))
		r = open_db(s, err);
	if (r == 0 && s->db && !s->write && db_number(s, &version, err, "PRAGMA user_version", "") == 0 && version == 0) {
		sqlite()->close(s->db);
		s->db = NULL;
	}
	if (r == 0 && s->write && index_heal(s, false, NULL) < 0) { /* no room now: the next one does it, and what makes room has to open the store, too */
	}
	return r;
}

int store_open(const char *dir, bool write, struct store **ret, struct error *err)
{
	struct store *s = store_new(dir, write, err);
	s64 size;
	int r = s ? 0 : -1;
	/* Lost: whoever comes first makes it anew. */
	if (r == 0 && !write && file_there(s, "index.json", &size) && (!file_there(s, "store.db", &size) || size == 0)) {
		struct store *first;
		r = store_open(dir, true, &first, err);
		if (r == 0)
			store_close(first);
	}
	r = r < 0 ? r : open_in(s, err);
	if (r < 0)
		store_close(s);
	else
		*ret = s;
	return r;
}

static int put_aside(const struct store *s, struct error *err)
{
	static const char *const names[] = { "-shm", "-wal", "" };
	struct buf from = BUF(0), to = BUF(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < countof(names); i++) {
		buf_clear(&from);
		buf_clear(&to);
		buf_printf(&from, "%s/store.db%s", s->images, names[i]);
		buf_printf(&to, "%s/store.db.damaged%s", s->images, names[i]);
		if (rename(from.p, to.p) < 0 && errno != ENOENT)
			r = error_errno(err, "%s", from.p);
	}
	buf_free(&from);
	buf_free(&to);
	return r;
}

bool db_sound(struct store *s)
{
	struct error e = { 0 };
	autoquery sqlite3_stmt *q = db_ask(s, &e, "PRAGMA quick_check(1)", "");
	int r = q ? db_row(s, q, &e) : -1;
	return r == 1 && strcmp(db_text(q, 0), "ok") == 0;
}

int store_open_repair(const char *dir, struct store **ret, struct error *err)
{
	struct error e = { 0 };
	struct store *s = store_new(dir, true, err);
	if (!s)
		return -1;
	int r = open_in(s, &e);
	if (r < 0 ? !s->damaged : db_sound(s)) {
		if (r < 0) {
			*err = e;
			store_close(s);
		} else {
			*ret = s;
		}
		return r;
	}
	if (s->db)
		sqlite()->close(s->db);
	s->db = NULL;
	r = put_aside(s, err);
	store_close(s);
	return r < 0 ? r : store_open(dir, true, ret, err);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	lease_give_up(s);
	if (s->db)
		sqlite()->close(s->db);
	hashtab_free(&s->leased);
	pthread_mutex_destroy(&s->lock);
	free(s->held);
	free(s->owner);
	free(s->images);
	free(s->dir);
	free(s);
}

/* --- leases --- */
const char *store_images_dir(const struct store *s) { return s->images; }

int store_lock_file(const char *path, int flags)
{
	for (;;) {
		struct stat a, b;
		int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int e = errno;
			close(fd);
			errno = e;
			return -1;
		}
		/* Between opening and locking it may have been taken away, or put in its place. */
		if (fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			return fd;
		close(fd);
		if (!(flags & O_CREAT)) {
			errno = ENOENT;
			return -1;
		}
	}
}

static int lease_file(struct store *s, struct error *err)
{
	static u32 serial;
	while (s->lease_fd < 0) {
		struct buf path = BUF(0);
		buf_printf(&path, "%s/leases/%ld-%u", s->dir, (long)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
		s->lease_slot = file_unlink_at_exit(path.p); /* what it says of us goes with the next sweep */
		s->lease_fd = store_lock_file(path.p, O_RDWR | O_CREAT);
		int e = errno;
		if (s->lease_fd < 0)
			file_forget(s->lease_slot);
		if (s->lease_fd < 0 && e != EWOULDBLOCK) {
			errno = e;
			error_errno(err, "%s", path.p);
			buf_free(&path);
			return -1;
		}
		s->owner = s->lease_fd >= 0 ? xstrdup(strrchr(path.p, '/') + 1) : NULL;
		buf_free(&path);
	}
	return 0;
}

static bool held(struct store *s, const struct digest *d, u32 hash)
{
	for (u32 at = hash, id; (id = hashtab_next(&s->leased, hash, &at));)
		if (digest_eq(&s->held[id - 1], d))
			return true;
	return false;
}

static int lease_new(struct store *s, const struct digest *v, u32 n, struct error *err)
{
	int r = db_begin(s, err);
	if (r < 0)
		return r;
	/* One that had our process's number and died has left its own. */
	if (!s->n_held)
		r = db_run(s, err, "DELETE FROM leases WHERE owner = ?", "t", s->owner);
	for (u32 i = 0; r == 0 && i < n; i++)
		r = db_run(s, err, "INSERT OR IGNORE INTO leases VALUES(?, ?)", "td", s->owner, &v[i]);
	return db_commit(s, r, err);
}

int lease_many(struct store *s, const struct digest *v, u32 n, struct error *err)
{
	u32 k = 0;
	struct digest *fresh = xmalloc((n + (size_t)1) * sizeof *fresh);
	for (u32 i = 0; i < n; i++)
		if (!held(s, &v[i], (u32)hash64(str_n(&v[i], sizeof v[i]), hash_seed)))
			fresh[k++] = v[i];
	int r = k ? lease_file(s, err) : 0;
	/* A lease matters as long as its process lives: the machine's crash may take it. */
	if (k && r == 0) {
		r = db_soon(s, true, err);
		r = r < 0 ? r : lease_new(s, fresh, k, err);
		if (db_soon(s, false, r < 0 ? NULL : err) < 0)
			r = -1;
	}
	for (u32 i = 0; r == 0 && i < k; i++) {
		VEC_PUSH(s->held, s->n_held, s->cap_held, fresh[i]);
		hashtab_add(&s->leased, (u32)hash64(str_n(&fresh[i], sizeof fresh[i]), hash_seed), s->n_held);
	}
	free(fresh);
	return r;
}

int store_lease(struct store *s, const struct digest *d, struct error *err)
{
	LOCKED(s);
	return lease_many(s, d, 1, err);
}

void lease_give_up(struct store *s)
{
	if (s->lease_fd < 0)
		return;
	struct buf path = BUF(0);
	buf_printf(&path, "%s/leases/%s", s->dir, s->owner);
	if (s->db && db_soon(s, true, NULL) == 0 && db_run(s, NULL, "DELETE FROM leases WHERE owner = ?", "t", s->owner) < 0) { /* the next sweep does it */
	}
	unlink(path.p);
	file_forget(s->lease_slot);
	close(s->lease_fd);
	s->lease_fd = -1;
	buf_free(&path);
}
