/* docker-archive and oci-archive: a tar file, written front to back. The header of a blob is filled in when its name and length are known. */
#include "base/file.h"
#include "base/json.h"
#include "layer/tarout.h"
#include "transport/layout.h"
#include "transport/sink.h"
#include <unistd.h>

#define HEADER_MORE (3 * TAR_BLOCK_SIZE) /* a header with a pax header in front of it */
#define LARGE (8 * GiB)                  /* from here on a length needs one */

struct archive {
	struct sink base;
	struct outfile out;
	u64 at, start;     /* where the next byte goes; where the entry begun starts */
	u64 sealed;        /* where the list of an oci-archive starts, that is written again when something is attached */
	json_t *list;
	u32 head;          /* bytes kept free for its header */
	const char **names; /* entries that are there */
	u32 n_names, cap_names;
};

static int put(struct archive *a, struct str bytes, struct error *err)
{
	if (file_write_all(a->out.fd, bytes.p, bytes.n) < 0)
		return error_errno(err, "%s", a->base.path);
	a->at += bytes.n;
	return 0;
}

static int begin(struct sink *s, u64 at_most, struct error *err)
{
	struct archive *a = (struct archive *)s;
	static const char zero[HEADER_MORE];
	a->start = a->at;
	a->head = at_most < LARGE ? TAR_BLOCK_SIZE : HEADER_MORE;
	return put(a, str_n(zero, a->head), err);
}

static int write_bytes(struct sink *s, struct str bytes, struct error *err) { return put((struct archive *)s, bytes, err); }

static int rewind_to(struct archive *a, u64 at)
{
	a->at = at;
	return ftruncate(a->out.fd, (off_t)at) < 0 || lseek(a->out.fd, (off_t)at, SEEK_SET) < 0 ? -1 : 0;
}

static void undo(struct sink *s)
{
	struct archive *a = (struct archive *)s;
	if (rewind_to(a, a->start) < 0) { /* the next write fails and says so */
	}
}

static bool have(const struct archive *a, const char *name)
{
	for (u32 i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i], name) == 0)
			return true;
	return false;
}

static int header(const char *name, u64 size, bool longer, struct buf *out, struct error *err)
{
	/* A fraction of a second is what makes a short length's header as long as the room that was left for it. */
	struct tarout_entry e = { .path = str_of(name), .type = TAR_FILE, .mode = 0644, .size = size, .mtime_ns = longer && size < LARGE ? 1 : 0 };
	return tarout_header(&e, out, err);
}

static int finish(struct archive *a, const char *name, struct error *err)
{
	static const char zero[TAR_BLOCK_SIZE];
	u64 size = a->at - a->start - a->head;
	struct buf h = BUF(0);
	int r = header(name, size, a->head > TAR_BLOCK_SIZE, &h, err);
	if (r == 0 && h.n != a->head)
		r = error_set(err, ERR_ENV, "%s: over the length it was said to have", name);
	if (r == 0)
		r = put(a, str_n(zero, tarout_padding(size)), err);
	if (r == 0 && pwrite(a->out.fd, h.p, h.n, (off_t)a->start) != (ssize_t)h.n)
		r = error_errno(err, "%s", a->base.path);
	buf_free(&h);
	VEC_PUSH(a->names, a->n_names, a->cap_names, name);
	return r;
}

static const char *hex(const struct digest *d, char out[DIGEST_TEXT])
{
	digest_text(d, out);
	return strchr(out, ':') + 1;
}

static int docker_end(struct sink *s, const struct digest *d, const char *suffix, struct error *err)
{
	struct archive *a = (struct archive *)s;
	char text[DIGEST_TEXT];
	const char *name = arena_printf(&s->arena, "%s%s", hex(d, text), suffix);
	if (have(a, name))
		return rewind_to(a, a->start) < 0 ? error_errno(err, "%s", s->path) : 0;
	return finish(a, name, err);
}

static int oci_end(struct sink *s, const struct digest *d, const char *suffix, struct error *err)
{
	(void)suffix;
	struct archive *a = (struct archive *)s;
	char text[DIGEST_TEXT + 8];
	const char *name = arena_strdup(&s->arena, str_of(digest_path(d, text)));
	if (have(a, name))
		return rewind_to(a, a->start) < 0 ? error_errno(err, "%s", s->path) : 0;
	return finish(a, name, err);
}

static int document(struct archive *a, const char *name, struct str text, struct error *err)
{
	if (begin(&a->base, text.n, err) < 0 || put(a, text, err) < 0)
		return -1;
	return finish(a, name, err);
}

static int trailer(struct archive *a, struct error *err)
{
	static const char zero[TAR_TRAILER];
	return put(a, str_n(zero, sizeof zero), err);
}

static int docker_seal(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct digest d;
	char text[DIGEST_TEXT];
	if (sink_blob(s, img->config, ".json", &d, err) < 0)
		return -1;
	autojson json_t *doc = json_array();
	json_t *m = json_object(), *layers = json_array();
	json_array_append_new(doc, m);
	json_object_set_new(m, "Config", json_sprintf("%s.json", hex(&d, text)));
	json_object_set_new(m, "RepoTags", sink_repo_tags(s, img));
	json_object_set_new(m, "Layers", layers);
	for (u32 i = 0; i < img->n_layers; i++)
		json_array_append_new(layers, json_sprintf("%s.tar", hex(&img->layers[i].digest, text)));
	if (document((struct archive *)s, "manifest.json", sink_dump(&s->arena, doc), err) < 0)
		return -1;
	return trailer((struct archive *)s, err);
}

static int oci_list(struct archive *a, struct error *err)
{
	struct sink *s = &a->base;
	autojson json_t *index = json_object();
	json_object_set_new(index, "schemaVersion", json_integer(2));
	json_object_set_new(index, "mediaType", json_string(MT_INDEX));
	json_object_set(index, "manifests", a->list);
	a->sealed = a->at;
	if (document(a, "index.json", sink_dump(&s->arena, index), err) < 0 || document(a, "oci-layout", str_of(LAYOUT_TEXT), err) < 0)
		return -1;
	return trailer(a, err);
}

static int oci_seal(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct archive *a = (struct archive *)s;
	a->list = sink_entries(s, img, err);
	return a->list ? oci_list(a, err) : -1;
}

static int oci_attach(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err)
{
	struct archive *a = (struct archive *)s;
	if (rewind_to(a, a->sealed) < 0)
		return error_errno(err, "%s", s->path);
	if (sink_put_attachments(s, v, n, err) < 0)
		return -1;
	json_array_extend(a->list, s->attached);
	return oci_list(a, err);
}

static int commit(struct sink *s, struct error *err) { return outfile_commit(&((struct archive *)s)->out, err); }

static void close_archive(struct sink *s)
{
	struct archive *a = (struct archive *)s;
	outfile_abort(&a->out);
	json_decref(a->list);
	free(a->names);
}

static const struct sink_ops docker_ops = { "docker-archive", true, begin, write_bytes, docker_end, undo, docker_seal, NULL, commit, close_archive };
static const struct sink_ops oci_ops = { "oci-archive", false, begin, write_bytes, oci_end, undo, oci_seal, oci_attach, commit, close_archive };

/* What was begun of this file by processes that were killed. */
static void sweep(const char *path)
{
	struct buf base = BUF(0), dir = BUF(0);
	struct str name = str_base(str_of(path));
	buf_printf(&base, "%.*s.part-", STR_FMT(name));
	buf_printf(&dir, "%.*s.", (int)((size_t)(name.p - path)), path);
	file_sweep(dir.p, base.p, NULL);
	buf_free(&base);
	buf_free(&dir);
}

int sink_archive_open(const char *path, const char *tag, bool oci, struct sink **ret, struct error *err)
{
	struct outfile out;
	autofree char *real = file_real(path);
	sweep(real);
	if (outfile_open(&out, real, err) < 0)
		return -1;
	struct archive *a = (struct archive *)sink_new(sizeof *a, oci ? &oci_ops : &docker_ops, path, tag);
	a->out = out;
	a->base.staged = arena_printf(&a->base.arena, "%s:%s", a->base.ops->format, out.tmp);
	if (oci) { /* some readers want the directories listed before what is in them */
		static const char *const dirs[] = { "blobs", "blobs/sha256" };
		struct buf h = BUF(0);
		int r = 0;
		for (size_t i = 0; r == 0 && i < countof(dirs); i++) {
			struct tarout_entry e = { .path = str_of(dirs[i]), .type = TAR_DIR, .mode = 0755 };
			r = tarout_header(&e, &h, err);
		}
		if (r == 0)
			r = put(a, buf_str(&h), err);
		buf_free(&h);
		if (r < 0) {
			sink_close(&a->base);
			return -1;
		}
	}
	*ret = &a->base;
	return 0;
}
