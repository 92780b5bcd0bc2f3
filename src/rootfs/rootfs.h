/* rootfs.h — the tree that the layers of an image add up to (OCI image specification, layer.md "Applying Changesets").
 *
 * Nodes are names, inodes are what they name: hard links are several nodes of one inode, whose bytes are visible while one
 * name is left. Both are indices (u32, 0 is none), so that a million files fit. Names point into the layers' facts, which
 * must outlive the tree.
 *
 *   node   parent ─ name ─ first child ─ next sibling ─ inode ─ the layer that last wrote it
 *   inode  layer + entry (where its bytes are) ─ names left
 *
 * The rules, where the specification leaves room:
 *   - A layer's whiteouts hide only what lower layers put there, wherever they stand in the layer: none depends on another; explicit ones count before opaque ones.
 *   - Entries and whiteouts go through symbolic links in their parents (at most ROOTFS_LINKS_MAX), which never leave the root; an entry
 *     at the path of a link replaces the link.
 *   - A directory listed again keeps its children and takes the new metadata; anything else at its path replaces it and all below.
 *   - A hard link's target is what an earlier entry of the layer, else the layers below, put there — even if the same layer hides it.
 *   - A parent that no entry lists is a directory 0755 0:0 of the first layer that needs it (inode 0).
 */
#ifndef PARE_ROOTFS_ROOTFS_H
#define PARE_ROOTFS_ROOTFS_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/seg.h"
#include "base/hashtab.h"
#include "layer/image.h"

#define ROOTFS_NODES_MAX (8u << 20) /* names, of all layers together */
#define ROOTFS_LINKS_MAX 40          /* symbolic links on the way to one entry, as in the kernel */
#define ROOTFS_DEPTH_MAX 4096         /* components on the way to one entry, those of links (and "." there) included */
#define ROOTFS_STEPS_MAX (64u << 20)  /* components behind symbolic links, of all entries together */

typedef u32 node_id;  /* 1 is the root */
typedef u32 inode_id; /* 0: an implied directory */
#define ROOTFS_ROOT ((node_id)1)

struct node {
	const char *name;
	node_id parent, child, sibling; /* children in no order: rootfs_children() sorts. Live ones are all there, gone ones maybe */
	inode_id inode;
	u32 layer;       /* whose entry last wrote this name; of a node that is gone: who hid it */
	u16 length;      /* of the name: at most TAR_PATH_MAX */
	u8 type;         /* enum tar_type, TAR_DIR for implied ones; never TAR_HARDLINK */
	u8 state : 1;    /* NODE_… */
	bool listed : 1; /* among its parent's children */
};
_Static_assert(sizeof(struct node) == 32 && TAR_PATH_MAX <= UINT16_MAX, "two a cache line");
enum { NODE_LIVE = 0, NODE_GONE = 1 }; /* GONE: hidden; not part of the tree any more */

struct inode {
	u64 size;         /* of a regular file, else 0: asked for so often that it is not looked up */
	u32 layer, entry; /* facts of its bytes and metadata */
	u32 names;        /* left in the tree */
};

enum waste_reason { WASTE_OVERWRITTEN, WASTE_DELETED, WASTE_OPAQUE, WASTE_METADATA, WASTE_DUPLICATE };
extern const char *const waste_reason_text[]; /* "overwritten", "deleted", "opaque", "metadata-only", "duplicate" */

struct waste_item { /* an inode whose bytes still ship although no name is left */
	u32 layer, entry; /* where the bytes are */
	u32 by_layer;     /* who took the last name */
	u32 by_entry;     /* with which entry; UINT32_MAX for a whiteout of a parent that has none */
	node_id node;     /* its last name; 0: it never had one (a whiteout with content), its path is the entry's */
	u64 bytes;
	u8 reason;
};

struct layer_change { /* what one layer did to the tree below it; directories that are merely listed again don't count */
	u32 added, changed, removed;
	u64 added_bytes, changed_bytes, removed_bytes;
};

struct rootfs {
	const struct image *image;
	struct arena arena;
	SEG(struct node) nodes;
	SEG(struct inode) inodes;
	SEG(struct waste_item) waste; /* every lost inode, those of 0 bytes too; in the order of loss */
	struct hashtab names;           /* (parent, name) -> node */
	node_id *order;               /* the walk from the root, made by the first one: files + dirs + links + others of them */
	struct layer_change *layers;  /* image->n_layers of them */
	u64 stored, visible, wasted;  /* bytes of regular files: stored == visible + wasted */
	u32 files, dirs, links, others; /* names in the tree */
	struct problems problems;     /* entries that could not be placed */
};

/* Reads content for comparing when facts were taken without hashing; may be NULL. Returns 0 and whether both are equal. */
typedef int rootfs_same(void *ctx, u32 layer_a, u32 entry_a, u32 layer_b, u32 entry_b, bool *same);

/* Told after a name came, went or got another inode, or its inode other metadata, while `layer` was applied; may be told several times
 * of one name: what counts is how the node is when the layer is done. A directory that goes is told of with every name below it. */
typedef void rootfs_changed(void *ctx, const struct rootfs *r, u32 layer, node_id id);

/* Told how the tree comes about, for those who mean to leave entries out and still get the same tree. */
struct rootfs_trace {
	void *ctx;
	void (*placed)(void *ctx, u32 layer, u32 entry, node_id node);   /* the entry is what the name is now (a directory may be listed again) */
	void (*linked)(void *ctx, u32 layer, u32 entry, node_id target); /* before that, of a hard link: the name it was made from */
	void (*hid)(void *ctx, u32 layer, u32 entry, node_id node);      /* by this entry the name lost what it was */
	void (*through)(void *ctx, u32 layer, u32 entry, node_id link);  /* the entry's path, or its target's, went through this symbolic link */
};

struct rootfs_options {
	u32 layers;          /* how many of the lowest layers to apply; 0 all (use 1..n) */
	rootfs_same *same;
	void *same_ctx;
	const struct rootfs_trace *trace; /* NULL: nobody wants to know */
	rootfs_changed *changed; /* may be NULL */
	void *changed_ctx;
};

/* "/usr/lib/x" of a waste item. Clears out first; returns its view. */
struct waste_item;
struct rootfs;
struct str rootfs_waste_path(const struct rootfs *r, const struct waste_item *w, struct buf *out);

/* Never fails: what cannot be placed is in problems. */
struct rootfs *rootfs_build(const struct image *img, const struct rootfs_options *opt);
void rootfs_free(struct rootfs *r);

static inline const struct node *rootfs_node(const struct rootfs *r, node_id id) { return SEG_AT(&r->nodes, id); }
static inline const struct inode *rootfs_inode(const struct rootfs *r, inode_id id) { return SEG_AT(&r->inodes, id); }
/* The entry with a node's metadata and bytes; NULL for an implied directory (and the root when no layer lists it). */
const struct fact_entry *rootfs_entry(const struct rootfs *r, node_id id);
const struct facts *rootfs_facts(const struct rootfs *r, node_id id); /* the facts that entry belongs to; NULL as above */
static inline u8 rootfs_type(const struct rootfs *r, node_id id) { return rootfs_node(r, id)->type; }
static inline bool rootfs_is_dir(const struct rootfs *r, node_id id) { return id && rootfs_type(r, id) == TAR_DIR; }
static inline bool rootfs_is_file(const struct rootfs *r, node_id id) { return id && rootfs_type(r, id) == TAR_FILE; }
static inline node_id rootfs_up(const struct rootfs *r, node_id id) { return id == ROOTFS_ROOT ? 0 : rootfs_node(r, id)->parent; }
/* Of a regular file, else 0. */
static inline u64 rootfs_size(const struct rootfs *r, node_id id) { return rootfs_inode(r, rootfs_node(r, id)->inode)->size; }

node_id rootfs_child(const struct rootfs *r, node_id dir, struct str name); /* 0: none that is live */
/* A path, with or without a leading '/'. `follow`: through a final symbolic link too (those on the way always are). 0: not there. */
node_id rootfs_find(const struct rootfs *r, struct str path, bool follow);
/* What a symbolic link leads to, anything else itself; 0: nowhere. */
node_id rootfs_follow(const struct rootfs *r, node_id id);
/* "/usr/bin/ls"; "/" for the root. Clears out first; returns its view. */
struct str rootfs_path(const struct rootfs *r, node_id id, struct buf *out);
/* The live children sorted bytewise by name; *ids is malloc'ed (free it), returns how many. */
u32 rootfs_children(const struct rootfs *r, node_id dir, node_id **ids);

/* Walks the live tree bytewise by whole path ("a-b" before "a/c"), the root left out; stops when `visit` returns not 0 and returns that.
 * The first walk from the root keeps the order: not from two threads at once. */
int rootfs_walk(const struct rootfs *r, node_id from, int (*visit)(void *ctx, node_id id), void *ctx);

/* The live nodes but the root, a directory before what is in it, otherwise as their names first came: for whoever needs no order of paths.
 * Much cheaper, since nothing is sorted; and it may run in several threads at once.
 *   for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) … */
static inline node_id rootfs_next(const struct rootfs *r, node_id id)
{
	while (++id < r->nodes.n)
		if (rootfs_node(r, id)->state == NODE_LIVE)
			return id;
	return 0;
}

/* The live children of a directory (of anything else, and of 0: none), in no order: for (node_id at = 0; (at = rootfs_next_child(r, dir, at));) … */
static inline node_id rootfs_next_child(const struct rootfs *r, node_id dir, node_id at)
{
	for (at = at ? rootfs_node(r, at)->sibling : rootfs_node(r, dir)->child; at && rootfs_node(r, at)->state != NODE_LIVE;)
		at = rootfs_node(r, at)->sibling;
	return at;
}

/* All that lies below a directory, each before what is in it; `into`: with what is in `at`.
 *   for (node_id at = top; (at = rootfs_next_below(r, top, at, true));) … */
static inline node_id rootfs_next_below(const struct rootfs *r, node_id top, node_id at, bool into)
{
	node_id next = into ? rootfs_next_child(r, at, 0) : 0;
	for (; !next && at != top; at = rootfs_node(r, at)->parent)
		next = rootfs_next_child(r, 0, at);
	return next;
}
#endif
