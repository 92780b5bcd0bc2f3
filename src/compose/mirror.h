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
