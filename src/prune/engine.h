/* engine.h — what is on an engine's disk as things that may go. The place itself is prune_engine() of prune.h. */
#ifndef PARE_PRUNE_ENGINE_H
#define PARE_PRUNE_ENGINE_H
#include "engine/engine.h"
#include "prune/prune.h"

/* In the order they have to go: containers, networks, images (one item a name), volumes, cache. Strings are those of d. */
void prune_engine_list(struct arena *a, const struct engine_disk *d, bool volumes, bool cache, struct prune_item **ret, u32 *n);
#endif
