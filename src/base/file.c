#include "base/file.h"
#include "base/leftover.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int file_open_beneath(int dirfd, const char *path, struct error *err)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	if (fd < 0) {
		if (errno == EACCES || errno == EPERM || errno == EMFILE || errno == ENFILE)
			return error_errno(err, "%s", path);
		return error_set(err, ERR_INPUT, "%s: %s", path, errno == EXDEV ? "leads outside" : strerror(errno));
	}
	struct stat st;
	if (fstat((int)fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close((int)fd);
		return error_set(err, ERR_INPUT, "%s: not a regular file", path);
	}
	return (int)fd;
}

int file_read_fd(int fd, size_t limit, const char *name, struct buf *out, struct error *err)
{
	struct stat st; /* how much there will be, and one byte more, to see the end; a guess */
	size_t more = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? MIN((size_t)st.st_size + 1, (size_t)MiB) : 65536;
	for (;; more = out->n && more < 65536 ? 512 : 65536) {
		buf_reserve(out, more);
		ssize_t n = read(fd, out->p + out->n, more);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "%s", name);
		out->p[out->n + (size_t)n] = '\0';
		if (n == 0)
			return 0;
		out->n += (size_t)n;
		if (out->n > limit)
			return error_set(err, ERR_INPUT, "%s: over %zu bytes", name, limit);
	}
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", path);
	return file_read_fd(fd, limit, path, out, err);
}

ssize_t file_pread(int fd, void *p, size_t n, u64 offset)
{
	size_t have = 0;
	while (have < n) {
		ssize_t r = pread(fd, (char *)p + have, n - have, (off_t)(offset + have));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

int file_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	while (n) {
		ssize_t r = write(fd, at, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

int file_mkdirs(const char *path, struct error *err)
{
	if (!path[0]) {
		errno = ENOENT;
		return error_errno(err, "a directory without a name");
	}
	autofree char *copy = xstrdup(path);
	for (char *s = copy + 1;; s++) {
		char c = *s;
		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "%s", copy);
		*s = c;
		if (c == '\0')
			return 0;
	}
}

int file_nameless(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (fd >= 0)
		return fd;
	struct buf path = BUF(0); /* not every file system has them; this one cannot have a name again */
	buf_printf(&path, "%s/.pare-XXXXXX", dir);
	fd = mkostemp(path.p, O_CLOEXEC);
	if (fd >= 0)
		unlink(path.p);
	buf_free(&path);
	return fd;
}

int file_link(int fd, const char *path)
{
	char self[48];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -1;
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* A new file, locked; or another name of that one. */
static int named(const char *path, int nameless, bool *other)
{
	if (nameless >= 0) {
		bool linked = file_link(nameless, path) == 0;
		int fd = linked ? fcntl(nameless, F_DUPFD_CLOEXEC, 3) : -1, e = errno;
		if (linked && fd < 0)
			unlink(path);
		*other = !linked && e == EEXIST;
		errno = e;
		return fd;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	*other = fd < 0 ? errno == EEXIST : !file_lock_new(fd);
	if (fd < 0 || !*other)
		return fd;
	close(fd);
	return -1;
}

/* Registered before it is there: a signal in between finds nothing to remove, and never leaves something behind. `nameless` < 0: a new file. */
static int begin(struct outfile *o, const char *path, int nameless, struct error *err)
{
	struct buf tmp = BUF(0);
	int fd = -1, slot = -1;
	for (int i = 0; fd < 0 && i < FILE_NAME_TRIES; i++) {
		buf_clear(&tmp);
		buf_printf(&tmp, "%s.part-", path);
		if (file_letters(&tmp) < 0)
			break;
		slot = file_unlink_at_exit(tmp.p);
		bool other;
		fd = named(tmp.p, nameless, &other);
		if (fd >= 0)
			break;
		int e = errno;
		file_forget(slot);
		errno = e;
		if (!other)
			break;
	}
	if (fd < 0) {
		error_errno(err, "%s", path);
		buf_free(&tmp);
		return -1;
	}
	*o = (struct outfile){ .fd = fd, .path = xstrdup(path), .tmp = tmp.p, .slot = slot };
	return 0;
}

int outfile_open(struct outfile *o, const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return begin(o, path, -1, err);
	errno = EISDIR;
	return S_ISDIR(st.st_mode) ? error_errno(err, "%s", path) : error_set(err, ERR_ENV, "%s: is there and no regular file: it is not replaced", path);
}

int outfile_adopt(struct outfile *o, const char *path, int fd, struct error *err) { return begin(o, path, fd, err); }

static void outfile_drop(struct outfile *o)
{
	file_forget(o->slot);
	free(o->path);
	free(o->tmp);
	*o = (struct outfile){ .fd = -1, .slot = -1 };
}

int outfile_commit(struct outfile *o, struct error *err)
{
	if (fsync(o->fd) < 0 && errno != EINVAL && errno != EROFS) {
		error_errno(err, "%s", o->path);
		outfile_abort(o);
		return -1;
	}
	return outfile_commit_unsynced(o, err);
}

int outfile_commit_unsynced(struct outfile *o, struct error *err)
{
	autofd int locked = fcntl(o->fd, F_DUPFD_CLOEXEC, 3); /* until it has its name: nobody takes it for left over */
	int r = 0;
	if (close(o->fd) < 0)
		r = error_errno(err, "%s", o->path);
	o->fd = -1;
	if (r == 0 && rename(o->tmp, o->path) < 0)
		r = error_errno(err, "%s", o->path);
	if (r < 0)
		unlink(o->tmp);
	outfile_drop(o);
	return r;
}

void outfile_abort(struct outfile *o)
{
	if (!o->tmp)
		return;
	if (o->fd >= 0)
		close(o->fd);
	unlink(o->tmp);
	outfile_drop(o);
}

char *file_real(const char *path)
{
	struct stat st;
	char *real = lstat(path, &st) == 0 && S_ISLNK(st.st_mode) ? realpath(path, NULL) : NULL;
	return real ? real : xstrdup(path);
}

/* What is open already is written on from where it is; a pipe or a device is not replaced. -1: neither; else a descriptor, or -2: errno. */
static int written_through(const char *path)
{
	static const char *const own[] = { "/dev/fd/", "/proc/self/fd/" };
	struct stat st;
	u64 n = strcmp(path, "/dev/stdout") == 0 ? STDOUT_FILENO : strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO : UINT64_MAX;
	for (size_t i = 0; i < countof(own); i++)
		if (strncmp(path, own[i], strlen(own[i])) == 0 && !str_to_u64(str_of(path + strlen(own[i])), &n))
			n = UINT64_MAX;
	int fd = -1;
	if (n <= INT_MAX)
		fd = fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	else if (stat(path, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return -1;
	else
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -2 : fd;
}

static int write_to(int fd, const char *path, void (*write)(FILE *f, void *ctx), void *ctx, struct error *err)
{
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f)
		write(f, ctx);
	int r = !f || fflush(f) != 0 || ferror(f) ? error_errno(err, "%s", path) : 0;
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return r;
}

int outfile_write(const char *path, void (*write)(FILE *f, void *ctx), void *ctx, struct error *err)
{
	struct outfile out;
	int through = written_through(path);
	if (through != -1)
		return write_to(through, path, write, ctx, err);
	autofree char *real = file_real(path);
	if (outfile_open(&out, real, err) < 0)
		return -1;
	if (write_to(dup(out.fd), path, write, ctx, err) < 0) {
		outfile_abort(&out);
		return -1;
	}
	return outfile_commit(&out, err);
}
