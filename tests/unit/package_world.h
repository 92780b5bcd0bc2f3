/* package_world.h — an image made of facts in memory: each file's content goes through its collector as a layer's would, and
 * packages_read() answers. */
#ifndef PARE_TESTS_PACKAGE_WORLD_H
#define PARE_TESTS_PACKAGE_WORLD_H
#include "base/file.h"
#include "layer/read.h"
#include "package/note.h"
#include "package/package.h"
#include "report/subject.h"
#include <setjmp.h>
#include <cmocka.h>

#define LAYERS 3

struct world {
	struct image img;
	struct image_layer layers[LAYERS];
	struct facts *facts[LAYERS];
	struct rootfs *r;
	struct packages *p;
};

static __attribute__((unused)) void begin(struct world *w)
{
	*w = (struct world){ 0 };
	for (u32 i = 0; i < LAYERS; i++) {
		w->facts[i] = facts_new();
		w->layers[i] = (struct image_layer){ .index = i, .facts = w->facts[i] };
	}
	w->img.layers = w->layers;
	w->img.n_layers = LAYERS;
}

static __attribute__((unused)) u32 put(struct world *w, u32 layer, const char *path, enum tar_type type, const char *link, u64 size)
{
	struct tar_entry e = { .path = str_of(path), .type = type, .link = str_of(link ? link : ""), .mode = 0755, .size = size, .stored = size };
	u32 id;
	assert_int_equal(facts_add(w->facts[layer], &e, e.path, &id, NULL), 0);
	return id;
}

static __attribute__((unused)) void file(struct world *w, u32 layer, const char *path, u64 size) { put(w, layer, path, TAR_FILE, NULL, size); }

/* A file with content: whichever collectors want it take their notes. */
static __attribute__((unused)) void content(struct world *w, u32 layer, const char *path, struct str bytes)
{
	struct tar_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = 0755, .size = bytes.n, .stored = bytes.n };
	layer_collect(w->facts[layer], put(w, layer, path, TAR_FILE, NULL, bytes.n), collector_sets[COLLECT_PACKAGES], &e, e.path, bytes);
	assert_int_equal(w->facts[layer]->problems.n, 0);
}

static __attribute__((unused)) void text(struct world *w, u32 layer, const char *path, const char *z) { content(w, layer, path, str_of(z)); }

static __attribute__((unused)) struct packages *look(struct world *w)
{
	w->r = rootfs_build(&w->img, NULL);
	w->p = packages_read(w->r, false);
	return w->p;
}

static __attribute__((unused)) void end(struct world *w)
{
	packages_free(w->p);
	rootfs_free(w->r);
	for (u32 i = 0; i < LAYERS; i++)
		facts_free(w->facts[i]);
}

static __attribute__((unused)) const struct package *get(const struct packages *p, const char *name)
{
	const struct package *found = NULL;
	for (u32 i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].name, name) == 0) {
			assert_null(found);
			found = &p->v[i];
		}
	}
	return found;
}

static __attribute__((unused)) const char *owner(const struct world *w, const char *path)
{
	node_id id = rootfs_find(w->r, str_of(path), false);
	assert_int_not_equal(id, 0);
	return w->p->owner[id] ? w->p->v[w->p->owner[id] - 1].name : "";
}

static __attribute__((unused)) bool told(const struct packages *p, const char *what)
{
	for (u32 i = 0; i < p->problems.n; i++)
		if (strstr(p->problems.v[i], what))
			return true;
	return false;
}
#endif
