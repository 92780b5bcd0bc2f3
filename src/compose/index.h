/* index.h — the packages that a distribution offers: its Packages files (Debian's repository format), read as they pass by and kept as what solving asks for.
 *
 * Hostile input: a paragraph has at most INDEX_PARAGRAPH bytes, a file INDEX_BYTES, all files together INDEX_PACKAGES packages and INDEX_KEPT bytes of what is kept. Names, versions and file names are checked here: a
 * file name never leaves the archive that it is of. Packages of other architectures, or without a size or a SHA-256, are not taken.
 *
 * Of one name the newest comes first, whatever file it was in; what a suite offers only when it is asked for (NotAutomatic) comes behind all others. A version that is in two files is that of the first. */
#ifndef PARE_COMPOSE_INDEX_H
#define PARE_COMPOSE_INDEX_H
#include "base/arena.h"
#include "base/error.h"
#include "base/hashtab.h"
#include "layer/stream.h"

#define INDEX_PARAGRAPH ((size_t)MiB)
#define INDEX_BYTES GiB /* of one file, plain */
#define INDEX_PACKAGES 1000000u
#define INDEX_KEPT (1 * GiB)
#define INDEX_VERSIONS 256u /* of one name; older ones are left out */

struct index_package {
	struct str name, version, arch, section;
	struct str depends, pre_depends, recommends, provides, conflicts, breaks; /* as written; "" when there is none */
	struct str file;      /* below the archive's root */
	struct digest sha256;
	u64 size;
	u32 source;           /* as index_read() was told */
	u32 next;             /* of the same name, older: 1 + index; 0: none */
	bool late;            /* of a suite that is NotAutomatic */
};
struct index_provide {
	u32 package;          /* who provides it */
	struct str version;   /* "" when none is said */
	u32 next;             /* of the same name: 1 + index */
};
struct index_name {
	struct str name;
	u32 package, provide; /* 1 + index of the first; 0: none */
};
struct package_index {
	struct arena arena;
	const char *arch;     /* as index_read() was told, whose it stays */
	struct index_package *v; /* owned */
	u32 n, cap;
	struct index_provide *provides;
	u32 n_provides, cap_provides;
	struct index_name *names; /* [0] is none */
	u32 n_names, cap_names;
	struct hashtab table;
	u64 kept;
	u32 left_out;         /* paragraphs that were damaged */
};

void index_open(struct package_index *ix);
void index_free(struct package_index *ix);
/* Reads a plain Packages file (taken) for one architecture ("amd64"; "all" is taken, too). */
int index_read(struct package_index *ix, struct stream *plain, const char *arch, u32 source, bool late, struct error *err) must_check;
void index_finish(struct package_index *ix); /* once all are read: what is provided is known from here on */
u32 index_find(const struct package_index *ix, struct str name); /* index in names; 0: nobody has or provides it */
#endif
