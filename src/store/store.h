/* store.h — our own images: an OCI image layout on disk that others can read too, and an index of what is in it.
 *
 *	STORE/images/oci-layout, index.json, blobs/ALG/HEX   the layout (image-layout.md); index.json is written from the index below, never believed
 *	STORE/images/ingest/      blobs on their way in; what no living process writes is removed by store_sweep()
 *	STORE/images/store.db     SQLite (WAL): the truth about references, what documents name, what is in use
 *	STORE/leases/             one locked file a process that keeps something in use; a lock that can be had belongs to one that died
 *	STORE/facts/              what layers were read to be (load.h)
 *
 * store.db:  refs(name, digest, type, created, used)   a name is "docker.io/library/alpine:latest"; one without a tag is kept by its digest alone
 *            blobs(digest, size, added)                what is in the layout; added < 0: it was, then, but nobody waited for the disk yet (store_take_blob_soon)
 *            names(parent, child)                      which blobs a document names: index → manifest → configuration, layers; subject → referrer
 *            leases(owner, digest)                     what a process is about to use
 *            layers(digest, diff_id)                   for those above: diff IDs of stored layers
 *            built(key, digest, used, record, inputs)  what steps of builds came to: the layer, if any, and what the build room knows of it
 *
 * Several processes at once: every change is one transaction; a blob appears by rename when it is whole, synced and has its digest. Before somebody relies on a blob
 * that is there already it leases the digest, and then asks whether it is there; what removes (store_sweep) does so inside a transaction that sees all leases. There is no lock that is held
 * while something is transferred. A process that is killed leaves a file in ingest/ and a lease whose lock is free; both go with the next sweep.
 *
 * Where store.db is lost it is made anew from index.json and the blobs there are, when the store is opened: names come back, times don't. A process that reads an image leases it, too.
 *
 * Errors: ERR_ENV disk (full: the store is as it was), ERR_INPUT content of the wrong digest, ERR_USAGE names. */
#ifndef PARE_STORE_STORE_H
#define PARE_STORE_STORE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/stream.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#define PARTIAL_KEEP (7 * 86400) /* seconds that what broke off is taken up again */

struct store;
/* `dir` as load_options.store. `write` false: a store that is not there is an empty one. Several threads may ask one handle at once; one opens, sweeps and closes it. */
int store_open(const char *dir, bool write, struct store **ret, struct error *err) must_check;
/* The same for writing, where an index that is damaged (not one of a newer pare) is put aside, as store.db.damaged, and made anew. */
int store_open_repair(const char *dir, struct store **ret, struct error *err) must_check;
/* NULL, or told in one line what people should know of an opening: that the index was lost, and what came back. */
extern void (*store_notice)(const char *line);
void store_close(struct store *s); /* gives up its leases; NULL is fine */

/* --- content --- */
int store_lease(struct store *s, const struct digest *d, struct error *err) must_check; /* held until store_close() */
int store_has(struct store *s, const struct digest *d, struct error *err) must_check;   /* 1, 0; leases it first when the store is open for writing */
int store_blob(struct store *s, const struct digest *d, u64 from, struct stream **ret, u64 *size, struct error *err) must_check; /* verified when from is 0 */
int store_document(struct store *s, const struct digest *d, struct buf *out, struct error *err) must_check; /* verified; ERR_INPUT when it is not there */
json_t *store_referrers(struct store *s, const struct digest *subject, struct error *err) must_check; /* descriptors of them, as an index; the caller's */
/* Takes the stream. size UINT64_MAX: any. The blob is leased. What broke off is kept for PARTIAL_KEEP seconds under its digest; *ret_have of store_partial says how much there is. */
int store_add_blob(struct store *s, const struct digest *d, u64 size, u64 from, struct stream *bytes, struct error *err) must_check;
/* The same with bytes asked for from where a partial ends; it is locked before, so that nobody else takes it up. `file` > 0: a file without a name that holds them and is believed
 * (repo.h, struct blob_from): where it can have a name here, nothing is read. */
int store_take_blob(struct store *s, const struct digest *d, u64 size, int file, int (*open)(void *ctx, u64 from, struct stream **ret, struct error *err), void *ctx,
		    struct error *err) must_check;
/* The same without waiting for the disk, which the first document does that names it. Until then it is there as long as the machine is not started anew. */
int store_take_blob_soon(struct store *s, const struct digest *d, u64 size, int file, int (*open)(void *ctx, u64 from, struct stream **ret, struct error *err), void *ctx, struct error *err) must_check;
const char *store_images_dir(const struct store *s);
u64 store_partial(struct store *s, const struct digest *d);
/* A manifest, index, or any document whose children are known from it. All it names has to be there, but layers with `urls` and what an index has for platforms that were not asked for. */
int store_add_document(struct store *s, const char *type, struct str bytes, struct digest *ret, struct error *err) must_check;

/* --- references --- */
struct store_ref {
	const char *name;   /* whole: "docker.io/library/alpine:latest"; "" of a document that is kept by its digest alone (dangling) */
	struct digest digest;
	const char *type;
	s64 created, used;  /* seconds since 1970: of the image (its configuration), and when it was last put, pulled or read by name */
};
int store_resolve(struct store *s, const char *name, struct store_ref *ret, struct arena *a, struct error *err) must_check; /* name, name@digest, digest or its beginning (>= 6 digits). 1: none */
int store_set_ref(struct store *s, const char *name, const struct digest *d, struct error *err) must_check; /* "": kept without a name; what the name meant before stays, without a name */
int store_drop_ref(struct store *s, const char *name, struct error *err) must_check; /* or a digest: of what has no name. 1: there was none. Content stays until a sweep */
int store_drop_ref_if(struct store *s, const char *name, const struct digest *is, struct error *err) must_check; /* only while it means that; NULL: whatever. 1 as above */
int store_each_ref(struct store *s, int (*f)(void *ctx, const struct store_ref *ref, struct error *err), void *ctx, struct error *err) must_check; /* by name */

/* --- what steps of builds came to --- */
struct store_built {
	struct digest key, layer; /* layer: none, the step changed nothing */
	s64 used;                 /* seconds since 1970 */
	u64 size;                 /* of the layer's blob; 0: it is not there */
	bool leased;              /* that, by a living process */
	struct str record;        /* text, of whoever put it; good until the next */
};
/* `layer` may be NULL; it stays as long as the record does. record, inputs: text. Neither outlives a crash of the machine for certain. */
int store_built_put(struct store *s, const struct digest *key, const struct digest *layer, struct str record, struct str inputs, struct error *err) must_check;
int store_built_get(struct store *s, const struct digest *key, struct buf *record, struct buf *inputs, struct error *err) must_check; /* 1, 0: there is none. inputs may be NULL */
int store_built_used(struct store *s, const struct digest *keys, u32 n, struct error *err) must_check; /* now */
int store_built_each(struct store *s, int (*f)(void *ctx, const struct store_built *b, struct error *err), void *ctx, struct error *err) must_check; /* the least recently used first */
int store_built_drop(struct store *s, const struct digest *key, struct error *err) must_check;

/* --- room --- */
struct store_usage {
	u64 bytes;  /* of all blobs it stands on */
	u64 unique; /* of those that nothing else stands on */
	u32 blobs;
};
int store_usage(struct store *s, const struct store_ref *ref, struct store_usage *ret, struct error *err) must_check;
struct store_swept {
	u64 bytes;
	u32 blobs, partials, leases; /* removed */
};
/* Removes what no reference, no record of a build and no living lease reaches. `dry`: only says what would go, to the byte. */
int store_sweep(struct store *s, bool dry, struct store_swept *ret, struct error *err) must_check;
struct store_check {
	u32 refs, dropped, blobs, bad, missing, stray; /* dropped: references, by the repair; bad: wrong content; missing: named but not there; stray: files that the index doesn't know */
	u64 bytes;
};
/* Reads every blob. `repair`: drops references to what is missing or wrong, takes strays in or away, writes index.json anew. f (may be NULL) is told each fault in one line. */
int store_check(struct store *s, bool repair, void (*f)(void *ctx, const char *line), void *ctx, struct store_check *ret, struct error *err) must_check;
#endif
