#include "lint/label_value.h"
#include "base/spdx.h"

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool hex(char c) { return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }
static bool one_of(char c, const char *set) { return c && strchr(set, c); }

/* --- RFC 3986 --- */
static bool uri_chars(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (s.n - i < 3 || !hex(s.p[i + 1]) || !hex(s.p[i + 2]))
				return false;
			i += 2;
		} else if (!alpha(s.p[i]) && !digit(s.p[i]) && !one_of(s.p[i], "-._~!$&'()*+,;=") && !one_of(s.p[i], more)) {
			return false;
		}
	}
	return true;
}

static bool authority(struct str s)
{
	const char *at = str_chr(s, '@');
	if (at) {
		if (!uri_chars(str_head(s, (size_t)(at - s.p)), ":"))
			return false;
		s = str_from(s, (size_t)(at - s.p) + 1);
	}
	const char *close = s.n && s.p[0] == '[' ? str_chr(s, ']') : NULL;
	struct str host = close ? str_n(s.p + 1, (size_t)(close - s.p) - 1) : s, port = close ? str_from(s, (size_t)(close - s.p) + 1) : str_n("", 0);
	if (!close) {
		port = host;
		host = str_cut(&port, ':');
		port = port.p ? port : str_n("", 0);
	} else if (port.n) {
		if (port.p[0] != ':')
			return false;
		port = str_from(port, 1);
	}
	for (size_t i = 0; i < port.n; i++)
		if (!digit(port.p[i]))
			return false;
	return uri_chars(host, close ? ":" : "");
}

bool label_is_url(struct str s)
{
	struct str rest = s, scheme = str_cut(&rest, ':');
	if (!rest.p || !scheme.n || !alpha(scheme.p[0]))
		return false;
	for (size_t i = 0; i < scheme.n; i++)
		if (!alpha(scheme.p[i]) && !digit(scheme.p[i]) && !one_of(scheme.p[i], "+-."))
			return false;
	struct str fragment = rest;
	rest = str_cut(&fragment, '#');
	struct str query = rest;
	rest = str_cut(&query, '?');
	if ((fragment.p && !uri_chars(fragment, ":@/?")) || (query.p && !uri_chars(query, ":@/?")))
		return false;
	if (str_starts(rest, STR("//"))) {
		rest = str_from(rest, 2);
		const char *slash = str_chr(rest, '/');
		size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
		if (!authority(str_head(rest, n)))
			return false;
		rest = str_from(rest, n);
	}
	return uri_chars(rest, ":@/");
}

/* --- RFC 3339 --- */
/* Two digits at i, at most max. */
static bool two(struct str s, size_t i, u32 max)
{
	return i + 2 <= s.n && digit(s.p[i]) && digit(s.p[i + 1]) && (u32)((s.p[i] - '0') * 10 + s.p[i + 1] - '0') <= max;
}

static u32 number(struct str s, size_t i, size_t n)
{
	u32 v = 0;
	for (size_t k = i; k < i + n; k++)
		v = v * 10 + (u32)(s.p[k] - '0');
	return v;
}

bool label_is_time(struct str s)
{
	static const u8 days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (s.n < 20 || !two(s, 0, 99) || !two(s, 2, 99) || s.p[4] != '-' || !two(s, 5, 12) || s.p[7] != '-' || !two(s, 8, 31) || s.p[10] != 'T')
		return false;
	if (!two(s, 11, 23) || s.p[13] != ':' || !two(s, 14, 59) || s.p[16] != ':' || !two(s, 17, 60))
		return false;
	u32 year = number(s, 0, 4), month = number(s, 5, 2), day = number(s, 8, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (!month || !day || day > days[month - 1] || (month == 2 && day == 29 && !leap))
		return false;
	size_t i = 19;
	if (s.p[i] == '.') {
		size_t from = ++i;
		while (i < s.n && digit(s.p[i]))
			i++;
		if (i == from)
			return false;
	}
	if (i + 1 == s.n && s.p[i] == 'Z')
		return true;
	if (i >= s.n || (s.p[i] != '+' && s.p[i] != '-') || !two(s, i + 1, 23))
		return false;
	i += 3;
	i += i < s.n && s.p[i] == ':';
	return two(s, i, 59) && i + 2 == s.n;
}

/* --- RFC 5322 --- */
static bool dot_atom(struct str s)
{
	if (!s.n || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!alpha(s.p[i]) && !digit(s.p[i]) && !one_of(s.p[i], "!#$%&'*+-/=?^_`{|}~") && (s.p[i] != '.' || s.p[i - 1] == '.'))
			return false;
	return true;
}

static bool quoted_local(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		else if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] < ' ')
			return false;
	}
	return true;
}

static bool domain(struct str s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
		for (size_t i = 1; i + 1 < s.n; i++)
			if (s.p[i] <= ' ' || one_of(s.p[i], "[]\\"))
				return false;
		return true;
	}
	if (!s.n || s.n > 253)
		return false;
	while (s.p) {
		struct str label = str_cut(&s, '.');
		if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!alpha(label.p[i]) && !digit(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

bool label_is_email(struct str s)
{
	size_t at = s.n;
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	if (!at)
		return false;
	struct str local = str_head(s, at - 1);
	return local.n <= 64 && (dot_atom(local) || quoted_local(local)) && domain(str_from(s, at));
}

/* --- Semantic Versioning --- */
/* Identifiers with dots between, up to `end`; numeric ones without leading zeros where strict. */
static bool identifiers(struct str s, bool strict)
{
	while (s.p) {
		struct str id = str_cut(&s, '.');
		bool numeric = true;
		for (size_t i = 0; i < id.n; i++) {
			if (!alpha(id.p[i]) && !digit(id.p[i]) && id.p[i] != '-')
				return false;
			numeric &= digit(id.p[i]);
		}
		if (!id.n || (strict && numeric && id.n > 1 && id.p[0] == '0'))
			return false;
	}
	return true;
}

bool label_is_version(struct str s)
{
	struct str build = s, core = str_cut(&build, '+');
	struct str pre = core;
	core = str_cut(&pre, '-');
	if ((build.p && !identifiers(build, false)) || (pre.p && !identifiers(pre, true)))
		return false;
	u32 parts = 0;
	while (core.p) {
		struct str n = str_cut(&core, '.');
		for (size_t i = 0; i < n.n; i++)
			if (!digit(n.p[i]))
				return false;
		if (!n.n || (n.n > 1 && n.p[0] == '0'))
			return false;
		parts++;
	}
	return parts == 3;
}

bool label_is_hash(struct str s, bool any)
{
	for (size_t i = 0; i < s.n; i++)
		if (!digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n == 40 || s.n == 7 || (any && ((s.n > 7 && s.n < 40) || s.n == 64));
}

/* --- licences --- */
bool label_is_license(struct str s)
{
	char padded[64];
	if (!s.n || s.n > sizeof padded - 2 || str_chr(s, ' '))
		return false;
	padded[0] = padded[s.n + 1] = ' ';
	memcpy(padded + 1, s.p, s.n);
	return str_contains(str_of(spdx_ids), str_n(padded, s.n + 2));
}

static bool license_name(struct str s)
{
	static const struct str prefixes[] = { { "LicenseRef-", 11 }, { "DocumentRef-", 12 } };
	for (size_t i = 0; i < countof(prefixes); i++)
		if (str_starts(s, prefixes[i]))
			return s.n > prefixes[i].n;
	if (s.n && s.p[s.n - 1] == '+' && label_is_license(str_head(s, s.n - 1)))
		return true;
	return label_is_license(s);
}

bool label_is_license_expression(struct str s)
{
	u32 depth = 0;
	bool operand = true, exception = false; /* what may come next; behind WITH: its name */
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] == ' ') {
			i++;
		} else if (s.p[i] == '(') {
			if (!operand || exception)
				return false;
			depth++, i++;
		} else if (s.p[i] == ')') {
			if (operand || !depth)
				return false;
			depth--, i++;
		} else {
			size_t from = i;
			while (i < s.n && !one_of(s.p[i], " ()"))
				i++;
			struct str word = str_n(s.p + from, i - from);
			bool with = str_is(word, "WITH"), joins = str_is(word, "AND") || str_is(word, "OR") || str_is(word, "and") || str_is(word, "or");
			if (exception)
				exception = operand = false;
			else if (operand ? !license_name(word) : !(with || joins))
				return false;
			else if (operand)
				operand = false;
			else
				operand = true, exception = with;
		}
	}
	return !operand && !depth;
}
