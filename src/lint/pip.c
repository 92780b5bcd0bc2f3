/* Python's packages: pip. */
#include "lint/package.h"

static const char *const valued[] = { "c", "constraint", "r", "requirement", "e", "editable", "t", "target", "platform", "python-version", "implementation", "abi", "root", "prefix", "b", "build", "src",
	"upgrade-strategy", "C", "config-settings", "config-setting", "global-option", "install-option", "no-binary", "only-binary", "progress-bar", "root-user-action", "report", "i", "index-url", "index",
	"extra-index-url", "f", "find-links", "log", "proxy", "retries", "timeout", "default-timeout", "exists-action", "trusted-host", "cert", "client-cert", "cache-dir", "python", "use-feature", "use-deprecated",
	"keyring-provider", "group", NULL };
static const char *const dropped[] = { "abi", "b", "build", "e", "editable", "extra-index-url", "f", "find-links", "i", "index-url", "implementation", "no-binary", "only-binary", "platform", "prefix",
	"progress-bar", "proxy", "python", "python-version", "root", "root-user-action", "src", "t", "target", "trusted-host", "upgrade-strategy", NULL };

/* `pip`, `pip3`, `pip3.12`; `python3 -m pip`. */
static bool versioned(struct str name, const char *program)
{
	if (!str_starts(name, str_of(program)))
		return false;
	for (size_t i = strlen(program); i < name.n; i++)
		if (name.p[i] != '.' && (name.p[i] < '0' || name.p[i] > '9'))
			return false;
	return true;
}

/* The word `install` of a pip install; NULL. hadolint goes by how the name begins. */
static const struct sh_word *pip_install(const struct lint *l, const struct sh_command *c)
{
	bool hado = pkg_hado(l);
	if (hado && c->wrapped)
		return NULL;
	if (hado ? str_starts(c->name, STR("python")) : versioned(c->base, "python")) {
		for (u32 i = 0; i + 2 < c->n_args; i++)
			if (str_is(c->args[i].text, "-m") && str_is(c->args[i + 1].text, "pip")) {
				if (hado)
					return str_is(c->args[i + 2].text, "install") ? &c->args[i + 2] : NULL;
				const struct sh_word *w = sh_next_operand(c, &c->args[i + 1], valued);
				return w && str_is(w->text, "install") ? w : NULL;
			}
		return NULL;
	}
	if (hado)
		return str_starts(c->name, STR("pip")) ? sh_arg_word(c, "install") : NULL;
	const struct sh_word *w = versioned(c->base, "pip") ? sh_operand(c, 0, valued) : NULL;
	return w && str_is(w->text, "install") ? w : NULL;
}

/* --- DL3013 --- */
static bool is_vcs(struct str p)
{
	static const char *const schemes[] = { "git", "hg+", "svn", "bzr+", NULL };
	for (const char *const *v = schemes; *v; v++)
		if (str_starts(p, str_of(*v)))
			return true;
	return false;
}

static bool pip_pinned(const struct lint *l, struct str p)
{
	if (str_chr(p, '<') || str_chr(p, '>') || str_contains(p, STR("==")) || str_contains(p, STR("!=")) || str_contains(p, STR("~=")))
		return true;
	if (str_ends(p, STR(".whl")) || str_ends(p, STR(".tar.gz")))
		return true;
	if (pkg_hado(l)) {
		static const char *const hg[] = { "hg+file", "hg+http", "hg+ssh", "hg+static-http", NULL }, *const bzr[] = { "bzr+http", "bzr+ssh", "bzr+sftp", "bzr+ftp", "bzr+lp", NULL };
		bool vcs = str_starts(p, STR("git")) || str_starts(p, STR("svn"));
		for (const char *const *v = hg; *v; v++)
			vcs |= str_starts(p, str_of(*v));
		for (const char *const *v = bzr; *v; v++)
			vcs |= str_starts(p, str_of(*v));
		return vcs ? str_chr(p, '@') != NULL : str_chr(p, '/') != NULL;
	}
	if (!p.n || p.p[0] == '.')
		return true;
	const char *at = str_find(p, STR("://"));
	if (at && is_vcs(p)) { /* user@host pins nothing, path@revision does */
		const char *path = memchr(at + 3, '/', (size_t)(p.p + p.n - at - 3));
		return path && memchr(path, '@', (size_t)(p.p + p.n - path));
	}
	return str_chr(p, '/') != NULL || str_chr(p, '@') != NULL;
}

static bool given_elsewhere(const struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	static const char *const ours[] = { "c", "constraint", "require-hashes", "no-index", "dry-run", "help", NULL };
	if (pkg_hado(l))
		return sh_has_arg(c, "--requirement") || sh_has_arg(c, "-r") || sh_has_arg(c, ".") || sh_hado_has_flag(c, "constraint") || sh_hado_has_flag(c, "c");
	return sh_has_any_flag(c, ours) || pkg_env(l, s, "PIP_CONSTRAINT").n || pkg_env(l, s, "PIP_NO_INDEX").n || sh_arg_starting(c, "--constraint=");
}

static void unpinned(struct lint *l)
{
	static const char *const subs[] = { "install", NULL };
	static const struct pkg_pin pin = { .subs = subs, .valued = valued, .dropped = dropped, .pinned = pip_pinned, .how = "NAME==VERSION, or a requirements file" };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pip_install(l, c);
		if (sub && !given_elsewhere(l, s, c))
			pkg_unpinned_in(l, &y, s, c, sub, &pin);
	}
}

/* --- DL3042 --- */
static const char *const truthy[] = { "1", "true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES", NULL };

/* In the script itself: hadolint looks for the text. */
static bool set_in_script(const struct lint_script *s)
{
	const char *at = str_find(s->text.s, STR("PIP_NO_CACHE_DIR="));
	if (!at)
		return false;
	struct str value = str_from(s->text.s, (size_t)(at - s->text.s.p) + 17);
	if (value.n && (value.p[0] == '"' || value.p[0] == '\''))
		value = str_from(value, 1);
	for (const char *const *t = truthy; *t; t++)
		if (str_starts(value, str_of(*t)))
			return true;
	return false;
}

static bool set_by_env(const struct lint *l, const struct lint_script *s, bool onbuild_env)
{
	if (pkg_hado(l) && s->outer->keyword == DF_ONBUILD)
		return onbuild_env;
	const struct df_state *state = l->graph.state ? l->graph.state[s->outer->index] : NULL;
	const struct df_var *v = state ? df_state_var(state, STR("PIP_NO_CACHE_DIR")) : NULL;
	if (!v || (pkg_hado(l) && !v->env))
		return false;
	return v->known ? str_listed(v->value, truthy) : !pkg_hado(l);
}

static bool cache_mounted(const struct lint *l, const struct lint_script *s)
{
	if (pkg_mounts(s, ".cache/pip"))
		return true;
	if (pkg_hado(l))
		return false;
	struct str dir = pkg_env(l, s, "PIP_CACHE_DIR"), xdg = pkg_env(l, s, "XDG_CACHE_HOME");
	return lint_mounted(s, STR("/root/.cache/pip")) || pkg_mounts(s, "/.cache") || pkg_mounts(s, "pip") || (dir.n && lint_mounted(s, dir)) || (xdg.n && lint_mounted(s, xdg));
}

static bool clears_cache(const struct sh_command *c)
{
	return pkg_removes(c, STR("/root/.cache/pip")) || pkg_cleans_by_name(c) || (sh_has_arg(c, "cache") && sh_has_arg(c, "purge")) || (sh_is(c, "rm") && sh_arg_containing(c, ".cache"));
}

static bool is_wrapper(const struct sh_command *c)
{
	if (str_contains(c->name, STR("pipx")) || str_contains(c->name, STR("pipenv")))
		return true;
	for (u32 i = 0; i + 1 < c->n_args; i++)
		if (str_is(c->args[i].text, "-m") && (str_is(c->args[i + 1].text, "pipx") || str_is(c->args[i + 1].text, "pipenv")))
			return true;
	return false;
}

static bool onbuild_sets(const struct df_instruction *i)
{
	const struct df_instruction *t = i->keyword == DF_ONBUILD ? i->trigger : NULL;
	for (u32 k = 0; t && t->keyword == DF_ENV && k < t->n_pairs; k++)
		if (str_is(t->pairs[k].name.s, "PIP_NO_CACHE_DIR") && str_listed(t->pairs[k].value.s, truthy))
			return true;
	return false;
}

static void cache_kept(struct lint *l)
{
	static const char *const word[] = { "--no-cache-dir", NULL };
	struct pkg_say y = { 0 };
	bool hado = pkg_hado(l), onbuild_env = false;
	struct pkg_mention config = { .text = "no-cache-dir true" };
	u32 at = 0;
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		for (; hado && at < s->outer->index; at++)
			onbuild_env |= onbuild_sets(&l->file.instructions[at]);
		if (set_by_env(l, s, onbuild_env) || set_in_script(s) || cache_mounted(l, s) || (!hado && (!lint_ships(l, s->outer) || pkg_mentioned(l, s, &config))))
			continue;
		u32 first_kept = 0; /* installs in front of the last clean-up leave nothing */
		for (u32 i = s->commands.n; !hado && i-- > 0 && !first_kept;)
			first_kept = clears_cache(&s->commands.v[i]) ? i : 0;
		for (u32 i = first_kept; i < s->commands.n; i++) {
			const struct sh_command *c = &s->commands.v[i];
			const struct sh_word *sub = pip_install(l, c);
			if (!sub || sh_has_arg(c, "--no-cache-dir") || is_wrapper(c))
				continue;
			if (!hado && (sh_has_flag(c, "no-cache-dir") || sh_has_flag(c, "dry-run") || sh_has_flag(c, "cache-dir") || pkg_may_hold(l, s, c, word)))
				continue;
			pkg_say(l, &y, s, c, NULL, "pip keeps what it downloads and builds in a cache in this layer: --no-cache-dir, or a cache mount");
			pkg_fix_option(l, &y, s, sub, FIX_SAFE, "Keep no pip cache", "--no-cache-dir");
		}
	}
}

const struct lint_rule rules_pip[] = {
	{ .meta = {
		.name = "pip-unpinned", .hadolint = "DL3013", .aliases = "kics:02d9c71f-3ee8-4986-9c27-1a20d0d19bfc",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "pip installs a package in whatever version is newest",
		.why = "The same Dockerfile gives another image on every release of the package or of what it needs, and a compromised release is installed the minute it appears. NAME==VERSION pins the package; a "
		       "requirements file with hashes, or a constraints file, pins what it needs as well.",
		.bad = "FROM python:3.12\nRUN pip install --no-cache-dir requests\n", .good = "FROM python:3.12\nRUN pip install --no-cache-dir requests==2.32.3\n" },
		.check = unpinned },
	{ .meta = {
		.name = "pip-cache-kept", .hadolint = "DL3042", .aliases = "kics:f2f903fb-b977-461e-98d7-b3e2185c6118",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "pip keeps its cache in the layer",
		.why = "pip stores every file that it downloads and every wheel that it builds below ~/.cache/pip, about as many bytes again as it installs. Nothing in the image reads them. --no-cache-dir (or "
		       "PIP_NO_CACHE_DIR=1) keeps none; a cache mount keeps them outside of the image, for the next build.",
		.bad = "FROM python:3.12\nRUN pip install requests==2.32.3\n", .good = "FROM python:3.12\nRUN pip install --no-cache-dir requests==2.32.3\n" },
		.check = cache_kept },
	{ .meta = { 0 } },
};
