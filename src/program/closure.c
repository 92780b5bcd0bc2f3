#include "program/closure.h"
#include "base/json.h"
#include "program/loader.h"
#include "program/script.h"
#include "shell/shell.h"

struct task {
	enum { RUN, SOURCE } kind;
	const struct str *words; /* RUN: a command line */
	u32 n;
	bool shell;   /* a shell says so: what is not found may be its own function */
	node_id from; /* who starts it */
	node_id file; /* SOURCE */
};

struct walk {
	const struct image *img;
	const struct rootfs *r;
	struct closure *c;
	struct closure_options o;
	struct loader *loader;
	struct arena a;
	struct task *tasks;
	u32 n, cap;
	u32 at;   /* tasks done */
	u8 *done; /* by node: STARTED, READ */
	enum closure_by by; /* how what is marked now is reached */
	struct str path, workdir;
	const struct str *arguments; /* what the entry point is called with */
	u32 n_arguments;
};
enum { STARTED = 1, READ = 2 };

static struct str name_of(const struct rootfs *r, node_id id) { return str_n(rootfs_node(r, id)->name, rootfs_node(r, id)->length); }

static void doubt(void *ctx, const char *what, struct str of)
{
	struct walk *w = ctx;
	char line[400];
	if (w->o.doubt)
		w->o.doubt(w->o.ctx, what, of);
	snprintf(line, sizeof line, "%s%s%.*s", what, of.n ? ": " : "", (int)MIN(of.n, (size_t)200), of.n ? of.p : "");
	for (u32 i = 0; i < w->c->doubts.n; i++)
		if (strcmp(w->c->doubts.v[i], line) == 0)
			return;
	problem_add(&w->c->doubts, "%s", line);
}

static void mark(struct walk *w, node_id id, node_id from)
{
	if (!id || id == ROOTFS_ROOT || w->c->because[id])
		return;
	w->c->because[id] = from;
	if (w->o.reached)
		w->o.reached(w->o.ctx, id, w->by, from);
}

static void reach(void *ctx, node_id name, node_id file, node_id from, bool plugin)
{
	struct walk *w = ctx;
	w->by = plugin ? CLOSURE_PLUGIN : CLOSURE_LIBRARY;
	mark(w, name, from);
	mark(w, file, from);
	w->done[file] |= STARTED;
	w->c->languages |= closure_language(name_of(w->r, file)) | closure_language(name_of(w->r, name));
}

/* --- what is known of programs by their names --- */
static struct str stem_of(struct str name)
{
	while (name.n && (name.p[name.n - 1] == '.' || name.p[name.n - 1] == '-' || (name.p[name.n - 1] >= '0' && name.p[name.n - 1] <= '9')))
		name.n--;
	return name;
}

u32 closure_language(struct str name)
{
	static const struct { char name[14]; u32 bit; } words[] = { { "python", CLOSURE_PYTHON }, { "pypy", CLOSURE_PYTHON }, { "node", CLOSURE_NODE }, { "nodejs", CLOSURE_NODE }, { "bun", CLOSURE_NODE },
		{ "deno", CLOSURE_NODE }, { "ruby", CLOSURE_RUBY }, { "jruby", CLOSURE_RUBY | CLOSURE_JAVA }, { "perl", CLOSURE_PERL }, { "java", CLOSURE_JAVA }, { "jsvc", CLOSURE_JAVA }, { "php", CLOSURE_PHP },
		{ "php-fpm", CLOSURE_PHP }, { "php-cgi", CLOSURE_PHP }, { "frankenphp", CLOSURE_PHP }, { "dotnet", CLOSURE_DOTNET }, { "mono", CLOSURE_DOTNET }, { "mono-sgen", CLOSURE_DOTNET }, { "R", CLOSURE_OTHER },
		{ "Rscript", CLOSURE_OTHER }, { "erl", CLOSURE_OTHER }, { "beam.smp", CLOSURE_OTHER }, { "tclsh", CLOSURE_OTHER }, { "guile", CLOSURE_OTHER }, { "julia", CLOSURE_OTHER }, { "lua", CLOSURE_OTHER },
		{ "luajit", CLOSURE_OTHER }, { "ghci", CLOSURE_OTHER }, { "emacs", CLOSURE_OTHER }, { "uwsgi", CLOSURE_PYTHON } };
	static const struct { char begins[14]; u32 bit; } libraries[] = { { "libpython", CLOSURE_PYTHON }, { "libperl.so", CLOSURE_PERL }, { "libruby", CLOSURE_RUBY }, { "libnode.so", CLOSURE_NODE },
		{ "libjvm.so", CLOSURE_JAVA }, { "libjli.so", CLOSURE_JAVA }, { "libphp", CLOSURE_PHP }, { "libcoreclr.so", CLOSURE_DOTNET }, { "libhostfxr.so", CLOSURE_DOTNET }, { "libmonosgen", CLOSURE_DOTNET },
		{ "libR.so", CLOSURE_OTHER }, { "libtcl", CLOSURE_OTHER }, { "libguile", CLOSURE_OTHER }, { "libjulia", CLOSURE_OTHER } };
	struct str stem = stem_of(name);
	if (str_starts(name, STR("lib"))) {
		for (size_t i = 0; i < countof(libraries); i++)
			if (str_starts(name, str_of(libraries[i].begins)) && (str_contains(name, STR(".so")) || str_ends(name, STR("libphp"))))
				return libraries[i].bit;
		return 0;
	}
	for (size_t i = 0; i < countof(words); i++)
		if (str_is(stem, words[i].name))
			return words[i].bit;
	return 0;
}

/* Programs that start others as something else tells them: service managers, whoever lets people in. */
static bool starts_anything(struct str name)
{
	static const char *const names[] = { "init", "systemd", "openrc", "openrc-init", "runit", "runit-init", "runsvdir", "runsv", "s6-svscan", "s6-supervise", "s6-rc", "s6-linux-init", "execlineb", "cron", "crond",
		"anacron", "supercronic", "atd", "sshd", "dropbear", "telnetd", "xinetd", "inetd", "dockerd", "containerd", "crio", "podman", "runc", "crun", "kubelet", "make", "ninja", "parallel", "su", "login", "screen",
		"tmux", "circusd", "monit", "god", "foreman", "hivemind", "overmind", "goreman", "pebble", "dinit", "nsenter", "unshare", "busybox-init", "gdb", "vim", "expect", "watchexec", NULL };
	return str_listed(name, names);
}

/* Programs whose first operand is the command that they start. */
static bool starts_operand(struct str name)
{
	static const char *const names[] = { "tini", "tini-static", "docker-init", "catatonit", "dumb-init", "gosu", "su-exec", "setpriv", "chroot", "env", "nice", "nohup", "ionice", "taskset", "time", "timeout", "exec",
		"stdbuf", "setsid", "chpst", "envdir", "setuidgid", "s6-setuidgid", "s6-envdir", "with-contenv", "sudo", "runuser", "capsh", "numactl", "prlimit", "chrt", "wait-for-it", "wait-for-it.sh", "wait-for",
		"dockerize", "xargs", "find", "flock", "strace", "ltrace", "catchsegv", "faketime", "fakeroot", "unbuffer", "authbind", "doas", "busybox", "pid1", "launch", "launcher", "entrypoint", "run-parts", NULL };
	return str_listed(name, names);
}

/* --- finding programs --- */
struct str closure_script(const struct rootfs *r, node_id file)
{
	const struct facts *f = rootfs_is_file(r, file) ? rootfs_facts(r, file) : NULL;
	return f ? facts_get_note(f, rootfs_inode(r, rootfs_node(r, file)->inode)->entry, COLLECT_PROGRAM) : (struct str){ NULL, 0 };
}

static node_id file_at(struct walk *w, struct str dir, struct str name, node_id from, bool executable)
{
	struct buf path = BUF(0);
	buf_add(&path, dir);
	if (dir.n)
		buf_putc(&path, '/');
	buf_add(&path, name);
	node_id id = path.n && path.n <= TAR_PATH_MAX ? rootfs_find(w->r, buf_str(&path), true) : 0;
	if (id && (rootfs_type(w->r, id) != TAR_FILE || (executable && !(rootfs_entry(w->r, id)->mode & 0111))))
		id = 0;
	if (id && from) {
		mark(w, rootfs_find(w->r, buf_str(&path), false), from);
		mark(w, id, from);
	}
	buf_free(&path);
	return id;
}

/* The program that a word starts; marks it. 0: there is none. */
static node_id program_of(struct walk *w, struct str word, node_id from)
{
	node_id id = 0;
	if (!word.n || word.n > TAR_PATH_MAX)
		return 0;
	if (str_chr(word, '/'))
		return file_at(w, word.p[0] == '/' ? STR("") : w->workdir, word, from, true);
	for (struct str path = w->path; path.p && !id;) {
		struct str dir = str_cut(&path, ':');
		id = file_at(w, dir.n ? dir : w->workdir, word, from, true);
	}
	return id;
}

/* --- tasks --- */
static struct task *add_task(struct walk *w)
{
	if (w->n >= CLOSURE_TASKS) {
		doubt(w, "over a budget: too many commands and scripts", STR(""));
		return NULL;
	}
	VEC_PUSH(w->tasks, w->n, w->cap, ((struct task){ 0 }));
	return &w->tasks[w->n - 1];
}

static void run_later(struct walk *w, const struct str *words, u32 n, node_id from, bool shell)
{
	struct task *t = n ? add_task(w) : NULL;
	if (t)
		*t = (struct task){ .kind = RUN, .words = words, .n = n, .from = from, .shell = shell };
}

static void source_later(struct walk *w, node_id file)
{
	struct task *t = file && !(w->done[file] & READ) ? add_task(w) : NULL;
	if (t) {
		w->done[file] |= READ;
		*t = (struct task){ .kind = SOURCE, .file = file };
	}
}

/* "$JAVA_HOME/bin/java" with what the image's environment says. False: it says nothing of it. */
static bool expand(struct walk *w, struct str s, struct str *ret)
{
	struct buf out = BUF(TAR_PATH_MAX);
	bool good = true;
	while (s.n && good) {
		if (s.p[0] == '`' || s.p[0] == '*' || s.p[0] == '?') {
			good = false;
		} else if (s.p[0] != '$') {
			buf_putc(&out, s.p[0]);
			s = str_from(s, 1);
		} else {
			struct str name = str_from(s, 1);
			bool braces = name.n && name.p[0] == '{';
			name = str_from(name, braces);
			size_t n = 0;
			while (n < name.n && sh_is_name(str_head(name, n + 1)))
				n++;
			const char *value = NULL;
			for (const char **e = w->img->config.env; n && e && *e && !value; e++)
				if (strncmp(*e, name.p, n) == 0 && (*e)[n] == '=')
					value = *e + n + 1;
			struct str rest = str_from(name, n);
			if (braces && str_starts(rest, STR(":-"))) { /* unless it is set, the default */
				struct str other = str_from(rest, 2);
				struct str word = str_cut(&other, '}');
				value = value ? value : str_chr(word, '$') || !other.p ? NULL : arena_strdup(&w->a, word);
				rest = other.p ? other : STR("");
			} else if (braces) {
				good = rest.n && rest.p[0] == '}';
				rest = str_from(rest, 1);
			}
			good &= value != NULL;
			buf_puts(&out, value ? value : "");
			s = rest;
		}
	}
	good &= !out.over && out.n;
	*ret = (struct str){ good ? arena_strdup(&w->a, buf_str(&out)) : "", good ? out.n : 0 };
	buf_free(&out);
	return good;
}

/* The lines that script_commands() made: what they start is put on the list. */
static void read_commands(struct walk *w, struct str note, node_id from)
{
	struct str letters = str_cut(&note, '\n');
	if (str_chr(letters, SCRIPT_ARGUMENTS))
		run_later(w, w->arguments, w->n_arguments, from, true);
	if (str_chr(letters, SCRIPT_COMPUTED))
		doubt(w, "a script starts what it computes", from == CLOSURE_START ? STR("") : name_of(w->r, from));
	if (str_chr(letters, SCRIPT_CUT))
		doubt(w, "a script is too long to be read", from == CLOSURE_START ? STR("") : name_of(w->r, from));
	while (note.p) {
		struct str line = str_cut(&note, '\n');
		if (line.n < 2)
			continue;
		char kind = line.p[0];
		line = str_from(line, 1);
		if (kind == '.') {
			w->by = CLOSURE_COMMAND;
			node_id file = file_at(w, line.p[0] == '/' ? STR("") : w->workdir, line, from, false);
			if (file)
				source_later(w, file);
			continue;
		}
		struct str *words = arena_array(&w->a, struct str, SCRIPT_WORDS);
		u32 n = 0;
		bool known = true;
		while (line.p && n < SCRIPT_WORDS) {
			struct str word = str_cut(&line, SCRIPT_US);
			bool open = word.n && word.p[0] == SCRIPT_RS;
			if (open && !expand(w, str_from(word, 1), &word)) {
				if (n == 0)
					known = false;
				word = STR("");
			}
			words[n++] = word;
		}
		if (known)
			run_later(w, words, n, from, true);
		else
			doubt(w, "a script starts what it computes", from == CLOSURE_START ? STR("") : name_of(w->r, from));
	}
}

static void source(struct walk *w, node_id file)
{
	struct str note = closure_script(w->r, file);
	if (!note.p || !str_chr(note, '\n')) {
		if (rootfs_size(w->r, file))
			doubt(w, "a script that is read by another is not known", name_of(w->r, file));
		return;
	}
	str_cut(&note, '\n');
	if (note.n)
		read_commands(w, note, file);
}

/* --- command lines --- */

/* sh -c TEXT, sh FILE, sh. */
static void shell(struct walk *w, const struct task *t, node_id at)
{
	u32 i = 1;
	bool text = false;
	for (; i < t->n && t->words[i].n > 1 && (t->words[i].p[0] == '-' || t->words[i].p[0] == '+') && !str_is(t->words[i], "--"); i++) {
		bool is_long = t->words[i].p[1] == '-';
		text |= !is_long && str_chr(t->words[i], 'c') && t->words[i].p[0] == '-';
		if (t->words[i].p[t->words[i].n - 1] == 'o' && !is_long) /* -o NAME */
			i++;
	}
	if (i < t->n && str_is(t->words[i], "--"))
		i++;
	if (i >= t->n || !t->words[i].n) {
		doubt(w, i >= t->n && !text ? "a shell is started for whoever types into it" : "a shell is started with what is computed", name_of(w->r, at));
	} else if (text) {
		struct buf note = BUF(0);
		script_commands(t->words[i], &note);
		struct str copy = { arena_strdup(&w->a, buf_str(&note)), note.n };
		read_commands(w, copy, t->from);
		buf_free(&note);
	} else {
		w->by = CLOSURE_COMMAND;
		node_id file = file_at(w, t->words[i].p[0] == '/' ? STR("") : w->workdir, t->words[i], t->from, false);
		if (!file)
			file = program_of(w, t->words[i], t->from);
		if (file)
			source_later(w, file);
		else
			doubt(w, "a script is not there", t->words[i]);
	}
}

/* A script that is started: its interpreter, then what it holds. */
static void start_script(struct walk *w, node_id file, struct str note)
{
	struct str rest = note, line = str_cut(&rest, '\n'), words[SCRIPT_WORDS];
	u32 n = script_line(line, words), i = 0;
	w->by = CLOSURE_INTERPRETER;
	node_id at = n ? program_of(w, words[0], file) : 0;
	if (n && !at) {
		doubt(w, "the interpreter of a script is not there", words[0]);
		return;
	}
	if (n && !(w->done[at] & STARTED)) {
		w->done[at] |= STARTED;
		loader_run(w->loader, at);
	}
	/* env, with-contenv and their like: what they start */
	while (i + 1 < n && (starts_operand(str_base(words[i])) || starts_anything(str_base(words[i])))) {
		for (i++; i < n && (words[i].p[0] == '-' || str_chr(words[i], '=')); i++)
			;
		w->by = CLOSURE_INTERPRETER; /* the loader says otherwise of its own */
		at = i < n ? program_of(w, words[i], file) : 0;
		if (at && !(w->done[at] & STARTED)) {
			w->done[at] |= STARTED;
			loader_run(w->loader, at);
		}
	}
	struct str name = i < n ? str_base(words[i]) : n ? str_base(words[0]) : STR("sh");
	if (at) {
		u32 language = closure_language(name) | closure_language(name_of(w->r, at));
		w->c->languages |= language;
		if (!language && !script_is_shell(name) && !str_listed(stem_of(name), (const char *const[]){ "awk", "gawk", "mawk", "sed", "jq", "busybox", NULL }))
			doubt(w, "a script of a language that is not read here", name);
	} else if (n) {
		doubt(w, "the interpreter of a script is not there", name);
	}
	if (rest.n)
		source_later(w, file);
}

/* Files named on a command line are what the program is about: they are reached; programs and scripts among them run. */
static void operands(struct walk *w, const struct task *t)
{
	struct arena tmp = { 0 };
	struct elf_facts f;
	for (u32 i = 1; i < t->n; i++) {
		struct str word = t->words[i];
		const char *eq = word.n && word.p[0] == '-' ? str_chr(word, '=') : NULL;
		if (eq) /* --config=/etc/x */
			word = str_from(word, (size_t)(eq - word.p) + 1);
		if (!word.n || word.p[0] == '-' || (!str_chr(word, '/') && !str_chr(word, '.')))
			continue;
		w->by = CLOSURE_OPERAND;
		node_id file = file_at(w, word.p[0] == '/' ? STR("") : w->workdir, word, t->from, false);
		if (!file && w->o.reached && str_chr(word, '/') && word.n <= TAR_PATH_MAX) { /* a directory */
			struct buf path = BUF(0);
			if (word.p[0] != '/')
				buf_add(&path, w->workdir), buf_putc(&path, '/');
			buf_add(&path, word);
			node_id dir = path.n <= TAR_PATH_MAX ? rootfs_find(w->r, buf_str(&path), true) : 0;
			if (rootfs_is_dir(w->r, dir))
				w->o.reached(w->o.ctx, dir, CLOSURE_OPERAND, t->from);
			buf_free(&path);
		}
		if (file && rootfs_entry(w->r, file)->mode & 0111 && str_chr(word, '/') && (closure_script(w->r, file).p || w->o.elf(w->r, file, &tmp, &f))) {
			struct str *one = arena_array(&w->a, struct str, 1);
			*one = word;
			run_later(w, one, 1, t->from, t->shell);
		}
	}
	arena_free(&tmp);
}

/* The first word behind that is a program: what a wrapper, or a script that ends with exec "$@", starts. */
static void start_operand(struct walk *w, const struct task *t)
{
	for (u32 i = 1; i < t->n; i++) {
		if (!t->words[i].n || t->words[i].p[0] == '-' || str_chr(t->words[i], '='))
			continue;
		if (program_of(w, t->words[i], 0)) {
			run_later(w, t->words + i, t->n - i, t->from, t->shell);
			return;
		}
	}
}

static void run(struct walk *w, const struct task *t)
{
	struct arena tmp = { 0 };
	struct elf_facts f;
	w->by = CLOSURE_COMMAND;
	node_id at = program_of(w, t->words[0], t->from);
	if (!at) {
		if (!t->shell)
			doubt(w, "what the image starts is not there", t->words[0]);
		else if (str_chr(t->words[0], '/'))
			doubt(w, "what a script starts is not there", t->words[0]);
		return;
	}
	struct str called = str_base(t->words[0]), name = name_of(w->r, at), note = closure_script(w->r, at);
	bool first = !(w->done[at] & STARTED), is_elf = w->o.elf(w->r, at, &tmp, &f);
	w->done[at] |= STARTED;
	w->c->languages |= closure_language(called) | closure_language(name);
	if (is_elf) {
		if (first)
			loader_run(w->loader, at);
	} else if (note.p) {
		if (first)
			start_script(w, at, note);
	} else {
		doubt(w, "no program of a kind that is known", name);
	}
	arena_free(&tmp);
	if (script_is_shell(called))
		shell(w, t, at);
	else if (starts_anything(called))
		doubt(w, "starts what its configuration, or whoever uses it, says", called);
	if (starts_operand(called) || (note.p && !script_is_shell(called)))
		start_operand(w, t);
	operands(w, t);
	if (w->o.command)
		w->o.command(w->o.ctx, at, t->words, t->n, t->from);
}

static void work(struct walk *w)
{
	while (w->at < w->n) {
		struct task t = w->tasks[w->at++]; /* the list moves as it grows */
		if (t.kind == RUN)
			run(w, &t);
		else
			source(w, t.file);
	}
}

/* --- the configuration --- */
static u32 words_of(struct walk *w, const char *const *v, const struct str **ret)
{
	u32 n = 0;
	while (v && v[n] && n < 1000)
		n++;
	struct str *words = arena_array(&w->a, struct str, n + 1);
	for (u32 i = 0; i < n; i++)
		words[i] = str_of(v[i]);
	*ret = words;
	return n;
}

static void healthcheck(struct walk *w)
{
	const json_t *test = json_arr(json_obj(json_obj(w->img->config_doc, "config"), "Healthcheck"), "Test");
	u32 n = (u32)MIN(json_array_size(test), (size_t)1000), shell_words = 0;
	const char *kind = json_string_value(json_array_get(test, 0));
	if (n < 2 || !kind || (strcmp(kind, "CMD") && strcmp(kind, "CMD-SHELL")))
		return;
	const struct str *shell = NULL;
	bool text = strcmp(kind, "CMD-SHELL") == 0;
	if (text) {
		static const char *const usual[] = { "/bin/sh", "-c", NULL };
		shell_words = words_of(w, w->img->config.shell && *w->img->config.shell ? (const char *const *)w->img->config.shell : usual, &shell);
	}
	struct str *words = arena_array(&w->a, struct str, n + shell_words);
	for (u32 i = 0; i < shell_words; i++)
		words[i] = shell[i];
	u32 at = shell_words;
	for (u32 i = 1; i < n; i++) {
		const json_t *s = json_array_get(test, i);
		words[at++] = json_is_string(s) ? str_n(json_string_value(s), json_string_length(s)) : STR("");
	}
	run_later(w, words, at, CLOSURE_START, false);
}

static struct str environment(const struct image *img, const char *name)
{
	size_t n = strlen(name);
	for (const char **e = img->config.env; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return str_of(*e + n + 1);
	return (struct str){ NULL, 0 };
}

static void configuration(struct walk *w)
{
	const struct config *k = &w->img->config;
	const struct str *entry, *cmd;
	u32 n = words_of(w, (const char *const *)k->entrypoint, &entry), m = words_of(w, (const char *const *)k->cmd, &cmd);
	struct str *all = arena_array(&w->a, struct str, n + m + 1);
	for (u32 i = 0; i < n + m; i++)
		all[i] = i < n ? entry[i] : cmd[i - n];
	w->c->starts = n + m > 0;
	/* A script that passes on what it was called with was called with the words behind it. */
	w->arguments = n ? all + 1 : NULL;
	w->n_arguments = n ? n + m - 1 : 0;
	run_later(w, all, n + m, CLOSURE_START, false);
	healthcheck(w);
}

struct closure *closure_open(const struct image *img, const struct rootfs *r, const struct closure_options *opt)
{
	struct closure *c = xcalloc(1, sizeof *c);
	struct walk *w = xcalloc(1, sizeof *w);
	*w = (struct walk){ .img = img, .r = r, .c = c, .o = *opt, .path = environment(img, "PATH"), .workdir = str_of(img->config.workdir && *img->config.workdir ? img->config.workdir : "/") };
	if (!w->path.p)
		w->path = STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	c->walk = w;
	c->n = r->nodes.n;
	c->because = xcalloc(c->n + 1, sizeof *c->because);
	w->done = xcalloc(c->n + 1, 1);
	const struct loader_options lo = { .elf = opt->elf, .reach = reach, .doubt = doubt, .ctx = w, .library_path = environment(img, "LD_LIBRARY_PATH"), .preload = environment(img, "LD_PRELOAD"), .narrow = opt->narrow, .spare = opt->spare };
	w->loader = loader_new(r, &lo);
	return c;
}

void closure_configuration(struct closure *c) { configuration(c->walk); }

void closure_command(struct closure *c, const struct str *words, u32 n, bool shell, node_id from)
{
	run_later(c->walk, words, n, from, shell);
}

void closure_shell(struct closure *c, struct str text, node_id from)
{
	struct walk *w = c->walk;
	struct buf note = BUF(0);
	script_commands(text, &note);
	struct str copy = { arena_strdup(&w->a, buf_str(&note)), note.n };
	read_commands(w, copy, from);
	buf_free(&note);
}

void closure_load(struct closure *c, node_id file)
{
	struct walk *w = c->walk;
	if (w->done[file] & STARTED)
		return;
	w->done[file] |= STARTED;
	loader_run(w->loader, file);
}

void closure_script_run(struct closure *c, node_id file)
{
	struct walk *w = c->walk;
	struct str note = closure_script(w->r, file);
	if (!note.p || w->done[file] & STARTED)
		return;
	w->done[file] |= STARTED;
	start_script(w, file, note);
}

void closure_source(struct closure *c, node_id file)
{
	if (closure_script(c->walk->r, file).p)
		source_later(c->walk, file);
}

void closure_library(struct closure *c, node_id file, struct str name) { loader_name(c->walk->loader, file, name); }

bool closure_work(struct closure *c)
{
	struct walk *w = c->walk;
	bool any = w->at < w->n;
	work(w);
	return any;
}

static void stop(struct closure *c)
{
	struct walk *w = c->walk;
	if (!w)
		return;
	loader_free(w->loader);
	free(w->tasks);
	free(w->done);
	arena_free(&w->a);
	free(w);
	c->walk = NULL;
}

struct closure *closure_find(const struct image *img, const struct rootfs *r, const struct closure_options *opt)
{
	struct closure *c = closure_open(img, r, opt);
	closure_configuration(c);
	closure_work(c);
	stop(c);
	return c;
}

void closure_free(struct closure *c)
{
	if (!c)
		return;
	stop(c);
	free(c->because);
	problems_free(&c->doubts);
	free(c);
}
