/* dpkg.c — deb-version(7): [epoch:]upstream[-revision], ordered as dpkg's lib/dpkg/version.c does it. */
#include "version/token.h"

struct deb {
	struct str epoch, version, revision;
};

static bool parse(struct str s, struct deb *ret)
{
	if (s.n > VERSION_MAX)
		return false;
	s = str_trim(s);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '\t')
			return false;
	const char *colon = str_chr(s, ':');
	ret->epoch = STR("");
	if (colon) {
		ret->epoch = str_head(s, (size_t)(colon - s.p));
		if (!version_is_number(ret->epoch))
			return false;
		s = str_from(s, ret->epoch.n + 1);
	}
	const char *dash = s.n ? memrchr(s.p, '-', s.n) : NULL;
	ret->version = dash ? str_head(s, (size_t)(dash - s.p)) : s;
	ret->revision = dash ? str_from(s, ret->version.n + 1) : STR("");
	return ret->version.n > 0 && (!dash || ret->revision.n > 0);
}

/* Where a character stands among what is no digit: '~' before the end, the end before letters, letters before the rest. */
static int order_of(struct str s)
{
	if (!s.n || version_digit(s.p[0]))
		return 0;
	return s.p[0] == '~' ? -1 : version_alpha(s.p[0]) ? (u8)s.p[0] : (u8)s.p[0] + 256;
}

static int part_cmp(struct str a, struct str b)
{
	while (a.n || b.n) {
		while ((a.n && !version_digit(a.p[0])) || (b.n && !version_digit(b.p[0]))) {
			int x = order_of(a), y = order_of(b);
			if (x != y)
				return x < y ? -1 : 1;
			a = str_from(a, 1);
			b = str_from(b, 1);
		}
		struct str x = version_digits(&a), y = version_digits(&b);
		int c = version_number_cmp(x, y);
		if (c)
			return c;
	}
	return 0;
}

static int compare(struct str a, struct str b, int *order)
{
	struct deb x, y;
	if (!parse(a, &x) || !parse(b, &y))
		return -1;
	int c = version_number_cmp(x.epoch, y.epoch);
	c = c ? c : part_cmp(x.version, y.version);
	*order = c ? c : part_cmp(x.revision, y.revision);
	return 0;
}

const struct version_scheme version_dpkg = { "dpkg", compare };
