/* context_digest.c — what a part of a context is: walked on one thread, files that nobody has read yet read on all of them.
 *
 * The digest of a file is that of "file", its permission bits, and the SHA-512 (faster than SHA-256 where the processor has neither) of each piece of DIGEST_PIECE bytes, so that a large file is read by all threads, too.
 * That of a tree is the digest of its entries in order, each with its path. */
#include "base/thread.h"
#include "build/context_inner.h"
#include "build/pick.h"
#include "build/within.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define DIGEST_PIECE (4 * MiB)
#define DIGEST_TRIES 3
#define REMOTE_RACY 2000 /* ms */

struct entry {
	const char *path; /* below the context */
	const char *link;
	struct known_file f; /* digest: once it is known */
	bool known;
};
struct piece {
	u32 entry;
	u64 at;
	u64 n;
	u8 digest[64];
	int failed;  /* errno */
	bool changed;
};
struct walk {
	struct context *c;
	const struct pick *pick;
	const char *base;
	struct arena a;
	struct entry *v;
	u32 n, cap;
	u64 bytes;
	struct piece *pieces;
	u32 n_pieces, cap_pieces;
};

static s64 ns(struct timespec t) { return (s64)t.tv_sec * 1000000000 + t.tv_nsec; }

static struct known_file looks(const struct stat *st)
{
	return (struct known_file){ .dev = st->st_dev, .ino = st->st_ino, .size = (u64)st->st_size, .mtime = ns(st->st_mtim), .ctime = ns(st->st_ctim), .mode = st->st_mode };
}

static bool same(const struct known_file *a, const struct known_file *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime == b->mtime && a->ctime == b->ctime && a->mode == b->mode;
}

/* --- the walk --- */
/* 1: it is nothing that an image has (a socket). */
static int add_entry(struct walk *w, int dir, const char *name, const char *path, struct entry **ret, struct error *err)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
		return errno == ENOENT && *name ? 1 : error_errno(err, "%.300s", path);
	if (S_ISSOCK(st.st_mode))
		return 1;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return error_set(err, ERR_INPUT, "%.300s: a device: those cannot be copied", path);
	if (w->n >= CONTEXT_FILES)
		return error_set(err, ERR_INPUT, "more than %u files", CONTEXT_FILES);
	struct entry e = { .path = arena_bytes(&w->a, str_of(path)), .f = looks(&st) };
	w->bytes += S_ISREG(st.st_mode) ? MIN(e.f.size, INFLATE_MAX) : 0;
	if (S_ISREG(st.st_mode) && (e.f.size > INFLATE_MAX || w->bytes > INFLATE_MAX)) /* no layer has more: before holes are read */
		return error_set(err, ERR_INPUT, "%.300s: files of more than %llu GiB", path, (unsigned long long)(INFLATE_MAX / GiB));
	if (S_ISLNK(st.st_mode)) {
		char to[WITHIN_PATH];
		ssize_t n = readlinkat(dir, name, to, sizeof to);
		if (n < 0)
			return errno == ENOENT || errno == EINVAL ? 1 : error_errno(err, "%.300s", path);
		e.link = arena_bytes(&w->a, str_n(to, (size_t)n));
	}
	VEC_PUSH(w->v, w->n, w->cap, e);
	*ret = &w->v[w->n - 1];
	return 0;
}

static int walk(struct walk *w, int dir, char *path, u32 depth, struct error *err);

static int walk_one(struct walk *w, int dir, const char *name, char *path, u32 depth, struct error *err)
{
	struct entry *e;
	const char *below = path + strlen(w->base) + (*w->base ? 1 : 0);
	bool has = pick_has(w->pick, below);
	if (!has && !pick_below(w->pick, below))
		return 0;
	u32 at = w->n;
	int r = add_entry(w, dir, name, path, &e, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!S_ISDIR(e->f.mode)) {
		w->n -= !has;
		return 0;
	}
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return within_changed(err, path);
	r = walk(w, fd, path, depth + 1, err);
	if (!has && w->n == at + 1)
		w->n = at; /* nothing of it */
	return r;
}

static int walk(struct walk *w, int dir, char *path, u32 depth, struct error *err)
{
	struct within_names names;
	size_t at = strlen(path);
	int r = 0;
	if (depth > CONTEXT_DEPTH)
		return error_set(err, ERR_INPUT, "%.200s: more than %u directories deep", path, CONTEXT_DEPTH);
	if (within_names(dir, CONTEXT_FILES, &names, err) < 0)
		return error_wrap(err, "%.300s", *path ? path : ".");
	for (u32 i = 0; i < names.n && r == 0; i++) {
		if (within_join(str_n(path, at), str_of(names.v[i]), path) < 0)
			r = error_set(err, ERR_INPUT, "%.200s: a name that is too long", path);
		else
			r = walk_one(w, dir, names.v[i], path, depth, err);
		path[at] = '\0';
	}
	within_names_free(&names);
	return r;
}

/* --- reading --- */
static void read_piece(u32 i, void *ctx)
{
	struct walk *w = ctx;
	struct piece *p = &w->pieces[i];
	const struct entry *e = &w->v[p->entry];
	struct stat st;
	autofd int fd = within_open(w->c->root, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		p->failed = errno;
		return;
	}
	struct known_file now = looks(&st);
	p->changed = !same(&now, &e->f);
	if (p->changed)
		return;
	size_t room = (size_t)MIN(p->n, 256 * KiB);
	autofree char *b = xmalloc(room + 1);
	struct digester *d = digester_new(DIGEST_SHA512);
	for (u64 done = 0; done < p->n;) {
		ssize_t k = file_pread(fd, b, (size_t)MIN(p->n - done, room), p->at + done);
		if (k <= 0) {
			p->failed = k < 0 ? errno : 0;
			p->changed = k == 0;
			break;
		}
		digester_add(d, str_n(b, (size_t)k));
		done += (u64)k;
	}
	struct digest got = digester_finish(d);
	memcpy(p->digest, got.bytes, sizeof p->digest);
	if (fstat(fd, &st) == 0) {
		now = looks(&st);
		p->changed |= !same(&now, &e->f);
	}
}

/* When something is too young for that its times say of what it was read in. */
static s64 young(const struct context *c)
{
	struct timespec now;
	struct statfs fs;
	bool remote = fstatfs(c->root, &fs) == 0 && (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == SMB_SUPER_MAGIC || (u32)fs.f_type == 0xFF534D42u /* cifs */ || (u32)fs.f_type == 0xFE534D42u /* smb2 */ || fs.f_type == FUSE_SUPER_MAGIC || fs.f_type == V9FS_MAGIC);
	clock_gettime(CLOCK_REALTIME, &now);
	return ns(now) - (s64)(remote ? REMOTE_RACY : CONTEXT_RACY) * 1000000;
}

static void entry_digest(struct entry *e, const struct piece *p, u32 n)
{
	char head[64];
	int k = snprintf(head, sizeof head, "file %o %llu\n", e->f.mode & 07777u, (unsigned long long)e->f.size);
	struct digester *d = digester_new(DIGEST_SHA256);
	digester_add(d, str_n(head, (size_t)k));
	for (u32 i = 0; i < n; i++)
		digester_add(d, str_n(p[i].digest, sizeof p[i].digest));
	struct digest got = digester_finish(d);
	memcpy(e->f.digest, got.bytes, sizeof e->f.digest);
	e->known = true;
}

static void settle(struct walk *w, s64 before)
{
	for (u32 i = 0, n; i < w->n_pieces; i += n) {
		struct entry *e = &w->v[w->pieces[i].entry];
		bool good = true;
		for (n = 0; i + n < w->n_pieces && w->pieces[i + n].entry == w->pieces[i].entry; n++)
			good &= !w->pieces[i + n].changed && !w->pieces[i + n].failed;
		if (!good)
			continue;
		entry_digest(e, &w->pieces[i], n);
		if (e->f.mtime < before && e->f.ctime < before) {
			pthread_mutex_lock(&w->c->lock);
			known_add(w->c->known, &e->f);
			pthread_mutex_unlock(&w->c->lock);
		}
	}
}

/* Files that changed since they were looked at are looked at once more. */
static int look_again(struct walk *w, u32 n_try, struct error *err)
{
	for (u32 i = 0; i < w->n_pieces; i++) {
		const struct piece *p = &w->pieces[i];
		struct entry *e = &w->v[p->entry];
		struct stat st;
		if (e->known)
			continue;
		if (p->failed) {
			errno = p->failed;
			return within_changed(err, e->path);
		}
		if (within_stat(w->c->root, e->path, &st) < 0)
			return within_changed(err, e->path);
		if (!S_ISREG(st.st_mode) || n_try + 1 == DIGEST_TRIES)
			return error_set(err, ERR_INPUT, "%.300s: it changes while it is read", e->path);
		e->f = looks(&st);
	}
	return 0;
}

static int read_all(struct walk *w, struct error *err)
{
	for (u32 t = 0; t < DIGEST_TRIES; t++) {
		w->n_pieces = 0;
		for (u32 i = 0; i < w->n; i++)
			if (!w->v[i].known && S_ISREG(w->v[i].f.mode)) {
				u64 at = 0;
				do {
					struct piece p = { .entry = i, .at = at, .n = MIN(w->v[i].f.size - at, DIGEST_PIECE) };
					VEC_PUSH(w->pieces, w->n_pieces, w->cap_pieces, p);
					at += p.n;
				} while (at < w->v[i].f.size);
			}
		if (!w->n_pieces)
			return 0;
		s64 before = young(w->c);
		if (w->n_pieces == 1)
			read_piece(0, w);
		else
			thread_each(w->n_pieces, read_piece, w);
		settle(w, before);
		if (look_again(w, t, err) < 0)
			return -1;
	}
	return 0;
}

static void ask_known(struct walk *w)
{
	pthread_mutex_lock(&w->c->lock);
	for (u32 i = 0; i < w->n; i++)
		if (S_ISREG(w->v[i].f.mode)) {
			const struct known_file *k = known_find(w->c->known, &w->v[i].f);
			if (k) {
				memcpy(w->v[i].f.digest, k->digest, sizeof k->digest);
				w->v[i].known = true;
			}
		}
	pthread_mutex_unlock(&w->c->lock);
}

static void small_digest(struct entry *e)
{
	struct buf b = BUF(0);
	if (S_ISLNK(e->f.mode))
		buf_printf(&b, "link %s\n", e->link);
	else
		buf_printf(&b, "%s %o\n", S_ISDIR(e->f.mode) ? "directory" : "fifo", e->f.mode & 07777u);
	struct digest d = digest_bytes(DIGEST_SHA256, buf_str(&b));
	memcpy(e->f.digest, d.bytes, sizeof e->f.digest);
	buf_free(&b);
}

static int tell(struct walk *w, int (*f)(void *ctx, const struct context_entry *e, struct error *err), void *ctx, struct digest *ret, struct error *err)
{
	struct digester *all = digester_new(DIGEST_SHA256);
	size_t skip = strlen(w->base);
	int r = 0;
	for (u32 i = 0; i < w->n && r == 0; i++) {
		struct entry *e = &w->v[i];
		struct digest d = { .alg = DIGEST_SHA256 };
		if (!S_ISREG(e->f.mode))
			small_digest(e);
		memcpy(d.bytes, e->f.digest, sizeof e->f.digest);
		const char *below = e->path + MIN(skip, strlen(e->path));
		digester_add(all, str_n(below, strlen(below) + 1));
		digester_add(all, str_n(e->f.digest, sizeof e->f.digest));
		const struct context_entry t = { .path = str_of(e->path), .digest = &d, .dev = e->f.dev, .ino = e->f.ino, .size = e->f.size, .mtime = e->f.mtime, .ctime = e->f.ctime, .mode = e->f.mode };
		r = f ? f(ctx, &t, err) : 0;
	}
	struct digest whole = digester_finish(all);
	if (r == 0)
		*ret = whole;
	return r < 0 ? -1 : 0;
}

int context_digest_picked(struct context *c, const char *path, const struct pick *p, int (*f)(void *ctx, const struct context_entry *e, struct error *err), void *ctx, struct digest *ret, struct error *err)
{
	char at[WITHIN_PATH];
	struct walk w = { .c = c, .pick = p, .base = path };
	struct entry *top;
	if (within_join(str_of(path), STR(""), at) < 0)
		return 1;
	autofd int fd = within_open(c->root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? 1 : error_errno(err, "%.300s", path);
	int r = add_entry(&w, fd, "", at, &top, err);
	if (r == 0 && S_ISDIR(top->f.mode)) {
		autofd int dir = within_open(c->root, path, O_RDONLY | O_DIRECTORY);
		r = dir < 0 ? error_errno(err, "%.300s", *path ? path : ".") : walk(&w, dir, at, 0, err);
	}
	if (r == 0 && context_over(c))
		r = error_set(err, ERR_INPUT, ".dockerignore: too many patterns for that many files");
	if (r == 0) {
		ask_known(&w);
		r = read_all(&w, err);
	}
	if (r == 0)
		r = tell(&w, f, ctx, ret, err);
	free(w.v);
	free(w.pieces);
	arena_free(&w.a);
	return r;
}

struct told {
	int (*f)(void *ctx, struct str path, const struct digest *d, struct error *err);
	void *ctx;
};
static int pass_on(void *ctx, const struct context_entry *e, struct error *err)
{
	const struct told *t = ctx;
	char path[WITHIN_PATH + 1];
	if (!S_ISDIR(e->mode))
		return t->f(t->ctx, e->path, e->digest, err);
	int n = snprintf(path, sizeof path, "%.*s/", STR_FMT(e->path));
	return t->f(t->ctx, str_n(path, (size_t)n), e->digest, err);
}

int context_digest(struct context *c, struct str path, int (*f)(void *ctx, struct str path, const struct digest *d, struct error *err), void *ctx, struct digest *ret, struct error *err)
{
	char clean[WITHIN_PATH];
	struct told t = { f, ctx };
	const struct pick p = { .context = c, .base = clean };
	if (within_climbs(path))
		return error_set(err, ERR_INPUT, "%.*s leads out of the build context", STR_FMT(path));
	if (within_resolve(c->root, path, true, false, clean) < 0)
		return 1;
	if (*clean && context_ignored(c, str_of(clean))) { /* but for what is below it */
		autofd int dir = within_open(c->root, clean, O_RDONLY | O_DIRECTORY);
		int some = dir < 0 ? 1 : pick_any(&p, dir, err);
		if (some != 0)
			return some;
	}
	return context_digest_picked(c, clean, &p, f ? pass_on : NULL, &t, ret, err);
}
