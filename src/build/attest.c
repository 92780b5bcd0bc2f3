#include "build/attest.h"
#include "store/store.h"

int attest_put(struct build *b, const json_t *subject, const char *type, const char *title, struct str bytes, struct error *err)
{
	struct digest empty, content, d;
	if (export_blob(b->store, STR("{}"), &empty, err) < 0 || export_blob(b->store, bytes, &content, err) < 0)
		return -1;
	json_t *m = json_pack("{siss ss s{sssssi} s[{sssssIs{ss}}] s{sOsOsO}}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "artifactType", type, "config", "mediaType", MT_EMPTY, "digest", DIGEST_STR(&empty), "size", 2,
			      "layers", "mediaType", type, "digest", DIGEST_STR(&content), "size", (json_int_t)bytes.n, "annotations", "org.opencontainers.image.title", title, "subject", "mediaType",
			      json_object_get(subject, "mediaType"), "digest", json_object_get(subject, "digest"), "size", json_object_get(subject, "size"));
	char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;
	int r = text ? store_add_document(b->store, MT_MANIFEST, str_of(text), &d, err) : error_set(err, ERR_INPUT, "%s: no UTF-8", title);
	free(text);
	json_decref(m);
	return r;
}

/* SLSA's and in-toto's digests: {"sha256":"HEX"}. */
static json_t *digest_set(const char *text)
{
	struct str rest = str_of(text), alg = str_cut(&rest, ':');
	char name[16];
	snprintf(name, sizeof name, "%.*s", STR_FMT(alg));
	return json_pack("{ss}", name, rest.p ? rest.p : "");
}

static json_t *dependencies(const struct build *b)
{
	json_t *list = json_array();
	for (const struct base *x = b->bases.first; x; x = x->next) {
		char uri[1200];
		snprintf(uri, sizeof uri, "pkg:docker/%.900s?platform=%s", x->name, platform_text(&x->platform, (char[100]){ 0 }));
		json_array_append_new(list, json_pack("{ssso}", "uri", uri, "digest", digest_set(DIGEST_STR(&x->digest))));
	}
	return list;
}

static int by_uri(const void *a, const void *b) { return strcmp(json_text(*(json_t *const *)a, "uri"), json_text(*(json_t *const *)b, "uri")); }

/* In an order that does not depend on which stage was first. */
static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **v = xcalloc(n + 1, sizeof *v), *ret = json_array();
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(list, i);
	qsort(v, n, sizeof *v, by_uri);
	for (size_t i = 0; i < n; i++)
		json_array_append(ret, v[i]);
	free(v);
	json_decref(list);
	return ret;
}

static json_t *parameters(const struct build_target *t, bool max)
{
	const struct build_options *o = t->b->opt;
	json_t *p = json_pack("{ssss}", "frontend", "dockerfile.v0", "platform", t->platform_text);
	if (o->target)
		json_object_set_new(p, "target", json_string(o->target));
	if (!max)
		return p;
	json_t *args = json_object();
	for (const char *const *w = o->build_args; w && *w; w++) {
		struct str value = str_of(*w), name = str_cut(&value, '=');
		if (value.p)
			json_object_setn_new(args, name.p, name.n, json_stringn(value.p, value.n));
	}
	json_object_set_new(p, "buildArgs", args);
	json_object_set_new(p, "dockerfile", json_stringn(t->b->dockerfile.p ? t->b->dockerfile.p : "", t->b->dockerfile.n));
	return p;
}

void attest_provenance(const struct build_target *t, const char *digest, bool max, struct buf *out)
{
	const char *name = t->b->opt->tags && t->b->opt->tags[0] ? t->b->opt->tags[0] : "image";
	json_t *doc = json_pack("{ss s[{ssso}] ss s{s{ssso so} s{s{ss}}}}", "_type", "https://in-toto.io/Statement/v1", "subject", "name", name, "digest", digest_set(digest), "predicateType", "https://slsa.dev/provenance/v1",
				"predicate", "buildDefinition", "buildType", "https://mobyproject.org/buildkit@v1", "externalParameters", parameters(t, max), "resolvedDependencies", sorted(dependencies(t->b)), "runDetails", "builder",
				"id", "pare");
	char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	buf_puts(out, text ? text : "{}");
	free(text);
	json_decref(doc);
}
