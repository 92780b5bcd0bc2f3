/* storeconf.h — where the containers/storage library (podman, buildah, skopeo, CRI-O) keeps images on this host.
 *
 * As containers-storage.conf(5) and containers-transports(5) have it: the specifier [driver@root+runroot:options] of the reference, else the
 * environment (CONTAINERS_STORAGE_CONF, STORAGE_DRIVER, STORAGE_OPTS), else the user's storage.conf, else the host's, else
 * /var/lib/containers/storage for root and $XDG_DATA_HOME/containers/storage for everybody else (root inside `podman unshare` too). */
#ifndef PARE_TRANSPORT_STORECONF_H
#define PARE_TRANSPORT_STORECONF_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define STORECONF_ROOTS_MAX 32 /* the store itself and its additional image stores */

struct storeconf {
	const char *driver;  /* "overlay", "vfs"; "" when nothing names one: whichever is there */
	const char *roots[STORECONF_ROOTS_MAX]; /* in the order they are searched */
	u32 n;
};

/* `specifier`: what stands between the brackets; p NULL when there are none. ERR_USAGE when a configuration file is wrong. */
int storeconf_find(struct arena *a, struct str specifier, struct storeconf *ret, struct error *err) must_check;

/* Reads the subset of TOML that such files use: calls found("storage.options.additionalimagestores", "/srv/images") for each string and each
 * string of an array; other values are passed over. `name` is for messages. Returns 0, or -1 with ERR_USAGE and the line. */
int storeconf_toml(struct arena *a, struct str text, const char *name, void (*found)(void *ctx, const char *key, const char *value), void *ctx, struct error *err) must_check;
#endif
