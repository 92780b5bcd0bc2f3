/* prune_build.h — what builds left in our store's directory, as things to be pruned along with the store's own. */
#ifndef PARE_COMMAND_PRUNE_BUILD_H
#define PARE_COMMAND_PRUNE_BUILD_H
#include "prune/prune.h"

/* The store's place (taken), with trees and cache mounts of builds; `cache` false: without anything of builds. */
struct prune_place prune_with_builds(struct prune_place store, const char *dir, bool cache);
#endif
