/* JavaScript's packages: npm, yarn, pnpm. */
#include "lint/package.h"

static const char *const npm[] = { "npm", NULL };
static const char *const yarn[] = { "yarn", "yarnpkg", NULL };
static const char *const pnpm[] = { "pnpm", NULL };
static const char *const valued[] = { "registry", "prefix", "loglevel", "cache", "w", "workspace", "tag", "omit", "include", "only", "userconfig", "globalconfig", "script-shell", "location", "otp", "cpu", "os", "libc",
	"install-strategy", "maxsockets", "https-proxy", "proxy", "noproxy", "fetch-retries", "fetch-timeout", "fetch-retry-mintimeout", "fetch-retry-maxtimeout", "C", "dir", "filter", "F", "store-dir", "cwd", "cache-folder",
	"modules-folder", "global-folder", "network-timeout", "network-concurrency", "mutex", "python", "cafile", "before", NULL };
static const char *const dropped[] = { "loglevel", "registry", NULL };

/* --- DL3016 --- */
static bool starts_with_any(struct str p, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (str_starts(p, str_of(*prefixes)))
			return true;
	return false;
}

static bool npm_pinned(const struct lint *l, struct str p)
{
	static const char *const git[] = { "git://", "git+ssh://", "git+http://", "git+https://", NULL }, *const paths[] = { "/", "./", "../", "~/", NULL };
	static const char *const ours[] = { "file:", "link:", "workspace:", "http://", "https://", "portal:", NULL };
	if (starts_with_any(p, git))
		return str_chr(p, '#') != NULL;
	if (str_ends(p, STR(".tar")) || str_ends(p, STR(".tar.gz")) || str_ends(p, STR(".tgz")) || starts_with_any(p, paths))
		return true;
	struct str behind = str_from(p, 1), tag = { 0 };
	const char *at = str_chr(behind, '@');
	if (pkg_hado(l))
		return at != NULL || (p.n && p.p[0] != '@' && str_chr(p, '@'));
	if (!p.n || str_is(p, ".") || str_is(p, "..") || str_is(p, "true") || str_is(p, "false") || starts_with_any(p, ours))
		return true;
	if (at)
		tag = str_n(at + 1, (size_t)(p.p + p.n - at - 1));
	if (str_is(tag, "latest") || str_is(tag, "next"))
		return false;
	/* user/repository#commit */
	return at != NULL || (p.p[0] != '@' && str_chr(p, '/') && str_chr(p, '#'));
}

static const char *const subs[] = { "install", NULL };
static const struct pkg_pin pin = { .subs = subs, .valued = valued, .dropped = dropped, .pinned = npm_pinned, .how = "NAME@VERSION" };

/* hadolint: `install` is the first word that is no option. */
static const struct sh_word *npm_install_hado(const struct lint *l, const struct sh_command *c)
{
	if (!pkg_is(l, c, "npm"))
		return NULL;
	const struct sh_word *w = sh_hado_next_dropping(c, NULL, dropped);
	return w && str_is(w->text, "install") ? w : NULL;
}

/* The word behind which the packages stand. */
static const struct sh_word *adds(const struct lint *l, const struct sh_command *c)
{
	static const char *const npm_add[] = { "install", "i", "in", "ins", "add", "isntall", NULL }, *const pnpm_add[] = { "add", "install", "i", NULL }, *const yarn_add[] = { "add", NULL }, *const global[] = { "global", NULL };
	const struct sh_word *w = pkg_sub(l, c, npm, npm_add, valued);
	if (!w)
		w = pkg_sub(l, c, pnpm, pnpm_add, valued);
	if (!w)
		w = pkg_sub(l, c, yarn, yarn_add, valued);
	if (!w && (w = pkg_sub(l, c, yarn, global, valued))) {
		w = sh_next_operand(c, w, valued);
		w = w && str_is(w->text, "add") ? w : NULL;
	}
	return w;
}

static void unpinned(struct lint *l)
{
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_hado(l) ? npm_install_hado(l, c) : adds(l, c);
		if (sub)
			pkg_unpinned_in(l, &y, s, c, sub, &pin);
	}
}

/* --- DL3060 --- */
static bool yarn_installs(const struct lint *l, const struct sh_command *c)
{
	static const char *const install[] = { "install", NULL }, *const ours[] = { "install", "add", "global", "workspaces", NULL };
	if (pkg_hado(l))
		return pkg_is(l, c, "yarn") && sh_has_any_arg(c, install);
	if (!str_listed(c->base, yarn))
		return false;
	const struct sh_word *w = sh_operand(c, 0, valued);
	if (!w) /* a bare `yarn` installs */
		return !sh_has_flag(c, "version") && !sh_has_flag(c, "v") && !sh_has_flag(c, "help");
	if (str_is(w->text, "workspaces") || str_is(w->text, "global")) {
		w = sh_next_operand(c, w, valued);
		return w && (str_is(w->text, "focus") || str_is(w->text, "add"));
	}
	return str_listed(w->text, ours);
}

static bool yarn_cleans(const struct lint *l, const struct sh_command *c)
{
	static const char *const words[] = { "cache", "clean", NULL };
	static const char *const places[] = { "/usr/local/share/.cache", "/root/.cache/yarn", "/root/.yarn", NULL };
	if (pkg_hado(l))
		return pkg_is(l, c, "yarn") && sh_has_any_arg(c, words);
	if (str_listed(c->base, yarn) && sh_has_arg(c, "cache") && sh_has_arg(c, "clean"))
		return true;
	for (const char *const *p = places; *p; p++)
		if (pkg_removes(c, str_of(*p)))
			return true;
	return (sh_is(c, "rm") && (sh_arg_containing(c, ".cache") || sh_arg_containing(c, "cache dir") || sh_arg_containing(c, "yarn"))) || pkg_cleans_by_name(c);
}

static void yarn_cache(struct lint *l)
{
	bool hado = pkg_hado(l);
	u8 *bases = pkg_bases(l);
	struct pkg_say y = { 0 };
	struct pkg_mention folder = { .text = "YARN_CACHE_FOLDER" }, mirror = { .text = "enableGlobalCache" };
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const struct sh_command *found = NULL;
		bool clean = false;
		for (u32 i = 0; i < s->commands.n; i++) {
			const struct sh_command *c = &s->commands.v[i];
			if (yarn_installs(l, c)) {
				if (!hado || !found)
					found = c;
				clean &= hado;
			} else if (found) {
				clean |= yarn_cleans(l, c);
			}
		}
		if (!found || clean || pkg_mounts(s, ".cache/yarn") || !pkg_stays(l, s, bases))
			continue;
		if (!hado && (pkg_mounts(s, "yarn") || pkg_mounts(s, "/.cache") || sh_has_flag(found, "cache-folder") || pkg_mentioned(l, s, &folder) || pkg_mentioned(l, s, &mirror)))
			continue;
		pkg_say(l, &y, s, found, NULL, "yarn keeps every package that it downloads in a cache in this layer: `yarn cache clean` in the same RUN, or a cache mount");
		/* With Plug'n'Play the cache may be where packages are run from. */
		pkg_fix_append(l, &y, s, found, FIX_SUGGESTED, "Empty yarn's cache in the same layer", "yarn cache clean");
	}
	free(bases);
}

const struct lint_rule rules_npm[] = {
	{ .meta = {
		.name = "npm-unpinned", .hadolint = "DL3016", .aliases = "kics:e36d8880-3f78-4546-b9a1-12f0745ca0d5",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "npm installs a package in whatever version is newest",
		.why = "The same Dockerfile gives another image on every release of the package, and a compromised release is installed the minute it appears: npm runs its install scripts as root. "
		       "NAME@VERSION pins the package; a package.json with its lock file, installed by `npm ci`, pins what it needs as well.",
		.bad = "FROM node:22\nRUN npm install -g pm2\n", .good = "FROM node:22\nRUN npm install -g pm2@5.4.3\n" },
		.check = unpinned },
	{ .meta = {
		.name = "yarn-cache-kept", .hadolint = "DL3060",
		.level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.summary = "yarn keeps its cache in the layer",
		.why = "yarn stores every package that it installs a second time in its cache, often hundreds of megabytes. Nothing in the image reads them. `yarn cache clean` in the same RUN removes them; "
		       "a cache mount keeps them outside of the image, for the next build.",
		.bad = "FROM node:22\nWORKDIR /app\nCOPY package.json yarn.lock ./\nRUN yarn install --frozen-lockfile\n",
		.good = "FROM node:22\nWORKDIR /app\nCOPY package.json yarn.lock ./\nRUN yarn install --frozen-lockfile && yarn cache clean\n" },
		.check = yarn_cache },
	{ .meta = { 0 } },
};
