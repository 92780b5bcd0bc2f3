#include "layer/read.h"
#include "base/progress.h"

struct taker {
	const struct collector *c;
	void *state; /* of one that reads piece by piece: opened for its first file */
	bool on;     /* takes from the file that passes */
};

struct reader {
	const struct layer_options *opt;
	struct tar *tar;
	struct facts *facts;
	struct hasher *hash;
	struct taker *takers;
	u32 n_takers;
	bool joins; /* some look at beginnings, or are promised whole ones */
	struct buf content, head, note;
	char clean[TAR_PATH_MAX + 1];
};

/* The file that passes. */
struct passing {
	const struct tar_entry *e;
	u32 index;
	struct str clean, dir, name;
	u32 on;      /* how many take from it */
	bool gather; /* its content is wanted whole */
	u64 fed;
};

static void takers_open(struct reader *r)
{
	u32 n = 0;
	while (r->opt->collectors && r->opt->collectors[n])
		n++;
	r->takers = xcalloc(n ? n : 1, sizeof *r->takers);
	for (u32 i = 0; i < n; i++) {
		const struct collector *c = r->opt->collectors[i];
		if (r->opt->headers_only && (c->stream || !c->wants))
			continue; /* contents are to be passed over: only the few that are asked for by name are read */
		r->takers[r->n_takers++].c = c;
		r->joins |= c->stream || (c->sniff && !r->opt->headers_only);
	}
}

static void takers_close(struct reader *r)
{
	for (u32 i = 0; i < r->n_takers; i++)
		if (r->takers[i].state)
			r->takers[i].c->stream->close(r->takers[i].state);
	free(r->takers);
}

static void over_budget(struct reader *r, const struct passing *f, const struct collector *c)
{
	problem_add(&r->facts->problems, "/%.*s: %llu bytes: over the budget of %s", STR_FMT(str_head(f->clean, 300)), (unsigned long long)f->e->stored, c->name);
}

static void turn_on(struct reader *r, struct passing *f, struct taker *t)
{
	const struct collector *c = t->c;
	if (!c->stream && f->e->stored > c->limit) {
		over_budget(r, f, c);
		return;
	}
	t->on = true;
	f->on++;
	f->gather |= !c->stream;
	if (!c->stream)
		return;
	if (!t->state)
		t->state = c->stream->open();
	c->stream->begin(t->state, f->dir, f->name, f->e);
}

static void ask_by_path(struct reader *r, struct passing *f)
{
	const char *slash = f->clean.n ? memrchr(f->clean.p, '/', f->clean.n) : NULL;
	f->dir = slash ? str_n(f->clean.p, (size_t)(slash - f->clean.p)) : str_n("", 0);
	f->name = slash ? str_from(f->clean, f->dir.n + 1) : f->clean;
	for (u32 i = 0; i < r->n_takers; i++) {
		struct taker *t = &r->takers[i];
		t->on = false;
		if (t->c->wants && t->c->wants(f->dir, f->name))
			turn_on(r, f, t);
	}
}

static void ask_by_head(struct reader *r, struct passing *f, struct str head)
{
	for (u32 i = 0; i < r->n_takers; i++) {
		struct taker *t = &r->takers[i];
		if (!t->on && t->c->sniff && t->c->sniff(f->dir, f->name, f->e, str_head(head, COLLECT_HEAD)))
			turn_on(r, f, t);
	}
}

static void feed(struct reader *r, struct passing *f, struct str piece)
{
	if (f->gather)
		buf_add(&r->content, piece);
	for (u32 i = 0; f->on && i < r->n_takers; i++) {
		struct taker *t = &r->takers[i];
		if (t->on && t->c->stream && f->fed < t->c->limit)
			t->c->stream->feed(t->state, str_head(piece, (size_t)MIN((u64)piece.n, t->c->limit - f->fed)));
	}
	f->fed += piece.n;
}

/* Views of the content are as long as the stream has it: the beginning is put together before anybody sees it. */
static void feed_joined(struct reader *r, struct passing *f, struct str view)
{
	size_t want = (size_t)MIN((u64)COLLECT_HEAD, f->e->stored);
	if (f->fed) {
		feed(r, f, view);
		return;
	}
	if (r->head.n == 0 && view.n >= want) {
		ask_by_head(r, f, view);
		feed(r, f, view);
		return;
	}
	size_t more = MIN(want - r->head.n, view.n);
	buf_add(&r->head, str_head(view, more));
	if (r->head.n < want)
		return;
	ask_by_head(r, f, buf_str(&r->head));
	feed(r, f, buf_str(&r->head));
	if (view.n > more)
		feed(r, f, str_from(view, more));
}

/* What could be read before the damage is a fact all the same. */
static void finish(struct reader *r, struct passing *f)
{
	for (u32 i = 0; f->on && i < r->n_takers; i++) {
		const struct taker *t = &r->takers[i];
		const struct collector *c = t->c;
		struct error err = { 0 };
		int status = 0;
		if (!t->on)
			continue;
		if (!c->stream && !c->take) {
			facts_note(r->facts, f->index, c->id, buf_str(&r->content));
			continue;
		}
		buf_clear(&r->note);
		status = c->stream ? c->stream->end(t->state, &r->note, &err) : c->take(f->dir, f->name, buf_str(&r->content), &r->note, &err);
		if (status < 0)
			problem_add(&r->facts->problems, "/%.*s: %s", STR_FMT(str_head(f->clean, 300)), err.text);
		if (c->stream && f->e->stored > c->limit)
			over_budget(r, f, c);
		if (!c->stream || r->note.n)
			facts_note(r->facts, f->index, c->id, buf_str(&r->note));
	}
	if (r->content.cap > 4 * MiB)
		buf_free(&r->content);
	if (r->note.cap > 4 * MiB)
		buf_free(&r->note);
}

/* The content breaks off: those that read it piece by piece are made ready for another file. */
static void give_up(struct reader *r)
{
	for (u32 i = 0; i < r->n_takers; i++) {
		const struct taker *t = &r->takers[i];
		struct error err;
		buf_clear(&r->note);
		if (t->on && t->c->stream && t->c->stream->end(t->state, &r->note, &err) < 0) { /* it broke off, that is known */
		}
	}
}

/* Content of one file: hashed, and fed to the collectors. */
static int content(struct reader *r, const struct tar_entry *e, u32 index, struct str clean, struct error *err)
{
	struct passing f = { .e = e, .index = index, .clean = clean };
	bool hash = r->hash != NULL, binary = false;
	size_t seen = 0;
	if (e->type != TAR_FILE)
		return 0;
	buf_clear(&r->content);
	buf_clear(&r->head);
	ask_by_path(r, &f);
	if (e->stored == 0 || (!hash && !f.on)) {
		finish(r, &f);
		return 0;
	}
	if (hash)
		hasher_reset(r->hash);
	for (;;) {
		struct str view;
		if (tar_content(r->tar, &view, err) < 0) {
			give_up(r);
			return -1;
		}
		if (view.n == 0)
			break;
		if (seen < FACT_TEXT_LOOK && !binary)
			binary = memchr(view.p, '\0', MIN(view.n, FACT_TEXT_LOOK - seen)) != NULL;
		seen += view.n;
		if (hash)
			hasher_add(r->hash, view);
		if (r->joins)
			feed_joined(r, &f, view);
		else if (f.on)
			feed(r, &f, view);
	}
	struct fact_entry *x = SEG_AT(&r->facts->entries, index);
	if (binary && !e->sparse)
		x->flags |= FACT_BINARY;
	if (hash) {
		x->hash = hasher_value(r->hash);
		x->flags &= (u8)~FACT_UNHASHED;
	}
	finish(r, &f);
	return 0;
}

void layer_collect(struct facts *f, u32 entry, const struct collector *const *collectors, const struct tar_entry *e, struct str clean, struct str bytes)
{
	struct layer_options opt = { .collectors = collectors };
	struct reader r = { .opt = &opt, .facts = f };
	struct passing p = { .e = e, .index = entry, .clean = clean };
	takers_open(&r);
	ask_by_path(&r, &p);
	if (bytes.n) {
		ask_by_head(&r, &p, bytes);
		feed(&r, &p, bytes);
	}
	finish(&r, &p);
	takers_close(&r);
	buf_free(&r.content);
	buf_free(&r.note);
}

static int entries(struct reader *r, struct error *err)
{
	struct tar_entry e;
	int more;
	while ((more = tar_next(r->tar, &e, err)) == 1) {
		ssize_t n = tar_clean(e.path, r->clean);
		if (n < 0) {
			problem_add(&r->facts->problems, "%.*s…: a path of %zu bytes: over the budget", STR_FMT(str_head(e.path, 60)), e.path.n);
			continue;
		}
		struct str clean = str_n(r->clean, (size_t)n);
		if (e.type == TAR_OTHER) {
			problem_add(&r->facts->problems, "/%.*s: tar entry of unknown type %d", STR_FMT(str_head(clean, 300)), e.flag);
			continue;
		}
		u32 index;
		if (facts_add(r->facts, &e, clean, &index, err) < 0)
			return -1;
		if (content(r, &e, index, clean, err) < 0) {
			/* Its bytes are not all there: the entry is no fact. */
			r->facts->entries.n--;
			while (r->facts->n_notes && r->facts->notes[r->facts->n_notes - 1].entry == index)
				free((void *)(uintptr_t)r->facts->notes[--r->facts->n_notes].bytes.p);
			return -1;
		}
	}
	return more;
}

/* Counts what passes, for the progress line. */
struct meter {
	struct stream *inner;
	u64 size;
};

static int meter_next(void *ctx, struct str *view, struct error *err)
{
	struct meter *m = ctx;
	if (stream_next(m->inner, view, err) < 0)
		return -1;
	m->size += view->n;
	progress_add(view->n);
	return 0;
}

static void parse(struct reader *r, struct stream *plain)
{
	struct error e = { 0 };
	r->tar = tar_open(plain);
	if (entries(r, &e) < 0)
		problem_add(&r->facts->problems, "%s", e.text);
	tar_close(r->tar);
}

/* Only headers: no digest, contents sought over. Where that cannot be, they pass by anyway and are told apart by their hashes. */
static int headers(struct stream *blob, struct reader *r, struct layer_read *ret, struct error *err)
{
	struct stream *plain;
	if (stream_inflate(blob, &plain, &ret->compression, err) < 0)
		return -1;
	if (!stream_can_seek(plain))
		r->hash = hasher_new();
	parse(r, plain);
	struct error e = { 0 };
	if (!stream_can_seek(plain) && r->facts->problems.n == 0 && stream_drain(plain, &e) < 0)
		problem_add(&r->facts->problems, "%s", e.text);
	r->facts->size = plain->at;
	stream_close(plain);
	return 0;
}

int layer_read(struct stream *blob, const struct layer_options *opt, struct layer_read *ret, struct error *err)
{
	struct layer_read out = { .facts = facts_new() };
	struct reader *r = xcalloc(1, sizeof *r);
	struct error e = { 0 };
	*r = (struct reader){ .opt = opt, .facts = out.facts };
	takers_open(r);
	int status = 0;
	if (opt->headers_only) {
		if (headers(blob, r, &out, &e) < 0)
			problem_add(&out.facts->problems, "%s", e.text);
		goto done;
	}
	r->hash = hasher_new();
	struct meter meter = { .inner = blob };
	struct tap *stored, *plain_tap = NULL;
	struct stream *plain, *blob_tap = stream_tap(stream_callback(meter_next, NULL, &meter), opt->blob_alg ? opt->blob_alg : DIGEST_SHA256, &stored);
	/* stream_inflate closes what it was given when it fails; the tap is then gone, so its digest is too. */
	if (stream_inflate(blob_tap, &plain, &out.compression, &e) < 0) {
		problem_add(&out.facts->problems, "%s", e.text);
		stream_close(blob);
		if (e.kind == ERR_ENV)
			status = -1;
		goto done;
	}
	/* A plain layer's two digests are of the same bytes. */
	bool both = out.compression != COMP_NONE || (opt->diff_alg && opt->diff_alg != (opt->blob_alg ? opt->blob_alg : DIGEST_SHA256));
	struct stream *top = both ? stream_tap(plain, opt->diff_alg ? opt->diff_alg : DIGEST_SHA256, &plain_tap) : plain;
	parse(r, top);
	if (stream_drain(top, &e) < 0)
		problem_add(&out.facts->problems, "%s", e.text);
	else {
		out.blob = tap_digest(stored);
		out.facts->diff_id = both ? tap_digest(plain_tap) : out.blob;
	}
	out.facts->size = top->at;
	stream_close(top);
	stream_close(blob);
	out.blob_size = meter.size;
done:
	if (r->hash)
		hasher_free(r->hash);
	takers_close(r);
	buf_free(&r->content);
	buf_free(&r->head);
	buf_free(&r->note);
	free(r);
	if (status < 0) {
		if (err)
			*err = e;
		facts_free(out.facts);
		return -1;
	}
	facts_trim(out.facts);
	*ret = out;
	return 0;
}
