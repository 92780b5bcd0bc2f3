/* deflate.h — compressing what is written: the other direction of stream.h's stream_inflate().
 *
 * The result depends on the bytes, the format and the level alone: not on the number of threads, the sizes of the writes, the
 * clock or (but for what DEFLATE_FAST says) the processor.
 *   - gzip: members of DEFLATE_BLOCK bytes of input each (RFC 1952 section 2.2: a file is a series of members; time 0, system
 *     255), compressed by libdeflate on all cores and written in order.
 *   - zstd: one frame with a content checksum, made by libzstd's workers. ERR_INPUT where it would be so small that stream_inflate() took it for a bomb; gzip never is.
 *   - none: passes through.
 * Threads are started as blocks wait for them, and counted as busy (thread.h).
 * Memory: (threads + 2) blocks and their results for gzip, about as much for zstd.
 */
#ifndef PARE_LAYER_DEFLATE_H
#define PARE_LAYER_DEFLATE_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "layer/stream.h"

#define DEFLATE_BLOCK ((size_t)MiB)
#define DEFLATE_GZIP_LEVEL 6 /* of libdeflate: 1..12 */
#define DEFLATE_FAST (-1)    /* a level of gzip: by isa-l, less than half of the time of level 1 and 2 to 4 % larger; what is compressed already is stored. The same bytes on every x86-64 processor with SSE 4.2 (since 2009) */
#define DEFLATE_ZSTD_LEVEL 6 /* of zstd: 1..19 */

/* Takes the compressed bytes in order, called on the thread of deflate_write() and deflate_finish(). */
typedef int deflate_out(void *ctx, struct str bytes, struct error *err);

struct deflate;
/* Whether this kind can be written at this level; 0 stands for the default. */
bool deflate_can(enum compression kind, int level);
struct deflate *deflate_new(enum compression kind, int level, deflate_out *out, void *ctx);
int deflate_write(struct deflate *d, struct str bytes, struct error *err) must_check; /* errors are final */
int deflate_finish(struct deflate *d, struct error *err) must_check;                  /* everything is out; then deflate_free() */
int deflate_all(struct deflate *d, struct stream *from, struct error *err) must_check;  /* writes all of it and finishes; the progress line counts it */
void deflate_free(struct deflate *d);                                                 /* NULL is fine */
#endif
