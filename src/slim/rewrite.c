#include "slim/rewrite.h"
#include "layer/tarout.h"

struct rewrite {
	const struct plan *plan;
	u32 layer, next;    /* next: the entry that comes after what is pending */
	struct stream *in;
	struct str view;    /* of `in`, not yet used */
	u64 end;            /* of the entry before, in `in` */
	bool over;          /* everything has been asked for */
	bool gap;           /* what stood in front of entry `next` was copied */
	/* Pending, in this order. */
	struct buf head;    /* header blocks to give out, from head_at */
	size_t head_at;
	u64 skip, copy, zero;
	char *ring;
	u32 turn;
};

/* Sets up what one entry becomes. */
static int next_entry(struct rewrite *w, struct error *err)
{
	const struct facts *f = w->plan->trace->img->layers[w->layer].facts;
	if (w->next == f->entries.n) {
		w->over = true;
		w->zero = TAR_TRAILER;
		return 0;
	}
	const struct fact_entry *e = facts_entry(f, w->next);
	if (!w->gap) { /* global headers belong to no entry: they stay */
		w->copy = e->start - w->end;
		w->gap = true;
		return 0;
	}
	u32 g = w->plan->trace->base[w->layer] + w->next++;
	u64 length = fact_end(e) - e->start;
	const struct change *c = plan_change(w->plan, g);
	w->gap = false;
	w->end = fact_end(e);
	if (!c) {
		*(w->plan->need[g] ? &w->copy : &w->skip) = length;
		return 0;
	}
	w->skip = c->kind == CHANGE_RENAME ? e->head : length;
	w->copy = c->kind == CHANGE_RENAME ? length - e->head : 0;
	if (c->kind == CHANGE_MOVED)
		return 0;
	buf_clear(&w->head);
	w->head_at = 0;
	return plan_header(w->plan, c, &w->head, err);
}

/* At the end of `in` only the padding of the last entry may be missing. */
static int refill(struct rewrite *w, struct error *err)
{
	if (stream_next(w->in, &w->view, err) < 0)
		return -1;
	if (w->view.n)
		return 0;
	const struct facts *f = w->plan->trace->img->layers[w->layer].facts;
	if (w->next == f->entries.n && w->skip + w->copy < TAR_BLOCK_SIZE) {
		w->zero = w->copy;
		w->skip = w->copy = 0;
		return 0;
	}
	return error_set(err, ERR_INPUT, "ends early");
}

static int pass_over(struct rewrite *w, struct error *err)
{
	while (w->skip) {
		size_t k = (size_t)MIN(w->skip, (u64)w->view.n);
		w->view = str_from(w->view, k);
		w->skip -= k;
		if (w->skip && w->view.n == 0 && stream_can_seek(w->in) && stream_skip(w->in, w->skip, NULL) == 0)
			w->skip = 0;
		else if (w->skip && refill(w, err) < 0)
			return -1;
	}
	return 0;
}

/* Something of what is pending into `to`; how much. */
static ssize_t some(struct rewrite *w, char *to, size_t room, struct error *err)
{
	static const char zeros[TAR_TRAILER];
	if (w->head_at < w->head.n) {
		size_t k = MIN(room, w->head.n - w->head_at);
		memcpy(to, w->head.p + w->head_at, k);
		w->head_at += k;
		return (ssize_t)k;
	}
	if (pass_over(w, err) < 0)
		return -1;
	if (w->copy && !w->view.n && refill(w, err) < 0)
		return -1;
	if (w->copy) {
		size_t k = (size_t)MIN(MIN((u64)room, w->copy), (u64)w->view.n);
		memcpy(to, w->view.p, k);
		w->view = str_from(w->view, k);
		w->copy -= k;
		return (ssize_t)k;
	}
	size_t k = (size_t)MIN((u64)room, w->zero);
	memcpy(to, zeros, k);
	w->zero -= k;
	return (ssize_t)k;
}

static int next(void *ctx, struct str *view, struct error *err)
{
	struct rewrite *w = ctx;
	char *to = w->ring + (size_t)(w->turn++ % STREAM_RING) * STREAM_CHUNK;
	size_t n = 0;
	while (n < STREAM_CHUNK) {
		if (w->head_at == w->head.n && !w->skip && !w->copy && !w->zero) {
			if (w->over)
				break;
			if (next_entry(w, err) < 0)
				return -1;
			continue;
		}
		ssize_t k = some(w, to + n, STREAM_CHUNK - n, err);
		if (k < 0)
			return -1;
		n += (size_t)k;
	}
	*view = str_n(to, n);
	return 0;
}

static void close_rewrite(void *ctx)
{
	struct rewrite *w = ctx;
	stream_close(w->in);
	buf_free(&w->head);
	free(w->ring);
	free(w);
}

struct stream *rewrite_stream(const struct plan *p, u32 layer, struct stream *plain)
{
	struct rewrite *w = xcalloc(1, sizeof *w);
	w->plan = p;
	w->layer = layer;
	w->in = plain;
	w->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	return stream_callback(next, close_rewrite, w);
}
