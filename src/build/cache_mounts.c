/* cache_mounts.c — cache mounts that go along with an exported cache (mounts=true): each is a layer of its directory as it is, and says which one it is (mounts.h). On another machine one that is not there
 * yet begins as that. */
#include "build/cache_in.h"
#include "build/diff.h"
#include "build/mounts.h"
#include "layer/image.h"
#include "rootfs/rootfs.h"
#include "run/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHAT_MAX (16 * KiB)
#define MOUNTS_MAX 1000u
#define NEW "new-"

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* The first of each name: others are of somebody who wanted it for himself. */
static int only_first(const struct dirent *e) { return strlen(e->d_name) == 64 && strspn(e->d_name, "0123456789abcdef") == 64; }

/* --- out --- */
/* One directory as a layer. 1: it is of another build, in use, or cannot be read as a whole, which is said. */
static int pack_one(struct build_cache *c, const char *dir, const char *name, const struct run_ids *ids, struct cache_mount_record *ret, struct error *err)
{
	struct arena a = { 0 };
	struct stat st;
	struct buf what = BUF(WHAT_MAX);
	struct stage stage = { .fd = -1, .slot = -1 };
	struct diff_told told;
	struct error e = { 0 };
	const char *path = arena_printf(&a, "%s/%s", dir, name);
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 || fstat(fd, &st) < 0 || st.st_mtime < c->opened || flock(fd, LOCK_SH | LOCK_NB) < 0 ? 1 : 0;
	if (r == 0 && file_read(arena_printf(&a, "%s/what", path), WHAT_MAX, &what, NULL) < 0)
		r = 1;
	r = r ? r : stage_make(&stage, arena_printf(&a, "%s/" NEW, dir), err);
	if (r == 0) {
		struct upper u = { .upper = arena_printf(&a, "%s/data", path), .root = stage.path };
		struct diff_options o = { .epoch = -1, .as_it_is = true };
		ret->r.changed = true;
		r = diff_take(c->store, ids, &u, NULL, &o, &ret->r.layer, &told, &e) < 0 ? 1 : 0; /* somebody writes to it: then without it */
	}
	if (r == 0)
		ret->what = json_read_limit(buf_str(&what), WHAT_MAX, "mount", &(struct error){ 0 });
	if (fd >= 0)
		flock(fd, LOCK_UN);
	stage_remove(&stage);
	buf_free(&what);
	arena_free(&a);
	return r < 0 ? -1 : r || !ret->what ? 1 : 0;
}

int cache_mounts_pack(struct build_cache *c, struct cache_mount_record **ret, u32 *n, struct error *err)
{
	struct run_ids ids;
	struct buf dir = BUF(0);
	struct dirent **names = NULL;
	u32 cap = 0;
	*ret = NULL;
	*n = 0;
	buf_printf(&dir, "%s/build/mounts", c->dir);
	int r = run_ids_find(&ids, err), all = r < 0 ? 0 : scandir(dir.p, &names, only_first, by_name);
	for (int i = 0; i < all; i++) {
		struct cache_mount_record one = { 0 };
		int took = r < 0 || *n == MOUNTS_MAX ? 1 : pack_one(c, dir.p, names[i]->d_name, &ids, &one, err);
		if (took == 0)
			VEC_PUSH(*ret, *n, cap, one);
		r = took < 0 ? -1 : r;
		free(names[i]);
	}
	free(names);
	buf_free(&dir);
	return r;
}

/* --- in --- */
static int write_tree(struct build_cache *c, const struct build_layer *l, const struct run_ids *ids, const char *path, struct error *err)
{
	struct arena a = { 0 };
	struct chain none = { 0 }, one = chain_add(&a, &none, l);
	struct image *img;
	int r = chain_load(c->store, &one, &img, err);
	if (r == 0) {
		struct rootfs *t = rootfs_build(img, &(struct rootfs_options){ 0 });
		r = t->problems.n ? error_set(err, ERR_INPUT, "%s", t->problems.v[0]) : mkdir(path, 0700) < 0 ? error_errno(err, "%s", path) : run_tree_write(img, t, ids, path, err);
		rootfs_free(t);
		image_close(img);
	}
	arena_free(&a);
	return r;
}

static int write_text(const char *path, struct str text)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : file_write_all(fd, text.p, text.n);
}

static int unpack_one(struct build_cache *c, struct cache_import *im, const json_t *entry, const char *dir, const struct run_ids *ids, struct error *err)
{
	struct arena a = { 0 };
	struct cache_record rec = { 0 };
	struct stage stage = { .fd = -1, .slot = -1 };
	const json_t *what = json_object_get(entry, "what"), *layer = json_object_get(entry, "layer");
	const char *name = what ? mount_cache_named(&a, ids, what) : NULL, *path = name ? arena_printf(&a, "%s/%s", dir, name) : NULL;
	int r = 0;
	if (!path || !layer || !cache_layer_read(layer, &rec) || !rec.changed)
		r = error_set(err, ERR_INPUT, "a cache mount that is none");
	else if (access(path, F_OK) < 0) {
		autofree char *text = json_dumps(what, JSON_COMPACT);
		r = file_mkdirs(dir, err);
		r = r < 0 ? r : cache_fetch(c, im, &rec.layer, err);
		r = r < 0 ? r : stage_make(&stage, arena_printf(&a, "%s/" NEW, dir), err);
		r = r < 0 ? r : write_tree(c, &rec.layer, ids, arena_printf(&a, "%s/data", stage.path), err);
		if (r == 0 && (write_text(arena_printf(&a, "%s/id", stage.path), json_view(what, "id")) < 0 || write_text(arena_printf(&a, "%s/what", stage.path), str_of(text ? text : "")) < 0))
			r = error_errno(err, "%s", stage.path);
		if (r == 0 && rename(stage.path, path) == 0) {
			flock(stage.fd, LOCK_UN);
			close(stage.fd);
			file_forget(stage.slot);
			free(stage.path);
			stage = (struct stage){ .fd = -1, .slot = -1 };
		}
	}
	if (stage.path)
		run_tree_remove(stage.path, ids);
	stage_remove(&stage);
	arena_free(&a);
	return r;
}

int cache_mounts_unpack(struct build_cache *c, struct cache_import *im, const json_t *mounts, struct error *err)
{
	struct run_ids ids;
	struct buf dir = BUF(0);
	size_t i;
	json_t *entry;
	buf_printf(&dir, "%s/build/mounts", c->dir);
	int r = json_array_size(mounts) > MOUNTS_MAX ? error_set(err, ERR_INPUT, "more than %u cache mounts", MOUNTS_MAX) : run_ids_find(&ids, err);
	if (r == 0)
		run_tree_sweep(dir.p, NEW, &ids);
	json_array_foreach(mounts, i, entry)
		r = r < 0 ? r : unpack_one(c, im, entry, dir.p, &ids, err);
	buf_free(&dir);
	return r;
}
