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

int export_blob(struct store *s, struct str bytes, struct digest *ret, struct error *err)
{
	*ret = digest_bytes(DIGEST_SHA256, bytes);
	return store_add_blob(s, ret, bytes.n, 0, stream_memory(bytes), err);
}

static json_t *descriptor(const char *type, const struct digest *d, u64 size)
{
	return json_pack("{sssssI}", "mediaType", type, "digest", DIGEST_STR(d), "size", (json_int_t)size);
}

/* --- --annotation: "K=V" of the manifest, or "manifest,index:K=V" of what is named there; "manifest[linux/arm64]:K=V" of that platform's --- */
static const char scopes[] = "manifest manifest-descriptor index";

/* Takes the words before ':' off, when they are that. */
static struct str scope_of(struct str *text)
{
	struct str rest = str_head(*text, text->n), all = str_cut(&rest, ':');
	struct str first = all;
	first = str_cut(&first, ',');
	first = str_cut(&first, '[');
	if (!rest.p || str_chr(all, '=') || !str_among(first, "manifest manifest-descriptor index index-descriptor"))
		return STR("manifest");
	*text = rest;
	return all;
}

/* Those of "manifest", "index", …; platform NULL: of no one. NULL: there are none. */
static json_t *annotations(const char *const *v, const char *what, const char *platform)
{
	json_t *o = NULL;
	for (; v && *v; v++) {
		struct str rest = str_of(*v), scope = scope_of(&rest), key;
		bool mine = false;
		while (scope.p) {
			struct str at = str_cut(&scope, ','), name = str_cut(&at, '[');
			mine |= str_is(name, what) && (!at.p || (platform && at.n && str_is(str_head(at, at.n - 1), platform)));
		}
		if (!mine)
			continue;
		key = str_cut(&rest, '=');
		char name[1024];
		snprintf(name, sizeof name, "%.*s", STR_FMT(key));
		o = o ? o : json_object();
		json_object_set_new(o, name, json_stringn(rest.p ? rest.p : "", rest.n));
	}
	return o;
}

static int check_annotations(const struct build_options *o, bool several, struct error *err)
{
	for (const char *const *v = o->annotations; v && *v; v++) {
		struct str rest = str_of(*v), scope = scope_of(&rest);
		if (!str_chr(rest, '=') || rest.p[0] == '=')
			return error_set(err, ERR_USAGE, "--annotation %s: KEY=VALUE", *v);
		while (scope.p) {
			struct str at = str_cut(&scope, ','), name = str_cut(&at, '[');
			if (!str_among(name, scopes))
				return error_set(err, ERR_USAGE, "--annotation %s: of manifest, manifest-descriptor or index, not of %.*s", *v, STR_FMT(name));
			if (!str_is(name, "manifest") && !several)
				return error_set(err, ERR_USAGE, "--annotation %s: an image for one platform is in no index", *v);
		}
	}
	return 0;
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

int export_put(struct store *s, const struct chain *c, struct str config, json_t *notes, struct export_image *ret, struct error *err)
{
	struct export_image put = { 0 };
	if (export_blob(s, config, &put.config, err) < 0)
		return -1;
	json_t *layers = json_array(), *given = notes ? json_incref(notes) : NULL, *doc = json_pack("{sisssoso}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "config", descriptor(MT_CONFIG, &put.config, config.n), "layers", layers);
	for (u32 i = 0; i < c->n; i++) {
		json_array_append_new(layers, descriptor(layer_type(&c->v[i]), &c->v[i].digest, c->v[i].size));
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
	const char *platform = arena_strdup(a, str_of(platform_text(&t->platform, (char[100]){ 0 })));
	autojson json_t *notes = annotations(b->opt->annotations, "manifest", platform);
	if (b->opt->platforms)
		stage_image_platform(&s->image, &t->platform);
	if ((b->opt->lean && lean(b, a, s, res, err) < 0) || (b->opt->squash && squash(b, a, s, err) < 0) || stage_image_finish(&s->image, &s->chain, b->opt->labels, b->time, &config, err) < 0 ||
	    export_put(b->store, &s->chain, buf_str(&config), notes, &put, err) < 0) {
		buf_free(&config);
		return NULL;
	}
	buf_free(&config);
	json_t *ret = descriptor(MT_MANIFEST, &put.digest, put.size), *p = json_pack("{ssss}", "architecture", s->image.platform.arch, "os", s->image.platform.os);
	if (s->image.platform.variant[0])
		json_object_set_new(p, "variant", json_string(s->image.platform.variant));
	json_object_set_new(ret, "platform", p);
	json_t *beside = annotations(b->opt->annotations, "manifest-descriptor", platform);
	if (beside)
		json_object_set_new(ret, "annotations", beside);
	res->digest = put.digest;
	res->config = put.config;
	res->put_size = put.size;
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
	json_t *doc = json_pack("{sisssO}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list), *notes = annotations(b->opt->annotations, "index", NULL);
	if (notes)
		json_object_set_new(doc, "annotations", notes);
	char *text = json_dumps(doc, JSON_COMPACT);
	int r = store_add_document(b->store, MT_INDEX, str_of(text), &res->digest, err);
	res->type = MT_INDEX;
	res->put_size = strlen(text);
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

/* Of all platforms; a base image's layers are never written anew unless somebody says so. */
static const struct digest *base_layers(const struct build *b, struct arena *a, u32 *n)
{
	struct digest *v = NULL, *ret;
	u32 cap = 0;
	*n = 0;
	for (u32 i = 0; i < b->n_targets; i++)
		for (u32 k = 0; k < b->targets[i].last->base_layers; k++)
			VEC_PUSH(v, *n, cap, b->targets[i].last->chain.v[k].digest);
	ret = arena_array(a, struct digest, *n + 1u);
	if (*n)
		memcpy(ret, v, *n * sizeof *ret);
	free(v);
	return ret;
}

/* names: the first is the target's own where it keeps one, the others are aliases; NULL: none. */
static int copy_out(struct build *b, struct arena *a, struct build_result *res, const struct build_output *o, const char *target, const char *const *names, struct error *err)
{
	struct copy_result r;
	struct copy_options c = { .source = { .store = b->store_path }, .target = b->opt->repo, .all = b->n_targets > 1, .by_digest = o->by_digest, .format = o->docker_types ? COPY_DOCKER : COPY_AS_IT_IS };
	c.name = names ? *names : NULL;
	c.aliases = names ? names + 1 : NULL;
	c.referrers = (b->opt->provenance || b->opt->bom) && o->type != OUTPUT_DOCKER && o->type != OUTPUT_DAEMON; /* which keep none */
	c.target.store = b->store_path;
	c.target.plain_http |= o->insecure;
	c.target.tls_verify_off |= o->insecure;
	if (b->n_targets == 1)
		c.platform = b->targets[0].last->image.platform.os[0] ? arena_strdup(a, str_of(platform_text(&b->targets[0].last->image.platform, (char[100]){ 0 }))) : NULL;
	if (o->compression_set && (o->compression != COMP_GZIP || o->force_compression || o->level)) {
		c.recompress = true;
		c.compression = o->compression;
		c.level = o->level;
		if (!o->force_compression)
			c.keep = base_layers(b, a, &c.n_keep);
	}
	if (copy_image(arena_printf(a, "pare:%s", DIGEST_STR(&res->digest)), target, &c, a, &r, err) < 0)
		return -1;
	if (r.digest.alg && r.n_changes) {
		res->put = r.digest;
		res->put_type = r.type;
		res->put_size = r.size;
	}
	return 0;
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
	struct stream *plain;
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
	if (diff_squash(b->store, &s->chain, 0, &l, err) < 0 || layer_open(b->store, &l.digest, &plain, NULL, err) < 0)
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

static int write_file_output(struct build *b, struct arena *a, struct build_result *res, const struct build_output *o, const char *const *names, struct error *err)
{
	bool docker = o->type == OUTPUT_DOCKER, std = strcmp(o->dest, "-") == 0;
	const char *kind = docker ? "docker-archive" : o->tar ? "oci-archive" : "oci";
	const char *dest = std ? arena_printf(a, "%s/out.tar", b->scratch.path) : o->dest;
	int r = 0;
	do { /* a directory takes one name after the other, a file is written once */
		struct reference ref;
		const char *tag = "";
		if (names && !docker && reference_parse(a, str_of(*names), &ref, err) == 0)
			tag = arena_printf(a, ":%s", ref.tag);
		r = copy_out(b, a, res, o, arena_printf(a, "%s:%s%s", kind, dest, tag), names, err);
	} while (r == 0 && names && !docker && !o->tar && *++names);
	return r < 0 || !std ? r : to_stdout(dest, err);
}

/* The full names of an output; NULL: it has none. */
static const char *const *names_of(struct arena *a, const struct build_options *opt, const struct build_output *o, struct error *err)
{
	const char *const *v = o->names ? o->names : opt->tags;
	u32 n = 0;
	while (v && v[n])
		n++;
	const char **ret = arena_array(a, const char *, n + 1u);
	for (u32 i = 0; i < n; i++)
		if (!(ret[i] = tag_text(a, v[i], err)))
			return NULL;
	return n ? ret : NULL;
}

int export_check(struct arena *a, const struct build_options *opt, struct error *err)
{
	static const struct build_output none = { .type = OUTPUT_STORE };
	struct error e = { 0 };
	bool several = opt->platforms && opt->platforms[0] && opt->platforms[1];
	for (u32 i = 0; i <= opt->n_outputs; i++) {
		const struct build_output *o = i < opt->n_outputs ? &opt->outputs[i] : &none;
		const char *const *names = names_of(a, opt, o, &e);
		if (e.kind) {
			*err = e;
			return -1;
		}
		if (!names && (o->type == OUTPUT_REGISTRY || o->type == OUTPUT_DAEMON))
			return error_set(err, ERR_USAGE, "--output type=%s: --tag has to say under which name", o->type == OUTPUT_REGISTRY ? "registry" : "docker");
		if (several && (o->type == OUTPUT_TAR || o->type == OUTPUT_DOCKER || o->type == OUTPUT_DAEMON))
			return error_set(err, ERR_USAGE, "--output type=%s: holds one platform; several go to type=oci, registry, image or local", o->type == OUTPUT_TAR ? "tar" : "docker");
	}
	return check_annotations(opt, several, err);
}

/* Several platforms: each in a directory of its own, as "linux_arm64". */
static int write_local(struct build *b, struct arena *a, const char *dest, struct error *err)
{
	if (b->n_targets == 1)
		return export_local(b, &b->targets[0], dest, err);
	if (mkdir(dest, 0777) < 0 && errno != EEXIST)
		return error_errno(err, "--output %s", dest);
	for (u32 i = 0; i < b->n_targets; i++) {
		char *path = arena_printf(a, "%s/%s", dest, platform_text(&b->targets[i].platform, (char[100]){ 0 }));
		for (char *c = path + strlen(dest) + 1; *c; c++)
			*c = *c == '/' ? '_' : *c;
		if (export_local(b, &b->targets[i], path, err) < 0)
			return -1;
	}
	return 0;
}

static int put_output(struct build *b, struct arena *a, struct build_result *res, const struct build_output *o, struct error *err)
{
	const char *const *names = names_of(a, b->opt, o, err);
	int r = 0;
	switch (o->type) {
	case OUTPUT_TAR:
		return write_tar(b, o->dest, err);
	case OUTPUT_LOCAL:
		return write_local(b, a, o->dest, err);
	case OUTPUT_OCI:
	case OUTPUT_DOCKER:
		return write_file_output(b, a, res, o, names, err);
	case OUTPUT_DAEMON:
		return copy_out(b, a, res, o, arena_printf(a, "docker-daemon:%s", *names), names, err);
	case OUTPUT_REGISTRY:
		for (; r == 0 && *names; names++)
			r = copy_out(b, a, res, o, arena_printf(a, "docker://%s", *names), NULL, err);
		return r;
	case OUTPUT_STORE:
		for (const char *const *name = names ? names : (const char *const[]){ "", NULL }; r == 0 && *name; name++)
			r = o->compression_set || o->docker_types ? copy_out(b, a, res, o, arena_printf(a, "pare:%s", *name), NULL, err) : store_set_ref(b->store, *name, &res->digest, err);
		return r;
	}
	return r;
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
	res.put = res.digest;
	res.put_type = res.type;
	const struct build_output store = { .type = OUTPUT_STORE };
	for (u32 i = 0; r == 0 && !b->opt->nothing && i < b->opt->n_outputs; i++)
		r = put_output(b, a, &res, &b->opt->outputs[i], err);
	if (r == 0 && !b->opt->n_outputs && !b->opt->nothing)
		r = put_output(b, a, &res, &store, err);
	if (r == 0)
		*ret = res;
	return r;
}
