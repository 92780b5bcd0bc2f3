#include "package/changes.h"

const char *const package_change_text[PACKAGE_CHANGE_KINDS] = { "added", "removed", "upgraded", "downgraded", "resized" };

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* The digits at *s as a number of any length: cuts them off, drops leading zeros. */
static struct str digits(struct str *s)
{
	while (s->n && s->p[0] == '0')
		*s = str_from(*s, 1);
	size_t n = 0;
	while (n < s->n && digit(s->p[n]))
		n++;
	struct str d = str_head(*s, n);
	*s = str_from(*s, n);
	return d;
}

static int number_cmp(struct str a, struct str b) { return a.n != b.n ? (a.n < b.n ? -1 : 1) : str_cmp(a, b); }

/* Where a character stands among what is no digit: '~' before the end, the end before letters, letters before the rest. */
static int deb_order(struct str s)
{
	if (!s.n || digit(s.p[0]))
		return 0;
	return s.p[0] == '~' ? -1 : alpha(s.p[0]) ? (u8)s.p[0] : (u8)s.p[0] + 256;
}

static int deb_part(struct str a, struct str b)
{
	while (a.n || b.n) {
		while ((a.n && !digit(a.p[0])) || (b.n && !digit(b.p[0]))) {
			int x = deb_order(a), y = deb_order(b);
			if (x != y)
				return x < y ? -1 : 1;
			a = str_from(a, 1);
			b = str_from(b, 1);
		}
		struct str na = digits(&a), nb = digits(&b);
		int c = number_cmp(na, nb);
		if (c)
			return c;
	}
	return 0;
}

/* "1:2.3-4" into its three parts; `last`: the revision begins at the last dash (dpkg) or the first (rpm). */
static void parts(struct str s, bool last, struct str out[3])
{
	size_t n = 0;
	while (n < s.n && digit(s.p[n]))
		n++;
	out[0] = STR("");
	if (n < s.n && s.p[n] == ':') {
		out[0] = str_head(s, n);
		s = str_from(s, n + 1);
	}
	const char *dash = !s.n ? NULL : last ? memrchr(s.p, '-', s.n) : memchr(s.p, '-', s.n);
	out[1] = dash ? str_n(s.p, (size_t)(dash - s.p)) : s;
	out[2] = dash ? str_from(s, out[1].n + 1) : STR("");
}

/* rpm-version(7): runs of digits and of letters; '~' before everything, '^' after the end and before the rest. */
static int rpm_part(struct str a, struct str b)
{
	while (a.n || b.n) {
		while (a.n && !digit(a.p[0]) && !alpha(a.p[0]) && a.p[0] != '~' && a.p[0] != '^')
			a = str_from(a, 1);
		while (b.n && !digit(b.p[0]) && !alpha(b.p[0]) && b.p[0] != '~' && b.p[0] != '^')
			b = str_from(b, 1);
		char x = a.n ? a.p[0] : '\0', y = b.n ? b.p[0] : '\0';
		if (x == '~' || y == '~') {
			if (x != y)
				return x == '~' ? -1 : 1;
		} else if (x == '^' || y == '^') {
			if (x != y)
				return x == '^' ? (y ? -1 : 1) : (x ? 1 : -1);
		} else if (!x || !y) {
			return !x && !y ? 0 : x ? 1 : -1;
		} else if (digit(x) != digit(y)) {
			return digit(x) ? 1 : -1;
		} else if (digit(x)) {
			struct str na = digits(&a), nb = digits(&b);
			int c = number_cmp(na, nb);
			if (c)
				return c;
			continue;
		} else {
			size_t i = 0, j = 0;
			while (i < a.n && alpha(a.p[i]))
				i++;
			while (j < b.n && alpha(b.p[j]))
				j++;
			int c = str_cmp(str_head(a, i), str_head(b, j));
			if (c)
				return c;
			a = str_from(a, i);
			b = str_from(b, j);
			continue;
		}
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return 0;
}

/* apk: digits{.digits}{letter}{_suffix{digits}}{-rN}. The kinds of token, an earlier one weighing more where two versions part. */
enum apk_token { APK_NUMBER, APK_LETTER, APK_SUFFIX, APK_SUFFIX_NUMBER, APK_REVISION, APK_END };

struct apk_at {
	struct str rest;
	enum apk_token token;
	struct str value; /* of numbers, letters, revisions */
	int suffix;       /* alpha -4 … rc -1, none 0, cvs 1 … p 5 */
	bool fraction;    /* a number after a dot that begins with 0 */
};

static void apk_next(struct apk_at *t, bool first)
{
	static const char *const suffixes[] = { "alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p" };
	struct str s = t->rest;
	enum apk_token before = t->token;
	t->value = STR("");
	t->suffix = 0;
	t->token = APK_END;
	if (!s.n) {
		return;
	} else if (first || (s.p[0] == '.' && s.n > 1 && digit(s.p[1]))) {
		s = first ? s : str_from(s, 1);
		size_t n = 0;
		while (n < s.n && digit(s.p[n]))
			n++;
		t->fraction = !first && n && s.p[0] == '0';
		t->value = str_head(s, n);
		t->rest = str_from(s, n);
		t->token = APK_NUMBER;
	} else if (s.p[0] >= 'a' && s.p[0] <= 'z' && before == APK_NUMBER) {
		t->value = str_head(s, 1);
		t->rest = str_from(s, 1);
		t->token = APK_LETTER;
	} else if (s.p[0] == '_') {
		s = str_from(s, 1);
		for (int i = 0; i < (int)countof(suffixes); i++)
			if (str_starts(s, str_of(suffixes[i])) && (s.n == strlen(suffixes[i]) || !alpha(s.p[strlen(suffixes[i])]))) {
				t->suffix = i < 4 ? i - 4 : i - 3;
				t->rest = str_from(s, strlen(suffixes[i]));
				t->token = APK_SUFFIX;
			}
	} else if (digit(s.p[0]) && before == APK_SUFFIX) {
		t->value = digits(&s);
		t->rest = s;
		t->token = APK_SUFFIX_NUMBER;
	} else if (s.n > 2 && s.p[0] == '-' && s.p[1] == 'r') {
		s = str_from(s, 2);
		t->value = digits(&s);
		t->rest = s;
		t->token = APK_REVISION;
	}
}

static int apk_value_cmp(const struct apk_at *a, const struct apk_at *b)
{
	if (a->token == APK_SUFFIX)
		return (a->suffix > b->suffix) - (a->suffix < b->suffix);
	if (a->token == APK_LETTER || (a->token == APK_NUMBER && (a->fraction || b->fraction)))
		return str_cmp(a->value, b->value);
	struct str x = a->value, y = b->value;
	struct str nx = digits(&x), ny = digits(&y);
	return number_cmp(nx, ny);
}

static int apk_cmp(struct str x, struct str y)
{
	struct apk_at a = { .rest = x }, b = { .rest = y };
	for (bool first = true;; first = false) {
		apk_next(&a, first);
		apk_next(&b, first);
		if (a.token != b.token || a.token == APK_END)
			break;
		int c = apk_value_cmp(&a, &b);
		if (c)
			return c;
	}
	if (a.token == b.token)
		return str_cmp(a.rest, b.rest); /* what is no version of apk's any more */
	/* One goes on where the other ends or has a later kind: "1.0_rc1" < "1.0" < "1.0_p1", "1.0.1" > "1.0-r1". */
	if (a.token == APK_SUFFIX && a.suffix < 0)
		return -1;
	if (b.token == APK_SUFFIX && b.suffix < 0)
		return 1;
	return a.token < b.token ? 1 : -1;
}

int package_version_cmp(const char *type, const char *a, const char *b)
{
	if (strcmp(type, "apk") == 0)
		return apk_cmp(str_of(a), str_of(b));
	bool rpm = strcmp(type, "rpm") == 0;
	int (*cmp)(struct str, struct str) = rpm ? rpm_part : deb_part;
	struct str x[3], y[3];
	parts(str_of(a), !rpm, x);
	parts(str_of(b), !rpm, y);
	struct str ex = digits(&x[0]), ey = digits(&y[0]);
	int c = number_cmp(ex, ey);
	c = c ? c : cmp(x[1], y[1]);
	return c ? c : cmp(x[2], y[2]);
}

static void add(struct package_changes *ret, const struct package *a, const struct package *b)
{
	struct package_change c = { PACKAGE_RESIZED, a, b };
	if (!a || !b) {
		c.kind = b ? PACKAGE_ADDED : PACKAGE_REMOVED;
	} else if (strcmp(a->version, b->version) != 0) {
		c.kind = package_version_cmp(a->type, a->version, b->version) <= 0 ? PACKAGE_UPGRADED : PACKAGE_DOWNGRADED;
	} else if (a->bytes == b->bytes && a->files == b->files) {
		return;
	}
	ret->count[c.kind]++;
	VEC_PUSH(ret->v, ret->n, ret->cap, c);
}

static int name_cmp(const struct package *a, const struct package *b)
{
	int c = strcmp(a->type, b->type);
	return c ? c : strcmp(a->name, b->name);
}

static int arch_cmp(const void *x, const void *y)
{
	const struct package *a = *(const struct package *const *)x, *b = *(const struct package *const *)y;
	int c = strcmp(a->arch, b->arch);
	c = c ? c : strcmp(a->version, b->version);
	return c ? c : (a > b) - (a < b);
}

/* All packages of one type and name: equal versions first, what is left by architecture in order. */
static void compare_group(struct package_changes *ret, const struct package **a, u32 n_a, const struct package **b, u32 n_b)
{
	if (n_a)
		qsort(a, n_a, sizeof *a, arch_cmp);
	if (n_b)
		qsort(b, n_b, sizeof *b, arch_cmp);
	u32 left_a = 0, left_b = 0, i, j;
	for (i = 0, j = 0; i < n_a || j < n_b;) {
		int c = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i]->arch, b[j]->arch);
		c = c ? c : strcmp(a[i]->version, b[j]->version);
		if (c == 0)
			add(ret, a[i++], b[j++]);
		else if (c < 0)
			a[left_a++] = a[i++];
		else
			b[left_b++] = b[j++];
	}
	for (i = 0, j = 0; i < left_a || j < left_b;) {
		int c = i == left_a ? 1 : j == left_b ? -1 : strcmp(a[i]->arch, b[j]->arch);
		add(ret, c <= 0 ? a[i] : NULL, c >= 0 ? b[j] : NULL);
		i += c <= 0;
		j += c >= 0;
	}
}

static u64 weight(const struct package_change *c)
{
	u64 a = c->a ? c->a->bytes : 0, b = c->b ? c->b->bytes : 0;
	return c->kind == PACKAGE_RESIZED ? (a > b ? a - b : b - a) : MAX(a, b);
}

static int weight_cmp(const void *x, const void *y)
{
	const struct package_change *a = x, *b = y;
	u64 wa = weight(a), wb = weight(b);
	if (wa != wb)
		return wa < wb ? 1 : -1;
	const struct package *pa = a->b ? a->b : a->a, *pb = b->b ? b->b : b->a;
	int c = name_cmp(pa, pb);
	c = c ? c : strcmp(pa->version, pb->version);
	c = c ? c : strcmp(pa->arch, pb->arch);
	return c ? c : (int)a->kind - (int)b->kind;
}

void packages_compare(const struct packages *a, const struct packages *b, struct package_changes *ret)
{
	*ret = (struct package_changes){ 0 };
	autofree const struct package **va = xcalloc((size_t)a->n + 1, sizeof *va), **vb = xcalloc((size_t)b->n + 1, sizeof *vb);
	for (u32 i = 0, j = 0; i < a->n || j < b->n;) {
		int c = i == a->n ? 1 : j == b->n ? -1 : name_cmp(&a->v[i], &b->v[j]);
		const struct package *first = c <= 0 ? &a->v[i] : &b->v[j];
		u32 n_a = 0, n_b = 0;
		while (i < a->n && name_cmp(&a->v[i], first) == 0)
			va[n_a++] = &a->v[i++];
		while (j < b->n && name_cmp(&b->v[j], first) == 0)
			vb[n_b++] = &b->v[j++];
		compare_group(ret, va, n_a, vb, n_b);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, weight_cmp);
}

void package_changes_free(struct package_changes *c)
{
	free(c->v);
	*c = (struct package_changes){ 0 };
}
