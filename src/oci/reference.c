#include "oci/reference.h"

/* The grammar of docker's reference package (distribution/reference, "Grammar"):
 *
 *	reference      name [ ":" tag ] [ "@" digest ]
 *	name           [ domain "/" ] component ( "/" component )*
 *	domain         host [ ":" port ],  host: labels joined by "." or "[" IPv6 "]"
 *	component      alphanum ( separator alphanum )*,  separator: "." | "_" | "__" | "-"+
 *	tag            [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
 *
 * What stands before the first "/" is a domain when it holds "." or ":", is "localhost" or has a capital letter. */
#define PATH_LENGTH_MAX 255
#define DOMAIN_LENGTH_MAX 259 /* a DNS name and a port */
#define TAG_LENGTH_MAX 128

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_low_alnum(char c) { return is_digit(c) || is_lower(c); }
static bool is_alnum(char c) { return is_low_alnum(c) || is_upper(c); }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool component_ok(struct str s)
{
	for (size_t i = 0;;) {
		size_t from = i;
		while (i < s.n && is_low_alnum(s.p[i]))
			i++;
		if (i == from)
			return false;
		if (i == s.n)
			return true;
		char sep = s.p[i];
		if (sep != '.' && sep != '_' && sep != '-')
			return false;
		i++;
		if (sep == '_' && i < s.n && s.p[i] == '_')
			i++;
		while (sep == '-' && i < s.n && s.p[i] == '-')
			i++;
	}
}

static bool path_ok(struct str s)
{
	if (!s.n || s.n > PATH_LENGTH_MAX)
		return false;
	while (s.p)
		if (!component_ok(str_cut(&s, '/')))
			return false;
	return true;
}

static bool label_ok(struct str s)
{
	if (!s.n || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool domain_ok(struct str s)
{
	if (!s.n || s.n > DOMAIN_LENGTH_MAX)
		return false;
	struct str host = s, port = { 0 };
	if (s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);
		if (!close)
			return false;
		size_t n = (size_t)(close - s.p);
		if (n == 1)
			return false;
		for (size_t i = 1; i < n; i++)
			if (!is_hex(s.p[i]) && s.p[i] != ':')
				return false;
		struct str rest = str_from(s, n + 1);
		if (!rest.n)
			return true;
		if (rest.p[0] != ':')
			return false;
		port = str_from(rest, 1);
	} else {
		port = s;
		host = str_cut(&port, ':');
		while (host.p)
			if (!label_ok(str_cut(&host, '.')))
				return false;
		if (!port.p)
			return true;
	}
	for (size_t i = 0; i < port.n; i++)
		if (!is_digit(port.p[i]))
			return false;
	return port.n > 0;
}

static bool tag_ok(struct str s)
{
	if (!s.n || s.n > TAG_LENGTH_MAX || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '.' && s.p[i] != '-')
			return false;
	return true;
}

/* 64 hexadecimal digits are an image ID wherever docker takes either; so they are never a name. */
static bool is_identifier(struct str s)
{
	if (s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

static bool looks_like_domain(struct str first)
{
	if (str_is(first, "localhost"))
		return true;
	for (size_t i = 0; i < first.n; i++)
		if (first.p[i] == '.' || first.p[i] == ':' || is_upper(first.p[i]))
			return true;
	return false;
}

static int bad(struct error *err, struct str text, const char *why)
{
	return error_set(err, ERR_USAGE, "image name '%.*s': %s", STR_FMT(str_head(text, 300)), why);
}

int reference_parse(struct arena *a, struct str text, struct reference *ret, struct error *err)
{
	if (!text.n)
		return error_set(err, ERR_USAGE, "image name: empty");
	if (is_identifier(text))
		return bad(err, text, "64 hexadecimal digits are an image ID, not a name");
	struct digest digest = { 0 };
	struct str digest_part = text, rest = str_cut(&digest_part, '@');
	if (digest_part.p && digest_parse(digest_part, &digest, err) < 0) {
		if (err)
			err->kind = ERR_USAGE;
		return error_wrap(err, "image name '%.*s'", STR_FMT(str_head(text, 100)));
	}
	struct str domain = STR("docker.io"), path = rest, tag = { 0 };
	const char *slash = memchr(rest.p, '/', rest.n);
	if (slash && looks_like_domain(str_head(rest, (size_t)(slash - rest.p)))) {
		path = rest;
		domain = str_cut(&path, '/');
		if (str_is(domain, "index.docker.io"))
			domain = STR("docker.io");
	}
	struct str after = path;
	path = str_cut(&after, ':'); /* a path holds no ':', so the first one begins the tag */
	tag = after;
	if (!domain_ok(domain))
		return bad(err, text, "not a registry's host name in front");
	if (path.n > PATH_LENGTH_MAX)
		return bad(err, text, "longer than 255 characters");
	if (!path_ok(path))
		return bad(err, text, "want lower-case letters and digits, separated by one of . _ __ - or /");
	if (tag.p && !tag_ok(tag))
		return bad(err, text, "the tag is not 1 to 128 of A-Z a-z 0-9 _ . - (no . or - first)");
	bool library = str_is(domain, "docker.io") && !memchr(path.p, '/', path.n);
	if (library && path.n + strlen("library/") > PATH_LENGTH_MAX)
		return bad(err, text, "longer than 255 characters");
	*ret = (struct reference){
		.domain = arena_strdup(a, domain),
		.path = arena_printf(a, "%s%.*s", library ? "library/" : "", STR_FMT(path)),
		.tag = tag.p ? arena_strdup(a, tag) : digest.alg ? NULL : "latest",
		.digest = digest,
	};
	return 0;
}

static const char *with_suffix(struct arena *a, const char *domain, const char *path, const struct reference *r)
{
	return arena_printf(a, "%s%s%s%s%s%s%s", domain, domain[0] ? "/" : "", path, r->tag ? ":" : "", r->tag ? r->tag : "", r->digest.alg ? "@" : "", DIGEST_STR(&r->digest));
}

const char *reference_text(struct arena *a, const struct reference *r) { return with_suffix(a, r->domain, r->path, r); }

const char *reference_familiar(struct arena *a, const struct reference *r)
{
	struct str rest = str_of(r->path), first = str_cut(&rest, '/');
	/* docker.io/my.org/app without its domain would be app of a registry my.org. */
	if (strcmp(r->domain, "docker.io") != 0 || (rest.p && looks_like_domain(first)))
		return reference_text(a, r);
	bool library = strncmp(r->path, "library/", 8) == 0 && !strchr(r->path + 8, '/');
	return with_suffix(a, "", r->path + (library ? 8 : 0), r);
}

bool reference_same(const char *a, const char *b)
{
	struct arena arena = { 0 };
	struct reference ra, rb;
	bool same;
	if (reference_parse(&arena, str_of(a), &ra, NULL) < 0 || reference_parse(&arena, str_of(b), &rb, NULL) < 0)
		same = strcmp(a, b) == 0;
	else
		same = strcmp(ra.domain, rb.domain) == 0 && strcmp(ra.path, rb.path) == 0 && digest_eq(&ra.digest, &rb.digest) && !ra.tag == !rb.tag &&
		       (!ra.tag || strcmp(ra.tag, rb.tag) == 0);
	arena_free(&arena);
	return same;
}
