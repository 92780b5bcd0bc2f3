#include "build/snapshot.h"
#include "rootfs/rootfs.h"
#include "run/tree.h"
#include "store/load.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define NEW "new-"
#define BOOT 12u /* digits of its ID that tell one start of the machine from another */

struct snapshots {
	char *trees, *dir; /* STORE/build/trees, …/IDS */
	char *store;
	struct run_ids ids;
	pthread_mutex_t lock; /* around making a whole tree: it takes all processors by itself */
	struct store *s;      /* opened when layers are needed */
	atomic_bool grew;
};
struct held { /* of struct snapshot */
	u32 n, cap;
	int *fds;
	struct arena a;
};

/* --- where --- */
static int boot_id(char out[BOOT + 1], struct error *err)
{
	struct buf text = BUF(256);
	int r = file_read("/proc/sys/kernel/random/boot_id", 256, &text, err);
	u32 n = 0;
	for (size_t i = 0; r == 0 && i < text.n && n < BOOT; i++)
		if ((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f'))
			out[n++] = text.p[i];
	out[n] = '\0';
	buf_free(&text);
	return r;
}

static int name_ids(const struct run_ids *ids, struct buf *out, struct error *err)
{
	char boot[BOOT + 1];
	if (boot_id(boot, err) < 0)
		return -1;
	if (!ids->rootless)
		buf_printf(out, "root-%s", boot);
	else
		buf_printf(out, "%u.%u-%u.%u-%u.%u-%s", ids->uid, ids->gid, ids->uid_first, ids->uid_count, ids->gid_first, ids->gid_count, boot);
	return 0;
}

/* STORE/build/trees as an absolute path (an overlay's directories are named from elsewhere); NULL and *err. `make` false: it may be missing. */
static char *trees_dir(const char *store, bool make, struct error *err)
{
	struct arena a = { 0 };
	const char *base = store_dir(&a, store, err);
	char *ret = NULL;
	if (base) {
		const char *path = arena_printf(&a, "%s/build/trees", base);
		if (!make || file_mkdirs(path, err) == 0) {
			ret = realpath(path, NULL);
			if (!ret && !(errno == ENOENT && !make))
				error_errno(err, "%s", path);
			else if (!ret)
				ret = xstrdup(path);
		}
	}
	arena_free(&a);
	return ret;
}

int snapshots_open(const char *store, const struct run_ids *ids, struct snapshots **ret, struct error *err)
{
	struct buf name = BUF(0);
	char *trees = trees_dir(store, true, err);
	if (!trees)
		return -1;
	buf_printf(&name, "%s/", trees);
	if (name_ids(ids, &name, err) < 0 || file_mkdirs(name.p, err) < 0) {
		buf_free(&name);
		free(trees);
		return -1;
	}
	struct snapshots *s = xcalloc(1, sizeof *s);
	*s = (struct snapshots){ .trees = trees, .dir = name.p, .store = store ? xstrdup(store) : NULL, .ids = *ids };
	pthread_mutex_init(&s->lock, NULL);
	run_tree_sweep(s->dir, NEW, &s->ids);
	*ret = s;
	return 0;
}

const char *snapshots_dir(const struct snapshots *s) { return s->dir; }

/* --- holding what is there --- */
static void path_of(const struct snapshots *s, const char *kind, const struct digest *d, struct buf *out)
{
	const char *hex = strchr(DIGEST_STR(d), ':');
	buf_clear(out);
	buf_printf(out, "%s/%s-%s", s->dir, kind, hex ? hex + 1 : "");
}

/* Adds the tree at `path` to those that are held. Whoever removes one has it locked only while he gives it another name. 1: there is none. */
static int hold(struct snapshot *to, const char *path, struct error *err)
{
	struct held *h = to->keep;
	struct stat st, now;
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1 : error_errno(err, "%s", path);
	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return error_errno(err, "%s", path);
	if (fstat(fd, &st) < 0 || lstat(path, &now) < 0 || st.st_ino != now.st_ino || st.st_dev != now.st_dev)
		return 1;
	if (futimens(fd, NULL) < 0) { /* then it looks unused for longer */
	}
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 8;
		h->fds = xrealloc(h->fds, h->cap * sizeof *h->fds);
		to->dirs = xrealloc(to->dirs, h->cap * sizeof *to->dirs);
	}
	to->dirs[to->n++] = arena_printf(&h->a, "%s/tree", path);
	h->fds[h->n++] = fd;
	fd = -1;
	return 0;
}

static void hold_none(struct snapshot *t) { *t = (struct snapshot){ .keep = xcalloc(1, sizeof(struct held)) }; }

void snapshot_release(struct snapshot *s)
{
	struct held *h = s->keep;
	if (!h)
		return;
	for (u32 i = 0; i < h->n; i++) {
		flock(h->fds[i], LOCK_UN); /* a child that was forked meanwhile has it open, too */
		close(h->fds[i]);
	}
	free(h->fds);
	free(s->dirs);
	arena_free(&h->a);
	free(h);
	*s = (struct snapshot){ 0 };
}

/* --- making --- */
static int write_size(const char *dir, u64 bytes)
{
	struct buf path = BUF(0);
	char text[32];
	int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)bytes);
	buf_printf(&path, "%s/size", dir);
	autofd int fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	buf_free(&path);
	return fd < 0 ? -1 : file_write_all(fd, text, (size_t)n);
}

/* A stage gets its name, and is nobody's any more. */
static int publish(struct stage *st, const char *path, u64 bytes, struct error *err)
{
	if (write_size(st->path, bytes) < 0)
		return error_errno(err, "%s", st->path);
	if (rename(st->path, path) < 0)
		return errno == EEXIST || errno == ENOTEMPTY ? 1 : error_errno(err, "%s", path);
	flock(st->fd, LOCK_UN);
	close(st->fd);
	file_forget(st->slot);
	free(st->path);
	*st = (struct stage){ .fd = -1, .slot = -1 };
	return 0;
}

static int make_stage(struct snapshots *s, struct stage *ret, struct error *err)
{
	struct buf prefix = BUF(0);
	buf_printf(&prefix, "%s/" NEW, s->dir);
	int r = stage_make(ret, prefix.p, err);
	buf_free(&prefix);
	return r;
}

static void drop_stage(struct snapshots *s, struct stage *st)
{
	if (st->path)
		run_tree_remove(st->path, &s->ids);
	stage_remove(st);
}

static int write_whole(struct snapshots *s, const struct chain *c, const char *root, u64 *bytes, struct error *err)
{
	struct image *img;
	if (!s->s && store_open(s->store, true, &s->s, err) < 0)
		return -1;
	if (chain_load(s->s, c, &img, err) < 0)
		return -1;
	struct rootfs *r = rootfs_build(img, &(struct rootfs_options){ 0 });
	int ok = r->problems.n ? error_set(err, ERR_INPUT, "%s", r->problems.v[0]) : 0;
	if (ok == 0 && mkdir(root, 0700) < 0)
		ok = error_errno(err, "%s", root);
	ok = ok < 0 ? ok : run_tree_write(img, r, &s->ids, root, err);
	*bytes = r->visible + (u64)(r->files + r->dirs) * 4 * KiB / 2;
	rootfs_free(r);
	image_close(img);
	return ok;
}

static int make_whole(struct snapshots *s, const struct chain *c, const char *path, struct error *err)
{
	struct stage st;
	struct buf root = BUF(0);
	u64 bytes = 0;
	if (make_stage(s, &st, err) < 0)
		return -1;
	buf_printf(&root, "%s/tree", st.path);
	int r = write_whole(s, c, root.p, &bytes, err);
	r = r < 0 ? r : publish(&st, path, bytes, err);
	s->grew = true;
	drop_stage(s, &st);
	buf_free(&root);
	return r < 0 ? -1 : 0;
}

/* The whole tree, made when it is not there. */
static int get_whole(struct snapshots *s, const struct chain *c, struct snapshot *ret, struct error *err)
{
	struct buf path = BUF(0);
	path_of(s, "full", &c->id, &path);
	int r = hold(ret, path.p, err);
	if (r == 1) {
		pthread_mutex_lock(&s->lock);
		for (int tries = 0; r == 1 && tries < 8; tries++) { /* somebody else may think it unused before we hold it */
			r = hold(ret, path.p, err);
			if (r == 1 && (r = make_whole(s, c, path.p, err)) == 0)
				r = hold(ret, path.p, err);
		}
		pthread_mutex_unlock(&s->lock);
	}
	if (r == 1)
		r = error_set(err, ERR_ENV, "%s: is removed again and again", path.p);
	buf_free(&path);
	return r;
}

int snapshot_get(struct snapshots *s, const struct chain *c, struct snapshot *ret, struct error *err)
{
	struct snapshot t;
	struct buf path = BUF(0);
	struct digest *ids = xcalloc(c->n + 1, sizeof *ids);
	int r = 0;
	hold_none(&t);
	for (u32 i = 0; i < c->n; i++)
		ids[i + 1] = chain_id(&ids[i], &c->v[i]);
	u32 i = c->n;
	for (; i; i--) {
		path_of(s, "full", &ids[i], &path);
		if ((r = hold(&t, path.p, err)) <= 0)
			break;
		path_of(s, "diff", &ids[i], &path);
		r = t.n < SNAPSHOT_DEPTH - 1 ? hold(&t, path.p, err) : 1;
		if (r != 0)
			break;
	}
	if (r == 1 && t.n == SNAPSHOT_DEPTH - 1) { /* as one, for all that come on top of it */
		snapshot_release(&t);
		hold_none(&t);
		i = c->n;
	}
	if (r == 1)
		r = get_whole(s, &(struct chain){ c->v, i, ids[i] }, &t, err);
	buf_free(&path);
	free(ids);
	if (r < 0) {
		snapshot_release(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

int snapshot_find(struct snapshots *s, const struct digest *d, struct snapshot *ret, struct error *err)
{
	struct snapshot t;
	struct buf path = BUF(0);
	hold_none(&t);
	path_of(s, "kept", d, &path);
	int r = hold(&t, path.p, err);
	buf_free(&path);
	if (r != 0) {
		snapshot_release(&t);
		return r;
	}
	*ret = t;
	return 0;
}

/* --- of steps --- */
struct made { /* what an upper stands on */
	struct snapshots *s;
	struct buf upper, work, root;
};

static int make_dir(const char *stage, const char *name, mode_t mode, struct buf *path, const char **ret, struct error *err)
{
	buf_printf(path, "%s/%s", stage, name);
	*ret = path->p;
	return mkdir(path->p, mode) < 0 || chmod(path->p, mode) < 0 ? error_errno(err, "%s", path->p) : 0;
}

int upper_make(struct snapshots *s, struct upper *ret, struct error *err)
{
	struct made *m = xcalloc(1, sizeof *m);
	*ret = (struct upper){ .stage.fd = -1, .stage.slot = -1, .began = (s64)time(NULL), .keep = m };
	m->s = s;
	const char *in = make_stage(s, &ret->stage, err) < 0 ? NULL : ret->stage.path;
	if (!in || make_dir(in, "tree", 0755, &m->upper, &ret->upper, err) < 0 || make_dir(in, "work", 0700, &m->work, &ret->work, err) < 0 ||
	    make_dir(in, "root", 0755, &m->root, &ret->root, err) < 0) {
		upper_drop(ret);
		return -1;
	}
	return 0;
}

void upper_drop(struct upper *u)
{
	struct made *m = u->keep;
	if (!m)
		return;
	drop_stage(m->s, &u->stage);
	buf_free(&m->upper);
	buf_free(&m->work);
	buf_free(&m->root);
	free(m);
	*u = (struct upper){ .stage.fd = -1, .stage.slot = -1 };
}

static int keep_at(struct snapshots *s, struct upper *u, const char *path, u64 bytes, struct error *err)
{
	run_tree_remove(u->work, &s->ids); /* with what overlays leave in it */
	int r = rmdir(u->root) < 0 && errno != ENOENT ? error_errno(err, "%s", u->root) : publish(&u->stage, path, bytes, err);
	s->grew = true;
	upper_drop(u);
	return r < 0 ? -1 : 0;
}

int upper_keep(struct snapshots *s, struct upper *u, const struct chain *c, struct error *err)
{
	struct buf path = BUF(0);
	path_of(s, "diff", &c->id, &path);
	int r = keep_at(s, u, path.p, c->v[c->n - 1].plain, err);
	buf_free(&path);
	return r;
}

u64 snapshots_bytes(const char *path)
{
	char *const top[] = { (char *)(uintptr_t)path, NULL };
	u64 sum = 0;
	FTS *f = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *e; f && (e = fts_read(f));)
		if (e->fts_info != FTS_DP && e->fts_info != FTS_NS && e->fts_statp)
			sum += (u64)e->fts_statp->st_blocks * 512 / (S_ISDIR(e->fts_statp->st_mode) ? 1 : MAX(e->fts_statp->st_nlink, 1u));
	if (f)
		fts_close(f);
	return sum;
}

int upper_keep_as(struct snapshots *s, struct upper *u, const struct digest *d, struct error *err)
{
	struct buf path = BUF(0);
	path_of(s, "kept", d, &path);
	int r = keep_at(s, u, path.p, snapshots_bytes(u->upper), err);
	buf_free(&path);
	return r;
}

/* --- all of them --- */
struct tree {
	char name[400]; /* IDS/full-HEX */
	u64 bytes;
	s64 used;
	bool in_use;
};
struct trees {
	struct tree *v;
	u32 n, cap;
};

static bool is_tree(const char *name)
{
	struct str s = str_of(name);
	return (str_starts(s, STR("full-")) || str_starts(s, STR("diff-")) || str_starts(s, STR("kept-"))) && strlen(name) < 200 && !strchr(name, '/');
}

static bool in_use(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool used = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
	if (fd >= 0 && !used)
		flock(fd, LOCK_UN);
	return used;
}

static u64 size_of(const char *path)
{
	struct buf name = BUF(0), text = BUF(64);
	u64 bytes = 0;
	buf_printf(&name, "%s/size", path);
	if (file_read(name.p, 64, &text, NULL) < 0 || !str_to_u64(str_trim(buf_str(&text)), &bytes))
		bytes = 0;
	buf_free(&name);
	buf_free(&text);
	return bytes;
}

static void list_in(const char *trees, const char *ids, struct trees *t)
{
	struct buf path = BUF(0);
	struct stat st;
	buf_printf(&path, "%s/%s", trees, ids);
	DIR *d = opendir(path.p);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct tree one = { 0 };
		if (!is_tree(e->d_name) || snprintf(one.name, sizeof one.name, "%s/%s", ids, e->d_name) >= (int)sizeof one.name)
			continue;
		buf_clear(&path);
		buf_printf(&path, "%s/%s", trees, one.name);
		if (lstat(path.p, &st) < 0)
			continue;
		one.bytes = size_of(path.p);
		one.used = (s64)st.st_mtime;
		one.in_use = in_use(path.p);
		VEC_PUSH(t->v, t->n, t->cap, one);
	}
	if (d)
		closedir(d);
	buf_free(&path);
}

static int by_use(const void *a, const void *b)
{
	const struct tree *x = a, *y = b;
	return x->used != y->used ? (x->used < y->used ? -1 : 1) : strcmp(x->name, y->name);
}

static void list_all(const char *trees, struct trees *t)
{
	DIR *d = opendir(trees);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && strlen(e->d_name) < 200)
			list_in(trees, e->d_name, t);
	if (d)
		closedir(d);
	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_use);
}

void snapshots_sweep(const char *store)
{
	struct run_ids ids;
	struct error err = { 0 };
	struct buf path = BUF(0);
	char *trees = trees_dir(store, false, &err);
	DIR *d = trees && run_ids_find(&ids, &err) == 0 ? opendir(trees) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		buf_clear(&path);
		buf_printf(&path, "%s/%s", trees, e->d_name);
		run_tree_sweep(path.p, NEW, &ids);
	}
	if (d)
		closedir(d);
	buf_free(&path);
	free(trees);
}

/* Gives it another name while nobody uses it, then removes it. 1: somebody does, or it is gone. */
static int remove_tree(const char *trees, const char *name, const struct run_ids *ids, struct error *err)
{
	struct stage st = { .fd = -1, .slot = -1 };
	struct buf path = BUF(0), prefix = BUF(0), to = BUF(0);
	struct stat is, now;
	const char *slash = strchr(name, '/');
	int r = 0;
	buf_printf(&path, "%s/%s", trees, name);
	buf_printf(&prefix, "%s/%.*s/" NEW, trees, (int)(slash - name), name);
	autofd int fd = open(path.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		r = errno == ENOENT ? 1 : error_errno(err, "%s", path.p);
	r = r ? r : stage_make(&st, prefix.p, err);
	if (r == 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &is) < 0 || lstat(path.p, &now) < 0 || is.st_ino != now.st_ino || is.st_dev != now.st_dev))
		r = 1; /* or somebody else removed it before we had it, and what is there now is a new one */
	if (r == 0) {
		buf_printf(&to, "%s/old", st.path);
		r = rename(path.p, to.p) < 0 ? (errno == ENOENT ? 1 : error_errno(err, "%s", path.p)) : 0;
		flock(fd, LOCK_UN);
	}
	if (st.path)
		run_tree_remove(st.path, ids);
	stage_remove(&st);
	buf_free(&path);
	buf_free(&prefix);
	buf_free(&to);
	return r;
}

/* Of an earlier start of the machine: never believed again. */
static bool is_stale(const struct snapshots *s, const char *name)
{
	size_t n = strcspn(name, "/");
	return n < BOOT || memcmp(name + n - BOOT, s->dir + strlen(s->dir) - BOOT, BOOT) != 0;
}

static void keep_within(struct snapshots *s, u64 budget)
{
	struct trees t = { 0 };
	u64 all = 0;
	list_all(s->trees, &t);
	for (u32 i = 0; i < t.n; i++)
		all += t.v[i].bytes;
	for (u32 i = 0; i < t.n; i++)
		if ((all > budget || is_stale(s, t.v[i].name)) && !t.v[i].in_use && remove_tree(s->trees, t.v[i].name, &s->ids, NULL) == 0)
			all -= t.v[i].bytes;
	for (u32 i = 0; i < t.n; i++)
		if (is_stale(s, t.v[i].name)) {
			struct buf path = BUF(0);
			buf_printf(&path, "%s/%.*s", s->trees, (int)strcspn(t.v[i].name, "/"), t.v[i].name);
			if (rmdir(path.p) < 0) { /* something of it is in use */
			}
			buf_free(&path);
		}
	free(t.v);
}

void snapshots_close(struct snapshots *s)
{
	struct statvfs v;
	if (!s)
		return;
	if (s->grew)
		keep_within(s, statvfs(s->dir, &v) == 0 ? MIN(SNAPSHOT_BUDGET, (u64)v.f_blocks * v.f_frsize / 10) : SNAPSHOT_BUDGET);
	store_close(s->s);
	pthread_mutex_destroy(&s->lock);
	free(s->trees);
	free(s->dir);
	free(s->store);
	free(s);
}

int snapshots_each(const char *store, int (*visit)(void *ctx, const char *name, u64 bytes, s64 used, bool in_use, struct error *err), void *ctx, struct error *err)
{
	struct trees t = { 0 };
	char *trees = trees_dir(store, false, err);
	if (!trees)
		return -1;
	list_all(trees, &t);
	int r = 0;
	for (u32 i = 0; i < t.n && r == 0; i++)
		r = visit(ctx, t.v[i].name, t.v[i].bytes, t.v[i].used, t.v[i].in_use, err);
	free(t.v);
	free(trees);
	return r;
}

int snapshots_remove(const char *store, const char *name, u64 *freed, struct error *err)
{
	struct run_ids ids;
	struct buf path = BUF(0);
	const char *slash = strchr(name, '/');
	if (!slash || name[0] == '.' || !is_tree(slash + 1))
		return error_set(err, ERR_USAGE, "%s: is no tree of a build", name);
	char *trees = run_ids_find(&ids, err) < 0 ? NULL : trees_dir(store, false, err);
	if (!trees)
		return -1;
	buf_printf(&path, "%s/%s", trees, name);
	u64 bytes = size_of(path.p);
	int r = remove_tree(trees, name, &ids, err);
	if (r == 0 && freed)
		*freed += bytes;
	char boot[BOOT + 1];
	buf_clear(&path);
	buf_printf(&path, "%s/%.*s", trees, (int)(slash - name), name);
	if (boot_id(boot, NULL) == 0 && !str_ends(buf_str(&path), str_of(boot)) && rmdir(path.p) < 0) { /* there are others; where builds may run it stays */
	}
	buf_free(&path);
	free(trees);
	return r;
}
