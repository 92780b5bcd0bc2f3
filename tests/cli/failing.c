/* Loaded before the C library: from the FAIL_AT-th call on that writes, syncs, names or makes a file, all of them (FAIL_ONCE: only that one) fail with FAIL_WITH. The number of calls goes to FAIL_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;

static int number(const char *name) { return getenv(name) ? atoi(getenv(name)) : 0; }

static int fails(void)
{
	int n = atomic_fetch_add(&calls, 1) + 1, at = number("FAIL_AT");
	if (!at || n < at || (n > at && number("FAIL_ONCE")))
		return 0;
	errno = number("FAIL_WITH");
	return 1;
}

static int is_file(int fd)
{
	struct stat st;
	int e = errno, yes = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	errno = e;
	return yes;
}

#define REAL(name, ret, ...) ((ret(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *p, size_t n) { return is_file(fd) && fails() ? -1 : REAL("write", ssize_t, int, const void *, size_t)(fd, p, n); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return is_file(fd) && fails() ? -1 : REAL("pwrite", ssize_t, int, const void *, size_t, off_t)(fd, p, n, at); }
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) { return is_file(fd) && fails() ? -1 : REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t)(fd, p, n, at); }
int fsync(int fd) { return is_file(fd) && fails() ? -1 : REAL("fsync", int, int)(fd); }
int fdatasync(int fd) { return is_file(fd) && fails() ? -1 : REAL("fdatasync", int, int)(fd); }
int fallocate(int fd, int mode, off_t at, off_t n) { return fails() ? -1 : REAL("fallocate", int, int, int, off_t, off_t)(fd, mode, at, n); }
int rename(const char *a, const char *b) { return fails() ? -1 : REAL("rename", int, const char *, const char *)(a, b); }
int link(const char *a, const char *b) { return fails() ? -1 : REAL("link", int, const char *, const char *)(a, b); }
int linkat(int x, const char *a, int y, const char *b, int f) { return fails() ? -1 : REAL("linkat", int, int, const char *, int, const char *, int)(x, a, y, b, f); }
int mkdir(const char *a, mode_t m)
{
	struct stat st;
	int e = errno, there = stat(a, &st) == 0;
	errno = e;
	return !there && fails() ? -1 : REAL("mkdir", int, const char *, mode_t)(a, m);
}

static int opens(const char *real, const char *path, int flags, mode_t mode)
{
	struct stat st;
	int e = errno, makes = (flags & O_TMPFILE) == O_TMPFILE || ((flags & O_CREAT) && stat(path, &st) < 0);
	errno = e;
	return makes && fails() ? -1 : REAL(real, int, const char *, int, ...)(path, flags, mode);
}

static mode_t mode_of(int flags, va_list ap) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0; }

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = mode_of(flags, ap);
	va_end(ap);
	return opens("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = mode_of(flags, ap);
	va_end(ap);
	return opens("open64", path, flags, mode);
}

static __attribute__((destructor)) void report(void)
{
	const char *path = getenv("FAIL_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;
	if (f) {
		fprintf(f, "%d\n", atomic_load(&calls));
		fclose(f);
	}
}
