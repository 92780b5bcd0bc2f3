/* `pare sbom --format cyclonedx`: CycloneDX 1.6, JSON. The image is metadata.component; the system and the packages are components, what has no field of its own is a property
 * "pare:…" (bom.h); files, when asked for, are components of the package that owns them. */
#include "base/jsonw.h"
#include "base/spdx.h"
#include "package/license.h"
#include "report/bom.h"

#define ROOT_REF "image"
#define OS_REF "operating-system"

struct out {
	struct jsonw w;
	const struct bom *b;
	bool properties; /* the array is open */
};

/* --- licences --- */
/* Identifiers that are younger than the specification's own list of them: written as expressions. */
static const char *const younger[] = { "BSD-2-Clause-pos-unchanged", "BSD-3-Clause-OpenWebUI", "BSD-Source-Code-no-disclaimer", "BSD-Source-alt-GPL", "BSD-ask-to-endorse", "Brian-Gladman-3-Clause-no-conversion", "Bugroff",
				       "CC-BY-NC-3.0-IGO", "FDK-MPEG-H", "Hippocratic-3.0-core", "Informatica", "MVT-1.1", "atc-game", NULL };

static bool is_id(struct str s)
{
	struct buf b = BUF(128);
	bool ok = s.n && s.n < 100 && !str_chr(s, ' ') && !str_listed(s, younger);
	buf_putc(&b, ' ');
	buf_add(&b, s);
	buf_putc(&b, ' ');
	ok = ok && strstr(spdx_ids, b.p) != NULL;
	buf_free(&b);
	return ok;
}

static void put_license(struct jsonw *w, struct str one)
{
	jsonw_obj(w);
	jsonw_key(w, "license");
	jsonw_obj(w);
	jsonw_ks(w, is_id(one) ? "id" : "name", one);
	jsonw_end(w);
	jsonw_end(w);
}

/* Either one expression, or identifiers and names. */
static void licenses(struct jsonw *w, const char *license)
{
	struct str all = str_of(license), rest = all, one;
	if (!all.n)
		return;
	jsonw_key(w, "licenses");
	jsonw_arr(w);
	if (!is_id(all) && license_valid(all)) {
		jsonw_obj(w);
		jsonw_ks(w, "expression", all);
		jsonw_end(w);
	} else {
		while (license_next(&rest, &one))
			put_license(w, one);
	}
	jsonw_end(w);
}

/* --- properties --- */
static void property(void *ctx, const char *key, const char *value)
{
	struct out *o = ctx;
	struct jsonw *w = &o->w;
	char name[64];
	if (!o->properties) {
		jsonw_key(w, "properties");
		jsonw_arr(w);
		o->properties = true;
	}
	snprintf(name, sizeof name, "pare:%s", key);
	jsonw_obj(w);
	jsonw_kz(w, "name", name);
	jsonw_kz(w, "value", value);
	jsonw_end(w);
}

static void properties_end(struct out *o)
{
	if (o->properties)
		jsonw_end(&o->w);
	o->properties = false;
}

/* --- components --- */
/* What stands before the name is the group, where the ecosystem has such: "@babel", "org.slf4j", "github.com/spf13". */
static void put_name(struct jsonw *w, const struct package *k)
{
	static const char *const grouped[] = { "npm", "golang", "composer", NULL };
	struct str name = str_of(k->name);
	char join = strcmp(k->type, "maven") == 0 ? ':' : str_listed(str_of(k->type), grouped) ? '/' : '\0';
	const char *cut = join && name.n ? memrchr(name.p, join, name.n) : NULL;
	if (cut && cut != name.p && cut + 1 != name.p + name.n) {
		jsonw_ks(w, "group", str_n(name.p, (size_t)(cut - name.p)));
		name = str_from(name, (size_t)(cut - name.p) + 1);
	}
	jsonw_ks(w, "name", name);
}

static void put_ref(struct jsonw *w, const char *key, const char *prefix, const char *id)
{
	char ref[160];
	snprintf(ref, sizeof ref, "%s%s", prefix, id);
	if (key)
		jsonw_kz(w, key, ref);
	else
		jsonw_str(w, str_of(ref));
}

static void file_component(struct out *o, node_id id, struct buf *path)
{
	const struct rootfs *r = o->b->s->rootfs;
	struct jsonw *w = &o->w;
	char text[24], type[2] = { (char)rootfs_type(r, id), '\0' };
	jsonw_obj(w);
	jsonw_kz(w, "type", "file");
	snprintf(text, sizeof text, "file-%u", id);
	jsonw_kz(w, "bom-ref", text);
	jsonw_ks(w, "name", rootfs_path(r, id, path));
	snprintf(text, sizeof text, "%llu", (unsigned long long)rootfs_size(r, id));
	property(o, "size", text);
	snprintf(text, sizeof text, "%u", rootfs_node(r, id)->layer);
	property(o, "layer", text);
	property(o, "entry", type);
	properties_end(o);
	jsonw_end(w);
}

/* Of owner: 0 nobody, else 1 + package. */
static void file_components(struct out *o, u32 owner)
{
	struct buf path = BUF(0);
	for (u32 i = o->b->file_start[owner]; i < o->b->file_start[owner + 1]; i++)
		file_component(o, o->b->by_owner[i], &path);
	buf_free(&path);
}

static void component(struct out *o, u32 i)
{
	const struct package *k = &o->b->s->packages->v[i];
	struct jsonw *w = &o->w;
	jsonw_obj(w);
	jsonw_kz(w, "type", k->origin == ORIGIN_BINARY && strcmp(k->type, "generic") == 0 ? "application" : "library");
	put_ref(w, "bom-ref", "package-", o->b->ids[i]);
	if (*k->vendor) {
		jsonw_key(w, "supplier");
		jsonw_obj(w);
		jsonw_kz(w, "name", k->vendor);
		jsonw_end(w);
	}
	put_name(w, k);
	jsonw_kz(w, "version", k->version);
	if (*k->summary)
		jsonw_kz(w, "description", k->summary);
	licenses(w, k->license);
	jsonw_kz(w, "purl", k->purl);
	if (o->b->by_owner && o->b->file_start[i + 1] < o->b->file_start[i + 2]) {
		jsonw_key(w, "components");
		jsonw_arr(w);
		file_components(o, i + 1);
		jsonw_end(w);
	}
	if (*k->license && !license_valid(str_of(k->license)))
		property(o, "license", k->license);
	bom_package_facts(o->b, k, property, o);
	properties_end(o);
	jsonw_end(w);
}

static void system_component(struct out *o)
{
	const struct packages *p = o->b->s->packages;
	struct jsonw *w = &o->w;
	jsonw_obj(w);
	jsonw_kz(w, "type", "operating-system");
	jsonw_kz(w, "bom-ref", OS_REF);
	jsonw_kz(w, "name", p->os_id);
	if (*p->os_version)
		jsonw_kz(w, "version", p->os_version);
	if (*p->os_pretty)
		jsonw_kz(w, "description", p->os_pretty);
	jsonw_end(w);
}

static void metadata(struct out *o)
{
	const struct bom *b = o->b;
	struct jsonw *w = &o->w;
	jsonw_key(w, "metadata");
	jsonw_obj(w);
	jsonw_kz(w, "timestamp", b->time);
	jsonw_key(w, "tools");
	jsonw_obj(w);
	jsonw_key(w, "components");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "type", "application");
	jsonw_kz(w, "name", "pare");
	jsonw_kz(w, "version", PARE_VERSION);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_key(w, "component");
	jsonw_obj(w);
	jsonw_kz(w, "type", "container");
	jsonw_kz(w, "bom-ref", ROOT_REF);
	jsonw_kz(w, "name", b->name);
	if (*b->version)
		jsonw_kz(w, "version", b->version);
	if (*b->purl)
		jsonw_kz(w, "purl", b->purl);
	bom_image_facts(b, property, o);
	bom_image_lists(b, property, o);
	properties_end(o);
	jsonw_end(w);
	jsonw_end(w);
}

static void dependencies(struct out *o)
{
	const struct bom *b = o->b;
	struct jsonw *w = &o->w;
	jsonw_key(w, "dependencies");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "ref", ROOT_REF);
	jsonw_key(w, "dependsOn");
	jsonw_arr(w);
	if (*b->s->packages->os_id)
		jsonw_str(w, STR(OS_REF));
	for (u32 i = 0; i < b->n_tops; i++)
		put_ref(w, NULL, "package-", b->ids[b->tops[i]]);
	jsonw_end(w);
	jsonw_end(w);
	for (u32 i = 0; i < b->s->packages->n; i++) {
		jsonw_obj(w);
		put_ref(w, "ref", "package-", b->ids[i]);
		if (b->needs.start[i] < b->needs.start[i + 1]) {
			jsonw_key(w, "dependsOn");
			jsonw_arr(w);
			for (u32 j = b->needs.start[i]; j < b->needs.start[i + 1]; j++)
				put_ref(w, NULL, "package-", b->ids[b->needs.to[j]]);
			jsonw_end(w);
		}
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* Whether this is all there is. */
static void compositions(struct out *o)
{
	struct jsonw *w = &o->w;
	jsonw_key(w, "compositions");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "aggregate", o->b->s->problems.n ? "incomplete" : "unknown");
	jsonw_key(w, "assemblies");
	jsonw_arr(w);
	jsonw_str(w, STR(ROOT_REF));
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void write_cyclonedx(FILE *f, const struct subject *s, const struct sbom_options *opt)
{
	struct bom b;
	bom_make(&b, s, "cyclonedx", opt->files);
	struct out o = { .b = &b };
	struct jsonw *w = &o.w;
	char serial[60];
	snprintf(serial, sizeof serial, "urn:uuid:%s", b.uuid);
	jsonw_init(w, f, 1);
	jsonw_obj(w);
	jsonw_kz(w, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	jsonw_kz(w, "bomFormat", "CycloneDX");
	jsonw_kz(w, "specVersion", "1.6");
	jsonw_kz(w, "serialNumber", serial);
	jsonw_ku(w, "version", 1);
	metadata(&o);
	jsonw_key(w, "components");
	jsonw_arr(w);
	if (*s->packages->os_id)
		system_component(&o);
	for (u32 i = 0; i < s->packages->n; i++)
		component(&o, i);
	if (b.by_owner)
		file_components(&o, 0);
	jsonw_end(w);
	dependencies(&o);
	compositions(&o);
	jsonw_end(w);
	bom_free(&b);
}

const struct sbom_writer sbom_cyclonedx = { "cyclonedx", write_cyclonedx };
