/* Files of a feed: one, or all below a directory, decompressed by content; archives are directories of their members. */
#include "advisory/feed.h"
#include "base/archive.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES ((size_t)4096)
#define TAR_MAGIC ((size_t)257)

/* --- names --- */
static bool wanted(const char *suffixes, struct str name)
{
	static const char *const packed[] = { "", ".gz", ".zst", ".xz", ".bz2" };
	for (struct str rest = str_of(suffixes); rest.p && rest.n;) {
		struct str suffix = str_cut(&rest, ' ');
		for (size_t i = 0; i < countof(packed); i++)
			if (str_ends(name, str_of(packed[i])) && str_ends(str_head(name, name.n - strlen(packed[i])), suffix))
				return true;
	}
	return suffixes[0] == '\0';
}

static bool is_archive_name(struct str name)
{
	return wanted(".zip .tar .tgz", name);
}

struct walk {
	const char *suffixes;
	feed_stream *f;
	void *ctx;
	u32 files;
};

static int count_file(struct walk *w, const char *name, struct error *err)
{
	return ++w->files > FEED_FILES ? error_set(err, ERR_INPUT, "%s: more than %u files", name, FEED_FILES) : 0;
}

/* --- members of archives --- */
struct members {
	struct archive *a;
	struct stream *inner; /* of a tar; NULL of a zip */
	struct error *err;    /* what inner said */
	char *ring;           /* pieces stay good as long as stream.h says */
	u32 turn;
	const char *block;
	size_t left;
	u64 out, most;        /* bytes given out; how many may be */
};

static const char *why(struct archive *a)
{
	const char *text = libarchive()->error_string(a);
	return text ? text : "no reason given";
}

static la_ssize_t pull(struct archive *a, void *ctx, const void **block)
{
	struct members *m = ctx;
	struct str view;
	if (stream_next(m->inner, &view, m->err) < 0) {
		libarchive()->set_error(a, EIO, "%s", m->err->text);
		return -1;
	}
	*block = view.p;
	return (la_ssize_t)view.n;
}

static int member_next(void *ctx, struct str *view, struct error *err)
{
	struct members *m = ctx;
	while (!m->left) {
		const void *p = NULL;
		la_int64_t at;
		int r = libarchive()->data_block(m->a, &p, &m->left, &at);
		if (r == ARCHIVE_EOF) {
			*view = str_n("", 0);
			return 0;
		}
		if (r != ARCHIVE_OK)
			return error_set(err, ERR_INPUT, "damaged archive: %s", why(m->a));
		m->block = p;
	}
	size_t n = MIN(m->left, STREAM_CHUNK);
	char *to = m->ring + (size_t)(m->turn++ % STREAM_RING) * STREAM_CHUNK;
	memcpy(to, m->block, n);
	m->block += n;
	m->left -= n;
	m->out += n;
	if (m->out > m->most)
		return error_set(err, ERR_INPUT, "grows more than %d-fold", INFLATE_RATIO);
	*view = str_n(to, n);
	return 0;
}

static void no_close(void *ctx) { (void)ctx; }

static int one_member(struct walk *w, struct members *m, const char *name, struct error *err)
{
	struct stream *s;
	m->left = 0;
	if (count_file(w, name, err) < 0 || stream_inflate(stream_callback(member_next, no_close, m), &s, NULL, err) < 0)
		return error_wrap(err, "%s", name);
	int r = w->f(w->ctx, name, s, err);
	stream_close(s);
	return r;
}

static int all_members(struct walk *w, struct members *m, const char *name, struct error *err)
{
	struct archive_entry *e;
	for (;;) {
		int r = libarchive()->next_header(m->a, &e);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return error_set(err, ERR_INPUT, "%s: damaged archive: %s", name, why(m->a));
		const char *path = libarchive()->pathname(e);
		if (libarchive()->filetype(e) != AE_IFREG || !wanted(w->suffixes, str_of(path ? path : "")))
			continue;
		struct buf full = BUF(PATH_BYTES);
		buf_printf(&full, "%s: %s", name, path ? path : "a member without a name");
		r = full.over ? error_set(err, ERR_INPUT, "%s: a name of over %zu bytes", name, PATH_BYTES) : one_member(w, m, full.p, err);
		buf_free(&full);
		if (r < 0)
			return r;
	}
}

/* A zip in the file `fd`, or a tar that comes out of `inner`. */
static int read_archive(struct walk *w, int fd, struct stream *inner, u64 size, const char *name, struct error *err)
{
	struct error inner_err = { 0 };
	struct members m = { .inner = inner, .err = &inner_err, .most = MAX(INFLATE_FREE, size > INFLATE_MAX / INFLATE_RATIO ? INFLATE_MAX : size * INFLATE_RATIO) };
	m.a = libarchive()->read_new();
	if (!m.a)
		return error_set(err, ERR_ENV, "%s: libarchive gives nothing", name);
	int r = inner ? libarchive()->support_tar(m.a) : libarchive()->support_zip_seekable(m.a) /* what was cut off would else be missed by nobody */;
	if (r == ARCHIVE_OK)
		r = inner ? libarchive()->open(m.a, &m, NULL, pull, NULL) : libarchive()->open_fd(m.a, fd, STREAM_CHUNK);
	if (r != ARCHIVE_OK) {
		r = error_set(err, ERR_INPUT, "%s: damaged archive: %s", name, why(m.a));
	} else {
		m.ring = xmalloc(STREAM_RING * STREAM_CHUNK);
		r = all_members(w, &m, name, err);
		free(m.ring);
	}
	libarchive()->read_free(m.a);
	return r;
}

/* --- files --- */
/* fd: taken. */
static int one_file(struct walk *w, int fd, const char *name, struct error *err)
{
	struct stat st;
	char magic[4] = "";
	if (fstat(fd, &st) < 0) {
		error_errno(err, "%s", name);
		close(fd);
		return -1;
	}
	u64 size = S_ISREG(st.st_mode) && st.st_size > 0 ? (u64)st.st_size : 0;
	if (size && file_pread(fd, magic, sizeof magic, 0) == sizeof magic && memcmp(magic, "PK", 2) == 0 && (magic[2] == 3 || magic[2] == 5)) {
		int r = read_archive(w, fd, NULL, size, name, err);
		close(fd);
		return r;
	}
	struct stream *s;
	struct str head;
	size_t chunk = size && size < STREAM_CHUNK ? (size_t)size + 1 : 0; /* many documents are small: no more memory than that for each */
	if (stream_inflate(stream_file(fd, true, 0, UINT64_MAX, chunk), &s, NULL, err) < 0)
		return error_wrap(err, "%s", name);
	int r = stream_next(s, &head, err);
	if (r < 0) {
		error_wrap(err, "%s", name);
		stream_close(s);
		return -1;
	}
	bool tar = head.n > TAR_MAGIC + 5 && memcmp(head.p + TAR_MAGIC, "ustar", 5) == 0;
	s = stream_concat(head, s);
	r = tar ? read_archive(w, -1, s, size, name, err) : count_file(w, name, err) < 0 ? -1 : w->f(w->ctx, name, s, err);
	stream_close(s);
	return r;
}

struct names {
	struct arena arena;
	const char **v;
	u32 n, cap;
};

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The entries of one directory: files go to `files`, directories to `dirs` (both as paths from the root). */
static int list_directory(int root, const char *path, struct walk *w, struct names *files, struct names *dirs, struct error *err)
{
	int fd = openat(root, path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		error_errno(err, "%s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		struct names *to = S_ISDIR(st.st_mode) ? dirs : files;
		if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || (!wanted(w->suffixes, str_of(e->d_name)) && !is_archive_name(str_of(e->d_name)))))
			continue;
		if (to->n >= FEED_FILES)
			r = error_set(err, ERR_INPUT, "%s: more than %u files", path, FEED_FILES);
		else
			VEC_PUSH(to->v, to->n, to->cap, arena_printf(&files->arena, "%s%s%s", path, path[0] ? "/" : "", e->d_name));
	}
	closedir(d);
	return r;
}

static u32 depth_of(const char *path)
{
	u32 n = 0;
	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int walk_directory(struct walk *w, int root, struct error *err)
{
	struct names files = { 0 }, dirs = { 0 };
	int r = list_directory(root, "", w, &files, &dirs, err);
	for (u32 i = 0; r == 0 && i < dirs.n; i++) /* grows behind i */
		r = depth_of(dirs.v[i]) >= FEED_DEPTH ? error_set(err, ERR_INPUT, "%s: over %d directories deep", dirs.v[i], FEED_DEPTH)
		                                      : list_directory(root, dirs.v[i], w, &files, &dirs, err);
	if (files.n)
		qsort(files.v, files.n, sizeof *files.v, by_name);
	for (u32 i = 0; r == 0 && i < files.n; i++) {
		int fd = file_open_beneath(root, files.v[i], err);
		r = fd < 0 ? -1 : one_file(w, fd, files.v[i], err);
	}
	free(files.v);
	free(dirs.v);
	arena_free(&files.arena);
	return r;
}

int feed_walk_streams(const char *path, const char *suffixes, feed_stream *f, void *ctx, struct error *err)
{
	struct walk w = { .suffixes = suffixes, .f = f, .ctx = ctx };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_errno(err, "%s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return one_file(&w, fd, path, err);
	int r = walk_directory(&w, fd, err);
	close(fd);
	return r;
}
