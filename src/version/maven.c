/* maven.c — Maven's ComparableVersion (3.x): numbers and words, '-' and every change between digits and letters open a list inside the list.
 *
 *      1.0-rc2.1   [1, 0, [rc, [2, 1]]]        zeros and "", ga, final, release at the end of a list are of no account
 *
 * A list is always the last one of the list it stands in. So a version is one row of items, some of which open the next list: no recursion. */
#include "version/token.h"

enum kind { NUMBER, WORD };

struct item {
	u16 at, n;
	u8 kind;
	bool followed; /* a word with a digit behind it: "a1" is alpha-1 */
	bool opens;    /* the first of a list */
};

struct list { /* items[from…to) */
	u16 from, to;
};

struct parsed {
	struct str text;
	struct item items[VERSION_MAX + 1];
	struct list lists[2 * VERSION_MAX + 2]; /* each within the one before */
	u32 n_items, n_lists;
};

static const char *const qualifiers[] = { "alpha", "beta", "milestone", "rc", "snapshot", "", "sp" };
enum { RELEASE = 5, UNKNOWN = countof(qualifiers) };

static struct str item_text(const struct parsed *v, u32 i) { return str_n(v->text.p + v->items[i].at, v->items[i].n); }

static u32 qualifier(const struct parsed *v, u32 i)
{
	struct str s = item_text(v, i);
	if (v->items[i].followed && s.n == 1) {
		char c = version_lower(s.p[0]);
		if (c == 'a' || c == 'b' || c == 'm')
			return c == 'a' ? 0 : c == 'b' ? 1 : 2;
	}
	if (str_ieq(s, STR("ga")) || str_ieq(s, STR("final")) || str_ieq(s, STR("release")))
		return RELEASE;
	if (str_ieq(s, STR("cr")))
		return 3;
	for (u32 q = 0; q < countof(qualifiers); q++)
		if (str_ieq(s, str_of(qualifiers[q])))
			return q;
	return UNKNOWN;
}

static void open_list(struct parsed *v)
{
	v->lists[v->n_lists - 1].to = (u16)v->n_items;
	v->lists[v->n_lists++] = (struct list){ (u16)v->n_items, (u16)v->n_items };
}

static bool list_empty(const struct parsed *v) { return v->lists[v->n_lists - 1].from == v->n_items; }

static void add(struct parsed *v, size_t from, size_t to, bool digit, bool followed)
{
	v->items[v->n_items++] = (struct item){ (u16)from, (u16)(to - from), digit || from == to ? NUMBER : WORD, followed, false };
}

static bool is_null(const struct parsed *v, u32 i) { return v->items[i].kind == NUMBER ? version_number_cmp(item_text(v, i), STR("")) == 0 : qualifier(v, i) == RELEASE; }

static bool parse(struct str s, struct parsed *v)
{
	if (s.n > VERSION_MAX)
		return false;
	v->text = s;
	v->n_items = 0;
	v->n_lists = 1;
	v->lists[0] = (struct list){ 0, 0 };
	bool digit = false;
	size_t start = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '.' || c == '-') {
			add(v, start, i, digit, false);
			start = i + 1;
			if (c == '-')
				open_list(v);
		} else if (version_digit(c)) {
			if (!digit && i > start) {
				if (!list_empty(v))
					open_list(v);
				add(v, start, i, false, true);
				start = i;
				open_list(v);
			}
			digit = true;
		} else {
			if (digit && i > start) {
				add(v, start, i, true, false);
				start = i;
				open_list(v);
			}
			digit = false;
		}
	}
	if (start < s.n) {
		if (!digit && !list_empty(v))
			open_list(v);
		add(v, start, s.n, digit, false);
	}
	v->lists[v->n_lists - 1].to = (u16)v->n_items;
	for (u32 l = 0; l < v->n_lists; l++)
		while (v->lists[l].to > v->lists[l].from && is_null(v, v->lists[l].to - 1u))
			v->lists[l].to--;
	while (v->n_lists > 1 && v->lists[v->n_lists - 1].from == v->lists[v->n_lists - 1].to)
		v->n_lists--;
	return true;
}

static int word_cmp(const struct parsed *a, u32 i, const struct parsed *b, u32 j)
{
	u32 x = qualifier(a, i), y = qualifier(b, j);
	return x != y ? (x < y ? -1 : 1) : x == UNKNOWN ? version_text_icmp(item_text(a, i), item_text(b, j)) : 0;
}

/* An item beside nothing. */
static int item_sign(const struct parsed *v, u32 i)
{
	if (v->items[i].kind == NUMBER)
		return version_number_cmp(item_text(v, i), STR("")) > 0;
	u32 q = qualifier(v, i);
	return (q > RELEASE) - (q < RELEASE);
}

/* What is left from item i of list l on, beside nothing. */
static int rest_sign(const struct parsed *v, u32 l, u32 i)
{
	for (;; i = v->lists[l].from) {
		for (; i < v->lists[l].to; i++) {
			int c = item_sign(v, i);
			if (c)
				return c;
		}
		if (++l >= v->n_lists)
			return 0;
	}
}

static int item_cmp(const struct parsed *a, u32 i, const struct parsed *b, u32 j)
{
	bool x = a->items[i].kind == NUMBER, y = b->items[j].kind == NUMBER;
	return x != y ? (x ? 1 : -1) : x ? version_number_cmp(item_text(a, i), item_text(b, j)) : word_cmp(a, i, b, j);
}

static int compare(struct str s, struct str t, int *order)
{
	struct parsed a, b;
	if (!parse(s, &a) || !parse(t, &b))
		return -1;
	for (u32 l = 0;; l++) { /* both stand in their list l, at its start */
		u32 i = a.lists[l].from, j = b.lists[l].from;
		int c = 0;
		for (; !c && i < a.lists[l].to && j < b.lists[l].to; i++, j++)
			c = item_cmp(&a, i, &b, j);
		if (c) {
			*order = c;
			return 0;
		}
		bool item_a = i < a.lists[l].to, item_b = j < b.lists[l].to, list_a = l + 1 < a.n_lists, list_b = l + 1 < b.n_lists;
		if (!item_a && !item_b && list_a && list_b)
			continue;
		if (!item_a && list_a && item_b) /* a list stands before a number and behind a word */
			*order = b.items[j].kind == NUMBER ? -1 : 1;
		else if (!item_b && list_b && item_a)
			*order = a.items[i].kind == NUMBER ? 1 : -1;
		else
			*order = rest_sign(&a, l, i) - rest_sign(&b, l, j);
		*order = version_sign(*order);
		return 0;
	}
}

const struct version_scheme version_maven = { "maven", compare };
