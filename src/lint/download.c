/* Downloads by wget and curl. */
#include "lint/package.h"

/* --- DL3047 --- */
/* Which wget it is: BusyBox' knows no --progress. */
static bool gnu_wget(const struct lint *l, const struct lint_script *s, struct pkg_mention *apk, struct pkg_mention *apt)
{
	static const char *const gnu[] = { "debian", "ubuntu", "buildpack-deps", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "opensuse", "archlinux", "slim", "bookworm", "bullseye", "jammy", "noble", "focal", "trixie", "ubi", NULL };
	if (s->stage == DF_NONE)
		return false;
	const struct df_stage *root = &l->graph.stages[s->stage];
	for (u32 hops = 0; root->base != DF_NONE && hops < 64; hops++)
		root = &l->graph.stages[root->base];
	struct str image = root->image_expanded;
	if (str_contains(image, STR("alpine")) || str_contains(image, STR("busybox")) || pkg_mentioned(l, s, apk))
		return false;
	for (const char *const *g = gnu; *g; g++)
		if (str_contains(image, str_of(*g)))
			return true;
	return pkg_mentioned(l, s, apt);
}

static void progress(struct lint *l)
{
	static const char *const flags[] = { "progress", "q", "quiet", "o", "output-file", "a", "append-output", "no-verbose", NULL };
	struct pkg_mention apk = { .text = "apk add" }, apt = { .text = "apt-get" }, rc = { .text = "wgetrc" };
	struct pkg_say y = { 0 };
	bool hado = pkg_hado(l);
	lint_each_command(l, s, c) {
		if (!pkg_is(l, c, "wget"))
			continue;
		bool quiet = sh_has_arg(c, "-nv");
		for (const char *const *f = flags; *f && !quiet; f++)
			quiet = hado ? sh_hado_has_flag(c, *f) : sh_has_flag(c, *f);
		if (!hado && !quiet) {
			static const char *const more[] = { "spider", "b", "background", "version", "help", "V", NULL };
			quiet = c->n_args == 0 || sh_arg_starting(c, "-nv") || sh_has_any_flag(c, more) || pkg_mentioned(l, s, &rc);
			for (u32 i = 0; i < c->n_args && !quiet; i++) { /* options in a variable */
				struct pkg_word p = { .i = i };
				quiet = !c->args[i].literal && pkg_next(l, s, c, NULL, NULL, NULL, &p) && (p.whole ? !c->args[i].quoted : p.text.n && p.text.p[0] == '-');
			}
			const struct sh_redirect *out = sh_redirect_of(c->node, '&'); /* &>, &>> */
			for (u32 i = 0; i < c->node->n_redirects; i++)
				if (c->node->redirects[i].fd == 2)
					out = &c->node->redirects[i];
			quiet |= out != NULL;
		}
		if (quiet)
			continue;
		bool gnu = gnu_wget(l, s, &apk, &apt);
		pkg_say(l, &y, s, c, NULL, "wget draws its progress into the build's log, a line for every 50 KB: %s", gnu ? "--progress=dot:giga, or -nv" : "-q, or --progress=dot:giga where it is GNU's");
		pkg_fix_option(l, &y, s, c->word, FIX_SAFE, "Keep the progress out of the log", gnu ? "--progress=dot:giga" : "-q");
	}
}

/* --- DL4001 --- */
enum { USES_CURL = 1, USES_WGET = 2 };

static u32 uses(const struct lint *l, const struct lint_script *s, const struct sh_command **first_curl, const struct sh_command **first_wget)
{
	u32 u = 0;
	*first_curl = *first_wget = NULL;
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		if (pkg_is(l, c, "curl") && !*first_curl) {
			u |= USES_CURL;
			*first_curl = c;
		} else if (pkg_is(l, c, "wget") && !*first_wget) {
			u |= USES_WGET;
			*first_wget = c;
		}
	}
	return u;
}

static void both(struct lint *l)
{
	bool hado = pkg_hado(l);
	u8 *seen = xcalloc(l->graph.n_stages + 2, 1), *said = xcalloc(l->graph.n_stages + 2, 1);
	struct pkg_say y = { 0 };
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const struct sh_command *curl, *wget;
		u32 u = uses(l, s, &curl, &wget), slot = s->stage == DF_NONE ? l->graph.n_stages : s->stage;
		if (hado && s->outer->keyword == DF_ONBUILD)
			slot = l->graph.n_stages + 1;
		if (!hado && slot < l->graph.n_stages && l->graph.stages[slot].base != DF_NONE) {
			seen[slot] |= seen[l->graph.stages[slot].base];
			said[slot] |= said[l->graph.stages[slot].base];
		}
		u32 before = seen[slot];
		seen[slot] |= (u8)u;
		if (!u || seen[slot] != (USES_CURL | USES_WGET) || (!hado && (said[slot] || !lint_ships(l, s->outer))))
			continue;
		said[slot] = 1;
		const struct sh_command *second = before == USES_CURL ? wget : before == USES_WGET ? curl : curl && wget ? (curl->index > wget->index ? curl : wget) : curl ? curl : wget;
		pkg_say(l, &y, s, second ? second : curl ? curl : wget, NULL, "both wget and curl are used: one of them does, and the other is not installed");
	}
	free(seen);
	free(said);
}

const struct lint_rule rules_download[] = {
	{ .meta = {
		.name = "wget-progress", .hadolint = "DL3047", .aliases = "tally:hadolint/DL3047",
		.level = LEVEL_INFO, .since = "2026.1", .topic = "style",
		.summary = "wget fills the build's log with its progress",
		.why = "Without a terminal wget prints a line for every 50 KB: four thousand lines for a file of 200 MB, in which what failed is not found again. --progress=dot:giga prints one for every 32 MB; -nv "
		       "prints one for the file; -q none, and no errors either. BusyBox' wget (Alpine) knows only -q.",
		.bad = "FROM debian:12\nRUN wget https://example.com/big.tar.gz\n", .good = "FROM debian:12\nRUN wget --progress=dot:giga https://example.com/big.tar.gz\n" },
		.check = progress },
	{ .meta = {
		.name = "wget-and-curl", .hadolint = "DL4001", .aliases = "trivy:DS-0014 trivy:DS014 trivy:AVD-DS-0014 kics:fc775e75-fcfb-4c98-b2f2-910c5858b359 tally:hadolint/DL4001",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "a stage uses both wget and curl",
		.why = "Two programs that do the same are two packages to install, to patch and to explain to a scanner. Stages that only build are left alone.",
		.bad = "FROM debian:12\nRUN wget -q https://example.com/a\nRUN curl -fsSLO https://example.com/b\n",
		.good = "FROM debian:12\nRUN curl -fsSLO https://example.com/a\nRUN curl -fsSLO https://example.com/b\n" },
		.check = both },
	{ .meta = { 0 } },
};
