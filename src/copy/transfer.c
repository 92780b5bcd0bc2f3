/* The transfer: blobs, several at once, then documents from the leaves up, the name last. The first failure ends the others at their next piece. */
#include "base/progress.h"
#include "base/thread.h"
#include "copy/tree.h"
#include <stdatomic.h>

#define PARALLEL_MAX 32u

struct transfer {
	struct copy_job *j;
	u32 *order; /* of the blobs that are named */
	u32 n;
	atomic_uint next;
	atomic_bool stop;
	pthread_mutex_t lock;
	struct error first; /* under the lock */
};

/* One blob on its way; the same again when a broken transfer goes on. */
struct passing {
	struct transfer *t;
	struct copy_blob *blob;
	struct stream *inner;
	u64 at;
};
struct piece {
	struct transfer *t;
	struct copy_blob *blob;
};

static int passing_next(void *ctx, struct str *view, struct error *err)
{
	struct passing *p = ctx;
	if (atomic_load(&p->t->stop))
		return error_set(err, ERR_ENV, "given up: another transfer failed");
	if (stream_next(p->inner, view, err) < 0)
		return -1;
	p->at += view->n;
	if (p->at > p->blob->counted) { /* what goes again after a break is not counted again */
		progress_add(p->at - p->blob->counted);
		p->blob->counted = p->at;
	}
	return 0;
}

static void passing_close(void *ctx)
{
	struct passing *p = ctx;
	stream_close(p->inner);
	free(p);
}

static int open_from(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	const struct piece *x = ctx;
	struct copy_job *j = x->t->j;
	struct copy_blob *b = x->blob;
	struct stream *inner;
	if (from > b->d.size)
		return error_set(err, ERR_ENV, "asked for byte %llu of %llu", (unsigned long long)from, (unsigned long long)b->d.size);
	int r = b->spooled ? spool_open(&j->spool, b, from, &inner, err) : repo_blob(j->from, &b->d, from, &inner, err);
	if (r < 0)
		return -1;
	if (from > b->counted) { /* what is there of a transfer that broke off before */
		progress_skip(from - b->counted);
		b->counted = from;
	}
	struct passing *p = xmalloc(sizeof *p);
	*p = (struct passing){ .t = x->t, .blob = b, .inner = inner, .at = from };
	*ret = stream_callback(passing_next, passing_close, p);
	return 0;
}

static int send_blob(struct transfer *t, struct copy_blob *b, struct error *err)
{
	struct copy_job *j = t->j;
	int r;
	if (j->opt->dry_run) {
		r = j->to ? repo_has(j->to, &b->d, err) : 0;
		b->how = r > 0 ? PUT_THERE : PUT_SENT;
	} else {
		struct piece x = { t, b };
		bool alone = b->spooled && b->file < SPOOL_FILES - 1;
		struct blob_from from = { .open = open_from, .ctx = &x, .sound = true, .file = alone ? j->spool.v[b->file].fd : 0, .mount = b->mount };
		r = repo_put_blob(j->to, &b->d, &from, &b->how, err);
	}
	if (r < 0)
		return error_wrap(err, "blob %.19s", DIGEST_STR(&b->d.digest));
	if (b->d.size > b->counted && b->how == PUT_SENT)
		progress_add(b->d.size - b->counted);
	else if (b->d.size > b->counted) /* no part of the rate */
		progress_skip(b->d.size - b->counted);
	return 0;
}

static void *worker(void *arg)
{
	struct transfer *t = arg;
	thread_busy_add(1);
	for (u32 i; !atomic_load(&t->stop) && (i = atomic_fetch_add(&t->next, 1)) < t->n;) {
		struct error e = { 0 };
		if (send_blob(t, &t->j->blobs[t->order[i]], &e) == 0)
			continue;
		pthread_mutex_lock(&t->lock);
		if (!atomic_exchange(&t->stop, true))
			t->first = e;
		pthread_mutex_unlock(&t->lock);
	}
	thread_busy_add(-1);
	return NULL;
}

static int send_blobs(struct copy_job *j, struct error *err)
{
	struct transfer t = { .j = j, .order = xcalloc(MAX(j->n_blobs, 1u), sizeof *t.order) };
	pthread_t threads[PARALLEL_MAX];
	u64 total = 0;
	const char *mount = NULL;
	if (j->from && j->to && repo_registry(j->from) && repo_registry(j->to) && strcmp(repo_registry(j->from), repo_registry(j->to)) == 0 && strcmp(repo_path(j->from), repo_path(j->to)) != 0)
		mount = repo_path(j->from);
	for (u32 i = 0; i < j->n_blobs; i++) {
		struct copy_blob *b = &j->blobs[i];
		if (!b->named)
			continue;
		b->mount = b->spooled ? NULL : mount;
		t.order[t.n++] = i;
		total += b->d.size;
	}
	pthread_mutex_init(&t.lock, NULL);
	u32 n = MIN(MIN(j->opt->parallel ? j->opt->parallel : COPY_PARALLEL, PARALLEL_MAX), t.n);
	if (j->to && strcmp(repo_transport(j->to), "oci-archive") == 0) /* takes one after the other, and so always in the same order */
		n = MIN(n, 1u);
	progress_begin(j->opt->dry_run ? "asking" : "copying", total);
	for (u32 i = 1; i < n; i++)
		threads[i] = thread_start(worker, &t);
	worker(&t);
	for (u32 i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	progress_end();
	pthread_mutex_destroy(&t.lock);
	for (u32 i = 0; i < t.n; i++) {
		const struct copy_blob *b = &j->blobs[t.order[i]];
		struct copy_result *x = j->result;
		*(b->how == PUT_SENT ? &x->sent : b->how == PUT_THERE ? &x->there : &x->mounted) += 1;
		*(b->how == PUT_SENT ? &x->bytes : &x->bytes_there) += b->d.size;
	}
	free(t.order);
	if (atomic_load(&t.stop)) {
		*err = t.first;
		return -1;
	}
	return 0;
}

static int put(struct copy_job *j, const char *tag, const struct copy_doc *c, struct error *err)
{
	struct digest got;
	if (repo_put_document(j->to, tag, c->doc.type, buf_str(&c->doc.bytes), &got, err) < 0)
		return -1;
	if (!digest_eq(&got, &c->doc.digest) && got.alg == c->doc.digest.alg)
		return error_set(err, ERR_INPUT, "%s: not what %s was read as", DIGEST_STR(&got), DIGEST_STR(&c->doc.digest));
	return 0;
}

/* What the name will stand for is put under its digest first when something refers to it; so the name appears with all that belongs to it. */
static int send_documents(struct copy_job *j, struct error *err)
{
	bool refers = j->result->referrers > 0;
	for (u32 i = 0; i < j->n_docs; i++) {
		const struct copy_doc *c = &j->docs[i];
		if (c->dropped || (i == j->top && !refers))
			continue;
		if (put(j, DIGEST_STR(&c->doc.digest), c, err) < 0 || (c->tag && put(j, c->tag, c, err) < 0))
			return -1;
	}
	return put(j, j->opt->by_digest ? "" : NULL, &j->docs[j->top], err);
}

int transfer_all(struct copy_job *j, struct error *err)
{
	const struct copy_doc *top = &j->docs[j->top];
	if (send_blobs(j, err) < 0 || (!j->opt->dry_run && send_documents(j, err) < 0))
		return -1;
	j->result->digest = top->doc.digest;
	j->result->size = top->doc.bytes.n;
	j->result->type = arena_strdup(j->a, str_of(top->doc.type));
	return 0;
}
