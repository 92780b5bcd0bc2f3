/* stream.h — bytes on their way: file → digest → inflate → digest → tar, each stage pulled by the next.
 *
 * stream_next() gives a view of the next bytes, as many as are at hand (at least one, at most STREAM_CHUNK), and an
 * empty view at the end. Nothing is copied on the way: a view points into the buffer of the stage that made it and
 * STAYS GOOD FOR THE NEXT STREAM_KEEP CALLS of stream_next() on that stream, so that a digest can be computed on
 * another thread while the reader goes on. Errors are final.
 *
 * Memory: a file or an inflating stage has a ring of STREAM_RING buffers of STREAM_CHUNK bytes.
 */
#ifndef PARE_LAYER_STREAM_H
#define PARE_LAYER_STREAM_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "oci/digest.h"

#define STREAM_CHUNK ((size_t)(32 * KiB))
#define STREAM_RING 6
#define STREAM_KEEP (STREAM_RING - 2)

struct stream;
struct stream_ops {
	int (*next)(struct stream *s, struct str *view, struct error *err);
	int (*skip)(struct stream *s, u64 n, struct error *err); /* NULL: bytes can only be read */
	void (*close)(struct stream *s);
};
struct stream { /* the first member of every stage */
	const struct stream_ops *ops;
	u64 at; /* bytes given out or skipped so far */
};

int stream_next(struct stream *s, struct str *view, struct error *err) must_check;
/* Passes over n bytes by seeking: only where stream_can_seek(). ERR_INPUT when the stream ends before. */
int stream_skip(struct stream *s, u64 n, struct error *err) must_check;
bool stream_can_seek(const struct stream *s);
int stream_drain(struct stream *s, struct error *err) must_check; /* reads to the end */
void stream_close(struct stream *s);                               /* and what it stands on; NULL is fine */

/* length bytes of fd from offset (length UINT64_MAX: to the end, and fd need not be seekable: then offset is 0).
 * Takes the fd when `own`. `chunk`: bytes a read, 0 for STREAM_CHUNK; small ones suit reading headers only. */
struct stream *stream_file(int fd, bool own, u64 offset, u64 length, size_t chunk);
struct stream *stream_memory(struct str s);                     /* s stays the caller's */
struct stream *stream_concat(struct str head, struct stream *tail); /* head (copied), then tail (taken) */
struct stream *stream_callback(int (*next)(void *ctx, struct str *view, struct error *err), void (*close)(void *ctx), void *ctx);

/* --- inflate.c --- */
enum compression { COMP_NONE, COMP_GZIP, COMP_ZSTD, COMP_XZ, COMP_BZIP2 };
const char *compression_name(enum compression c); /* "none", "gzip", … */
/* What the first bytes say (6 suffice); never what a name or a media type says. */
enum compression compression_sniff(struct str head);

#define INFLATE_RATIO 1000          /* a stream may not grow more than this, … */
#define INFLATE_FREE (4 * GiB)      /* … once this much has come out: an empty file of a gigabyte or two is what a step may well make */
#define INFLATE_MAX (256 * GiB)     /* and never more than this */
#define INFLATE_MEMORY (256 * MiB)  /* that a format may ask for (zstd window, xz dictionary) */
/* Inflates `inner` (taken), recognising the format by content: several gzip members, several and skippable zstd frames,
 * several xz and bzip2 streams one after the other; plain bytes pass through. *ret_kind says which. Zero bytes behind the last
 * member are padding; anything else there is damage, as is an end inside a member. */
int stream_inflate(struct stream *inner, struct stream **ret, enum compression *ret_kind, struct error *err) must_check;

/* --- tap.c --- */
/* Computes the digest of everything that passes, on a thread of its own. */
struct tap;
struct stream *stream_tap(struct stream *inner, enum digest_alg alg, struct tap **ret); /* takes inner; *ret lives as long as the stream */
struct digest tap_digest(struct tap *t); /* once, after the end was reached */
/* Bytes that must be these (takes inner): another length or digest is an error of this kind at the end, before which nothing is proven. `where` they come from, for that message, stays the caller's. */
struct stream *stream_verified(struct stream *inner, const struct digest *d, u64 size, const char *where, enum error_kind kind);
#endif
