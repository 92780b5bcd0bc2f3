#include "secret/assign.h"
#include <ctype.h>

#define NAME_MAX_BACK ((size_t)50)
#define NAME_MAX_ON ((size_t)40)
#define VALUE_MAX ((size_t)1100)

static bool namely(char c) { return isalnum((u8)c) || c == '_' || c == '.' || c == '-'; }
static char at_of(struct str t, size_t i) { return i < t.n ? t.p[i] : '\0'; }

static size_t blanks(struct str t, size_t i, size_t most)
{
	size_t end = MIN(t.n, i + most);
	while (i < end && (t.p[i] == ' ' || t.p[i] == '\t'))
		i++;
	return i;
}

/* Behind the name: what quotes it, what binds it. Returns where the value may begin, 0 when nothing binds. */
static size_t binding(struct str t, size_t i, bool *quoted_name)
{
	*quoted_name = false;
	for (u32 k = 0; k < 4 && i < t.n && (strchr("'\"`]\\", t.p[i]) || t.p[i] == ' ' || t.p[i] == '\t'); k++)
		*quoted_name |= t.p[i] == '"' || t.p[i] == '\'', i++;
	i = blanks(t, i, 16);
	char c = at_of(t, i);
	if (c == ':') {
		while (at_of(t, i) == ':' && i < t.n)
			i++;
		return at_of(t, i) == '=' ? i + 1 : i;
	}
	if (c == '=')
		return i + 1 + (at_of(t, i + 1) == '>') + (at_of(t, i + 1) == '=');
	if (c == '>')
		return i + 1;
	if (c == '?' && at_of(t, i + 1) == '=')
		return i + 2;
	if (c == '|' && at_of(t, i + 1) == '|' && at_of(t, i + 2) == ':')
		return i + 3;
	return c == ',' && *quoted_name ? i + 1 : 0;
}

/* "- name: DB_PASSWORD\n  value: …", '<add key="token" value="…"': the value has a name of its own. */
static size_t value_word(struct str t, size_t i)
{
	size_t end = MIN(t.n, i + 80);
	while (i < end && strchr("'\" \t\r\n,", t.p[i]) && t.p[i])
		i++;
	if (i + 5 >= t.n || !str_ieq(str_n(t.p + i, 5), STR("value")))
		return 0;
	bool quoted;
	return binding(t, i + 5, &quoted);
}

static bool ends_bare(char c)
{
	static const bool ends[128] = { [0] = true, ['\t'] = true, ['\n'] = true, [11] = true, [12] = true, ['\r'] = true, [' '] = true,
	  ['"'] = true, ['\''] = true, ['`'] = true, [';'] = true, [','] = true, [')'] = true,
					['}'] = true, [']'] = true, ['<'] = true, ['>'] = true, ['&'] = true, ['|'] = true, ['\\'] = true };
	return (u8)c < 128 && ends[(u8)c];
}

static bool value_at(struct str t, size_t i, struct assignment *ret)
{
	i = blanks(t, i, 16);
	/* r"…", b'…', @"…", $"…", \"…\" */
	if (i + 1 < t.n && strchr("rbufRBUF@$", t.p[i]) && (t.p[i + 1] == '"' || t.p[i + 1] == '\''))
		i++;
	size_t slashes = 0;
	while (at_of(t, i) == '\\' && slashes < 3) {
		i++;
		slashes++;
	}
	char q = at_of(t, i);
	ret->quoted = q == '"' || q == '\'' || q == '`';
	if (ret->quoted)
		i++;
	/* a scheme of HTTP in front of the token */
	static const char *const schemes[] = { "Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token ", "ApiKey " };
	for (u32 k = 0; k < countof(schemes); k++)
		if (str_starts(str_from(t, i), str_of(schemes[k])))
			i += strlen(schemes[k]);
	size_t end = i, most = MIN(t.n, i + VALUE_MAX);
	while (end < most && (ret->quoted ? t.p[end] != q && t.p[end] != '\n' && t.p[end] != '\\' : !ends_bare(t.p[end])))
		end++;
	ret->over = end == most && most < t.n && !ret->quoted ? end : 0;
	if (end == i || (end == most && most < t.n))
		return false;
	if (ret->quoted && (end == t.n || t.p[end] == '\n'))
		return false;
	if (!ret->quoted && at_of(t, blanks(t, end, 4)) == '(')
		return false; /* a call */
	ret->at = i;
	ret->end = end;
	return true;
}

bool secret_assignment(struct str t, size_t at, size_t end, struct assignment *ret)
{
	size_t name = at, i = end, most = MIN(t.n, end + NAME_MAX_ON);
	bool quoted;
	ret->over = 0;
	while (name && at - name < NAME_MAX_BACK && namely(t.p[name - 1]))
		name--;
	while (i < most && namely(t.p[i]))
		i++;
	ret->name = name;
	ret->name_end = i;
	size_t v = binding(t, i, &quoted);
	/* "api key is: …", "var token string = …": a word or two between, no more than 20 characters */
	for (u32 k = 0; k < 2 && !v && at_of(t, i) == ' ' && i < t.n && namely(at_of(t, i + 1)); k++) {
		i++;
		while (i < t.n && i - ret->name_end < 21 && namely(t.p[i]))
			i++;
		if (i - ret->name_end > 20)
			return false;
		v = binding(t, i, &quoted);
	}
	if (!v)
		v = value_word(t, i);
	if (!v || !value_at(t, v, ret))
		return false;
	/* "apiKey: string = …": what was taken for the value is its type */
	if (!ret->quoted && ret->end - ret->at <= 24) {
		size_t k = blanks(t, ret->end, 8);
		if (at_of(t, k) == '=' && at_of(t, k + 1) != '=' && at_of(t, k + 1) != '>') {
			struct assignment second = *ret;
			if (value_at(t, k + 1, &second) && second.quoted)
				*ret = second;
		}
	}
	return true;
}
