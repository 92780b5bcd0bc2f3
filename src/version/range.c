/* range.c — ranges of versions as registries and advisories write them, all by one reading:
 *
 *      A || B                   either
 *      >=1.2, <2  or  >=1.2 <2  all of them; = == === != <> < <= > >= << >> (dpkg)
 *      [1.0,2.0) (,1.0] [1.5]   intervals (Maven, NuGet); several: any of them
 *      1.2.* 1.2.x              the same numbers in front
 *      ^1.2.3 ~1.2 ~>1.2 ~=1.2  at least that, and the same numbers in front: how many is each registry's affair
 *      1.2 - 1.4                from, to
 *
 * Versions before a release are ordered like all others: "<2.0" holds for 2.0-rc1, because what is fixed in 2.0 is not fixed there. A registry's resolver hides
 * them for another reason; "^1" and the like end before the next number's first pre-release, as with the resolvers. */
#include "version/token.h"

#define OPERANDS_MAX 256 /* comparisons of one range */

enum operator { EQ, NE, LT, LE, GT, GE, CARET, TILDE };

/* The i-th number of what stands in front: "v1.2.3-4" has 1, 2 and 3. false: there are fewer. */
static bool number_at(struct str s, u32 i, struct str *ret)
{
	if (s.n && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = str_from(s, 1);
	for (;; i--) {
		*ret = version_digits(&s);
		if (!ret->n)
			return false;
		if (!i)
			return true;
		if (!s.n || s.p[0] != '.')
			return false;
		s = str_from(s, 1);
	}
}

static u32 count_numbers(struct str s)
{
	struct str d;
	u32 n = 0;
	while (n < SEMVER_NUMBERS && number_at(s, n, &d))
		n++;
	return n;
}

/* Whether the first k numbers of both are the same; a missing one is 0. */
static bool same_front(struct str a, struct str b, u32 k)
{
	for (u32 i = 0; i < k; i++) {
		struct str x, y;
		if (!number_at(a, i, &x))
			x = STR("0");
		if (!number_at(b, i, &y))
			y = STR("0");
		if (version_number_cmp(x, y) != 0)
			return false;
	}
	return true;
}

static u32 caret_numbers(struct str s, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct str d;
		if (number_at(s, i, &d) && version_number_cmp(d, STR("")) != 0)
			return i + 1;
	}
	return MIN(n, 3u);
}

static u32 tilde_numbers(const struct version_scheme *v, u32 n)
{
	return v == &version_npm || v == &version_semver ? MIN(n, 2u) : n > 1 ? n - 1 : 1;
}

/* Cuts ".*", ".x", "*" off the end; true when there was one. */
static bool cut_wildcard(struct str *s)
{
	bool any = false;
	while (s->n && strchr("*xX", s->p[s->n - 1]) && (s->n == 1 || s->p[s->n - 2] == '.')) {
		*s = str_head(*s, s->n == 1 ? 0 : s->n - 2);
		any = true;
	}
	return any;
}

/* 1, 0, or -1: it is not understood. */
static int holds(const struct version_scheme *v, struct str version, enum operator op, struct str bound)
{
	bool wild = cut_wildcard(&bound);
	if (wild && !bound.n)
		return op != NE && op != LT && op != GT;
	u32 n = count_numbers(bound);
	int c;
	if (v->compare(version, bound, &c) < 0)
		return -1;
	/* npm's "1.2" is "1.2.x" */
	wild |= v == &version_npm && n < 3 && !str_chr(bound, '-');
	bool same = wild && same_front(version, bound, n);
	switch (op) {
	case EQ:
		return wild ? same : c == 0;
	case NE:
		return wild ? !same : c != 0;
	case LT:
		return c < 0 && !same;
	case LE:
		return c <= 0 || same;
	case GT:
		return c > 0 && !same;
	case GE:
		return c >= 0 || same;
	case CARET:
		return (c >= 0 || same) && same_front(version, bound, caret_numbers(bound, n));
	default:
		return (c >= 0 || same) && same_front(version, bound, wild && v != &version_npm ? n : tilde_numbers(v, n));
	}
}

static enum operator take_operator(const struct version_scheme *v, struct str *s)
{
	static const struct {
		char text[4];
		enum operator op;
	} table[] = { { "===", EQ }, { "==", EQ }, { "!=", NE }, { "<>", NE }, { "<=", LE }, { "<<", LT }, { ">=", GE }, { ">>", GT }, { "~>", TILDE }, { "~=", TILDE },
		{ "=", EQ }, { "<", LT }, { ">", GT }, { "^", CARET }, { "~", TILDE } };
	for (size_t i = 0; i < countof(table); i++) {
		if (str_starts(*s, str_of(table[i].text))) {
			*s = str_trim(str_from(*s, strlen(table[i].text)));
			return table[i].op;
		}
	}
	return v == &version_nuget ? GE : EQ;
}

/* Ends behind the operand that *s begins with; blanks and commas separate. */
static struct str take_operand(struct str *s)
{
	size_t n = 0;
	while (n < s->n && s->p[n] != ' ' && s->p[n] != ',' && s->p[n] != '\t')
		n++;
	struct str t = str_head(*s, n);
	*s = str_from(*s, n);
	while (s->n && (s->p[0] == ',' || s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_from(*s, 1);
	return t;
}

static int all_of(const struct version_scheme *v, struct str version, struct str range)
{
	int result = 1;
	range = str_trim(range);
	if (!range.n)
		return 1;
	for (u32 i = 0; range.n; i++) {
		enum operator op = take_operator(v, &range);
		struct str bound = take_operand(&range);
		if (!bound.n || i >= OPERANDS_MAX)
			return -1;
		int r;
		if (str_starts(range, STR("- "))) { /* from - to */
			range = str_trim(str_from(range, 1));
			struct str to = take_operand(&range);
			r = holds(v, version, GE, bound);
			int below = holds(v, version, LE, to);
			r = r < 0 || below < 0 ? -1 : r && below;
		} else {
			r = holds(v, version, op, bound);
		}
		if (r < 0)
			return -1;
		result = result && r;
	}
	return result;
}

/* "[1.0,2.0)": *s moves behind it. */
static int interval(const struct version_scheme *v, struct str version, struct str *s)
{
	bool low_in = s->p[0] == '[';
	size_t n = 1;
	while (n < s->n && s->p[n] != ']' && s->p[n] != ')')
		n++;
	if (n == s->n)
		return -1;
	bool high_in = s->p[n] == ']';
	struct str high = str_n(s->p + 1, n - 1), low = str_trim(str_cut(&high, ','));
	*s = str_from(*s, n + 1);
	if (!high.p)
		return low.n ? holds(v, version, EQ, low) : -1;
	high = str_trim(high);
	int above = low.n ? holds(v, version, low_in ? GE : GT, low) : 1, below = high.n ? holds(v, version, high_in ? LE : LT, high) : 1;
	return above < 0 || below < 0 ? -1 : above && below;
}

static int any_interval(const struct version_scheme *v, struct str version, struct str range)
{
	int result = 0;
	for (u32 i = 0; range.n; i++) {
		if ((range.p[0] != '[' && range.p[0] != '(') || i >= OPERANDS_MAX)
			return -1;
		int r = interval(v, version, &range);
		if (r < 0)
			return -1;
		result = result || r;
		while (range.n && (range.p[0] == ',' || range.p[0] == ' '))
			range = str_from(range, 1);
	}
	return result;
}

int version_in_range(const struct version_scheme *s, struct str version, struct str range)
{
	int c, result = 0;
	version = str_trim(version);
	if (version.n > VERSION_MAX || range.n > 2 * VERSION_MAX || s->compare(version, version, &c) < 0)
		return -1;
	for (u32 i = 0;; i++) {
		struct str one = str_cut(&range, '|');
		if (range.p && range.n && range.p[0] == '|')
			range = str_from(range, 1);
		one = str_trim(one);
		int r = one.n && (one.p[0] == '[' || one.p[0] == '(') ? any_interval(s, version, one) : all_of(s, version, one);
		if (r < 0 || i >= OPERANDS_MAX)
			return -1;
		result = result || r;
		if (!range.p)
			return result;
	}
}
