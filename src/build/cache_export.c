/* cache_export.c — the cache of other machines: a manifest whose configuration holds the records and whose layers are those of the records, in an OCI layout or a registry.
 *
 *	{"version":1,"steps":[{"key":"sha256:…","instruction":"build 3/7 RUN make","layer":{"digest":…,"diffID":…,"size":…,"plain":…,"compression":"gzip"}|null}, …],
 *	 "mounts":[{"what":{…},"layer":{…}}, …]}
 *
 * What the steps were made of is not in it: values of arguments stay here. */
#include "base/file.h"
#include "base/jsonwalk.h"
#include "build/cache_in.h"
#include "build/fields.h"
#include "layer/stream.h"
#include "oci/manifest.h"
#include <errno.h>
#include <unistd.h>

#define STEP_MAX (64 * KiB)

/* --- "type=local,dest=DIR,mode=max" --- */
struct spec {
	const char *type, *ref, *dir, *tag, *mode;
	bool lenient; /* ignore-error=true */
	bool mounts;  /* mounts=true: cache mounts go along */
	bool insecure; /* registry.insecure=true */
};

static int spec_field(const struct field *f, bool export, struct spec *s, struct error *err)
{
	bool format = true;
	if (str_is(f->key, "type"))
		s->type = f->text;
	else if (str_is(f->key, "ref"))
		s->ref = f->text;
	else if (str_is(f->key, export ? "dest" : "src"))
		s->dir = f->text;
	else if (str_is(f->key, "tag"))
		s->tag = f->text;
	else if (export && str_is(f->key, "mode") && !str_among(f->value, "min max"))
		return error_set(err, ERR_USAGE, "mode=%.60s: min or max", f->text);
	else if (export && str_is(f->key, "mode"))
		s->mode = f->text;
	else if (export && str_is(f->key, "ignore-error"))
		return field_true(f, &s->lenient, err);
	else if (str_is(f->key, "mounts"))
		return field_true(f, &s->mounts, err);
	else if (str_is(f->key, "registry.insecure"))
		return field_true(f, &s->insecure, err);
	else if (export && str_is(f->key, "compression") && !str_is(f->value, "gzip"))
		return error_set(err, ERR_USAGE, "compression=%.60s: layers of a cache stay as they are stored, which is gzip", f->text);
	else if (export && str_among(f->key, "oci-mediatypes image-manifest"))
		return field_true(f, &format, err) < 0 ? -1 : format ? 0 : error_set(err, ERR_USAGE, "%.*s=false: it is an OCI image manifest", STR_FMT(f->key));
	else if (!(export && str_is(f->key, "compression")))
		return error_set(err, ERR_USAGE, "%.*s: there are type, ref, %s, tag, mounts, registry.insecure%s", STR_FMT(f->key), export ? "dest" : "src", export ? ", mode, ignore-error" : "");
	return 0;
}

/* Docker's old form is a mere reference. */
static int spec_read(struct arena *a, const char *text, bool export, struct spec *s, struct error *err)
{
	struct str rest = str_of(text);
	struct field f;
	*s = (struct spec){ .type = "registry", .tag = "latest", .mode = "min" };
	if (!strchr(text, '='))
		s->ref = text;
	while (strchr(text, '=') && field_next(a, &rest, &f))
		if (spec_field(&f, export, s, err) < 0)
			return -1;
	bool local = strcmp(s->type, "local") == 0;
	if (!local && strcmp(s->type, "registry") != 0)
		return error_set(err, ERR_USAGE, "type=%.60s: there are type=local and type=registry", s->type);
	const char *where = local ? s->dir : s->ref;
	return where && where[0] ? 0 : error_set(err, ERR_USAGE, "%.200s: say %s=…", text, local ? (export ? "dest" : "src") : "ref");
}

static const char *place_of(struct arena *a, const struct spec *s)
{
	return strcmp(s->type, "local") == 0 ? arena_printf(a, "oci:%s:%s", s->dir, s->tag) : arena_printf(a, "docker://%s", s->ref);
}

/* --- export --- */
struct exporting {
	struct build_cache *c;
	struct repo *repo;
	const struct build_layer *layer;
	struct str text;
};

static int open_layer(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	struct exporting *e = ctx;
	return store_blob(e->c->store, &e->layer->digest, from, ret, NULL, err);
}

static int open_text(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	struct exporting *e = ctx;
	(void)err;
	*ret = stream_memory(str_from(e->text, (size_t)from));
	return 0;
}

static json_t *descriptor(const char *type, const struct digest *d, u64 size)
{
	json_t *j = json_object();
	json_object_set_new(j, "mediaType", json_string(type));
	json_object_set_new(j, "digest", json_string(DIGEST_STR(d)));
	json_object_set_new(j, "size", json_integer((json_int_t)size));
	return j;
}

static bool listed(const json_t *layers, const struct digest *d)
{
	size_t i;
	json_t *one;
	json_array_foreach(layers, i, one)
		if (strcmp(json_text(one, "digest"), DIGEST_STR(d)) == 0)
			return true;
	return false;
}

static int by_key(const void *a, const void *b)
{
	const struct cache_record *x = a, *y = b;
	return memcmp(&x->key, &y->key, sizeof x->key);
}

static int send_layer(struct exporting *e, const struct cache_record *r, json_t *layers, struct error *err)
{
	enum put how;
	e->layer = &r->layer;
	if (!r->changed || listed(layers, &e->layer->digest))
		return 0;
	struct descriptor d = { .media_type = layer_type(e->layer), .digest = e->layer->digest, .size = e->layer->size };
	struct blob_from from = { .open = open_layer, .ctx = e, .sound = true };
	if (repo_put_blob(e->repo, &d, &from, &how, err) < 0)
		return -1;
	json_array_append_new(layers, descriptor(d.media_type, &d.digest, d.size));
	return 0;
}

/* Every layer is sent; *layers and *steps get what says so. */
static int send_steps(struct exporting *e, const struct cache_record *v, u32 n, json_t *layers, json_t *steps, struct error *err)
{
	for (u32 i = 0; i < n; i++) {
		json_t *step = json_object();
		json_object_set_new(step, "key", json_string(DIGEST_STR(&v[i].key)));
		json_t *name = json_string(v[i].instruction);
		json_object_set_new(step, "instruction", name ? name : json_string(""));
		json_object_set_new(step, "layer", cache_layer_json(&v[i]));
		json_array_append_new(steps, step);
		if (send_layer(e, &v[i], layers, err) < 0)
			return -1;
	}
	return 0;
}

static int send_mounts(struct exporting *e, json_t *layers, json_t *mounts, struct error *err)
{
	struct cache_mount_record *v;
	u32 n;
	int r = cache_mounts_pack(e->c, &v, &n, err);
	for (u32 i = 0; i < n; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "what", v[i].what);
		json_object_set_new(one, "layer", cache_layer_json(&v[i].r));
		json_array_append_new(mounts, one);
		r = r < 0 ? r : send_layer(e, &v[i].r, layers, err);
	}
	free(v);
	return r;
}

static int send_all(struct exporting *e, const struct cache_record *v, u32 n, bool with_mounts, struct error *err)
{
	enum put how;
	json_t *layers = json_array(), *doc = json_object(), *steps = json_array(), *mounts = json_array(), *manifest = json_object();
	json_object_set_new(doc, "version", json_integer(1));
	json_object_set_new(doc, "steps", steps);
	json_object_set_new(doc, "mounts", mounts);
	int r = send_steps(e, v, n, layers, steps, err);
	if (r == 0 && with_mounts)
		r = send_mounts(e, layers, mounts, err);
	autofree char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	e->text = str_of(text ? text : "");
	struct descriptor d = { .media_type = CACHE_DOCUMENT, .digest = digest_bytes(DIGEST_SHA256, e->text), .size = e->text.n };
	struct blob_from from = { .open = open_text, .ctx = e, .sound = true };
	r = r < 0 ? r : repo_put_blob(e->repo, &d, &from, &how, err);
	json_object_set_new(manifest, "schemaVersion", json_integer(2));
	json_object_set_new(manifest, "mediaType", json_string(MT_MANIFEST));
	json_object_set_new(manifest, "config", descriptor(CACHE_DOCUMENT, &d.digest, d.size));
	json_object_set_new(manifest, "layers", layers);
	autofree char *bytes = json_dumps(manifest, JSON_COMPACT);
	json_decref(manifest);
	r = r < 0 ? r : repo_put_document(e->repo, NULL, MT_MANIFEST, str_of(bytes ? bytes : ""), NULL, err);
	return r;
}

static int export_to(struct build_cache *c, struct arena *a, const struct spec *s, struct error *err)
{
	struct exporting e = { .c = c };
	struct repo_options o = c->repo;
	u32 n = 0;
	o.write = true;
	o.plain_http |= s->insecure;
	o.tls_verify_off |= s->insecure;
	if (repo_open(place_of(a, s), &o, &e.repo, err) != 0)
		return err->kind ? -1 : error_set(err, ERR_USAGE, "%s: is no place for a cache", place_of(a, s));
	pthread_mutex_lock(&c->lock);
	struct cache_record *v = arena_array(a, struct cache_record, c->n + 1);
	for (u32 i = 0; i < c->n; i++)
		if (c->v[i].ships || strcmp(s->mode, "max") == 0)
			v[n++] = c->v[i].r;
	pthread_mutex_unlock(&c->lock);
	qsort(v, n, sizeof *v, by_key);
	int r = send_all(&e, v, n, s->mounts, err);
	if (r < 0)
		repo_give_up(e.repo);
	repo_close(e.repo);
	return r;
}

int cache_check(const char *text, bool export, struct error *err)
{
	struct arena a = { 0 };
	struct spec s;
	int r = spec_read(&a, text, export, &s, err);
	arena_free(&a);
	return r < 0 ? error_wrap(err, export ? "--cache-to" : "--cache-from") : 0;
}

int cache_export(struct build_cache *c, const char *text, struct error *err)
{
	struct arena a = { 0 };
	struct spec s;
	struct error e = { 0 };
	int r = spec_read(&a, text, true, &s, err);
	if (r == 0 && export_to(c, &a, &s, &e) < 0) {
		r = s.lenient ? 0 : error_set(err, e.kind, "%s", e.text);
	}
	arena_free(&a);
	return r < 0 ? error_wrap(err, "--cache-to") : 0;
}

/* --- import --- */
static void read_step(struct str value, struct arena *a, struct cache_record *v, u32 *n)
{
	struct cache_record r = { 0 };
	autojson json_t *j = json_read_limit(value, STEP_MAX, "step", &(struct error){ 0 });
	const char *name = j ? json_text(j, "instruction") : NULL;
	if (!j || digest_parse(json_view(j, "key"), &r.key, NULL) < 0 || !json_object_get(j, "layer") || !cache_layer_read(json_object_get(j, "layer"), &r))
		return;
	r.instruction = arena_strdup(a, str_of(name ? name : ""));
	v[(*n)++] = r;
}

int cache_records_read(struct str text, struct arena *a, struct cache_record **ret, u32 *n, struct error *err)
{
	struct json_walk doc, steps;
	struct str key, value, all = { 0 };
	u32 count = 0;
	bool one = false;
	if (!json_walk_open(text, &doc) || !doc.object)
		return error_set(err, ERR_INPUT, "is no cache of a build");
	while (json_walk_next(&doc, &key, &value)) {
		one = one || (str_is(key, "version") && str_is(value, "1"));
		if (str_is(key, "steps"))
			all = value;
	}
	if (doc.bad || !one || !all.n || !json_walk_open(all, &steps) || steps.object)
		return error_set(err, ERR_INPUT, "is no cache of a build");
	while (json_walk_next(&steps, &key, &value))
		if (++count > CACHE_STEPS_MAX)
			return error_set(err, ERR_INPUT, "more than %u steps", CACHE_STEPS_MAX);
	if (steps.bad || !json_walk_open(all, &steps))
		return error_set(err, ERR_INPUT, "is no cache of a build");
	struct cache_record *v = arena_array(a, struct cache_record, count + 1);
	*n = 0;
	while (json_walk_next(&steps, &key, &value))
		read_step(value, a, v, n);
	if (*n)
		qsort(v, *n, sizeof *v, by_key);
	*ret = v;
	return 0;
}

/* The cache mounts that a document has along with its records; NULL: none. */
static json_t *mounts_in(struct str text)
{
	struct json_walk doc;
	struct str key, value;
	json_t *ret = NULL;
	if (json_walk_open(text, &doc) && doc.object)
		while (json_walk_next(&doc, &key, &value))
			if (str_is(key, "mounts") && !ret)
				ret = json_read(value, "mounts", &(struct error){ 0 });
	return ret;
}

static int read_documents(struct build_cache *c, struct repo *r, struct arena *a, bool with_mounts, struct cache_import *im, struct error *err)
{
	struct document doc = { 0 };
	struct manifest m;
	struct stream *s = NULL;
	struct buf text = BUF(JSON_BYTES);
	struct str view;
	int there = repo_document(r, NULL, &doc, err);
	if (there != 0)
		return there < 0 ? -1 : error_set(err, ERR_INPUT, "is not there");
	autojson json_t *j = json_read(buf_str(&doc.bytes), "manifest", err);
	int ok = j ? manifest_parse(a, j, &m, err) : -1;
	document_free(&doc);
	if (ok == 0 && (m.config.bad || strcmp(m.config.media_type, CACHE_DOCUMENT) != 0))
		ok = error_set(err, ERR_INPUT, "is no cache of a build that can be read here");
	if (ok == 0 && m.config.size > JSON_BYTES)
		ok = error_set(err, ERR_INPUT, "its records have %llu bytes", (unsigned long long)m.config.size);
	ok = ok < 0 ? ok : repo_blob(r, &m.config, 0, &s, err);
	while (ok == 0 && (ok = stream_next(s, &view, err)) == 0 && view.n && !text.over)
		buf_add(&text, view);
	stream_close(s);
	ok = ok < 0 ? ok : cache_records_read(buf_str(&text), a, &im->v, &im->n, err);
	if (ok == 0 && with_mounts) {
		autojson json_t *mounts = mounts_in(buf_str(&text));
		im->repo = r;
		ok = cache_mounts_unpack(c, im, mounts, err);
	}
	buf_free(&text);
	return ok;
}

int cache_import(struct build_cache *c, const char *text, struct buf *note, struct error *err)
{
	struct spec s;
	struct error e = { 0 };
	struct repo *r = NULL;
	if (spec_read(&c->a, text, false, &s, err) < 0)
		return error_wrap(err, "--cache-from");
	struct repo_options o = c->repo;
	o.plain_http |= s.insecure;
	o.tls_verify_off |= s.insecure;
	struct cache_import *im = arena_new(&c->a, struct cache_import);
	const char *place = place_of(&c->a, &s);
	int ok = strcmp(s.type, "local") == 0 && access(s.dir, F_OK) < 0 ? error_errno(&e, "%s", s.dir) : repo_open(place, &o, &r, &e) == 0 ? read_documents(c, r, &c->a, s.mounts, im, &e) : -1;
	if (ok < 0) {
		buf_printf(note, "--cache-from %s: %s", text, e.text[0] ? e.text : "is no place for a cache");
		repo_close(r);
		return 0;
	}
	im->repo = r;
	im->name = place;
	for (struct cache_import **at = &c->imports;; at = &(*at)->next)
		if (!*at) {
			*at = im;
			break;
		}
	return 0;
}

/* The bytes have the digest that the record names; that they are the content it speaks of is seen here. */
static int check_content(struct build_cache *c, struct build_layer *l, struct error *err)
{
	struct stream *plain;
	struct tap *tap;
	struct str view;
	u64 n = 0;
	enum compression kind;
	if (layer_open(c->store, &l->digest, &plain, &kind, err) < 0)
		return -1;
	plain = stream_tap(plain, DIGEST_SHA256, &tap);
	int r;
	while ((r = stream_next(plain, &view, err)) == 0 && view.n)
		n += view.n;
	if (r == 0) {
		struct digest d = tap_digest(tap);
		if (!digest_eq(&d, &l->diff_id) || kind != l->compression)
			r = error_set(err, ERR_INPUT, "%s: its content is not %s", DIGEST_STR(&l->digest), DIGEST_STR(&l->diff_id));
		l->plain = n;
	}
	stream_close(plain);
	return r;
}

int cache_fetch(struct build_cache *c, struct cache_import *im, struct build_layer *l, struct error *err)
{
	struct stream *s;
	struct descriptor d = { .media_type = layer_type(l), .digest = l->digest, .size = l->size };
	int there = store_has(c->store, &l->digest, err);
	if (there < 0)
		return -1;
	if (!there && (repo_blob(im->repo, &d, 0, &s, err) < 0 || store_add_blob(c->store, &l->digest, l->size, 0, s, err) < 0))
		return -1;
	return check_content(c, l, err);
}

bool cache_import_find(struct build_cache *c, const struct digest *key, struct cache_record *ret)
{
	struct cache_record want = { .key = *key };
	for (struct cache_import *im = c->imports; im; im = im->next) {
		const struct cache_record *r = im->n ? bsearch(&want, im->v, im->n, sizeof want, by_key) : NULL;
		struct error e = { 0 };
		struct build_layer l = r ? r->layer : (struct build_layer){ 0 };
		if (!r || (r->changed && cache_fetch(c, im, &l, &e) < 0)) /* what cannot be had, or is not what it says, is done here */
			continue;
		*ret = *r;
		ret->layer = l;
		return true;
	}
	return false;
}

void cache_imports_close(struct build_cache *c)
{
	for (struct cache_import *im = c->imports; im; im = im->next)
		repo_close(im->repo);
	c->imports = NULL;
}
