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

static int by_uri(const void *a, const void *b)
{
	const struct build_origin *x = a, *y = b;
	int c = strcmp(x->uri, y->uri);
	return c ? c : strcmp(x->digest, y->digest);
}

/* Bases, contexts and what ADD took, in an order that does not depend on which stage was first. */
static json_t *dependencies(struct build *b)
{
	struct build_origin *v = NULL, o;
	u32 n = 0, cap = 0;
	json_t *list = json_array();
	for (const struct base *x = b->bases.first; x; x = x->next) {
		o.uri = arena_printf(&b->a, "pkg:docker/%.900s?platform=%s", x->name, platform_text(&x->platform, (char[100]){ 0 }));
		o.digest = arena_strdup(&b->a, str_of(DIGEST_STR(&x->digest)));
		VEC_PUSH(v, n, cap, o);
	}
	for (u32 i = 0; i < b->n_contexts; i++)
		if (b->contexts[i].open && context_origin(b->contexts[i].open, &o.uri, &o.digest))
			VEC_PUSH(v, n, cap, o);
	for (u32 i = 0; i < b->n_origins; i++)
		VEC_PUSH(v, n, cap, b->origins[i]);
	if (n)
		qsort(v, n, sizeof *v, by_uri);
	for (u32 i = 0; i < n; i++)
		if (!i || by_uri(&v[i - 1], &v[i]) != 0)
			json_array_append_new(list, json_pack("{ssso}", "uri", v[i].uri, "digest", digest_set(v[i].digest)));
	free(v);
	return list;
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
				"predicate", "buildDefinition", "buildType", "https://mobyproject.org/buildkit@v1", "externalParameters", parameters(t, max), "resolvedDependencies", dependencies(t->b), "runDetails", "builder",
				"id", "pare");
	char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	buf_puts(out, text ? text : "{}");
	free(text);
	json_decref(doc);
}
