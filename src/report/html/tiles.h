/* tiles.h — an image as trees of bytes, cut to a size that a page can hold.
 *
 * A tree is grown from pieces (a file's bytes, once an inode): root, then perhaps a group (a layer, a package), then directories, then files.
 * tiles_cut() keeps the largest: everything that would not fit in the budget is summed up, per directory, in one nameless tile, so that
 * what stands below a tile always adds up to it, to the byte and to the file. */
#ifndef PARE_REPORT_HTML_TILES_H
#define PARE_REPORT_HTML_TILES_H
#include "base/buf.h"
#include "base/common.h"
#include "package/package.h"
#include "rootfs/rootfs.h"

#define TILE_NAME_MAX ((size_t)255) /* bytes of a name that are shown */

struct piece {
	u64 bytes;
	node_id node; /* its (last) name; 0: it never had one, then `entry` says where it would have been */
	u32 layer, entry;
	u32 owner; /* 1 + index of a package, 0 nobody */
	u32 group; /* pieces of one group stand together */
	bool gone; /* hidden by a later layer */
};

struct pieces {
	struct piece *v;
	u32 n, cap;
};

/* The inodes that are visible, each at its first name, with the owner that packages.h counts it for … */
void pieces_visible(const struct rootfs *r, const struct packages *p, struct pieces *ret);
/* … and those that only take room. */
void pieces_wasted(const struct rootfs *r, struct pieces *ret);
void pieces_free(struct pieces *p);

enum tile_group { TILE_DIRECTORY, TILE_LAYER, TILE_PACKAGE }; /* what the tiles below the root are */

#define TILE_MIXED (-1) /* several layers, several packages */
struct tile {
	struct str name; /* "": files too small to be listed; of groups: not set */
	u32 parent;      /* comes before; the root's is 0 */
	u32 group;       /* of a tile below the root: the layer, or the owner as in struct piece */
	bool is_group;
	u64 bytes;
	u32 files;
	s32 layer, owner; /* TILE_MIXED; owner as in struct piece */
	bool gone;        /* all of it */
};

struct tiles {
	struct tile *v;
	u32 n, cap;
};

/* `budget`: bytes of JSON that the tiles may take, names escaped for a page. Sets the group of every piece and sorts them by it. */
void tiles_cut(const struct rootfs *r, struct pieces *pieces, enum tile_group by, u64 budget, struct tiles *ret);
void tiles_free(struct tiles *t);

/* Bytes that s takes in a JSON string inside a page. */
size_t html_escaped(struct str s);
#endif
