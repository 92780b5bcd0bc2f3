/* registry.h — one repository of a registry (OCI distribution specification 1.1): manifests and blobs, pulled and pushed.
 *
 * TLS, unless plain HTTP was asked for, the registry is on this machine, or its certificate need not hold (fetch_options.unverified): the last two are asked by
 * TLS first. Credentials (auth.h) go to the registry they are of. A token is asked for where the registry says (its realm); the password goes there when that
 * is the registry itself, a host that the registry's name is below ("gitlab.com" of registry.gitlab.com), or Docker Hub's own; to any other host when there are credentials of
 * that host, which are then used. Tokens and passwords never follow a redirect or an upload's location to another origin. The token asked for is for this
 * repository and what is wanted of it, whatever the challenge says. */
#ifndef PARE_TRANSPORT_REGISTRY_H
#define PARE_TRANSPORT_REGISTRY_H
#include "base/arena.h"
#include "oci/reference.h"
#include "transport/fetch.h"

#define REGISTRY_MANIFEST_MAX ((size_t)(4 * MiB)) /* as the specification advises */
#define REGISTRY_ANSWER_MAX ((size_t)(64 * KiB))

struct registry_options {
	struct fetch_options fetch;
	bool plain_http;
	bool push; /* the right to write is wanted too */
};
struct registry;
int registry_open(const struct reference *ref, const struct registry_options *opt, struct registry **ret, struct error *err) must_check;
void registry_close(struct registry *r); /* NULL is fine */

/* The manifest or index by a tag or digest ("sha256:…"), whole and verified: against the digest asked for, or else the one in Docker-Content-Digest. `accept`: media types,
 * separated by ", ". *type is what the server calls it. */
int registry_manifest(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err) must_check;
/* A blob as a stream: continued where the connection breaks; at its end length and digest held, else that is an error. One at a time; r stays open until it is closed. */
int registry_blob(struct registry *r, const struct digest *digest, u64 size, struct stream **ret, struct error *err) must_check;
/* 1: the registry has it, 0: it has not. */
int registry_has_blob(struct registry *r, const struct digest *digest, struct error *err) must_check;
/* Sends `size` bytes of fd, or `small` when size is 0, unless they are there. 1: they were. */
int registry_push_blob(struct registry *r, int fd, u64 size, struct str small, const struct digest *digest, struct error *err) must_check;
int registry_push_manifest(struct registry *r, const char *tag, const char *type, struct str body, struct error *err) must_check;
#endif
