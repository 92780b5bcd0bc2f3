/* diff.c — the walk over an upper directory, in a child in which the tree below it is mounted, too: each name in the order of the whole paths, so that what is written needs no memory but for one
 * way down. A directory stands twice among those of its own: for itself as "name", for what is in it as "name/". */
#include "build/diff.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "build/diff_in.h"
#include "build/within.h"
#include "layer/facts.h"
#include "layer/tarout.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK ((size_t)MiB)           /* written at once */
#define XATTRS_MAX ((size_t)MiB)      /* of one file */
#define OPAQUE ".wh..wh..opq"

struct item {
	u32 at;   /* of its name, in the level's names */
	u8 type;  /* DT_… */
	bool sub; /* what is in it */
};
struct level { /* a directory on the way down */
	struct buf names;
	struct item *v;
	u32 n, cap, i;
	size_t path;    /* length of its own */
	bool pycache, has_low;
	int low;        /* of the directory above, while there is none below this one; -1 */
};
struct linked {
	u64 inode;
	char *path;
};
struct diffing {
	/* here */
	struct store *s;
	struct pack *pack;
	const struct upper *u;
	const struct diff_options *opt;
	struct diff_told *told; /* shared with the child */
	bool has_below;
	/* in the child */
	struct diff_clock clock;
	int out, up, low; /* directories at hand: of the step, and the same of the tree below or -1 */
	struct buf block, path, xattrs, other;
	struct level *stack;
	u32 n, cap;
	struct linked *links;
	u32 n_links, cap_links;
	struct hashtab by_inode;
};

static int cannot(const struct diffing *d, struct error *err) { return error_errno(err, "/%.*s", STR_FMT(buf_str(&d->path))); }

/* --- out --- */
static int flush(struct diffing *d, struct error *err)
{
	if (d->block.n && file_write_all(d->out, d->block.p, d->block.n) < 0)
		return error_errno(err, "layer");
	buf_clear(&d->block);
	return 0;
}

static int pad(struct diffing *d, size_t n, struct error *err)
{
	static const char zeros[TAR_TRAILER];
	buf_add(&d->block, str_n(zeros, n));
	return d->block.n >= BLOCK ? flush(d, err) : 0;
}

static int header(struct diffing *d, const struct stat *st, enum tar_type type, struct str link, u64 size, const struct timespec *mtime, struct error *err)
{
	struct tarout_entry e = { .path = buf_str(&d->path), .link = link, .type = type, .mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid, .size = size, .mtime = mtime->tv_sec,
		.mtime_ns = (u32)mtime->tv_nsec, .xattrs = type == TAR_FILE || type == TAR_DIR ? buf_str(&d->xattrs) : STR("") };
	if (tarout_header(&e, &d->block, err) < 0)
		return error_wrap(err, "/%.*s", STR_FMT(buf_str(&d->path)));
	const struct str said[] = { link, e.xattrs, STR("") };
	for (u32 i = 0; i < countof(said) && d->opt->content; i++)
		if ((said[i].n || i + 1 == countof(said)) && d->opt->content(d->opt->ctx, e.path, said[i], err) < 0)
			return -1;
	if (++d->told->entries > FACTS_ENTRIES_MAX)
		return error_set(err, ERR_INPUT, "more than %u files changed", FACTS_ENTRIES_MAX);
	return d->block.n >= BLOCK ? flush(d, err) : 0;
}

/* ".wh.NAME": as engines write them, with nothing of their own. */
static int whiteout(struct diffing *d, const char *name, struct error *err)
{
	size_t dir = d->path.n;
	const struct stat st = { 0 };
	struct timespec t = { (time_t)(d->clock.epoch >= 0 ? d->clock.epoch : DIFF_TIME), 0 };
	while (dir && d->path.p[dir - 1] != '/')
		dir--;
	struct buf was = d->path;
	d->path = BUF(0);
	buf_printf(&d->path, "%.*s%s", (int)dir, was.p, name);
	buf_clear(&d->xattrs);
	int r = header(d, &st, TAR_FILE, STR(""), 0, &t, err);
	buf_free(&d->path);
	d->path = was;
	return r;
}

/* --- attributes --- */
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* linux/capability.h: the form with the ID of a namespace's root (revision 3, 24 bytes) as that without one (2, 20 bytes). */
static size_t plain_capability(char *value, size_t n)
{
	if (n == 24 && (u8)value[3] == 3) {
		value[3] = 2;
		return 20;
	}
	return n;
}

static int add_xattr(int fd, const char *name, struct buf *out)
{
	char room[64 * 1024]; /* XATTR_SIZE_MAX */
	ssize_t n = fgetxattr(fd, name, room, sizeof room);
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	size_t k = strcmp(name, "security.capability") == 0 ? plain_capability(room, (size_t)n) : (size_t)n;
	u32 lengths[2] = { (u32)strlen(name), (u32)k };
	buf_add(out, str_n(lengths, sizeof lengths));
	buf_puts(out, name);
	buf_add(out, str_n(room, k));
	if (out->over)
		errno = E2BIG;
	return out->over ? -1 : 0;
}

/* Records as tarout.h wants them, sorted. opaque NULL: of a file below, else of the step's; *opaque: the overlay says that nothing below shows through. A step's own "user.overlay." attributes, which overlays keep with
 * that in front once more, are in no layer, and so not to be seen by the next step either. -1 with errno. */
static int read_xattrs(int fd, struct buf *out, bool *opaque)
{
	char names[64 * 1024], y[4]; /* XATTR_LIST_MAX */
	const char **v = NULL;
	u32 n = 0, cap = 0;
	buf_clear(out);
	ssize_t all = flistxattr(fd, names, sizeof names);
	if (all < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (ssize_t at = 0; at < all; at += (ssize_t)strlen(names + at) + 1) {
		if (opaque && strcmp(names + at, "user.overlay.opaque") == 0)
			*opaque = fgetxattr(fd, names + at, y, sizeof y) == 1 && y[0] == 'y';
		if (opaque && str_starts(str_of(names + at), STR("user.overlay.overlay.")) && fremovexattr(fd, names + at) < 0)
			return -1;
		if (within_attribute(str_of(names + at)))
			VEC_PUSH(v, n, cap, names + at);
	}
	if (n)
		qsort(v, n, sizeof *v, by_text);
	int r = 0;
	for (u32 i = 0; i < n && r == 0; i++)
		r = add_xattr(fd, v[i], out);
	free(v);
	return r;
}

/* --- is it as it was below? --- */
static bool same_about(const struct stat *a, const struct stat *b) { return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid; }

static bool same_time(const struct timespec *a, const struct timespec *b) { return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec; }

static bool same_xattrs(struct diffing *d, int below)
{
	return read_xattrs(below, &d->other, NULL) == 0 && str_eq(buf_str(&d->xattrs), buf_str(&d->other));
}

static bool same_content(struct diffing *d, int a, int b, u64 size)
{
	const size_t half = BLOCK / 4;
	char *room = xmalloc(2 * half);
	bool same = true;
	(void)d;
	for (u64 at = 0; same && at < size;) {
		ssize_t n = file_pread(a, room, half, at), k = file_pread(b, room + half, half, at);
		same = n > 0 && n == k && memcmp(room, room + half, (size_t)n) == 0;
		at += same ? (u64)n : 0;
	}
	free(room);
	return same;
}

static bool as_below(struct diffing *d, const char *name, int fd, const struct stat *st, const struct timespec *t)
{
	struct stat lo;
	if (d->low < 0 || st->st_nlink > 1 || fstatat(d->low, name, &lo, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!S_ISREG(lo.st_mode) || lo.st_size != st->st_size || !same_about(st, &lo) || !same_time(t, &lo.st_mtim))
		return false;
	autofd int below = openat(d->low, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return below >= 0 && same_xattrs(d, below) && same_content(d, fd, below, (u64)st->st_size);
}

/* --- the kinds --- */
static int set_time(struct diffing *d, int dir, const char *name, const struct stat *st, const struct timespec *t, struct error *err)
{
	const struct timespec ts[2] = { { 0, UTIME_OMIT }, *t };
	if (same_time(t, &st->st_mtim))
		return 0;
	return utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? cannot(d, err) : 0;
}

/* The first name of an inode that has several; "" and noted: this is it. */
static struct str first_name(struct diffing *d, u64 inode)
{
	u32 h = (u32)hash64(str_n(&inode, sizeof inode), hash_seed);
	if (!d->by_inode.v)
		hashtab_open(&d->by_inode, 64);
	for (u32 at = h, id; (id = hashtab_next(&d->by_inode, h, &at));)
		if (d->links[id - 1].inode == inode)
			return str_of(d->links[id - 1].path);
	struct linked l = { inode, xstrdup(d->path.p) };
	VEC_PUSH(d->links, d->n_links, d->cap_links, l);
	hashtab_add(&d->by_inode, h, d->n_links);
	return STR("");
}

static int content(struct diffing *d, int fd, u64 size, struct error *err)
{
	u64 left = size;
	if (size > INFLATE_MAX - MIN(d->told->bytes, INFLATE_MAX)) /* before its holes are read */
		return error_set(err, ERR_INPUT, "/%.*s: more than %llu GiB changed", STR_FMT(buf_str(&d->path)), (unsigned long long)(INFLATE_MAX / GiB));
	while (left) {
		if (d->block.n > BLOCK - BLOCK / 8 && flush(d, err) < 0)
			return -1;
		buf_reserve(&d->block, BLOCK);
		ssize_t n = read(fd, d->block.p + d->block.n, (size_t)MIN(left, (u64)(BLOCK - MIN(d->block.n, BLOCK - 1))));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(d, err);
		if (n == 0)
			return error_set(err, ERR_ENV, "/%.*s: changes while it is read", STR_FMT(buf_str(&d->path)));
		if (d->opt->content && d->opt->content(d->opt->ctx, buf_str(&d->path), str_n(d->block.p + d->block.n, (size_t)n), err) < 0)
			return -1;
		d->block.n += (size_t)n;
		left -= (u64)n;
	}
	d->told->bytes += size;
	if (size && d->opt->content && d->opt->content(d->opt->ctx, buf_str(&d->path), STR(""), err) < 0)
		return -1;
	return pad(d, tarout_padding(size), err);
}

static int follow_source(struct diffing *d, const char *name, struct error *err)
{
	bool changed;
	autofd int fd = openat(d->up, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || python_follow(&d->clock, d->up, d->stack[d->n - 1].pycache, name, fd, &changed) < 0 ? cannot(d, err) : 0;
}

static int visit_file(struct diffing *d, const char *name, const struct stat *st, struct error *err)
{
	struct timespec t = diff_time(&d->clock, st->st_mtim);
	bool opaque; /* of directories alone */
	if (st->st_nlink > 1) {
		struct str first = first_name(d, st->st_ino);
		if (first.n) { /* the time is the inode's, and was set with its first name */
			buf_clear(&d->xattrs);
			return header(d, st, TAR_HARDLINK, first, 0, &t, err);
		}
	}
	if (python_is_code(name) && !d->opt->as_it_is && follow_source(d, name, err) < 0)
		return -1;
	autofd int fd = openat(d->up, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || read_xattrs(fd, &d->xattrs, &opaque) < 0)
		return cannot(d, err);
	struct stat now;
	if (fstat(fd, &now) < 0 || set_time(d, d->up, name, &now, &t, err) < 0)
		return err->kind ? -1 : cannot(d, err);
	if (as_below(d, name, fd, st, &t))
		return 0;
	if (header(d, st, TAR_FILE, STR(""), (u64)st->st_size, &t, err) < 0)
		return -1;
	return content(d, fd, (u64)st->st_size, err);
}

static int visit_link(struct diffing *d, const char *name, const struct stat *st, struct error *err)
{
	char to[4096 + 1], was[4096 + 1];
	struct stat lo;
	struct timespec t = diff_time(&d->clock, st->st_mtim);
	ssize_t n = readlinkat(d->up, name, to, sizeof to);
	if (n < 0 || set_time(d, d->up, name, st, &t, err) < 0)
		return err->kind ? -1 : cannot(d, err);
	if (st->st_nlink > 1) {
		struct str first = first_name(d, st->st_ino);
		if (first.n)
			return header(d, st, TAR_HARDLINK, first, 0, &t, err);
	} else if (d->low >= 0 && fstatat(d->low, name, &lo, AT_SYMLINK_NOFOLLOW) == 0 && same_about(st, &lo) && same_time(&t, &lo.st_mtim) &&
		   readlinkat(d->low, name, was, sizeof was) == n && memcmp(to, was, (size_t)n) == 0) {
		return 0;
	}
	return header(d, st, TAR_SYMLINK, str_n(to, (size_t)n), 0, &t, err);
}

static int visit_other(struct diffing *d, const char *name, const struct stat *st, struct error *err)
{
	struct stat lo;
	char out[300];
	struct timespec t = diff_time(&d->clock, st->st_mtim);
	if (S_ISFIFO(st->st_mode))
		return set_time(d, d->up, name, st, &t, err) < 0 ? -1 : header(d, st, TAR_FIFO, STR(""), 0, &t, err);
	if (S_ISCHR(st->st_mode) && st->st_rdev == 0) {
		snprintf(out, sizeof out, ".wh.%s", name);
		return d->low >= 0 && fstatat(d->low, name, &lo, AT_SYMLINK_NOFOLLOW) == 0 ? whiteout(d, out, err) : 0;
	}
	return 0; /* a socket is gone already, a device was never made */
}

static int visit_dir(struct diffing *d, const char *name, const struct stat *st, struct error *err)
{
	struct stat lo;
	bool opaque = false, merged = false;
	struct timespec t = diff_time(&d->clock, st->st_mtim);
	autofd int fd = openat(d->up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || read_xattrs(fd, &d->xattrs, &opaque) < 0)
		return cannot(d, err);
	if (d->low >= 0 && fstatat(d->low, name, &lo, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(lo.st_mode)) {
		autofd int below = openat(d->low, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		merged = !opaque;
		if (merged && same_about(st, &lo) && below >= 0 && same_xattrs(d, below))
			return set_time(d, d->up, name, st, &lo.st_mtim, err);
	} else {
		opaque = false;
	}
	if (set_time(d, d->up, name, st, &t, err) < 0)
		return -1;
	int r = header(d, st, TAR_DIR, STR(""), 0, &t, err);
	buf_putc(&d->path, '/');
	r = r < 0 || !opaque ? r : whiteout(d, OPAQUE, err);
	d->path.p[--d->path.n] = '\0';
	return r;
}

/* --- the way --- */
static int by_name(const void *a, const void *b, void *ctx)
{
	const struct item *x = a, *y = b;
	const char *names = ctx, *p = names + x->at, *q = names + y->at;
	while (*p && *p == *q) {
		p++;
		q++;
	}
	u8 c = *p ? (u8)*p : x->sub ? '/' : 0, e = *q ? (u8)*q : y->sub ? '/' : 0;
	return c < e ? -1 : c > e;
}

/* Whoever listened is gone, and no layer can say a socket. */
static int drop_socket(struct diffing *d, const char *name)
{
	struct stat st;
	if (fstat(d->up, &st) < 0 || unlinkat(d->up, name, 0) < 0)
		return -1;
	return futimens(d->up, (const struct timespec[2]){ st.st_atim, st.st_mtim });
}

static int list(struct diffing *d, struct level *l, struct error *err)
{
	int own = openat(d->up, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		cannot(d, err);
		if (own >= 0)
			close(own);
		return -1;
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		struct stat st;
		if (e->d_type == DT_UNKNOWN && fstatat(d->up, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			e->d_type = (u8)IFTODT(st.st_mode);
		if (e->d_type == DT_SOCK || (d->opt->as_it_is && str_starts(str_of(e->d_name), STR(".wh.")))) {
			if (!d->opt->as_it_is && drop_socket(d, e->d_name) < 0)
				break;
			continue;
		}
		struct item it = { (u32)l->names.n, e->d_type, false };
		buf_puts(&l->names, e->d_name);
		buf_putc(&l->names, '\0');
		VEC_PUSH(l->v, l->n, l->cap, it);
		it.sub = true;
		if (e->d_type == DT_DIR)
			VEC_PUSH(l->v, l->n, l->cap, it);
	}
	int r = errno ? cannot(d, err) : 0;
	closedir(dir);
	if (l->n)
		qsort_r(l->v, l->n, sizeof *l->v, by_name, l->names.p);
	return r;
}

static bool is_opaque(int fd)
{
	char y[4];
	return fgetxattr(fd, "user.overlay.opaque", y, sizeof y) == 1 && y[0] == 'y';
}

static int enter(struct diffing *d, const char *name, struct error *err)
{
	struct level l = { .path = d->path.n, .low = -1, .pycache = name && strcmp(name, "__pycache__") == 0, .has_low = !name && d->low >= 0 };
	if (name) {
		int up = openat(d->up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (up < 0)
			return cannot(d, err);
		int low = d->low < 0 || is_opaque(up) ? -1 : openat(d->low, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(d->up);
		d->up = up;
		l.has_low = low >= 0;
		if (low < 0)
			l.low = d->low; /* kept for the way back; nothing deeper has one */
		else
			close(d->low);
		d->low = low;
	}
	VEC_PUSH(d->stack, d->n, d->cap, l);
	return list(d, &d->stack[d->n - 1], err);
}

static int back_to(int *fd)
{
	int up = openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(*fd);
	*fd = up;
	return up < 0 ? -1 : 0;
}

static int leave(struct diffing *d, struct error *err)
{
	struct level l = d->stack[--d->n];
	int r = 0;
	if (d->n) {
		r = back_to(&d->up);
		if (l.has_low)
			r = r < 0 ? r : back_to(&d->low);
		else
			d->low = l.low;
	}
	buf_free(&l.names);
	free(l.v);
	return r < 0 ? cannot(d, err) : 0;
}

static int visit(struct diffing *d, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(d->up, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(d, err);
	if (str_starts(str_of(name), STR(".wh.")))
		return error_set(err, ERR_INPUT, "/%.*s: a layer can hold nothing of that name (\".wh.\" marks what was removed)", STR_FMT(buf_str(&d->path)));
	if (d->path.n > TAR_PATH_MAX - 300)
		return error_set(err, ERR_INPUT, "/%.100s…: a path of more than %zu bytes", d->path.p, TAR_PATH_MAX - 300);
	return S_ISDIR(st.st_mode) ? visit_dir(d, name, &st, err) : S_ISREG(st.st_mode) ? visit_file(d, name, &st, err) : S_ISLNK(st.st_mode) ? visit_link(d, name, &st, err) : visit_other(d, name, &st, err);
}

static int walk(struct diffing *d, struct error *err)
{
	int r = enter(d, NULL, err);
	while (r == 0 && d->n) {
		struct level *l = &d->stack[d->n - 1];
		d->path.n = l->path;
		if (l->i == l->n) {
			r = leave(d, err);
			continue;
		}
		struct item it = l->v[l->i++];
		char name[256];
		snprintf(name, sizeof name, "%s", l->names.p + it.at);
		if (l->path)
			buf_putc(&d->path, '/');
		buf_puts(&d->path, name);
		r = it.sub ? enter(d, name, err) : visit(d, name, err);
	}
	return r;
}

/* --- what was only there to be mounted on --- */
static int longest_first(const void *a, const void *b)
{
	size_t x = strlen(*(const char *const *)a), y = strlen(*(const char *const *)b);
	return x > y ? -1 : x < y;
}

static void forget_one(struct diffing *d, const char *path)
{
	struct stat st;
	while (*path == '/')
		path++;
	autofd int below = d->low >= 0 && *path ? within_open(d->low, path, O_PATH | O_NOFOLLOW) : -1;
	if (!*path || below >= 0)
		return;
	autofree char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	const char *name = slash ? path + (slash - dir) + 1 : path;
	if (slash)
		*slash = '\0';
	autofd int up = within_open(d->up, slash ? dir : "", O_RDONLY | O_DIRECTORY);
	if (up < 0 || fstatat(up, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode) ? unlinkat(up, name, AT_REMOVEDIR) < 0 : S_ISREG(st.st_mode) && st.st_size == 0 && unlinkat(up, name, 0) < 0) { /* then something is in it that the step left */
	}
}

static void forget(struct diffing *d)
{
	const char **v = NULL;
	u32 n = 0, cap = 0;
	for (u32 i = 0; d->opt->forget && d->opt->forget[i]; i++)
		VEC_PUSH(v, n, cap, d->opt->forget[i]);
	if (n)
		qsort(v, n, sizeof *v, longest_first);
	for (u32 i = 0; i < n; i++)
		forget_one(d, v[i]);
	free(v);
}

/* --- all of it --- */
/* The root directory is in no layer: it stays as it was below. */
static int root_as_below(const struct diffing *d, struct error *err)
{
	struct timespec ts[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	if (d->low >= 0)
		root_about(d->low, d->up);
	else if (fchown(d->up, 0, 0) < 0 || fchmod(d->up, 0755) < 0 || futimens(d->up, ts) < 0)
		return error_errno(err, "/");
	return 0;
}

static int root_as_it_is(struct diffing *d, struct error *err)
{
	struct stat st;
	if (fstat(d->up, &st) < 0 || read_xattrs(d->up, &d->xattrs, NULL) < 0)
		return error_errno(err, "/");
	return header(d, &st, TAR_DIR, STR(""), 0, &st.st_mtim, err);
}

static int in_child(void *ctx, const int *fds, int out, struct error *err)
{
	struct diffing *d = ctx;
	d->clock = (struct diff_clock){ d->u->began, (s64)time(NULL) + 1, d->opt->epoch };
	d->out = out;
	d->low = d->has_below ? fds[0] : -1;
	d->up = open(d->u->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->up < 0)
		return error_errno(err, "%s", d->u->upper);
	if (d->opt->as_it_is)
		d->clock = (struct diff_clock){ INT64_MAX, INT64_MIN, -1 };
	else
		forget(d);
	if ((d->opt->as_it_is ? root_as_it_is(d, err) : root_as_below(d, err)) < 0 || walk(d, err) < 0)
		return -1;
	return d->told->entries ? pad(d, TAR_TRAILER, err) < 0 || flush(d, err) < 0 ? -1 : 0 : 0; /* its memory goes with the process */
}

static int here(void *ctx, int in, struct error *err)
{
	struct diffing *d = ctx;
	return pack_from(d->pack, in, err);
}

int diff_take(struct store *s, const struct run_ids *ids, const struct upper *u, const struct snapshot *below, const struct diff_options *opt, struct build_layer *ret, struct diff_told *told, struct error *err)
{
	struct diffing d = { .s = s, .u = u, .opt = opt, .has_below = below && below->n };
	struct run_root root = { .lowers = d.has_below ? below->dirs : NULL, .n_lowers = d.has_below ? below->n : 0 };
	struct root_job job = { .roots = &root, .n = d.has_below, .dir = u->root, .f = in_child, .take = here, .ctx = &d };
	d.told = mmap(NULL, sizeof *d.told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d.told == MAP_FAILED)
		return error_errno(err, "memory");
	d.pack = pack_new(s);
	int r = root_do(ids, &job, err);
	struct build_layer l = { 0 };
	r = r < 0 ? r : pack_finish(d.pack, &l, err);
	if (r >= 0) {
		*told = *d.told;
		*ret = l;
	}
	pack_free(d.pack);
	munmap(d.told, sizeof *d.told);
	return r < 0 ? -1 : 0;
}
