/* build.h — a Dockerfile into an image in our store, with no daemon.
 *
 *	Dockerfile ─ graph of stages ─ steps, each: key → in the cache? its layer : run it on the tree below, take what it changed → layer
 *	                │ (as many stages at once as are ready)                               │
 *	                └ contexts, bases (our store, then layouts, registries)               └ configuration, manifest, index → store → outputs
 *
 * Rooms within: context.h (what is copied from), copy.h, exec.h (what is run), snapshot.h (trees on disk), diff.h (layers of what changed), cache.h (what need not be done again), instruction.h (what an instruction means).
 * The image is a matter of its inputs alone: no clock, host, user, umask, order of directories or number of processors is in it (diff.h). Errors are "Dockerfile:3: RUN make: …". */
#ifndef PARE_BUILD_BUILD_H
#define PARE_BUILD_BUILD_H
#include "build/exec.h"
#include "transport/repo.h"

struct build_event {
	enum { BUILD_STARTED, BUILD_CACHED, BUILD_DONE, BUILD_FAILED, BUILD_OUTPUT, BUILD_NOTE, BUILD_SOURCE } kind;
	u32 step;               /* number of the step in this build, from 1; 0 of a note that is of none */
	const char *name;       /* "[linux/amd64 build 2/5] RUN make" */
	const char *digest;     /* key of the step, text; NULL none */
	int stream;             /* BUILD_OUTPUT: 1, 2 */
	struct str text;        /* output; why a step was not in the cache (BUILD_STARTED, p NULL: unknown); an error; a note; the lines of the Dockerfile around what the build failed at (BUILD_SOURCE) */
	const char *look;       /* BUILD_SOURCE: the command that leads into what the step has left; NULL: nothing is kept of it */
	u64 bytes;              /* BUILD_DONE: of the layer's content */
	double seconds;         /* BUILD_DONE */
};
struct build_output { /* --output */
	enum { OUTPUT_STORE, OUTPUT_OCI, OUTPUT_DOCKER, OUTPUT_TAR, OUTPUT_LOCAL, OUTPUT_REGISTRY, OUTPUT_DAEMON } type;
	const char *dest;       /* "-": standard output */
	bool tar;               /* of oci: an archive, not a directory */
	enum compression compression;
	bool compression_set, force_compression;
	int level;
	const char *const *names; /* NULL-terminated; NULL: the tags */
	bool by_digest;         /* of registry: under no tag */
	bool docker_types;      /* docker's media types, not OCI's */
	bool insecure;          /* registry.insecure */
};
struct build_options {
	const char *context;
	const char *dockerfile; /* -f; NULL: Dockerfile of the context */
	const char *const *tags, *const *build_args, *const *labels, *const *annotations, *const *contexts /* NAME=WHERE */, *const *no_cache_filter, *const *cache_from, *const *cache_to; /* each NULL-terminated or NULL */
	const char *const *platforms; /* NULL: the host's */
	const char *target;
	struct build_output *outputs;
	u32 n_outputs;
	bool no_cache, pull, squash, lean, dry_run, explain;
	bool keep_failed;       /* what a RUN that fails has left is kept as an image without a name (failed.h) */
	bool nothing;           /* the image is made and put nowhere: what is to be looked at stays in the store until a prune */
	int provenance;         /* beside the image: 0 none, 1 what it is made of, 2 arguments and the Dockerfile, too */
	int (*bom)(void *ctx, const char *digest, struct buf *out, struct error *err); /* NULL, or makes a bill of materials (SPDX) of the image with that digest in our store, to go beside it */
	s64 epoch;              /* SOURCE_DATE_EPOCH; < 0: none */
	struct exec_options exec;
	struct repo_options repo;
	const char *store;
	void (*event)(void *ctx, const struct build_event *e); /* one at a time, from any thread */
	const char *(*found)(void *ctx, struct arena *a, const char *name); /* as struct bases */
	int (*allowed)(void *ctx, struct repo *from, const struct document *d, struct error *err);
	void *ctx;
};
struct build_trace { /* one step, of whatever stage */
	const char *place, *name; /* "Dockerfile:3", "[build 2/5] RUN make" */
	struct digest key;
	struct digest diff_id;  /* of the layer that came of it; none: it changed nothing */
	struct digest layer;    /* that layer as it is stored */
	bool cached, ran;       /* ran: a RUN, not known */
};
struct build_result {
	struct digest digest, config; /* of the manifest (or index), of the configuration (of one platform; else none) */
	const char *type;
	struct digest put;      /* of what was put where it should go: another one when an output has its layers, or its media types, otherwise (the last of those) */
	const char *put_type;
	u64 put_size;
	u32 steps, cached;
	const struct build_trace *trace; /* in the order of places; the arena's */
	u32 n_trace;
	u64 bytes, kept_out;    /* of the image's layers as stored; of package managers' caches that are in no layer (lean) */
};
/* What differs between two builds of the same: of the first step that had the same inputs and came to something else, in words ("Dockerfile:3: RUN make: /build.log: byte 12 differs"), into out; nothing when they agree. */
int build_differs(const char *store, const struct build_result *a, const struct build_result *b, struct buf *out, struct error *err) must_check;
/* Of a build that had no cache: each RUN whose layer has a file that says which day it is (UTC), in words, a line each ("Dockerfile:3: RUN make: /version names the day of this build"). Nothing that differs, and another day may well do. */
int build_days(const char *store, const struct build_result *r, s64 now, struct buf *out, struct error *err) must_check;
/* 1: a step failed (its status has been told by BUILD_FAILED; *err says it in one line, with file and line). -1 everything else. */
int build_run(const struct build_options *opt, struct arena *a, struct build_result *ret, struct error *err) must_check;
#endif
