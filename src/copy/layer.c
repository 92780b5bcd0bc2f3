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
static int spool_make(struct spool *s, struct error *err)
{
	if (s->fd >= 0)
		return 0;
	s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0) { /* not every file system has files without a name */
		struct buf path = BUF(0);
		buf_printf(&path, "%s/spool-XXXXXX", s->dir);
		s->fd = mkostemp(path.p, O_CLOEXEC);
		if (s->fd >= 0)
			unlink(path.p);
		buf_free(&path);
	}
	return s->fd < 0 ? error_errno(err, "%s", s->dir) : 0;
}

void spool_close(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int spool_open(struct spool *s, u64 at, u64 length, struct stream **ret, struct error *err)
{
	int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "%s", s->dir);
	*ret = stream_file(fd, true, at, length, 0);
	return 0;
}

struct writing {
	struct spool *spool;
	struct digester *digest; /* NULL: of plain bytes it is the diff ID */
	u64 start;
};

static int spool_write(void *ctx, struct str bytes, struct error *err)
{
	struct writing *w = ctx;
	if (w->digest)
		digester_add(w->digest, bytes);
	if (file_write_all(w->spool->fd, bytes.p, bytes.n) < 0)
		return error_errno(err, "%s", w->spool->dir);
	w->spool->end += bytes.n;
	return 0;
}

/* What was written since `start` is a blob; of two that are the same the second is given up. */
static int keep(struct copy_job *j, u64 start, const struct digest *d, struct error *err)
{
	struct copy_blob *b = copy_blob_of(j, d, err);
	if (!b)
		return -1;
	if (b->spooled) {
		j->spool.end = start;
		return ftruncate(j->spool.fd, (off_t)start) < 0 || lseek(j->spool.fd, (off_t)start, SEEK_SET) < 0 ? error_errno(err, "%s", j->spool.dir) : 0;
	}
	b->spooled = true;
	b->at = start;
	b->d.size = j->spool.end - start;
	return 0;
}

int layer_make(struct copy_job *j, struct stream *stored, enum compression kind, struct descriptor *ret, struct digest *diff_id, struct error *err)
{
	struct stream *plain;
	enum compression was;
	struct tap *tap;
	if (spool_make(&j->spool, err) < 0) {
		stream_close(stored);
		return -1;
	}
	if (stream_inflate(stored, &plain, &was, err) < 0)
		return -1;
	plain = stream_tap(plain, DIGEST_SHA256, &tap);
	struct writing w = { .spool = &j->spool, .start = j->spool.end, .digest = kind == COMP_NONE ? NULL : digester_new(DIGEST_SHA256) };
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
		made.size = j->spool.end - w.start;
		r = keep(j, w.start, &made.digest, err);
	}
	stream_close(plain);
	if (r == 0)
		*ret = made;
	return r;
}

int layer_put(struct copy_job *j, struct str bytes, struct descriptor *ret, struct error *err)
{
	struct descriptor made = { .media_type = "", .digest = digest_bytes(DIGEST_SHA256, bytes), .size = bytes.n };
	struct writing w = { .spool = &j->spool, .start = j->spool.end };
	if (spool_make(&j->spool, err) < 0 || spool_write(&w, bytes, err) < 0 || keep(j, w.start, &made.digest, err) < 0)
		return -1;
	*ret = made;
	return 0;
}

int layer_keep(struct copy_job *j, struct stream *stored, const struct descriptor *want, struct error *err)
{
	struct tap *tap;
	struct str view;
	struct writing w = { .spool = &j->spool };
	if (spool_make(&j->spool, err) < 0) {
		stream_close(stored);
		return -1;
	}
	w.start = j->spool.end;
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
		if (!digest_eq(&got, &want->digest) || j->spool.end - w.start != want->size)
			r = error_set(err, ERR_INPUT, "is not %s", DIGEST_STR(&want->digest));
	}
	stream_close(stored);
	return r < 0 ? -1 : keep(j, w.start, &want->digest, err);
}
