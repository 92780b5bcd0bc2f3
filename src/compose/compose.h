/* compose.h — a distroless image out of a distribution's packages, step by step:
 *
 *	recipe ─► sources ─► releases, indexes ─► solve ─► packages ─► unpack ─► effects ─► layers ─► sink
 *	                           ▲                          │                (what maintainer scripts would have done)
 *	                           └──────── compose.lock ◄───┘
 *
 * No script of a package is run. What is not known of one is a note that names it (composition.notes).
 *
 * Reproducible: the image's bytes depend on the recipe, the packages (their digests) and SOURCE_DATE_EPOCH alone. Times are those of the packages' files, and none is later than SOURCE_DATE_EPOCH where that is set; what is made
 * here has the time of the newest file of all packages, as has the image. */
#ifndef PARE_COMPOSE_COMPOSE_H
#define PARE_COMPOSE_COMPOSE_H
#include "compose/deb.h"
#include "compose/mirror.h"
#include "compose/recipe.h"
#include "compose/solve.h"
#include "compose/tree.h"
#include "oci/platform.h"

#define COMPOSE_MADE_MAX ((size_t)(16 * MiB)) /* a file that is read to make another */

struct compose_package {
	struct str name, version, arch;
	const char *url;
	struct digest sha256;
	u64 size;                 /* of the .deb */
	struct str why;           /* "named", "Depends: … of NAME" */
	struct deb_control control; /* once it is unpacked */
	struct str replaces;      /* of it, while packages are put together */
	u64 files, bytes;         /* regular files in it, and what is in them */
	u64 kept;                 /* bytes that the image has of it */
	s64 newest;               /* time of its newest file */
};
struct compose_source {      /* an index that was read, for the lock */
	const char *uri, *suite, *signed_by;
	struct str codename, version, date;
	struct digest release;
};
struct compose_left {
	const char *name, *kind, *by;
	u32 n;
};
struct composition {         /* for one architecture */
	struct arena arena;
	const struct recipe *recipe;
	const char *arch;
	struct platform platform;
	struct compose_source *sources;
	u32 n_sources;
	struct compose_package *v; /* in the order of layers: each behind what it depends on */
	u32 n;
	struct compose_left *left;
	u32 n_left;
	u32 index_packages;
	const char *explained;    /* of the package that was asked for */
	struct ctree tree;
	struct problems notes;    /* what is not known, or not done: nothing that fails */
	u64 looked;               /* entries that commands of scripts were about, directory by directory */
	s64 epoch;                /* SOURCE_DATE_EPOCH; -1: none */
	s64 time;                 /* of the image */
};
void composition_init(struct composition *c, const struct recipe *r, const char *arch);
void composition_free(struct composition *c);

/* choose.c: fetches the indexes and solves. `explain`: a name, or NULL. */
int compose_choose(struct composition *c, struct mirror *m, const char *explain, struct error *err) must_check;
/* unpack.c: fetches the packages and fills the tree. `spool_dir`: where its contents lie meanwhile. */
int compose_unpack(struct composition *c, struct mirror *m, const char *spool_dir, struct error *err) must_check;
/* Whether a path of a package goes into the image. */
bool compose_keeps(const struct recipe *r, struct str path, enum tar_type type) must_check;
bool compose_kept(const struct recipe *r, struct str path) must_check; /* SPEC says so; likewise: */
bool compose_dropped(const struct recipe *r, struct str path) must_check;
/* effect.c: what maintainer scripts would have done. */
int compose_effects(struct composition *c, struct error *err) must_check;

/* lock.c: "compose.lock" */
int compose_lock_write(const struct composition *v, u32 n, const char *path, struct error *err) must_check;
int compose_lock_read(struct composition *c, struct str text, const char *name, struct error *err) must_check; /* c->v of c->arch. ERR_USAGE: it does not fit the recipe */

/* image.c */
struct compose_layer {
	const char *name;         /* "libc6 2.36-9", "8 packages: …", "configuration" */
	u32 *entries;             /* of the tree, by path; owned by the arena */
	u32 n;
	u64 size;                 /* upper bound of its plain tar */
};
int compose_layers(struct composition *c, struct compose_layer **ret, u32 *n, struct error *err) must_check;
struct stream *compose_layer_stream(const struct composition *c, const struct compose_layer *l);
struct sink_layer;
int compose_config(const struct composition *c, const struct compose_layer *layers, const struct sink_layer *written, u32 n, struct buf *out, struct error *err) must_check;
u64 compose_bytes(const struct composition *c, u32 *files); /* what the image's files hold */
const char *compose_shell(const struct composition *c); /* the path of a shell that is in it; NULL: none */
#endif
