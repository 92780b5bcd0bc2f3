/* timeline.h — what each layer did to each name, so that the tree after any layer can be had without building it again.
 *
 * One build of the root filesystem, watched (rootfs_options.changed), leaves a list of versions in the order of the layers:
 *
 *      v    [ usr@0 | usr/bin@0 | usr/bin/ls@0 || usr/bin/ls@1 | etc/x gone@1 || … ]
 *      end  [                                3 ,                            5 ,  … ]
 *
 * The tree after layer k is what the last version of each node below end[k] says. Node ids are those of a tree of all layers. */
#ifndef PARE_EXPLORE_TIMELINE_H
#define PARE_EXPLORE_TIMELINE_H
#include "base/buf.h"
#include "base/common.h"
#include "rootfs/rootfs.h"

#define NO_ENTRY UINT32_MAX
struct version {
	node_id node;
	u32 layer;      /* that made it so */
	u32 from, entry; /* layer and entry of the bytes and metadata; entry NO_ENTRY: a directory that no entry lists */
	bool gone;      /* the name went away */
};

struct timeline {
	struct version *v;
	u32 n, cap;
	u32 *end;   /* by layer, n_layers of them */
	u32 n_layers;
	u32 nodes;  /* ids are below this */
};

void timeline_build(struct timeline *h, const struct image *img);
void timeline_free(struct timeline *h);
static inline const struct fact_entry *version_entry(const struct image *img, const struct version *v)
{
	return v->gone || v->entry == NO_ENTRY ? NULL : facts_entry(img->layers[v->from].facts, v->entry);
}
#endif
