/* export_local.c — the tree of an image below a directory of this machine (--output type=local): what is there already stays, unless it is in the way; no link is followed, none of ours leads a later name out. */
#include "build/diff.h"
#include "build/plan.h"
#include "build/within.h"
#include "run/tree.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct made_dir { /* gets its mode and times when all is in it */
	char *path;
	u32 mode, uid, gid;
	s64 mtime;
};
struct local {
	int root;
	bool owners; /* as root they are the image's; else all is the user's own */
	struct made_dir *dirs;
	u32 n, cap;
};

static int open_below(int root, const char *clean) { return within_open(root, clean, O_RDONLY | O_DIRECTORY); }

/* What stands in the way of `name` in the directory goes, unless both are directories: a link there would lead out. */
static int clear_way(int dir, const char *name, bool directory)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (directory && S_ISDIR(st.st_mode))
		return 1;
	return unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

static int write_content(struct tar *t, int fd, struct error *err)
{
	struct str view;
	int r;
	while ((r = tar_content(t, &view, err)) == 0 && view.n)
		if (file_write_all(fd, view.p, view.n) < 0)
			return error_errno(err, "writing");
	return r;
}

static int put_file(struct tar *t, const struct local *l, int dir, const char *name, const struct tar_entry *e, struct error *err)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "creating");
	struct timespec times[2] = { { .tv_sec = e->mtime, .tv_nsec = e->mtime_ns }, { .tv_sec = e->mtime, .tv_nsec = e->mtime_ns } };
	u32 mode = e->mode, uid = e->uid, gid = e->gid;
	struct str attributes = e->xattrs, key, value;
	while (tar_xattr_next(&attributes, &key, &value)) {
		char text[256];
		snprintf(text, sizeof text, "%.*s", STR_FMT(key));
		if (key.n < sizeof text && within_attribute(key) && fsetxattr(fd, text, value.p, value.n, 0) < 0) { /* where it can be */
		}
	}
	if (write_content(t, fd, err) < 0)
		return -1;
	if ((l->owners && fchown(fd, uid, gid) < 0) || fchmod(fd, l->owners ? mode : mode & 01777) < 0 || futimens(fd, times) < 0)
		return error_errno(err, "writing");
	return 0;
}

static int put_other(struct local *l, int dir, const char *name, const char *path, const struct tar_entry *e, struct error *err)
{
	int r = 0;
	char link[4097], clean[TAR_PATH_MAX];
	if (e->type == TAR_SYMLINK) {
		snprintf(link, sizeof link, "%.*s", STR_FMT(e->link));
		r = symlinkat(link, dir, name);
	} else if (e->type == TAR_HARDLINK) {
		if (tar_clean(e->link, clean) <= 0)
			return error_set(err, ERR_INPUT, "a link to nothing");
		char *cut = strrchr(clean, '/');
		if (cut)
			*cut = '\0';
		autofd int from = open_below(l->root, cut ? clean : "");
		r = from < 0 ? -1 : linkat(from, cut ? cut + 1 : clean, dir, name, 0);
	} else if (e->type == TAR_FIFO) {
		r = mkfifoat(dir, name, 0600);
	} else if (e->type == TAR_DIR) {
		struct made_dir d = { xstrdup(path), e->mode, e->uid, e->gid, e->mtime };
		VEC_PUSH(l->dirs, l->n, l->cap, d);
		return 0;
	} else { /* a device: of no use outside */
		return 0;
	}
	if (r < 0)
		return error_errno(err, "creating");
	struct timespec times[2] = { { .tv_sec = e->mtime }, { .tv_sec = e->mtime } };
	if (e->type != TAR_HARDLINK && ((l->owners && fchownat(dir, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0) || (e->type == TAR_FIFO && fchmodat(dir, name, e->mode & 01777, 0) < 0) ||
					utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0))
		return error_errno(err, "creating");
	return 0;
}

/* Directories on the way are there: the tar has parents before children. */
static int put_entry(struct tar *t, struct local *l, const struct tar_entry *e, struct error *err)
{
	char path[TAR_PATH_MAX];
	ssize_t n = tar_clean(e->path, path);
	if (n < 0)
		return error_set(err, ERR_INPUT, "a path that is too long");
	if (!n)
		return 0;
	char *cut = strrchr(path, '/'), *name = cut ? cut + 1 : path;
	if (cut)
		*cut = '\0';
	autofd int dir = open_below(l->root, cut ? path : "");
	if (cut)
		*cut = '/';
	int way = dir < 0 ? -1 : clear_way(dir, name, e->type == TAR_DIR);
	if (way < 0 || (way == 0 && e->type == TAR_DIR && mkdirat(dir, name, 0700) < 0))
		return error_errno(err, "%s", path);
	if ((e->type == TAR_FILE ? put_file(t, l, dir, name, e, err) : put_other(l, dir, name, path, e, err)) < 0)
		return error_wrap(err, "%s", path);
	return 0;
}

static int finish_dirs(struct local *l, struct error *err)
{
	int r = 0;
	for (u32 i = l->n; i--;) {
		const struct made_dir *d = &l->dirs[i];
		autofd int fd = open_below(l->root, d->path);
		struct timespec times[2] = { { .tv_sec = d->mtime }, { .tv_sec = d->mtime } };
		if (r == 0 && (fd < 0 || (l->owners && fchown(fd, d->uid, d->gid) < 0) || fchmod(fd, l->owners ? d->mode : d->mode & 01777) < 0 || futimens(fd, times) < 0))
			r = error_errno(err, "%s", d->path);
		free(d->path);
	}
	free(l->dirs);
	return r;
}

static int write_tree(struct build *b, struct build_target *of, const char *dest, struct error *err)
{
	struct build_layer layer;
	struct stream *plain;
	struct tar_entry e;
	autofd int root = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct local l = { .root = root, .owners = geteuid() == 0 };
	if (root < 0)
		return error_errno(err, "%s", dest);
	if (!of->last->chain.n)
		return 0;
	if (diff_squash(b->store, &of->last->chain, 0, &layer, err) < 0 || layer_open(b->store, &layer.digest, &plain, NULL, err) < 0)
		return -1;
	struct tar *t = tar_open(plain);
	int r;
	while ((r = tar_next(t, &e, err)) == 1)
		if ((r = put_entry(t, &l, &e, err)) < 0)
			break;
	tar_close(t);
	stream_close(plain);
	if (finish_dirs(&l, r == 0 ? err : NULL) < 0 && r == 0)
		r = -1;
	return r;
}

/* A directory that is not there yet appears when all is in it. */
int export_local(struct build *b, struct build_target *t, const char *dest, struct error *err)
{
	struct stage st;
	struct stat is;
	struct buf prefix = BUF(0), path = BUF(0);
	struct str whole = str_of(dest);
	while (whole.n > 1 && whole.p[whole.n - 1] == '/')
		whole.n--;
	buf_printf(&prefix, "%.*s.new-", STR_FMT(whole));
	char *cut = strrchr(prefix.p, '/');
	buf_printf(&path, "%.*s", cut ? (int)(cut - prefix.p) + 1 : 1, cut ? prefix.p : ".");
	file_sweep(path.p, prefix.p, cut ? cut + 1 : prefix.p); /* what was killed */
	bool there = stat(dest, &is) == 0 || errno != ENOENT;
	int r = there ? write_tree(b, t, dest, err) : stage_make(&st, prefix.p, err);
	if (r == 0 && !there) {
		buf_clear(&path);
		buf_printf(&path, "%s/tree", st.path);
		prefix.p[whole.n] = '\0';
		r = mkdir(path.p, 0777) < 0 ? error_errno(err, "%s", dest) : write_tree(b, t, path.p, err);
		if (r == 0 && rename(path.p, prefix.p) < 0) /* another build's may be there by now */
			r = errno == ENOTEMPTY || errno == EEXIST ? write_tree(b, t, dest, err) : error_errno(err, "%s", dest);
		run_tree_remove(st.path, &b->ids); /* however deep it is */
		stage_remove(&st);
	}
	buf_free(&prefix);
	buf_free(&path);
	return r < 0 ? error_wrap(err, "--output %s", dest) : 0;
}
