/* node_resolve.c — Node's resolution of modules: what a name means in a source. */
#include "program/node.h"
#include "program/source.h"

static const char builtins[] = "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks "
			       "process punycode querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib";
/* Where Node and distributions look when no node_modules has it. */
static const char *const globals_at[] = { "/usr/local/lib/nodejs", "/usr/lib/nodejs", "/usr/lib/x86_64-linux-gnu/nodejs", "/usr/lib/aarch64-linux-gnu/nodejs", "/usr/share/nodejs", "/usr/local/lib/node_modules", "/usr/lib/node_modules" };

static bool is_type(const struct graph *g, node_id id, u8 type) { return id && rootfs_type(g->r, id) == type; }

static node_id find(struct graph *g, node_id dir, struct str path, const char *end)
{
	struct buf b = BUF(0);
	buf_add(&b, path);
	buf_puts(&b, end);
	node_id id = graph_find_path(g, dir, buf_str(&b));
	buf_free(&b);
	return id;
}

static bool next_directive(struct str *rest, const char *directive, struct str *value)
{
	char letter;
	struct str text;
	while (source_next(rest, &letter, &text)) {
		struct str name = str_cut(&text, '\t');
		if (letter == 'd' && text.p && str_is(name, directive)) {
			*value = text;
			return true;
		}
	}
	return false;
}

bool node_says(struct graph *g, node_id package, const char *directive, struct str value)
{
	struct str rest = graph_note(g, package), v;
	while (next_directive(&rest, directive, &v))
		if (str_eq(str_cut(&v, '\t'), value))
			return true;
	return false;
}

node_id node_scope(struct graph *g, node_id dir)
{
	for (; dir; dir = rootfs_up(g->r, dir)) {
		node_id p = is_type(g, dir, TAR_DIR) ? rootfs_child(g->r, dir, STR("package.json")) : 0;
		if (p || str_is(graph_name(g, dir), "node_modules"))
			return p;
	}
	return 0;
}

static node_id file_at(struct graph *g, node_id dir, struct str path)
{
	static const char *const ends[] = { "", ".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".jsx" };
	for (size_t i = 0; i < countof(ends); i++) {
		node_id id = find(g, dir, path, ends[i]);
		if (is_type(g, id, TAR_FILE))
			return id;
	}
	/* A TypeScript source is named as what it becomes. */
	if (str_ends(path, STR(".js")) || str_ends(path, STR(".mjs"))) {
		node_id id = find(g, dir, str_head(path, path.n - 2), "ts");
		return is_type(g, id, TAR_FILE) ? id : 0;
	}
	return 0;
}

node_id node_path(struct graph *g, node_id dir, struct str path)
{
	node_id id = path.n && path.p[path.n - 1] != '/' ? file_at(g, dir, path) : 0, d, p;
	struct str rest, main;
	if (id)
		return id;
	d = find(g, dir, path, "");
	if (!is_type(g, d, TAR_DIR))
		return 0;
	p = rootfs_child(g->r, d, STR("package.json"));
	rest = graph_note(g, p);
	if (p && next_directive(&rest, "main", &main) && main.n) {
		id = file_at(g, d, main);
		if (!id && is_type(g, find(g, d, main, ""), TAR_DIR))
			id = file_at(g, find(g, d, main, ""), STR("index"));
		if (id)
			return id;
	}
	return file_at(g, d, STR("index"));
}

static bool holds(struct str conditions, bool import)
{
	while (conditions.p && conditions.n) {
		struct str c = str_cut(&conditions, ' ');
		if (!str_among(c, "node default module-sync node-addons production") && !str_is(c, import ? "import" : "require"))
			return false;
	}
	return true;
}

/* What "exports" or "imports" make of a subpath. -1: they say nothing at all; 0: not this; 1: in out. */
static int mapped(struct graph *g, node_id package, const char *what, struct str sub, bool import, struct buf *out)
{
	struct str rest = graph_note(g, package), v, best = { NULL, 0 }, star = { NULL, 0 };
	size_t longest = 0;
	int said = -1;
	while (next_directive(&rest, what, &v)) {
		struct str key = str_cut(&v, '\t'), conditions = str_cut(&v, '\t'), target = v;
		const char *at = str_chr(key, '*');
		said = MAX(said, 0);
		if (!holds(conditions, import))
			continue;
		if (str_eq(key, sub)) {
			if (!target.n && best.p)
				continue;
			buf_clear(out);
			buf_add(out, target);
			return target.n ? 1 : 0;
		}
		size_t head = at ? (size_t)(at - key.p) : key.n, tail = at ? key.n - head - 1 : 0;
		bool folder = !at && key.n > 2 && key.p[key.n - 1] == '/';
		if ((!at && !folder) || !str_starts(sub, str_head(key, head)) || sub.n < head + tail || (tail && !str_ends(sub, str_from(key, head + 1))) || (best.p && head <= longest))
			continue;
		longest = head;
		best = target;
		star = str_n(sub.p + head, sub.n - head - tail);
	}
	if (!best.p || !best.n)
		return said;
	const char *at = str_chr(best, '*');
	buf_clear(out);
	buf_add(out, at ? str_head(best, (size_t)(at - best.p)) : best);
	buf_add(out, star);
	if (at)
		buf_add(out, str_from(best, (size_t)(at - best.p) + 1));
	return 1;
}

static node_id entry(struct graph *g, node_id dir, struct str sub, bool import)
{
	struct buf b = BUF(0), target = BUF(0);
	node_id p = rootfs_child(g->r, dir, STR("package.json")), id = 0;
	buf_puts(&b, sub.n ? "./" : ".");
	buf_add(&b, sub);
	if (p && mapped(g, p, "exports", buf_str(&b), import, &target) == 1)
		id = node_path(g, dir, buf_str(&target));
	if (!id) /* also where exports forbid it: a bundler's or an older Node's way costs little */
		id = node_path(g, dir, buf_str(&b));
	buf_free(&b);
	buf_free(&target);
	return id;
}

struct str node_split(struct str name, struct str *sub)
{
	struct str rest = name, first = str_cut(&rest, '/');
	if (first.n && first.p[0] == '@' && rest.p) {
		struct str second = str_cut(&rest, '/');
		first = str_n(name.p, (size_t)(second.p - name.p) + second.n);
	}
	*sub = rest.p ? rest : STR("");
	return first;
}

static node_id in_list(struct graph *g, struct str list, struct str name)
{
	while (list.p) {
		struct str dir = str_cut(&list, ':');
		node_id at = dir.n ? graph_find_path(g, 0, dir) : 0, id = at ? find(g, at, name, "") : 0;
		if (is_type(g, id, TAR_DIR))
			return id;
	}
	return 0;
}

node_id node_package(struct graph *g, node_id from, struct str name)
{
	const char *list = graph_env(g, "NODE_PATH");
	node_id id = 0;
	if (!name.n || name.p[0] == '.' || name.p[0] == '/')
		return 0;
	for (node_id d = from; d && !id; d = rootfs_up(g->r, d)) {
		node_id m = is_type(g, d, TAR_DIR) && !str_is(graph_name(g, d), "node_modules") ? rootfs_child(g->r, d, STR("node_modules")) : 0;
		if (m && is_type(g, m, TAR_SYMLINK))
			m = find(g, d, STR("node_modules"), "");
		id = m ? find(g, m, name, "") : 0;
		id = is_type(g, id, TAR_DIR) ? id : 0;
	}
	if (!id && list)
		id = in_list(g, str_of(list), name);
	for (size_t i = 0; !id && i < countof(globals_at); i++)
		id = in_list(g, str_of(globals_at[i]), name);
	return id;
}

node_id node_resolve(struct graph *g, node_id from, struct str name, bool import)
{
	struct str sub, package, self;
	struct buf target = BUF(0);
	node_id id = 0, scope;
	if (!name.n || str_chr(name, ':')) /* node:fs, data:… */
		return 0;
	if (str_starts(name, STR("./")) || str_starts(name, STR("../")) || str_is(name, ".") || str_is(name, "..") || name.p[0] == '/')
		return node_path(g, from, name);
	if (str_among(name, builtins) || str_among(node_split(name, &sub), "fs dns path stream timers util assert readline inspector"))
		if (str_among(name, builtins) || str_among(sub, "promises posix win32 web consumers types strict"))
			return 0;
	scope = node_scope(g, from);
	if (name.p[0] == '#') {
		if (scope && mapped(g, scope, "imports", name, import, &target) == 1) {
			struct str to = buf_str(&target);
			node_id dir = rootfs_up(g->r, scope);
			id = to.p[0] == '.' ? node_path(g, dir, to) : node_resolve(g, dir, str_head(to, to.p[0] == '#' ? 0 : to.n), import);
		}
		buf_free(&target);
		return id;
	}
	package = node_split(name, &sub);
	struct str rest = graph_note(g, scope);
	if (scope && next_directive(&rest, "name", &self) && str_eq(self, package) && (id = entry(g, rootfs_up(g->r, scope), sub, import)))
		return id;
	node_id dir = node_package(g, from, package);
	return dir ? entry(g, dir, sub, import) : 0;
}
