/* Where a container engine's disk went: what stands on what, what could go, and by which command. */
#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "command/du.h"
#include "prune/engine.h"
#include "report/columns.h"

#define SHOWN 10u /* of each kind, without --verbose */

struct sight {
	struct arena a;
	struct engine *e;
	struct engine_disk d;
	const char *which, *program; /* as --engine has it; "docker" or "podman" */
	u64 *unique;                 /* of each image: layers that no other has */
	u64 layers, containers, volumes, cache, cache_shared;
	u64 plain[8], all[8];        /* by prune_kind: what `pare prune` frees, and with --all */
	u64 volumes_named;           /* of volumes with a name that no container uses */
};

/* --- what could go --- */
static void decide(struct sight *s, const struct prune_rules *rules, u64 *by_kind)
{
	struct prune_item *v;
	u32 n;
	prune_engine_list(&s->a, &s->d, true, true, &v, &n);
	prune_decide(&s->a, v, n, rules, 0);
	for (u32 i = 0; i < n; i++)
		by_kind[v[i].kind] += v[i].goes ? v[i].bytes : 0;
}

static void measure(struct sight *s)
{
	const struct engine_disk *d = &s->d;
	s->unique = arena_array(&s->a, u64, d->n_images + 1);
	for (u32 i = 0; i < d->n_images; i++) {
		const struct engine_image *m = &d->images[i];
		s->unique[i] = m->n_layers ? 0 : m->bytes - MIN(m->bytes, m->shared);
		for (u32 k = 0; k < m->n_layers; k++)
			s->unique[i] += d->layers_of[m->layers[k]].images == 1 ? d->layers_of[m->layers[k]].bytes : 0;
		s->layers += m->n_layers || m->inner ? 0 : m->bytes;
	}
	for (u32 i = 0; i < d->n_layers_of; i++)
		s->layers += d->layers_of[i].bytes;
	s->layers = d->layers ? d->layers : s->layers;
	for (u32 i = 0; i < d->n_containers; i++)
		s->containers += d->containers[i].bytes;
	for (u32 i = 0; i < d->n_volumes; i++) {
		s->volumes += d->volumes[i].bytes;
		s->volumes_named += d->volumes[i].anonymous || d->volumes[i].containers[0] ? 0 : d->volumes[i].bytes;
	}
	for (u32 i = 0; i < d->n_cache; i++)
		*(d->cache[i].shared ? &s->cache_shared : &s->cache) += d->cache[i].bytes;
	decide(s, &(struct prune_rules){ 0 }, s->plain);
	decide(s, &(struct prune_rules){ .all = true }, s->all);
}

/* --- values --- */
/* A command that can be pasted: NULL when the name holds what a shell would take for something else. */
static const char *command(struct sight *s, const char *verb, const char *name)
{
	return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-") == strlen(name) && name[0] != '-' ?
		       arena_printf(&s->a, "%s %s %s", s->program, verb, name) :
		       NULL;
}

static const char *image_name(struct sight *s, const struct engine_image *i)
{
	return i->names[0] ? i->names[0] : arena_printf(&s->a, "<none> %.12s", strlen(i->id) > 7 ? i->id + 7 : i->id);
}

static const char *day(s64 when, char out[40])
{
	if (when <= 0)
		return "-";
	text_time(when, out);
	out[10] = '\0';
	return out;
}

/* "web, db and 3 more". */
static const char *some(struct sight *s, const char *const *names)
{
	u32 n = 0;
	while (names[n])
		n++;
	if (n == 0)
		return "";
	if (n == 1)
		return names[0];
	return n == 2 ? arena_printf(&s->a, "%s, %s", names[0], names[1]) : arena_printf(&s->a, "%s, %s and %u more", names[0], names[1], n - 2);
}

/* --- for people --- */
static void summary(struct sight *s)
{
	struct {
		const char *name;
		u32 n;
		u64 bytes, plain, all;
	} rows[] = {
		{ "images", 0, s->layers, s->plain[PRUNE_IMAGE], s->all[PRUNE_IMAGE] },
		{ "containers", s->d.n_containers, s->containers, s->plain[PRUNE_CONTAINER], s->all[PRUNE_CONTAINER] },
		{ "volumes", s->d.n_volumes, s->volumes, s->plain[PRUNE_VOLUME], s->all[PRUNE_VOLUME] + s->volumes_named },
		{ "build cache", s->d.n_cache, s->cache, s->plain[PRUNE_CACHE], s->all[PRUNE_CACHE] },
	};
	u64 total = s->layers + s->containers + s->volumes + s->cache, can = 0;
	for (u32 i = 0; i < s->d.n_images; i++)
		rows[0].n += !s->d.images[i].inner;
	for (size_t i = 0; i < countof(rows); i++)
		can += rows[i].all;
	struct buf name = BUF(0);
	text_safe(&name, str_of(engine_name(s->e)));
	printf("%s: %s on its disk, %s of it used by nothing\n\n", buf_str(&name).p, TEXT_SIZE(total), TEXT_SIZE(can));
	buf_free(&name);
	printf("  %-12s %6s %9s %9s %9s\n", "", "count", "size", "prune", "--all");
	for (size_t i = 0; i < countof(rows); i++)
		printf("  %-12s %6u %9s %9s %9s\n", rows[i].name, rows[i].n, TEXT_SIZE(rows[i].bytes), TEXT_SIZE(rows[i].plain), TEXT_SIZE(rows[i].all));
	if (s->d.packed)
		puts("  the engine keeps layers packed, too (containerd's image store), and doesn't say how much that is: images are counted unpacked");
	if (s->cache_shared)
		printf("  of the build cache %s more are layers of images, and counted there\n", TEXT_SIZE(s->cache_shared));
	u64 plain = s->plain[PRUNE_CONTAINER] + s->plain[PRUNE_IMAGE] + s->plain[PRUNE_CACHE], all = s->all[PRUNE_CONTAINER] + s->all[PRUNE_IMAGE] + s->all[PRUNE_CACHE];
	putchar('\n');
	if (plain)
		printf("  frees %9s  pare prune --engine %s\n", TEXT_SIZE(plain), s->which);
	if (all > plain)
		printf("  frees %9s  pare prune --engine %s --all\n", TEXT_SIZE(all), s->which);
	if (s->all[PRUNE_VOLUME])
		printf("  frees %9s  pare prune --engine %s --all --volumes\n", TEXT_SIZE(all + s->all[PRUNE_VOLUME]), s->which);
	if (!all && !s->all[PRUNE_VOLUME])
		printf("  nothing can be pruned\n");
}

static void row(struct columns *c, const char *first, const char *second, const char *third, const char *fourth, const char *fifth, const char *sixth)
{
	const char *const cells[] = { first, second, third, fourth, fifth, sixth };
	for (u32 i = 0; i < c->n; i++)
		columns_add(c, cells[i]);
}

static void end_table(struct columns *c, u32 n, u32 shown)
{
	columns_write(stdout, c);
	columns_free(c);
	if (n > shown)
		printf("  … and %u more (--verbose)\n", n - shown);
}

/* What a thing is used by, else how it is removed. */
static const char *used_or(struct sight *s, const char *const *containers, const char *remove)
{
	return containers[0] ? arena_printf(&s->a, "used by container %s", some(s, containers)) : remove ? remove : "";
}

static void show_images(struct sight *s, bool verbose)
{
	struct columns c = { .n = 6, .right = 7, .indent = "  ", .most = { [4] = 60, [5] = 90 } };
	u32 shown = 0, n = 0;
	for (u32 i = 0; i < s->d.n_images; i++)
		n += !s->d.images[i].inner;
	if (!n)
		return;
	puts("\nImages: removing one frees what is its own");
	row(&c, "OWN", "SHARED", "ALL", "MADE", "IMAGE", "");
	for (u32 i = 0; i < s->d.n_images && (verbose || shown < SHOWN); i++) {
		const struct engine_image *m = &s->d.images[i];
		if (m->inner)
			continue;
		const char *remove = command(s, "rmi", m->names[0] ? m->names[0] : m->id);
		row(&c, TEXT_SIZE(s->unique[i]), TEXT_SIZE(m->bytes - MIN(m->bytes, s->unique[i])), TEXT_SIZE(m->bytes), day(m->created, (char[40]){ 0 }), m->names[0] ? some(s, m->names) : image_name(s, m),
		    used_or(s, m->containers, m->names[0] && m->names[1] ? NULL : remove));
		shown++;
	}
	end_table(&c, n, shown);
}

/* The images above a layer: as names. */
static const char *const *above(struct sight *s, u32 layer)
{
	const char **v = arena_array(&s->a, const char *, s->d.n_images + 1);
	u32 n = 0;
	for (u32 i = 0; i < s->d.n_images; i++) {
		const struct engine_image *m = &s->d.images[i];
		bool has = false;
		for (u32 k = 0; k < m->n_layers && !has; k++)
			has = m->layers[k] == layer;
		if (has)
			v[n++] = image_name(s, m);
	}
	return v;
}

struct shared {
	u64 bytes;
	u32 layer;
};

static int larger_shared(const void *x, const void *y)
{
	const struct shared *a = x, *b = y;
	return a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : a->layer < b->layer ? -1 : a->layer > b->layer;
}

/* Layers that several images have, largest first; n of them. */
static struct shared *shared_layers(struct sight *s, u32 *n)
{
	struct shared *v = arena_array(&s->a, struct shared, s->d.n_layers_of + 1);
	*n = 0;
	for (u32 i = 0; i < s->d.n_layers_of; i++)
		if (s->d.layers_of[i].images > 1 && s->d.layers_of[i].bytes)
			v[(*n)++] = (struct shared){ s->d.layers_of[i].bytes, i };
	qsort(v, *n, sizeof *v, larger_shared);
	return v;
}

static void show_layers(struct sight *s, bool verbose)
{
	struct columns c = { .n = 3, .right = 3, .indent = "  " };
	u32 n, shown = 0;
	struct shared *v = shared_layers(s, &n);
	if (!n)
		return;
	puts("\nLayers that several images stand on: free when the last of these goes");
	row(&c, "SIZE", "IMAGES", "", "", "", "");
	for (; shown < n && (verbose || shown < SHOWN); shown++)
		row(&c, TEXT_SIZE(v[shown].bytes), arena_printf(&s->a, "%u", s->d.layers_of[v[shown].layer].images), some(s, above(s, v[shown].layer)), "", "", "");
	end_table(&c, n, shown);
}

static int larger_container(const void *x, const void *y)
{
	const struct engine_container *a = x, *b = y;
	return a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : strcmp(a->name, b->name);
}

static int larger_volume(const void *x, const void *y)
{
	const struct engine_volume *a = x, *b = y;
	return a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : strcmp(a->name, b->name);
}

static int larger_cache(const void *x, const void *y)
{
	const struct engine_cache *a = x, *b = y;
	if (a->shared != b->shared)
		return a->shared ? 1 : -1;
	return a->bytes != b->bytes ? a->bytes < b->bytes ? 1 : -1 : strcmp(a->id, b->id);
}

static void show_containers(struct sight *s, bool verbose)
{
	struct columns c = { .n = 6, .right = 1, .indent = "  ", .most = { [3] = 40, [4] = 60 } };
	u32 shown = 0, n = s->d.n_containers;
	if (!n)
		return;
	puts("\nContainers: what they wrote");
	row(&c, "SIZE", "MADE", "STATE", "CONTAINER", "IMAGE", "");
	for (; shown < n && (verbose || shown < SHOWN); shown++) {
		const struct engine_container *v = &s->d.containers[shown];
		row(&c, TEXT_SIZE(v->bytes), day(v->created, (char[40]){ 0 }), v->state, v->name, v->image_name, v->stopped ? command(s, "rm", v->name) : NULL);
	}
	end_table(&c, n, shown);
}

static void show_volumes(struct sight *s, bool verbose)
{
	struct columns c = { .n = 4, .right = 1, .indent = "  ", .most = { [2] = 60 } };
	u32 shown = 0, n = s->d.n_volumes;
	if (!n)
		return;
	puts("\nVolumes");
	row(&c, "SIZE", "MADE", "VOLUME", "", "", "");
	for (; shown < n && (verbose || shown < SHOWN); shown++) {
		const struct engine_volume *v = &s->d.volumes[shown];
		row(&c, TEXT_SIZE(v->bytes), day(v->created, (char[40]){ 0 }), v->anonymous ? arena_printf(&s->a, "%.12s (anonymous)", v->name) : v->name,
		    used_or(s, v->containers, v->anonymous ? "unused" : command(s, "volume rm", v->name)), "", "");
	}
	end_table(&c, n, shown);
}

static void show_cache(struct sight *s, bool verbose)
{
	struct columns c = { .n = 4, .right = 1, .indent = "  ", .most = { [3] = verbose ? 0 : 80 } };
	u32 shown = 0, n = s->d.n_cache;
	if (!n)
		return;
	puts("\nBuild cache");
	row(&c, "SIZE", "USED", "KEPT", "STEP", "", "");
	for (; shown < n && (verbose || shown < SHOWN); shown++) {
		const struct engine_cache *v = &s->d.cache[shown];
		row(&c, TEXT_SIZE(v->bytes), day(v->used ? v->used : v->created, (char[40]){ 0 }), v->in_use ? "by a build" : v->shared ? "by an image" : "for next time", v->what, "", "");
	}
	end_table(&c, n, shown);
}

/* --- for programs --- */
static void list_json(struct jsonw *w, const char *key, const char *const *v)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (; *v; v++)
		jsonw_str(w, str_of(*v));
	jsonw_end(w);
}

static void time_json(struct jsonw *w, const char *key, s64 when)
{
	jsonw_kz(w, key, when > 0 ? text_time(when, (char[40]){ 0 }) : NULL);
}

static void groups_json(struct sight *s, struct jsonw *w)
{
	const struct {
		const char *name;
		u64 bytes;
		enum prune_kind kind;
	} groups[] = { { "images", s->layers, PRUNE_IMAGE }, { "containers", s->containers, PRUNE_CONTAINER }, { "volumes", s->volumes, PRUNE_VOLUME }, { "cache", s->cache, PRUNE_CACHE } };
	jsonw_key(w, "groups");
	jsonw_arr(w);
	for (size_t i = 0; i < countof(groups); i++) {
		jsonw_obj(w);
		jsonw_kz(w, "kind", groups[i].name);
		jsonw_ku(w, "size", groups[i].bytes);
		jsonw_ku(w, "frees", s->plain[groups[i].kind]);
		jsonw_ku(w, "frees_all", s->all[groups[i].kind]);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void images_json(struct sight *s, struct jsonw *w)
{
	jsonw_key(w, "images");
	jsonw_arr(w);
	for (u32 i = 0; i < s->d.n_images; i++) {
		const struct engine_image *m = &s->d.images[i];
		bool free = !m->inner && !m->containers[0];
		jsonw_obj(w);
		jsonw_kz(w, "id", m->id);
		list_json(w, "names", m->names);
		jsonw_kz(w, "parent", m->parent[0] ? m->parent : NULL);
		jsonw_kb(w, "step", m->inner);
		time_json(w, "created", m->created);
		jsonw_ku(w, "size", m->bytes);
		jsonw_ku(w, "unique", m->inner ? 0 : s->unique[i]);
		jsonw_ku(w, "shared", m->inner ? m->bytes : m->bytes - MIN(m->bytes, s->unique[i]));
		list_json(w, "containers", m->containers);
		jsonw_ku(w, "frees", free ? s->unique[i] : 0);
		jsonw_kz(w, "command", free ? command(s, "rmi", m->names[0] && !m->names[1] ? m->names[0] : m->names[0] ? "" : m->id) : NULL);
		jsonw_end(w);
	}
	jsonw_end(w);
	u32 n;
	struct shared *v = shared_layers(s, &n);
	jsonw_key(w, "shared_layers");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		jsonw_obj(w);
		jsonw_ku(w, "size", v[i].bytes);
		list_json(w, "images", above(s, v[i].layer));
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void things_json(struct sight *s, struct jsonw *w)
{
	jsonw_key(w, "containers");
	jsonw_arr(w);
	for (u32 i = 0; i < s->d.n_containers; i++) {
		const struct engine_container *c = &s->d.containers[i];
		jsonw_obj(w);
		jsonw_kz(w, "id", c->id);
		jsonw_kz(w, "name", c->name);
		jsonw_kz(w, "image", c->image);
		jsonw_kz(w, "state", c->state);
		time_json(w, "created", c->created);
		jsonw_ku(w, "size", c->bytes);
		list_json(w, "volumes", c->volumes);
		jsonw_ku(w, "frees", c->stopped ? c->bytes : 0);
		jsonw_kz(w, "command", c->stopped ? command(s, "rm", c->name) : NULL);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_key(w, "volumes");
	jsonw_arr(w);
	for (u32 i = 0; i < s->d.n_volumes; i++) {
		const struct engine_volume *v = &s->d.volumes[i];
		jsonw_obj(w);
		jsonw_kz(w, "name", v->name);
		jsonw_kz(w, "driver", v->driver);
		jsonw_kb(w, "anonymous", v->anonymous);
		time_json(w, "created", v->created);
		jsonw_ku(w, "size", v->bytes);
		list_json(w, "containers", v->containers);
		jsonw_ku(w, "frees", v->containers[0] ? 0 : v->bytes);
		jsonw_kz(w, "command", v->containers[0] ? NULL : command(s, "volume rm", v->name));
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void cache_json(struct sight *s, struct jsonw *w)
{
	jsonw_key(w, "cache");
	jsonw_arr(w);
	for (u32 i = 0; i < s->d.n_cache; i++) {
		const struct engine_cache *c = &s->d.cache[i];
		jsonw_obj(w);
		jsonw_kz(w, "id", c->id);
		jsonw_kz(w, "parent", c->parent[0] ? c->parent : NULL);
		jsonw_kz(w, "kind", c->kind);
		jsonw_kz(w, "step", c->what);
		time_json(w, "created", c->created);
		time_json(w, "used", c->used);
		jsonw_ku(w, "size", c->bytes);
		jsonw_kb(w, "in_use", c->in_use);
		jsonw_kb(w, "shared", c->shared);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void show_json(struct sight *s)
{
	struct jsonw w;
	jsonw_init(&w, stdout, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "engine", engine_name(s->e));
	jsonw_ku(&w, "size", s->layers + s->containers + s->volumes + s->cache);
	groups_json(s, &w);
	images_json(s, &w);
	things_json(s, &w);
	cache_json(s, &w);
	jsonw_end(&w);
}

int du_engine(const char *which, bool json, bool verbose)
{
	struct error err = { 0 };
	struct sight s = { .which = which ? which : "docker" };
	if (engine_open(s.which, &s.e, &err) < 0)
		return command_fail(&err);
	int r = engine_disk(s.e, &s.a, &s.d, &err);
	if (r == 0) {
		s.program = strncmp(engine_name(s.e), "Podman", 6) == 0 ? "podman" : "docker";
		qsort(s.d.containers, s.d.n_containers, sizeof *s.d.containers, larger_container);
		qsort(s.d.volumes, s.d.n_volumes, sizeof *s.d.volumes, larger_volume);
		measure(&s);
		qsort(s.d.cache, s.d.n_cache, sizeof *s.d.cache, larger_cache); /* layers name records by their place: only now */
		if (json) {
			show_json(&s);
		} else {
			summary(&s);
			show_images(&s, verbose);
			show_layers(&s, verbose);
			show_containers(&s, verbose);
			show_volumes(&s, verbose);
			show_cache(&s, verbose);
		}
	}
	int status = r < 0 ? command_fail(&err) : command_done(0);
	engine_close(s.e);
	arena_free(&s.a);
	return status;
}
