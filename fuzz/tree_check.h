/* tree_check.h — for fuzzers of images: what must hold of the tree and of dive's figures, whatever the layers say. */
#ifndef PARE_FUZZ_TREE_CHECK_H
#define PARE_FUZZ_TREE_CHECK_H
#include "rootfs/dive.h"
#include "rootfs/rootfs.h"
#include <math.h>

static inline void require(bool holds)
{
	if (!holds)
		abort();
}

struct tree_walk {
	const struct rootfs *r;
	struct buf path, last;
	u32 files, dirs, links, others, names;
	u64 visible;
	u8 *seen;
};

static int tree_visit(void *ctx, node_id id)
{
	struct tree_walk *w = ctx;
	const struct node *n = rootfs_node(w->r, id);
	struct str path = rootfs_path(w->r, id, &w->path);
	require(n->state == NODE_LIVE && n->listed && path.n > 1 && path.p[0] == '/');
	require(w->names == 0 || str_cmp(buf_str(&w->last), path) < 0); /* sorted, and no path twice */
	require(rootfs_child(w->r, n->parent, str_of(n->name)) == id);
	require(n->parent == ROOTFS_ROOT || (rootfs_type(w->r, n->parent) == TAR_DIR && rootfs_node(w->r, n->parent)->state == NODE_LIVE));
	if (path.n < 4096)
		require(rootfs_find(w->r, path, false) == id);
	buf_clear(&w->last);
	buf_add(&w->last, path);
	w->names++;
	const struct fact_entry *e = rootfs_entry(w->r, id);
	u8 type = rootfs_type(w->r, id);
	require(e ? e->type == type && e->type != TAR_HARDLINK : type == TAR_DIR);
	type == TAR_FILE ? w->files++ : type == TAR_DIR ? w->dirs++ : type == TAR_SYMLINK ? w->links++ : w->others++;
	require(rootfs_size(w->r, id) == (e && type == TAR_FILE ? e->size : 0));
	if (e && !w->seen[n->inode]) {
		w->seen[n->inode] = 1;
		w->visible += rootfs_size(w->r, id);
	}
	return 0;
}

static inline void tree_check(const struct image *img)
{
	struct rootfs *r = rootfs_build(img, NULL);
	struct tree_walk w = { .r = r, .seen = xcalloc(r->inodes.n, 1) };
	require(rootfs_walk(r, ROOTFS_ROOT, tree_visit, &w) == 0);
	require(w.files == r->files && w.dirs == r->dirs && w.links == r->links && w.others == r->others);
	require(r->stored == r->visible + r->wasted && w.visible == r->visible);
	u64 stored = 0, wasted = 0;
	for (u32 i = 0; i < img->n_layers; i++)
		for (u32 k = 0; img->layers[i].facts && k < img->layers[i].facts->entries.n; k++)
			stored += facts_entry(img->layers[i].facts, k)->size;
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *x = SEG_AT(&r->waste, i);
		require(x->layer <= x->by_layer && x->by_layer < img->n_layers && x->reason <= WASTE_DUPLICATE);
		require(facts_entry(img->layers[x->layer].facts, x->entry)->size == x->bytes);
		require(rootfs_waste_path(r, x, &w.path).p[0] == '/');
		wasted += x->bytes;
	}
	require(stored == r->stored && wasted == r->wasted);
	for (u32 n = 1; n <= img->n_layers; n++) { /* each number of layers is an image, too */
		struct rootfs *part = rootfs_build(img, &(struct rootfs_options){ .layers = n });
		require(part->stored == part->visible + part->wasted);
		rootfs_free(part);
	}
	free(w.seen);
	buf_free(&w.path);
	buf_free(&w.last);
	rootfs_free(r);

	struct dive *d = dive_measure(img);
	u64 bytes = 0;
	for (u32 i = 0; i < d->n_files; i++) {
		require(d->files[i].count >= 2 && (i == 0 || d->files[i - 1].bytes >= d->files[i].bytes));
		bytes += d->files[i].bytes;
	}
	require(bytes == d->wasted_bytes && d->user_size <= d->size && !isnan(d->efficiency));
	dive_free(d);
}
#endif
