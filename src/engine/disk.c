/* What an engine says of its disk: images with their layers each once, containers, volumes, networks, build cache; who uses what. */
#include "engine/disk.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include <time.h>

struct reading {
	struct arena *a;
	struct engine_disk *disk;
	struct hashtab chains; /* index + 1 into layers_of, by what is below and the diff ID */
	const char **diff_id;  /* of each layer */
	size_t room, diff_room; /* of layers_of and of diff_id */
	struct engine_layer *layers;
};

bool disk_id_ok(const char *id)
{
	size_t n = strlen(id);
	bool ok = n > 0 && n <= 512 && id[0] != '/' && id[0] != '.' && !strstr(id, "..") && !strstr(id, "//");
	for (; ok && *id; id++)
		ok = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') || (*id >= '0' && *id <= '9') || strchr("_.:/@+-[]", *id);
	return ok;
}

/* --- values --- */
static const char *text(struct arena *a, json_t *obj, const char *key)
{
	const char *s = json_text(obj, key);
	return s ? arena_strdup(a, str_of(s)) : "";
}

static u64 number(json_t *obj, const char *key)
{
	u64 n = 0;
	return json_u64(obj, key, &n) && n < (u64)1 << 60 ? n : 0; /* -1: not known */
}

/* Seconds since 1970, or RFC 3339. 0: none. */
static s64 moment(json_t *obj, const char *key)
{
	const char *s = json_text(obj, key), *end;
	struct tm tm = { 0 };
	int h = 0, m = 0;
	if (!s)
		return (s64)number(obj, key);
	end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end || tm.tm_year < 70)
		return 0;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	s64 zone = (*end == '+' || *end == '-') && sscanf(end + 1, "%2d:%2d", &h, &m) == 2 ? (h * 60 + m) * 60 : 0;
	return (s64)timegm(&tm) - (*end == '-' ? -zone : zone);
}

/* Podman leaves out what kind of digest it is. */
static const char *image_id(struct arena *a, const char *id)
{
	if (!id)
		return "";
	return strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64 ? arena_printf(a, "sha256:%s", id) : arena_strdup(a, str_of(id));
}

static u32 count(json_t *list) { return (u32)MIN(json_array_size(list), (size_t)ENGINE_THINGS); }

static const char *const *labels(struct arena *a, json_t *obj)
{
	json_t *all = json_obj(obj, "Labels"), *v;
	const char **ret = arena_array(a, const char *, json_object_size(all) + 1), *key;
	u32 n = 0;
	json_object_foreach(all, key, v)
		ret[n++] = arena_printf(a, "%s=%s", key, json_string_value(v) ? json_string_value(v) : "");
	return ret;
}

static const char *const *names(struct arena *a, json_t *list)
{
	const char **ret = arena_array(a, const char *, json_array_size(list) + 1);
	u32 n = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (s && s[0] && !str_starts(str_of(s), STR("<none>")))
			ret[n++] = arena_strdup(a, str_of(s));
	}
	return ret;
}

/* --- layers --- */
static u32 layer_of(struct reading *r, u32 below, const char *diff_id, u64 bytes)
{
	struct engine_disk *d = r->disk;
	u32 hash = (u32)hash64(str_of(diff_id), hash_seed ^ below);
	for (u32 at = hash, id; (id = hashtab_next(&r->chains, hash, &at));)
		if (r->layers[id - 1].below == below && strcmp(r->diff_id[id - 1], diff_id) == 0)
			return id - 1;
	u32 n = d->n_layers_of;
	VEC_PUSH(r->diff_id, n, r->diff_room, arena_strdup(r->a, str_of(diff_id)));
	n = d->n_layers_of;
	VEC_PUSH(r->layers, n, r->room, ((struct engine_layer){ .bytes = bytes, .below = below, .cache = ENGINE_NONE }));
	d->n_layers_of = n;
	hashtab_add(&r->chains, hash, n);
	return n - 1;
}

/* An instruction that makes no layer, by how builders write it down; what is empty but makes one is told by this alone. */
static bool makes_none(const char *by)
{
	static const char *const words[] = { "ENV ", "LABEL ", "CMD ", "ENTRYPOINT ", "EXPOSE ", "USER ", "ARG ", "VOLUME ", "STOPSIGNAL ", "HEALTHCHECK ", "MAINTAINER ", "SHELL ", "ONBUILD " };
	struct str s = str_of(by ? by : "");
	const char *nop = str_find(s, STR("#(nop)"));
	s = str_trim(nop ? str_from(s, (size_t)(nop - s.p) + 6) : s);
	for (size_t i = 0; i < countof(words); i++)
		if (str_starts(s, str_of(words[i])))
			return true;
	return nop && str_starts(s, STR("WORKDIR "));
}

/* The sizes of n layers, lowest first, from a history (newest first, with entries that have none). false: they don't fit together. */
static bool sizes_of(json_t *history, u32 n, u64 *sizes)
{
	size_t all = json_array_size(history), extra = all - n, plain = 0;
	if (all < n || all > 4 * ENGINE_LAYERS)
		return false;
	for (size_t i = 0; i < all; i++) {
		json_t *h = json_array_get(history, i);
		plain += !number(h, "Size") && makes_none(json_text(h, "CreatedBy"));
	}
	u32 at = 0;
	for (size_t i = all; i-- > 0;) {
		json_t *h = json_array_get(history, i);
		u64 size = number(h, "Size");
		bool none = makes_none(json_text(h, "CreatedBy"));
		if (!size && extra && (none || extra > plain)) { /* when there are more without a layer than look so, the lowest empty ones are taken for such */
			extra--;
			plain -= none;
			continue;
		}
		if (at == n)
			return false;
		sizes[at++] = size;
	}
	return at == n;
}

static int read_layers(struct reading *r, struct engine_image *i, const struct disk_answers *d, struct error *err)
{
	autojson json_t *inspect = NULL, *history = NULL;
	if (!d->image || !disk_id_ok(i->id))
		return 0;
	int done = d->image(d->ctx, i->id, &inspect, &history, err);
	if (done)
		return done < 0 ? -1 : 0;
	json_t *diff_ids = json_arr(json_obj(inspect, "RootFS"), "Layers");
	u32 n = (u32)MIN(json_array_size(diff_ids), (size_t)ENGINE_LAYERS);
	u64 *sizes = arena_array(r->a, u64, n + 1);
	if (!n || n != json_array_size(diff_ids) || !sizes_of(history, n, sizes))
		return 0;
	u32 *layers = arena_array(r->a, u32, n), below = ENGINE_NONE;
	for (u32 k = 0; k < n; k++) {
		const char *diff_id = json_string_value(json_array_get(diff_ids, k));
		below = layers[k] = layer_of(r, below, diff_id ? diff_id : "", sizes[k]);
		r->layers[below].images += !i->inner;
	}
	i->layers = layers;
	i->n_layers = n;
	return 0;
}

/* --- things --- */
static void read_containers(struct arena *a, json_t *list, struct engine_disk *d)
{
	d->n_containers = count(list);
	d->containers = arena_array(a, struct engine_container, d->n_containers + 1);
	for (u32 i = 0; i < d->n_containers; i++) {
		json_t *c = json_array_get(list, i), *mounts = json_arr(c, "Mounts"), *nets = json_obj(json_obj(c, "NetworkSettings"), "Networks"), *v;
		struct engine_container *e = &d->containers[i];
		const char **volumes = arena_array(a, const char *, json_array_size(mounts) + 1), **networks = arena_array(a, const char *, json_object_size(nets) + 1), *key;
		const char *name = json_string_value(json_array_get(json_arr(c, "Names"), 0));
		u32 n = 0;
		for (size_t m = 0; m < json_array_size(mounts); m++) {
			const char *volume = json_text(json_array_get(mounts, m), "Name");
			if (volume && volume[0])
				volumes[n++] = arena_strdup(a, str_of(volume));
		}
		n = 0;
		json_object_foreach(nets, key, v)
			networks[n++] = arena_strdup(a, str_of(key));
		*e = (struct engine_container){ .id = text(a, c, "Id"), .image = image_id(a, json_text(c, "ImageID")), .image_name = text(a, c, "Image"), .state = text(a, c, "State"),
			.labels = labels(a, c), .created = moment(c, "Created"), .bytes = number(c, "SizeRw"), .volumes = volumes, .networks = networks };
		e->name = name ? arena_strdup(a, str_of(name[0] == '/' ? name + 1 : name)) : e->id;
		const char *const stopped[] = { "created", "exited", "dead", "stopped", "configured", NULL };
		e->stopped = str_listed(str_of(e->state), stopped);
	}
}

static void read_volumes(struct arena *a, json_t *list, struct engine_disk *d)
{
	d->n_volumes = count(list);
	d->volumes = arena_array(a, struct engine_volume, d->n_volumes + 1);
	for (u32 i = 0; i < d->n_volumes; i++) {
		json_t *v = json_array_get(list, i);
		struct engine_volume *e = &d->volumes[i];
		*e = (struct engine_volume){ .name = text(a, v, "Name"), .driver = text(a, v, "Driver"), .labels = labels(a, v), .created = moment(v, "CreatedAt"),
			.bytes = number(json_obj(v, "UsageData"), "Size") };
		e->anonymous = json_object_get(json_obj(v, "Labels"), "com.docker.volume.anonymous") || (strlen(e->name) == 64 && strspn(e->name, "0123456789abcdef") == 64);
	}
}

static void read_networks(struct arena *a, json_t *list, struct engine_disk *d)
{
	const char *const own[] = { "bridge", "host", "none", "podman", "ingress", "docker_gwbridge", NULL };
	d->n_networks = count(list);
	d->networks = arena_array(a, struct engine_network, d->n_networks + 1);
	for (u32 i = 0; i < d->n_networks; i++) {
		json_t *v = json_array_get(list, i);
		struct engine_network *e = &d->networks[i];
		const char *scope = json_text(v, "Scope");
		*e = (struct engine_network){ .id = text(a, v, "Id"), .name = text(a, v, "Name"), .driver = text(a, v, "Driver"), .labels = labels(a, v), .created = moment(v, "Created") };
		e->built_in = str_listed(str_of(e->name), own) || json_is_true(json_object_get(v, "Ingress")) || (scope && strcmp(scope, "swarm") == 0);
	}
}

static void read_cache(struct arena *a, json_t *list, struct engine_disk *d)
{
	d->n_cache = count(list);
	d->cache = arena_array(a, struct engine_cache, d->n_cache + 1);
	for (u32 i = 0; i < d->n_cache; i++) {
		json_t *v = json_array_get(list, i);
		const char *first = json_string_value(json_array_get(json_arr(v, "Parents"), 0)); /* since 1.42 */
		d->cache[i] = (struct engine_cache){ .id = text(a, v, "ID"), .parent = first ? arena_strdup(a, str_of(first)) : text(a, v, "Parent"), .kind = text(a, v, "Type"),
			.what = text(a, v, "Description"), .created = moment(v, "CreatedAt"), .used = moment(v, "LastUsedAt"), .bytes = number(v, "Size"),
			.in_use = json_is_true(json_object_get(v, "InUse")), .shared = json_is_true(json_object_get(v, "Shared")) };
	}
}

/* --- who uses what --- */
struct user {
	const char *key, *by;
};

static int by_key(const void *x, const void *y)
{
	const struct user *a = x, *b = y;
	int c = strcmp(a->key, b->key);
	return c ? c : strcmp(a->by, b->by);
}

/* The users of `key`, from a sorted list. */
static const char *const *users_of(struct arena *a, const struct user *v, u32 n, const char *key)
{
	u32 low = 0, high = n, many = 0;
	while (low < high) {
		u32 mid = low + (high - low) / 2;
		if (strcmp(v[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + many < n && strcmp(v[low + many].key, key) == 0)
		many++;
	const char **ret = arena_array(a, const char *, many + 1);
	for (u32 i = 0; i < many; i++)
		ret[i] = v[low + i].by;
	return ret;
}

static void link_users(struct arena *a, struct engine_disk *d)
{
	struct user *images = arena_array(a, struct user, d->n_containers + 1), *volumes = NULL, *networks = NULL;
	u32 n_volumes = 0, n_networks = 0, room_volumes = 0, room_networks = 0;
	for (u32 i = 0; i < d->n_containers; i++) {
		const struct engine_container *c = &d->containers[i];
		images[i] = (struct user){ c->image, c->name };
		for (const char *const *v = c->volumes; *v; v++)
			VEC_PUSH(volumes, n_volumes, room_volumes, ((struct user){ *v, c->name }));
		for (const char *const *v = c->networks; *v; v++)
			VEC_PUSH(networks, n_networks, room_networks, ((struct user){ *v, c->name }));
	}
	qsort(images, d->n_containers, sizeof *images, by_key);
	if (n_volumes)
		qsort(volumes, n_volumes, sizeof *volumes, by_key);
	if (n_networks)
		qsort(networks, n_networks, sizeof *networks, by_key);
	for (u32 i = 0; i < d->n_images; i++)
		d->images[i].containers = users_of(a, images, d->n_containers, d->images[i].id);
	for (u32 i = 0; i < d->n_volumes; i++)
		d->volumes[i].containers = users_of(a, volumes, n_volumes, d->volumes[i].name);
	for (u32 i = 0; i < d->n_networks; i++)
		d->networks[i].containers = users_of(a, networks, n_networks, d->networks[i].name);
	free(volumes);
	free(networks);
}

/* An image without a name and container that others were built on is no more than a step of theirs. */
static void mark_inner(struct arena *a, struct engine_disk *d)
{
	struct user *parents = arena_array(a, struct user, d->n_images + 1);
	for (u32 i = 0; i < d->n_images; i++)
		parents[i] = (struct user){ d->images[i].parent, d->images[i].id };
	qsort(parents, d->n_images, sizeof *parents, by_key);
	for (u32 i = 0; i < d->n_images; i++) {
		struct engine_image *e = &d->images[i];
		e->inner = !e->names[0] && !e->containers[0] && users_of(a, parents, d->n_images, e->id)[0];
	}
}

static int larger(const void *x, const void *y)
{
	const struct engine_image *a = x, *b = y;
	return a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : strcmp(a->id, b->id);
}

static int by_image(const void *x, const void *y)
{
	const struct engine_image *a = x, *b = y;
	int c = strcmp(a->id, b->id);
	return c ? c : a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : a->names[0] && b->names[0] ? strcmp(a->names[0], b->names[0]) : 0;
}

static int by_text(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }

/* Their names, or digests, in one list, each once. */
static const char *const *joined(struct arena *a, const struct engine_image *v, u32 n, bool digests)
{
	size_t all = 0, k = 0;
	for (u32 i = 0; i < n; i++)
		for (const char *const *s = digests ? v[i].digests : v[i].names; *s; s++)
			all++;
	const char **ret = arena_array(a, const char *, all + 1);
	for (u32 i = 0; i < n; i++)
		for (const char *const *s = digests ? v[i].digests : v[i].names; *s; s++)
			ret[k++] = *s;
	if (all)
		qsort(ret, all, sizeof *ret, by_text);
	k = 0;
	for (size_t i = 0; i < all; i++)
		if (!k || strcmp(ret[k - 1], ret[i]) != 0)
			ret[k++] = ret[i];
	ret[k] = NULL;
	return ret;
}

/* containerd's image store lists an image once a name, or once a platform: it is one all the same. */
static void join_images(struct arena *a, struct engine_disk *d)
{
	u32 n = 0;
	if (d->n_images)
		qsort(d->images, d->n_images, sizeof *d->images, by_image);
	for (u32 i = 0, next; i < d->n_images; i = next) {
		struct engine_image one = d->images[i];
		for (next = i + 1; next < d->n_images && one.id[0] && strcmp(one.id, d->images[next].id) == 0; next++)
			one.bytes = MAX(one.bytes, d->images[next].bytes);
		if (next > i + 1) {
			one.names = joined(a, &d->images[i], next - i, false);
			one.digests = joined(a, &d->images[i], next - i, true);
		}
		d->images[n++] = one;
	}
	d->n_images = n;
}

static void read_images(struct arena *a, const struct disk_answers *answers, struct engine_disk *d)
{
	json_t *df = json_arr(answers->df, "Images");
	struct user *shared = arena_array(a, struct user, count(df) + 1);
	for (u32 i = 0; i < count(df); i++) {
		json_t *v = json_array_get(df, i);
		shared[i] = (struct user){ image_id(a, json_text(v, "Id")), arena_printf(a, "%llu", (unsigned long long)number(v, "SharedSize")) };
	}
	qsort(shared, count(df), sizeof *shared, by_key);
	d->n_images = count(answers->images);
	d->images = arena_array(a, struct engine_image, d->n_images + 1);
	for (u32 i = 0; i < d->n_images; i++) {
		json_t *v = json_array_get(answers->images, i);
		struct engine_image *e = &d->images[i];
		*e = (struct engine_image){ .id = image_id(a, json_text(v, "Id")), .names = names(a, json_arr(v, "RepoTags")), .digests = names(a, json_arr(v, "RepoDigests")), .labels = labels(a, v), .parent = image_id(a, json_text(v, "ParentId")),
			.created = moment(v, "Created"), .bytes = number(v, "Size") };
		const char *const *part = users_of(a, shared, count(df), e->id);
		if (part[0])
			(void)!str_to_u64(str_of(part[0]), &e->shared);
	}
	join_images(a, d);
	qsort(d->images, d->n_images, sizeof *d->images, larger);
}

void disk_images(struct arena *a, json_t *images, struct engine_disk *ret)
{
	*ret = (struct engine_disk){ 0 };
	read_images(a, &(struct disk_answers){ .images = images }, ret);
}

/* --- build cache that is a layer --- */
#define CACHE_STEPS 20000000u /* of the search for these */

struct record {
	const char *id;
	u32 index;
};

static int by_id(const void *x, const void *y) { return strcmp(((const struct record *)x)->id, ((const struct record *)y)->id); }

struct match {
	struct engine_disk *d;
	u32 *parent, *layer; /* of each record; ENGINE_NONE: none, not known */
	u32 *height;         /* of each layer: how many are below */
	u32 steps;
};

/* Whether a record and all before it can be this layer and all below it: of the same size, or, of an image that was there before, without one of its own. */
static bool fits(struct match *m, u32 record, u32 layer)
{
	for (; record != ENGINE_NONE && layer != ENGINE_NONE && m->steps; record = m->parent[record], layer = m->d->layers_of[layer].below, m->steps--) {
		if (m->layer[record] != ENGINE_NONE)
			return m->layer[record] == layer;
		u64 bytes = m->d->cache[record].bytes;
		if (!m->d->cache[record].shared || (bytes && (bytes != m->d->layers_of[layer].bytes || m->d->layers_of[layer].cache != ENGINE_NONE)))
			return false;
	}
	return record == ENGINE_NONE && layer == ENGINE_NONE;
}

static void match_one(struct match *m, u32 record, u32 depth)
{
	for (u32 l = 0; l < m->d->n_layers_of && m->steps; l++, m->steps--) {
		if (m->height[l] != depth || !fits(m, record, l))
			continue;
		for (u32 at = l; record != ENGINE_NONE && m->layer[record] == ENGINE_NONE; record = m->parent[record], at = m->d->layers_of[at].below) {
			m->layer[record] = at;
			if (m->d->layers_of[at].cache == ENGINE_NONE)
				m->d->layers_of[at].cache = record;
		}
		return;
	}
}

/* Shared records are layers of images, but it isn't said which: the chain of sizes tells, the longest first. */
static void match_cache(struct arena *a, struct engine_disk *d)
{
	u32 n = d->n_cache;
	struct match m = { d, arena_array(a, u32, n + 1), arena_array(a, u32, n + 1), arena_array(a, u32, d->n_layers_of + 1), CACHE_STEPS };
	struct record *ids = arena_array(a, struct record, n + 1);
	u32 *depth = arena_array(a, u32, n + 1), deepest = 0;
	for (u32 i = 0; i < n; i++)
		ids[i] = (struct record){ d->cache[i].id, i };
	qsort(ids, n, sizeof *ids, by_id);
	for (u32 i = 0; i < n; i++) {
		const struct record *p = d->cache[i].parent[0] ? bsearch(&(struct record){ d->cache[i].parent, 0 }, ids, n, sizeof *ids, by_id) : NULL;
		m.parent[i] = p ? p->index : ENGINE_NONE;
		m.layer[i] = ENGINE_NONE;
	}
	for (u32 i = 0; i < n; i++) {
		for (u32 at = m.parent[i]; at != ENGINE_NONE && depth[i] < ENGINE_LAYERS; at = m.parent[at])
			depth[i]++;
		deepest = MAX(deepest, depth[i]);
	}
	for (u32 l = 0; l < d->n_layers_of; l++)
		m.height[l] = d->layers_of[l].below == ENGINE_NONE ? 0 : m.height[d->layers_of[l].below] + 1;
	for (u32 k = deepest + 1; k-- > 0 && m.steps;)
		for (u32 i = 0; i < n; i++)
			if (depth[ids[i].index] == k && k < ENGINE_LAYERS && d->cache[ids[i].index].shared && m.layer[ids[i].index] == ENGINE_NONE)
				match_one(&m, ids[i].index, k);
}

/* Whether images are kept by containerd: [["driver-type", "io.containerd.snapshotter.v1"]] */
static bool in_containerd(json_t *info)
{
	size_t i;
	json_t *pair;
	json_array_foreach(json_arr(info, "DriverStatus"), i, pair) {
		const char *key = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
		if (key && value && strcmp(key, "driver-type") == 0 && str_starts(str_of(value), STR("io.containerd.snapshotter.")))
			return true;
	}
	return false;
}

/* There LayersSize has what containers wrote and the build cache in it, and an image's size its packed layers: only what is told of each layer adds up. */
static void count_unpacked(struct engine_disk *d)
{
	for (u32 i = 0; i < d->n_images; i++) {
		struct engine_image *e = &d->images[i];
		if (!e->n_layers)
			continue;
		e->bytes = 0;
		for (u32 k = 0; k < e->n_layers; k++)
			e->bytes += d->layers_of[e->layers[k]].bytes;
	}
	if (d->n_images)
		qsort(d->images, d->n_images, sizeof *d->images, larger);
}

int disk_read(struct arena *a, const struct disk_answers *answers, struct engine_disk *ret, struct error *err)
{
	struct engine_disk d = { .packed = in_containerd(answers->info) };
	struct reading r = { .a = a, .disk = &d };
	int done = 0;
	read_images(a, answers, &d);
	read_containers(a, answers->containers, &d);
	read_volumes(a, json_arr(answers->df, "Volumes"), &d);
	read_networks(a, answers->networks, &d);
	read_cache(a, json_arr(answers->df, "BuildCache"), &d);
	link_users(a, &d);
	mark_inner(a, &d);
	hashtab_open(&r.chains, 64);
	for (u32 i = 0; i < d.n_images && done == 0; i++)
		if (!d.images[i].inner)
			done = read_layers(&r, &d.images[i], answers, err);
	d.layers_of = arena_array(a, struct engine_layer, d.n_layers_of + 1);
	if (d.n_layers_of)
		memcpy(d.layers_of, r.layers, d.n_layers_of * sizeof *r.layers);
	hashtab_free(&r.chains);
	free(r.layers);
	free(r.diff_id);
	if (done < 0)
		return -1;
	match_cache(a, &d);
	if (d.packed)
		count_unpacked(&d);
	else
		d.layers = number(answers->df, "LayersSize");
	*ret = d;
	return 0;
}
