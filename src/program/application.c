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

static void below(struct graph *g, node_id top, node_id because)
{
	bool foreign;
	for (node_id at = rootfs_next_child(g->r, top, 0); at; at = rootfs_next_below(g->r, top, at, !foreign)) {
		foreign = rootfs_is_dir(g->r, at) && is_foreign(g, at);
		if (!foreign)
			graph_reach(g, at, USE_APPLICATION, because);
	}
}

void graph_application(struct graph *g, node_id dir, node_id because)
{
	struct buf path = BUF(0);
	if (!rootfs_is_dir(g->r, dir))
		return;
	struct str s = graph_path(g, dir, &path);
	bool own = graph_is_own(g, dir), root = dir == ROOTFS_ROOT, place = str_among(s, "/root /opt /srv /home /mnt /media /tmp");
	if (own && !is_foreign(g, dir) && !rootfs_child(g->r, dir, STR("pyvenv.cfg"))) {
		graph_reach(g, dir, USE_APPLICATION, because);
		below(g, dir, because);
	}
	for (node_id at = root || place ? rootfs_next_child(g->r, dir, 0) : 0; at; at = rootfs_next_child(g->r, dir, at)) {
		bool down = rootfs_type(g->r, at) == TAR_DIR;
		if (!down && !graph_package(g, at))
			graph_reach(g, at, USE_APPLICATION, because);
		else if (down && place && graph_is_own(g, at) && !is_foreign(g, at) && graph_name(g, at).p[0] != '.') {
			graph_reach(g, at, USE_APPLICATION, because);
			below(g, at, because);
		}
	}
	buf_free(&path);
}
