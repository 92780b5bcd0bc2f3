/* "user:group", then what the image says of both, separated by lines of "--": whoever is found has a row that says so, or is a number. */
#include "run/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct user u;
	struct error err = { 0 };
	struct str rest = str_n(data, size), part[3] = { { "", 0 }, { "", 0 }, { "", 0 } };
	for (int i = 0; i < 3 && rest.p; i++) {
		const char *cut = i < 2 ? str_find(rest, STR("\n--\n")) : NULL;
		part[i] = cut ? str_n(rest.p, (size_t)(cut - rest.p)) : rest;
		rest = cut ? str_from(rest, part[i].n + 4) : (struct str){ NULL, 0 };
	}
	char *text = malloc(part[0].n + 1);
	if (part[0].n)
		memcpy(text, part[0].p, part[0].n);
	text[part[0].n] = '\0';
	if (user_find(part[1], part[2], text, &u, &err) == 0) {
		if (u.uid == UINT32_MAX || u.gid == UINT32_MAX || u.n_more > USER_GROUPS || !memchr(u.home, '\0', sizeof u.home))
			abort();
		if (strchr(text, ':') && strchr(text, ':')[1] && u.n_more)
			abort();
	} else if (err.kind != ERR_INPUT || !err.text[0]) {
		abort();
	}
	free(text);
	return 0;
}
