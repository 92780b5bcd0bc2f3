/* A repository of a registry as a place that keeps content under its digest. */
#include "base/json.h"
#include "transport/registries.h"
#include "transport/registry.h"
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define ACCEPT MT_MANIFEST ", " MT_INDEX ", " MT_DOCKER_MANIFEST ", " MT_DOCKER_LIST
#define FALLBACK_TRIES 16u /* at an index of referrers that others write at the same time */

/* The registry itself is the last of its places; what stands before are mirrors, that are asked first, and only read. Each is opened when it is wanted. */
struct repo_registry {
	struct repo base;
	struct registries_way way;
	pthread_mutex_t lock; /* of `at` and `out` */
	struct registry *at[REGISTRIES_MIRRORS_MAX + 1];
	bool out[REGISTRIES_MIRRORS_MAX + 1]; /* a mirror that failed, which is not the same as having nothing of a name: it is not asked again */
	struct registry_options opt;
	struct error why;  /* the registry itself could not be had */
	const char *which; /* the digest, else the tag, that the location names */
	const char *where; /* what is put there is called: the tag, else the digest */
};

static struct registry *of(struct repo *r)
{
	struct repo_registry *p = (struct repo_registry *)r;
	return p->at[p->way.n - 1];
}

static int open_place(struct repo_registry *p, u32 i, struct error *err)
{
	const struct registries_place *to = &p->way.place[i];
	struct registry_options opt = p->opt;
	bool mirror = i + 1 < p->way.n;
	opt.fetch.unverified |= to->insecure;
	if (mirror) { /* what was said of the registry is not meant for it */
		opt.push = opt.erase = opt.plain_http = false;
		opt.user = opt.certs = NULL;
		opt.fetch.unverified = to->insecure;
		opt.fetch.attempts = opt.fetch.attempts == 1 ? 1 : 2;
	}
	return registry_open(&(struct reference){ .domain = to->domain, .path = to->path }, &opt, &p->at[i], err);
}

/* The registry itself, opened when it is wanted: mirrors may have all that is. */
static int there(struct repo *r, struct error *err)
{
	struct repo_registry *p = (struct repo_registry *)r;
	pthread_mutex_lock(&p->lock);
	int e = of(r) ? 0 : p->why.kind ? -1 : open_place(p, p->way.n - 1, &p->why);
	if (e < 0)
		*err = p->why;
	pthread_mutex_unlock(&p->lock);
	return e;
}

/* --- reading --- */
/* NULL: it is not to be asked, because it failed before, or fails now and *err says why. */
static struct registry *mirror(struct repo_registry *p, u32 i, struct error *err)
{
	pthread_mutex_lock(&p->lock);
	if (!p->out[i] && !p->at[i])
		p->out[i] = open_place(p, i, err) < 0;
	struct registry *r = p->out[i] ? NULL : p->at[i];
	pthread_mutex_unlock(&p->lock);
	return r;
}

static void is_out(struct repo_registry *p, u32 i)
{
	pthread_mutex_lock(&p->lock);
	p->out[i] = true;
	pthread_mutex_unlock(&p->lock);
}

/* A mirror for tags is meant for images that are named by one, then for all of the image; a mirror for digests for whatever is asked for by its digest. */
static bool may_ask(const struct repo_registry *p, u32 i, bool digest)
{
	enum registries_pull pull = p->way.place[i].pull;
	return pull == PULL_ALL || (pull == PULL_TAG ? !strchr(p->which, ':') : digest);
}

/* Why the registry itself failed, and what kept its mirror from helping. -1. */
static int besides(const struct error *mirror, struct error *err)
{
	struct error own = *err;
	return mirror->kind ? error_set(err, own.kind, "%.500s; its mirror: %.400s", own.text, mirror->text) : -1;
}

static int document(struct repo *repo, const char *which, struct document *ret, struct error *err)
{
	struct repo_registry *p = (struct repo_registry *)repo;
	which = which ? which : p->which;
	bool digest = strchr(which, ':') != NULL;
	struct error first = { 0 };
	for (u32 i = 0; i + 1 < p->way.n && !repo->write; i++) {
		struct error why = { 0 };
		struct registry *m = may_ask(p, i, digest) ? mirror(p, i, &why) : NULL;
		int found = m ? registry_find(m, which, ACCEPT, &ret->bytes, ret->type, &ret->digest, &why) : 1;
		if (found == 0)
			return 0;
		if (found < 0)
			is_out(p, i);
		first = first.kind ? first : why;
		buf_clear(&ret->bytes);
		ret->bytes.over = false;
		ret->digest = (struct digest){ 0 };
	}
	int found = there(repo, err) < 0 ? -1 : registry_find(of(repo), which, ACCEPT, &ret->bytes, ret->type, &ret->digest, err);
	return found < 0 ? besides(&first, err) : found;
}

/* A blob on its way from one place after the other: where a mirror breaks off, the next goes on behind what came. */
struct relay {
	struct stream base;
	struct repo_registry *p;
	struct digest digest;
	u64 size, at;
	u32 place;          /* that is asked now */
	struct error first; /* why one of those before failed in the middle */
	struct stream *from[REGISTRIES_MIRRORS_MAX + 1]; /* kept to the end: views into their buffers may still be looked at (stream.h) */
};

static int relay_open(struct relay *y, struct error *err)
{
	struct repo_registry *p = y->p;
	u32 last = p->way.n - 1;
	for (; y->place < last; y->place++) {
		struct error ignored = { 0 };
		struct registry *m = may_ask(p, y->place, true) ? mirror(p, y->place, &ignored) : NULL;
		if (m && registry_blob_part(m, &y->digest, y->size, y->at, &y->from[y->place], &ignored) == 0)
			return 0;
	}
	return there(&p->base, err) < 0 ? -1 : registry_blob_part(p->at[last], &y->digest, y->size, y->at, &y->from[last], err);
}

static int relay_next(struct stream *s, struct str *view, struct error *err)
{
	struct relay *y = (struct relay *)s;
	for (;;) {
		struct error why = { 0 };
		if (stream_next(y->from[y->place], view, &why) == 0) {
			y->at += view->n;
			return 0;
		}
		bool last = y->place + 1 == y->p->way.n;
		if (!last) {
			is_out(y->p, y->place++);
			y->first = y->first.kind ? y->first : why;
		}
		if (last || relay_open(y, &why) < 0) {
			*err = why;
			return besides(&y->first, err);
		}
	}
}

static void relay_close(struct stream *s)
{
	struct relay *y = (struct relay *)s;
	for (size_t i = 0; i < countof(y->from); i++)
		stream_close(y->from[i]);
	free(y);
}

static const struct stream_ops relay_ops = { relay_next, NULL, relay_close };

static int blob(struct repo *repo, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	struct repo_registry *p = (struct repo_registry *)repo;
	if (p->way.n == 1 || repo->write)
		return there(repo, err) < 0 ? -1 : registry_blob(of(repo), &d->digest, d->size, from, ret, err);
	struct relay *y = xcalloc(1, sizeof *y);
	*y = (struct relay){ .base.ops = &relay_ops, .p = p, .digest = d->digest, .size = d->size, .at = from };
	if (relay_open(y, err) < 0) {
		relay_close(&y->base);
		return -1;
	}
	*ret = from ? &y->base : stream_verified(&y->base, &d->digest, d->size, repo->name, ERR_ENV);
	return 0;
}

static int has(struct repo *repo, const struct descriptor *d, struct error *err)
{
	bool whole = media_type_is_index(d->media_type) || media_type_is_manifest(d->media_type);
	if (there(repo, err) < 0)
		return -1;
	return whole ? registry_has_manifest(of(repo), &d->digest, err) : registry_has_blob(of(repo), &d->digest, err);
}

/* --- tags --- */
struct names {
	char **v;
	u32 n, cap;
	const char *of;
};

static int take_tags(void *ctx, const json_t *page, struct error *err)
{
	struct names *t = ctx;
	size_t i;
	json_t *item;
	json_array_foreach(json_arr(page, "tags"), i, item) {
		const char *name = json_string_value(item);
		if (!name || !name[0] || strlen(name) > 128)
			continue;
		if (t->n >= REPO_TAGS_MAX)
			return error_set(err, ERR_INPUT, "%s: over %u tags", t->of, REPO_TAGS_MAX);
		VEC_PUSH(t->v, t->n, t->cap, xstrdup(name));
	}
	return 0;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int tags(struct repo *repo, int (*f)(void *ctx, const char *tag, struct error *err), void *ctx, struct error *err)
{
	struct names t = { .of = repo->name };
	int e = there(repo, err);
	e = e < 0 ? e : registry_pages(of(repo), "tags/list?n=1000", NULL, take_tags, &t, err);
	if (e > 0)
		e = error_set(err, ERR_ENV, "%s: there is no such repository, or it lists no tags", registry_name(of(repo)));
	if (t.n)
		qsort(t.v, t.n, sizeof *t.v, by_name);
	for (u32 i = 0; e == 0 && i < t.n; i++)
		if (!i || strcmp(t.v[i - 1], t.v[i]) != 0)
			e = f(ctx, t.v[i], err);
	for (u32 i = 0; i < t.n; i++)
		free(t.v[i]);
	free(t.v);
	return e;
}

/* --- referrers --- */
struct lists {
	json_t *list;
	const char *of;
};

static int take_referrers(void *ctx, const json_t *page, struct error *err)
{
	struct lists *l = ctx;
	size_t i;
	json_t *item;
	if (!json_arr(page, "manifests"))
		return error_set(err, ERR_INPUT, "%s: referrers: what came is no index", l->of);
	json_array_foreach(json_arr(page, "manifests"), i, item) {
		if (json_array_size(l->list) >= REPO_REFERRERS_MAX)
			return error_set(err, ERR_INPUT, "%s: over %u referrers of one manifest", l->of, REPO_REFERRERS_MAX);
		json_array_append(l->list, item);
	}
	return 0;
}

static json_t *index_of(json_t *list) { return json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", list); }

/* The tag that holds the referrers where a registry does not list them itself: "sha256-HEX". */
static const char *fallback(const struct digest *subject, char out[DIGEST_TEXT])
{
	digest_text(subject, out);
	*strchr(out, ':') = '-';
	return out;
}

/* 1: there is none. The index, the caller's. */
static int read_fallback(struct repo *repo, const struct digest *subject, json_t **ret, struct error *err)
{
	struct buf text = BUF(REPO_DOCUMENT_MAX);
	char tag[DIGEST_TEXT], type[128];
	struct digest d;
	int e = registry_find(of(repo), fallback(subject, tag), ACCEPT, &text, type, &d, err);
	json_t *doc = e == 0 ? json_read_limit(buf_str(&text), REPO_DOCUMENT_MAX, tag, err) : NULL;
	buf_free(&text);
	if (e == 0 && (!doc || !json_arr(doc, "manifests"))) {
		e = doc ? error_set(err, ERR_INPUT, "%s: %s holds referrers, but is no index", registry_name(of(repo)), tag) : -1;
		json_decref(doc);
	} else if (e == 0) {
		*ret = doc;
	}
	return e;
}

/* 1: the registry does not list them. */
static int ask_referrers(struct repo *repo, const struct digest *subject, json_t *list, struct error *err)
{
	struct lists l = { list, registry_name(of(repo)) };
	char what[DIGEST_TEXT + 16];
	snprintf(what, sizeof what, "referrers/%s", DIGEST_STR(subject));
	int e = registry_pages(of(repo), what, MT_INDEX, take_referrers, &l, err);
	return e > 0 ? 1 : e;
}

static json_t *referrers(struct repo *repo, const struct digest *subject, struct error *err)
{
	json_t *list = json_array(), *doc = NULL;
	int e = there(repo, err);
	e = e < 0 ? e : ask_referrers(repo, subject, list, err);
	if (e == 0)
		return index_of(list);
	if (e == 1)
		e = read_fallback(repo, subject, &doc, err);
	if (e == 1)
		return index_of(list);
	json_decref(list);
	return e == 0 ? doc : NULL;
}

static size_t listed(const json_t *list, const char *digest)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_is(json_view(json_array_get(list, i), "digest"), digest))
			return i;
	return SIZE_MAX;
}

static int write_fallback(struct repo *repo, const struct digest *subject, const json_t *doc, struct error *err)
{
	char tag[DIGEST_TEXT];
	autofree char *text = json_dumps(doc, JSON_COMPACT);
	if (!text || strlen(text) > REPO_DOCUMENT_MAX)
		return error_set(err, ERR_INPUT, "%s: the index of referrers gets over %zu bytes", registry_name(of(repo)), REPO_DOCUMENT_MAX);
	return registry_push_manifest(of(repo), fallback(subject, tag), MT_INDEX, str_of(text), NULL, err);
}

static s64 now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (s64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until whoever read the list before we wrote it has written it too: twice what it took us. Not all at the same moment. */
static void let_others_write(s64 since, u32 turn)
{
	s64 wait = MIN(100 + 2 * (now_ms() - since), (s64)3000) + ((s64)getpid() * 37 + (s64)turn * 61) % 100;
	nanosleep(&(struct timespec){ (time_t)(wait / 1000), (long)(wait % 1000) * 1000000 }, NULL);
}

/* The descriptor is in the index of the fallback tag (`in`), or no longer. Others may write it at the same time: it is read back. */
static int list_at_fallback(struct repo *repo, const struct digest *subject, json_t *descriptor, bool in, struct error *err)
{
	for (u32 i = 0; i < FALLBACK_TRIES; i++) {
		json_t *doc = NULL;
		s64 since = now_ms();
		int e = read_fallback(repo, subject, &doc, err);
		if (e < 0)
			return -1;
		if (e == 1 && !in)
			return 0;
		autojson json_t *own = e == 1 ? index_of(json_array()) : doc;
		json_t *list = json_arr(own, "manifests");
		size_t at = listed(list, json_text(descriptor, "digest"));
		if ((at != SIZE_MAX) == in)
			return 0;
		if (in)
			json_array_append(list, descriptor);
		else
			json_array_remove(list, at);
		if (json_array_size(list) > REPO_REFERRERS_MAX)
			return error_set(err, ERR_INPUT, "%s: over %u referrers of one manifest", registry_name(of(repo)), REPO_REFERRERS_MAX);
		if (write_fallback(repo, subject, own, err) < 0)
			return -1;
		let_others_write(since, i);
	}
	return error_set(err, ERR_ENV, "%s: the list of referrers is written by others all the time: try again", registry_name(of(repo)));
}

/* --- writing --- */
static int put_blob(struct repo *repo, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	return registry_put_blob(of(repo), &d->digest, d->size, from, how, err);
}

/* The subject of a document, and what is listed of it among the referrers of that. false: it has none. */
static bool subject_of(struct str bytes, const char *type, const struct digest *digest, struct digest *subject, json_t **descriptor)
{
	autojson json_t *doc = json_read_limit(bytes, REPO_DOCUMENT_MAX, "manifest", NULL);
	const json_t *about = doc ? json_obj(doc, "subject") : NULL;
	if (!about || digest_parse(json_view(about, "digest"), subject, NULL) < 0)
		return false;
	const char *artifact = json_text(doc, "artifactType");
	if (!artifact || !artifact[0])
		artifact = json_text(json_obj(doc, "config"), "mediaType");
	*descriptor = json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", DIGEST_STR(digest), "size", (json_int_t)bytes.n);
	if (artifact)
		json_object_set_new(*descriptor, "artifactType", json_string(artifact));
	if (json_obj(doc, "annotations"))
		json_object_set(*descriptor, "annotations", json_obj(doc, "annotations"));
	return true;
}

static int put_document(struct repo *repo, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	char text[DIGEST_TEXT];
	struct digest subject;
	autojson json_t *descriptor = NULL;
	bool lists = false;
	const char *where = !tag ? ((struct repo_registry *)repo)->where : tag[0] ? tag : digest_text(digest, text);
	if (registry_push_manifest(of(repo), where, type, bytes, &lists, err) < 0)
		return -1;
	if (lists || !subject_of(bytes, type, digest, &subject, &descriptor))
		return 0;
	return list_at_fallback(repo, &subject, descriptor, true, err);
}

/* A manifest that is going: when it refers to another, and the registry keeps no list of that, it is taken from the list that a tag holds. */
static int forget_referrer(struct repo *repo, const struct document *d, struct error *err)
{
	struct digest subject;
	autojson json_t *descriptor = NULL, *list = json_array();
	if (!subject_of(buf_str(&d->bytes), d->type, &d->digest, &subject, &descriptor))
		return 0;
	int e = ask_referrers(repo, &subject, list, err);
	return e <= 0 ? e : list_at_fallback(repo, &subject, descriptor, false, err);
}

/* Registries refuse to delete in many ways, some by saying that there is nothing: whether that is so is asked. 1: it is gone; -1: *err has the remedy. */
static int not_erased(struct repo *repo, const char *which, u32 status, struct error *err)
{
	struct document d = { .bytes = BUF(REPO_DOCUMENT_MAX) };
	bool tag = !strchr(which, ':');
	int e = registry_find(of(repo), which, ACCEPT, &d.bytes, d.type, &d.digest, err);
	if (e == 0 && tag)
		e = error_set(err, ERR_ENV, "%s/%s:%s: the registry deletes no tags, or nothing at all (docker-registry: storage.delete.enabled), status %u; pare delete --force-digest %s/%s@%s deletes the manifest with every tag of it",
			      repo->registry, repo->path, which, status, repo->registry, repo->path, DIGEST_STR(&d.digest));
	else if (e == 0)
		e = error_set(err, ERR_ENV, "%s: deleting is switched off in this registry, status %u (docker-registry: storage.delete.enabled; else where the registry is administered)", repo->name, status);
	document_free(&d);
	return e;
}

static int erase(struct repo *repo, const char *which, struct error *err)
{
	struct document d = { .bytes = BUF(REPO_DOCUMENT_MAX) };
	struct error why = { 0 };
	bool tag = !strchr(which, ':');
	u32 status = 0;
	int e = tag ? 1 : registry_find(of(repo), which, ACCEPT, &d.bytes, d.type, &d.digest, &why);
	bool known = e == 0; /* damaged ones go, too: some registries send them as they are, some answer 500; one that is not to be had says so again */
	why = (struct error){ 0 };
	e = registry_delete(of(repo), "manifests", which, &status, &why);
	if (e != 0 && (tag || known) && (status == 400 || status == 404 || status == 405 || status == 501))
		e = not_erased(repo, which, status, err);
	else if (e < 0)
		*err = why;
	if (e == 1 && known) /* it was there a moment ago: the answer to what deleted it got lost */
		e = 0;
	if (e == 0 && known)
		e = forget_referrer(repo, &d, err);
	if (e == 1 && !tag)
		e = registry_delete(of(repo), "blobs", which, &status, err);
	document_free(&d);
	return e;
}

static void close_registry(struct repo *repo)
{
	struct repo_registry *p = (struct repo_registry *)repo;
	for (u32 i = 0; i < p->way.n; i++)
		registry_close(p->at[i]);
	pthread_mutex_destroy(&p->lock);
}

static const struct repo_ops ops = { "docker", document, blob, has, put_blob, put_document, referrers, tags, erase, close_registry };

int repo_registry_open(const char *text, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	struct repo_registry *p = (struct repo_registry *)repo_new(sizeof *p, &ops);
	struct arena *a = &p->base.arena;
	struct reference ref;
	pthread_mutex_init(&p->lock, NULL);
	p->opt = (struct registry_options){ .fetch = opt->fetch, .plain_http = opt->plain_http, .push = opt->write, .erase = opt->erase };
	p->opt.user = opt->user ? arena_strdup(a, str_of(opt->user)) : NULL;
	p->opt.certs = opt->certs ? arena_strdup(a, str_of(opt->certs)) : NULL;
	p->opt.fetch.unverified |= opt->tls_verify_off;
	if (reference_parse(a, str_of(text), &ref, err) < 0 || registries_find(a, ref.domain, ref.path, ref.tag, &p->way, err) < 0) {
		repo_close(&p->base);
		return -1;
	}
	if ((opt->write || opt->erase || p->way.n == 1) && there(&p->base, err) < 0) {
		repo_close(&p->base);
		return -1;
	}
	p->which = ref.digest.alg ? arena_strdup(a, str_of(DIGEST_STR(&ref.digest))) : ref.tag;
	p->where = ref.tag ? ref.tag : p->which;
	p->base.named = ref.digest;
	p->base.name = reference_text(a, &ref);
	p->base.registry = p->way.place[p->way.n - 1].domain;
	p->base.path = p->way.place[p->way.n - 1].path;
	*ret = &p->base;
	return 0;
}
