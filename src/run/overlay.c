/* overlay.c — the tree of a container, in the keeper: hide / tree below, an upper directory above.
 *
 *      DIR/hide            whiteouts, in directories that are as those of the tree
 *      DIR/cID/upper work root */
#include "run/keeper.h"
#include "run/root.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int open2(int at, const char *path, u64 flags, u64 resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* --- hide --- */
#define BELOW (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
struct hiding {
	int tree, hide;
	char **dirs; /* that were made */
	u32 n, cap;
};

static int make_parents(struct hiding *h, char *path)
{
	for (char *at = path; (at = strchr(at, '/')); at++) {
		*at = '\0';
		struct stat st;
		int made = -1; /* what is no directory there has nothing in it */
		if (fstatat(h->tree, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			made = mkdirat(h->hide, path, 0700) == 0 ? 1 : errno == EEXIST ? 0 : -1;
		if (made > 0)
			VEC_PUSH(h->dirs, h->n, h->cap, xstrdup(path));
		else if (made == 0 && (fstatat(h->hide, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
			made = -1; /* all of it is hidden already */
		*at = '/';
		if (made < 0)
			return -1;
	}
	return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

int overlay_hide(const struct keeper *k, struct error *err)
{
	char path[4096];
	struct hiding h = { -1, -1, NULL, 0, 0 };
	int r = 0;
	snprintf(path, sizeof path, "%s/hide", k->dir);
	if (mkdir(path, 0700) < 0 || (h.hide = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || (h.tree = open(k->tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = error_errno(err, "%s", path);
	const char **sorted = xcalloc(k->n_hide + 1, sizeof *sorted); /* what is above something comes before it */
	for (u32 i = 0; i < k->n_hide; i++)
		sorted[i] = k->hide[i];
	qsort(sorted, k->n_hide, sizeof *sorted, by_text);
	for (u32 i = 0; i < k->n_hide && r == 0; i++) {
		const char *p = sorted[i];
		while (*p == '/')
			p++;
		if (!*p || snprintf(path, sizeof path, "%s", p) >= (int)sizeof path || make_parents(&h, path) < 0)
			continue;
		if (mknodat(h.hide, path, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST && errno != ENOTDIR && errno != ENOENT)
			r = error_errno(err, "hiding %.300s", path);
	}
	for (u32 i = h.n; i--;) { /* their times last, and what is below before what is above */
		autofd int from = open2(h.tree, h.dirs[i], O_RDONLY | O_DIRECTORY, BELOW), to = open2(h.hide, h.dirs[i], O_RDONLY | O_DIRECTORY, BELOW);
		if (from >= 0 && to >= 0)
			root_about(from, to);
		free(h.dirs[i]);
	}
	if (r == 0)
		root_about(h.tree, h.hide);
	free(h.dirs);
	free(sorted);
	if (h.hide >= 0)
		close(h.hide);
	if (h.tree >= 0)
		close(h.tree);
	return r;
}

/* --- mounting --- */
static int make_dir(const struct keeper *k, u32 id, const char *name, int *fd)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/c%u%s%s", k->dir, id, name[0] ? "/" : "", name);
	if (mkdir(path, 0700) < 0)
		return -1;
	return fd && (*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ? -1 : 0;
}

/* The tree of the box's, with what is hidden hidden, below an upper directory of the container's own. */
static int mount_tree(const struct keeper *k, u32 id, const char *root, struct error *err)
{
	char text[4096];
	autofd int upper = -1, work = -1, tree = open(k->tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), hide = -1;
	snprintf(text, sizeof text, "%s/hide", k->dir);
	if (k->n_hide && (hide = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_errno(err, "%s", text);
	if (tree < 0 || make_dir(k, id, "upper", &upper) < 0 || make_dir(k, id, "work", &work) < 0)
		return error_errno(err, "%s", root);
	root_about(tree, upper); /* the root directory that is seen is the upper one */
	int n = snprintf(text, sizeof text, "lowerdir=");
	if (hide >= 0)
		n += snprintf(text + n, sizeof text - (size_t)n, "/proc/self/fd/%d:", hide);
	n += snprintf(text + n, sizeof text - (size_t)n, "/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s", tree, upper, work, k->userns ? ",userxattr" : "");
	size_t plain = (size_t)n;
	snprintf(text + n, sizeof text - (size_t)n, ",volatile"); /* nothing of it need outlive a power failure */
	if (mount("overlay", root, "overlay", MS_NODEV, text) < 0) {
		text[plain] = '\0';
		if (mount("overlay", root, "overlay", MS_NODEV, text) < 0)
			return overlay_refused(upper, root, err);
	}
	return 0;
}

int overlay_mount(struct keeper *k, u32 id, const struct run_root *own, struct error *err)
{
	char root[4096];
	snprintf(root, sizeof root, "%s/c%u/root", k->dir, id);
	if (make_dir(k, id, "", NULL) < 0 || make_dir(k, id, "root", NULL) < 0)
		return error_errno(err, "%s", root);
	return own ? root_mount(own, root, err) : mount_tree(k, id, root, err);
}

void overlay_remove(struct keeper *k, u32 id)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/c%u/root", k->dir, id);
	bool mounted = umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT; /* EINVAL: it never was */
	snprintf(path, sizeof path, "%s/c%u", k->dir, id);
	int fd = mounted ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (clean_below(fd) == 0)
		rmdir(path);
	close(fd);
}

int overlay_open(const struct keeper *k, u32 id, const char *path, u64 flags, const u32 *make)
{
	char root[4096];
	snprintf(root, sizeof root, "%s/c%u/root", k->dir, id);
	autofd int at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = at < 0 ? -1 : root_open(at, path, flags);
	if (at < 0 || fd >= 0 || errno != ENOENT || !make)
		return fd;
	autofd int made = root_make(at, path, 0755, make[0], make[1], -1);
	return made < 0 ? -1 : root_open(at, path, flags);
}

/* --- what was written --- */
struct walk {
	struct {
		DIR *d;
		size_t length; /* of the path above it */
	} v[OVERLAY_DEPTH];
	u32 n;
	struct buf path; /* of the directory that is read */
	bool deep;       /* something lies deeper */
};

static bool enter(struct walk *w, int at, const char *name)
{
	w->deep |= w->n == OVERLAY_DEPTH;
	int fd = w->n < OVERLAY_DEPTH ? openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	w->v[w->n].d = d;
	w->v[w->n++].length = w->path.n;
	if (at >= 0)
		buf_printf(&w->path, "/%s", name);
	return true;
}

/* The next entry of the upper directory, its path in w->path with its name behind `*length`; directories before what is in them. NULL: the end. */
static struct dirent *next(struct walk *w, struct stat *st)
{
	while (w->n) {
		DIR *d = w->v[w->n - 1].d;
		struct dirent *e = readdir(d);
		if (!e) {
			closedir(d);
			w->path.n = w->v[--w->n].length;
			continue;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && fstatat(dirfd(d), e->d_name, st, AT_SYMLINK_NOFOLLOW) == 0)
			return e;
	}
	return NULL;
}

static bool start_walk(struct walk *w, const struct keeper *k, u32 id)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/c%u/upper", k->dir, id);
	*w = (struct walk){ 0 };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	if (d)
		w->v[w->n++].d = d;
	return d != NULL;
}

static void end_walk(struct walk *w)
{
	while (w->n)
		closedir(w->v[--w->n].d);
	buf_free(&w->path);
}

u64 overlay_bytes(const struct keeper *k, u32 id)
{
	struct walk w;
	struct stat st;
	u64 sum = 0;
	if (!start_walk(&w, k, id))
		return 0;
	for (struct dirent *e; (e = next(&w, &st));) {
		sum += (u64)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode))
			enter(&w, dirfd(w.v[w.n - 1].d), e->d_name);
	}
	end_walk(&w);
	return w.deep ? UINT64_MAX : sum;
}

/* A directory is only there because something in it was written: it is as it was in the tree. */
static bool merely_above(const struct keeper *k, int tree, const char *path, int at, const char *name)
{
	char value[8], link[64];
	struct stat st;
	autofd int was = open2(tree, path + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW, BELOW), is = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	snprintf(link, sizeof link, "/proc/self/fd/%d", is);
	if (was < 0 || is < 0 || fstat(was, &st) < 0)
		return false;
	struct stat now;
	return getxattr(link, k->userns ? "user.overlay.opaque" : "trusted.overlay.opaque", value, sizeof value) <= 0 && fstat(is, &now) == 0 && now.st_mode == st.st_mode &&
	       now.st_uid == st.st_uid && now.st_gid == st.st_gid;
}

static bool runtime_made(const struct process *c, const char *path, const struct stat *st)
{
	for (u32 i = 0; i < c->n_made; i++) {
		size_t n = strlen(path);
		if (strcmp(c->made[i], path) == 0 && (S_ISDIR(st->st_mode) || st->st_size == 0))
			return true;
		if (S_ISDIR(st->st_mode) && strncmp(c->made[i], path, n) == 0 && c->made[i][n] == '/')
			return true;
	}
	return false;
}

int overlay_written(const struct keeper *k, const struct process *c, int out, struct error *err)
{
	struct walk w;
	struct stat st;
	autofd int tree = k->tree ? open(k->tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (tree < 0 || !start_walk(&w, k, c->id))
		return error_errno(err, "what was written");
	int r = 0;
	struct buf path = BUF(0);
	for (struct dirent *e; r == 0 && (e = next(&w, &st));) {
		int at = dirfd(w.v[w.n - 1].d);
		buf_clear(&path);
		buf_add(&path, buf_str(&w.path));
		buf_printf(&path, "/%s", e->d_name);
		bool gone = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0), dir = S_ISDIR(st.st_mode);
		bool silent = runtime_made(c, path.p, &st) || (dir && merely_above(k, tree, path.p, at, e->d_name));
		struct written_record rec = { .size = S_ISREG(st.st_mode) ? (u64)st.st_size : 0, .length = (u32)path.n, .kind = gone ? 'd' : 'c' };
		if (!silent && (file_write_all(out, &rec, sizeof rec) < 0 || file_write_all(out, path.p, path.n) < 0))
			r = error_errno(err, "what was written");
		if (dir)
			enter(&w, at, e->d_name);
	}
	if (r == 0 && w.deep)
		r = error_set(err, ERR_INPUT, "what was written lies too deep");
	buf_free(&path);
	end_walk(&w);
	return r;
}
