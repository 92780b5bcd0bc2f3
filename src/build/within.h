/* within.h — paths in a directory tree that nobody vouches for (a context, a tree that a step left, what an archive brings), named by a descriptor of its root.
 *
 * A clean path has no leading '/', no "." or ".." and no symbolic link on its way; "" is the root. Links are followed as one whose root directory this is would follow them, so that none leads out. Everything
 * is opened by clean paths alone (openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS): what was put there in between is refused, not followed. */
#ifndef PARE_BUILD_WITHIN_H
#define PARE_BUILD_WITHIN_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include <sys/stat.h>

#define WITHIN_PATH 4096u
#define WITHIN_LINKS 40u

/* The clean path that `path` comes to, into out[WITHIN_PATH]; `follow`: a link at its end, too; `missing`: what is not there yet has no links. -1 with errno. */
int within_resolve(int root, struct str path, bool follow, bool missing, char *out) must_check;
int within_open(int root, const char *clean, int flags); /* of a clean path; O_CLOEXEC and O_NOCTTY are added. -1 with errno */
int within_stat(int root, const char *clean, struct stat *st); /* nothing is followed. -1 with errno */
/* Whether a path, taken by its names alone, climbs above where it begins. */
bool within_climbs(struct str path);
/* DIR and NAME as one clean path, into out[WITHIN_PATH]. -1: too long. */
int within_join(struct str dir, struct str name, char *out) must_check;

/* The names of a directory, bytewise in order; `max` of them at most (ERR_INPUT). fd stays the caller's. */
struct within_names {
	char *bytes;
	const char **v;
	u32 n;
};
int within_names(int fd, u32 max, struct within_names *ret, struct error *err) must_check;
void within_names_free(struct within_names *n);
/* fchownat(2), nothing followed; where this user's ranges of IDs lack the owner (EINVAL), errno is EOVERFLOW: within_error() says that in words. -1 with errno. */
int within_chown(int dir, const char *name, u32 uid, u32 gid);
int within_error(struct error *err, const char *path); /* error_errno(), of a path in a tree: what the tree is like is ERR_INPUT. -1 */
int within_changed(struct error *err, const char *path); /* the same of what was there a moment ago: when it is gone, or something else now, that is ERR_INPUT, too. -1 */
/* Whether an extended attribute of that name is an image's: users' and capabilities are, none is that an overlay takes for an order or that is this machine's own. */
bool within_attribute(struct str name);
/* Removes it and all below it; what is not there is no error. -1 with errno. */
int within_remove(int dir, const char *name);
#endif
