/* `pare sbom --format json`: every fact there is about each package, for programs, and read back in (package/document.h). docs/schema/sbom.schema.json. */
#include "base/jsonw.h"
#include "base/text.h"
#include "package/license.h"
#include "report/sbom.h"

static void json_image(struct jsonw *w, const struct image *img)
{
	char platform[100];
	platform_text(&img->config.platform, platform);
	jsonw_key(w, "image");
	jsonw_obj(w);
	jsonw_kz(w, "reference", img->reference);
	jsonw_kz(w, "transport", img->transport);
	jsonw_kz(w, "digest", img->digest.alg ? DIGEST_STR(&img->digest) : NULL);
	jsonw_kz(w, "config_digest", img->config_digest.alg ? DIGEST_STR(&img->config_digest) : NULL);
	jsonw_kz(w, "platform", platform[0] ? platform : NULL);
	jsonw_kz(w, "created", img->config.created);
	jsonw_end(w);
}

static void json_os(struct jsonw *w, const struct packages *p)
{
	jsonw_key(w, "os");
	jsonw_obj(w);
	jsonw_kz(w, "id", p->os_id);
	jsonw_kz(w, "version", p->os_version);
	jsonw_kz(w, "codename", p->os_codename);
	jsonw_kz(w, "name", p->os_pretty);
	if (*p->os_branch)
		jsonw_kz(w, "branch", p->os_branch);
	if (*p->os_content_sets)
		jsonw_kz(w, "content_sets", p->os_content_sets);
	jsonw_end(w);
}

static void json_licenses(struct jsonw *w, const char *license)
{
	struct str rest = str_of(license), one;
	jsonw_key(w, "licenses");
	jsonw_arr(w);
	while (license_next(&rest, &one))
		jsonw_str(w, one);
	jsonw_end(w);
}

static void json_package(struct jsonw *w, const struct subject *s, const struct package *k)
{
	const struct package *owner = k->within ? &s->packages->v[k->within - 1] : NULL;
	jsonw_obj(w);
	jsonw_kz(w, "name", k->name);
	jsonw_kz(w, "version", k->version);
	jsonw_kz(w, "type", k->type);
	jsonw_kz(w, "purl", k->purl);
	jsonw_kz(w, "arch", k->arch);
	jsonw_kz(w, "source_name", k->source_name);
	jsonw_kz(w, "source_version", k->source_version);
	json_licenses(w, k->license);
	jsonw_kz(w, "path", *k->path ? k->path : NULL);
	jsonw_key(w, "layer");
	if (package_placed(k))
		jsonw_u64(w, k->layer);
	else
		jsonw_null(w);
	jsonw_kz(w, "origin", package_origin_text[k->origin]);
	jsonw_ku(w, "bytes", k->bytes);
	jsonw_ku(w, "files", k->files);
	if (*k->module)
		jsonw_kz(w, "module", k->module);
	if (*k->vendor)
		jsonw_kz(w, "vendor", k->vendor);
	if (*k->summary)
		jsonw_kz(w, "summary", k->summary);
	if (*k->depends)
		jsonw_kz(w, "depends", k->depends);
	if (*k->provides)
		jsonw_kz(w, "provides", k->provides);
	if (owner)
		jsonw_kz(w, "within", owner->purl);
	jsonw_end(w);
}

static void json_file(void *ctx, const struct subject *s, node_id id, struct str path)
{
	struct jsonw *w = ctx;
	char type[2] = { (char)rootfs_type(s->rootfs, id), '\0' };
	u32 owner = s->packages->owner[id];
	if (type[0] == TAR_DIR)
		return;
	jsonw_obj(w);
	jsonw_ks(w, "path", path);
	jsonw_kz(w, "type", type);
	jsonw_ku(w, "size", rootfs_size(s->rootfs, id));
	jsonw_ku(w, "layer", rootfs_node(s->rootfs, id)->layer);
	jsonw_kz(w, "package", owner ? s->packages->v[owner - 1].purl : NULL);
	jsonw_end(w);
}

/* How much of what can be run the packages account for. */
static void json_coverage(struct jsonw *w, const struct subject *s)
{
	const struct packages *p = s->packages;
	struct buf path = BUF(0);
	jsonw_key(w, "coverage");
	jsonw_obj(w);
	jsonw_ku(w, "executable_bytes", p->executable_bytes);
	jsonw_ku(w, "identified_bytes", p->identified_bytes);
	jsonw_key(w, "unidentified");
	jsonw_arr(w);
	for (u32 i = 0; i < p->n_unidentified; i++)
		jsonw_str(w, rootfs_path(s->rootfs, p->unidentified[i], &path));
	for (u32 i = 0; i < s->n_unidentified && !p->n_unidentified; i++)
		jsonw_str(w, str_of(s->unidentified[i]));
	jsonw_end(w);
	jsonw_end(w);
	buf_free(&path);
}

static void write_json(FILE *f, const struct subject *s, const struct sbom_options *opt)
{
	static const struct byte_range everything = { .layer = -1 };
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	json_image(&w, s->image);
	json_os(&w, s->packages);
	jsonw_key(&w, "packages");
	jsonw_arr(&w);
	for (u32 i = 0; i < s->packages->n; i++)
		json_package(&w, s, &s->packages->v[i]);
	jsonw_end(&w);
	if (opt->files) {
		jsonw_key(&w, "files");
		jsonw_arr(&w);
		subject_list(s, &everything, json_file, &w);
		jsonw_end(&w);
	}
	json_coverage(&w, s);
	json_problems(&w, "unverified", &s->image->unverified);
	json_incomplete(&w, &s->problems);
	jsonw_end(&w);
}

const struct sbom_writer sbom_json = { "json", write_json };
