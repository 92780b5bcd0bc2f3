#include "advisory/distro.h"

enum cut { WHOLE, MAJOR, MINOR, NONE };

static const struct {
	const char *id, *type, *prefix;
	enum cut cut;
	u32 rules;
	const char *eol_product, *builtin;
} rows[] = {
	{ "debian", "deb", "Debian:", MAJOR, DISTRO_SOURCE, "debian", "debian" },
	{ "raspbian", "deb", "Debian:", MAJOR, DISTRO_SOURCE, "debian", "debian" },
	{ "ubuntu", "deb", "Ubuntu:", MINOR, DISTRO_SOURCE | DISTRO_PRO, "ubuntu", "ubuntu" },
	{ "echo", "deb", "Echo", NONE, DISTRO_SOURCE, "", "" },
	{ "alpine", "apk", "Alpine:v", MINOR, DISTRO_SOURCE, "alpine-linux", "alpine" },
	{ "wolfi", "apk", "Wolfi", NONE, DISTRO_SOURCE, "", "" },
	{ "chainguard", "apk", "Chainguard", NONE, DISTRO_SOURCE, "", "" },
	{ "minimos", "apk", "MinimOS", NONE, DISTRO_SOURCE, "", "" },
	{ "alpaquita", "apk", "Alpaquita:", MAJOR, DISTRO_SOURCE, "alpaquita", "" },
	{ "bellsoft-hardened-containers", "apk", "BellSoft Hardened Containers:", MAJOR, DISTRO_SOURCE, "", "" },
	{ "rhel", "rpm", "Red Hat", MAJOR, DISTRO_CPE, "rhel", "rhel" },
	{ "centos", "rpm", "Red Hat", MAJOR, DISTRO_CPE, "centos", "centos" },
	{ "scientific", "rpm", "Red Hat", MAJOR, DISTRO_CPE, "", "centos" },
	{ "almalinux", "rpm", "AlmaLinux:", MAJOR, 0, "almalinux", "almalinux" },
	{ "rocky", "rpm", "Rocky Linux:", MAJOR, DISTRO_NO_STREAMS, "rocky-linux", "rockylinux" },
	{ "ol", "rpm", "Oracle Linux:", MAJOR, DISTRO_KINDS, "oracle-linux", "oraclelinux" },
	{ "amzn", "rpm", "Amazon Linux:", MAJOR, 0, "amazon-linux", "amazonlinux" },
	{ "photon", "rpm", "Photon OS:", MINOR, DISTRO_SOURCE, "photon", "photon" },
	{ "azurelinux", "rpm", "Azure Linux:", MAJOR, DISTRO_SOURCE, "azure-linux", "" },
	{ "mariner", "rpm", "Azure Linux:", MAJOR, DISTRO_SOURCE, "cbl-mariner", "mariner" },
	{ "openEuler", "rpm", "openEuler:", MINOR, DISTRO_SOURCE, "", "" },
	{ "mageia", "rpm", "Mageia:", MAJOR, DISTRO_SOURCE, "mageia", "" },
	{ "fedora", "rpm", NULL, MAJOR, 0, "fedora", "fedora" },
	{ "sles", "rpm", "SUSE:Linux Enterprise Server ", MINOR, 0, "sles", "sles" },
	{ "sles_sap", "rpm", "SUSE:Linux Enterprise Server ", MINOR, 0, "sles", "sles" },
	{ "sle_hpc", "rpm", "SUSE:Linux Enterprise Server ", MINOR, 0, "sles", "sles" },
	{ "sled", "rpm", "SUSE:Linux Enterprise Server ", MINOR, 0, "sles", "sles" },
	{ "sle-micro", "rpm", "SUSE:Linux Enterprise Micro ", MINOR, 0, "", "" },
	{ "sl-micro", "rpm", "SUSE:Linux Micro ", MINOR, 0, "", "" },
	{ "sle-micro-rancher", "rpm", "SUSE:Linux Enterprise Micro ", MINOR, 0, "", "" },
	{ "suse-microos", "rpm", "SUSE:Linux Enterprise Micro ", MINOR, 0, "", "" },
	{ "opensuse-leap", "rpm", "openSUSE:Leap ", MINOR, 0, "opensuse", "leap" },
	{ "opensuse", "rpm", "openSUSE:Leap ", MINOR, 0, "opensuse", "leap" },
	{ "opensuse-leap-micro", "rpm", "openSUSE:Leap Micro ", MINOR, 0, "", "" },
	{ "opensuse-tumbleweed", "rpm", "openSUSE:Tumbleweed", NONE, 0, "", "" },
	{ "arch", "alpm", NULL, NONE, 0, "", "" },
	{ "archarm", "alpm", NULL, NONE, 0, "", "" },
	{ "bottlerocket", "rpm", NULL, MINOR, DISTRO_NO_PACKAGES, "", "" },
};

/* Releases that are not told by a number. */
static const struct {
	const char *codename, *number;
} debian_codenames[] = {
	{ "squeeze", "6" }, { "wheezy", "7" }, { "jessie", "8" }, { "stretch", "9" }, { "buster", "10" }, { "bullseye", "11" }, { "bookworm", "12" }, { "trixie", "13" }, { "forky", "14" }, { "duke", "15" },
}, ubuntu_codenames[] = {
	{ "precise", "12.04" }, { "trusty", "14.04" }, { "xenial", "16.04" }, { "bionic", "18.04" }, { "focal", "20.04" }, { "jammy", "22.04" }, { "noble", "24.04" },
};

static struct str cut(struct str v, enum cut how)
{
	size_t dots = how == MAJOR ? 1 : how == MINOR ? 2 : SIZE_MAX, n = 0;
	if (how == NONE)
		return STR("");
	while (n < v.n && !(v.p[n] == '.' && --dots == 0) && v.p[n] != ' ')
		n++;
	return str_head(v, n);
}

static void ask(struct distro *d, const char *ecosystem)
{
	if (d->n_ecosystems < DISTRO_ECOSYSTEMS)
		d->ecosystems[d->n_ecosystems++] = ecosystem;
}

static bool number(struct str s) { return s.n && s.p[0] >= '0' && s.p[0] <= '9'; }

static u32 branch_rank(const char *branch)
{
	u64 major = 0, minor = 0;
	struct str rest = str_of(branch), head = str_cut(&rest, '.'), second = str_cut(&rest, '.');
	if (strcmp(branch, "edge") == 0)
		return UINT32_MAX;
	return str_to_u64(head, &major) && str_to_u64(second, &minor) && major < 1000 && minor < 1000 ? (u32)(major * 1000 + minor) : 0;
}

static void alpine(const struct packages *p, struct arena *a, struct distro *d)
{
	/* "3.22_alpha20250108" is what edge calls itself. */
	bool edge = strchr(p->os_version, '_') || strcmp(p->os_version, "edge") == 0;
	if (edge)
		d->release = "edge";
	if (branch_rank(p->os_branch) > branch_rank(d->release))
		d->release = p->os_branch;
	ask(d, strcmp(d->release, "edge") == 0 ? "Alpine:edge" : arena_printf(a, "Alpine:v%s", d->release));
}

static void ubuntu(struct arena *a, struct distro *d)
{
	struct str rest = str_of(d->release), year = str_cut(&rest, '.');
	u64 y;
	bool lts = str_to_u64(year, &y) && y % 2 == 0 && str_is(rest, "04");
	ask(d, arena_printf(a, "Ubuntu:%s%s", d->release, lts ? ":LTS" : ""));
	d->pro = arena_printf(a, "Ubuntu:Pro:%s%s", d->release, lts ? ":LTS" : "");
}

/* "15.3" is "15 SP3"; what makes up the product comes from modules, each of which is an ecosystem. */
static void suse(struct arena *a, struct distro *d)
{
	static const char *const modules[] = { "Module for Basesystem", "Module for Server Applications", "Module for Development Tools", "Module for Containers", "Module for Web and Scripting", "Module for Python 3",
		"Module for Python 2", "Module for Legacy", "Module for Public Cloud", "Module for Package Hub", "Module for Desktop Applications" };
	struct str rest = str_of(d->release), major = str_cut(&rest, '.');
	bool sp = rest.n && !str_is(rest, "0");
	const char *v = sp ? arena_printf(a, "%.*s SP%.*s", STR_FMT(major), STR_FMT(rest)) : arena_strdup(a, major);
	ask(d, arena_printf(a, "SUSE:Linux Enterprise Server %s", v));
	ask(d, arena_printf(a, "SUSE:Linux Enterprise Server %s-LTSS", v));
	for (size_t i = 0; i < countof(modules) && !str_is(major, "12") && !str_is(major, "11"); i++)
		ask(d, arena_printf(a, "SUSE:Linux Enterprise %s %s", modules[i], v));
	d->eol_cycle = d->release;
}

static const char *codename_number(const struct packages *p, bool is_ubuntu)
{
	for (size_t i = 0; !is_ubuntu && i < countof(debian_codenames); i++)
		if (strcmp(p->os_codename, debian_codenames[i].codename) == 0 || strcmp(p->os_version, debian_codenames[i].codename) == 0)
			return debian_codenames[i].number;
	for (size_t i = 0; is_ubuntu && i < countof(ubuntu_codenames); i++)
		if (strcmp(p->os_codename, ubuntu_codenames[i].codename) == 0)
			return ubuntu_codenames[i].number;
	return is_ubuntu ? "" : "sid";
}

static void name_ecosystems(const struct packages *p, struct arena *a, struct distro *d, const char *id, const char *prefix)
{
	if (strcmp(id, "alpine") == 0) {
		alpine(p, a, d);
	} else if (strcmp(id, "ubuntu") == 0) {
		ubuntu(a, d);
	} else if (str_starts(str_of(prefix), STR("SUSE:Linux Enterprise Server"))) {
		suse(a, d);
	} else if (strcmp(id, "amzn") == 0) {
		if (strcmp(d->release, "2") && strcmp(d->release, "2022") && strcmp(d->release, "2023")) /* "2018.03" */
			d->release = "1";
		ask(d, arena_printf(a, "%s%s", prefix, d->release));
		d->eol_cycle = strcmp(d->release, "1") == 0 ? "2018.03" : d->release;
	} else {
		ask(d, d->rules & DISTRO_CPE ? "Red Hat" : arena_printf(a, "%s%s", prefix, d->release));
	}
}

void distro_of(const struct packages *p, struct arena *a, struct distro *ret)
{
	*ret = (struct distro){ .release = "", .minor = "", .eol_product = "", .eol_cycle = "", .builtin = "" };
	for (size_t i = 0; i < countof(rows); i++) {
		if (strcmp(rows[i].id, p->os_id))
			continue;
		ret->type = rows[i].type;
		ret->scheme = version_scheme_of_type(ret->type);
		ret->rules = rows[i].rules;
		ret->eol_product = rows[i].eol_product;
		ret->builtin = rows[i].builtin;
		struct str v = str_of(p->os_version);
		if (!number(v) && strcmp(ret->type, "deb") == 0 && rows[i].cut != NONE)
			v = str_of(codename_number(p, strcmp(rows[i].id, "ubuntu") == 0));
		ret->release = ret->eol_cycle = arena_strdup(a, cut(v, rows[i].cut));
		if (ret->rules & DISTRO_CPE)
			ret->minor = arena_strdup(a, cut(v, MINOR));
		if (rows[i].prefix && (rows[i].cut == NONE || *ret->release))
			name_ecosystems(p, a, ret, rows[i].id, rows[i].prefix);
		if (ret->rules & DISTRO_SOURCE && *ret->release && (strcmp(ret->type, "deb") == 0 || strcmp(rows[i].id, "alpine") == 0))
			ret->root = arena_printf(a, "Root:%s:%s", strcmp(rows[i].id, "ubuntu") == 0 ? "Ubuntu" : strcmp(ret->type, "deb") == 0 ? "Debian" : "Alpine", ret->release);
		if (strcmp(rows[i].id, "alpine") == 0) /* what ends is what was installed, whatever its repositories promise */
			ret->eol_cycle = arena_strdup(a, cut(v, MINOR));
		return;
	}
}

const char *ecosystem_of_type(const char *purl_type)
{
	static const char *const pairs[][2] = { { "npm", "npm" }, { "pypi", "PyPI" }, { "golang", "Go" }, { "maven", "Maven" }, { "gem", "RubyGems" }, { "cargo", "crates.io" }, { "composer", "Packagist" },
		{ "nuget", "NuGet" }, { "hex", "Hex" }, { "pub", "Pub" }, { "cran", "CRAN" }, { "bitnami", "Bitnami" }, { "hackage", "Hackage" }, { "swift", "SwiftURL" }, { "conan", "ConanCenter" }, { "julia", "Julia" } };
	for (size_t i = 0; i < countof(pairs); i++)
		if (strcmp(pairs[i][0], purl_type) == 0)
			return pairs[i][1];
	return NULL;
}
