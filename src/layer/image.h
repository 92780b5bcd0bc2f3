/* image.h — an image as facts: its documents and, for each layer, the facts of its bytes. What every question is asked of. */
#ifndef PARE_LAYER_IMAGE_H
#define PARE_LAYER_IMAGE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/facts.h"
#include "layer/stream.h"
#include "oci/manifest.h"

struct image_layer {
	u32 index;              /* 0 is the lowest */
	struct digest digest;   /* of the stored blob; for archives that name none, what was computed. May be none (headers only) */
	struct digest diff_id;  /* as the configuration says */
	const char *media_type; /* as the manifest says; for archives by content; "" when unknown */
	u64 compressed_size;    /* stored bytes of the blob */
	u64 size;               /* length of the uncompressed tar */
	enum compression compression;
	const char *command;    /* history's created_by, "" when history has none for it */
	s32 history;            /* index into config.history, -1 */
	const char *place;      /* where the transport found it: "9aba…/layer.tar", "blobs/sha256/…" */
	const struct facts *facts; /* NULL when nothing of it could be read */
	bool cached;            /* facts came from the store: no byte of the layer was read */
};

struct image {
	struct arena arena;     /* everything below lives here */
	const char *reference;  /* as asked for, or the tag that the archive names */
	const char *location;   /* as asked for */
	const char *transport;  /* "oci", "docker-archive", … */
	struct digest digest;   /* of the manifest; none for archives without one */
	struct digest config_digest;
	const char *manifest_media_type; /* "" without a manifest */
	struct config config;
	json_t *config_doc;     /* the configuration as it is; may be NULL (rootfs) */
	json_t *manifest_doc;   /* may be NULL */
	struct image_layer *layers;
	u32 n_layers;
	u64 size;               /* bytes of the regular files of all layers, as stored (docker's "size") */
	u64 compressed_size;    /* of all blobs */
	struct problems problems; /* not empty: `incomplete`, exit status 3 */
	struct problems unverified; /* what documents claim and the bytes are not (load_options.content_only): no gap in what was read */
	void *keep;             /* what the loader keeps open for it */
	void (*close)(struct image *);
};
void image_close(struct image *img); /* and all its facts; NULL is fine */

/* What to call it before people: the reference, or the location when that is a mere tag ("latest"). */
const char *image_title(const struct image *img);

/* The instruction that made layer i as a person wrote it: without "/bin/sh -c ", "#(nop) ", "|1 ARG=…" and "# buildkit"; RUN is put
 * in front of shell commands. Into out. */
void image_instruction(const struct image *img, u32 layer, struct buf *out);
/* How many of the lowest layers come from the base image, as history and annotations tell; 0 when nothing tells. */
u32 image_base_layers(const struct image *img);
/* About how many paths the layers have, to make room for: what they list together, unless they look like the same over and over. */
u32 image_paths(const struct image *img);
#endif
