/* The digest of a stream. While processors are idle it is computed on a thread of its own: views are handed over as they pass, and the
 * hand-over blocks while STREAM_KEEP - 2 of them are unfinished, so that none is overwritten before it is hashed. While every
 * processor reads a layer already, hashing here is cheaper: the bytes are still in this one's cache. */
#include "base/thread.h"
#include "layer/stream.h"

struct tap {
	struct stream base;
	struct stream *inner;
	struct queue queue;
	pthread_t thread;
	struct digester *digester;
	bool running;
};

static void *hash_thread(void *arg)
{
	struct tap *t = arg;
	struct queue_item item;
	while (queue_take(&t->queue, &item)) {
		digester_add(t->digester, str_n(item.p, item.n));
		queue_done(&t->queue);
	}
	return NULL;
}

static int tap_next(struct stream *s, struct str *view, struct error *err)
{
	struct tap *t = (struct tap *)s;
	if (stream_next(t->inner, view, err) < 0)
		return -1;
	if (view->n == 0)
		return 0;
	if (thread_busy() >= thread_count()) {
		if (t->running)
			queue_drain(&t->queue);
		digester_add(t->digester, *view);
		return 0;
	}
	if (!t->running) {
		t->running = true;
		t->thread = thread_start(hash_thread, t);
	}
	queue_put(&t->queue, (struct queue_item){ view->p, view->n, NULL });
	return 0;
}

static void stop(struct tap *t)
{
	if (!t->running)
		return;
	queue_close(&t->queue);
	pthread_join(t->thread, NULL);
	t->running = false;
}

static void tap_close(struct stream *s)
{
	struct tap *t = (struct tap *)s;
	stop(t);
	stream_close(t->inner);
	if (t->digester)
		digester_finish(t->digester);
	queue_destroy(&t->queue);
	free(t);
}

static const struct stream_ops tap_ops = { tap_next, NULL, tap_close };

struct stream *stream_tap(struct stream *inner, enum digest_alg alg, struct tap **ret)
{
	struct tap *t = xcalloc(1, sizeof *t);
	t->base.ops = &tap_ops;
	t->inner = inner;
	t->digester = digester_new(alg);
	queue_init(&t->queue, STREAM_KEEP - 2);
	*ret = t;
	return &t->base;
}

struct digest tap_digest(struct tap *t)
{
	stop(t);
	struct digest d = digester_finish(t->digester);
	t->digester = NULL;
	return d;
}

/* --- bytes that must be what a digest says --- */
struct verified {
	struct stream base;
	struct stream *tapped;
	struct tap *tap;
	struct digest want;
	u64 size;
	const char *where;
	enum error_kind kind;
	bool held;
};

static int verified_next(struct stream *s, struct str *view, struct error *err)
{
	struct verified *v = (struct verified *)s;
	if (v->held) {
		*view = str_n("", 0);
		return 0;
	}
	if (stream_next(v->tapped, view, err) < 0)
		return -1;
	u64 have = v->tapped->at;
	if (have > v->size)
		return error_set(err, v->kind, "%s: %s: is longer than the %llu bytes it should have", v->where, DIGEST_STR(&v->want), (unsigned long long)v->size);
	if (view->n)
		return 0;
	if (have < v->size)
		return error_set(err, v->kind, "%s: %s: ends after %llu of %llu bytes", v->where, DIGEST_STR(&v->want), (unsigned long long)have, (unsigned long long)v->size);
	struct digest got = tap_digest(v->tap);
	v->held = true;
	return digest_eq(&got, &v->want) ? 0 : error_set(err, v->kind, "%s: %s: its bytes have the digest %s", v->where, DIGEST_STR(&v->want), DIGEST_STR(&got));
}

static void verified_close(struct stream *s)
{
	stream_close(((struct verified *)s)->tapped);
	free(s);
}

static const struct stream_ops verified_ops = { verified_next, NULL, verified_close };

struct stream *stream_verified(struct stream *inner, const struct digest *d, u64 size, const char *where, enum error_kind kind)
{
	struct verified *v = xcalloc(1, sizeof *v);
	v->base.ops = &verified_ops;
	v->want = *d;
	v->size = size;
	v->where = where;
	v->kind = kind;
	v->tapped = stream_tap(inner, d->alg, &v->tap);
	return &v->base;
}
