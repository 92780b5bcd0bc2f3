/* prune_caches.h — what builds and compose keep in our store's directory to be faster, as things to be pruned along with the store's own. */
#ifndef PARE_COMMAND_PRUNE_CACHES_H
#define PARE_COMMAND_PRUNE_CACHES_H
#include "prune/prune.h"

/* The store's place (taken), with trees and cache mounts of builds and what compose has fetched; `cache` false: without any of that. */
struct prune_place prune_with_caches(struct prune_place store, const char *dir, bool cache);
void prune_sweep_caches(const char *dir); /* what processes that were killed had begun goes */
#endif
