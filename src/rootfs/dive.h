/* dive.h — the figures that dive reports, to its last digit, and its own document.
 *
 * Dive's model differs from the specification's: it knows no hard links, goes through no symbolic links, counts a path that two
 * layers mention as wasted in all of them, and stops looking at a layer at a whiteout that hides nothing. Users have gates on these
 * numbers, so they are computed as dive does, from the facts, beside the exact waste of rootfs.h. */
#ifndef PARE_ROOTFS_DIVE_H
#define PARE_ROOTFS_DIVE_H
#include "base/arena.h"
#include "base/common.h"
#include "layer/image.h"

struct dive_file {
	const char *path; /* "/root/saved.txt" */
	u32 count;
	u64 bytes;
};

struct dive {
	struct arena arena;
	double efficiency;
	u64 size, user_size, wasted_bytes;
	double user_wasted_percent; /* NaN for 0/0, infinite for x/0 */
	struct dive_file *files;    /* most bytes first */
	u32 n_files;
	u64 *layer_sizes;           /* by layer */
};

struct dive *dive_measure(const struct image *img);
void dive_free(struct dive *d);
/* One entry of a layer's fileList, in dive's order (children before parents, sorted by name), as its JSON export has them. */
struct dive_entry {
	const char *path; /* "bin/sh"; "" for a directory that no entry lists */
	const struct fact_entry *entry; /* NULL likewise */
	const struct facts *facts;
};
int dive_list(const struct image *img, u32 layer, int (*visit)(void *ctx, const struct dive_entry *e), void *ctx);
u32 dive_file_mode(const struct fact_entry *e); /* Go's os.FileMode */
#endif
