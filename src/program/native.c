#include "program/native.h"
#include "program/closure.h"
#include "program/family.h"
#include "program/refer.h"
#include "program/script.h"


/* --- paths that are named --- */

/* What Ruby's library names that only its just-in-time compiler of 2.6 to 3.2 starts, which must be asked for (ruby.c): the C compiler that it was built with, and a header. */
static bool is_rubys_compiler(const struct graph *g, node_id by, node_id id)
{
	return (str_starts(graph_name(g, by), STR("libruby")) || str_starts(graph_name(g, by), STR("ruby"))) && (str_contains(graph_name(g, id), STR("gcc")) || str_contains(graph_name(g, id), STR("clang")) || str_is(graph_name(g, id), "cc") || str_contains(graph_name(g, id), STR("mjit")));
}

/* Programs tell what they were built with (pg_config's answers), and run none of it. */
static bool builds(const struct graph *g, node_id id)
{
	static const char *const tools[] = { "prove", "msgfmt", "msgmerge", "xgettext", "xsltproc", "bison", "flex", "m4", "autoconf", "automake", "libtool", "pkg-config", "ranlib", "dtrace", "fop", "dbtoepub", NULL };
	return str_listed(graph_name(g, id), tools) && str_is(graph_name(g, rootfs_node(g->r, id)->parent), "bin");
}

/* What a path leads to that somebody names: a file; a directory that is his own, with all below it; any other by itself. */
node_id native_named(struct graph *g, node_id dir, struct str path, node_id by)
{
	node_id id = graph_find_path(g, dir, path);
	if (!id || id == ROOTFS_ROOT || builds(g, id) || is_rubys_compiler(g, by, id) || ((graph_is_documentation(g, id) || g->spare[id]) && rootfs_is_dir(g->r, id)))
		return 0;
	graph_reach_path(g, dir, path, USE_NAMED, by);
	if (rootfs_is_dir(g->r, id) && graph_is_own(g, id))
		graph_reach_below(g, id, USE_DATA, by);
	return id;
}

#define PATTERN_DEEP 16u
/* The files that a pattern names: '*' stands for what is computed. In directories that are somebody's own, or with enough of the name to tell. Depth: PATTERN_DEEP. */
static void match(struct graph *g, node_id dir, struct str pattern, node_id by, u32 depth)
{
	while (pattern.n && pattern.p[0] == '/')
		pattern = str_from(pattern, 1);
	if (!pattern.n || depth > PATTERN_DEEP || !rootfs_is_dir(g->r, dir))
		return;
	struct str rest = pattern, word = str_cut(&rest, '/');
	if (!rest.p)
		rest = STR("");
	if (str_is(word, ".") || str_is(word, "..")) {
		match(g, word.n == 1 ? dir : dir == ROOTFS_ROOT ? dir : rootfs_node(g->r, dir)->parent, rest, by, depth + 1);
		return;
	}
	if (!str_chr(word, '*')) {
		node_id id = rootfs_child(g->r, dir, word), to = rootfs_follow(g->r, id);
		if (rest.n)
			match(g, to, rest, by, depth + 1);
		else if (id)
			native_named(g, dir, word, by);
		return;
	}
	size_t told = word.n;
	for (size_t i = 0; i < word.n; i++)
		told -= word.p[i] == '*';
	if (!graph_is_own(g, dir) && told < 4)
		return;
	for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));) {
		if (!str_glob(word, graph_name(g, at)))
			continue;
		if (rest.n)
			match(g, at, rest, by, depth + 1);
		else if (!rootfs_is_dir(g->r, at) || graph_is_own(g, at))
			native_named(g, dir, graph_name(g, at), by);
	}
}

/* "libcodec_%s.so.1" for the loader: every library of that form where it looks, and beside who says it; not "lib%s.so", which may be any. */
static void libraries(struct graph *g, struct str text, node_id by)
{
	static const char *const places[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/lib/*-linux-*", "/usr/lib/*-linux-*", "/usr/local/lib/*-linux-*" };
	struct buf name = BUF(0), pattern = BUF(0);
	size_t told = 0;
	for (size_t i = 0; i < text.n; i++) {
		bool computed = text.p[i] == '%';
		while (computed && i + 1 < text.n && !((text.p[++i] | 32) >= 'a' && (text.p[i] | 32) <= 'z' && !strchr("lhzjt", text.p[i])))
			; /* up to the letter that ends the conversion */
		buf_putc(&name, computed ? '*' : text.p[i]);
		told += !computed;
	}
	const size_t common_letters = sizeof "lib.so" - 1;
	if (told >= common_letters + 3 && !str_chr(text, '/')) {
		for (size_t i = 0; i < countof(places); i++) {
			buf_clear(&pattern);
			buf_printf(&pattern, "%s/", places[i]);
			buf_add(&pattern, buf_str(&name));
			match(g, ROOTFS_ROOT, buf_str(&pattern), by, 0);
		}
		match(g, rootfs_node(g->r, by)->parent, buf_str(&name), by, 0);
	}
	buf_free(&name);
	buf_free(&pattern);
}

/* --- ELF --- */

/* "/usr/share/zoneinfo/Local…": the longest beginning that is there. */
static void in_row(struct graph *g, struct str text, node_id by)
{
	if (str_starts(text, STR("/usr/share/zoneinfo"))) {
		family_ask(g, "zones", by);
		return;
	}
	if (str_starts(text, STR("/etc/ssl/")) || str_starts(text, STR("/etc/pki/")))
		family_ask(g, "certificates", by);
	for (size_t n = text.n; n > 4; n--) {
		node_id id = text.p[n - 1] != '/' ? graph_find_path(g, 0, str_head(text, n)) : 0;
		if (!id)
			continue;
		if (rootfs_is_dir(g->r, id) ? false : graph_is_source(graph_name(g, id))) /* where it was compiled */
			return;
		if (!rootfs_is_dir(g->r, id) || n == text.n || text.p[n] == '/')
			native_named(g, 0, str_head(text, n), by);
		return;
	}
}

static void path(struct graph *g, struct str text, node_id by)
{
	const char *percent = str_chr(text, '%');
	if (!percent) {
		native_named(g, 0, text, by);
		return;
	}
	struct buf pattern = BUF(0);
	buf_add(&pattern, str_head(text, (size_t)(percent - text.p)));
	buf_putc(&pattern, '*');
	match(g, ROOTFS_ROOT, buf_str(&pattern), by, 0);
	buf_free(&pattern);
}

/* Programs whose names are words that every program says, for something else. Who starts them says so elsewhere: by path, in a script, or a run shows it. */
static const char *const common[] = { "[", "as", "at", "awk", "base32", "base64", "bc", "cal", "cat", "cc", "chroot", "clear", "cmp", "col", "b2sum", "column",
		"comm", "compare", "convert", "cp", "csplit", "curl", "cut", "date", "dc", "dd", "df", "diff", "dir", "display", "domainname", "du", "echo", "ed",
		"edit", "env", "ex", "expand", "expr", "factor", "false", "fc", "file", "find", "fmt", "fold", "free", "groups", "halt", "hash", "head", "host",
		"hostname", "id", "import", "info", "init", "install", "iconv", "join", "kill", "last", "ld", "less", "link", "ln", "locale", "locate", "login",
		"logname", "look", "ls", "mail", "make", "man", "md5sum", "mesg", "more", "mount", "mv", "nice", "nl", "nm", "nohup", "nologin", "od", "open",
		"passwd", "paste", "patch", "perl", "php", "pinky", "pkill", "poweroff", "pr", "print", "printf", "ps", "pwd", "python", "python3", "ruby", "node",
		"java", "read", "reboot", "rename", "renice", "reset", "rev", "rm", "run-parts", "script", "sed", "select", "seq", "service", "setpriv", "sg", "shred",
		"sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "shuf", "shutdown", "size", "sleep", "sort", "split", "stat", "strings", "strip", "su",
		"sudo", "sum", "swapoff", "swapon", "sync", "tail", "tar", "tee", "telinit", "test", "time", "timeout", "top", "touch", "tput", "tr", "true", "tset",
		"tty", "type", "umount", "uname", "unexpand", "uniq", "unlink", "unshare", "update", "uptime", "users", "vdir", "vi", "view", "vim", "w", "wait",
		"wall", "watch", "wc", "which", "who", "whoami", "write", "xargs", "yes", "zip", "apt", "apt-get", "dpkg", "rpm", "apk", "adduser", "addgroup",
		"deluser", "delgroup", "sdiff", "zdiff", "free", "gcc", "cpp", "c++", "g++", "git", "go", "rustc", NULL };
static bool is_common(struct str name) { return str_listed(name, common); }

/* Programs of PATH whose names are among a program's words. */
static void words(struct graph *g, struct str note, node_id by)
{
	const char *list = graph_env(g, "PATH");
	u32 i = 0;
	for (struct str dirs = str_of(list ? list : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"); dirs.p && i < 64; i++) {
		node_id dir = graph_find_path(g, 0, str_cut(&dirs, ':'));
		for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));)
			if (!graph_reached(g, at) && rootfs_type(g->r, at) != TAR_DIR && !is_common(graph_name(g, at)) && refer_says(note, graph_name(g, at)) && graph_program(g, graph_name(g, at)) == at) /* not one that another hides */
				graph_reach(g, at, USE_COMMAND, by);
	}
}

/* A program that the configuration or the user starts, or that nobody's package installed: what lies with it, in the working directory, and where programs of its name look. */
static void own_files(struct graph *g, node_id file)
{
	struct str name = graph_name(g, file);
	enum graph_use use = g->use[file];
	if (closure_language(name) || script_is_shell(name) || (graph_package(g, file) && use != USE_START && use != USE_ASKED))
		return;
	static const char *const beside[] = { "share", "lib", "libexec", "etc" };
	node_id dir = rootfs_node(g->r, file)->parent, up = dir != ROOTFS_ROOT ? rootfs_node(g->r, dir)->parent : 0, work = graph_find_path(g, 0, STR("."));
	if (graph_is_own(g, dir))
		graph_application_compiled(g, dir, file);
	if (rootfs_is_dir(g->r, work) && graph_is_own(g, work))
		graph_application_compiled(g, work, file);
	if (!str_is(graph_name(g, dir), "bin") && !str_is(graph_name(g, dir), "sbin"))
		return;
	if (graph_is_own(g, up)) {
		graph_application_compiled(g, up, file);
		return;
	}
	for (size_t i = 0; i < countof(beside); i++) {
		node_id there = rootfs_child(g->r, up, str_of(beside[i])), id = rootfs_is_dir(g->r, there) ? rootfs_child(g->r, there, name) : 0;
		if (rootfs_is_dir(g->r, id))
			graph_reach_below(g, id, USE_DATA, file);
	}
}

static bool is_started(enum graph_use use)
{
	return use == USE_START || use == USE_ASKED || use == USE_SEEN || use == USE_COMMAND || use == USE_PLUGIN || use == USE_NAMED;
}

/* What converts between the locale's encoding and its own, and no others; libraries that do it for whoever imports that of them (refer.c: g_convert), or by what a text says (family.c: texts). */
static bool only_locale(struct str name)
{
	static const char *const patterns[] = { "libidn*.so*", "libunistring.so*", "libreadline.so*", "libslang.so*", "libedit.so*", "libncurses*.so*", "libgpg-error.so*", "libpsl.so*", "libstdc++.so*", "libglib-2.0.so*", "libassuan.so*", "libpopt.so*", "libgmodule*", "libapt-*", "libxml2.so*", "libarchive.so*",
		"libcups.so*", "factor", "printf", "ptx", "diff", "diff3", "sdiff", "cmp", "tar", "envsubst", "gettext", "ngettext" };
	for (size_t i = 0; i < countof(patterns); i++)
		if (str_glob(str_of(patterns[i]), name))
			return true;
	return false;
}

/* A Go program that starts others, by names that cannot be told from its other words: the usual tools stay. */
static void anything(struct graph *g, node_id file)
{
	static const char *const large[] = { "apt", "apt-get", "dpkg", "rpm", "apk", "gcc", "cc", "cpp", "c++", "g++", "as", "ld", "nm", "strip", "size", "strings", "go", "rustc", "make", "perl", "php", "python", "python3", "ruby", "node", "java", "vim", "vi", "view", "ex", "edit", NULL };
	graph_doubt(g, true, "%.*s starts programs by names that are not known: the usual tools are kept", STR_FMT(graph_name(g, file)));
	for (size_t i = 0; common[i]; i++)
		if (!str_listed(str_of(common[i]), large))
			graph_reach(g, graph_program(g, str_of(common[i])), USE_WIDE, file);
	graph_reach_path(g, 0, STR("/bin/sh"), USE_COMMAND, file);
	for (size_t i = 0; i < 3; i++)
		graph_reach(g, graph_program(g, str_of((const char *const[]){ "bash", "gzip", "ssh" }[i])), USE_WIDE, file);
}

/* libselinux loads it for who loads a policy into the kernel: the first process of a machine. */
static bool is_policys(struct str by, struct str library) { return str_starts(by, STR("libselinux.so")) && str_starts(library, STR("libsepol.so")); }

static void elf(struct graph *g, node_id file, const struct elf_facts *f)
{
	closure_load(graph_closure(g), file);
	if (g->use[file] == USE_PACKAGE) /* stays with others of its package: it finds its libraries, and asks for no more */
		return;
	struct str note = graph_note_of(g, file, COLLECT_REFER), rest = note, text, name = graph_name(g, file);
	if (!note.p)
		return;
	u32 functions = refer_functions(note);
	if (f->is_static)
		functions |= refer_said(note);
	/* An interpreter imports everything: what its scripts ask for, their languages say. */
	bool language = closure_language(name) || script_is_shell(name) || rootfs_child(g->r, rootfs_node(g->r, file)->parent, STR("jvm.cfg")); /* Java's own libraries: java.c */
	if (language)
		functions &= ~(u32)REFER_SHELL;
	if (script_is_shell(name))
		functions &= ~(u32)REFER_ICONV;
	if (str_starts(name, STR("libstdc++.so"))) /* who uses its locales imports them */
		functions = 0;
	if (only_locale(name))
		functions &= ~(u32)REFER_ICONV;
	if (!f->interpreter.n && !f->is_static) /* a library that could start a shell for whoever asks for it */
		functions &= ~(u32)REFER_SHELL;
	family_functions(g, functions, file);
	if (f->is_static && functions & (REFER_ACCOUNTS | REFER_HOSTS)) /* what its C library loads all the same */
		family_answer(g, STR("/usr/lib/*/libnss_*.so*"), NULL, file);
	if (functions & REFER_STARTS)
		anything(g, file);
	char letter;
	while (refer_next(&rest, &letter, &text)) {
		if (letter == 'p')
			path(g, text, file);
		else if (letter == 'g')
			in_row(g, text, file);
		else if (letter == 'l' && functions & REFER_DLOPEN && !language && str_chr(text, '%'))
			libraries(g, text, file);
		else if (letter == 'l' && functions & REFER_DLOPEN && !language && !is_policys(name, text))
			closure_library(graph_closure(g), file, text);
	}
	/* Who searches PATH, or has a shell do it; a program that is started by a path alone says the path. */
	bool searches = functions & (REFER_SEARCH | REFER_SHELL) || (functions & REFER_EXEC && refer_says(note, STR("PATH")));
	if (searches && !language && (f->interpreter.n || f->is_static))
		words(g, note, file);
	if (is_started(g->use[file]) && f->type)
		own_files(g, file);
}

/* --- shell scripts --- */

/* "$here/lib/$cmd.sh" as a pattern; false: nothing of it is known. */
static bool pattern_of(struct str word, struct buf *out)
{
	buf_clear(out);
	while (word.n) {
		char c = word.p[0];
		if (c == '$') {
			bool braces = word.n > 1 && word.p[1] == '{';
			size_t i = 1 + braces;
			while (i < word.n && (braces ? word.p[i] != '}' : (word.p[i] == '_' || (word.p[i] | 32) >= 'a' ? (word.p[i] | 32) <= 'z' || word.p[i] == '_' : word.p[i] >= '0' && word.p[i] <= '9')))
				i++;
			word = str_from(word, MAX(i + braces, (size_t)1));
			buf_putc(out, '*');
		} else {
			buf_putc(out, c == '{' || c == '}' || c == '[' || c == ']' || c == '?' || c == '\\' ? '*' : c);
			word = str_from(word, 1);
		}
	}
	return str_chr(buf_str(out), '/') && out->n > 2 && !out->over;
}

static void shell(struct graph *g, node_id file)
{
	struct str note = graph_note(g, file), rest = note, text, started = closure_script(g->r, file);
	if (source_letter(note) != 'S')
		return;
	str_cut(&started, '\n');
	struct str letters = started.p ? str_cut(&started, '\n') : STR("");
	bool computes = str_chr(letters, SCRIPT_COMPUTED) || str_chr(letters, SCRIPT_CUT);
	node_id dir = rootfs_node(g->r, file)->parent, up = dir == ROOTFS_ROOT ? dir : rootfs_node(g->r, dir)->parent;
	struct buf pattern = BUF(TAR_PATH_MAX);
	char letter;
	while (source_next(&rest, &letter, &text)) {
		if (!str_chr(text, '/')) {
			node_id program = computes ? graph_program(g, text) : 0;
			if (program)
				graph_reach(g, program, USE_COMMAND, file);
		} else if (pattern_of(text, &pattern)) {
			struct str p = buf_str(&pattern);
			if (p.p[0] == '/') {
				match(g, ROOTFS_ROOT, p, file, 0);
			} else if (p.p[0] == '*') { /* a directory that is computed: its own, the one above */
				str_cut(&p, '/');
				match(g, dir, p, file, 0);
				match(g, up, p, file, 0);
			} else {
				native_named(g, 0, p, file);
				native_named(g, dir, p, file);
			}
		}
	}
	buf_free(&pattern);
}

static void reached(struct graph *g, node_id file)
{
	struct elf_facts f;
	enum graph_use use = g->use[file];
	if (graph_elf_facts(g, file, &f)) {
		elf(g, file, &f);
		return;
	}
	bool marked = str_starts(closure_script(g->r, file), STR("#!"));
	if (marked && is_started(use) && rootfs_entry(g->r, file)->mode & 0111)
		closure_script_run(graph_closure(g), file);
	if (source_letter(graph_note(g, file)) == 'S' && use != USE_PACKAGE && (is_started(use) || use == USE_DATA || use == USE_FAMILY)) {
		closure_source(graph_closure(g), file);
		shell(g, file);
	}
}

/* --- what is done without --- */
static void spare_below(struct graph *g, const char *dir)
{
	node_id at = graph_find_path(g, 0, str_of(dir));
	for (node_id id = 0; (id = rootfs_next_child(g->r, at, id));)
		graph_spare(g, id);
}

/* A compiler of queries that a database does without when it is not there, and what it compiles: neither comes with the directory of plugins. */
static void spare_compiler(struct graph *g, node_id id)
{
	node_id dir = rootfs_node(g->r, id)->parent;
	graph_spare(g, id);
	graph_spare(g, rootfs_child(g->r, dir, STR("bitcode")));
	graph_spare(g, rootfs_child(g->r, dir, STR("llvmjit_types.bc")));
}

/* Whether a program or library other than these asks for the library of this name. */
static bool needed_by_others(struct graph *g, node_id id, const char *library, const char *than)
{
	struct elf_facts f;
	if (str_glob(str_of(than), graph_name(g, id)) || !graph_elf_facts(g, id, &f))
		return false;
	for (u32 i = 0; i < f.n_needed; i++)
		if (str_starts(f.needed[i], str_of(library)))
			return true;
	return false;
}

static void begin(struct graph *g)
{
	static const char *const screens[] = { "libXt.so*", "libgtk-*.so*", "libgdk-*.so*", "libQt*Gui.so*", "libtk8*.so*", "libSDL*.so*", "libXaw*.so*", "libXm.so*", "libfltk*.so*", "libglfw*.so*", "libwx_gtk*.so*", "Xvfb", "Xorg", "chrom*" };
	node_id userdb = 0;
	bool screen = false, tables = false, fonts = false, gd = rootfs_find(g->r, STR("/usr/share/fonts"), true) != 0;
	node_id sasldb = rootfs_find(g->r, STR("/etc/sasldb2"), false);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id && id < g->n; id = rootfs_next(g->r, id)) {
		struct str name = graph_name(g, id);
		if (str_is(name, "llvmjit.so"))
			spare_compiler(g, id);
		if (!sasldb && str_starts(name, STR("libsasldb.so"))) /* a server's table of passwords, which is not there */
			graph_spare(g, id);
		if (str_is(name, "pam_userdb.so"))
			userdb = id;
		tables |= str_ends(name, STR(".db")) && !graph_package(g, id);
		for (size_t i = 0; i < countof(screens) && !screen; i++)
			screen = str_glob(str_of(screens[i]), name);
		if (gd && !fonts && rootfs_type(g->r, id) == TAR_FILE)
			fonts = needed_by_others(g, id, "libfontconfig.so", "libgd.so*");
	}
	if (!tables) /* accounts in a table of their own, which is not there */
		graph_spare(g, userdb);
	if (!screen) /* libX11 comes with libraries that draw into memory, too */
		spare_below(g, "/usr/share/X11/locale");
	spare_below(g, "/usr/lib/ssl/misc"); /* who runs an authority calls them by their paths */
	if (gd && !fonts) /* libgd takes fonts by their files, and asks fontconfig only when it is told to */
		spare_below(g, "/usr/share/fonts");
}

const struct graph_kind graph_native = { .name = "native", .begin = begin, .reached = reached };
