/* store_documents.c — manifests and indexes: what they name has to be there. */
#include "base/json.h"
#include "store/db.h"

static int add_name(struct names *to, const json_t *desc, enum named kind, struct error *err)
{
	struct name n = { .kind = kind };
	struct str text = json_view(desc, "digest");
	if (!text.p)
		return error_set(err, ERR_INPUT, "a descriptor without a digest");
	if (digest_parse(text, &n.digest, err) < 0)
		return -1;
	VEC_PUSH(to->v, to->n, to->cap, n);
	return 0;
}

/* Layers that come from elsewhere (Windows' base layers) need not be kept. */
static bool from_elsewhere(const json_t *desc)
{
	const char *mt = json_text(desc, "mediaType");
	json_t *urls = json_arr(desc, "urls");
	return (urls && json_array_size(urls)) || (mt && (strstr(mt, ".foreign.") || strstr(mt, ".nondistributable.")));
}

static int add_all(struct names *to, const json_t *list, bool index, struct error *err)
{
	size_t n = json_array_size(list);
	if (n > (index ? (size_t)OCI_MANIFESTS_MAX : (size_t)OCI_LAYERS_MAX))
		return error_set(err, ERR_INPUT, "%zu descriptors: too many", n);
	for (size_t i = 0; i < n; i++) {
		json_t *desc = json_array_get(list, i);
		if (add_name(to, desc, index || from_elsewhere(desc) ? NAMED_MAYBE : NAMED, err) < 0)
			return -1;
	}
	return 0;
}

int names_read(struct str bytes, const char *type, struct names *ret, struct error *err)
{
	struct names n = { 0 };
	autojson json_t *doc = json_read(bytes, "manifest", err);
	if (!doc)
		return -1;
	json_t *manifests = json_arr(doc, "manifests"), *layers = json_arr(doc, "layers"), *config = json_obj(doc, "config"), *subject = json_obj(doc, "subject");
	const char *own = json_text(doc, "mediaType");
	snprintf(n.type, sizeof n.type, "%s", type && type[0] ? type : own ? own : manifests ? MT_INDEX : MT_MANIFEST);
	bool index = media_type_is_index(n.type) || (!media_type_is_manifest(n.type) && manifests);
	int r = 0;
	if (index ? !manifests : !config)
		r = error_set(err, ERR_INPUT, "no %s: it has no %s", index ? "index" : "manifest", index ? "manifests" : "config");
	r = r < 0 || index ? r : add_name(&n, config, NAMED, err);
	if (r == 0 && (index || layers))
		r = add_all(&n, index ? manifests : layers, index, err);
	struct str s = subject ? json_view(subject, "digest") : (struct str){ 0 };
	if (r == 0 && s.p)
		r = digest_parse(s, &n.subject, err);
	if (r < 0) {
		free(n.v);
		return r;
	}
	*ret = n;
	return 0;
}

int names_record(struct store *s, const struct digest *d, const struct names *names, struct error *err)
{
	int r = db_run(s, err, "DELETE FROM names WHERE parent = ? AND kind < 2", "d", d);
	/* Named twice: having to be there counts. */
	for (u32 i = 0; r == 0 && i < names->n; i++)
		r = db_run(s, err, "INSERT INTO names VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET kind = min(kind, excluded.kind)", "ddi", d, &names->v[i].digest, (s64)names->v[i].kind);
	if (r == 0 && names->subject.alg)
		r = db_run(s, err, "INSERT OR IGNORE INTO names VALUES(?, ?, 2)", "dd", &names->subject, d);
	return r;
}

/* All of them are leased in one go, then looked for. */
static int look(struct store *s, struct names *n, struct error *err)
{
	LOCKED(s);
	struct digest *v = xmalloc((n->n + (size_t)1) * sizeof *v);
	for (u32 i = 0; i < n->n; i++)
		v[i] = n->v[i].digest;
	int r = lease_many(s, v, n->n, err);
	r = r < 0 ? r : store_settle(s, v, n->n, err);
	free(v);
	for (u32 i = 0; r == 0 && i < n->n; i++) {
		int has = store_has(s, &n->v[i].digest, err);
		if (has < 0)
			r = -1;
		else if (has)
			n->v[i].kind = NAMED;
		else if (n->v[i].kind == NAMED)
			r = error_set(err, ERR_INPUT, "names %s, which is not in the store", DIGEST_STR(&n->v[i].digest));
	}
	return r;
}

int store_add_document(struct store *s, const char *type, struct str bytes, struct digest *ret, struct error *err)
{
	struct digest d = digest_bytes(DIGEST_SHA256, bytes);
	struct names n;
	struct ingest in;
	u64 size;
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	if (bytes.n > STORE_DOCUMENT_MAX)
		return error_set(err, ERR_INPUT, "a manifest of %zu bytes: over %zu", bytes.n, STORE_DOCUMENT_MAX);
	if (names_read(bytes, type, &n, err) < 0)
		return error_wrap(err, "manifest %s", DIGEST_STR(&d));
	int r = look(s, &n, err);
	if (r < 0)
		error_wrap(err, "manifest %s", DIGEST_STR(&d));
	r = r < 0 ? r : store_lease(s, &d, err);
	r = r < 0 ? r : ingest_begin(s, &d, &in, err);
	r = r < 0 ? r : ingest_fill(&in, &d, bytes.n, 0, stream_memory(bytes), &size, err);
	r = r < 0 ? r : ingest_admit(s, &in, &d, size, &n, err);
	free(n.v);
	if (r == 0 && ret)
		*ret = d;
	return r;
}

/* --- referrers --- */
static int describe(struct store *s, sqlite3_stmt *q, json_t *list, struct error *err)
{
	struct digest d;
	struct buf bytes = BUF(STORE_DOCUMENT_MAX);
	if (db_digest(q, 0, &d, err) < 0)
		return -1;
	autojson json_t *doc = store_document(s, &d, &bytes, err) == 0 ? json_read(buf_str(&bytes), "manifest", err) : NULL;
	u64 size = bytes.n;
	buf_free(&bytes);
	if (!doc)
		return -1;
	json_t *desc = json_object(), *config = json_obj(doc, "config"), *annotations = json_obj(doc, "annotations");
	const char *type = json_text(doc, "artifactType"), *config_type = config ? json_text(config, "mediaType") : NULL;
	json_object_set_new(desc, "mediaType", json_string(db_text(q, 1)));
	json_object_set_new(desc, "digest", json_string(db_text(q, 0)));
	json_object_set_new(desc, "size", json_integer((json_int_t)size));
	if (type || config_type)
		json_object_set_new(desc, "artifactType", json_string(type ? type : config_type));
	if (annotations)
		json_object_set(desc, "annotations", annotations);
	json_array_append_new(list, desc);
	return 0;
}

json_t *store_referrers(struct store *s, const struct digest *subject, struct error *err)
{
	json_t *list = json_array();
	int r = 0;
	if (s->db) {
		LOCKED(s);
		autoquery sqlite3_stmt *q = db_ask(s, err, "SELECT digest, type FROM blobs JOIN names ON child = digest WHERE parent = ? AND kind = 2 AND type IS NOT NULL ORDER BY digest", "d", subject);
		r = q ? 1 : -1;
		while (r == 1 && (r = db_row(s, q, err)) == 1)
			r = describe(s, q, list, err) < 0 ? -1 : 1;
	}
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{siss so}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list);
}
