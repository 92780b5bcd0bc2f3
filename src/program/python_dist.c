/* python_dist.c — distributions, their entry points, and libraries: what is asked for by a name that is no module's. */
#include "program/python_kind.h"

/* --- what installers leave --- */
void python_infos(struct graph *g, node_id root)
{
	struct python_kind *k = python_of(g);
	for (node_id at = 0; (at = rootfs_next_child(g->r, root, at)) && python_step(g);) {
		struct str name = graph_name(g, at);
		if ((str_ends(name, STR(".dist-info")) || str_ends(name, STR(".egg-info"))))
			VEC_PUSH(k->infos, k->n_infos, k->cap_infos, at);
	}
}

static char folded(char c) { return c == '-' || c == '.' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Names of distributions are equal but for case and what stands between words (PEP 503). */
static bool same_name(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (folded(a.p[i]) != folded(b.p[i]))
			return false;
	return true;
}

/* "Flask" of "Flask-2.2.2.dist-info", "Flask-2.2.2-py3.11.egg-info", "Flask.egg-info". */
static struct str info_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] == '-' && i + 1 < name.n && name.p[i + 1] >= '0' && name.p[i + 1] <= '9') || str_is(str_from(name, i), ".dist-info") || str_is(str_from(name, i), ".egg-info"))
			return str_head(name, i);
	return name;
}

static node_id info_find(struct graph *g, struct str name)
{
	struct python_kind *k = python_of(g);
	for (u32 i = 0; i < k->n_infos && python_step(g); i++)
		if (same_name(info_name(graph_name(g, k->infos[i])), name))
			return k->infos[i];
	return 0;
}

static struct str info_note(struct graph *g, node_id info, const char *name)
{
	return rootfs_type(g->r, info) == TAR_DIR ? graph_note(g, python_child(g, info, str_of(name))) : (struct str){ NULL, 0 };
}

/* A distribution that is asked about, and those it requires: some check that they are there. */
static void info_reach(struct graph *g, struct str name, node_id because)
{
	static const char *const files[] = { "METADATA", "requires.txt" };
	node_id stack[64];
	u32 n = 0;
	node_id first = info_find(g, name);
	if (first && !graph_reached(g, first))
		stack[n++] = first;
	while (n && python_step(g)) {
		node_id info = stack[--n];
		graph_reach_below(g, info, USE_DATA, because);
		for (u32 i = 0; i < countof(files); i++) {
			struct str rest = info_note(g, info, files[i]), text;
			char letter;
			while (source_next(&rest, &letter, &text)) {
				node_id next = letter == 'd' && str_starts(text, STR("requires\t")) ? info_find(g, str_from(text, 9)) : 0;
				if (next && !graph_reached(g, next) && n < countof(stack))
					stack[n++] = next;
			}
		}
	}
}

/* --- entry points --- */
static bool of_builders(struct str group)
{
	return str_among(group, "console_scripts gui_scripts distutils.commands distutils.setup_keywords egg_info.writers setuptools.finalize_distribution_options setuptools.file_finders setuptools.installation pytest11 "
	                        "pylama.linter flake8.extension pyinstaller40 sphinx.html_themes nose.plugins.0.10 pip.plugins mypy.plugins babel.checkers babel.extractors");
}

/* The points of one distribution that are of this group ("*": any that programs load) and name (n 0: any). */
static void points(struct python_from *f, node_id info, struct str group, struct str name)
{
	struct graph *g = f->g;
	struct str rest = info_note(g, info, "entry_points.txt"), text;
	char letter;
	bool any = false;
	while (source_next(&rest, &letter, &text)) {
		if (letter != 'd' || !str_starts(text, STR("point\t")))
			continue;
		struct str of = str_from(text, 6), its_group = str_cut(&of, '\t'), its_name = of.p ? str_cut(&of, '\t') : of;
		if (!of.p || (str_is(group, "*") ? of_builders(its_group) : !str_eq(its_group, group)) || (name.n && !str_eq(name, its_name)))
			continue;
		any |= python_import(f, of, (struct str){ NULL, 0 });
	}
	if (any)
		graph_reach_below(g, info, USE_DATA, f->file);
}

static void group_add(struct python_from *f, struct str group)
{
	struct python_kind *k = f->k;
	if (f->top && str_among(graph_name(f->g, f->top), "pkg_resources setuptools _distutils_hack importlib_metadata pip"))
		return; /* they look up what others ask for */
	for (u32 i = 0; i < k->n_groups; i++)
		if (str_eq(k->groups[i], group))
			return;
	if (k->n_groups >= 1024)
		return;
	VEC_PUSH(k->groups, k->n_groups, k->cap_groups, group);
	struct python_from by = *f;
	by.firm = true;
	by.place = ROOT_SITE;
	for (u32 i = 0; i < k->n_infos; i++)
		points(&by, k->infos[i], group, (struct str){ NULL, 0 });
}

/* --- libraries by name --- */
/* In one directory: the library of this name, or all that begins with it. */
static void library_in(struct python_from *f, node_id dir, const char *want, bool begins)
{
	struct graph *g = f->g;
	if (!begins) {
		graph_reach(g, rootfs_child(g->r, dir, str_of(want)), USE_PLUGIN, f->file);
		return;
	}
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at)) && python_step(g);)
		if (str_starts(graph_name(g, at), str_of(want)) && rootfs_type(g->r, at) != TAR_DIR)
			graph_reach(g, at, USE_PLUGIN, f->file);
}

static void library_reach(struct python_from *f, struct str name, bool find)
{
	static const char *const dirs[] = { "/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64", "/usr/local/lib64" };
	struct graph *g = f->g;
	node_id here = f->file == GRAPH_START ? 0 : rootfs_node(g->r, f->file)->parent;
	char want[280];
	if (!name.n || name.n > 250)
		return;
	if (str_chr(name, '/')) {
		graph_reach_path(g, here, name, USE_PLUGIN, f->file);
		return;
	}
	snprintf(want, sizeof want, find ? "lib%.*s.so" : "%.*s", STR_FMT(name));
	if (here)
		library_in(f, here, want, find);
	for (u32 i = 0; i < countof(dirs); i++) {
		node_id dir = graph_find_path(g, 0, str_of(dirs[i]));
		if (!rootfs_is_dir(g->r, dir))
			continue;
		library_in(f, dir, want, find);
		for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at)) && python_step(g);)
			if (rootfs_type(g->r, at) == TAR_DIR && str_contains(graph_name(g, at), STR("-linux-")))
				library_in(f, at, want, find);
	}
}

void python_directive(struct python_from *f, struct str text)
{
	struct graph *g = f->g;
	struct str rest = text, what = str_cut(&rest, '\t');
	if (!rest.p || !f->firm)
		return;
	if (str_is(what, "entry"))
		group_add(f, rest);
	else if (str_is(what, "load")) {
		struct str dist = str_cut(&rest, '\t'), group = rest.p ? str_cut(&rest, '\t') : rest;
		node_id info = info_find(g, dist);
		info_reach(g, dist, f->file);
		if (info && rest.p)
			points(f, info, group, rest);
	} else if (str_is(what, "dist")) {
		if (!str_is(rest, "."))
			info_reach(g, rest, f->file);
		else if (f->top)
			info_reach(g, graph_name(g, f->top), f->file);
	} else if (str_is(what, "spec"))
		python_import(f, rest, (struct str){ NULL, 0 });
	else if (str_is(what, "path") && rest.n && rest.p[0] == '/') {
		node_id dir = graph_find_path(g, 0, rest);
		if (dir && graph_is_own(g, dir))
			python_root(g, dir, ROOT_APP);
	} else if (str_is(what, "library") || str_is(what, "find-library"))
		library_reach(f, rest, what.n > 7);
}

/* --- what stays with what stays --- */
static bool top_reached(struct graph *g, node_id root, struct str top)
{
	node_id file, dir, id = rootfs_child(g->r, root, top);
	if (id && graph_reached(g, id))
		return true;
	return python_find(g, root, python_stem(top), &file, &dir) && (graph_reached(g, file) || graph_reached(g, dir));
}

/* Whether a line of RECORD or top_level.txt names what stays; *told: there was one. */
static bool line_has(struct graph *g, node_id root, struct str text, bool *told)
{
	if (str_starts(text, STR("top\t"))) {
		*told = true;
		return top_reached(g, root, str_from(text, 4));
	}
	return str_starts(text, STR("script\t")) && graph_reached(g, graph_program(g, str_from(text, 7)));
}

/* 1: something of it stays; 0: nothing; -1: it does not say what is of it. */
static int info_has(struct graph *g, node_id info)
{
	static const char *const files[] = { "RECORD", "top_level.txt" };
	node_id root = rootfs_node(g->r, info)->parent;
	bool told = false;
	for (u32 i = 0; i < countof(files); i++) {
		struct str rest = info_note(g, info, files[i]), text;
		char letter;
		while (source_next(&rest, &letter, &text))
			if (letter == 'd' && line_has(g, root, text, &told))
				return 1;
	}
	struct str name = info_name(graph_name(g, info));
	for (node_id at = 0; !told && (at = rootfs_next_child(g->r, root, at)) && python_step(g);)
		if (at != info && same_name(python_stem(graph_name(g, at)), name)) {
			told = true;
			if (graph_reached(g, at))
				return 1;
		}
	return told ? 0 : -1;
}

/* The same, as the system's packages tell it; what nobody tells of stays. */
static bool owner_has(struct graph *g, node_id info)
{
	node_id child = rootfs_type(g->r, info) == TAR_DIR ? rootfs_node(g->r, info)->child : info;
	u32 package = child ? graph_package(g, child) : 0, n = 0;
	const node_id *v = package ? graph_package_files(g, package, &n) : NULL;
	for (u32 j = 0; j < n; j++)
		if (graph_reached(g, v[j]) && python_place(g, v[j], NULL) == ROOT_SITE)
			return true;
	return !v;
}

static bool hacks(struct graph *g)
{
	struct python_kind *k = python_of(g);
	bool any = false;
	for (u32 i = 0; i < k->n_hacks; i++) {
		node_id file = k->hacks[i], tools = file ? rootfs_child(g->r, rootfs_node(g->r, file)->parent, STR("setuptools")) : 0;
		if (!tools || !graph_reached(g, tools))
			continue;
		struct python_from f = { .g = g, .k = k, .file = file, .place = ROOT_SITE, .firm = true };
		k->hacks[i] = 0;
		any = true;
		graph_reach(g, file, USE_MODULE, tools);
		python_note(&f, graph_note(g, file));
	}
	return any;
}

bool python_distributions(struct graph *g)
{
	struct python_kind *k = python_of(g);
	bool any = hacks(g);
	for (u32 i = 0; i < k->n_infos && python_step(g); i++) {
		node_id info = k->infos[i];
		int has = graph_reached(g, info) ? 0 : info_has(g, info);
		if (has == 1 || (has < 0 && owner_has(g, info))) {
			graph_reach_below(g, info, USE_DATA, rootfs_node(g->r, info)->parent);
			any = true;
		}
	}
	return any;
}
