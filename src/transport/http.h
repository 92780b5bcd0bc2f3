/* http.h — one HTTP connection, over a Unix socket, TCP or TLS; a thin skin over libcurl. What is asked of whom, how often and with which credentials is for those
 * above it: an engine (daemon.c), a publisher (fetch.h), a registry (registry.h).
 *
 * libcurl is loaded when the first connection is wanted (dlopen): it stands on some 35 libraries that no other command should wait
 * for. Redirects are not followed, credentials are never taken from files, headers and documents are bounded. Certificates are checked against the
 * system's authorities, or those of the file that SSL_CERT_FILE names, which are read once; proxies are those of the environment, except for this machine itself. One
 * request at a time; the connection is kept between them. Not for several threads. */
#ifndef PARE_TRANSPORT_HTTP_H
#define PARE_TRANSPORT_HTTP_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/stream.h"

#define HTTP_CONNECT_SECONDS 10
#define HTTP_DOCUMENT_SECONDS 60     /* for a whole document */
#define HTTP_SILENCE_SECONDS 1800    /* without a byte of a body: engines write an image to disk before they send it */
#define HTTP_HEADERS_MAX (64 * KiB)
#define HTTP_ERROR_MAX (64 * KiB)    /* of the body of a failed request */
#define HTTP_UPLOAD_BYTES (256 * KiB) /* given to the socket at once */

struct http_target {
	const char *base;              /* "http://localhost", "https://engine:2376": no slash at the end. NULL: each request has its whole URL */
	const char *socket;            /* path of a Unix socket; NULL: what base says */
	const char *ca, *cert, *key;   /* PEM files or NULL: the system's authorities, no client certificate */
	struct str authorities;        /* PEM, trusted besides the system's (or those of `ca`); n 0: none */
	const char *home;              /* "https://host:port": the certificate is shown there alone; NULL: wherever one is asked for */
	bool unverified;               /* TLS without asking who it is */
	u32 silence;                   /* seconds without a byte; 0: HTTP_SILENCE_SECONDS */
	int (*open_socket)(void *ctx, int domain, int type); /* NULL: this machine's network. Else sockets come from there, no proxy is asked, and a path is sent as it is written */
	void *ctx;
};

struct http_reply {
	u32 status;
	char api_version[16]; /* the header Api-Version; "" without one */
};

struct http;
struct http *http_open(const struct http_target *t, struct error *err) must_check; /* copies; ERR_ENV: no libcurl */
void http_close(struct http *h);
/* A document of at most `limit` bytes, whatever the status is (the body of a failed request: HTTP_ERROR_MAX). -1: no answer. */
int http_get(struct http *h, const char *path, size_t limit, struct http_reply *reply, struct buf *body, struct error *err) must_check;
/* The body as a stream once the status is known to be 200; with any other status *ret stays NULL and the body is in `failed`.
 * Closing the stream closes h too; so does nothing else from then on. */
int http_stream(struct http *h, const char *path, struct http_reply *reply, struct buf *failed, struct stream **ret, struct error *err) must_check;

/* Any request. */
struct http_request {
	const char *method;          /* NULL: GET */
	const char *url;             /* behind target.base, or whole */
	const char *const *headers;  /* n_headers of "Name: value" */
	u32 n_headers;
	bool upload;                 /* with a body, be it empty: `size` bytes that `from` gives, or `body` when size is 0 */
	struct stream *from;         /* stays the caller's */
	u64 size;
	struct str body;
	u32 silence;                 /* seconds without a byte; 0: the target's */
	u32 seconds;                 /* for all of it; 0: as long as bytes come */
};
/* Sends it and waits for the status. *ret: the body, whatever the status is, good until the next request; closing it gives the rest up. */
int http_send(struct http *h, const struct http_request *r, u32 *status, struct stream **ret, struct error *err) must_check;
/* Of the last answer, the nth one of that name (from 0); p NULL when there is none. Good until the next request. */
struct str http_header(const struct http *h, const char *name, u32 nth);
/* Where the last answer sends us, as a whole URL (RFC 3986 section 5); NULL when it doesn't. Good until the next request. */
const char *http_redirect(struct http *h);
/* Whether the last request that failed may do better when it is made again: not when the name does not exist or the certificate does not hold. */
bool http_passing(const struct http *h);
/* Why it failed: nobody listens there; the other side speaks no TLS; its certificate does not hold. */
bool http_refused(const struct http *h);
bool http_no_tls(const struct http *h);
bool http_mistrusted(const struct http *h);
/* Whether a URL, or a host with its port or not, is this machine by its name or address: what no proxy is asked for. */
bool http_local(const char *where);
/* Reads the body (taken) to its end: at most `limit` bytes, else ERR_INPUT. */
int http_read(struct stream *body, size_t limit, struct buf *out, struct error *err) must_check;
#endif
