/* tree.h — the final tree of an image as directories of this machine, so that it can be run.
 *
 * It is written inside the store (STORE/run/…, mode 0700, so that a setuid program of an image is nobody's here) and nowhere else: every name is made relative to a directory that was
 * opened before (openat2, RESOLVE_BENEATH, nothing followed), each file from the one layer entry that the tree shows. Device nodes are left out: the runtime brings its own. Owners, modes,
 * times, hard links, symbolic links, extended attributes and capabilities are those of the image; as an ordinary user as far as the mapping of IDs (box.h) allows.
 *
 * It is there until run_tree_close(); what a killed process left goes with the next run that finds no lock on it, and with `pare prune`. The tree is never written to again: containers get an
 * overlay on top.
 *
 * Ceilings: bytes and files as the image's facts say, checked against what the disk has before the first byte is written (ERR_ENV, one line). */
#ifndef PARE_RUN_TREE_H
#define PARE_RUN_TREE_H
#include "base/error.h"
#include "rootfs/rootfs.h"

struct run_ids; /* box.h: how IDs of the image are IDs here; NULL as root: as they are */

struct run_tree {
	const char *path; /* of its root directory, absolute */
	u64 bytes;
	u32 files;
	void *keep;
};

/* `img` was loaded with need_content; `store` as in load.h (NULL: the default). Shows progress. */
int run_tree_open(const struct image *img, const struct rootfs *r, const char *store, const struct run_ids *ids, struct run_tree **ret, struct error *err) must_check;
void run_tree_close(struct run_tree *t); /* NULL is fine */
/* The same into `path`, an empty directory of the caller's, whose it is from then on. */
int run_tree_write(const struct image *img, const struct rootfs *r, const struct run_ids *ids, const char *path, struct error *err) must_check;
/* Removes a directory with all that is in it, whoever that belongs to; as far as it goes. */
void run_tree_remove(const char *path, const struct run_ids *ids);
/* The stages (base/file.h) of `dir` whose names begin so, which killed processes left. */
void run_tree_sweep(const char *dir, const char *prefix, const struct run_ids *ids);
/* Removes what killed processes left, as every run does that begins. */
void run_sweep(const char *store);
#endif
