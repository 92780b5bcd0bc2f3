/* tarsplit.h — a layer's tar put together again, byte for byte, from what an engine's storage keeps of it.
 *
 * Engines unpack layers and throw the archive away; what unpacking loses (header bytes, order, padding) they keep
 * as "tar-split": JSON lines, compressed with gzip, one for each stretch of the archive in its order:
 *
 *	{"type":2,"payload":BASE64,"position":0}             these bytes
 *	{"type":1,"name":"bin/ls","size":147176,…}           the content of this file of the unpacked tree
 *	{"type":1,"name":"bin/","payload":null,…}            an entry without content: nothing
 *
 * Names that are not UTF-8 come base64-encoded as "name_raw". The tree is opened as if it were the root directory
 * (openat2(2), RESOLVE_IN_ROOT): absolute links inside it stay inside. A file that is not there, is no regular file or
 * has another length than the line says is damage. */
#ifndef PARE_TRANSPORT_TARSPLIT_H
#define PARE_TRANSPORT_TARSPLIT_H
#include "base/common.h"
#include "base/error.h"
#include "layer/stream.h"

#define TARSPLIT_LINE_MAX (16 * MiB) /* one line: a header with all its extended records, in base64 */

/* `lines` (taken) is the inflated tar-split file, `tree` (taken) the directory of the unpacked layer. Memory: one line and
 * STREAM_RING buffers. `lazy`: a view ends where a file's content begins, so that contents can be skipped unread. */
struct stream *tarsplit_stream(struct stream *lines, int tree, bool lazy);
#endif
