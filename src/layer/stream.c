#include "layer/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int stream_next(struct stream *s, struct str *view, struct error *err)
{
	if (s->ops->next(s, view, err) < 0)
		return -1;
	s->at += view->n;
	return 0;
}

bool stream_can_seek(const struct stream *s) { return s->ops->skip != NULL; }

int stream_skip(struct stream *s, u64 n, struct error *err)
{
	if (!s->ops->skip)
		return error_set(err, ERR_INPUT, "this stream cannot be sought");
	if (s->ops->skip(s, n, err) < 0)
		return -1;
	s->at += n;
	return 0;
}

int stream_drain(struct stream *s, struct error *err)
{
	struct str view;
	do {
		if (stream_next(s, &view, err) < 0)
			return -1;
	} while (view.n);
	return 0;
}

void stream_close(struct stream *s)
{
	if (s)
		s->ops->close(s);
}

/* --- files --- */
struct file_stream {
	struct stream base;
	int fd;
	bool own, seekable;
	u64 offset, left;
	size_t chunk;
	u32 turn;
	char *ring; /* STREAM_RING buffers of `chunk` bytes, made at the first read */
};

static int file_next(struct stream *s, struct str *view, struct error *err)
{
	struct file_stream *f = (struct file_stream *)s;
	if (!f->ring)
		f->ring = xmalloc(STREAM_RING * f->chunk);
	char *to = f->ring + (size_t)(f->turn++ % STREAM_RING) * f->chunk;
	size_t want = (size_t)MIN((u64)f->chunk, f->left), have = 0;
	while (have < want) {
		ssize_t n = f->seekable ? pread(f->fd, to + have, want - have, (off_t)(f->offset + have)) : read(f->fd, to + have, want - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "reading");
		if (n == 0)
			break;
		have += (size_t)n;
		if (!f->seekable)
			break; /* a pipe: give what is there */
	}
	f->offset += have;
	f->left -= have;
	*view = str_n(to, have);
	return 0;
}

static int file_skip(struct stream *s, u64 n, struct error *err)
{
	struct file_stream *f = (struct file_stream *)s;
	if (n > f->left)
		return error_set(err, ERR_INPUT, "ends early");
	f->offset += n;
	f->left -= n;
	return 0;
}

static void file_close(struct stream *s)
{
	struct file_stream *f = (struct file_stream *)s;
	if (f->own)
		close(f->fd);
	free(f->ring);
	free(f);
}

static const struct stream_ops file_ops = { file_next, NULL, file_close }, seek_ops = { file_next, file_skip, file_close };

struct stream *stream_file(int fd, bool own, u64 offset, u64 length, size_t chunk)
{
	struct file_stream *f = xcalloc(1, sizeof *f);
	off_t end = lseek(fd, 0, SEEK_END);
	f->seekable = end >= 0;
	if (f->seekable) { /* a pipe has no end to seek to */
		u64 size = (u64)end;
		length = offset > size ? 0 : MIN(length, size - offset);
	}
	f->base.ops = f->seekable ? &seek_ops : &file_ops;
	f->fd = fd;
	f->own = own;
	f->offset = offset;
	f->left = length;
	f->chunk = chunk ? chunk : STREAM_CHUNK;
	return &f->base;
}

/* --- memory --- */
struct memory_stream {
	struct stream base;
	struct str left;
	char *owned;
};

static int memory_next(struct stream *s, struct str *view, struct error *err)
{
	(void)err;
	struct memory_stream *m = (struct memory_stream *)s;
	*view = str_head(m->left, STREAM_CHUNK);
	m->left = str_from(m->left, view->n);
	return 0;
}

static int memory_skip(struct stream *s, u64 n, struct error *err)
{
	struct memory_stream *m = (struct memory_stream *)s;
	if (n > m->left.n)
		return error_set(err, ERR_INPUT, "ends early");
	m->left = str_from(m->left, (size_t)n);
	return 0;
}

static void memory_close(struct stream *s)
{
	free(((struct memory_stream *)s)->owned);
	free(s);
}

static const struct stream_ops memory_ops = { memory_next, memory_skip, memory_close };

struct stream *stream_memory(struct str s)
{
	struct memory_stream *m = xcalloc(1, sizeof *m);
	m->base.ops = &memory_ops;
	m->left = s;
	return &m->base;
}

/* --- what was sniffed, then the rest --- */
struct concat_stream {
	struct stream base;
	struct str head;
	char *owned;
	struct stream *tail;
};

static int concat_next(struct stream *s, struct str *view, struct error *err)
{
	struct concat_stream *c = (struct concat_stream *)s;
	if (c->head.n) {
		*view = str_head(c->head, STREAM_CHUNK);
		c->head = str_from(c->head, view->n);
		return 0;
	}
	return stream_next(c->tail, view, err);
}

static int concat_skip(struct stream *s, u64 n, struct error *err)
{
	struct concat_stream *c = (struct concat_stream *)s;
	size_t k = (size_t)MIN(n, (u64)c->head.n);
	c->head = str_from(c->head, k);
	return n > k ? stream_skip(c->tail, n - k, err) : 0;
}

static void concat_close(struct stream *s)
{
	struct concat_stream *c = (struct concat_stream *)s;
	stream_close(c->tail);
	free(c->owned);
	free(c);
}

static const struct stream_ops concat_ops = { concat_next, NULL, concat_close }, concat_seek_ops = { concat_next, concat_skip, concat_close };

struct stream *stream_concat(struct str head, struct stream *tail)
{
	struct concat_stream *c = xcalloc(1, sizeof *c);
	c->owned = xmalloc(head.n);
	if (head.n)
		memcpy(c->owned, head.p, head.n);
	c->head = str_n(c->owned, head.n);
	c->tail = tail;
	c->base.ops = stream_can_seek(tail) ? &concat_seek_ops : &concat_ops;
	return &c->base;
}

/* --- somebody else's --- */
struct callback_stream {
	struct stream base;
	int (*next)(void *ctx, struct str *view, struct error *err);
	void (*close)(void *ctx);
	void *ctx;
};

static int callback_next(struct stream *s, struct str *view, struct error *err)
{
	struct callback_stream *c = (struct callback_stream *)s;
	return c->next(c->ctx, view, err);
}

static void callback_close(struct stream *s)
{
	struct callback_stream *c = (struct callback_stream *)s;
	if (c->close)
		c->close(c->ctx);
	free(c);
}

static const struct stream_ops callback_ops = { callback_next, NULL, callback_close };

struct stream *stream_callback(int (*next)(void *, struct str *, struct error *), void (*close_)(void *), void *ctx)
{
	struct callback_stream *c = xcalloc(1, sizeof *c);
	c->base.ops = &callback_ops;
	c->next = next;
	c->close = close_;
	c->ctx = ctx;
	return &c->base;
}
