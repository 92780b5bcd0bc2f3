/* note.h — the form in which the collectors of package databases keep what they read: small, the same for all of them.
 *
 * A note is items one after the other, each a tag (one byte), a length (LEB128) and that many bytes:
 *
 *      PACKAGE  NAME "bash"  VERSION "5.2.15-2"  ARCH "amd64"  SIZE 7163904  PATH … PATH …
 *      PACKAGE  NAME …                                                     DAMAGE "…"
 *
 * PACKAGE begins a package; the items behind it, up to the next PACKAGE, are its own. A path holds only what differs from the path
 * before it in the note: the length of the common beginning (LEB128), then the rest; the lists of files that package managers
 * keep shrink to a quarter that way. DAMAGE tells what could not be read: it becomes a problem where the file is visible, and
 * what was read before and after it stays. Tags from NOTE_PRIVATE on belong to one collector. Written by one version and
 * read by the same (collector.version); read as strictly as everything else, for it may come from a file.
 *
 * Ceilings, beyond which DAMAGE is noted and the rest is left out: a field NOTE_FIELD_MAX bytes, a path NOTE_PATH_MAX, the paths of one
 * note NOTE_PATHS_MAX and NOTE_PATH_BYTES as the database spells them, the note NOTE_MAX. */
#ifndef PARE_PACKAGE_NOTE_H
#define PARE_PACKAGE_NOTE_H
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"
#include "package/package.h"

#define NOTE_FIELD_MAX ((size_t)MiB)
#define NOTE_PATH_MAX ((size_t)4096)
#define NOTE_PATHS_MAX (8u << 20)
#define NOTE_PATH_BYTES (256 * MiB)
#define NOTE_MAX ((size_t)(256 * MiB))
#define NOTE_DAMAGES 8 /* told one by one; the others are counted */

enum note_tag { /* stored: raise the collectors' versions when they change */
	NOTE_PACKAGE = 1,
	NOTE_NAME,
	NOTE_VERSION,
	NOTE_ARCH,
	NOTE_SOURCE_NAME,
	NOTE_SOURCE_VERSION,
	NOTE_LICENSE,
	NOTE_SUMMARY,
	NOTE_SECTION,
	NOTE_DEPENDS,
	NOTE_SIZE,      /* LEB128, bytes */
	NOTE_ESSENTIAL, /* empty */
	NOTE_PATH,
	NOTE_DAMAGE,
	NOTE_MODULE,    /* rpm's modularity label */
	NOTE_VENDOR,
	NOTE_TYPE,      /* where one note tells of packages of several types: instead of the one given to packages_load() */
	NOTE_AUTOMATIC, /* empty: installed as a dependency */
	NOTE_INSIDE,    /* where in the file the package is: "WEB-INF/lib/y.jar"; package.path is then "FILE:INSIDE" */
	NOTE_PROVIDES,
	NOTE_PURL, /* as it was found; without one it is made (purl.h) */
	NOTE_PRIVATE = 32,
};

struct note_writer {
	struct buf *out; /* the collector's note */
	struct buf item; /* the item being made: it goes into the note whole or not at all */
	struct buf last; /* the path before */
	u64 paths, path_bytes;
	u32 packages, damages;
	bool full; /* a ceiling was met: only DAMAGE is taken any more */
};

void note_begin(struct note_writer *w, struct buf *out);
/* Counts what was not told and frees. -1 when `out` took less than it was given (ERR_INPUT: over its budget). */
int note_end(struct note_writer *w, struct error *err) must_check;
void note_put(struct note_writer *w, u8 tag, struct str bytes);
void note_text(struct note_writer *w, u8 tag, struct str text); /* nothing when empty; up to its first zero byte, blanks at its ends left out */
void note_number(struct note_writer *w, u8 tag, u64 n);
/* The file `base` in `dir` (empty: base is the whole path): absolute, relative or with "./" in front. */
void note_path(struct note_writer *w, struct str dir, struct str base);
void note_damage(struct note_writer *w, const char *fmt, ...) printf_like(2, 3);

struct note_reader {
	struct str rest;
	struct buf path;
	bool bad; /* it ended in the middle of an item */
};
/* The next item; of a PATH the whole path, without a leading '/', good until the next call. False at the end. */
bool note_next(struct note_reader *n, u8 *tag, struct str *bytes) must_check;
void note_close(struct note_reader *n);
bool note_leb(struct str *rest, u64 *v) must_check; /* takes a LEB128 number off the front */

/* The packages and owners that the note on the file `db` tells of, damage to p->problems. Without a note that is a problem too, unless the
 * file is empty and `may_be_empty`. Returns how many packages there were. For ecosystems. */
u32 packages_load(struct packages *p, const struct rootfs *r, node_id db, enum collector_id id, const char *type, bool may_be_empty);
/* Opens the note on a file for reading item by item; false (and a problem as above) when there is none. */
bool packages_open(struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, bool may_be_empty, struct note_reader *n) must_check;
/* A problem of the file `node`. */
void packages_problem(struct packages *p, const struct rootfs *r, node_id node, struct str what);
#endif
