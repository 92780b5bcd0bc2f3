#include "slim/assembly.h"

static ssize_t some(struct assembly *p, const struct assembly_source *s, void *ctx, char *to, size_t room, struct error *err)
{
	if (p->head_at < p->head.n) {
		size_t k = MIN(room, p->head.n - p->head_at);
		memcpy(to, p->head.p + p->head_at, k);
		p->head_at += k;
		return (ssize_t)k;
	}
	if (p->copy) {
		ssize_t k = s->content(ctx, to, (size_t)MIN((u64)room, p->copy), err);
		p->copy -= k > 0 ? (u64)k : 0;
		return k;
	}
	size_t k = (size_t)MIN((u64)room, p->zero);
	memset(to, 0, k);
	p->zero -= k;
	return (ssize_t)k;
}

int assembly_next(struct assembly *p, const struct assembly_source *s, void *ctx, struct str *view, struct error *err)
{
	if (!p->ring)
		p->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	char *to = p->ring + (size_t)(p->turn++ % STREAM_RING) * STREAM_CHUNK;
	size_t n = 0;
	while (n < STREAM_CHUNK) {
		if (p->head_at == p->head.n && !p->copy && !p->zero) {
			if (p->over)
				break;
			buf_clear(&p->head);
			p->head_at = 0;
			if (s->entry(ctx, err) < 0)
				return -1;
			continue;
		}
		ssize_t k = some(p, s, ctx, to + n, STREAM_CHUNK - n, err);
		if (k < 0)
			return -1;
		n += (size_t)k;
	}
	*view = str_n(to, n);
	return 0;
}

void assembly_free(struct assembly *p)
{
	buf_free(&p->head);
	free(p->ring);
}
