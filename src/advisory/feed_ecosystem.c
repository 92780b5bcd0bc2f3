/* What the OSV schema calls ecosystems (https://ossf.github.io/osv-schema/#defined-ecosystems), and two of our own. One that is not listed is kept as it is written. */
#include "advisory/feed_job.h"

enum { LANGUAGE = 0, DIST = 1, BINARY = 2, BINARIES = 4 };
static const struct {
	char name[32], scheme[12];
	u8 flags;
} list[] = {
	{ "AlmaLinux", "rpm", DIST | BINARY },
	{ "Alpaquita", "apk", DIST },
	{ "Alpine", "apk", DIST },
	{ "Amazon Linux", "rpm", DIST | BINARY },
	{ "Azure Linux", "rpm", DIST },
	{ "BellSoft Hardened Containers", "apk", DIST },
	{ "Bioconductor", "semver", LANGUAGE },
	{ "Bitnami", "semver", LANGUAGE },
	{ "CRAN", "semver", LANGUAGE },
	{ "Chainguard", "apk", DIST },
	{ "CleanStart", "apk", DIST },
	{ "ConanCenter", "semver", LANGUAGE },
	{ "Debian", "dpkg", DIST },
	{ "Docker Hardened Images", "dpkg", DIST },
	{ "Echo", "dpkg", DIST },
	{ "GHC", "semver", LANGUAGE },
	{ "GitHub Actions", "semver", LANGUAGE },
	{ "Go", "go", LANGUAGE },
	{ "Hackage", "semver", LANGUAGE },
	{ "Hex", "semver", LANGUAGE },
	{ "Julia", "semver", LANGUAGE },
	{ "Linux", "semver", LANGUAGE },
	{ "Mageia", "rpm", DIST },
	{ "Maven", "maven", LANGUAGE },
	{ "MinimOS", "apk", DIST },
	{ "NuGet", "nuget", LANGUAGE },
	{ "Oracle Linux", "rpm", DIST | BINARY },
	{ "Packagist", "composer", LANGUAGE },
	{ "Photon OS", "rpm", DIST },
	{ "Pub", "semver", LANGUAGE },
	{ "PyPI", "pep440", LANGUAGE },
	{ "Red Hat", "rpm", DIST | BINARY },
	{ "Rocky Linux", "rpm", DIST | BINARY },
	{ "RubyGems", "gem", LANGUAGE },
	{ "SUSE", "rpm", DIST | BINARY | BINARIES },
	{ "SwiftURL", "semver", LANGUAGE },
	{ "Ubuntu", "dpkg", DIST },
	{ "VSCode", "semver", LANGUAGE },
	{ "Wolfi", "apk", DIST },
	{ "crates.io", "semver", LANGUAGE },
	{ "npm", "npm", LANGUAGE },
	{ "openEuler", "rpm", DIST },
	{ "openSUSE", "rpm", DIST | BINARY | BINARIES },
};

bool feed_ecosystem(struct str name, struct feed_ecosystem *ret, struct str *release)
{
	struct str rest = name, base = str_cut(&rest, ':');
	*release = rest.p ? str_n(rest.p - 1, rest.n + 1) : str_n("", 0);
	for (size_t i = 0; i < countof(list); i++)
		if (str_ieq(base, str_of(list[i].name))) {
			u8 f = list[i].flags;
			*ret = (struct feed_ecosystem){ list[i].name, (f & DIST) != 0, (f & BINARY) != 0, (f & BINARIES) != 0, list[i].scheme };
			return true;
		}
	return false;
}
