/* bom_hash.h — SHA-1 of the files of an image, which SPDX asks of every file it names (2.3, "File checksum"): each layer is read once more, in the order of its bytes. */
#ifndef PARE_REPORT_BOM_HASH_H
#define PARE_REPORT_BOM_HASH_H
#include "report/bom.h"

struct sha1 {
	u8 bytes[20];
	bool known; /* false: its content could not be read again */
};
/* By inode, rootfs->inodes.n of them, malloc'ed. The image must have been loaded with need_content. */
struct sha1 *bom_hash_files(const struct subject *s);
struct sha1 sha1_of(struct str bytes);
#endif
