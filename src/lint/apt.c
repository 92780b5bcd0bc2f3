/* Debian's and Ubuntu's packages: apt-get, apt, aptitude. */
#include "lint/package.h"


static const char *const apt_get[] = { "apt-get", NULL };
static const char *const installers[] = { "apt-get", "apt", "aptitude", NULL };
static const char *const install[] = { "install", NULL };
static const char *const valued[] = { "o", "option", "c", "config-file", "t", "target-release", "default-release", "a", "host-architecture", "P", "build-profiles", "S", "snapshot", NULL };
static const char *const dropped[] = { "t", "target-release", NULL };

/* hadolint looks at apt-get alone, except where it forgets to. */
static const struct sh_word *apt(const struct lint *l, const struct sh_command *c, const char *const *subs)
{
	return pkg_sub(l, c, pkg_hado(l) ? apt_get : installers, subs, valued);
}

static bool only_shows(const struct sh_command *c)
{
	static const char *const flags[] = { "s", "simulate", "just-print", "dry-run", "recon", "no-act", "print-uris", "assume-no", "help", "h", NULL };
	return sh_has_any_flag(c, flags);
}

/* `-o NAME=value`, in one word or two. */
static bool option_set(const struct sh_command *c, const char *name, const char *const *values)
{
	for (u32 i = 0; i < c->n_args; i++) {
		struct str rest = c->args[i].text, at = str_cut(&rest, '=');
		if (rest.p && str_is(at, "--option")) /* --option=NAME=value */
			at = str_cut(&rest, '=');
		if (str_starts(at, STR("-o")))
			at = str_from(at, 2);
		if (str_ieq(at, str_of(name)) && str_listed(str_trim(rest), values))
			return true;
	}
	return false;
}

/* --- DL3008 --- */
static bool apt_pinned(const struct lint *l, struct str p)
{
	if (str_chr(p, '=') || str_chr(p, '/') || str_ends(p, STR(".deb")))
		return true;
	char last = p.n ? p.p[p.n - 1] : '-';
	return !pkg_hado(l) && (last == '-' || last == '^' || p.p[0] == '?' || p.p[0] == '~'); /* removed, a task, a pattern */
}

static void unpinned(struct lint *l)
{
	static const struct pkg_pin hado = { .names = apt_get, .subs = install, .valued = valued, .dropped = dropped, .pinned = apt_pinned, .how = "NAME=VERSION" };
	if (pkg_hado(l)) {
		pkg_unpinned(l, &hado);
		return;
	}
	struct pkg_pin pin = hado;
	struct pkg_mention snapshot = { .text = "snapshot.debian.org" }, ubuntu = { .text = "snapshot.ubuntu.com" };
	struct pkg_say y = { 0 };
	pin.names = installers;
	lint_each_command(l, s, c) {
		const struct sh_word *sub = apt(l, c, install);
		/* An archive that stands still pins everything. */
		if (sub && !only_shows(c) && !sh_has_flag(c, "snapshot") && !sh_has_flag(c, "only-upgrade") && !pkg_mentioned(l, s, &snapshot) && !pkg_mentioned(l, s, &ubuntu))
			pkg_unpinned_in(l, &y, s, c, sub, &pin);
	}
}

/* --- DL3009 --- */
#define LISTS "/var/lib/apt/lists"

static const char *const update[] = { "update", NULL };

static bool clears_lists(const struct lint *l, const struct sh_command *c)
{
	static const char *const args[] = { "-rf", LISTS "/*", NULL };
	if (pkg_hado(l))
		return pkg_is(l, c, "rm") && sh_has_any_arg(c, args);
	static const char *const distclean[] = { "distclean", "dist-clean", NULL };
	return pkg_removes(c, STR(LISTS)) || apt(l, c, distclean) || pkg_cleans_by_name(c);
}

/* The last update of the script that nothing cleans up behind; for hadolint the first, unless something cleans up anywhere. */
static const struct sh_command *update_kept(const struct lint *l, const struct lint_script *s)
{
	const struct sh_command *found = NULL;
	bool hado = pkg_hado(l), cleared = false;
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		if (pkg_sub(l, c, installers, update, valued)) {
			found = hado && found ? found : c;
			cleared &= hado;
		} else {
			cleared |= clears_lists(l, c);
		}
	}
	return cleared ? NULL : found;
}

static bool lists_mounted(const struct lint *l, const struct lint_script *s)
{
	if (pkg_hado(l))
		return pkg_mounts(s, LISTS) || (pkg_mounts(s, "/var/lib/apt") && pkg_mounts(s, "/var/cache/apt"));
	return lint_mounted(s, STR(LISTS));
}

/* A script of the project, or a shell fed from outside: nobody knows what it installs. */
static bool opaque(const struct sh_command *c)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "source", ".", "eval", "make", "ansible-playbook", NULL };
	return str_listed(c->base, shells) || str_ends(c->base, STR(".sh")) || str_starts(c->name, STR("./")) || str_starts(c->name, STR("/tmp/"));
}

enum need { NEED_NONE, NEED_UNKNOWN, NEED_LISTS };

/* Whether something later, in the stage or a stage built on it, takes packages by these lists. Answers for all scripts in one pass from the end:
 * need[stage] holds what the part of the stage that was seen needs. */
static enum need script_needs(const struct lint *l, const struct lint_script *s, enum need after)
{
	static const char *const users[] = { "install", "reinstall", "build-dep", "satisfy", "download", "source", "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade", NULL };
	static const char *const other[] = { "apt-cache", "apt-file", "add-apt-repository", "gdebi", "mk-build-deps", NULL };
	enum need own = NEED_NONE;
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		if (pkg_sub(l, c, installers, update, valued))
			return own;
		if (pkg_sub(l, c, installers, users, valued) || str_listed(c->base, other))
			return NEED_LISTS;
		if (opaque(c))
			own = NEED_UNKNOWN;
	}
	return MAX(own, after);
}

static void lists_finding(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, enum need need)
{
	if (!pkg_say(l, y, s, c, NULL, "the package lists of `%.*s update` stay in this layer: remove " LISTS " in the same RUN", STR_FMT(str_head(c->base, 20))) || need == NEED_LISTS)
		return;
	bool safe = need == NEED_NONE && s->outer->keyword != DF_ONBUILD;
	pkg_fix_append(l, y, s, c, safe ? FIX_SAFE : FIX_SUGGESTED, "Remove the package lists in the same layer", "rm -rf " LISTS "/*");
}

static void lists_kept(struct lint *l)
{
	u32 n = l->graph.n_stages;
	u8 *need = xcalloc(n + 1, 1), *after = xcalloc(l->n_scripts + 1, 1), *bases = pkg_bases(l);
	for (u32 i = l->n_scripts; i-- > 0;) {
		const struct lint_script *s = &l->scripts[i];
		u32 stage = s->stage == DF_NONE ? n : s->stage;
		after[i] = need[stage];
		if (s->in->keyword == DF_RUN)
			need[stage] = (u8)script_needs(l, s, need[stage]);
		/* What a stage needs from its beginning on, its base must leave. */
		bool first = i == 0 || l->scripts[i - 1].stage != s->stage;
		if (first && stage < n && l->graph.stages[stage].base != DF_NONE) {
			u32 base = l->graph.stages[stage].base;
			need[base] = MAX(need[base], need[stage]);
		}
	}
	struct pkg_say y = { 0 };
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const struct sh_command *c = update_kept(l, s);
		if (c && !lists_mounted(l, s) && pkg_stays(l, s, bases))
			lists_finding(l, &y, s, c, (enum need)after[s - l->scripts]);
	}
	free(bases);
	free(need);
	free(after);
}

/* --- DL3014 --- */
static bool answered(const struct lint *l, const struct sh_command *c)
{
	static const char *const yes[] = { "true", "1", "yes", "on", "\"true\"", NULL };
	static const char *const flags[] = { "y", "yes", "assume-yes", NULL }, *const ours[] = { "force-yes", "trivial-only", NULL };
	u32 q = sh_count_flag(c, "q"), quiet = sh_count_flag(c, "quiet");
	if (sh_has_any_flag(c, flags) || q == 2 || quiet == 2 || sh_has_arg(c, "-q=2"))
		return true;
	return !pkg_hado(l) && (q > 2 || quiet > 2 || sh_has_any_flag(c, ours) || only_shows(c) || option_set(c, "APT::Get::Assume-Yes", yes));
}

static void asks(struct lint *l)
{
	static const char *const subs[] = { "install", "reinstall", "build-dep", "upgrade", "dist-upgrade", "full-upgrade", NULL };
	bool hado = pkg_hado(l);
	struct pkg_mention conf = { .text = "Assume-Yes" };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = apt(l, c, hado ? install : subs);
		if (!sub || answered(l, c))
			continue;
		if (!hado && (pkg_fed(c) || pkg_mentioned(l, s, &conf) || pkg_may_hold(l, s, c, pkg_yes_words)))
			continue;
		pkg_say(l, &y, s, c, NULL, "`%.*s %.*s` asks before it acts, and nobody answers in a build: add -y", STR_FMT(str_head(c->base, 20)), STR_FMT(str_head(sub->text, 20)));
		pkg_fix_option(l, &y, s, sub, FIX_SAFE, "Answer yes to the questions", "-y");
	}
}

/* --- DL3015 --- */
static void recommends(struct lint *l)
{
	static const char *const off[] = { "false", "0", "no", "off", "\"false\"", "\"0\"", NULL };
	struct pkg_mention conf = { .text = "Install-Recommends" };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		const struct sh_word *sub = apt(l, c, install);
		if (!sub || sh_hado_has_flag(c, "no-install-recommends") || sh_has_arg(c, "APT::Install-Recommends=false"))
			continue;
		if (!pkg_hado(l)) {
			bool aptitude = sh_is(c, "aptitude"), nothing = !sh_next_operand(c, sub, valued);
			static const char *const word[] = { "--no-install-recommends", NULL };
			if (pkg_may_hold(l, s, c, word) || option_set(c, "APT::Install-Recommends", off) || (aptitude && (sh_has_flag(c, "R") || sh_has_flag(c, "without-recommends"))) || nothing ||
			    only_shows(c) || !lint_ships(l, s->outer) || pkg_mentioned(l, s, &conf) || sh_has_flag(c, "install-recommends"))
				continue;
		}
		pkg_say(l, &y, s, c, NULL, "recommended packages are installed too: add --no-install-recommends and name those that are needed");
		pkg_fix_option(l, &y, s, sub, FIX_SUGGESTED, "Leave recommended packages out", "--no-install-recommends");
	}
}

/* --- DL3027 --- */
static void cli(struct lint *l)
{
	/* Where apt-get does the same. */
	static const char *const same[] = { "update", "install", "reinstall", "remove", "purge", "autoremove", "clean", "autoclean", "build-dep", "dist-upgrade", "download", "source", "upgrade", NULL };
	static const char *const none[] = { "list", "edit-sources", NULL };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c) {
		if (!pkg_is(l, c, "apt"))
			continue;
		const struct sh_word *sub = sh_operand(c, 0, valued);
		if (!pkg_hado(l) && (!sub || (c->in_condition && str_listed(sub->text, none)) || str_contains(c->name, STR("/lib/"))))
			continue;
		pkg_say(l, &y, s, c, NULL, "apt is made for people and changes between versions: scripts use apt-get or apt-cache");
		if (!sub || !sub->literal || !str_listed(sub->text, same) || !c->word->literal || c->word->quoted)
			continue;
		struct df_span at = lint_span(s, c->word->end - 3, c->word->end);
		pkg_fix(l, &y, FIX_SAFE, "Use apt-get", at, STR("apt-get"));
		if (str_is(sub->text, "upgrade") && !sh_has_flag(c, "with-new-pkgs")) /* apt's default */
			pkg_fix_option(l, &y, s, sub, FIX_SAFE, "Use apt-get", "--with-new-pkgs");
	}
}

/* --- dist-upgrade --- */
static void dist_upgrade(struct lint *l)
{
	static const char *const subs[] = { "dist-upgrade", "full-upgrade", NULL };
	lint_each_command(l, s, c)
		if (apt(l, c, subs))
			lint_add_cmd(l, s, c, "a full upgrade replaces the base image's packages, removes some, and gives another image every day: build on a newer base image");
}

/* ENV reaches the containers, too; what debconf may ask is a question of the build. */
static void frontend(struct lint *l)
{
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i))
		for (u32 k = 0; i->keyword == DF_ENV && k < i->n_pairs && lint_ships(l, i); k++)
			if (str_is(i->pairs[k].name.s, "DEBIAN_FRONTEND") && i->pairs[k].value.s.n)
				lint_add_at(l, i, i->pairs[k].span, "DEBIAN_FRONTEND stays set in every container: ARG sets it for the build alone");
}

const struct lint_rule rules_apt[] = {
	{ .meta = {
		.name = "apt-unpinned", .hadolint = "DL3008", .aliases = "kics:965a08d7-ef86-4f14-8792-4a3b2098937e",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "apt-get installs a package in whatever version is newest",
		.why = "The same Dockerfile gives another image whenever the archive changes, and a build from last month cannot be repeated. A pinned version (NAME=VERSION) makes the change "
		       "a line in a commit. Debian's and Ubuntu's archives drop old versions, so pins of fast-moving packages need care; pinning the base image by digest and taking packages "
		       "from snapshot.debian.org pins everything at once, and then this rule is silent.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n",
		.good = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl=7.88.1-10+deb12u12 && rm -rf /var/lib/apt/lists/*\n" },
		.check = unpinned },
	{ .meta = {
		.name = "apt-lists-kept", .hadolint = "DL3009", .aliases = "kics:df746b39-6564-4fed-bf85-e9c44382303c",
		.level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.summary = "the lists of apt-get update stay in the layer",
		.why = "apt-get update writes 20 to 45 MB below /var/lib/apt/lists. Nothing at run time reads them, and they are old the next day. Removed in a later RUN they still stand in the layer "
		       "below; only the RUN that fetched them can leave them out. A cache mount on /var/lib/apt/lists keeps them out too, and keeps them for the next build.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl=7.88.1-10+deb12u12\n",
		.good = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl=7.88.1-10+deb12u12 && rm -rf /var/lib/apt/lists/*\n" },
		.check = lists_kept },
	{ .meta = {
		.name = "apt-asks", .hadolint = "DL3014", .aliases = "trivy:DS-0021 trivy:DS021 trivy:AVD-DS-0021 kics:77783205-c4ca-4f80-bb80-c777f267c547 tally:hadolint/DL3014",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "apt-get install would ask for confirmation",
		.why = "Where more than the named packages is needed apt-get asks whether to go on. A build has no terminal: apt-get takes the silence for a no and the build fails, today or on the day "
		       "a dependency is added.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get install curl && rm -rf /var/lib/apt/lists/*\n",
		.good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n" },
		.check = asks },
	{ .meta = {
		.name = "apt-recommends", .hadolint = "DL3015", .aliases = "trivy:DS-0029 trivy:DS029 trivy:AVD-DS-0029 kics:7384dfb2-fcd1-4fbf-91cd-6c44c318c33c",
		.level = LEVEL_INFO, .since = "2026.1", .topic = "size",
		.summary = "apt-get install brings recommended packages along",
		.why = "By default apt-get installs what a package recommends as well: documentation tools, mail servers, compilers. An image often doubles for it, and every package more is one more to patch. "
		       "With --no-install-recommends only what is needed comes; what turns out to be missing is named. Stages that only build are left alone.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*\n",
		.good = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*\n" },
		.check = recommends },
	{ .meta = {
		.name = "apt-for-people", .hadolint = "DL3027", .aliases = "checkov:CKV_DOCKER_9 kics:b84a0b47-2e99-4c9f-8933-98bcabe2b94d tally:hadolint/DL3027",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "apt is called from a script",
		.why = "apt says so itself: it has no stable command line interface. Its options, its output and its defaults change between releases, which a build script should not notice. "
		       "apt-get and apt-cache do the same and stay as they are.",
		.bad = "FROM debian:12\nRUN apt update\n", .good = "FROM debian:12\nRUN apt-get update\n" },
		.check = cli },
	{ .meta = {
		.name = "apt-dist-upgrade", .aliases = "trivy:DS-0024 trivy:DS024 trivy:AVD-DS-0024 kics:682fe378-c180-4bd5-8a14-95fc285fb269 hadolint:DL3005",
		.level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "apt-get dist-upgrade replaces the base image's packages",
		.why = "A full upgrade may remove packages and move to another release. What the image holds depends on the day it was built, and every replaced file is stored twice, in the base "
		       "image and in this layer. A newer base image gives the same updates without the bytes.",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get dist-upgrade -y && rm -rf /var/lib/apt/lists/*\n", .good = "FROM debian:12.11\nRUN true\n" },
		.check = dist_upgrade },
	{ .meta = {
		.name = "apt-frontend-in-env", .level = LEVEL_INFO, .since = "2026.1", .topic = "packages",
		.summary = "ENV sets DEBIAN_FRONTEND for the containers, too",
		.why = "ENV is part of the image's configuration: whoever works in a container, or builds on the image, gets a debconf that never asks, and packages that are configured without the "
		       "answers that they needed. ARG holds during the build and is gone afterwards; in front of one command it holds for that command.",
		.bad = "FROM debian:12\nENV DEBIAN_FRONTEND=noninteractive\n", .good = "FROM debian:12\nARG DEBIAN_FRONTEND=noninteractive\n" },
		.check = frontend },
	{ .meta = { 0 } },
};
