/* clean.c — the directory that trees and boxes lie in, and how they go away again: whatever is in them, whoever it belongs to. */
#include "run/inner.h"
#include "store/load.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct level {
	DIR *d;
	char name[256]; /* in the level above */
};

/* A directory to be read; one that its owner may not enter gets its rights back. */
static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != EACCES || fchmodat(at, name, 0700, 0) < 0)
		return fd;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool push(struct level *stack, u32 *n, int fd, const char *name)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700 && fchmod(fd, st.st_mode | 0700) < 0) { /* not ours to change: then perhaps it need not be */
	}
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return false;
	}
	stack[*n].d = d;
	snprintf(stack[*n].name, sizeof stack[*n].name, "%s", name);
	++*n;
	return true;
}

/* One pass; what lies too deep comes up to the top, to be found by the next. Returns how many entries it met that are still to go; *done: how many went, or came up. */
static u32 pass(int top, u32 round, u32 *done)
{
	struct level *stack = xcalloc(RUN_DEPTH, sizeof *stack);
	u32 n = 0, left = 0;
	int own = dup(top);
	if (own >= 0 && lseek(own, 0, SEEK_SET) < 0) {
	}
	if (own >= 0)
		push(stack, &n, own, "");
	while (n) {
		struct level *l = &stack[n - 1];
		struct dirent *e = readdir(l->d);
		if (!e) {
			char name[256];
			memcpy(name, l->name, sizeof name);
			closedir(l->d);
			if (--n)
				*(unlinkat(dirfd(stack[n - 1].d), name, AT_REMOVEDIR) == 0 ? done : &left) += 1;
			continue;
		}
		int at = dirfd(l->d);
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		bool gone = unlinkat(at, e->d_name, 0) == 0;
		if (gone || (errno != EISDIR && errno != EPERM)) {
			*done += gone;
			left += !gone && errno != ENOENT;
			continue;
		}
		char up[32];
		snprintf(up, sizeof up, ".up-%u-%u", round, left);
		int fd = n < RUN_DEPTH ? open_dir(at, e->d_name) : -1;
		if (n == RUN_DEPTH) {
			left++;
			*done += renameat(at, e->d_name, top, up) == 0;
		} else if (fd < 0 || !push(stack, &n, fd, e->d_name))
			*(unlinkat(at, e->d_name, AT_REMOVEDIR) == 0 ? done : &left) += 1;
	}
	free(stack);
	return left;
}

int clean_below(int fd)
{
	u32 left = 1, done = 1;
	for (u32 round = 0; left && done; round++) { /* each pass removes something or makes the depths less: it ends */
		done = 0;
		left = pass(fd, round, &done);
	}
	return left ? -1 : 0;
}

static int remove_all(void *ctx, struct error *err)
{
	const char *path = ctx;
	autofd int fd = open_dir(AT_FDCWD, path);
	if (fd >= 0 && clean_below(fd) == 0 && rmdir(path) == 0)
		return 0;
	return errno == ENOENT ? 0 : error_errno(err, "%s", path);
}

void clean_dir(const char *path, const struct run_ids *ids)
{
	struct error err = { 0 };
	if (!ids->rootless || ids->single) {
		if (remove_all((char *)(uintptr_t)path, &err) < 0) { /* the next run tries again */
		}
	} else if (ids_do(ids, remove_all, (char *)(uintptr_t)path, &err) < 0 && remove_all((char *)(uintptr_t)path, &err) < 0) { /* as above */
	}
}

void run_tree_remove(const char *path, const struct run_ids *ids) { clean_dir(path, ids); }

/* What processes left that were killed: whose lock can be had. */
void run_tree_sweep(const char *dir, const char *prefix, const struct run_ids *ids)
{
	struct buf path = BUF(0);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct str name = str_of(e->d_name);
		struct stat st;
		if (!str_starts(name, str_of(prefix)))
			continue;
		buf_clear(&path);
		buf_printf(&path, "%s/%s", dir, e->d_name);
		autofd int fd = open(path.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
			clean_dir(path.p, ids);
	}
	if (d)
		closedir(d);
	buf_free(&path);
}

static void sweep(const char *dir, const struct run_ids *ids)
{
	run_tree_sweep(dir, RUN_TREE, ids);
	run_tree_sweep(dir, RUN_BOX, ids);
}

void run_sweep(const char *store)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct run_ids ids;
	const char *dir = store_dir(&a, store, &err);
	const char *run = dir ? arena_printf(&a, "%s/run", dir) : NULL;
	if (run && access(run, F_OK) == 0 && run_ids_find(&ids, &err) == 0)
		sweep(run, &ids);
	arena_free(&a);
}

const char *run_dir(struct arena *a, const char *store, const struct run_ids *ids, struct error *err)
{
	const char *base = store_dir(a, store, err);
	if (!base)
		return NULL;
	char *given = arena_printf(a, "%s/run", base);
	if (file_mkdirs(given, err) < 0)
		return NULL;
	char *real = realpath(given, NULL);
	if (!real) {
		error_errno(err, "%s", given);
		return NULL;
	}
	const char *ret = arena_strdup(a, str_of(real));
	free(real);
	sweep(ret, ids);
	return ret;
}
