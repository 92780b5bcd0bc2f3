#include "rule/link.h"
#include <ctype.h>

/* "JSONArgsRecommended" -> "json-args-recommended" */
static void kebab(const char *name, char *out, size_t room)
{
	size_t n = 0;
	for (const char *p = name; *p && n + 2 < room; p++) {
		if (p > name && isupper((u8)*p) && (islower((u8)p[-1]) || islower((u8)p[1])))
			out[n++] = '-';
		out[n++] = (char)tolower((u8)*p);
	}
	out[n] = '\0';
}

const char *rule_link(const struct rule *r, const char *code, char out[RULE_LINK])
{
	if (r->hadolint && strcmp(code, r->hadolint) == 0) {
		const char *where = strncmp(code, "SC", 2) == 0 ? "https://www.shellcheck.net/wiki/" : "https://github.com/hadolint/hadolint/wiki/";
		snprintf(out, RULE_LINK, "%s%s", where, code);
		return out;
	}
	if (!r->buildkit || strcmp(code, r->buildkit) != 0)
		return NULL;
	char page[80];
	kebab(code, page, sizeof page);
	snprintf(out, RULE_LINK, "https://docs.docker.com/go/dockerfile/rule/%s/", page);
	return out;
}
