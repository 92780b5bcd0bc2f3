/* bytes.h — where the bytes of an image are: every stored byte of a regular file in exactly one group.
 *
 * In this order, the first that fits: hidden (not in the final tree any more); from the base image; package lists and caches; logs and
 * temporary files; documentation and translations; build tools (packages for building); packages, by package manager; packages of
 * languages, by their directory; a copy of another file; all else is the application's own. An inode counts once. */
#ifndef PARE_REPORT_BYTES_H
#define PARE_REPORT_BYTES_H
#include "package/package.h"
#include "rootfs/rootfs.h"
#include "slim/litter.h"

enum byte_group {
	BYTES_HIDDEN, BYTES_BASE, BYTES_CACHES, BYTES_LOGS, BYTES_DOCS, BYTES_BUILD, BYTES_DEB, BYTES_APK, BYTES_RPM, BYTES_OTHER_PACKAGES,
	BYTES_NPM, BYTES_PYTHON, BYTES_GEM, BYTES_GO, BYTES_CARGO, BYTES_COMPOSER, BYTES_DUPLICATES, BYTES_APP, BYTES_GROUPS,
};
extern const char *const byte_group_id[];    /* stable: "base" */
extern const char *const byte_group_title[]; /* "base image" */

#define BYTES_TOP 4
struct byte_part { /* the largest parts of a group: packages, directories, files */
	const char *name;
	u64 bytes;
};

struct bytes {
	struct arena arena;
	struct {
		u64 bytes, files;
		struct byte_part top[BYTES_TOP]; /* most first; name NULL where there are fewer */
	} group[BYTES_GROUPS];
	u64 total;       /* == rootfs->stored */
	u32 base_layers;
	u8 *of;          /* by inode_id: enum byte_group of what is visible */
	struct litter litter;
};

void bytes_find(const struct image *img, const struct rootfs *r, const struct packages *p, struct bytes *ret);
void bytes_free(struct bytes *b);
bool bytes_build_tool(const struct package *p); /* a package that only building needs */
#endif
