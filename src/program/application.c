/* application.c — the net for an application's own files: what lies in the directory that it is started from is its own, whatever reads it. */
#include "program/graph.h"

/* Directories in an application that are no part of it, or whose language knows better: environments, installed packages, what tools left. */
static bool is_foreign(const struct graph *g, node_id dir)
{
	struct str name = graph_name(g, dir);
	if (str_among(name, ".git .hg .svn .tox .mypy_cache .pytest_cache .ruff_cache .cache .npm __pycache__ node_modules site-packages dist-packages"))
		return true;
	return rootfs_child(g->r, dir, STR("pyvenv.cfg")) || rootfs_child(g->r, dir, STR("conda-meta")) || (str_is(name, "vendor") && (rootfs_child(g->r, dir, STR("autoload.php")) || rootfs_child(g->r, dir, STR("bundle"))));
}

bool graph_is_source(struct str name)
{
	static const char *const patterns[] = { "*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.o", "*.a", "*.la", "*.go", "*.rs", "*.zig", "*.d", "*.S", "*.s", "*.f90", "*.hs", "*.ml", "*.swift", "go.mod", "go.sum", "Cargo.*",
		"CMakeLists.txt", "CMakeCache.txt", "CMakeFiles", "*.cmake", "Makefile*", "*.mk", "Dockerfile*", ".dockerignore", ".git", ".gitignore", ".github", ".svn", ".hg", "*.orig", "*.rej", "node_modules", "__pycache__", ".cargo", ".cache", "*.md" };
	for (size_t i = 0; i < countof(patterns); i++)
		if (str_glob(str_of(patterns[i]), name))
			return true;
	return false;
}

static void whole(struct graph *g, node_id top, bool compiled, node_id because)
{
	bool left = false;
	for (node_id at = top; at; at = rootfs_next_below(g->r, top, at, !left)) {
		if (at != top)
			left = compiled ? graph_is_source(graph_name(g, at)) || g->spare[at] : rootfs_is_dir(g->r, at) && is_foreign(g, at);
		if (!left)
			graph_reach(g, at, USE_APPLICATION, because);
	}
}

void graph_application_compiled(struct graph *g, node_id dir, node_id because) { whole(g, dir, true, because); }

void graph_application(struct graph *g, node_id dir, node_id because)
{
	struct buf path = BUF(0);
	if (!rootfs_is_dir(g->r, dir))
		return;
	struct str s = graph_path(g, dir, &path);
	bool own = graph_is_own(g, dir), root = dir == ROOTFS_ROOT, place = str_among(s, "/root /opt /srv /home /mnt /media /tmp");
	if (own && !is_foreign(g, dir))
		whole(g, dir, false, because);
	for (node_id at = 0; (root || place) && (at = rootfs_next_child(g->r, dir, at));) {
		bool down = rootfs_type(g->r, at) == TAR_DIR;
		if (!down && !graph_package(g, at))
			graph_reach(g, at, USE_APPLICATION, because);
		else if (down && place && graph_is_own(g, at) && !is_foreign(g, at) && graph_name(g, at).p[0] != '.')
			whole(g, at, false, because);
	}
	buf_free(&path);
}

void graph_lies_with(struct graph *g, node_id file)
{
	node_id dir = rootfs_up(g->r, file), up;
	while (dir && str_among(graph_name(g, dir), "lib bin script scripts exe config app public cgi-bin") && (up = rootfs_up(g->r, dir)) && up != ROOTFS_ROOT && !str_among(graph_name(g, up), "usr local"))
		dir = up;
	graph_application(g, dir, file);
}

void graph_working_directory(struct graph *g, node_id because)
{
	const char *dir = g->img->config.workdir;
	if (dir && *dir && strcmp(dir, "/") != 0)
		graph_application(g, graph_find_path(g, 0, str_of(dir)), because);
}
