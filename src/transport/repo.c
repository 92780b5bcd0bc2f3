#include "transport/repo.h"
#include <unistd.h>

struct kind {
	const char *transport;
	int (*open)(const char *detail, const struct repo_options *opt, struct repo **ret, struct error *err);
};
static const struct kind kinds[] = {
	{ "docker", repo_registry_open },
	{ "oci", repo_layout_open },
	{ "oci-archive", repo_archive_open },
	{ "pare", repo_store_open },
	{ NULL, NULL },
};

/* "docker://REF" has two slashes more than the others; "docker:27" is an image of that name. */
static const char *detail_of(const char *location, const char *transport)
{
	size_t n = strlen(transport);
	if (strncmp(location, transport, n) != 0 || location[n] != ':')
		return NULL;
	location += n + 1;
	if (strcmp(transport, "docker") != 0)
		return location;
	return strncmp(location, "//", 2) == 0 ? location + 2 : NULL;
}

/* A bare path to a directory that says it is a layout. */
static bool is_layout(const char *path)
{
	struct buf marker = BUF(0);
	buf_printf(&marker, "%s/oci-layout", path);
	bool yes = access(marker.p, F_OK) == 0;
	buf_free(&marker);
	return yes;
}

int repo_open(const char *location, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	bool layout = !strchr(location, ':') && is_layout(location);
	for (const struct kind *k = kinds; k->transport; k++) {
		const char *detail = layout && strcmp(k->transport, "oci") == 0 ? location : layout ? NULL : detail_of(location, k->transport);
		if (!detail)
			continue;
		if (!detail[0])
			return error_set(err, ERR_USAGE, "%s: nothing stands behind the colon", location);
		int r = k->open(detail, opt, ret, err);
		if (r == 0)
			(*ret)->write = opt->write || opt->erase;
		return r;
	}
	return 1;
}

struct repo *repo_new(size_t size, const struct repo_ops *ops)
{
	struct repo *r = xcalloc(1, size);
	r->ops = ops;
	r->name = "";
	return r;
}

void repo_close(struct repo *r)
{
	if (!r)
		return;
	r->ops->close(r);
	arena_free(&r->arena);
	free(r);
}

void repo_give_up(struct repo *r)
{
	if (r)
		r->given_up = true;
}

const char *repo_name(const struct repo *r) { return r->name; }
bool repo_nameless(const struct repo *r) { return r->nameless; }
const char *repo_transport(const struct repo *r) { return r->ops->transport; }
const char *repo_registry(const struct repo *r) { return r->registry; }
const char *repo_path(const struct repo *r) { return r->path; }
const char *repo_dir(const struct repo *r) { return r->dir; }

void document_free(struct document *d)
{
	buf_free(&d->bytes);
	*d = (struct document){ 0 };
}

/* --- documents --- */
/* What a document says it is: its mediaType, else what its fields show. */
static void type_of(struct document *d)
{
	autojson json_t *doc = json_read_limit(buf_str(&d->bytes), REPO_DOCUMENT_MAX, "document", NULL);
	const char *mt = doc ? json_text(doc, "mediaType") : NULL;
	if (!mt && doc)
		mt = json_arr(doc, "manifests") ? MT_INDEX : json_obj(doc, "config") ? MT_MANIFEST : NULL;
	if (mt && strlen(mt) < sizeof d->type)
		snprintf(d->type, sizeof d->type, "%s", mt);
}

int repo_document(struct repo *r, const char *which, struct document *ret, struct error *err)
{
	struct document d = { .bytes = BUF(REPO_DOCUMENT_MAX) };
	struct digest wanted = { 0 };
	if (which && strncmp(which, "sha", 3) == 0 && strchr(which, ':') && digest_parse(str_of(which), &wanted, err) < 0) /* tags of layouts may hold a colon */
		return -1;
	int status = r->ops->document(r, which, &d, err);
	if (status == 0 && d.bytes.over)
		status = error_set(err, ERR_INPUT, "%s: a manifest of over %zu bytes", r->name, REPO_DOCUMENT_MAX);
	if (status == 0) {
		/* What the place says the digest is holds as well, when it says one. */
		const struct digest *said = wanted.alg ? &wanted : d.digest.alg ? &d.digest : NULL;
		struct digest have = digest_bytes(said ? (enum digest_alg)said->alg : DIGEST_SHA256, buf_str(&d.bytes));
		if (said && !digest_eq(said, &have))
			status = error_set(err, ERR_INPUT, "%s: the manifest %s has the digest %s", r->name, DIGEST_STR(said), DIGEST_STR(&have));
		d.digest = have;
	}
	if (status != 0) {
		document_free(&d);
		return status;
	}
	d.type[sizeof d.type - 1] = '\0';
	if (!media_type_is_index(d.type) && !media_type_is_manifest(d.type))
		type_of(&d);
	*ret = d;
	return 0;
}

static int writable(const struct repo *r, bool can, struct error *err)
{
	if (can && r->write)
		return 0;
	return can ? error_set(err, ERR_USAGE, "%s: was opened to read only", r->name) : error_set(err, ERR_USAGE, "%s: %s: places can't be written to", r->name, r->ops->transport);
}

int repo_expects(const struct repo *r, struct str bytes, struct error *err)
{
	if (!r->named.alg)
		return 0;
	struct digest d = digest_bytes((enum digest_alg)r->named.alg, bytes);
	return digest_eq(&d, &r->named) ? 0 : error_set(err, ERR_USAGE, "%s: what would stand there is %s", r->name, DIGEST_STR(&d));
}

int repo_put_document(struct repo *r, const char *tag, const char *type, struct str bytes, struct digest *ret, struct error *err)
{
	if (writable(r, r->ops->put_document != NULL, err) < 0)
		return -1;
	if (bytes.n > REPO_DOCUMENT_MAX)
		return error_set(err, ERR_INPUT, "%s: a manifest of %zu bytes is over %zu, what registries take", r->name, bytes.n, REPO_DOCUMENT_MAX);
	struct digest wanted = { .alg = !tag && r->named.alg ? r->named.alg : DIGEST_SHA256 };
	if (!tag && repo_expects(r, bytes, err) < 0)
		return -1;
	bool by_digest = tag && strchr(tag, ':');
	if (by_digest && digest_parse(str_of(tag), &wanted, err) < 0)
		return -1;
	struct digest d = digest_bytes((enum digest_alg)wanted.alg, bytes);
	if (by_digest && !digest_eq(&d, &wanted))
		return error_set(err, ERR_INPUT, "%s: the manifest has the digest %s, not %s", r->name, DIGEST_STR(&d), tag);
	tag = by_digest ? "" : tag;
	if (r->ops->put_document(r, tag, type, bytes, &d, err) < 0)
		return -1;
	if (ret)
		*ret = d;
	return 0;
}

/* --- blobs --- */
static int usable(const struct repo *r, const struct descriptor *d, struct error *err)
{
	if (d->bad || d->digest.alg == DIGEST_NONE)
		return error_set(err, ERR_INPUT, "%s: %s", r->name, d->bad ? d->bad : "a descriptor without a digest");
	return 0;
}

int repo_blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	if (usable(r, d, err) < 0)
		return -1;
	if (from > d->size)
		return error_set(err, ERR_INPUT, "%s: %s has %llu bytes, none at %llu", r->name, DIGEST_STR(&d->digest), (unsigned long long)d->size, (unsigned long long)from);
	return r->ops->blob(r, d, from, ret, err);
}

int repo_has(struct repo *r, const struct descriptor *d, struct error *err)
{
	return usable(r, d, err) < 0 ? -1 : r->ops->has(r, d, err);
}

int repo_put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	if (usable(r, d, err) < 0 || writable(r, r->ops->put_blob != NULL, err) < 0)
		return -1;
	enum put did = PUT_SENT;
	if (r->ops->put_blob(r, d, from, &did, err) < 0)
		return -1;
	if (how)
		*how = did;
	return 0;
}

/* --- lists --- */
json_t *repo_referrers(struct repo *r, const struct digest *subject, const char *type, struct error *err)
{
	json_t *doc = r->ops->referrers ? r->ops->referrers(r, subject, err) : json_pack("{sis[]}", "schemaVersion", 2, "manifests");
	json_t *list = doc ? json_arr(doc, "manifests") : NULL;
	if (doc && (!list || json_array_size(list) > REPO_REFERRERS_MAX)) {
		error_set(err, ERR_INPUT, "%s: referrers of %s: %s", r->name, DIGEST_STR(subject), list ? "too many" : "no index");
		json_decref(doc);
		return NULL;
	}
	for (size_t i = list && type ? json_array_size(list) : 0; i-- > 0;) {
		const char *t = json_text(json_array_get(list, i), "artifactType");
		if (!t || strcmp(t, type) != 0)
			json_array_remove(list, i);
	}
	return doc;
}

int repo_tags(struct repo *r, int (*f)(void *ctx, const char *tag, struct error *err), void *ctx, struct error *err) { return r->ops->tags(r, f, ctx, err); }

int repo_delete(struct repo *r, const char *which, struct error *err)
{
	if (writable(r, r->ops->erase != NULL, err) < 0)
		return -1;
	return r->ops->erase(r, which, err);
}
