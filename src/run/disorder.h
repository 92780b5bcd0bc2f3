/* disorder.h — programs in a container read directories in another order than the file system's: backwards. File systems promise none, so that a program whose result depends on it comes to another one.
 *
 *      container ──getdents64()──► kernel ──notification──► a thread of ours: asks in its place, turns what came around, writes it into its memory
 *
 * As tracer.h does: no privilege in the image, no agent in it; for an ordinary user, too. What one call gives is turned around as a whole ("." and ".." stay where they are); a directory that takes several calls comes block by
 * block. Where the runtime or the kernel has no such notifications, and with --security=insecure, the order stays. */
#ifndef PARE_RUN_DISORDER_H
#define PARE_RUN_DISORDER_H
#include "base/error.h"

struct disorder;
int disorder_open(struct disorder **ret, struct error *err) must_check;
const char *disorder_path(const struct disorder *d); /* run_spec.listener_path of a build's step; NULL of NULL */
void disorder_close(struct disorder *d);             /* after what runs by it has ended; NULL is fine */
#endif
