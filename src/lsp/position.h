/* position.h — offsets in a text as an editor counts them: lines and characters from 0.
 *
 * A line ends at "\n", "\r\n" or a lone "\r", as the Language Server Protocol says (3.17, "Position"). Characters are UTF-16 code units unless the editor agreed to
 * UTF-8; the place between the two halves of a surrogate pair, or inside a sequence, is the character's first byte. What lies behind a line's end is its end, what
 * lies behind the last line is the text's end. */
#ifndef PARE_LSP_POSITION_H
#define PARE_LSP_POSITION_H
#include "base/common.h"
#include "base/str.h"

enum position_unit { UNIT_UTF16, UNIT_UTF8 };
struct position {
	u32 line, character;
};
struct lines {
	u32 *at; /* offset of each line's first byte; owned */
	u32 n, cap;
	u32 last, character; /* the offset that was asked for last, and its character: the next one in its line is counted from there */
	enum position_unit unit;
};

void lines_of(struct str text, struct lines *ret); /* replaces what was in it; text is at most 4 GiB */
void lines_free(struct lines *l);
struct position position_of(struct lines *l, struct str text, enum position_unit unit, u32 offset);
u32 position_offset(const struct lines *l, struct str text, enum position_unit unit, u64 line, u64 character);
#endif
