/* Git as a source: the first line is a URL, the rest what its server lists. What git is called with is no option and leads nowhere out; what people see and what is asked of the server holds no credentials. */
#include "base/text.h"
#include "build/git.h"
#include "build/within.h"

static bool has_user(const char *url)
{
	const char *scheme = strstr(url, "://");
	return scheme && memchr(scheme + 3, '@', strcspn(scheme + 3, "/?#"));
}

static void check(const struct git_source *g)
{
	bool http = strncmp(g->remote, "http", 4) == 0, ssh = strncmp(g->remote, "ssh://", 6) == 0 || strncmp(g->remote, "git://", 6) == 0;
	if (!*g->remote || g->remote[0] == '-' || (http && strcmp(g->remote, g->shown) != 0) || has_user(g->shown) || (!http && !ssh && (strstr(g->remote, "://") || !strchr(g->remote, '@'))))
		abort();
	if (g->ref && (!*g->ref || strchr("-+/", g->ref[0]) || strstr(g->ref, "..") || strpbrk(g->ref, " ~^:?*[\\")))
		abort();
	if (g->dir && within_climbs(str_of(g->dir)))
		abort();
	if (g->commit && strlen(g->commit) != 40 && strlen(g->commit) != 64)
		abort();
	if (g->header && (!http || !str_starts(str_of(g->header), STR("Authorization: Basic ")) || strpbrk(g->header, "\r\n")))
		abort();
	const char *all[] = { g->remote, g->shown, g->ref, g->dir };
	for (u32 i = 0; i < countof(all); i++)
		for (const char *c = all[i]; c && *c; c++)
			if ((u8)*c < ' ' || *c == 0x7F)
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct str rest = str_n(data, size), url = str_cut(&rest, '\n');
	struct git_source g = { 0 };
	struct error err = { 0 };
	struct buf once = BUF(0), twice = BUF(0);
	int r = git_parse(&a, url, &g, &err);

	if (r < 0 ? err.kind != ERR_USAGE : r > 1 || (r == 0 && git_is_url(url)))
		abort();
	if (r == 1) {
		check(&g);
		if (git_authorize(&a, NULL, true, &g, &err) < 0)
			abort();
	}
	struct str id = git_listed(rest, g.ref ? g.ref : "HEAD");
	if (id.p && (id.n != 40 && id.n != 64))
		abort();
	text_hide_passwords(&once, url);
	text_hide_passwords(&twice, buf_str(&once));
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
	buf_free(&once);
	buf_free(&twice);
	arena_free(&a);
	return 0;
}
