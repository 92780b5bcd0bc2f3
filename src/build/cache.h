/* cache.h — what steps came to: a record a step, by its key, in the store's index (store_built_put()).
 *
 * A key is the digest of everything that a step depends on, each with a name, so that a miss can be explained: the tree below it (its chain ID), the command as expanded, environment, user, directory, platform, and the digests of
 * what it reads. No times, no paths of this machine, no values of secrets. The record says which layer came of it (or that nothing changed). One whose blob is no longer in the store is none.
 *
 *	the record            {"version":1,"layer":{…}|null,"instruction":"build 3/7 RUN make"}
 *	its inputs            [["name","value"],…]
 *	STORE/build/doing     empty: a byte of it is locked by the build that does a step; which one is the key's first eight bytes
 *	STORE/build/last/HEX  the keys of the last build of a target: what a miss is compared with
 *
 * Threads: all may be called from several but open and close. */
#ifndef PARE_BUILD_CACHE_H
#define PARE_BUILD_CACHE_H
#include "build/chain.h"
#include "base/buf.h"
#include "base/error.h"
#include <stdatomic.h>

struct store;

struct cache_input {
	const char *name;    /* "below", "command", "env PATH", "file src/main.c", "argument VERSION" */
	struct str value;    /* text, or a digest */
};
struct cache_key { /* inputs are added in the order in which they count; the arena's */
	struct arena *a;
	struct cache_input *v;
	u32 n, cap;
	struct digest digest; /* after cache_key_end() */
};
void cache_key_add(struct cache_key *k, const char *name, struct str value);
void cache_key_end(struct cache_key *k);

struct build_cache;
/* `store` is the directory as in load.h, s the open store, whose blobs records stand on. `scope`: what says which build this is (the context's real path or URL, the Dockerfile's name, target, platform): for explanations alone. */
int cache_open(const char *store, struct store *s, const char *scope, struct build_cache **ret, struct error *err) must_check;
void cache_close(struct build_cache *c); /* remembers the steps of this build as the last; NULL is fine */
const char *cache_scope(const struct build_cache *c); /* as a name: hexadecimal digits */
struct repo_options;
void cache_registries(struct build_cache *c, const struct repo_options *opt); /* how registries are asked by import and export; without: as ever */
/* 1: it is there, *ret the layer (or *changed false: none), its blob leased; 0: not. `instruction`: an identity of the step for explanations ("build 3/7 RUN make"). */
int cache_find(struct build_cache *c, const struct cache_key *k, const char *instruction, bool *changed, struct build_layer *ret, struct error *err) must_check;
int cache_put(struct build_cache *c, const struct cache_key *k, const char *instruction, const struct build_layer *l, struct error *err) must_check; /* l NULL: nothing changed */
/* Of builds with one store that come to the same step at the same time one does it: it is this one's (0) until cache_let_go(), or until this process ends; what another one did meanwhile is found then. waits(ctx, process) is called when
 * another has it; it is not waited for longer than `seconds` (0: however long). 1: it was to stop. */
int cache_claim(struct build_cache *c, const struct cache_key *k, u32 seconds, const atomic_bool *stop, void (*waits)(void *ctx, pid_t process), void *ctx);
void cache_let_go(struct build_cache *c, const struct cache_key *k);
/* Why it is not there, in words for people, into out: what differs from the last build's step of that place ("file src/main.c changed", "variable VERSION was 1, is 2", "a step before it changed", "it was never built here", "its layer was
 * pruned"). `base`: what it stands on where no step is between them ("the base image"); NULL: there is one. Values of arguments and environment are cut and neutralised by who prints. */
void cache_explain(struct build_cache *c, const struct cache_key *k, const char *instruction, const char *base, struct buf *out);

/* --cache-from, --cache-to: "type=local,src=DIR", "type=registry,ref=REF" (dest, mode=min|max, compression, ignore-error). Imported records are believed as far as their blobs have their digests; blobs come when a record is asked
 * for. An import that is not there is a note, no error. */
int cache_import(struct build_cache *c, const char *spec, struct buf *note, struct error *err) must_check;
/* What this build used and made; mode=min: of the target's own stage alone (`target` marks those). */
int cache_export(struct build_cache *c, const char *spec, struct error *err) must_check;
/* Whether that is a place for one. */
int cache_check(const char *spec, bool export, struct error *err) must_check;
void cache_of_target(struct build_cache *c, const struct cache_key *k); /* this step is of a stage whose layers ship */
#endif
