/* copy.h — an image, or all of an index, from one place to another.
 *
 * Between places that keep content under its digest (transport/repo.h) documents and blobs go over as they are, so that every digest stays; what the target has is not
 * sent. A conversion (another format, another compression, a place that keeps other forms) changes digests and says so: struct copy_change. To a place that keeps no digests
 * (docker-archive, an engine) an image goes through transport/sink.h; from one, its layers are compressed and its manifest is made here.
 *
 * Order: blobs first (COPY_PARALLEL at once), then manifests, then the index, then the tag: nothing is visible before all of it is there. */
#ifndef PARE_COPY_COPY_H
#define PARE_COPY_COPY_H
#include "base/arena.h"
#include "layer/deflate.h"
#include "transport/repo.h"
#include "transport/transport.h"

#define COPY_PARALLEL 4u /* transfers at once, unless said otherwise */

enum copy_format { COPY_AS_IT_IS, COPY_OCI, COPY_DOCKER };
struct copy_options {
	struct repo_options source, target;
	const char *platform;    /* of an index the manifest for this one; NULL with all false: the host's, or the only one there is */
	bool all;                /* the index and every platform in it; an index is never written with less than it names */
	enum copy_format format;
	bool recompress;         /* to `compression` at `level` */
	enum compression compression;
	const struct digest *keep; /* layers that are not recompressed, n_keep of them */
	u32 n_keep;
	int level;               /* 0: the format's default, gzip's being DEFLATE_FAST */
	bool referrers;          /* what refers to it goes along: signatures, SBOMs, attestations; cosign's tags too */
	bool require_digest;     /* a source that is named by a tag alone is refused */
	bool preserve;           /* a conversion that would change a digest is an error, before anything is sent */
	u32 parallel;            /* 0: COPY_PARALLEL */
	bool offline;            /* nothing is asked of a registry: what our store has must do */
	bool dry_run;            /* the target is asked what it has, nothing is written: `sent` is what would be */
	bool by_digest;          /* it is put under its digest alone; what the target's name stands for is left */
	const char *name;        /* for docker-archive:FILE and the like without a name: what the image is called there; NULL: what it was called */
	const char *const *aliases; /* there, and in an engine: what else it is called, NULL-terminated; NULL: nothing */
	/* Whether an image may be taken (trust/policy.h); NULL: any. Called once its manifest is known, before blobs are asked for. */
	int (*allowed)(void *ctx, struct repo *from, const struct document *d, struct error *err);
	void *ctx;
};

struct copy_change { /* what a conversion did to one manifest */
	struct digest before, after; /* before: none of a place that keeps none */
	const char *what;            /* "layers recompressed from gzip to zstd; media types OCI" */
};
struct copy_result {
	struct digest digest;    /* of what stands under the target's name; none where the target keeps none */
	const char *type;
	u64 size;                /* of that document */
	const char *platform;    /* chosen of an index: "linux/amd64"; NULL: there was nothing to choose */
	u32 platforms;           /* how many images that index has */
	u32 manifests, blobs;    /* that belong to it */
	u32 referrers;           /* of the manifests: what refers to the image */
	u32 sent, there, mounted;
	u64 bytes, bytes_there;  /* sent; not sent since they were there */
	struct copy_change *changes;
	u32 n_changes;
};
int copy_image(const char *source, const char *target, const struct copy_options *opt, struct arena *a, struct copy_result *ret, struct error *err) must_check;
/* The same between places that keep digests and are open; they stay the caller's. */
int copy_between(struct repo *from, struct repo *to, const struct copy_options *opt, struct arena *a, struct copy_result *ret, struct error *err) must_check;
#endif
