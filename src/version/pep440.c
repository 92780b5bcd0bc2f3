/* pep440.c — PEP 440 as Python's `packaging` reads it: [EPOCH!]N(.N)*[{a|b|rc}N][.postN][.devN][+LOCAL], in all the spellings that it normalises. What is none of that is a
 * legacy version, before all others. */
#include "version/token.h"

struct pep {
	struct str epoch, release, pre, post, dev, local;
	int pre_kind; /* 'a', 'b', 'c'; 0: none */
	bool has_post, has_dev, has_local;
};

static bool word(struct str *s, const char *name)
{
	size_t n = strlen(name);
	if (s->n < n || !str_ieq(str_head(*s, n), str_of(name)))
		return false;
	*s = str_from(*s, n);
	return true;
}

static struct str separator(struct str s) { return s.n && (s.p[0] == '.' || s.p[0] == '-' || s.p[0] == '_') ? str_from(s, 1) : s; }

/* [SEP]WORD[SEP]DIGITS; *s moves behind it. */
static bool part(struct str *s, const char *const *words, int *which, struct str *number)
{
	struct str t = separator(*s);
	for (int i = 0; words[i]; i++) {
		if (!word(&t, words[i]))
			continue;
		struct str u = separator(t);
		*number = version_digits(&u);
		*s = u;
		*which = i;
		return true;
	}
	return false;
}

static bool local_ok(struct str s)
{
	bool last = false;
	for (size_t i = 0; i < s.n; i++) {
		bool c = version_digit(s.p[i]) || version_alpha(s.p[i]);
		if (!c && (!last || (s.p[i] != '.' && s.p[i] != '-' && s.p[i] != '_')))
			return false;
		last = c;
	}
	return last;
}

static bool parse(struct str s, struct pep *v)
{
	static const char *const pre[] = { "alpha", "a", "beta", "b", "preview", "pre", "rc", "c", NULL }, *const post[] = { "post", "rev", "r", NULL }, *const dev[] = { "dev", NULL };
	int which;
	*v = (struct pep){ .epoch = STR("") };
	s = str_trim(s);
	if (s.n && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = str_from(s, 1);
	struct str t = s, d = version_digits(&t);
	if (d.n && t.n && t.p[0] == '!') {
		v->epoch = d;
		s = str_from(t, 1);
	}
	v->release = s;
	if (!version_digits(&s).n)
		return false;
	while (s.n > 1 && s.p[0] == '.' && version_digit(s.p[1])) {
		s = str_from(s, 1);
		version_digits(&s);
	}
	v->release.n = (size_t)(s.p - v->release.p);
	if (part(&s, pre, &which, &v->pre))
		v->pre_kind = which < 2 ? 'a' : which < 4 ? 'b' : 'c';
	if (s.n > 1 && s.p[0] == '-' && version_digit(s.p[1])) {
		s = str_from(s, 1);
		v->post = version_digits(&s);
		v->has_post = true;
	} else {
		v->has_post = part(&s, post, &which, &v->post);
	}
	v->has_dev = part(&s, dev, &which, &v->dev);
	if (s.n && s.p[0] == '+') {
		v->local = str_from(s, 1);
		v->has_local = true;
		return local_ok(v->local);
	}
	return s.n == 0;
}

static int release_cmp(struct str a, struct str b)
{
	while (a.p || b.p) {
		struct str x = a.p ? str_cut(&a, '.') : STR(""), y = b.p ? str_cut(&b, '.') : STR("");
		int c = version_number_cmp(x, y);
		if (c)
			return c;
	}
	return 0;
}

static struct str local_cut(struct str *s)
{
	size_t n = 0;
	while (n < s->n && (version_digit(s->p[n]) || version_alpha(s->p[n])))
		n++;
	struct str t = str_head(*s, n);
	*s = n < s->n ? str_from(*s, n + 1) : str_n(NULL, 0);
	return t;
}

static int local_cmp(struct str a, struct str b)
{
	while (a.p && b.p) {
		struct str x = local_cut(&a), y = local_cut(&b);
		bool nx = version_is_number(x), ny = version_is_number(y);
		int c = nx != ny ? (nx ? 1 : -1) : nx ? version_number_cmp(x, y) : version_text_icmp(x, y);
		if (c)
			return c;
	}
	return a.p ? 1 : b.p ? -1 : 0;
}

/* 1.0.dev1 < 1.0a1 < 1.0 < 1.0.post1 */
static int pre_rank(const struct pep *v) { return v->pre_kind ? v->pre_kind : !v->has_post && v->has_dev ? 0 : 'z'; }

static int pep_cmp(const struct pep *a, const struct pep *b)
{
	int c = version_number_cmp(a->epoch, b->epoch);
	c = c ? c : release_cmp(a->release, b->release);
	c = c ? c : pre_rank(a) - pre_rank(b);
	c = c ? c : version_number_cmp(a->pre, b->pre);
	c = c ? c : a->has_post - b->has_post;
	c = c ? c : version_number_cmp(a->post, b->post);
	c = c ? c : b->has_dev - a->has_dev;
	c = c ? c : version_number_cmp(a->dev, b->dev);
	c = c ? c : a->has_local - b->has_local;
	return c || !a->has_local ? version_sign(c) : local_cmp(a->local, b->local);
}

static int legacy_cmp(struct str a, struct str b)
{
	while (a.n && b.n) {
		struct str x = version_digits(&a), y = version_digits(&b);
		int c = version_number_cmp(x, y);
		if (c)
			return c;
		if (a.n && b.n && !version_digit(a.p[0]) && !version_digit(b.p[0])) {
			c = version_text_icmp(str_head(a, 1), str_head(b, 1));
			if (c)
				return c;
			a = str_from(a, 1);
			b = str_from(b, 1);
		}
	}
	return a.n ? 1 : b.n ? -1 : 0;
}

static int compare(struct str a, struct str b, int *order)
{
	struct pep x, y;
	a = str_trim(a);
	b = str_trim(b);
	if (!a.n || !b.n || a.n > VERSION_MAX || b.n > VERSION_MAX)
		return -1;
	bool px = parse(a, &x), py = parse(b, &y);
	*order = px && py ? pep_cmp(&x, &y) : px ? 1 : py ? -1 : legacy_cmp(a, b);
	return 0;
}

const struct version_scheme version_pep440 = { "pep440", compare };
