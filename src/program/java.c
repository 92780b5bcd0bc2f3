#include "program/java.h"
#include "program/conf.h"
#include "program/family.h"

#define HOMES 16u

struct keep {
	node_id home[HOMES];
	u32 n_homes;
	bool runs, images, asked; /* programs are started; pictures are made; the environment was read */
	node_id *noted;           /* classes and archives with a note */
	u32 n, cap, programs;     /* of how many the words were tried as programs' names */
	bool drawn;
};

static struct keep *keep_of(const struct graph *g) { return graph_state(g, &graph_java); }
static void end(struct graph *g) { free(keep_of(g)->noted); }

/* --- the machine --- */
static node_id at(const struct graph *g, node_id dir, const char *path)
{
	for (struct str rest = str_of(path); rest.p && dir;)
		dir = rootfs_child(g->r, dir, str_cut(&rest, '/'));
	return dir;
}

/* What only developers, debuggers and screens ask for. */
static void spare_of(struct graph *g, node_id home)
{
	static const char *const spare[] = { "jmods", "src.zip", "lib/src.zip", "include", "man", "demo", "sample", "docs", "legal", "lib/ct.sym", "lib/tools.jar", "lib/missioncontrol", "lib/visualvm", "lib/server/classes_nocoops.jsa",
		"lib/libawt_xawt.so", "lib/libjawt.so", "lib/libsplashscreen.so", "lib/libjsound.so", "lib/libjdwp.so", "lib/libdt_socket.so", "lib/libsaproc.so", "lib/libinstrument.so", "jre/lib/amd64/libawt_xawt.so",
		"jre/lib/amd64/libsplashscreen.so", "jre/lib/amd64/libjsoundalsa.so", "jre/lib/amd64/libjdwp.so", "jre/lib/amd64/libsaproc.so" };
	for (size_t i = 0; i < countof(spare); i++)
		graph_spare(g, at(g, home, spare[i]));
}

/* A library of the machine by its name, where versions keep it. */
static void own_library(struct graph *g, const char *name, node_id because)
{
	static const char *const places[] = { "lib", "jre/lib/amd64", "lib/amd64" };
	struct keep *k = keep_of(g);
	for (u32 h = 0; h < k->n_homes; h++)
		for (size_t i = 0; i < countof(places); i++)
			graph_reach(g, at(g, at(g, k->home[h], places[i]), name), USE_PLUGIN, because);
}

/* Directories behind links of the home: Debian keeps conf in /etc/java-17-openjdk. */
static void behind_links(struct graph *g, node_id dir, node_id because)
{
	autofree node_id *ids = NULL;
	u32 n = rootfs_is_dir(g->r, dir) ? rootfs_children(g->r, dir, &ids) : 0;
	for (u32 i = 0; i < n; i++) {
		node_id to = rootfs_follow(g->r, ids[i]);
		if (to != ids[i] && g->use[ids[i]] && rootfs_is_dir(g->r, to) && !conf_is_system(g, to))
			graph_reach_below(g, to, USE_DATA, because);
	}
}

static void reach_home(struct graph *g, node_id home, node_id because)
{
	static const char *const whole[] = { "lib", "conf", "jre", "release", NULL };
	struct keep *k = keep_of(g);
	for (u32 i = 0; i < k->n_homes; i++)
		if (k->home[i] == home)
			return;
	if (k->n_homes == HOMES)
		return;
	k->home[k->n_homes++] = home;
	spare_of(g, home);
	graph_reach(g, at(g, home, "bin/java"), USE_INTERPRETER, because);
	for (const char *const *w = whole; *w; w++) {
		node_id id = at(g, home, *w);
		graph_reach(g, id, USE_DATA, because);
		if (id && (rootfs_type(g->r, id) == TAR_DIR || rootfs_type(g->r, id) == TAR_SYMLINK))
			graph_reach_below(g, id, USE_DATA, because);
	}
	static const char *const links[] = { "conf", "conf/security", "lib", "lib/security", "jre/lib", "jre/lib/security", "jre" };
	behind_links(g, home, because);
	for (size_t i = 0; i < countof(links); i++)
		behind_links(g, at(g, home, links[i]), because);
	static const char *const families[] = { "zones", "hosts", "accounts", "locales" };
	for (size_t i = 0; i < countof(families); i++)
		family_ask(g, families[i], because);
	static const struct str files[] = { { "/etc/timezone", 13 }, { "/etc/localtime", 14 }, { "/etc/mime.types", 15 }, { "/etc/os-release", 15 }, { "/etc/ssl/certs/java", 19 }, { "/etc/java", 9 } };
	for (size_t i = 0; i < countof(files); i++)
		if (graph_find_path(g, 0, files[i]))
			conf_path(g, 0, files[i], because);
}

static bool is_home(const struct graph *g, node_id dir)
{
	static const char *const marks[] = { "lib/modules", "lib/jvm.cfg", "lib/rt.jar", "jre/lib/rt.jar", "lib/server/libjvm.so", "jre/lib/amd64/jvm.cfg" };
	for (size_t i = 0; i < countof(marks); i++)
		if (at(g, dir, marks[i]))
			return true;
	return false;
}

static void begin(struct graph *g)
{
	static const char *const homes[] = { "/usr/lib/jvm/*", "/opt/*", "/opt/java/*", "/usr/local/*", "/opt/jdk/*" };
	for (size_t i = 0; i < countof(homes); i++) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, 0, str_of(homes[i]), &v);
		for (u32 k = 0; k < n; k++)
			if (is_home(g, v[k]))
				spare_of(g, v[k]);
	}
}

static void machine(struct graph *g, node_id file)
{
	static const char *const marks[] = { "java", "javaw", "javac", "keytool", "jshell", "jcmd", "jstack", "jmap", "jlink", "jar", "libjvm.so", "libjli.so", NULL };
	if (!str_listed(graph_name(g, file), marks))
		return;
	node_id dir = rootfs_node(g->r, file)->parent;
	for (u32 up = 0; up < 5 && dir && dir != ROOTFS_ROOT; up++, dir = rootfs_node(g->r, dir)->parent)
		if (is_home(g, dir)) {
			node_id above = rootfs_node(g->r, dir)->parent; /* jre/ of a JDK 8 */
			reach_home(g, str_is(graph_name(g, dir), "jre") && is_home(g, above) ? above : dir, file);
			return;
		}
}

static void library(struct graph *g, node_id file, struct str name)
{
	static const char *const places[] = { "/lib/*-linux-*/", "/usr/lib/*-linux-*/", "/lib/", "/usr/lib/", "/usr/local/lib/", "/lib64/", "/usr/lib64/", "/usr/lib/jni/", "/usr/lib/*-linux-*/jni/" };
	for (size_t i = 0; i < countof(places) && name.n < 64; i++) {
		autofree node_id *v = NULL;
		u32 n = conf_match(g, 0, str_of(arena_printf(&g->a, "%s%.*s", places[i], (int)name.n, name.p)), &v);
		for (u32 k = 0; k < n; k++)
			graph_elf(g, v[k], file);
	}
}

/* --- the class path --- */
static void class_path(struct graph *g, struct str list, node_id because)
{
	while (list.p) {
		struct str entry = str_cut(&list, ':');
		autofree node_id *v = NULL;
		bool all = str_ends(entry, STR("/*")) || str_is(entry, "*");
		struct str dir = all ? str_head(entry, entry.n - MIN(entry.n, (size_t)2)) : entry;
		node_id id = graph_reach_path(g, 0, dir.n ? dir : STR("."), USE_MODULE, because);
		if (!entry.n || !rootfs_is_dir(g->r, id))
			continue;
		if (!all && !conf_is_system(g, id))
			graph_reach_below(g, id, USE_MODULE, because);
		u32 n = all ? conf_match(g, id, STR("*.[jJ][aA][rR]"), &v) : 0;
		for (u32 i = 0; i < n; i++)
			graph_reach(g, v[i], USE_MODULE, because);
	}
}

/* "-Dconfig=/etc/x", "-javaagent:a.jar=opt", "-XX:SharedArchiveFile=x.jsa": what stands behind the first of these. */
static void option(struct graph *g, struct str word, node_id because)
{
	size_t i = 1;
	while (i < word.n && word.p[i] != '=' && word.p[i] != ':')
		i++;
	struct str value = str_from(word, i + 1), file = value;
	if (str_starts(word, STR("-XX:")) || (i < word.n && str_chr(value, '=') && str_starts(value, STR("file="))))
		str_cut(&file, '=');
	else
		file = str_cut(&value, '=');
	if (str_starts(word, STR("-javaagent:")))
		own_library(g, "libinstrument.so", because);
	if (str_starts(word, STR("-agentlib:")) || str_starts(word, STR("-Xrunjdwp"))) {
		struct str name = str_cut(&file, '=');
		own_library(g, arena_printf(&g->a, "lib%.*s.so", (int)MIN(name.n, (size_t)60), name.n ? name.p : ""), because);
		own_library(g, "libjdwp.so", because);
		own_library(g, "libdt_socket.so", because);
		return;
	}
	if (str_starts(word, STR("-Djava.net.useSystemProxies")))
		library(g, because, STR("libgio-2.0.so.0"));
	if (str_starts(word, STR("-Xbootclasspath")) || str_starts(word, STR("--class-path=")) || str_starts(word, STR("--module-path=")) || str_starts(word, STR("-Djava.class.path=")) || str_starts(word, STR("-Dloader.path=")))
		class_path(g, str_from(word, i + 1), because);
	else if (str_starts(file, STR("file:")))
		conf_path(g, 0, str_from(file, str_starts(file, STR("file:///")) ? 7 : 5), because);
	else if (file.n && file.p && file.p[0] == '/')
		conf_path(g, 0, file, because);
	else if (file.n && file.p)
		graph_reach_path(g, 0, file, USE_NAMED, because);
}

static bool plain_oops(struct str w) { return str_is(w, "-XX:-UseCompressedOops") || str_is(w, "-XX:+UseZGC") || str_is(w, "-XX:+UseEpsilonGC") || str_is(w, "-Xshare:on"); }

static void options(struct graph *g, const struct str *words, u32 n, node_id program, node_id because)
{
	static const char *const lists[] = { "-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", NULL };
	struct keep *k = keep_of(g);
	bool given = false, named = false;
	for (u32 i = 0; i < n && !named; i++) {
		struct str w = words[i];
		if (plain_oops(w))
			for (u32 h = 0; h < k->n_homes; h++)
				graph_reach(g, at(g, k->home[h], "lib/server/classes_nocoops.jsa"), USE_DATA, program);
		if (str_listed(w, lists) && i + 1 < n) {
			class_path(g, words[++i], because);
			given = true;
		} else if (str_is(w, "-jar") && i + 1 < n) {
			graph_reach_path(g, 0, words[++i], USE_MODULE, because);
			given = named = true;
		} else if (w.n > 1 && w.p[0] == '@') { /* a file of arguments: what it names is taken like a class path */
			node_id file = graph_reach_path(g, 0, str_from(w, 1), USE_NAMED, because);
			struct str note = file ? graph_note(g, file) : STR(""), text;
			char letter;
			while (note.n && source_next(&note, &letter, &text))
				if (letter == 's')
					class_path(g, text, file);
			given |= file != 0;
		} else if (w.n > 1 && w.p[0] == '-') {
			given |= str_starts(w, STR("--class-path=")) || str_starts(w, STR("--module-path="));
			option(g, w, because);
		} else if (w.n) {
			named = true; /* the class that is started, or a source */
			graph_reach_path(g, 0, w, USE_MODULE, because);
		}
	}
	const char *env = graph_env(g, "CLASSPATH");
	if (named && !given)
		class_path(g, env && *env ? str_of(env) : STR("."), because);
}

/* What the environment adds to every command line. */
static void environment(struct graph *g, node_id because)
{
	static const char *const names[] = { "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "JVM_OPTS", "CATALINA_OPTS", "JAVA_ARGS", "JAVA_OPTIONS", "JAVA_OPTS_APPEND" };
	struct keep *k = keep_of(g);
	if (k->asked)
		return;
	k->asked = true;
	for (size_t i = 0; i < countof(names); i++) {
		const char *value = graph_env(g, names[i]);
		struct str words[64];
		u32 n = 0;
		for (struct str rest = str_of(value ? value : ""); rest.p && n < countof(words);) {
			struct str w = str_cut(&rest, ' ');
			if (w.n)
				words[n++] = w;
		}
		options(g, words, n, because, because);
	}
	const char *env = graph_env(g, "CLASSPATH");
	if (env)
		class_path(g, str_of(env), because);
}

static void command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	static const char *const launchers[] = { "java", "javaw", "jsvc", NULL };
	(void)because;
	if (!str_listed(graph_name(g, program), launchers) && !str_listed(str_base(words[0]), launchers))
		return;
	machine(g, program);
	options(g, words + 1, n - 1, program, program);
}

/* --- what classes name --- */
/* What an interface of Java loads by name. */
static void uses(struct graph *g, node_id file, struct str api)
{
	struct keep *k = keep_of(g);
	k->images |= str_is(api, "java.awt");
	if (str_is(api, "javax.print"))
		library(g, file, STR("libcups.so.2"));
	if (str_is(api, "javax.smartcardio"))
		library(g, file, STR("libpcsclite.so.1"));
	if (str_is(api, "javax.sound"))
		own_library(g, "libjsound.so", file);
	if (str_is(api, "java.instrument"))
		own_library(g, "libinstrument.so", file);
	if (str_is(api, "sun.security.pkcs11"))
		library(g, file, STR("libnss3.so"));
	if (str_is(api, "javax.security.sasl"))
		library(g, file, STR("libgssapi_krb5.so.2"));
	if (str_is(api, "javax.tools"))
		for (u32 h = 0; h < k->n_homes; h++)
			graph_reach(g, at(g, k->home[h], "lib/ct.sym"), USE_DATA, file);
}

static void read_note(struct graph *g, node_id file, struct str note)
{
	struct keep *k = keep_of(g);
	struct str text;
	char letter;
	node_id dir = rootfs_node(g->r, file)->parent;
	while (source_next(&note, &letter, &text)) {
		if (letter == 'm') {
			node_id id = graph_reach_path(g, dir, text, USE_MODULE, file);
			if (rootfs_is_dir(g->r, id) && !conf_is_system(g, id))
				graph_reach_below(g, id, USE_MODULE, file);
		} else if (letter == 's' && text.p[0] == '/') {
			if (graph_find_path(g, 0, text))
				conf_path(g, 0, text, file);
		} else if (letter == 's' && str_starts(text, STR("lib")) && str_contains(text, STR(".so"))) {
			library(g, file, text);
		} else if (letter == 'd') {
			uses(g, file, str_from(text, 5));
		} else if (letter == 'x' && str_is(text, "run")) {
			k->runs = true;
		} else if (letter == 'x' && str_is(text, "cut")) {
			graph_doubt(g, true, "java: not all of %.*s could be read: programs and libraries that it names are kept only as far as they were seen", STR_FMT(graph_name(g, file)));
		}
	}
}

static void reached(struct graph *g, node_id file)
{
	struct keep *k = keep_of(g);
	struct str note = graph_note(g, file);
	machine(g, file);
	if (note.n && source_letter(note) == source_java.letter) {
		VEC_PUSH(k->noted, k->n, k->cap, file);
		read_note(g, file, note);
	}
}

static void programs(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), text;
	char letter;
	while (source_next(&note, &letter, &text)) {
		if (letter == 's' && !str_chr(text, '/'))
			graph_reach(g, graph_program(g, text), USE_COMMAND, file);
		else if (letter == 'c')
			conf_command(g, text, file);
	}
}

static bool settle(struct graph *g)
{
	struct keep *k = keep_of(g);
	bool more = false;
	if (k->n_homes && !k->asked) {
		environment(g, k->home[0]);
		more = true;
	}
	const char *home = graph_env(g, "JAVA_HOME");
	if (k->n && !k->n_homes) { /* a script starts it in a way that is not known */
		node_id id = home ? graph_find_path(g, 0, str_of(home)) : 0, java = graph_program(g, STR("java"));
		if (id && is_home(g, id))
			reach_home(g, id, k->noted[0]), more = true;
		else if (java && !graph_reached(g, java))
			graph_reach(g, java, USE_INTERPRETER, k->noted[0]), more = true;
	}
	for (; k->runs && k->programs < k->n; k->programs++) {
		programs(g, k->noted[k->programs]);
		more = true;
	}
	if (k->images && !k->drawn && k->n_homes) {
		k->drawn = more = true;
		own_library(g, "libawt_xawt.so", k->home[0]);
		own_library(g, "libjawt.so", k->home[0]);
		own_library(g, "libsplashscreen.so", k->home[0]);
		library(g, k->home[0], STR("libfontconfig.so.1"));
		library(g, k->home[0], STR("libfreetype.so.6"));
	}
	return more;
}

const struct graph_kind graph_java = { .name = "java", .state = sizeof(struct keep), .begin = begin, .reached = reached, .command = command, .settle = settle, .end = end };
