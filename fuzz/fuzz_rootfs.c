/* The input is a script: each two bytes an entry of a layer, with names from a few, so that everything meets everything else: whiteouts, opaque
 * directories, links of both kinds through one another, types that replace types, entries twice. */
#include "tree_check.h"

#define LAYERS 6

static const char *const names[] = { "a", "b", "c", "a/b", "a/c", "b/a", "a/b/c", "a/b/a", "c/a", "b/b", "c/b/a", "b/c/a/b", "a-", "a/b/c/d", "d", "a.b/a" };
static const char *const targets[] = { "a", "b", "/a", "../a", ".", "..", "/", "c/b", "a/../b/./c", "/nowhere", "../../..", "", "a/b/c", "b/a", "d", "c" };

static void step(struct facts *f, u8 what, u8 where)
{
	char path[64];
	const char *name = names[where & 15], *slash = strrchr(name, '/');
	struct tar_entry e = { .mode = where & 16 ? 0755 : 0644, .mtime = where >> 5 & 1, .uid = where >> 6 & 1 };
	snprintf(path, sizeof path, "%s", name);
	switch (what & 7) {
	case 0:
	case 1: e.type = TAR_FILE; break;
	case 2: e.type = TAR_DIR; break;
	case 3: e.type = TAR_SYMLINK; break;
	case 4: e.type = TAR_HARDLINK; break;
	case 5:
		e.type = TAR_FILE;
		snprintf(path, sizeof path, "%.*s.wh.%s", slash ? (int)(slash - name + 1) : 0, name, slash ? slash + 1 : name);
		break;
	case 6:
		e.type = TAR_FILE;
		snprintf(path, sizeof path, "%s%s.wh..wh..opq", where & 128 ? "" : name, where & 128 ? "" : "/");
		break;
	default: e.type = where & 32 ? TAR_FIFO : TAR_CHAR; break;
	}
	u8 more = what >> 3;
	if (e.type == TAR_FILE)
		e.size = e.stored = more & 7;
	else if (e.type == TAR_SYMLINK)
		e.link = str_of(targets[more & 15]);
	else if (e.type == TAR_HARDLINK)
		e.link = str_of(names[more & 15]);
	if (e.type == TAR_DIR && more == 31)
		path[0] = '\0'; /* the root */
	u32 id;
	if (facts_add(f, &e, str_of(path), &id, NULL) < 0)
		abort();
	struct fact_entry *x = SEG_AT(&f->entries, id);
	x->hash.lo = more >> 3; /* contents: a few different ones */
	x->flags &= (u8)~FACT_UNHASHED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_layer layers[LAYERS] = { 0 };
	struct facts *facts[LAYERS];
	struct image img = { .layers = layers };
	u32 n = 0;
	facts[n++] = facts_new();
	for (size_t i = 0; i + 1 < size && i < 2000; i += 2) {
		if (data[i] == 0xff && n < LAYERS)
			facts[n++] = facts_new();
		else
			step(facts[n - 1], data[i], data[i + 1]);
	}
	for (u32 i = 0; i < n; i++) {
		layers[i].index = i;
		layers[i].facts = facts[i];
	}
	img.n_layers = n;
	tree_check(&img);
	for (u32 i = 0; i < n; i++)
		facts_free(facts[i]);
	return 0;
}
