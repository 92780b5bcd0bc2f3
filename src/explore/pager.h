/* pager.h — rows of a viewed file: text, wrapped and with everything that a terminal would act on neutralised, or hexadecimal.
 * Pure but for reading through content.h; positions are byte offsets. */
#ifndef PARE_EXPLORE_PAGER_H
#define PARE_EXPLORE_PAGER_H
#include "base/buf.h"
#include "base/common.h"
#include "explore/content.h"

#define PAGER_LINE ((size_t)(32 * KiB)) /* a line longer than this is taken as several */

struct pager {
	struct content content;
	bool hex;
	u64 top;  /* offset of the first row on the screen */
};

/* One row of text of at most `width` columns out of the bytes at hand: appends it to out, returns how many bytes it took (with its newline).
 * Tabs become blanks, a carriage return before a newline nothing, other controls and what is not UTF-8 \xNN. `whole`: no bytes follow. */
size_t pager_text_row(struct str bytes, size_t width, bool whole, struct buf *out);
/* Bytes in a row of hexadecimal that fits: 16, 8 or 4. */
size_t pager_hex_bytes(size_t width);
void pager_hex_row(u64 offset, struct str bytes, size_t per_row, struct buf *out);
bool pager_is_binary(struct str head); /* a NUL, or many controls or bytes that are no UTF-8 */

/* The row at `at`: appends it and moves *at behind it. 1, or 0 at the end of the file, -1 on failure. */
int pager_row(struct pager *p, size_t width, u64 *at, struct buf *out, struct error *err) must_check;
int pager_move(struct pager *p, size_t width, s64 rows, struct error *err) must_check; /* top; stops at the ends */
int pager_end(struct pager *p, size_t width, size_t height, struct error *err) must_check; /* the last rows */
#endif
