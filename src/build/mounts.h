/* mounts.h — cache mounts: directories that outlive builds, STORE/build/mounts/.
 *
 *	HEX        of everything that says which one it is: id, owner and mode of its root, what it began as (a tree's ID and the path in it), how IDs are mapped. No name becomes a path
 *	HEX-N      one more, of somebody who wanted it for himself while the first was in use
 *
 * In each of them: data/, which is mounted; id, its name, for people; what, all of that but how IDs are mapped, a JSON document. Who uses one has the directory locked (flock): shared, or exclusively; who removes one has it exclusively. When it was last used is the time of the directory. */
#ifndef PARE_BUILD_MOUNTS_H
#define PARE_BUILD_MOUNTS_H
#include "build/instruction.h"
#include <stdatomic.h>

#define MOUNTS_PRIVATE 64u /* of one name at once */

struct cache_mount {
	const char *data; /* the directory to mount; the arena's */
	const char *name; /* HEX */
	int fd;           /* -1: none */
};
/* `dir`: STORE/build/mounts. `from`: the tree it begins as, or NULL. A name, for mount_cache_take(); steps take theirs in the order of names, so that no two wait for each other. */
const char *mount_cache_name(struct arena *a, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from);
/* The name here of one that is described so (its file "what"), on whatever machine; NULL: it is no description. */
const char *mount_cache_named(struct arena *a, const struct run_ids *ids, const json_t *what);
struct mount_wait { /* for somebody who has it locked */
	const atomic_bool *stop; /* NULL: nothing stops it */
	u32 seconds;             /* at most; 0: however long */
};
/* 1: it was to stop, or to wait no longer. wait NULL: it waits. */
int mount_cache_take(struct arena *a, const char *dir, const char *name, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from, const struct mount_wait *wait, struct cache_mount *ret,
		     struct error *err) must_check;
void mount_cache_release(struct cache_mount *c); /* does nothing twice */
#endif
