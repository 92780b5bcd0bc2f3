/* assembly.h — a tar that is made as it is read: entry after entry a head of its own making, content from elsewhere, zeros; into the buffers of a stream (layer/stream.h), STREAM_CHUNK each. */
#ifndef PARE_SLIM_ASSEMBLY_H
#define PARE_SLIM_ASSEMBLY_H
#include "base/buf.h"
#include "layer/stream.h"

struct assembly { /* zeros at the beginning */
	struct buf head; /* what comes first of an entry */
	u64 copy, zero;  /* then so many bytes of content, and of zeros */
	bool over;       /* no entry comes after this one */
	size_t head_at;
	char *ring;
	u32 turn;
};
struct assembly_source {
	int (*entry)(void *ctx, struct error *err); /* all of the last entry is given out: sets up the next in `head` (empty), `copy`, `zero`, or says `over` */
	ssize_t (*content)(void *ctx, char *to, size_t room, struct error *err); /* some of `copy`, which room does not exceed; how much. 0 when it has made `copy` less by itself */
};

int assembly_next(struct assembly *p, const struct assembly_source *s, void *ctx, struct str *view, struct error *err) must_check; /* for stream_callback() */
void assembly_free(struct assembly *p);
#endif
