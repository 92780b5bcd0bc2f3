/* document_json.c — the SBOMs that are JSON, element by element. */
#include "base/jsonwalk.h"
#include "package/document_item.h"

/* The members of an object as a document of its own, but for those that hold more than a package does; of them `nested` is given as it stands. NULL: damage, already told. */
static json_t *element(struct document *d, struct str value, const char *nested, struct str *inside)
{
	static const char *const large[] = { "evidence", "hasFiles", "pedigree", "modelCard", "releaseNotes", "licenseInfoFromFiles", "signature", NULL };
	struct json_walk w;
	struct str key, v;
	struct buf b = BUF(DOCUMENT_ELEMENT);
	json_t *doc = NULL;
	struct error e = { 0 };
	*inside = STR("");
	if (!json_walk_open(value, &w) || !w.object) {
		document_damage(d, "a component is no object");
		return NULL;
	}
	buf_putc(&b, '{');
	while (json_walk_next(&w, &key, &v)) {
		if (nested && str_is(key, nested)) {
			*inside = v;
			continue;
		}
		if (str_listed(key, large))
			continue;
		buf_puts(&b, b.n > 1 ? ",\"" : "\"");
		buf_add(&b, key);
		buf_puts(&b, "\":");
		buf_add(&b, v);
	}
	buf_putc(&b, '}');
	if (b.over)
		document_damage(d, "a component over %llu MiB", (unsigned long long)(DOCUMENT_ELEMENT / MiB));
	else if (!(doc = json_read(buf_str(&b), "component", &e)))
		document_damage(d, "%s", e.text);
	buf_free(&b);
	return doc;
}

/* Calls f with each element of an array. */
static void each(struct document *d, struct str array, const char *what, void (*f)(struct document *d, struct str value, u32 depth), u32 depth)
{
	struct json_walk w;
	struct str key, v;
	if (!json_walk_open(array, &w) || w.object) {
		document_damage(d, "%s: no array", what);
		return;
	}
	while (!d->full && json_walk_next(&w, &key, &v))
		f(d, v, depth);
	if (w.bad)
		document_damage(d, "%s: no JSON from some element on", what);
}

void document_add_license(struct buf *b, const char *z, bool whole)
{
	bool group = whole && strstr(z, " OR ") && *z != '(';
	buf_puts(b, b->n ? " AND " : "");
	buf_puts(b, group ? "(" : "");
	buf_puts(b, z);
	buf_puts(b, group ? ")" : "");
}

/* Of one licence no brackets are needed. */
static const char *license_text(struct document *d, struct buf *b, size_t n, const char *only)
{
	const char *z = n == 1 ? only : b->n ? arena_bytes(&d->arena, buf_str(b)) : NULL;
	buf_free(b);
	return z;
}

/* --- CycloneDX --- */
static const char *cyclonedx_license(struct document *d, const json_t *list)
{
	struct buf b = BUF(64 * KiB);
	const char *only = NULL;
	size_t i, n = 0;
	json_t *v;
	json_array_foreach((json_t *)(uintptr_t)list, i, v) {
		const json_t *l = json_obj(v, "license");
		const char *z = json_text(v, "expression");
		z = z ? z : l && json_text(l, "id") ? json_text(l, "id") : l ? json_text(l, "name") : NULL;
		if (!z || !*z)
			continue;
		document_add_license(&b, only = z, true);
		n++;
	}
	return license_text(d, &b, n, only);
}

void document_cyclonedx_property(struct item *k, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **to;
	} others[] = {
		{ "aquasecurity:trivy:FilePath", &k->path },	     { "aquasecurity:trivy:SrcName", &k->source_name },	  { "aquasecurity:trivy:SrcVersion", &k->source_version },
		{ "aquasecurity:trivy:SrcRelease", &k->source_release }, { "aquasecurity:trivy:SrcEpoch", &k->source_epoch }, { "aquasecurity:trivy:Modularitylabel", &k->module },
		{ "syft:location:0:path", &k->path },		     { "syft:metadata:source", &k->source_name },	  { "syft:metadata:sourceVersion", &k->source_version },
		{ "syft:metadata:originPackage", &k->source_name },  { "syft:metadata:sourceRpm", &k->source_name },
	};
	if (strncmp(name, "pare:", 5) == 0)
		document_fact(k, name + 5, value);
	for (size_t i = 0; i < countof(others); i++)
		if (strcmp(name, others[i].name) == 0 && value && *value)
			*others[i].to = value;
}

void document_cyclonedx(struct document *d, const char *type, const struct item *k)
{
	static const char *const none[] = { "file", "container", "device", "device-driver", "data", "machine-learning-model", "cryptographic-asset", "platform", NULL };
	if (type && strcmp(type, "operating-system") == 0)
		document_system(d, k->name, k->version, k->summary, NULL);
	else if (!type || !str_listed(str_of(type), none))
		document_package(d, k);
}

static void cyclonedx_component(struct document *d, struct str value, u32 depth)
{
	struct str inside;
	size_t i;
	json_t *v;
	autojson json_t *doc = element(d, value, "components", &inside);
	const char *type = doc ? json_text(doc, "type") : NULL;
	if (!doc)
		return;
	struct item k = { .name = json_text(doc, "name"), .group = json_text(doc, "group"), .version = json_text(doc, "version"), .purl = json_text(doc, "purl"), .summary = json_text(doc, "description") };
	if (json_obj(doc, "supplier"))
		k.vendor = json_text(json_obj(doc, "supplier"), "name");
	k.license = cyclonedx_license(d, json_arr(doc, "licenses"));
	json_array_foreach(json_arr(doc, "properties"), i, v)
		if (json_text(v, "name"))
			document_cyclonedx_property(&k, json_text(v, "name"), json_text(v, "value"));
	document_cyclonedx(d, type, &k);
	if (inside.n && depth >= DOCUMENT_DEPTH)
		document_damage(d, "components in components, over %u deep", DOCUMENT_DEPTH);
	else if (inside.n)
		each(d, inside, "components", cyclonedx_component, depth + 1);
}

static void cyclonedx_metadata(struct document *d, struct str value)
{
	struct str inside;
	size_t i;
	json_t *v;
	autojson json_t *doc = element(d, value, NULL, &inside);
	const json_t *c = doc ? json_obj(doc, "component") : NULL;
	const char *name = c ? json_text(c, "name") : NULL, *version = c ? json_text(c, "version") : NULL;
	if (!doc)
		return;
	bool ours = false;
	json_array_foreach(c ? json_arr(c, "properties") : NULL, i, v) {
		const char *key = json_text(v, "name");
		if (key && strncmp(key, "pare:", 5) == 0) {
			ours = true;
			document_image_fact(d, key + 5, json_text(v, "value"));
		}
	}
	if (ours) /* says more exactly what the others say */
		return;
	document_image_fact(d, "reference", name);
	document_image_fact(d, "digest", version && strncmp(version, "sha256:", 7) == 0 ? version : NULL);
	document_image_fact(d, "created", json_text(doc, "timestamp"));
}

/* --- SPDX --- */
static const char *spdx_purl(const json_t *refs)
{
	size_t i;
	json_t *v;
	json_array_foreach((json_t *)(uintptr_t)refs, i, v) {
		const char *type = json_text(v, "referenceType");
		if (type && strcmp(type, "purl") == 0)
			return json_text(v, "referenceLocator");
	}
	return NULL;
}

static void spdx_package(struct document *d, struct str value, u32 depth)
{
	struct str inside;
	size_t i;
	json_t *v;
	autojson json_t *doc = element(d, value, NULL, &inside), *facts = NULL;
	(void)depth;
	if (!doc)
		return;
	struct item k = { .id = json_text(doc, "SPDXID"), .name = json_text(doc, "name"), .version = json_text(doc, "versionInfo"), .summary = json_text(doc, "summary"), .purpose = json_text(doc, "primaryPackagePurpose") };
	const char *license = json_text(doc, "licenseDeclared"), *supplier = json_text(doc, "supplier");
	k.license = !license || strcmp(license, "NOASSERTION") == 0 ? json_text(doc, "licenseConcluded") : license;
	k.purl = spdx_purl(json_arr(doc, "externalRefs"));
	if (json_view(doc, "sourceInfo").p)
		document_source_info(d, &k, json_view(doc, "sourceInfo"));
	if (supplier && strncmp(supplier, "Organization: ", 14) == 0)
		k.vendor = supplier + 14;
	bool image = k.purpose && strcmp(k.purpose, "CONTAINER") == 0;
	json_array_foreach(json_arr(doc, "annotations"), i, v) {
		const char *who = json_text(v, "annotator");
		if (!facts && who && strncmp(who, "Tool: pare-", 11) == 0)
			document_annotation(d, image ? NULL : &k, json_view(v, "comment"), &facts);
	}
	if (!document_purpose(d, &k))
		document_package(d, &k);
}

static void spdx_created(struct document *d, struct str value)
{
	struct str inside;
	autojson json_t *doc = element(d, value, NULL, &inside);
	size_t i;
	json_t *v;
	json_array_foreach(doc ? json_arr(doc, "creators") : NULL, i, v)
		if (json_string_value(v) && strncmp(json_string_value(v), "Tool: pare-", 11) == 0)
			return; /* the image's own date is among its facts */
	document_image_fact(d, "created", doc ? json_text(doc, "created") : NULL);
}

static void spdx_license(struct document *d, struct str value, u32 depth)
{
	struct str inside;
	autojson json_t *doc = element(d, value, NULL, &inside);
	(void)depth;
	if (doc)
		document_license_name(d, json_text(doc, "licenseId"), json_text(doc, "name") ? json_text(doc, "name") : json_text(doc, "extractedText"));
}

/* --- Syft --- */
static const char *plain(struct document *d, struct str value)
{
	struct str s = json_walk_string(value);
	return s.n && !str_chr(s, '\\') && !str_chr(s, '\0') ? arena_bytes(&d->arena, s) : NULL;
}

static void syft_metadata(struct document *d, struct str value, struct item *k)
{
	const struct {
		const char *key;
		const char **to;
	} known[] = { { "source", &k->source_name }, { "sourceVersion", &k->source_version }, { "originPackage", &k->source_name }, { "sourceRpm", &k->source_name },
		      { "architecture", &k->arch },  { "modularityLabel", &k->module },	      { "vendor", &k->vendor },		   { "description", &k->summary } };
	struct json_walk w;
	struct str key, v;
	if (!json_walk_open(value, &w) || !w.object)
		return;
	while (json_walk_next(&w, &key, &v))
		for (size_t i = 0; i < countof(known); i++)
			if (str_is(key, known[i].key) && plain(d, v))
				*known[i].to = plain(d, v);
}

static void syft_artifact(struct document *d, struct str value, u32 depth)
{
	struct str inside;
	size_t i, n = 0;
	json_t *v;
	autojson json_t *doc = element(d, value, "metadata", &inside);
	struct buf b = BUF(64 * KiB);
	const char *only = NULL;
	(void)depth;
	if (!doc)
		return;
	struct item k = { .name = json_text(doc, "name"), .version = json_text(doc, "version"), .purl = json_text(doc, "purl") };
	json_array_foreach(json_arr(doc, "licenses"), i, v) { /* a string each in older ones */
		const char *z = json_string_value(v);
		z = z ? z : json_text(v, "spdxExpression") && *json_text(v, "spdxExpression") ? json_text(v, "spdxExpression") : json_text(v, "value");
		if (!z || !*z)
			continue;
		document_add_license(&b, only = z, true);
		n++;
	}
	k.license = license_text(d, &b, n, only);
	v = json_array_get(json_arr(doc, "locations"), 0);
	k.path = v ? json_text(v, "path") : NULL;
	if (inside.n)
		syft_metadata(d, inside, &k);
	document_package(d, &k);
}

static void syft_distro(struct document *d, struct str value)
{
	struct str inside;
	autojson json_t *doc = element(d, value, NULL, &inside);
	if (!doc)
		return;
	const char *id = json_text(doc, "id"), *version = json_text(doc, "versionID");
	document_system(d, id && *id ? id : json_text(doc, "name"), version ? version : json_text(doc, "version"), json_text(doc, "prettyName"), json_text(doc, "versionCodename"));
}

static void syft_source(struct document *d, struct str value)
{
	struct str inside;
	autojson json_t *doc = element(d, value, NULL, &inside);
	const json_t *target = doc ? json_obj(doc, "metadata") ? json_obj(doc, "metadata") : json_obj(doc, "target") : NULL;
	if (!target)
		return;
	document_image_fact(d, "reference", json_text(target, "userInput"));
	document_image_fact(d, "digest", json_text(target, "manifestDigest"));
	document_image_fact(d, "config_digest", json_text(target, "imageID"));
}

/* --- our own --- */
static void own_package(struct document *d, struct str value, u32 depth)
{
	static const char *const numbers[] = { "layer", "bytes", "files" };
	struct str inside;
	size_t i, n = 0;
	json_t *v;
	const char *key, *only = NULL;
	struct buf b = BUF(64 * KiB);
	autojson json_t *doc = element(d, value, NULL, &inside);
	(void)depth;
	if (!doc)
		return;
	struct item k = { .name = json_text(doc, "name"), .version = json_text(doc, "version"), .purl = json_text(doc, "purl"), .summary = json_text(doc, "summary") };
	json_object_foreach(doc, key, v)
		document_fact(&k, key, json_string_value(v));
	for (size_t j = 0; j < countof(numbers); j++) {
		u64 x;
		if (json_u64(doc, numbers[j], &x))
			document_fact(&k, numbers[j], arena_printf(&d->arena, "%llu", (unsigned long long)x));
	}
	json_array_foreach(json_arr(doc, "licenses"), i, v)
		if (json_string_value(v)) {
			document_add_license(&b, only = json_string_value(v), false);
			n++;
		}
	k.license = license_text(d, &b, n, only);
	document_package(d, &k);
}

static void own_image(struct document *d, struct str value, bool os)
{
	static const char *const names[] = { "id", "version", "codename", "name", "branch", "content_sets" };
	struct str inside;
	json_t *v;
	const char *key;
	char fact[40];
	autojson json_t *doc = element(d, value, NULL, &inside);
	if (!doc)
		return;
	json_object_foreach(doc, key, v)
		if (!os)
			document_image_fact(d, key, json_string_value(v));
	for (size_t i = 0; os && i < countof(names); i++) {
		snprintf(fact, sizeof fact, "os_%s", names[i]);
		document_image_fact(d, fact, json_text(doc, names[i]));
	}
}

static void own_list(struct document *d, const json_t *list, const char *key)
{
	size_t i;
	json_t *v;
	json_array_foreach((json_t *)(uintptr_t)list, i, v)
		document_image_fact(d, key, json_string_value(v));
}

static void own_problems(struct document *d, struct str value, const char *key)
{
	struct error e = { 0 };
	autojson json_t *doc = json_read(value, key, &e);
	if (doc)
		own_list(d, doc, key);
	else
		document_damage(d, "%s", e.text);
}

static void own_coverage(struct document *d, struct str value)
{
	static const char *const numbers[] = { "executable_bytes", "identified_bytes" };
	struct str inside;
	u64 x;
	autojson json_t *doc = element(d, value, NULL, &inside);
	for (size_t i = 0; i < countof(numbers); i++)
		if (json_u64(doc, numbers[i], &x))
			document_image_fact(d, numbers[i], arena_printf(&d->arena, "%llu", (unsigned long long)x));
	own_list(d, json_arr(doc, "unidentified"), "unidentified");
}

/* --- which one --- */
enum kind { NOTHING, CYCLONEDX, SPDX, SYFT, OWN };

static const char *format_of(struct document *d, struct str text, enum kind *kind, struct error *err)
{
	struct json_walk w;
	struct str key, v;
	const char *format = NULL, *version = "";
	bool image = false;
	*kind = NOTHING;
	if (!json_walk_open(text, &w) || !w.object)
		return NULL;
	while (json_walk_next(&w, &key, &v)) {
		if (str_is(key, "bomFormat") && str_is(json_walk_string(v), "CycloneDX"))
			*kind = CYCLONEDX;
		else if (str_is(key, "specVersion"))
			version = plain(d, v) ? plain(d, v) : "";
		else if (str_is(key, "spdxVersion") && str_starts(json_walk_string(v), STR("SPDX-2."))) {
			*kind = SPDX;
			format = plain(d, v);
		} else if (str_is(key, "artifacts") && v.p[0] == '[')
			*kind = SYFT;
		else if (str_is(key, "image"))
			image = v.p[0] == '{';
		else if (str_is(key, "packages") && v.p[0] == '[' && image && !*kind)
			*kind = OWN;
	}
	if (w.bad && *kind == NOTHING)
		error_set(err, ERR_INPUT, "no JSON");
	else if (w.bad)
		document_damage(d, "no JSON from some member on: what is before is read");
	return *kind == CYCLONEDX ? arena_printf(&d->arena, "CycloneDX %s", version) : *kind == SYFT ? "Syft" : *kind == OWN ? "pare" : format;
}

static void member(struct document *d, enum kind kind, struct str key, struct str v, bool early)
{
	const struct {
		enum kind kind;
		const char *key;
		void (*f)(struct document *d, struct str value, u32 depth);
		bool early; /* what others build on */
	} lists[] = { { CYCLONEDX, "components", cyclonedx_component, false }, { SPDX, "packages", spdx_package, false }, { SPDX, "hasExtractedLicensingInfos", spdx_license, true },
		      { SYFT, "artifacts", syft_artifact, false }, { OWN, "packages", own_package, false } };
	for (size_t i = 0; i < countof(lists); i++)
		if (kind == lists[i].kind && early == lists[i].early && str_is(key, lists[i].key))
			each(d, v, lists[i].key, lists[i].f, 1);
	if (!early)
		return;
	if (kind == CYCLONEDX && str_is(key, "metadata"))
		cyclonedx_metadata(d, v);
	else if (kind == SPDX && str_is(key, "name"))
		document_image_fact(d, "reference", plain(d, v));
	else if (kind == SPDX && str_is(key, "creationInfo"))
		spdx_created(d, v);
	else if (kind == SYFT && str_is(key, "distro"))
		syft_distro(d, v);
	else if (kind == SYFT && str_is(key, "source"))
		syft_source(d, v);
	else if (kind == OWN && (str_is(key, "image") || str_is(key, "os")))
		own_image(d, v, str_is(key, "os"));
	else if (kind == OWN && str_is(key, "coverage"))
		own_coverage(d, v);
	else if (kind == OWN && (str_is(key, "incomplete") || str_is(key, "unverified")))
		own_problems(d, v, str_is(key, "incomplete") ? "incomplete" : "unverified");
}

bool document_json(struct document *d, struct str text, struct error *err)
{
	enum kind kind;
	const char *format = format_of(d, text, &kind, err);
	if (kind == NOTHING)
		return false;
	d->about->format = document_keep(d, str_of(format ? format : ""));
	for (u32 pass = 0; pass < 2; pass++) {
		struct json_walk w;
		struct str key, v;
		if (json_walk_open(text, &w))
			while (json_walk_next(&w, &key, &v))
				member(d, kind, key, v, pass == 0);
	}
	return true;
}
