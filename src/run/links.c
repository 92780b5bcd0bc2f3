/* Where the pages of a site lead to: addresses in HTML, and which of them stay there. Read in one pass, as forgiving as browsers are; what is missed is a page not asked for. */
#include "run/probe.h"

#define LINK_BYTES 2048u

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* &amp; &lt; &gt; &quot; &#38; &#x26; of ASCII; anything else stays. */
static size_t entity(struct str s, char *c)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
	for (size_t i = 0; i < countof(known); i++)
		if (str_starts(s, str_of(known[i].name))) {
			*c = known[i].c;
			return strlen(known[i].name);
		}
	if (!str_starts(s, STR("&#")))
		return 0;
	u32 code = 0, base = s.n > 2 && (s.p[2] == 'x' || s.p[2] == 'X') ? 16 : 10;
	size_t i = base == 16 ? 3 : 2;
	for (; i < s.n && code < 0x80; i++) {
		char d = s.p[i];
		if (d >= '0' && d <= '9')
			code = code * base + (u32)(d - '0');
		else if (base == 16 && ((d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F')))
			code = code * base + (u32)((d | 32) - 'a') + 10;
		else
			break;
	}
	if (code <= ' ' || code >= 0x7f || i >= s.n || s.p[i] != ';')
		return 0;
	*c = (char)code;
	return i + 1;
}

struct out {
	void (*link)(void *ctx, struct str link);
	void *ctx;
	struct buf text;
};

static void tell(struct out *o, struct str value)
{
	value = str_trim(value);
	if (!value.n || value.n > LINK_BYTES)
		return;
	buf_clear(&o->text);
	for (size_t i = 0, n; i < value.n; i += n) {
		char c = value.p[i];
		n = c == '&' ? entity(str_from(value, i), &c) : 1;
		if (n == 0)
			n = 1;
		buf_putc(&o->text, c);
	}
	o->link(o->ctx, buf_str(&o->text));
}

/* "a.png 1x, b.png 2x" */
static void tell_set(struct out *o, struct str value)
{
	while (value.p) {
		struct str one = str_trim(str_cut(&value, ','));
		tell(o, str_cut(&one, ' '));
	}
}

/* One attribute, from s.p[i] on; the position behind it. */
static size_t attribute(struct str s, size_t i, struct out *o)
{
	size_t from = i;
	while (i < s.n && !blank(s.p[i]) && s.p[i] != '=' && s.p[i] != '>' && s.p[i] != '/')
		i++;
	struct str name = str_n(s.p + from, i - from), value = { NULL, 0 };
	if (i == from) /* a mark that is none of ours */
		return i + 1;
	while (i < s.n && blank(s.p[i]))
		i++;
	if (i >= s.n || s.p[i] != '=')
		return i;
	for (i++; i < s.n && blank(s.p[i]);)
		i++;
	if (i < s.n && (s.p[i] == '"' || s.p[i] == '\'')) {
		char quote = s.p[i++];
		const char *end = str_chr(str_from(s, i), quote);
		value = str_n(s.p + i, (end ? (size_t)(end - s.p) : s.n) - i);
		i += value.n + (end != NULL);
	} else {
		for (from = i; i < s.n && !blank(s.p[i]) && s.p[i] != '>';)
			i++;
		value = str_n(s.p + from, i - from);
	}
	if (str_ieq(name, STR("href")) || str_ieq(name, STR("src")) || str_ieq(name, STR("poster")))
		tell(o, value);
	else if (str_ieq(name, STR("srcset")))
		tell_set(o, value);
	return i;
}

/* Behind "</NAME", in any case of letters; all of it when it does not end. */
static size_t behind_end(struct str s, size_t i, struct str name)
{
	for (; i + 2 + name.n <= s.n; i++) {
		const char *lt = str_chr(str_from(s, i), '<');
		if (!lt)
			return s.n;
		i = (size_t)(lt - s.p);
		if (i + 2 + name.n <= s.n && s.p[i + 1] == '/' && str_ieq(str_n(s.p + i + 2, name.n), name))
			return i + 2 + name.n;
	}
	return s.n;
}

void probe_links(struct str s, void (*link)(void *ctx, struct str link), void *ctx)
{
	struct out o = { link, ctx, BUF(LINK_BYTES) };
	for (size_t i = 0; i < s.n;) {
		const char *lt = str_chr(str_from(s, i), '<');
		if (!lt)
			break;
		i = (size_t)(lt - s.p) + 1;
		if (str_starts(str_from(s, i), STR("!--"))) {
			const char *end = str_find(str_from(s, i + 3), STR("-->"));
			i = end ? (size_t)(end - s.p) + 3 : s.n;
			continue;
		}
		if (i >= s.n || !letter(s.p[i]))
			continue;
		size_t from = i;
		while (i < s.n && !blank(s.p[i]) && s.p[i] != '>' && s.p[i] != '/')
			i++;
		struct str tag = str_n(s.p + from, i - from);
		while (i < s.n && s.p[i] != '>')
			i = blank(s.p[i]) || s.p[i] == '/' ? i + 1 : attribute(s, i, &o);
		if (str_ieq(tag, STR("script")) || str_ieq(tag, STR("style")))
			i = behind_end(s, i, tag);
	}
	buf_free(&o.text);
}

/* RFC 3986 section 5.2.4, into ret behind what is in it. */
static void add_clean(struct buf *ret, struct str path)
{
	size_t base = ret->n;
	while (path.p) {
		struct str part = str_cut(&path, '/');
		bool up = str_is(part, "..");
		while (up && ret->n > base && ret->p[--ret->n] != '/')
			;
		if (!up && !str_is(part, ".") && (part.n || !path.p)) {
			buf_putc(ret, '/');
			buf_add(ret, part);
		} else if (!path.p) {
			buf_putc(ret, '/');
		}
	}
}

bool probe_same_origin(struct str page, struct str link, struct str host, struct buf *ret)
{
	struct str rest = str_trim(link);
	rest = str_cut(&rest, '#');
	size_t n = 0;
	while (n < rest.n && (letter(rest.p[n]) || (n && ((rest.p[n] >= '0' && rest.p[n] <= '9') || rest.p[n] == '+' || rest.p[n] == '-' || rest.p[n] == '.'))))
		n++;
	if (n && n < rest.n && rest.p[n] == ':') {
		if (!str_ieq(str_head(rest, n), STR("http")) && !str_ieq(str_head(rest, n), STR("https")))
			return false;
		rest = str_from(rest, n + 1);
		if (!str_starts(rest, STR("//")))
			return false;
	}
	if (!rest.n || rest.n > LINK_BYTES)
		return false;
	buf_clear(ret);
	if (str_starts(rest, STR("//"))) {
		rest = str_from(rest, 2);
		for (n = 0; n < rest.n && !strchr("/?", rest.p[n]);)
			n++;
		struct str name = str_head(rest, n), name_rest = name, own = host;
		if (!str_ieq(name, host) && !(str_ieq(str_cut(&name_rest, ':'), str_cut(&own, ':')) && (!name_rest.p || !own.p)))
			return false;
		rest = str_from(rest, n);
	}
	struct str query = rest, path = str_cut(&query, '?'), base = page;
	struct buf whole = BUF(0);
	base = str_cut(&(struct str){ base.p, base.n }, '?');
	if (!path.n && query.p && rest.p && !str_starts(link, STR("/")) && rest.p != link.p + link.n) { /* "?a=b" of the same page */
		buf_add(&whole, base);
	} else if (str_starts(path, STR("/"))) {
		buf_add(&whole, path);
	} else {
		const char *slash = base.n ? memrchr(base.p, '/', base.n) : NULL;
		buf_add(&whole, str_head(base, slash ? (size_t)(slash - base.p) + 1 : 0));
		buf_add(&whole, path);
	}
	struct str clean = str_from(buf_str(&whole), whole.n && whole.p[0] == '/');
	add_clean(ret, clean);
	if (query.p) {
		buf_putc(ret, '?');
		buf_add(ret, query);
	}
	buf_free(&whole);
	bool good = true; /* a blank in it: as browsers write it */
	for (size_t i = 0; i < ret->n; i++)
		good = good && (unsigned char)ret->p[i] > ' ' && (unsigned char)ret->p[i] < 0x7f;
	return good;
}
