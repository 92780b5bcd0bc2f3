/* What scripts and configuration of any bytes do to the tree of an image: every entry stands in directories, and the tree is layers that can be written. */
#include "compose/effect.h"
#include <sys/mman.h>
#include <unistd.h>

static void file(struct composition *c, const char *path, u32 mode, struct str content)
{
	if (ctree_make_file(&c->tree, path, mode, content, &(struct error){ 0 }) == 0)
		c->tree.v[ctree_find(&c->tree, str_of(path))].package = 0;
}

static void check_tree(const struct ctree *t)
{
	static char clean[TAR_PATH_MAX];
	for (u32 i = 1; i < t->n; i++) {
		const struct ctree_entry *e = &t->v[i];
		struct str dir = e->path;
		if (e->gone)
			continue;
		if (tar_clean(e->path, clean) != (ssize_t)e->path.n || memcmp(clean, e->path.p, e->path.n) != 0)
			abort();
		dir.n -= MIN(str_base(dir).n + 1, dir.n);
		u32 up = dir.n ? ctree_find(t, dir) : 0;
		if (dir.n && (!up || t->v[up].type != TAR_DIR))
			abort();
	}
}

static void check_layers(struct composition *c)
{
	struct compose_layer *layers;
	struct error err = { 0 };
	u32 n;
	if (compose_layers(c, &layers, &n, &err) < 0)
		abort();
	for (u32 i = 0; i < n; i++) {
		struct stream *s = compose_layer_stream(c, &layers[i]);
		if (stream_drain(s, &err) < 0 || s->at > layers[i].size)
			abort();
		stream_close(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	struct recipe r;
	struct composition c;
	struct error err = { 0 };
	struct compose_package v[] = { { .name = STR("odd") }, { .name = STR("ca-certificates") }, { .name = STR("ca-certificates-java") }, { .name = STR("tzdata") } };
	recipe_init(&r);
	composition_init(&c, &r, "amd64");
	int spool = memfd_create("spool", MFD_CLOEXEC);
	if (spool < 0)
		abort();
	ctree_open(&c.tree, spool);
	for (u32 i = 0; i < countof(v); i++) {
		v[i].version = v[i].arch = STR("1");
		v[i].control = (struct deb_control){ STR("Package: x"), text, STR(""), text };
	}
	c.v = v;
	c.n = countof(v);
	file(&c, "usr/bin/x", 0755, text);
	file(&c, "usr/lib/sysusers.d/x.conf", 0644, text);
	file(&c, "usr/lib/tmpfiles.d/x.conf", 0644, text);
	file(&c, "usr/share/zoneinfo/Etc/UTC", 0644, text);
	file(&c, "usr/share/ca-certificates/x.crt", 0644, text);
	file(&c, "etc/ld.so.conf", 0644, text);
	file(&c, "etc/php/8/mods-available/x.ini", 0644, text);
	file(&c, "etc/php/8/cli/x", 0644, text);
	ctree_make_link(&c.tree, "usr/lib/l", "../../..");
	if (compose_effects(&c, &err) == 0) {
		check_tree(&c.tree);
		check_layers(&c);
	} else if (err.kind != ERR_INPUT) {
		abort();
	}
	composition_free(&c);
	return 0;
}
