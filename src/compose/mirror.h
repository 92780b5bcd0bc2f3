/* mirror.h — where a distribution's files are fetched from: http, https, and file: for a mirror on a disk. What is named by its digest is kept in the store and asked for once in its life:
 *
 *	STORE/compose/HEX        a file of the archive, by its SHA-256
 *	STORE/compose/stage-…    what is being checked at the moment
 *
 * All of it is safe to delete at any time. A kept file is hashed again when it is opened: what has changed on the disk is fetched anew. */
#ifndef PARE_COMPOSE_MIRROR_H
#define PARE_COMPOSE_MIRROR_H
#include "base/arena.h"
#include "base/buf.h"
#include "oci/digest.h"

#define MIRROR_PARALLEL 4u      /* files at once */
#define MIRROR_KEEP (60 * 86400) /* seconds that a file is kept which nobody uses */
#define MIRROR_FILE_MAX (4 * GiB)
#define MIRROR_STAGE "stage-"

/* What is kept, for `pare prune`: the files that were last used on one day, together. */
struct mirror_day {
	s64 day, used; /* days since 1970; seconds, of the last of them */
	u32 files;
	u64 bytes;
};
/* `store`: the directory. By day; *v is the arena's. A file that is used again meanwhile is of another day, and stays. */
void mirror_days(const char *store, struct arena *a, struct mirror_day **v, u32 *n);
u64 mirror_drop(const char *store, s64 day); /* returns the bytes that were freed */
void mirror_sweep(const char *store);        /* what was left by processes that were killed */

struct http;
struct mirror {
	struct arena arena;
	const char *dir;                        /* STORE/compose */
	struct http *http[MIRROR_PARALLEL];     /* opened when they are wanted */
	bool offline;                           /* nothing is fetched: what is kept has to do */
};
int mirror_open(struct mirror *m, const char *store, struct error *err) must_check;
void mirror_close(struct mirror *m);

/* ERR_USAGE: no URL that files can be fetched from. */
int mirror_check_url(const char *url, struct error *err) must_check;
/* "BASE/PATH", what needs it in PATH escaped. */
const char *mirror_url(struct arena *a, const char *base, struct str path);

/* A small document; *found false: there is none of that name. */
int mirror_document(struct mirror *m, const char *url, size_t limit, bool *found, struct buf *out, struct error *err) must_check;

struct mirror_want {
	const char *url;
	struct digest sha256;
	u64 size;
	int fd;              /* out: open for reading, verified; -1 */
	struct error err;    /* out: why not */
};
/* All of them, several at once. Descriptors are the caller's, also after a failure, which is that of the first that failed. */
int mirror_get(struct mirror *m, struct mirror_want *v, u32 n, const char *what, struct error *err) must_check;
#endif
