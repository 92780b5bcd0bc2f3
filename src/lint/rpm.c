/* Packages in RPM format: yum, dnf, microdnf, tdnf, zypper. */
#include "lint/package.h"

static const char *const yum[] = { "yum", NULL };
static const char *const dnf[] = { "dnf", "microdnf", NULL };
static const char *const dnf_ours[] = { "dnf", "microdnf", "dnf5", "dnf-3", "tdnf", NULL };
static const char *const family[] = { "yum", "dnf", "microdnf", "dnf5", "dnf-3", "tdnf", NULL };
static const char *const zypper[] = { "zypper", NULL };
static const char *const valued[] = { "enablerepo", "disablerepo", "enable-repo", "disable-repo", "repo", "repoid", "x", "exclude", "installroot", "releasever", "setopt", "c", "config", "d",
	"debuglevel", "e", "errorlevel", "advisory", "advisories", "bz", "cve", "sec-severity", "forcearch", "comment", "R", "randomwait", "repofrompath", "destdir", "downloaddir", "use-host-config", "disableexcludes",
	"disableplugin", "enableplugin", NULL };
static const char *const zypper_valued[] = { "r", "repo", "from", "t", "type", "R", "root", "installroot", "D", "reposd-dir", "C", "cache-dir", "c", "config", "p", "plus-repo", "plus-content", "raw-cache-dir",
	"solv-cache-dir", "pkg-cache-dir", "releasever", "category", "bz", "cve", NULL };
static const char *const nothing[] = { NULL };

/* --- versions: NAME-VERSION[-RELEASE] --- */
static bool version_char(char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr(".~^_:+", c)); }

/* hadolint: what stands behind the first dash looks like versions, and a part of it begins with a digit. */
static bool version_behind_dash(struct str p)
{
	struct str rest = p;
	bool digit = false;
	str_cut(&rest, '-');
	if (!rest.p)
		return false;
	while (rest.p) {
		struct str part = str_cut(&rest, '-');
		for (size_t i = 0; i < part.n; i++)
			if (!version_char(part.p[i]))
				return false;
		digit |= part.n && part.p[0] >= '0' && part.p[0] <= '9';
	}
	return digit;
}

static bool rpm_pinned(const struct lint *l, struct str p)
{
	if (!str_chr(p, '-') && pkg_hado(l))
		return false;
	if (str_ends(p, STR(".rpm")) || version_behind_dash(p))
		return true;
	/* Groups, paths, patterns and capabilities have no version to pin; what a variable holds behind a dash is one. */
	return !pkg_hado(l) && (!p.n || str_contains(p, STR("-${")) || p.p[0] == '@' || str_chr(p, '/') || str_chr(p, '(') || str_chr(p, '*') || str_chr(p, '=') || str_chr(p, '<') || str_chr(p, '>'));
}

static bool module_pinned(const struct lint *l, struct str p)
{
	(void)l;
	return str_chr(p, ':') != NULL;
}

static bool zypper_pinned(const struct lint *l, struct str p)
{
	if (str_chr(p, '=') || str_chr(p, '<') || str_chr(p, '>') || str_ends(p, STR(".rpm")))
		return true;
	return !pkg_hado(l) && (!p.n || str_chr(p, '/') || str_chr(p, '(') || str_chr(p, '*') || str_contains(p, STR(":")) || p.p[0] == '-' || p.p[0] == '+' || p.p[0] == '!');
}

/* hadolint takes a package for pinned when a variable in it is set by ENV in the stage (or the stage it is built on) or by an ARG above. */
static bool variable_declared(const struct lint *l, const struct lint_script *s, struct str name)
{
	const struct df_state *state = l->graph.state ? l->graph.state[s->outer->index] : NULL;
	const struct df_var *v = state ? df_state_var(state, name) : NULL;
	if (v && !v->predefined)
		return true;
	for (const struct df_var *g = l->graph.globals; g; g = g->shadow)
		if (str_eq(g->name, name) && !g->predefined)
			return true;
	return false;
}

struct params {
	const struct lint *l;
	const struct lint_script *s;
	bool declared;
};

static void see_param(void *ctx, const struct sh_word *w, const struct sh_part *part, bool quoted)
{
	struct params *p = ctx;
	(void)w, (void)quoted;
	if (part->kind == SH_PARAM && !p->declared)
		p->declared = variable_declared(p->l, p->s, part->name);
}

/* The words behind `install`, with hadolint's idea of variables; one finding an instruction. */
static void unpinned_of(struct lint *l, const char *const *names, const char *how)
{
	static const char *const subs[] = { "install", NULL }, *const words[] = { "install", "module", NULL };
	static const char *const ours[] = { "install", "reinstall", "localinstall", NULL };
	struct pkg_say y = { 0 };
	bool hado = pkg_hado(l);
	lint_each_command(l, s, c) {
		const struct sh_word *sub = pkg_sub(l, c, names, hado ? subs : ours, valued);
		bool module = pkg_is_any(l, c, names) && sh_has_arg(c, "module");
		if (!sub && !hado && module)
			sub = sh_arg_word(c, "install");
		if (!sub || (!module && sh_has_arg(c, "group")))
			continue;
		struct pkg_pin pin = { .subs = words, .valued = valued, .dropped = nothing, .pinned = module ? module_pinned : rpm_pinned, .how = module ? "NAME:STREAM" : how };
		if (!hado) {
			pkg_unpinned_in(l, &y, s, c, sub, &pin);
			continue;
		}
		for (struct pkg_word p = { 0 }; pkg_next(l, s, c, NULL, valued, nothing, &p);) {
			if (str_listed(p.text, words) || pin.pinned(l, p.text))
				continue;
			struct params seen = { l, s, false };
			if (!p.word->literal && str_chr(p.text, '-'))
				sh_each_part(p.word, see_param, &seen);
			if (seen.declared)
				continue;
			pkg_unpinned_in(l, &y, s, c, NULL, &pin);
			break;
		}
	}
}

static void yum_unpinned(struct lint *l) { unpinned_of(l, yum, "NAME-VERSION"); }
static void dnf_unpinned(struct lint *l) { unpinned_of(l, pkg_hado(l) ? dnf : dnf_ours, "NAME-VERSION"); }

/* Patterns, patches and products carry no version. */
static bool zypper_type(const struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	(void)l, (void)s;
	struct str type = sh_flag_value(c, "t"), lng = sh_flag_value(c, "type");
	return (type.p && !str_is(type, "package")) || (lng.p && !str_is(lng, "package")) || sh_has_flag(c, "dry-run");
}

static void zypper_unpinned(struct lint *l)
{
	static const char *const subs[] = { "install", "in", NULL };
	static const struct pkg_pin pin = { .names = zypper, .subs = subs, .valued = zypper_valued, .dropped = nothing, .pinned = zypper_pinned, .silent = zypper_type, .how = "NAME=VERSION" };
	pkg_unpinned(l, &pin);
}

/* --- questions --- */
static bool rpm_assumes(const struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	(void)l, (void)s;
	return sh_arg_containing(c, "assumeyes=") || sh_has_flag(c, "assumeno") || sh_has_flag(c, "downloadonly") || sh_has_flag(c, "help");
}

static const char *const installs_hado[] = { "install", "groupinstall", "localinstall", NULL };
static const char *const installs[] = { "install", "groupinstall", "localinstall", "reinstall", "update", "upgrade", "upgrade-minimal", "downgrade", "remove", "erase", "swap", "in", "up", "distro-sync", NULL };
static const char *const yes_flags[] = { "y", "assumeyes", NULL };

static void yum_asks(struct lint *l)
{
	static const struct pkg_yes yes = { .names = yum, .subs = installs, .hado_subs = installs_hado, .valued = valued, .flags = yes_flags, .silent = rpm_assumes, .option = "-y" };
	pkg_asks(l, &yes);
}

static void dnf_asks(struct lint *l)
{
	static const char *const ours[] = { "dnf", "dnf5", "dnf-3", "tdnf", NULL }; /* microdnf never asks */
	struct pkg_yes yes = { .names = pkg_hado(l) ? dnf : ours, .subs = installs, .hado_subs = installs_hado, .valued = valued, .flags = yes_flags, .silent = rpm_assumes, .option = "-y" };
	pkg_asks(l, &yes);
}

static bool zypper_dry(const struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	(void)s;
	(void)l;
	return (sh_has_flag(c, "dry-run") || sh_has_flag(c, "D") || sh_has_flag(c, "help"));
}

static void zypper_asks(struct lint *l)
{
	static const char *const hado[] = { "install", "in", "remove", "rm", "source-install", "si", "patch", NULL };
	static const char *const subs[] = { "install", "in", "remove", "rm", "source-install", "si", "patch", "update", "up", "dist-upgrade", "dup", NULL };
	static const char *const flags[] = { "non-interactive", "n", "no-confirm", "y", NULL };
	static const struct pkg_yes yes = { .names = zypper, .subs = subs, .hado_subs = hado, .valued = zypper_valued, .flags = flags, .silent = zypper_dry, .option = "--non-interactive", .global = true };
	pkg_asks(l, &yes);
}

/* --- what stays of downloads and metadata --- */
struct cache {
	const char *const *names;      /* programs */
	const char *const *subs;       /* that fetch */
	const char *const *cleaners;   /* programs whose clean counts */
	const char *const *clean;      /* words of it */
	const char *const *hado_rm;    /* hadolint: words of an rm that counts */
	const char *const *paths;      /* where it is */
	const char *const *mounts;     /* parts of a mount's target */
};

static bool clears(const struct lint *l, const struct cache *k, const struct sh_command *c, const char *program)
{
	if (pkg_hado(l))
		return (pkg_is(l, c, program) && sh_has_any_arg(c, k->clean)) || (pkg_is(l, c, "rm") && sh_has_any_arg(c, k->hado_rm));
	if (pkg_is_any(l, c, k->cleaners) && sh_has_any_arg(c, k->clean))
		return true;
	for (const char *const *p = k->paths; *p; p++)
		if (pkg_removes(c, str_of(*p)))
			return true;
	return pkg_cleans_by_name(c);
}

/* The command that leaves something: for hadolint the first of that program, unless a clean-up stands behind it; for us the last that fetches. */
static const struct sh_command *fetch_kept(const struct lint *l, const struct cache *k, const struct lint_script *s, const char *program)
{
	const struct sh_command *found = NULL;
	for (u32 i = 0; i < s->commands.n; i++) {
		const struct sh_command *c = &s->commands.v[i];
		const char *const one[] = { program, NULL };
		if (pkg_sub(l, c, pkg_hado(l) ? one : k->names, k->subs, k->names == zypper ? zypper_valued : valued)) {
			if (!(found && pkg_hado(l)))
				found = c;
		} else if (found && clears(l, k, c, program)) {
			if (pkg_hado(l))
				return NULL;
			found = NULL;
		}
	}
	return found;
}

static bool elsewhere(const struct sh_command *c) { return sh_has_flag(c, "installroot") || sh_has_flag(c, "root") || sh_has_flag(c, "cacheonly") || sh_has_flag(c, "downloadonly"); }

static void cache_of(struct lint *l, const struct cache *k)
{
	struct pkg_say y = { 0 };
	bool hado = pkg_hado(l);
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		bool mounted = false;
		for (const char *const *m = k->mounts; *m && !mounted; m++)
			mounted = pkg_mounts(s, *m);
		for (const char *const *p = k->paths; !hado && *p && !mounted; p++)
			mounted = lint_mounted(s, str_of(*p));
		if (mounted || (!hado && !lint_ships(l, s->outer)))
			continue;
		const struct sh_command *c = NULL;
		for (const char *const *n = k->names; *n && !c; n++) {
			c = fetch_kept(l, k, s, *n);
			if (!hado)
				break;
		}
		if (!c)
			continue;
		char command[64];
		snprintf(command, sizeof command, "%.*s clean %s", STR_FMT(str_head(c->base, 20)), k->names == zypper ? "--all" : "all");
		pkg_say(l, &y, s, c, NULL, "what %.*s fetched stays in this layer: `%s` in the same RUN", STR_FMT(str_head(c->base, 20)), command);
		if (!elsewhere(c))
			pkg_fix_append(l, &y, s, c, FIX_SAFE, "Remove what was fetched in the same layer", command);
	}
}

static const char *const clean_all[] = { "clean", "all", NULL };

static void yum_cache(struct lint *l)
{
	static const char *const subs[] = { "install", NULL };
	static const char *const ours[] = { "install", "reinstall", "update", "upgrade", "groupinstall", "localinstall", "swap", "makecache", "distro-sync", "group", "module", NULL };
	static const char *const rm[] = { "-rf", "/var/cache/yum/*", NULL };
	static const char *const paths[] = { "/var/cache/yum", "/var/cache/dnf", NULL }, *const mounts[] = { "/var/cache/yum", NULL };
	struct cache k = { .names = yum, .subs = pkg_hado(l) ? subs : ours, .cleaners = family, .clean = clean_all, .hado_rm = rm, .paths = paths, .mounts = mounts };
	cache_of(l, &k);
}

static void dnf_cache(struct lint *l)
{
	static const char *const subs[] = { "install", "in", "upgrade", "up", "upgrade-minimal", "up-min", "reinstall", "rei", NULL };
	static const char *const ours[] = { "install", "in", "upgrade", "up", "update", "upgrade-minimal", "reinstall", "rei", "localinstall", "groupinstall", "downgrade", "distro-sync", "swap", "makecache", "group", "module", NULL };
	static const char *const rm[] = { "-rf", "/var/cache/libdnf5*", NULL };
	static const char *const paths[] = { "/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum", NULL }, *const mounts[] = { "/var/cache/libdnf5", ".cache/libdnf5", NULL };
	struct cache k = { .names = pkg_hado(l) ? dnf : dnf_ours, .subs = pkg_hado(l) ? subs : ours, .cleaners = family, .clean = clean_all, .hado_rm = rm, .paths = paths, .mounts = mounts };
	cache_of(l, &k);
}

static void zypper_cache(struct lint *l)
{
	static const char *const subs[] = { "install", "in", NULL }, *const ours[] = { "install", "in", "update", "up", "dist-upgrade", "dup", "patch", "refresh", "ref", "source-install", "si", NULL };
	static const char *const clean[] = { "clean", "cc", NULL }, *const none[] = { NULL };
	static const char *const paths[] = { "/var/cache/zypp", NULL };
	struct cache k = { .names = zypper, .subs = pkg_hado(l) ? subs : ours, .cleaners = zypper, .clean = clean, .hado_rm = none, .paths = paths, .mounts = paths };
	cache_of(l, &k);
}

/* --- upgrades --- */
static void zypper_dup(struct lint *l)
{
	static const char *const subs[] = { "dist-upgrade", "dup", NULL };
	struct pkg_say y = { 0 };
	lint_each_command(l, s, c)
		if (pkg_sub(l, c, zypper, subs, zypper_valued))
			pkg_say(l, &y, s, c, NULL, "a distribution upgrade replaces the base image's packages and gives another image every day: build on a newer base image");
}

#define WHY_ASKS "In a build there is no terminal: the question whether to go on is answered with no, and the build fails."
#define WHY_PIN "The same Dockerfile gives another image whenever the repository changes, and a build from last month cannot be repeated. A version in the name makes the change a line in a commit."
#define WHY_CACHE                                                                                                                                                            \
	"Metadata of the repositories and fetched packages stay below /var/cache: tens to hundreds of megabytes that nothing reads again. Removed in a later RUN they still stand in the layer below; " \
	"only the RUN that fetched them can leave them out. A cache mount keeps them out too, and keeps them for the next build."

const struct lint_rule rules_rpm[] = {
	{ .meta = {
		.name = "yum-asks", .hadolint = "DL3030", .aliases = "kics:6e19193a-8753-436d-8a09-76dcff91bb03 tally:hadolint/DL3030", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "yum install would ask for confirmation", .why = WHY_ASKS,
		.bad = "FROM rockylinux:9\nRUN yum install httpd-2.4.57 && yum clean all\n", .good = "FROM rockylinux:9\nRUN yum install -y httpd-2.4.57 && yum clean all\n" },
		.check = yum_asks },
	{ .meta = {
		.name = "yum-cache-kept", .hadolint = "DL3032", .aliases = "trivy:DS-0015 trivy:DS015 trivy:AVD-DS-0015 kics:00481784-25aa-4a55-8633-3136dfcf4f37", .level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "what yum fetched stays in the layer", .why = WHY_CACHE,
		.bad = "FROM rockylinux:9\nRUN yum install -y httpd-2.4.57\n", .good = "FROM rockylinux:9\nRUN yum install -y httpd-2.4.57 && yum clean all\n" },
		.check = yum_cache },
	{ .meta = {
		.name = "yum-unpinned", .hadolint = "DL3033", .aliases = "kics:6452c424-1d92-4deb-bb18-a03e95d579c4", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "yum installs a package in whatever version is newest", .why = WHY_PIN,
		.bad = "FROM rockylinux:9\nRUN yum install -y httpd && yum clean all\n", .good = "FROM rockylinux:9\nRUN yum install -y httpd-2.4.57 && yum clean all\n" },
		.check = yum_unpinned },
	{ .meta = {
		.name = "zypper-asks", .hadolint = "DL3034", .aliases = "kics:45e1fca5-f90e-465d-825f-c2cb63fa3944 tally:hadolint/DL3034", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "zypper would ask for confirmation", .why = WHY_ASKS,
		.bad = "FROM opensuse/leap:15.6\nRUN zypper install git=2.43 && zypper clean --all\n", .good = "FROM opensuse/leap:15.6\nRUN zypper --non-interactive install git=2.43 && zypper clean --all\n" },
		.check = zypper_asks },
	{ .meta = {
		.name = "zypper-dist-upgrade", .hadolint = "DL3035", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "zypper dist-upgrade replaces the base image's packages",
		.why = "A distribution upgrade may remove packages and change vendors. What the image holds depends on the day it was built, and every replaced file is stored twice. A newer base image gives "
		       "the same updates without the bytes.",
		.bad = "FROM opensuse/leap:15.6\nRUN zypper -n dist-upgrade && zypper clean --all\n", .good = "FROM opensuse/leap:15.6\nRUN zypper -n patch && zypper clean --all\n" },
		.check = zypper_dup },
	{ .meta = {
		.name = "zypper-cache-kept", .hadolint = "DL3036", .aliases = "trivy:DS-0020 trivy:DS020 trivy:AVD-DS-0020 kics:38300d1a-feb2-4a48-936a-d1ef1cd24313", .level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "what zypper fetched stays in the layer", .why = WHY_CACHE,
		.bad = "FROM opensuse/leap:15.6\nRUN zypper -n install git=2.43\n", .good = "FROM opensuse/leap:15.6\nRUN zypper -n install git=2.43 && zypper clean --all\n" },
		.check = zypper_cache },
	{ .meta = {
		.name = "zypper-unpinned", .hadolint = "DL3037", .aliases = "kics:562952e4-0348-4dea-9826-44f3a2c6117b", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "zypper installs a package in whatever version is newest", .why = WHY_PIN,
		.bad = "FROM opensuse/leap:15.6\nRUN zypper -n install git && zypper clean --all\n", .good = "FROM opensuse/leap:15.6\nRUN zypper -n install git=2.43 && zypper clean --all\n" },
		.check = zypper_unpinned },
	{ .meta = {
		.name = "dnf-asks", .hadolint = "DL3038", .aliases = "kics:7ebd323c-31b7-4e5b-b26f-de5e9e477af8 tally:hadolint/DL3038", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "dnf install would ask for confirmation", .why = WHY_ASKS,
		.bad = "FROM fedora:42\nRUN dnf install git-2.49.0 && dnf clean all\n", .good = "FROM fedora:42\nRUN dnf install -y git-2.49.0 && dnf clean all\n" },
		.check = dnf_asks },
	{ .meta = {
		.name = "dnf-cache-kept", .hadolint = "DL3040", .aliases = "trivy:DS-0019 trivy:DS019 trivy:AVD-DS-0019 trivy:DS-0027 trivy:DS027 trivy:AVD-DS-0027 kics:295acb63-9246-4b21-b441-7c1f1fb62dc0", .level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "what dnf fetched stays in the layer", .why = WHY_CACHE,
		.bad = "FROM fedora:42\nRUN dnf install -y git-2.49.0\n", .good = "FROM fedora:42\nRUN dnf install -y git-2.49.0 && dnf clean all\n" },
		.check = dnf_cache },
	{ .meta = {
		.name = "dnf-unpinned", .hadolint = "DL3041", .aliases = "kics:93d88cf7-f078-46a8-8ddc-178e03aeacf1", .level = LEVEL_WARNING, .since = "2026.1", .topic = "packages",
		.summary = "dnf installs a package in whatever version is newest", .why = WHY_PIN,
		.bad = "FROM fedora:42\nRUN dnf install -y git && dnf clean all\n", .good = "FROM fedora:42\nRUN dnf install -y git-2.49.0 && dnf clean all\n" },
		.check = dnf_unpinned },
	{ .meta = { 0 } },
};
