/* place.h — the options that every command has which asks a registry, and what they mean.
 *
 *	enum { O_FORMAT, O_PLACE, O_NEXT = O_PLACE + PLACE_COUNT };
 *	static const struct option options[] = { [O_FORMAT] = …, PLACE_OPTIONS(O_PLACE), [O_NEXT] = … };
 *	… place_options(opt + O_PLACE, &repo, err) … */
#ifndef PARE_COMMAND_PLACE_H
#define PARE_COMMAND_PLACE_H
#include "command/command.h"
#include "base/arena.h"

struct repo;         /* transport/repo.h */
struct repo_options;
struct load_options; /* store/load.h */

enum { PLACE_CREDS, PLACE_CERT_DIR, PLACE_TLS_VERIFY, PLACE_PLAIN_HTTP, PLACE_TIMEOUT, PLACE_ATTEMPTS, PLACE_COUNT };
#define PLACE_CERT_DIR_OPTION { "cert-dir", 0, OPT_VALUE, "DIR", "Authorities (*.crt) and client certificates (*.cert, *.key) for the registry, instead of those in certs.d.", NULL }
#define PLACE_TLS_VERIFY_OPTION { "tls-verify", 0, OPT_OPTIONAL, "BOOL", "With =false certificates are not checked, and a registry may speak plain HTTP.", "true false" }
#define PLACE_PLAIN_HTTP_OPTION { "plain-http", 0, OPT_FLAG, NULL, "The registry speaks plain HTTP. Without it only one on this machine may.", NULL }
#define PLACE_OPTIONS(at) PLACE_OPTIONS_AS(at, "timeout")
/* Where that word means something else. */
#define PLACE_OPTIONS_AS(at, silence)                                                                                                                                                            \
	[(at) + PLACE_CREDS] = { "creds", 0, OPT_VALUE, "USER:PASSWORD", "For the registry, instead of what a login left. Others on this machine can see it while the program runs.", NULL },      \
	[(at) + PLACE_CERT_DIR] = PLACE_CERT_DIR_OPTION, [(at) + PLACE_TLS_VERIFY] = PLACE_TLS_VERIFY_OPTION, [(at) + PLACE_PLAIN_HTTP] = PLACE_PLAIN_HTTP_OPTION,                                  \
	[(at) + PLACE_TIMEOUT] = { silence, 0, OPT_VALUE, "SECONDS", "How long a registry may be silent. Default: 60.", NULL },                                                                   \
	[(at) + PLACE_ATTEMPTS] = { "attempts", 0, OPT_VALUE, "N", "How often something is asked for before it counts as failed; what came before a connection broke is kept. Default: 5.", NULL }
/* Their names, for a subcommand's list. */
#define PLACE_NAMES "creds cert-dir tls-verify plain-http timeout attempts"

/* opt: of the first of them. The store is globals.store. ERR_USAGE. */
int place_options(const struct option_value *opt, struct repo_options *ret, struct error *err) must_check;
/* The same, in *ret, for a command that reads images of any place. */
int place_load(const struct option_value *opt, struct repo_options *ret, struct load_options *load, struct error *err) must_check;
/* A place that keeps content under its digest; a bare word is a name in a registry. ERR_USAGE: one that keeps no digests. */
int place_open(const char *word, const struct repo_options *opt, struct repo **ret, struct error *err) must_check;
/* What is behind "docker://", which may be left out. NULL: the word names another place ("oci:dir"), which would else be taken for Docker Hub's image of that name. ERR_USAGE. */
const char *place_registry(const char *word, struct error *err) must_check;
/* A bare name as the location that it is found at: in our store, else in the engine, else in its registry. What is no bare name (a location, a path, "-") comes back as it is. */
const char *place_found(struct arena *a, const char *word, const struct repo_options *opt) must_check;
/* Whether images can be written there: a location, a path that exists, or "….tar". ERR_USAGE: a bare name; with `option`, which is about a digest, also a place that keeps none. */
int place_target(const char *word, const char *option, struct error *err) must_check;
/* The tag, or the digest, that the word names; NULL: none is written. */
const char *place_which(struct arena *a, const char *word, struct error *err) must_check;
/* "1" … most of --name VALUE; *ret stays when it was not given. ERR_USAGE. */
int place_number(const struct option_value *v, const char *name, u32 most, u32 *ret, struct error *err) must_check;
#endif
