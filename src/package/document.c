#include "package/document.h"
#include "package/document_item.h"
#include "package/lang.h"
#include "package/purl.h"
#include <stdarg.h>

void document_damage(struct document *d, const char *fmt, ...)
{
	struct buf b = BUF(1000);
	va_list ap;
	char text[900];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_puts(&b, text);
	problem_add(&d->p->problems, "%s", b.p);
	buf_free(&b);
}

const char *document_keep(struct document *d, struct str s)
{
	const char *zero = str_chr(s, '\0');
	return arena_bytes(&d->p->arena, zero ? str_n(s.p, (size_t)(zero - s.p)) : s);
}

static const char *keep(struct document *d, const char *z) { return z && *z ? arena_bytes(&d->p->arena, str_of(z)) : ""; }
/* A name or a version: one line, without blanks at its ends. */
static const char *keep_word(struct document *d, const char *z)
{
	struct str s = str_trim(str_of(z ? z : ""));
	return lang_word(s) ? document_keep(d, s) : "";
}

/* --- facts --- */
static u64 number(const char *z)
{
	u64 v = 0;
	return z && str_to_u64(str_of(z), &v) && v < (u64)1 << 62 ? v : 0;
}

void document_fact(struct item *k, const char *key, const char *value)
{
	const struct {
		const char *key;
		const char **to;
	} facts[] = {
		{ "type", &k->type },	  { "arch", &k->arch },	  { "source_name", &k->source_name }, { "source_version", &k->source_version }, { "path", &k->path },	  { "layer", &k->layer },
		{ "origin", &k->origin }, { "bytes", &k->bytes }, { "files", &k->files },	      { "module", &k->module },			{ "vendor", &k->vendor }, { "depends", &k->depends },
		{ "provides", &k->provides }, { "license", &k->license }, { "name", &k->name }, { "version", &k->version }, { "summary", &k->summary },
	};
	for (size_t i = 0; value && i < countof(facts); i++)
		if (strcmp(key, facts[i].key) == 0)
			*facts[i].to = value;
}

void document_image_fact(struct document *d, const char *key, const char *value)
{
	struct document_about *a = d->about;
	struct packages *p = d->p;
	const struct {
		const char *key;
		const char **to;
	} facts[] = {
		{ "reference", &a->reference }, { "transport", &a->transport }, { "digest", &a->digest }, { "config_digest", &a->config_digest }, { "platform", &a->platform }, { "created", &a->created },
		{ "os_id", &p->os_id }, { "os_version", &p->os_version }, { "os_codename", &p->os_codename }, { "os_name", &p->os_pretty }, { "os_branch", &p->os_branch }, { "os_content_sets", &p->os_content_sets },
	};
	if (!value || !*value || !d->trusted)
		return;
	if (strcmp(key, "incomplete") == 0)
		problem_add(&p->problems, "%s", value);
	else if (strcmp(key, "unverified") == 0)
		problem_add(&a->unverified, "%s", value);
	else if (strcmp(key, "unidentified") == 0 && a->n_unidentified < 1000)
		VEC_PUSH(a->unidentified, a->n_unidentified, a->cap_unidentified, keep(d, value));
	else if (strcmp(key, "executable_bytes") == 0)
		p->executable_bytes = number(value);
	else if (strcmp(key, "identified_bytes") == 0)
		p->identified_bytes = number(value);
	for (size_t i = 0; i < countof(facts); i++)
		if (strcmp(key, facts[i].key) == 0)
			*facts[i].to = keep(d, value);
}

void document_annotation(struct document *d, struct item *k, struct str comment, json_t **doc)
{
	const char *key;
	json_t *v, *one;
	size_t i;
	*doc = comment.n && comment.p[0] == '{' ? json_read(comment, "annotation", NULL) : NULL;
	if (!*doc)
		return;
	json_object_foreach(*doc, key, v) {
		if (k) {
			document_fact(k, key, json_string_value(v));
			continue;
		}
		document_image_fact(d, key, json_string_value(v));
		json_array_foreach(v, i, one)
			document_image_fact(d, key, json_string_value(one));
	}
}

void document_source_info(struct document *d, struct item *k, struct str info)
{
	static const char built[] = "built package from: ", found[] = "acquired package info from ";
	const char *at;
	if (str_starts(info, str_of(built))) {
		struct str rest = str_from(info, sizeof built - 1);
		k->source_name = arena_bytes(&d->arena, str_cut(&rest, ' '));
		if (rest.n)
			k->source_version = arena_bytes(&d->arena, rest);
	} else if (str_starts(info, str_of(found)) && (at = str_find(info, STR(": /")))) {
		struct str rest = str_from(info, (size_t)(at - info.p) + 2);
		k->path = arena_bytes(&d->arena, str_trim(str_cut(&rest, ',')));
	}
}

/* --- licences that the document names itself --- */
void document_license_name(struct document *d, const char *id, const char *name)
{
	struct license_name l;
	if (!id || !name || !*name || strlen(name) > 200 || strchr(name, '\n') || strcmp(name, "NOASSERTION") == 0 || d->n_licenses >= 100000)
		return;
	l = (struct license_name){ arena_bytes(&d->arena, str_of(id)), arena_bytes(&d->arena, str_of(name)) };
	VEC_PUSH(d->licenses, d->n_licenses, d->cap_licenses, l);
	d->sorted = false;
}

static int by_id(const void *a, const void *b) { return strcmp(((const struct license_name *)a)->id, ((const struct license_name *)b)->id); }

static const char *license_of(struct document *d, const char *license)
{
	struct buf b = BUF(64 * KiB);
	const char *z;
	if (!license || strcmp(license, "NOASSERTION") == 0 || strcmp(license, "NONE") == 0)
		return "";
	if (!d->n_licenses || !strstr(license, "LicenseRef-"))
		return keep(d, license);
	if (!d->sorted)
		qsort(d->licenses, d->n_licenses, sizeof *d->licenses, by_id);
	d->sorted = true;
	for (const char *at = license; *at;) {
		size_t n = strncmp(at, "LicenseRef-", 11) == 0 ? 11 : 0;
		while (n && at[n] && !strchr(" ()", at[n]))
			n++;
		if (!n) {
			buf_putc(&b, *at++);
			continue;
		}
		const char *id = arena_bytes(&d->arena, str_n(at, n));
		const struct license_name *l = bsearch(&(struct license_name){ id, NULL }, d->licenses, d->n_licenses, sizeof *d->licenses, by_id);
		buf_puts(&b, l ? l->name : id);
		at += n;
	}
	z = keep(d, b.p);
	buf_free(&b);
	return z;
}

/* --- the operating system --- */
static const char *system_id(struct document *d, const char *name)
{
	static const struct {
		const char *name, *id;
	} others[] = {
		{ "redhat", "rhel" }, { "amazon", "amzn" }, { "oracle", "ol" }, { "alma", "almalinux" }, { "rockylinux", "rocky" }, { "suse", "sles" }, { "suse linux enterprise server", "sles" },
		{ "opensuse.leap", "opensuse-leap" }, { "opensuse.tumbleweed", "opensuse-tumbleweed" }, { "cbl-mariner", "mariner" },
	};
	char low[64];
	size_t n = 0;
	for (; name[n] && n + 1 < sizeof low; n++)
		low[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | 0x20) : name[n];
	low[n] = '\0';
	for (size_t i = 0; i < countof(others); i++)
		if (strcmp(low, others[i].name) == 0)
			return others[i].id;
	return keep_word(d, low);
}

void document_system(struct document *d, const char *id, const char *version, const char *pretty, const char *codename)
{
	struct packages *p = d->p;
	struct str v = str_of(version ? version : "");
	if (!d->trusted || *p->os_id || !id || !*id)
		return;
	p->os_id = system_id(d, id);
	p->os_version = document_keep(d, str_cut(&v, ' ')); /* "2 (Karoo)" */
	p->os_pretty = keep(d, pretty);
	p->os_codename = keep(d, codename);
}

static void vote(struct document *d, const struct purl *u)
{
	static const char *const system[] = { "deb", "apk", "rpm", "alpm", NULL };
	if (!str_listed(str_of(u->type), system) || !*u->name_space)
		return;
	for (u32 i = 0; i < d->n_votes; i++)
		if (strcmp(d->votes[i].distro, u->distro) == 0 && strcmp(d->votes[i].space, u->name_space) == 0) {
			d->votes[i].n++;
			return;
		}
	if (d->n_votes < countof(d->votes))
		d->votes[d->n_votes++] = (struct vote){ u->distro, u->name_space, 1 };
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* What most package URLs say: "debian-12", "opensuse-leap-15.5", "alpine-edge"; some only the version ("3.19.1") or the codename. */
static void elect(struct document *d)
{
	const struct vote *v = NULL;
	for (u32 i = 0; i < d->n_votes; i++)
		if (!v || d->votes[i].n > v->n)
			v = &d->votes[i];
	if (!v || *d->p->os_id)
		return;
	size_t n = strlen(v->space);
	const char *dash = strrchr(v->distro, '-');
	if (strncmp(v->distro, v->space, n) == 0 && v->distro[n] == '-')
		document_system(d, v->space, v->distro + n + 1, NULL, NULL);
	else if (dash && digit(dash[1]))
		document_system(d, arena_bytes(&d->arena, str_n(v->distro, (size_t)(dash - v->distro))), dash + 1, NULL, NULL);
	else
		document_system(d, v->space, digit(v->distro[0]) ? v->distro : NULL, NULL, digit(v->distro[0]) ? NULL : v->distro);
}

bool document_purpose(struct document *d, const struct item *k)
{
	static const char *const none[] = { "CONTAINER", "FILE", "DEVICE", "SOURCE", NULL };
	if (!k->purpose)
		return false;
	if (strncmp(k->purpose, "OPERATING", 9) == 0) {
		document_system(d, k->name, k->version, k->summary, NULL);
		return true;
	}
	return str_listed(str_of(k->purpose), none);
}

/* --- packages --- */
/* Equal but for case, and for what Python takes for the same. */
static bool alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '_' || *a == '.' ? '-' : *a, y = *b == '_' || *b == '.' ? '-' : *b;
		if (!str_ieq(str_n(&x, 1), str_n(&y, 1)))
			return false;
	}
	return *a == *b;
}

/* As the ecosystem writes it, when the document has it so beside the package URL, which knows no capitals in some types. */
static const char *name_of(struct document *d, const struct item *k, const struct purl *u)
{
	const char *plain = purl_name(&d->p->arena, u), *name = k->name ? k->name : "";
	if (k->group && *k->group) {
		name = arena_printf(&d->arena, "%s%c%s", k->group, strcmp(u->type, "maven") == 0 ? ':' : '/', name);
		if (!alike(name, plain))
			name = k->name ? k->name : "";
	}
	return alike(name, plain) && lang_word(str_of(name)) ? name : plain;
}

/* "openssl-1.1.1k-4.el8.src.rpm", "openssl@1.1.1k-4.el8", "openssl". */
static void source_of(struct document *d, struct package *n, const struct item *k, const struct purl *u)
{
	struct str up = str_of(k->source_name ? k->source_name : u->upstream ? u->upstream : "");
	const char *at;
	if (str_ends(up, STR(".src.rpm"))) {
		up.n -= 8;
		const char *dash = up.n ? memrchr(up.p, '-', up.n) : NULL;
		dash = dash ? memrchr(up.p, '-', (size_t)(dash - up.p)) : NULL;
		if (dash && dash != up.p) {
			n->source_version = document_keep(d, str_from(up, (size_t)(dash - up.p) + 1));
			up.n = (size_t)(dash - up.p);
		}
	} else if (!k->source_name && up.n && (at = memrchr(up.p, '@', up.n)) && at != up.p) {
		n->source_version = document_keep(d, str_from(up, (size_t)(at - up.p) + 1));
		up.n = (size_t)(at - up.p);
	}
	if (lang_word(up))
		n->source_name = document_keep(d, up);
	if (k->source_version && *k->source_version) {
		bool epoch = k->source_epoch && number(k->source_epoch), release = k->source_release && *k->source_release;
		n->source_version = arena_printf(&d->p->arena, "%s%s%s%s%s", epoch ? k->source_epoch : "", epoch ? ":" : "", k->source_version, release ? "-" : "", release ? k->source_release : "");
	}
}

/* Of a package URL. */
static bool type_word(const char *z)
{
	for (const char *c = z; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || digit(*c) || *c == '.' || *c == '+' || *c == '-'))
			return false;
	return *z && strlen(z) < 40;
}

static bool printable(const char *z)
{
	for (; *z; z++)
		if ((u8)*z <= ' ' || (u8)*z >= 0x7f)
			return false;
	return true;
}

static void believe(struct package *n, const struct item *k)
{
	u64 layer;
	for (int i = ORIGIN_DATABASE; k->origin && i <= ORIGIN_DOCUMENT; i++)
		if (strcmp(k->origin, package_origin_text[i]) == 0)
			n->origin = (enum package_origin)i;
	if (k->layer && str_to_u64(str_of(k->layer), &layer) && layer < 1u << 20) {
		n->layer = (u32)layer;
		n->placed = true;
	}
	n->bytes = number(k->bytes);
	n->files = (u32)MIN(number(k->files), (u64)UINT32_MAX);
}

/* A name without the segments that its package URL will not have, so that it is the same when it is read back. */
static const char *without_empty(struct document *d, struct str name)
{
	struct buf b = BUF(0);
	while (name.p) {
		struct str part = str_cut(&name, '/');
		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			continue;
		if (b.n)
			buf_putc(&b, '/');
		buf_add(&b, part);
	}
	const char *z = arena_bytes(&d->arena, buf_str(&b));
	buf_free(&b);
	return z;
}

void document_package(struct document *d, const struct item *k)
{
	struct packages *p = d->p;
	struct purl u = { .type = "generic" };
	bool url = k->purl && purl_parse(&p->arena, str_of(k->purl), &u) == 0;
	if (url ? strcmp(u.type, "oci") == 0 || strcmp(u.type, "docker") == 0 : !k->name || !lang_word(str_of(k->name)) || !k->version || !*k->version)
		return;
	if (p->n - d->first >= DOCUMENT_PACKAGES) {
		if (!d->full)
			document_damage(d, "over %u packages: the rest is left out", DOCUMENT_PACKAGES);
		d->full = true;
		return;
	}
	const char *name = keep_word(d, url ? name_of(d, k, &u) : without_empty(d, str_of(k->name)));
	if (!lang_word(str_of(name)) || !type_word(u.type)) {
		document_damage(d, "a component's name is no name");
		return;
	}
	const char *type = url || !k->type || !type_word(k->type) ? u.type : keep(d, k->type);
	u32 at = packages_add(p, type);
	struct package *n = &p->v[at];
	n->origin = ORIGIN_DOCUMENT;
	n->name = name;
	n->version = keep_word(d, url && *u.version ? purl_version(&p->arena, &u) : k->version);
	n->arch = keep_word(d, k->arch || !url ? k->arch : u.arch);
	n->module = keep_word(d, k->module || !url ? k->module : u.module);
	source_of(d, n, k, &u);
	n->license = license_of(d, k->license);
	n->vendor = k->vendor && strcmp(k->vendor, "NOASSERTION") != 0 ? keep(d, k->vendor) : "";
	n->summary = keep(d, k->summary);
	n->depends = keep(d, k->depends);
	n->provides = keep(d, k->provides);
	if (k->path && *k->path)
		n->path = *k->path == '/' ? keep(d, k->path) : arena_printf(&p->arena, "/%s", k->path);
	if (url && printable(k->purl))
		n->purl = keep(d, k->purl);
	if (url)
		vote(d, &u);
	if (d->trusted)
		believe(n, k);
}

/* --- which one it is --- */
static struct str begin(struct str head)
{
	if (str_starts(head, STR("\xef\xbb\xbf")))
		head = str_from(head, 3);
	return str_trim(head);
}

bool document_sniff(struct str head)
{
	struct str s = begin(head);
	if (str_starts(s, STR("SPDXVersion:")))
		return true;
	if (s.n && s.p[0] == '#') /* a comment may stand before */
		return str_contains(s, STR("\nSPDXVersion:"));
	if (s.n && s.p[0] == '<')
		return str_contains(s, STR("http://cyclonedx.org/schema/bom/1."));
	if (!s.n || s.p[0] != '{')
		return false;
	if (str_contains(s, STR("\"bomFormat\"")) || str_contains(s, STR("\"spdxVersion\"")) || str_contains(s, STR("\"SPDXRef-DOCUMENT\"")))
		return true;
	struct str first = str_trim(str_from(s, 1));
	if (str_starts(first, STR("\"artifacts\"")))
		return true;
	return str_starts(first, STR("\"image\"")) && str_contains(s, STR("\"os\"")) && str_contains(s, STR("\"packages\"")) && !str_contains(s, STR("\"layers\""));
}

int document_read(struct str text, bool trusted, struct packages *p, struct document_about *about, struct error *err)
{
	struct document_about mine = { 0 };
	struct document d = { .p = p, .about = about ? about : &mine, .trusted = trusted, .first = p->n };
	struct error e = { 0 };
	struct str start = begin(str_head(text, 64 * KiB));
	bool ok = start.n && start.p[0] == '<' ? document_xml(&d, text, &e) : document_json(&d, text, &e) || (!e.kind && document_tag_value(&d, text));
	elect(&d);
	free(d.licenses);
	arena_free(&d.arena);
	problems_free(&mine.unverified);
	free(mine.unidentified);
	if (!ok)
		return e.kind ? error_set(err, e.kind, "%s", e.text) : error_set(err, ERR_INPUT, "no SBOM: neither CycloneDX nor SPDX, Syft's or our own");
	return 0;
}
