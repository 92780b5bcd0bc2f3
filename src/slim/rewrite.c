#include "slim/rewrite.h"
#include "layer/tarout.h"
#include "slim/assembly.h"

struct rewrite {
	struct assembly p;
	const struct plan *plan;
	u32 layer, next; /* next: the entry that comes after what is pending */
	struct stream *in;
	struct str view; /* of `in`, not yet used */
	u64 end;         /* of the entry before, in `in` */
	u64 skip;        /* bytes of `in` before what is copied */
	bool gap;        /* what stood in front of entry `next` was copied */
};

/* At the end of `in` only the padding of the last entry may be missing. */
static int refill(struct rewrite *w, struct error *err)
{
	if (stream_next(w->in, &w->view, err) < 0)
		return -1;
	if (w->view.n)
		return 0;
	const struct facts *f = w->plan->trace->img->layers[w->layer].facts;
	if (w->next == f->entries.n && w->skip + w->p.copy < TAR_BLOCK_SIZE) {
		w->p.zero = w->p.copy;
		w->skip = w->p.copy = 0;
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

/* Sets up what one entry becomes. */
static int entry(void *ctx, struct error *err)
{
	struct rewrite *w = ctx;
	const struct facts *f = w->plan->trace->img->layers[w->layer].facts;
	if (w->next == f->entries.n) {
		w->p.over = true;
		w->p.zero = TAR_TRAILER;
		return 0;
	}
	const struct fact_entry *e = facts_entry(f, w->next);
	if (!w->gap) { /* global headers belong to no entry: they stay */
		w->p.copy = e->start - w->end;
		w->gap = true;
		return 0;
	}
	u32 g = w->plan->trace->base[w->layer] + w->next++;
	u64 length = fact_end(e) - e->start;
	const struct change *c = plan_change(w->plan, g);
	w->gap = false;
	w->end = fact_end(e);
	if (c) {
		w->skip = c->kind == CHANGE_RENAME ? e->head : length;
		w->p.copy = c->kind == CHANGE_RENAME ? length - e->head : 0;
	} else
		*(w->plan->need[g] ? &w->p.copy : &w->skip) = length;
	if (c && c->kind != CHANGE_MOVED && plan_header(w->plan, c, &w->p.head, err) < 0)
		return -1;
	return pass_over(w, err);
}

static ssize_t content(void *ctx, char *to, size_t room, struct error *err)
{
	struct rewrite *w = ctx;
	if (!w->view.n && refill(w, err) < 0)
		return -1;
	size_t k = MIN(room, w->view.n);
	if (k)
		memcpy(to, w->view.p, k);
	w->view = str_from(w->view, k);
	return (ssize_t)k;
}

static const struct assembly_source source = { .entry = entry, .content = content };

static int next(void *ctx, struct str *view, struct error *err)
{
	struct rewrite *w = ctx;
	return assembly_next(&w->p, &source, w, view, err);
}

static void close_rewrite(void *ctx)
{
	struct rewrite *w = ctx;
	stream_close(w->in);
	assembly_free(&w->p);
	free(w);
}

struct stream *rewrite_stream(const struct plan *p, u32 layer, struct stream *plain)
{
	struct rewrite *w = xcalloc(1, sizeof *w);
	w->plan = p;
	w->layer = layer;
	w->in = plain;
	return stream_callback(next, close_rewrite, w);
}
