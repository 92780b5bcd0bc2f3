/* prune.h — what goes and what stays, and why: one decision for our store, an engine and a registry's repository.
 *
 * Each of those lists its things (prune_item), prune_decide() marks each of them with a reason, the caller shows them, and the same list is then carried out. What is in use is never
 * removed, whatever the rules say. Bytes are exact: what the dry run says is what goes, as long as nobody else changes the place. */
#ifndef PARE_PRUNE_PRUNE_H
#define PARE_PRUNE_PRUNE_H
#include "base/arena.h"
#include "base/error.h"

enum prune_kind { PRUNE_CONTAINER, PRUNE_IMAGE, PRUNE_VOLUME, PRUNE_NETWORK, PRUNE_CACHE, PRUNE_TAG, PRUNE_MANIFEST, PRUNE_BLOB };
struct prune_item {
	enum prune_kind kind;
	const char *id;             /* what the place is asked to remove */
	const char *name;           /* for people: "web:1.2", "<none>" */
	s64 created, used;          /* seconds since 1970; 0 unknown */
	u64 bytes;                  /* freed when it goes and everything before it in the list that goes is gone */
	const char *const *labels;  /* "key=value", NULL-terminated; NULL none */
	bool dangling;              /* without a name */
	const char *in_use;         /* "container web"; NULL: by nothing */
	u32 group;                  /* items of one repository: --keep N counts in each */
	bool goes;                  /* decided */
	const char *why;            /* decided: "untagged", "older than 30 days", "newest 3 are kept", "used by container web" */
};
struct prune_rules {
	bool all;                   /* images with a name, too (docker's -a) */
	bool dangling_off;          /* filter dangling=false */
	s64 until;                  /* only what was made before; 0 any */
	const char *const *labels, *const *not_labels; /* "key" or "key=value"; NULL-terminated */
	const char *const *names;   /* patterns of tags and names that may go; NULL any */
	const char *const *protect; /* patterns that stay */
	u32 keep;                   /* newest N of each group; 0 none */
	u64 keep_storage;           /* of what can be made again (cache): stop when this much is left; 0 none */
};
/* Docker's "until=24h", "until=2024-01-02", "until=1700000000", "label=K[=V]", "label!=K[=V]", "dangling=true|false". ERR_USAGE. */
int prune_filter(struct arena *a, const char *text, s64 now, struct prune_rules *rules, struct error *err) must_check;
int prune_age(const char *text, s64 now, s64 *ret, struct error *err) must_check; /* "30d", "24h", "2w", a date, seconds */
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
	void *ctx;
};
struct store;
struct repo;
struct engine;
struct prune_place prune_store(struct store *s);                             /* prune/store.c */
struct prune_place prune_registry(struct repo *r);                           /* prune/registry.c */
struct prune_place prune_engine(struct engine *e, bool volumes, bool cache); /* prune/engine.c */
#endif
