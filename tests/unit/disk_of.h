/* disk_of.h — a directory on disk of the test's own, with what it puts there: gone when it is closed. */
#ifndef PARE_TESTS_DISK_OF_H
#define PARE_TESTS_DISK_OF_H
#include "base/arena.h"
#include "base/file.h"
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk_of {
	struct arena a; /* of the paths; the test's, too */
	struct stage stage;
	const char *dir;
};

static inline void disk_open(struct disk_of *d, const char *prefix)
{
	struct error err = { 0 };
	*d = (struct disk_of){ 0 };
	assert_int_equal(stage_make(&d->stage, prefix, &err), 0);
	d->dir = d->stage.path;
}

static inline void disk_close(struct disk_of *d)
{
	stage_remove(&d->stage);
	arena_free(&d->a);
}

/* Where a path is to be found; the directories above it are made. From several threads. */
static inline const char *disk_place(struct disk_of *d, const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	char *z = arena_printf(&d->a, "%s/%s", d->dir, path);
	pthread_mutex_unlock(&lock);
	for (char *c = z + strlen(d->dir) + 1; (c = strchr(c, '/')); *c++ = '/') {
		*c = '\0';
		assert_true(mkdir(z, 0755) == 0 || access(z, F_OK) == 0);
	}
	return z;
}

static inline void disk_file(struct disk_of *d, const char *path, struct str text, mode_t mode)
{
	autofd int fd = open(disk_place(d, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text.p, text.n), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static inline void disk_dir(struct disk_of *d, const char *path, mode_t mode)
{
	const char *z = disk_place(d, path);
	assert_true(mkdir(z, 0755) == 0 || access(z, F_OK) == 0);
	assert_int_equal(chmod(z, mode), 0);
}

static inline void disk_link(struct disk_of *d, const char *path, const char *to) { assert_int_equal(symlink(to, disk_place(d, path)), 0); }
#endif
