/* resolve.h — where a name leads inside a container: component by component below its root, as its kernel would go, nothing followed by the kernel here (openat2, RESOLVE_IN_ROOT).
 *
 * Real directories are remembered, so that a name in a known directory costs one look. Ceilings: RESOLVE_LINKS on the way, OBSERVED_PATH bytes. */
#ifndef PARE_RUN_RESOLVE_H
#define PARE_RUN_RESOLVE_H
#include "base/str.h"

#define RESOLVE_LINKS 40
#define RESOLVE_ROOM 4096u

struct seen_set { /* of 64-bit hashes; forgets everything when it is full */
	u64 *v;
	u32 n, slots;
};
bool seen_has(const struct seen_set *s, u64 hash);
void seen_add(struct seen_set *s, u64 hash);
void seen_forget(struct seen_set *s);

enum resolved { RESOLVED_FOUND, RESOLVED_MISSING, RESOLVED_STOPPED, RESOLVED_ELSEWHERE }; /* elsewhere: /proc and the like, or nothing that can be named */

struct resolver {
	int root; /* O_PATH */
	struct seen_set dirs;
	/* Told of every link on the way (last: it is the name itself) and at the end of what is there; false stops. */
	bool (*meet)(void *ctx, struct str path, bool last);
	void *ctx;
	/* The answer: */
	char at[RESOLVE_ROOM];
	size_t n;
	bool is_dir, is_file;
	char rest[2 * RESOLVE_ROOM];
};
/* `base`: absolute and clean, where a relative name begins; `prefix`: the process's own root in the container ("" for most). */
enum resolved resolve(struct resolver *r, struct str prefix, struct str base, struct str path, bool follow);
/* Opens what resolve() found, a regular file, for reading: -1 when it cannot. */
int resolved_open(const struct resolver *r);
#endif
