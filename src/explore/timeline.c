#include "explore/timeline.h"

struct watch {
	struct timeline *h;
	u32 *last; /* by node: 1 + index of its newest version */
	u32 cap;
};

static void changed(void *ctx, const struct rootfs *r, u32 layer, node_id id)
{
	struct watch *w = ctx;
	struct timeline *h = w->h;
	for (; h->n_layers <= layer; h->n_layers++)
		h->end[h->n_layers] = h->n; /* moved on below while the layer lasts */
	if (id >= w->cap) {
		u32 cap = MAX(id + 1, w->cap ? w->cap * 2 : 4096);
		w->last = xrealloc(w->last, (size_t)cap * sizeof *w->last);
		memset(w->last + w->cap, 0, (size_t)(cap - w->cap) * sizeof *w->last);
		w->cap = cap;
	}
	const struct node *n = rootfs_node(r, id);
	struct version v = { .node = id, .layer = layer, .entry = NO_ENTRY, .gone = n->state == NODE_GONE };
	if (!v.gone && n->inode) {
		const struct inode *in = rootfs_inode(r, n->inode);
		v.from = in->layer;
		v.entry = in->entry;
	}
	struct version *old = w->last[id] ? &h->v[w->last[id] - 1] : NULL;
	if (old && old->layer == layer) {
		*old = v;
	} else if (old || !v.gone) {
		VEC_PUSH(h->v, h->n, h->cap, v);
		w->last[id] = h->n;
	}
	h->end[layer] = h->n;
}

void timeline_build(struct timeline *h, const struct image *img)
{
	*h = (struct timeline){ .end = xcalloc(img->n_layers, sizeof *h->end) };
	struct watch w = { .h = h };
	struct rootfs *r = rootfs_build(img, &(struct rootfs_options){ .changed = changed, .changed_ctx = &w });
	for (; h->n_layers < img->n_layers; h->n_layers++)
		h->end[h->n_layers] = h->n;
	h->nodes = r->nodes.n;
	rootfs_free(r);
	free(w.last);
}

void timeline_free(struct timeline *h)
{
	free(h->v);
	free(h->end);
	*h = (struct timeline){ 0 };
}
