/* An oci-archive to be written, as a repository: documents and blobs go into it as they are, one after the other, and the file appears when the document with the name was put. */
#include "copy/tree.h"
#include <pthread.h>

struct target {
	struct repo base;
	struct sink *sink;
	const char *image; /* what it is called when the location doesn't say */
	const char *const *aliases; /* and what else; the caller's */
	json_t *entries; /* for index.json: cosign's tags, and what refers to something */
	pthread_mutex_t lock;
	bool done;
};

static int has(struct repo *r, const struct descriptor *d, struct error *err)
{
	(void)r, (void)d, (void)err;
	return 0;
}

static int put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	struct target *t = (struct target *)r;
	struct stream *s;
	pthread_mutex_lock(&t->lock); /* a tar file is written front to back */
	int e = from->open(from->ctx, 0, &s, err);
	if (e == 0)
		e = sink_copy(t->sink, s, &d->digest, d->size, err);
	pthread_mutex_unlock(&t->lock);
	*how = PUT_SENT;
	return e;
}

static int add_entry(struct target *t, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	autojson json_t *doc = json_read_limit(bytes, REPO_DOCUMENT_MAX, "document", NULL);
	const char *artifact = json_text(doc, "artifactType");
	if (tag && !tag[0] && !json_obj(doc, "subject"))
		return 0;
	json_t *e = json_pack("{sssssI}", "mediaType", type, "digest", DIGEST_STR(digest), "size", (json_int_t)bytes.n);
	if (!e) /* the type is no UTF-8 */
		return error_set(err, ERR_INPUT, "a manifest of a type that cannot be written");
	if (artifact)
		json_object_set_new(e, "artifactType", json_string(artifact));
	if (tag && tag[0])
		json_object_set_new(e, "annotations", json_pack("{ss}", "org.opencontainers.image.ref.name", tag));
	if (tag)
		json_array_append_new(t->entries, e);
	else
		json_array_insert_new(t->entries, 0, e);
	return 0;
}

static int put_document(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	struct target *t = (struct target *)r;
	if (t->done)
		return error_set(err, ERR_ENV, "%s: is written already", r->name);
	if (sink_copy(t->sink, stream_memory(bytes), digest, bytes.n, err) < 0 || add_entry(t, tag, type, bytes, digest, err) < 0)
		return -1;
	if (tag)
		return 0;
	struct sink_image img = { .entries = t->entries, .reference = t->image, .aliases = t->aliases };
	t->done = true;
	return sink_seal(t->sink, &img, err) < 0 ? -1 : sink_commit(t->sink, err);
}

static void close_target(struct repo *r)
{
	struct target *t = (struct target *)r;
	sink_close(t->sink);
	json_decref(t->entries);
	pthread_mutex_destroy(&t->lock);
}

static const struct repo_ops ops = { .transport = "oci-archive", .has = has, .put_blob = put_blob, .put_document = put_document, .close = close_target };

int archive_target_open(const char *location, const char *name, const char *const *aliases, struct repo **ret, struct error *err)
{
	struct sink *sink;
	if (sink_open(location, NULL, &sink, err) < 0)
		return -1;
	struct target *t = (struct target *)repo_new(sizeof *t, &ops);
	t->sink = sink;
	t->entries = json_array();
	t->base.name = arena_strdup(&t->base.arena, str_of(location));
	t->image = name ? arena_strdup(&t->base.arena, str_of(name)) : NULL;
	t->aliases = aliases;
	t->base.write = true;
	pthread_mutex_init(&t->lock, NULL);
	*ret = &t->base;
	return 0;
}
