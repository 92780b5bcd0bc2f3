#include "store/about.h"
#include "base/buf.h"
#include "base/json.h"
#include "store/db.h"

static const char *const none[] = { NULL };

static json_t *document(struct store *s, const struct digest *d)
{
	struct buf bytes = BUF(STORE_DOCUMENT_MAX);
	struct error e = { 0 };
	json_t *doc = store_document(s, d, &bytes, &e) == 0 ? json_read(buf_str(&bytes), "document", &e) : NULL;
	buf_free(&bytes);
	return doc;
}

static const char *const *labels_of(struct arena *a, const struct config *c)
{
	u32 n = 0;
	while (c->label_keys && c->label_keys[n])
		n++;
	const char **v = arena_array(a, const char *, n + 1);
	for (u32 i = 0; i < n; i++)
		v[i] = arena_printf(a, "%s=%s", c->label_keys[i], c->label_values[i]);
	return v;
}

/* One manifest: its configuration says the platform. */
static bool read_manifest(struct store *s, const struct digest *d, struct arena *a, struct platform *platform, struct store_about *ret)
{
	struct error e = { 0 };
	struct manifest m;
	struct config c;
	autojson json_t *doc = document(s, d);
	if (!doc || manifest_parse(a, doc, &m, &e) < 0)
		return false;
	autojson json_t *config = document(s, &m.config.digest);
	if (!config || config_parse(a, config, &c, &e) < 0)
		return true; /* an artefact */
	*platform = c.platform;
	if (!ret->config.alg) {
		ret->config = m.config.digest;
		ret->labels = labels_of(a, &c);
	}
	return true;
}

/* Unlike store_has() without a lease: who only looks must not hold what a prune is about to remove. */
static int is_absent(struct store *s, const struct digest *d, struct error *err)
{
	s64 one;
	LOCKED(s);
	return s->db ? db_number(s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", d) : 1;
}

int store_about(struct store *s, const struct store_ref *ref, struct arena *a, struct store_about *ret, struct error *err)
{
	*ret = (struct store_about){ .labels = none };
	if (!media_type_is_index(ref->type)) {
		struct platform p = { 0 };
		if (read_manifest(s, &ref->digest, a, &p, ret) && p.os[0])
			ret->platforms[ret->n_platforms++] = p;
		return 0;
	}
	struct index index;
	struct error e = { 0 };
	autojson json_t *doc = document(s, &ref->digest);
	if (!doc || index_parse(a, doc, &index, &e) < 0)
		return 0;
	for (u32 i = 0; i < index.n; i++) {
		const struct descriptor *d = &index.manifests[i];
		if (d->bad || d->attestation)
			continue;
		struct platform p = d->platform;
		int absent = is_absent(s, &d->digest, err);
		if (absent < 0)
			return -1;
		if (absent || !read_manifest(s, &d->digest, a, &p, ret))
			ret->n_absent++;
		else if (ret->n_platforms < ABOUT_PLATFORMS && p.os[0])
			ret->platforms[ret->n_platforms++] = p;
	}
	return 0;
}

static int each_part(struct store *s, int (*f)(void *, const struct digest *, const struct digest *, u64, bool, struct error *), void *ctx, struct error *err)
{
	autoquery sqlite3_stmt *q = db_ask(s, err,
		"WITH RECURSIVE mine(r, d) AS (SELECT DISTINCT digest, digest FROM refs UNION SELECT r, child FROM mine JOIN names ON parent = d), "
		"held(d) AS (SELECT digest FROM leases UNION SELECT child FROM held JOIN names ON parent = d) "
		"SELECT r, blobs.digest, size, EXISTS (SELECT 1 FROM held WHERE held.d = blobs.digest) FROM mine JOIN blobs ON blobs.digest = mine.d ORDER BY 1, 2", "");
	int r = q ? 1 : -1;
	while (r == 1 && (r = db_row(s, q, err)) == 1) {
		struct digest root, blob;
		s64 size = sqlite()->column_int64(q, 2);
		if (db_digest(q, 0, &root, err) < 0 || db_digest(q, 1, &blob, err) < 0 || f(ctx, &root, &blob, size < 0 ? 0 : (u64)size, sqlite()->column_int64(q, 3) != 0, err) < 0)
			r = -1;
	}
	return r;
}

int store_each_part(struct store *s, int (*f)(void *, const struct digest *, const struct digest *, u64, bool, struct error *), void *ctx, struct error *err)
{
	LOCKED(s);
	struct buf gone = BUF(0);
	u32 reaped = 0;
	if (!s->db)
		return 0;
	/* Leases of processes that died don't count: they are forgotten for the moment of the look. Where nothing can be written all of them count. */
	bool change = !db_still(s);
	int r = change ? db_begin(s, err) : 0;
	if (r == 0) {
		r = change ? lease_reap(s, &gone, &reaped, err) : 0;
		r = r < 0 ? r : each_part(s, f, ctx, err);
		if (change && db_commit(s, -1, NULL) < 0) { /* undone, as it is meant to be */
		}
	}
	buf_free(&gone);
	return r;
}
