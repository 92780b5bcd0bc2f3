/* A plain directory as an image of one layer: the tar archive that would hold it, generated as it is read. Names in bytewise order, nothing followed,
 * other file systems (/proc of a chroot) not entered. */
#include "base/arena.h"
#include "base/seg.h"
#include "transport/places.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 512

struct walk_dir {
	int fd;
	char **names; /* sorted */
	u32 n, at;
	size_t path_n; /* length of the path up to here */
};

struct inode_seen {
	u64 dev, ino;
	char *path;
};

struct walk {
	struct walk_dir stack[DEPTH_MAX];
	int depth;
	dev_t device;
	struct buf path;   /* of the current entry, without a leading '/' */
	struct buf ring[STREAM_RING]; /* headers given out */
	u32 turn;
	char *data;        /* STREAM_RING buffers for content */
	int fd;            /* file whose content is being given */
	u64 left, padding;
	int stage;         /* 0 entries, 1 content, 2 padding, 3 the end, 4 over */
	struct inode_seen *seen;
	u32 n_seen, cap_seen;
	struct problems *problems;
};

struct rootfs_source {
	struct source base;
	char *dir;
};

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int push_dir(struct walk *w, int fd, struct error *err)
{
	if (w->depth == DEPTH_MAX) {
		close(fd);
		return error_set(err, ERR_INPUT, "/%s: directories nested more than %d deep", w->path.p, DEPTH_MAX);
	}
	struct walk_dir d = { .fd = fd, .path_n = w->path.n };
	u32 cap = 0;
	DIR *dir = fdopendir(dup(fd));
	if (!dir) {
		close(fd);
		return error_errno(err, "/%s", w->path.p ? w->path.p : "");
	}
	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			VEC_PUSH(d.names, d.n, cap, xstrdup(e->d_name));
	closedir(dir);
	if (d.n)
		qsort(d.names, d.n, sizeof *d.names, by_name);
	w->stack[w->depth++] = d;
	return 0;
}

static void pop_dir(struct walk *w)
{
	struct walk_dir *d = &w->stack[--w->depth];
	for (u32 i = 0; i < d->n; i++)
		free(d->names[i]);
	free(d->names);
	close(d->fd);
}

/* --- headers: pax for everything that ustar cannot say --- */
static void octal(char *to, size_t width, u64 v)
{
	for (size_t i = width - 1; i-- > 0; v >>= 3)
		to[i] = (char)('0' + (v & 7));
	to[width - 1] = '\0';
}

static void header(struct buf *out, const char *name, const struct stat *st, char type, const char *link, u64 size)
{
	char h[512] = { 0 };
	memcpy(h, name, MIN(strlen(name), (size_t)100));
	octal(h + 100, 8, st->st_mode & 07777);
	octal(h + 108, 8, st->st_uid < 2097152 ? st->st_uid : 0);
	octal(h + 116, 8, st->st_gid < 2097152 ? st->st_gid : 0);
	octal(h + 124, 12, size < (u64)1 << 33 ? size : 0);
	octal(h + 136, 12, st->st_mtime > 0 ? (u64)st->st_mtime : 0);
	memset(h + 148, ' ', 8);
	h[156] = type;
	if (link)
		memcpy(h + 157, link, MIN(strlen(link), (size_t)100));
	memcpy(h + 257, "ustar\00000", 8);
	if (type == '3' || type == '4') {
		octal(h + 329, 8, major(st->st_rdev));
		octal(h + 337, 8, minor(st->st_rdev));
	}
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof h; i++)
		sum += (u8)h[i];
	octal(h + 148, 7, sum);
	h[155] = ' ';
	buf_add(out, str_n(h, sizeof h));
}

static void record(struct buf *out, struct str key, struct str value)
{
	size_t body = key.n + value.n + 3, n = body + 1;
	for (size_t digits = 1; digits < 10; digits++) {
		char num[16];
		n = body + digits;
		if ((size_t)snprintf(num, sizeof num, "%zu", n) == digits)
			break;
	}
	buf_printf(out, "%zu ", n);
	buf_add(out, key);
	buf_putc(out, '=');
	buf_add(out, value);
	buf_putc(out, '\n');
}

static void number_record(struct buf *out, const char *key, u64 v)
{
	char num[24];
	snprintf(num, sizeof num, "%llu", (unsigned long long)v);
	record(out, str_of(key), str_of(num));
}

static void xattr_records(struct buf *out, const char *host)
{
	char names[16384], value[65536];
	ssize_t n = llistxattr(host, names, sizeof names);
	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = lgetxattr(host, p, value, sizeof value);
		if (len < 0 || strncmp(p, "system.", 7) == 0)
			continue;
		struct buf key = BUF(0);
		buf_printf(&key, "SCHILY.xattr.%s", p);
		record(out, buf_str(&key), str_n(value, (size_t)len));
		buf_free(&key);
	}
}

/* The header blocks of the entry named w->path. */
static void headers(struct walk *w, int dirfd, const char *name, const struct stat *st, char type, const char *link, u64 size)
{
	struct buf pax = BUF(0), host = BUF(0);
	struct buf *out = &w->ring[w->turn++ % STREAM_RING];
	buf_clear(out);
	buf_printf(&host, "/proc/self/fd/%d/%s", dirfd, name);
	if (w->path.n > 100)
		record(&pax, STR("path"), buf_str(&w->path));
	if (link && strlen(link) > 100)
		record(&pax, STR("linkpath"), str_of(link));
	if (st->st_uid >= 2097152)
		number_record(&pax, "uid", st->st_uid);
	if (st->st_gid >= 2097152)
		number_record(&pax, "gid", st->st_gid);
	if (size >= (u64)1 << 33)
		number_record(&pax, "size", size);
	if (type != '1')
		xattr_records(&pax, host.p);
	if (pax.n) {
		static const struct stat none = { .st_mode = 0644 };
		header(out, "PaxHeaders/entry", &none, 'x', NULL, pax.n);
		buf_add(out, buf_str(&pax));
		static const char zero[512];
		buf_add(out, str_n(zero, (512 - pax.n % 512) % 512));
	}
	header(out, w->path.p, st, type, link, size);
	buf_free(&pax);
	buf_free(&host);
}

/* The path under which an inode with several names was given before; NULL the first time. */
static const char *seen_before(struct walk *w, const struct stat *st)
{
	if (st->st_nlink < 2)
		return NULL;
	for (u32 i = w->n_seen; i-- > 0;)
		if (w->seen[i].ino == st->st_ino && w->seen[i].dev == st->st_dev)
			return w->seen[i].path;
	struct inode_seen s = { st->st_dev, st->st_ino, xstrdup(w->path.p) };
	VEC_PUSH(w->seen, w->n_seen, w->cap_seen, s);
	return NULL;
}

/* Gives the next entry's headers; false when there is none that can be given (the caller asks again). */
static bool one(struct walk *w, struct str *view, struct error *err)
{
	struct walk_dir *d = &w->stack[w->depth - 1];
	if (d->at == d->n) {
		pop_dir(w);
		return false;
	}
	const char *name = d->names[d->at++];
	struct stat st;
	w->path.n = d->path_n;
	if (w->path.n)
		buf_putc(&w->path, '/');
	buf_puts(&w->path, name);
	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		problem_add(w->problems, "/%s: %s", w->path.p, strerror(errno));
		return false;
	}
	char target[PATH_MAX + 1] = "";
	char type = S_ISDIR(st.st_mode) ? '5' : S_ISLNK(st.st_mode) ? '2' : S_ISCHR(st.st_mode) ? '3' : S_ISBLK(st.st_mode) ? '4' : S_ISFIFO(st.st_mode) ? '6' : S_ISREG(st.st_mode) ? '0' : 0;
	if (!type)
		return false; /* a socket: no archive holds one */
	const char *link = type == '5' ? NULL : seen_before(w, &st);
	if (link)
		type = '1';
	else if (type == '2') {
		ssize_t n = readlinkat(d->fd, name, target, PATH_MAX);
		target[MAX(n, 0)] = '\0';
		link = target;
	}
	if (type == '0') {
		w->fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (w->fd < 0) {
			problem_add(w->problems, "/%s: %s", w->path.p, strerror(errno));
			return false;
		}
	}
	u64 size = type == '0' ? (u64)st.st_size : 0;
	headers(w, d->fd, name, &st, type, link, size);
	*view = buf_str(&w->ring[(w->turn - 1) % STREAM_RING]);
	if (type == '0') {
		w->left = size;
		w->padding = (512 - size % 512) % 512;
		w->stage = 1;
	} else if (type == '5' && st.st_dev == w->device) {
		int fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			problem_add(w->problems, "/%s: %s", w->path.p, strerror(errno));
		else if (push_dir(w, fd, err) < 0)
			return problem_add(w->problems, "%s", err->text), true;
	}
	return true;
}

static int walk_next(void *ctx, struct str *view, struct error *err)
{
	static const char zero[1024];
	struct walk *w = ctx;
	for (;;) {
		if (w->stage == 0) {
			if (w->depth == 0) {
				w->stage = 4;
				*view = str_n(zero, 1024);
				return 0;
			}
			if (one(w, view, err))
				return 0;
		} else if (w->stage == 1) {
			char *to = w->data + (size_t)(w->turn++ % STREAM_RING) * STREAM_CHUNK;
			ssize_t n = w->left ? read(w->fd, to, (size_t)MIN(w->left, (u64)STREAM_CHUNK)) : 0;
			if (n < 0)
				return error_errno(err, "/%s", w->path.p);
			if (n == 0 && w->left) /* it shrank while we read */
				return error_set(err, ERR_INPUT, "/%s: changed while it was read", w->path.p);
			w->left -= (u64)n;
			if (n == 0) {
				close(w->fd);
				w->fd = -1;
				w->stage = 2;
				continue;
			}
			*view = str_n(to, (size_t)n);
			return 0;
		} else if (w->stage == 2) {
			w->stage = 0;
			*view = str_n(zero, (size_t)w->padding);
			if (w->padding)
				return 0;
		} else {
			*view = str_n("", 0);
			return 0;
		}
	}
}

static void walk_close(void *ctx)
{
	struct walk *w = ctx;
	while (w->depth)
		pop_dir(w);
	if (w->fd >= 0)
		close(w->fd);
	for (u32 i = 0; i < STREAM_RING; i++)
		buf_free(&w->ring[i]);
	for (u32 i = 0; i < w->n_seen; i++)
		free(w->seen[i].path);
	free(w->seen);
	free(w->data);
	buf_free(&w->path);
	free(w);
}

static int open_layer(struct source *s, u32 i, struct stream **ret, struct error *err)
{
	(void)i;
	const char *dir = ((struct rootfs_source *)s)->dir;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (fd >= 0)
			close(fd);
		return error_errno(err, "%s", dir);
	}
	struct walk *w = xcalloc(1, sizeof *w);
	w->fd = -1;
	w->device = st.st_dev;
	w->problems = &s->problems;
	w->data = xmalloc(STREAM_RING * STREAM_CHUNK);
	buf_puts(&w->path, "");
	if (push_dir(w, fd, err) < 0) {
		walk_close(w);
		return -1;
	}
	*ret = stream_callback(walk_next, walk_close, w);
	return 0;
}

static void close_source(struct source *s) { free(((struct rootfs_source *)s)->dir); }

static const struct source_ops ops = { open_layer, NULL, close_source };

static int open_rootfs(const char *detail, const struct source_options *opt, struct source **ret, struct error *err)
{
	(void)opt;
	struct stat st;
	if (stat(detail, &st) < 0)
		return error_errno(err, "%s", detail);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERR_USAGE, "rootfs:%s: not a directory", detail);
	struct source *s = source_new(sizeof(struct rootfs_source), &ops, "rootfs");
	((struct rootfs_source *)s)->dir = xstrdup(detail);
	s->reference = arena_strdup(&s->arena, str_of(detail));
	s->manifest_media_type = "";
	s->n_layers = 1;
	s->layers = arena_array(&s->arena, struct source_layer, 1);
	s->layers[0].place = s->reference;
	s->layers[0].desc.media_type = "";
	*ret = s;
	return 0;
}

const struct transport transport_rootfs = { "rootfs", "DIR", "a plain directory, as one layer", open_rootfs };
