#include "transport/sink.h"
#include "base/json.h"
#include "base/progress.h"
#include "layer/deflate.h"
#include "oci/reference.h"
#include "transport/layout.h"
#include "transport/transport.h"

struct sink *sink_new(size_t size, const struct sink_ops *ops, const char *path, const char *tag)
{
	struct sink *s = xcalloc(1, size);
	s->ops = ops;
	s->path = arena_strdup(&s->arena, str_of(path));
	s->tag = tag && *tag ? arena_strdup(&s->arena, str_of(tag)) : NULL;
	return s;
}

void sink_close(struct sink *s)
{
	if (!s)
		return;
	s->ops->close(s);
	json_decref(s->manifest);
	json_decref(s->attached);
	arena_free(&s->arena);
	free(s);
}

static int open_as(struct str format, const char *path, const char *tag, struct sink **ret, struct error *err)
{
	if (!*path)
		return error_set(err, ERR_USAGE, "%.*s: needs a path to write to", STR_FMT(format));
	if (strcmp(path, "-") == 0)
		return error_set(err, ERR_USAGE, "an image cannot be written to standard output: name a file");
	if (tag && *tag && !str_is(format, "oci") && !str_is(format, "oci-archive")) {
		struct arena a = { 0 };
		struct reference r;
		int bad = reference_parse(&a, str_of(tag), &r, err);
		arena_free(&a);
		if (bad < 0)
			return -1;
	}
	if (str_is(format, "docker-archive"))
		return sink_archive_open(path, tag, false, ret, err);
	if (str_is(format, "oci-archive"))
		return sink_archive_open(path, tag, true, ret, err);
	return sink_layout_open(path, tag, ret, err);
}

int sink_open(const char *location, const char *format, struct sink **ret, struct error *err) { return sink_open_with(location, format, NULL, ret, err); }

/* Places that are no files. 1: it is none of them. */
static int open_place(const char *location, const char *format, const struct repo_options *opt, struct sink **ret, struct error *err)
{
	bool registry = strncmp(location, "docker://", 9) == 0, store = strncmp(location, "pare:", 5) == 0, engine = strncmp(location, "docker-daemon:", 14) == 0;
	if (strncmp(location, "containers-storage:", 19) == 0)
		return error_set(err, ERR_USAGE, "%s: podman's storage is not written; write oci:DIR, then `podman pull oci:DIR`", location);
	if (!registry && !store && !engine)
		return 1;
	if (format)
		return error_set(err, ERR_USAGE, "%s: --format says %s", location, format);
	if (engine)
		return sink_engine_open(location + 14, opt ? opt->store : NULL, ret, err);
	return sink_repo_open(location, opt, ret, err);
}

int sink_open_with(const char *location, const char *format, const struct repo_options *opt, struct sink **ret, struct error *err)
{
	int place = open_place(location, format, opt, ret, err);
	if (place <= 0)
		return place;
	static const char *const known[] = { "docker-archive", "oci-archive", "oci" };
	struct str rest = str_of(location), name = str_cut(&rest, ':');
	for (size_t i = 0; rest.p && i < countof(known); i++) {
		if (!str_is(name, known[i]))
			continue;
		if (format && strcmp(format, known[i]) != 0)
			return error_set(err, ERR_USAGE, "%s: --format says %s", location, format);
		struct str path = str_cut(&rest, ':');
		struct arena a = { 0 };
		int r = open_as(name, arena_strdup(&a, path), rest.p ? arena_strdup(&a, rest) : NULL, ret, err);
		arena_free(&a);
		return r;
	}
	for (size_t i = 0; rest.p && transports[i]; i++)
		if (str_is(name, transports[i]->name))
			return error_set(err, ERR_USAGE, "%s: images are written to docker-archive:FILE, oci-archive:FILE, oci:DIR, docker://REF, pare:REF or docker-daemon:REF", location);
	if (!format && str_ends(str_of(location), STR(".tar")))
		format = "docker-archive";
	if (!format)
		return error_set(err, ERR_USAGE, "%s: what to write there? Say docker-archive:%s, oci-archive:%s or oci:%s, or --format", location, location, location, location);
	if (strchr(location, ':'))
		return error_set(err, ERR_USAGE, "%s: a path with a colon cannot be named", location);
	return open_as(str_of(format), location, NULL, ret, err);
}

struct blob_out {
	struct sink *sink;
	struct digester *digest;
	u64 limit;
	bool over; /* the limit was reached: the rest need not be made */
};

static int blob_write(void *ctx, struct str bytes, struct error *err)
{
	struct blob_out *b = ctx;
	if (b->digest)
		digester_add(b->digest, bytes);
	b->sink->written += bytes.n;
	b->over = b->limit && b->sink->written >= b->limit;
	return b->over ? error_set(err, ERR_INPUT, "no smaller than it was") : b->sink->ops->write(b->sink, bytes, err);
}

int sink_layer(struct sink *s, struct stream *plain, enum compression kind, int level, u64 at_most, u64 limit, struct sink_layer *ret, struct error *err)
{
	if (s->ops->plain)
		kind = COMP_NONE;
	struct tap *tap;
	struct stream *in = stream_tap(plain, DIGEST_SHA256, &tap);
	struct blob_out out = { .sink = s, .limit = limit, .digest = kind == COMP_NONE ? NULL : digester_new(DIGEST_SHA256) };
	s->written = 0;
	/* What does not shrink grows by a few bytes a block. */
	if (s->ops->begin(s, at_most + at_most / 256 + MiB, err) < 0) {
		if (out.digest)
			digester_finish(out.digest);
		stream_close(in);
		return -1;
	}
	struct deflate *d = deflate_new(kind, level, blob_write, &out);
	int r = deflate_all(d, in, err);
	deflate_free(d);
	struct sink_layer l = { .compression = kind, .size = s->written };
	if (out.digest)
		l.digest = digester_finish(out.digest);
	if (r == 0) {
		l.diff_id = tap_digest(tap);
		if (kind == COMP_NONE)
			l.digest = l.diff_id;
	}
	stream_close(in);
	if (r == 0)
		r = s->ops->end(s, &l.digest, ".tar", err);
	else
		s->ops->undo(s);
	if (out.over) {
		if (err)
			*err = (struct error){ 0 };
		return 1;
	}
	if (r == 0)
		*ret = l;
	return r;
}

int sink_copy(struct sink *s, struct stream *stored, const struct digest *digest, u64 size, struct error *err)
{
	struct tap *tap;
	struct stream *in = stream_tap(stored, digest->alg, &tap);
	s->written = 0;
	int r = s->ops->begin(s, size, err);
	bool begun = r == 0;
	while (r == 0) {
		struct str view;
		r = stream_next(in, &view, err);
		if (r == 0 && view.n == 0)
			break;
		if (r == 0) {
			s->written += view.n;
			progress_add(view.n);
			r = s->written > size ? error_set(err, ERR_INPUT, "over the %llu bytes it should have", (unsigned long long)size) : s->ops->write(s, view, err);
		}
	}
	if (r == 0) {
		struct digest got = tap_digest(tap);
		if (!digest_eq(&got, digest) || s->written != size)
			r = error_set(err, ERR_INPUT, "is not %s", DIGEST_STR(digest));
	}
	stream_close(in);
	if (r == 0)
		r = s->ops->end(s, digest, ".tar", err);
	else if (begun)
		s->ops->undo(s);
	return r;
}

int sink_blob(struct sink *s, struct str bytes, const char *suffix, struct digest *ret, struct error *err)
{
	struct digest d = digest_bytes(DIGEST_SHA256, bytes);
	s->written = bytes.n;
	if (s->ops->begin(s, bytes.n, err) < 0)
		return -1;
	if (s->ops->write(s, bytes, err) < 0) {
		s->ops->undo(s);
		return -1;
	}
	*ret = d;
	return s->ops->end(s, &d, suffix, err);
}

int sink_seal(struct sink *s, const struct sink_image *img, struct error *err) { return s->ops->seal(s, img, err); }
const char *sink_staged(const struct sink *s) { return s->staged; }
int sink_commit(struct sink *s, struct error *err) { return s->ops->commit(s, err); }
const char *sink_digest(const struct sink *s) { return s->manifest ? json_text(s->manifest, "digest") : NULL; }

int sink_attach(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err)
{
	if (!s->ops->attach || n > SINK_ATTACHMENTS_MAX)
		return error_set(err, ERR_USAGE, "%s: nothing can be attached to an image there", s->path);
	return s->ops->attach(s, v, n, err);
}

int sink_could_attach(const char *location, const char *format, struct error *err)
{
	bool archive = strncmp(location, "docker-archive:", 15) == 0 || (format ? strcmp(format, "docker-archive") == 0 : !strchr(location, ':') && str_ends(str_of(location), STR(".tar")));
	if (!archive && strncmp(location, "docker-daemon:", 14) != 0)
		return 0;
	return error_set(err, ERR_USAGE, "%s: nothing can be attached to an image there; write oci:DIR, oci-archive:FILE, docker://REF or pare:REF", location);
}

struct str sink_dump(struct arena *a, const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text)
		abort();
	struct str r = str_of(arena_strdup(a, str_of(text)));
	free(text);
	return r;
}

static bool named(struct arena *a, const char *text, struct reference *ref)
{
	return text && reference_parse(a, str_of(text), ref, NULL) == 0 && ref->tag;
}

static void add_repo_tag(struct sink *s, const char *text, json_t *list)
{
	struct reference ref;
	if (!named(&s->arena, text, &ref))
		return;
	ref.digest = (struct digest){ 0 };
	json_array_append_new(list, json_string(reference_familiar(&s->arena, &ref)));
}

json_t *sink_repo_tags(struct sink *s, const struct sink_image *img)
{
	json_t *list = json_array();
	add_repo_tag(s, s->tag ? s->tag : img->reference, list);
	for (const char *const *more = img->aliases; more && *more; more++)
		add_repo_tag(s, *more, list);
	if (json_array_size(list))
		return list;
	json_decref(list);
	return json_null();
}

static json_t *descriptor(const char *media_type, const struct digest *d, u64 size)
{
	json_t *j = json_object();
	json_object_set_new(j, "mediaType", json_string(media_type));
	json_object_set_new(j, "digest", json_string(DIGEST_STR(d)));
	json_object_set_new(j, "size", json_integer((json_int_t)size));
	return j;
}

static const char *layer_type(const struct sink_layer *l)
{
	if (l->media_type)
		return l->media_type;
	return l->compression == COMP_GZIP ? MT_LAYER "+gzip" : l->compression == COMP_ZSTD ? MT_LAYER "+zstd" : MT_LAYER;
}

static void name_entry(struct sink *s, const char *tag, const char *reference, json_t *entry)
{
	json_t *a = layout_names(&s->arena, tag, reference), *had = json_obj(entry, "annotations");
	if (had)
		json_object_update(had, a);
	else if (json_object_size(a))
		json_object_set(entry, "annotations", a);
	json_decref(a);
}

json_t *sink_entries(struct sink *s, const struct sink_image *img, struct error *err)
{
	if (!img->entries) {
		json_t *made = sink_manifest(s, img, err);
		return made ? json_pack("[o]", made) : NULL;
	}
	json_t *list = json_deep_copy(img->entries);
	for (const char *const *more = img->aliases; more && *more; more++) {
		json_t *entry = json_deep_copy(json_array_get(img->entries, 0));
		name_entry(s, NULL, *more, entry);
		json_array_append_new(list, entry);
	}
	name_entry(s, s->tag, img->reference, json_array_get(list, 0));
	return list;
}

static json_t *attachment(struct sink *s, const struct sink_attachment *a, struct error *err)
{
	struct digest empty, layer, d;
	if (sink_blob(s, STR("{}"), ".json", &empty, err) < 0 || sink_blob(s, a->bytes, ".json", &layer, err) < 0)
		return NULL;
	json_t *of = json_pack("{sOsOsO}", "mediaType", json_object_get(s->manifest, "mediaType"), "digest", json_object_get(s->manifest, "digest"), "size", json_object_get(s->manifest, "size"));
	json_t *content = descriptor(a->type, &layer, a->bytes.n);
	json_object_set_new(content, "annotations", json_pack("{ss}", "org.opencontainers.image.title", a->title));
	autojson json_t *m = json_pack("{siss ss so s[o] so}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "artifactType", a->type, "config", descriptor(MT_EMPTY, &empty, 2), "layers", content, "subject", of);
	struct str text = sink_dump(&s->arena, m);
	if (sink_blob(s, text, ".json", &d, err) < 0)
		return NULL;
	json_t *j = descriptor(MT_MANIFEST, &d, text.n);
	json_object_set_new(j, "artifactType", json_string(a->type));
	return j;
}

int sink_put_attachments(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err)
{
	s->attached = json_array();
	for (u32 i = 0; i < n; i++) {
		json_t *j = attachment(s, &v[i], err);
		if (!j)
			return error_wrap(err, "%s", v[i].title);
		json_array_append_new(s->attached, j);
	}
	return 0;
}

json_t *sink_manifest(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct digest d;
	if (sink_blob(s, img->config, ".json", &d, err) < 0)
		return NULL;
	autojson json_t *m = json_object();
	json_object_set_new(m, "schemaVersion", json_integer(2));
	json_object_set_new(m, "mediaType", json_string(MT_MANIFEST));
	json_object_set_new(m, "config", descriptor(MT_CONFIG, &d, img->config.n));
	json_t *layers = json_array();
	for (u32 i = 0; i < img->n_layers; i++) {
		const struct sink_layer *l = &img->layers[i];
		json_t *j = descriptor(layer_type(l), &l->digest, l->size);
		if (l->annotations)
			json_object_set(j, "annotations", l->annotations);
		json_array_append_new(layers, j);
	}
	json_object_set_new(m, "layers", layers);
	if (img->annotations)
		json_object_set(m, "annotations", img->annotations);
	struct str text = sink_dump(&s->arena, m);
	if (sink_blob(s, text, ".json", &d, err) < 0)
		return NULL;
	json_t *j = descriptor(MT_MANIFEST, &d, text.n);
	json_decref(s->manifest);
	s->manifest = json_copy(j);
	name_entry(s, s->tag, img->reference, j);
	return j;
}
