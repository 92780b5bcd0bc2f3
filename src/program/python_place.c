/* python_place.c — where Python looks for modules: interpreters and their libraries, site- and dist-packages, .pth files, environments; and what lies in a package. */
#include "program/python_kind.h"

/* --- the tree --- */
node_id python_child(struct graph *g, node_id dir, struct str name)
{
	return rootfs_is_dir(g->r, dir) && python_step(g) ? rootfs_follow(g->r, rootfs_child(g->r, dir, name)) : 0;
}


/* What ends the names of C modules and of byte code here. */
static void remember(struct str *v, u32 *n, u32 max, struct str s)
{
	for (u32 i = 0; i < *n; i++)
		if (str_eq(v[i], s))
			return;
	if (*n < max)
		v[(*n)++] = s;
}

static void learn(struct graph *g)
{
	struct python_kind *k = python_of(g);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		struct str name = graph_name(g, id);
		if (rootfs_type(g->r, id) == TAR_DIR || name.n < 4)
			continue;
		const char *tag = NULL;
		if (str_ends(name, STR(".so")) && (tag = str_chr(name, '.'))) {
			struct str s = str_n(tag + 1, name.n - (size_t)(tag + 1 - name.p));
			if (str_starts(s, STR("cpython-")) || str_starts(s, STR("abi")) || str_starts(s, STR("pypy")) || s.n == 2)
				remember(k->suffixes, &k->n_suffixes, countof(k->suffixes), s);
		} else if (str_ends(name, STR(".pyc")) && (tag = str_find(name, STR(".cpython-")))) {
			remember(k->tags, &k->n_tags, countof(k->tags), str_n(tag + 1, name.n - 4 - (size_t)(tag + 1 - name.p)));
		} else if (str_is(name, "pyvenv.cfg") && k->n_environments < countof(k->environments))
			k->environments[k->n_environments++] = id;
	}
}

/* --- modules --- */
struct str python_stem(struct str name)
{
	const char *dot = str_chr(name, '.');
	return dot ? str_head(name, (size_t)(dot - name.p)) : name;
}

static node_id with_suffix(struct graph *g, node_id dir, struct str name, struct str suffix)
{
	char b[400];
	if (name.n + suffix.n + 1 >= sizeof b)
		return 0;
	memcpy(b, name.p, name.n);
	b[name.n] = '.';
	memcpy(b + name.n + 1, suffix.p, suffix.n);
	node_id id = python_child(g, dir, str_n(b, name.n + 1 + suffix.n));
	return rootfs_is_file(g->r, id) ? id : 0;
}

static node_id module_file(struct graph *g, node_id dir, struct str name)
{
	struct python_kind *k = python_of(g);
	node_id id = 0;
	for (u32 i = 0; i < k->n_suffixes && !id; i++)
		id = with_suffix(g, dir, name, k->suffixes[i]);
	if (!id)
		id = with_suffix(g, dir, name, STR("py"));
	return id ? id : with_suffix(g, dir, name, STR("pyc"));
}

node_id python_init(struct graph *g, node_id dir)
{
	node_id id = dir && dir != ROOTFS_ROOT ? with_suffix(g, dir, STR("__init__"), STR("py")) : 0;
	return id || !dir || dir == ROOTFS_ROOT ? id : module_file(g, dir, STR("__init__"));
}

bool python_find(struct graph *g, node_id dir, struct str name, node_id *file, node_id *below)
{
	*file = *below = 0;
	if (!name.n || name.n > 255 || !rootfs_is_dir(g->r, dir))
		return false;
	node_id sub = python_child(g, dir, name);
	if (rootfs_is_dir(g->r, sub) && (*file = python_init(g, sub)))
		*below = sub;
	else if (!(*file = module_file(g, dir, name)) && rootfs_is_dir(g->r, sub))
		*below = sub;
	return *file || *below;
}

enum python_root python_place(const struct graph *g, node_id file, node_id *root)
{
	const struct python_kind *k = python_of(g);
	if (file == GRAPH_START)
		return ROOT_NONE;
	for (node_id at = rootfs_node(g->r, file)->parent; at && at != ROOTFS_ROOT; at = rootfs_node(g->r, at)->parent)
		if (k->mark[at] >> M_ROOT_SHIFT) {
			if (root)
				*root = at;
			return (enum python_root)(k->mark[at] >> M_ROOT_SHIFT);
		}
	return ROOT_NONE;
}

node_id python_top(struct graph *g, node_id file)
{
	const struct python_kind *k = python_of(g);
	node_id top = 0;
	if (file == GRAPH_START)
		return 0;
	for (node_id at = rootfs_node(g->r, file)->parent; at && at != ROOTFS_ROOT && !(k->mark[at] >> M_ROOT_SHIFT) && python_init(g, at); at = rootfs_node(g->r, at)->parent)
		top = at;
	return top;
}

/* --- packages --- */
bool python_is_left(struct str name) { return str_among(name, "tests test doc docs example examples benchmarks __pycache__ conftest.py setup.py .git .github"); }

/* What only who builds or checks types reads. */
static bool is_for_builders(struct str name)
{
	static const char *const ends[] = { ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".cxx", ".pyx", ".pxd", ".pxi", ".pyx.in", ".f", ".f90", ".f2py_f2cmap", ".a", ".o", ".la", ".rst", ".md", ".pyo", ".orig", ".cmake", ".pc" };
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(name, str_of(ends[i])))
			return true;
	return str_among(name, "py.typed");
}

bool python_is_optional(const struct graph *g, node_id file)
{
	struct graph *w = (struct graph *)(uintptr_t)g; /* looking up counts */
	node_id top = python_top(w, file);
	return str_among(top ? graph_name(g, top) : python_stem(graph_name(g, file)), python_optional);
}

/* Everything in a directory, without recursion and without what is left out. */
static void each(struct python_from *f, node_id top, void (*visit)(struct python_from *f, node_id file))
{
	struct graph *g = f->g;
	bool left;
	for (node_id at = rootfs_next_child(g->r, top, 0); at && python_step(g); at = rootfs_next_below(g->r, top, at, !left)) {
		left = python_is_left(graph_name(g, at));
		if (!left && !rootfs_is_dir(g->r, at))
			visit(f, at);
	}
}

static bool is_module(struct str name) { return str_ends(name, STR(".py")) || str_ends(name, STR(".pyc")); }

static void keep(struct python_from *f, node_id file)
{
	struct str name = graph_name(f->g, file);
	if (is_module(name) || (f->place == ROOT_LIBRARY && str_ends(name, STR(".so"))))
		python_module(f, file);
	else if (f->place == ROOT_SITE && !is_for_builders(name)) {
		graph_reach(f->g, file, USE_DATA, f->file);
		if (str_ends(name, STR(".so")))
			python_wide(f->g, f->top, f->file);
	}
}

static void keep_stubs(struct python_from *f, node_id file)
{
	if (str_ends(graph_name(f->g, file), STR(".pyi")))
		graph_reach(f->g, file, USE_DATA, f->file);
}

void python_package(struct graph *g, node_id top, node_id because)
{
	struct python_kind *k = python_of(g);
	struct python_from f = { .g = g, .k = k, .file = because, .top = top };
	f.place = python_place(g, top, NULL);
	if (k->mark[top] & M_PACKAGE)
		return;
	k->mark[top] |= M_PACKAGE;
	if (f.place == ROOT_LIBRARY && str_among(graph_name(g, top), python_optional))
		return;
	each(&f, top, keep);
}

static void firm(struct python_from *f, node_id file)
{
	struct str name = graph_name(f->g, file);
	if (is_module(name) || str_ends(name, STR(".so")))
		python_module(f, file);
}

void python_wide(struct graph *g, node_id top, node_id because)
{
	struct python_kind *k = python_of(g);
	struct python_from f = { .g = g, .k = k, .file = because, .top = top, .firm = true };
	f.place = python_place(g, top, NULL);
	if (k->mark[top] & M_WIDE || f.place != ROOT_SITE)
		return;
	k->mark[top] |= M_WIDE;
	python_package(g, top, because);
	each(&f, top, firm);
}

/* .pyi files are read while running. */
void python_stubs(struct python_from *f)
{
	if (f->top)
		each(f, f->top, keep_stubs);
}

/* --- roots --- */
static void path_file(struct graph *g, node_id root, node_id file)
{
	struct python_kind *k = python_of(g);
	struct python_from f = { .g = g, .k = k, .file = file, .place = ROOT_SITE, .firm = true };
	struct str rest = graph_note(g, file), text;
	char letter;
	if (str_contains(rest, STR("_distutils_hack"))) { /* it is setuptools' own: without those nothing needs it */
		if (k->n_hacks < countof(k->hacks))
			k->hacks[k->n_hacks++] = file;
		return;
	}
	graph_reach(g, file, USE_MODULE, root);
	while (source_next(&rest, &letter, &text)) {
		if (letter == 'd' && str_starts(text, STR("add\t"))) {
			node_id dir = graph_find_path(g, root, str_from(text, 4));
			if (rootfs_is_dir(g->r, dir))
				python_root(g, dir, graph_is_own(g, dir) && !str_contains(text, STR("-packages")) ? ROOT_APP : ROOT_SITE);
		}
	}
	python_note(&f, graph_note(g, file));
}

void python_root(struct graph *g, node_id dir, enum python_root kind)
{
	struct python_kind *k = python_of(g);
	if (!rootfs_is_dir(g->r, dir) || dir == ROOTFS_ROOT || k->mark[dir] >> M_ROOT_SHIFT || k->n_roots == PYTHON_ROOTS)
		return;
	k->mark[dir] |= (u8)(kind << M_ROOT_SHIFT);
	k->roots[k->n_roots++] = dir;
	k->moved = true;
	if (kind != ROOT_SITE)
		return;
	python_infos(g, dir);
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));)
		if (str_ends(graph_name(g, at), STR(".pth")) && rootfs_is_file(g->r, at))
			path_file(g, dir, at);
}

static void site(struct graph *g, node_id dir)
{
	python_root(g, python_child(g, dir, STR("dist-packages")), ROOT_SITE);
	python_root(g, python_child(g, dir, STR("site-packages")), ROOT_SITE);
}

static void below(struct graph *g, const char *dir, struct str name, bool library)
{
	static const char *const lib[] = { "lib", "lib64" };
	node_id base = graph_find_path(g, 0, str_of(dir));
	for (u32 i = 0; base && i < countof(lib); i++) {
		node_id at = python_child(g, python_child(g, base, str_of(lib[i])), name);
		if (at && library)
			site(g, at);
	}
}

static void users(struct graph *g, struct str name)
{
	static const char *const homes[] = { "/root", "/home" };
	struct buf path = BUF(0);
	for (u32 i = 0; i < countof(homes); i++) {
		node_id home = graph_find_path(g, 0, str_of(homes[i]));
		for (node_id at = i && rootfs_is_dir(g->r, home) ? rootfs_next_child(g->r, home, 0) : home; at; at = i ? rootfs_next_child(g->r, home, at) : 0) {
			rootfs_path(g->r, at, &path);
			buf_puts(&path, "/.local");
			below(g, path.p, name, true);
		}
	}
	const char *home = graph_env(g, "HOME"), *base = graph_env(g, "PYTHONUSERBASE");
	buf_clear(&path);
	buf_printf(&path, "%s/.local", home ? home : "/root");
	below(g, path.p, name, true);
	if (base)
		below(g, base, name, true);
	buf_free(&path);
}

/* The library of one version. */
static void library(struct graph *g, node_id lib, node_id because)
{
	struct python_kind *k = python_of(g);
	struct str name = graph_name(g, lib);
	if (k->mark[lib] >> M_ROOT_SHIFT || k->n_libraries == countof(k->libraries))
		return;
	if (!k->n_libraries)
		learn(g);
	k->libraries[k->n_libraries++] = lib;
	python_root(g, lib, ROOT_LIBRARY);
	python_root(g, python_child(g, lib, STR("lib-dynload")), ROOT_LIBRARY);
	const char *path = graph_env(g, "PYTHONPATH");
	for (struct str list = str_of(path); list.p;) {
		struct str dir = str_cut(&list, ':');
		node_id at = dir.n ? graph_find_path(g, 0, dir) : 0;
		python_root(g, at, at && graph_is_own(g, at) ? ROOT_APP : ROOT_SITE);
	}
	users(g, name);
	below(g, "/usr/local", name, true);
	site(g, lib);
	node_id up = rootfs_node(g->r, lib)->parent;
	site(g, python_child(g, rootfs_node(g->r, up)->parent, STR("lib64")) ? python_child(g, python_child(g, rootfs_node(g->r, up)->parent, STR("lib64")), name) : 0);
	site(g, python_child(g, up, str_starts(name, STR("python3")) ? STR("python3") : STR("python2")));
	char zip[40];
	if (name.n > 8 && name.n < 20) { /* python311.zip */
		int n = snprintf(zip, sizeof zip, "%.*s%.*s.zip", 7, name.p, (int)name.n - 8, name.p + 8);
		graph_reach(g, rootfs_child(g->r, up, str_n(zip, (size_t)n)), USE_MODULE, because);
	}
	struct python_from f = { .g = g, .k = k, .file = because, .place = ROOT_LIBRARY, .firm = true };
	python_core(&f);
	python_configuration(g);
}

void python_interpreter(struct graph *g, node_id file)
{
	static const char *const lib[] = { "lib", "lib64", "" };
	struct str name = graph_name(g, file);
	const char *digit = name.n ? memchr(name.p, '3', name.n) : NULL;
	size_t n = 0;
	struct str rest = digit ? str_from(name, (size_t)(digit - name.p)) : (struct str){ NULL, 0 };
	while (n < rest.n && ((rest.p[n] >= '0' && rest.p[n] <= '9') || (rest.p[n] == '.' && n + 1 < rest.n && rest.p[n + 1] >= '0' && rest.p[n + 1] <= '9')))
		n++;
	struct str version = n > 2 ? str_head(rest, n) : (struct str){ NULL, 0 };
	node_id up = rootfs_node(g->r, file)->parent;
	for (u32 level = 0; up && level < 5; level++, up = up == ROOTFS_ROOT ? 0 : rootfs_node(g->r, up)->parent)
		for (u32 i = 0; i < countof(lib); i++) {
			node_id dir = *lib[i] ? python_child(g, up, str_of(lib[i])) : up;
			bool any = false;
			for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at)) && python_step(g);) {
				struct str s = graph_name(g, at);
				node_id real = str_starts(s, STR("python")) || str_starts(s, STR("pypy")) ? rootfs_follow(g->r, at) : 0;
				bool hit = rootfs_is_dir(g->r, real) && (!version.p || str_eq(str_from(s, 6), version)) && (python_child(g, real, STR("os.py")) || python_child(g, real, STR("os.pyc")));
				if (hit)
					library(g, real, file);
				any |= hit;
			}
			if (any)
				return;
		}
	graph_doubt(g, true, "python: no library of %.*s is where it should be", STR_FMT(name));
}

bool python_environments(struct graph *g)
{
	struct python_kind *k = python_of(g);
	bool any = false;
	for (u32 i = 0; i < k->n_environments; i++) {
		node_id dir = rootfs_node(g->r, k->environments[i])->parent, bin = python_child(g, dir, STR("bin")), lib = python_child(g, dir, STR("lib"));
		bool used = graph_reached(g, bin) && rootfs_is_dir(g->r, bin);
		if (k->active[i] || !used)
			continue;
		k->active[i] = any = true;
		graph_reach(g, k->environments[i], USE_MODULE, bin);
		for (node_id at = 0; (at = rootfs_next_child(g->r, lib, at));)
			if (str_starts(graph_name(g, at), STR("python")))
				site(g, rootfs_follow(g->r, at));
		for (node_id at = 0; (at = rootfs_next_child(g->r, bin, at));) /* python3 -> python -> /usr/bin/python3 */
			if (str_starts(graph_name(g, at), STR("python")) && rootfs_type(g->r, at) == TAR_SYMLINK)
				graph_reach(g, at, USE_LINK, k->environments[i]);
	}
	return any;
}
