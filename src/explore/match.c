#include "explore/match.h"

const char *const match_kind_text[] = { [MATCH_ALL] = "all", [MATCH_TEXT] = "text", [MATCH_GLOB] = "glob", [MATCH_REGEX] = "regex" };

static enum match_kind kind_of(const char *t)
{
	if (!*t)
		return MATCH_ALL;
	if (strpbrk(t, "^$+()|[{\\") || strstr(t, ".*") || strstr(t, ".?"))
		return MATCH_REGEX;
	return strpbrk(t, "*?") ? MATCH_GLOB : MATCH_TEXT;
}

static bool refers_back(const char *t)
{
	for (; *t; t++) {
		if (*t == '\\' && t[1]) {
			t++;
			if (*t >= '1' && *t <= '9')
				return true;
		}
	}
	return false;
}

int match_compile(struct match *m, const char *text, struct error *err)
{
	struct match new = { .kind = kind_of(text) };
	size_t n = strlen(text);
	if (n >= sizeof new.text)
		return error_set(err, ERR_USAGE, "filter: longer than %zu bytes", sizeof new.text - 1);
	memcpy(new.text, text, n + 1);
	new.fold = true;
	for (const char *c = text; *c; c++)
		new.fold = new.fold && !(*c >= 'A' && *c <= 'Z');
	if (new.kind == MATCH_REGEX) {
		if (refers_back(text))
			return error_set(err, ERR_USAGE, "filter: back-references are not allowed");
		new.bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0);
		locale_t old = uselocale(new.bytes ? new.bytes : LC_GLOBAL_LOCALE);
		int r = regcomp(&new.re, text, REG_EXTENDED | REG_NOSUB);
		uselocale(old);
		if (r) {
			char why[128];
			regerror(r, &new.re, why, sizeof why);
			if (new.bytes)
				freelocale(new.bytes);
			return error_set(err, ERR_USAGE, "filter: %s", why);
		}
	}
	*m = new;
	return 0;
}

static bool contains_folded(const char *path, size_t n, const char *text)
{
	size_t k = strlen(text);
	for (size_t i = 0; i + k <= n; i++) {
		size_t j = 0;
		while (j < k && (path[i + j] == text[j] || (path[i + j] >= 'A' && path[i + j] <= 'Z' && (path[i + j] | 32) == text[j])))
			j++;
		if (j == k)
			return true;
	}
	return false;
}

bool match_path(const struct match *m, const char *path, size_t n)
{
	switch (m->kind) {
	case MATCH_ALL:
		return true;
	case MATCH_TEXT:
		return m->fold ? contains_folded(path, n, m->text) : strstr(path, m->text) != NULL;
	case MATCH_GLOB:
		return str_glob(str_of(m->text), str_n(path, n)) || (m->text[0] != '/' && n && str_glob(str_of(m->text), str_n(path + 1, n - 1)));
	case MATCH_REGEX:
		break;
	}
	locale_t old = uselocale(m->bytes ? m->bytes : LC_GLOBAL_LOCALE);
	int r = regexec(&m->re, path, 0, NULL, 0);
	uselocale(old);
	return r == 0;
}

void match_free(struct match *m)
{
	if (m->kind == MATCH_REGEX) {
		regfree(&m->re);
		if (m->bytes)
			freelocale(m->bytes);
	}
	*m = (struct match){ 0 };
}
