#include "compose/mirror.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/thread.h"
#include "transport/fetch.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- what is kept --- */

#define DAY 86400

static const char *dir_of(struct arena *a, const char *store) { return arena_printf(a, "%s/compose", store); }

/* Each file; those that `goes` says yes to go. */
static void each_kept(const char *dir, bool (*goes)(void *ctx, const struct stat *st), void *ctx)
{
	DIR *d = opendir(dir);
	struct stat st;
	for (struct dirent *e; d && (e = readdir(d));)
		if (strlen(e->d_name) == 64 && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && goes(ctx, &st))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

/* What was not used for long: indexes above all, of which there is a new one every day. */
static bool is_old(void *now, const struct stat *st) { return st->st_mtime < *(const time_t *)now - MIRROR_KEEP; }

struct days {
	struct mirror_day *v;
	u32 n, cap;
};

static bool count(void *ctx, const struct stat *st)
{
	struct days *d = ctx;
	s64 day = st->st_mtime / DAY;
	u32 i = 0;
	while (i < d->n && d->v[i].day < day)
		i++;
	if (i == d->n || d->v[i].day != day) {
		VEC_PUSH(d->v, d->n, d->cap, ((struct mirror_day){ 0 }));
		memmove(d->v + i + 1, d->v + i, (d->n - 1 - i) * sizeof *d->v);
		d->v[i] = (struct mirror_day){ .day = day };
	}
	d->v[i].used = MAX(d->v[i].used, (s64)st->st_mtime);
	d->v[i].files++;
	d->v[i].bytes += (u64)st->st_size;
	return false;
}

void mirror_days(const char *store, struct arena *a, struct mirror_day **v, u32 *n)
{
	struct days d = { 0 };
	each_kept(dir_of(a, store), count, &d);
	*v = arena_array(a, struct mirror_day, d.n + 1u);
	if (d.n)
		memcpy(*v, d.v, d.n * sizeof *d.v);
	*n = d.n;
	free(d.v);
}

static bool of_day(void *ctx, const struct stat *st)
{
	struct mirror_day *d = ctx;
	bool goes = st->st_mtime / DAY == d->day;
	d->bytes += goes ? (u64)st->st_size : 0;
	return goes;
}

u64 mirror_drop(const char *store, s64 day)
{
	struct arena a = { 0 };
	struct mirror_day d = { .day = day };
	each_kept(dir_of(&a, store), of_day, &d);
	arena_free(&a);
	return d.bytes;
}

void mirror_sweep(const char *store)
{
	struct arena a = { 0 };
	file_sweep(dir_of(&a, store), "", MIRROR_STAGE);
	arena_free(&a);
}

int mirror_open(struct mirror *m, const char *store, struct error *err)
{
	time_t now = time(NULL);
	*m = (struct mirror){ 0 };
	m->dir = dir_of(&m->arena, store);
	if (file_mkdirs(m->dir, err) < 0)
		return -1;
	mirror_sweep(store);
	each_kept(m->dir, is_old, &now);
	return 0;
}

void mirror_close(struct mirror *m)
{
	for (u32 i = 0; i < MIRROR_PARALLEL; i++)
		if (m->http[i])
			http_close(m->http[i]);
	arena_free(&m->arena);
}

static const char *local_path(const char *url)
{
	static const char *const schemes[] = { "file://localhost/", "file:///", "file:/", "copy:/" };
	for (u32 i = 0; i < countof(schemes); i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]) - 1;
	return NULL;
}

int mirror_check_url(const char *url, struct error *err) { return local_path(url) ? 0 : fetch_check_url(url, err); }

const char *mirror_url(struct arena *a, const char *base, struct str path)
{
	struct buf b = BUF(0);
	size_t n = strlen(base);
	while (n && base[n - 1] == '/')
		n--;
	buf_printf(&b, "%.*s/", (int)n, base);
	for (size_t i = 0; i < path.n; i++) {
		u8 c = (u8)path.p[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/+-._~:", c) || local_path(base))
			buf_putc(&b, (char)c);
		else
			buf_printf(&b, "%%%02X", c);
	}
	const char *ret = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return ret;
}

static struct http *client(struct mirror *m, u32 i, struct error *err)
{
	if (!m->http[i])
		m->http[i] = fetch_client(&(struct fetch_options){ 0 }, err);
	return m->http[i];
}

static int open_local(const char *path, bool *found, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	*found = fd >= 0 || errno != ENOENT;
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return error_set(err, ERR_ENV, "%s: no regular file", path);
	}
	return fd < 0 && *found ? error_errno(err, "%s", path) : fd;
}

int mirror_document(struct mirror *m, const char *url, size_t limit, bool *found, struct buf *out, struct error *err)
{
	const char *path = local_path(url);
	struct http *h;
	u32 status;
	if (path) {
		autofd int fd = open_local(path, found, err);
		return !*found ? 0 : fd < 0 ? -1 : file_read_fd(fd, limit, path, out, err);
	}
	if (m->offline)
		return error_set(err, ERR_ENV, "%s: not asked: offline", url);
	if (!(h = client(m, 0, err)) || fetch_document(h, &(struct fetch_options){ 0 }, url, limit, &status, out, err) < 0)
		return -1;
	*found = status == 200;
	return 0;
}

/* --- files by digest --- */

/* What is kept, when it is what it should be; -1: it is not. */
static int kept(const char *path, const struct mirror_want *w)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return -1;
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (u64)st.st_size == w->size;
	if (ok) {
		struct stream *s = stream_verified(stream_file(fd, false, 0, w->size, 0), &w->sha256, w->size, path, ERR_INPUT);
		ok = stream_drain(s, &(struct error){ 0 }) == 0;
		stream_close(s);
	}
	if (ok) {
		futimens(fd, NULL); /* it was used */
		return fd;
	}
	close(fd);
	return -1;
}

/* The body (taken) into the store. */
static int keep(struct stream *body, const char *path, struct mirror_want *w)
{
	struct outfile o;
	struct str view = { 0 };
	struct stream *s = stream_verified(body, &w->sha256, w->size, w->url, ERR_INPUT);
	if (outfile_open(&o, path, &w->err) < 0) {
		stream_close(s);
		return -1;
	}
	int r;
	do {
		r = stream_next(s, &view, &w->err);
		if (r == 0 && view.n && file_write_all(o.fd, view.p, view.n) < 0)
			r = error_errno(&w->err, "%s", path);
		progress_add(r == 0 ? view.n : 0);
	} while (r == 0 && view.n);
	stream_close(s);
	if (r == 0)
		r = outfile_commit_unsynced(&o, &w->err); /* it is hashed whenever it is opened */
	if (r < 0)
		outfile_abort(&o);
	return r;
}

static int fetch(struct http *h, const char *path, struct mirror_want *w)
{
	struct fetch_patience p = { 0 };
	for (;;) {
		struct stream *body;
		u32 status = 0;
		int r = fetch_open(h, &(struct fetch_ask){ .url = w->url }, &status, &body, &w->err);
		if (r == 0 && status == 200) {
			r = keep(body, path, w);
			status = 0;
		} else if (r == 0) {
			stream_close(body);
			r = -1;
		}
		if (r == 0)
			return 0;
		if (fetch_again(&p, h, status, &w->err))
			continue;
		if (!w->err.kind)
			error_set(&w->err, ERR_ENV, "%s", FETCH_STATUS(status));
		return strstr(w->err.text, w->url) ? -1 : error_wrap(&w->err, "%.300s", w->url);
	}
}

static int copy_local(const char *from, const char *path, struct mirror_want *w)
{
	bool found;
	int fd = open_local(from, &found, &w->err);
	if (!found)
		return error_set(&w->err, ERR_ENV, "%s: not there", from);
	return fd < 0 ? -1 : keep(stream_file(fd, true, 0, UINT64_MAX, 0), path, w);
}

struct getting {
	struct mirror *m;
	struct mirror_want *v;
	u32 n;
	_Atomic u32 next;
};

static void work(u32 i, void *ctx)
{
	struct getting *g = ctx;
	for (u32 k; (k = atomic_fetch_add(&g->next, 1)) < g->n;) {
		struct mirror_want *w = &g->v[k];
		char path[4096];
		const char *local = local_path(w->url);
		struct http *h = NULL;
		snprintf(path, sizeof path, "%s/%s", g->m->dir, strchr(DIGEST_STR(&w->sha256), ':') + 1);
		if ((w->fd = kept(path, w)) >= 0) {
			progress_skip(w->size);
			continue;
		}
		if (w->size > MIRROR_FILE_MAX)
			error_set(&w->err, ERR_INPUT, "%s: %llu bytes: over the budget", w->url, (unsigned long long)w->size);
		else if (local ? copy_local(local, path, w) < 0 : g->m->offline ? error_set(&w->err, ERR_ENV, "%s: not kept, and not asked for: offline", w->url) < 0 : !(h = client(g->m, i, &w->err)) || fetch(h, path, w) < 0)
			continue;
		else if ((w->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			error_errno(&w->err, "%s", path);
	}
}

int mirror_get(struct mirror *m, struct mirror_want *v, u32 n, const char *what, struct error *err)
{
	struct getting g = { .m = m, .v = v, .n = n };
	u64 total = 0;
	for (u32 i = 0; i < n; i++) {
		v[i].fd = -1;
		v[i].err = (struct error){ 0 };
		total += v[i].size;
	}
	progress_begin(what, total);
	thread_each(MIN(n, MIRROR_PARALLEL), work, &g);
	progress_end();
	for (u32 i = 0; i < n; i++)
		if (v[i].fd < 0) {
			*err = v[i].err;
			return -1;
		}
	return 0;
}
