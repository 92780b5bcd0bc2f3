/* How often a file changes, by who owns it and where it lies. What the application did to a distribution's file makes it the application's: a file is the runtime's only when it came in a layer that wrote
 * a package manager's database. */
#include "slim/prove.h"
#include "slim/relayer.h"

enum zone { /* of what lies below a directory */
	ZONE_ETC = 1,
	ZONE_USR = 2,         /* /usr itself */
	ZONE_SYSTEM = 4,      /* /usr/lib, /bin … */
	ZONE_DEPENDENCIES = 8,
	ZONE_INTERPRETER = 16,
	ZONE_LIB = 32,        /* a directory of that name itself */
	ZONE_BIN = 64,
};

static bool matches(struct str name, const char *const *list)
{
	for (; *list; list++)
		if (str_glob(str_of(*list), name))
			return true;
	return false;
}

static const char *const system_dirs[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "share", "games", NULL };
static const char *const dependency_dirs[] = { "node_modules", "bower_components", "site-packages", "dist-packages", "site_perl", "site_ruby", "vendor_ruby", "vendor_perl", "gems", "vendor", ".m2", ".gradle", ".cargo", NULL };
static const char *const interpreter_dirs[] = { "python[0-9]*", "ruby", "perl5", "perl", "php", "tcl[0-9]*", "erlang", "lua", NULL };
static const char *const interpreter_programs[] = { "python", "python[0-9]*", "node", "nodejs", "ruby", "ruby[0-9]*", "perl", "perl[0-9]*", "php*", "java", "lua*", "tclsh*", "erl", "escript", "deno", "bun", NULL };
static const char *const interpreter_libraries[] = { "libpython*.so*", "libruby*.so*", "libperl.so*", "libphp*.so*", "libnode.so*", "liblua*.so*", "libtcl*.so*", NULL };

struct classes {
	const struct trace *t;
	const struct packages *pkgs;
	u8 *zone;      /* by node */
	bool *manager; /* by layer: wrote a database */
};

static void find_managers(struct classes *c)
{
	const struct trace *t = c->t;
	bool *database = xcalloc(t->tree->nodes.n, sizeof *database);
	for (u32 i = 0; i < c->pkgs->n; i++)
		if (c->pkgs->v[i].origin == ORIGIN_DATABASE)
			database[c->pkgs->v[i].database] = true;
	database[0] = false;
	for (u32 l = 0; l < t->img->n_layers; l++)
		for (u32 g = t->base[l]; g < t->base[l + 1] && !c->manager[l]; g++)
			c->manager[l] = database[t->steps[g].node];
	free(database);
}

static bool java(const struct rootfs *r, node_id dir)
{
	node_id bin = rootfs_child(r, dir, STR("bin")), lib = rootfs_child(r, dir, STR("lib"));
	return bin && lib && rootfs_child(r, bin, STR("java")) && rootfs_child(r, dir, STR("release"));
}

static u8 zone_of(const struct classes *c, node_id id)
{
	const struct rootfs *r = c->t->tree;
	const struct node *n = rootfs_node(r, id);
	struct str name = str_n(n->name, n->length);
	u8 up = c->zone[n->parent], z = up & (u8) ~(ZONE_USR | ZONE_LIB | ZONE_BIN);
	bool top = n->parent == ROOTFS_ROOT;
	if (top && str_is(name, "etc"))
		z |= ZONE_ETC;
	if (top && str_is(name, "usr"))
		z |= ZONE_USR;
	if ((top || up & ZONE_USR) && str_listed(name, system_dirs))
		z |= ZONE_SYSTEM;
	if (n->type != TAR_DIR)
		return z | (up & (ZONE_LIB | ZONE_BIN));
	if (str_is(name, "lib") || str_is(name, "lib64") || (up & ZONE_SYSTEM && str_is(name, "share")))
		z |= ZONE_LIB;
	if (str_is(name, "bin") || str_is(name, "sbin"))
		z |= ZONE_BIN;
	if (str_listed(name, dependency_dirs) || rootfs_child(r, id, STR("pyvenv.cfg")) || rootfs_child(r, id, STR("conda-meta")))
		z |= ZONE_DEPENDENCIES;
	else if (!(up & ZONE_SYSTEM) && ((up & ZONE_LIB && matches(name, interpreter_dirs)) || java(r, id)))
		z |= ZONE_INTERPRETER;
	return z;
}

static enum relayer_class class_of(const struct classes *c, node_id id)
{
	const struct rootfs *r = c->t->tree;
	const struct node *n = rootfs_node(r, id);
	u32 owner = id < c->pkgs->n_owner ? c->pkgs->owner[id] : 0;
	const struct package *k = owner ? &c->pkgs->v[owner - 1] : NULL;
	u8 z = c->zone[id];
	bool managed = c->manager[rootfs_inode(r, n->inode)->layer];
	if (z & ZONE_ETC)
		return CLASS_APPLICATION;
	if (k && k->origin == ORIGIN_DATABASE)
		return managed ? CLASS_RUNTIME : CLASS_APPLICATION;
	if (z & ZONE_DEPENDENCIES) /* byte code that a distribution's script made is nobody's */
		return managed && !k && z & ZONE_SYSTEM && str_ends(str_n(n->name, n->length), STR(".pyc")) ? CLASS_RUNTIME : CLASS_DEPENDENCIES;
	if (k && k->origin == ORIGIN_INSTALLED && z & ZONE_BIN)
		return CLASS_DEPENDENCIES;
	if (k && k->origin == ORIGIN_BINARY && strcmp(k->type, "golang") != 0 && strcmp(k->type, "cargo") != 0)
		return CLASS_RUNTIME;
	if (z & ZONE_INTERPRETER || (z & ZONE_BIN && matches(str_n(n->name, n->length), interpreter_programs)) || matches(str_n(n->name, n->length), interpreter_libraries))
		return CLASS_RUNTIME;
	return z & ZONE_SYSTEM && managed ? CLASS_RUNTIME : CLASS_APPLICATION;
}

u8 *relayer_classes(const struct plan *p, const struct packages *pkgs)
{
	const struct trace *t = p->trace;
	struct classes c = { .t = t, .pkgs = pkgs, .zone = xcalloc(t->tree->nodes.n, 1), .manager = xcalloc(t->img->n_layers + 1u, sizeof *c.manager) };
	u8 *v = xcalloc(t->tree->nodes.n, 1);
	find_managers(&c);
	for (node_id id = rootfs_next(t->tree, ROOTFS_ROOT); id; id = rootfs_next(t->tree, id)) {
		bool dir = rootfs_type(t->tree, id) == TAR_DIR;
		if (plan_removes(p, id) && !dir)
			continue;
		c.zone[id] = zone_of(&c, id);
		v[id] = dir ? CLASS_APPLICATION : (u8)class_of(&c, id);
	}
	free(c.zone);
	free(c.manager);
	return v;
}
