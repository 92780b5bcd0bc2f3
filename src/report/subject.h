/* subject.h — everything that is known about one image, for whoever writes about it. */
#ifndef PARE_REPORT_SUBJECT_H
#define PARE_REPORT_SUBJECT_H
#include "layer/image.h"
#include "package/package.h"
#include "rootfs/dive.h"
#include "rootfs/rootfs.h"
#include "store/load.h"

struct subject {
	struct image *image;
	struct rootfs *rootfs;
	struct packages *packages; /* NULL when not asked for */
	struct dive *dive;         /* NULL likewise */
	struct problems problems;  /* of all of them: `incomplete`. With SUBJECT_INSIDE or SUBJECT_RISKS without what is in image->unverified */
	const char **unidentified; /* without a tree (inventory.h): the paths of packages->unidentified, the first of them; in the packages' arena */
	u32 n_unidentified;
};

enum {
	SUBJECT_PACKAGES = 1, /* what the system's package managers installed, and the files they own */
	SUBJECT_DIVE = 2,
	SUBJECT_INSIDE = 4,  /* all packages: languages and programs, too */
	SUBJECT_RISKS = 8,   /* those, and the notes on secrets and accounts */
	SUBJECT_CLAIMS = 32,    /* what documents claim and the bytes are not is a problem all the same (load_options.content_only) */
	SUBJECT_NEEDS = 64,     /* all packages, and what programs, scripts and sources refer to: for program/graph.h */
	SUBJECT_COUNT_ALL = 16, /* packages of a language that an OS package owns are kept (packages_read) */
};
/* The collectors of each enum collector_set; NULL-terminated. */
extern const struct collector *const *const collector_sets[];
/* The sets for slimming, each a part of the next (load_options.sets), NULL-terminated; the last two are those to collect: what programs need, and secrets besides. */
extern const struct collector *const *const slim_sets[];
const struct collector *const *slim_collectors(bool secrets);
int subject_open(const char *location, const struct load_options *load, int parts, struct subject *ret, struct error *err) must_check;
/* A subject of packages that an SBOM told of (packages_of_document(); taken): its image and tree are there and empty, its transport is "sbom". */
void subject_of_packages(const char *location, struct packages *p, struct subject *ret);
/* The same, called what the document says that it is about; what `about` owns is taken, too. */
struct document_about;
void subject_of_document(const char *location, struct packages *p, const struct document_about *about, struct subject *ret);
void subject_close(struct subject *s);

struct byte_range { /* which files a listing shows */
	const char *path; /* glob, NULL: all */
	s32 layer;        /* -1: all */
	u64 top;          /* 0: all */
};
/* Calls row() for each of them, sorted bytewise by path. */
void subject_list(const struct subject *s, const struct byte_range *range, void (*row)(void *ctx, const struct subject *s, node_id id, struct str path), void *ctx);

/* "incomplete": […], of an open object. */
struct jsonw;
void json_incomplete(struct jsonw *w, const struct problems *p);
void json_problems(struct jsonw *w, const char *key, const struct problems *p); /* the same under another key */

/* One writer a format. They write to stdout's FILE; the caller flushes. */
void write_inspect_json(FILE *f, const struct subject *s, const struct byte_range *files); /* files NULL: no "files" key */
void write_inspect_dive(FILE *f, const struct subject *s);
void write_inspect_table(FILE *f, const struct subject *s, const struct byte_range *range);
void write_files_tsv(FILE *f, const struct subject *s, const struct byte_range *range);
void write_files_table(FILE *f, const struct subject *s, const struct byte_range *range);
void write_layer_table(FILE *f, const struct subject *s, u32 layer, const struct byte_range *range);
void write_packages_table(FILE *f, const struct subject *s, u64 top);
void write_packages_tsv(FILE *f, const struct subject *s, u64 top);
#endif
