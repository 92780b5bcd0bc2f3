/* The first line is a path, the others are a .dockerignore. Short ones are compared with a matcher that tries every way, straight from the rules. */
#include "dockerfile/dockerignore.h"

static bool class_has(const char *s, const char *end, char c)
{
	bool not = s < end && *s == '^', in = false;

	for (s += not; s < end; s++) {
		u8 low = (u8)*s, high;
		if (low == '\\' && s + 1 < end)
			low = (u8)*++s;
		high = low;
		if (s + 2 < end && s[1] == '-') {
			s += 2;
			high = (u8)*s;
			if (high == '\\' && s + 1 < end)
				high = (u8)*++s;
		}
		in |= (u8)c >= low && (u8)c <= high;
	}
	return in != not;
}

static bool match(const char *p, const char *pe, const char *s, const char *se)
{
	if (p == pe)
		return s == se;
	if (pe - p > 1 && p[0] == '*' && p[1] == '*') {
		const char *rest = p + 2;
		rest += rest < pe && *rest == '/';
		if (rest == pe)
			return true;
		for (const char *t = s; t <= se; t++)
			if ((t == s || t[-1] == '/') && match(rest, pe, t, se))
				return true;
		return false;
	}
	if (*p == '*') {
		for (const char *t = s; ; t++) {
			if (match(p + 1, pe, t, se))
				return true;
			if (t == se || *t == '/')
				return false;
		}
	}
	if (s == se)
		return false;
	if (*p == '?')
		return *s != '/' && match(p + 1, pe, s + 1, se);
	if (*p == '[') {
		const char *e = p + 1;
		while (*e != ']')
			e += *e == '\\' ? 2 : 1;
		return class_has(p + 1, e, *s) && match(e + 1, pe, s + 1, se);
	}
	if (*p == '\\')
		p++;
	return *p == *s && match(p + 1, pe, s + 1, se);
}

/* patternmatcher compares what is left of a pattern that begins with two stars with the end of the path, slash or not; that is not this matcher's. */
static bool odd(struct str p) { return str_starts(p, STR("**")) && !(p.n > 2 && p.p[2] == '/'); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct str text = str_n(data, size), path = str_cut(&text, '\n');
	struct dockerignore d;

	if (!text.p)
		return 0;
	dockerignore_read(&a, text, &d);
	path = dockerignore_clean(&a, path);
	if (!str_eq(dockerignore_clean(&a, path), path))
		abort();
	bool hit = dockerignore_matches(&d, path);
	struct str line = str_starts(text, STR("\xEF\xBB\xBF")) ? STR("#") : str_trim(text);
	if (!d.bad && d.n == 1 && !d.exceptions && path.n < 12 && line.n < 12 && !memchr(line.p, '\n', line.n) && !memchr(path.p, '/', path.n)) {
		struct str p = dockerignore_clean(&a, line);
		if (p.n > 1 && p.p[0] == '/')
			p = str_from(p, 1);
		if (p.p[0] != '#' && !odd(p) && match(p.p, p.p + p.n, path.p, path.p + path.n) != hit)
			abort();
	}
	for (size_t i = 1; i + 1 < path.n; i++) /* what is taken in again below a directory is looked for there */
		if (!d.bad && path.p[i] == '/' && !hit && d.steps > size && dockerignore_matches(&d, str_head(path, i)) && !dockerignore_below(&d, str_head(path, i), true))
			abort();
	arena_free(&a);
	return 0;
}
