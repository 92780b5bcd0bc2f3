/* Ruby's packages: gem. */
#include "lint/package.h"

static const char *const gem[] = { "gem", NULL };
static const char *const subs[] = { "install", "i", NULL };
static const char *const valued[] = { "i", "install-dir", "n", "bindir", "document", "build-root", "P", "trust-policy", "s", "source", "platform", "p", "http-proxy", "g", "file", "B", "bulk-threshold", "config-file", NULL };

static bool gem_pinned(const struct lint *l, struct str p) { return str_chr(p, ':') || (!pkg_hado(l) && (!p.n || str_ends(p, STR(".gem")) || str_chr(p, '/'))); }

/* hadolint: options take the word behind them along, whatever they are, and `--` ends it. */
static const struct sh_word *unpinned_for_hado(const struct lint *l, const struct sh_command *c)
{
	for (u32 i = 0; i < c->n_args && !str_is(c->args[i].text, "--"); i++) {
		struct str a = c->args[i].text;
		if (a.n && a.p[0] == '-')
			i++;
		else if (!str_listed(a, subs) && !gem_pinned(l, a))
			return &c->args[i];
	}
	return NULL;
}

static void unpinned(struct lint *l)
{
	static const char *const versions[] = { "v", "version", "g", "file", NULL };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_sub(l, c, gem, subs, valued), *first = NULL;
		if (!sub)
			continue;
		if (pkg_hado(l)) {
			if (!sh_has_arg(c, "-v") && !sh_has_arg(c, "--version") && !sh_arg_starting(c, "--version="))
				first = unpinned_for_hado(l, c);
			if (first)
				pkg_say(l, &y, s, c, first, "%.*s is installed in whatever version is newest: pin it (NAME:VERSION)", STR_FMT(str_head(first->text, 100)));
			continue;
		}
		if (sh_has_any_flag(c, versions) || sh_has_flag(c, "local") || sh_has_flag(c, "help"))
			continue;
		struct sh_command cut = *c; /* what stands behind `--` is for the compiler */
		for (cut.n_args = 0; cut.n_args < c->n_args && !str_is(c->args[cut.n_args].text, "--"); cut.n_args++)
			;
		struct pkg_pin pin = { .subs = subs, .valued = valued, .pinned = gem_pinned, .how = "NAME:VERSION" };
		pkg_unpinned_in(l, &y, s, &cut, sub, &pin);
	}
}

const struct lint_rule rules_gem[] = {
	{ .meta = {
		.name = "gem-unpinned", .hadolint = "DL3028", .aliases = "kics:22cd11f7-9c6c-4f6e-84c0-02058120b341",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "gem installs a package in whatever version is newest",
		.why = "The same Dockerfile gives another image on every release of the gem, and a compromised release is installed the minute it appears. NAME:VERSION pins the gem; a Gemfile.lock pins what it "
		       "needs as well.",
		.bad = "FROM ruby:3.3\nRUN gem install bundler\n", .good = "FROM ruby:3.3\nRUN gem install bundler:2.5.22\n" },
		.check = unpinned },
	{ .meta = { 0 } },
};
