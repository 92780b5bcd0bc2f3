/* bag.h — images kept as named members (a directory, an archive, a stream that passed by), whatever holds them: finds the manifest in an OCI
 * layout (OCI image specification, image-layout.md) or a docker-archive (manifest.json), chooses an image, fills in the source. */
#ifndef PARE_TRANSPORT_BAG_H
#define PARE_TRANSPORT_BAG_H
#include "transport/transport.h"

#define BAG_MEMBERS_MAX (256u << 10) /* members of one archive */
#define BAG_LINKS_MAX 16             /* links from member to member */

struct bag;
struct bag_ops {
	/* Whether there is a regular member of this clean name, and its stored size. */
	bool (*find)(struct bag *b, const char *name, u64 *size);
	int (*read)(struct bag *b, const char *name, u64 limit, struct buf *out, struct error *err); /* a document, whole */
	int (*open)(struct bag *b, const char *name, struct stream **ret, struct error *err);         /* a layer */
	bool (*take)(struct bag *b, const char *name, struct layer_read *ret);                        /* facts of one that passed by; NULL when none do */
	void (*identity)(struct bag *b, const char *name, struct buf *out);                           /* NULL: cannot tell */
	void (*close)(struct bag *b);
};
struct bag {
	const struct bag_ops *ops;
	const char *name;          /* for people */
	size_t chunk;              /* bytes a read of a layer (stream_file); set by bag_source */
	struct problems problems;  /* damage found while it was read */
};

enum bag_form { BAG_ANY, BAG_OCI, BAG_DOCKER };

/* Takes the bag (closes it on failure too). `choice`: a tag, "@N" or "@sha256:…"; "" for the first, or the only one (source_options.one). */
int bag_source(struct bag *b, enum bag_form form, const char *transport, const char *choice, const struct source_options *opt, struct source **ret, struct error *err) must_check;

/* FILE[:CHOICE]: all of it when that exists, else cut at the first ':' that has something existing in front of it, else at the first
 * one. *file is malloc'ed, *choice points into detail ("" for none). */
void bag_split(const char *detail, char **file, const char **choice);

/* oci.c */
struct bag *bag_directory(int fd, const char *name); /* takes fd */
/* archive.c */
struct bag *bag_archive(int fd, const char *name, struct error *err); /* plain, seekable; takes fd */
#endif
