/* python.c — which modules Python programs import, from what their sources say (python.h); python_kind.h has the plan. */
#include "program/python.h"
#include "program/python_kind.h"
#include "program/script.h"

struct python_kind *python_of(const struct graph *g) { return graph_state(g, &graph_python); }

bool python_step(struct graph *g)
{
	struct python_kind *k = python_of(g);
	if (++k->steps == PYTHON_STEPS)
		graph_doubt(g, false, "python: over a budget: too many modules");
	return k->steps < PYTHON_STEPS;
}

/* --- modules --- */
static void push(struct python_kind *k, node_id file)
{
	k->mark[file] &= (u8)~M_DONE;
	VEC_PUSH(k->queue, k->n, k->cap, file);
	k->moved = true;
}

/* The byte code beside a source: __pycache__/NAME.cpython-311.pyc, .opt-1.pyc. */
static void byte_code(struct graph *g, node_id file)
{
	struct python_kind *k = python_of(g);
	struct str name = graph_name(g, file);
	node_id cache = str_ends(name, STR(".py")) ? rootfs_child(g->r, rootfs_node(g->r, file)->parent, STR("__pycache__")) : 0;
	char b[300];
	for (u32 i = 0; cache && i < k->n_tags && name.n + k->tags[i].n < sizeof b - 8; i++) {
		int n = snprintf(b, sizeof b, "%.*s.%.*s.pyc", (int)name.n - 3, name.p, (int)k->tags[i].n, k->tags[i].p);
		node_id code = rootfs_child(g->r, cache, str_n(b, (size_t)n));
		if (code)
			graph_reach(g, code, USE_MODULE, file);
	}
}

/* Whether nothing but a person at a prompt, a test or a builder comes this way. */
static bool is_cut(struct python_from *f, node_id file)
{
	struct graph *g = f->g;
	node_id top = python_top(g, file);
	enum python_root place = python_place(g, file, NULL);
	if (f->place == ROOT_APP || f->file == GRAPH_START || (top && top == f->top))
		return false;
	if (place == ROOT_LIBRARY && (f->place == ROOT_LIBRARY || !f->firm) && python_is_optional(g, file))
		return true;
	struct str from = f->top ? graph_name(g, f->top) : python_stem(graph_name(g, f->file)), to = top ? graph_name(g, top) : python_stem(graph_name(g, file));
	char b[128];
	int n = snprintf(b, sizeof b, "%.*s>%.*s", (int)MIN(from.n, (size_t)60), from.p, (int)MIN(to.n, (size_t)60), to.p);
	if (!str_among(str_n(b, (size_t)n), python_cuts))
		return false;
	node_id found, below_it;
	for (u32 i = 0; str_is(to, "_pydecimal") && i < f->k->n_roots; i++) /* its C module is a file of its own, and may not be there */
		if (python_find(g, f->k->roots[i], STR("_decimal"), &found, &below_it))
			return true;
	return !str_is(to, "_pydecimal");
}

void python_module(struct python_from *f, node_id file)
{
	struct graph *g = f->g;
	struct python_kind *k = f->k;
	file = rootfs_follow(g->r, file);
	if (!rootfs_is_file(g->r, file) || is_cut(f, file))
		return;
	enum python_root place = python_place(g, file, NULL);
	bool firm = f->firm || place == ROOT_LIBRARY;
	if (!firm && place == ROOT_SITE && python_top(g, file) != f->top)
		return;
	if (k->mark[file] & M_FIRM || (!firm && k->mark[file] & M_NET))
		return;
	k->mark[file] |= firm ? M_FIRM : M_NET;
	graph_reach(g, file, USE_MODULE, f->file);
	byte_code(g, file);
	push(k, file);
}

/* Everything that lies in a package by its nature, of "from x import *" and of modules that are asked for by name. */
static void names_below(struct python_from *f, node_id file, node_id dir)
{
	struct str rest = graph_note(f->g, file), text;
	char letter;
	while (source_next(&rest, &letter, &text) && python_step(f->g)) {
		node_id found, below;
		if (letter == 's' && !str_chr(text, '.') && !str_chr(text, '/') && python_find(f->g, dir, text, &found, &below) && found)
			python_module(f, found);
	}
}

static void starting(struct python_from *f, node_id dir, struct str prefix)
{
	for (node_id at = 0; (at = rootfs_next_child(f->g->r, dir, at)) && python_step(f->g);) {
		struct str name = graph_name(f->g, at), stem = python_stem(name);
		node_id file, below;
		if (str_starts(name, prefix) && !python_is_left(name) && python_find(f->g, dir, stem, &file, &below) && file)
			python_module(f, file);
	}
}

/* The rest of a dotted name below a directory. Modules on the way are imported, too. */
static bool below(struct python_from *f, node_id dir, struct str rest, struct str named)
{
	node_id file = 0, sub = dir;
	for (u32 depth = 0; rest.p && rest.n && depth < PYTHON_DEPTH; depth++) {
		struct str part = str_cut(&rest, '.');
		if (!sub || !python_find(f->g, sub, part, &file, &sub))
			return depth > 0; /* an attribute */
		if (file)
			python_module(f, file);
	}
	if (!sub || !named.n)
		return true;
	if (str_is(named, "*"))
		names_below(f, file ? file : python_init(f->g, sub), sub);
	else if (str_is(named, "?"))
		starting(f, sub, STR(""));
	else if (python_find(f->g, sub, named, &file, &sub) && file)
		python_module(f, file);
	return true;
}

static void ask_table(struct python_from *f, struct str name);

static bool absolute(struct python_from *f, struct str name, struct str named)
{
	struct graph *g = f->g;
	struct str rest = name, first = str_cut(&rest, '.');
	bool any = false, regular = false;
	if (f->place == ROOT_APP && f->file != GRAPH_START) { /* beside it */
		node_id file, dir, here = rootfs_node(g->r, f->file)->parent;
		if (python_find(g, here, first, &file, &dir))
			any |= below(f, here, name, named);
	}
	for (u32 i = 0; i < f->k->n_roots && python_step(g); i++) {
		node_id file, dir, root = f->k->roots[i];
		bool app = f->k->mark[root] >> M_ROOT_SHIFT == ROOT_APP;
		if ((regular && !app) || !python_find(g, root, first, &file, &dir))
			continue;
		if (!file && rest.p) { /* a part of a namespace that may be in several places */
			node_id next, next_dir;
			struct str r = rest;
			if (!dir || !python_find(g, dir, str_cut(&r, '.'), &next, &next_dir))
				continue;
		}
		any |= below(f, root, name, named);
		regular |= file && !app;
	}
	ask_table(f, name);
	return any;
}

bool python_import(struct python_from *f, struct str name, struct str named)
{
	struct graph *g = f->g;
	if (!name.n)
		return false;
	if (name.p[0] != '.')
		return absolute(f, name, named);
	if (f->file == GRAPH_START)
		return false;
	node_id dir = rootfs_node(g->r, f->file)->parent;
	name = str_from(name, 1);
	while (name.n && name.p[0] == '.') {
		dir = rootfs_node(g->r, dir)->parent;
		name = str_from(name, 1);
	}
	node_id init = dir ? python_init(g, dir) : 0;
	if (init && init != f->file)
		python_module(f, init);
	return dir && below(f, dir, name.n ? name : (struct str){ NULL, 0 }, named);
}

/* --- what no source says --- */
static void ask_row(struct python_from *f, const struct python_row *row)
{
	struct python_from by = *f;
	by.firm = true;
	for (struct str list = str_of(row->modules); list.p && list.n;) {
		struct str name = str_cut(&list, ' ');
		if (str_ends(name, STR(".*")))
			python_import(&by, str_head(name, name.n - 2), STR("?"));
		else
			python_import(&by, name, (struct str){ NULL, 0 });
	}
	for (struct str list = str_of(row->families); list.p && list.n;) {
		char name[32];
		snprintf(name, sizeof name, "%.*s", STR_FMT(str_cut(&list, ' ')));
		family_ask(f->g, name, f->file);
	}
	for (struct str list = str_of(row->paths); list.p && list.n;)
		graph_reach_path(f->g, 0, str_cut(&list, ' '), USE_NAMED, f->file);
}

static void ask_table(struct python_from *f, struct str name)
{
	struct str first = name;
	first = str_cut(&first, '.');
	for (u32 i = 0; i < python_rows; i++) {
		struct str asks = str_of(python_table[i].asks);
		if (f->k->rows[i] || (!str_eq(asks, name) && !str_eq(asks, first)) || (!f->firm && f->place != ROOT_LIBRARY))
			continue;
		f->k->rows[i] = true;
		ask_row(f, &python_table[i]);
	}
}

void python_core(struct python_from *f)
{
	if (!f->k->rows[0])
		ask_row(f, &python_table[0]);
	f->k->rows[0] = true;
}

/* --- names in strings --- */
void python_name(struct python_from *f, struct str text, bool plain)
{
	struct str name = text, rest = text;
	if (str_chr(text, ':'))
		name = str_cut(&rest, ':');
	struct str whole = name, first_part = str_cut(&whole, '.');
	if (f->place != ROOT_APP && str_among(first_part, "pip setuptools wheel")) /* tools that texts speak of */
		return;
	if (!name.n || str_chr(name, '/') || str_chr(name, '-') || str_chr(name, '@') || (!plain && !str_chr(name, '.')) || name.p[0] == '.' || name.p[name.n - 1] == '.')
		return;
	for (u32 i = 0; i < f->k->n_roots && python_step(f->g); i++) {
		node_id file, dir, root = f->k->roots[i];
		struct str r = name, first = str_cut(&r, '.');
		bool library = f->k->mark[root] >> M_ROOT_SHIFT == ROOT_LIBRARY;
		if (!python_find(f->g, root, first, &file, &dir) || (library && (!r.p || !dir)))
			continue;
		struct python_from by = *f;
		struct str second = r;
		node_id file2, dir2;
		if (r.p && !(dir && python_find(f->g, dir, str_cut(&second, '.'), &file2, &dir2)) && (library || !file))
			continue; /* "os.path.x" says nothing new, "a.b" where a is a directory by chance */
		if (library && file && python_is_optional(f->g, file) && f->place != ROOT_APP)
			continue;
		below(&by, root, name, (struct str){ NULL, 0 });
		node_id top = file && !library ? python_top(f->g, file) : 0;
		if (top && f->place == ROOT_APP) /* a plugin: what the one who reads the name imports of it is not known */
			python_wide(f->g, top, f->file);
	}
}

static void on_path(struct python_from *f, struct str text)
{
	struct graph *g = f->g;
	if (str_among(text, "/bin/sh /usr/bin/env /dev/null") && f->place != ROOT_APP)
		return;
	node_id here = text.p[0] == '/' || f->file == GRAPH_START ? 0 : rootfs_node(g->r, f->file)->parent, id = graph_find_path(g, here, text);
	if (!id || (rootfs_type(g->r, id) == TAR_DIR && text.p[0] != '/'))
		return;
	graph_reach_path(g, here, text, USE_NAMED, f->file);
	if (rootfs_type(g->r, id) == TAR_DIR && graph_is_own(g, id))
		graph_reach_below(g, id, USE_NAMED, f->file);
}

static void on_string(struct python_from *f, struct str text, bool by_name)
{
	struct graph *g = f->g;
	if (f->place == ROOT_LIBRARY) /* what those paths are for is in the table */
		return;
	if (str_chr(text, '/') || str_chr(text, '.'))
		on_path(f, text);
	if (f->place == ROOT_APP || f->firm)
		python_name(f, text, f->place == ROOT_APP || by_name);
	if (by_name && f->place == ROOT_SITE && f->file != GRAPH_START && !str_chr(text, '/')) {
		node_id file, dir, here = rootfs_node(g->r, f->file)->parent;
		if (python_find(g, here, text, &file, &dir) && file)
			python_module(f, file);
	}
}

/* --- all that a source says --- */
static void on_import(struct python_from *f, struct str text)
{
	struct str name = str_cut(&text, '\t'), named = text.p ? str_cut(&text, '\t') : (struct str){ NULL, 0 };
	if (str_is(text, "main") && f->place != ROOT_APP && !(f->k->mark[f->file] & M_RUN))
		return;
	if (str_is(text, "else") && str_among(name, "pkg_resources importlib_metadata importlib_resources") && f->k->n_libraries && python_child(f->g, python_child(f->g, f->k->libraries[0], STR("importlib")), STR("metadata")))
		return; /* what the library has had since 3.8 */
	if (named.n == 1 && named.p[0] == '?') { /* "a.b." or "a.b_" and more */
		size_t n = name.n;
		while (n && name.p[n - 1] != '.')
			n--;
		struct str dir = str_head(name, n && name.p[0] != '.' ? n - 1 : n);
		while (n > 1 && name.p[0] == '.' && dir.n > 1 && dir.p[dir.n - 1] == '.' && dir.p[dir.n - 2] != '.')
			dir.n--;
		if (n)
			python_import(f, dir, STR("?"));
	} else if (named.n == 1 && named.p[0] == '~') {
		struct str dotted = name;
		if (!python_import(f, name, (struct str){ NULL, 0 }) && f->file != GRAPH_START)
			below(f, rootfs_node(f->g->r, f->file)->parent, dotted, (struct str){ NULL, 0 });
	} else {
		python_import(f, name, named);
		if (str_contains(name, STR("six.moves")) && (str_starts(named, STR("dbm")) || str_starts(named, STR("tkinter"))))
			python_import(f, str_head(named, str_starts(named, STR("dbm")) ? 3 : 7), STR("?"));
	}
}

static void on_command(struct python_from *f, struct str text)
{
	struct graph *g = f->g;
	struct str words[PYTHON_WORDS + 1];
	u32 n = 0;
	if (f->place == ROOT_LIBRARY || !f->firm || (f->top && f->place == ROOT_SITE && str_among(graph_name(g, f->top), "pkg_resources setuptools pip wheel _distutils_hack")))
		return;
	if (!str_chr(text, SCRIPT_US)) {
		if (f->place == ROOT_APP)
			graph_shell(g, text, f->file);
		else { /* a library's: its program alone */
			struct str first = text;
			words[n++] = str_cut(&first, ' ');
		}
	}
	while (str_chr(text, SCRIPT_US) && n < PYTHON_WORDS) {
		words[n++] = str_cut(&text, SCRIPT_US);
		if (text.n && !str_chr(text, SCRIPT_US))
			words[n++] = text;
	}
	if (!n)
		return;
	if (str_is(words[0], "\x1esys.executable")) {
		python_command(g, 0, words, n, f->file);
		return;
	}
	struct str base = str_base(words[0]);
	if (f->place == ROOT_SITE && str_among(base, "gcc cc g++ c++ ld ar as make cmake ninja gfortran f77 f90 clang nvcc rustc cargo go javac pip git hg svn bzr vim vi nano emacs gdb objdump bash zsh fish ksh"))
		return; /* of who builds and develops with the library */
	if (!words[0].n || words[0].p[0] == SCRIPT_RS || (f->place == ROOT_SITE && !graph_program(g, words[0]) && !(words[0].p[0] == '/' && graph_find_path(g, 0, words[0]))))
		return;
	struct str *kept = arena_array(&g->a, struct str, n); /* for as long as the graph */
	memcpy(kept, words, n * sizeof *words);
	graph_command(g, kept, n, f->file);
}

static void on_unknown(struct python_from *f, struct str what)
{
	struct graph *g = f->g;
	struct buf path = BUF(0);
	if (f->place == ROOT_APP && str_among(what, "import eval")) {
		if (!f->k->everything)
			graph_doubt(g, true, "python: all modules are kept: %.*s names what it %s by what is computed", STR_FMT(f->file == GRAPH_START ? STR("a command line") : graph_path(g, f->file, &path)),
			            str_is(what, "import") ? "imports" : "evaluates");
		python_everything(g, f->file, true, true);
	} else if (str_is(what, "stub"))
		python_stubs(f);
	else if (f->place == ROOT_APP && str_is(what, "unpickle"))
		python_everything(g, f->file, false, true);
	else if (f->place == ROOT_SITE && f->firm && str_is(what, "import") && f->top)
		python_wide(g, f->top, f->file);
	buf_free(&path);
}

void python_note(struct python_from *f, struct str note)
{
	struct str rest = note, text;
	char letter;
	bool by_name = false, moves = f->file != GRAPH_START && f->place == ROOT_SITE && str_is(python_stem(graph_name(f->g, f->file)), "six"); /* it names half of the library */
	bool merely = f->g->use[f->file] == USE_PACKAGE; /* stays with others of its package: what it imports does, too, what it would start or read does not */
	while (source_next(&rest, &letter, &text))
		by_name |= letter == 'x' && (str_among(text, "import lazy") || (str_is(text, "run") && f->place == ROOT_APP));
	for (rest = note; source_next(&rest, &letter, &text) && python_step(f->g);) {
		if (letter == 'm')
			on_import(f, text);
		else if (merely)
			continue;
		else if (letter == 's' && !moves)
			on_string(f, text, by_name);
		else if (letter == 'c')
			on_command(f, text);
		else if (letter == 'd' && (f->place != ROOT_LIBRARY))
			python_directive(f, text);
		else if (letter == 'x')
			on_unknown(f, text);
	}
	if (!by_name || merely || f->place != ROOT_APP)
		return;
	for (rest = note; source_next(&rest, &letter, &text) && python_step(f->g);) /* programs that it may start by what is computed */
		if (letter == 's' && !str_chr(text, '/') && !str_chr(text, '.'))
			graph_reach(f->g, graph_program(f->g, text), USE_COMMAND, f->file);
}

/* --- one file --- */
static void follow(struct graph *g, node_id file)
{
	struct python_kind *k = python_of(g);
	if (k->mark[file] & M_DONE)
		return;
	k->mark[file] |= M_DONE;
	struct python_from f = { .g = g, .k = k, .file = file, .firm = k->mark[file] & M_FIRM };
	f.place = python_place(g, file, NULL);
	f.top = python_top(g, file);
	if (f.place == ROOT_NONE)
		f.place = ROOT_APP;
	node_id dir = rootfs_node(g->r, file)->parent, init;
	for (u32 i = 0; i < PYTHON_DEPTH && dir != ROOTFS_ROOT && (init = python_init(g, dir)); i++, dir = rootfs_node(g->r, dir)->parent)
		if (init != file)
			python_module(&f, init);
	if (f.place == ROOT_APP && !(k->mark[file] & M_PACKAGE)) {
		k->mark[file] |= M_PACKAGE;
		byte_code(g, file);
	}
	if (f.place == ROOT_APP && f.top)
		graph_application(g, f.top, file);
	if (f.top && f.place != ROOT_APP)
		python_package(g, f.top, file);
	python_note(&f, graph_note(g, file));
	struct str name = graph_name(g, file), stem = python_stem(name);
	if (str_chr(name, '.') && !str_ends(name, STR(".py"))) { /* of a C module nothing else is known */
		ask_table(&f, stem);
		if (f.firm && f.top && f.place == ROOT_SITE)
			python_wide(g, f.top, file);
	}
	if (f.place == ROOT_LIBRARY && str_is(stem, "sysconfig"))
		starting(&f, k->libraries[0], STR("_sysconfigdata"));
}

void python_everything(struct graph *g, node_id because, bool library, bool packages)
{
	struct python_kind *k = python_of(g);
	struct python_from f = { .g = g, .k = k, .file = because, .place = ROOT_LIBRARY, .firm = true };
	if (k->everything)
		return;
	k->everything = library && packages;
	for (u32 i = 0; i < k->n_roots; i++) {
		enum python_root kind = (enum python_root)(k->mark[k->roots[i]] >> M_ROOT_SHIFT);
		if ((kind == ROOT_LIBRARY && !library) || (kind == ROOT_SITE && !packages) || kind == ROOT_APP)
			continue;
		for (node_id at = 0; (at = rootfs_next_child(g->r, k->roots[i], at)) && python_step(g);) {
			node_id file, dir;
			struct str stem = python_stem(graph_name(g, at));
			if (!python_find(g, k->roots[i], stem, &file, &dir) || !file)
				continue;
			if (kind == ROOT_SITE && str_among(stem, "pip setuptools wheel pkg_resources _distutils_hack tests test"))
				continue;
			python_module(&f, file);
			node_id top = kind == ROOT_SITE ? python_top(g, file) : 0;
			if (top)
				python_wide(g, top, because);
		}
	}
}

/* --- the kind --- */
static bool is_code(struct graph *g, node_id file)
{
	struct str name = graph_name(g, file), note = graph_note(g, file);
	return source_letter(note) == 'P' && !str_ends(name, STR(".pth")) && !str_ends(name, STR(".txt")) && !str_is(name, "pyvenv.cfg") && !str_among(name, "METADATA PKG-INFO RECORD");
}

static void reached(struct graph *g, node_id file)
{
	struct python_kind *k = python_of(g);
	struct str name = graph_name(g, file);
	struct elf_facts elf;
	if (k->mark[file] & (M_FIRM | M_NET))
		return;
	if ((str_starts(name, STR("python")) || str_starts(name, STR("libpython")) || str_starts(name, STR("pypy"))) && graph_elf_facts(g, file, &elf)) {
		python_interpreter(g, file);
		k->moved = true;
	} else if (is_code(g, file) || (str_ends(name, STR(".so")) && python_place(g, file, NULL))) {
		bool net = g->use[file] == USE_WIDE || g->use[file] == USE_PACKAGE;
		k->mark[file] |= net ? M_NET : M_FIRM;
		push(k, file);
	}
}

static bool settle(struct graph *g)
{
	struct python_kind *k = python_of(g);
	if (!k->n_libraries)
		return false;
	bool any = python_environments(g);
	any |= python_lines(g);
	while (k->head < k->n && python_step(g)) {
		follow(g, k->queue[k->head++]);
		any = true;
	}
	any |= python_distributions(g);
	k->moved = false;
	return any;
}

static void begin(struct graph *g)
{
	struct python_kind *k = python_of(g);
	k->mark = arena_array(&g->a, u8, (size_t)g->n + 1);
	k->rows = arena_array(&g->a, bool, python_rows);
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) /* its name on a directory is no reason for all of it */
		if (rootfs_type(g->r, id) == TAR_DIR && (str_starts(graph_name(g, id), STR("python")) || str_starts(graph_name(g, id), STR("pypy"))) && rootfs_child(g->r, id, STR("os.py")))
			graph_spare(g, id);
}

static void end(struct graph *g)
{
	struct python_kind *k = python_of(g);
	free(k->queue);
	free(k->infos);
	free(k->groups);
	free(k->lines);
}

const struct graph_kind graph_python = { .name = "python", .state = sizeof(struct python_kind), .begin = begin, .reached = reached, .command = python_command, .settle = settle, .end = end };
