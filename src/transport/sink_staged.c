/* Places that an image is put into whole: a registry and our store (docker://REF, pare:REF), the Docker engine (docker-daemon:REF). It is made in a directory of its own first, as a layout or an archive
 * that can be read back; only sink_commit() puts it there: blobs, then the manifest, which the tag names from then on. Nothing is asked of a registry or an engine before. */
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/thread.h"
#include "transport/engine_socket.h"
#include "transport/places.h"
#include "transport/sink.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOAD_ANSWER_MAX ((size_t)MiB) /* of the engine's: a line for each layer and more */

struct staged {
	struct sink base;
	struct sink *inner;
	struct stage stage;
	struct repo *target; /* NULL: an engine */
};

static struct sink *inner_of(struct sink *s) { return ((struct staged *)s)->inner; }
static int begin(struct sink *s, u64 at_most, struct error *err) { return inner_of(s)->ops->begin(inner_of(s), at_most, err); }
static int write_bytes(struct sink *s, struct str bytes, struct error *err) { return inner_of(s)->ops->write(inner_of(s), bytes, err); }
static int end(struct sink *s, const struct digest *d, const char *suffix, struct error *err) { return inner_of(s)->ops->end(inner_of(s), d, suffix, err); }
static void undo(struct sink *s) { inner_of(s)->ops->undo(inner_of(s)); }

static int seal(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct sink *inner = inner_of(s);
	if (inner->ops->seal(inner, img, err) < 0)
		return -1;
	s->staged = inner->staged;
	s->manifest = json_incref(inner->manifest);
	return 0;
}

static int attach(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err)
{
	return inner_of(s)->ops->attach(inner_of(s), v, n, err);
}

/* --- a registry, the store --- */
struct putting {
	struct repo *from, *to;
	const struct descriptor *blobs;
	struct error *errors;
};

struct putting_one {
	struct putting *p;
	const struct descriptor *d;
};

static int open_blob(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	struct putting_one *one = ctx;
	return repo_blob(one->p->from, one->d, from, ret, err);
}

static void put_one(u32 i, void *ctx)
{
	struct putting *p = ctx;
	struct putting_one one = { p, &p->blobs[i] };
	enum put how;
	if (repo_put_blob(p->to, one.d, &(struct blob_from){ .open = open_blob, .ctx = &one }, &how, &p->errors[i]) == 0)
		progress_add(one.d->size);
}

static int put_blobs(struct staged *t, struct repo *from, const struct manifest *m, struct error *err)
{
	struct arena *a = &t->base.arena;
	u32 n = m->n + 1;
	struct descriptor *blobs = arena_array(a, struct descriptor, n);
	struct putting p = { .from = from, .to = t->target, .blobs = blobs, .errors = arena_array(a, struct error, n) };
	u32 k = 0;
	u64 bytes = 0;
	for (u32 i = 0; i < n; i++) { /* each once: two threads must not send the same one */
		const struct descriptor *d = i < m->n ? &m->layers[i] : &m->config;
		bool same = false;
		for (u32 j = 0; j < k && !same; j++)
			same = digest_eq(&blobs[j].digest, &d->digest);
		if (same)
			continue;
		blobs[k++] = *d;
		bytes += d->size;
	}
	progress_begin("sending", bytes);
	thread_each(k, put_one, &p);
	progress_end();
	for (u32 i = 0; i < k; i++)
		if (p.errors[i].kind) {
			*err = p.errors[i];
			return -1;
		}
	return 0;
}

/* A document of the stage, under `tag` as repo_put_document() has it; with the blobs that it names. */
static int put_image(struct staged *t, struct repo *from, const char *which, const char *tag, bool blobs, struct error *err)
{
	struct document d;
	struct manifest m;
	int r = repo_document(from, which, &d, err);
	if (r != 0)
		return r < 0 ? -1 : error_set(err, ERR_ENV, "%s: what was written there is gone", t->stage.path);
	autojson json_t *doc = json_read(buf_str(&d.bytes), "manifest", err);
	r = doc ? manifest_parse(&t->base.arena, doc, &m, err) : -1;
	if (r == 0 && blobs)
		r = put_blobs(t, from, &m, err);
	if (r == 0)
		r = repo_put_document(t->target, tag, d.type, buf_str(&d.bytes), NULL, err);
	document_free(&d);
	return r;
}

/* What refers to the image is there before a name leads to it: first the image by its digest alone, then that, then the name. */
static int commit_repo(struct sink *s, struct error *err)
{
	struct staged *t = (struct staged *)s;
	const json_t *attached = t->inner->attached;
	const char *digest = json_text(t->inner->manifest, "digest");
	struct repo *from = NULL;
	struct repo_options none = { 0 };
	if (repo_layout_open(t->inner->staged + strlen("oci:"), &none, &from, err) < 0)
		return -1;
	int r = attached ? put_image(t, from, digest, "", true, err) : 0;
	for (size_t i = 0; r == 0 && i < json_array_size(attached); i++)
		r = put_image(t, from, json_text(json_array_get(attached, i), "digest"), "", true, err);
	if (r == 0)
		r = put_image(t, from, digest, NULL, !attached, err);
	repo_close(from);
	return r;
}

/* --- the Docker engine --- */
/* Lines of JSON, {"stream":…} or {"error":…}: the status was told before it was tried. */
static int loaded(struct str answer, u32 status, struct error *err)
{
	while (answer.p) {
		struct str line = str_trim(str_cut(&answer, '\n'));
		autojson json_t *doc = line.n ? json_read(line, "the engine's answer", NULL) : NULL;
		const char *why = doc ? json_text(doc, "error") : NULL;
		if (doc && !why)
			why = json_text(doc, "message"); /* of a request that failed as a whole */
		if (why)
			return error_set(err, ERR_ENV, "the engine: %.400s", why);
	}
	return status == 200 ? 0 : error_set(err, ERR_ENV, "the engine answered %s", FETCH_STATUS(status));
}

static int load(struct arena *a, int fd, u64 size, struct error *err)
{
	struct http *h = NULL;
	const char *prefix;
	static const char *const headers[] = { "Content-Type: application/x-tar" };
	if (engine_socket_open(a, "docker", &h, &prefix, err) < 0)
		return -1;
	struct http_request r = { .method = "POST", .url = arena_printf(a, "%s/images/load?quiet=1", prefix), .headers = headers, .n_headers = 1, .upload = true, .from = stream_file(fd, false, 0, size, 0), .size = size };
	struct stream *body = NULL;
	struct buf answer = BUF(0);
	u32 status = 0;
	int s = http_send(h, &r, &status, &body, err);
	if (s == 0)
		s = http_read(body, LOAD_ANSWER_MAX, &answer, err);
	if (s == 0)
		s = loaded(buf_str(&answer), status, err);
	buf_free(&answer);
	http_close(h);
	stream_close(r.from);
	return s;
}

static int commit_engine(struct sink *s, struct error *err)
{
	struct staged *t = (struct staged *)s;
	struct arena a = { 0 };
	struct stat st;
	autofd int fd = open(t->inner->staged + strlen("docker-archive:"), O_RDONLY | O_CLOEXEC);
	int r = fd < 0 || fstat(fd, &st) < 0 ? error_errno(err, "%s", t->stage.path) : load(&a, fd, (u64)st.st_size, err);
	arena_free(&a);
	return r < 0 ? error_wrap(err, "docker-daemon:%s", s->tag) : 0;
}

/* --- both --- */
static void close_staged(struct sink *s)
{
	struct staged *t = (struct staged *)s;
	sink_close(t->inner); /* never committed: it takes away what it made */
	stage_remove(&t->stage);
	repo_close(t->target);
}

static const struct sink_ops repo_ops = { "oci", false, begin, write_bytes, end, undo, seal, attach, commit_repo, close_staged };
static const struct sink_ops engine_ops = { "docker-archive", true, begin, write_bytes, end, undo, seal, NULL, commit_engine, close_staged };

static int open_staged(const struct sink_ops *ops, const char *path, const char *tag, const char *store, struct repo *target, struct sink **ret, struct error *err)
{
	struct staged *t = (struct staged *)sink_new(sizeof *t, ops, path, tag);
	const char *place = archive_spool_dir(&t->base.arena, store);
	file_sweep(place, "", PLACE_STAGE); /* what was left by those that were killed */
	int r = stage_make(&t->stage, arena_printf(&t->base.arena, "%s/" PLACE_STAGE, place), err);
	if (r == 0) {
		r = target ? sink_layout_open(arena_printf(&t->base.arena, "%s/image", t->stage.path), NULL, &t->inner, err) :
			     sink_archive_open(arena_printf(&t->base.arena, "%s/image.tar", t->stage.path), tag, false, &t->inner, err);
		if (r < 0)
			stage_remove(&t->stage);
	}
	if (r < 0) {
		repo_close(target);
		arena_free(&t->base.arena);
		free(t);
		return -1;
	}
	t->target = target;
	*ret = &t->base;
	return 0;
}

int sink_repo_open(const char *location, const struct repo_options *opt, struct sink **ret, struct error *err)
{
	struct repo_options o = opt ? *opt : (struct repo_options){ 0 };
	struct repo *target = NULL;
	o.write = true;
	int r = repo_open(location, &o, &target, err);
	if (r != 0)
		return r < 0 ? -1 : error_set(err, ERR_USAGE, "%s: is not written", location);
	return open_staged(&repo_ops, location, NULL, o.store, target, ret, err);
}

int sink_engine_open(const char *ref, const char *store, struct sink **ret, struct error *err)
{
	struct arena a = { 0 };
	struct http *h = NULL;
	struct reference parsed;
	const char *prefix;
	int r = reference_parse(&a, str_of(ref), &parsed, err);
	if (r == 0 && !parsed.tag)
		r = error_set(err, ERR_USAGE, "docker-daemon:%s: an engine takes no image under a digest: name a tag", ref);
	/* Whether there is an engine is better known before the work than after it. */
	if (r == 0)
		r = engine_socket_open(&a, "docker", &h, &prefix, err);
	if (r == 0)
		http_close(h);
	arena_free(&a);
	return r < 0 ? -1 : open_staged(&engine_ops, ref, ref, store, NULL, ret, err);
}
