/* Layers that are made here: their media types, and the spool that holds them until they are sent. */
#include "base/file.h"
#include "base/progress.h"
#include "copy/tree.h"
#include <fcntl.h>
#include <unistd.h>

#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar"
#define OCI_FOREIGN "application/vnd.oci.image.layer.nondistributable.v1.tar"

static const struct {
	const char *text;
	struct layer_type type;
} TYPES[] = {
	{ MT_LAYER, { true, false, false, COMP_NONE } },
	{ MT_LAYER "+gzip", { true, false, false, COMP_GZIP } },
	{ MT_LAYER "+zstd", { true, false, false, COMP_ZSTD } },
	{ OCI_FOREIGN, { true, false, true, COMP_NONE } },
	{ OCI_FOREIGN "+gzip", { true, false, true, COMP_GZIP } },
	{ OCI_FOREIGN "+zstd", { true, false, true, COMP_ZSTD } },
	{ DOCKER_LAYER, { true, true, false, COMP_NONE } },
	{ DOCKER_LAYER ".gzip", { true, true, false, COMP_GZIP } },
	{ DOCKER_FOREIGN, { true, true, true, COMP_NONE } },
	{ DOCKER_FOREIGN ".gzip", { true, true, true, COMP_GZIP } },
};

struct layer_type layer_type_of(const char *media_type)
{
	for (size_t i = 0; i < countof(TYPES); i++)
		if (strcmp(TYPES[i].text, media_type) == 0)
			return TYPES[i].type;
	return (struct layer_type){ 0 };
}

const char *layer_type_text(const struct layer_type *t)
{
	for (size_t i = 0; i < countof(TYPES); i++)
		if (TYPES[i].type.docker == t->docker && TYPES[i].type.foreign == t->foreign && TYPES[i].type.compression == t->compression)
			return TYPES[i].text;
	return NULL;
}

/* --- the spool --- */
/* The file that the next blob goes to. */
static struct spool_file *spool_next(struct spool *s, struct error *err)
{
	struct spool_file *last = s->n ? &s->v[s->n - 1] : NULL;
	if (last && (!last->used || s->n == SPOOL_FILES))
		return last;
	int fd = file_nameless(s->dir);
	if (fd < 0) {
		error_errno(err, "%s", s->dir);
		return NULL;
	}
	s->v[s->n] = (struct spool_file){ .fd = fd };
	return &s->v[s->n++];
}

void spool_close(struct spool *s)
{
	while (s->n)
		close(s->v[--s->n].fd);
}

int spool_open(const struct spool *s, const struct copy_blob *b, u64 from, struct stream **ret, struct error *err)
{
	int fd = fcntl(s->v[b->file].fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "%s", s->dir);
	*ret = stream_file(fd, true, b->at + from, b->d.size - from, 0);
	return 0;
}

struct writing {
	struct spool *spool;
	struct spool_file *file;
	struct digester *digest; /* NULL: of plain bytes it is the diff ID */
	u64 start;
};

static int spool_begin(struct writing *w, struct copy_job *j, struct error *err)
{
	*w = (struct writing){ .spool = &j->spool, .file = spool_next(&j->spool, err) };
	if (!w->file)
		return -1;
	w->start = w->file->end;
	return 0;
}

static int spool_write(void *ctx, struct str bytes, struct error *err)
{
	struct writing *w = ctx;
	if (w->digest)
		digester_add(w->digest, bytes);
	if (file_write_all(w->file->fd, bytes.p, bytes.n) < 0)
		return error_errno(err, "%s", w->spool->dir);
	w->file->end += bytes.n;
	return 0;
}

/* What was written is a blob; of two that are the same the second is given up. */
static int keep(struct copy_job *j, const struct writing *w, const struct digest *d, struct error *err)
{
	struct copy_blob *b = copy_blob_of(j, d, err);
	if (!b)
		return -1;
	if (b->spooled) {
		w->file->end = w->start;
		return ftruncate(w->file->fd, (off_t)w->start) < 0 || lseek(w->file->fd, (off_t)w->start, SEEK_SET) < 0 ? error_errno(err, "%s", j->spool.dir) : 0;
	}
	b->spooled = w->file->used = true;
	b->file = (u32)(w->file - j->spool.v);
	b->at = w->start;
	b->d.size = w->file->end - w->start;
	return 0;
}

int layer_make(struct copy_job *j, struct stream *stored, enum compression kind, struct descriptor *ret, struct digest *diff_id, struct error *err)
{
	struct stream *plain;
	enum compression was;
	struct tap *tap;
	struct writing w;
	if (spool_begin(&w, j, err) < 0) {
		stream_close(stored);
		return -1;
	}
	if (stream_inflate(stored, &plain, &was, err) < 0)
		return -1;
	plain = stream_tap(plain, DIGEST_SHA256, &tap);
	w.digest = kind == COMP_NONE ? NULL : digester_new(DIGEST_SHA256);
	int level = j->opt->level || kind != COMP_GZIP ? j->opt->level : DEFLATE_FAST; /* a copy is waited for */
	struct deflate *d = deflate_new(kind, level, spool_write, &w);
	struct descriptor made = { .media_type = "" };
	int r = deflate_all(d, plain, err);
	deflate_free(d);
	if (w.digest)
		made.digest = digester_finish(w.digest);
	if (r == 0) {
		*diff_id = tap_digest(tap);
		if (kind == COMP_NONE)
			made.digest = *diff_id;
		made.size = w.file->end - w.start;
		r = keep(j, &w, &made.digest, err);
	}
	stream_close(plain);
	if (r == 0)
		*ret = made;
	return r;
}

int layer_put(struct copy_job *j, struct str bytes, struct descriptor *ret, struct error *err)
{
	struct descriptor made = { .media_type = "", .digest = digest_bytes(DIGEST_SHA256, bytes), .size = bytes.n };
	struct writing w;
	if (spool_begin(&w, j, err) < 0 || spool_write(&w, bytes, err) < 0 || keep(j, &w, &made.digest, err) < 0)
		return -1;
	*ret = made;
	return 0;
}

int layer_keep(struct copy_job *j, struct stream *stored, const struct descriptor *want, struct error *err)
{
	struct tap *tap;
	struct str view;
	struct writing w;
	if (spool_begin(&w, j, err) < 0) {
		stream_close(stored);
		return -1;
	}
	stored = stream_tap(stored, want->digest.alg, &tap);
	int r;
	while ((r = stream_next(stored, &view, err)) == 0 && view.n && r == 0) {
		r = spool_write(&w, view, err);
		if (r < 0)
			break;
		progress_add(view.n);
	}
	if (r == 0) {
		struct digest got = tap_digest(tap);
		if (!digest_eq(&got, &want->digest) || w.file->end - w.start != want->size)
			r = error_set(err, ERR_INPUT, "is not %s", DIGEST_STR(&want->digest));
	}
	stream_close(stored);
	return r < 0 ? -1 : keep(j, &w, &want->digest, err);
}
