/* room.h — what builds leave on the disk besides layers, for `pare prune`: trees that steps stand on (snapshot.h) and cache mounts (mounts.h). Records of steps and their layers are the store's (store_built_each()). */
#ifndef PARE_BUILD_ROOM_H
#define PARE_BUILD_ROOM_H
#include "base/error.h"

struct build_room {
	const char *id;   /* what build_room_remove() takes */
	const char *name; /* for people: "cache mount /root/.cache", "tree of a build, …" */
	u64 bytes;        /* on disk */
	s64 used;         /* seconds since 1970 */
	bool in_use;
};
/* `store` as in load.h. Where nothing was ever built it is nothing. What is told is good until f returns. */
int build_room_each(const char *store, int (*f)(void *ctx, const struct build_room *r, struct error *err), void *ctx, struct error *err) must_check;
int build_room_remove(const char *store, const char *id, u64 *freed, struct error *err) must_check; /* 1: it is in use, or gone */
/* At the end of a build that ran something: once an hour it is seen to that cache mounts, and layers that only records of steps keep, take no more than ROOM_BUDGET each (or a tenth of the disk); the least recently
 * used go. Nothing that is in use. */
#define ROOM_BUDGET ((u64)20 * GiB)
void build_room_keep(const char *store, u64 budget);
void build_room_sweep(const char *store); /* what builds that were killed had begun goes */
#endif
