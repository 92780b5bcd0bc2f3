/* pieces.h — for fuzzers of streams: the same bytes in pieces of a chosen size, in memory that is gone as soon as stream.h's promise ends. */
#ifndef PARE_FUZZ_PIECES_H
#define PARE_FUZZ_PIECES_H
#include "layer/stream.h"

struct pieces {
	struct str left;
	size_t piece;
	char *kept[STREAM_KEEP + 1];
	u32 turn;
};

static int pieces_next(void *ctx, struct str *view, struct error *err)
{
	(void)err;
	struct pieces *p = ctx;
	char **slot = &p->kept[p->turn++ % countof(p->kept)];
	size_t n = MIN(p->piece, p->left.n);
	free(*slot);
	*slot = xmalloc(n);
	if (n)
		memcpy(*slot, p->left.p, n);
	*view = str_n(*slot, n);
	p->left = str_from(p->left, n);
	return 0;
}

static void pieces_close(void *ctx)
{
	struct pieces *p = ctx;
	for (size_t i = 0; i < countof(p->kept); i++)
		free(p->kept[i]);
	free(p);
}

/* `choice` any byte: pieces from one byte to all at once. */
static inline struct stream *pieces_stream(struct str s, u8 choice)
{
	static const size_t sizes[] = { STREAM_CHUNK, 1, 7, 100, 511, 512, 513, 4096 };
	struct pieces *p = xcalloc(1, sizeof *p);
	p->left = s;
	p->piece = sizes[choice % countof(sizes)];
	return stream_callback(pieces_next, pieces_close, p);
}
#endif
