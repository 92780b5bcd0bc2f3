#include "package/purl.h"
#include "base/buf.h"

/* What stands before the name, by type: how the ecosystem joins the two, and whether the distribution is what stands there. */
static const struct kind {
	const char *type;
	char join;          /* 0: names have no namespace */
	bool distro, lower; /* lower: names are the same in any case, and written small */
} kinds[] = {
	{ "deb", 0, true, true },
	{ "apk", 0, true, true },
	{ "rpm", 0, true, false },
	{ "alpm", 0, true, true },
	{ "opkg", 0, true, false },
	{ "maven", ':', false, false },
	{ "pypi", 0, false, true },
	{ "gem", 0, false, false },
	{ "cargo", 0, false, false },
	{ "nuget", 0, false, false },
	{ "conda", 0, false, false },
	{ "bitnami", 0, false, true },
	{ "composer", '/', false, true },
};
static const struct kind other = { "", '/', false, false };

static const struct kind *kind_of(const char *type)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return &other;
}

static bool plain(u8 c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '~' || c == ':'; }

static void encode(struct buf *b, struct str s, bool lower)
{
	for (size_t i = 0; i < s.n; i++) {
		u8 c = (u8)s.p[i];
		if (lower && c >= 'A' && c <= 'Z')
			c = (u8)(c | 0x20);
		if (plain(c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* Each segment for itself; empty ones, "." and ".." are none. */
static void encode_path(struct buf *b, struct str s, bool lower)
{
	while (s.p) {
		struct str part = str_cut(&s, '/');
		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			continue;
		encode(b, part, lower);
		buf_putc(b, '/');
	}
}

static void qualifier(struct buf *b, char *sep, const char *key, struct str value)
{
	if (!value.n)
		return;
	buf_putc(b, *sep);
	*sep = '&';
	buf_puts(b, key);
	buf_putc(b, '=');
	encode(b, value, false);
}

static void put_name(struct buf *b, const struct kind *kind, const struct package *k, const char *os_id)
{
	struct str name = str_of(k->name);
	const char *cut = kind->join && name.n ? memrchr(name.p, kind->join, name.n) : NULL;
	if (kind->distro && *os_id) {
		encode(b, strcmp(os_id, "rhel") == 0 ? STR("redhat") : str_of(os_id), true);
		buf_putc(b, '/');
	}
	if (cut && cut + 1 < name.p + name.n) {
		encode_path(b, str_n(name.p, (size_t)(cut - name.p)), kind->lower);
		name = str_from(name, (size_t)(cut - name.p) + 1);
	}
	if (strcmp(k->type, "pypi") != 0) {
		encode(b, name, kind->lower);
		return;
	}
	for (size_t i = 0; i < name.n; i++) /* the index takes them for the same */
		encode(b, name.p[i] == '_' ? STR("-") : str_n(name.p + i, 1), true);
}

const char *purl_make(struct arena *a, const struct package *k, const char *os_id, const char *os_version)
{
	const struct kind *kind = kind_of(k->type);
	struct buf b = BUF(PURL_MAX), distro = BUF(0), upstream = BUF(0);
	struct str version = str_of(k->version), epoch = STR("");
	char sep = '?';
	size_t digits = strspn(k->version, "0123456789");
	size_t more = digits && k->version[digits] == ':' ? strspn(k->version + digits + 1, "0123456789") : 0;
	bool second = more && k->version[digits + 1 + more] == ':'; /* what is left would look like one with an epoch again */
	if (strcmp(k->type, "rpm") == 0 && digits && k->version[digits] == ':' && !second) {
		epoch = str_cut(&version, ':');
		if (str_is(epoch, "0"))
			epoch = STR("");
	}
	buf_printf(&b, "pkg:%s/", k->type);
	put_name(&b, kind, k, os_id);
	if (version.n) {
		buf_putc(&b, '@');
		encode(&b, version, false);
	}
	if (kind->distro) {
		if (*os_id)
			buf_printf(&distro, *os_version ? "%s-%s" : "%s", os_id, os_version);
		if (*k->source_name && (strcmp(k->source_name, k->name) != 0 || strcmp(k->source_version, k->version) != 0))
			buf_printf(&upstream, strcmp(k->source_version, k->version) != 0 ? "%s@%s" : "%s", k->source_name, k->source_version);
		qualifier(&b, &sep, "arch", str_of(k->arch));
		qualifier(&b, &sep, "distro", buf_str(&distro));
		qualifier(&b, &sep, "epoch", epoch);
		qualifier(&b, &sep, "rpmmod", str_of(k->module));
		qualifier(&b, &sep, "upstream", buf_str(&upstream));
	}
	const char *z = arena_bytes(a, buf_str(&b));
	buf_free(&b);
	buf_free(&distro);
	buf_free(&upstream);
	return z;
}

/* --- and back --- */
static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* NULL: a zero byte, which no name has. A '%' that begins nothing stands for itself. */
static const char *decode(struct arena *a, struct str s, bool lower)
{
	struct buf b = BUF(PURL_MAX);
	const char *z = NULL;
	bool bad = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			c = (char)(u8)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
		if (lower && c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		bad |= c == '\0';
		buf_putc(&b, c);
	}
	if (!bad)
		z = arena_bytes(a, buf_str(&b));
	buf_free(&b);
	return z;
}

static int qualifiers(struct arena *a, struct str s, struct purl *u)
{
	const struct {
		const char *key;
		const char **to;
	} known[] = { { "arch", &u->arch }, { "distro", &u->distro }, { "epoch", &u->epoch }, { "upstream", &u->upstream }, { "rpmmod", &u->module }, { "modularitylabel", &u->module } };
	while (s.p) {
		struct str value = str_cut(&s, '&'), key = str_cut(&value, '=');
		for (size_t i = 0; i < countof(known); i++)
			if (value.p && str_ieq(key, str_of(known[i].key)) && !(*known[i].to = decode(a, value, false)))
				return -1;
	}
	return 0;
}

static struct str trim_slashes(struct str s)
{
	while (s.n && s.p[0] == '/')
		s = str_from(s, 1);
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* Cuts off what stands behind the last `c`; empty without one. */
static struct str tail(struct str *s, char c)
{
	const char *at = s->n ? memrchr(s->p, c, s->n) : NULL;
	if (!at)
		return STR("");
	struct str t = str_from(*s, (size_t)(at - s->p) + 1);
	s->n = (size_t)(at - s->p);
	return t;
}

int purl_parse(struct arena *a, struct str text, struct purl *ret)
{
	struct purl u = { "", "", "", "", "", "", "", "", "", "" };
	struct str s = str_trim(text);
	if (s.n > PURL_MAX || !str_ieq(str_head(s, 4), STR("pkg:")))
		return -1;
	s = str_from(s, 4);
	if (!(u.subpath = decode(a, trim_slashes(tail(&s, '#')), false)))
		return -1;
	const char *query = str_chr(s, '?');
	if (query) {
		if (qualifiers(a, str_from(s, (size_t)(query - s.p) + 1), &u) < 0)
			return -1;
		s.n = (size_t)(query - s.p);
	}
	s = trim_slashes(s);
	struct str rest = s, type = str_cut(&rest, '/'), name = trim_slashes(rest.p ? rest : STR(""));
	for (size_t i = 0; i < type.n; i++)
		if (!plain((u8)type.p[i]) && type.p[i] != '+')
			return -1;
	/* An '@' that begins a segment is a scope's, which somebody forgot to encode. */
	const char *at = name.n ? memrchr(name.p, '@', name.n) : NULL;
	if (at && at > name.p && !memchr(at, '/', (size_t)(name.p + name.n - at)) && at[-1] != '/') {
		if (!(u.version = decode(a, str_n(at + 1, (size_t)(name.p + name.n - at) - 1), false)))
			return -1;
		name.n = (size_t)(at - name.p);
	}
	struct str space = name, last = tail(&space, '/');
	if (!last.n) {
		last = name;
		space = STR("");
	}
	u.type = decode(a, type, true);
	u.name = decode(a, last, false);
	u.name_space = decode(a, trim_slashes(space), false);
	if (!u.type || !u.name || !u.name_space || !*u.type || !*u.name)
		return -1;
	*ret = u;
	return 0;
}

const char *purl_name(struct arena *a, const struct purl *u)
{
	const struct kind *kind = kind_of(u->type);
	return kind->join && *u->name_space ? arena_printf(a, "%s%c%s", u->name_space, kind->join, u->name) : u->name;
}

const char *purl_version(struct arena *a, const struct purl *u)
{
	size_t digits = strspn(u->version, "0123456789");
	bool told = digits && u->version[digits] == ':';
	bool epoch = strcmp(u->type, "rpm") == 0 && *u->epoch && strcmp(u->epoch, "0") != 0 && !told;
	return epoch ? arena_printf(a, "%s:%s", u->epoch, u->version) : u->version;
}
