/* secrets.h — the secrets of an image: in the files of every layer (those that later layers hide or delete, too), in its environment, labels, history and build arguments. */
#ifndef PARE_CHECK_SECRETS_H
#define PARE_CHECK_SECRETS_H
#include "layer/image.h"
#include "rootfs/rootfs.h"
#include "rule/scan.h"
#include "secret/scan.h"

/* Adds them as findings of KIND_SECRET: what secret_collector noted in the layers (COLLECT_ALL), and what `set` (NULL: the rules that the collector asks) finds in the configuration. A
 * variable or build argument that is merely called like a secret is "secret-env" or "secret-arg". A file that a later layer wrote again with the same content is told once. Values are masked; what is doubtful has low severity. */
void secrets_find(const struct image *img, const struct rootfs *r, struct secret_set *set, struct scan *out);
#endif
