/* lang.h — what the ecosystems of programming languages have in common: many small files all over the tree, each telling of one package or a few, and
 * directories that are a package's own. */
#ifndef PARE_PACKAGE_LANG_H
#define PARE_PACKAGE_LANG_H
#include "base/json.h"
#include "package/note.h"

/* packages_load() of a file that an installation left; returns how many there were, the first at index p->n before. */
u32 lang_load(struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, const char *type);
/* Tells of each private item of the file's note which of the packages, counted from `first`, it belongs to. */
void lang_private(const struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, u32 first, void (*tell)(void *ctx, u32 package, u8 tag, struct str bytes), void *ctx);
/* The paths in the note on `list` belong to package i. */
void lang_own_listed(struct packages *p, const struct rootfs *r, u32 i, node_id list, enum collector_id id);
node_id lang_dir(const struct rootfs *r, struct str path); /* the directory there, through no symbolic link; 0: none */
void lang_own(struct packages *p, node_id file, u32 i); /* unless somebody does already */

/* Directories whose files belong to a package. What a directory in it is claimed for goes there; a directory named `stop` and what is in it is nobody's. */
struct claims {
	const struct rootfs *r;
	u32 *of; /* by node: 1 + package; NULL until the first claim */
};
void claim(struct claims *c, node_id dir, u32 package); /* of several claims on one directory the first counts */
void claims_settle(struct claims *c, struct packages *p, const char *stop); /* gives the files to their packages, and frees */

static inline struct str lang_name(const struct rootfs *r, node_id id) { return str_of(rootfs_node(r, id)->name); }
static inline node_id lang_parent(const struct rootfs *r, node_id id) { return id == ROOTFS_ROOT ? id : rootfs_node(r, id)->parent; }

/* One line that can be a name or a version: no control bytes, not empty, at most 1 KiB. */
bool lang_word(struct str s);
bool lang_iends(struct str s, struct str suffix); /* but for ASCII case */
/* `dir`/`path` with "." and ".." taken out as text, into out (cleared), without a leading '/'. An absolute path stands alone. */
struct str lang_join(struct str dir, struct str path, struct buf *out);
void lang_list(struct buf *b, const char *sep, struct str s); /* appends s, `sep` between; nothing when s is empty */
void lang_keys(struct buf *b, const json_t *obj); /* appends its keys, ", " between */
#endif
