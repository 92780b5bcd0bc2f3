/* What is to be copied: from the document that the location names down to its blobs. Nothing is written here. */
#include "copy/tree.h"
#include "base/hash.h"
#include "base/text.h"

static u32 hash_of(const struct digest *d) { return (u32)hash64(str_n(d, sizeof *d), hash_seed) | 1; }

static u32 doc_at(struct copy_job *j, const struct digest *before)
{
	u32 h = hash_of(before);
	for (u32 at = h, id; (id = hashtab_next(&j->known, h, &at));)
		if (digest_eq(&j->docs[id - 1].before, before))
			return id;
	return 0;
}

struct copy_doc *copy_find(struct copy_job *j, const struct digest *before)
{
	u32 id = doc_at(j, before);
	return id ? &j->docs[id - 1] : NULL;
}

struct copy_blob *copy_blob_of(struct copy_job *j, const struct digest *d, struct error *err)
{
	u32 h = hash_of(d);
	for (u32 at = h, id; (id = hashtab_next(&j->blob_of, h, &at));)
		if (digest_eq(&j->blobs[id - 1].d.digest, d))
			return &j->blobs[id - 1];
	if (j->n_blobs >= COPY_BLOBS) {
		error_set(err, ERR_INPUT, "more than %u blobs", COPY_BLOBS);
		return NULL;
	}
	struct copy_blob b = { .d = { .media_type = "", .digest = *d } };
	VEC_PUSH(j->blobs, j->n_blobs, j->cap_blobs, b);
	hashtab_add(&j->blob_of, h, j->n_blobs);
	return &j->blobs[j->n_blobs - 1];
}

bool copy_foreign(const json_t *descriptor)
{
	const char *type = json_text(descriptor, "mediaType");
	return type && layer_type_of(type).foreign && json_array_size(json_arr(descriptor, "urls")) > 0;
}

/* What kind of document it is, by its media type, else by its form. */
static void classify(const json_t *doc, struct document *d, bool *index, bool *manifest)
{
	if (!d->type[0]) {
		const char *own = json_text(doc, "mediaType");
		const char *type = own && strlen(own) < sizeof d->type ? own : json_arr(doc, "manifests") ? MT_INDEX : json_arr(doc, "layers") ? MT_MANIFEST : "";
		snprintf(d->type, sizeof d->type, "%s", type);
	}
	*index = media_type_is_index(d->type) || (!media_type_is_manifest(d->type) && json_arr(doc, "manifests"));
	*manifest = !*index && (media_type_is_manifest(d->type) || (json_obj(doc, "config") && json_arr(doc, "layers")));
}

struct level { /* of the way down from a document to its leaves */
	struct copy_doc doc;
	struct arena arena;
	struct index index;
	u32 next; /* child to look at */
};

static int fetch(struct copy_job *j, const struct descriptor *d, struct document *ret, struct error *err)
{
	char text[DIGEST_TEXT];
	if (d->bad)
		return error_set(err, ERR_INPUT, "%s", d->bad);
	int r = repo_document(j->from, digest_text(&d->digest, text), ret, err);
	if (r > 0)
		return error_set(err, ERR_INPUT, "%s: an index names %s, which is not there", repo_name(j->from), text);
	if (r == 0 && ret->bytes.n != d->size) {
		document_free(ret);
		return error_set(err, ERR_INPUT, "%s: %s: %zu bytes, its descriptor says %llu", repo_name(j->from), text, ret->bytes.n, (unsigned long long)d->size);
	}
	if (r == 0 && d->media_type[0] && strlen(d->media_type) < sizeof ret->type)
		snprintf(ret->type, sizeof ret->type, "%s", d->media_type);
	return r;
}

/* Takes the document; what it is an index of is in l->index then. */
static int enter(struct copy_job *j, struct level *l, struct document *d, struct error *err)
{
	*l = (struct level){ .doc = { .doc = *d, .before = d->digest } };
	*d = (struct document){ 0 };
	struct document *own = &l->doc.doc;
	j->doc_bytes += own->bytes.n;
	if (j->n_docs >= COPY_DOCUMENTS || j->doc_bytes > COPY_DOCUMENT_BYTES)
		return error_set(err, ERR_INPUT, "more than %u documents, or %s of them", COPY_DOCUMENTS, TEXT_SIZE(COPY_DOCUMENT_BYTES));
	if (strncmp(own->type, MT_DOCKER_SCHEMA1, strlen(MT_DOCKER_SCHEMA1)) == 0)
		return error_set(err, ERR_INPUT, "%s: Docker's manifests of schema 1 are not supported", DIGEST_STR(&own->digest));
	autojson json_t *doc = json_read_limit(buf_str(&own->bytes), REPO_DOCUMENT_MAX, DIGEST_STR(&own->digest), err);
	if (!doc)
		return -1;
	bool manifest;
	struct manifest m;
	classify(doc, own, &l->doc.index, &manifest);
	if (l->doc.index && index_parse(&l->arena, doc, &l->index, err) < 0)
		return error_wrap(err, "index %s", DIGEST_STR(&own->digest));
	if (manifest && manifest_parse(&l->arena, doc, &m, err) < 0)
		return error_wrap(err, "manifest %s", DIGEST_STR(&own->digest));
	return 0;
}

static u32 leave(struct copy_job *j, struct level *l)
{
	arena_free(&l->arena);
	u32 at = j->n_docs;
	VEC_PUSH(j->docs, j->n_docs, j->cap_docs, l->doc);
	hashtab_add(&j->known, hash_of(&l->doc.before), j->n_docs);
	return at;
}

static bool above(const struct level *way, u32 depth, const struct digest *d)
{
	for (u32 i = 0; i <= depth; i++)
		if (digest_eq(&way[i].doc.before, d))
			return true;
	return false;
}

int copy_add(struct copy_job *j, struct document *d, bool referrer, u32 *ret, struct error *err)
{
	u32 known = doc_at(j, &d->digest);
	if (known) {
		document_free(d);
		*ret = known - 1;
		return 0;
	}
	struct level way[OCI_NESTED_MAX + 1];
	u32 depth = 0, at = 0;
	int r = enter(j, &way[0], d, err);
	way[0].doc.referrer = referrer;
	while (r == 0) {
		struct level *l = &way[depth];
		if (l->next == l->index.n) {
			at = leave(j, l);
			if (depth-- == 0) {
				*ret = at;
				return 0;
			}
			continue;
		}
		const struct descriptor *c = &l->index.manifests[l->next++];
		struct document child;
		if (!c->bad && doc_at(j, &c->digest))
			continue;
		if (!c->bad && above(way, depth, &c->digest))
			r = error_set(err, ERR_INPUT, "index %s names itself", DIGEST_STR(&c->digest));
		else if (depth == OCI_NESTED_MAX)
			r = error_set(err, ERR_INPUT, "indexes inside indexes: more than %d deep", OCI_NESTED_MAX);
		else
			r = fetch(j, c, &child, err);
		if (r < 0)
			break;
		r = enter(j, &way[++depth], &child, err);
		way[depth].doc.attestation = c->attestation || l->doc.attestation;
		way[depth].doc.referrer = referrer;
	}
	for (u32 i = 0; i <= depth; i++) {
		document_free(&way[i].doc.doc);
		arena_free(&way[i].arena);
	}
	return -1;
}

/* --- the image of a platform --- */
struct choice {
	struct platform want;
	bool forced;
	int score;
	u32 seen;
	struct descriptor best, only;
	struct buf platforms;
};

static void consider(struct choice *c, const struct descriptor *d)
{
	if (d->bad || d->attestation || (d->media_type[0] && !media_type_is_manifest(d->media_type)))
		return;
	bool known = d->platform.arch[0] || d->platform.os[0];
	int score = known ? platform_match(&c->want, &d->platform) : !c->forced;
	if (c->seen++ == 0)
		c->only = *d;
	if (score > c->score) {
		c->score = score;
		c->best = *d;
	}
	if (known)
		platform_list(&d->platform, &c->platforms);
}

/* Every image that the index and those inside it name. */
static int consider_all(struct copy_job *j, struct choice *c, const struct document *top, struct error *err)
{
	struct { struct descriptor d; u32 depth; } *queue = NULL;
	u32 n = 0, cap = 0;
	int r = 0;
	for (u32 next = 0; r == 0; next++) {
		struct document inner = { 0 };
		const struct document *d = top;
		if (next) {
			r = fetch(j, &queue[next - 1].d, &inner, err);
			d = &inner;
		}
		u32 depth = next ? queue[next - 1].depth : 0;
		struct index x = { 0 };
		json_t *doc = r == 0 ? json_read_limit(buf_str(&d->bytes), REPO_DOCUMENT_MAX, DIGEST_STR(&d->digest), err) : NULL;
		if (r == 0 && (!doc || index_parse(&j->own, doc, &x, err) < 0))
			r = doc ? error_wrap(err, "index %s", DIGEST_STR(&d->digest)) : -1;
		json_decref(doc);
		document_free(&inner);
		for (u32 i = 0; r == 0 && i < x.n; i++) {
			if (!media_type_is_index(x.manifests[i].media_type) || x.manifests[i].bad) {
				consider(c, &x.manifests[i]);
				continue;
			}
			if (depth == OCI_NESTED_MAX || n == COPY_DOCUMENTS)
				r = error_set(err, ERR_INPUT, "indexes inside indexes: more than %d deep, or %u of them", OCI_NESTED_MAX, COPY_DOCUMENTS);
			else
				VEC_PUSH(queue, n, cap, ((__typeof__(*queue)){ x.manifests[i], depth + 1 }));
		}
		if (next == n)
			break;
	}
	free(queue);
	return r;
}

static int choose(struct copy_job *j, struct document *top, struct document *ret, struct error *err)
{
	struct choice c = { .want = platform_host(), .forced = j->opt->platform != NULL };
	char text[100];
	if (j->opt->platform && platform_parse(str_of(j->opt->platform), &c.want, err) < 0)
		return -1;
	int r = consider_all(j, &c, top, err);
	if (r == 0 && c.score == 0 && c.seen == 1 && !c.forced) {
		c.best = c.only; /* the only one there is, if for another machine */
		c.score = 1;
	}
	if (r == 0 && c.score == 0)
		r = error_set(err, ERR_USAGE, "%s: nothing for %s; there is: %s (--platform, or --all)", repo_name(j->from), platform_text(&c.want, text), c.platforms.n ? c.platforms.p : "no image");
	buf_free(&c.platforms);
	if (r == 0)
		r = fetch(j, &c.best, ret, err);
	if (r == 0) {
		j->result->platforms = c.seen;
		j->result->platform = arena_strdup(j->a, str_of(platform_text(&c.best.platform, text)));
	}
	return r;
}

/* Of an image that is chosen from an index, either may be what is signed: the index names the image by its digest. What could not be asked refuses nothing: that is said first. */
static int allowed(struct copy_job *j, const struct document *chosen, const struct document *index, struct error *err)
{
	const struct copy_options *o = j->opt;
	struct error e = { 0 }, other = { 0 };
	if (!o->allowed || o->allowed(o->ctx, j->from, chosen, &e) == 0 || (index && o->allowed(o->ctx, j->from, index, &other) == 0))
		return 0;
	*err = index && e.kind == ERR_INPUT && other.kind != ERR_INPUT ? other : e;
	return -1;
}

/* One image by itself, where a platform was asked for: its configuration says which it is of. */
static int suits(struct copy_job *j, const json_t *doc, struct error *err)
{
	struct arena a = { 0 };
	struct platform want;
	struct manifest m;
	struct config c;
	char is[100], wanted[100];
	int r = platform_parse(str_of(j->opt->platform), &want, err);
	if (r == 0 && copy_is_image(doc)) {
		r = manifest_parse(&a, doc, &m, err) < 0 ? -1 : copy_config(j, &m.config, &a, &c, err);
		if (r == 0 && c.platform.arch[0] && !platform_match(&want, &c.platform))
			r = error_set(err, ERR_USAGE, "%s: nothing for %s; there is: %s (--platform)", repo_name(j->from), platform_text(&want, wanted), platform_text(&c.platform, is));
	}
	arena_free(&a);
	return r;
}

int copy_gather(struct copy_job *j, struct error *err)
{
	struct document top, chosen = { 0 };
	int r = repo_document(j->from, NULL, &top, err);
	if (r > 0)
		return error_set(err, ERR_ENV, "%s: there is no such image", repo_name(j->from));
	if (r < 0)
		return -1;
	bool index = false, manifest;
	json_t *doc = json_read_limit(buf_str(&top.bytes), REPO_DOCUMENT_MAX, repo_name(j->from), err);
	if (doc)
		classify(doc, &top, &index, &manifest);
	r = !doc ? -1 : !index && j->opt->platform ? suits(j, doc, err) : 0;
	json_decref(doc);
	bool one = index && !j->opt->all;
	if (r == 0 && one)
		r = choose(j, &top, &chosen, err);
	if (r == 0)
		r = allowed(j, one ? &chosen : &top, one ? &top : NULL, err);
	if (r == 0)
		r = copy_add(j, one ? &chosen : &top, false, &j->top, err);
	document_free(&chosen);
	document_free(&top);
	return r;
}

/* --- what refers to it --- */
static int refer(struct copy_job *j, u32 doc, struct error *err)
{
	struct digest subject = j->docs[doc].before;
	json_t *list = repo_referrers(j->from, &subject, NULL, err);
	struct index x;
	if (!list)
		return -1;
	struct arena a = { 0 };
	int r = index_parse(&a, list, &x, err);
	json_decref(list);
	for (u32 i = 0; r == 0 && i < x.n; i++) {
		struct document d = { 0 };
		u32 at;
		if (!x.manifests[i].bad && doc_at(j, &x.manifests[i].digest))
			continue;
		r = fetch(j, &x.manifests[i], &d, err);
		if (r == 0)
			r = copy_add(j, &d, true, &at, err);
		document_free(&d);
	}
	arena_free(&a);
	return r < 0 ? error_wrap(err, "what refers to %s", DIGEST_STR(&subject)) : 0;
}

static int cosign(struct copy_job *j, u32 doc, struct error *err)
{
	static const char *const ends[] = { "sig", "att", "sbom" };
	char text[DIGEST_TEXT], tag[DIGEST_TEXT + 8];
	digest_text(&j->docs[doc].before, text);
	*strchr(text, ':') = '-';
	for (size_t i = 0; i < countof(ends); i++) {
		struct document d = { 0 };
		u32 at;
		snprintf(tag, sizeof tag, "%s.%s", text, ends[i]);
		int r = repo_document(j->from, tag, &d, err);
		if (r == 0)
			r = copy_add(j, &d, true, &at, err);
		else if (r > 0)
			continue;
		if (r < 0)
			return error_wrap(err, "%s", tag);
		j->docs[at].tag = arena_strdup(&j->own, str_of(tag));
	}
	return 0;
}

int copy_referrers(struct copy_job *j, struct error *err)
{
	u32 done = 0;
	for (u32 depth = 0; done < j->n_docs; depth++) {
		u32 end = j->n_docs;
		if (depth > OCI_NESTED_MAX)
			return error_set(err, ERR_INPUT, "what refers to what refers to …: more than %d deep", OCI_NESTED_MAX);
		for (; done < end; done++) {
			if (refer(j, done, err) < 0 || cosign(j, done, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- blobs --- */
static int name(struct copy_job *j, const struct descriptor *d, struct error *err)
{
	if (d->bad)
		return error_set(err, ERR_INPUT, "%s", d->bad);
	struct copy_blob *b = copy_blob_of(j, &d->digest, err);
	if (!b)
		return -1;
	if ((b->named || b->spooled) && b->d.size != d->size)
		return error_set(err, ERR_INPUT, "%s: of two sizes", DIGEST_STR(&d->digest));
	b->d.size = d->size;
	if (!b->named && !b->d.media_type[0])
		b->d.media_type = arena_strdup(&j->own, str_of(d->media_type));
	b->named = true;
	return 0;
}

static int names(struct copy_job *j, const struct copy_doc *c, struct error *err)
{
	struct manifest m;
	autojson json_t *doc = json_read_limit(buf_str(&c->doc.bytes), REPO_DOCUMENT_MAX, DIGEST_STR(&c->doc.digest), err);
	if (!doc)
		return -1;
	if (c->index || !json_obj(doc, "config"))
		return 0;
	struct arena a = { 0 };
	int r = manifest_parse(&a, doc, &m, err);
	if (r == 0)
		r = name(j, &m.config, err);
	for (u32 i = 0; r == 0 && i < m.n; i++)
		if (!copy_foreign(json_array_get(json_arr(doc, "layers"), i)))
			r = name(j, &m.layers[i], err);
	arena_free(&a);
	return r < 0 ? error_wrap(err, "manifest %s", DIGEST_STR(&c->doc.digest)) : 0;
}

int copy_name_blobs(struct copy_job *j, struct error *err)
{
	for (u32 i = 0; i < j->n_docs; i++) {
		if (j->docs[i].dropped)
			continue;
		j->result->manifests++;
		j->result->referrers += j->docs[i].referrer;
		if (names(j, &j->docs[i], err) < 0)
			return -1;
	}
	for (u32 i = 0; i < j->n_blobs; i++)
		j->result->blobs += j->blobs[i].named;
	return 0;
}
