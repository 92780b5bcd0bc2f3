/* trace.h — for every entry of every layer, what it has to do with the others: which name it made, which entry hid that name later, which
 * entry a hard link took its inode from, which symbolic links its path went through.
 *
 * Entries of all layers are numbered in one row: entry e of layer l is base[l] + e. TRACE_NONE is none. */
#ifndef PARE_SLIM_TRACE_H
#define PARE_SLIM_TRACE_H
#include "base/common.h"
#include "base/error.h"
#include "rootfs/rootfs.h"

#define TRACE_NONE UINT32_MAX
#define TRACE_ENTRIES_MAX (64u << 20) /* of all layers together */

struct step {
	node_id node;  /* the name it made; 0: none (whiteouts, the root) */
	u32 hider;     /* the entry that took this away; TRACE_NONE: it is in the final tree, or listed a directory that is */
	u32 provider;  /* of a hard link: the entry that made the name it links to */
	u32 carrier;   /* of a hard link: the entry with the inode's content and metadata */
	u32 below;     /* of a directory listed again: the entry that listed it before */
};

struct way {
	u32 entry, link; /* the entry's path went through the symbolic link that this entry made */
};

struct lost {
	node_id node; /* a directory that no layer listed went … */
	u32 hider;    /* … by this entry */
};

struct trace {
	const struct image *img;
	struct rootfs *tree;   /* the final tree */
	u32 *base;             /* n_layers + 1 of them; the last is the number of all entries */
	u32 total;
	struct step *steps;
	u32 *writer, n_writer; /* by node: the entry that made it last (hidden or not) */
	struct way *ways;      /* sorted by entry */
	u32 n_ways, cap_ways;
	struct lost *lost;     /* sorted by node, then entry */
	u32 n_lost, cap_lost;
};

/* ERR_INPUT when the layers hold too many entries, or some cannot be placed (then nothing is certain). */
int trace_make(const struct image *img, struct trace *ret, struct error *err) must_check;
void trace_free(struct trace *t);
u32 trace_layer(const struct trace *t, u32 g); /* by bisection */
const struct fact_entry *trace_entry(const struct trace *t, u32 g);
/* "/etc/passwd" as the entry says it, into out. */
struct str trace_path(const struct trace *t, u32 g, struct buf *out);
/* The entry that took away the directory `id`, which no layer listed, after entry g had come; TRACE_NONE: nothing did. */
u32 trace_lost_after(const struct trace *t, node_id id, u32 g);
/* The entry that made a live name, or listed it last; TRACE_NONE for the root and implied directories. */
u32 trace_maker(const struct trace *t, node_id id);
bool trace_is_whiteout(const struct trace *t, u32 g);
#endif
