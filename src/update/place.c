#include "update/place.h"

static const struct place places[] = {
	/* Languages, and the distributions that publish as OSV alone; the others have feeds of their own. */
	{ "osv", "https://osv-vulnerabilities.storage.googleapis.com/", PLACE_LIST,
	  "npm/all.zip PyPI/all.zip Go/all.zip Maven/all.zip RubyGems/all.zip crates.io/all.zip Packagist/all.zip NuGet/all.zip Pub/all.zip Hex/all.zip "
	  "AlmaLinux/all.zip Alpaquita/all.zip Azure%20Linux/all.zip BellSoft%20Hardened%20Containers/all.zip Bitnami/all.zip Chainguard/all.zip Echo/all.zip Mageia/all.zip MinimOS/all.zip "
	  "Rocky%20Linux/all.zip openEuler/all.zip", .digest = DIGEST_OF_NOTHING },
	{ "alpine-secdb", "https://secdb.alpinelinux.org/", PLACE_INDEX, "v*/ edge/ main.json community.json", .digest = DIGEST_OF_NOTHING },
	{ "redhat-csaf-vex", "https://security.access.redhat.com/data/csaf/v2/vex/", PLACE_POINTER, "archive_latest.txt", .digest = DIGEST_OF_FILE },
	{ "suse", "https://ftp.suse.com/pub/projects/security/oval/", PLACE_INDEX,
	  "suse.linux.enterprise.server.1[0-9]-affected.xml.gz suse.linux.enterprise.micro.*-affected.xml.gz suse.linux.micro.*-affected.xml.gz opensuse.leap.*-affected.xml.gz "
	  "opensuse.tumbleweed-affected.xml.gz", .digest = DIGEST_OF_NOTHING },
	{ "nvd", "https://nvd.nist.gov/feeds/json/cve/2.0/", PLACE_YEARS, "nvdcve-2.0-%.json.gz", .digest = DIGEST_OF_CONTENT, .first = 2002 },
};

const struct place place_listed = { NULL, NULL, PLACE_INDEX,
	"*/ *.json *.json.gz *.json.bz2 *.json.xz *.json.zst *.xml *.xml.gz *.xml.bz2 *.xml.xz *.xml.zst *.csv *.csv.gz *.zip *.tar *.tar.gz *.tgz *.tar.bz2 *.tar.xz *.tar.zst",
	.digest = DIGEST_OF_NOTHING };

const struct place *place_of(const char *kind)
{
	for (size_t i = 0; i < countof(places); i++)
		if (strcmp(places[i].kind, kind) == 0)
			return &places[i];
	return NULL;
}

bool place_name_ok(struct str name)
{
	if (!name.n)
		return false;
	for (struct str rest = name; rest.p;) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || part.n > 200 || part.p[0] == '.')
			return false;
		for (size_t i = 0; i < part.n; i++) {
			char c = part.p[i];
			if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c && strchr("._-+%~@", c)))
				return false;
		}
	}
	return true;
}

/* The value of href, quoted or not; *rest is what comes behind it. */
static struct str value_of(struct str *rest)
{
	struct str s = *rest, value;
	while (s.n && strchr(" \t\r\n", s.p[0]))
		s = str_from(s, 1);
	if (!s.n || s.p[0] != '=') {
		*rest = s;
		return (struct str){ NULL, 0 };
	}
	s = str_from(s, 1);
	while (s.n && strchr(" \t\r\n", s.p[0]))
		s = str_from(s, 1);
	size_t n = 0;
	if (s.n && (s.p[0] == '"' || s.p[0] == '\'')) {
		char quote = s.p[0];
		s = str_from(s, 1);
		while (n < s.n && s.p[n] != quote)
			n++;
	} else {
		while (n < s.n && !strchr(" \t\r\n>", s.p[n]))
			n++;
	}
	value = str_head(s, n);
	*rest = str_from(s, n);
	return value;
}

int place_links(struct str html, int (*f)(void *ctx, struct str name), void *ctx)
{
	u32 n = 0;
	while (html.n && n < LINKS_MAX) {
		if ((html.p[0] | 0x20) != 'h' || !str_ieq(str_head(html, 4), STR("href"))) {
			html = str_from(html, 1);
			continue;
		}
		html = str_from(html, 4);
		struct str name = value_of(&html), bare = name;
		if (str_starts(bare, STR("./")))
			name = bare = str_from(bare, 2);
		if (bare.n && bare.p[bare.n - 1] == '/')
			bare.n--;
		if (!place_name_ok(bare) || str_chr(bare, '/'))
			continue;
		n++;
		int r = f(ctx, name);
		if (r)
			return r;
	}
	return 0;
}

struct str place_pointed(struct str text)
{
	struct str line = str_trim(str_cut(&text, '\n'));
	return place_name_ok(line) && !str_chr(line, '/') ? line : (struct str){ NULL, 0 };
}

struct str place_digest_of(enum place_digest kind, struct str text)
{
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (kind == DIGEST_OF_CONTENT) {
			if (!str_starts(line, STR("sha256:")))
				continue;
			line = str_trim(str_from(line, 7));
		} else {
			line = str_cut(&line, ' ');
		}
		bool hex = line.n == 64;
		for (size_t i = 0; hex && i < line.n; i++)
			hex = (line.p[i] >= '0' && line.p[i] <= '9') || ((line.p[i] | 0x20) >= 'a' && (line.p[i] | 0x20) <= 'f');
		if (hex)
			return line;
	}
	return (struct str){ NULL, 0 };
}
