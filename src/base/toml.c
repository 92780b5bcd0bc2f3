#include "base/toml.h"
#include "base/buf.h"
#include <ctype.h>
#include <math.h>

/* What a table has been through: it may be defined once, an inline one is closed, an array that was written out takes no more tables. */
enum { DEFINED = 1, CLOSED = 2, DOTTED = 4 };

struct toml {
	struct str t;
	size_t at;
	u32 depth;
	json_t *root, *flags; /* flags: by the value's address */
	struct error *err;
};

static int wrong(struct toml *p, const char *what)
{
	u32 line = 1;
	for (size_t i = 0; i < p->at && i < p->t.n; i++)
		line += p->t.p[i] == '\n';
	return error_set(p->err, ERR_USAGE, "line %u: %s", line, what);
}

static char peek(const struct toml *p, size_t more) { return p->at + more < p->t.n ? p->t.p[p->at + more] : '\0'; }
static bool over(const struct toml *p) { return p->at >= p->t.n; }
static bool here(const struct toml *p, const char *word) { return str_starts(str_from(p->t, p->at), str_of(word)); }

static json_int_t flags_of(struct toml *p, const json_t *v)
{
	char key[32];
	snprintf(key, sizeof key, "%p", (const void *)v);
	return json_integer_value(json_object_get(p->flags, key));
}

static void flag(struct toml *p, const json_t *v, int flags)
{
	char key[32];
	snprintf(key, sizeof key, "%p", (const void *)v);
	json_object_set_new(p->flags, key, json_integer(flags_of(p, v) | flags));
}

static void blanks(struct toml *p)
{
	while (!over(p) && (peek(p, 0) == ' ' || peek(p, 0) == '\t'))
		p->at++;
}

static bool line_end(struct toml *p)
{
	if (peek(p, 0) == '\r' && peek(p, 1) == '\n')
		p->at++;
	if (over(p) || peek(p, 0) != '\n')
		return over(p);
	p->at++;
	return true;
}

static int comment(struct toml *p)
{
	if (peek(p, 0) != '#' || over(p))
		return 0;
	for (; !over(p) && peek(p, 0) != '\n'; p->at++) {
		u8 c = (u8)peek(p, 0);
		if ((c < ' ' && c != '\t' && !(c == '\r' && peek(p, 1) == '\n')) || c == 127)
			return wrong(p, "a control character in a comment");
	}
	return 0;
}

static int rest_of_line(struct toml *p)
{
	blanks(p);
	if (comment(p) < 0)
		return -1;
	return line_end(p) ? 0 : wrong(p, "more than one thing on a line");
}

/* ---- strings ---- */

static void put_code(struct buf *b, u32 c)
{
	if (c < 0x80)
		buf_putc(b, (char)c);
	else if (c < 0x800)
		buf_putc(b, (char)(0xc0 | c >> 6)), buf_putc(b, (char)(0x80 | (c & 63)));
	else if (c < 0x10000)
		buf_putc(b, (char)(0xe0 | c >> 12)), buf_putc(b, (char)(0x80 | (c >> 6 & 63))), buf_putc(b, (char)(0x80 | (c & 63)));
	else
		buf_putc(b, (char)(0xf0 | c >> 18)), buf_putc(b, (char)(0x80 | (c >> 12 & 63))), buf_putc(b, (char)(0x80 | (c >> 6 & 63))), buf_putc(b, (char)(0x80 | (c & 63)));
}

static int escape(struct toml *p, struct buf *out, bool multi)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	char c = peek(p, 1);
	const char *simple = c ? strchr(from, c) : NULL;
	p->at += 2;
	if (simple) {
		buf_putc(out, to[simple - from]);
		return 0;
	}
	if (c == 'u' || c == 'U') {
		u32 code = 0, n = c == 'u' ? 4 : 8;
		for (u32 i = 0; i < n; i++, p->at++) {
			if (!isxdigit((u8)peek(p, 0)))
				return wrong(p, "an escape of a character without its digits");
			code = code << 4 | (u32)(isdigit((u8)peek(p, 0)) ? peek(p, 0) - '0' : (peek(p, 0) | 32) - 'a' + 10);
		}
		if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return wrong(p, "an escape of no character");
		put_code(out, code);
		return 0;
	}
	if (multi && (c == '\n' || c == ' ' || c == '\t' || c == '\r')) { /* the line goes on: blanks and line ends are skipped */
		bool ended = c == '\n';
		while (!over(p) && strchr(" \t\r\n", peek(p, 0)) && peek(p, 0))
			ended |= peek(p, 0) == '\n', p->at++;
		return ended ? 0 : wrong(p, "a backslash before blanks");
	}
	return wrong(p, "an unknown escape");
}

static int string(struct toml *p, struct buf *out, bool may_multi)
{
	char q = peek(p, 0), triple[4] = { q, q, q, '\0' };
	bool multi = here(p, triple);
	buf_clear(out);
	if (multi && !may_multi)
		return wrong(p, "a string of several lines as a key");
	p->at += multi ? 3 : 1;
	if (multi && peek(p, 0) == '\r' && peek(p, 1) == '\n')
		p->at++;
	if (multi && peek(p, 0) == '\n')
		p->at++;
	while (!over(p)) {
		char c = peek(p, 0);
		if (multi ? here(p, triple) : c == q) {
			p->at += multi ? 3 : 1;
			for (u32 i = 0; multi && i < 2 && peek(p, 0) == q && !over(p); i++) { /* """"": two of them belong to it */
				buf_putc(out, q);
				p->at++;
			}
			return 0;
		}
		if (c == '\\' && q == '"') {
			if (escape(p, out, multi) < 0)
				return -1;
			continue;
		}
		if (((u8)c < ' ' && c != '\t' && !(multi && (c == '\n' || (c == '\r' && peek(p, 1) == '\n')))) || c == 127)
			return wrong(p, c == '\n' ? "a string that does not end on its line" : "a control character in a string");
		buf_putc(out, c);
		p->at++;
	}
	return wrong(p, "a string without an end");
}

/* ---- values ---- */

static int value(struct toml *p, json_t **ret);

static int array(struct toml *p, json_t **ret)
{
	json_t *a = json_array();
	p->at++;
	for (;;) {
		json_t *v = NULL;
		for (;;) { /* blanks, lines, comments */
			blanks(p);
			if (comment(p) < 0)
				goto failed;
			if (over(p) || !line_end(p))
				break;
		}
		if (peek(p, 0) == ']' && !over(p)) {
			p->at++;
			flag(p, a, CLOSED);
			*ret = a;
			return 0;
		}
		if (json_array_size(a) && peek(p, 0) == ',' && !(flags_of(p, a) & DOTTED)) {
			p->at++;
			flag(p, a, DOTTED); /* here: a comma was read */
			continue;
		}
		if (over(p) || (json_array_size(a) && !(flags_of(p, a) & DOTTED))) {
			wrong(p, over(p) ? "an array without an end" : "no comma between the values of an array");
			goto failed;
		}
		if (value(p, &v) < 0)
			goto failed;
		json_array_append_new(a, v);
		char key[32];
		snprintf(key, sizeof key, "%p", (void *)a);
		json_object_del(p->flags, key);
	}
failed:
	json_decref(a);
	return -1;
}

static int assign(struct toml *p, json_t *table);

static int inline_table(struct toml *p, json_t **ret)
{
	json_t *o = json_object();
	p->at++;
	blanks(p);
	for (bool first = true; !(peek(p, 0) == '}' && first); first = false) {
		if (over(p) || assign(p, o) < 0) {
			if (over(p))
				wrong(p, "an inline table without an end");
			json_decref(o);
			return -1;
		}
		blanks(p);
		if (peek(p, 0) == '}')
			break;
		if (peek(p, 0) != ',') {
			json_decref(o);
			return wrong(p, "no comma between the values of an inline table");
		}
		p->at++;
		blanks(p);
	}
	p->at++;
	flag(p, o, DEFINED | CLOSED);
	*ret = o;
	return 0;
}

static bool digits_of(struct str s, u32 base)
{
	for (size_t i = 0; i < s.n; i++) {
		bool digit = base == 16 ? isxdigit((u8)s.p[i]) : s.p[i] >= '0' && s.p[i] < '0' + (int)MIN(base, 10u);
		if (s.p[i] == '_' ? i == 0 || i + 1 == s.n || s.p[i - 1] == '_' : !digit)
			return false;
	}
	return s.n > 0;
}

static json_t *number(struct str s)
{
	char clean[64];
	size_t n = 0;
	bool sign = s.n && (s.p[0] == '+' || s.p[0] == '-');
	struct str body = str_from(s, sign);
	for (size_t i = 0; i < s.n && n < sizeof clean - 1; i++)
		if (s.p[i] != '_')
			clean[n++] = s.p[i];
	clean[n] = '\0';
	if (s.n >= sizeof clean)
		return NULL;
	if (str_is(body, "inf") || str_is(body, "nan"))
		return json_string(clean); /* JSON has none */
	static const struct { const char *prefix; u32 base; } bases[] = { { "0x", 16 }, { "0o", 8 }, { "0b", 2 } };
	for (u32 i = 0; i < countof(bases); i++)
		if (str_starts(s, str_of(bases[i].prefix))) {
			char *end;
			long long v = strtoll(clean + 2, &end, (int)bases[i].base);
			return digits_of(str_from(s, 2), bases[i].base) && v < INT64_MAX ? json_integer(v) : NULL;
		}
	if (digits_of(body, 10)) {
		if (body.n > 1 && body.p[0] == '0')
			return NULL;
		char *end;
		long long v = strtoll(clean, &end, 10);
		return v == INT64_MAX || v == INT64_MIN ? NULL : json_integer(v);
	}
	struct str rest = body, mantissa = str_n(body.p, 0);
	size_t e = 0;
	while (e < rest.n && (rest.p[e] | 32) != 'e')
		e++;
	mantissa = str_head(rest, e);
	struct str exponent = str_from(rest, e + 1), fraction = mantissa, whole = str_cut(&fraction, '.');
	if (exponent.n && (exponent.p[0] == '+' || exponent.p[0] == '-'))
		exponent = str_from(exponent, 1);
	if (!digits_of(whole, 10) || (whole.n > 1 && whole.p[0] == '0') || (fraction.p && !digits_of(fraction, 10)) || (e < rest.n && !digits_of(exponent, 10)) || (!fraction.p && e == rest.n))
		return NULL;
	double d = strtod(clean, NULL);
	return isfinite(d) ? json_real(d) : NULL;
}

/* 1979-05-27, 07:32:00, 1979-05-27T07:32:00Z, with a blank for the T. */
static bool moment(struct str s)
{
	bool day = s.n >= 10 && s.p[4] == '-' && s.p[7] == '-', time = s.n >= 8 && s.p[2] == ':' && s.p[5] == ':';
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((u8)s.p[i]) && !strchr("-:.TtZz+ ", s.p[i]))
			return false;
	return day || time;
}

static int bare(struct toml *p, json_t **ret)
{
	size_t from = p->at;
	while (!over(p) && (isalnum((u8)peek(p, 0)) || strchr("+-_.:", peek(p, 0))) && peek(p, 0))
		p->at++;
	if (p->at - from == 10 && peek(p, 0) == ' ' && isdigit((u8)peek(p, 1)) && peek(p, 3) == ':') { /* a day, a blank, a time */
		p->at++;
		while (!over(p) && (isalnum((u8)peek(p, 0)) || strchr("+-.:", peek(p, 0))) && peek(p, 0))
			p->at++;
	}
	struct str s = str_n(p->t.p + from, p->at - from);
	*ret = str_is(s, "true") ? json_true() : str_is(s, "false") ? json_false() : moment(s) ? json_stringn(s.p, s.n) : number(s);
	return *ret ? 0 : wrong(p, "no value that TOML knows");
}

static int value(struct toml *p, json_t **ret)
{
	char c = peek(p, 0);
	int status = 0;
	if (++p->depth > TOML_DEPTH_MAX)
		return wrong(p, "too deep");
	if (c == '"' || c == '\'') {
		struct buf text = BUF(0);
		status = string(p, &text, true);
		*ret = status == 0 ? json_stringn(text.p ? text.p : "", text.n) : NULL;
		if (status == 0 && !*ret)
			status = wrong(p, "a string that is not UTF-8");
		buf_free(&text);
	} else if (c == '[') {
		status = array(p, ret);
	} else if (c == '{') {
		status = inline_table(p, ret);
	} else {
		status = bare(p, ret);
	}
	p->depth--;
	return status;
}

/* ---- keys and tables ---- */

static int key_part(struct toml *p, struct buf *out)
{
	char c = peek(p, 0);
	if (c == '"' || c == '\'')
		return string(p, out, false);
	buf_clear(out);
	while (!over(p) && (isalnum((u8)peek(p, 0)) || peek(p, 0) == '_' || peek(p, 0) == '-')) {
		buf_putc(out, peek(p, 0));
		p->at++;
	}
	return out->n ? 0 : wrong(p, "no key where one should be");
}

/* The table a key leads into; a part of it may be an array of tables, whose last one is meant. */
static json_t *enter(struct toml *p, json_t *table, const char *key, bool dotted)
{
	json_t *v = json_object_get(table, key);
	if (!v) {
		v = json_object();
		if (json_object_set_new(table, key, v) < 0) {
			wrong(p, "a key that is not UTF-8");
			return NULL;
		}
		flag(p, v, dotted ? DOTTED : 0);
		return v;
	}
	if (json_is_array(v) && !dotted && !(flags_of(p, v) & CLOSED))
		v = json_array_get(v, json_array_size(v) - 1);
	if (!json_is_object(v) || flags_of(p, v) & CLOSED || (dotted && flags_of(p, v) & DEFINED)) {
		wrong(p, "a key that is something else already");
		return NULL;
	}
	return v;
}

/* a.b."c" up to its last part, which stays in `last`; *table is the one it belongs to. */
static int key(struct toml *p, json_t **table, struct buf *last, bool dotted)
{
	for (u32 depth = 0;; depth++) {
		if (depth > TOML_DEPTH_MAX)
			return wrong(p, "too deep");
		if (key_part(p, last) < 0)
			return -1;
		blanks(p);
		if (peek(p, 0) != '.' || over(p))
			return 0;
		p->at++;
		blanks(p);
		if (!(*table = enter(p, *table, last->p ? last->p : "", dotted)))
			return -1;
	}
}

static int assign(struct toml *p, json_t *table)
{
	struct buf last = BUF(0);
	json_t *v = NULL;
	int status = key(p, &table, &last, true);
	if (status == 0 && (peek(p, 0) != '=' || over(p)))
		status = wrong(p, "no '=' behind a key");
	if (status == 0) {
		p->at++;
		blanks(p);
		status = json_object_get(table, last.p ? last.p : "") ? wrong(p, "a key twice") : value(p, &v);
	}
	if (status == 0 && json_object_set_new(table, last.p ? last.p : "", v) < 0)
		status = wrong(p, "a key that is not UTF-8");
	buf_free(&last);
	return status;
}

static int header(struct toml *p, json_t **current)
{
	bool many = peek(p, 1) == '[';
	struct buf last = BUF(0);
	json_t *table = p->root;
	p->at += many ? 2 : 1;
	blanks(p);
	int status = key(p, &table, &last, false);
	const char *name = last.p ? last.p : "";
	if (status == 0 && !here(p, many ? "]]" : "]"))
		status = wrong(p, "a table's name without its end");
	if (status == 0) {
		p->at += many ? 2 : 1;
		json_t *v = json_object_get(table, name);
		if (many) {
			if (!v && json_object_set_new(table, name, v = json_array()) < 0)
				status = wrong(p, "a key that is not UTF-8");
			else if (!json_is_array(v) || flags_of(p, v) & CLOSED)
				status = wrong(p, "a key that is something else already");
			else
				json_array_append_new(v, *current = json_object());
		} else if (v && json_is_array(v)) {
			status = wrong(p, "a table that is an array already");
		} else if ((*current = enter(p, table, name, false)) == NULL) {
			status = -1;
		} else if (flags_of(p, *current) & (DEFINED | DOTTED)) {
			status = wrong(p, "a table twice");
		}
		if (status == 0)
			flag(p, *current, DEFINED);
	}
	buf_free(&last);
	return status;
}

int toml_parse(struct str text, json_t **ret, struct error *err)
{
	struct toml p = { .t = text, .root = json_object(), .flags = json_object(), .err = err };
	json_t *current = p.root;
	int status = 0;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		p.at = 3;
	while (status == 0 && !over(&p)) {
		blanks(&p);
		char c = peek(&p, 0);
		if (over(&p))
			break;
		if (c == '[')
			status = header(&p, &current);
		else if (c != '#' && c != '\n' && c != '\r')
			status = assign(&p, current);
		if (status == 0)
			status = rest_of_line(&p);
	}
	json_decref(p.flags);
	if (status < 0)
		json_decref(p.root);
	else
		*ret = p.root;
	return status;
}
