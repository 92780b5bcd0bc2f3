/* copy_source.c — what a path or pattern of COPY and ADD names. */
#include "base/text.h"
#include "build/copy_inner.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* --- filepath.Match --- */
static size_t next_char(struct str s, u32 *code)
{
	size_t n = text_utf8(s, code);
	if (!n)
		*code = 0x110000u + (u8)s.p[0];
	return n ? n : 1;
}

/* One character of a class, quoted or not; false: the pattern ends. */
static bool class_char(struct str *p, u32 *code)
{
	if (p->n && p->p[0] == '\\')
		*p = str_from(*p, 1);
	if (!p->n)
		return false;
	*p = str_from(*p, next_char(*p, code));
	return true;
}

/* The class in front of *p (behind its bracket). 1 in it, 0 not, -1: it is none. */
static int class(struct str *p, u32 c)
{
	bool not = p->n && p->p[0] == '^', in = false;
	*p = str_from(*p, not);
	for (u32 n = 0;; n++) {
		u32 low, high;
		if (p->n && p->p[0] == ']' && n)
			break;
		if (!p->n || p->p[0] == ']' || p->p[0] == '-' || !class_char(p, &low))
			return -1;
		high = low;
		if (p->n && p->p[0] == '-') {
			*p = str_from(*p, 1);
			if (!p->n || p->p[0] == ']' || p->p[0] == '-' || !class_char(p, &high))
				return -1;
		}
		in |= c >= low && c <= high;
	}
	*p = str_from(*p, 1);
	return in != not;
}

bool copy_match(struct str p, struct str name)
{
	struct str star = { NULL, 0 }, from = name; /* behind the last '*', and what it has yet to take */
	while (name.n || p.n) {
		bool good = false;
		u32 c = 0;
		size_t k = name.n ? next_char(name, &c) : 0;
		if (p.n && p.p[0] == '*') {
			p = star = str_from(p, 1);
			star.p = star.p ? star.p : "";
			from = name;
			continue;
		}
		if (p.n && k && p.p[0] == '[') {
			p = str_from(p, 1);
			int in = class(&p, c);
			if (in < 0)
				return false;
			good = in;
		} else if (p.n && k) {
			bool any = p.p[0] == '?';
			u32 want = 0;
			if (p.p[0] == '\\')
				p = str_from(p, 1);
			if (!p.n)
				return false;
			p = str_from(p, next_char(p, &want));
			good = any || want == c;
		}
		if (good) {
			name = str_from(name, k);
			continue;
		}
		if (!star.p || !from.n)
			return false;
		from = str_from(from, next_char(from, &c));
		name = from;
		p = star;
	}
	return true;
}

static bool is_pattern(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\\')
			i++;
		else if (strchr("*?[", s.p[i]))
			return true;
	return false;
}

/* --- sources --- */
struct finding {
	struct arena *a;
	int root;
	struct context *context;
	const struct copy_spec *spec;
	struct str written;
	struct copy_sources *ret;
	size_t fixed; /* of a path: what a pattern begins behind */
	struct dockerignore include;
	struct dockerignore exclude;
	bool pattern;
};

static int absent(const struct finding *f, struct error *err)
{
	return error_set(err, ERR_INPUT, f->context ? "%.*s: not found in the build context" : "%.*s: not found in what it is copied from", STR_FMT(f->written));
}

/* 0 added; 1: it is not there. */
static int add(struct finding *f, const char *path, const char *name, struct error *err)
{
	struct stat st;
	struct copy_source s = { .name = name };
	char at[WITHIN_PATH];
	if (within_resolve(f->root, str_of(path), true, false, at) < 0 || within_stat(f->root, at, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG ? 1 : error_errno(err, "%.300s", path);
	const char *real = s.path = arena_strdup(f->a, str_of(at));
	s.mode = st.st_mode;
	s.pick = (struct pick){ .context = f->context, .base = real, .include = f->include, .exclude = f->exclude };
	bool directory = S_ISDIR(st.st_mode);
	if (f->context && strcmp(real, path) != 0 && context_ignored(f->context, str_of(path)))
		return 1; /* a link that is left out, or lies in what is */
	if (f->context && *real && context_ignored(f->context, str_of(real))) { /* but for what is below it */
		const struct pick all = { .context = f->context, .base = real };
		autofd int dir = directory ? within_open(f->root, real, O_RDONLY | O_DIRECTORY) : -1;
		int some = dir < 0 ? 1 : pick_any(&all, dir, err);
		if (some != 0)
			return some;
	}
	if (f->exclude.n && (f->pattern || !directory)) { /* itself, by the name that it was found under */
		struct dockerignore own = f->exclude;
		if (dockerignore_matches(&own, f->pattern ? str_of(path + f->fixed) : str_of(name)))
			return 0;
	}
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return error_set(err, ERR_INPUT, "%.300s: a device: those cannot be copied", path);
	if (f->ret->n == f->ret->cap) {
		struct copy_source *more = arena_array(f->a, struct copy_source, f->ret->cap ? f->ret->cap * 2 : 8);
		if (f->ret->n)
			memcpy(more, f->ret->v, f->ret->n * sizeof *more);
		f->ret->v = more;
		f->ret->cap = f->ret->cap ? f->ret->cap * 2 : 8;
	}
	f->ret->v[f->ret->n++] = s;
	return 0;
}

/* Whether the name at `path` (clean, link or not) is one of the context's: what is left out matches nothing. */
static bool there(const struct finding *f, const char *path, int dir, const char *name)
{
	const struct pick all = { .context = f->context, .base = path };
	if (!f->context || !context_ignored(f->context, str_of(path)))
		return true;
	if (context_ignored_below(f->context, str_of(path)))
		return false;
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && pick_any(&all, fd, NULL) == 0;
}

static int expand(struct finding *f, int dir, char *path, struct str pattern, struct error *err)
{
	struct within_names names;
	struct str rest = pattern, want = str_cut(&rest, '/');
	size_t at = strlen(path);
	int r = 0;
	if (within_names(dir, CONTEXT_FILES, &names, err) < 0)
		return error_wrap(err, "%.300s", *path ? path : ".");
	for (u32 i = 0; i < names.n && r == 0; i++) {
		struct stat st;
		if (!copy_match(want, str_of(names.v[i])) || within_join(str_n(path, at), str_of(names.v[i]), path) < 0)
			continue;
		if (rest.p) {
			autofd int below = fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) ? openat(dir, names.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
			if (below >= 0)
				r = expand(f, below, path, rest, err);
		} else if (there(f, path, dir, names.v[i])) {
			r = add(f, path, arena_strdup(f->a, str_of(names.v[i])), err);
			if (r == 1)
				r = error_set(err, ERR_INPUT, "%.300s: a link to what is not there", path);
		}
		path[at] = '\0';
	}
	within_names_free(&names);
	return r;
}

/* A path, clean and relative, in which a pattern may begin somewhere. */
static int find(struct finding *f, struct str clean, struct error *err)
{
	struct str rest = clean, head = { clean.p, 0 };
	char path[WITHIN_PATH];
	while (rest.p && rest.n) {
		struct str part = str_cut(&rest, '/');
		if ((f->pattern = !f->spec->literal && is_pattern(part))) {
			rest = str_from(clean, (size_t)(part.p - clean.p));
			break;
		}
		head.n = (size_t)(part.p - clean.p) + part.n;
	}
	if (!f->pattern) {
		int r = add(f, arena_strdup(f->a, clean), arena_strdup(f->a, str_base(clean)), err);
		return r == 1 ? absent(f, err) : r;
	}
	if (within_resolve(f->root, head, true, false, path) < 0)
		return errno == ENOENT || errno == ENOTDIR ? absent(f, err) : error_errno(err, "%.*s", STR_FMT(f->written));
	autofd int dir = within_open(f->root, path, O_RDONLY | O_DIRECTORY);
	f->fixed = strlen(path) + (*path ? 1 : 0);
	return dir < 0 ? absent(f, err) : expand(f, dir, path, rest, err);
}

static struct str cleaned(struct arena *a, struct str s) { return str_from(dockerignore_clean(a, str_of(arena_printf(a, "/%.*s", STR_FMT(s)))), 1); }

int copy_sources(struct arena *a, int root, struct context *context, const struct copy_spec *c, struct str text, struct copy_sources *ret, struct error *err)
{
	struct finding f = { .a = a, .root = root, .context = context, .spec = c, .written = text, .ret = ret };
	struct str clean = text, wanted = { NULL, 0 };
	if (text.n >= WITHIN_PATH || memchr(text.n ? text.p : "", '\0', text.n))
		return error_set(err, ERR_INPUT, "%.*s: no path", STR_FMT(text));
	if (context && within_climbs(text))
		return error_set(err, ERR_INPUT, "%.*s: leads out of the build context", STR_FMT(text));
	if (pick_patterns(a, c->exclude, c->n_exclude, &f.exclude, err) < 0)
		return error_wrap(err, "--exclude");
	if (c->parents) { /* the directory is what stands before the pivot; what is wanted of it, with its directories, stands behind */
		const char *pivot = str_find(text, STR("/./"));
		wanted = cleaned(a, pivot ? str_from(text, (size_t)(pivot - text.p) + 3) : text);
		clean = pivot ? str_head(text, (size_t)(pivot - text.p)) : STR("");
		struct str escaped = wanted.n && wanted.p[0] == '!' ? str_of(arena_printf(a, "\\%.*s", STR_FMT(wanted))) : wanted;
		if (wanted.n && pick_patterns(a, &escaped, 1, &f.include, err) < 0)
			return -1;
	}
	u32 before = ret->n;
	if (find(&f, cleaned(a, clean), err) < 0)
		return -1;
	for (u32 i = before; i < ret->n && wanted.n && !is_pattern(wanted) && !is_pattern(clean); i++) { /* a path, with no pattern anywhere: it must be there */
		autofd int dir = within_open(root, ret->v[i].path, O_RDONLY | O_DIRECTORY);
		struct pick without = ret->v[i].pick;
		without.exclude = (struct dockerignore){ 0 };
		int some = dir < 0 ? 1 : pick_any(&without, dir, err);
		if (some != 0)
			return some < 0 ? -1 : absent(&f, err);
	}
	return 0;
}
