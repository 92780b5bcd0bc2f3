/* model.h — the tree pane without a terminal: which rows there are for a layer, a comparison, a filter, a sort order and a set of
 * collapsed directories, and which row is selected.
 *
 * Compares two states of the tree, "was" and "now":
 *   one layer     was: the layers below it,  now: with it
 *   aggregated    was: the lowest layer,     now: up to the selected one
 * For the lowest layer both are the same, as in dive: nothing is marked there.
 *
 * Costs O(names + versions) per change, a few milliseconds for 300,000 names, and about 50 bytes a name. No recursion. */
#ifndef PARE_EXPLORE_MODEL_H
#define PARE_EXPLORE_MODEL_H
#include "base/common.h"
#include "explore/timeline.h"
#include "explore/match.h"

enum diff { DIFF_SAME, DIFF_ADDED, DIFF_CHANGED, DIFF_REMOVED }; /* a directory with differences below is CHANGED */

#define MODEL_PATH 65536 /* bytes of a path that the filter looks at */

struct row {
	node_id node;
	u32 up;    /* 1 + row of its directory; 0: in the root */
	u32 depth; /* 0: in the root */
	bool last; /* of the visible entries of its directory */
};

struct model {
	const struct image *image;
	const struct rootfs *full; /* names and parents */
	struct timeline timeline;
	u32 n;                     /* nodes */
	u32 *was, *now;            /* by node: 1 + index of its version, 0: not there */
	u8 *diff, *flags;          /* by node */
	u64 *size;                 /* by node: bytes; of a directory those below, each inode once (at the name that came first); of a removed one what was below */
	node_id *kids;             /* children of node i: kids[start[i] … start[i + 1] - 1], in the sort order */
	u32 *start;
	u32 *row_of;               /* by node: 1 + its row */
	u64 *seen;                 /* bitmap of entries, for sizes */
	u32 *seen_at;              /* by layer: where its entries begin */

	u32 layer;                 /* selected; 0 when there are no layers */
	bool aggregated, by_size, all_collapsed;
	u8 hidden;                 /* 1 << enum diff */
	struct match match;

	struct row *rows;
	u32 n_rows, cap_rows;
	u32 sel;                   /* row; 0 when there are none */
	node_id sel_node;          /* stays selected across changes while it or a directory above it is visible */
	u32 counts[4];             /* files and links (no directories) by enum diff, whether visible or not */
};

void model_init(struct model *m, const struct image *img, const struct rootfs *full);
void model_free(struct model *m);
/* Each of these recomputes the rows. */
void model_select_layer(struct model *m, u32 layer);
void model_aggregate(struct model *m, bool on);
void model_toggle_hidden(struct model *m, enum diff d);
void model_sort(struct model *m, bool by_size);
void model_toggle(struct model *m, node_id dir);  /* collapse or expand */
void model_toggle_all(struct model *m);
int model_filter(struct model *m, const char *text, struct error *err) must_check; /* -1: not a pattern; the filter stays */
void model_reveal(struct model *m, node_id id);   /* expands what is above it and selects it, if it is there at all */

void model_move(struct model *m, s64 rows);       /* selection; stops at the ends */
void model_left(struct model *m);                 /* to the directory above */
void model_right(struct model *m);                /* into a directory, expanding it */

bool model_is_dir(const struct model *m, node_id id);      /* has, or may have, entries below */
bool model_collapsed(const struct model *m, node_id id);
/* What a node shows: its version now, or, of a removed one, the one that was. NULL: neither there. */
const struct version *model_version(const struct model *m, node_id id);
const struct fact_entry *model_entry(const struct model *m, node_id id); /* NULL: an implied directory */
#endif
