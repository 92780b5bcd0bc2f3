/* chain.h — what the tree of a stage is made of: layers, lowest first, each in our store. */
#ifndef PARE_BUILD_CHAIN_H
#define PARE_BUILD_CHAIN_H
#include "base/arena.h"
#include "base/error.h"
#include "layer/stream.h"
#include "oci/digest.h"

struct build_layer {
	struct digest diff_id;  /* of the plain tar */
	struct digest digest;   /* of the bytes that are stored */
	u64 size;               /* of those */
	u64 plain;              /* of the tar; 0: not known */
	enum compression compression;
	const char *media_type; /* NULL: the OCI one of its compression */
	u64 kept_out, kept_of;  /* bytes of package managers' caches that it is without (lean.h), and whose: bits of enum cache_of */
	const char *run;        /* the RUN of this build that made it, for people; NULL: none did */
};
const char *layer_type(const struct build_layer *l); /* the OCI media type of its compression */
struct store;
/* The plain tar of a layer that is stored under that digest. `kind`: how it is compressed; NULL is fine. */
int layer_open(struct store *s, const struct digest *stored, struct stream **ret, enum compression *kind, struct error *err) must_check;

struct chain {
	const struct build_layer *v;
	u32 n;
	struct digest id; /* OCI image specification, config.md, "Layer ChainID": says what the tree is; none when n is 0 */
	u32 room;         /* that v has for more, which is this chain's to use alone: 0 in a copy that goes on by itself */
};
struct digest chain_id(const struct digest *below, const struct build_layer *l); /* of one more layer on the chain with that ID */
/* One more layer on top; everything in the arena. */
struct chain chain_add(struct arena *a, const struct chain *below, const struct build_layer *l);

struct image;
/* As an image of its own, whose content can be read; small documents for it go into the store, leased. ERR_INPUT when a layer cannot be read. */
int chain_load(struct store *s, const struct chain *c, struct image **ret, struct error *err) must_check;
#endif
