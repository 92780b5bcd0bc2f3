/* fetch.h — what publishers and registries serve, asked for with patience: redirects, attempts, files that are resumed where they broke off.
 *
 * Redirects are followed for GET alone, FETCH_REDIRECTS of them, and never from https to http. Headers that are meant for one origin (scheme, host and port)
 * are not sent to another. URLs with a user or a password in them are refused.
 *
 * What is worth another attempt (no answer, a broken body, 408, 425, 429, 5xx) is asked for again after 0.25 s, 0.5 s, 1 s …, or after what Retry-After
 * says; more than FETCH_WAIT_MAX is not waited. Names that do not exist and certificates that do not hold are not asked again.
 *
 * Kinds of errors: ERR_ENV for the network and what a server refuses, ERR_INPUT for what it serves: too long, another digest than was promised. */
#ifndef PARE_TRANSPORT_FETCH_H
#define PARE_TRANSPORT_FETCH_H
#include "oci/digest.h"
#include "transport/http.h"

#define FETCH_REDIRECTS 5
#define FETCH_WAIT_MAX 120        /* seconds */
#define FETCH_SILENCE 60          /* seconds without a byte, unless said otherwise */
#define FETCH_ATTEMPTS 5          /* without one more byte */
#define FETCH_RESUMES 200         /* of one file */
#define FETCH_SECONDS (6u * 3600) /* for one body */
#define FETCH_FILE_MAX (16 * GiB)
#define FETCH_URL_MAX ((size_t)4096)

struct fetch_options {
	u32 silence;  /* 0: FETCH_SILENCE */
	u32 attempts; /* 0: FETCH_ATTEMPTS */
	bool unverified;
};
struct http *fetch_client(const struct fetch_options *opt, struct error *err) must_check;

/* http or https, a host, no user, nothing that is no URL's. ERR_USAGE. */
int fetch_check_url(const char *url, struct error *err) must_check;
/* "https://host:port" of it, in lower case, the scheme's own port left out; p NULL when it is no such URL. Into out. */
struct str fetch_origin(const char *url, struct buf *out);
bool fetch_same_origin(const char *a, const char *b); /* false when either is no URL */

/* A GET, its redirects followed. The first n_private headers are for the origin of `url` alone. */
struct fetch_ask {
	const char *url;
	const char *const *headers;
	u32 n_headers, n_private;
	u32 seconds;   /* for the body; 0: FETCH_SECONDS */
	bool *strayed; /* whether the answer is of another origin; NULL is fine */
};
int fetch_open(struct http *h, const struct fetch_ask *ask, u32 *status, struct stream **ret, struct error *err) must_check;
/* What a status means, for people: "404 Not Found". Into out[64]. */
const char *fetch_status(u32 status, char out[64]);
#define FETCH_STATUS(status) fetch_status((status), (char[64]){ 0 })

/* Between attempts: whether there is another one; it was waited for then. `status` 0: no answer, *err says why. When not, *err is what to tell. */
struct fetch_patience {
	u32 attempts; /* 0: FETCH_ATTEMPTS */
	u32 tried;
};
bool fetch_again(struct fetch_patience *p, const struct http *h, u32 status, struct error *err);

/* A document of at most `limit` bytes. *status is 200, 404 or 410 on success, any other is an error. */
int fetch_document(struct http *h, const struct fetch_options *opt, const char *url, size_t limit, u32 *status, struct buf *out, struct error *err) must_check;

/* A file that is fetched when it changed. It appears at `path` when it is whole and verified; until then it is in `part`, and what was there stays. */
struct fetch_file {
	const char *url, *path;
	const char *part, *note; /* PART and PART.json: what came so far; note: what was served last (validators, digest) */
	const char *title;       /* of the progress line */
	bool pack;               /* compressed on its way is welcome (and kept so) */
	/* What else must hold before it appears; NULL: nothing. fd: the whole file. */
	int (*verify)(void *ctx, int fd, const struct digest *sha256, struct error *err);
	void *ctx;
};
enum fetch_result { FETCH_FRESH, FETCH_UNCHANGED, FETCH_ABSENT /* 404 or 410 */ };
int fetch_file(struct http *h, const struct fetch_options *opt, const struct fetch_file *f, enum fetch_result *ret, struct digest *sha256, struct error *err) must_check;
/* What the note says of the file at `path`, which is still that long; else -1 without a word. */
int fetch_noted(const char *path, const char *note, const char *url, struct digest *sha256) must_check;
#endif
