#include "lint/files.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- names --- */
static bool ends_i(struct str s, const char *end)
{
	struct str e = str_of(end);
	return s.n > e.n && str_ieq(str_from(s, s.n - e.n), e);
}

bool lint_is_dockerfile_name(struct str name)
{
	static const char *const words[] = { "Dockerfile", "Containerfile" };
	/* a program about Dockerfiles, a page about one, a template that makes one, what an editor or patch(1) left */
	static const char *const not[] = { ".dockerignore", ".c", ".cc", ".cpp", ".cs", ".css", ".go", ".h", ".hs", ".html", ".java", ".js", ".json", ".jsx", ".kt", ".lock", ".lua", ".md",
		".php", ".pl", ".png", ".py", ".rb", ".rs", ".rst", ".sh", ".snap", ".svg", ".swift", ".toml", ".ts", ".tsx", ".vue", ".xml", ".yaml", ".yml", ".j2", ".jinja", ".jinja2", ".erb",
		".mustache", ".hbs", ".gotmpl", ".tmpl", ".tpl", ".template", ".swp", ".swo", ".orig", ".rej", ".bak", "~" };
	for (size_t i = 0; i < countof(not); i++)
		if (ends_i(name, not[i]))
			return false;
	for (size_t i = 0; i < countof(words); i++) {
		struct str w = str_of(words[i]);
		if (name.n < w.n)
			continue;
		if (str_starts(name, w) || (str_ieq(str_head(name, w.n), w) && (name.n == w.n || strchr(".-_", name.p[w.n]))))
			return true;
		if (name.n > w.n && name.p[name.n - w.n - 1] == '.' && ends_i(name, words[i]))
			return true;
	}
	return false;
}

/* --- .gitignore --- */
struct pattern {
	struct str glob;
	bool negate, dirs_only;
};
struct ignore_list {
	const struct ignore_list *outer;
	struct pattern *v;
	u32 n, cap;
	size_t skip; /* bytes of a path that lead to this list's directory */
};

static void pattern_add(struct ignore_list *l, struct str line)
{
	struct pattern p = { 0 };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	while (line.n && line.p[line.n - 1] == ' ' && !(line.n > 1 && line.p[line.n - 2] == '\\'))
		line.n--;
	if (!line.n || line.p[0] == '#')
		return;
	if (line.p[0] == '!') {
		p.negate = true;
		line = str_from(line, 1);
	}
	if (line.n && line.p[line.n - 1] == '/') {
		p.dirs_only = true;
		line.n--;
	}
	p.glob = line;
	if (line.n)
		VEC_PUSH(l->v, l->n, l->cap, p);
}

static bool read_patterns(struct lint_paths *out, const char *path, struct ignore_list *l)
{
	struct buf text = BUF(FILES_IGNORE_BYTES);
	bool got = access(path, R_OK) == 0 && file_read(path, FILES_IGNORE_BYTES, &text, NULL) == 0;
	struct str rest = str_n(got ? arena_strdup(&out->arena, buf_str(&text)) : NULL, text.n);
	while (rest.p) {
		if (l->n >= FILES_PATTERNS) {
			problem_add(&out->problems, "%s: more than %u patterns", path, (u32)FILES_PATTERNS);
			break;
		}
		pattern_add(l, str_cut(&rest, '\n'));
	}
	buf_free(&text);
	return got;
}

/* `path`: from the outermost list's directory. */
static bool is_ignored(const struct ignore_list *l, struct str path, bool is_dir)
{
	for (; l; l = l->outer) {
		struct str rel = str_from(path, l->skip);
		for (u32 i = l->n; i > 0; i--) {
			const struct pattern *p = &l->v[i - 1];
			if ((is_dir || !p->dirs_only) && str_glob(p->glob, rel))
				return !p->negate;
		}
	}
	return false;
}

/* --- walking --- */
struct walk {
	struct lint_paths *out;
	size_t cut;     /* bytes of a walked path that name the operand */
	struct str up;  /* the operand's directory, from the repository's top, with a slash at its end; "" */
	u32 *seen, n_seen, cap_seen; /* a table of 1 + index by path; NULL: nothing can come twice */
};

static void seen_grow(struct walk *w)
{
	u32 cap = w->cap_seen ? w->cap_seen * 2 : 256;
	u32 *v = xcalloc(cap, sizeof *v);
	for (u32 i = 0; i < w->out->n; i++) {
		struct str s = str_of(w->out->v[i]);
		u32 at = (u32)hash64(s, hash_seed) & (cap - 1);
		while (v[at])
			at = (at + 1) & (cap - 1);
		v[at] = i + 1;
	}
	free(w->seen);
	w->seen = v;
	w->cap_seen = cap;
}

static void add(struct walk *w, const char *path)
{
	struct lint_paths *out = w->out;
	if (out->n >= FILES_MAX) {
		if (out->n == FILES_MAX && !out->problems.n)
			problem_add(&out->problems, "more than %u Dockerfiles", (u32)FILES_MAX);
		return;
	}
	if (out->n * 2 >= w->cap_seen)
		seen_grow(w);
	struct str s = str_of(path);
	u32 at = (u32)hash64(s, hash_seed) & (w->cap_seen - 1);
	for (; w->seen[at]; at = (at + 1) & (w->cap_seen - 1))
		if (strcmp(out->v[w->seen[at] - 1], path) == 0)
			return;
	VEC_PUSH(out->v, out->n, out->cap, path);
	w->seen[at] = out->n;
}

struct entry {
	const char *name;
	u8 type; /* DT_… */
};

static int by_name(const void *a, const void *b) { return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name); }

static struct entry *read_dir(struct walk *w, const char *dir, u32 *n, bool *has_ignore)
{
	DIR *d = opendir(dir);
	struct entry *v = NULL;
	u32 cap = 0;
	*n = 0;
	if (!d) {
		problem_add(&w->out->problems, "%s: %s", dir, strerror(errno));
		return NULL;
	}
	for (struct dirent *e; (e = readdir(d));) {
		*has_ignore |= strcmp(e->d_name, ".gitignore") == 0;
		struct str name = str_of(e->d_name);
		bool maybe_dir = e->d_type == DT_DIR || e->d_type == DT_UNKNOWN;
		if (str_is(name, ".") || str_is(name, "..") || str_is(name, ".git") || (!maybe_dir && !lint_is_dockerfile_name(name)))
			continue;
		struct entry x = { arena_strdup(&w->out->arena, name), e->d_type };
		VEC_PUSH(v, *n, cap, x);
	}
	closedir(d);
	if (*n)
		qsort(v, *n, sizeof *v, by_name);
	return v;
}

static u8 type_of(const char *path, u8 type)
{
	struct stat st;
	if (type == DT_UNKNOWN && lstat(path, &st) == 0)
		type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : S_ISLNK(st.st_mode) ? DT_LNK : DT_UNKNOWN;
	if (type == DT_LNK && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		type = DT_REG;
	return type;
}

static void walk_dir(struct walk *w, const char *dir, const struct ignore_list *outer, u32 depth)
{
	u32 n;
	bool has_ignore = false, here = strcmp(dir, ".") == 0, slash = dir[strlen(dir) - 1] == '/';
	struct entry *v = read_dir(w, dir, &n, &has_ignore);
	struct ignore_list list = { .outer = outer, .skip = w->up.n + (depth ? strlen(dir) - w->cut + 1 : 0) };
	if (has_ignore && read_patterns(w->out, arena_printf(&w->out->arena, "%s/.gitignore", dir), &list))
		outer = &list;
	for (u32 i = 0; i < n; i++) {
		const char *path = here ? v[i].name : arena_printf(&w->out->arena, "%s%s%s", dir, slash ? "" : "/", v[i].name);
		u8 type = type_of(path, v[i].type);
		if (type != DT_DIR && (type != DT_REG || !lint_is_dockerfile_name(str_of(v[i].name))))
			continue;
		char *whole = outer ? arena_printf(&w->out->arena, "%.*s%s", (int)w->up.n, w->up.p ? w->up.p : "", path + w->cut) : NULL;
		if (whole && is_ignored(outer, str_of(whole), type == DT_DIR))
			continue;
		if (type == DT_REG)
			add(w, path);
		else if (depth < FILES_DEPTH)
			walk_dir(w, path, outer, depth + 1);
		else
			problem_add(&w->out->problems, "%s: more than %u directories deep", path, (u32)FILES_DEPTH);
	}
	free(v);
	free(list.v);
}

/* The lists above a directory up to the top of its repository: at most FILES_DEPTH of them. Returns the innermost; the last array element is the outermost. */
static const struct ignore_list *lists_above(struct walk *w, const char *dir, struct ignore_list lists[FILES_DEPTH + 1], u32 *n)
{
	char real[PATH_MAX], *top = NULL;
	*n = 0;
	if (!realpath(dir, real))
		return NULL;
	/* from the directory up to the first that has a .git */
	size_t ends[FILES_DEPTH];
	u32 levels = 0;
	for (size_t len = strlen(real); levels < FILES_DEPTH;) {
		top = arena_printf(&w->out->arena, "%.*s/.git", (int)len, real);
		ends[levels++] = len;
		if (access(top, F_OK) == 0)
			break;
		top = NULL;
		while (len > 1 && real[len - 1] != '/')
			len--;
		if (len <= 1)
			break;
		len--;
	}
	if (!top)
		return NULL;
	size_t root = ends[levels - 1];
	w->up = levels > 1 ? str_of(arena_printf(&w->out->arena, "%s/", real + root + 1)) : str_n("", 0);
	const struct ignore_list *inner = NULL;
	lists[*n] = (struct ignore_list){ 0 };
	if (read_patterns(w->out, arena_printf(&w->out->arena, "%s/info/exclude", top), &lists[*n]))
		inner = &lists[(*n)++];
	for (u32 i = levels; i > 1; i--) { /* the directory's own is read on the way down */
		lists[*n] = (struct ignore_list){ .outer = inner, .skip = ends[i - 1] == root ? 0 : ends[i - 1] - root };
		if (read_patterns(w->out, arena_printf(&w->out->arena, "%.*s/.gitignore", (int)ends[i - 1], real), &lists[*n]))
			inner = &lists[(*n)++];
	}
	return inner;
}

static void walk_operand(struct walk *w, const char *dir)
{
	struct ignore_list *lists = xcalloc(FILES_DEPTH + 1, sizeof *lists);
	u32 n;
	w->up = str_n("", 0);
	w->cut = strcmp(dir, ".") == 0 ? 0 : strlen(dir) + (dir[strlen(dir) - 1] != '/');
	const struct ignore_list *outer = lists_above(w, dir, lists, &n);
	walk_dir(w, dir, outer, 0);
	for (u32 i = 0; i < n; i++)
		free(lists[i].v);
	free(lists);
}

void lint_paths_find(char **operands, u32 n, struct lint_paths *ret)
{
	*ret = (struct lint_paths){ 0 };
	struct walk w = { .out = ret };
	for (u32 i = 0; i < n; i++) {
		struct stat st;
		const char *path = operands[i];
		if (strcmp(path, "-") == 0 || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
			add(&w, path);
			continue;
		}
		while (path[0] == '.' && path[1] == '/' && path[2]) /* ./app is app */
			path += 2;
		walk_operand(&w, strcmp(path, "./") == 0 ? "." : path);
	}
	free(w.seen);
}

void lint_paths_free(struct lint_paths *p)
{
	free(p->v);
	problems_free(&p->problems);
	arena_free(&p->arena);
	*p = (struct lint_paths){ 0 };
}
