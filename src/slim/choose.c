#include "slim/choose.h"
#include "package/binary.h"
#include "slim/merely.h"

struct chooser {
	struct choice *c;
	const struct rootfs *r;
	const struct packages *pkgs;
	u8 *shared;    /* by node: a directory in which packages of the system have files, or of everybody (SHARED) */
	node_id *unit; /* by node: the unit that it belongs to, of what no package owns */
	node_id *gem;  /* by node: the package of Ruby that it belongs to, whoever brought it; 0: none */
	u8 *alive;     /* by unit's node, and by package behind the nodes */
	struct buf path;
};

static bool of_system(const struct packages *p, node_id id)
{
	u32 o = id < p->n_owner ? p->owner[id] : 0;
	return o && p->v[o - 1].origin == ORIGIN_DATABASE;
}

static struct str name_of(const struct rootfs *r, node_id id) { return str_n(rootfs_node(r, id)->name, rootfs_node(r, id)->length); }

/* --- what only people and builders read --- */
static bool useless(struct str path)
{
	static const char *const dirs[] = {
		"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bug/", "/usr/share/doc-base/", "/usr/share/gtk-doc/", "/usr/share/bash-completion/", "/usr/share/zsh/",
		"/usr/share/fish/", "/usr/share/aclocal/", "/usr/share/pkgconfig/", "/usr/share/gdb/", "/usr/share/locale/", "/usr/share/help/", "/usr/share/applications/", "/usr/share/menu/", "/usr/share/pixmaps/",
		"/usr/include/", "/usr/src/", "/usr/local/include/", "/usr/local/share/doc/", "/usr/local/share/man/", "/usr/local/man/", "/etc/bash_completion.d/", "/usr/lib/debug/", "/usr/share/i18n/",
		"/usr/share/debhelper/", "/usr/share/apport/", "/usr/share/reportbug/", "/usr/share/initramfs-tools/", "/usr/share/licenses/", "/etc/init.d/", "/etc/logrotate.d/", "/etc/cron.daily/", "/etc/cron.weekly/",
		"/lib/systemd/", "/usr/lib/systemd/", "/etc/systemd/", "/usr/lib/sysusers.d/", "/usr/lib/tmpfiles.d/", "/usr/share/polkit-1/", "/usr/share/zsh-completions/", "/usr/share/gcc/", "/usr/share/systemtap/", NULL,
	};
	for (const char *const *d = dirs; *d; d++)
		if (str_starts(path, str_of(*d)))
			return true;
	if (str_ends(path, STR(".map")) && (str_starts(path, STR("/usr/share/javascript/")) || str_starts(path, STR("/usr/share/nodejs/")))) /* of sources, for debuggers */
		return true;
	return str_ends(path, STR(".a")) || str_ends(path, STR(".la")) || str_ends(path, STR(".pc")) || str_ends(path, STR(".pod")) || str_contains(path, STR("/cmake/"));
}

/* The terms under which a package may be handed on. */
static bool licence_of(struct str path)
{
	return (str_starts(path, STR("/usr/share/doc/")) && str_ends(path, STR("/copyright"))) || str_starts(path, STR("/usr/share/licenses/"));
}

/* --- units --- */
/* Directories of everybody: what lies in one is a unit by itself. */
static bool everybodys(struct str path)
{
	static const char *const dirs[] = { "/", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/srv", "/home", "/root", "/var", "/var/lib", "/var/cache", "/var/opt", "/var/spool", "/var/www", "/run", "/tmp", "/var/tmp", "/var/log",
		"/mnt", "/media", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/src", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/lib64",
		"/usr/local/libexec", "/usr/local/share", "/usr/local/etc", "/usr/local/src", "/usr/local/opt", NULL };
	return str_listed(path, dirs);
}

/* How many names below a directory of this name are one package of a language: node_modules/x 1, node_modules/@scope/x 2. */
static bool packages_dir(struct str name)
{
	static const char *const names[] = { "node_modules", "site-packages", "dist-packages", "gems", "vendor", NULL };
	return str_listed(name, names);
}

static node_id unit_of(struct chooser *ch, node_id id)
{
	const struct rootfs *r = ch->r;
	node_id parent = rootfs_node(r, id)->parent;
	if (ch->unit[id])
		return ch->unit[id];
	struct str up = name_of(r, parent);
	node_id above = rootfs_node(r, parent)->parent;
	bool scope = above && packages_dir(name_of(r, above)) && (str_starts(up, STR("@")) || str_is(name_of(r, above), "vendor"));
	bool own = ch->shared[parent] || scope || (packages_dir(up) && !str_is(up, "vendor"));
	if (own && packages_dir(up) && str_starts(name_of(r, id), STR("@")))
		own = ch->shared[parent];
	node_id u = own || parent == ROOTFS_ROOT ? id : ch->unit[parent] ? ch->unit[parent] : id;
	return ch->unit[id] = u;
}

/* gems/x-1 beside specifications/, and its compiled parts in extensions/MACHINE/VERSION/x-1: an interpreter's package brings many, and each is asked for by itself. */
static node_id gem_of(const struct chooser *ch, node_id id)
{
	const struct rootfs *r = ch->r;
	node_id up = rootfs_node(r, id)->parent, third = rootfs_node(r, rootfs_node(r, up)->parent)->parent;
	if (ch->gem[up] || rootfs_type(r, id) != TAR_DIR)
		return ch->gem[up];
	node_id top = str_is(name_of(r, up), "gems") ? up : third && str_is(name_of(r, third), "extensions") ? third : 0;
	return top && rootfs_child(r, rootfs_node(r, top)->parent, STR("specifications")) ? id : 0;
}

static void find_units(struct chooser *ch)
{
	const struct rootfs *r = ch->r;
	ch->shared[ROOTFS_ROOT] = true;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		if (rootfs_type(r, id) == TAR_DIR && everybodys(rootfs_path(r, id, &ch->path)))
			ch->shared[id] = true;
		if (of_system(ch->pkgs, id))
			for (node_id up = rootfs_node(r, id)->parent; up && !ch->shared[up]; up = rootfs_node(r, up)->parent)
				ch->shared[up] = true;
	}
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) /* a directory before what is in it */
		unit_of(ch, id), ch->gem[id] = gem_of(ch, id);
}

/* The index into alive[] of what a file stays or goes with. */
static u32 company(const struct chooser *ch, node_id id)
{
	return of_system(ch->pkgs, id) ? ch->gem[id] ? ch->gem[id] : ch->r->nodes.n + ch->pkgs->owner[id] : ch->unit[id];
}

/* Whether that a file is reached speaks for its unit: not that a link leads to it, nor that every program may count on it. */
static bool speaks(u8 use) { return use != USE_NOT && use != USE_LINK && use != USE_WAY && use != USE_SYSTEM; }

/* What a language's package manager looks at of every package, whichever is used. */
static bool describes(struct str path)
{
	return str_contains(path, STR(".dist-info/")) || str_contains(path, STR(".egg-info")) || str_ends(path, STR(".gemspec")) || str_ends(path, STR("/gem.build_complete"));
}

static bool bytecode(struct str name) { return str_ends(name, STR(".pyc")); }

/* Of a package of the system its programs, libraries and data do: others read its configuration, links and translations, too. */
static bool speaks_for_package(struct chooser *ch, node_id id)
{
	return !of_system(ch->pkgs, id) || (rootfs_type(ch->r, id) == TAR_FILE && !str_starts(rootfs_path(ch->r, id, &ch->path), STR("/etc/")) && !str_ends(name_of(ch->r, id), STR(".mo")));
}

static void find_alive(struct chooser *ch, const bool *family)
{
	const struct rootfs *r = ch->r;
	const u8 *use = ch->c->graph->use;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		bool says = speaks(use[id]) && !family[id] && rootfs_type(r, id) != TAR_DIR && speaks_for_package(ch, id) && !bytecode(name_of(r, id));
		if (!says || (use[id] == USE_SEEN && describes(rootfs_path(r, id, &ch->path))))
			continue;
		ch->alive[company(ch, id)] = true;
		if (of_system(ch->pkgs, id))
			ch->alive[r->nodes.n + ch->pkgs->owner[id]] = true;
	}
}

static void by_unit(struct chooser *ch)
{
	const struct rootfs *r = ch->r;
	struct graph *g = ch->c->graph;
	bool *family = merely_of_families(g);
	find_units(ch);
	find_alive(ch, family);
	bool *spare = xcalloc(r->nodes.n, sizeof *spare), *stays = xcalloc(r->nodes.n, sizeof *stays); /* spare: done without, with all below it */
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		spare[id] = g->spare[id] || spare[rootfs_node(r, id)->parent];
		if (g->use[id] || rootfs_type(r, id) == TAR_DIR || ch->c->litter_kind[id] || spare[id] || family[id])
			continue;
		stays[id] = ch->alive[company(ch, id)] && !(useless(rootfs_path(r, id, &ch->path)) && (of_system(ch->pkgs, id) || ch->shared[rootfs_node(r, id)->parent]));
	}
	merely_sift(g, stays);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id))
		if (stays[id])
			graph_reach(g, id, USE_PACKAGE, ROOTFS_ROOT);
	free(family);
	free(spare);
	free(stays);
}

/* A source's compiled form stays with it: __pycache__/x.cpython-311.pyc beside x.py. */
static void with_bytecode(struct chooser *ch)
{
	const struct rootfs *r = ch->r;
	struct graph *g = ch->c->graph;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		node_id dir = rootfs_node(r, id)->parent;
		if (g->use[id] || rootfs_type(r, id) != TAR_FILE || !bytecode(name_of(r, id)) || !str_is(name_of(r, dir), "__pycache__"))
			continue;
		struct str stem = name_of(r, id);
		stem = str_cut(&stem, '.');
		struct buf source = BUF(0);
		buf_add(&source, stem);
		buf_puts(&source, ".py");
		node_id py = rootfs_child(r, rootfs_node(r, dir)->parent, buf_str(&source));
		buf_free(&source);
		if (py && g->use[py])
			graph_reach(g, id, USE_PACKAGE, py);
	}
}

static bool outside(const struct rootfs *r, node_id id)
{
	const struct fact_entry *e = rootfs_entry(r, id);
	struct str to = e ? str_of(facts_string(rootfs_facts(r, id), e->link)) : STR("");
	return str_starts(to, STR("/dev/")) || str_starts(to, STR("/proc/"));
}

/* What somebody put into /etc by hand is configuration, whoever reads it; but for accounts' secrets and backups, and what a family of its own keeps when it is asked for (certificates, PAM). */
static bool by_hand(struct chooser *ch, node_id id)
{
	static const char *const secret[] = { "shadow", "gshadow", "subuid", "subgid", ".pwd.lock", NULL };
	struct str path = rootfs_path(ch->r, id, &ch->path), name = str_base(path);
	return str_starts(path, STR("/etc/")) && !of_system(ch->pkgs, id) && rootfs_type(ch->r, id) == TAR_FILE && rootfs_size(ch->r, id) <= MiB && !str_listed(name, secret) && !str_ends(name, STR("-")) &&
	       !str_contains(name, STR(".dpkg-")) && !str_contains(name, STR(".ucf-")) && !str_starts(path, STR("/etc/ssl/")) && !str_starts(path, STR("/etc/apt/")) && !str_starts(path, STR("/etc/pki/")) &&
	       !str_starts(path, STR("/etc/pam.d/")) && !str_starts(path, STR("/etc/security/")) && !str_starts(path, STR("/etc/dpkg/"));
}

/* Where package managers keep what they fetch: nobody else makes files there. */
static bool of_managers(struct str path)
{
	static const char *const dirs[] = { "/var/lib/apt/", "/var/cache/apt/", "/var/lib/dpkg/", "/etc/apt/", "/etc/dpkg/", "/var/cache/debconf/", "/var/cache/dnf/", "/var/cache/yum/", "/var/lib/dnf/", "/var/cache/apk/", "/var/lib/pacman/", "/var/cache/pacman/" };
	for (size_t i = 0; i < countof(dirs); i++)
		if (str_starts(path, str_of(dirs[i])))
			return true;
	return false;
}

/* Licences of packages with files left, links into /dev, directories that hold nothing, configuration. */
static void small_things(struct chooser *ch)
{
	const struct rootfs *r = ch->r;
	struct graph *g = ch->c->graph;
	bool *full = xcalloc(r->nodes.n, sizeof *full);
	memset(ch->alive, 0, r->nodes.n + ch->pkgs->n + 1);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		if (g->use[id] && of_system(ch->pkgs, id) && rootfs_type(r, id) == TAR_FILE)
			ch->alive[r->nodes.n + ch->pkgs->owner[id]] = true;
		if (rootfs_type(r, id) != TAR_DIR || ch->c->litter_kind[id])
			for (node_id up = rootfs_node(r, id)->parent; up && !full[up]; up = rootfs_node(r, up)->parent)
				full[up] = true;
	}
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		u8 type = rootfs_type(r, id);
		if (g->use[id])
			continue;
		if (by_hand(ch, id)) /* not reached: what it names is only needed by who reads it */
			g->use[id] = USE_APPLICATION;
		else if (type == TAR_DIR && !full[id] && !of_managers(rootfs_path(r, id, &ch->path)))
			graph_reach(g, id, USE_SYSTEM, ROOTFS_ROOT);
		else if (type == TAR_SYMLINK && outside(r, id))
			graph_reach(g, id, USE_SYSTEM, ROOTFS_ROOT);
		else if (type == TAR_FILE && of_system(ch->pkgs, id) && ch->alive[r->nodes.n + ch->pkgs->owner[id]] && licence_of(rootfs_path(r, id, &ch->path)))
			graph_reach(g, id, USE_PACKAGE, ROOTFS_ROOT);
	}
	free(full);
}

/* --- what was seen --- */
/* Names that were read of a directory are needed when it is the application's or the administrator's; a language's search path is listed whole, and its graph knows better. */
static bool listing_counts(struct chooser *ch, node_id dir)
{
	struct str path = rootfs_path(ch->r, dir, &ch->path);
	return !everybodys(path) && (!ch->shared[dir] || str_starts(path, STR("/etc/")));
}

static void seen(struct chooser *ch, const struct observed *o)
{
	struct graph *g = ch->c->graph;
	for (u32 i = 0; i < o->n_paths; i++) {
		const struct observed_path *p = &o->paths[i];
		node_id id = rootfs_find(ch->r, str_of(p->path), false);
		if (!id || id == ROOTFS_ROOT || !(p->what & (SEEN_OPENED | SEEN_EXECUTED | SEEN_LOOKED_AT | SEEN_LISTED | SEEN_WRITTEN | SEEN_DELETED)))
			continue;
		node_id by = *p->by ? rootfs_find(ch->r, str_of(p->by), true) : 0;
		graph_reach(g, id, USE_SEEN, by ? by : GRAPH_START);
		if (!(p->what & SEEN_LISTED) || rootfs_type(ch->r, id) != TAR_DIR || !listing_counts(ch, id))
			continue;
		for (node_id at = 0; (at = rootfs_next_child(ch->r, id, at));)
			if (rootfs_type(ch->r, at) != TAR_DIR)
				graph_reach(g, at, USE_SEEN, id);
	}
}

static void asked(struct chooser *ch, const struct choose_options *opt)
{
	for (node_id id = rootfs_next(ch->r, ROOTFS_ROOT); id && opt->n_keep; id = rootfs_next(ch->r, id)) {
		struct str path = rootfs_path(ch->r, id, &ch->path);
		for (u32 i = 0; i < opt->n_keep; i++)
			if (str_glob(str_of(opt->keep[i]), path))
				graph_reach_below(ch->c->graph, id, USE_ASKED, GRAPH_START);
	}
	for (u32 i = 0; i < opt->n_commands; i++) {
		u32 n = 0;
		while (opt->commands[i][n])
			n++;
		struct str *words = arena_array(&ch->c->graph->a, struct str, n + 1);
		for (u32 k = 0; k < n; k++)
			words[k] = str_of(arena_strdup(&ch->c->graph->a, str_of(opt->commands[i][k])));
		graph_command(ch->c->graph, words, n, GRAPH_START);
	}
}

/* --- what goes --- */
static bool is_shell(struct str name)
{
	static const char *const names[] = { "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "busybox", NULL };
	return str_listed(name, names);
}

static bool is_manager(struct str name)
{
	static const char *const names[] = { "apt", "apt-get", "aptitude", "dpkg", "apk", "rpm", "yum", "dnf", "microdnf", "zypper", "pacman", "pip", "pip3", "npm", "yarn", "pnpm", "gem", "composer", "cpan", "conda", "mamba", "snap", NULL };
	return str_listed(name, names);
}

u32 choose_tool(const struct rootfs *r, node_id id)
{
	const struct fact_entry *e = rootfs_type(r, id) == TAR_FILE ? rootfs_entry(r, id) : NULL;
	if (!e || !(e->mode & 0111))
		return 0;
	struct str name = name_of(r, id), in = name_of(r, rootfs_node(r, id)->parent);
	u32 tool = e->mode & 06000 ? TOOL_SETUID : 0;
	if (str_is(in, "bin") || str_is(in, "sbin"))
		tool |= (is_shell(name) ? TOOL_SHELL : 0u) | (is_manager(name) ? TOOL_MANAGER : 0u);
	return tool;
}

static void tell_gone(struct choice *c)
{
	u32 cap[3] = { 0 };
	c->n_shells = c->n_managers = c->n_setuid = 0;
	free(c->gone_shells);
	free(c->gone_managers);
	free(c->gone_setuid);
	c->gone_shells = c->gone_managers = c->gone_setuid = NULL;
	for (node_id id = rootfs_next(c->r, ROOTFS_ROOT); id; id = rootfs_next(c->r, id)) {
		u32 tool = c->litter->kind[id] == LITTER_UNNEEDED ? choose_tool(c->r, id) : 0;
		if (tool & TOOL_SETUID)
			VEC_PUSH(c->gone_setuid, c->n_setuid, cap[2], id);
		if (tool & TOOL_SHELL)
			VEC_PUSH(c->gone_shells, c->n_shells, cap[0], id);
		if (tool & TOOL_MANAGER)
			VEC_PUSH(c->gone_managers, c->n_managers, cap[1], id);
	}
}

/* From what is reached to what goes. A directory goes when nothing in it stays and nothing speaks for itself. */
static void decide(struct choice *c)
{
	const struct rootfs *r = c->r;
	const struct graph *g = c->graph;
	bool *held = xcalloc(r->nodes.n, sizeof *held);
	for (node_id id = r->nodes.n; --id > ROOTFS_ROOT;) { /* backwards: children before their directory */
		if (rootfs_node(r, id)->state != NODE_LIVE)
			continue;
		bool stays = !g->whole || g->use[id] || held[id] || !rootfs_node(r, id)->inode;
		if (stays)
			held[rootfs_node(r, id)->parent] = true;
		c->litter->kind[id] = stays ? LITTER_NONE : c->litter_kind[id] ? c->litter_kind[id] : LITTER_UNNEEDED;
		if (stays && !g->whole && !g->use[id])
			c->litter->kind[id] = c->litter_kind[id];
	}
	free(held);
	tell_gone(c);
}

static void settle(struct chooser *ch)
{
	struct choice *c = ch->c;
	graph_run(c->graph);
	if (c->level == SLIM_PACKAGE) {
		by_unit(ch);
		graph_run(c->graph);
	}
	with_bytecode(ch);
	small_things(ch);
	graph_run(c->graph);
	decide(c);
}

static struct chooser chooser_of(struct choice *c)
{
	u32 n = c->r->nodes.n;
	return (struct chooser){ .c = c, .r = c->r, .pkgs = c->pkgs, .shared = xcalloc(n, 1), .unit = xcalloc(n, sizeof(node_id)), .gem = xcalloc(n, sizeof(node_id)), .alive = xcalloc(n + c->pkgs->n + 1, 1) };
}

static void chooser_free(struct chooser *ch)
{
	free(ch->shared);
	free(ch->unit);
	free(ch->gem);
	free(ch->alive);
	buf_free(&ch->path);
}

int choose(const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct choose_options *opt, struct litter *l, struct choice *ret, struct error *err)
{
	const struct config *k = &img->config;
	bool starts = (k->entrypoint && *k->entrypoint) || (k->cmd && *k->cmd);
	if (!starts && !opt->n_commands && !opt->n_keep && !(opt->observed && opt->observed->n_paths))
		return error_set(err, ERR_INPUT, "it starts nothing: say what is needed with --exec or --keep, or use --level safe");
	*ret = (struct choice){ .level = opt->level, .r = r, .pkgs = pkgs, .litter = l, .litter_kind = xmalloc(l->n) };
	memcpy(ret->litter_kind, l->kind, l->n);
	ret->wanted = xcalloc(l->n, sizeof *ret->wanted);
	ret->names = xcalloc(pkgs->n + 1u, sizeof *ret->names);
	for (u32 i = 0; i < pkgs->n; i++)
		ret->names[i + 1] = pkgs->v[i].name;
	ret->owners = (struct graph_owners){ .owner = pkgs->owner, .names = ret->names, .n_packages = pkgs->n };
	ret->graph = graph_new(img, r, &(struct graph_options){ .elf = binary_elf, .owners = &ret->owners });
	struct chooser ch = chooser_of(ret);
	find_units(&ch);
	graph_configuration(ret->graph);
	asked(&ch, opt);
	if (opt->observed)
		seen(&ch, opt->observed);
	settle(&ch);
	chooser_free(&ch);
	return 0;
}

static void again(struct choice *c)
{
	struct chooser ch = chooser_of(c);
	find_units(&ch);
	settle(&ch);
	chooser_free(&ch);
}

void choose_keep_databases(struct choice *c)
{
	c->keep_databases = true;
	again(c);
}

bool choose_restore(struct choice *c, const char *const *paths, u32 n, bool same)
{
	bool any = false;
	for (u32 i = 0; i < n; i++) {
		node_id id = rootfs_find(c->r, str_of(paths[i]), false);
		bool database = id && c->litter->kind[id] == LITTER_DATABASE;
		if (!id || id == ROOTFS_ROOT || !c->litter->kind[id] || (database && (same || c->wanted[id])))
			continue;
		c->wanted[id] |= database;
		any = true;
		if (rootfs_type(c->r, id) == TAR_DIR)
			graph_reach_below(c->graph, id, USE_SEEN, GRAPH_START);
		else
			graph_reach(c->graph, id, USE_SEEN, GRAPH_START);
	}
	if (any)
		again(c);
	return any;
}

u32 choose_gone(const struct choice *c, struct arena *a, const char ***ret)
{
	struct buf path = BUF(0);
	const char **v = NULL;
	u32 n = 0, cap = 0;
	for (node_id id = rootfs_next(c->r, ROOTFS_ROOT); id; id = rootfs_next(c->r, id)) {
		node_id parent = rootfs_node(c->r, id)->parent;
		if (c->litter->kind[id] && !c->litter->kind[parent] && !c->wanted[id]) /* those stand at their place again, with less in them */
			VEC_PUSH(v, n, cap, arena_strdup(a, rootfs_path(c->r, id, &path)));
	}
	buf_free(&path);
	*ret = v;
	return n;
}

void choice_free(struct choice *c)
{
	graph_free(c->graph);
	free(c->litter_kind);
	free(c->wanted);
	free(c->names);
	free(c->gone_shells);
	free(c->gone_managers);
	free(c->gone_setuid);
	*c = (struct choice){ 0 };
}
