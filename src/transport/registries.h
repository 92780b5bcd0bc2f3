/* registries.h — where a repository really is: registries.conf(5), version 2 of the format.
 *
 * [[registry]] with prefix, location, insecure, blocked, mirror-by-digest-only, and mirrors (location, insecure, pull-from-mirror). Files: $CONTAINERS_REGISTRIES_CONF (then no
 * other), else $XDG_CONFIG_HOME/containers/registries.conf or ~/.config/…, else /etc/containers/registries.conf; and, over it, *.conf of /etc/containers/registries.conf.d and of
 * the user's registries.conf.d, by name. The table with the longest prefix (a host, a host and the beginning of a path, *.DOMAIN, a repository with a tag) counts, the later one of two with
 * the same. Of version 1 what is insecure and what is blocked. Names without a host are Docker Hub's here, as they are after docker:// for skopeo: what podman and buildah search
 * for short names (unqualified-search-registries, aliases) changes nothing, so that a name means the same everywhere. */
#ifndef PARE_TRANSPORT_REGISTRIES_H
#define PARE_TRANSPORT_REGISTRIES_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define REGISTRIES_FILE_MAX ((size_t)MiB)
#define REGISTRIES_MAX 4096u /* tables of all files */
#define REGISTRIES_MIRRORS_MAX 16u

enum registries_pull { PULL_ALL, PULL_DIGEST, PULL_TAG };
struct registries_place {
	const char *domain, *path; /* "mirror.example:5000", "hub/library/alpine" */
	bool insecure;             /* its certificate need not hold, and it may speak plain HTTP */
	enum registries_pull pull; /* what may be asked of it: a mirror */
};
struct registries_way {
	struct registries_place place[REGISTRIES_MIRRORS_MAX + 1]; /* mirrors, then the place itself, n of them */
	u32 n;
};

struct registries_mirror {
	const char *location;
	bool insecure;
	enum registries_pull pull;
};
struct registries_table {
	const char *prefix, *location, *file;
	bool insecure, blocked;
	struct registries_mirror *mirrors;
	u32 n;
};
struct registries {
	struct registries_table *v; /* free() it */
	u32 n, cap;
};

/* What one file's text says, behind what is there already. ERR_USAGE. */
int registries_read(struct arena *a, struct str text, const char *file, struct registries *to, struct error *err) must_check;
/* `tag` NULL: without one. ERR_ENV: it is blocked. ERR_USAGE: a location is none. */
int registries_choose(struct arena *a, const struct registries *all, const char *domain, const char *path, const char *tag, struct registries_way *ret, struct error *err) must_check;
/* Both, with the files of this machine. */
int registries_find(struct arena *a, const char *domain, const char *path, const char *tag, struct registries_way *ret, struct error *err) must_check;
#endif
