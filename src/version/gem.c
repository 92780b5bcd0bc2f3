/* gem.c — Gem::Version: runs of digits and of letters, letters before numbers, zeros at the end of the numbers and of the rest of no account. "-" is ".pre.". */
#include "version/token.h"

/* Gem::Version::ANCHORED_VERSION_PATTERN */
static bool valid(struct str s)
{
	bool dashed = false, first = true;
	while (s.p) {
		struct str part = str_cut(&s, '.');
		if (!part.n || (first && !version_digit(part.p[0])))
			return false;
		for (size_t i = 0; i < part.n; i++) {
			bool number = version_digit(part.p[i]);
			if (part.p[i] == '-' && (dashed || (i && i + 1 < part.n)))
				dashed = true;
			else if (!number && !(version_alpha(part.p[i]) && (!first || dashed)))
				return false;
		}
		first = false;
	}
	return true;
}

struct segment {
	struct str text;
	bool number;
};

/* The next segment of *s. */
static bool next(struct str *s, struct segment *ret)
{
	while (s->n && s->p[0] == '.')
		*s = str_from(*s, 1);
	if (!s->n)
		return false;
	if (s->p[0] == '-') {
		*s = str_from(*s, 1);
		*ret = (struct segment){ STR("pre"), false };
		return true;
	}
	ret->number = version_digit(s->p[0]);
	size_t n = 0;
	while (n < s->n && (ret->number ? version_digit(s->p[n]) : version_alpha(s->p[n])))
		n++;
	ret->text = str_head(*s, n);
	*s = str_from(*s, n);
	return n > 0;
}

static bool zero(const struct segment *s) { return s->number && version_number_cmp(s->text, STR("")) == 0; }

/* Zeros at the end of the numbers, and of what begins with the first letters, are dropped: how many segments then count of either, and where the second part begins. */
static void count(struct str s, u32 *numbers, u32 *skip, u32 *rest)
{
	struct segment g;
	u32 n = 0;
	bool text = false;
	*numbers = *skip = *rest = 0;
	while (next(&s, &g)) {
		if (!text && !g.number) {
			text = true;
			*skip = n;
		}
		n++;
		if (!zero(&g)) {
			if (text)
				*rest = n - *skip;
			else
				*numbers = n;
		}
	}
	if (!text)
		*skip = n;
}

struct walk {
	struct str left;
	u32 at, numbers, skip, end; /* of all segments those below `numbers`, and from `skip` to `end` */
};

static struct walk start(struct str s)
{
	struct walk w = { .left = s };
	u32 rest;
	count(s, &w.numbers, &w.skip, &rest);
	w.end = w.skip + rest;
	return w;
}

static bool step(struct walk *w, struct segment *ret)
{
	while (w->at < w->end || w->at < w->numbers) {
		if (!next(&w->left, ret))
			return false;
		u32 i = w->at++;
		if (i < w->numbers || (i >= w->skip && i < w->end))
			return true;
	}
	return false;
}

static int compare(struct str a, struct str b, int *order)
{
	if (a.n > VERSION_MAX || b.n > VERSION_MAX)
		return -1;
	a = str_trim(a);
	b = str_trim(b);
	if ((a.n && !valid(a)) || (b.n && !valid(b)))
		return -1;
	struct walk x = start(a), y = start(b);
	for (;;) {
		struct segment p = { STR("0"), true }, q = p;
		bool more_x = step(&x, &p), more_y = step(&y, &q);
		*order = 0;
		if (!more_x && !more_y)
			return 0;
		*order = p.number != q.number ? (p.number ? 1 : -1) : p.number ? version_number_cmp(p.text, q.text) : version_sign(str_cmp(p.text, q.text));
		if (*order)
			return 0;
	}
}

const struct version_scheme version_gem = { "gem", compare };
