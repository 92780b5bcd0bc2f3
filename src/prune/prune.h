/* prune.h — what goes and what stays, and why: one decision for our store, an engine and a registry's repository.
 *
 * Each of those lists its things (prune_item), prune_decide() marks each of them with a reason, the caller shows them, and the same list is then carried out. What is in use is never
 * removed, whatever the rules say. Bytes are exact: what the dry run says is what goes, as long as nobody else changes the place. */
#ifndef PARE_PRUNE_PRUNE_H
#define PARE_PRUNE_PRUNE_H
#include "base/arena.h"
#include "base/error.h"

struct digest;
enum prune_kind { PRUNE_CONTAINER, PRUNE_IMAGE, PRUNE_VOLUME, PRUNE_NETWORK, PRUNE_CACHE, PRUNE_TAG, PRUNE_MANIFEST, PRUNE_BLOB };
/* Bytes that several things stand on: they are free when the last of these is gone. */
struct prune_part {
	u64 bytes;
	u32 holders; /* everything that needs it, listed or not */
	u32 left;    /* of these, while it is decided */
};
struct prune_item {
	enum prune_kind kind;
	const char *id;             /* what the place is asked to remove */
	const char *name;           /* for people: "web:1.2", "<none>" */
	const char *path;           /* of a tag: its name without the registry, which patterns know, too; NULL else */
	s64 created, used;          /* seconds since 1970; 0 unknown */
	u64 bytes;                  /* freed when it goes and everything before it in the list that goes is gone; decided, where there are parts */
	struct prune_part *const *parts; /* what it stands on, each once; NULL: `bytes` are its own */
	u32 n_parts;
	const char *const *labels;  /* "key=value", NULL-terminated; NULL none */
	bool dangling;              /* without a name */
	const char *in_use;         /* "container web"; NULL: by nothing */
	const struct prune_item *const *users; /* of the same list, before it: while one of these stays it stays; NULL-terminated; NULL none */
	u32 group;                  /* items of one repository: --keep N counts in each */
	bool goes;                  /* decided */
	const char *why;            /* decided: "untagged", "older than 30 days", "newest 3 are kept", "used by container web" */
	const char *const *refs;    /* what it may be asked by, one after the other, where the id is refused because of them; NULL none */
	const struct digest *stands_for; /* of a name in our store or an engine: it only goes while it still means that; NULL: no matter */
};
/* What may go: containers, networks, cache and blobs that nobody uses; images, volumes, tags and manifests without a name (dangling). Those with a name only by `all` (but no
 * volumes: only what is in them is lost for ever), by a pattern of `names`, or as older ones of a group (`keep`); tags by age (`until`), too. All other rules only make it less;
 * none of them holds back blobs that nothing needs. */
struct prune_rules {
	bool all;                   /* images with a name, too (docker's -a) */
	bool dangling_off;          /* filter dangling=false: as `all` (docker) */
	s64 until;                  /* only what was made and last used before; 0 any */
	const char *const *labels, *const *not_labels; /* "key" or "key=value"; NULL-terminated */
	const char *const *names;   /* patterns: of what has a name only these may go; NULL any. str_glob() over the name, the id, and the tag alone */
	const char *const *protect; /* patterns that stay */
	u32 keep;                   /* newest N of each group, of those that the patterns and labels let go; 0 none */
	u64 keep_storage;           /* of what can be made again (cache): stop when this much is left, the least recently used first; 0 none */
	bool keep_storage_images;   /* keep_storage is about images, too: our store's */
};
/* Docker's "until=24h", "until=2024-01-02", "until=1700000000", "label=K[=V]", "label!=K[=V]", "dangling=true|false". ERR_USAGE. */
int prune_filter(struct arena *a, const char *text, s64 now, struct prune_rules *rules, struct error *err) must_check;
int prune_age(const char *text, s64 now, s64 *ret, struct error *err) must_check; /* the moment before which: "30d", "24h", "2w", "1h30m" before now; a date, seconds since 1970. ERR_USAGE */
/* Every item gets `goes`, `why` and, with parts, `bytes`: of one that stays what it alone would free now. The order of the list decides nothing but which of those that go is told shared bytes. */
void prune_decide(struct arena *a, struct prune_item *items, u32 n, const struct prune_rules *rules, s64 now);
struct prune_sum {
	u32 go, stay;
	u64 bytes;
};
struct prune_sum prune_total(const struct prune_item *items, u32 n);

/* The places. list: the caller's arena. carry_out: what goes, in order; *freed what was freed in truth; a thing that is gone already is no error. */
struct prune_place {
	int (*list)(void *ctx, struct arena *a, struct prune_item **ret, u32 *n, struct error *err);
	int (*carry_out)(void *ctx, const struct prune_item *items, u32 n, u64 *freed, struct error *err);
	void (*close)(void *ctx); /* at the end, before what the place was made of is closed; NULL: nothing to do */
	void *ctx;
};
struct store;
struct repo;
struct engine;
struct prune_place prune_store(struct store *s);                             /* prune/store.c */
struct prune_place prune_registry(struct repo *r);                           /* prune/registry.c */
struct prune_place prune_engine(struct engine *e, bool volumes, bool cache); /* prune/engine.c */
#endif
