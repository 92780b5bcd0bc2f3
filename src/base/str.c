#include "base/str.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool str_ends(struct str a, struct str suffix) { return a.n >= suffix.n && memcmp(a.p + (a.n - suffix.n), suffix.p, suffix.n) == 0; }

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.n, b.n);
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str a)
{
	while (a.n && blank(a.p[0]))
		a.p++, a.n--;
	while (a.n && blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

const char *str_find(struct str a, struct str needle) { return a.n ? memmem(a.p, a.n, needle.p, needle.n) : NULL; }

bool str_contains(struct str a, struct str needle) { return str_find(a, needle) != NULL; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

/* Whether it stands at `at`, alone between blanks. */
static bool is_word_at(struct str a, struct str words, size_t at)
{
	return words.n - at >= a.n && memcmp(words.p + at, a.p, a.n) == 0 && (words.n - at == a.n || words.p[at + a.n] == ' ') && !str_chr(a, ' ');
}

/* Readers of sources ask it of every word: what is compared begins with the same letter behind a blank. */
bool str_among(struct str a, const char *words)
{
	struct str w = str_of(words);
	size_t at = 1;
	if (!w.n || !a.n)
		return w.p && !a.n && (!w.n || w.p[0] == ' ' || w.p[w.n - 1] == ' ' || str_contains(w, STR("  ")));
	if (is_word_at(a, w, 0))
		return true;
#ifdef __SSE2__
	for (; at + 16 <= w.n; at += 16) {
		__m128i letters = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(w.p + at)), _mm_set1_epi8(a.p[0]));
		__m128i blanks = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(w.p + at - 1)), _mm_set1_epi8(' '));
		for (u32 m = (u32)_mm_movemask_epi8(_mm_and_si128(letters, blanks)); m; m &= m - 1)
			if (is_word_at(a, w, at + (size_t)__builtin_ctz(m)))
				return true;
	}
#endif
	for (; at < w.n; at++)
		if (w.p[at] == a.p[0] && w.p[at - 1] == ' ' && is_word_at(a, w, at))
			return true;
	return false;
}

bool str_listed(struct str a, const char *const *names)
{
	for (; names && *names; names++)
		if ((a.n ? a.p[0] : '\0') == **names && str_is(a, *names))
			return true;
	return false;
}

size_t str_same(struct str a, struct str b)
{
	size_t i = 0, n = MIN(a.n, b.n);
	for (; i + 8 <= n; i += 8)
		if (memcmp(a.p + i, b.p + i, 8) != 0)
			break;
	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

struct str str_base(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	return slash ? str_from(path, (size_t)(slash - path.p) + 1) : path;
}

bool str_to_u64(struct str a, u64 *v)
{
	u64 x = 0;
	if (a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, (u64)(a.p[i] - '0'), &x))
			return false;
	}
	*v = x;
	return true;
}

/* One bracket class at p ("[...]"): sets *len to its length, returns whether c is in it. Unclosed: matches '[' itself. */
static bool class_match(struct str p, char c, size_t *len)
{
	size_t i = 1;
	bool negate = p.n > 1 && (p.p[1] == '!' || p.p[1] == '^'), hit = false;
	if (negate)
		i++;
	size_t first = i;
	for (; i < p.n && (p.p[i] != ']' || i == first); i++) {
		if (i + 2 < p.n && p.p[i + 1] == '-' && p.p[i + 2] != ']') {
			hit |= (u8)c >= (u8)p.p[i] && (u8)c <= (u8)p.p[i + 2];
			i += 2;
		} else {
			hit |= c == p.p[i];
		}
	}
	if (i >= p.n) {
		*len = 1;
		return c == '[';
	}
	*len = i + 1;
	return hit != negate && c != '/';
}

/* The next place where what follows `**` may begin: any, or behind a slash for what follows a whole component of it; SIZE_MAX: none. */
static size_t deeper(struct str s, size_t j, bool whole)
{
	if (!whole)
		return j < s.n ? j + 1 : SIZE_MAX;
	const char *slash = j < s.n ? memchr(s.p + j, '/', s.n - j) : NULL;
	return slash ? (size_t)(slash - s.p) + 1 : SIZE_MAX;
}

/* Iterative with two backtrack points (for the last `*` and the last `**`), so that no pattern is exponential. */
static bool glob(struct str p, struct str s)
{
	size_t i = 0, j = 0, star_i = SIZE_MAX, star_j = 0, deep_i = SIZE_MAX, deep_j = 0;
	bool whole = false; /* the last `**` is a component of its own */
	while (j < s.n || i < p.n) {
		if (i < p.n) {
			char c = p.p[i];
			if (c == '*') {
				if (i + 1 < p.n && p.p[i + 1] == '*') {
					whole = (i == 0 || p.p[i - 1] == '/') && i + 2 < p.n && p.p[i + 2] == '/';
					i += whole ? 3 : 2;
					deep_i = i, deep_j = j, star_i = SIZE_MAX;
				} else {
					star_i = ++i, star_j = j;
				}
				continue;
			}
			size_t len = 1;
			bool ok = false;
			if (j < s.n) {
				if (c == '?')
					ok = s.p[j] != '/';
				else if (c == '[')
					ok = class_match(str_from(p, i), s.p[j], &len);
				else if (c == '\\' && i + 1 < p.n)
					ok = p.p[i + 1] == s.p[j], len = 2;
				else
					ok = c == s.p[j];
			}
			if (ok) {
				i += len, j++;
				continue;
			}
		}
		if (star_i != SIZE_MAX && star_j < s.n && s.p[star_j] != '/') {
			i = star_i, j = ++star_j;
			continue;
		}
		if (deep_i != SIZE_MAX && deep_j != SIZE_MAX && (deep_j = deeper(s, deep_j, whole)) != SIZE_MAX) {
			i = deep_i, j = deep_j, star_i = SIZE_MAX;
			continue;
		}
		return false;
	}
	return true;
}

bool str_glob(struct str pattern, struct str path)
{
	if (pattern.n && pattern.p[0] == '/')
		pattern = str_from(pattern, 1);
	else if (!memchr(pattern.p ? pattern.p : "", '/', pattern.n) && !str_contains(pattern, STR("**"))) {
		const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
		if (slash)
			path = str_from(path, (size_t)(slash - path.p) + 1);
	}
	if (path.n && path.p[0] == '/')
		path = str_from(path, 1);
	return glob(pattern, path);
}
