/* deb.h — a binary package (deb(5)): an ar archive of three members, "debian-binary", "control.tar*" and "data.tar*", compressed by gzip, xz, zstd, or not at all.
 *
 * The members are found by their headers and read where they are, so that nothing is copied but what is kept. Hostile input: names are cleaned, types other than those that a root file system has are
 * damage, links stay what they say, and every number has a ceiling. */
#ifndef PARE_COMPOSE_DEB_H
#define PARE_COMPOSE_DEB_H
#include "base/arena.h"
#include "base/buf.h"
#include "layer/tar.h"

#define DEB_MEMBERS 16u
#define DEB_CONTROL_MAX (32 * MiB)   /* of control.tar, plain */
#define DEB_ENTRIES_MAX 1000000u
#define DEB_DATA_MAX (16 * GiB)      /* of data.tar, plain */
#define DEB_PATH_MAX 4095u           /* no system has a longer one */

struct deb_span {
	u64 at, size;
};
struct deb {
	int fd;              /* stays the caller's */
	struct deb_span control, data;
};
int deb_open(int fd, struct deb *ret, struct error *err) must_check;

struct deb_control {     /* its files; "" when there is none of that name. Owned by the arena */
	struct str control, md5sums, preinst, postinst;
};
int deb_read_control(const struct deb *d, struct arena *a, struct deb_control *ret, struct error *err) must_check;

/* Each entry of data.tar in its order, its path cleaned ("" is the root); `content`: the bytes of a file, to be read or not. */
typedef int deb_entry(void *ctx, const struct tar_entry *e, struct str path, struct tar *content, struct error *err);
int deb_each(const struct deb *d, deb_entry *f, void *ctx, struct error *err) must_check;
#endif
