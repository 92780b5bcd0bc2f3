#include "build/room.h"
#include "build/snapshot.h"
#include "run/tree.h"
#include "store/load.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define TREE "tree "
#define MOUNT "mount "
#define MOUNT_ID_MAX 4096u

/* STORE/build/NAME; NULL: it is not there. */
static const char *dir_of(struct arena *a, const char *store, const char *name)
{
	const char *base = store_dir(a, store, NULL), *path = base ? arena_printf(a, "%s/build/%s", base, name) : NULL;
	return path && access(path, F_OK) == 0 ? path : NULL;
}

struct walk {
	const char *trees;
	int (*f)(void *ctx, const struct build_room *r, struct error *err);
	void *ctx;
};

static int tree(void *ctx, const char *name, u64 bytes, s64 used, bool in_use, struct error *err)
{
	struct walk *w = ctx;
	struct arena a = { 0 };
	const char *hex = strrchr(name, '-');
	(void)bytes;
	struct build_room r = { .id = arena_printf(&a, TREE "%s", name), .bytes = snapshots_bytes(arena_printf(&a, "%s/%s", w->trees, name)), .used = used, .in_use = in_use };
	r.name = arena_printf(&a, "tree of a build, %.12s", hex ? hex + 1 : name);
	int ok = w->f(w->ctx, &r, err);
	arena_free(&a);
	return ok;
}

static bool is_mount(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");
	return n == 64 && (name[n] == '\0' || (name[n] == '-' && name[n + 1] && !name[n + 1 + strspn(name + n + 1, "0123456789")]));
}

static int mount_at(const struct walk *w, const char *dir, const char *name, struct error *err)
{
	struct arena a = { 0 };
	struct stat st;
	struct buf id = BUF(MOUNT_ID_MAX);
	const char *path = arena_printf(&a, "%s/%s", dir, name);
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		bool in_use = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
		if (file_read(arena_printf(&a, "%s/id", path), MOUNT_ID_MAX, &id, NULL) < 0)
			buf_clear(&id);
		struct build_room room = { .id = arena_printf(&a, MOUNT "%s", name), .name = arena_printf(&a, "cache mount %.*s", STR_FMT(buf_str(&id))), .used = (s64)st.st_mtime, .in_use = in_use };
		if (!in_use)
			flock(fd, LOCK_UN);
		room.bytes = snapshots_bytes(path);
		r = w->f(w->ctx, &room, err);
	}
	buf_free(&id);
	arena_free(&a);
	return r;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int only_mounts(const struct dirent *e) { return is_mount(e->d_name); }

static int each_mount(const struct walk *w, const char *mounts, struct error *err)
{
	struct dirent **v = NULL;
	int n = mounts ? scandir(mounts, &v, only_mounts, by_name) : 0, r = 0;
	for (int i = 0; i < n; i++) {
		r = r < 0 ? r : mount_at(w, mounts, v[i]->d_name, err);
		free(v[i]);
	}
	free(v);
	return r;
}

int build_room_each(const char *store, int (*f)(void *ctx, const struct build_room *r, struct error *err), void *ctx, struct error *err)
{
	struct arena a = { 0 };
	struct walk w = { dir_of(&a, store, "trees"), f, ctx };
	int r = w.trees ? snapshots_each(store, tree, &w, err) : 0;
	r = r < 0 ? r : each_mount(&w, dir_of(&a, store, "mounts"), err);
	arena_free(&a);
	return r;
}

/* It gets another name while nobody has it, so that who comes begins a new one. */
static int remove_mount(const char *dir, const char *name, u64 *freed, struct error *err)
{
	struct arena a = { 0 };
	struct run_ids ids;
	struct stage st = { .fd = -1, .slot = -1 };
	struct stat is, at;
	const char *path = arena_printf(&a, "%s/%s", dir, name);
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? (errno == ENOENT ? 1 : error_errno(err, "%s", path)) : run_ids_find(&ids, err);
	r = r ? r : stage_make(&st, arena_printf(&a, "%s/new-", dir), err);
	if (r == 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &is) < 0 || lstat(path, &at) < 0 || is.st_ino != at.st_ino || is.st_dev != at.st_dev))
		r = 1; /* or somebody else removed it before we had it, and what is there now is a new one */
	if (r == 0) {
		u64 bytes = snapshots_bytes(path);
		r = rename(path, arena_printf(&a, "%s/old", st.path)) < 0 ? (errno == ENOENT ? 1 : error_errno(err, "%s", path)) : 0;
		flock(fd, LOCK_UN);
		*freed += r == 0 ? bytes : 0;
	}
	if (st.path)
		run_tree_remove(st.path, &ids);
	stage_remove(&st);
	arena_free(&a);
	return r;
}

int build_room_remove(const char *store, const char *id, u64 *freed, struct error *err)
{
	struct arena a = { 0 };
	struct str s = str_of(id);
	const char *trees = dir_of(&a, store, "trees"), *mounts = dir_of(&a, store, "mounts");
	int r = 1;
	if (str_starts(s, STR(TREE)) && trees) {
		u64 bytes = snapshots_bytes(arena_printf(&a, "%s/%s", trees, id + strlen(TREE))), about = 0;
		r = snapshots_remove(store, id + strlen(TREE), &about, err);
		*freed += r == 0 ? bytes : 0;
	} else if (str_starts(s, STR(MOUNT)) && mounts && is_mount(id + strlen(MOUNT))) {
		r = remove_mount(mounts, id + strlen(MOUNT), freed, err);
	}
	arena_free(&a);
	return r;
}

/* --- within the budget --- */
#define HOUR 3600
#define LAST_DAYS 90

struct kept {
	char *id;
	struct digest key, layer;
	u64 bytes;
	s64 used;
	bool in_use;
};
struct keeping {
	struct kept *v;
	u32 n, cap;
	u64 bytes;
};

static int see_mount(void *ctx, const struct build_room *r, struct error *err)
{
	struct keeping *k = ctx;
	(void)err;
	struct kept one = { .id = xstrdup(r->id), .bytes = r->bytes, .used = r->used, .in_use = r->in_use };
	VEC_PUSH(k->v, k->n, k->cap, one);
	k->bytes += r->bytes;
	return 0;
}

static int see_record(void *ctx, const struct store_built *b, struct error *err)
{
	struct keeping *k = ctx;
	(void)err;
	struct kept one = { .key = b->key, .layer = b->layer, .bytes = b->size, .used = b->used, .in_use = b->leased };
	VEC_PUSH(k->v, k->n, k->cap, one);
	k->bytes += b->size; /* of one that several came to, or an image has, too: each time; then it is a little less that stays */
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	return x->used < y->used ? -1 : x->used > y->used;
}

static void let_go(struct keeping *k)
{
	for (u32 i = 0; i < k->n; i++)
		free(k->v[i].id);
	free(k->v);
}

static void keep_mounts(const char *store, const char *mounts, u64 budget)
{
	struct keeping k = { 0 };
	struct walk w = { NULL, see_mount, &k };
	u64 freed = 0;
	if (each_mount(&w, mounts, NULL) == 0 && k.n && k.bytes > budget) {
		qsort(k.v, k.n, sizeof *k.v, by_use);
		for (u32 i = 0; i < k.n && k.bytes - freed > budget; i++)
			if (!k.v[i].in_use && build_room_remove(store, k.v[i].id, &freed, NULL) < 0) { /* the next, then */
			}
	}
	let_go(&k);
}

static void keep_records(const char *store, u64 budget)
{
	struct keeping k = { 0 };
	struct store *s;
	struct store_swept swept;
	if (store_open(store, true, &s, NULL) < 0)
		return;
	u32 dropped = 0;
	if (store_built_each(s, see_record, &k, NULL) == 0 && k.n && k.bytes > budget) {
		qsort(k.v, k.n, sizeof *k.v, by_use);
		for (u32 i = 0; i < k.n && k.bytes > budget; i++)
			if (!k.v[i].in_use && k.v[i].bytes && store_built_drop(s, &k.v[i].key, NULL) == 0) {
				k.bytes -= k.v[i].bytes;
				dropped++;
			}
	}
	if (dropped && store_sweep(s, false, &swept, NULL) < 0) { /* the next sweep does it */
	}
	let_go(&k);
	store_close(s);
}

/* What the last builds of targets were made of, where there was none for long. */
static void keep_last(const char *dir)
{
	autofd int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int own = at < 0 ? -1 : dup(at);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (!d && own >= 0)
		close(own);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		if (fstatat(at, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mtime + LAST_DAYS * 24 * HOUR < time(NULL) && unlinkat(at, e->d_name, 0) < 0) { /* the next time, then */
		}
	}
	if (d)
		closedir(d);
}

void build_room_keep(const char *store, u64 budget)
{
	struct arena a = { 0 };
	struct stat st;
	struct statvfs v;
	const char *dir = dir_of(&a, store, "."), *mark = dir ? arena_printf(&a, "%s/kept", dir) : NULL;
	bool due = mark && (lstat(mark, &st) < 0 || st.st_mtime + HOUR < time(NULL) || st.st_mtime > time(NULL));
	autofd int fd = due ? open(mark, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
	if (fd >= 0 && futimens(fd, NULL) == 0) {
		if (statvfs(dir, &v) == 0)
			budget = MIN(budget, (u64)v.f_blocks * v.f_frsize / 10);
		const char *mounts = dir_of(&a, store, "mounts"), *last = dir_of(&a, store, "last");
		if (last)
			keep_last(last);
		if (mounts)
			keep_mounts(store, mounts, budget);
		keep_records(store, budget);
	}
	arena_free(&a);
}

void build_room_sweep(const char *store)
{
	struct arena a = { 0 };
	struct run_ids ids;
	struct error err = { 0 };
	const char *mounts = dir_of(&a, store, "mounts");
	snapshots_sweep(store);
	if (mounts && run_ids_find(&ids, &err) == 0)
		run_tree_sweep(mounts, "new-", &ids);
	arena_free(&a);
}
