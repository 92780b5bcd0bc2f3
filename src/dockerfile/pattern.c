#include "dockerfile/pattern.h"
#include "base/text.h"

enum { ANY = 0x7FFFFFF0, STAR }; /* tokens that are no character */

/* A string as characters; a byte that is not UTF-8 is one of its own. */
struct chars {
	u32 *v;
	u32 n;
};

static struct chars chars_of(struct str s)
{
	struct chars c = { xmalloc((s.n + 1) * sizeof(u32)), 0 };
	for (size_t i = 0; i < s.n;) {
		u32 code;
		size_t n = text_utf8(str_from(s, i), &code);
		c.v[c.n++] = n ? code : 0x110000u + (u8)s.p[i];
		i += n ? n : 1;
	}
	return c;
}

/* Bytes that the first k characters of s take. */
static size_t bytes_of(struct str s, u32 k)
{
	size_t i = 0;
	for (; k && i < s.n; k--) {
		size_t n = text_utf8(str_from(s, i), &(u32){ 0 });
		i += n ? n : 1;
	}
	return i;
}

static void reverse(struct chars *c)
{
	for (u32 i = 0, k = c->n; i + 1 < k; i++) {
		u32 t = c->v[i];
		c->v[i] = c->v[--k];
		c->v[k] = t;
	}
}

static int tokens_of(struct str pattern, struct chars *ret, struct error *err)
{
	struct chars c = chars_of(pattern);
	u32 n = 0;
	for (u32 i = 0; i < c.n; i++) {
		u32 t = c.v[i];
		if (t == '*') {
			t = STAR;
		} else if (t == '?') {
			t = ANY;
		} else if (t == '\\') {
			t = i + 1 < c.n ? c.v[i + 1] : 0;
			if (t == '}' || t == '/')
				continue;
			if (t != '*' && t != '?' && t != '\\') {
				free(c.v);
				return error_set(err, ERR_INPUT, "invalid pattern (%.*s) in substitution: invalid escape", STR_FMT(pattern));
			}
			i++;
		}
		c.v[n++] = t;
	}
	c.n = n;
	*ret = c;
	return 0;
}

struct match {
	struct chars tokens, value;
	bool greedy;
	u8 *fits; /* bit token * (value.n + 1) + i: from that token on the pattern matches at character i */
};

static size_t bit(const struct match *m, u32 token, u32 i) { return (size_t)token * (m->value.n + 1) + i; }
static bool fits(const struct match *m, u32 token, u32 i) { size_t b = bit(m, token, i); return m->fits[b >> 3] >> (b & 7) & 1; }

static int match_open(struct match *m, struct str pattern, struct str value, bool from_end, struct error *err)
{
	if (tokens_of(pattern, &m->tokens, err) < 0)
		return -1;
	m->value = chars_of(value);
	if (from_end) {
		reverse(&m->tokens);
		reverse(&m->value);
	}
	u32 n = m->value.n;
	if ((u64)(m->tokens.n + 1) * (n + 1) > PATTERN_WORK) {
		free(m->tokens.v);
		free(m->value.v);
		return error_set(err, ERR_INPUT, "the pattern of a substitution is too long for its value");
	}
	m->fits = xcalloc((bit(m, m->tokens.n + 1, 0) >> 3) + 1, 1);
	for (u32 t = m->tokens.n + 1; t-- > 0;) {
		for (u32 i = n + 1; i-- > 0;) {
			u32 c = i < n ? m->value.v[i] : '\n', k = t < m->tokens.n ? m->tokens.v[t] : 0;
			bool yes = t == m->tokens.n;
			if (!yes && k == STAR)
				yes = fits(m, t + 1, i) || (c != '\n' && fits(m, t, i + 1));
			else if (!yes && i < n)
				yes = (k == ANY ? c != '\n' : c == k) && fits(m, t + 1, i + 1);
			if (yes)
				m->fits[bit(m, t, i) >> 3] |= (u8)(1 << (bit(m, t, i) & 7));
		}
	}
	return 0;
}

static void match_close(struct match *m)
{
	free(m->tokens.v);
	free(m->value.v);
	free(m->fits);
}

/* Where the match that starts at i ends: what a backtracking matcher finds first, stars tried short or long. */
static u32 match_end(const struct match *m, u32 i)
{
	for (u32 t = 0; t < m->tokens.n; t++) {
		if (m->tokens.v[t] != STAR) {
			i++;
			continue;
		}
		u32 k = i;
		for (u32 j = i;; j++) {
			if (fits(m, t + 1, j)) {
				k = j;
				if (!m->greedy)
					break;
			}
			if (j >= m->value.n || m->value.v[j] == '\n')
				break;
		}
		i = k;
	}
	return i;
}

int pattern_cut(struct str pattern, struct str *value, bool at_end, bool longest, struct error *err)
{
	struct match m = { .greedy = longest };
	if (match_open(&m, pattern, *value, at_end, err) < 0)
		return -1;
	if (fits(&m, 0, 0)) {
		u32 n = match_end(&m, 0);
		if (at_end)
			*value = str_head(*value, bytes_of(*value, m.value.n - n));
		else
			*value = str_from(*value, bytes_of(*value, n));
	}
	match_close(&m);
	return 0;
}

/* `with` as Go's regexp expands it when all matches are replaced: $0 is the match, $$ a dollar, any other $NAME nothing. */
static void expand(struct buf *out, struct str with, struct str match)
{
	for (size_t i = 0; i < with.n;) {
		if (with.p[i] != '$') {
			buf_putc(out, with.p[i++]);
			continue;
		}
		if (i + 1 < with.n && with.p[i + 1] == '$') {
			buf_putc(out, '$');
			i += 2;
			continue;
		}
		bool brace = i + 1 < with.n && with.p[i + 1] == '{';
		size_t from = i + 1 + brace, k = from;
		while (k < with.n && (with.p[k] == '_' || (with.p[k] >= '0' && with.p[k] <= '9') || ((with.p[k] | 32) >= 'a' && (with.p[k] | 32) <= 'z')))
			k++;
		if (k == from || (brace && (k >= with.n || with.p[k] != '}'))) {
			buf_putc(out, '$');
			i++;
			continue;
		}
		if (str_is(str_n(with.p + from, k - from), "0"))
			buf_add(out, match);
		i = k + brace;
	}
}

int pattern_replace(struct str pattern, struct str value, struct str with, bool all, struct buf *out, struct error *err)
{
	struct match m = { .greedy = true };
	if (match_open(&m, pattern, value, false, err) < 0)
		return -1;
	u32 search = 0, last = 0;  /* characters */
	size_t done = 0;           /* bytes of value up to `last` */
	while (search <= m.value.n && !out->over) {
		u32 from = search;
		while (from <= m.value.n && !fits(&m, 0, from))
			from++;
		if (from > m.value.n)
			break;
		u32 end = match_end(&m, from);
		size_t a = done + bytes_of(str_from(value, done), from - last), b = a + bytes_of(str_from(value, a), end - from);
		buf_add(out, str_n(value.p + done, a - done));
		if (!all)
			buf_add(out, with);
		else if (end > last || from == 0)
			expand(out, with, str_n(value.p + a, b - a));
		done = b;
		last = end;
		if (!all)
			break;
		search = MAX(end, search + 1);
	}
	if (value.n > done)
		buf_add(out, str_from(value, done));
	match_close(&m);
	return 0;
}
