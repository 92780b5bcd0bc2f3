/* Go's modules: go install, go get, go run. */
#include "lint/package.h"

static const char *const go[] = { "go", NULL };
static const char *const run[] = { "run", NULL };
static const char *const fetch[] = { "install", "get", NULL };
static const char *const all[] = { "install", "get", "run", NULL };
static const char *const words[] = { "install", "get", "tool", "run", NULL };
/* go's options have one dash and many letters. */
static const char *const valued[] = { "C", "p", "o", "asmflags", "buildmode", "compiler", "gccgoflags", "gcflags", "installsuffix", "ldflags", "mod", "modfile", "overlay", "pgo", "pkgdir", "tags", "toolexec", "exec",
	"covermode", "coverpkg", NULL };

static bool go_pinned(const struct lint *l, struct str p)
{
	if (!p.n || p.p[0] == '/' || p.p[0] == '.')
		return true;
	bool version = str_chr(p, '@') && !str_ends(p, STR("@latest")) && !str_ends(p, STR("@none"));
	if (version || pkg_hado(l))
		return version;
	static const char *const branches[] = { "@upgrade", "@patch", NULL };
	for (const char *const *b = branches; *b; b++)
		if (str_ends(p, str_of(*b)))
			return false;
	/* Files, and packages of the standard library: no dot in the first element. */
	struct str rest = p, host = str_cut(&rest, '/');
	return str_ends(p, STR(".go")) || (!str_chr(host, '.') && !str_starts(host, STR("${")));
}

/* hadolint: where the script runs `go run`, only that is looked at; of it the first two words that are no options. */
static const struct sh_word *unpinned_for_hado(const struct lint *l, const struct sh_command *c, bool runs)
{
	u32 k = 0;
	for (const struct sh_word *w = sh_hado_next(c, NULL); w; w = sh_hado_next(c, w), k++) {
		if (runs ? str_is(w->text, "run") : str_listed(w->text, words))
			continue;
		if (runs && k > 1)
			break;
		if (!go_pinned(l, w->text))
			return w;
	}
	return NULL;
}

static bool runs_package(const struct lint *l, const struct lint_script *s)
{
	for (u32 i = 0; i < s->commands.n; i++)
		if (pkg_sub(l, &s->commands.v[i], go, run, valued) && s->commands.v[i].n_args > 1)
			return true;
	return false;
}

static void hado(struct lint *l)
{
	struct pkg_say y = { 0 };
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		bool runs = runs_package(l, s);
		for (u32 i = 0; i < s->commands.n; i++) {
			const struct sh_command *c = &s->commands.v[i];
			const struct sh_word *w = pkg_sub(l, c, go, runs ? run : fetch, valued) ? unpinned_for_hado(l, c, runs) : NULL;
			if (w)
				pkg_say(l, &y, s, c, w, "%.*s is taken in whatever version is newest: pin it (PACKAGE@VERSION)", STR_FMT(str_head(w->text, 100)));
		}
	}
}

static void unpinned(struct lint *l)
{
	if (pkg_hado(l)) {
		hado(l);
		return;
	}
	struct pkg_mention sources = { .text = "go.mod" }, everything = { .text = " . " };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_sub(l, c, go, all, valued);
		if (!sub)
			continue;
		/* In a module go.mod has the version of what is named without one. */
		bool module = pkg_mentioned(l, s, &sources) || pkg_mentioned(l, s, &everything);
		for (struct pkg_word p = { 0 }; pkg_next(l, s, c, sub, valued, NULL, &p);) {
			bool named = str_chr(p.text, '@') != NULL;
			if (!p.whole && !str_listed(p.text, words) && !go_pinned(l, p.text) && (named || !module || str_is(sub->text, "get"))) {
				pkg_say(l, &y, s, c, p.word, "%.*s is taken in whatever version is newest: pin it (PACKAGE@VERSION)", STR_FMT(str_head(p.text, 100)));
				break;
			}
			if (str_is(sub->text, "run"))
				break; /* the rest is the program's */
		}
	}
}

const struct lint_rule rules_golang[] = {
	{ .meta = {
		.name = "go-unpinned", .hadolint = "DL3062",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "go takes a package in whatever version is newest",
		.why = "`go install example.com/tool@latest` gives another program whenever a version is tagged, and the layer cache decides which. PACKAGE@VERSION makes the change a line in a commit, and go checks it "
		       "against the checksum database.",
		.bad = "FROM golang:1.23\nRUN go install golang.org/x/tools/cmd/stringer@latest\n", .good = "FROM golang:1.23\nRUN go install golang.org/x/tools/cmd/stringer@v0.28.0\n" },
		.check = unpinned },
	{ .meta = { 0 } },
};
