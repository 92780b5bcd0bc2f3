#include "base/jsonwalk.h"

static void blanks(struct str *s)
{
	while (s->n && (s->p[0] == ' ' || s->p[0] == '\n' || s->p[0] == '\r' || s->p[0] == '\t'))
		*s = str_from(*s, 1);
}

/* How long the string is that begins here, quotes included; 0: it has no end. */
static size_t string_length(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

static size_t value_length(struct str s)
{
	u64 depth = 0;
	size_t i = 0;
	if (s.n && s.p[0] == '"')
		return string_length(s);
	while (i < s.n) {
		char c = s.p[i];
		if (c == '"') {
			size_t n = string_length(str_from(s, i));
			if (!n)
				return 0;
			i += n;
			continue;
		}
		if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (!depth)
				return i; /* a bare word before the end of what holds it */
			if (--depth == 0)
				return i + 1;
		} else if (!depth && (c == ',' || (u8)c <= ' ')) {
			return i;
		}
		i++;
	}
	return 0;
}

bool json_walk_open(struct str value, struct json_walk *w)
{
	if (str_starts(value, STR("\xef\xbb\xbf")))
		value = str_from(value, 3);
	blanks(&value);
	if (!value.n || (value.p[0] != '{' && value.p[0] != '['))
		return false;
	*w = (struct json_walk){ .rest = str_from(value, 1), .object = value.p[0] == '{' };
	return true;
}

bool json_walk_next(struct json_walk *w, struct str *key, struct str *value)
{
	struct str *s = &w->rest;
	if (w->bad)
		return false;
	w->bad = true;
	blanks(s);
	if (s->n && s->p[0] == (w->object ? '}' : ']')) {
		w->bad = false;
		*s = STR("");
		return false;
	}
	if (w->some) {
		if (!s->n || s->p[0] != ',')
			return false;
		*s = str_from(*s, 1);
		blanks(s);
	}
	*key = STR("");
	if (w->object) {
		size_t n = s->n && s->p[0] == '"' ? string_length(*s) : 0;
		if (!n)
			return false;
		*key = str_n(s->p + 1, n - 2);
		*s = str_from(*s, n);
		blanks(s);
		if (!s->n || s->p[0] != ':')
			return false;
		*s = str_from(*s, 1);
		blanks(s);
	}
	size_t n = value_length(*s);
	if (!n)
		return false;
	*value = str_head(*s, n);
	*s = str_from(*s, n);
	w->some = true;
	w->bad = false;
	return true;
}

struct str json_walk_string(struct str value) { return value.n >= 2 && value.p[0] == '"' ? str_n(value.p + 1, value.n - 2) : str_n("", 0); }
