#include "program/graph.h"
#include "program/script.h"
#include "program/closure.h"
#include "program/conf.h"
#include "program/family.h"
#include "program/java.h"
#include "program/lua.h"
#include "program/native.h"
#include "program/perl.h"
#include "program/python.h"
#include "program/ruby.h"
#include "program/node.h"
#include "program/php.h"
#include "program/system.h"

/* Each kind of knowledge: one line. */
const struct graph_kind *const graph_kinds[] = {
	&graph_conf, /* before native.c: it tells what can be done without */
	&graph_native,
	&graph_python,
	&graph_system,
	&graph_perl,
	&graph_ruby,
	&graph_node,
	&graph_java,
	&graph_lua,
	&graph_php,
	&graph_family, /* the last: it answers what the others ask for */
	NULL,
};

#define X(use, text, title) [use] = text,
#define USES(X)                                                            \
	X(USE_NOT, "", "")                                                 \
	X(USE_START, "start", "started by the configuration")              \
	X(USE_ASKED, "asked", "asked for")                                 \
	X(USE_SEEN, "seen", "touched by a run")                            \
	X(USE_COMMAND, "command", "started by")                            \
	X(USE_INTERPRETER, "interpreter", "interpreter of")                \
	X(USE_LIBRARY, "library", "loaded by")                             \
	X(USE_PLUGIN, "plugin", "loaded by name by")                       \
	X(USE_MODULE, "module", "imported by")                             \
	X(USE_DATA, "data", "data of")                                     \
	X(USE_NAMED, "named", "named in")                                  \
	X(USE_FAMILY, "family", "of a family that is asked for by")        \
	X(USE_APPLICATION, "application", "lies with the application's")   \
	X(USE_SYSTEM, "system", "every program may count on it")           \
	X(USE_LINK, "link", "leads to")                                    \
	X(USE_WAY, "way", "on the way to")                                 \
	X(USE_WIDE, "wide", "kept for what cannot be known of")            \
	X(USE_PACKAGE, "package", "stays with")
const char *const graph_use_text[] = { USES(X) };
#undef X
#define X(use, text, title) [use] = title,
const char *const graph_use_title[] = { USES(X) };
#undef X

struct keep {
	struct graph_options o;
	struct closure *closure;
	node_id *queue; /* every node that is reached, in order; a node once */
	u32 head, n;
	u64 steps;
	u32 *elf; /* by node: 1 + index into elfs; UINT32_MAX: no ELF file */
	struct elf_facts *elfs;
	u32 n_elfs, cap_elfs;
	u32 *links_at; /* by node: where in `links` those that lead to it begin; n + 2 long */
	node_id *links;
	u32 *package_at; /* likewise by package */
	node_id *of_package;
	u8 *wide; /* by package */
	bool asked, bare; /* the configuration is read; it starts a shell for whoever types */
};

static struct keep *keep_of(const struct graph *g) { return g->keep; }

/* A shell that nobody tells anything: what it will start is not known, unless somebody has said so. */
static bool is_bare(const char *what) { return strncmp(what, "a shell is started for whoever", 30) == 0; }

/* --- reaching --- */
static bool step(struct graph *g)
{
	struct keep *k = keep_of(g);
	if (++k->steps == GRAPH_STEPS)
		graph_doubt(g, false, "over a budget: too much to look for");
	return k->steps < GRAPH_STEPS;
}

static void mark(struct graph *g, node_id id, enum graph_use use, node_id because)
{
	struct keep *k = keep_of(g);
	if (id == ROOTFS_ROOT || id >= g->n || g->use[id] || rootfs_node(g->r, id)->state != NODE_LIVE)
		return;
	bool merely = because && because != GRAPH_START && g->use[because] == USE_PACKAGE && use != USE_LINK && use != USE_WAY;
	if (merely && g->spare[id])
		return;
	g->use[id] = merely ? USE_PACKAGE : (u8)use; /* for what merely stays others merely stay */
	g->because[id] = because ? because : GRAPH_START; /* nobody has no path */
	k->queue[k->n++] = id;
}

bool graph_reached(const struct graph *g, node_id id) { return id && id < g->n && (id == ROOTFS_ROOT || g->use[id]); }

void graph_reach(struct graph *g, node_id id, enum graph_use use, node_id because)
{
	if (!id || id >= g->n || g->use[id])
		return;
	node_id to = rootfs_follow(g->r, id);
	mark(g, id, use, because);
	if (to && to != id) /* a link that leads nowhere */
		mark(g, to, use, because);
}

void graph_reach_below(struct graph *g, node_id dir, enum graph_use use, node_id because)
{
	dir = rootfs_follow(g->r, dir);
	if (!dir)
		return;
	mark(g, dir, use, because);
	if (rootfs_type(g->r, dir) != TAR_DIR)
		return;
	for (node_id at = rootfs_next_child(g->r, dir, 0); at && step(g); at = rootfs_next_below(g->r, dir, at, !g->spare[at]))
		if (!g->spare[at])
			graph_reach(g, at, use, because);
}

/* --- finding --- */
struct str graph_name(const struct graph *g, node_id id) { return str_n(rootfs_node(g->r, id)->name, rootfs_node(g->r, id)->length); }
struct str graph_path(const struct graph *g, node_id id, struct buf *out) { return rootfs_path(g->r, id, out); }

const char *graph_env(const struct graph *g, const char *name)
{
	size_t n = strlen(name);
	for (const char **e = g->img->config.env; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

/* The whole path into out; false: it can be none. */
static bool whole_path(const struct graph *g, node_id dir, struct str path, struct buf *out)
{
	const char *work = g->img->config.workdir;
	buf_clear(out);
	if (!path.n || path.n > TAR_PATH_MAX || str_chr(path, '\0'))
		return false;
	if (path.p[0] != '/') {
		if (dir)
			rootfs_path(g->r, dir, out);
		else
			buf_puts(out, work && *work ? work : "/");
		buf_putc(out, '/');
	}
	buf_add(out, path);
	return out->n <= TAR_PATH_MAX;
}

node_id graph_find_path(struct graph *g, node_id dir, struct str path)
{
	struct buf full = BUF(0);
	node_id id = whole_path(g, dir, path, &full) && step(g) ? rootfs_find(g->r, buf_str(&full), true) : 0;
	buf_free(&full);
	return id;
}

node_id graph_step(const struct graph *g, node_id dir, struct str path)
{
	while (dir && path.p) {
		struct str t = str_cut(&path, '/');
		if (t.n && !str_is(t, "."))
			dir = rootfs_is_dir(g->r, dir) && !str_is(t, "..") ? rootfs_follow(g->r, rootfs_child(g->r, dir, t)) : 0;
	}
	return dir;
}

node_id graph_prefix(const struct graph *g, node_id program)
{
	node_id at = rootfs_up(g->r, program), up;
	at = at ? rootfs_up(g->r, at) : 0;
	while (at && str_starts(graph_name(g, program), STR("lib")) && !str_among(graph_name(g, at), "usr local") && (up = rootfs_up(g->r, at)) && up != ROOTFS_ROOT)
		at = up;
	return at && at != ROOTFS_ROOT ? at : rootfs_find(g->r, STR("/usr"), true);
}

node_id graph_reach_path(struct graph *g, node_id dir, struct str path, enum graph_use use, node_id because)
{
	struct buf full = BUF(0);
	node_id id = 0;
	if (whole_path(g, dir, path, &full) && step(g) && (id = rootfs_find(g->r, buf_str(&full), true))) {
		graph_reach(g, rootfs_find(g->r, buf_str(&full), false), use, because);
		graph_reach(g, id, use, because);
	}
	buf_free(&full);
	return id;
}

node_id graph_program(struct graph *g, struct str name)
{
	const char *list = graph_env(g, "PATH");
	struct str path = str_of(list ? list : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	node_id found = 0;
	if (!name.n || name.n > 255 || str_chr(name, '/'))
		return 0;
	for (u32 i = 0; path.p && !found && i < 64; i++) {
		struct str dir = str_cut(&path, ':');
		node_id at = graph_find_path(g, 0, dir.n ? dir : STR(".")), id = rootfs_is_dir(g->r, at) ? rootfs_child(g->r, at, name) : 0, to = rootfs_follow(g->r, id);
		if (rootfs_is_file(g->r, to) && rootfs_entry(g->r, to)->mode & 0111)
			found = id;
	}
	return found;
}

struct str graph_note_of(const struct graph *g, node_id file, enum collector_id collector)
{
	const struct facts *f = rootfs_is_file(g->r, file) ? rootfs_facts(g->r, file) : NULL;
	return f ? facts_get_note(f, rootfs_inode(g->r, rootfs_node(g->r, file)->inode)->entry, collector) : (struct str){ NULL, 0 };
}
struct str graph_note(const struct graph *g, node_id file) { return graph_note_of(g, file, COLLECT_SOURCE); }

bool graph_elf_facts(struct graph *g, node_id file, struct elf_facts *ret)
{
	struct keep *k = keep_of(g);
	if (!rootfs_is_file(g->r, file) || !k->o.elf)
		return false;
	if (!k->elf[file]) {
		struct elf_facts f;
		k->elf[file] = UINT32_MAX;
		if (k->o.elf(g->r, file, &g->a, &f)) {
			VEC_PUSH(k->elfs, k->n_elfs, k->cap_elfs, f);
			k->elf[file] = k->n_elfs;
		}
	}
	if (k->elf[file] == UINT32_MAX)
		return false;
	*ret = k->elfs[k->elf[file] - 1];
	return true;
}

void graph_elf(struct graph *g, node_id file, node_id because) { graph_reach(g, file, USE_PLUGIN, because); } /* what it needs: native.c */
struct closure *graph_closure(const struct graph *g) { return keep_of(g)->closure; }

/* --- doubts --- */
void graph_doubt(struct graph *g, bool bounded, const char *fmt, ...)
{
	char line[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	g->whole &= bounded;
	for (u32 i = 0; i < g->doubts.n; i++)
		if (strcmp(g->doubts.v[i], line) == 0)
			return;
	problem_add(&g->doubts, "%s", line);
}

static void closure_doubts(void *ctx, const char *what, struct str of)
{
	struct graph *g = ctx;
	if (is_bare(what) && !keep_of(g)->asked)
		keep_of(g)->bare = true;
	graph_doubt(g, strncmp(what, "over a budget", 13) != 0, "%s%s%.*s", what, of.n ? ": " : "", (int)MIN(of.n, (size_t)200), of.n ? of.p : "");
}

static void closure_reached(void *ctx, node_id id, enum closure_by by, node_id from)
{
	struct graph *g = ctx;
	static const enum graph_use uses[] = { [CLOSURE_COMMAND] = USE_COMMAND, [CLOSURE_INTERPRETER] = USE_INTERPRETER, [CLOSURE_LIBRARY] = USE_LIBRARY, [CLOSURE_PLUGIN] = USE_PLUGIN, [CLOSURE_OPERAND] = USE_NAMED };
	enum graph_use use = uses[by];
	if (from == CLOSURE_START)
		use = keep_of(g)->asked ? USE_ASKED : USE_START;
	if (rootfs_type(g->r, id) != TAR_DIR)
		graph_reach(g, id, use, from);
	else if (graph_is_own(g, id))
		graph_reach_below(g, id, use, from);
	else
		graph_reach(g, id, use, from);
}

static void closure_command_line(void *ctx, node_id program, const struct str *words, u32 n, node_id from)
{
	struct graph *g = ctx;
	for (u32 i = 0; graph_kinds[i]; i++)
		if (graph_kinds[i]->command)
			graph_kinds[i]->command(g, program, words, n, from);
}

#define WORDS 64u
void graph_line(struct graph *g, struct str line, node_id because)
{
	struct str words[WORDS];
	u32 n = 0;
	if (!str_chr(line, SCRIPT_US)) {
		graph_shell(g, line, because);
		return;
	}
	while (line.p && n < WORDS)
		words[n++] = str_cut(&line, SCRIPT_US);
	graph_command(g, words, n, because);
}

void graph_source_command(struct graph *g, node_id file, struct str line)
{
	if (!str_chr(line, SCRIPT_US)) { /* what is built into a shell must be there as a program, too */
		struct str rest = line;
		graph_reach_path(g, 0, STR("/bin/sh"), USE_COMMAND, file);
		graph_reach(g, graph_program(g, str_cut(&rest, ' ')), USE_COMMAND, file);
	}
	graph_line(g, line, file);
}

void graph_spare(struct graph *g, node_id id)
{
	if (id && id < g->n)
		g->spare[id] = 1;
}

void graph_spare_below(struct graph *g, node_id dir)
{
	graph_spare(g, dir);
	for (node_id at = rootfs_is_dir(g->r, dir) ? rootfs_next_child(g->r, dir, 0) : 0; at && step(g); at = rootfs_next_below(g->r, dir, at, true))
		graph_spare(g, at);
}

/* --- packages --- */
/* Documentation, translations and what only who builds needs: no program counts on it. */
bool graph_is_documentation(const struct graph *g, node_id id)
{
	static const char *const shares[] = { "doc", "doc-base", "man", "info", "locale", "lintian", "gtk-doc", "bash-completion", "zsh", "fish", "bug", "apport", "help", "gnome", "pkgconfig", "aclocal", "common-licenses", "metainfo", NULL };
	node_id below[4] = { 0 }; /* the first components of the path, from the root */
	for (node_id at = id; at != ROOTFS_ROOT && at; at = rootfs_node(g->r, at)->parent) {
		memmove(below + 1, below, sizeof below - sizeof *below);
		below[0] = at;
	}
	u32 i = below[0] && str_is(graph_name(g, below[0]), "usr");
	i += below[i] && i && str_is(graph_name(g, below[i]), "local");
	if (!below[i])
		return false;
	if (str_is(graph_name(g, below[i]), "include"))
		return true;
	return str_is(graph_name(g, below[i]), "share") && i + 1 < countof(below) && below[i + 1] && str_listed(graph_name(g, below[i + 1]), shares);
}

static void index_packages(struct graph *g)
{
	struct keep *k = keep_of(g);
	const struct graph_owners *o = k->o.owners;
	if (k->package_at || !o || !o->owner)
		return;
	k->package_at = xcalloc(o->n_packages + 3, sizeof *k->package_at);
	k->wide = xcalloc(o->n_packages + 2, 1);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id))
		if (id < g->n && o->owner[id] <= o->n_packages)
			k->package_at[o->owner[id] + 2]++;
	for (u32 i = 2; i < o->n_packages + 3; i++)
		k->package_at[i] += k->package_at[i - 1];
	k->of_package = xcalloc((size_t)k->package_at[o->n_packages + 2] + 1, sizeof *k->of_package);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id))
		if (id < g->n && o->owner[id] <= o->n_packages)
			k->of_package[k->package_at[o->owner[id] + 1]++] = id;
}

u32 graph_package(const struct graph *g, node_id file)
{
	const struct graph_owners *o = keep_of(g)->o.owners;
	return o && o->owner && file < g->n && o->owner[file] <= o->n_packages ? o->owner[file] : 0;
}

const node_id *graph_package_files(struct graph *g, u32 package, u32 *n)
{
	struct keep *k = keep_of(g);
	index_packages(g);
	*n = package && k->package_at ? k->package_at[package + 1] - k->package_at[package] : 0;
	return *n ? k->of_package + k->package_at[package] : NULL;
}

void graph_wide(struct graph *g, node_id file, const char *why)
{
	struct keep *k = keep_of(g);
	u32 package = graph_package(g, file), n;
	const node_id *v = graph_package_files(g, package, &n);
	if (!n || k->wide[package])
		return;
	k->wide[package] = 1;
	graph_doubt(g, true, "all of %s is kept: %s", k->o.owners->names[package], why);
	for (u32 i = 0; i < n && step(g); i++)
		if (!graph_is_documentation(g, v[i]) && !g->spare[v[i]])
			graph_reach(g, v[i], USE_WIDE, file);
}

/* --- links --- */
static void index_links(struct graph *g)
{
	struct keep *k = keep_of(g);
	struct { node_id link, to; } *v = NULL;
	u32 n = 0, cap = 0;
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id))
		if (id < g->n && rootfs_type(g->r, id) == TAR_SYMLINK) {
			node_id to = rootfs_follow(g->r, id);
			VEC_PUSH(v, n, cap, ((__typeof__(*v)){ id, to && to != id ? to : 0 }));
		}
	k->links_at = xcalloc((size_t)g->n + 2, sizeof *k->links_at);
	k->links = xcalloc((size_t)n + 1, sizeof *k->links);
	for (u32 i = 0; i < n; i++)
		k->links_at[v[i].to + 1]++;
	for (u32 i = 1; i < g->n + 2; i++)
		k->links_at[i] += k->links_at[i - 1];
	for (u32 i = n; i-- > 0;)
		k->links[--k->links_at[v[i].to + 1]] = v[i].link;
	free(v);
}
/* From here on links_at[id + 1] is where those of id begin, links_at[id + 2] where they end. */

const node_id *graph_links(const struct graph *g, node_id to, u32 *n)
{
	const struct keep *k = keep_of(g);
	u32 from = k->links_at[to + 1], end = to + 2 < g->n + 2 ? k->links_at[to + 2] : from;
	*n = end - from;
	return k->links + from;
}

/* --- the worklist --- */
static void take(struct graph *g, node_id id)
{
	const struct node *node = rootfs_node(g->r, id);
	u32 n;
	mark(g, node->parent, USE_WAY, id);
	const node_id *links = graph_links(g, id, &n);
	for (u32 i = 0; i < n && step(g); i++)
		mark(g, links[i], USE_LINK, id);
	for (u32 i = 0; node->type == TAR_FILE && graph_kinds[i]; i++)
		if (graph_kinds[i]->reached && !(g->use[id] == USE_PACKAGE && graph_kinds[i] == &graph_conf)) /* a configuration that merely stays names nothing that is needed */
			graph_kinds[i]->reached(g, id);
}

static bool drain(struct graph *g)
{
	struct keep *k = keep_of(g);
	bool any = false;
	for (bool more = true; more; any |= more) {
		more = closure_work(k->closure) || k->head < k->n;
		while (k->head < k->n && step(g))
			take(g, k->queue[k->head++]);
		if (k->steps >= GRAPH_STEPS)
			break;
	}
	return any;
}

void graph_run(struct graph *g)
{
	struct keep *k = keep_of(g);
	for (bool more = true; more && k->steps < GRAPH_STEPS;) {
		drain(g);
		more = false;
		for (u32 i = 0; graph_kinds[i]; i++)
			if (graph_kinds[i]->settle) {
				more |= graph_kinds[i]->settle(g);
				more |= drain(g);
			}
	}
	if (k->bare && !k->asked)
		graph_doubt(g, false, "what is typed into the shell that the image starts cannot be known");
}

u32 graph_index(const struct graph_kind *kind)
{
	u32 i = 0;
	while (graph_kinds[i] && graph_kinds[i] != kind)
		i++;
	return i;
}

void *graph_state(const struct graph *g, const struct graph_kind *kind) { return g->kinds[graph_index(kind)]; }

/* --- what is started --- */
void graph_configuration(struct graph *g)
{
	struct keep *k = keep_of(g);
	closure_configuration(k->closure);
	closure_work(k->closure);
	system_configuration(g);
}

void graph_command(struct graph *g, const struct str *words, u32 n, node_id because)
{
	struct keep *k = keep_of(g);
	if (because == GRAPH_START) {
		closure_work(k->closure); /* what stands there is the configuration's */
		k->asked = true;
	}
	struct str *copy = arena_array(&g->a, struct str, (size_t)n + 1);
	for (u32 i = 0; i < n; i++)
		copy[i] = (struct str){ arena_strdup(&g->a, words[i]), words[i].n };
	closure_command(k->closure, copy, n, because != GRAPH_START, because);
}

void graph_shell(struct graph *g, struct str text, node_id because)
{
	struct keep *k = keep_of(g);
	if (because == GRAPH_START) {
		closure_work(k->closure);
		k->asked = true;
	}
	closure_shell(k->closure, text, because);
}

struct graph *graph_new(const struct image *img, const struct rootfs *r, const struct graph_options *opt)
{
	struct graph *g = xcalloc(1, sizeof *g);
	struct keep *k = xcalloc(1, sizeof *k);
	_Static_assert(countof(graph_kinds) <= countof(g->kinds), "a state each");
	*g = (struct graph){ .img = img, .r = r, .n = r->nodes.n, .whole = true, .keep = k };
	g->use = xcalloc((size_t)g->n + 1, 1);
	g->spare = xcalloc((size_t)g->n + 1, 1);
	g->because = xcalloc((size_t)g->n + 1, sizeof *g->because);
	k->o = *opt;
	k->queue = xcalloc((size_t)g->n + 1, sizeof *k->queue);
	k->elf = xcalloc((size_t)g->n + 1, sizeof *k->elf);
	const struct closure_options co = { .elf = opt->elf, .reached = closure_reached, .doubt = closure_doubts, .command = closure_command_line, .ctx = g, .narrow = true, .spare = g->spare };
	k->closure = closure_open(img, r, &co);
	index_links(g);
	for (u32 i = 0; graph_kinds[i]; i++)
		g->kinds[i] = graph_kinds[i]->state ? arena_zalloc(&g->a, graph_kinds[i]->state) : NULL;
	for (u32 i = 0; graph_kinds[i]; i++)
		if (graph_kinds[i]->begin)
			graph_kinds[i]->begin(g);
	return g;
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	struct keep *k = keep_of(g);
	for (u32 i = 0; graph_kinds[i]; i++)
		if (graph_kinds[i]->end)
			graph_kinds[i]->end(g);
	closure_free(k->closure);
	free(k->queue);
	free(k->elf);
	free(k->elfs);
	free(k->links_at);
	free(k->links);
	free(k->package_at);
	free(k->of_package);
	free(k->wide);
	free(k);
	arena_free(&g->a);
	problems_free(&g->doubts);
	free(g->use);
	free(g->because);
	free(g->spare);
	free(g);
}
