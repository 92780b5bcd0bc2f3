/* tar.h — tar archives, entry by entry, exactly and without trust.
 *
 * Reads POSIX.1-1988 (ustar, v7), POSIX.1-2001 (pax: local and global headers) and GNU (long names, base-256 numbers,
 * sparse files in all four forms). Offsets are exact, so that entries can later be copied verbatim or sought.
 * Header-only types (links, directories, devices, fifos) have no content, whatever their size field says.
 *
 * An archive ends at a zero block, or at the end of the stream between two entries. Everything behind the first zero
 * block is ignored (it still counts for digests: drain the stream).
 */
#ifndef PARE_LAYER_TAR_H
#define PARE_LAYER_TAR_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "layer/stream.h"

#define TAR_EXTENDED_MAX (4 * MiB) /* one pax or GNU extended header, and all of one entry's together */
#define TAR_PATH_MAX ((size_t)(32 * KiB))

enum tar_type { TAR_FILE = 'f', TAR_DIR = 'd', TAR_SYMLINK = 'l', TAR_HARDLINK = 'h', TAR_CHAR = 'c', TAR_BLOCK = 'b', TAR_FIFO = 'p', TAR_OTHER = '?' };

struct tar_entry {
	struct str path;  /* as stored: not cleaned, may be anything but empty; no NUL. Good until the next tar_next() */
	struct str link;  /* target of a symbolic or hard link, else empty */
	enum tar_type type;
	char flag;        /* the type byte as stored */
	u32 mode;         /* 07777 */
	u64 raw_mode;     /* all of the field */
	u32 uid, gid;
	u64 size;         /* of a regular file, logical (a sparse file's full length), else 0 */
	u64 stored;       /* bytes of content in the archive, without padding */
	s64 mtime;        /* seconds; pax fractions rounded down, the rest in mtime_ns */
	u32 mtime_ns;
	u32 major, minor; /* of devices */
	struct str xattrs; /* pax SCHILY.xattr.* records one after the other, sorted by name: u32 name length, u32 value
	                    * length (host order), name, value; empty when there are none */
	bool sparse;
	u64 start;        /* offset of the entry's first own block (its extended headers included, global ones not) */
	u64 data;         /* offset of its content */
};

struct tar;
struct tar *tar_open(struct stream *s); /* s stays the caller's */
void tar_close(struct tar *t);
/* 1: *e is the next entry; 0: the end; -1: damaged (final). What was not read of the entry before is passed over,
 * by seeking where the stream can. */
int tar_next(struct tar *t, struct tar_entry *e, struct error *err) must_check;
/* The next bytes of the entry's stored content; empty at its end. The view stays good as stream.h says. */
int tar_content(struct tar *t, struct str *view, struct error *err) must_check;
/* The content as a stream of its own (until the next tar_next()); closing it does not close the archive. */
struct stream *tar_stream(struct tar *t);
/* Where the pieces of a sparse entry belong that tar_next() gave last: those of its content, one after the other. Only kept when they are wanted, which is said before. */
struct tar_piece {
	u64 offset, size;
};
void tar_want_pieces(struct tar *t);
void tar_want_nameless(struct tar *t); /* entries without a name are given like any other; else they are damage */
u32 tar_pieces(const struct tar *t, const struct tar_piece **ret);
bool tar_xattr_next(struct str *rest, struct str *name, struct str *value); /* walks tar_entry.xattrs */

/* Cleans a path as stored: no leading '/', no empty or "." components, ".." resolved by the name alone and never above the root.
 * Into out (TAR_PATH_MAX bytes at least); returns its length, 0 for the root, or -1 when it is longer than TAR_PATH_MAX. */
ssize_t tar_clean(struct str path, char *out);
#endif
