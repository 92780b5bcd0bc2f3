/* cache_in.h — what the parts of the build cache share: a record, what this build used, where others' records come from. For build/ alone. */
#ifndef PARE_BUILD_CACHE_IN_H
#define PARE_BUILD_CACHE_IN_H
#include "base/json.h"
#include "build/cache.h"
#include "store/store.h"
#include "transport/repo.h"
#include <pthread.h>

#define CACHE_DOCUMENT "application/vnd.pare.build.cache.v1+json" /* of an exported cache: the configuration of a manifest whose layers are those of the records */
#define CACHE_STEPS_MAX 100000u
#define CACHE_LAYER_MAX (256 * GiB)

struct cache_record {
	struct digest key;
	bool changed;             /* else there is no layer */
	struct build_layer layer; /* media_type is one of ours, or NULL */
	const char *instruction;
};
struct cache_step { /* of this build */
	struct cache_record r;
	bool ships;
};
struct cache_import {
	struct repo *repo;
	const char *name;
	struct cache_record *v; /* sorted by key */
	u32 n;
	struct cache_import *next;
};
struct build_cache {
	struct arena a;        /* under the lock */
	const char *dir;       /* STORE */
	s64 opened;            /* seconds since 1970 */
	struct store *store;
	const char *last_path; /* STORE/build/last/HEX */
	struct repo_options repo;
	pthread_mutex_t lock;
	struct cache_step *v;
	u32 n, cap;
	struct cache_import *imports;
	int doing;             /* STORE/build/doing; -1: not opened, or it cannot be */
	json_t *last;          /* [["instruction","key"],…], the latest first; NULL: not read yet */
};

/* --- cache.c --- */
json_t *cache_layer_json(const struct cache_record *r); /* null when it has none */
bool cache_layer_read(const json_t *j, struct cache_record *ret);
json_t *cache_last(struct build_cache *c); /* under the lock; never NULL */

/* --- cache_export.c --- */
/* The records of an exported cache, hostile text; what is none is left out. ERR_INPUT: it is no such document. */
int cache_records_read(struct str text, struct arena *a, struct cache_record **ret, u32 *n, struct error *err) must_check;
/* It came from an import, and is in the store now. */
bool cache_import_find(struct build_cache *c, const struct digest *key, struct cache_record *ret);
void cache_imports_close(struct build_cache *c);
/* Into the store, where it is not; then it is the content that it says it is. */
int cache_fetch(struct build_cache *c, struct cache_import *im, struct build_layer *l, struct error *err) must_check;

/* --- cache_mounts.c --- */
struct cache_mount_record {
	json_t *what;          /* which one: mount_cache_named(); owned */
	struct cache_record r; /* its layer */
};
int cache_mounts_pack(struct build_cache *c, struct cache_mount_record **ret, u32 *n, struct error *err) must_check; /* those that this build used; *ret is the caller's, on failure too */
int cache_mounts_unpack(struct build_cache *c, struct cache_import *im, const json_t *mounts, struct error *err) must_check; /* those that are not here */
#endif
