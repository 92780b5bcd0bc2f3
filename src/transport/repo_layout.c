/* oci:DIR[:TAG] and oci-archive:FILE[:TAG] as places that keep content under its digest (OCI image specification, image-layout.md).
 *
 * A directory is written as well: a blob beside its place, synced and renamed when it has its digest; index.json last, under a lock. Documents that nothing but another document names
 * (an index's manifests) have no entry in index.json; what refers to another (a signature) has one without a tag, so that it is found again. Deleting a tag takes the
 * entry away, deleting a digest the manifest too; other blobs stay: another writer may be about to rely on them. A copy that fails takes away what it brought, when nobody else writes there and
 * index.json is the one that it found; who is killed leaves it, for the next copy to find. */
#include "base/file.h"
#include "base/json.h"
#include "transport/bag.h"
#include "transport/layout.h"
#include "transport/places.h"
#include "transport/repo.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFERRERS_BYTES (256 * MiB) /* of manifests that are read to see what they refer to */

struct layout {
	struct repo base;
	struct bag *bag;
	const char *dir;    /* NULL: an archive */
	const char *choice; /* behind the location's colon; "": nothing */
	bool made;          /* the directory is ours while no image is in it */
	int slot;           /* then a signal takes it away */
	/* What would be taken away when the rest fails. */
	int share;          /* layout_share(); -1: none */
	struct stat index;  /* as it was then; st_ino 0: there was none */
	pthread_mutex_t lock;
	const char **fresh; /* files that were not there; under the lock */
	u32 n_fresh, cap_fresh;
};

static struct bag *bag_of(struct repo *r) { return ((struct layout *)r)->bag; }

/* --- the list of images --- */
struct list {
	struct arena arena;
	json_t *doc;
	struct index index;
	struct buf text;
};

static void list_free(struct list *l)
{
	arena_free(&l->arena);
	json_decref(l->doc);
	buf_free(&l->text);
}

static int list_read(struct repo *r, struct list *ret, struct error *err)
{
	struct list l = { .text = BUF(0) };
	struct bag *b = bag_of(r);
	u64 size;
	if (!b->ops->find(b, "index.json", &size)) {
		if (b->problems.n)
			return error_set(err, ERR_INPUT, "%s: %s", r->name, b->problems.v[0]);
		*ret = l; /* one that is written first */
		return 0;
	}
	int s = b->ops->read(b, "index.json", JSON_BYTES, &l.text, err);
	l.doc = s == 0 ? json_read(buf_str(&l.text), "index.json", err) : NULL;
	if (!l.doc || index_parse(&l.arena, l.doc, &l.index, err) < 0) {
		list_free(&l);
		return error_wrap(err, "%s", r->name);
	}
	*ret = l;
	return 0;
}

static bool named(const struct descriptor *d, const char *tag)
{
	return (d->ref_name && strcmp(d->ref_name, tag) == 0) || (d->image_name && (strcmp(d->image_name, tag) == 0 || reference_same(d->image_name, tag)));
}

static const char *tag_of(const struct descriptor *d) { return d->ref_name ? d->ref_name : d->image_name; }

static int several(struct repo *r, const struct list *l, const char *tag, struct error *err)
{
	struct buf names = BUF(0);
	for (u32 i = 0; i < l->index.n && names.n < 300; i++) {
		const struct descriptor *d = &l->index.manifests[i];
		if (!tag && tag_of(d))
			buf_printf(&names, "%s%s", names.n ? ", " : "", tag_of(d));
		else if (d->digest.alg)
			buf_printf(&names, "%s@%s", names.n ? ", " : "", DIGEST_STR(&d->digest));
	}
	error_set(err, ERR_USAGE, "%s: %s; name one of: %s", r->name, tag ? "several manifests have that tag" : "several images are in it", names.n ? names.p : "");
	buf_free(&names);
	return -1;
}

/* 1: no entry is meant. `tag` NULL: the only one there is. */
static int find_entry(struct repo *r, const struct list *l, const char *tag, const struct descriptor **ret, struct error *err)
{
	const struct descriptor *found = NULL;
	u64 number = UINT64_MAX;
	if (tag && tag[0] == '@' && !str_to_u64(str_of(tag + 1), &number))
		number = UINT64_MAX;
	for (u32 i = 0; i < l->index.n; i++) {
		const struct descriptor *d = &l->index.manifests[i];
		if (d->bad || (tag ? number != i && !named(d, tag) : d->refers && l->index.n > 1) || (found && digest_eq(&found->digest, &d->digest)))
			continue;
		if (found)
			return several(r, l, tag, err);
		found = d;
	}
	*ret = found;
	return found ? 0 : 1;
}

/* --- reading --- */
static int read_document(struct repo *r, const struct digest *d, struct document *ret, struct error *err)
{
	char path[DIGEST_TEXT + 8];
	u64 size;
	if (!bag_of(r)->ops->find(bag_of(r), digest_path(d, path), &size))
		return 1;
	if (bag_of(r)->ops->read(bag_of(r), path, REPO_DOCUMENT_MAX, &ret->bytes, err) < 0)
		return error_wrap(err, "%s", r->name);
	ret->digest = *d;
	return 0;
}

/* Entries without a name, each for a platform: index.json itself is the image. */
static bool is_index_of_one(const struct list *l)
{
	for (u32 i = 0; i < l->index.n; i++)
		if (tag_of(&l->index.manifests[i]) || (!l->index.manifests[i].platform.arch[0] && !l->index.manifests[i].attestation))
			return false;
	return l->index.n > 1;
}

static int document(struct repo *r, const char *which, struct document *ret, struct error *err)
{
	struct digest d;
	const char *choice = ((struct layout *)r)->choice;
	const char *tag = which ? which : choice[0] ? choice : NULL;
	if (tag && digest_parse(str_of(tag[0] == '@' ? tag + 1 : tag), &d, NULL) == 0)
		return read_document(r, &d, ret, err);
	struct list l;
	const struct descriptor *entry;
	if (list_read(r, &l, err) < 0)
		return -1;
	int s;
	if (!tag && is_index_of_one(&l) && l.text.n <= REPO_DOCUMENT_MAX) {
		buf_add(&ret->bytes, buf_str(&l.text));
		snprintf(ret->type, sizeof ret->type, "%s", MT_INDEX);
		list_free(&l);
		return 0;
	}
	s = find_entry(r, &l, tag, &entry, err);
	if (s == 0) {
		s = read_document(r, &entry->digest, ret, err);
		if (s > 0)
			s = error_set(err, ERR_INPUT, "%s: index.json names %s, which is not there", r->name, DIGEST_STR(&entry->digest));
		else if (s == 0)
			snprintf(ret->type, sizeof ret->type, "%s", entry->media_type);
	}
	list_free(&l);
	return s;
}

static int blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	char path[DIGEST_TEXT + 8];
	struct stream *s;
	u64 size;
	digest_path(&d->digest, path);
	if (!bag_of(r)->ops->find(bag_of(r), path, &size))
		return error_set(err, ERR_INPUT, "%s: %s: not there", r->name, path);
	if (size != d->size)
		return error_set(err, ERR_INPUT, "%s: %s: %llu bytes, its descriptor says %llu", r->name, path, (unsigned long long)size, (unsigned long long)d->size);
	if (bag_of(r)->ops->open(bag_of(r), path, &s, err) < 0)
		return error_wrap(err, "%s", r->name);
	if (from == 0) {
		*ret = stream_verified(s, &d->digest, d->size, r->name, ERR_INPUT);
		return 0;
	}
	if (stream_skip(s, from, err) < 0) {
		stream_close(s);
		return error_wrap(err, "%s: %s", r->name, path);
	}
	s->at = 0; /* what was passed over was not given out */
	*ret = s;
	return 0;
}

static int has(struct repo *r, const struct descriptor *d, struct error *err)
{
	(void)err;
	char path[DIGEST_TEXT + 8];
	u64 size;
	return bag_of(r)->ops->find(bag_of(r), digest_path(&d->digest, path), &size) && size == d->size;
}

/* --- writing --- */
static const char *blob_file(struct layout *l, const struct digest *d, struct buf *out)
{
	char path[DIGEST_TEXT + 8];
	buf_printf(out, "%s/%s", l->dir, digest_path(d, path));
	return out->p;
}

static void brought(struct layout *l, const char *path)
{
	pthread_mutex_lock(&l->lock);
	const char *kept = arena_strdup(&l->base.arena, str_of(path));
	VEC_PUSH(l->fresh, l->n_fresh, l->cap_fresh, kept);
	pthread_mutex_unlock(&l->lock);
}

static void index_stat(const struct layout *l, struct stat *ret)
{
	struct buf path = BUF(0);
	buf_printf(&path, "%s/index.json", l->dir);
	if (stat(path.p, ret) < 0)
		*ret = (struct stat){ 0 };
	buf_free(&path);
}

/* Nobody else who is writing now, and nobody who has named something since (we ourselves, too), can rely on it. */
static void take_away(const struct layout *l)
{
	struct stat now;
	if (!layout_alone(l->share))
		return;
	index_stat(l, &now);
	if (now.st_ino != l->index.st_ino || now.st_dev != l->index.st_dev || now.st_size != l->index.st_size || now.st_ctim.tv_sec != l->index.st_ctim.tv_sec || now.st_ctim.tv_nsec != l->index.st_ctim.tv_nsec)
		return;
	for (u32 i = 0; i < l->n_fresh; i++)
		unlink(l->fresh[i]);
	static const char *const dirs[] = { "blobs/sha256", "blobs/sha384", "blobs/sha512", "blobs" };
	struct buf path = BUF(0);
	for (size_t i = 0; !now.st_ino && i < countof(dirs); i++) { /* it was an empty directory: what is empty again goes */
		buf_clear(&path);
		buf_printf(&path, "%s/%s", l->dir, dirs[i]);
		if (rmdir(path.p) < 0 && errno == ENOTEMPTY)
			break;
	}
	buf_free(&path);
}

static int make_blob_dir(struct layout *l, const struct digest *d, struct error *err)
{
	char path[DIGEST_TEXT + 8];
	return layout_blob_dir(l->dir, digest_path(d, path), err);
}

static int pump(struct stream *s, struct outfile *o, struct error *err)
{
	for (;;) {
		struct str view;
		if (stream_next(s, &view, err) < 0)
			return -1;
		if (view.n == 0)
			return 0;
		if (file_write_all(o->fd, view.p, view.n) < 0)
			return error_errno(err, "%s", o->path);
	}
}

static int put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	struct layout *l = (struct layout *)r;
	struct stream *s;
	struct outfile o;
	if (has(r, d, err)) {
		*how = PUT_THERE;
		return 0;
	}
	if (make_blob_dir(l, &d->digest, err) < 0 || from->open(from->ctx, 0, &s, err) < 0)
		return -1;
	if (!from->sound)
		s = stream_verified(s, &d->digest, d->size, r->name, ERR_INPUT);
	struct buf path = BUF(0);
	blob_file(l, &d->digest, &path);
	bool taken = from->file > 0 && outfile_adopt(&o, path.p, from->file, NULL) == 0;
	int status = taken ? 0 : outfile_open(&o, path.p, err);
	if (status == 0) {
		if (!taken)
			status = pump(s, &o, err);
		if (status == 0)
			status = outfile_commit(&o, err);
		else
			outfile_abort(&o);
		if (status == 0)
			brought(l, path.p);
	}
	stream_close(s);
	buf_free(&path);
	if (status < 0)
		return error_wrap(err, "%s", r->name);
	*how = PUT_SENT;
	return 0;
}

/* What a manifest names has to be there, but for layers that are kept elsewhere. */
static int complete(struct repo *r, const char *type, const json_t *doc, struct error *err)
{
	struct arena a = { 0 };
	struct manifest m;
	int s = 0;
	if (!media_type_is_manifest(type))
		return 0;
	if (manifest_parse(&a, doc, &m, err) < 0) {
		arena_free(&a);
		return -1;
	}
	json_t *layers = json_arr(doc, "layers");
	for (u32 i = 0; s == 0 && i <= m.n; i++) {
		const struct descriptor *d = i < m.n ? &m.layers[i] : &m.config;
		if (d->bad)
			s = error_set(err, ERR_INPUT, "%s", d->bad);
		else if (!(i < m.n && json_arr(json_array_get(layers, i), "urls")) && !has(r, d, err))
			s = error_set(err, ERR_INPUT, "%s: the manifest names %s, which is not there", r->name, DIGEST_STR(&d->digest));
	}
	arena_free(&a);
	return s;
}

static int put_entry(struct layout *l, const char *tag, const char *type, const json_t *doc, size_t size, const struct digest *digest, struct error *err)
{
	autojson json_t *entry = json_pack("{sssssI}", "mediaType", type, "digest", DIGEST_STR(digest), "size", (json_int_t)size);
	if (!entry) /* the type is no UTF-8 */
		return error_set(err, ERR_INPUT, "a manifest of a type that cannot be written");
	json_t *names = layout_names(&l->base.arena, tag, NULL);
	if (json_object_size(names))
		json_object_set_new(entry, "annotations", names);
	else
		json_decref(names);
	if (json_obj(doc, "subject") && json_text(doc, "artifactType"))
		json_object_set(entry, "artifactType", json_object_get(doc, "artifactType"));
	return layout_change(l->dir, layout_put_entry, entry, err);
}

static int put_document(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	struct layout *l = (struct layout *)r;
	autojson json_t *doc = json_read_limit(bytes, REPO_DOCUMENT_MAX, "manifest", err);
	if (!doc || complete(r, type, doc, err) < 0 || make_blob_dir(l, digest, err) < 0)
		return -1;
	bool entry = !tag || tag[0] || json_obj(doc, "subject");
	const char *name = tag ? tag : l->choice;
	if (!tag && r->named.alg) /* "DIR:@sha256:…" means what has that digest, whatever it is called */
		name = "";
	else if (!tag && name[0] == '@')
		return error_set(err, ERR_USAGE, "%s: what is behind the @ is no digest", r->name);
	struct buf path = BUF(0);
	bool there = access(blob_file(l, digest, &path), F_OK) == 0;
	int s = layout_file(path.p, bytes, err);
	if (s == 0 && !there)
		brought(l, path.p);
	buf_clear(&path);
	buf_printf(&path, "%s/oci-layout", l->dir);
	if (s == 0 && access(path.p, F_OK) < 0)
		s = layout_file(path.p, STR(LAYOUT_TEXT), err);
	if (s == 0 && entry) {
		buf_clear(&path); /* all blobs are there for good before they are named */
		buf_printf(&path, "%s/blobs/sha256", l->dir);
		layout_sync(path.p);
		s = put_entry(l, name[0] ? name : NULL, type, doc, bytes.n, digest, err);
	}
	buf_free(&path);
	return s;
}

struct erasing {
	const char *tag;
	const struct digest *digest; /* instead of a tag */
	bool found;
};

static int erase_entries(void *ctx, json_t *index, struct error *err)
{
	struct erasing *e = ctx;
	struct arena a = { 0 };
	struct index x;
	if (index_parse(&a, index, &x, err) < 0) {
		arena_free(&a);
		return -1;
	}
	for (u32 i = x.n; i-- > 0;) {
		const struct descriptor *d = &x.manifests[i];
		if (d->bad || (e->digest ? !digest_eq(&d->digest, e->digest) : !named(d, e->tag)))
			continue;
		json_array_remove(json_arr(index, "manifests"), i);
		e->found = true;
	}
	arena_free(&a);
	return e->found ? 0 : 1;
}

static int erase(struct repo *r, const char *which, struct error *err)
{
	struct layout *l = (struct layout *)r;
	struct digest d;
	struct erasing e = { .tag = which };
	if (digest_parse(str_of(which), &d, NULL) == 0)
		e.digest = &d;
	if (layout_change(l->dir, erase_entries, &e, err) < 0)
		return -1;
	if (e.digest) {
		struct buf path = BUF(0);
		e.found |= unlink(blob_file(l, &d, &path)) == 0;
		buf_free(&path);
	}
	return e.found ? 0 : 1;
}

/* --- lists --- */
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int tags(struct repo *r, int (*f)(void *, const char *, struct error *), void *ctx, struct error *err)
{
	struct list l;
	if (list_read(r, &l, err) < 0)
		return -1;
	const char **v = arena_array(&l.arena, const char *, l.index.n);
	u32 n = 0;
	int s = 0;
	for (u32 i = 0; i < l.index.n; i++)
		if (!l.index.manifests[i].bad && tag_of(&l.index.manifests[i]))
			v[n++] = tag_of(&l.index.manifests[i]);
	if (n)
		qsort(v, n, sizeof *v, by_text);
	for (u32 i = 0; s == 0 && i < n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			s = f(ctx, v[i], err);
	list_free(&l);
	return s;
}

/* The descriptor of a manifest that refers to `subject`, NULL when it doesn't. */
static json_t *referrer(struct repo *r, const struct descriptor *d, const struct digest *subject)
{
	struct document doc = { .bytes = BUF(0) };
	if (d->size > REPO_DOCUMENT_MAX || read_document(r, &d->digest, &doc, NULL) != 0) {
		document_free(&doc);
		return NULL;
	}
	autojson json_t *m = json_read_limit(buf_str(&doc.bytes), REPO_DOCUMENT_MAX, "manifest", NULL);
	const char *of = m ? json_text(json_obj(m, "subject"), "digest") : NULL;
	json_t *j = NULL;
	if (of && strcmp(of, DIGEST_STR(subject)) == 0) {
		const char *type = json_text(m, "artifactType"), *config = json_text(json_obj(m, "config"), "mediaType"), *mt = json_text(m, "mediaType");
		j = json_pack("{sssssI}", "mediaType", mt ? mt : d->media_type, "digest", DIGEST_STR(&d->digest), "size", (json_int_t)doc.bytes.n);
		if (j && (type || config))
			json_object_set_new(j, "artifactType", json_string(type ? type : config));
		if (j && json_obj(m, "annotations"))
			json_object_set(j, "annotations", json_obj(m, "annotations"));
	}
	document_free(&doc);
	return j;
}

static json_t *referrers(struct repo *r, const struct digest *subject, struct error *err)
{
	struct list l;
	if (list_read(r, &l, err) < 0)
		return NULL;
	json_t *found = json_array();
	u64 bytes = 0;
	bool over = false;
	for (u32 i = 0; i < l.index.n && !over; i++) {
		const struct descriptor *d = &l.index.manifests[i];
		bool same = false; /* one manifest under several tags */
		for (size_t k = 0; k < json_array_size(found) && !same && !d->bad; k++)
			same = strcmp(json_text(json_array_get(found, k), "digest"), DIGEST_STR(&d->digest)) == 0;
		if (d->bad || same || media_type_is_index(d->media_type))
			continue;
		bytes += MIN(d->size, (u64)REPO_DOCUMENT_MAX);
		json_t *j = referrer(r, d, subject);
		if (j)
			json_array_append_new(found, j);
		over = bytes > REFERRERS_BYTES || json_array_size(found) > REPO_REFERRERS_MAX;
	}
	list_free(&l);
	if (over) {
		json_decref(found);
		error_set(err, ERR_INPUT, "%s: too many manifests to look for what refers to %s", r->name, DIGEST_STR(subject));
		return NULL;
	}
	return json_pack("{siss so}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", found);
}

static void close_layout(struct repo *r)
{
	struct layout *l = (struct layout *)r;
	if (l->bag) {
		problems_free(&l->bag->problems);
		l->bag->ops->close(l->bag);
	}
	if (l->made && (l->share < 0 || layout_alone(l->share))) /* nothing came of it */
		file_unmake(l->dir, &layout_begun);
	else if (!l->made && r->given_up)
		take_away(l);
	file_forget(l->slot);
	if (l->share >= 0)
		close(l->share);
	pthread_mutex_destroy(&l->lock);
	free(l->fresh);
}

static const struct repo_ops layout_ops = { "oci", document, blob, has, put_blob, put_document, referrers, tags, erase, close_layout };
static const struct repo_ops archive_ops = { "oci-archive", document, blob, has, NULL, NULL, referrers, tags, NULL, close_layout };

static struct layout *layout_new(const struct repo_ops *ops, const char *detail, const char *choice)
{
	struct layout *l = (struct layout *)repo_new(sizeof *l, ops);
	l->base.name = arena_printf(&l->base.arena, "%s:%s", ops->transport, detail);
	l->choice = arena_strdup(&l->base.arena, str_of(choice));
	if (choice[0] == '@' && digest_parse(str_of(choice + 1), &l->base.named, NULL) < 0)
		l->base.named = (struct digest){ 0 };
	l->slot = l->share = -1;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static int no_index(struct layout *l, struct error *err)
{
	struct bag *b = l->bag;
	u64 size;
	if (b->ops->find(b, "index.json", &size))
		return 0;
	if (b->problems.n)
		return error_set(err, ERR_INPUT, "%s: %s", l->base.name, b->problems.v[0]);
	return error_set(err, ERR_INPUT, "%s: no OCI image layout (there is no index.json)", l->base.name);
}

int repo_layout_open(const char *detail, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	autofree char *dir = NULL;
	const char *choice;
	bool made = false;
	int slot = -1;
	bag_split(detail, &dir, &choice);
	if (!dir[0])
		return error_set(err, ERR_USAGE, "oci:%s: needs a directory", detail);
	if (opt->write && layout_make(dir, &made, &slot, err) < 0)
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, "%s", dir);
		if (made)
			file_unmake(dir, &layout_begun);
		file_forget(slot);
		return -1;
	}
	struct layout *l = layout_new(&layout_ops, detail, choice);
	l->base.dir = l->dir = arena_strdup(&l->base.arena, str_of(dir));
	l->made = made;
	l->slot = slot;
	l->bag = bag_directory(fd, dir);
	if (opt->write) {
		l->share = layout_share(dir);
		index_stat(l, &l->index);
	}
	if (!opt->write && no_index(l, err) < 0) {
		repo_close(&l->base);
		return -1;
	}
	*ret = &l->base;
	return 0;
}

/* An archive that cannot be sought (compressed as a whole, standard input): plain, in a file without a name. */
static int plain_copy(int fd, const char *name, const struct repo_options *opt, struct error *err)
{
	struct stream *s = stream_file(fd, true, 0, UINT64_MAX, 0), *plain;
	if (stream_inflate(s, &plain, NULL, err) < 0)
		return error_wrap(err, "%s", name);
	struct arena a = { 0 };
	int copy = archive_spool(plain, archive_spool_dir(&a, opt->store), err);
	stream_close(plain);
	arena_free(&a);
	return copy < 0 ? error_wrap(err, "%s", name) : copy;
}

int repo_archive_open(const char *detail, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	autofree char *file = NULL;
	const char *choice;
	bag_split(detail, &file, &choice);
	if (opt->write)
		return 1; /* archives are written whole: sink.h */
	bool standard_input = strcmp(file, "-") == 0;
	int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, "%s", standard_input ? "standard input" : file);
	if (!archive_is_plain(fd))
		fd = plain_copy(fd, file, opt, err);
	if (fd < 0)
		return -1;
	struct layout *l = layout_new(&archive_ops, detail, choice);
	l->bag = bag_archive(fd, file, err);
	if (!l->bag || no_index(l, err) < 0) {
		repo_close(&l->base);
		return -1;
	}
	*ret = &l->base;
	return 0;
}
