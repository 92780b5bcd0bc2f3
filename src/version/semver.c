/* semver.c — semver.org 2.0.0, and the three registries that build on it: npm (node-semver), Go (golang.org/x/mod/semver) and NuGet (NuGetVersion). */
#include "version/token.h"

int version_text_icmp(struct str a, struct str b)
{
	for (size_t i = 0; i < MIN(a.n, b.n); i++) {
		char x = version_lower(a.p[i]), y = version_lower(b.p[i]);
		if (x != y)
			return (u8)x < (u8)y ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

bool version_is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!version_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static bool identifiers(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!version_digit(s.p[i]) && !version_alpha(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_')
			return false;
	return s.n > 0;
}

bool semver_parse(struct str s, u32 max_numbers, bool loose, struct semver *ret)
{
	*ret = (struct semver){ 0 };
	if (s.n > VERSION_MAX)
		return false;
	s = str_trim(s);
	if (loose && s.n && s.p[0] == '=')
		s = str_trim(str_from(s, 1));
	if (s.n && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = str_trim(str_from(s, 1));
	const char *plus = str_chr(s, '+');
	if (plus)
		s = str_head(s, (size_t)(plus - s.p));
	for (;;) {
		struct str d = version_digits(&s);
		if (!d.n || ret->n == max_numbers)
			return false;
		ret->number[ret->n++] = d;
		if (s.n < 2 || s.p[0] != '.' || !version_digit(s.p[1]))
			break;
		s = str_from(s, 1);
	}
	if (s.n && s.p[0] == '-')
		ret->pre = loose && s.n == 1 ? s : str_from(s, 1);
	else if (s.n && loose)
		ret->pre = s.p[0] == '.' ? str_from(s, 1) : s;
	else if (s.n)
		return false;
	return !ret->pre.p || identifiers(ret->pre);
}

static int pre_cmp(struct str a, struct str b, bool ignore_case)
{
	while (a.p && b.p) {
		struct str x = str_cut(&a, '.'), y = str_cut(&b, '.');
		bool nx = version_is_number(x), ny = version_is_number(y);
		int c = nx && ny ? version_number_cmp(x, y) : nx != ny ? (nx ? -1 : 1) : ignore_case ? version_text_icmp(x, y) : version_sign(str_cmp(x, y));
		if (c)
			return c;
	}
	return a.p ? 1 : b.p ? -1 : 0;
}

int semver_cmp(const struct semver *a, const struct semver *b, bool ignore_case)
{
	for (u32 i = 0; i < MAX(a->n, b->n); i++) {
		int c = version_number_cmp(i < a->n ? a->number[i] : STR("0"), i < b->n ? b->number[i] : STR("0"));
		if (c)
			return c;
	}
	if (!a->pre.p || !b->pre.p)
		return a->pre.p ? -1 : b->pre.p ? 1 : 0;
	return pre_cmp(a->pre, b->pre, ignore_case);
}

static int compare(struct str a, struct str b, u32 numbers, bool loose, bool ignore_case, int *order)
{
	struct semver x, y;
	if (!semver_parse(a, numbers, loose, &x) || !semver_parse(b, numbers, loose, &y))
		return -1;
	*order = semver_cmp(&x, &y, ignore_case);
	return 0;
}

static int compare_semver(struct str a, struct str b, int *order) { return compare(a, b, SEMVER_NUMBERS, false, false, order); }
static int compare_npm(struct str a, struct str b, int *order) { return compare(a, b, SEMVER_NUMBERS, true, false, order); }
static int compare_nuget(struct str a, struct str b, int *order) { return compare(a, b, 4, false, true, order); }

/* A release of the Go toolchain is no semantic version: "go1.21rc2" is 1.21.0-rc.2, "1.21" is 1.21.0. Writes that into `out` when s is one. */
static struct str go_release(struct str s, char out[VERSION_MAX + 4])
{
	s = str_trim(s);
	if (str_starts(s, STR("go")))
		s = str_from(s, 2);
	size_t n = 0;
	while (n < s.n && (version_digit(s.p[n]) || s.p[n] == '.'))
		n++;
	size_t word = n;
	while (word < s.n && s.p[word] >= 'a' && s.p[word] <= 'z')
		word++;
	struct str kind = str_n(s.p + n, word - n);
	if (!n || !version_is_number(str_from(s, word)) || !(str_is(kind, "rc") || str_is(kind, "beta") || str_is(kind, "alpha")) || s.n > VERSION_MAX)
		return s;
	memcpy(out, s.p, n);
	out[n] = '-';
	memcpy(out + n + 1, kind.p, kind.n);
	out[n + 1 + kind.n] = '.';
	memcpy(out + n + 2 + kind.n, s.p + word, s.n - word);
	return str_n(out, s.n + 2);
}

static int compare_go(struct str a, struct str b, int *order)
{
	char x[VERSION_MAX + 4], y[VERSION_MAX + 4];
	if (a.n > VERSION_MAX || b.n > VERSION_MAX)
		return -1;
	return compare(go_release(a, x), go_release(b, y), 3, false, false, order);
}

const struct version_scheme version_semver = { "semver", compare_semver };
const struct version_scheme version_npm = { "npm", compare_npm };
const struct version_scheme version_nuget = { "nuget", compare_nuget };
const struct version_scheme version_go = { "go", compare_go };
