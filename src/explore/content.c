#include "explore/content.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "store/load.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The stored layer on its way to the inflater, counted, and stopped when the user says so. */
struct counted {
	struct stream *inner;
	content_tick *tick;
	void *ctx;
	u64 total;
};

static int counted_next(void *ctx, struct str *view, struct error *err)
{
	struct counted *c = ctx;
	if (c->tick && !c->tick(c->ctx, c->inner->at, c->total))
		return error_set(err, ERR_ENV, "stopped");
	return stream_next(c->inner, view, err);
}

static void counted_close(void *ctx)
{
	struct counted *c = ctx;
	stream_close(c->inner);
	free(c);
}

void content_init(struct content *c, const struct image *img, u32 layer, u32 entry, content_tick *tick, void *ctx)
{
	*c = (struct content){ .image = img, .layer = layer, .entry = entry, .tick = tick, .tick_ctx = ctx };
	c->size = fact_stored(facts_entry(img->layers[layer].facts, entry));
}

void content_close(struct content *c)
{
	stream_close(c->s);
	free(c->window);
	c->s = NULL;
	c->window = NULL;
	c->ahead = (struct str){ 0 };
	c->n = 0;
}

/* Passes over n bytes of the stream. */
static int pass(struct content *c, u64 n, struct error *err)
{
	while (n) {
		if (c->ahead.n == 0) {
			if (stream_can_seek(c->s))
				return stream_skip(c->s, n, err);
			if (stream_next(c->s, &c->ahead, err) < 0)
				return -1;
			if (c->ahead.n == 0)
				return error_set(err, ERR_INPUT, "the layer ends before the file");
		}
		u64 k = MIN(n, c->ahead.n);
		c->ahead = str_from(c->ahead, (size_t)k);
		n -= k;
	}
	return 0;
}

/* The layer's uncompressed bytes from their beginning. */
static int open_layer(const struct content *c, struct stream **ret, struct error *err)
{
	const struct image_layer *l = &c->image->layers[c->layer];
	struct source *src = image_source(c->image);
	struct stream *raw;
	if (!src)
		return error_set(err, ERR_ENV, "contents cannot be read again from where this image came");
	if (src->ops->open_layer(src, c->layer, &raw, err) < 0)
		return -1;
	if (l->compression == COMP_NONE && stream_can_seek(raw)) {
		*ret = raw;
		return 0;
	}
	struct counted *n = xmalloc(sizeof *n);
	*n = (struct counted){ raw, c->tick, c->tick_ctx, l->compressed_size };
	enum compression kind;
	return stream_inflate(stream_callback(counted_next, counted_close, n), ret, &kind, err);
}

/* Opens the layer (again) and stands at `offset` of the file. */
static int reopen(struct content *c, u64 offset, struct error *err)
{
	const struct fact_entry *e = facts_entry(c->image->layers[c->layer].facts, c->entry);
	stream_close(c->s);
	c->s = NULL;
	c->ahead = (struct str){ 0 };
	c->n = 0;
	c->from = c->at = offset;
	if (open_layer(c, &c->s, err) < 0) {
		c->s = NULL;
		return -1;
	}
	if (pass(c, e->start + e->head + offset, err) == 0)
		return 0;
	stream_close(c->s);
	c->s = NULL;
	return -1;
}

/* At most what is left of the file; empty at its end. */
static int next(struct content *c, struct str *view, struct error *err)
{
	if (c->at < c->size && c->ahead.n == 0 && stream_next(c->s, &c->ahead, err) < 0)
		return -1;
	if (c->at < c->size && c->ahead.n == 0)
		return error_set(err, ERR_INPUT, "the layer ends inside the file");
	*view = str_head(c->ahead, (size_t)MIN(c->ahead.n, c->size - c->at));
	return 0;
}

static void used(struct content *c, size_t n)
{
	c->ahead = str_from(c->ahead, n);
	c->at += n;
}

/* Makes room behind the window's bytes: half of them go. */
static void slide(struct content *c)
{
	if (c->n == CONTENT_WINDOW) {
		size_t drop = CONTENT_WINDOW / 2;
		memmove(c->window, c->window + drop, c->n - drop);
		c->n -= drop;
		c->from += drop;
	}
}

static int fill(struct content *c, u64 end, struct error *err)
{
	while (c->from + c->n < end) {
		slide(c);
		struct str v = STR("");
		if (next(c, &v, err) < 0)
			return -1;
		size_t k = MIN(v.n, CONTENT_WINDOW - c->n);
		memcpy(c->window + c->n, v.p, k);
		c->n += k;
		used(c, k);
		if (c->tick && !c->tick(c->tick_ctx, c->s->at, 0))
			return error_set(err, ERR_ENV, "stopped");
	}
	return 0;
}

int content_get(struct content *c, u64 offset, size_t n, struct str *view, struct error *err)
{
	offset = MIN(offset, c->size);
	u64 end = MIN(offset + MIN(n, CONTENT_GET), c->size);
	if (end == offset) {
		*view = (struct str){ "", 0 };
		return 0;
	}
	if (!c->window)
		c->window = xmalloc(CONTENT_WINDOW);
	u64 slack = CONTENT_WINDOW / 4, begin = offset > slack ? offset - slack : 0; /* so that going back a little costs nothing */
	bool inside = c->s && offset >= c->from && offset <= c->from + c->n;
	if (!inside && c->s && offset > c->from && begin > c->at) {
		if (pass(c, begin - c->at, err) < 0) {
			content_close(c);
			return -1;
		}
		c->from = c->at = begin;
		c->n = 0;
	} else if (!inside && (!c->s || offset < c->from) && reopen(c, begin, err) < 0) {
		return -1;
	}
	if (fill(c, end, err) < 0) {
		content_close(c); /* errors of a stream are final: the next call begins anew */
		return -1;
	}
	*view = str_n(c->window + (offset - c->from), (size_t)(end - offset));
	return 0;
}

void content_safe_name(const char *name, struct buf *out)
{
	buf_clear(out);
	struct str s = str_of(name);
	while (s.n && out->n < 196) {
		u32 code;
		size_t n = text_utf8(s, &code);
		struct buf safe = BUF(0);
		if (n)
			text_safe(&safe, str_head(s, n));
		/* What text_safe leaves as it is is harmless on a terminal; a file name needs a little more. */
		if (n && safe.n == n && code != '/' && code != '\\' && code != '\t' && code != '\n' && !(code == '-' && out->n == 0))
			buf_add(out, str_head(s, n));
		else
			buf_putc(out, '_');
		buf_free(&safe);
		s = str_from(s, n ? n : 1);
	}
	struct str have = buf_str(out);
	if (have.n == 0 || str_is(have, ".") || str_is(have, "..")) {
		buf_clear(out);
		buf_puts(out, "file");
	}
}

static int create(struct buf *name, struct error *err)
{
	size_t n = name->n;
	for (int i = 0; i < 100; i++) {
		if (i) {
			name->n = n;
			buf_printf(name, ".%d", i);
		}
		int fd = openat(AT_FDCWD, name->p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST && errno != ELOOP)
			return error_errno(err, "%s", name->p);
	}
	return error_set(err, ERR_ENV, "%.*s and 99 more names like it exist already", (int)MIN(n, (size_t)200), name->p);
}

static int write_all(struct content *c, int fd, struct hasher *h, struct error *err)
{
	if (c->size && reopen(c, 0, err) < 0)
		return -1;
	while (c->at < c->size) {
		struct str v;
		if (next(c, &v, err) < 0)
			return -1;
		hasher_add(h, v);
		if (file_write_all(fd, v.p, v.n) < 0)
			return error_errno(err, "writing");
		used(c, v.n);
		if (c->tick && !c->tick(c->tick_ctx, c->at, c->size))
			return error_set(err, ERR_ENV, "stopped");
	}
	return 0;
}

int content_extract(const struct image *img, u32 layer, u32 entry, content_tick *tick, void *ctx, struct buf *name, struct error *err)
{
	const struct facts *f = img->layers[layer].facts;
	const struct fact_entry *e = facts_entry(f, entry);
	if (e->type != TAR_FILE)
		return error_set(err, ERR_USAGE, "only regular files can be extracted");
	if (e->flags & FACT_SPARSE)
		return error_set(err, ERR_INPUT, "a sparse file: where its holes are is not recorded, so it would come out wrong");
	content_safe_name(facts_name(f, e), name);
	int fd = create(name, err);
	if (fd < 0)
		return -1;
	int slot = file_unlink_at_exit(name->p);
	struct content c;
	content_init(&c, img, layer, entry, tick, ctx);
	struct hasher *h = hasher_new();
	int r = write_all(&c, fd, h, err);
	if (r == 0 && !(e->flags & FACT_UNHASHED) && !hash_eq(hasher_value(h), e->hash))
		r = error_set(err, ERR_INPUT, "the content is not what was read before: the image has changed");
	if (close(fd) < 0 && r == 0)
		r = error_errno(err, "%s", name->p);
	if (r < 0)
		unlink(name->p);
	file_forget(slot);
	hasher_free(h);
	content_close(&c);
	return r;
}
