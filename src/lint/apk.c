/* Alpine's packages: apk. */
#include "lint/package.h"

static const char *const apk[] = { "apk", NULL };
static const char *const add[] = { "add", NULL };
static const char *const valued[] = { "t", "virtual", "X", "repository", "p", "root", "arch", "keys-dir", "repositories-file", "cache-dir", "cache-max-age", "wait", "progress-fd", "timeout", NULL };
static const char *const dropped[] = { "t", "virtual", "repository", "X", NULL };

/* --- DL3018 --- */
static bool apk_pinned(const struct lint *l, struct str p)
{
	if (str_chr(p, '=') || str_chr(p, '~') || str_chr(p, '<') || str_chr(p, '>') || str_ends(p, STR(".apk")))
		return true;
	return !pkg_hado(l) && (!p.n || p.p[0] == '.' || p.p[0] == '!' || p.p[0] == '/');
}

static bool apk_shows(const struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	(void)l, (void)s;
	return sh_has_flag(c, "s") || sh_has_flag(c, "simulate");
}

static void unpinned(struct lint *l)
{
	static const struct pkg_pin pin = { .names = apk, .subs = add, .valued = valued, .dropped = dropped, .pinned = apk_pinned, .silent = apk_shows, .how = "NAME=VERSION or NAME~VERSION" };
	pkg_unpinned(l, &pin);
}

/* --- DL3019 --- */
#define CACHE "/var/cache/apk"

static bool no_cache(const struct sh_command *c) { return sh_hado_has_flag(c, "no-cache"); }

/* Index of the last command that takes the index away; 0: none does. */
static u32 last_clean(const struct lint_script *s)
{
	for (u32 i = s->commands.n; i-- > 0;) {
		const struct sh_command *c = &s->commands.v[i];
		if (pkg_removes(c, STR(CACHE)) || pkg_cleans_by_name(c) || (sh_is_sub(c, "apk", "cache") && sh_has_arg(c, "clean")))
			return i;
	}
	return 0;
}

static bool plain(const struct lint *l, struct df_span s)
{
	return s.end > s.at && !memchr(l->file.text.p + s.at, '#', s.end - s.at);
}

#define TITLE "Keep no package index"

static const struct sh_node *sibling_before(const struct sh_node *n)
{
	const struct sh_node *p = n->parent && n->parent->kind == SH_ANDOR ? n->parent->child : NULL;
	for (u32 k = 0; p && p->next != n && k < 64; k++)
		p = p->next;
	return p && p->next == n ? p : NULL;
}

/* `apk update &&` right in front is of no use to a command that keeps no index. */
static void drop_update(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c)
{
	const struct sh_node *n = sibling_before(c->node);
	if (!n || c->node->op != SH_OP_AND || n->kind != SH_SIMPLE || n->n_words != 2 || n->n_redirects || n->n_assigns || !str_is(n->words[0].text, "apk") || !str_is(n->words[1].text, "update"))
		return;
	struct df_span gone = { lint_span(s, n->at, n->end).at, lint_span(s, c->node->at, c->node->end).at };
	if (n->op != SH_OP_OR && plain(l, gone))
		pkg_fix(l, y, FIX_SAFE, TITLE, gone, STR(""));
}

/* `&& rm -rf` of what is in the cache, right behind, has nothing left to remove. */
static void drop_rm(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c)
{
	const struct sh_node *n = c->node->parent && c->node->parent->kind == SH_ANDOR ? c->node->next : NULL;
	if (!n || n->op != SH_OP_AND || n->kind != SH_SIMPLE || n->n_redirects || n->n_assigns || !str_is(n->words[0].text, "rm") || (n->next && n->next->op != SH_OP_AND))
		return;
	u32 operands = 0;
	for (u32 i = 1; i < n->n_words; i++) {
		struct str t = n->words[i].text;
		if (t.n && t.p[0] == '-')
			continue;
		if (!str_is(t, CACHE "/*"))
			return;
		operands++;
	}
	struct df_span gone = { lint_span(s, c->node->at, c->node->end).end, lint_span(s, n->at, n->end).end };
	if (operands == 1 && plain(l, gone))
		pkg_fix(l, y, FIX_SAFE, TITLE, gone, STR(""));
}

/* --no-cache in the place of --update, which it makes useless; else behind the sub-command. */
static void put_no_cache(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, const struct sh_word *sub)
{
	static const char *const useless[] = { "--update", "--update-cache", "-U", NULL };
	bool put = false;
	for (u32 i = 0; i < c->n_args; i++) {
		const struct sh_word *w = &c->args[i], *before = i ? &c->args[i - 1] : c->word;
		if (!str_listed(w->text, useless))
			continue;
		struct df_span own = lint_span(s, w->at, w->end), gone = { lint_span(s, before->at, before->end).end, own.end };
		if (!put)
			pkg_fix(l, y, FIX_SAFE, TITLE, own, STR("--no-cache"));
		else if (!memchr(l->file.text.p + gone.at, '\n', gone.end - gone.at))
			pkg_fix(l, y, FIX_SAFE, TITLE, gone, STR(""));
		put = true;
	}
	if (!put)
		pkg_fix_option(l, y, s, sub, FIX_SAFE, TITLE, "--no-cache");
}

static void cache_kept(struct lint *l)
{
	static const char *const adders[] = { "add", "upgrade", "fix", NULL }, *const update[] = { "update", NULL };
	static const char *const word[] = { "--no-cache", NULL };
	bool hado = pkg_hado(l);
	struct pkg_say y = { 0 };
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		if (hado ? pkg_mounts(s, CACHE) : lint_mounted(s, STR(CACHE)) || lint_mounted(s, STR("/etc/apk/cache")) || !lint_ships(l, s->outer))
			continue;
		u32 clean = hado ? 0 : last_clean(s);
		for (u32 i = clean; i < s->commands.n; i++) {
			const struct sh_command *c = &s->commands.v[i];
			const struct sh_word *sub = pkg_sub(l, c, apk, hado ? add : adders, valued);
			bool updates = !sub && !hado && pkg_sub(l, c, apk, update, valued);
			if ((!sub && !updates) || no_cache(c) || (!hado && pkg_may_hold(l, s, c, word)))
				continue;
			if (updates) { /* its index stays, whatever comes; said once: of the command that uses it */
				const struct sh_node *next = c->node->parent && c->node->parent->kind == SH_ANDOR ? c->node->next : NULL;
				const struct sh_command *user = i + 1 < s->commands.n ? c + 1 : NULL;
				bool used = next && user && user->node == next && pkg_sub(l, user, apk, adders, valued);
				if (used && !no_cache(user))
					continue;
				pkg_say(l, &y, s, c, NULL, "the package index of `apk update` stays in this layer: `apk add --no-cache` needs none");
				if (used && user->node->op == SH_OP_AND)
					drop_update(l, &y, s, user);
			} else {
				pkg_say(l, &y, s, c, NULL, "`apk %.*s` leaves its package index in this layer: --no-cache does without", STR_FMT(str_head(sub->text, 20)));
				put_no_cache(l, &y, s, c, sub);
				drop_update(l, &y, s, c);
				drop_rm(l, &y, s, c);
			}
		}
	}
}

const struct lint_rule rules_apk[] = {
	{ .meta = {
		.name = "apk-unpinned", .hadolint = "DL3018", .aliases = "kics:d3499f6d-1651-41bb-a9a7-de925fea487b",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "apk add installs a package in whatever version is newest",
		.why = "The same Dockerfile gives another image whenever the repository changes. NAME=VERSION pins exactly, NAME~VERSION (`nodejs~20`) the beginning of the version, which lets security "
		       "fixes through: Alpine keeps no old versions, so exact pins break builds when a package is rebuilt.",
		.bad = "FROM alpine:3.20\nRUN apk add --no-cache nodejs\n", .good = "FROM alpine:3.20\nRUN apk add --no-cache nodejs~20\n" },
		.check = unpinned },
	{ .meta = {
		.name = "apk-cache-kept", .hadolint = "DL3019", .aliases = "trivy:DS-0025 trivy:DS025 trivy:AVD-DS-0025 kics:ae9c56a6-3ed1-4ac0-9b54-31267f51151d",
		.level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.summary = "apk leaves its package index in the layer",
		.why = "Without --no-cache apk stores the index of every repository below /var/cache/apk, two megabytes that nothing reads again. With it the index is fetched, used and forgotten; neither "
		       "`apk update` nor a removal afterwards is needed. A cache mount on /var/cache/apk does as well.",
		.bad = "FROM alpine:3.20\nRUN apk add --update nodejs~20\n", .good = "FROM alpine:3.20\nRUN apk add --no-cache nodejs~20\n" },
		.check = cache_kept },
	{ .meta = { 0 } },
};
