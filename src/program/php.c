#include "program/php.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/family.h"

enum { P_QUEUED = 1, P_WHOLE = 2 };
struct class { struct str name; node_id file; };
struct state {
	u8 *flags;
	node_id *queue;
	u32 n, cap, head;
	struct class *classes; /* every one that some source of the image declares; made when the first is asked for */
	u32 n_classes, cap_classes;
	struct hashtab by_name;
	bool runs, indexed;
};

static struct state *state_of(const struct graph *g) { return graph_state(g, &graph_php); }

/* --- directories that stay whole --- */
static void keep_below(struct graph *g, node_id dir, enum graph_use use, node_id because)
{
	struct state *s = state_of(g);
	if (!rootfs_is_dir(g->r, dir) || s->flags[dir] & P_WHOLE)
		return;
	s->flags[dir] |= P_WHOLE;
	bool down;
	for (node_id at = rootfs_next_child(g->r, dir, 0); at; at = rootfs_next_below(g->r, dir, at, down)) {
		struct str name = graph_name(g, at);
		down = rootfs_is_dir(g->r, at) && !str_among(name, "test tests Test Tests doc docs examples .git .github node_modules");
		if (!rootfs_is_dir(g->r, at) && !str_ends(name, STR(".md")) && !str_ends(name, STR(".rst")) && !str_starts(name, STR("phpunit")) && name.p[0] != '.')
			graph_reach(g, at, use, because);
	}
}

/* The directory of Composer's packages (vendor) that a file lies in, and of its own files there. */
static node_id composer_of(const struct graph *g, node_id file)
{
	for (node_id d = rootfs_up(g->r, file); d; d = rootfs_up(g->r, d)) {
		node_id own = rootfs_is_dir(g->r, d) ? rootfs_child(g->r, d, STR("composer")) : 0;
		if (rootfs_is_dir(g->r, own) && rootfs_child(g->r, own, STR("installed.json")))
			return own;
	}
	return 0;
}

/* Packages of installed.json: those that run, or the one in which `file` lies. */
static void composer(struct graph *g, node_id own, node_id file, node_id because)
{
	struct str rest = graph_note(g, rootfs_child(g->r, own, STR("installed.json"))), text;
	char letter;
	while (source_next(&rest, &letter, &text)) {
		struct str what = str_cut(&text, '\t');
		if (letter != 'd' || !text.p || !str_is(what, "package"))
			continue;
		str_cut(&text, '\t');
		struct str path = text.p ? str_cut(&text, '\t') : STR("");
		node_id dir = path.n ? graph_find_path(g, own, path) : 0;
		bool in = false, mine = false;
		for (node_id d = own; d; d = rootfs_up(g->r, d))
			in |= d == dir; /* the application itself */
		for (node_id d = file; d; d = rootfs_up(g->r, d))
			mine |= d == dir;
		if (dir && !in && (mine || !str_is(text, "dev")))
			keep_below(g, dir, USE_MODULE, because);
	}
	for (node_id at = 0; (at = rootfs_next_child(g->r, own, at));)
		if (rootfs_is_file(g->r, at))
			graph_reach(g, at, USE_MODULE, because);
	graph_reach_path(g, own, STR("../autoload.php"), USE_MODULE, because);
}

/* /usr/share/php/NAME, /usr/share/pear/NAME, /usr/local/lib/php/NAME: NAME; 0: elsewhere. */
static node_id shared_top(const struct graph *g, node_id file)
{
	for (node_id d = rootfs_up(g->r, file), below = 0; d; below = d, d = rootfs_up(g->r, d))
		if (below && (str_is(graph_name(g, d), "php") || str_is(graph_name(g, d), "pear")) && rootfs_up(g->r, d) && str_among(graph_name(g, rootfs_up(g->r, d)), "share lib"))
			return below;
	return 0;
}

static void application(struct graph *g, node_id file)
{
	node_id work = graph_find_path(g, 0, STR(".")), top = rootfs_up(g->r, file);
	bool found = false;
	for (node_id d = rootfs_up(g->r, file); d && !found; d = rootfs_up(g->r, d))
		if ((found = d == work || (rootfs_is_dir(g->r, d) && (rootfs_child(g->r, d, STR("composer.json")) || rootfs_child(g->r, d, STR("vendor"))))))
			top = d;
	if (graph_is_own(g, top) && !(state_of(g)->flags[top] & P_WHOLE)) {
		state_of(g)->flags[top] |= P_WHOLE;
		graph_application(g, top, file);
	}
}

/* --- classes --- */
static void index_classes(struct graph *g, struct state *s)
{
	s->indexed = true;
	hashtab_open(&s->by_name, 1024);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		struct str rest = rootfs_type(g->r, id) == TAR_FILE ? graph_note(g, id) : (struct str){ NULL, 0 }, text;
		char letter;
		if (source_letter(rest) != 'H')
			continue;
		while (source_next(&rest, &letter, &text))
			if (letter == 'd' && str_starts(text, STR("class\t"))) {
				struct class c = { str_from(text, 6), id };
				VEC_PUSH(s->classes, s->n_classes, s->cap_classes, c);
				hashtab_add(&s->by_name, (u32)hash64(c.name, hash_seed), s->n_classes);
			}
	}
}

static bool in_tests(const struct graph *g, node_id file)
{
	for (node_id d = rootfs_up(g->r, file); d; d = rootfs_up(g->r, d))
		if (str_among(graph_name(g, d), "test tests Test Tests spec"))
			return true;
	return false;
}

static void class_named(struct graph *g, node_id file, struct str name)
{
	struct state *s = state_of(g);
	u32 n = 0;
	if (!s->indexed)
		index_classes(g, s);
	u32 hash = (u32)hash64(name, hash_seed);
	for (u32 at = hash, id; (id = hashtab_next(&s->by_name, hash, &at)) && n < 64;)
		if (str_eq(s->classes[id - 1].name, name)) {
			node_id to = s->classes[id - 1].file, own = composer_of(g, to);
			/* A distribution's libraries only where no application brings its own. */
			if (to != file && !(own && in_tests(g, file)) && !(own && composer_of(g, file) && own != composer_of(g, file)))
				graph_reach(g, to, USE_MODULE, file);
			n++;
		}
}

/* --- paths --- */
static node_id included(struct graph *g, node_id dir, struct str path)
{
	static const char *const at[] = { "/usr/share/php", "/usr/share/pear", "/usr/local/lib/php", "/usr/share/php8", "/usr/share/php7" };
	node_id id = 0;
	if (path.n && path.p[0] == '/')
		return graph_find_path(g, 0, path);
	id = graph_find_path(g, dir, path);
	if (!id)
		id = graph_find_path(g, 0, path);
	for (size_t i = 0; !id && i < countof(at); i++) {
		node_id d = graph_find_path(g, 0, str_of(at[i]));
		id = d ? graph_find_path(g, d, path) : 0;
	}
	return id;
}

static void place(struct graph *g, node_id file, struct str path, bool begun)
{
	node_id dir = rootfs_up(g->r, file), id = begun ? 0 : graph_find_path(g, dir, path);
	if (begun) {
		struct str base = str_base(path);
		node_id in = path.n > base.n ? graph_find_path(g, dir, str_head(path, path.n - base.n)) : dir;
		if (str_is(base, "..") || !rootfs_is_dir(g->r, in) || (!base.n && !graph_is_own(g, in)))
			return; /* the application, or its package: whole as it is */
		for (node_id at = 0; (at = rootfs_next_child(g->r, in, at));)
			if (str_starts(graph_name(g, at), base) && !(rootfs_is_dir(g->r, at) && str_among(graph_name(g, at), "vendor node_modules"))) {
				if (rootfs_is_dir(g->r, at))
					keep_below(g, at, USE_MODULE, file);
				else
					graph_reach(g, at, USE_MODULE, file);
			}
	} else if (rootfs_is_dir(g->r, id)) {
		if (graph_is_own(g, id) && !str_is(graph_name(g, id), "vendor"))
			keep_below(g, id, USE_DATA, file);
	} else {
		graph_reach(g, id, USE_MODULE, file);
	}
}

static void follow(struct graph *g, node_id file)
{
	struct str rest = graph_note(g, file), text;
	char letter;
	node_id own = composer_of(g, file), top = shared_top(g, file);
	bool shell = false, tests = in_tests(g, file);
	if (own)
		composer(g, own, file, file);
	else if (top)
		keep_below(g, top, USE_MODULE, file);
	else if (g->use[file] != USE_APPLICATION && g->use[file] != USE_WIDE)
		application(g, file);
	if (tests)
		return;
	while (source_next(&rest, &letter, &text)) {
		struct str name = text, kind;
		if (letter == 'm') {
			name = str_cut(&text, '\t');
			kind = text.p ? text : STR("r");
			if (str_is(kind, "c"))
				class_named(g, file, name);
			else if (str_is(kind, "r"))
				graph_reach(g, included(g, rootfs_up(g->r, file), name), USE_MODULE, file);
			else
				place(g, file, name, str_is(kind, "p"));
		} else if (letter == 's' && name.p[0] == '/' && name.n > 1) {
			node_id id = graph_find_path(g, 0, name);
			if (id && (!rootfs_is_dir(g->r, id) || graph_is_own(g, id)))
				graph_reach_path(g, 0, name, USE_NAMED, file);
		} else if (letter == 'c') {
			graph_shell(g, name, file);
		} else if (letter == 'x' && str_is(name, "shell")) {
			graph_shell(g, STR(":"), file);
			shell = true;
		} else if (letter == 'x' && str_is(name, "mail")) {
			struct str words[] = { STR("/usr/sbin/sendmail") };
			if (graph_find_path(g, 0, words[0]))
				graph_command(g, words, 1, file);
		}
	}
	for (rest = graph_note(g, file); shell && source_next(&rest, &letter, &text);)
		if (letter == 's' && graph_program(g, text))
			graph_command(g, &text, 1, file);
}

/* Debian's own helpers lie where extensions do: they serve those who install and clean up. */
static void begin(struct graph *g)
{
	static const char *const helpers[] = { "php-helper", "php-maintscript-helper", "sessionclean", "php-fpm-socket-helper" };
	node_id dir = graph_find_path(g, 0, STR("/usr/lib/php"));
	state_of(g)->flags = arena_array(&g->a, u8, (size_t)g->n + 1);
	for (size_t i = 0; rootfs_is_dir(g->r, dir) && i < countof(helpers); i++)
		graph_spare(g, rootfs_child(g->r, dir, str_of(helpers[i])));
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));)
		if (rootfs_is_dir(g->r, at) && graph_name(g, at).n < 4) /* 8.2: php.ini as it was delivered */
			graph_spare(g, at);
}

/* --- the interpreter --- */
static void extension(struct graph *g, struct str name, node_id because)
{
	static const char *const at[] = { "/usr/lib/php/2*/%s", "/usr/local/lib/php/extensions/*/%s", "/usr/lib/php*/modules/%s", "/usr/lib64/php*/modules/%s", "/opt/bitnami/php/lib/php/extensions/*/%s", "/usr/lib/extensions/*/%s" };
	if (name.n && name.p[0] == '/') {
		graph_elf(g, graph_find_path(g, 0, name), because);
		return;
	}
	for (size_t i = 0; i < countof(at); i++) {
		struct buf b = BUF(1 * KiB);
		buf_puts(&b, at[i]);
		b.n -= 2;
		buf_add(&b, name);
		if (!str_ends(name, STR(".so")))
			buf_puts(&b, ".so");
		family_answer(g, buf_str(&b), NULL, because);
		buf_free(&b);
	}
}

static void settings(struct graph *g, node_id file)
{
	struct str rest = graph_note(g, file), text;
	char letter;
	while (source_next(&rest, &letter, &text)) {
		struct str key = str_cut(&text, '\t'), value = text;
		if (letter != 'd' || !value.p)
			continue;
		if (str_is(key, "extension") || str_is(key, "zend_extension")) {
			extension(g, value, file);
		} else if (str_is(key, "include")) {
			family_answer(g, value, NULL, file);
		} else if (str_is(key, "sendmail_path")) {
			graph_shell(g, value, file);
		} else {
			for (struct str list = value; list.p;) {
				struct str path = str_cut(&list, str_is(key, "include_path") || str_is(key, "open_basedir") ? ':' : ';');
				node_id id = path.n > 1 && path.p[0] == '/' ? graph_find_path(g, 0, path) : 0;
				const char *slash = path.n > 1 && path.p[0] == '/' && !id ? memrchr(path.p, '/', path.n) : NULL;
				if (id)
					graph_reach_path(g, 0, path, USE_NAMED, file);
				else if (slash && slash > path.p)
					graph_reach_path(g, 0, str_n(path.p, (size_t)(slash - path.p)), USE_NAMED, file);
				if (str_is(key, "auto_prepend_file") || str_is(key, "auto_append_file"))
					graph_reach(g, included(g, 0, path), USE_NAMED, file);
			}
		}
	}
}

/* All that an interpreter of this kind reads before its first source. */
static void interpreter(struct graph *g, node_id file, const char *kind)
{
	static const char *const at[] = { "/etc/php/*/%s/php.ini", "/etc/php/*/%s/conf.d/*.ini", "/etc/php/*/%s/php-fpm.conf", "/etc/php.ini", "/etc/php-%s.ini", "/etc/php.d/*.ini", "/etc/php[0-9]*/php.ini", "/etc/php[0-9]*/php-%s.ini",
		"/etc/php[0-9]*/conf.d/*.ini", "/usr/local/etc/php/php.ini", "/usr/local/etc/php/php-%s.ini", "/usr/local/etc/php/conf.d/*.ini", "/usr/local/lib/php.ini", "/opt/bitnami/php/etc/php.ini", "/opt/bitnami/php/etc/conf.d/*.ini" };
	static const char *const fpm[] = { "/etc/php/*/fpm/php-fpm.conf", "/etc/php/*/fpm/pool.d/*.conf", "/usr/local/etc/php-fpm.conf", "/usr/local/etc/php-fpm.d/*.conf", "/etc/php-fpm.conf", "/etc/php-fpm.d/*.conf", "/etc/php[0-9]*/php-fpm.conf",
		"/etc/php[0-9]*/php-fpm.d/*.conf", "/opt/bitnami/php/etc/php-fpm.conf", "/opt/bitnami/php/etc/php-fpm.d/*.conf" };
	const char *scan = graph_env(g, "PHP_INI_SCAN_DIR"), *rc = graph_env(g, "PHPRC");
	struct buf b = BUF(4 * KiB);
	for (size_t i = 0; i < countof(at); i++) {
		const char *s = strstr(at[i], "%s");
		buf_clear(&b);
		buf_add(&b, s ? str_n(at[i], (size_t)(s - at[i])) : str_of(at[i]));
		if (s) {
			buf_puts(&b, kind);
			buf_puts(&b, s + 2);
		}
		family_answer(g, buf_str(&b), NULL, file);
	}
	for (size_t i = 0; i < countof(fpm) && strcmp(kind, "fpm") == 0; i++)
		family_answer(g, str_of(fpm[i]), NULL, file);
	for (struct str list = str_of(scan ? scan : ""); list.p;) {
		struct str dir = str_cut(&list, ':');
		buf_clear(&b);
		buf_add(&b, dir);
		buf_puts(&b, "/*.ini");
		if (dir.n)
			family_answer(g, buf_str(&b), NULL, file);
	}
	if (rc)
		family_answer(g, str_of(rc), NULL, file);
	if (strcmp(kind, "cli") != 0) { /* documents are asked for by name */
		node_id work = graph_find_path(g, 0, STR("."));
		graph_application(g, work, file);
		graph_application(g, graph_find_path(g, 0, STR("/var/www")), file);
	}
	buf_free(&b);
}

static void reached(struct graph *g, node_id file)
{
	struct state *s = state_of(g);
	struct str name = graph_name(g, file);
	struct elf_facts f;
	char letter = source_letter(graph_note(g, file));
	if ((str_starts(name, STR("php")) || str_starts(name, STR("libphp"))) && graph_elf_facts(g, file, &f)) {
		const char *kind = str_starts(name, STR("libphp")) ? "apache2" : str_contains(name, STR("fpm")) ? "fpm" : str_contains(name, STR("cgi")) ? "cgi" : "cli";
		s->runs = true;
		interpreter(g, file, kind);
	}
	if ((letter == 'H' && g->use[file] != USE_DATA && g->use[file] != USE_PACKAGE) || letter == 'I')
		if (!(s->flags[file] & P_QUEUED)) {
			s->flags[file] |= P_QUEUED;
			VEC_PUSH(s->queue, s->n, s->cap, file);
		}
}

static bool settle(struct graph *g)
{
	struct state *s = state_of(g);
	bool any = false;
	while (s->runs && s->head < s->n) {
		node_id file = s->queue[s->head++];
		if (source_letter(graph_note(g, file)) == 'I')
			settings(g, file);
		else
			follow(g, file);
		any = true;
	}
	return any;
}

static void end(struct graph *g)
{
	struct state *s = state_of(g);
	if (s->indexed)
		hashtab_free(&s->by_name);
	free(s->classes);
	free(s->queue);
}

const struct graph_kind graph_php = { .name = "php", .state = sizeof(struct state), .begin = begin, .reached = reached, .settle = settle, .end = end };
