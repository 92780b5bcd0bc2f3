/* tree.h — what an image is going to hold: entries by path, from packages or made here. Contents lie one after the other in a file without a name (the spool).
 *
 * Paths are clean (no leading slash, no "..") and real: what a package has in /bin, /sbin, /lib*, /var/run or /var/lock is where the merged /usr and /run have it. */
#ifndef PARE_COMPOSE_TREE_H
#define PARE_COMPOSE_TREE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/hashtab.h"
#include "layer/tar.h"

#define TREE_ENTRIES_MAX 4000000u
#define TREE_BYTES_MAX (64 * GiB)
#define TREE_PATH_MAX 2048u /* of what scripts say */
#define TREE_MADE UINT32_MAX /* entry.package of what is made here */

struct ctree_entry {
	struct str path, link, xattrs;
	enum tar_type type;
	u32 mode, uid, gid, major, minor;
	u64 size, at;        /* of a file: in the spool */
	s64 mtime;
	u32 package;         /* index, or TREE_MADE */
	bool gone;           /* taken out again */
};
struct ctree {
	struct arena arena;
	struct ctree_entry *v; /* owned; [0] is none */
	u32 n, cap;
	struct hashtab table;
	int spool;            /* owned */
	_Atomic u64 spooled;
	s64 time;             /* of what is made here; 0 until it is known */
};
void ctree_open(struct ctree *t, int spool); /* takes the spool */
void ctree_free(struct ctree *t);
/* Its real path, as above. Into out of TAR_PATH_MAX bytes; returns its length. */
size_t ctree_real(struct str path, char *out);
const char *ctree_path(struct arena *a, const char *absolute); /* of "/a/../b": clean and real; NULL: it is none, or the root */
u32 ctree_find(const struct ctree *t, struct str path); /* 0: not there */
u32 ctree_add(struct ctree *t, const struct ctree_entry *e); /* which is not there; copies path and link */
/* Room of `size` bytes in the spool, and bytes put there: 0, or -1 with *err. Safe from several threads. */
u64 ctree_room(struct ctree *t, u64 size);
int ctree_write(struct ctree *t, u64 at, struct str bytes, struct error *err) must_check;
/* All of a file, at most `limit` bytes. Links are followed, at most 16. ERR_INPUT when there is none, or it is larger. */
int ctree_read(const struct ctree *t, struct str path, size_t limit, struct buf *out, struct error *err) must_check;
u32 ctree_follow(const struct ctree *t, struct str path); /* the entry behind links; 0: none */

/* Made here, with the directories above that are not there yet. What is there already stays, but for ctree_replace_file(). Below what is no directory nothing
 * is made: a file is ERR_INPUT then. */
int ctree_make_file(struct ctree *t, const char *path, u32 mode, struct str content, struct error *err) must_check;
int ctree_replace_file(struct ctree *t, const char *path, u32 mode, struct str content, struct error *err) must_check;
int ctree_append_file(struct ctree *t, const char *path, struct str content, struct error *err) must_check; /* one that ctree_make_file() made, or none yet */
void ctree_make_copy(struct ctree *t, const char *path, u32 mode, u32 of); /* of a file that is there */
void ctree_make_link(struct ctree *t, const char *path, const char *target);
void ctree_make_dir(struct ctree *t, const char *path, u32 mode, u32 uid, u32 gid);
/* Each entry that is there, in the order of its path. */
u32 *ctree_sorted(const struct ctree *t, u32 *n); /* the caller's */
#endif
