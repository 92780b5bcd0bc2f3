#include "layer/read.h"
#include "base/progress.h"

struct reader {
	const struct layer_options *opt;
	struct tar *tar;
	struct facts *facts;
	struct hasher *hash;
	struct buf content, note;
	char clean[TAR_PATH_MAX + 1];
};

static const struct collector *wanted(struct reader *r, const struct tar_entry *e, struct str clean)
{
	if (!r->opt->collectors || e->type != TAR_FILE)
		return NULL;
	const char *slash = clean.n ? memrchr(clean.p, '/', clean.n) : NULL;
	struct str dir = slash ? str_n(clean.p, (size_t)(slash - clean.p)) : str_n("", 0);
	struct str name = slash ? str_from(clean, dir.n + 1) : clean;
	for (const struct collector *const *c = r->opt->collectors; *c; c++)
		if ((*c)->wants(dir, name))
			return *c;
	return NULL;
}

static void take(struct reader *r, const struct collector *c, u32 index, struct str clean)
{
	struct error err = { 0 };
	const char *slash = clean.n ? memrchr(clean.p, '/', clean.n) : NULL;
	struct str dir = slash ? str_n(clean.p, (size_t)(slash - clean.p)) : str_n("", 0);
	struct str name = slash ? str_from(clean, dir.n + 1) : clean;
	if (!c->take) {
		facts_note(r->facts, index, c->id, buf_str(&r->content));
		return;
	}
	buf_clear(&r->note);
	if (c->take(dir, name, buf_str(&r->content), &r->note, &err) < 0)
		problem_add(&r->facts->problems, "/%.*s: %s", STR_FMT(str_head(clean, 300)), err.text);
	/* What could be read before the damage is a fact all the same. */
	facts_note(r->facts, index, c->id, buf_str(&r->note));
}

/* Content of one file: hashed, and gathered for a collector. */
static int content(struct reader *r, const struct tar_entry *e, u32 index, struct str clean, struct error *err)
{
	const struct collector *c = wanted(r, e, clean);
	if (c && e->stored > c->limit) {
		problem_add(&r->facts->problems, "/%.*s: %llu bytes: over the budget of %s", STR_FMT(str_head(clean, 300)), (unsigned long long)e->stored, c->name);
		c = NULL;
	}
	bool hash = r->hash != NULL;
	if (e->type != TAR_FILE || e->stored == 0 || (!hash && !c)) {
		if (c)
			buf_clear(&r->content), take(r, c, index, clean);
		return 0;
	}
	buf_clear(&r->content);
	size_t seen = 0;
	bool binary = false;
	if (hash)
		hasher_reset(r->hash);
	for (;;) {
		struct str view;
		if (tar_content(r->tar, &view, err) < 0)
			return -1;
		if (view.n == 0)
			break;
		if (seen < FACT_TEXT_LOOK && !binary)
			binary = memchr(view.p, '\0', MIN(view.n, FACT_TEXT_LOOK - seen)) != NULL;
		seen += view.n;
		if (hash)
			hasher_add(r->hash, view);
		if (c)
			buf_add(&r->content, view);
	}
	struct fact_entry *x = SEG_AT(&r->facts->entries, index);
	if (binary && !e->sparse)
		x->flags |= FACT_BINARY;
	if (hash) {
		x->hash = hasher_value(r->hash);
		x->flags &= (u8)~FACT_UNHASHED;
	}
	if (c)
		take(r, c, index, clean);
	if (r->content.cap > 4 * MiB)
		buf_free(&r->content);
	return 0;
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
	buf_free(&r->content);
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
