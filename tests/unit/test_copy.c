/* copy/copy.h between two places in memory: what goes over, in which order, what is refused, and what a break in the middle leaves. */
#include "copy/copy.h"
#include "copy/tree.h"
#include <pthread.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#define ITEMS 200
struct item {
	struct digest digest;
	char *bytes;
	size_t n;
	char type[128], tag[160]; /* type "": a blob */
};
struct memory {
	struct repo base;
	struct item items[ITEMS];
	u32 n;
	pthread_mutex_t lock;
	char top[160];       /* what the location names */
	u32 asked, breaks;   /* breaks: how often a blob's transfer breaks in its middle */
	bool lies, full, order_wrong;
	struct digest fails; /* this blob cannot be read */
};

static struct item *item_of(struct memory *m, const struct digest *d)
{
	for (u32 i = 0; i < m->n; i++)
		if (digest_eq(&m->items[i].digest, d))
			return &m->items[i];
	return NULL;
}

static struct digest keep_as(struct memory *m, struct digest d, const char *type, const char *tag, struct str bytes)
{
	struct item *x = item_of(m, &d);
	if (!x) {
		assert_true(m->n < ITEMS);
		x = &m->items[m->n++];
		x->digest = d;
		x->n = bytes.n;
		x->bytes = xmalloc(bytes.n + 1);
		memcpy(x->bytes, bytes.p, bytes.n);
		snprintf(x->type, sizeof x->type, "%s", type);
	}
	if (*tag)
		snprintf(x->tag, sizeof x->tag, "%s", tag);
	return d;
}

static struct digest keep(struct memory *m, const char *type, const char *tag, struct str bytes)
{
	return keep_as(m, digest_bytes(DIGEST_SHA256, bytes), type, tag, bytes);
}

static int document(struct repo *r, const char *which, struct document *ret, struct error *err)
{
	struct memory *m = (struct memory *)r;
	(void)err;
	for (u32 i = 0; i < m->n; i++) {
		const struct item *x = &m->items[i];
		bool it = x->type[0] && (which && strchr(which, ':') ? strcmp(DIGEST_STR(&x->digest), which) == 0 : strcmp(x->tag, which ? which : m->top) == 0);
		if (!it)
			continue;
		buf_add(&ret->bytes, str_n(x->bytes, x->n));
		snprintf(ret->type, sizeof ret->type, "%s", x->type);
		return 0;
	}
	return 1;
}

struct bytes {
	const struct item *x;
	size_t at, end;
	bool breaks;
};

static int bytes_next(void *ctx, struct str *view, struct error *err)
{
	struct bytes *b = ctx;
	size_t n = MIN((size_t)1000, b->end - b->at);
	if (n == 0 && b->breaks)
		return error_set(err, ERR_ENV, "the connection is gone");
	*view = str_n(b->x->bytes + b->at, n);
	b->at += n;
	return 0;
}

static int blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	struct memory *m = (struct memory *)r;
	pthread_mutex_lock(&m->lock);
	const struct item *x = item_of(m, &d->digest);
	bool fails = digest_eq(&m->fails, &d->digest), breaks = x && x->n > 2000 && m->breaks > 0 && m->breaks--;
	m->asked++;
	pthread_mutex_unlock(&m->lock);
	if (!x || fails)
		return error_set(err, fails ? ERR_ENV : ERR_INPUT, fails ? "cannot be read" : "no such blob");
	struct bytes *b = xcalloc(1, sizeof *b);
	*b = (struct bytes){ x, (size_t)from, breaks ? (size_t)from + (x->n - (size_t)from) / 2 : x->n, breaks };
	*ret = stream_callback(bytes_next, free, b);
	return 0;
}

static int has(struct repo *r, const struct descriptor *d, struct error *err)
{
	struct memory *m = (struct memory *)r;
	(void)err;
	pthread_mutex_lock(&m->lock);
	int yes = item_of(m, &d->digest) != NULL;
	pthread_mutex_unlock(&m->lock);
	return yes;
}

/* As a registry: what breaks is gone on with; what has the wrong digest is not kept. */
static int put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	struct memory *m = (struct memory *)r;
	if (has(r, d, err)) {
		*how = PUT_THERE;
		return 0;
	}
	if (from->mount) {
		*how = PUT_MOUNTED;
		return 0;
	}
	struct buf got = BUF(0);
	int status = -1;
	for (u32 i = 0; status < 0 && i < 4; i++) {
		struct stream *s;
		struct str view;
		if (from->open(from->ctx, got.n, &s, err) < 0)
			break;
		while ((status = stream_next(s, &view, err)) == 0 && view.n)
			buf_add(&got, view);
		stream_close(s);
	}
	struct digest have = digest_bytes((enum digest_alg)d->digest.alg, buf_str(&got));
	if (status == 0 && (!digest_eq(&have, &d->digest) || got.n != d->size))
		status = error_set(err, ERR_INPUT, "the wrong bytes");
	if (status == 0 && m->full)
		status = error_set(err, ERR_ENV, "no space left");
	if (status == 0) {
		pthread_mutex_lock(&m->lock);
		keep_as(m, d->digest, "", "", buf_str(&got));
		pthread_mutex_unlock(&m->lock);
	}
	buf_free(&got);
	*how = PUT_SENT;
	return status;
}

/* Everything that is named has to be there before. */
static bool whole(struct memory *m, const json_t *doc)
{
	static const char *const lists[] = { "manifests", "layers" };
	struct digest d;
	bool yes = true;
	for (size_t l = 0; l < countof(lists); l++)
		for (size_t i = 0; i < json_array_size(json_arr(doc, lists[l])); i++) {
			const json_t *e = json_array_get(json_arr(doc, lists[l]), i);
			yes &= copy_foreign(e) || (digest_parse(json_view(e, "digest"), &d, NULL) == 0 && item_of(m, &d));
		}
	const json_t *config = json_obj(doc, "config");
	return yes && (!config || (digest_parse(json_view(config, "digest"), &d, NULL) == 0 && item_of(m, &d)));
}

static int put_document(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	struct memory *m = (struct memory *)r;
	autojson json_t *doc = json_read(bytes, "document", err);
	if (!doc)
		return -1;
	m->order_wrong |= !whole(m, doc);
	keep_as(m, *digest, type, tag ? tag : m->top, bytes);
	return 0;
}

static json_t *referrers(struct repo *r, const struct digest *subject, struct error *err)
{
	struct memory *m = (struct memory *)r;
	json_t *list = json_array();
	(void)err;
	for (u32 i = 0; i < m->n; i++) {
		autojson json_t *doc = m->items[i].type[0] ? json_read(str_n(m->items[i].bytes, m->items[i].n), "document", NULL) : NULL;
		const char *s = json_text(json_obj(doc, "subject"), "digest");
		if (s && strcmp(s, DIGEST_STR(subject)) == 0)
			json_array_append_new(list, json_pack("{sssssI}", "mediaType", m->items[i].type, "digest", DIGEST_STR(&m->items[i].digest), "size", (json_int_t)m->items[i].n));
	}
	return json_pack("{siso}", "schemaVersion", 2, "manifests", list);
}

static void close_memory(struct repo *r)
{
	struct memory *m = (struct memory *)r;
	for (u32 i = 0; i < m->n; i++)
		free(m->items[i].bytes);
}

static const struct repo_ops ops = { .transport = "memory", .document = document, .blob = blob, .has = has, .put_blob = put_blob, .put_document = put_document, .referrers = referrers, .close = close_memory };

static struct memory *memory(void)
{
	struct memory *m = (struct memory *)repo_new(sizeof *m, &ops);
	m->base.name = "memory";
	m->base.write = true;
	pthread_mutex_init(&m->lock, NULL);
	snprintf(m->top, sizeof m->top, "latest");
	return m;
}

/* --- images --- */
static const char *place(const struct digest *d, const char *type, u64 size, const char *more)
{
	static char text[16][1024];
	static u32 turn;
	char *to = text[turn++ % 16];
	snprintf(to, sizeof text[0], "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu%s%s}", type, DIGEST_STR(d), (unsigned long long)size, *more ? "," : "", more);
	return to;
}

static void tar_like(char *to, size_t n, u32 seed)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)('a' + (i / 7 + seed) % 23);
}

struct parts {
	struct digest config, layer, manifest;
	u64 size; /* of the manifest */
};

/* An image of one layer, plain, of 5000 bytes. */
static struct parts image(struct memory *m, u32 seed, const char *tag, const char *more)
{
	struct parts p;
	char layer[5000], config[400], doc[2000];
	tar_like(layer, sizeof layer, seed);
	p.layer = keep(m, "", "", str_n(layer, sizeof layer));
	snprintf(config, sizeof config, "{\"architecture\":\"a%u\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}", seed, DIGEST_STR(&p.layer));
	p.config = keep(m, "", "", str_of(config));
	p.size = (u64)snprintf(doc, sizeof doc, "{ \"schemaVersion\": 2, \"config\": %s, \"layers\": [%s]%s%s}", place(&p.config, MT_CONFIG, strlen(config), ""), place(&p.layer, MT_LAYER, sizeof layer, ""), *more ? "," : "", more);
	p.manifest = keep(m, MT_MANIFEST, tag, str_of(doc));
	return p;
}

static struct digest index_of(struct memory *m, const char *tag, const struct parts *p, u32 n)
{
	char doc[8000];
	int at = snprintf(doc, sizeof doc, "{\"schemaVersion\":2,\"mediaType\":\"" MT_INDEX "\",\"manifests\":[");
	for (u32 i = 0; i < n; i++) {
		char platform[100];
		snprintf(platform, sizeof platform, "\"platform\":{\"os\":\"linux\",\"architecture\":\"a%u\"}", i);
		at += snprintf(doc + at, sizeof doc - (size_t)at, "%s%s", i ? "," : "", place(&p[i].manifest, MT_MANIFEST, p[i].size, platform));
	}
	snprintf(doc + at, sizeof doc - (size_t)at, "]}");
	return keep(m, MT_INDEX, tag, str_of(doc));
}

struct world {
	struct memory *from, *to;
	struct arena a;
	struct copy_result r;
	struct error e;
	struct copy_options o;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	w->from = memory();
	w->to = memory();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	repo_close(&w->from->base);
	repo_close(&w->to->base);
	arena_free(&w->a);
	free(w);
	return 0;
}

static int copy(struct world *w)
{
	w->e = (struct error){ 0 };
	int r = copy_between(&w->from->base, &w->to->base, &w->o, &w->a, &w->r, &w->e);
	assert_false(w->to->order_wrong);
	return r;
}

static bool tagged(struct memory *m, const char *tag, const struct digest *d)
{
	for (u32 i = 0; i < m->n; i++)
		if (strcmp(m->items[i].tag, tag) == 0)
			return digest_eq(&m->items[i].digest, d);
	return false;
}

static bool nothing_named(const struct memory *m)
{
	for (u32 i = 0; i < m->n; i++)
		if (m->items[i].tag[0])
			return false;
	return true;
}

static void as_it_is(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "latest", "");
	assert_int_equal(copy(w), 0);
	assert_true(tagged(w->to, "latest", &p.manifest));
	assert_true(digest_eq(&w->r.digest, &p.manifest));
	assert_string_equal(w->r.type, MT_MANIFEST);
	assert_int_equal(w->r.sent, 2);
	assert_int_equal(w->r.manifests, 1);
	assert_int_equal(w->r.n_changes, 0);
	assert_int_equal(w->to->n, 3);
	u32 asked = w->from->asked;
	assert_int_equal(copy(w), 0); /* again: nothing is sent */
	assert_int_equal(w->r.there, 2);
	assert_int_equal(w->r.bytes, 0);
	assert_int_equal(w->from->asked, asked);
}

static void platforms(void **state)
{
	struct world *w = *state;
	struct parts p[3] = { image(w->from, 0, "", ""), image(w->from, 1, "", ""), image(w->from, 2, "", "") };
	struct digest top = index_of(w->from, "latest", p, 3);
	w->o.platform = "linux/a1";
	assert_int_equal(copy(w), 0);
	assert_true(tagged(w->to, "latest", &p[1].manifest));
	assert_int_equal(w->r.platforms, 3);
	assert_string_equal(w->r.platform, "linux/a1");
	w->o.platform = "linux/a9";
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_USAGE);
	assert_non_null(strstr(w->e.text, "linux/a0, linux/a1, linux/a2"));
	w->o.platform = NULL;
	assert_int_equal(copy(w), -1); /* none is for this machine */
	snprintf(w->to->top, sizeof w->to->top, "every");
	w->o.all = true;
	assert_int_equal(copy(w), 0);
	assert_true(tagged(w->to, "every", &top));
	assert_int_equal(w->r.manifests, 4);
	assert_int_equal(w->r.blobs, 6);
}

static void shared(void **state)
{
	struct world *w = *state;
	struct parts p[2] = { image(w->from, 0, "", ""), image(w->from, 0, "", "") };
	index_of(w->from, "latest", p, 2);
	w->o.all = true;
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->r.sent, 2);
	assert_int_equal(w->from->asked, 2);
}

static void broken(void **state)
{
	struct world *w = *state;
	image(w->from, 1, "latest", "");
	w->from->breaks = 2;
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->from->breaks, 0);
	assert_int_equal(w->r.bytes, w->to->items[0].n + w->to->items[1].n);
}

static void failing(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "latest", "");
	w->from->breaks = 100;
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_ENV);
	assert_true(nothing_named(w->to));
	w->from->breaks = 0;
	repo_close(&w->to->base);
	w->to = memory();
	w->from->fails = p.config;
	assert_int_equal(copy(w), -1);
	assert_non_null(strstr(w->e.text, "cannot be read"));
	assert_true(nothing_named(w->to));
	w->from->fails = (struct digest){ 0 };
	w->to->full = true;
	for (u32 i = 0; i < w->to->n; i++)
		w->to->items[i].digest = (struct digest){ 0 };
	assert_int_equal(copy(w), -1);
	assert_true(nothing_named(w->to));
}

static void hostile(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "latest", "");
	item_of(w->from, &p.layer)->bytes[17] ^= 1; /* other bytes than the digest */
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_true(nothing_named(w->to));
	item_of(w->from, &p.layer)->bytes[17] ^= 1;
	item_of(w->from, &p.manifest)->bytes[0] = ' '; /* the manifest itself: no JSON any more; under its tag it has no digest to hold */
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	snprintf(w->from->top, sizeof w->from->top, "none");
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_ENV);
}

static void missing(void **state)
{
	struct world *w = *state;
	struct parts p[2] = { image(w->from, 0, "", ""), image(w->from, 1, "", "") };
	index_of(w->from, "latest", p, 2);
	p[1].manifest.bytes[3] ^= 1;
	index_of(w->from, "gone", p, 2);
	w->o.all = true;
	snprintf(w->from->top, sizeof w->from->top, "gone");
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_int_equal(w->to->n, 0);
	snprintf(w->from->top, sizeof w->from->top, "latest");
	item_of(w->from, &p[0].layer)->digest = (struct digest){ 0 };
	assert_int_equal(copy(w), -1);
	assert_true(nothing_named(w->to));
}

static void deep(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "", "");
	struct digest below = p.manifest;
	u64 size = p.size;
	w->o.all = true;
	for (u32 i = 0; i < OCI_NESTED_MAX + 2; i++) {
		char doc[2000];
		snprintf(w->from->top, sizeof w->from->top, "level%u", i);
		u64 n = (u64)snprintf(doc, sizeof doc, "{\"mediaType\":\"" MT_INDEX "\",\"manifests\":[%s]}", place(&below, i ? MT_INDEX : MT_MANIFEST, size, ""));
		below = keep(w->from, MT_INDEX, w->from->top, str_of(doc));
		size = n;
		assert_int_equal(copy(w), i < OCI_NESTED_MAX ? 0 : -1);
	}
	assert_non_null(strstr(w->e.text, "deep"));
}

static void foreign(void **state)
{
	struct world *w = *state;
	struct digest away = digest_bytes(DIGEST_SHA256, STR("away"));
	struct parts p = image(w->from, 1, "", "");
	char doc[3000];
	snprintf(doc, sizeof doc, "{\"config\":%s,\"layers\":[%s]}", place(&p.config, MT_CONFIG, item_of(w->from, &p.config)->n, ""),
		 place(&away, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 4, "\"urls\":[\"https://example.org/a\"]"));
	keep(w->from, MT_DOCKER_MANIFEST, "latest", str_of(doc));
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->r.blobs, 1);
}

static void referred(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "latest", "");
	char subject[500], tag[160];
	snprintf(subject, sizeof subject, "\"artifactType\":\"a/b\",\"subject\":%s", place(&p.manifest, MT_MANIFEST, p.size, ""));
	struct parts sig = image(w->from, 2, "", subject);
	snprintf(subject, sizeof subject, "\"subject\":%s", place(&sig.manifest, MT_MANIFEST, sig.size, ""));
	struct parts of_sig = image(w->from, 3, "", subject);
	snprintf(tag, sizeof tag, "sha256-%s.sig", DIGEST_STR(&p.manifest) + 7);
	struct parts cosign = image(w->from, 4, tag, "");
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->to->n, 3);
	w->o.referrers = true;
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->r.referrers, 3);
	assert_non_null(item_of(w->to, &sig.manifest));
	assert_non_null(item_of(w->to, &of_sig.manifest));
	assert_true(tagged(w->to, tag, &cosign.manifest));
	assert_true(tagged(w->to, "latest", &p.manifest));
}

static void converted(void **state)
{
	struct world *w = *state;
	struct parts p[2] = { image(w->from, 0, "", "\"annotations\":{\"a\":\"b\"}"), image(w->from, 1, "", "") };
	index_of(w->from, "latest", p, 2);
	w->o = (struct copy_options){ .all = true, .recompress = true, .compression = COMP_GZIP };
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->r.n_changes, 3);
	assert_string_equal(w->r.changes[0].what, "layers recompressed from none to gzip");
	assert_null(item_of(w->to, &p[0].layer));
	assert_non_null(item_of(w->to, &p[0].config)); /* the image's ID stays */
	struct digest once = w->r.digest;
	/* back again: the same layers, and the same documents but for what they were written like */
	struct memory *first = w->from;
	w->from = w->to;
	w->to = memory();
	w->o.compression = COMP_NONE;
	assert_int_equal(copy(w), 0);
	assert_non_null(item_of(w->to, &p[0].layer));
	assert_false(digest_eq(&w->r.digest, &once));
	repo_close(&w->to->base);
	w->to = memory();
	w->o = (struct copy_options){ .all = true, .format = COPY_DOCKER };
	assert_int_equal(copy(w), 0);
	assert_string_equal(w->r.type, MT_DOCKER_LIST);
	assert_string_equal(w->r.changes[0].what, "media types of Docker; annotations dropped");
	repo_close(&w->to->base);
	w->to = memory();
	w->o = (struct copy_options){ .all = true, .format = COPY_DOCKER, .recompress = true, .compression = COMP_ZSTD };
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_USAGE);
	assert_int_equal(w->to->n, 0);
	repo_close(&first->base);
}

/* A layer that is not what the configuration says is found when it is recompressed. */
static void other_diff_id(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "", "");
	char doc[3000];
	struct digest other = keep(w->from, "", "", STR("other bytes"));
	snprintf(doc, sizeof doc, "{\"config\":%s,\"layers\":[%s]}", place(&p.config, MT_CONFIG, item_of(w->from, &p.config)->n, ""), place(&other, MT_LAYER, 11, ""));
	keep(w->from, MT_MANIFEST, "latest", str_of(doc));
	w->o = (struct copy_options){ .recompress = true, .compression = COMP_ZSTD };
	assert_int_equal(copy(w), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_non_null(strstr(w->e.text, "diff ID"));
	assert_int_equal(w->to->n, 0);
}

static void dry(void **state)
{
	struct world *w = *state;
	image(w->from, 1, "latest", "");
	w->o.dry_run = true;
	assert_int_equal(copy(w), 0);
	assert_int_equal(w->r.sent, 2);
	assert_int_equal(w->to->n, 0);
	assert_int_equal(w->from->asked, 0);
}

static int refuse(void *ctx, struct repo *from, const struct document *d, struct error *err)
{
	const struct digest *only = ctx;
	(void)from;
	return only && digest_eq(only, &d->digest) ? 0 : error_set(err, ERR_INPUT, "not allowed");
}

static void policy(void **state)
{
	struct world *w = *state;
	struct parts p = image(w->from, 1, "", "");
	struct digest top = index_of(w->from, "latest", &p, 1);
	w->o.allowed = refuse;
	assert_int_equal(copy(w), -1);
	assert_string_equal(w->e.text, "not allowed");
	assert_int_equal(w->from->asked + w->to->n, 0);
	w->o.ctx = &top; /* the index is signed, and names the image */
	assert_int_equal(copy(w), 0);
	assert_true(tagged(w->to, "latest", &p.manifest));
}

int main(void)
{
	char dir[] = "/tmp/test-copy-XXXXXX";
	if (!mkdtemp(dir))
		return 1;
	setenv("PARE_STORE", dir, 1);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(as_it_is), T(platforms), T(shared), T(broken), T(failing), T(hostile), T(missing), T(deep), T(foreign), T(referred), T(converted), T(other_diff_id), T(dry), T(policy) };
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
