/* oci: a directory. What is new is made whole in a stage, DIR/.pare-XXXXXXXX, an image layout of its own that can be read; then the blobs are
 * renamed into DIR, and index.json is replaced last. */
#include "base/file.h"
#include "base/json.h"
#include "transport/layout.h"
#include "transport/sink.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct layout {
	struct sink base;
	const char *stage;
	struct stage place;
	bool made;         /* DIR is ours: removed when nothing comes of it */
	int slot;          /* then, by a signal too */
	struct outfile blob;
	const char **blobs; /* "blobs/sha256/…", in the stage */
	u32 n_blobs, cap_blobs;
	json_t *entry;     /* for index.json */
};

static int begin(struct sink *s, u64 at_most, struct error *err)
{
	(void)at_most;
	struct layout *l = (struct layout *)s;
	return outfile_open(&l->blob, arena_printf(&s->arena, "%s/blob", l->stage), err);
}

static int write_bytes(struct sink *s, struct str bytes, struct error *err)
{
	struct layout *l = (struct layout *)s;
	return file_write_all(l->blob.fd, bytes.p, bytes.n) < 0 ? error_errno(err, "%s", s->path) : 0;
}

static void undo(struct sink *s) { outfile_abort(&((struct layout *)s)->blob); }

static int end(struct sink *s, const struct digest *d, const char *suffix, struct error *err)
{
	(void)suffix;
	struct layout *l = (struct layout *)s;
	char text[DIGEST_TEXT + 8];
	const char *name = arena_strdup(&s->arena, str_of(digest_path(d, text)));
	for (u32 i = 0; i < l->n_blobs; i++) {
		if (strcmp(l->blobs[i], name) == 0) {
			outfile_abort(&l->blob);
			return 0;
		}
	}
	const char *made = arena_strdup(&s->arena, str_of(l->blob.path)), *to = arena_printf(&s->arena, "%s/%s", l->stage, name);
	char *slash = arena_strdup(&s->arena, str_of(to));
	*strrchr(slash, '/') = '\0';
	if (mkdir(slash, 0777) < 0 && errno != EEXIST) {
		error_errno(err, "%s", slash);
		outfile_abort(&l->blob);
		return -1;
	}
	if (outfile_commit(&l->blob, err) < 0)
		return -1;
	if (rename(made, to) < 0) {
		error_errno(err, "%s", to);
		unlink(made);
		return -1;
	}
	VEC_PUSH(l->blobs, l->n_blobs, l->cap_blobs, name);
	return 0;
}

static int seal(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct layout *l = (struct layout *)s;
	l->entry = sink_manifest(s, img, err);
	if (!l->entry)
		return -1;
	autojson json_t *index = json_pack("{siss s[O]}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", l->entry);
	if (layout_file(arena_printf(&s->arena, "%s/oci-layout", l->stage), STR(LAYOUT_TEXT), err) < 0)
		return -1;
	return layout_file(arena_printf(&s->arena, "%s/index.json", l->stage), sink_dump(&s->arena, index), err);
}

static int put_entries(void *ctx, json_t *index, struct error *err)
{
	struct layout *l = ctx;
	int r = layout_put_entry(l->entry, index, err);
	for (size_t i = 0; r == 0 && i < json_array_size(l->base.attached); i++)
		r = layout_put_entry(json_array_get(l->base.attached, i), index, err);
	return r;
}

static int commit(struct sink *s, struct error *err)
{
	struct layout *l = (struct layout *)s;
	const char *layout_path = arena_printf(&s->arena, "%s/oci-layout", s->path);
	autofd int share = layout_share(s->path);
	(void)share;
	for (u32 i = 0; i < l->n_blobs; i++) {
		const char *to = arena_printf(&s->arena, "%s/%s", s->path, l->blobs[i]), *from = arena_printf(&s->arena, "%s/%s", l->stage, l->blobs[i]);
		if (layout_blob_dir(s->path, l->blobs[i], err) < 0)
			return -1;
		if (rename(from, to) < 0)
			return error_errno(err, "%s", to);
	}
	layout_sync(arena_printf(&s->arena, "%s/blobs/sha256", s->path));
	if (access(layout_path, F_OK) < 0 && layout_file(layout_path, STR(LAYOUT_TEXT), err) < 0)
		return -1;
	if (layout_change(s->path, put_entries, l, err) < 0)
		return -1;
	l->made = false;
	return 0;
}

static void close_layout(struct sink *s)
{
	struct layout *l = (struct layout *)s;
	outfile_abort(&l->blob);
	stage_remove(&l->place);
	if (l->made)
		file_unmake(s->path, &layout_begun);
	file_forget(l->slot);
	json_decref(l->entry);
	free(l->blobs);
}

static const struct sink_ops ops = { "oci", false, begin, write_bytes, end, undo, seal, sink_put_attachments, commit, close_layout };

int sink_layout_open(const char *path, const char *tag, struct sink **ret, struct error *err)
{
	bool made;
	int slot;
	if (layout_make(path, &made, &slot, err) < 0)
		return -1;
	struct layout *l = (struct layout *)sink_new(sizeof *l, &ops, path, tag);
	l->made = made;
	l->slot = slot;
	l->blob = (struct outfile){ .fd = -1, .slot = -1 };
	if (stage_make(&l->place, arena_printf(&l->base.arena, "%s/" LAYOUT_STAGE, path), err) < 0) {
		sink_close(&l->base);
		return -1;
	}
	const char *stage = l->stage = l->place.path;
	char *blobs = arena_printf(&l->base.arena, "%s/blobs", stage);
	if (mkdir(blobs, 0777) < 0) {
		error_errno(err, "%s", blobs);
		sink_close(&l->base);
		return -1;
	}
	l->base.staged = arena_printf(&l->base.arena, "oci:%s", stage);
	*ret = &l->base;
	return 0;
}
