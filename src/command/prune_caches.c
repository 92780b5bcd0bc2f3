#include "command/prune_caches.h"
#include "base/buf.h"
#include "build/room.h"
#include "compose/mirror.h"
#include "store/load.h"

#define COMPOSE "compose "

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

/* Packages and indexes of distributions, by the day that they were last used. */
static void add_fetched(struct adding *d, const char *store)
{
	struct mirror_day *v;
	u32 n;
	mirror_days(store, d->a, &v, &n);
	for (u32 i = 0; i < n; i++) {
		struct prune_item it = { .kind = PRUNE_CACHE, .id = arena_printf(d->a, COMPOSE "%lld", (long long)v[i].day), .name = arena_printf(d->a, "packages and indexes that compose fetched, %u file%s", v[i].files, v[i].files == 1 ? "" : "s"), .used = v[i].used, .bytes = v[i].bytes, .dangling = true };
		VEC_PUSH(d->v, d->n, d->cap, it);
	}
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
	const char *dir = store_dir(a, b->dir, err);
	int r = !dir ? -1 : b->cache ? build_room_each(b->dir, add, &d, err) : 0;
	if (r == 0 && b->cache)
		add_fetched(&d, dir);
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
	struct arena a = { 0 };
	const char *dir = store_dir(&a, b->dir, err);
	u64 more = 0;
	int r = dir ? b->store.carry_out(b->store.ctx, items, MIN(n, b->n_store), freed, err) : -1;
	for (u32 i = b->n_store; r >= 0 && i < n; i++)
		if (items[i].goes && str_starts(str_of(items[i].id), STR(COMPOSE)))
			more += mirror_drop(dir, strtoll(items[i].id + strlen(COMPOSE), NULL, 10));
		else if (items[i].goes)
			r = build_room_remove(b->dir, items[i].id, &more, err);
	*freed += more;
	arena_free(&a);
	return r < 0 ? -1 : 0;
}

static void close_both(void *ctx)
{
	struct both *b = ctx;
	if (b->store.close)
		b->store.close(b->store.ctx);
	free(b);
}

struct prune_place prune_with_caches(struct prune_place store, const char *dir, bool cache)
{
	struct both *b = xcalloc(1, sizeof *b);
	*b = (struct both){ .store = store, .dir = dir, .cache = cache };
	return (struct prune_place){ .list = list, .carry_out = carry_out, .close = close_both, .ctx = b };
}

void prune_sweep_caches(const char *dir)
{
	struct arena a = { 0 };
	const char *store = store_dir(&a, dir, NULL);
	build_room_sweep(dir);
	if (store)
		mirror_sweep(store);
	arena_free(&a);
}
