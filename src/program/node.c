#include "program/node.h"
#include "base/buf.h"
#include "program/source.h"

enum { N_STRONG = 1 /* imported, not merely there */, N_QUEUED = 2, N_TOLD_WEAK = 4, N_TOLD = 8, N_DATA = 16 /* of a directory: its package's data is reached */, N_CODE = 32, N_WHOLE = 64 /* an application */ };

struct state {
	u8 *flags; /* by node */
	node_id *queue;
	u32 n, cap, head;
	bool runs, asked;
};
static struct state *state_of(const struct graph *g) { return graph_state(g, &graph_node); }

static bool is_source(struct graph *g, node_id id) { return source_letter(graph_note(g, id)) == 'N' && !str_is(graph_name(g, id), "package.json"); }

static void enqueue(struct state *s, node_id id)
{
	if (s->flags[id] & N_QUEUED)
		return;
	s->flags[id] |= N_QUEUED;
	VEC_PUSH(s->queue, s->n, s->cap, id);
}

static node_id package_of(const struct graph *g, node_id file);
static void keep_data(struct graph *g, node_id root, node_id because);

/* Imported: followed to the end. */
static void module(struct graph *g, node_id id, node_id because)
{
	struct state *s = state_of(g);
	if (!id)
		return;
	graph_reach(g, id, USE_MODULE, because);
	if (!is_source(g, id)) { /* JSON, an addon, what is too dense to be read: its package.json is what leads there */
		graph_reach(g, node_scope(g, rootfs_up(g->r, id)), USE_MODULE, id);
		if (package_of(g, id))
			keep_data(g, package_of(g, id), id);
	} else if (!(s->flags[id] & N_TOLD)) {
		s->flags[id] |= N_STRONG;
		enqueue(s, id);
	}
}

/* --- what of a directory stays --- */
enum keep_what { KEEP_DATA, KEEP_CODE, KEEP_ALL };

static bool is_for_people(struct str n)
{
	static const char *const ends[] = { ".md", ".markdown", ".map", ".ts", ".mts", ".cts", ".tsx", ".flow", ".coffee", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".gyp", ".gypi", ".mk", ".o", ".a", ".d", ".exe", ".dll", ".dylib", ".pdb", ".lib",
		".tsbuildinfo", ".log", ".orig", ".patch", ".bat", ".cmd", ".ps1", ".tgz", ".snap" };
	static const char *const names[] = { "README*", "CHANGELOG*", "CHANGES*", "HISTORY*", "LICEN[SC]E*", "AUTHORS*", "CONTRIBUTING*", "COPYING*", "NOTICE*", "Makefile", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "tsconfig*.json",
		"tslint.json", "bower.json", "component.json", "karma.conf.*", "Gruntfile*", "gulpfile*", "*.config.js", "Dockerfile", ".*" };
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(n, str_of(ends[i])))
			return true;
	for (size_t i = 0; i < countof(names); i++)
		if (str_glob(str_of(names[i]), n))
			return true;
	return false;
}
static bool is_code(struct str n) { return str_ends(n, STR(".js")) || str_ends(n, STR(".mjs")) || str_ends(n, STR(".cjs")) || str_ends(n, STR(".jsx")); }
static bool is_for_builders(struct str dir, struct str parent)
{
	if (str_is(parent, "prebuilds"))
		return !str_starts(dir, STR("linux"));
	return str_among(dir, "test tests __tests__ __mocks__ docs doc example examples bench benchmark benchmarks coverage spec man fixtures obj.target .deps") || dir.p[0] == '.';
}

/* Everything below that stays; node_modules never does by itself. */
static void keep_below(struct graph *g, node_id dir, enum keep_what what, enum graph_use use, node_id because)
{
	bool down;
	for (node_id at = rootfs_next_child(g->r, dir, 0); at; at = rootfs_next_below(g->r, dir, at, down)) {
		struct str name = graph_name(g, at);
		down = rootfs_is_dir(g->r, at) && !str_among(name, "node_modules .git") && (what == KEEP_ALL || !is_for_builders(name, graph_name(g, rootfs_up(g->r, at))));
		if (rootfs_is_dir(g->r, at) ? what == KEEP_ALL && down : what == KEEP_ALL || (!is_for_people(name) && is_code(name) == (what == KEEP_CODE)))
			graph_reach(g, at, use, because);
	}
}

/* The directory of the package that a file belongs to: NAME or @SCOPE/NAME in node_modules (or where a distribution has its own); 0: an application's. */
static node_id package_of(const struct graph *g, node_id file)
{
	for (node_id d = rootfs_up(g->r, file), below = 0, below2 = 0; d; below2 = below, below = d, d = rootfs_up(g->r, d)) {
		struct str n = graph_name(g, d);
		node_id up = rootfs_up(g->r, d);
		bool top = str_is(n, "node_modules") || (str_is(n, "nodejs") && str_among(graph_name(g, up ? up : d), "share lib x86_64-linux-gnu aarch64-linux-gnu"));
		if (top && below)
			return graph_name(g, below).p[0] == '@' && below2 ? below2 : below;
	}
	return 0;
}

/* All sources of a package whose imports are computed. */
static void keep_code(struct graph *g, node_id root, node_id because)
{
	struct state *s = state_of(g);
	if (s->flags[root] & N_CODE)
		return;
	s->flags[root] |= N_CODE;
	keep_below(g, root, KEEP_CODE, USE_WIDE, because);
}

static void keep_data(struct graph *g, node_id root, node_id because)
{
	struct state *s = state_of(g);
	if (s->flags[root] & N_DATA)
		return;
	s->flags[root] |= N_DATA;
	keep_below(g, root, KEEP_DATA, USE_DATA, because);
	graph_reach(g, rootfs_child(g->r, root, STR("package.json")), USE_MODULE, because);
}

/* Where the application of a source begins: the nearest package.json, else the working directory when it lies in it, else where it lies. */
static void application(struct graph *g, node_id file)
{
	struct state *s = state_of(g);
	node_id scope = node_scope(g, rootfs_up(g->r, file)), work = graph_find_path(g, 0, STR(".")), top = scope ? rootfs_up(g->r, scope) : rootfs_up(g->r, file);
	for (node_id d = rootfs_up(g->r, file); !scope && d; d = rootfs_up(g->r, d))
		if (d == work && graph_is_own(g, d))
			top = d;
	if (!rootfs_is_dir(g->r, top) || s->flags[top] & N_WHOLE || !graph_is_own(g, top))
		return;
	s->flags[top] |= N_WHOLE;
	keep_below(g, top, KEEP_ALL, USE_APPLICATION, file);
}

/* --- names --- */
static bool is_development(struct graph *g, node_id from, struct str package)
{
	node_id scope = node_scope(g, from);
	return scope && node_says(g, scope, "dev", package) && !node_says(g, scope, "dep", package) && !node_says(g, scope, "opt", package) && !node_says(g, scope, "peer", package);
}
static bool is_declared(struct graph *g, node_id scope, struct str package)
{
	return scope && (node_says(g, scope, "dep", package) || node_says(g, scope, "opt", package) || node_says(g, scope, "peer", package));
}

static void all_of(struct graph *g, node_id root, node_id because)
{
	module(g, node_path(g, root, STR(".")), because);
	keep_data(g, root, because);
	keep_code(g, root, because);
}

/* Every entry of a directory whose name begins so. */
static void begun(struct graph *g, node_id from, struct str path, bool data, node_id because)
{
	struct str base = str_base(path), dir_path = str_head(path, path.n - base.n);
	node_id dir = dir_path.n ? graph_find_path(g, from, dir_path) : from, root = package_of(g, because);
	if (!rootfs_is_dir(g->r, dir))
		return;
	/* The package's own directory, or one above: what is meant lies anywhere in it. */
	for (node_id d = root ? root : from; d && !base.n; d = rootfs_up(g->r, d))
		if (d == dir) {
			if (root) {
				keep_data(g, root, because);
				keep_code(g, root, because);
			}
			return;
		}
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));) {
		struct str name = graph_name(g, at);
		if (!str_starts(name, base) || str_is(name, "node_modules"))
			continue;
		node_id to = rootfs_type(g->r, at) == TAR_SYMLINK ? graph_find_path(g, dir, name) : at;
		if (!to)
			continue;
		if (!rootfs_is_dir(g->r, to)) {
			if (data || !is_for_people(name) || !package_of(g, at))
				data && !is_source(g, to) ? graph_reach(g, at, USE_DATA, because) : module(g, to, because);
			continue;
		}
		graph_reach(g, at, USE_DATA, because);
		if (!data) {
			module(g, node_path(g, dir, name), because);
			keep_below(g, to, KEEP_CODE, USE_MODULE, because);
		}
		keep_below(g, to, data ? KEEP_ALL : KEEP_DATA, USE_DATA, because);
	}
}

/* "@img/sharp-", "pkg/lib/languages/": what is installed under such names. */
static void begun_name(struct graph *g, node_id from, struct str name, node_id because)
{
	struct str sub, package = node_split(name, &sub);
	node_id root = node_package(g, from, package);
	if (root && name.n > package.n) {
		struct buf b = BUF(0);
		buf_puts(&b, "./");
		buf_add(&b, sub);
		begun(g, root, buf_str(&b), false, because);
		buf_free(&b);
		return;
	}
	for (node_id d = from; d; d = rootfs_up(g->r, d)) {
		struct str base = str_base(package), scope = str_head(package, package.n - base.n);
		node_id m = rootfs_is_dir(g->r, d) ? graph_find_path(g, d, STR("node_modules")) : 0, in = m && scope.n ? graph_find_path(g, m, scope) : m;
		if (!rootfs_is_dir(g->r, in) || base.n < 2)
			continue;
		for (node_id at = 0; (at = rootfs_next_child(g->r, in, at));)
			if (str_starts(graph_name(g, at), base)) {
				node_id to = graph_find_path(g, in, graph_name(g, at));
				if (rootfs_is_dir(g->r, to))
					all_of(g, to, because);
			}
	}
}

static void place(struct graph *g, node_id from, struct str path, node_id because)
{
	node_id id = graph_find_path(g, from, path), root = package_of(g, because);
	if (rootfs_is_file(g->r, id) && !is_source(g, id))
		graph_reach(g, id, USE_DATA, because);
	else if (!rootfs_is_dir(g->r, id))
		module(g, node_path(g, from, path), because);
	else {
		for (node_id d = from; d; d = rootfs_up(g->r, d))
			if (d == id) {
				if (root)
					begun(g, id, STR("./"), true, because);
				return;
			}
		if (!root && !graph_is_own(g, id))
			return;
		graph_reach(g, id, USE_DATA, because);
		keep_below(g, id, KEEP_ALL, USE_DATA, because);
		module(g, node_path(g, from, path), because);
	}
}

struct source {
	node_id file, dir, root, scope; /* root: of its package; 0: an application's */
	bool strong, runs;              /* runs: it starts programs */
};

static void import(struct graph *g, const struct source *s, struct str text)
{
	struct str name = str_cut(&text, '\t'), sub;
	char kind = text.p && text.n ? text.p[0] : 'r';
	bool bare = name.n && name.p[0] != '.' && name.p[0] != '/' && name.p[0] != '#';
	if (!s->strong && bare && is_development(g, s->dir, node_split(name, &sub)))
		return;
	if (kind == 'p' || kind == 'q')
		bare ? begun_name(g, s->dir, name, s->file) : begun(g, s->dir, name, kind == 'q', s->file);
	else if (kind == 'f')
		place(g, s->dir, name, s->file);
	else if (kind == 'w') {
		node_id id = node_path(g, s->dir, name);
		module(g, id ? id : node_path(g, 0, name) ? node_path(g, 0, name) : node_resolve(g, s->dir, name, false), s->file);
	} else {
		node_id id = node_resolve(g, s->dir, name, kind == 'i'), at;
		module(g, id, s->file);
		if (!id && !bare && (at = graph_find_path(g, s->dir, name)) && rootfs_is_dir(g->r, at)) /* require-all("./routes") */
			place(g, s->dir, name, s->file);
	}
}

/* A distribution's own package: any word may be the name of one. */
static bool is_shared(const struct graph *g, node_id dir)
{
	for (; dir; dir = rootfs_up(g->r, dir))
		if (str_is(graph_name(g, dir), "nodejs"))
			return true;
	return false;
}

static void string(struct graph *g, const struct source *s, struct str text)
{
	struct str sub, package;
	node_id id;
	if (text.p[0] == '/') {
		id = text.n > 1 && s->strong ? graph_find_path(g, 0, text) : 0;
		if (id && !rootfs_is_dir(g->r, id))
			graph_reach_path(g, 0, text, USE_NAMED, s->file);
		return;
	}
	if (text.p[0] == '.') {
		id = s->strong ? node_path(g, s->dir, text) : 0;
		if (id && is_source(g, id))
			module(g, id, s->file);
		else if (id)
			graph_reach(g, id, USE_DATA, s->file);
		return;
	}
	package = node_split(text, &sub);
	if (s->root ? is_declared(g, s->scope, package) : s->strong || is_declared(g, s->scope, package))
		if ((id = node_package(g, s->dir, package)) && rootfs_child(g->r, id, STR("package.json")) && package_of(g, rootfs_child(g->r, id, STR("package.json"))))
			if (!str_chr(package, '/') || package.p[0] == '@')
				if (!is_shared(g, id))
					module(g, node_resolve(g, s->dir, text, false), s->file);
	if (s->strong && s->runs && !sub.n && graph_program(g, text))
		graph_command(g, &text, 1, s->file);
}

static void dependencies(struct graph *g, const struct source *s)
{
	struct str rest = graph_note(g, s->scope), text;
	char letter;
	graph_doubt(g, true, "node: all dependencies of the application are kept: it imports by names that are computed");
	while (source_next(&rest, &letter, &text)) {
		struct str what = str_cut(&text, '\t');
		if (letter == 'd' && text.p && str_among(what, "dep opt")) {
			module(g, node_resolve(g, s->dir, text, false), s->file);
			module(g, node_resolve(g, s->dir, text, true), s->file);
		}
	}
}

static void started(struct graph *g, const struct source *s, struct str text)
{
	size_t n = 0;
	while (n < text.n && !strchr(" \t;&|<>()\x1f", text.p[n]))
		n++;
	struct str first = str_head(text, n);
	if (!graph_program(g, first) && !(str_chr(first, '/') && graph_find_path(g, 0, first)))
		return;
	if (first.n == text.n)
		graph_command(g, &text, 1, s->file);
	else
		graph_line(g, text, s->file);
}

static bool is_tool(const struct graph *g, node_id file)
{
	static const char *const names[] = { "*.config.*", ".*rc.*", "gulpfile.*", "Gruntfile.*", "*.test.*", "*.spec.*", "*.stories.*" };
	for (size_t i = 0; i < countof(names); i++)
		if (str_glob(str_of(names[i]), graph_name(g, file)))
			return true;
	for (node_id d = rootfs_up(g->r, file); d; d = rootfs_up(g->r, d))
		if (str_among(graph_name(g, d), "test tests __tests__ __mocks__ cypress e2e"))
			return true;
	return false;
}

static void follow(struct graph *g, node_id file)
{
	struct state *st = state_of(g);
	bool strong = st->flags[file] & N_STRONG;
	struct source s = { .file = file, .dir = rootfs_up(g->r, file), .root = package_of(g, file), .strong = strong };
	struct str note = graph_note(g, file), rest = note, text;
	char letter;
	st->flags[file] &= (u8)~N_QUEUED;
	if (st->flags[file] & (strong ? N_TOLD : N_TOLD | N_TOLD_WEAK))
		return;
	st->flags[file] |= strong ? N_TOLD : N_TOLD_WEAK;
	s.scope = node_scope(g, s.dir);
	graph_reach(g, s.scope, USE_MODULE, file);
	if (s.root)
		keep_data(g, s.root, file);
	else if (strong)
		application(g, file);
	if (!strong && !s.root && is_tool(g, file))
		return;
	while (source_next(&rest, &letter, &text))
		s.runs |= letter == 'x' && str_among(text, "run shell");
	for (rest = note; source_next(&rest, &letter, &text);) {
		if (letter == 'm')
			import(g, &s, text);
		else if (letter == 's')
			string(g, &s, text);
		else if (letter == 'c' && strong)
			started(g, &s, text);
		else if (letter == 'x' && str_among(text, "import cut") && s.root)
			keep_code(g, s.root, file);
		else if (letter == 'x' && str_is(text, "import") && strong)
			dependencies(g, &s);
		else if (letter == 'x' && str_is(text, "shell") && strong)
			graph_shell(g, STR(":"), file);
	}
}

/* --- command lines --- */
static void node_command(struct graph *g, const struct str *words, u32 n, node_id because)
{
	static const char with[] = "-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --inspect-port --max-http-header-size --title --icu-data-dir --openssl-config --tls-cipher-list";
	for (u32 i = 1; i < n; i++) {
		struct str w = words[i];
		const char *eq = str_chr(w, '=');
		struct str value = eq ? str_from(w, (size_t)(eq - w.p) + 1) : STR(""), name = eq ? str_head(w, (size_t)(eq - w.p)) : w;
		if (w.n && w.p[0] == '-' && w.n > 1) {
			if (str_among(w, "-e -p -pe --eval --print"))
				return;
			if (!eq && str_among(w, with) && i + 1 < n)
				value = words[++i];
			if (value.n && str_among(name, "-r --require --import --loader --experimental-loader")) {
				node_id id = node_resolve(g, graph_find_path(g, 0, STR(".")), value, str_is(name, "--import"));
				module(g, id ? id : node_path(g, 0, value), because);
			}
			continue;
		}
		node_id id = node_path(g, 0, w);
		if (id) {
			graph_reach(g, id, because == GRAPH_START ? USE_START : USE_COMMAND, because);
			module(g, id, because);
		}
		return;
	}
}

/* A script of package.json: what it starts lies in node_modules/.bin, too. */
static void script(struct graph *g, node_id package, struct str text)
{
	node_id dir = rootfs_up(g->r, package);
	struct str words[64];
	u32 n = 0;
	graph_shell(g, text, package);
	for (struct str rest = text; rest.p && n < countof(words);) {
		struct str w = str_cut(&rest, ' ');
		if (w.n)
			words[n++] = w;
	}
	for (u32 i = 0; i < n; i++) {
		struct buf b = BUF(0);
		if (str_among(str_base(words[i]), "node nodejs tsx ts-node nodemon bun deno"))
			node_command(g, words + i, n - i, package);
		buf_puts(&b, "node_modules/.bin/");
		buf_add(&b, words[i]);
		for (node_id d = dir; d && !str_chr(words[i], '/'); d = rootfs_up(g->r, d)) {
			node_id id = rootfs_is_dir(g->r, d) ? graph_reach_path(g, d, buf_str(&b), USE_COMMAND, package) : 0;
			if (id) {
				module(g, id, package);
				break;
			}
		}
		buf_free(&b);
	}
}

static void run_scripts(struct graph *g, struct str name)
{
	node_id work = graph_find_path(g, 0, STR(".")), package = work ? node_scope(g, work) : 0;
	struct str rest = graph_note(g, package), text;
	char letter;
	while (source_next(&rest, &letter, &text)) {
		struct str what = str_cut(&text, '\t'), key = text.p ? str_cut(&text, '\t') : STR("");
		if (letter != 'd' || !text.p || !str_is(what, "script"))
			continue;
		if (str_eq(key, name) || (str_starts(key, STR("pre")) && str_eq(str_from(key, 3), name)) || (str_starts(key, STR("post")) && str_eq(str_from(key, 4), name)))
			script(g, package, text);
	}
	if (package && str_is(name, "start")) {
		graph_reach(g, package, USE_NAMED, GRAPH_START);
		module(g, node_path(g, work, STR("./server")), package);
	}
}

static void command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	struct str name = n ? str_base(words[0]) : STR("");
	(void)program;
	if (str_among(name, "node nodejs bun deno tsx ts-node pm2-runtime pm2 nodemon")) {
		node_command(g, words, n, because);
	} else if (str_among(name, "npm yarn pnpm npx bunx")) {
		u32 i = 1;
		while (i < n && (words[i].p[0] == '-' || str_among(words[i], "run run-script exec dlx")))
			i++;
		if (i >= n)
			return;
		graph_doubt(g, true, "node: %.*s stays, since the command starts it; a command that starts node itself does without", (int)MIN(name.n, (size_t)20), name.p);
		run_scripts(g, words[i]);
		node_id work = graph_find_path(g, 0, STR(".")), scope = work ? node_scope(g, work) : 0;
		if (scope && (str_is(name, "npx") || str_is(name, "yarn") || str_is(name, "pnpm") || str_is(name, "bunx")))
			for (u32 k = i; k == i; k++)
				script(g, scope, words[k]);
	}
}

/* --- the kind --- */
static void begin(struct graph *g) { state_of(g)->flags = arena_array(&g->a, u8, (size_t)g->n + 1); }

static void reached(struct graph *g, node_id file)
{
	struct state *s = state_of(g);
	struct str name = graph_name(g, file);
	if (str_among(name, "node nodejs bun deno") || str_starts(name, STR("libnode.so"))) {
		struct elf_facts f;
		s->runs |= graph_elf_facts(g, file, &f);
	}
	if (!is_source(g, file))
		return;
	switch (g->use[file]) {
	case USE_START: case USE_ASKED: case USE_SEEN: case USE_COMMAND: case USE_PLUGIN: case USE_MODULE: case USE_NAMED:
		s->flags[file] |= N_STRONG;
		enqueue(s, file);
		break;
	case USE_APPLICATION: case USE_WIDE:
		enqueue(s, file);
		break;
	default:
		break;
	}
}

static void options_of_environment(struct graph *g)
{
	const char *list = graph_env(g, "NODE_OPTIONS");
	struct str words[64] = { STR("node") };
	u32 n = 1;
	for (struct str rest = str_of(list ? list : ""); rest.p && n < countof(words);) {
		struct str w = str_cut(&rest, ' ');
		if (w.n)
			words[n++] = w;
	}
	node_command(g, words, n, GRAPH_START);
}

static bool settle(struct graph *g)
{
	struct state *s = state_of(g);
	bool any = false;
	if (!s->runs)
		return false;
	if (!s->asked)
		options_of_environment(g);
	s->asked = true;
	while (s->head < s->n) {
		follow(g, s->queue[s->head++]);
		any = true;
	}
	return any;
}

static void end(struct graph *g) { free(state_of(g)->queue); }

const struct graph_kind graph_node = { .name = "node", .state = sizeof(struct state), .begin = begin, .reached = reached, .command = command, .settle = settle, .end = end };
