/* oci: a directory. What is new is made whole in DIR/.pare-XXXXXX, an image layout of its own that can be read; then the blobs are
 * renamed into DIR, and index.json is replaced last. */
#include "base/file.h"
#include "base/json.h"
#include "transport/sink.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define REF_NAME "org.opencontainers.image.ref.name"

struct layout {
	struct sink base;
	const char *stage;
	bool made;         /* DIR is ours: removed when nothing comes of it */
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

static int document(const char *path, struct str text, struct error *err)
{
	struct outfile o;
	if (outfile_open(&o, path, err) < 0)
		return -1;
	if (file_write_all(o.fd, text.p, text.n) < 0) {
		error_errno(err, "%s", path);
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, err);
}

static json_t *new_index(void)
{
	json_t *index = json_object();
	json_object_set_new(index, "schemaVersion", json_integer(2));
	json_object_set_new(index, "mediaType", json_string(MT_INDEX));
	json_object_set_new(index, "manifests", json_array());
	return index;
}

static int seal(struct sink *s, const struct sink_image *img, struct error *err)
{
	struct layout *l = (struct layout *)s;
	l->entry = sink_manifest(s, img, err);
	if (!l->entry)
		return -1;
	autojson json_t *index = new_index();
	json_array_append(json_arr(index, "manifests"), l->entry);
	if (document(arena_printf(&s->arena, "%s/oci-layout", l->stage), str_of(SINK_LAYOUT), err) < 0)
		return -1;
	return document(arena_printf(&s->arena, "%s/index.json", l->stage), sink_dump(&s->arena, index), err);
}

/* The index that is there, with our entry in place of the one it replaces: of the same tag, or, without a tag, of the same digest. */
static json_t *merged(struct layout *l, const char *path, struct error *err)
{
	struct buf text = BUF(0);
	json_t *index = NULL;
	if (access(path, F_OK) < 0) {
		index = new_index();
	} else if (file_read(path, JSON_BYTES, &text, err) == 0) {
		index = json_read(buf_str(&text), path, err);
		if (index && !json_arr(index, "manifests")) {
			error_set(err, ERR_INPUT, "%s: no list of manifests", path);
			json_decref(index);
			index = NULL;
		}
	}
	buf_free(&text);
	if (!index)
		return NULL;
	json_t *list = json_arr(index, "manifests");
	const char *tag = json_text(json_obj(l->entry, "annotations"), REF_NAME), *digest = json_text(l->entry, "digest");
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *m = json_array_get(list, i);
		const char *t = json_text(json_obj(m, "annotations"), REF_NAME), *d = json_text(m, "digest");
		if (tag ? t && strcmp(t, tag) == 0 : !t && d && strcmp(d, digest) == 0)
			json_array_remove(list, i);
	}
	json_array_append(list, l->entry);
	return index;
}

static void sync_dir(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) < 0) { /* some file systems cannot: then there is nothing to wait for */
	}
}

static int commit(struct sink *s, struct error *err)
{
	struct layout *l = (struct layout *)s;
	const char *index_path = arena_printf(&s->arena, "%s/index.json", s->path), *layout_path = arena_printf(&s->arena, "%s/oci-layout", s->path);
	autojson json_t *index = merged(l, index_path, err);
	if (!index)
		return -1;
	for (u32 i = 0; i < l->n_blobs; i++) {
		const char *to = arena_printf(&s->arena, "%s/%s", s->path, l->blobs[i]), *from = arena_printf(&s->arena, "%s/%s", l->stage, l->blobs[i]);
		char *dir = arena_strdup(&s->arena, str_of(to));
		for (char *p = dir + strlen(s->path) + 1; *p; p++) { /* blobs, blobs/sha256 */
			if (*p != '/')
				continue;
			*p = '\0';
			if (mkdir(dir, 0777) < 0 && errno != EEXIST)
				return error_errno(err, "%s", dir);
			*p = '/';
		}
		if (rename(from, to) < 0)
			return error_errno(err, "%s", to);
		*strrchr(dir, '/') = '\0';
		sync_dir(dir);
	}
	if (access(layout_path, F_OK) < 0 && document(layout_path, str_of(SINK_LAYOUT), err) < 0)
		return -1;
	if (document(index_path, sink_dump(&s->arena, index), err) < 0)
		return -1;
	l->made = false;
	return 0;
}

/* The stage holds nothing but what was put there: two documents, blobs of at most three algorithms. */
static void remove_stage(struct layout *l)
{
	struct arena *a = &l->base.arena;
	static const char *const names[] = { "index.json", "oci-layout" }, *const dirs[] = { "blobs/sha256", "blobs/sha384", "blobs/sha512", "blobs", "" };
	for (u32 i = 0; i < l->n_blobs; i++)
		unlink(arena_printf(a, "%s/%s", l->stage, l->blobs[i]));
	for (size_t i = 0; i < countof(names); i++)
		unlink(arena_printf(a, "%s/%s", l->stage, names[i]));
	for (size_t i = 0; i < countof(dirs); i++)
		rmdir(arena_printf(a, "%s/%s", l->stage, dirs[i]));
}

static void close_layout(struct sink *s)
{
	struct layout *l = (struct layout *)s;
	outfile_abort(&l->blob);
	remove_stage(l);
	if (l->made) /* a commit that failed half-way leaves blobs behind; then the directory stays */
		rmdir(s->path);
	json_decref(l->entry);
	free(l->blobs);
}

static const struct sink_ops ops = { "oci", false, begin, write_bytes, end, undo, seal, commit, close_layout };

static bool is_layout(const char *path)
{
	struct buf p = BUF(0);
	buf_printf(&p, "%s/index.json", path);
	bool yes = access(p.p, F_OK) == 0;
	buf_free(&p);
	return yes;
}

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	bool empty = d != NULL;
	for (struct dirent *e; d && empty && (e = readdir(d));)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

int sink_layout_open(const char *path, const char *tag, struct sink **ret, struct error *err)
{
	bool made = mkdir(path, 0777) == 0;
	if (!made && errno != EEXIST)
		return error_errno(err, "%s", path);
	if (!made && !is_layout(path) && !is_empty(path))
		return error_set(err, ERR_USAGE, "%s: is there already and is no OCI image layout", path);
	struct layout *l = (struct layout *)sink_new(sizeof *l, &ops, path, tag);
	l->made = made;
	l->blob = (struct outfile){ .fd = -1, .slot = -1 };
	char *stage = arena_printf(&l->base.arena, "%s/.pare-XXXXXX", path);
	if (!mkdtemp(stage)) {
		error_errno(err, "%s", path);
		if (made)
			rmdir(path);
		arena_free(&l->base.arena);
		free(l);
		return -1;
	}
	l->stage = stage;
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
