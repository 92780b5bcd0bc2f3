#include "build/pick.h"
#include "build/within.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int pick_patterns(struct arena *a, const struct str *patterns, u32 n, struct dockerignore *ret, struct error *err)
{
	struct buf text = BUF(0);
	for (u32 i = 0; i < n; i++) {
		struct str p = str_trim(patterns[i]);
		if (p.n && p.p[0] == '#') /* a comment in a file alone */
			buf_putc(&text, '\\');
		for (size_t k = 0; k < p.n; k++)
			buf_putc(&text, p.p[k] == '\n' ? '?' : p.p[k]);
		buf_putc(&text, '\n');
	}
	struct str kept = { arena_bytes(a, buf_str(&text)), text.n };
	buf_free(&text);
	dockerignore_read(a, kept, ret);
	ret->steps = UINT64_MAX;
	if (ret->over)
		return error_set(err, ERR_INPUT, "more than %u patterns", DOCKERIGNORE_PATTERNS);
	return ret->bad ? error_set(err, ERR_USAGE, "a pattern that is none: %.*s", STR_FMT(str_trim(kept))) : 0;
}

static bool matches(const struct dockerignore *d, const char *path)
{
	struct dockerignore own = *d; /* its count of steps: of several threads each has one */
	return dockerignore_matches(&own, str_of(path));
}

/* The path as the context calls it. */
static bool full(const struct pick *p, const char *path, char *out) { return within_join(str_of(p->base), str_of(path), out) == 0; }

bool pick_has(const struct pick *p, const char *path)
{
	char whole[WITHIN_PATH];
	if (!*path)
		return true;
	if (p->context && full(p, path, whole) && context_ignored(p->context, str_of(whole)))
		return false;
	return (!p->include.n || matches(&p->include, path)) && (!p->exclude.n || !matches(&p->exclude, path));
}

bool pick_below(const struct pick *p, const char *path)
{
	char whole[WITHIN_PATH];
	if (p->context && full(p, path, whole) && context_ignored_below(p->context, str_of(whole)))
		return false;
	if (p->include.n && !matches(&p->include, path) && !dockerignore_below(&p->include, str_of(path), false))
		return false;
	return !p->exclude.n || !matches(&p->exclude, path) || (p->exclude.exceptions && dockerignore_below(&p->exclude, str_of(path), true));
}

static int any(const struct pick *p, int dir, char *path, u32 depth, struct error *err)
{
	struct within_names names;
	size_t at = strlen(path);
	int r = 1;
	if (depth > CONTEXT_DEPTH)
		return error_set(err, ERR_INPUT, "%.200s: more than %u directories deep", path, CONTEXT_DEPTH);
	if (within_names(dir, CONTEXT_FILES, &names, err) < 0)
		return error_wrap(err, "%.300s", *path ? path : ".");
	for (u32 i = 0; i < names.n && r == 1; i++) {
		if (within_join(str_n(path, at), str_of(names.v[i]), path) < 0)
			continue;
		if (pick_has(p, path)) {
			r = 0;
		} else if (pick_below(p, path)) {
			autofd int below = openat(dir, names.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (below >= 0)
				r = any(p, below, path, depth + 1, err);
		}
		path[at] = '\0';
	}
	within_names_free(&names);
	return r;
}

int pick_any(const struct pick *p, int root, struct error *err)
{
	char path[WITHIN_PATH] = "";
	return any(p, root, path, 0, err);
}
