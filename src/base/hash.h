/* hash.h — XXH3 for finding equal content and for tables. Not a proof against somebody who wants a collision: what
 * must be proven is hashed with SHA-256 (oci/digest.h). */
#ifndef PARE_BASE_HASH_H
#define PARE_BASE_HASH_H
#include "base/common.h"
#include "base/str.h"

struct hash128 {
	u64 lo, hi;
};
static inline bool hash_eq(struct hash128 a, struct hash128 b) { return a.lo == b.lo && a.hi == b.hi; }

struct hasher; /* a running 128-bit XXH3 */
struct hasher *hasher_new(void);
void hasher_reset(struct hasher *h);
void hasher_add(struct hasher *h, struct str s);
struct hash128 hasher_value(struct hasher *h);
void hasher_free(struct hasher *h);

struct hash128 hash_bytes(struct str s);
u64 hash64(struct str s, u64 seed);
/* Random, chosen once a process: the seed of tables of names that come from images, so that nobody can choose names that collide. Nothing
 * that is printed or kept may depend on it. */
extern u64 hash_seed;
#endif
