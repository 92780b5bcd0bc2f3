/* facts.h — what is true of one layer, from its bytes alone.
 *
 * A table of the archive's entries in their order, the strings they use, and notes: what collectors took from the
 * content of some files. Kept in the store by diff ID (facts_save, facts_load), so that a layer is read once in its life.
 *
 *      entries  [ 0 | 1 | 2 | … ]       80 bytes each, in segments
 *                 | name,dir,link,xattrs: offsets into strings
 *      strings  [ terminated strings, 1 MiB segments; offset 0 is "" ]
 *      notes    [ {entry, collector, bytes} … ]
 *
 * Paths are clean (tar_clean): the root is dir "" name ""; "usr/bin/ls" is dir "usr/bin", name "ls". They hold any byte but NUL.
 * Whiteouts are ordinary entries here: names that begin with ".wh." (OCI layer.md).
 */
#ifndef PARE_LAYER_FACTS_H
#define PARE_LAYER_FACTS_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/seg.h"
#include "base/str.h"
#include "layer/tar.h"
#include "oci/digest.h"

#define FACTS_VERSION 4          /* raise when what is recorded changes: older files are then read again */
#define FACTS_ENTRIES_MAX (8u << 20) /* entries of one layer */
#define FACTS_STRINGS_MAX (1u << 30) /* bytes of names of one layer */

struct fact_entry {
	u64 start;        /* offset of its first block in the uncompressed layer */
	u64 size;         /* logical size of a regular file, else 0 */
	struct hash128 hash; /* XXH3 of the stored content of a regular file; zero when not read (FACT_UNHASHED) */
	s64 mtime;
	u32 mtime_ns;
	u32 head;         /* content begins at start + head */
	u32 dir, name;    /* offsets of strings */
	u32 link;         /* target: of a hard link cleaned, of a symbolic link as stored */
	u32 xattrs;       /* 0, or offset of: u32 length, then the records of tar_entry.xattrs */
	u32 uid, gid;
	u32 rdev;         /* major << 20 | minor, of devices. Of a sparse file link and rdev are one number: fact_stored() */
	u16 mode;         /* 07777 */
	u8 type;          /* enum tar_type */
	u8 flags;         /* FACT_… */
};
#define FACT_UNHASHED 1
#define FACT_SPARSE 2
#define FACT_CONTIGUOUS 4  /* type byte '7' */
#define FACT_GNU_SPARSE 8  /* type byte 'S' */
#define FACT_BINARY 16     /* a NUL among the first FACT_TEXT_LOOK bytes, as far as content was read: no script, no text */
#define FACT_TEXT_LOOK ((size_t)4096)

struct note {
	u32 entry;
	u32 collector; /* its id (collect.h) */
	struct str bytes;
};

struct facts {
	struct digest diff_id; /* of the bytes that were read; none when they were not hashed */
	u64 size;              /* length of the uncompressed layer */
	SEG(struct fact_entry) entries;
	struct {
		char **seg;
		u32 n, at; /* segments, bytes used of the last */
	} strings;
	struct note *notes;    /* by entry, ascending */
	u32 n_notes, cap_notes;
	struct problems problems; /* what could not be read; facts with problems are never kept */
	void *map;             /* of facts_load */
	size_t map_size;
	u32 *dirs;             /* while building: recently used directories, FACTS_DIRS of them */
};

#define FACTS_STRING_SEG ((u32)MiB)
#define FACTS_DIRS 1024u

struct facts *facts_new(void);
void facts_free(struct facts *f);
/* Adds an entry whose clean path is given; 0 or -1 (over a budget). *ret is its index. */
int facts_add(struct facts *f, const struct tar_entry *e, struct str clean, u32 *ret, struct error *err) must_check;
void facts_note(struct facts *f, u32 entry, u32 collector, struct str bytes); /* copies */
void facts_trim(struct facts *f); /* gives back what was reserved; nothing can be added from then on */

static inline const struct fact_entry *facts_entry(const struct facts *f, u32 i) { return SEG_AT(&f->entries, i); }
static inline const char *facts_string(const struct facts *f, u32 off) { return f->strings.seg[off >> 20] + (off & (FACTS_STRING_SEG - 1)); }
static inline const char *facts_dir(const struct facts *f, const struct fact_entry *e) { return facts_string(f, e->dir); }
static inline const char *facts_name(const struct facts *f, const struct fact_entry *e) { return facts_string(f, e->name); }
struct str facts_xattrs(const struct facts *f, const struct fact_entry *e);
/* "usr/bin/ls" into out; returns out's view. */
struct str facts_path(const struct facts *f, const struct fact_entry *e, struct buf *out);
/* The tar type byte, the old forms as their successors. */
static inline char fact_type_byte(const struct fact_entry *e)
{
	static const char bytes[] = { [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3', [TAR_BLOCK] = '4', [TAR_DIR] = '5', [TAR_FIFO] = '6', ['x'] = 0 };
	return e->type == TAR_FILE ? (e->flags & FACT_CONTIGUOUS ? '7' : e->flags & FACT_GNU_SPARSE ? 'S' : '0') : e->type < sizeof bytes ? bytes[e->type] : 0;
}
/* Bytes of content in the archive: fewer than the size of a sparse file. */
static inline u64 fact_stored(const struct fact_entry *e) { return e->flags & FACT_SPARSE ? (u64)e->rdev << 32 | e->link : e->size; }
/* End of the entry in the archive: behind its padding. */
static inline u64 fact_end(const struct fact_entry *e) { return e->start + e->head + ((fact_stored(e) + 511) & ~(u64)511); }
/* Note of a collector on an entry; p NULL when there is none. */
struct str facts_get_note(const struct facts *f, u32 entry, u32 collector);

/* The kept form: one file, checked by an XXH3 over all of it; host byte order (the store is this machine's). `salt` names the
 * collectors and their versions: a file with another one is not taken. facts_load maps it; -1 also when it is merely not there
 * or not ours to use (then err->kind is ERR_NONE). */
int facts_save(const struct facts *f, const char *path, u64 salt, struct error *err) must_check;
struct facts *facts_load(const char *path, u64 salt, struct error *err) must_check;
#endif
