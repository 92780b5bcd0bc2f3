/* Another format, another compression: documents are written anew where that changes them, from the leaves up, so that each names what became of what it named. Configurations stay
 * as they are, and with them the image's ID; diff IDs stay, and are held against what was recompressed. */
#include "copy/tree.h"

/* What happened to one document, for people. */
struct told {
	bool types, annotations, subject, attestations;
	bool was[COMP_BZIP2 + 1]; /* layers of this compression were recompressed */
	bool any;
};

struct made { /* a layer that was recompressed before */
	struct digest from;
	struct descriptor to;
	enum compression was;
};

struct converter {
	struct copy_job *j;
	struct made *made;
	u32 n_made, cap_made;
	bool docker; /* the format that is made, of the document at hand */
};

static void set_text(json_t *o, const char *key, const char *value) { json_object_set_new(o, key, json_string(value)); }

static bool set_type(json_t *o, const char *type)
{
	const char *old = json_text(o, "mediaType");
	if (old && strcmp(old, type) == 0)
		return false;
	set_text(o, "mediaType", type);
	return true;
}

static void set_target(json_t *o, const struct digest *d, u64 size)
{
	set_text(o, "digest", DIGEST_STR(d));
	json_object_set_new(o, "size", json_integer((json_int_t)size));
	json_object_del(o, "data"); /* the bytes themselves, of what it was */
}

static bool drop(json_t *o, const char *key) { return json_object_get(o, key) && json_object_del(o, key) == 0; }

/* Tables of contents of a compressed layer (eStargz, zstd:chunked) mean nothing to another one. */
static void drop_tables(json_t *layer)
{
	static const char *const prefixes[] = { "containerd.io/snapshot/stargz/", "io.containers.estargz.", "io.github.containers.zstd-chunked." };
	json_t *a = json_obj(layer, "annotations"), *value;
	const char *key;
	void *next;
	if (!a)
		return;
	json_object_foreach_safe (a, next, key, value)
		for (size_t i = 0; i < countof(prefixes); i++)
			if (str_starts(str_of(key), str_of(prefixes[i]))) {
				json_object_del(a, key);
				break;
			}
	if (json_object_size(a) == 0)
		json_object_del(layer, "annotations");
}

/* --- the diff IDs --- */
int copy_config(struct copy_job *j, const struct descriptor *d, struct arena *a, struct config *ret, struct error *err)
{
	struct stream *s;
	struct buf text = BUF(COPY_CONFIG_MAX);
	struct str view;
	if (d->size > COPY_CONFIG_MAX)
		return error_set(err, ERR_INPUT, "configuration %s: %llu bytes are too many", DIGEST_STR(&d->digest), (unsigned long long)d->size);
	int r = repo_blob(j->from, d, 0, &s, err);
	if (r < 0)
		return -1;
	while ((r = stream_next(s, &view, err)) == 0 && view.n)
		buf_add(&text, view);
	stream_close(s);
	json_t *doc = r == 0 ? json_read(buf_str(&text), "configuration", err) : NULL;
	r = doc ? config_parse(a, doc, ret, err) : -1;
	json_decref(doc);
	buf_free(&text);
	return r;
}

static int recompress(struct converter *c, const struct descriptor *layer, const struct digest *expected, struct made *ret, struct error *err)
{
	struct copy_job *j = c->j;
	for (u32 i = 0; i < c->n_made; i++)
		if (digest_eq(&c->made[i].from, &layer->digest)) {
			*ret = c->made[i];
			return 0;
		}
	struct stream *s;
	struct digest diff_id;
	struct made m = { .from = layer->digest, .was = layer_type_of(layer->media_type).compression };
	if (repo_blob(j->from, layer, 0, &s, err) < 0 || layer_make(j, s, j->opt->compression, &m.to, &diff_id, err) < 0)
		return error_wrap(err, "layer %.19s", DIGEST_STR(&layer->digest));
	if (expected && expected->alg == DIGEST_SHA256 && !digest_eq(&diff_id, expected))
		return error_set(err, ERR_INPUT, "layer %.19s: its diff ID is %s, the configuration says %s", DIGEST_STR(&layer->digest), DIGEST_STR(&diff_id), DIGEST_STR(expected));
	VEC_PUSH(c->made, c->n_made, c->cap_made, m);
	*ret = m;
	return 0;
}

static bool to_recompress(const struct copy_job *j, const struct digest *d, const struct layer_type *t)
{
	for (u32 i = 0; i < j->opt->n_keep; i++)
		if (digest_eq(&j->opt->keep[i], d))
			return false;
	return j->opt->recompress && t->known && !t->foreign && (t->compression != j->opt->compression || j->opt->level);
}

static int convert_layer(struct converter *c, json_t *layer, const struct descriptor *d, const struct digest *diff_id, struct told *told, struct error *err)
{
	struct layer_type t = layer_type_of(d->media_type);
	if (!t.known)
		return c->docker ? error_set(err, ERR_INPUT, "layer of type %.100s: Docker's format has none like it", d->media_type) : 0;
	if (to_recompress(c->j, &d->digest, &t)) {
		struct made m;
		if (recompress(c, d, diff_id, &m, err) < 0)
			return -1;
		t.compression = c->j->opt->compression;
		if (!digest_eq(&m.to.digest, &d->digest)) {
			set_target(layer, &m.to.digest, m.to.size);
			drop_tables(layer);
			told->was[m.was] = told->any = true;
		}
	}
	bool other = t.docker != c->docker;
	t.docker = c->docker;
	const char *type = layer_type_text(&t);
	if (!type)
		return error_set(err, ERR_USAGE, "Docker's format has no layers of %s: say --format oci, or --compression gzip", compression_name(t.compression));
	if (set_type(layer, type))
		told->any = true;
	told->types |= other;
	if (c->docker && drop(layer, "annotations"))
		told->annotations = told->any = true;
	return 0;
}

static int convert_layers(struct converter *c, json_t *doc, struct told *told, struct error *err)
{
	struct arena a = { 0 };
	struct manifest m;
	struct config config = { 0 };
	bool again = false;
	int r = manifest_parse(&a, doc, &m, err);
	for (u32 i = 0; r == 0 && i < m.n; i++) {
		struct layer_type t = layer_type_of(m.layers[i].media_type);
		if (m.layers[i].bad)
			r = error_set(err, ERR_INPUT, "layer %u: %s", i, m.layers[i].bad);
		again |= to_recompress(c->j, &m.layers[i].digest, &t);
	}
	if (r == 0 && again)
		r = copy_config(c->j, &m.config, &a, &config, err);
	for (u32 i = 0; r == 0 && i < m.n; i++)
		r = convert_layer(c, json_array_get(json_arr(doc, "layers"), i), &m.layers[i], config.n_diff_ids == m.n ? &config.diff_ids[i] : NULL, told, err);
	arena_free(&a);
	return r;
}

bool copy_is_image(const json_t *doc)
{
	const char *type = json_text(json_obj(doc, "config"), "mediaType");
	return type && (strcmp(type, MT_CONFIG) == 0 || strcmp(type, MT_DOCKER_CONFIG) == 0);
}

static int convert_manifest(struct converter *c, json_t *doc, struct told *told, struct error *err)
{
	if (!copy_is_image(doc))
		return c->docker ? error_set(err, ERR_INPUT, "is no image: Docker's format has nothing for it") : 0;
	if (convert_layers(c, doc, told, err) < 0)
		return -1;
	if (set_type(doc, c->docker ? MT_DOCKER_MANIFEST : MT_MANIFEST) | set_type(json_obj(doc, "config"), c->docker ? MT_DOCKER_CONFIG : MT_CONFIG))
		told->types = told->any = true;
	if (c->docker && (drop(doc, "annotations") | drop(json_obj(doc, "config"), "annotations")))
		told->annotations = told->any = true;
	if (c->docker && (drop(doc, "subject") | drop(doc, "artifactType")))
		told->subject = told->any = true;
	return 0;
}

/* What an attestation is of, by its new digest. */
static void follow(struct copy_job *j, json_t *entry, struct told *told)
{
	static const char key[] = "vnd.docker.reference.digest";
	json_t *a = json_obj(entry, "annotations");
	struct str text = json_view(a, key);
	struct digest d;
	if (!text.p || digest_parse(text, &d, NULL) < 0)
		return;
	const struct copy_doc *of = copy_find(j, &d);
	if (of && !digest_eq(&of->doc.digest, &d)) {
		set_text(a, key, DIGEST_STR(&of->doc.digest));
		told->any = true;
	}
}

static int convert_index(struct converter *c, json_t *doc, struct told *told, struct error *err)
{
	struct copy_job *j = c->j;
	json_t *list = json_arr(doc, "manifests");
	if (set_type(doc, c->docker ? MT_DOCKER_LIST : MT_INDEX))
		told->types = told->any = true;
	for (size_t i = 0; i < json_array_size(list);) {
		json_t *entry = json_array_get(list, i);
		struct digest d;
		struct str text = json_view(entry, "digest");
		const struct copy_doc *child = text.p && digest_parse(text, &d, NULL) == 0 ? copy_find(j, &d) : NULL;
		if (!child)
			return error_set(err, ERR_INPUT, "an entry that names nothing");
		if (child->dropped) {
			json_array_remove(list, i);
			told->attestations = told->any = true;
			continue;
		}
		if (c->docker && child->index)
			return error_set(err, ERR_INPUT, "an index inside an index: Docker's format has no such thing");
		if (!digest_eq(&child->doc.digest, &d)) {
			set_target(entry, &child->doc.digest, child->doc.bytes.n);
			set_type(entry, child->doc.type);
			told->any = true;
		}
		if (c->docker && drop(entry, "annotations"))
			told->annotations = told->any = true;
		else
			follow(j, entry, told);
		i++;
	}
	if (c->docker && drop(doc, "annotations"))
		told->annotations = told->any = true;
	if (c->docker && (drop(doc, "subject") | drop(doc, "artifactType")))
		told->subject = told->any = true;
	return 0;
}

static void tell(const struct told *t, const struct copy_job *j, const struct copy_doc *c, bool docker, struct buf *out)
{
	const char *sep = "";
	for (int k = COMP_NONE; k <= COMP_BZIP2; k++)
		if (t->was[k]) {
			buf_printf(out, "%slayers recompressed from %s to %s", sep, compression_name((enum compression)k), compression_name(j->opt->compression));
			sep = "; ";
		}
	if (t->types)
		buf_printf(out, "%smedia types %s", sep, docker ? "of Docker" : "of OCI"), sep = "; ";
	if (t->annotations)
		buf_printf(out, "%sannotations dropped", sep), sep = "; ";
	if (t->subject)
		buf_printf(out, "%swhat it refers to dropped", sep), sep = "; ";
	if (t->attestations)
		buf_printf(out, "%sattestations dropped", sep), sep = "; ";
	if (!out->n)
		buf_puts(out, c->index ? "names what became of its images" : "");
}

int copy_change_add(struct copy_job *j, const struct digest *before, const struct digest *after, const char *what, struct error *err)
{
	struct copy_result *r = j->result;
	(void)err;
	if (r->n_changes == j->cap_changes) {
		struct copy_change *more = arena_array(j->a, struct copy_change, MAX(8u, 2 * j->cap_changes));
		if (r->n_changes)
			memcpy(more, r->changes, r->n_changes * sizeof *more);
		r->changes = more;
		j->cap_changes = MAX(8u, 2 * j->cap_changes);
	}
	r->changes[r->n_changes++] = (struct copy_change){ *before, *after, arena_strdup(j->a, str_of(what)) };
	return 0;
}

static int replace(struct converter *c, struct copy_doc *d, const json_t *doc, const struct told *told, struct error *err)
{
	struct copy_job *j = c->j;
	struct arena a = { 0 };
	struct str text = sink_dump(&a, doc);
	int r = text.n > REPO_DOCUMENT_MAX ? error_set(err, ERR_INPUT, "%zu bytes: more than a registry takes", text.n) : 0;
	if (r == 0) {
		const char *type = json_text(doc, "mediaType");
		struct buf what = BUF(0);
		buf_clear(&d->doc.bytes);
		buf_add(&d->doc.bytes, text);
		snprintf(d->doc.type, sizeof d->doc.type, "%s", type ? type : "");
		d->doc.digest = digest_bytes(DIGEST_SHA256, text);
		tell(told, j, d, c->docker, &what);
		r = copy_change_add(j, &d->before, &d->doc.digest, buf_str(&what).p, err);
		buf_free(&what);
	}
	arena_free(&a);
	return r;
}

static int convert(struct converter *c, struct copy_doc *d, struct error *err)
{
	const enum copy_format f = c->j->opt->format;
	autojson json_t *doc = json_read_limit(buf_str(&d->doc.bytes), REPO_DOCUMENT_MAX, "document", err);
	struct told told = { 0 };
	if (!doc)
		return -1;
	c->docker = f == COPY_DOCKER || (f == COPY_AS_IT_IS && (strcmp(d->doc.type, MT_DOCKER_LIST) == 0 || strcmp(d->doc.type, MT_DOCKER_MANIFEST) == 0));
	if (f == COPY_DOCKER && d->attestation) {
		d->dropped = true;
		return 0;
	}
	if (f == COPY_AS_IT_IS && !json_text(doc, "mediaType")) /* that it says nothing is no reason to change it */
		set_text(doc, "mediaType", d->doc.type);
	int r = d->index ? convert_index(c, doc, &told, err) : convert_manifest(c, doc, &told, err);
	return r == 0 && told.any ? replace(c, d, doc, &told, err) : r;
}

int convert_all(struct copy_job *j, struct error *err)
{
	struct converter c = { .j = j };
	int r = 0;
	if (j->opt->format == COPY_AS_IT_IS && !j->opt->recompress)
		return 0;
	for (u32 i = 0; r == 0 && i < j->n_docs; i++)
		if (convert(&c, &j->docs[i], err) < 0)
			r = error_wrap(err, "%s %.19s", j->docs[i].index ? "index" : "manifest", DIGEST_STR(&j->docs[i].before));
	free(c.made);
	return r;
}
