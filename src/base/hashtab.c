#include "base/hashtab.h"

/* Cleared by hand: a page of calloc's that is read before it is written costs two faults. */
static struct hashtab_slot *slots_new(u32 n)
{
	return memset(xmalloc(n * sizeof(struct hashtab_slot)), 0, n * sizeof(struct hashtab_slot));
}

static void put(struct hashtab *t, struct hashtab_slot s)
{
	u32 at = s.hash & (t->slots - 1);
	while (t->v[at].id)
		at = (at + 1) & (t->slots - 1);
	t->v[at] = s;
}

void hashtab_open(struct hashtab *t, u32 expected)
{
	*t = (struct hashtab){ .slots = 1024 };
	while (t->slots / 4 * 3 < expected)
		t->slots *= 2;
	t->v = slots_new(t->slots);
}

static void grow(struct hashtab *t)
{
	struct hashtab was = *t;
	t->slots *= 2;
	t->v = slots_new(t->slots);
	for (u32 i = 0; i < was.slots; i++)
		if (was.v[i].id)
			put(t, was.v[i]);
	free(was.v);
}

void hashtab_add(struct hashtab *t, u32 hash, u32 id)
{
	if (t->n >= t->slots / 4 * 3)
		grow(t);
	put(t, (struct hashtab_slot){ hash, id });
	t->n++;
}

void hashtab_free(struct hashtab *t)
{
	free(t->v);
	*t = (struct hashtab){ 0 };
}
