#include "dockerfile/dockerignore.h"

/* A pattern is a row of pieces; matching follows all ways through it at once, so that no pattern costs more than its length times the path's. */
enum piece { CHAR, ONE, STAR, DIRS, ALL, CLASS };
struct token {
	enum piece piece;
	char c;
	struct str class; /* between the brackets, `^` included */
};

struct dockerignore_pattern {
	struct str text;    /* clean, without `!` */
	bool exception;
	enum { EXACT, PREFIX, SUFFIX, TOKENS } kind;
	const struct token *tokens;
	u32 n;
};

struct str dockerignore_clean(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.n + 1);
	size_t n = 0, floor = 0;
	bool root = path.n && path.p[0] == '/';

	if (root)
		out[n++] = '/';
	floor = n;
	for (struct str rest = path; rest.p;) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			if (n > floor) {
				while (n > floor && out[n - 1] != '/')
					n--;
				if (n > floor)
					n--;
				continue;
			}
			if (root)
				continue;
		}
		if (n && out[n - 1] != '/')
			out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
		if (str_is(part, ".."))
			floor = n;
	}
	if (!n)
		out[n++] = '.';
	return str_n(out, n);
}

/* Where the class that starts at s.p[i] == '[' ends: the offset of its ']', or 0. */
static size_t class_end(struct str s, size_t i)
{
	size_t k = i + 1;

	if (k < s.n && s.p[k] == '^')
		k++;
	for (size_t first = k; k < s.n; k++) {
		if (s.p[k] == '\\')
			k++;
		else if (s.p[k] == ']')
			return k > first ? k : 0;
	}
	return 0;
}

/* patternmatcher's compile(): which patterns are plain comparisons, and which way `**` is read. False: docker refuses it. */
static bool compile(struct arena *a, struct dockerignore_pattern *p)
{
	struct str s = p->text;
	struct token *t = arena_array(a, struct token, s.n + 1);
	u32 n = 0;

	p->kind = EXACT;
	for (size_t i = 0; i < s.n; i++) {
		bool first = i == 0;

		if (s.p[i] == '*' && i + 1 < s.n && s.p[i + 1] == '*') {
			i++;
			if (i + 1 < s.n && s.p[i + 1] == '/')
				i++;
			if (i + 1 < s.n) {
				t[n++].piece = DIRS;
				p->kind = TOKENS;
			} else if (p->kind == EXACT) {
				p->kind = PREFIX;
			} else {
				t[n++].piece = ALL;
				p->kind = TOKENS;
			}
			if (first)
				p->kind = SUFFIX;
		} else if (s.p[i] == '*') {
			t[n++].piece = STAR;
			p->kind = TOKENS;
		} else if (s.p[i] == '?') {
			t[n++].piece = ONE;
			p->kind = TOKENS;
		} else if (s.p[i] == '[') {
			size_t end = class_end(s, i);
			if (!end)
				return false;
			t[n++] = (struct token){ CLASS, 0, str_n(s.p + i + 1, end - i - 1) };
			i = end;
			p->kind = TOKENS;
		} else if (s.p[i] == '\\') {
			if (++i == s.n)
				return false;
			t[n++] = (struct token){ .piece = CHAR, .c = s.p[i] };
			p->kind = TOKENS;
		} else {
			t[n++] = (struct token){ .piece = CHAR, .c = s.p[i] };
		}
	}
	p->tokens = t;
	p->n = n;
	return true;
}

void dockerignore_read(struct arena *a, struct str text, struct dockerignore *ret)
{
	struct dockerignore_pattern *v = NULL;
	u32 n = 0, cap = 0;

	*ret = (struct dockerignore){ .steps = DOCKERIGNORE_STEPS };
	if (str_starts(text, STR("\xEF\xBB\xBF")))
		text = str_from(text, 3);
	for (struct str rest = text; rest.p && !ret->over;) {
		struct str line = str_cut(&rest, '\n');
		struct dockerignore_pattern p = { 0 };

		if (line.n && line.p[0] == '#')
			continue;
		line = str_trim(line);
		if (!line.n)
			continue;
		if (n == DOCKERIGNORE_PATTERNS) {
			ret->over = true;
			continue;
		}
		if (line.p[0] == '!') {
			p.exception = true;
			line = str_trim(str_from(line, 1));
			if (!line.n) {
				ret->bad = true;
				return;
			}
		}
		p.text = dockerignore_clean(a, line);
		if (p.text.n > 1 && p.text.p[0] == '/')
			p.text = str_from(p.text, 1);
		if (!compile(a, &p)) {
			ret->bad = true;
			return;
		}
		ret->exceptions |= p.exception;
		if (n == cap) {
			struct dockerignore_pattern *more = arena_array(a, struct dockerignore_pattern, cap ? cap * 2 : 16);
			if (n)
				memcpy(more, v, n * sizeof *v);
			v = more;
			cap = cap ? cap * 2 : 16;
		}
		v[n++] = p;
	}
	ret->v = v;
	ret->n = n;
}

static bool in_class(struct str class, char c)
{
	bool not = class.n && class.p[0] == '^', in = false;

	for (size_t i = not; i < class.n; i++) {
		u8 low = (u8)class.p[i], high;
		if (low == '\\' && i + 1 < class.n)
			low = (u8)class.p[++i];
		high = low;
		if (i + 2 < class.n && class.p[i + 1] == '-') {
			i += 2;
			high = (u8)class.p[i];
			if (high == '\\' && i + 1 < class.n)
				high = (u8)class.p[++i];
		}
		in |= (u8)c >= low && (u8)c <= high;
	}
	return in != not;
}

/* state[2i]: in front of token i; state[2i+1]: inside of it (DIRS: behind a character that is no slash). */
static void close_over(const struct dockerignore_pattern *p, bool *state)
{
	for (u32 i = 0; i < p->n; i++)
		if (state[2 * i] && (p->tokens[i].piece == STAR || p->tokens[i].piece == DIRS || p->tokens[i].piece == ALL))
			state[2 * (i + 1)] = true;
}

static void step(const struct dockerignore_pattern *p, const bool *from, bool *to, char c)
{
	memset(to, 0, 2 * (p->n + 1));
	for (u32 i = 0; i < p->n; i++) {
		const struct token *t = &p->tokens[i];
		bool at = from[2 * i];

		switch (t->piece) {
		case CHAR: to[2 * (i + 1)] |= at && t->c == c; break;
		case ONE: to[2 * (i + 1)] |= at && c != '/'; break;
		case STAR: to[2 * i] |= at && c != '/'; break;
		case ALL: to[2 * i] |= at; break;
		case CLASS: to[2 * (i + 1)] |= at && in_class(t->class, c); break;
		case DIRS:
			if (at || from[2 * i + 1]) {
				to[2 * i + 1] = true;
				to[2 * (i + 1)] |= c == '/';
			}
			break;
		}
	}
	close_over(p, to);
}

/* The path or a directory above it, in one walk: at each slash it is asked whether the pattern could end there. */
static bool match_tokens(const struct dockerignore_pattern *p, struct str path)
{
	bool small[2][256], *state[2] = { small[0], small[1] };
	u32 now = 0;
	size_t size = 2 * ((size_t)p->n + 1);

	if (size > sizeof small[0])
		for (u32 i = 0; i < 2; i++)
			state[i] = xmalloc(size);
	memset(state[0], 0, size);
	state[0][0] = true;
	close_over(p, state[0]);
	bool hit = false;
	for (size_t i = 0; i < path.n && !hit; i++, now = !now) {
		hit = path.p[i] == '/' && state[now][2 * p->n];
		step(p, state[now], state[!now], path.p[i]);
	}
	hit |= state[now][2 * p->n];
	if (size > sizeof small[0])
		for (u32 i = 0; i < 2; i++)
			free(state[i]);
	return hit;
}

static bool match_one(const struct dockerignore_pattern *p, struct str path)
{
	struct str rest = str_from(p->text, 2);

	switch (p->kind) {
	case EXACT: return str_eq(p->text, path);
	case PREFIX: return str_starts(path, str_head(p->text, p->text.n - 2));
	case SUFFIX: return str_ends(path, rest) || (rest.n && rest.p[0] == '/' && str_eq(path, str_from(rest, 1)));
	case TOKENS: return match_tokens(p, path);
	}
	return false;
}

static bool match_or_parent(struct dockerignore *d, const struct dockerignore_pattern *p, struct str path)
{
	u64 cost = (u64)(p->kind == TOKENS ? p->n + 1 : 1) * (path.n + 1);

	if (cost > d->steps)
		return false;
	d->steps -= cost;
	if (match_one(p, path))
		return true;
	for (size_t i = 0; i < path.n && p->kind != TOKENS; i++)
		if (path.p[i] == '/' && match_one(p, str_head(path, i)))
			return true;
	/* Go's Dir() of "/x", split at slashes, gives the root itself too. */
	return path.n > 1 && path.p[0] == '/' && !memchr(path.p + 1, '/', path.n - 1) && match_one(p, STR("/"));
}

bool dockerignore_matches(struct dockerignore *d, struct str path)
{
	bool matched = false;

	if (d->bad)
		return false;
	for (u32 i = 0; i < d->n; i++)
		if (d->v[i].exception == matched && match_or_parent(d, &d->v[i], path))
			matched = !d->v[i].exception;
	return matched;
}

/* Name by name, as far as the path goes: what is no plain name may be any. */
static bool may_lead_below(struct str pattern, struct str path)
{
	struct str ahead = pattern;
	while (path.p && path.n) {
		struct str name = str_cut(&path, '/'), want;
		if (!ahead.p)
			return true;
		want = str_cut(&ahead, '/');
		if (str_find(want, STR("**")))
			return true;
		bool plain = !str_chr(want, '*') && !str_chr(want, '?') && !str_chr(want, '[') && !str_chr(want, '\\');
		if (plain && !str_eq(want, name))
			return false;
	}
	return true;
}

bool dockerignore_below(const struct dockerignore *d, struct str path, bool exceptions)
{
	for (u32 i = 0; i < d->n; i++)
		if ((d->v[i].exception || !exceptions) && may_lead_below(d->v[i].text, path))
			return true;
	return false;
}

bool dockerignore_everything(const struct dockerignore *d)
{
	for (u32 i = 0; i < d->n; i++)
		if (!d->v[i].exception && (str_is(d->v[i].text, "*") || str_is(d->v[i].text, "**") || str_is(d->v[i].text, "**/*")))
			return true;
	return false;
}
