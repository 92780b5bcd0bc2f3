/* hashtab.h — finds indices by hash: open addressing, nothing is ever taken out. A slot holds the whole hash, so that an item is looked at
 * only when it most likely is the one, and growing looks at none. What is equal is for the caller to say:
 *
 *	for (u32 at = h, id; (id = hashtab_next(&t, h, &at));)
 *		if (same(id, name))
 *			return id;
 *
 * The hash is of a kind that nobody can choose (hash_seed). At most 2^30 indices; 0 is none. */
#ifndef PARE_BASE_HASHTAB_H
#define PARE_BASE_HASHTAB_H
#include "base/common.h"

struct hashtab_slot {
	u32 hash, id;
};
struct hashtab {
	struct hashtab_slot *v;
	u32 n, slots; /* slots: a power of two, at most three quarters of them in use */
};

void hashtab_open(struct hashtab *t, u32 expected); /* before anything is asked; `expected` indices come without growing */
void hashtab_add(struct hashtab *t, u32 hash, u32 id);
void hashtab_free(struct hashtab *t);

/* The next index with this hash; *at begins as the hash. */
static inline u32 hashtab_next(const struct hashtab *t, u32 hash, u32 *at)
{
	for (;;) {
		const struct hashtab_slot *s = &t->v[(*at)++ & (t->slots - 1)];
		if (s->hash == hash || !s->id)
			return s->id;
	}
}
#endif
