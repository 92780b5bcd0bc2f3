/* `pare sbom --format spdx` and `spdx-tv`: SPDX 2.3 as JSON and as tag-value, both from the same walk. The document describes the image, which contains the system and the packages; what has no
 * field of its own is an annotation, a JSON object of the names that `--format json` has (bom.h). With files, each is there with its SHA-1, and its package contains it. */
#include "base/hash.h"
#include "base/jsonw.h"
#include "package/license.h"
#include "report/bom_hash.h"

struct ref { /* a licence that is not on SPDX's list */
	const char *id, *text;
};

struct spdx {
	const struct bom *b;
	FILE *f;
	struct jsonw w;
	bool tv;
	struct sha1 *hashes; /* NULL: no files */
	struct arena arena;
	struct ref *refs;
	u32 n_refs, cap_refs;
	struct buf line;
};

/* --- one field, in either syntax --- */
static void put_tv(struct spdx *o, const char *tag, struct str s)
{
	static const char open[] = "<text>", close[] = "</text>";
	buf_clear(&o->line);
	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_from(s, i);
		buf_putc(&o->line, (u8)s.p[i] < ' ' || s.p[i] == 0x7f ? ' ' : s.p[i]);
		if (str_starts(rest, str_of(open)) || str_starts(rest, str_of(close)))
			buf_putc(&o->line, ' '); /* it would begin or end a text of many lines */
	}
	fprintf(o->f, "%s: ", tag);
	fwrite(o->line.p ? o->line.p : "", 1, o->line.n, o->f);
	putc('\n', o->f);
}

static void field(struct spdx *o, const char *tag, const char *key, const char *value)
{
	if (o->tv)
		put_tv(o, tag, str_of(value));
	else
		jsonw_kz(&o->w, key, value);
}

static void open_list(struct spdx *o, const char *key)
{
	if (!o->tv) {
		jsonw_key(&o->w, key);
		jsonw_arr(&o->w);
	}
}

static void open_item(struct spdx *o)
{
	if (o->tv)
		putc('\n', o->f);
	else
		jsonw_obj(&o->w);
}

static void end(struct spdx *o)
{
	if (!o->tv)
		jsonw_end(&o->w);
}

/* --- annotations --- */
struct facts_json {
	struct jsonw w;
	char *text;
	size_t n;
	FILE *f;
	const char *list; /* whose array is open */
};

static void facts_open(struct facts_json *j)
{
	*j = (struct facts_json){ 0 };
	j->f = open_memstream(&j->text, &j->n);
	if (!j->f)
		abort();
	jsonw_init(&j->w, j->f, 0);
	jsonw_obj(&j->w);
}

static void fact(void *ctx, const char *key, const char *value)
{
	struct facts_json *j = ctx;
	jsonw_kz(&j->w, key, value);
}

static void listed(void *ctx, const char *key, const char *value)
{
	struct facts_json *j = ctx;
	if (!j->list || strcmp(j->list, key) != 0) {
		if (j->list)
			jsonw_end(&j->w);
		jsonw_key(&j->w, j->list = key);
		jsonw_arr(&j->w);
	}
	jsonw_str(&j->w, str_of(value));
}

static void annotate(struct spdx *o, const char *id, struct facts_json *j)
{
	jsonw_end(&j->w);
	fclose(j->f);
	struct str text = str_trim(str_n(j->text, j->n));
	if (o->tv) {
		put_tv(o, "Annotator", STR("Tool: pare-" PARE_VERSION));
		put_tv(o, "AnnotationDate", str_of(o->b->time));
		put_tv(o, "AnnotationType", STR("OTHER"));
		put_tv(o, "SPDXREF", str_of(id));
		fputs("AnnotationComment: <text>", o->f);
		for (size_t i = 0; i < text.n; i++) { /* inside of JSON an escape is the same character */
			if (text.p[i] == '<')
				fputs("\\u003c", o->f);
			else
				putc(text.p[i], o->f);
		}
		fputs("</text>\n", o->f);
	} else {
		jsonw_key(&o->w, "annotations");
		jsonw_arr(&o->w);
		jsonw_obj(&o->w);
		jsonw_kz(&o->w, "annotationDate", o->b->time);
		jsonw_kz(&o->w, "annotationType", "OTHER");
		jsonw_kz(&o->w, "annotator", "Tool: pare-" PARE_VERSION);
		jsonw_ks(&o->w, "comment", text);
		jsonw_end(&o->w);
		jsonw_end(&o->w);
	}
	free(j->text);
}

/* --- licences --- */
static void add_ref(struct spdx *o, struct str id, struct str text)
{
	struct ref r = { arena_strdup(&o->arena, id), arena_strdup(&o->arena, text) };
	VEC_PUSH(o->refs, o->n_refs, o->cap_refs, r);
}

/* A name that is no identifier: "LicenseRef-" and its letters; what that does not tell apart has a number behind it. */
static void put_ref(struct spdx *o, struct str name, struct buf *out)
{
	struct buf id = BUF(256);
	bool changed = name.n > 60;
	buf_puts(&id, "LicenseRef-");
	for (size_t i = 0; i < name.n && i < 60; i++) {
		char c = name.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
		changed |= !plain;
		buf_putc(&id, plain ? c : '-');
	}
	if (changed)
		buf_printf(&id, "-%08x", (u32)hash64(name, 0));
	buf_add(out, buf_str(&id));
	add_ref(o, buf_str(&id), name);
	buf_free(&id);
}

static void expression(struct spdx *o, const char *license, struct buf *out)
{
	struct str rest = str_of(license), one;
	buf_clear(out);
	if (!rest.n)
		buf_puts(out, "NOASSERTION");
	while (license_next(&rest, &one)) {
		bool valid = license_valid(one), group = valid && (out->n || rest.n) && str_contains(one, STR(" OR ")) && one.p[0] != '(';
		if (out->n)
			buf_puts(out, " AND ");
		if (!valid) {
			put_ref(o, one, out);
			continue;
		}
		buf_puts(out, group ? "(" : "");
		buf_add(out, one);
		buf_puts(out, group ? ")" : "");
		for (struct str words = one; words.p;) {
			struct str word = str_cut(&words, ' ');
			while (word.n && word.p[0] == '(')
				word = str_from(word, 1);
			while (word.n && word.p[word.n - 1] == ')')
				word.n--;
			if (str_starts(word, STR("LicenseRef-")))
				add_ref(o, word, word);
		}
	}
}

static int by_id(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	return c ? c : strcmp(x->text, y->text);
}

static void extracted(struct spdx *o)
{
	if (!o->n_refs)
		return;
	qsort(o->refs, o->n_refs, sizeof *o->refs, by_id);
	open_list(o, "hasExtractedLicensingInfos");
	for (u32 i = 0; i < o->n_refs; i++) {
		if (i && strcmp(o->refs[i].id, o->refs[i - 1].id) == 0)
			continue;
		open_item(o);
		field(o, "LicenseID", "licenseId", o->refs[i].id);
		if (o->tv) {
			fputs("ExtractedText: <text>", o->f);
			for (const char *z = o->refs[i].text; *z; z++) {
				putc((u8)*z < ' ' || *z == 0x7f ? ' ' : *z, o->f);
				if (*z == '<')
					putc(' ', o->f);
			}
			fputs("</text>\n", o->f);
		} else {
			jsonw_kz(&o->w, "extractedText", o->refs[i].text);
		}
		field(o, "LicenseName", "name", o->refs[i].text);
		end(o);
	}
	end(o);
}

/* --- packages --- */
struct about { /* of one package of the document */
	const char *id, *name, *version, *supplier, *purpose, *license, *summary, *purl;
	u32 owner; /* 1 + package, 0: none that owns files */
};

static int by_hex(const void *a, const void *b) { return memcmp(a, b, 20); }

/* SHA-1 over the sorted SHA-1s of its files in hexadecimal (SPDX 2.3, 7.9). False: not all of them are known. */
static bool verification(const struct spdx *o, u32 owner, char hex[41])
{
	const struct rootfs *r = o->b->s->rootfs;
	const u32 *start = o->b->file_start;
	autofree u8 *v = xcalloc((size_t)(start[owner + 1] - start[owner]) + 1, 20);
	struct buf all = BUF(0);
	size_t n = 0;
	bool known = true;
	for (u32 i = start[owner]; i < start[owner + 1]; i++) {
		node_id id = o->b->by_owner[i];
		const struct sha1 *h = &o->hashes[rootfs_node(r, id)->inode];
		if (rootfs_type(r, id) != TAR_FILE)
			continue;
		known &= h->known;
		memcpy(v + 20 * n++, h->bytes, 20);
	}
	if (n)
		qsort(v, n, 20, by_hex);
	for (size_t i = 0; i < n * 20; i++)
		buf_printf(&all, "%02x", v[i]);
	struct sha1 sum = sha1_of(buf_str(&all));
	for (u32 i = 0; i < 20; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", sum.bytes[i]);
	buf_free(&all);
	return known && n;
}

static void package(struct spdx *o, const struct about *a, struct facts_json *facts)
{
	char hex[41];
	bool analyzed = o->hashes && a->owner && verification(o, a->owner, hex);
	open_item(o);
	field(o, "PackageName", "name", a->name);
	field(o, "SPDXID", "SPDXID", a->id);
	if (*a->version)
		field(o, "PackageVersion", "versionInfo", a->version);
	field(o, "PackageSupplier", "supplier", a->supplier);
	field(o, "PackageDownloadLocation", "downloadLocation", "NOASSERTION");
	if (a->purpose) /* the schema and the specification spell one of them differently */
		field(o, "PrimaryPackagePurpose", "primaryPackagePurpose", o->tv && strcmp(a->purpose, "OPERATING_SYSTEM") == 0 ? "OPERATING-SYSTEM" : a->purpose);
	if (o->tv) {
		put_tv(o, "FilesAnalyzed", analyzed ? STR("true") : STR("false"));
		if (analyzed)
			put_tv(o, "PackageVerificationCode", str_of(hex));
	} else {
		jsonw_kb(&o->w, "filesAnalyzed", analyzed);
		if (analyzed) {
			jsonw_key(&o->w, "packageVerificationCode");
			jsonw_obj(&o->w);
			jsonw_kz(&o->w, "packageVerificationCodeValue", hex);
			jsonw_end(&o->w);
		}
	}
	field(o, "PackageLicenseConcluded", "licenseConcluded", "NOASSERTION");
	field(o, "PackageLicenseDeclared", "licenseDeclared", a->license);
	field(o, "PackageCopyrightText", "copyrightText", "NOASSERTION");
	if (*a->summary)
		field(o, "PackageSummary", "summary", a->summary);
	if (*a->purl && o->tv) {
		fprintf(o->f, "ExternalRef: PACKAGE-MANAGER purl %s\n", a->purl);
	} else if (*a->purl) {
		jsonw_key(&o->w, "externalRefs");
		jsonw_arr(&o->w);
		jsonw_obj(&o->w);
		jsonw_kz(&o->w, "referenceCategory", "PACKAGE-MANAGER");
		jsonw_kz(&o->w, "referenceType", "purl");
		jsonw_kz(&o->w, "referenceLocator", a->purl);
		jsonw_end(&o->w);
		jsonw_end(&o->w);
	}
	if (facts)
		annotate(o, a->id, facts);
	end(o);
}

static void image(struct spdx *o)
{
	struct facts_json j;
	struct about a = { "SPDXRef-Image", o->b->name, o->b->version, "NOASSERTION", "CONTAINER", "NOASSERTION", "", o->b->purl, 0 };
	facts_open(&j);
	bom_image_facts(o->b, fact, &j);
	bom_image_lists(o->b, listed, &j);
	if (j.list)
		jsonw_end(&j.w);
	package(o, &a, &j);
}

static void system_of(struct spdx *o)
{
	const struct packages *p = o->b->s->packages;
	struct about a = { "SPDXRef-OperatingSystem", p->os_id, p->os_version, "NOASSERTION", "OPERATING_SYSTEM", "NOASSERTION", p->os_pretty, "", 0 };
	if (*p->os_id)
		package(o, &a, NULL);
}

static const char *id_of(char out[160], const char *id)
{
	snprintf(out, 160, "SPDXRef-Package-%s", id);
	return out;
}

/* What a line of tag-value cannot hold as it is. */
static bool altered(const char *z)
{
	struct str s = str_of(z);
	bool bad = !str_eq(s, str_trim(s)) || str_contains(s, STR("<text>")) || str_contains(s, STR("</text>"));
	for (size_t i = 0; i < s.n && !bad; i++)
		bad = (u8)s.p[i] < ' ' || s.p[i] == 0x7f;
	return bad;
}

static void exact(struct spdx *o, struct facts_json *j, const char *key, const char *z)
{
	if (o->tv && altered(z))
		jsonw_kz(&j->w, key, z);
}

static void packages(struct spdx *o)
{
	const struct packages *p = o->b->s->packages;
	struct buf license = BUF(0), supplier = BUF(0);
	open_list(o, "packages");
	image(o);
	system_of(o);
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		char id[160];
		struct facts_json j;
		expression(o, k->license, &license);
		buf_clear(&supplier);
		buf_printf(&supplier, *k->vendor ? "Organization: %s" : "NOASSERTION", k->vendor);
		struct about a = { id_of(id, o->b->ids[i]), k->name, k->version, supplier.p, NULL, license.p, k->summary, k->purl, i + 1 };
		facts_open(&j);
		if (strstr(license.p, "LicenseRef-"))
			jsonw_kz(&j.w, "license", k->license);
		exact(o, &j, "name", k->name);
		exact(o, &j, "version", k->version);
		exact(o, &j, "summary", k->summary);
		bom_package_facts(o->b, k, fact, &j);
		package(o, &a, &j);
	}
	end(o);
	buf_free(&license);
	buf_free(&supplier);
}

/* --- files --- */
static void files(struct spdx *o)
{
	const struct rootfs *r = o->b->s->rootfs;
	struct buf path = BUF(0), name = BUF(0);
	open_list(o, "files");
	for (u32 i = 0; i < o->b->file_start[o->b->s->packages->n + 1]; i++) {
		node_id id = o->b->by_owner[i];
		char hex[41] = "", ref[40];
		const struct sha1 *h = &o->hashes[rootfs_node(r, id)->inode];
		if (rootfs_type(r, id) != TAR_FILE)
			continue;
		for (u32 k = 0; k < 20; k++)
			snprintf(hex + (size_t)2 * k, 3, "%02x", h->bytes[k]);
		snprintf(ref, sizeof ref, "SPDXRef-File-%u", id);
		buf_clear(&name);
		buf_putc(&name, '.');
		buf_add(&name, rootfs_path(r, id, &path));
		open_item(o);
		field(o, "FileName", "fileName", name.p);
		field(o, "SPDXID", "SPDXID", ref);
		if (o->tv) {
			fprintf(o->f, "FileChecksum: SHA1: %s\n", hex);
		} else {
			jsonw_key(&o->w, "checksums");
			jsonw_arr(&o->w);
			jsonw_obj(&o->w);
			jsonw_kz(&o->w, "algorithm", "SHA1");
			jsonw_kz(&o->w, "checksumValue", hex);
			jsonw_end(&o->w);
			jsonw_end(&o->w);
		}
		field(o, "LicenseConcluded", "licenseConcluded", "NOASSERTION");
		field(o, "FileCopyrightText", "copyrightText", "NOASSERTION");
		if (!h->known)
			field(o, "FileComment", "comment", "its content could not be read again: the check sum is none");
		end(o);
	}
	end(o);
	buf_free(&path);
	buf_free(&name);
}

/* --- relationships --- */
static void relation(struct spdx *o, const char *from, const char *what, const char *to)
{
	if (o->tv) {
		fprintf(o->f, "Relationship: %s %s %s\n", from, what, to);
		return;
	}
	jsonw_obj(&o->w);
	jsonw_kz(&o->w, "spdxElementId", from);
	jsonw_kz(&o->w, "relationshipType", what);
	jsonw_kz(&o->w, "relatedSpdxElement", to);
	jsonw_end(&o->w);
}

static void relations(struct spdx *o)
{
	const struct bom *b = o->b;
	const struct packages *p = b->s->packages;
	char from[160], to[160];
	if (o->tv)
		putc('\n', o->f);
	open_list(o, "relationships");
	relation(o, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image");
	if (*p->os_id)
		relation(o, "SPDXRef-Image", "CONTAINS", "SPDXRef-OperatingSystem");
	for (u32 i = 0; i < p->n; i++)
		relation(o, "SPDXRef-Image", "CONTAINS", id_of(to, b->ids[i]));
	for (u32 i = 0; i < p->n; i++) {
		id_of(from, b->ids[i]);
		if (p->v[i].within)
			relation(o, id_of(to, b->ids[p->v[i].within - 1]), "CONTAINS", from);
		for (u32 j = b->needs.start[i]; j < b->needs.start[i + 1]; j++)
			relation(o, from, "DEPENDS_ON", id_of(to, b->ids[b->needs.to[j]]));
	}
	for (u32 owner = 0; o->hashes && owner <= p->n; owner++) {
		const char *whose = owner ? id_of(from, b->ids[owner - 1]) : "SPDXRef-Image";
		for (u32 i = b->file_start[owner]; i < b->file_start[owner + 1]; i++) {
			if (rootfs_type(b->s->rootfs, b->by_owner[i]) != TAR_FILE)
				continue;
			snprintf(to, sizeof to, "SPDXRef-File-%u", b->by_owner[i]);
			relation(o, whose, "CONTAINS", to);
		}
	}
	end(o);
}

static void head(struct spdx *o)
{
	char space[100];
	snprintf(space, sizeof space, "https://spdx.org/spdxdocs/pare-%s", o->b->uuid);
	field(o, "SPDXVersion", "spdxVersion", "SPDX-2.3");
	field(o, "DataLicense", "dataLicense", "CC0-1.0");
	field(o, "SPDXID", "SPDXID", "SPDXRef-DOCUMENT");
	field(o, "DocumentName", "name", o->b->name);
	field(o, "DocumentNamespace", "documentNamespace", space);
	if (o->tv) {
		put_tv(o, "Creator", STR("Tool: pare-" PARE_VERSION));
		put_tv(o, "Created", str_of(o->b->time));
		return;
	}
	jsonw_key(&o->w, "creationInfo");
	jsonw_obj(&o->w);
	jsonw_kz(&o->w, "created", o->b->time);
	jsonw_key(&o->w, "creators");
	jsonw_arr(&o->w);
	jsonw_str(&o->w, STR("Tool: pare-" PARE_VERSION));
	jsonw_end(&o->w);
	jsonw_end(&o->w);
}

static void write_spdx(FILE *f, const struct subject *s, bool with_files, bool tv)
{
	struct bom b;
	bom_make(&b, s, tv ? "spdx-tv" : "spdx", with_files);
	struct spdx o = { .b = &b, .f = f, .tv = tv, .hashes = with_files ? bom_hash_files(s) : NULL };
	jsonw_init(&o.w, f, 1);
	if (!tv)
		jsonw_obj(&o.w);
	head(&o);
	if (o.hashes && tv) /* behind a package they would be taken for its own */
		files(&o);
	packages(&o);
	if (o.hashes && !tv)
		files(&o);
	extracted(&o);
	relations(&o);
	end(&o);
	free(o.hashes);
	free(o.refs);
	buf_free(&o.line);
	arena_free(&o.arena);
	bom_free(&b);
}

static void write_json(FILE *f, const struct subject *s, const struct sbom_options *opt) { write_spdx(f, s, opt->files, false); }
static void write_tv(FILE *f, const struct subject *s, const struct sbom_options *opt) { write_spdx(f, s, opt->files, true); }

const struct sbom_writer sbom_spdx = { "spdx", write_json }, sbom_spdx_tv = { "spdx-tv", write_tv };
