#include "command/prune_build.h"
#include "base/buf.h"
#include "build/room.h"

struct both {
	struct prune_place store;
	const char *dir;
	bool cache;
	u32 n_store; /* items of the store come first */
};
struct adding {
	struct arena *a;
	struct prune_item *v;
	u32 n, cap;
};

static int add(void *ctx, const struct build_room *r, struct error *err)
{
	struct adding *d = ctx;
	(void)err;
	struct prune_item it = { .kind = PRUNE_CACHE, .id = arena_strdup(d->a, str_of(r->id)), .name = arena_strdup(d->a, str_of(r->name)), .used = r->used, .bytes = r->bytes, .dangling = true, .in_use = r->in_use ? "a build" : NULL };
	VEC_PUSH(d->v, d->n, d->cap, it);
	return 0;
}

/* Cache that is left alone is not among what is decided on; what its layers share with images stays with it. */
static u32 without_cache(struct prune_item *v, u32 n)
{
	u32 k = 0;
	for (u32 i = 0; i < n; i++)
		if (v[i].kind != PRUNE_CACHE)
			v[k++] = v[i];
	return k;
}

static int list(void *ctx, struct arena *a, struct prune_item **ret, u32 *n, struct error *err)
{
	struct both *b = ctx;
	struct adding d = { .a = a };
	if (b->store.list(b->store.ctx, a, ret, n, err) < 0)
		return -1;
	if (!b->cache)
		*n = without_cache(*ret, *n);
	b->n_store = *n;
	int r = b->cache ? build_room_each(b->dir, add, &d, err) : 0;
	if (r == 0 && d.n) {
		struct prune_item *all = arena_array(a, struct prune_item, *n + d.n);
		if (*n)
			memcpy(all, *ret, *n * sizeof *all);
		memcpy(all + *n, d.v, d.n * sizeof *all);
		*ret = all;
		*n += d.n;
	}
	free(d.v);
	return r;
}

static int carry_out(void *ctx, const struct prune_item *items, u32 n, u64 *freed, struct error *err)
{
	struct both *b = ctx;
	u64 more = 0;
	int r = b->store.carry_out(b->store.ctx, items, MIN(n, b->n_store), freed, err);
	for (u32 i = b->n_store; r >= 0 && i < n; i++)
		if (items[i].goes)
			r = build_room_remove(b->dir, items[i].id, &more, err);
	*freed += more;
	return r < 0 ? -1 : 0;
}

static void close_both(void *ctx)
{
	struct both *b = ctx;
	if (b->store.close)
		b->store.close(b->store.ctx);
	free(b);
}

struct prune_place prune_with_builds(struct prune_place store, const char *dir, bool cache)
{
	struct both *b = xcalloc(1, sizeof *b);
	*b = (struct both){ .store = store, .dir = dir, .cache = cache };
	return (struct prune_place){ .list = list, .carry_out = carry_out, .close = close_both, .ctx = b };
}
