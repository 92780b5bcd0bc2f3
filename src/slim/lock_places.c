/* Where a program writes: where runs did, and the empty directories that are there for it. */
#include "base/buf.h"
#include "slim/lock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACES 32u /* a program that writes in more is not held to them */

enum place { PLACE_EMPTY, PLACE_DIRECTORIES, PLACE_FULL, PLACE_NONE };

static enum place look(int tree, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, tree, path, &how, sizeof how);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return PLACE_NONE;
	}
	enum place is = PLACE_EMPTY;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		bool directory = fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
		is = directory && is != PLACE_FULL ? PLACE_DIRECTORIES : PLACE_FULL;
	}
	closedir(d);
	return is;
}

static bool plain(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if ((u8)path.p[i] < ' ' || path.p[i] == 127 || path.p[i] == ':' || path.p[i] == ',')
			return false;
	return true;
}

static bool below(struct str path, struct str dir)
{
	return str_eq(path, dir) || (str_starts(path, dir) && path.p[dir.n] == '/');
}

static bool below_any(struct str path, const char *const *v)
{
	for (; *v; v++)
		if (below(path, str_of(*v)))
			return true;
	return false;
}

static const char *const passing[] = { "/tmp", "/var/tmp", "/run", "/dev/shm", NULL }; /* what lies there need not outlive a stop */

static void place(struct lock_places *p, struct arena *a, int tree, struct str dir)
{
	/* Nothing is laid over these: what a program is made of, and what engines mount. */
	static const char *const whole[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local",
		"/var", "/var/lib", "/home", "/opt", "/srv", NULL };
	if (dir.n <= 1 || !plain(dir) || str_listed(dir, whole) || p->n_tmpfs == PLACES || p->n_volumes == PLACES) {
		p->lost = true;
		return;
	}
	if (below_any(dir, p->tmpfs) || below_any(dir, p->volumes))
		return;
	const char *name = arena_strdup(a, dir);
	enum place is = look(tree, name);
	if (below_any(dir, passing) && (is == PLACE_EMPTY || is == PLACE_NONE || (is == PLACE_DIRECTORIES && (str_is(dir, "/tmp") || str_is(dir, "/var/tmp"))))) {
		p->tmpfs[p->n_tmpfs++] = name;
	} else {
		p->volumes[p->n_volumes++] = name;
		p->filled |= is == PLACE_DIRECTORIES || is == PLACE_FULL;
	}
}

/* A directory with nothing in it that is not of the system's own, or that belongs to somebody else than root: somebody made it to write there. */
static void made_for_it(struct lock_places *p, struct arena *a, int tree, struct str dir, const struct stat *st, const char *const *volumes)
{
	static const char *const systems[] = { "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var/backups", "/var/cache",
		"/var/empty", "/var/lib", "/var/local", "/var/log", "/var/mail", "/var/opt", "/var/spool", "/var/tmp", NULL };
	static const char *const themselves[] = { "/home", "/media", "/mnt", "/opt", "/srv", NULL }; /* what is in them is an application's */
	static const char *const tools[] = { "/var/lib/apt", "/var/cache/apt", "/var/cache/man", "/var/mail", "/var/spool/mail", "/proc", "/sys", "/dev", "/tmp", "/var/tmp", NULL };
	bool given = st->st_uid != geteuid() || (st->st_mode & S_IWOTH);
	if (below_any(dir, tools) || below_any(dir, volumes) || (!given && (below_any(dir, systems) || str_listed(dir, themselves))))
		return;
	u32 before = p->n_volumes + p->n_tmpfs;
	place(p, a, tree, dir);
	if (p->n_volumes + p->n_tmpfs == before)
		return;
	p->of_root |= !given;
	if (st->st_uid == geteuid() || below_any(dir, passing))
		return;
	p->mixed |= p->uid && (p->uid != st->st_uid || p->gid != st->st_gid);
	p->uid = st->st_uid;
	p->gid = st->st_gid;
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static int empty_ones(struct lock_places *p, struct arena *a, int tree, const struct lock_input *in, struct error *err)
{
	char *roots[] = { (char *)(uintptr_t)in->tree, NULL };
	u32 files = 0;
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!f)
		return error_errno(err, "%s", in->tree);
	for (FTSENT *e; (e = fts_read(f)) && ++files <= 2 * LOCK_FILES;) {
		const char *path = e->fts_path + strlen(in->tree);
		if (e->fts_info == FTS_D && e->fts_level > 0 && look(tree, path) == PLACE_EMPTY)
			made_for_it(p, a, tree, str_of(path), e->fts_statp, in->config->volumes);
	}
	p->lost |= files > 2 * LOCK_FILES;
	fts_close(f);
	return 0;
}

/* The directories that something was made, changed or removed in; one that it made itself lies in another of them. */
static void written_ones(struct lock_places *p, struct arena *a, int tree, const struct lock_input *in)
{
	for (u32 i = 0; i < in->written->n_paths; i++) {
		struct str path = str_of(in->written->paths[i].path);
		if (below_any(path, in->config->volumes) || str_contains(path, STR("/__pycache__")) || !(in->written->paths[i].what & (SEEN_WRITTEN | SEEN_MADE | SEEN_DELETED)))
			continue;
		if (look(tree, in->written->paths[i].path) != PLACE_NONE) /* a directory of the image: what happened in it is told by itself */
			continue;
		while (path.n && path.p[path.n - 1] != '/')
			path.n--;
		place(p, a, tree, path.n > 1 ? str_head(path, path.n - 1) : STR("/"));
	}
}

static int by_path(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* In order, none within another. */
static void tidy(const char **v, u32 *n)
{
	u32 kept = 0;
	qsort(v, *n, sizeof *v, by_path);
	for (u32 i = 0; i < *n; i++) {
		bool within = false;
		for (u32 k = 0; k < kept; k++)
			within |= below(str_of(v[i]), str_of(v[k]));
		if (!within)
			v[kept++] = v[i];
	}
	*n = kept;
	v[kept] = NULL;
}

int lock_places(struct lock_places *p, struct arena *a, const struct lock_input *in, struct error *err)
{
	autofd int tree = open(in->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*p = (struct lock_places){ .tmpfs = arena_array(a, const char *, PLACES + 1), .volumes = arena_array(a, const char *, PLACES + 1) };
	if (tree < 0)
		return error_errno(err, "%s", in->tree);
	for (size_t i = 0; i < 3; i++) {
		enum place is = look(tree, passing[i]);
		if (is == PLACE_EMPTY || (is != PLACE_NONE && i < 2))
			place(p, a, tree, str_of(passing[i]));
	}
	for (u32 i = 0; in->config->volumes[i]; i++)
		place(p, a, tree, str_of(in->config->volumes[i]));
	if (empty_ones(p, a, tree, in, err) < 0)
		return -1;
	if (in->written)
		written_ones(p, a, tree, in);
	tidy(p->tmpfs, &p->n_tmpfs);
	tidy(p->volumes, &p->n_volumes);
	if (p->uid && !p->mixed && geteuid() == 0) {
		char text[32];
		snprintf(text, sizeof text, "%u:%u", p->uid, p->gid);
		p->owner = arena_strdup(a, str_of(text));
	}
	return 0;
}
