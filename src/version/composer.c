/* composer.c — Composer's order: a version is first normalised as composer/semver's VersionParser does ("v1.2-beta.3" is "1.2.0.0-beta3", "2.x-dev" is "2.9999999.9999999.9999999-dev",
 * "dev-main" stays), and then ordered as PHP's version_compare() does, which knows the words dev < alpha < beta < RC < # < pl. */
#include "version/token.h"

#define NORMAL_MAX (VERSION_MAX + 64)
struct normal {
	char p[NORMAL_MAX];
	size_t n;
};

static void put(struct normal *o, struct str s)
{
	size_t n = MIN(s.n, sizeof o->p - o->n);
	if (n)
		memcpy(o->p + o->n, s.p, n);
	o->n += n;
}

static bool separates(char c) { return c == '.' || c == '-'; }

static bool word(struct str *s, const char *name)
{
	size_t n = strlen(name);
	if (s->n < n || !str_ieq(str_head(*s, n), str_of(name)))
		return false;
	*s = str_from(*s, n);
	return true;
}

/* [._-]?(stable|beta|b|RC|alpha|a|patch|pl|p)?([.-]?DIGITS)*[.-]?dev? up to the end: appends what it becomes. */
static bool modifier(struct str s, struct normal *o)
{
	static const struct {
		const char *word, *is;
	} words[] = { { "stable", NULL }, { "beta", "-beta" }, { "b", "-beta" }, { "RC", "-RC" }, { "alpha", "-alpha" }, { "a", "-alpha" }, { "patch", "-patch" }, { "pl", "-patch" }, { "p", "-patch" } };
	size_t was = o->n;
	bool stable = false;
	if (s.n && (separates(s.p[0]) || s.p[0] == '_'))
		s = str_from(s, 1);
	for (size_t i = 0; i < countof(words); i++) {
		if (!word(&s, words[i].word))
			continue;
		struct str numbers = s;
		for (;;) {
			struct str t = s.n && separates(s.p[0]) ? str_from(s, 1) : s;
			if (!version_digits(&t).n)
				break;
			s = t;
		}
		numbers.n -= s.n;
		if (numbers.n && separates(numbers.p[0]))
			numbers = str_from(numbers, 1);
		stable = !words[i].is;
		if (!stable) {
			put(o, str_of(words[i].is));
			put(o, numbers);
		}
		break;
	}
	struct str t = s.n && separates(s.p[0]) ? str_from(s, 1) : s;
	if (word(&t, "dev")) {
		s = t;
		if (!stable)
			put(o, STR("-dev"));
	}
	if (s.n)
		o->n = was;
	return s.n == 0;
}

static bool classical(struct str s, struct normal *o)
{
	struct str d = version_digits(&s);
	if (!d.n || d.n > 5)
		return false;
	put(o, d);
	for (int i = 0; i < 3; i++) {
		if (s.n > 1 && s.p[0] == '.' && version_digit(s.p[1])) {
			s = str_from(s, 1);
			put(o, STR("."));
			put(o, version_digits(&s));
		} else {
			put(o, STR(".0"));
		}
	}
	return modifier(s, o);
}

/* One to `most` digits behind [.:-]? at *s. */
static bool date_digits(struct str *s, size_t least, size_t most)
{
	struct str t = s->n && (separates(s->p[0]) || s->p[0] == ':') ? str_from(*s, 1) : *s, d = str_head(t, most);
	size_t n = version_digits(&d).n;
	if (n < least)
		return false;
	*s = str_from(t, n);
	return true;
}

static bool dated(struct str s, struct normal *o)
{
	struct str all = s, year = version_digits(&s);
	if (year.n < 4)
		return false;
	for (int pairs = 6; pairs > 0; pairs--) {
		struct str at = str_from(all, 4);
		int k = 0;
		while (k < pairs && date_digits(&at, 2, 2))
			k++;
		for (size_t tail = k == pairs ? 4 : 0; tail-- > 0;) {
			struct str end = at;
			if (tail && !date_digits(&end, tail, tail))
				continue;
			o->n = 0;
			for (const char *c = all.p; c < end.p; c++)
				put(o, version_digit(*c) ? str_n(c, 1) : STR("."));
			if (modifier(end, o))
				return true;
		}
	}
	return false;
}

/* "2.x-dev": a numeric branch stands before the version that comes after it. */
static bool branch(struct str s, struct normal *o)
{
	if (s.n < 3 || !str_ieq(str_from(s, s.n - 3), STR("dev")))
		return false;
	s = str_head(s, s.n - 3);
	if (s.n && separates(s.p[s.n - 1]))
		s = str_head(s, s.n - 1);
	o->n = 0;
	struct str d = version_digits(&s);
	if (!d.n)
		return false;
	put(o, d);
	for (int i = 0; i < 3; i++) {
		put(o, STR("."));
		bool any = s.n > 1 && s.p[0] == '.' && (s.p[1] == 'x' || s.p[1] == 'X' || s.p[1] == '*');
		if (any)
			s = str_from(s, 2);
		else if (s.n > 1 && s.p[0] == '.' && version_digit(s.p[1]))
			s = str_from(s, 1);
		else if (s.n)
			return false;
		d = any ? STR("") : version_digits(&s);
		put(o, d.n ? d : STR("9999999"));
	}
	put(o, STR("-dev"));
	return s.n == 0;
}

static bool normalise(struct str s, struct normal *o)
{
	o->n = 0;
	if (s.n > VERSION_MAX)
		return false;
	s = str_trim(s);
	const char *as = str_find(s, STR(" as "));
	if (as)
		s = str_trim(str_head(s, (size_t)(as - s.p)));
	const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
	static const char *const stabilities[] = { "stable", "RC", "beta", "alpha", "dev" };
	for (size_t i = 0; at && i < countof(stabilities); i++) {
		if (str_ieq(str_from(s, (size_t)(at + 1 - s.p)), str_of(stabilities[i]))) {
			s = str_head(s, (size_t)(at - s.p));
			break;
		}
	}
	if (str_is(s, "master") || str_is(s, "trunk") || str_is(s, "default")) {
		put(o, STR("dev-"));
		put(o, s);
		return true;
	}
	if (s.n >= 4 && str_ieq(str_head(s, 4), STR("dev-"))) {
		put(o, STR("dev-"));
		put(o, str_from(s, 4));
		return true;
	}
	const char *plus = str_chr(s, '+');
	if (plus && plus > s.p && plus + 1 < s.p + s.n)
		s = str_head(s, (size_t)(plus - s.p));
	if (s.n && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = str_from(s, 1);
	if (classical(s, o) || dated(s, o))
		return true;
	return branch(s, o);
}

/* --- PHP's version_compare() --- */
struct piece {
	struct str text;
	bool number;
};

static bool next(struct str *s, struct piece *ret)
{
	while (s->n && (separates(s->p[0]) || s->p[0] == '_' || s->p[0] == '+'))
		*s = str_from(*s, 1);
	if (!s->n)
		return false;
	ret->number = version_digit(s->p[0]);
	size_t n = 0;
	while (n < s->n && version_digit(s->p[n]) == ret->number && !separates(s->p[n]) && s->p[n] != '_' && s->p[n] != '+')
		n++;
	ret->text = str_head(*s, n);
	*s = str_from(*s, n);
	return true;
}

static int form(struct str s)
{
	static const struct {
		const char *name;
		int rank;
	} forms[] = { { "dev", 0 }, { "alpha", 1 }, { "a", 1 }, { "beta", 2 }, { "b", 2 }, { "RC", 3 }, { "rc", 3 }, { "#", 4 }, { "pl", 5 }, { "p", 5 } };
	for (size_t i = 0; i < countof(forms); i++)
		if (str_starts(s, str_of(forms[i].name)))
			return forms[i].rank;
	return -1;
}

static int rank(const struct piece *p) { return p->number ? 4 : form(p->text); }

static int php_cmp(struct str a, struct str b)
{
	for (;;) {
		struct piece x, y;
		bool more_x = next(&a, &x), more_y = next(&b, &y);
		if (!more_x && !more_y)
			return 0;
		if (!more_x) /* a number goes on; a word is beside "#" */
			return y.number ? -1 : version_sign(4 - rank(&y));
		if (!more_y)
			return x.number ? 1 : version_sign(rank(&x) - 4);
		int c = x.number && y.number ? version_number_cmp(x.text, y.text) : version_sign(rank(&x) - rank(&y));
		if (c)
			return c;
	}
}

static int compare(struct str a, struct str b, int *order)
{
	struct normal x, y;
	if (!normalise(a, &x) || !normalise(b, &y))
		return -1;
	struct str s = str_n(x.p, x.n), t = str_n(y.p, y.n);
	bool both = str_starts(s, STR("dev-")) && str_starts(t, STR("dev-")); /* branches stand in no order: any will do */
	*order = both ? version_sign(str_cmp(s, t)) : php_cmp(s, t);
	return 0;
}

const struct version_scheme version_composer = { "composer", compare };
