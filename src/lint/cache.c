/* Caches of package managers that stay in the layer: those that neither hadolint nor anybody else asks about. Cache mounts, options and clean-up in the same RUN
 * are respected (lint/effect.h); in stages that don't ship a cache costs nothing. */
#include "lint/bytes.h"
#include "lint/effect.h"

static void cache_kept(struct lint *l)
{
	const struct lint_effects *e = lint_effects(l);
	for (u32 i = 0; i < e->n; i++) {
		const struct lint_effect *m = &e->v[i];
		if (m->kind != EFFECT_MAKE || m->cache <= CACHE_YARN || !m->s || !lint_ships(l, m->in)) /* apt, apk, yum, dnf, zypper, pip and yarn have rules of their own */
			continue;
		const struct cache_info *info = &cache_infos[m->cache];
		bool gone = lint_mounted(m->s, m->path);
		for (u32 k = i + 1; k < e->n && !gone; k++) /* in the same RUN; in a later one deleted-later speaks */
			gone = e->v[k].kind == EFFECT_REMOVE && lint_effect_covers(&e->v[k], m->path);
		/* a mount of anything that is named like it: /go/pkg/mod, /usr/local/cargo/registry, /var/cache/npm */
		for (const struct df_flag *f = NULL; !gone && (f = df_flags_next(m->in, "mount", f));)
			gone = f->value.p && (str_contains(f->value, STR("type=cache")) || str_contains(f->value, STR("type=tmpfs")));
		/* or said by an environment variable, or moved elsewhere: what the words don't tell is not claimed */
		const struct df_state *state = l->graph.state ? l->graph.state[m->instruction] : NULL;
		static const struct { enum cache_of cache; const char *env; } elsewhere[] = {
			{ CACHE_NPM, "npm_config_cache" }, { CACHE_NPM, "NPM_CONFIG_CACHE" }, { CACHE_GO_BUILD, "GOCACHE" }, { CACHE_GO_MOD, "GOMODCACHE" }, { CACHE_POETRY, "POETRY_CACHE_DIR" }, { CACHE_UV, "UV_CACHE_DIR" },
			{ CACHE_BUNDLER, "BUNDLE_PATH" }, { CACHE_COMPOSER, "COMPOSER_CACHE_DIR" }, { CACHE_COMPOSER, "COMPOSER_HOME" },
		};
		for (size_t k = 0; k < countof(elsewhere) && state; k++)
			gone |= elsewhere[k].cache == m->cache && df_state_var(state, str_of(elsewhere[k].env));
		if (gone)
			continue;
		bool said = false; /* once a RUN and cache */
		for (u32 k = i; k-- > 0 && e->v[k].instruction == m->instruction && !said;)
			said = e->v[k].cache == m->cache && e->v[k].kind == EFFECT_MAKE;
		if (said)
			continue;
		struct diagnostic *d = lint_add_cmd(l, m->s, m->c, "%s stays in the image: %s", info->name, info->clean);
		bool first = true; /* what the first RUN downloaded the others find */
		for (u32 k = i; k-- > 0 && first;)
			first = e->v[k].cache != m->cache || e->v[k].kind != EFFECT_MAKE || !lint_ships(l, e->v[k].in);
		lint_estimate(l, d, first ? info->typical * (u64)1000000 : 0, m->path);
	}
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_cache[] = {
	{ .meta = { RULE("package-cache-kept", LEVEL_INFO, "cache"), .aliases = "binnacle:npmCacheCleanAfterInstall", .summary = "the cache of npm, pnpm, poetry, pipenv, uv, gem, bundler, go, cargo, composer, conda, maven or gradle stays in the image",
		.why = "What a package manager downloads it keeps, for a next time that never comes in an image. A cache mount keeps it beside the image, where the next build finds it; else remove it in the same RUN, or install in a stage that doesn't ship.",
		.bad = "FROM node:22\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\n",
		.good = "FROM node:22\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN --mount=type=cache,target=/root/.npm npm ci\n" }, .check = cache_kept },
	{ .meta = { 0 } },
};
