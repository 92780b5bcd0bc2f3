/* rpm.c — rpm-version(7): [epoch:]version[-release], each part by rpmvercmp: runs of digits and of letters, '~' before everything, '^' behind the end and before the rest. */
#include "version/token.h"

struct evr {
	struct str epoch, version, release; /* release.p NULL: none is named */
};

static bool parse(struct str s, struct evr *ret)
{
	if (s.n > VERSION_MAX)
		return false;
	s = str_trim(s);
	if (!s.n)
		return false;
	size_t n = 0;
	while (n < s.n && version_digit(s.p[n]))
		n++;
	ret->epoch = STR("");
	if (n < s.n && s.p[n] == ':') {
		ret->epoch = str_head(s, n);
		s = str_from(s, n + 1);
	}
	const char *dash = s.n ? memrchr(s.p, '-', s.n) : NULL;
	ret->version = dash ? str_head(s, (size_t)(dash - s.p)) : s;
	ret->release = dash ? str_from(s, ret->version.n + 1) : str_n(NULL, 0);
	return true;
}

static bool counts(char c) { return version_digit(c) || version_alpha(c) || c == '~' || c == '^'; }

static struct str letters(struct str *s)
{
	size_t n = 0;
	while (n < s->n && version_alpha(s->p[n]))
		n++;
	struct str l = str_head(*s, n);
	*s = str_from(*s, n);
	return l;
}

static int part_cmp(struct str a, struct str b)
{
	while (a.n || b.n) {
		while (a.n && !counts(a.p[0]))
			a = str_from(a, 1);
		while (b.n && !counts(b.p[0]))
			b = str_from(b, 1);
		char x = a.n ? a.p[0] : '\0', y = b.n ? b.p[0] : '\0';
		if (x == '~' || y == '~' || x == '^' || y == '^') {
			if (x != y)
				return x == '~' ? -1 : y == '~' ? 1 : x == '^' ? (y ? -1 : 1) : (x ? 1 : -1);
			a = str_from(a, 1);
			b = str_from(b, 1);
			continue;
		}
		if (!x || !y)
			return x ? 1 : y ? -1 : 0;
		if (version_digit(x) != version_digit(y))
			return version_digit(x) ? 1 : -1;
		bool number = version_digit(x);
		struct str p = number ? version_digits(&a) : letters(&a), q = number ? version_digits(&b) : letters(&b);
		int c = number ? version_number_cmp(p, q) : version_sign(str_cmp(p, q));
		if (c)
			return c;
	}
	return 0;
}

static int compare(struct str a, struct str b, int *order)
{
	struct evr x, y;
	if (!parse(a, &x) || !parse(b, &y))
		return -1;
	int c = version_number_cmp(x.epoch, y.epoch);
	c = c ? c : part_cmp(x.version, y.version);
	if (!c)
		c = x.release.p && y.release.p ? part_cmp(x.release, y.release) : x.release.p ? 1 : y.release.p ? -1 : 0;
	*order = c;
	return 0;
}

const struct version_scheme version_rpm = { "rpm", compare };
