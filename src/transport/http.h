/* http.h — GET requests to a container engine, over a Unix socket, TCP or TLS; a thin skin over libcurl.
 *
 * libcurl is loaded when the first connection is wanted (dlopen): it stands on some 35 libraries that no other command should wait
 * for. Redirects are not followed, credentials are never taken from files, headers and documents are bounded. One
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

struct http_target {
	const char *base;              /* "http://localhost", "https://engine:2376": no slash at the end */
	const char *socket;            /* path of a Unix socket; NULL: what base says */
	const char *ca, *cert, *key;   /* PEM files or NULL: the system's authorities, no client certificate */
	bool unverified;               /* TLS without asking who it is */
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
#endif
