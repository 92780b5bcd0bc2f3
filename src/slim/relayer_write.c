/* What stays is read from the original's layers in their order, once, into a file without a name; new layers are written out of that in theirs. */
#include "base/file.h"
#include "layer/tarout.h"
#include "slim/assembly.h"
#include "slim/relayer.h"

int relayer_header(const struct facts *f, const struct fact_entry *e, struct buf *out, struct error *err)
{
	struct buf path = BUF(0);
	struct tarout_entry o = { .path = facts_path(f, e, &path), .type = (enum tar_type)e->type, .mode = e->mode, .uid = e->uid, .gid = e->gid, .size = e->size, .mtime = e->mtime,
		.mtime_ns = e->mtime_ns, .xattrs = facts_xattrs(f, e) };
	if (e->type == TAR_HARDLINK || e->type == TAR_SYMLINK)
		o.link = str_of(facts_string(f, e->link));
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK) {
		o.major = e->rdev >> 20;
		o.minor = e->rdev & 0xfffff;
	}
	int r = tarout_header(&o, out, err);
	buf_free(&path);
	return r;
}

struct wish { /* content of entry `g` of the original, for entry `i` of new layer `c` */
	u32 g, i;
	u8 c;
};

static int by_source(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;
	return (x->g > y->g) - (x->g < y->g);
}

struct spooling {
	struct stream *in;
	struct str view;
	u64 at; /* of view, in `in` */
	int fd;
	u64 out;
};

static int refill(struct spooling *s, struct error *err)
{
	if (stream_next(s->in, &s->view, err) < 0)
		return -1;
	return s->view.n ? 0 : error_set(err, ERR_INPUT, "ends early");
}

static int pass_to(struct spooling *s, u64 to, struct error *err)
{
	while (s->at < to) {
		size_t k = (size_t)MIN(to - s->at, (u64)s->view.n);
		s->view = str_from(s->view, k);
		s->at += k;
		if (s->at < to && !s->view.n && stream_can_seek(s->in) && stream_skip(s->in, to - s->at, NULL) == 0)
			s->at = to;
		else if (s->at < to && refill(s, err) < 0)
			return -1;
	}
	return s->at == to ? 0 : error_set(err, ERR_INPUT, "its entries overlap");
}

static int copy(struct spooling *s, u64 n, struct error *err)
{
	while (n) {
		if (!s->view.n && refill(s, err) < 0)
			return -1;
		size_t k = (size_t)MIN(n, (u64)s->view.n);
		if (file_write_all(s->fd, s->view.p, k) < 0)
			return error_errno(err, "a file for what stays");
		s->view = str_from(s->view, k);
		s->at += k;
		s->out += k;
		n -= k;
	}
	return 0;
}

static int spool_one(struct relayer *r, struct spooling *s, const struct wish *w, struct error *err)
{
	const struct fact_entry *e = trace_entry(r->plan->trace, w->g);
	bool sparse = e->flags & FACT_SPARSE;
	if (pass_to(s, sparse ? e->start : e->start + e->head, err) < 0)
		return -1;
	r->v[w->c].at[w->i] = s->out;
	return copy(s, fact_stored(e) + (sparse ? e->head : 0), err);
}

int relayer_spool(struct relayer *r, relayer_open *open, void *ctx, int fd, struct error *err)
{
	const struct trace *t = r->plan->trace;
	struct wish *v = NULL;
	struct spooling s = { .fd = fd };
	u32 n = 0, cap = 0;
	int bad = 0;
	for (u32 c = 0; c < RELAYER_CLASSES; c++)
		for (u32 i = 0; i < r->v[c].n; i++)
			if (r->v[c].from[i] != TRACE_NONE && !(r->v[c].from[i] & RELAYER_ADDED) && fact_stored(facts_entry(r->v[c].facts, i)))
				VEC_PUSH(v, n, cap, ((struct wish){ r->v[c].from[i], i, (u8)c }));
	if (n)
		qsort(v, n, sizeof *v, by_source);
	for (u32 k = 0; k < n && bad == 0;) {
		u32 l = trace_layer(t, v[k].g);
		s.view = STR("");
		s.at = 0;
		bad = open(ctx, l, &s.in, err);
		for (; bad == 0 && k < n && v[k].g < t->base[l + 1]; k++)
			bad = spool_one(r, &s, &v[k], err);
		stream_close(s.in);
		s.in = NULL;
		if (bad < 0)
			error_wrap(err, "layer %u", l);
	}
	free(v);
	return bad;
}

struct writing {
	struct assembly p;
	const struct relayer_layer *v;
	const struct additions *added;
	int fd;
	u32 next;
	struct str text; /* content of an addition */
	u64 from;        /* of what was spooled */
};

static int entry(void *ctx, struct error *err)
{
	struct writing *w = ctx;
	if (w->next == w->v->n) {
		w->p.over = true;
		w->p.zero = TAR_TRAILER;
		return 0;
	}
	u32 i = w->next++, from = w->v->from[i];
	const struct fact_entry *e = facts_entry(w->v->facts, i);
	bool sparse = e->flags & FACT_SPARSE;
	u64 n = e->type == TAR_FILE ? fact_stored(e) : 0;
	w->p.zero = tarout_padding(n);
	w->from = w->v->at[i];
	if (from != TRACE_NONE && from & RELAYER_ADDED)
		w->text = w->added->v[from & ~RELAYER_ADDED].content;
	w->p.copy = from != TRACE_NONE && from & RELAYER_ADDED ? w->text.n : n + (sparse ? e->head : 0);
	return sparse ? 0 : relayer_header(w->v->facts, e, &w->p.head, err);
}

static ssize_t content(void *ctx, char *to, size_t room, struct error *err)
{
	struct writing *w = ctx;
	size_t k = MIN(room, w->text.n);
	if (k) {
		memcpy(to, w->text.p, k);
		w->text = str_from(w->text, k);
		return (ssize_t)k;
	}
	ssize_t got = file_pread(w->fd, to, room, w->from);
	if (got != (ssize_t)room)
		return got < 0 ? error_errno(err, "a file for what stays") : error_set(err, ERR_ENV, "a file for what stays was cut short");
	w->from += room;
	return got;
}

static const struct assembly_source source = { .entry = entry, .content = content };

static int next(void *ctx, struct str *view, struct error *err)
{
	struct writing *w = ctx;
	return assembly_next(&w->p, &source, w, view, err);
}

static void close_writing(void *ctx)
{
	struct writing *w = ctx;
	assembly_free(&w->p);
	free(w);
}

struct stream *relayer_stream(const struct relayer *r, enum relayer_class c, int fd)
{
	struct writing *w = xcalloc(1, sizeof *w);
	w->v = &r->v[c];
	w->added = r->added;
	w->fd = fd;
	w->text = STR("");
	return stream_callback(next, close_writing, w);
}
