/* load.h — from a location to an image as facts: opens the source, reads the layers that the cache does not know, all cores busy,
 * verifies every digest and keeps what was verified.
 *
 * The cache (STORE/facts/): facts by diff ID; for each stored layer that was read and verified a record of its identity
 * (source_ops.identity) → digests and sizes; for each archive that passed by once (compressed as a whole) a record of its members. A
 * layer is taken from the cache only when its stored bytes are, by identity, those that were verified — a configuration that merely
 * claims a diff ID is not believed. Every file of it carries a check sum; one that does not hold is as if it were not there.
 */
#ifndef PARE_STORE_LOAD_H
#define PARE_STORE_LOAD_H
#include "base/common.h"
#include "base/error.h"
#include "layer/image.h"
#include "transport/transport.h"

#define LOAD_SETS 8
struct load_options {
	const char *platform;  /* NULL: the host's */
	const struct collector *const *collectors; /* NULL-terminated or NULL */
	/* NULL, or the sets of which `collectors` is one, from small to large, each a part of the next, NULL-terminated: kept facts of a larger one
	 * are as good (they hold more notes than were asked for), those of smaller ones are dropped when theirs are kept. At most LOAD_SETS. */
	const struct collector *const *const *sets;
	bool headers_only;     /* --no-verify: nothing hashed, nothing cached */
	bool need_content;     /* load_source() layers will be opened */
	bool no_cache;
	/* Where an image's documents say one thing and its bytes another (digests, sizes, how many layers), that is no gap in what was read: it goes to
	 * image.unverified instead of image.problems. For questions about the content; whether an image is what it claims is inspect's. A
	 * bare path to a plain directory is a root file system then. */
	bool content_only;
	const struct repo_options *registry; /* how a registry is asked; NULL: as ever */
	const char *store;     /* directory; NULL: $PARE_STORE, else $XDG_DATA_HOME/pare, else ~/.local/share/pare */
};

int image_load(const char *location, const struct load_options *opt, struct image **ret, struct error *err) must_check;
/* The source behind a loaded image (borrowed): for reading content. */
struct source *image_source(const struct image *img);
/* A layer as the plain tar that it is, from its first byte. */
int image_open_layer(const struct image *img, u32 layer, struct stream **ret, struct error *err) must_check;
/* Content of one regular file as a stream (stored bytes: of a sparse file without its holes). */
int image_open_file(const struct image *img, u32 layer, u32 entry, struct stream **ret, struct error *err) must_check;

/* The store's directory, made when absent: "…/pare". Into the arena. NULL and *err when it cannot be made. */
const char *store_dir(struct arena *a, const char *option, struct error *err);
#endif
