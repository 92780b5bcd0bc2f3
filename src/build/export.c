#include "build/attest.h"
#include "build/diff.h"
#include "build/lean.h"
#include "build/plan.h"
#include "copy/copy.h"
#include "layer/tarout.h"
#include "run/tree.h"
#include "store/load.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int put_blob(struct store *s, struct str bytes, struct digest *ret, struct error *err)
{
	*ret = digest_bytes(DIGEST_SHA256, bytes);
	return store_add_blob(s, ret, bytes.n, 0, stream_memory(bytes), err);
}

static json_t *descriptor(const char *type, const struct digest *d, u64 size)
{
	return json_pack("{sssssI}", "mediaType", type, "digest", DIGEST_STR(d), "size", (json_int_t)size);
}

static const char *type_of(const struct build_layer *l)
{
	return l->compression == COMP_GZIP ? MT_LAYER "+gzip" : l->compression == COMP_ZSTD ? MT_LAYER "+zstd" : MT_LAYER;
}

/* "K=V" of --annotation, or NULL. */
static json_t *annotations(const char *const *v)
{
	json_t *o = v && *v ? json_object() : NULL;
	for (; v && *v; v++) {
		struct str rest = str_of(*v), key = str_cut(&rest, '=');
		struct str scope = key, bare = key;
		if (str_chr(key, ':') && str_among(str_cut(&scope, ':'), "manifest index manifest-descriptor index-descriptor"))
			bare = scope;
		char name[1024];
		snprintf(name, sizeof name, "%.*s", STR_FMT(bare));
		json_object_set_new(o, name, json_stringn(rest.p ? rest.p : "", rest.n));
	}
	return o;
}

/* Without the caches of package managers; what was kept out is said. */
static int lean(struct build *b, struct arena *a, struct build_stage *s, struct build_result *res, struct error *err)
{
	struct lean_layer *told = arena_array(a, struct lean_layer, s->chain.n + 1u);
	struct chain c;
	if (lean_chain(b->store, b->cache, a, &s->image, &s->chain, told, &c, err) < 0)
		return -1;
	for (u32 i = 0; i < s->chain.n; i++) {
		if (!told[i].now.kept_out)
			continue;
		struct buf text = { 0 };
		buf_printf(&text, "%s: kept out of its layer: ", s->chain.v[i].run);
		lean_text(&told[i], &text);
		build_tell(b, &(struct build_event){ .kind = BUILD_NOTE, .text = buf_str(&text) });
		buf_free(&text);
		res->kept_out += told[i].now.kept_out;
		for (u32 k = 0; k < b->n_trace; k++)
			if (digest_eq(&b->trace[k].diff_id, &s->chain.v[i].diff_id)) {
				b->trace[k].diff_id = told[i].gone ? (struct digest){ 0 } : told[i].now.diff_id;
				b->trace[k].layer = told[i].gone ? (struct digest){ 0 } : told[i].now.digest;
			}
	}
	s->chain = c;
	return 0;
}

/* The layers of this build as one. */
static int squash(struct build *b, struct arena *a, struct build_stage *s, struct error *err)
{
	struct chain c = { 0 };
	struct build_layer l;
	if (s->chain.n - s->base_layers < 2)
		return 0;
	if (diff_squash(b->store, &s->chain, s->base_layers, &l, err) < 0)
		return error_wrap(err, "--squash");
	for (u32 i = 0; i < s->base_layers; i++)
		c = chain_add(a, &c, &s->chain.v[i]);
	s->chain = chain_add(a, &c, &l);
	json_t *entry, *list = json_arr(s->image.doc, "history");
	size_t i;
	u32 layers = 0;
	json_array_foreach(list, i, entry) {
		if (!json_is_true(json_object_get(entry, "empty_layer")) && layers++ >= s->base_layers)
			json_object_set_new(entry, "empty_layer", json_true());
	}
	stage_image_history(&s->image, "pare build --squash", false, b->time);
	return 0;
}

int export_put(struct store *s, const struct chain *c, struct str config, const char *const *notes, struct export_image *ret, struct error *err)
{
	struct export_image put = { 0 };
	if (put_blob(s, config, &put.config, err) < 0)
		return -1;
	json_t *layers = json_array(), *given = annotations(notes), *doc = json_pack("{sisssoso}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "config", descriptor(MT_CONFIG, &put.config, config.n), "layers", layers);
	for (u32 i = 0; i < c->n; i++) {
		json_array_append_new(layers, descriptor(type_of(&c->v[i]), &c->v[i].digest, c->v[i].size));
		put.bytes += c->v[i].size;
	}
	if (given)
		json_object_set_new(doc, "annotations", given);
	autofree char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	put.size = strlen(text);
	if (store_add_document(s, MT_MANIFEST, str_of(text), &put.digest, err) < 0)
		return -1;
	*ret = put;
	return 0;
}

/* The image of one platform: its descriptor. */
static json_t *put_image(struct build *b, struct arena *a, struct build_target *t, struct build_result *res, struct error *err)
{
	struct build_stage *s = t->last;
	struct buf config = BUF(JSON_BYTES);
	struct export_image put;
	if (b->opt->platforms)
		stage_image_platform(&s->image, &t->platform);
	if ((b->opt->lean && lean(b, a, s, res, err) < 0) || (b->opt->squash && squash(b, a, s, err) < 0) || stage_image_finish(&s->image, &s->chain, b->opt->labels, b->time, &config, err) < 0 ||
	    export_put(b->store, &s->chain, buf_str(&config), b->opt->annotations, &put, err) < 0) {
		buf_free(&config);
		return NULL;
	}
	buf_free(&config);
	json_t *ret = descriptor(MT_MANIFEST, &put.digest, put.size), *p = json_pack("{ssss}", "architecture", s->image.platform.arch, "os", s->image.platform.os);
	if (s->image.platform.variant[0])
		json_object_set_new(p, "variant", json_string(s->image.platform.variant));
	json_object_set_new(ret, "platform", p);
	res->digest = put.digest;
	res->config = put.config;
	res->type = MT_MANIFEST;
	res->bytes += put.bytes;
	return ret;
}

/* What is asked for beside an image. */
static int attest(struct build *b, struct build_target *t, const json_t *subject, struct error *err)
{
	const struct build_options *o = b->opt;
	struct buf text = BUF(JSON_BYTES);
	int r = 0;
	if (o->provenance) {
		attest_provenance(t, json_text(subject, "digest"), o->provenance > 1, &text);
		r = attest_put(b, subject, ATTEST_TYPE, "provenance.json", buf_str(&text), err);
	}
	if (r == 0 && o->bom) {
		buf_clear(&text);
		r = o->bom(o->ctx, json_text(subject, "digest"), &text, err);
		r = r < 0 ? r : attest_put(b, subject, "application/spdx+json", "sbom.spdx.json", buf_str(&text), err);
	}
	buf_free(&text);
	return r;
}

static int put_index(struct build *b, json_t *list, struct build_result *res, struct error *err)
{
	json_t *doc = json_pack("{sisssO}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list);
	char *text = json_dumps(doc, JSON_COMPACT);
	int r = store_add_document(b->store, MT_INDEX, str_of(text), &res->digest, err);
	res->type = MT_INDEX;
	res->config = (struct digest){ 0 };
	free(text);
	json_decref(doc);
	return r;
}

/* --- outputs --- */
static const char *tag_text(struct arena *a, const char *tag, struct error *err)
{
	struct reference ref;
	if (reference_parse(a, str_of(tag), &ref, err) < 0)
		return error_wrap(err, "--tag %s", tag), NULL;
	if (ref.digest.alg)
		return error_set(err, ERR_USAGE, "--tag %s: a name with a digest cannot be given", tag), NULL;
	return reference_text(a, &ref);
}

static int copy_out(struct build *b, struct arena *a, const struct build_result *res, const struct build_output *o, const char *target, const char *name, struct error *err)
{
	struct copy_result r;
	struct copy_options c = { .source = { .store = b->store_path }, .target = b->opt->repo, .all = b->n_targets > 1, .name = name, .referrers = b->opt->provenance || b->opt->bom };
	if (o->type == OUTPUT_DOCKER || o->type == OUTPUT_DAEMON)
		c.referrers = false; /* such a place keeps none */
	c.target.store = b->store_path;
	if (b->n_targets == 1)
		c.platform = b->targets[0].last->image.platform.os[0] ? arena_strdup(a, str_of(platform_text(&b->targets[0].last->image.platform, (char[100]){ 0 }))) : NULL;
	if (o->compression_set && (o->compression != COMP_GZIP || o->force_compression || o->level)) {
		c.recompress = true;
		c.compression = o->compression;
		c.level = o->level;
	}
	return copy_image(arena_printf(a, "pare:%s", DIGEST_STR(&res->digest)), target, &c, a, &r, err);
}

static int to_stdout(const char *path, struct error *err)
{
	char piece[64 * 1024];
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	if (fd < 0)
		return error_errno(err, "%s", path);
	while ((n = read(fd, piece, sizeof piece)) > 0)
		if (file_write_all(STDOUT_FILENO, piece, (size_t)n) < 0)
			return error_errno(err, "standard output");
	return n < 0 ? error_errno(err, "%s", path) : 0;
}

/* The tree as one plain tar. */
static int write_tar(struct build *b, const char *dest, struct error *err)
{
	struct build_stage *s = b->targets[0].last;
	struct build_layer l;
	struct stream *stored, *plain;
	enum compression kind;
	struct outfile o = { .fd = -1 };
	bool std = strcmp(dest, "-") == 0;
	static const char nothing[TAR_TRAILER];
	if (!s->chain.n) {
		if (std)
			return file_write_all(STDOUT_FILENO, nothing, sizeof nothing) < 0 ? error_errno(err, "standard output") : 0;
		if (outfile_open(&o, dest, err) < 0)
			return -1;
		int w = file_write_all(o.fd, nothing, sizeof nothing) < 0 ? error_errno(err, "%s", dest) : outfile_commit(&o, err);
		outfile_abort(&o);
		return w;
	}
	if (diff_squash(b->store, &s->chain, 0, &l, err) < 0 || store_blob(b->store, &l.digest, 0, &stored, NULL, err) < 0 || stream_inflate(stored, &plain, &kind, err) < 0)
		return -1;
	int r = std ? 0 : outfile_open(&o, dest, err);
	struct str view;
	while (r == 0 && (r = stream_next(plain, &view, err)) == 0 && view.n)
		if (file_write_all(std ? STDOUT_FILENO : o.fd, view.p, view.n) < 0)
			r = error_errno(err, "%s", std ? "standard output" : dest);
	stream_close(plain);
	if (r == 0 && !std)
		r = outfile_commit(&o, err);
	outfile_abort(&o);
	return r;
}

static int write_file_output(struct build *b, struct arena *a, const struct build_result *res, const struct build_output *o, const char *name, struct error *err)
{
	bool docker = o->type == OUTPUT_DOCKER, std = strcmp(o->dest, "-") == 0;
	const char *kind = docker ? "docker-archive" : o->tar ? "oci-archive" : "oci";
	if (std && !o->tar)
		return error_set(err, ERR_USAGE, "--output type=oci,tar=false: a directory has to be named (dest=DIR)");
	const char *dest = std ? arena_printf(a, "%s/out.tar", b->scratch.path) : o->dest;
	struct reference ref;
	const char *tag = "";
	if (name && reference_parse(a, str_of(name), &ref, err) == 0 && !docker)
		tag = arena_printf(a, ":%s", ref.tag ? ref.tag : "latest");
	int r = copy_out(b, a, res, o, arena_printf(a, "%s:%s%s", kind, dest, tag), name, err);
	return r < 0 || !std ? r : to_stdout(dest, err);
}

static int put_output(struct build *b, struct arena *a, const struct build_result *res, const struct build_output *o, struct error *err)
{
	const char *const *tags = o->name ? (const char *const[]){ o->name, NULL } : b->opt->tags;
	const char *first = tags && *tags ? tag_text(a, *tags, err) : NULL;
	if (tags && *tags && !first)
		return -1;
	switch (o->type) {
	case OUTPUT_TAR:
	case OUTPUT_LOCAL:
		if (b->n_targets > 1)
			return error_set(err, ERR_USAGE, "--output type=%s: of several platforms only an image can be written (type=oci)", o->type == OUTPUT_TAR ? "tar" : "local");
		return o->type == OUTPUT_TAR ? write_tar(b, o->dest, err) : export_local(b, o->dest, err);
	case OUTPUT_OCI:
	case OUTPUT_DOCKER:
		return write_file_output(b, a, res, o, first, err);
	case OUTPUT_REGISTRY:
	case OUTPUT_DAEMON:
		if (!first)
			return error_set(err, ERR_USAGE, "--output type=%s: --tag has to say under which name", o->type == OUTPUT_REGISTRY ? "registry" : "docker");
		for (; *tags; tags++) {
			const char *name = tag_text(a, *tags, err);
			if (!name || copy_out(b, a, res, o, arena_printf(a, "%s%s", o->type == OUTPUT_REGISTRY ? "docker://" : "docker-daemon:", name), NULL, err) < 0)
				return -1;
		}
		return 0;
	case OUTPUT_STORE:
		for (; tags && *tags; tags++) {
			const char *name = tag_text(a, *tags, err);
			if (!name || store_set_ref(b->store, name, &res->digest, err) < 0)
				return -1;
		}
		return first ? 0 : store_set_ref(b->store, "", &res->digest, err);
	}
	return 0;
}

int export_build(struct build *b, struct arena *a, struct build_result *ret, struct error *err)
{
	struct build_result res = *ret;
	json_t *list = json_array();
	int r = 0;
	for (u32 i = 0; r == 0 && i < b->n_targets; i++) {
		json_t *d = put_image(b, a, &b->targets[i], &res, err);
		r = d ? json_array_append_new(list, d) : -1;
		r = r < 0 ? r : attest(b, &b->targets[i], d, err);
	}
	if (r == 0 && b->n_targets > 1)
		r = put_index(b, list, &res, err);
	json_decref(list);
	const struct build_output store = { .type = OUTPUT_STORE };
	for (u32 i = 0; r == 0 && !b->opt->nothing && i < b->opt->n_outputs; i++)
		r = put_output(b, a, &res, &b->opt->outputs[i], err);
	if (r == 0 && !b->opt->n_outputs && !b->opt->nothing)
		r = put_output(b, a, &res, &store, err);
	if (r == 0)
		*ret = res;
	return r;
}
