/* python_command.c — command lines: scripts, -m and -c, programs that are written in Python and what their words name; names of modules in the environment. */
#include "program/python_kind.h"

static node_id working(struct graph *g) { return graph_find_path(g, 0, STR(".")); }

static void application(struct graph *g, node_id dir, node_id because)
{
	if (!rootfs_is_dir(g->r, dir) || python_place(g, dir, NULL) || python_of(g)->mark[dir] >> M_ROOT_SHIFT)
		return;
	graph_application(g, dir, because);
	python_root(g, dir, ROOT_APP);
}

/* A file that is run, whatever it was before. */
static void run_file(struct python_kind *k, node_id file)
{
	k->mark[file] = (u8)((k->mark[file] | M_RUN) & ~M_DONE);
	VEC_PUSH(k->queue, k->n, k->cap, file);
	k->moved = true;
}

/* A module that is run: -m. */
static void run_module(struct python_from *f, struct str name)
{
	struct python_kind *k = f->k;
	python_import(f, name, STR("__main__"));
	for (u32 i = 0; i < k->n_roots; i++) {
		node_id dir = k->roots[i], file = 0, main_file, none;
		for (struct str rest = name; rest.p && dir;)
			if (!python_find(f->g, dir, str_cut(&rest, '.'), &file, &dir))
				file = dir = 0;
		if (file && dir && python_find(f->g, dir, STR("__main__"), &main_file, &none) && main_file)
			file = main_file;
		if (file)
			run_file(k, file);
	}
}

static void run_text(struct python_from *f, struct str text)
{
	struct buf note = { 0 };
	source_take(&source_python, STR(""), STR("-c.py"), text, false, &note);
	python_note(f, str_n(arena_bytes(&f->g->a, buf_str(&note)), note.n));
	buf_free(&note);
}

static void run_script(struct python_from *f, struct str path)
{
	struct graph *g = f->g;
	node_id script = graph_reach_path(g, 0, path, USE_COMMAND, f->file);
	if (rootfs_is_dir(g->r, script)) {
		application(g, script, f->file);
		script = python_child(g, script, STR("__main__.py"));
	}
	if (!rootfs_is_file(g->r, script))
		return;
	application(g, rootfs_node(g->r, script)->parent, f->file);
	application(g, working(g), f->file);
	graph_reach(g, script, USE_COMMAND, f->file);
	f->k->mark[script] |= M_FIRM;
	run_file(f->k, script);
}

/* The words behind the interpreter's name. */
static void interpreter(struct python_from *f, const struct str *words, u32 n)
{
	struct graph *g = f->g;
	u32 i = 1;
	for (; i < n && words[i].n > 1 && words[i].p[0] == '-'; i++) {
		struct str rest = str_from(words[i], 1);
		size_t at = 0;
		while (at < rest.n && !strchr("mcWXQ-", rest.p[at]))
			at++;
		if (at == rest.n)
			continue;
		char option = rest.p[at];
		struct str value = str_from(rest, at + 1);
		if (option == '-') { /* --version, --help; --check-hash-based-pycs VALUE */
			i += str_is(words[i], "--check-hash-based-pycs");
			if (str_among(words[i], "--version --help --help-all"))
				return;
			continue;
		}
		if (!value.n && i + 1 < n)
			value = words[++i];
		if (option == 'W' || option == 'X' || option == 'Q')
			continue;
		application(g, working(g), f->file);
		if (option == 'm')
			run_module(f, value);
		else
			run_text(f, value);
		return;
	}
	if (n == 2 && str_among(words[1], "-V -VV -h -?"))
		return;
	if (i < n && !str_is(words[i], "-")) {
		run_script(f, words[i]);
		return;
	}
	application(g, working(g), f->file);
	graph_doubt(g, true, "python: all modules are kept: it is started without a script");
	python_everything(g, f->file, true, true);
}

/* What the words of a program that is written in Python may name: "app:app", "-A proj", "--settings=a.b". */
static void arguments(struct python_from *f, const struct str *words, u32 n)
{
	struct graph *g = f->g;
	application(g, working(g), f->file);
	for (u32 i = 1; i < n; i++) {
		struct str word = words[i];
		const char *is = word.n && word.p[0] == '-' ? str_chr(word, '=') : NULL;
		if (is)
			word = str_from(word, (size_t)(is + 1 - word.p));
		if (!word.n || word.p[0] == '-')
			continue;
		node_id id = graph_find_path(g, 0, word);
		if (rootfs_is_dir(g->r, id) && graph_is_own(g, id))
			application(g, id, f->file);
		else if (id && str_ends(word, STR(".py")))
			application(g, rootfs_node(g->r, id)->parent, f->file);
		python_name(f, word, true);
	}
}

void python_command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because)
{
	struct python_kind *k = python_of(g);
	if (program)
		program = rootfs_follow(g->r, program);
	struct str base = program ? graph_name(g, program) : STR("python");
	bool script = program && source_letter(graph_note(g, program)) == 'P';
	if (!script && !str_starts(base, STR("python")) && !str_starts(base, STR("pypy")))
		return;
	struct python_line line = { arena_array(&g->a, struct str, n + 1), n, because, script };
	memcpy(line.words, words, n * sizeof *words);
	VEC_PUSH(k->lines, k->n_lines, k->cap_lines, line);
	if (script)
		k->mark[program] |= M_RUN;
}

bool python_lines(struct graph *g)
{
	struct python_kind *k = python_of(g);
	bool any = k->done_lines < k->n_lines;
	while (k->done_lines < k->n_lines && python_step(g)) {
		struct python_line line = k->lines[k->done_lines++];
		struct python_from f = { .g = g, .k = k, .file = line.because, .place = ROOT_APP, .firm = true };
		if (line.script)
			arguments(&f, line.words, line.n);
		else
			interpreter(&f, line.words, line.n);
	}
	return any;
}

/* Names of modules in the environment: DJANGO_SETTINGS_MODULE, FLASK_APP, GUNICORN_CMD_ARGS. */
void python_configuration(struct graph *g)
{
	struct python_from f = { .g = g, .k = python_of(g), .file = GRAPH_START, .place = ROOT_APP, .firm = true };
	for (const char **e = g->img->config.env; e && *e; e++) {
		struct str list = str_of(*e), name = str_cut(&list, '=');
		while (list.p) {
			struct str word = str_trim(str_cut(&list, ' '));
			const char *is = word.n && word.p[0] == '-' ? str_chr(word, '=') : NULL;
			if (is)
				word = str_from(word, (size_t)(is + 1 - word.p));
			if (word.n && word.p[0] != '/' && word.p[0] != '-')
				python_name(&f, word, str_contains(name, STR("APP")));
		}
	}
}
