/* git.h — git repositories as build contexts and as sources of ADD, through git(1).
 *
 *	https://host/path.git   git://host/path   ssh://…   git@host:path   github.com/owner/name
 *	… #REF:DIR              a branch, tag, commit or full name, and a directory of it
 *	… ?branch=… &tag=… &ref=… &commit=… &subdir=…   the same by name; with commit= that must be what the ref is
 *
 * git is started without hooks, prompts, system or user configuration, and never for a URL of this machine's files (GIT_ALLOW_PROTOCOL, submodules' too). Only the commit's own tree is fetched where the server
 * can do that.
 *
 * Credentials (of an http URL, or given as secrets) go to git alone and to the host that they are for alone: in no message, no list of processes, and nowhere that the host sends us on to. */
#ifndef PARE_BUILD_GIT_H
#define PARE_BUILD_GIT_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct secrets;

struct git_source {
	const char *remote; /* for git; of http without credentials */
	const char *shown;  /* without credentials, nor a user */
	const char *header; /* "Authorization: …", for the remote's host; NULL: none */
	const char *ref;    /* NULL: what HEAD is there */
	const char *dir;    /* clean; NULL: all of it */
	const char *commit; /* that it must be, 40 or 64 hexadecimal digits; NULL: any */
};
/* Whether a source of ADD is one: by its scheme, as user@host:path, or an http URL whose path ends with ".git"; "github.com/…" may be a path, and is one only as a context. */
bool git_is_url(struct str text);
/* 1: it is one, in the arena; 0: it is no git URL; -1: one that is wrong (ERR_USAGE). */
int git_parse(struct arena *a, struct str text, struct git_source *ret, struct error *err) must_check;
/* A secret for its host, GIT_AUTH_TOKEN.HOST (a token) or GIT_AUTH_HEADER.HOST (what stands behind "Authorization:"), BuildKit's names; with `own` GIT_AUTH_TOKEN and GIT_AUTH_HEADER, too: of the context that is built.
 * What stands in the URL itself comes before. s may be NULL. ERR_USAGE: a value that can be neither. */
int git_authorize(struct arena *a, const struct secrets *s, bool own, struct git_source *g, struct error *err) must_check;
/* The ID that lines of `git ls-remote` have for a ref: a branch before a tag, the commit of a tag before the tag itself; 40 or 64 hexadecimal digits, or p NULL: it is not there. */
struct str git_listed(struct str lines, const char *ref);
/* For provenance: where it was, without credentials and with its ref, and "sha1:COMMIT" (or sha256), in the arena. */
const char *git_uri(struct arena *a, const struct git_source *g);
const char *git_digest(struct arena *a, const char *commit);
/* Which commit that is now, asked of the server (of a whole commit ID nobody is asked). Into commit[65]. */
int git_resolve(const struct git_source *g, char *commit, struct error *err) must_check;
/* The tree of that commit (its directory, if one is named) into `dir`, an empty directory of ours; `.git` stays with `keep`. */
int git_fetch(const struct git_source *g, const char *commit, const char *dir, bool keep, struct error *err) must_check;
#endif
