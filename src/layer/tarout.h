/* tarout.h — tar headers, written so that the same entry always gives the same bytes.
 *
 * POSIX.1-2001: a plain ustar block where everything fits, a pax extended header in front of it for what does not: names over
 * 100 bytes that cannot be split, ids and sizes over their octal fields, times before 1970 or with a fraction, extended
 * attributes (SCHILY.xattr.NAME, as GNU tar, docker and bsdtar write them). No user or group names, no host, no clock.
 *
 *      [ pax header block | its records, padded ]  [ ustar block ]  content, padded  …  two zero blocks
 */
#ifndef PARE_LAYER_TAROUT_H
#define PARE_LAYER_TAROUT_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "layer/tar.h"

#define TAR_BLOCK_SIZE 512u
#define TAR_TRAILER (2 * TAR_BLOCK_SIZE) /* the zero blocks at the end */

struct tarout_entry {
	struct str path;   /* without a leading '/'; "" is the root. No NUL. A directory gets its '/' here */
	struct str link;   /* of symbolic and hard links */
	enum tar_type type; /* not TAR_OTHER */
	u32 mode, uid, gid;
	u64 size;          /* bytes of content that follow; only of TAR_FILE */
	s64 mtime;
	u32 mtime_ns;
	u32 major, minor;  /* of devices */
	struct str xattrs; /* records as in tar_entry.xattrs */
};

/* Appends all header blocks of the entry. ERR_INPUT when no tar header can say it (TAR_EXTENDED_MAX, device numbers over 2097151, '=' in the name of an attribute). */
int tarout_header(const struct tarout_entry *e, struct buf *out, struct error *err) must_check;
/* Zero bytes behind `size` bytes of content: 0..511. */
static inline u32 tarout_padding(u64 size) { return (u32)(-size & (TAR_BLOCK_SIZE - 1)); }
#endif
