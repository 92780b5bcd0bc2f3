/* registry.h — one repository of a registry (OCI distribution specification 1.1): manifests and blobs, pulled and pushed.
 *
 * TLS, unless plain HTTP was asked for, the registry is on this machine, or its certificate need not hold (fetch_options.unverified): the last two are asked by
 * TLS first. Credentials (auth.h) go to the registry they are of. A token is asked for where the registry says (its realm); the password goes there when that
 * is the registry itself, a host that the registry's name is below ("gitlab.com" of registry.gitlab.com), or Docker Hub's own; to another host of the same domain when there are
 * credentials of that host, which are then used. Tokens and passwords never follow a redirect or an upload's location to another origin, nor is a client's certificate shown there. The token asked
 * for is for this repository and what is wanted of it, whatever the challenge says; one that has expired is asked for again.
 *
 * Errors: ERR_ENV, also for answers that are not what was asked for (cut, too long, of another digest, no document): a registry keeps things under their digest, so it is the way or
 * the registry that fails. ERR_INPUT: what is there, and whole, but of no use.
 *
 * Threads: everything behind registry_open() may be called from several at once. Each call has a connection of its own, which is kept for the next. */
#ifndef PARE_TRANSPORT_REGISTRY_H
#define PARE_TRANSPORT_REGISTRY_H
#include "base/arena.h"
#include "base/json.h"
#include "oci/reference.h"
#include "transport/fetch.h"
#include "transport/repo.h"

#define REGISTRY_MANIFEST_MAX REPO_DOCUMENT_MAX
#define REGISTRY_ANSWER_MAX ((size_t)(64 * KiB))
#define REGISTRY_LIST_MAX ((size_t)(8 * MiB)) /* a page of tags or referrers */
#define REGISTRY_PAGES_MAX 2000u
#define REGISTRY_ANSWER_SECONDS 120u          /* for a manifest or a page, however slowly it comes */
#define REGISTRY_CHUNK (16 * MiB)             /* of an upload; larger blobs are sent in pieces, and go on behind the last one that arrived */
#define REGISTRY_CHUNK_MAX (256 * MiB)        /* that a registry may ask for as the least */
#define REGISTRY_RESTARTS 20u                 /* of one upload */

struct registry_options {
	struct fetch_options fetch;
	bool plain_http;
	bool push;         /* the right to write is wanted too */
	bool erase;        /* and that to delete */
	bool progress;     /* bytes of blobs that come count as progress; else the caller counts them */
	const char *user;  /* "USER:PASSWORD", instead of what a login left; NULL */
	const char *certs; /* directory instead of certs.d; NULL */
};
struct registry;
int registry_open(const struct reference *ref, const struct registry_options *opt, struct registry **ret, struct error *err) must_check;
void registry_close(struct registry *r); /* NULL is fine */
/* GET /v2/: whether it is there, and, when it asks who we are, whether it takes our credentials. */
int registry_ping(struct registry *r, struct error *err) must_check;

/* The manifest or index by a tag or digest ("sha256:…"), whole and verified: against the digest asked for, or else the one in Docker-Content-Digest. `accept`: media types,
 * separated by ", ". *type is what the server calls it. registry_find: 1 when there is none, which is an error for the other. -1 with *digest set: that of what came instead. */
int registry_manifest(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err) must_check;
int registry_find(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err) must_check;
/* A blob as a stream: continued where the connection breaks; at its end length and digest held, else that is an error. `from`: bytes that are had already; the digest is then
 * the caller's. r stays open until it is closed. */
int registry_blob(struct registry *r, const struct digest *digest, u64 size, u64 from, struct stream **ret, struct error *err) must_check;
/* The same, the digest always the caller's. */
int registry_blob_part(struct registry *r, const struct digest *digest, u64 size, u64 from, struct stream **ret, struct error *err) must_check;
/* 1: the registry has it, 0: it has not. */
int registry_has_blob(struct registry *r, const struct digest *digest, struct error *err) must_check;
int registry_has_manifest(struct registry *r, const struct digest *digest, struct error *err) must_check;
/* Unless it is there. As repo_put_blob(). */
int registry_put_blob(struct registry *r, const struct digest *digest, u64 size, const struct blob_from *from, enum put *how, struct error *err) must_check;
/* Sends `size` bytes of fd, or `small` when size is 0, unless they are there. 1: they were. */
int registry_push_blob(struct registry *r, int fd, u64 size, struct str small, const struct digest *digest, struct error *err) must_check;
/* *lists (NULL is fine): whether the registry says that it lists the manifest among the referrers of its subject (OCI-Subject). */
int registry_push_manifest(struct registry *r, const char *tag, const char *type, struct str body, bool *lists, struct error *err) must_check;
/* room: "manifests" or "blobs". 1: there was none. *status 405 with -1: it does not do that. */
int registry_delete(struct registry *r, const char *room, const char *which, u32 *status, struct error *err) must_check;
/* The pages of a list ("tags/list?n=1000", "referrers/sha256:…"), each given to f. 1: 404; 2: what answers does not know the question. */
int registry_pages(struct registry *r, const char *what, const char *accept, int (*f)(void *ctx, const json_t *page, struct error *err), void *ctx, struct error *err) must_check;
const char *registry_name(const struct registry *r); /* "quay.io/app/web" */
#endif
