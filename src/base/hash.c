#define XXH_INLINE_ALL
#include "base/hash.h"
#include <sys/random.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <xxhash.h>
#pragma GCC diagnostic pop

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
/* The library chooses AVX2 or AVX-512 at run time where the compiler may only assume SSE2. */
XXH_errorcode XXH3_128bits_update_dispatch(XXH3_state_t *state, const void *input, size_t len);
XXH128_hash_t XXH3_128bits_dispatch(const void *input, size_t len);
#define update_128 XXH3_128bits_update_dispatch
#define whole_128 XXH3_128bits_dispatch
#else
#define update_128 XXH3_128bits_update
#define whole_128 XXH3_128bits
#endif

struct hasher {
	XXH3_state_t state;
};

struct hasher *hasher_new(void)
{
	struct hasher *h = aligned_alloc(64, sizeof *h);
	if (!h)
		abort();
	hasher_reset(h);
	return h;
}

void hasher_reset(struct hasher *h) { XXH3_128bits_reset(&h->state); }
void hasher_add(struct hasher *h, struct str s) { update_128(&h->state, s.p, s.n); }

struct hash128 hasher_value(struct hasher *h)
{
	XXH128_hash_t v = XXH3_128bits_digest(&h->state);
	return (struct hash128){ v.low64, v.high64 };
}

void hasher_free(struct hasher *h) { free(h); }

struct hash128 hash_bytes(struct str s)
{
	XXH128_hash_t v = whole_128(s.p, s.n);
	return (struct hash128){ v.low64, v.high64 };
}

u64 hash64(struct str s, u64 seed) { return XXH3_64bits_withSeed(s.p, s.n, seed); }

u64 hash_seed;

__attribute__((constructor)) static void choose_seed(void)
{
	if (getrandom(&hash_seed, sizeof hash_seed, GRND_NONBLOCK) != (ssize_t)sizeof hash_seed)
		hash_seed = (u64)(uintptr_t)&hash_seed * 0x9e3779b97f4a7c15u; /* where the program was loaded */
}
