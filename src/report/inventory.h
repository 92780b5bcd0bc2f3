/* inventory.h — the packages of an image, kept: so that a known image is compared with another database without its tree being made again.
 *
 * STORE/packages/, a file an image, named by what it was made of: the diff IDs of its layers, in order, all of them verified and read without a problem; the collectors and their versions;
 * what the configuration starts; and the program itself, by its size and time, so that another build reads packages anew. A check sum is over all of it; what does not hold is as if it were not there. Only what
 * has no problem is kept, so nothing that is missing is forgotten. */
#ifndef PARE_REPORT_INVENTORY_H
#define PARE_REPORT_INVENTORY_H
#include "report/subject.h"

/* As subject_open() with SUBJECT_INSIDE, but for the tree: ret->rootfs may be NULL, and with it packages->owner and packages->unidentified (ret->unidentified has the paths). */
int inventory_open(const char *location, const struct load_options *load, struct subject *ret, struct error *err) must_check;

#define INVENTORY_UNIDENTIFIED 100u /* paths */

/* For tests: the kept form, of packages and unidentified paths. 0, or -1 when it does not hold. */
void inventory_write(const struct subject *s, struct buf *out);
int inventory_read(struct str bytes, struct subject *ret) must_check;
#endif
