#include "program/conf.h"
#include "program/closure.h"
#include "program/family.h"
#include "program/script.h"

struct keep {
	u8 *named; /* by place in conf_programs: its reads are reached */
};

static struct keep *keep_of(const struct graph *g) { return graph_state(g, &graph_conf); }

static void begin(struct graph *g)
{
	u32 n = 0;
	while (conf_programs[n].names)
		n++;
	keep_of(g)->named = arena_array(&g->a, u8, n + 1);
	for (const char *const *p = conf_spares; *p; p++) {
		autofree node_id *v = NULL;
		u32 n_spare = conf_match(g, 0, str_of(*p), &v);
		for (u32 i = 0; i < n_spare; i++)
			graph_spare(g, v[i]);
	}
}

static bool has_pattern(struct str s) { return str_chr(s, '*') || str_chr(s, '?') || str_chr(s, '['); }

/* --- patterns --- */
struct nodes {
	node_id *v;
	u32 n, cap;
};

/* What one component leads to from a directory. */
static void step(const struct graph *g, node_id at, struct str part, struct nodes *to)
{
	at = rootfs_follow(g->r, at);
	if (!rootfs_is_dir(g->r, at) || to->n >= CONF_MATCHES)
		return;
	if (!has_pattern(part)) {
		node_id id = str_is(part, "..") ? rootfs_node(g->r, at)->parent : str_is(part, ".") ? at : rootfs_child(g->r, at, part);
		if (id)
			VEC_PUSH(to->v, to->n, to->cap, id);
		return;
	}
	autofree node_id *ids = NULL;
	u32 n = rootfs_children(g->r, at, &ids);
	for (u32 i = 0; i < n && to->n < CONF_MATCHES; i++)
		if ((graph_name(g, ids[i]).p[0] != '.' || part.p[0] == '.') && str_glob(part, graph_name(g, ids[i])))
			VEC_PUSH(to->v, to->n, to->cap, ids[i]);
}

u32 conf_match(struct graph *g, node_id dir, struct str pattern, node_id **ret)
{
	struct nodes now = { 0 }, next = { 0 };
	u32 parts = 0;
	*ret = NULL;
	if (pattern.n > TAR_PATH_MAX)
		return 0;
	if (pattern.n && pattern.p[0] == '/')
		dir = ROOTFS_ROOT;
	if (dir)
		VEC_PUSH(now.v, now.n, now.cap, dir);
	while (pattern.p && now.n) {
		struct str part = str_cut(&pattern, '/');
		if (!part.n)
			continue;
		next.n = 0;
		for (u32 i = 0; i < now.n && parts < 64; i++)
			step(g, now.v[i], part, &next);
		parts++;
		struct nodes t = now;
		now = next;
		next = t;
	}
	free(next.v);
	*ret = now.v;
	return now.n;
}

/* --- directories --- */
static bool is_triplet(struct str name) { return str_contains(name, STR("-linux-")) || str_is(name, "lib64") || str_is(name, "lib32"); }

/* Of a component below one that is the system's. */
static bool is_system_name(struct str parents, struct str name)
{
	static const struct { char below[12]; const char *names; } rows[] = {
		{ "", "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin sys tmp usr var" },
		{ "usr", "bin games include lib lib32 lib64 libx32 libexec local man sbin share src" },
		{ "var", "backups cache empty lib local lock log mail opt run spool tmp" },
		{ "etc", "alternatives cron.d default init.d opt pam.d profile.d rc.d skel ssl sysconfig systemd xdg" },
		{ "usr/local", "bin etc games include lib lib64 libexec man sbin share src" },
		{ "usr/share", "applications bash-completion doc fonts icons info licenses locale man mime perl perl5 python3 zoneinfo" },
		{ "usr/lib", "locale perl perl5 python2.7 python3 ruby ssl systemd sysusers.d tmpfiles.d" },
		{ "var/lib", "apk apt dpkg pacman rpm systemd" },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (str_is(parents, rows[i].below))
			return str_among(name, rows[i].names) || (str_ends(parents, STR("lib")) && is_triplet(name));
	return str_is(parents, "lib") || str_is(parents, "lib64") ? is_triplet(name) : false;
}

bool conf_is_system(const struct graph *g, node_id dir)
{
	struct buf path = BUF(0);
	struct str p = rootfs_path(g->r, dir, &path);
	p = str_from(p, 1);
	struct str name = str_base(p), up = str_head(p, p.n - MIN(p.n, name.n + 1));
	bool system = !p.n || str_starts(p, STR("proc/")) || str_starts(p, STR("sys/")) || str_starts(p, STR("dev/")) || is_system_name(up, name);
	buf_free(&path);
	return system;
}

/* Directories that are families of their own: they have parts that nobody asks for. */
static bool ask_family(struct graph *g, node_id dir, node_id because)
{
	static const struct { const char *path, *family; } rows[] = { { "/usr/share/zoneinfo", "zones" }, { "/etc/ssl/certs", "certificates" }, { "/usr/share/ca-certificates", "certificates" }, { "/usr/share/locale", "messages" },
		{ "/usr/lib/locale", "locales" }, { "/usr/share/i18n", "encodings" }, { "/usr/share/terminfo", "terminals" }, { "/lib/terminfo", "terminals" }, { "/usr/share/fonts", "fonts" } };
	struct buf path = BUF(0);
	struct str p = rootfs_path(g->r, dir, &path);
	size_t i = 0;
	while (i < countof(rows) && !str_is(p, rows[i].path))
		i++;
	if (i < countof(rows))
		family_ask(g, rows[i].family, because);
	buf_free(&path);
	return i < countof(rows);
}

/* --- paths in texts --- */
static void found(struct graph *g, node_id id, enum graph_use use, node_id because)
{
	node_id to = rootfs_follow(g->r, id);
	graph_reach(g, id, use, because);
	if (rootfs_is_dir(g->r, to) && !conf_is_system(g, to) && !ask_family(g, to, because))
		graph_reach_below(g, to, use, because);
}

/* Where a file will be made: the nearest directory that is there. */
static void place_of(struct graph *g, struct str path, node_id because)
{
	for (u32 up = 0; up < 2; up++) {
		struct str base = str_base(path);
		path = str_head(path, path.n - MIN(path.n, base.n + 1));
		node_id dir = path.n > 1 ? graph_find_path(g, 0, path) : 0;
		if (rootfs_is_dir(g->r, dir)) {
			graph_reach(g, dir, USE_NAMED, because);
			return;
		}
	}
}

bool conf_path(struct graph *g, node_id dir, struct str path, node_id because)
{
	size_t plain = 0;
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	while (plain < path.n && path.p[plain] != '$' && path.p[plain] != '%' && path.p[plain] != '{')
		plain++;
	if (plain < path.n) { /* what is computed: the directory above */
		struct str head = str_head(path, plain);
		head.n -= str_base(head).n;
		path = head.n > 1 ? str_head(head, head.n - 1) : STR("");
	}
	if (!path.n || path.n > TAR_PATH_MAX || (path.p[0] != '/' && !dir))
		return false;
	if (has_pattern(path)) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, dir, path, &v);
		for (u32 i = 0; i < n; i++)
			found(g, v[i], USE_NAMED, because);
		place_of(g, path, because);
		return n > 0;
	}
	autofree node_id *v = NULL;
	node_id id = conf_match(g, dir, path, &v) ? v[0] : 0; /* a link to nowhere in the image (/dev/stdout) is one, too */
	if (id && id != ROOTFS_ROOT) {
		graph_reach_path(g, dir, path, USE_NAMED, because);
		found(g, id, USE_NAMED, because);
	} else if (!id && path.p[0] == '/') {
		place_of(g, path, because);
	}
	return id != 0;
}

void conf_command(struct graph *g, struct str line, node_id because)
{
	struct str rest = line, first = str_chr(line, SCRIPT_US) ? str_cut(&rest, SCRIPT_US) : str_cut(&rest, ' ');
	node_id dir = str_chr(first, '/') ? graph_find_path(g, 0, first) : graph_program(g, first);
	static const char *const shell[] = { "cd", "exec", "test", "[", "if", "for", "while", "set", ".", "source", "env", "export", NULL };
	if (!first.n || (!dir && !str_listed(first, shell) && !str_chr(first, '=') && !str_chr(first, '$')))
		return;
	graph_line(g, line, because);
}

static void relative(struct graph *g, node_id file, struct str word, bool directive)
{
	node_id dir = rootfs_node(g->r, file)->parent;
	for (u32 up = 0; up < 2 && dir && dir != ROOTFS_ROOT; up++, dir = rootfs_node(g->r, dir)->parent) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, dir, word, &v);
		for (u32 i = 0; i < n; i++) {
			node_id to = rootfs_follow(g->r, v[i]);
			if (to && (rootfs_type(g->r, to) == TAR_FILE || directive))
				found(g, v[i], USE_NAMED, file);
		}
		if (n)
			return;
	}
}

static void directive(struct graph *g, node_id file, struct str line)
{
	static const char *const zones[] = { "timezone", "log_timezone", "time_zone", "default-time-zone", "date.timezone", "tz", NULL };
	struct str value = line, name = str_cut(&value, '\t');
	if (!value.p)
		return;
	if (str_is(name, "user") || str_is(name, "group"))
		family_ask(g, "accounts", file);
	if (str_listed(name, zones))
		family_ask(g, "zones", file);
	while (value.p && value.n) {
		size_t n = 0;
		while (n < value.n && !strchr(" \t,;\"'", value.p[n]))
			n++;
		struct str word = str_head(value, n);
		value = n < value.n ? str_from(value, n + 1) : STR("");
		if (word.n && word.p[0] != '/' && word.p[0] != '$')
			relative(g, file, word, true);
	}
}

static void read_text(struct graph *g, node_id file, struct str note)
{
	struct str text;
	char letter;
	while (source_next(&note, &letter, &text)) {
		if (letter == 's' && text.p[0] == '/')
			conf_path(g, 0, text, file);
		else if (letter == 's')
			relative(g, file, text, false);
		else if (letter == 'd')
			directive(g, file, text);
		else if (letter == 'c')
			conf_command(g, text, file);
		else if (letter == 'x')
			graph_doubt(g, true, "%.*s is too long to be read to its end: what lies beside it stays", STR_FMT(graph_name(g, file)));
	}
}

/* --- programs by name --- */
static void read_pattern(struct graph *g, node_id program, node_id dir, struct str pattern)
{
	bool spare = pattern.p[0] == '-', below = str_ends(pattern, STR("/"));
	if (pattern.p[0] == '~') {
		family_ask(g, arena_strdup(&g->a, str_from(pattern, 1)), program);
		return;
	}
	if (pattern.p[0] == '!') {
		graph_reach(g, graph_program(g, str_from(pattern, 1)), USE_COMMAND, program);
		return;
	}
	struct buf path = BUF(TAR_PATH_MAX);
	for (struct str s = str_from(pattern, spare); s.n; s = str_from(s, 1)) {
		if (s.p[0] == '@')
			buf_add(&path, graph_name(g, rootfs_node(g->r, dir)->parent));
		else
			buf_putc(&path, s.p[0]);
	}
	autofree node_id *v = NULL;
	u32 n = conf_match(g, dir, buf_str(&path), &v);
	for (u32 i = 0; i < n; i++) {
		node_id to = rootfs_follow(g->r, v[i]);
		if (spare)
			graph_spare(g, v[i]);
		else if (g->spare[v[i]] && has_pattern(pattern)) /* matched, not named */
			continue;
		else if (below && rootfs_is_dir(g->r, to))
			graph_reach(g, v[i], USE_DATA, program), graph_reach_below(g, to, USE_DATA, program);
		else
			graph_reach(g, v[i], USE_DATA, program);
	}
	buf_free(&path);
}

static bool names_match(struct str names, struct str name)
{
	while (names.p)
		if (str_glob(str_cut(&names, ' '), name))
			return true;
	return false;
}

/* Where what a program of this name reads usually lies. Interpreters and package managers have their names on what others own. */
static void by_custom(struct graph *g, node_id program, struct str name)
{
	static const char *const not[] = { "perl", "perl5", "python", "python2", "python3", "ruby", "node", "nodejs", "php", "java", "lua", "apt", "apt-get", "dpkg", "rpm", "yum", "dnf", "apk", "pacman", "man", "info", "doc", "locale",
		"pip", "pip3", "gem", "npm", "yarn", "bash", "sh", "dash", "busybox", "systemd", "init", "pkgconfig", "bin", "lib", "share", "debconf", "X11", "aclocal", "ssl", "python-wheels", "reportbug", "bug", "zsh", "go", NULL };
	static const char *const places[] = { "/etc/#/", "/etc/#.conf", "/etc/#.cfg", "/etc/#.yml", "/etc/#.yaml", "/etc/#.toml", "/etc/#.json", "/etc/#.ini", "/etc/#rc", "/etc/#.d/", "/etc/default/#", "/etc/pam.d/#", "/usr/share/#/",
		"/usr/lib/#/", "/usr/lib/*-linux-*/#/", "/usr/lib64/#/", "/usr/libexec/#/", "/usr/local/etc/#/", "/usr/local/etc/#.conf", "/usr/local/share/#/", "/usr/local/lib/#/", "/usr/local/libexec/#/", "/var/lib/#/",
		"/var/cache/#/", "/var/spool/#/", "/var/log/#", "/var/run/#", "/run/#", "/var/www/#/", NULL };
	if (name.n < 2 || name.n > 64 || has_pattern(name) || str_listed(name, not) || closure_language(name))
		return;
	for (const char *const *p = places; *p; p++) {
		const char *at = strchr(*p, '#');
		struct str pattern = str_of(arena_printf(&g->a, "%.*s%.*s%s", (int)(at - *p), *p, (int)name.n, name.p, at + 1));
		read_pattern(g, program, rootfs_node(g->r, program)->parent, pattern);
	}
}

static bool by_name(struct graph *g, node_id program, struct str name)
{
	const struct keep *k = keep_of(g);
	bool any = false;
	for (u32 i = 0; conf_programs[i].names; i++) {
		if (!names_match(str_of(conf_programs[i].names), name))
			continue;
		any = true;
		if (k->named[i])
			continue;
		k->named[i] = conf_programs[i].reads[0] == '/'; /* relative ones are each program's own */
		for (struct str rest = str_of(conf_programs[i].reads); rest.p;) {
			struct str pattern = str_cut(&rest, ' ');
			if (pattern.n)
				read_pattern(g, program, rootfs_node(g->r, program)->parent, pattern);
		}
	}
	return any;
}

static bool in_bin(const struct graph *g, node_id file) { return str_among(graph_name(g, rootfs_node(g->r, file)->parent), "bin sbin libexec"); }

static void reached(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), name = graph_name(g, file);
	const struct fact_entry *e = rootfs_entry(g->r, file);
	bool runs = (e && e->mode & 0111) || str_contains(name, STR(".so")); /* /etc/pam.d/cron is not cron */
	if (runs && !by_name(g, file, name) && in_bin(g, file))
		by_custom(g, file, name);
	if (note.n && source_letter(note) == source_conf.letter)
		read_text(g, file, note);
}

/* An applet goes by the name that it is called by; a daemon that is told its directory reads all of it. */
static void command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	static const char *const directories[] = { "runsvdir", "runsv", "s6-svscan", "s6-supervise", "svscan", "run-parts", "perpd", NULL };
	struct str name = str_base(words[0]);
	(void)because;
	if (!str_eq(name, graph_name(g, program)) && !by_name(g, program, name))
		by_custom(g, program, name);
	for (u32 i = 1; i < n && str_listed(name, directories); i++) {
		node_id dir = words[i].n && words[i].p[0] != '-' ? graph_find_path(g, 0, words[i]) : 0;
		if (dir && !conf_is_system(g, dir))
			graph_reach_below(g, dir, USE_COMMAND, program);
	}
	for (u32 i = 1; i < n; i++) { /* nginx -g "daemon off;", redis-server --dir /data, haproxy -f DIR */
		node_id dir = words[i].n && words[i].p[0] == '/' ? graph_find_path(g, 0, words[i]) : 0;
		if (rootfs_is_dir(g->r, dir) && !conf_is_system(g, dir))
			graph_reach_below(g, dir, USE_NAMED, program);
	}
}

const struct graph_kind graph_conf = { .name = "configuration", .state = sizeof(struct keep), .begin = begin, .reached = reached, .command = command };
