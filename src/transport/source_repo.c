/* A bag (bag.h) whose members are asked of a repo when they are wanted: the list of images is the one document that the location names, and what the documents name is known with its size. The
 * digest of a blob is its identity: what was read and verified under it once need not be had again. */
#include "transport/source_repo.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct member {
	struct descriptor desc;
	bool document; /* a manifest or an index */
	int spool;     /* its bytes, all of them, in a file of ours; -1: not yet */
	struct member *next; /* in its bucket */
};

struct repo_bag {
	struct bag base;
	struct repo *repo;
	struct arena arena;
	struct document top;
	struct str index;        /* index.json: `top` alone */
	struct member *buckets[256];
	u32 documents;
	int blobs;
	const char *spool_dir;   /* NULL: layers are had again each time */
	pthread_mutex_t lock;    /* of `spool` */
	struct error failed;     /* what kept a document from us, when that was no damage */
};

static struct repo_bag *bag_of(struct bag *b) { return (struct repo_bag *)b; }

static struct member **bucket(struct repo_bag *b, const struct digest *d) { return &b->buckets[d->bytes[0]]; }

static struct member *member_of(struct repo_bag *b, const struct digest *d)
{
	struct member *m = *bucket(b, d);
	while (m && !digest_eq(&m->desc.digest, d))
		m = m->next;
	return m;
}

/* "blobs/sha256/HEX" */
static struct member *find_member(struct repo_bag *b, const char *name)
{
	struct digest d;
	char text[DIGEST_TEXT + 8];
	if (strncmp(name, "blobs/", 6) != 0)
		return NULL;
	snprintf(text, sizeof text, "%s", name + 6);
	char *slash = strchr(text, '/');
	if (!slash)
		return NULL;
	*slash = ':';
	return digest_parse(str_of(text), &d, NULL) == 0 ? member_of(b, &d) : NULL;
}

static void add(struct repo_bag *b, const struct descriptor *d, bool is_document)
{
	if (d->bad || !d->digest.alg || member_of(b, &d->digest))
		return;
	struct member *m = arena_new(&b->arena, struct member), **to = bucket(b, &d->digest);
	*m = (struct member){ .desc = *d, .document = is_document, .spool = -1, .next = *to };
	*to = m;
}

/* What a document names can be asked for from now on. */
static void add_all(struct repo_bag *b, struct str text)
{
	autojson json_t *doc = json_read_limit(text, REPO_DOCUMENT_MAX, "manifest", NULL);
	struct index x;
	struct manifest m;
	if (!doc)
		return;
	if (json_arr(doc, "manifests") && index_parse(&b->arena, doc, &x, NULL) == 0) {
		for (u32 i = 0; i < x.n; i++)
			add(b, &x.manifests[i], true);
	} else if (manifest_parse(&b->arena, doc, &m, NULL) == 0) {
		add(b, &m.config, false);
		for (u32 i = 0; i < m.n; i++)
			add(b, &m.layers[i], false);
	}
}

static bool here(const struct repo_bag *b) { return !repo_registry(b->repo); }

static bool find(struct bag *bag, const char *name, u64 *size)
{
	struct repo_bag *b = bag_of(bag);
	if (strcmp(name, "index.json") == 0) {
		*size = b->index.n;
		return true;
	}
	struct member *m = find_member(b, name);
	if (!m)
		return false;
	*size = m->desc.size;
	/* A registry is not asked for what it need not send; what it lacks is found out when it is wanted. */
	return !here(b) || repo_has(b->repo, &m->desc, NULL) == 1;
}

static int read_document(struct repo_bag *b, const struct member *m, struct buf *out, struct error *err)
{
	if (digest_eq(&m->desc.digest, &b->top.digest)) {
		buf_add(out, buf_str(&b->top.bytes));
		return 0;
	}
	if (++b->documents > SOURCE_REPO_DOCUMENTS)
		return error_set(err, ERR_INPUT, "more than %d indexes and manifests to choose one image: over the budget", SOURCE_REPO_DOCUMENTS);
	struct document d = { .bytes = BUF(0) };
	int r = repo_document(b->repo, DIGEST_STR(&m->desc.digest), &d, err);
	if (r > 0)
		return error_set(err, ERR_INPUT, "%s: not there", DIGEST_STR(&m->desc.digest));
	if (r == 0) {
		buf_add(out, buf_str(&d.bytes));
		document_free(&d);
	}
	return r;
}

static int read_blob(struct repo_bag *b, const struct member *m, u64 limit, struct buf *out, struct error *err)
{
	struct stream *s;
	struct str view;
	if (m->desc.size > limit)
		return error_set(err, ERR_INPUT, "%s: %llu bytes: over the budget", DIGEST_STR(&m->desc.digest), (unsigned long long)m->desc.size);
	if (repo_blob(b->repo, &m->desc, 0, &s, err) < 0)
		return -1;
	int r;
	while ((r = stream_next(s, &view, err)) == 0 && view.n)
		buf_add(out, view);
	stream_close(s);
	return r;
}

static int read_member(struct bag *bag, const char *name, u64 limit, struct buf *out, struct error *err)
{
	struct repo_bag *b = bag_of(bag);
	if (strcmp(name, "index.json") == 0) {
		buf_add(out, b->index);
		return 0;
	}
	struct member *m = find_member(b, name);
	struct error e = { 0 };
	int r = !m ? error_set(&e, ERR_INPUT, "%s: not there", name) : m->document ? read_document(b, m, out, &e) : read_blob(b, m, limit, out, &e);
	if (r < 0) {
		if (e.kind == ERR_ENV && !b->failed.kind)
			b->failed = e;
		if (err)
			*err = e;
		return -1;
	}
	if (m->document)
		add_all(b, buf_str(out));
	return 0;
}

/* --- layers --- */
struct tee { /* a layer on its way, kept for the next time */
	struct repo_bag *bag;
	struct member *member;
	struct stream *from;
	int fd; /* -1: it cannot be kept */
};

static int tee_next(void *ctx, struct str *view, struct error *err)
{
	struct tee *t = ctx;
	if (stream_next(t->from, view, err) < 0)
		return -1;
	if (t->fd >= 0 && view->n && file_write_all(t->fd, view->p, view->n) < 0)
		return error_errno(err, "%s", t->bag->spool_dir);
	if (t->fd >= 0 && view->n == 0) {
		pthread_mutex_lock(&t->bag->lock);
		if (t->member->spool < 0) {
			t->member->spool = t->fd;
			t->fd = -1;
		}
		pthread_mutex_unlock(&t->bag->lock);
	}
	return 0;
}

static void tee_close(void *ctx)
{
	struct tee *t = ctx;
	stream_close(t->from);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static int open_spooled(struct repo_bag *b, struct member *m, struct stream **ret, struct error *err)
{
	pthread_mutex_lock(&b->lock);
	int fd = m->spool;
	pthread_mutex_unlock(&b->lock);
	if (fd >= 0) {
		*ret = stream_file(fd, false, 0, UINT64_MAX, b->base.chunk);
		return 0;
	}
	struct tee t = { .bag = b, .member = m, .fd = archive_spool_file(b->spool_dir, err) };
	if (t.fd < 0)
		return -1;
	if (repo_blob(b->repo, &m->desc, 0, &t.from, err) < 0) {
		close(t.fd);
		return -1;
	}
	struct tee *kept = xmalloc(sizeof *kept);
	*kept = t;
	*ret = stream_callback(tee_next, tee_close, kept);
	return 0;
}

static int open_member(struct bag *bag, const char *name, struct stream **ret, struct error *err)
{
	struct repo_bag *b = bag_of(bag);
	struct member *m = find_member(b, name);
	if (!m)
		return error_set(err, ERR_INPUT, "%s: not there", name);
	if (b->blobs >= 0) {
		int fd = file_open_beneath(b->blobs, name, err);
		if (fd < 0)
			return -1;
		*ret = stream_file(fd, true, 0, UINT64_MAX, b->base.chunk);
		return 0;
	}
	return b->spool_dir ? open_spooled(b, m, ret, err) : repo_blob(b->repo, &m->desc, 0, ret, err);
}

static void identity(struct bag *bag, const char *name, struct buf *out)
{
	(void)bag;
	buf_puts(out, name); /* it is its digest: nothing else is taken for it, see what verifies it */
}

static void close_bag(struct bag *bag)
{
	struct repo_bag *b = bag_of(bag);
	for (size_t i = 0; i < countof(b->buckets); i++)
		for (struct member *m = b->buckets[i]; m; m = m->next)
			if (m->spool >= 0)
				close(m->spool);
	if (b->blobs >= 0)
		close(b->blobs);
	document_free(&b->top);
	repo_close(b->repo);
	pthread_mutex_destroy(&b->lock);
	arena_free(&b->arena);
	free(b);
}

static const struct bag_ops ops = { find, read_member, open_member, NULL, identity, close_bag };

int source_repo(struct repo *r, int blobs, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct document top;
	int status = repo_document(r, NULL, &top, err);
	if (status != 0) {
		if (blobs >= 0)
			close(blobs);
		repo_close(r);
		return status;
	}
	struct repo_bag *b = xcalloc(1, sizeof *b);
	*b = (struct repo_bag){ .base = { .ops = &ops }, .repo = r, .top = top, .blobs = blobs };
	b->base.name = repo_name(r);
	pthread_mutex_init(&b->lock, NULL);
	if (opt->need_content && !opt->once && !here(b))
		b->spool_dir = opt->spool_dir ? opt->spool_dir : archive_spool_dir(&b->arena, NULL);
	struct descriptor d = { .media_type = arena_strdup(&b->arena, str_of(top.type)), .digest = top.digest, .size = top.bytes.n };
	add(b, &d, true);
	autojson json_t *index = json_pack("{siss s[{sssssI}]}", "schemaVersion", 2, "mediaType", MT_INDEX, "manifests", "mediaType", top.type, "digest", DIGEST_STR(&top.digest), "size", (json_int_t)top.bytes.n);
	autofree char *text = index ? json_dumps(index, JSON_COMPACT) : NULL;
	b->index = str_of(arena_strdup(&b->arena, str_of(text ? text : "{}")));
	struct source *s;
	struct buf name = BUF(0); /* the repo goes with the bag when it fails */
	buf_puts(&name, here(b) && strncmp(repo_name(r), "pare:", 5) == 0 ? repo_name(r) + 5 : repo_name(r));
	status = bag_source(&b->base, BAG_OCI, repo_transport(r), "", opt, &s, err);
	if (status == 0 && b->failed.kind) { /* not damage: it could not be had */
		*err = b->failed;
		source_close(s);
		status = -1;
	}
	if (status == 0) {
		s->reference = arena_strdup(&s->arena, buf_str(&name));
		*ret = s;
	}
	buf_free(&name);
	return status;
}

/* --- the two places --- */
static int open_place(const char *transport, const char *ref, const struct source_options *opt, struct repo **ret, struct error *err)
{
	struct repo_options o = opt->registry ? *opt->registry : (struct repo_options){ 0 };
	o.store = opt->spool_dir;
	struct buf location = BUF(0);
	buf_printf(&location, "%s%s", transport, ref);
	int r = repo_open(location.p, &o, ret, err);
	buf_free(&location);
	return r > 0 ? error_set(err, ERR_USAGE, "%s%s: is not read", transport, ref) : r;
}

int source_registry(const char *ref, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct repo *r = NULL;
	return open_place("docker://", ref, opt, &r, err) < 0 ? -1 : source_repo(r, -1, opt, ret, err);
}

int source_store(const char *ref, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct repo *r = NULL;
	if (open_place("pare:", ref, opt, &r, err) < 0)
		return -1;
	/* The store is a layout: its blobs are files that can be sought (store.h). */
	struct buf path = BUF(0);
	buf_printf(&path, "%s/images", opt->spool_dir ? opt->spool_dir : "");
	int blobs = opt->spool_dir ? open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	buf_free(&path);
	return source_repo(r, blobs, opt, ret, err);
}

static int open_registry(const char *detail, const struct source_options *opt, struct source **ret, struct error *err)
{
	const char *ref = strncmp(detail, "//", 2) == 0 ? detail + 2 : detail;
	int r = source_registry(ref, opt, ret, err);
	return r > 0 ? error_set(err, ERR_ENV, "docker://%s: the registry has no such image", ref) : r;
}

static int open_store(const char *detail, const struct source_options *opt, struct source **ret, struct error *err)
{
	int r = source_store(detail, opt, ret, err);
	return r > 0 ? error_set(err, ERR_ENV, "pare:%s: the store has no such image", detail) : r;
}

const struct transport transport_docker = { "docker", "//REF", "an image of a registry (docker://quay.io/app/web:1); credentials are those of docker login and podman login", open_registry };
const struct transport transport_pare = { "pare", "REF", "an image of our own store", open_store };
