/* frame.h — the base protocol of the Language Server Protocol: messages in a stream of bytes.
 *
 *     Content-Length: 52\r\n          header lines, at most FRAME_HEADER bytes of them; an end of "\n" alone is taken too
 *     \r\n
 *     {"jsonrpc":"2.0",…}             that many bytes, at most FRAME_BYTES; more are skipped, so that the stream is not lost
 *
 * Bytes are added as they come; what is no message is said to be none, and reading goes on behind it. */
#ifndef PARE_LSP_FRAME_H
#define PARE_LSP_FRAME_H
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"

#define FRAME_BYTES (32 * MiB)
#define FRAME_HEADER 4096

struct frames {
	struct buf in; /* what came and is not consumed, from `at` on */
	size_t at;
	u64 skip;      /* bytes of a message that is too long, still to come */
};
enum frame { FRAME_MORE, FRAME_MESSAGE, FRAME_BAD };

void frames_add(struct frames *f, struct str bytes);
/* The next message: FRAME_MORE when it is not whole yet; FRAME_MESSAGE with *body, good until the next call of frames_add(); FRAME_BAD with *why. */
enum frame frames_next(struct frames *f, struct str *body, const char **why);
void frames_free(struct frames *f);
#endif
