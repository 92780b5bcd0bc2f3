/* Feeds in lines: EPSS. However the bytes are cut into pieces, they say the same. */
#include "feed_sink.h"

struct pieces {
	struct str rest;
	size_t n;
};

static int next(void *ctx, struct str *view, struct error *err)
{
	struct pieces *p = ctx;
	(void)err;
	*view = str_head(p->rest, p->n);
	p->rest = str_from(p->rest, p->n);
	return 0;
}

static u64 told(const uint8_t *data, size_t size, size_t piece)
{
	struct pieces p = { str_n(data, size), piece };
	struct feed_job j = { .kind = "fuzz" };
	struct error err = { 0 };
	struct stream *s = stream_callback(next, NULL, &p);
	sunk = 0;
	int r = feed_epss(&j, "fuzz", s, &err);
	if ((r < 0) != (err.kind != ERR_NONE))
		abort();
	stream_close(s);
	return sunk + (r < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (told(data + 1, size - 1, size) != told(data + 1, size - 1, 1 + data[0]))
		abort();
	return 0;
}
