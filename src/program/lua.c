#include "program/lua.h"
#include "program/conf.h"

static const char *const places[] = { "/usr/share/lua/*/", "/usr/local/share/lua/*/", "/usr/lib/*-linux-*/lua/*/", "/usr/local/lib/lua/*/", "/usr/lib/lua/*/", "/usr/lib64/lua/*/", "/usr/share/luajit-*/", "/usr/local/openresty/lualib/",
	"/usr/local/openresty/site/lualib/", "/usr/share/tarantool/", "/usr/share/haproxy/", "/etc/haproxy/" };

/* One place and name: NAME.lua, NAME/init.lua, NAME.so. */
static bool try(struct graph *g, node_id dir, const char *place, struct str name, node_id because)
{
	static const char *const ends[] = { ".lua", "/init.lua", ".luac", ".so" };
	bool any = false;
	for (size_t i = 0; i < countof(ends); i++) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, dir, str_of(arena_printf(&g->a, "%s%.*s%s", place, (int)name.n, name.p, ends[i])), &v);
		for (u32 k = 0; k < n; k++)
			graph_reach(g, v[k], USE_MODULE, because);
		any |= n > 0;
	}
	return any;
}

/* "/opt/x/?.lua;/opt/x/?/init.lua;;" */
static void by_environment(struct graph *g, const char *variable, struct str name, node_id because)
{
	const char *value = graph_env(g, variable);
	for (struct str rest = str_of(value ? value : ""); rest.p;) {
		struct str pattern = str_cut(&rest, ';');
		struct buf path = BUF(TAR_PATH_MAX);
		for (size_t i = 0; i < pattern.n; i++) {
			if (pattern.p[i] == '?')
				buf_add(&path, name);
			else
				buf_putc(&path, pattern.p[i]);
		}
		if (path.n)
			graph_reach_path(g, 0, buf_str(&path), USE_MODULE, because);
		buf_free(&path);
	}
}

static void module(struct graph *g, node_id file, struct str name)
{
	if (name.n > 128)
		return;
	struct str path = { arena_strdup(&g->a, name), name.n };
	for (char *p = (char *)(uintptr_t)path.p; *p; p++)
		*p = *p == '.' ? '/' : *p;
	by_environment(g, "LUA_PATH", path, file);
	by_environment(g, "LUA_CPATH", path, file);
	node_id dir = rootfs_node(g->r, file)->parent;
	for (u32 up = 0; up < 3 && dir && dir != ROOTFS_ROOT; up++, dir = rootfs_node(g->r, dir)->parent)
		if (try(g, dir, "", path, file))
			break;
	for (size_t i = 0; i < countof(places); i++)
		try(g, 0, places[i], path, file);
}

static void all(struct graph *g, node_id file, const char *what)
{
	for (size_t i = 0; i < countof(places) - 2; i++) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, 0, str_of(places[i]), &v);
		for (u32 k = 0; k < n; k++)
			graph_reach_below(g, v[k], USE_WIDE, file);
	}
	node_id dir = rootfs_node(g->r, file)->parent;
	if (!conf_is_system(g, dir))
		graph_reach_below(g, dir, USE_WIDE, file);
	graph_doubt(g, true, "lua: %.*s %s: all modules stay", STR_FMT(graph_name(g, file)), what);
}

static void reached(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), text;
	char letter, language = note.n ? source_letter(note) : 0;
	node_id dir = rootfs_node(g->r, file)->parent;
	if (language != source_lua.letter && language != source_tcl.letter)
		return;
	while (source_next(&note, &letter, &text)) {
		if (letter == 'm' && language == source_lua.letter)
			module(g, file, text);
		else if (letter == 's' && (str_chr(text, '/') || str_chr(text, '.')) && text.n > 2) {
			if (text.p[0] != '/' || graph_find_path(g, 0, text))
				conf_path(g, dir, text, file);
		} else if (letter == 'c')
			conf_command(g, text, file);
		else if (letter == 'x' && language == source_lua.letter && str_is(text, "import"))
			all(g, file, "loads modules by names that it computes");
		else if (letter == 'x' && str_is(text, "load") && !conf_is_system(g, dir))
			graph_reach_below(g, dir, USE_WIDE, file);
		else if (letter == 'x' && str_is(text, "run"))
			graph_doubt(g, true, "%.*s starts what it computes", STR_FMT(graph_name(g, file)));
	}
}

const struct graph_kind graph_lua = { .name = "lua", .reached = reached };
