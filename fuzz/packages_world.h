/* packages_world.h — for the fuzzers of package databases: an image of one layer whose files went through their collectors, read to the
 * end, and what must hold of the answer whatever the files say. */
#ifndef PARE_FUZZ_PACKAGES_WORLD_H
#define PARE_FUZZ_PACKAGES_WORLD_H
#include "layer/read.h"
#include "package/note.h"
#include "package/package.h"
#include "report/subject.h"

static void world_put(struct facts *f, const char *path, enum tar_type type, const char *link, struct str content)
{
	struct tar_entry e = { .path = str_of(path), .type = type, .link = str_of(link), .mode = 0755, .size = content.n, .stored = content.n };
	struct error err = { 0 };
	u32 id;
	if (facts_add(f, &e, e.path, &id, &err) < 0)
		abort();
	if (type == TAR_FILE)
		layer_collect(f, id, collector_sets[COLLECT_PACKAGES], &e, e.path, content);
	if (f->problems.n)
		abort(); /* damage is noted; only a note that doesn't fit may fail */
}

static void world_files(struct facts *f)
{
	static const char *const files[] = { "usr/bin/a", "usr/lib/b", "etc/a.conf", "etc/passwd", "opt/alpha/one" };
	world_put(f, "bin", TAR_SYMLINK, "usr/bin", STR(""));
	world_put(f, "loop", TAR_SYMLINK, "loop/loop", STR(""));
	for (u32 i = 0; i < countof(files); i++)
		world_put(f, files[i], TAR_FILE, "", str_n("12345", i));
}

static void world_check(const struct rootfs *r, const struct packages *p)
{
	u64 bytes = 0, files = 0;
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		if (!k->name || !k->version || !k->arch || !k->source_name || !k->source_version || !k->license || !k->summary || !k->section || !k->depends || k->layer != 0)
			abort();
		if (i && (strcmp(p->v[i - 1].type, k->type) > 0 || (!strcmp(p->v[i - 1].type, k->type) && strcmp(p->v[i - 1].name, k->name) > 0)))
			abort();
		bytes += k->bytes;
		files += k->files;
	}
	for (u32 i = 0; i < r->nodes.n; i++) {
		if (p->owner[i] > p->n)
			abort();
		files -= p->owner[i] != 0;
	}
	if (bytes != p->bytes || bytes > r->visible || files)
		abort();
}

/* Reads and frees. */
static void world_read(struct facts *f)
{
	struct image_layer layer = { .facts = f };
	struct image img = { .layers = &layer, .n_layers = 1 };
	struct rootfs *r = rootfs_build(&img, NULL);
	struct packages *p = packages_read(r, false);
	world_check(r, p);
	packages_free(p);
	rootfs_free(r);
	facts_free(f);
}
#endif
