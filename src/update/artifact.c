#include "update/artifact.h"
#include "advisory/db.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "layer/deflate.h"
#include "oci/manifest.h"
#include "update/feeds.h"
#include <fcntl.h>
#include <unistd.h>

#define ACCEPT MT_MANIFEST ", " MT_INDEX ", " MT_DOCKER_MANIFEST ", " MT_DOCKER_LIST

int artifact_name(struct arena *a, const char *text, struct reference *ret, struct error *err)
{
	struct str name = str_of(text);
	if (str_starts(name, STR("oci://")))
		name = str_from(name, 6);
	else if (str_starts(name, STR("docker://")))
		name = str_from(name, 9);
	if (reference_parse(a, name, ret, err) < 0)
		return -1;
	return str_chr(name, '/') ? 0 : error_set(err, ERR_USAGE, "%.200s: it is REGISTRY/REPOSITORY:TAG", text);
}

/* --- pulling --- */
/* The one of a list of descriptors that is meant: of that type, else the only one. */
static const json_t *meant(const json_t *list, const char *key, const char *type)
{
	const json_t *found = NULL;
	size_t i;
	json_t *d;
	json_array_foreach(list, i, d) {
		struct str t = json_view(d, key);
		if (t.p && str_starts(t, str_of(type)) && (t.n == strlen(type) || t.p[strlen(type)] == '+'))
			return d;
		found = d;
	}
	return json_array_size(list) == 1 ? found : NULL;
}

int artifact_read(struct str text, struct digest *layer, u64 *size, struct error *err)
{
	autojson json_t *doc = json_read_limit(text, REGISTRY_MANIFEST_MAX, "the manifest", err);
	if (!doc)
		return -1;
	const json_t *inner = json_arr(doc, "manifests"), *layers = json_arr(doc, "layers");
	const json_t *d = layers ? meant(layers, "mediaType", ARTIFACT_LAYER) : inner ? meant(inner, "artifactType", ARTIFACT_TYPE) : NULL;
	struct digest found;
	u64 n;
	if (!d)
		return error_set(err, ERR_INPUT, "there is no advisory database in it");
	struct str named = json_view(d, "digest");
	if (!named.p || digest_parse(named, &found, err) < 0 || !json_u64(d, "size", &n) || n > DB_MAP_MAX)
		return error_set(err, ERR_INPUT, "what it says of its database is damaged");
	*layer = found;
	*size = n;
	return layers ? 0 : 1;
}

static int find_layer(struct arena *a, struct registry *r, const struct reference *name, struct artifact *ret, struct error *err)
{
	const char *which = name->digest.alg ? arena_strdup(a, str_of(DIGEST_STR(&name->digest))) : name->tag;
	for (u32 i = 0; i < 2; i++) {
		struct buf text = BUF(0);
		char type[128];
		struct digest d;
		int e = registry_manifest(r, which, ACCEPT, &text, type, &d, err);
		if (e == 0 && i == 0)
			ret->manifest = d;
		e = e < 0 ? e : artifact_read(buf_str(&text), &ret->layer, &ret->size, err);
		buf_free(&text);
		if (e <= 0)
			return e;
		which = arena_strdup(a, str_of(DIGEST_STR(&ret->layer)));
	}
	return error_set(err, ERR_INPUT, "an index in an index");
}

/* The layer, inflated, into the file beside the database, which must open as one. */
static int take_layer(struct registry *r, const struct artifact *art, const struct outfile *o, struct error *err)
{
	struct stream *s;
	struct str view;
	struct db *d;
	u64 n = 0;
	if (registry_blob(r, &art->layer, art->size, 0, &s, err) < 0)
		return -1;
	if (stream_inflate(s, &s, NULL, err) < 0)
		return -1;
	int e;
	while ((e = stream_next(s, &view, err)) == 0 && view.n) {
		n += view.n;
		if (n > DB_MAP_MAX)
			e = error_set(err, ERR_INPUT, "the database is over 16 GiB");
		else if (file_write_all(o->fd, view.p, view.n) < 0)
			e = error_errno(err, "%s", o->path);
		if (e < 0)
			break;
	}
	stream_close(s);
	if (e < 0)
		return e;
	if (db_open(o->tmp, &d, err) < 0)
		return error_wrap(err, "what was pulled");
	db_close(d);
	return 0;
}

int artifact_pull(struct arena *a, const struct reference *name, const char *store, const char *db, const struct registry_options *opt, struct artifact *ret, struct error *err)
{
	struct artifact art = { .name = reference_text(a, name) };
	struct registry_options reading = *opt;
	struct registry *r;
	struct outfile o;
	reading.progress = true;
	if (registry_open(name, &reading, &r, err) < 0)
		return error_wrap(err, "%s", art.name);
	int e = find_layer(a, r, name, &art, err);
	const char *of = e == 0 ? arena_printf(a, "artifact %s", DIGEST_STR(&art.layer)) : "";
	art.news = e == 0 && !update_is_built(a, store, db, of);
	if (art.news) {
		e = outfile_open(&o, db, err);
		if (e == 0) {
			progress_begin("pulling", art.size);
			e = take_layer(r, &art, &o, err);
			progress_end();
			if (e < 0)
				outfile_abort(&o);
			else
				e = outfile_commit(&o, err);
		}
		e = e < 0 ? e : update_set_built(a, store, db, of, err);
	}
	registry_close(r);
	if (e < 0)
		return strstr(err->text, name->path) ? -1 : error_wrap(err, "%s", art.name);
	*ret = art;
	return 0;
}

/* --- pushing --- */
struct packing {
	struct outfile *o;
	struct digester *sum;
	u64 size;
};

static int pack_out(void *ctx, struct str bytes, struct error *err)
{
	struct packing *p = ctx;
	if (file_write_all(p->o->fd, bytes.p, bytes.n) < 0)
		return error_errno(err, "%s", p->o->path);
	digester_add(p->sum, bytes);
	p->size += bytes.n;
	return 0;
}

static int pack(const char *db, struct outfile *o, struct artifact *ret, struct error *err)
{
	struct packing p = { .o = o };
	struct str view;
	int fd = open(db, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", db);
	p.sum = digester_new(DIGEST_SHA256);
	struct stream *s = stream_file(fd, true, 0, UINT64_MAX, 0);
	struct deflate *d = deflate_new(COMP_ZSTD, DEFLATE_ZSTD_LEVEL, pack_out, &p);
	int e;
	progress_begin("compressing", 0);
	while ((e = stream_next(s, &view, err)) == 0 && view.n) {
		progress_add(view.n);
		if ((e = deflate_write(d, view, err)) < 0)
			break;
	}
	progress_end();
	e = e < 0 ? e : deflate_finish(d, err);
	deflate_free(d);
	stream_close(s);
	ret->layer = digester_finish(p.sum);
	ret->size = p.size;
	return e;
}

static bool is_day(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (i == 4 || i == 7 ? s.p[i] != '-' : s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == 10;
}

static void keep_later(json_t *annotations, const char *key, struct str day, const char *behind)
{
	char text[40];
	const char *had = json_text(annotations, key);
	snprintf(text, sizeof text, "%.*s%s", STR_FMT(day), behind);
	if (!had || strcmp(had, text) < 0)
		json_object_set_new(annotations, key, json_string(text));
}

static int note_source(void *ctx, const struct db_source *s)
{
	struct str day = str_head(s->newest, 10);
	char key[96];
	if (s->kind.n > 40 || !is_day(day))
		return 0;
	snprintf(key, sizeof key, "vnd.pare.advisories.newest.%.*s", STR_FMT(s->kind));
	keep_later(ctx, key, day, "");
	keep_later(ctx, "org.opencontainers.image.created", day, "T00:00:00Z");
	return 0;
}

static json_t *descriptor(const char *type, const struct digest *digest, u64 size)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", DIGEST_STR(digest), "size", (json_int_t)size);
}

static char *manifest_text(const char *db, const struct artifact *art, const struct digest *empty, struct error *err)
{
	struct db *d;
	if (db_open(db, &d, err) < 0)
		return NULL;
	json_t *annotations = json_object(), *layer = descriptor(ARTIFACT_LAYER "+zstd", &art->layer, art->size);
	db_sources(d, note_source, annotations);
	db_close(d);
	json_object_set_new(layer, "annotations", json_pack("{s:s}", "org.opencontainers.image.title", "advisories.db.zst"));
	autojson json_t *doc = json_pack("{s:i, s:s, s:s, s:o, s:[o], s:o}", "schemaVersion", 2, "mediaType", MT_MANIFEST, "artifactType", ARTIFACT_TYPE, "config",
					 descriptor(MT_EMPTY, empty, 2),
					 "layers", layer, "annotations", annotations);
	char *text = json_dumps(doc, JSON_INDENT(1));
	if (!text)
		error_set(err, ERR_INPUT, "%s: names in it are not UTF-8", db);
	return text;
}

int artifact_push(struct arena *a, const struct reference *name, const char *store, const char *db, const struct registry_options *opt, struct artifact *ret, struct error *err)
{
	struct artifact art = { .name = reference_text(a, name) };
	struct registry_options writing = *opt;
	struct digest empty = digest_bytes(DIGEST_SHA256, STR("{}"));
	struct registry *r;
	struct outfile o;
	writing.push = true;
	if (!name->tag || name->digest.alg)
		return error_set(err, ERR_USAGE, "%s: what is pushed is named by a tag", art.name);
	const char *dir = arena_printf(a, "%s/feeds", store);
	if (file_mkdirs(dir, err) < 0 || outfile_open(&o, arena_printf(a, "%s/push.zst", dir), err) < 0)
		return -1;
	int e = pack(db, &o, &art, err);
	char *text = e == 0 ? manifest_text(db, &art, &empty, err) : NULL;
	if (!text || registry_open(name, &writing, &r, err) < 0) {
		free(text);
		outfile_abort(&o);
		return -1;
	}
	progress_begin("sending", art.size);
	e = registry_push_blob(r, o.fd, art.size, (struct str){ NULL, 0 }, &art.layer, err);
	progress_end();
	art.news = e == 0;
	if (e >= 0)
		e = registry_push_blob(r, -1, 0, STR("{}"), &empty, err);
	if (e >= 0)
		e = registry_push_manifest(r, name->tag, MT_MANIFEST, str_of(text), NULL, err);
	art.manifest = digest_bytes(DIGEST_SHA256, str_of(text));
	registry_close(r);
	outfile_abort(&o);
	free(text);
	if (e < 0)
		return strstr(err->text, name->path) ? -1 : error_wrap(err, "%s", art.name);
	*ret = art;
	return 0;
}
