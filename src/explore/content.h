/* content.h — the bytes of one file of an image: a window of them to look at, or all of them into a file of the host.
 *
 * Works for any size in bounded memory: at most CONTENT_WINDOW bytes are kept. Layers that can be sought are sought; of compressed ones
 * everything up to the file is inflated, again when the window moves back beyond its beginning. So each step may take long: `tick` is
 * asked between chunks and stops it. Bytes are those stored in the layer: of a sparse file without its holes. */
#ifndef PARE_EXPLORE_CONTENT_H
#define PARE_EXPLORE_CONTENT_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/image.h"

#define CONTENT_WINDOW MiB
#define CONTENT_GET ((size_t)(64 * KiB)) /* most bytes of one content_get */

/* How far a long step is: bytes of the stored layer read so far, of how many (0: not known). False stops it. */
typedef bool content_tick(void *ctx, u64 done, u64 total);

struct content {
	const struct image *image;
	u32 layer, entry;
	u64 size;           /* stored bytes of the file */
	content_tick *tick; /* may be NULL */
	void *tick_ctx;
	struct stream *s;   /* NULL when not open */
	struct str ahead;   /* read from s, not yet used */
	u64 at;             /* of the file: where `ahead` begins */
	char *window;       /* CONTENT_WINDOW bytes */
	u64 from;           /* of the file: where the window begins */
	size_t n;
};

void content_init(struct content *c, const struct image *img, u32 layer, u32 entry, content_tick *tick, void *ctx); /* reads nothing */
void content_close(struct content *c);
/* Bytes [offset, offset + n) or what there is of them before the end of the file; n <= CONTENT_GET. The view is good until the next call. */
int content_get(struct content *c, u64 offset, size_t n, struct str *view, struct error *err) must_check;

/* A name for a file of the host out of a name of an image: no '/', no control or unprintable bytes, no '-' in front, never "" "." "..",
 * at most 200 bytes. */
void content_safe_name(const char *name, struct buf *out);
/* Writes all of a file to a new one in the current directory: never an existing name (NAME, NAME.1 … NAME.99 are tried), no links
 * followed, no set-id or executable bits. What was written is proven against the facts where they know the content. Its name goes to
 * `name`. Nothing is left behind on failure. */
int content_extract(const struct image *img, u32 layer, u32 entry, content_tick *tick, void *ctx, struct buf *name, struct error *err) must_check;
#endif
