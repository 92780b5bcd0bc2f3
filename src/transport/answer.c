#include "transport/answer.h"
#include "transport/fetch.h"

static bool tls(const char *url) { return str_ieq(str_head(str_of(url), 8), STR("https://")); }

const char *answer_place(struct arena *a, const char *url, struct str to)
{
	const char *slashes = strstr(url, "://");
	if (!slashes || !to.n || to.n >= FETCH_URL_MAX || str_chr(to, '\0') || fetch_check_url(url, NULL) < 0)
		return NULL;
	const char *text = arena_strdup(a, to);
	size_t scheme = (size_t)(slashes - url) + 3, host = scheme + strcspn(url + scheme, "/?#"), path = host + strcspn(url + host, "?#"), dir = path;
	while (dir > host && url[dir - 1] != '/')
		dir--;
	if (str_starts(to, STR("//")))
		text = arena_printf(a, "%.*s%s", (int)scheme - 2, url, text);
	else if (to.p[0] == '/')
		text = arena_printf(a, "%.*s%s", (int)host, url, text);
	else if (to.p[0] == '?')
		text = arena_printf(a, "%.*s%s", (int)path, url, text);
	else if (!str_find(str_head(to, strcspn(text, "/?#")), STR(":")))
		text = arena_printf(a, "%.*s%s%s", (int)dir, url, dir == host ? "/" : "", text);
	return fetch_check_url(text, NULL) < 0 || (tls(url) && !tls(text)) ? NULL : text;
}

/* Whether the parameters of a link hold rel=next. */
static bool is_next(struct str params)
{
	while (params.p) {
		struct str value = str_cut(&params, ';'), name = str_trim(str_cut(&value, '='));
		value = str_trim(value);
		if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = str_n(value.p + 1, value.n - 2);
		if (!str_ieq(name, STR("rel")))
			continue;
		while (value.p)
			if (str_ieq(str_cut(&value, ' '), STR("next")))
				return true;
	}
	return false;
}

const char *answer_next(struct arena *a, const char *url, struct str link, bool *elsewhere)
{
	*elsewhere = false;
	while (link.n) {
		const char *open = str_chr(link, '<'), *close = str_chr(link, '>');
		if (!open || !close || close < open)
			return NULL;
		struct str to = str_n(open + 1, (size_t)(close - open - 1)), rest = str_from(link, (size_t)(close - link.p) + 1);
		bool quoted = false;
		size_t n = 0;
		for (; n < rest.n && (quoted || rest.p[n] != ','); n++)
			quoted ^= rest.p[n] == '"';
		if (is_next(str_head(rest, n))) {
			const char *place = answer_place(a, url, to);
			*elsewhere = !place || !fetch_same_origin(url, place) || strcmp(url, place) == 0;
			return *elsewhere ? NULL : place;
		}
		link = str_from(rest, n + 1);
	}
	return NULL;
}

bool answer_first(struct str range, u64 *first)
{
	if (!str_starts(range, STR("bytes ")))
		return false;
	range = str_from(range, 6);
	return str_chr(range, '-') && str_to_u64(str_cut(&range, '-'), first);
}

bool answer_held(struct str range, u64 *held)
{
	u64 first, last;
	if (str_starts(range, STR("bytes=")))
		range = str_from(range, 6);
	struct str head = str_cut(&range, '-');
	if (!range.p || !str_to_u64(head, &first) || first || !str_to_u64(range, &last) || last == UINT64_MAX)
		return false;
	*held = last + 1;
	return true;
}

bool answer_limit(struct str value, u64 *n, u64 *seconds)
{
	struct str head = str_trim(str_cut(&value, ';'));
	u64 limit, w;
	value = value.p ? str_trim(value) : value;
	if (!str_starts(value, STR("w=")) || !str_to_u64(head, &limit) || !str_to_u64(str_from(value, 2), &w) || !w || w > ANSWER_SECONDS_MAX)
		return false;
	*n = limit;
	*seconds = w;
	return true;
}
