/* store_blobs.c — content on its way in and out. */
#include "base/file.h"
#include "store/db.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char *store_path(const struct store *s, const struct digest *d, struct buf *out)
{
	char path[DIGEST_TEXT + 8];
	buf_clear(out);
	buf_printf(out, "%s/%s", s->images, digest_path(d, path));
	return out->p;
}

int store_sync_dir(const char *path, struct error *err)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS))
		return error_errno(err, "%s", path);
	return 0;
}

#define TAKE_TRIES 100 /* names for a file that is taken over */

/* --- what is there --- */
static int missing(const struct digest *d, struct error *err) { return error_set(err, ERR_INPUT, "%s is not in the store", DIGEST_STR(d)); }

/* When the machine was started, in seconds since 1970. */
static s64 started(void)
{
	struct timespec now, up;
	return clock_gettime(CLOCK_REALTIME, &now) == 0 && clock_gettime(CLOCK_BOOTTIME, &up) == 0 ? (s64)now.tv_sec - (s64)up.tv_sec : 0;
}

int store_has(struct store *s, const struct digest *d, struct error *err)
{
	LOCKED(s);
	if (!s->db)
		return 0;
	if (s->write && lease_many(s, d, 1, err) < 0)
		return -1;
	s64 size, added = 0;
	int r = db_number(s, &size, err, "SELECT size FROM blobs WHERE digest = ?", "d", d);
	if (r == 0)
		r = db_number(s, &added, err, "SELECT added FROM blobs WHERE digest = ?", "d", d);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (added < 0 && -added < started()) /* it never came to the disk for certain, and the machine was started anew since */
		return 0;
	struct buf path = BUF(0);
	struct stat st;
	bool there = lstat(store_path(s, d, &path), &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)size;
	buf_free(&path);
	return there;
}

/* Opens what the index knows. */
static int open_blob(struct store *s, const struct digest *d, u64 *ret_size, struct error *err)
{
	LOCKED(s);
	s64 size;
	int r = s->db ? db_number(s, &size, err, "SELECT size FROM blobs WHERE digest = ?", "d", d) : 1;
	if (r != 0)
		return r < 0 ? -1 : missing(d, err);
	struct buf path = BUF(0);
	struct stat st;
	int fd = open(store_path(s, d, &path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ENOENT)
			error_set(err, ERR_INPUT, "%s: is missing; `pare store check --repair` makes the store whole again", path.p);
		else
			error_errno(err, "%s", path.p);
	} else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)size) {
		error_set(err, ERR_INPUT, "%s: is not the %lld bytes that were stored; `pare store check --repair` makes the store whole again", path.p, (long long)size);
		close(fd);
		fd = -1;
	}
	buf_free(&path);
	if (ret_size)
		*ret_size = (u64)size;
	return fd;
}

struct verified {
	struct stream *bytes;
	struct tap *tap;
	struct digest wanted;
};

static int verified_next(void *ctx, struct str *view, struct error *err)
{
	struct verified *v = ctx;
	if (stream_next(v->bytes, view, err) < 0)
		return -1;
	if (view->n || !v->tap)
		return 0;
	struct digest have = tap_digest(v->tap);
	v->tap = NULL;
	if (digest_eq(&have, &v->wanted))
		return 0;
	return error_set(err, ERR_INPUT, "%s: its bytes in the store have the digest %s; `pare store check --repair` takes it out", DIGEST_STR(&v->wanted), DIGEST_STR(&have));
}

static void verified_close(void *ctx)
{
	struct verified *v = ctx;
	stream_close(v->bytes);
	free(v);
}

int store_blob(struct store *s, const struct digest *d, u64 from, struct stream **ret, u64 *size, struct error *err)
{
	int fd = open_blob(s, d, size, err);
	if (fd < 0)
		return -1;
	struct stream *bytes = stream_file(fd, true, from, UINT64_MAX, 0);
	if (from) {
		*ret = bytes;
		return 0;
	}
	struct verified *v = xcalloc(1, sizeof *v);
	v->wanted = *d;
	v->bytes = stream_tap(bytes, (enum digest_alg)d->alg, &v->tap);
	*ret = stream_callback(verified_next, verified_close, v);
	return 0;
}

int store_document(struct store *s, const struct digest *d, struct buf *out, struct error *err)
{
	autofd int fd = open_blob(s, d, NULL, err);
	if (fd < 0 || file_read_fd(fd, STORE_DOCUMENT_MAX, DIGEST_STR(d), out, err) < 0)
		return -1;
	struct digest have = digest_bytes((enum digest_alg)d->alg, buf_str(out));
	if (!digest_eq(&have, d))
		return error_set(err, ERR_INPUT, "%s: its bytes in the store have the digest %s; `pare store check --repair` takes it out", DIGEST_STR(d), DIGEST_STR(&have));
	return 0;
}

/* All are on their way before the first is waited for: then the others need not be. */
static int sync_files(struct store *s, const struct digest *v, u32 n, struct error *err)
{
	struct buf path = BUF(0);
	int r = 0;
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < n && r == 0; i++) {
			autofd int fd = open(store_path(s, &v[i], &path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
			if (fd < 0 && errno == ENOENT)
				continue;
			if (fd < 0 || (pass && fsync(fd) < 0 && errno != EINVAL))
				r = error_errno(err, "%s", path.p);
			else if (!pass && sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) < 0) { /* then the second pass does it */
			}
		}
	if (r == 0) {
		*strrchr(path.p, '/') = '\0';
		r = store_sync_dir(path.p, err);
	}
	buf_free(&path);
	return r;
}

int store_settle(struct store *s, const struct digest *v, u32 n, struct error *err)
{
	LOCKED(s);
	struct digest *open_ones = xmalloc((n + (size_t)1) * sizeof *open_ones);
	u32 k = 0;
	int r = 0;
	for (u32 i = 0; i < n && r >= 0; i++) {
		s64 added = 0;
		r = db_number(s, &added, err, "SELECT added FROM blobs WHERE digest = ?", "d", &v[i]);
		if (r == 0 && added < 0)
			open_ones[k++] = v[i];
	}
	r = r < 0 ? -1 : 0;
	if (r == 0 && k)
		r = sync_files(s, open_ones, k, err) < 0 || db_begin(s, err) < 0 ? -1 : 1;
	if (r == 1) {
		r = 0;
		for (u32 i = 0; i < k && r == 0; i++)
			r = db_run(s, err, "UPDATE blobs SET added = ? WHERE digest = ?", "id", (s64)time(NULL), &open_ones[i]);
		r = db_commit(s, r, err);
	}
	free(open_ones);
	return r;
}

/* --- on the way in --- */
/* The partial that everybody knows, or a name of our own. */
static void partial_path(const struct store *s, const struct digest *d, bool own, struct buf *out)
{
	static u32 serial;
	char text[DIGEST_TEXT];
	char *colon = strchr((char *)(uintptr_t)digest_text(d, text), ':');
	if (colon)
		*colon = '-';
	buf_clear(out);
	buf_printf(out, "%s/ingest/%s", s->images, text);
	if (own)
		buf_printf(out, ".%ld-%u", (long)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	buf_puts(out, ".part");
}

u64 store_partial(struct store *s, const struct digest *d)
{
	struct buf path = BUF(0);
	struct stat st;
	partial_path(s, d, false, &path);
	int fd = s->write ? store_lock_file(path.p, O_RDWR) : -1;
	u64 have = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime + PARTIAL_KEEP > time(NULL) ? (u64)st.st_size : 0;
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	return have;
}

int ingest_begin(struct store *s, const struct digest *d, struct ingest *in, struct error *err)
{
	struct buf path = BUF(0);
	struct stat st;
	*in = (struct ingest){ .fd = -1, .slot = -1 };
	for (bool own = false; in->fd < 0; own = true) {
		partial_path(s, d, own, &path);
		in->slot = own ? file_unlink_at_exit(path.p) : -1;
		in->fd = store_lock_file(path.p, O_RDWR | O_CREAT);
		in->own = own;
		if (in->fd >= 0)
			break;
		int e = errno;
		file_forget(in->slot);
		errno = e;
		if (e != EWOULDBLOCK) {
			error_errno(err, "%s", path.p);
			buf_free(&path);
			return -1;
		}
	}
	in->path = path.p;
	if (fstat(in->fd, &st) < 0 || !S_ISREG(st.st_mode) || ((in->own || st.st_mtime + PARTIAL_KEEP <= time(NULL)) && ftruncate(in->fd, 0) < 0)) {
		error_errno(err, "%s", in->path);
		ingest_drop(in, false);
		return -1;
	}
	if (!in->own && st.st_mtime + PARTIAL_KEEP > time(NULL))
		in->have = (u64)st.st_size;
	return 0;
}

/* Removed while it is locked: nobody else can have begun with it. */
void ingest_drop(struct ingest *in, bool keep)
{
	if (in->path && (!keep || in->own))
		unlink(in->path);
	if (in->fd >= 0)
		close(in->fd);
	file_forget(in->slot);
	free(in->path);
	*in = (struct ingest){ .fd = -1, .slot = -1 };
}

struct joined { /* what is there, then what comes */
	struct stream *first, *then; /* first stays open to the end: its last views may still be on their way through the digest */
	bool past;
};

static int joined_next(void *ctx, struct str *view, struct error *err)
{
	struct joined *j = ctx;
	if (j->first && !j->past) {
		if (stream_next(j->first, view, err) < 0)
			return -1;
		if (view->n)
			return 0;
		j->past = true;
	}
	return stream_next(j->then, view, err);
}

static void joined_close(void *ctx)
{
	struct joined *j = ctx;
	stream_close(j->first);
	stream_close(j->then);
}

/* Whether bytes of a stream that failed are worth keeping is up to the caller: *wrote says whether the disk failed instead. */
static int fill(struct ingest *in, struct stream *bytes, u64 size, u64 from, u64 *at, bool *wrote, struct error *err)
{
	struct str view;
	for (*at = 0;;) {
		if (stream_next(bytes, &view, err) < 0)
			return -1;
		if (view.n == 0)
			return 0;
		if (view.n > size - *at)
			return error_set(err, ERR_INPUT, "over the %llu bytes that it should have", (unsigned long long)size);
		if (*at >= from && file_write_all(in->fd, view.p, view.n) < 0) {
			*wrote = true;
			return error_errno(err, "%s", in->path);
		}
		*at += view.n;
	}
}

int ingest_fill(struct ingest *in, const struct digest *d, u64 size, u64 from, struct stream *bytes, u64 *ret_size, struct error *err)
{
	struct joined j = { .then = bytes };
	struct tap *tap;
	bool disk = false;
	u64 at = 0;
	int r = 0;
	if (from > in->have || from > size)
		r = error_set(err, ERR_ENV, "%s: another process is writing it; what it has begun can't be continued here", DIGEST_STR(d));
	else if (ftruncate(in->fd, (off_t)from) < 0 || lseek(in->fd, (off_t)from, SEEK_SET) < 0)
		r = error_errno(err, "%s", in->path);
	if (from)
		j.first = stream_file(in->fd, false, 0, from, 0);
	struct stream *all = stream_tap(stream_callback(joined_next, joined_close, &j), (enum digest_alg)d->alg, &tap);
	bool begun = r == 0;
	r = r < 0 ? r : fill(in, all, size, from, &at, &disk, err);
	bool broke = begun && r < 0 && !disk && at <= size && at > 0 && (!err || err->kind == ERR_ENV);
	if (r == 0 && size != UINT64_MAX && at != size)
		r = error_set(err, ERR_INPUT, "%s: ends after %llu of %llu bytes", DIGEST_STR(d), (unsigned long long)at, (unsigned long long)size);
	if (r == 0) {
		struct digest have = tap_digest(tap);
		if (!digest_eq(&have, d))
			r = error_set(err, ERR_INPUT, "%s: what came has the digest %s", DIGEST_STR(d), DIGEST_STR(&have));
	}
	if (r == 0 && fsync(in->fd) < 0 && errno != EINVAL)
		r = error_errno(err, "%s", in->path);
	stream_close(all);
	if (r < 0)
		ingest_drop(in, broke || !begun);
	else if (ret_size)
		*ret_size = at;
	return r;
}

/* After a failure: a file without a row goes, unless somebody else has made one for it in the meantime. */
static void take_back(struct store *s, const struct digest *d, const char *path)
{
	s64 size;
	if (s->uncertain || db_begin(s, NULL) < 0)
		return; /* the next sweep does it */
	if (db_number(s, &size, NULL, "SELECT size FROM blobs WHERE digest = ?", "d", d) == 1)
		unlink(path);
	if (db_commit(s, -1, NULL) < 0) { /* nothing was changed */
	}
}

static int into_place(struct ingest *in, const char *path, struct error *err) /* synced, unless that can wait */
{
	autofree char *dir = xstrdup(path);
	*strrchr(dir, '/') = '\0';
	if (file_mkdirs(dir, err) < 0)
		return -1;
	if (rename(in->path, path) < 0)
		return error_errno(err, "%s", path);
	free(in->path);
	in->path = NULL;
	return in->soon ? 0 : store_sync_dir(dir, err);
}

int ingest_admit(struct store *s, struct ingest *in, const struct digest *d, u64 size, const struct names *names, struct error *err)
{
	LOCKED(s);
	struct buf path = BUF(0);
	store_path(s, d, &path);
	bool soon = in->soon;
	int r = soon ? db_soon(s, true, err) : 0;
	r = r < 0 ? r : db_begin(s, err);
	if (r == 0) {
		r = db_run(s, err, "INSERT INTO blobs VALUES(?, ?, ?, ?) ON CONFLICT(digest) DO UPDATE SET size = excluded.size, added = excluded.added, type = coalesce(excluded.type, type)",
			   names ? "diit" : "diin", d, (s64)size, soon ? -(s64)time(NULL) : (s64)time(NULL), names ? names->type : NULL);
		r = r < 0 || !names ? r : names_record(s, d, names, err);
		r = r < 0 ? r : into_place(in, path.p, err);
		r = db_commit(s, r, err);
		if (r < 0 && !in->path)
			take_back(s, d, path.p);
	}
	if (soon && db_soon(s, false, r < 0 ? NULL : err) < 0)
		r = -1;
	ingest_drop(in, false);
	buf_free(&path);
	return r;
}

int store_add_blob(struct store *s, const struct digest *d, u64 size, u64 from, struct stream *bytes, struct error *err)
{
	struct ingest in;
	int r = s->write ? store_lease(s, d, err) : error_set(err, ERR_USAGE, "the store was opened to read only");
	r = r < 0 ? r : ingest_begin(s, d, &in, err);
	if (r < 0) {
		stream_close(bytes);
		return r;
	}
	u64 had;
	r = ingest_fill(&in, d, size, from, bytes, &had, err);
	return r < 0 ? r : ingest_admit(s, &in, d, had, NULL, err);
}

/* 1: it cannot have a name here. One that is there is somebody else's: a process with our number where numbers are counted anew (a container), or one that died. */
static int take_file(struct store *s, const struct digest *d, u64 size, int file, bool soon, struct error *err)
{
	struct ingest in = { .fd = -1, .own = true, .slot = -1, .soon = soon };
	struct buf path = BUF(0);
	struct stat st;
	bool linked = false;
	if (fstat(file, &st) < 0 || st.st_size != (off_t)size)
		return 1;
	for (int tries = 0; !linked && tries < TAKE_TRIES; tries++) {
		partial_path(s, d, true, &path);
		in.slot = file_unlink_at_exit(path.p);
		linked = file_link(file, path.p) == 0;
		int e = errno;
		if (!linked)
			file_forget(in.slot);
		if (!linked && e != EEXIST)
			break;
	}
	if (!linked) {
		buf_free(&path);
		return 1;
	}
	in.path = path.p;
	in.fd = fcntl(file, F_DUPFD_CLOEXEC, 3);
	if (in.fd < 0 || (!soon && fsync(in.fd) < 0 && errno != EINVAL)) {
		error_errno(err, "%s", in.path);
		ingest_drop(&in, false);
		return -1;
	}
	return ingest_admit(s, &in, d, size, NULL, err);
}

typedef int open_from_fn(void *ctx, u64 from, struct stream **ret, struct error *err);

static int take(struct store *s, const struct digest *d, u64 size, int file, bool soon, open_from_fn *open_from, void *ctx, struct error *err)
{
	struct ingest in;
	struct stream *bytes;
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	if (store_lease(s, d, err) < 0)
		return -1;
	int taken = file > 0 ? take_file(s, d, size, file, soon, err) : 1;
	if (taken <= 0)
		return taken;
	if (ingest_begin(s, d, &in, err) < 0)
		return -1;
	u64 had, from = in.have <= size ? in.have : 0;
	if (open_from(ctx, from, &bytes, err) < 0) {
		ingest_drop(&in, in.have > 0);
		return -1;
	}
	int r = ingest_fill(&in, d, size, from, bytes, &had, err);
	return r < 0 ? r : ingest_admit(s, &in, d, had, NULL, err);
}

int store_take_blob(struct store *s, const struct digest *d, u64 size, int file, open_from_fn *open_from, void *ctx, struct error *err)
{
	return take(s, d, size, file, false, open_from, ctx, err);
}

int store_take_blob_soon(struct store *s, const struct digest *d, u64 size, int file, open_from_fn *open_from, void *ctx, struct error *err)
{
	return take(s, d, size, file, true, open_from, ctx, err);
}
