/* copy_inner.h — how COPY works, within build/: sources found (copy_source.c), what is not here yet fetched (copy_fetch.c), owners and modes (copy_mode.c), then placed (copy_place.c). */
#ifndef PARE_BUILD_COPY_INNER_H
#define PARE_BUILD_COPY_INNER_H
#include "base/file.h"
#include "base/hashtab.h"
#include "build/copy.h"
#include "build/git.h"
#include "build/pick.h"
#include "build/within.h"

#define COPY_KEY_FILES 10000u /* that are named in a key */

/* --- copy_mode.c --- */
#define MODE_CLAUSES 64u
struct copy_mode { /* --chmod */
	bool set, octal;
	u32 mode;
	struct str text;
};
int copy_mode_parse(struct str text, struct copy_mode *ret, struct error *err) must_check; /* octal, or chmod(1)'s symbols; ERR_USAGE */
u32 copy_mode_of(const struct copy_mode *m, u32 mode, bool directory);
struct copy_owner { /* --chown */
	bool set;
	u32 uid, gid;
};
/* As BuildKit: a number is user and group alike; names are those of the tree `root` (open), one that it does not have is root. `nobody`: there is no tree that could have names: a name is an error. */
int copy_owner_find(struct str text, int root, bool nobody, struct copy_owner *ret, struct error *err) must_check;

/* --- copy_source.c --- */
struct copy_source {
	const char *path;  /* clean, in its root */
	const char *name;  /* what it is called in a directory: the last name that was written, whatever a link made of it; "" the root */
	struct pick pick;  /* of a directory */
	u32 mode;          /* with its type */
};
struct copy_sources {
	struct copy_source *v; /* the arena's */
	u32 n, cap;
};
/* What one path or pattern names in the tree `root`; nothing matches a pattern: n 0. ERR_INPUT: it is not there, or leads out of a context. */
int copy_sources(struct arena *a, int root, struct context *context, const struct copy_spec *c, struct str text, struct copy_sources *ret, struct error *err) must_check;
bool copy_match(struct str pattern, struct str name); /* filepath.Match of one name */

/* --- copy_fetch.c --- */
struct copy_part { /* of an item */
	struct git_source git;
	char commit[65];
	const char *path, *name; /* of what a URL gave; NULL: not fetched */
	struct digest digest;
	const char *uri, *known; /* for copy_origin() */
};
struct copy_fetched {
	struct arena a;
	const char *dir;
	struct stage stage;      /* path NULL: nothing was fetched yet */
	struct copy_part *parts; /* as many as items */
	struct context_entry *seen; /* the context's files as they were read for the key, each once by device and inode */
	u32 n_seen, cap_seen;
	struct hashtab by_inode; /* index + 1 */
};
int copy_fetch_key(const struct copy_spec *c, const struct copy_from *from, u32 item, struct copy_fetched *f, struct cache_key *k, struct error *err) must_check;
int copy_fetch_now(const struct copy_spec *c, u32 item, struct copy_fetched *f, struct error *err) must_check;
static inline u32 copy_inode_hash(u64 dev, u64 ino) { return (u32)((dev * 31 + ino) * 0x9E3779B97F4A7C15u >> 32); }

/* --- copy_place.c --- */
struct copying {
	const struct copy_spec *spec;
	const struct copy_fetched *fetched;
	int to;                 /* the step's tree */
	const char *dest;       /* absolute and clean */
	bool slash;             /* it is written as a directory */
	struct copy_owner owner;
	struct copy_mode mode;
	char **made;            /* directories that were made on the way: their time is set in the end */
	u32 n_made, cap_made;
	char *room;
};
struct copy_origin {
	int root;               /* of the tree that sources are of */
	bool ours;              /* owners and attributes do not count, times are the step's: contexts, texts, what was fetched */
	bool checked;           /* its files must be as they were seen */
	bool unpack;            /* archives are unpacked */
	struct context *context;
};
int copy_place(struct copying *c, const struct copy_origin *o, const struct copy_source *s, struct error *err) must_check;
int copy_place_text(struct copying *c, struct str name, struct str text, struct error *err) must_check;
int copy_finish(struct copying *c, struct error *err) must_check; /* times of directories */
const char *copy_dest(struct arena *a, const struct copy_spec *c, bool *slash);
#endif
