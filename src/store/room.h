/* room.h — what lies below the store's directory, all of it: how many files, how many bytes, how much of the disk. */
#ifndef PARE_STORE_ROOM_H
#define PARE_STORE_ROOM_H
#include "base/arena.h"
#include "base/error.h"

struct store_room {
	const char *name; /* "images/blobs", "images/ingest", "images" (the rest of it), "facts", "advisories.db" … */
	const char *what; /* for people; "" when it is not known */
	u32 files;
	u64 bytes;        /* lengths of the files */
	u64 disk;         /* what they and their directories take */
};
/* Sorted by name; each file once. What vanishes meanwhile is not counted. */
int store_rooms(const char *dir, struct arena *a, struct store_room **ret, u32 *n, struct error *err) must_check;
#endif
