/* An engine as a place that is pruned: containers that don't run, networks, images name by name, volumes, build cache, in the order they have to go.
 *
 * Bytes of images are layers: a layer is free when the last name of the last image that has it is gone, and the record of the build cache that is the same bytes. */
#include "prune/engine.h"
#include "base/buf.h"
#include "oci/digest.h"

struct pruned {
	struct engine *e;
	bool volumes, cache;
};

struct listing {
	struct arena *a;
	const struct engine_disk *d;
	struct prune_item *v;
	u32 n;
	struct prune_part *parts;            /* one a layer */
	struct prune_item **container;       /* of each container */
	const struct prune_item ***on_cache; /* of each record of the cache: what stands on it; n_on of them */
	u32 *n_on;
};

/* --- who uses what: containers by name, each once --- */
struct named {
	const char *name;
	const struct prune_item *item;
};

static int by_name(const void *x, const void *y) { return strcmp(((const struct named *)x)->name, ((const struct named *)y)->name); }

static const struct prune_item *const *users(struct listing *l, const struct named *all, const char *const *names)
{
	u32 n = 0, found = 0;
	while (names[n])
		n++;
	const struct prune_item **ret = arena_array(l->a, const struct prune_item *, n + 1);
	for (u32 i = 0; i < n; i++) {
		const struct named *one = bsearch(&(struct named){ names[i], NULL }, all, l->d->n_containers, sizeof *all, by_name);
		if (one)
			ret[found++] = one->item;
	}
	return ret;
}

static const struct named *list_containers(struct listing *l)
{
	struct named *names = arena_array(l->a, struct named, l->d->n_containers + 1);
	for (u32 i = 0; i < l->d->n_containers; i++) {
		const struct engine_container *c = &l->d->containers[i];
		struct prune_item *it = &l->v[l->n++];
		*it = (struct prune_item){ .kind = PRUNE_CONTAINER, .id = c->id, .name = c->name, .created = c->created, .bytes = c->bytes, .labels = c->labels,
			.in_use = c->stopped ? NULL : strcmp(c->state, "running") == 0 ? "its processes" : arena_printf(l->a, "its processes (%s)", c->state) };
		names[i] = (struct named){ c->name, it };
	}
	qsort(names, l->d->n_containers, sizeof *names, by_name);
	return names;
}

static void list_networks(struct listing *l, const struct named *containers)
{
	for (u32 i = 0; i < l->d->n_networks; i++) {
		const struct engine_network *w = &l->d->networks[i];
		if (!w->built_in)
			l->v[l->n++] = (struct prune_item){ .kind = PRUNE_NETWORK, .id = w->id, .name = w->name, .created = w->created, .labels = w->labels, .users = users(l, containers, w->containers) };
	}
}

static void list_volumes(struct listing *l, const struct named *containers)
{
	for (u32 i = 0; i < l->d->n_volumes; i++) {
		const struct engine_volume *v = &l->d->volumes[i];
		l->v[l->n++] = (struct prune_item){ .kind = PRUNE_VOLUME, .id = v->name, .name = v->name, .created = v->created, .bytes = v->bytes, .labels = v->labels, .dangling = v->anonymous,
			.users = users(l, containers, v->containers) };
	}
}

/* --- images --- */
static u32 n_names(const struct engine_image *i)
{
	u32 n = 0;
	while (i->names[n])
		n++;
	return n;
}

/* What is built on others goes before these: it has more layers, or was made later. */
static int order(const void *x, const void *y)
{
	const struct engine_image *a = *(const struct engine_image *const *)x, *b = *(const struct engine_image *const *)y;
	if (a->n_layers != b->n_layers)
		return a->n_layers < b->n_layers ? 1 : -1;
	return a->created != b->created ? a->created < b->created ? 1 : -1 : strcmp(a->id, b->id);
}

static struct str repository(const char *name)
{
	struct str s = str_of(name);
	const char *colon = strrchr(name, ':');
	return colon && !strchr(colon, '/') ? str_head(s, (size_t)(colon - name)) : s;
}

static int by_repository(const void *x, const void *y)
{
	return str_cmp(repository((*(struct prune_item *const *)x)->name), repository((*(struct prune_item *const *)y)->name));
}

static void group(struct listing *l, u32 from)
{
	u32 n = l->n - from;
	struct prune_item **v = arena_array(l->a, struct prune_item *, n + 1);
	for (u32 i = 0; i < n; i++)
		v[i] = &l->v[from + i];
	qsort(v, n, sizeof *v, by_repository);
	for (u32 i = 0; i < n; i++)
		v[i]->group = i && by_repository(&v[i - 1], &v[i]) == 0 ? v[i - 1]->group : i;
}

static void list_image(struct listing *l, const struct engine_image *i, const struct named *containers)
{
	u32 names = n_names(i), n = 0;
	struct prune_part **parts = arena_array(l->a, struct prune_part *, i->n_layers + 1);
	for (u32 k = 0; k < i->n_layers; k++)
		parts[n++] = &l->parts[i->layers[k]];
	if (!n) { /* layers are not told: what no other image has, as the engine says */
		parts[n++] = arena_new(l->a, struct prune_part);
		parts[0]->bytes = i->bytes - MIN(i->bytes, i->shared);
	}
	struct digest *is = arena_new(l->a, struct digest);
	bool known = digest_parse(str_of(i->id), is, NULL) == 0;
	for (u32 k = 0; k < MAX(names, 1u); k++) {
		struct prune_item *it = &l->v[l->n++];
		*it = (struct prune_item){ .kind = PRUNE_IMAGE, .id = names ? i->names[k] : i->id, .name = names ? i->names[k] : arena_printf(l->a, "<none> %.12s", i->id + (strlen(i->id) > 7 ? 7 : 0)),
			.created = i->created, .labels = i->labels, .dangling = !names, .refs = names ? NULL : i->digests, .stands_for = known ? is : NULL, .parts = parts, .n_parts = n, .users = users(l, containers, i->containers) };
		for (u32 p = 0; p < n; p++)
			parts[p]->holders++;
		for (u32 p = 0; p < i->n_layers; p++) {
			u32 cache = l->d->layers_of[i->layers[p]].cache;
			if (cache == ENGINE_NONE || !l->on_cache)
				continue;
			u32 used = l->n_on[cache]++;
			if (l->on_cache[cache])
				l->on_cache[cache][used] = it;
		}
	}
}

static void list_images(struct listing *l, const struct named *containers)
{
	const struct engine_disk *d = l->d;
	const struct engine_image **v = arena_array(l->a, const struct engine_image *, d->n_images + 1);
	u32 n = 0, from = l->n;
	for (u32 i = 0; i < d->n_images; i++)
		if (!d->images[i].inner)
			v[n++] = &d->images[i];
	qsort(v, n, sizeof *v, order);
	for (u32 i = 0; i < n; i++)
		list_image(l, v[i], containers);
	group(l, from);
}

/* --- build cache --- */
struct step {
	const char *id;
	u32 index, depth;
};

static int by_id(const void *x, const void *y) { return strcmp(((const struct step *)x)->id, ((const struct step *)y)->id); }

static int deepest(const void *x, const void *y)
{
	const struct step *a = x, *b = y;
	return a->depth != b->depth ? a->depth < b->depth ? 1 : -1 : strcmp(a->id, b->id);
}

#define DEPTH_MAX 512u

/* Parents' indices, and the steps in the order they can go: later ones first. */
static struct step *steps_of(struct listing *l, u32 *parent)
{
	u32 n = l->d->n_cache;
	struct step *v = arena_array(l->a, struct step, n + 1);
	for (u32 i = 0; i < n; i++)
		v[i] = (struct step){ l->d->cache[i].id, i, 0 };
	qsort(v, n, sizeof *v, by_id);
	for (u32 i = 0; i < n; i++) {
		const struct step *p = l->d->cache[i].parent[0] ? bsearch(&(struct step){ .id = l->d->cache[i].parent }, v, n, sizeof *v, by_id) : NULL;
		parent[i] = p && p->index != i ? p->index : ENGINE_NONE;
	}
	for (u32 i = 0; i < n; i++)
		for (u32 at = v[i].index; parent[at] != ENGINE_NONE && v[i].depth < DEPTH_MAX; at = parent[at])
			v[i].depth++;
	qsort(v, n, sizeof *v, deepest);
	return v;
}

static void list_cache(struct listing *l)
{
	const struct engine_disk *d = l->d;
	u32 n = d->n_cache, *parent = arena_array(l->a, u32, n + 1), *layer = arena_array(l->a, u32, n + 1), *children = arena_array(l->a, u32, n + 1);
	struct step *steps = steps_of(l, parent);
	for (u32 i = 0; i < n; i++)
		layer[i] = ENGINE_NONE;
	for (u32 i = 0; i < d->n_layers_of; i++)
		if (d->layers_of[i].cache != ENGINE_NONE)
			layer[d->layers_of[i].cache] = i;
	for (u32 i = 0; i < n; i++)
		if (parent[i] != ENGINE_NONE)
			children[parent[i]]++;
	struct prune_item **item = arena_array(l->a, struct prune_item *, n + 1);
	const struct prune_item ***uses = arena_array(l->a, const struct prune_item **, n + 1);
	for (u32 i = 0; i < n; i++) { /* images that have it, then later steps */
		uses[i] = arena_array(l->a, const struct prune_item *, l->n_on[i] + children[i] + 1);
		for (u32 k = 0; k < l->n_on[i]; k++)
			uses[i][k] = l->on_cache[i][k];
	}
	for (u32 s = 0; s < n; s++) {
		u32 i = steps[s].index;
		const struct engine_cache *c = &d->cache[i];
		struct prune_item *it = item[i] = &l->v[l->n++];
		*it = (struct prune_item){ .kind = PRUNE_CACHE, .id = c->id, .name = c->what[0] ? c->what : c->id, .created = c->created, .used = c->used, .bytes = c->shared ? 0 : c->bytes,
			.in_use = c->in_use ? "a build" : c->shared && layer[i] == ENGINE_NONE ? "an image" : NULL, .users = uses[i] };
		if (layer[i] != ENGINE_NONE && c->bytes) {
			struct prune_part **part = arena_array(l->a, struct prune_part *, 1);
			part[0] = &l->parts[layer[i]];
			part[0]->holders++;
			it->parts = part;
			it->n_parts = 1;
		}
		if (parent[i] != ENGINE_NONE)
			uses[parent[i]][l->n_on[parent[i]]++] = it;
	}
}

/* Cache that isn't listed stays, and keeps its bytes; a record without any of its own is a mere note that an image's layer was used. */
static void hold_for_cache(struct listing *l)
{
	for (u32 i = 0; i < l->d->n_layers_of; i++) {
		u32 cache = l->d->layers_of[i].cache;
		l->parts[i].holders += cache != ENGINE_NONE && l->d->cache[cache].bytes;
	}
}

/* Room for what stands on each record, counted before it is listed. */
static void count_on_cache(struct listing *l)
{
	const struct engine_disk *d = l->d;
	l->n_on = arena_array(l->a, u32, d->n_cache + 1);
	for (u32 i = 0; i < d->n_images; i++)
		for (u32 k = 0; k < d->images[i].n_layers; k++) {
			u32 cache = d->layers_of[d->images[i].layers[k]].cache;
			if (cache != ENGINE_NONE)
				l->n_on[cache] += MAX(n_names(&d->images[i]), 1u);
		}
	l->on_cache = arena_array(l->a, const struct prune_item **, d->n_cache + 1);
	for (u32 i = 0; i < d->n_cache; i++) {
		l->on_cache[i] = arena_array(l->a, const struct prune_item *, l->n_on[i] + 1);
		l->n_on[i] = 0;
	}
}

void prune_engine_list(struct arena *a, const struct engine_disk *d, bool volumes, bool cache, struct prune_item **ret, u32 *n)
{
	size_t room = (size_t)d->n_containers + d->n_networks + d->n_volumes + d->n_cache + 1;
	for (u32 i = 0; i < d->n_images; i++)
		room += MAX(n_names(&d->images[i]), 1u);
	struct listing l = { .a = a, .d = d, .v = arena_array(a, struct prune_item, room), .parts = arena_array(a, struct prune_part, (size_t)d->n_layers_of + 1) };
	for (u32 i = 0; i < d->n_layers_of; i++)
		l.parts[i].bytes = d->layers_of[i].bytes;
	count_on_cache(&l);
	const struct named *containers = list_containers(&l);
	list_networks(&l, containers);
	list_images(&l, containers);
	if (volumes)
		list_volumes(&l, containers);
	if (cache)
		list_cache(&l);
	else
		hold_for_cache(&l);
	*ret = l.v;
	*n = l.n;
}

static int list(void *ctx, struct arena *a, struct prune_item **ret, u32 *n, struct error *err)
{
	const struct pruned *p = ctx;
	struct engine_disk *d = arena_new(a, struct engine_disk);
	if (engine_disk(p->e, a, d, err) < 0)
		return -1;
	prune_engine_list(a, d, p->volumes, p->cache, ret, n);
	return 0;
}

/* --- carrying it out --- */
/* An image that was pulled by digest from several repositories is not removed by its ID: each of these has to be let go. */
static int remove_image(struct engine *e, const struct prune_item *it, struct error *err)
{
	struct error why = { 0 };
	int r = engine_remove_image(e, it->id, &why);
	if (r >= 0 || !it->refs || !it->refs[0] || !it->refs[1]) {
		if (r < 0)
			*err = why;
		return r;
	}
	for (const char *const *ref = it->refs; *ref; ref++)
		if ((r = engine_remove_image(e, *ref, err)) < 0)
			return -1;
	return r;
}

static int remove_item(struct engine *e, const struct prune_item *it, u64 *freed, struct error *err)
{
	const char *const ids[] = { it->id, NULL };
	switch (it->kind) {
	case PRUNE_CONTAINER:
		return engine_remove_container(e, it->id, err);
	case PRUNE_NETWORK:
		return engine_remove_network(e, it->id, err);
	case PRUNE_IMAGE:
		return remove_image(e, it, err);
	case PRUNE_VOLUME:
		return engine_remove_volume(e, it->id, err);
	default:
		return engine_prune_cache(e, ids, true, freed, err);
	}
}

/* What a name means now; "" in front of the id: an image that has one. */
struct meaning {
	const char *name, *id;
};

static int by_meaning(const void *x, const void *y)
{
	const struct meaning *a = x, *b = y;
	int c = strcmp(a->name, b->name);
	return c || a->name[0] ? c : strcmp(a->id, b->id);
}

/* The images as they are now, who knows how long after they were shown: a name that means another one by now stays, and so does what has got a name. */
static int look_again(struct engine *e, struct arena *a, const struct prune_item *items, u32 n, bool *goes, struct error *err)
{
	struct engine_disk now;
	bool any = false;
	u32 n_all = 0;
	for (u32 i = 0; i < n; i++)
		any |= goes[i] && items[i].kind == PRUNE_IMAGE;
	if (!any)
		return 0;
	if (engine_images(e, a, &now, err) < 0)
		return -1;
	for (u32 i = 0; i < now.n_images; i++)
		n_all += n_names(&now.images[i]) + 1;
	struct meaning *all = arena_array(a, struct meaning, (size_t)n_all + 1);
	n_all = 0;
	for (u32 i = 0; i < now.n_images; i++) {
		for (u32 k = 0; now.images[i].names[k]; k++)
			all[n_all++] = (struct meaning){ now.images[i].names[k], now.images[i].id };
		if (now.images[i].names[0])
			all[n_all++] = (struct meaning){ "", now.images[i].id };
	}
	qsort(all, n_all, sizeof *all, by_meaning);
	for (u32 i = 0; i < n; i++) {
		if (!goes[i] || items[i].kind != PRUNE_IMAGE || !items[i].stands_for)
			continue;
		const char *id = DIGEST_STR(items[i].stands_for);
		const struct meaning *m = bsearch(&(struct meaning){ items[i].dangling ? "" : items[i].id, id }, all, n_all, sizeof *all, by_meaning);
		if (m && (items[i].dangling || strcmp(m->id, id) != 0))
			goes[i] = false;
	}
	return 0;
}

/* One that is refused leaves the others to go; the first reason is told. */
static int carry_out_all(const struct pruned *p, const struct prune_item *items, u32 n, const bool *goes, u64 *freed, struct error *err)
{
	struct error first = { 0 };
	u32 failed = 0;
	for (u32 i = 0; i < n; i++)
		for (u32 k = 0; k < items[i].n_parts; k++)
			items[i].parts[k]->left = items[i].parts[k]->holders;
	for (u32 i = 0; i < n; i++) {
		struct error why = { 0 };
		u64 bytes = 0;
		if (!goes[i])
			continue;
		if (remove_item(p->e, &items[i], &bytes, &why) < 0) {
			first = failed++ ? first : why;
			continue;
		}
		if (items[i].kind == PRUNE_CACHE) { /* the engine says what it was */
			*freed += bytes;
			continue;
		}
		*freed += items[i].n_parts ? 0 : items[i].bytes;
		for (u32 k = 0; k < items[i].n_parts; k++)
			*freed += items[i].parts[k]->left && --items[i].parts[k]->left == 0 ? items[i].parts[k]->bytes : 0;
	}
	if (!failed)
		return 0;
	*err = first;
	return failed > 1 ? error_wrap(err, "%u could not be removed, the first", failed) : -1;
}

static int carry_out(void *ctx, const struct prune_item *items, u32 n, u64 *freed, struct error *err)
{
	const struct pruned *p = ctx;
	struct arena a = { 0 };
	bool *goes = arena_array(&a, bool, n + 1);
	*freed = 0;
	for (u32 i = 0; i < n; i++)
		goes[i] = items[i].goes;
	int r = look_again(p->e, &a, items, n, goes, err);
	r = r < 0 ? r : carry_out_all(p, items, n, goes, freed, err);
	arena_free(&a);
	return r;
}

struct prune_place prune_engine(struct engine *e, bool volumes, bool cache)
{
	struct pruned *p = xcalloc(1, sizeof *p);
	*p = (struct pruned){ e, volumes, cache };
	return (struct prune_place){ .list = list, .carry_out = carry_out, .close = free, .ctx = p };
}
