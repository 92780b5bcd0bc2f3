/* diff.h — what differs between two images: their trees, their configurations, their layers.
 *
 * Both trees are walked side by side in the order of rootfs_walk (bytewise by whole path), so that nothing but the lists of the
 * directories on the way down is held; depth is bounded by the paths themselves, and the walk does not recurse. Without `strict`
 * only what a running program could notice counts: not times, not the layer a file comes from, not which names share an inode. */
#ifndef PARE_ROOTFS_DIFF_H
#define PARE_ROOTFS_DIFF_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "rootfs/rootfs.h"

enum diff_kind { DIFF_SAME, DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };
extern const char *const diff_kind_text[]; /* "same", "added", "removed", "changed" */

enum diff_what { /* bits of diff_change.what; the text of bit i is diff_what_text[i] */
	DIFF_TYPE = 1 << 0,    /* a file became a directory, a link a file …: then the rest is not compared */
	DIFF_CONTENT = 1 << 1, /* size or hash of a regular file */
	DIFF_TARGET = 1 << 2,  /* of a symbolic link */
	DIFF_DEVICE = 1 << 3,  /* major or minor number */
	DIFF_MODE = 1 << 4,    /* permission bits; not of symbolic links, which have none */
	DIFF_OWNER = 1 << 5,   /* uid or gid */
	DIFF_XATTRS = 1 << 6,
	DIFF_MTIME = 1 << 7,   /* from here on only with `strict` */
	DIFF_LAYER = 1 << 8,   /* index of the layer that last wrote the name */
	DIFF_LINKS = 1 << 9,   /* which names are hard links of each other */
};
#define DIFF_WHATS 10
extern const char *const diff_what_text[DIFF_WHATS];

struct diff_change {
	enum diff_kind kind;
	u32 what;             /* of DIFF_CHANGED */
	node_id a, b;         /* 0: not there */
	struct str path;      /* "/usr/bin/ls"; good until the visitor returns */
	u64 size_a, size_b;   /* of a regular file */
	u64 bytes_a, bytes_b; /* what this name adds to the visible bytes: 0 for further names of an inode. Sums are exact */
	bool below;           /* stands below a directory that is wholly added or removed */
};

struct diff_dir { /* told after everything below it */
	struct str path;
	node_id a, b;         /* 0: no directory there */
	u32 depth;            /* 0 is the root */
	bool whole;           /* only one side has this directory, both have the one above it */
	u64 bytes_a, bytes_b; /* below */
	u32 added, removed, changed; /* names below, itself not among them */
};

struct diff_visitor { /* both may stop the walk by returning not 0 */
	void *ctx;
	int (*change)(void *ctx, const struct diff_change *c); /* every name, the unchanged ones too */
	int (*dir)(void *ctx, const struct diff_dir *d);       /* may be NULL */
};

struct diff_options {
	bool strict;
	struct str path; /* only names that this pattern matches (str_glob); n 0: all */
};

/* Returns 0 or what a visitor returned. Contents that were not read (and so cannot be compared) go to `problems`, which may be NULL. */
int rootfs_diff(const struct rootfs *a, const struct rootfs *b, const struct diff_options *opt, const struct diff_visitor *v, struct problems *problems);

struct config_change {
	const char *field;          /* "env", "labels", "entrypoint" … as in docs/schema/diff.schema.json */
	const char *key;            /* name of the variable or label; NULL for fields of one value */
	const char *a, *b;          /* NULL: not set */
	const char **list_a, **list_b; /* of lists instead of a and b: NULL-terminated */
};

struct layer_pair { /* a layer that both images have, by the digest of its uncompressed bytes */
	u32 a, b;
};

struct image_diff {
	struct arena arena;
	struct config_change *config;
	u32 n_config, cap_config;
	struct layer_pair *shared; /* each diff ID once, in the order of b */
	u32 n_shared;
	u64 shared_size, shared_compressed; /* uncompressed, and as b stores them */
	bool layers_equal;         /* the same diff IDs in the same order; a layer whose digest is not known equals none */
};

/* Configurations and layers. `strict` adds times, authors, the order of variables, the history and every further key. */
struct image_diff *image_compare(const struct image *a, const struct image *b, bool strict);
void image_diff_free(struct image_diff *d);
#endif
