/* relayer.h — the tree that a plan leaves, in other layers than the original's: by how often it changes, or all in one.
 *
 *      kept below     layers of which nothing goes, the lowest of the original, byte for byte
 *      runtime        what belongs to a distribution's packages, and interpreters
 *      dependencies   packages of languages
 *      application    all else, with configuration, what is added, and directories as they are in the end
 *      kept above     layers with content of which nothing goes, that hide nothing, and that nothing else of what is left changes, byte for byte
 *
 * A new layer lists its entries bytewise by path, each inode once, with all directories on the way. In the two lower ones a directory is as it was first listed, so that what an application changed about it
 * (its time, mostly) does not change them: two images with the same files there have the same layer. Whiteouts are needed for what only a layer kept below still has, and stand in the application's.
 *
 * What the layers add up to is compared with what the plan leaves, before anything is written; where they do not (hard links and whiteouts across layers that are kept), fewer layers are kept. */
#ifndef PARE_SLIM_RELAYER_H
#define PARE_SLIM_RELAYER_H
#include "base/common.h"
#include "base/error.h"
#include "layer/stream.h"
#include "package/package.h"
#include "slim/database.h"
#include "slim/plan.h"

enum relayer_form {
	RELAYER_NO,   /* every layer stays in its place */
	RELAYER_RATE, /* by rate of change */
	RELAYER_ONE,  /* one layer */
};
enum relayer_class { CLASS_RUNTIME, CLASS_DEPENDENCIES, CLASS_APPLICATION, RELAYER_CLASSES };
enum relayer_place { PLACE_NEW, PLACE_BELOW, PLACE_ABOVE }; /* of a layer of the original: its entries are in new layers, or it is kept */

#define RELAYER_ADDED 0x80000000u /* in `from`: index of an addition. Entries are fewer (TRACE_ENTRIES_MAX) */

struct relayer_layer {
	const char *name;    /* "runtime" … */
	struct facts *facts; /* its entries; NULL: there are none, and no such layer */
	u32 *from;           /* by entry: that of the original with its content, an addition, or TRACE_NONE */
	u64 *at;             /* by entry: where its content is in the spool; of a sparse file the whole entry */
	u32 n, cap;
	u64 size;            /* of its plain tar */
	bool *of;            /* by layer of the original: a file, link or device in it is from there */
};

struct relayer {
	u32 layers;          /* of the result; 0: there is no other form than the plan's */
	u64 bytes;           /* of the files in all of them */
	u8 *place;           /* by layer of the original: enum relayer_place */
	bool *carried;       /* by entry of the original: its content is in a new layer */
	struct relayer_layer v[RELAYER_CLASSES];
	const struct plan *plan;
	const struct additions *added; /* NULL: none */
};

/* 1; or 0 when it cannot be done, `why` says why not (RELAYER_RATE: also when there is nothing to do: then it is empty). */
int relayer_make(const struct plan *p, const struct packages *pkgs, const struct additions *added, enum relayer_form form, struct relayer *ret, struct error *why);
void relayer_free(struct relayer *r);
/* Of an entry that the plan needs to hide or hold another, in a layer that goes: it goes, too. */
bool relayer_drops(const struct relayer *r, u32 g);

/* Reads each layer whose entries are in new ones, once and in its order; their contents go to fd, a file of its own. */
typedef int relayer_open(void *ctx, u32 layer, struct stream **plain, struct error *err);
int relayer_spool(struct relayer *r, relayer_open *open, void *ctx, int fd, struct error *err) must_check;
/* A new layer as its plain tar. r and fd outlive it. Memory: STREAM_RING buffers. */
struct stream *relayer_stream(const struct relayer *r, enum relayer_class c, int fd);

/* For relayer.c. By node of what the plan leaves, enum relayer_class; to be freed. */
u8 *relayer_classes(const struct plan *p, const struct packages *pkgs);
/* Header blocks of an entry of a new layer that is not sparse. */
int relayer_header(const struct facts *f, const struct fact_entry *e, struct buf *out, struct error *err) must_check;
#endif
