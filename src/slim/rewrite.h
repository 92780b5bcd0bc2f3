/* rewrite.h — a layer without the entries that go: the stretches of its plain tar that stay, byte for byte, in their order. */
#ifndef PARE_SLIM_REWRITE_H
#define PARE_SLIM_REWRITE_H
#include "base/common.h"
#include "layer/stream.h"
#include "slim/plan.h"

/* `plain` (taken) is the inflated layer. Ends with two zero blocks, whatever stood behind the last entry; its length is what the plan says.
 * Memory: STREAM_RING buffers. Stretches that go are sought over where `plain` can. */
struct stream *rewrite_stream(const struct plan *p, u32 layer, struct stream *plain);
#endif
