/* Places without digests: from one, the image's documents are made here; to one, its layers are written plain. */
#include "base/progress.h"
#include "base/text.h"
#include "copy/tree.h"
#include "oci/reference.h"
#include "store/load.h"

int copy_source(const char *source, const struct copy_options *opt, struct arena *a, struct source **ret, struct error *err)
{
	struct platform want = platform_host();
	if (opt->platform && platform_parse(str_of(opt->platform), &want, err) < 0)
		return -1;
	const struct layer_options none = { 0 };
	struct source_options so = { .platform = &want, .platform_forced = opt->platform != NULL, .layer = &none, .need_content = true, .plain_dirs = true, .once = true, .one = true, .registry = &opt->source };
	so.spool_dir = store_dir(a, opt->target.store ? opt->target.store : opt->source.store, err);
	if (!so.spool_dir || source_open(source, &so, ret, err) < 0)
		return -1;
	if ((*ret)->problems.n == 0)
		return 0;
	error_set(err, ERR_INPUT, "%s: %s", source, (*ret)->problems.v[0]);
	source_close(*ret);
	return -1;
}

static u64 total_of(const struct source *s)
{
	u64 total = 0;
	for (u32 i = 0; i < s->n_layers; i++)
		total += s->layers[i].stored;
	return total;
}

/* What the configuration says of the layers. *diff_ids stays NULL without one (a root file system). */
static int expected(struct source *s, struct arena *a, struct digest **diff_ids, struct error *err)
{
	struct config c;
	*diff_ids = NULL;
	if (!s->config.n)
		return 0;
	autojson json_t *doc = json_read(s->config, "configuration", err);
	if (!doc || config_parse(a, doc, &c, err) < 0)
		return -1;
	if (c.n_diff_ids != s->n_layers || c.bad_diff_ids)
		return error_set(err, ERR_INPUT, "%u layers, but the configuration names %u", s->n_layers, c.n_diff_ids - c.bad_diff_ids);
	*diff_ids = c.diff_ids;
	return 0;
}

static int check(u32 i, const struct digest *got, const struct digest *want, struct error *err)
{
	if (!want || want->alg != DIGEST_SHA256 || digest_eq(got, want))
		return 0;
	return error_set(err, ERR_INPUT, "layer %u: its diff ID is %s, the configuration says %s", i, DIGEST_STR(got), DIGEST_STR(want));
}

/* A configuration for what has none: this machine's platform, and nothing that depends on when. */
static struct str bare_config(struct arena *a, const struct digest *diff_ids, u32 n)
{
	struct platform p = platform_host();
	autojson json_t *c = json_object();
	json_object_set_new(c, "architecture", json_string(p.arch));
	json_object_set_new(c, "os", json_string(p.os));
	if (p.variant[0])
		json_object_set_new(c, "variant", json_string(p.variant));
	json_object_set_new(c, "config", json_object());
	json_t *list = json_array();
	for (u32 i = 0; i < n; i++)
		json_array_append_new(list, json_string(DIGEST_STR(&diff_ids[i])));
	json_object_set_new(c, "rootfs", json_pack("{sssO}", "type", "layers", "diff_ids", list));
	json_decref(list);
	return sink_dump(a, c);
}

static json_t *descriptor(const char *type, const struct descriptor *d)
{
	return json_pack("{sssssI}", "mediaType", type, "digest", DIGEST_STR(&d->digest), "size", (json_int_t)d->size);
}

static int add_made(struct copy_job *j, struct str text, const char *type, struct error *err)
{
	struct document d = { .bytes = BUF(0), .digest = digest_bytes(DIGEST_SHA256, text) };
	buf_add(&d.bytes, text);
	snprintf(d.type, sizeof d.type, "%s", type);
	return copy_add(j, &d, false, &j->top, err);
}

/* The layers stay as they are, and so does the manifest that names them: an archive of a layout that was named by its path alone, or could only be read front to back, and an engine that
 * keeps layers packed, as they were pulled (containerd's image store). One whose layers are all plain is what `docker save` writes: they are compressed. */
static bool verbatim(const struct copy_job *j, const struct source *s)
{
	bool may = strcmp(s->transport, "oci-archive") == 0 || strcmp(s->transport, "docker-daemon") == 0;
	if (!s->manifest.n || j->opt->recompress || j->opt->format != COPY_AS_IT_IS || !may)
		return false;
	bool compressed = !s->n_layers;
	for (u32 i = 0; i < s->n_layers; i++) {
		if (!s->layers[i].desc.digest.alg)
			return false;
		compressed |= layer_type_of(s->layers[i].desc.media_type).compression != COMP_NONE;
	}
	return compressed;
}

static int keep_all(struct copy_job *j, struct source *s, struct error *err)
{
	struct descriptor d;
	for (u32 i = 0; i < s->n_layers; i++) {
		struct stream *in;
		const struct descriptor *want = &s->layers[i].desc;
		if (s->ops->open_layer(s, i, &in, err) < 0 || layer_keep(j, in, want, err) < 0)
			return error_wrap(err, "layer %u", i);
	}
	if (layer_put(j, s->config, &d, err) < 0)
		return -1;
	return add_made(j, s->manifest, s->manifest_media_type, err);
}

static int make_layers(struct copy_job *j, struct source *s, json_t *layers, struct digest *got, const struct digest *diff_ids, struct error *err)
{
	struct layer_type t = { .known = true, .docker = j->opt->format == COPY_DOCKER, .compression = j->opt->recompress ? j->opt->compression : COMP_GZIP };
	const char *type = layer_type_text(&t);
	if (!type)
		return error_set(err, ERR_USAGE, "Docker's format has no layers of %s: say --format oci, or --compression gzip", compression_name(t.compression));
	for (u32 i = 0; i < s->n_layers; i++) {
		struct stream *in;
		struct descriptor d;
		if (s->ops->open_layer(s, i, &in, err) < 0 || layer_make(j, in, t.compression, &d, &got[i], err) < 0)
			return error_wrap(err, "layer %u", i);
		if (check(i, &got[i], diff_ids ? &diff_ids[i] : NULL, err) < 0)
			return -1;
		json_array_append_new(layers, descriptor(type, &d));
	}
	return 0;
}

static int make_documents(struct copy_job *j, struct source *s, struct error *err)
{
	bool docker = j->opt->format == COPY_DOCKER;
	struct digest *diff_ids, *got = arena_array(&j->own, struct digest, s->n_layers);
	struct descriptor d;
	if (expected(s, &j->own, &diff_ids, err) < 0)
		return -1;
	autojson json_t *doc = json_object();
	json_t *layers = json_array();
	json_object_set_new(doc, "schemaVersion", json_integer(2));
	json_object_set_new(doc, "mediaType", json_string(docker ? MT_DOCKER_MANIFEST : MT_MANIFEST));
	json_object_set_new(doc, "config", json_null()); /* its place: before the layers */
	json_object_set_new(doc, "layers", layers);
	if (make_layers(j, s, layers, got, diff_ids, err) < 0)
		return -1;
	struct str config = s->config.n ? s->config : bare_config(&j->own, got, s->n_layers);
	if (layer_put(j, config, &d, err) < 0)
		return -1;
	json_object_set_new(doc, "config", descriptor(docker ? MT_DOCKER_CONFIG : MT_CONFIG, &d));
	if (add_made(j, sink_dump(&j->own, doc), docker ? MT_DOCKER_MANIFEST : MT_MANIFEST, err) < 0)
		return -1;
	const struct copy_doc *top = &j->docs[j->top];
	struct digest before = s->digest;
	return before.alg && !digest_eq(&before, &top->doc.digest) ? copy_change_add(j, &before, &top->doc.digest, "made anew: the source has its layers in another form", err) : 0;
}

int make_image(struct copy_job *j, const char *source, struct error *err)
{
	struct source *s;
	if (copy_source(source, j->opt, &j->own, &s, err) < 0)
		return -1;
	progress_begin("reading", total_of(s));
	int r = verbatim(j, s) ? keep_all(j, s, err) : make_documents(j, s, err);
	progress_end();
	if (r < 0)
		error_wrap(err, "%s", source);
	source_close(s);
	return r;
}

/* --- to a target without digests --- */

/* What the image is called, when that is a name of its own and not merely where it was found. */
static const char *own_name(struct copy_job *j, const struct source *s)
{
	static const char *const naming[] = { "docker-archive", "docker-daemon", "containers-storage", "docker", "pare" };
	struct reference r;
	if (j->opt->name || !s->reference)
		return j->opt->name;
	struct str bare = str_of(s->reference), name = str_cut(&bare, '@'); /* a digest is no part of what it is called */
	for (size_t i = 0; i < countof(naming); i++)
		if (strcmp(s->transport, naming[i]) == 0 && str_chr(name, ':') && reference_parse(&j->own, str_of(s->reference), &r, NULL) == 0 && r.tag)
			return arena_strdup(&j->own, name);
	return NULL;
}

static int write_layers(struct copy_job *j, struct source *s, struct sink *to, struct sink_layer *layers, const struct digest *diff_ids, struct error *err)
{
	for (u32 i = 0; i < s->n_layers; i++) {
		struct stream *in, *plain;
		enum compression was;
		int r = s->ops->open_layer(s, i, &in, err);
		if (r == 0)
			r = stream_inflate(in, &plain, &was, err);
		u64 most = s->layers[i].stored;
		if (r == 0)
			r = sink_layer(to, plain, COMP_NONE, 0, was == COMP_NONE && most ? most : INFLATE_MAX, 0, &layers[i], err);
		if (r < 0)
			return error_wrap(err, "layer %u", i);
		if (check(i, &layers[i].diff_id, diff_ids ? &diff_ids[i] : NULL, err) < 0)
			return -1;
		j->result->sent++;
		j->result->bytes += layers[i].size;
	}
	return 0;
}

static int write_image(struct copy_job *j, struct source *s, struct sink *to, struct error *err)
{
	struct digest *diff_ids, *got = arena_array(&j->own, struct digest, s->n_layers);
	struct sink_layer *layers = arena_array(&j->own, struct sink_layer, s->n_layers);
	if (expected(s, &j->own, &diff_ids, err) < 0 || write_layers(j, s, to, layers, diff_ids, err) < 0)
		return -1;
	for (u32 i = 0; i < s->n_layers; i++)
		got[i] = layers[i].diff_id;
	struct sink_image img = { .layers = layers, .n_layers = s->n_layers, .reference = own_name(j, s), .aliases = j->opt->aliases };
	img.config = s->config.n ? s->config : bare_config(&j->own, got, s->n_layers);
	if (sink_seal(to, &img, err) < 0 || sink_commit(to, err) < 0)
		return -1;
	j->result->manifests = 1;
	j->result->sent++;
	j->result->bytes += img.config.n;
	j->result->blobs = s->n_layers + 1;
	struct digest none = { 0 };
	return s->digest.alg ? copy_change_add(j, &s->digest, &none, "layers plain: the target keeps no manifest", err) : 0;
}

int write_out(struct copy_job *j, const char *source, struct sink *to, struct error *err)
{
	struct source *s;
	if (copy_source(source, j->opt, &j->own, &s, err) < 0)
		return -1;
	progress_begin("copying", 0);
	int r = write_image(j, s, to, err);
	progress_end();
	source_close(s);
	return r;
}
