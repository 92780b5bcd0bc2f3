/* auth.h — who we are to a registry: its challenge (RFC 9110 section 11.6.1), and the credentials that a login left on this machine.
 *
 * Files, the first that has something for the registry counts: $REGISTRY_AUTH_FILE (then no other), $XDG_RUNTIME_DIR/containers/auth.json,
 * $XDG_CONFIG_HOME/containers/auth.json (containers-auth.json(5)), $DOCKER_CONFIG/config.json, ~/.docker/config.json. Keys are a host, or a host and the
 * beginning of a path: the longest counts. What a file does not hold itself the credential helper is asked for that it names for the host (credHelpers), or for all (credsStore):
 * the program docker-credential-NAME, without a shell, AUTH_HELPER_SECONDS long. */
#ifndef PARE_TRANSPORT_AUTH_H
#define PARE_TRANSPORT_AUTH_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

#define AUTH_FILE_MAX ((size_t)MiB)
#define AUTH_HELPER_SECONDS 30
#define AUTH_VALUE_MAX ((size_t)4096) /* of a challenge's parameter */

enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };
struct auth_challenge {
	enum auth_kind kind;
	const char *realm, *service; /* "" when not given */
};
/* The best one in the value of a WWW-Authenticate that we can answer, Bearer before Basic; several may stand in one value. AUTH_NONE: there is none. */
struct auth_challenge auth_challenge(struct arena *a, struct str value);

struct auth_credentials {
	const char *user, *password; /* NULL: none */
	const char *identity;        /* a refresh token, instead of a password; NULL: none */
	const char *helper;          /* there are none in the files, and this helper is configured; NULL: none is */
};
/* For `host` ("quay.io", "localhost:5000"; "docker.io") and a repository's path ("" for the host itself). ERR_USAGE when a file is damaged. */
int auth_find(struct arena *a, const char *host, const char *path, struct auth_credentials *ret, struct error *err) must_check;
/* The same out of one file's text; *ret stays empty when it says nothing. */
int auth_read(struct arena *a, struct str text, const char *name, const char *host, const char *path, struct auth_credentials *ret, struct error *err) must_check;
/* Runs docker-credential-NAME VERB. -1: it is not there, ended with another status than 0, said too much or took too long; *err has its word for it. */
int auth_helper(const char *name, const char *verb, struct str input, struct buf *out, struct error *err) must_check;

/* How much of HOST/PATH a key of a file speaks for, with what a URL has besides left out; 0: nothing. */
size_t auth_speaks_for(struct str key, const char *host, struct str path);
/* The helper that a file names for the host; NULL: none. What it calls the host. */
const char *auth_helper_of(const json_t *doc, const char *host);
const char *auth_helper_url(const char *host);

/* --- auth_file.c --- */
/* Keeps them for the host: in the first of the files that is there (else the first that can be), 0600, or at the helper that it names. *where: the file, or the helper. */
int auth_keep(struct arena *a, const char *host, const char *user, const char *password, const char **where, struct error *err) must_check;
/* Forgets them, in every file; `host` NULL: those of all hosts. *n: how many there were. */
int auth_forget(struct arena *a, const char *host, u32 *n, struct error *err) must_check;
#define AUTH_FILES 4
/* The files in their order; how many there are. */
u32 auth_files(struct arena *a, const char *ret[AUTH_FILES]);
const char *auth_basic(struct arena *a, const char *user, const char *password); /* "Authorization: Basic …" */
/* `text` percent-encoded for a query (RFC 3986 section 2.1). */
const char *auth_escape(struct arena *a, const char *text);
#endif
