#include "build/unpack.h"
#include "base/buf.h"
#include "base/file.h"
#include "build/context.h"
#include "build/within.h"
#include "layer/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

struct later { /* a directory: its mode and time, once all is in it */
	char *path;
	u32 mode;
	s64 mtime;
	u32 ns;
};
struct unpacking {
	int root;
	struct tar *tar;
	const struct unpack_options *opt;
	struct later *later;
	u32 n_later, cap_later;
	char parent[WITHIN_PATH]; /* clean, of `dir` */
	char asked[WITHIN_PATH];  /* as the archive calls it */
	int dir;                  /* -1: none */
};

static int fail(const struct unpacking *u, struct str path, struct error *err)
{
	char shown[512];
	snprintf(shown, sizeof shown, "%.200s: %.*s", u->opt->name, (int)MIN(path.n, (size_t)300), path.p ? path.p : "");
	return within_error(err, shown);
}

static void forget_parent(struct unpacking *u)
{
	if (u->dir >= 0)
		close(u->dir);
	u->dir = -1;
}

static struct timespec stamp(const struct unpacking *u, s64 sec, u32 ns)
{
	bool late = u->opt->epoch >= 0 && sec >= u->opt->epoch;
	return late ? (struct timespec){ u->opt->epoch, 0 } : (struct timespec){ sec, ns };
}

/* The directory that it lies in, made where it is not there; links in it are followed as in a root directory. */
static int enter(struct unpacking *u, struct str parent, struct error *err)
{
	if (u->dir >= 0 && str_is(parent, u->asked))
		return 0;
	forget_parent(u);
	if (parent.n >= sizeof u->asked) {
		errno = ENAMETOOLONG;
		return fail(u, parent, err);
	}
	if (within_resolve(u->root, parent, true, true, u->parent) < 0)
		return fail(u, parent, err);
	for (char *at = u->parent; *at;) {
		char *end = at + strcspn(at, "/"), was = *end;
		*end = '\0';
		char up[WITHIN_PATH];
		snprintf(up, sizeof up, "%.*s", (int)(at > u->parent ? at - u->parent - 1 : 0), u->parent);
		struct stat st;
		if (within_stat(u->root, u->parent, &st) < 0) {
			autofd int dir = within_open(u->root, up, O_RDONLY | O_DIRECTORY);
			if (dir < 0 || mkdirat(dir, at, 0755) < 0 || (u->opt->about ? within_chown(dir, at, 0, 0) : fchmodat(dir, at, 0755, 0)) < 0)
				return fail(u, parent, err);
		}
		*end = was;
		at = was ? end + 1 : end;
	}
	if ((u->dir = within_open(u->root, u->parent, O_RDONLY | O_DIRECTORY)) < 0)
		return fail(u, parent, err);
	memcpy(u->asked, parent.p ? parent.p : "", parent.n);
	u->asked[parent.n] = '\0';
	return 0;
}

/* --- one entry --- */
static int content(struct unpacking *u, const struct tar_entry *e, int fd, struct error *err)
{
	const struct tar_piece *pieces = NULL;
	u32 n = e->sparse ? tar_pieces(u->tar, &pieces) : 0, i = 0;
	u64 at = n ? pieces[0].offset : 0, left = n ? pieces[0].size : UINT64_MAX;
	struct str v;
	for (;;) {
		if (tar_content(u->tar, &v, err) < 0)
			return error_wrap(err, "%.200s", u->opt->name);
		if (!v.n)
			break;
		while (v.n) {
			while (!left && i + 1 < n) {
				at = pieces[++i].offset;
				left = pieces[i].size;
			}
			size_t k = (size_t)MIN((u64)v.n, left);
			if (!k)
				return error_set(err, ERR_INPUT, "%.200s: %.*s: more content than places for it", u->opt->name, STR_FMT(e->path));
			ssize_t done = pwrite(fd, v.p, k, (off_t)at);
			if (done < 0 && errno != EINTR)
				return fail(u, e->path, err);
			done = MAX(done, 0);
			v = str_from(v, (size_t)done);
			at += (u64)done;
			left -= left == UINT64_MAX ? 0 : (u64)done;
		}
	}
	return e->sparse && ftruncate(fd, (off_t)e->size) < 0 ? fail(u, e->path, err) : 0;
}

static void attributes(const struct tar_entry *e, int fd)
{
	struct str rest = e->xattrs, name, value;
	char z[256];
	while (tar_xattr_next(&rest, &name, &value))
		if (within_attribute(name) && name.n < sizeof z && !memchr(name.p, '\0', name.n)) {
			snprintf(z, sizeof z, "%.*s", (int)name.n, name.p);
			if (fsetxattr(fd, z, value.p ? value.p : "", value.n, 0) < 0) { /* where it can be, as docker has it */
			}
		}
}

static int about(struct unpacking *u, const struct tar_entry *e, int fd, struct error *err)
{
	if (u->opt->about && within_chown(fd, "", e->uid, e->gid) < 0)
		return fail(u, e->path, err);
	if (e->type != TAR_DIR && fchmod(fd, e->mode) < 0)
		return fail(u, e->path, err);
	if (!u->opt->about)
		return 0;
	attributes(e, fd);
	struct timespec t = stamp(u, e->mtime, e->mtime_ns);
	return e->type != TAR_DIR && futimens(fd, (const struct timespec[2]){ t, t }) < 0 ? fail(u, e->path, err) : 0;
}

static int directory(struct unpacking *u, const struct tar_entry *e, const char *name, const char *path, struct error *err)
{
	if (mkdirat(u->dir, name, 0700) < 0 && errno != EEXIST)
		return fail(u, e->path, err);
	autofd int fd = openat(u->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || about(u, e, fd, err) < 0)
		return fd < 0 ? fail(u, e->path, err) : -1;
	struct later l = { xstrdup(path), e->mode, e->mtime, e->mtime_ns };
	VEC_PUSH(u->later, u->n_later, u->cap_later, l);
	return 0;
}

static int hard_link(struct unpacking *u, const struct tar_entry *e, const char *name, struct error *err)
{
	char target[WITHIN_PATH], up[WITHIN_PATH];
	if (within_climbs(e->link))
		return error_set(err, ERR_INPUT, "%.200s: %.*s: a link to %.*s, which leads out of the archive", u->opt->name, STR_FMT(e->path), STR_FMT(e->link));
	if (within_resolve(u->root, e->link, false, false, target) < 0)
		return errno == ENOENT ? error_set(err, ERR_INPUT, "%.200s: %.*s: a link to %.*s, which is not there", u->opt->name, STR_FMT(e->path), STR_FMT(e->link)) : fail(u, e->path, err);
	struct str base = str_base(str_of(target));
	snprintf(up, sizeof up, "%.*s", (int)(strlen(target) - base.n), target);
	size_t n = strlen(up);
	if (n)
		up[n - 1] = '\0';
	autofd int dir = within_open(u->root, up, O_PATH | O_DIRECTORY);
	return dir < 0 || linkat(dir, base.p, u->dir, name, 0) < 0 ? fail(u, e->path, err) : 0;
}

static int make(struct unpacking *u, const struct tar_entry *e, const char *name, struct error *err)
{
	char to[WITHIN_PATH];
	struct timespec t = stamp(u, e->mtime, e->mtime_ns);
	if (e->type == TAR_HARDLINK)
		return hard_link(u, e, name, err);
	if (e->type == TAR_SYMLINK) {
		if (!e->link.n || e->link.n >= sizeof to)
			return error_set(err, ERR_INPUT, "%.200s: %.*s: a link to nothing", u->opt->name, STR_FMT(e->path));
		snprintf(to, sizeof to, "%.*s", (int)e->link.n, e->link.p);
		if (symlinkat(to, u->dir, name) < 0 || (u->opt->about && within_chown(u->dir, name, e->uid, e->gid) < 0))
			return fail(u, e->path, err);
		return u->opt->about && utimensat(u->dir, name, (const struct timespec[2]){ t, t }, AT_SYMLINK_NOFOLLOW) < 0 ? fail(u, e->path, err) : 0;
	}
	if (e->type == TAR_FIFO) {
		if (mkfifoat(u->dir, name, e->mode & 0777) < 0 || (u->opt->about && within_chown(u->dir, name, e->uid, e->gid) < 0))
			return fail(u, e->path, err);
		return fchmodat(u->dir, name, e->mode, 0) < 0 || (u->opt->about && utimensat(u->dir, name, (const struct timespec[2]){ t, t }, AT_SYMLINK_NOFOLLOW) < 0) ? fail(u, e->path, err) : 0;
	}
	autofd int fd = openat(u->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(u, e->path, err);
	return content(u, e, fd, err) < 0 ? -1 : about(u, e, fd, err);
}

static int entry(struct unpacking *u, const struct tar_entry *e, struct error *err)
{
	char clean[TAR_PATH_MAX];
	if (within_climbs(e->path))
		return error_set(err, ERR_INPUT, "%.200s: %.*s leads out of the archive", u->opt->name, STR_FMT(e->path));
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK || e->type == TAR_OTHER)
		return 0;
	ssize_t n = tar_clean(e->path, clean);
	if (n == 0)
		return 0; /* the root directory stays as it is */
	if (n < 0 || n >= (ssize_t)WITHIN_PATH) {
		errno = ENAMETOOLONG;
		return fail(u, e->path, err);
	}
	struct str name = str_base(str_n(clean, (size_t)n)), parent = str_n(clean, (size_t)n - name.n - (name.n < (size_t)n));
	if (enter(u, parent, err) < 0)
		return -1;
	char own[256], path[WITHIN_PATH];
	struct stat st;
	if (name.n >= sizeof own || within_join(str_of(u->parent), name, path) < 0) {
		errno = ENAMETOOLONG;
		return fail(u, e->path, err);
	}
	snprintf(own, sizeof own, "%.*s", (int)name.n, name.p);
	if (fstatat(u->dir, own, &st, AT_SYMLINK_NOFOLLOW) == 0 && !(S_ISDIR(st.st_mode) && e->type == TAR_DIR) && within_remove(u->dir, own) < 0)
		return fail(u, e->path, err);
	return e->type == TAR_DIR ? directory(u, e, own, path, err) : make(u, e, own, err);
}

static int finish(struct unpacking *u, struct error *err)
{
	for (u32 i = u->n_later; i--;) { /* what is below comes behind what is above: its mode may shut it */
		const struct later *l = &u->later[i];
		autofd int fd = within_open(u->root, l->path, O_RDONLY | O_DIRECTORY);
		struct timespec t = stamp(u, l->mtime, l->ns);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			continue; /* a later entry took its place */
		if (fd < 0 || fchmod(fd, l->mode) < 0 || (u->opt->about && futimens(fd, (const struct timespec[2]){ t, t }) < 0))
			return fail(u, str_of(l->path), err);
	}
	return 0;
}

int unpack(int root, struct stream *plain, const struct unpack_options *opt, struct error *err)
{
	struct unpacking u = { .root = root, .opt = opt, .dir = -1 };
	struct tar_entry e;
	int r = 0;
	u.tar = tar_open(plain);
	tar_want_pieces(u.tar);
	tar_want_nameless(u.tar); /* of the root directory, for docker */
	for (u32 n = 0; (r = tar_next(u.tar, &e, err)) > 0; n++) {
		if (n >= CONTEXT_FILES) {
			r = error_set(err, ERR_INPUT, "%.200s: more than %u entries", opt->name, CONTEXT_FILES);
			break;
		}
		if ((r = entry(&u, &e, err)) < 0)
			break;
	}
	if (r < 0 && err && !str_starts(str_of(err->text), str_of(opt->name)))
		error_wrap(err, "%.200s", opt->name);
	tar_close(u.tar);
	if (r == 0)
		r = finish(&u, err);
	forget_parent(&u);
	for (u32 i = 0; i < u.n_later; i++)
		free(u.later[i].path);
	free(u.later);
	return r < 0 ? -1 : 0;
}

bool unpack_is_archive(int fd)
{
	struct stream *plain;
	struct tar_entry e;
	enum compression kind;
	bool is = false;
	if (stream_inflate(stream_file(fd, false, 0, UINT64_MAX, 0), &plain, &kind, NULL) < 0)
		return false;
	struct tar *t = tar_open(plain);
	tar_want_nameless(t);
	is = tar_next(t, &e, NULL) == 1;
	tar_close(t);
	stream_close(plain);
	return is;
}

bool unpack_looks_like(struct str head)
{
	u64 sum = 0;
	if (compression_sniff(str_head(head, 6)) != COMP_NONE)
		return true;
	if (head.n < 512)
		return false;
	for (u32 i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (u8)head.p[i];
	u64 said = 0;
	u32 digits = 0;
	for (u32 i = 148; i < 156; i++)
		if (head.p[i] >= '0' && head.p[i] <= '7') {
			said = said * 8 + (u64)(head.p[i] - '0');
			digits++;
		}
	return digits && said == sum && head.p[0];
}
