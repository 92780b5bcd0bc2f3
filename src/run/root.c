#include "run/root.h"
#include "run/inner.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LINKS_MAX 40 /* symbolic links on one way, as in the kernel */
#define AGAIN 64     /* openat2(2) gives up when something was renamed meanwhile */

/* --- mounting --- */
int overlay_refused(int upper, const char *at, struct error *err)
{
	struct statfs fs;
	if (errno == EINVAL && upper >= 0 && fstatfs(upper, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return error_set(err, ERR_ENV, "the store lies on an overlay file system, as in a container, and on that no other can be mounted: --store DIR on a volume");
	return error_errno(err, "an overlay file system cannot be mounted on %s", at);
}

void root_about(int from, int to)
{
	struct stat st;
	char names[4096], value[4096];
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return;
	ssize_t n = flistxattr(from, names, sizeof names);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		bool overlay = str_starts(str_of(names + at), STR("user.overlay.")) || str_starts(str_of(names + at), STR("trusted.overlay."));
		ssize_t k = overlay ? -1 : fgetxattr(from, names + at, value, sizeof value);
		if (k >= 0 && fsetxattr(to, names + at, value, (size_t)k, 0) < 0) { /* as in the tree: where it can be */
		}
	}
	if (futimens(to, (const struct timespec[2]){ st.st_atim, st.st_mtim }) < 0) { /* then it is younger */
	}
}

static int open_dir(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

static bool is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool any = false;
	for (struct dirent *e; d && !any && (e = readdir(d));)
		any = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return d && !any;
}

/* The root directory that is seen is the upper one: at first it is as that of the topmost lower one. Where it was mounted before something is in `work`, which may say that it was not synced: nor need it be. */
static int first_use(int upper, int work, int below)
{
	if (!is_empty(work)) {
		if (unlinkat(work, "work/incompat/volatile/dirty", 0) == 0)
			return unlinkat(work, "work/incompat/volatile", AT_REMOVEDIR) < 0 || unlinkat(work, "work/incompat", AT_REMOVEDIR) < 0 ? -1 : 0;
		return 0;
	}
	if (below >= 0)
		root_about(below, upper);
	else if (mkdirat(work, "work", 0700) < 0 || fchown(upper, 0, 0) < 0 || fchmod(upper, 0755) < 0)
		return -1;
	return 0;
}

int root_bind(int fd, const char *at, bool read_only)
{
	char link[64];
	struct {
		u64 set, clear, propagation, userns;
	} attr = { 4 /* MOUNT_ATTR_NODEV */ | (read_only ? 1 : 0) /* MOUNT_ATTR_RDONLY */, 0, 0, 0 };
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (mount(link, at, NULL, MS_BIND, NULL) < 0)
		return -1;
	return syscall(SYS_mount_setattr, AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, &attr, sizeof attr) < 0 ? -1 : 0;
}

static int mount_overlay(const int *lowers, u32 n, int upper, int work, const char *at)
{
	char text[4096]; /* a page: what the kernel takes */
	int k = snprintf(text, sizeof text, "userxattr,lowerdir=");
	for (u32 i = 0; i < n; i++)
		k += snprintf(text + k, sizeof text - (size_t)k, "%s/proc/self/fd/%d", i ? ":" : "", lowers[i]);
	if (upper < 0)
		return mount("overlay", at, "overlay", MS_NODEV | MS_RDONLY, text);
	k += snprintf(text + k, sizeof text - (size_t)k, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	snprintf(text + k, sizeof text - (size_t)k, ",volatile"); /* nothing of it need outlive a power failure */
	if (mount("overlay", at, "overlay", MS_NODEV, text) == 0)
		return 0;
	text[k] = '\0';
	return mount("overlay", at, "overlay", MS_NODEV, text);
}

static int mount_it(const struct run_root *r, const int *lowers, int upper, int work, const char *at)
{
	if (r->upper && first_use(upper, work, r->n_lowers ? lowers[0] : -1) < 0)
		return -1;
	if (!r->n_lowers && !r->upper)
		return mount("tmpfs", at, "tmpfs", MS_NODEV | MS_RDONLY, "size=4k,mode=755");
	if (!r->n_lowers)
		return root_bind(upper, at, false);
	if (r->n_lowers == 1 && !r->upper)
		return root_bind(lowers[0], at, true);
	return mount_overlay(lowers, r->n_lowers, upper, work, at);
}

int root_mount(const struct run_root *r, const char *at, struct error *err)
{
	int lowers[ROOT_LOWERS_MAX], ret = 0;
	u32 n = 0;
	if (r->n_lowers > ROOT_LOWERS_MAX)
		return error_set(err, ERR_ENV, "a tree of more than %u directories", ROOT_LOWERS_MAX);
	autofd int upper = r->upper ? open_dir(r->upper) : -1, work = r->upper ? open_dir(r->work) : -1;
	if (r->upper && (upper < 0 || work < 0))
		ret = error_errno(err, "%s", upper < 0 ? r->upper : r->work);
	while (ret == 0 && n < r->n_lowers) {
		if ((lowers[n] = open_dir(r->lowers[n])) < 0)
			ret = error_errno(err, "%s", r->lowers[n]);
		else
			n++;
	}
	if (ret == 0 && mount_it(r, lowers, upper, work, at) < 0)
		ret = r->n_lowers ? overlay_refused(upper, at, err) : error_errno(err, "%s", at);
	while (n)
		close(lowers[--n]);
	return ret;
}

/* --- in a child --- */
/* What is mounted there, so that it is there no more, for the next may be of what it hides. Its first descriptor stays open: a mount that has none fails in openat2(2) at every "..". */
static int take_away(const char *dir)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, dir, 1u /* OPEN_TREE_CLONE */ | O_CLOEXEC);
	return tree < 0 || umount2(dir, MNT_DETACH) < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int mounts_private(struct error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	return errno == EINVAL ? error_set(err, ERR_ENV, "the root directory here is no mount point, as in a plain chroot: containers need one (mount --bind DIR DIR, before chroot DIR)") : error_errno(err, "mount namespace");
}

static int inside(void *ctx, int out, struct error *err)
{
	const struct root_job *job = ctx;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* a deep walk of several trees */
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	umask(0);
	if (unshare(CLONE_NEWNS) < 0)
		return error_errno(err, "mount namespace");
	if (mounts_private(err) < 0)
		return -1;
	int *fds = xcalloc(job->n + 1, sizeof *fds), r = 0;
	for (u32 i = 0; i < job->n && r == 0; i++) {
		r = root_mount(&job->roots[i], job->dir, err);
		if (r == 0 && (fds[i] = take_away(job->dir)) < 0)
			r = error_errno(err, "%s", job->dir);
	}
	r = r < 0 ? r : job->f(job->ctx, fds, out, err);
	free(fds);
	return r;
}

static int take(void *ctx, int in, struct error *err)
{
	const struct root_job *job = ctx;
	return job->take(job->ctx, in, err);
}

int root_do(const struct run_ids *ids, const struct root_job *job, struct error *err)
{
	return ids_do_with(ids, inside, job->take ? take : NULL, (void *)(uintptr_t)job, err);
}

/* --- ways in a tree --- */
int root_open(int root, const char *path, u64 flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = -1;
	if (flags & O_CREAT)
		how.mode = 0600;
	for (u32 i = 0; i < AGAIN && (fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof how)) < 0 && errno == EAGAIN; i++) {
	}
	return fd;
}

/* A link that leads to nothing: the way goes on there. 1: it is none. */
static int through_link(int root, char way[4096], size_t at, const char *rest)
{
	char up[4096], to[4096], new[4096];
	snprintf(up, sizeof up, "%.*s", (int)at, way);
	autofd int dir = root_open(root, up, O_PATH | O_DIRECTORY);
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, way + at, to, sizeof to - 1);
	if (n <= 0)
		return 1;
	to[n] = '\0';
	if (snprintf(new, sizeof new, "%s%s/%s", to[0] == '/' ? "" : up, to, rest) >= (int)sizeof new) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(way, new, sizeof new);
	return 0;
}

static ssize_t path_of(int fd, char to[4096])
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, to, 4095);
	to[MAX(n, 0)] = '\0';
	return n;
}

/* The path of what is there, as the tree has it: "" of its root. */
static int real_of(int root, const char *way, char real[4096])
{
	char top[4096];
	autofd int fd = root_open(root, way, O_PATH);
	if (fd < 0 || path_of(root, top) < 0 || path_of(fd, real) < 0)
		return -1;
	size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);
	if (strncmp(real, top, n) != 0 || (real[n] && real[n] != '/')) {
		errno = EXDEV; /* something is mounted in between */
		return -1;
	}
	memmove(real, real + n, strlen(real + n) + 1);
	if (strcmp(real, "/") == 0)
		real[0] = '\0';
	return 0;
}

/* What is not there behind what is: by its text alone. */
static int add_missing(char real[4096], size_t there, const char *rest)
{
	size_t n = there;
	for (size_t k; rest += strspn(rest, "/"), *rest; rest += k) {
		k = strcspn(rest, "/");
		if (k == 1 && rest[0] == '.')
			continue;
		if (k == 2 && rest[0] == '.' && rest[1] == '.') {
			while (n > there && real[--n] != '/') {
			}
			continue;
		}
		if (n + k + 2 > 4096) {
			errno = ENAMETOOLONG;
			return -1;
		}
		real[n++] = '/';
		memcpy(real + n, rest, k);
		n += k;
	}
	real[n] = '\0';
	return 0;
}

int root_missing(int root, const char *path, char real[4096], size_t *there)
{
	char way[4096];
	if (snprintf(way, sizeof way, "%s", path) >= (int)sizeof way) {
		errno = ENAMETOOLONG;
		return -1;
	}
	u32 links = 0;
	for (size_t at = 0, end; at += strspn(way + at, "/"), way[at]; at = end) {
		end = at + strcspn(way + at, "/");
		char was = way[end];
		way[end] = '\0';
		int fd = root_open(root, way, O_PATH);
		if (fd >= 0) {
			close(fd);
			way[end] = was;
			continue;
		}
		int r = errno == ENOENT ? through_link(root, way, at, was ? way + end + 1 : "") : -1;
		if (r < 0)
			return -1;
		if (r == 0 && ++links > LINKS_MAX) {
			errno = ELOOP;
			return -1;
		}
		if (r == 0) { /* from the beginning: what is there is passed quickly */
			end = 0;
			continue;
		}
		way[end] = was;
		char up[4096];
		snprintf(up, sizeof up, "%.*s", (int)at, way);
		if (real_of(root, up, real) < 0)
			return -1;
		*there = strlen(real);
		return add_missing(real, *there, way + at);
	}
	if (real_of(root, way, real) < 0)
		return -1;
	*there = strlen(real);
	return 0;
}

int root_make(int root, const char *path, u32 mode, u32 uid, u32 gid, s64 mtime)
{
	char real[4096];
	size_t there;
	const struct timespec one = { mtime < 0 ? 0 : mtime, mtime < 0 ? UTIME_OMIT : 0 }, when[2] = { one, one };
	if (root_missing(root, path, real, &there) < 0)
		return -1;
	char was = real[there];
	real[there] = '\0';
	int fd = root_open(root, real, O_RDONLY | O_DIRECTORY);
	real[there] = was;
	for (size_t at = there, first = at, end; fd >= 0 && real[at]; at = end) {
		char name[4096];
		at++;
		end = at + strcspn(real + at, "/");
		snprintf(name, sizeof name, "%.*s", (int)(end - at), real + at);
		int next = mkdirat(fd, name, mode) < 0 ? -1 : openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		bool bad = next < 0 || fchown(next, uid, gid) < 0 || futimens(next, when) < 0 || (at > first + 1 && futimens(fd, when) < 0);
		int e = errno;
		close(fd);
		fd = next;
		if (bad && fd >= 0) {
			close(fd);
			fd = -1;
		}
		errno = e;
	}
	return fd;
}
