/* plan.h — for every entry of every layer: stays as it is, goes, or changes its header.
 *
 * It works as a garbage collector does. What the final tree shows (litter left out) is needed; and whatever is needed needs
 *   - the entry that hides it, or a directory that is there only because of it: or it would come back;
 *   - for a hard link, the entry that made the name it links to;
 *   - the symbolic links that its path went through;
 *   - the directory that it lies in, when that is litter itself, and all that lists that directory.
 * All else goes. So the final tree is the original's but for the litter, whatever the layers did; prove.h proves it of each plan.
 *
 * When the name with the content of a hard-linked inode goes and another name of the same layer stays, that other name becomes the
 * regular file in its place (CHANGE_RENAME), and links to names that go are made to it (CHANGE_RELINK).
 *
 * A layer that would lose no byte of content is kept whole, and then all of its entries are needed. */
#ifndef PARE_SLIM_PLAN_H
#define PARE_SLIM_PLAN_H
#include "base/common.h"
#include "base/error.h"
#include "slim/litter.h"
#include "slim/trace.h"

enum need { /* why an entry stays; 0: it goes */
	NEED_NOT, NEED_TREE, NEED_LAYER, NEED_HIDES, NEED_LINK, NEED_WAY, NEED_BELOW, NEED_IMPLIED,
};
extern const char *const need_because[];

enum change_kind {
	CHANGE_RENAME, /* this entry's content and metadata under the name of entry `other` */
	CHANGE_MOVED,  /* this hard link is written as the regular file instead, where the content is */
	CHANGE_RELINK, /* this hard link leads to the name of entry `other` now */
};
struct change {
	u32 entry, other;
	enum change_kind kind;
};

enum layer_fate { LAYER_KEPT, LAYER_REWRITTEN, LAYER_DROPPED };
struct plan_layer {
	enum layer_fate fate;
	u32 gone;  /* entries that go */
	u64 saved; /* bytes of content that go */
	u64 size;  /* length of its plain tar afterwards */
};

struct plan {
	const struct trace *trace;
	const struct litter *litter;
	u8 *need;              /* by entry, enum need */
	struct change *changes; /* sorted by entry */
	u32 n_changes, cap_changes;
	struct plan_layer *layers;
	u64 saved;
};

struct plan_options {
	const bool *whole;  /* by layer: to be kept whole; may be NULL */
	bool no_changes;    /* entries stay as they are or go */
};

void plan_make(const struct trace *t, const struct litter *l, const struct plan_options *opt, struct plan *ret);
void plan_free(struct plan *p);
const struct change *plan_change(const struct plan *p, u32 g); /* NULL: none */
/* Header blocks of an entry that changes, into out; the path in the layer's own form. */
int plan_header(const struct plan *p, const struct change *c, struct buf *out, struct error *err) must_check;
/* Bytes of content that entry g takes away when it goes; 0 when it stays or another name keeps them. */
u64 plan_gone(const struct plan *p, u32 g);
#endif
