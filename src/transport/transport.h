/* transport.h — places that images come from, one file each behind `struct transport`, gathered in `transports[]`.
 *
 * A location is TRANSPORT:DETAIL (containers-transports(5)); a bare existing path is recognised by its content, never by its name; "-" is standard
 * input; any other bare name is looked for in our store, then asked of the Docker engine, then of its registry. Opening yields a `struct source`: the documents of one
 * chosen image, verified against the digests that name them, and a way to read each stored layer.
 *
 * Two kinds of places:
 *   - those that can be sought (a directory, a plain archive file, an engine's storage): layers are opened when wanted, many at once;
 *   - those that pass by once (standard input, an engine's socket, an archive compressed as a whole): every member that may be a
 *     layer is read into facts as it comes, since the manifest may come last. With `need_content` these are first copied into
 *     `spool_dir` (removed when the source closes).
 */
#ifndef PARE_TRANSPORT_TRANSPORT_H
#define PARE_TRANSPORT_TRANSPORT_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/read.h"
#include "oci/manifest.h"

/* What is remembered of archives that passed by once: bytes under the identity of the file, and facts under their diff ID. */
struct archive_memory {
	void *ctx;
	bool (*recall)(void *ctx, struct str identity, struct buf *record);
	void (*keep)(void *ctx, struct str identity, struct str record);
	struct facts *(*facts)(void *ctx, const struct digest *diff_id); /* NULL: not kept; else the caller's */
};

struct repo_options;
struct source_options {
	bool plain_dirs;           /* a bare path to a directory that is no layout is a root file system */
	const struct platform *platform; /* to choose from an index; NULL: the host's */
	bool platform_forced;            /* the user named it: nothing else will do */
	const struct layer_options *layer; /* how to read layers that pass by */
	bool need_content;               /* layers will be opened (again): spool what passes by once */
	bool once;                       /* each layer is opened once: what a registry sends is not kept for the next time */
	bool one;                        /* a place that holds several images is refused unless the location says which: the first is no answer */
	const struct archive_memory *memory; /* NULL: nothing is remembered */
	const char *spool_dir;           /* existing directory for that; NULL: need_content of such places fails */
	const struct repo_options *registry; /* how a registry is asked (repo.h); NULL: as ever */
};

struct source_layer {
	struct descriptor desc;  /* digest none and size 0 where the place names none (docker-archive) */
	const char *place;       /* for people: "9aba…/layer.tar", "blobs/sha256/…" */
	u64 stored;              /* bytes stored there; 0 when unknown before reading */
	bool missing;            /* named by the manifest, but not there: a problem already noted */
	bool trusted;            /* verified by who keeps it (an engine's storage): its digest need not be proven again */
	bool was_read;           /* it passed by: `read` holds the facts (ownership goes to the caller who takes them) */
	struct layer_read read;
};

struct source {
	const struct source_ops *ops;
	struct arena arena;
	const char *transport;
	const char *reference;      /* what to call it: the tag found, else what was asked for */
	struct digest digest;       /* of the manifest; none where there is none */
	struct str manifest;        /* its bytes; n 0 where there is none (docker-archive) */
	const char *manifest_media_type;
	struct digest config_digest;
	struct str config;          /* its bytes; n 0 for rootfs, or when it is missing or damaged (a problem) */
	struct source_layer *layers;
	u32 n_layers;
	struct problems problems;
};

struct source_ops {
	/* A stream of the stored bytes of layer i. May be called for several layers at once, from several threads. */
	int (*open_layer)(struct source *s, u32 i, struct stream **ret, struct error *err);
	/* Bytes that change when the stored layer may have changed (device, inode, size, times, offset); empty: cannot tell. */
	void (*identity)(struct source *s, u32 i, struct buf *out);
	void (*close)(struct source *s); /* what ops keep; source_close() does the rest */
};

struct transport {
	const char *name;    /* "oci" */
	const char *detail;  /* for help: "DIR[:TAG]" */
	const char *summary; /* one line */
	int (*open)(const char *detail, const struct source_options *opt, struct source **ret, struct error *err);
};
extern const struct transport *const transports[]; /* NULL-terminated */

/* ERR_USAGE: no such transport; ERR_INPUT: damaged; ERR_ENV: cannot be had. */
int source_open(const char *location, const struct source_options *opt, struct source **ret, struct error *err) must_check;
void source_close(struct source *s);

/* For transports. */
struct source *source_new(size_t size, const struct source_ops *ops, const char *transport); /* size of the transport's own struct, whose first member is a struct source */
/* 1: what passed by under this identity before is remembered in full, and *ret is made of it; 0: it has to be read; -1: remembered, but
 * the image cannot be opened (as source_open_streamed). */
int source_recall(const char *transport, const char *name, const char *choice, struct str identity, const struct source_options *opt, struct source **ret, struct error *err) must_check;
/* An archive that passes by once (taken): docker-archive or OCI, recognised by content; `choice` is the image ("": the first). `identity` changes
 * when its bytes may have changed (source_ops.identity); empty when that cannot be told. */
int source_open_streamed(struct stream *archive, const char *transport, const char *name, const char *choice, struct str identity, const struct source_options *opt, struct source **ret,
			 struct error *err) must_check;
#endif
