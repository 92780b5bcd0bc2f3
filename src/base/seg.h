/* seg.h — an array that grows without ever moving: segments of 2^SEG_BITS items, so that growing costs no copy and
 * no peak, and pointers to items stay good. SEG(T) declares one; all zero is empty. Index with SEG_AT(s, i). */
#ifndef PARE_BASE_SEG_H
#define PARE_BASE_SEG_H
#include "base/common.h"

#define SEG_BITS 12u
#define SEG_SIZE (1u << SEG_BITS)
#define SEG_MASK (SEG_SIZE - 1)

#define SEG(T)                \
	struct {              \
		T **seg;      \
		u32 n;        \
		u32 segs;     \
		bool mapped;  /* the segments belong to a mapping: not freed, not grown */ \
	}
#define SEG_AT(s, i) (&(s)->seg[(i) >> SEG_BITS][(i) & SEG_MASK])
/* A cleared item at the end; its address. */
#define SEG_PUSH(s)                                                                                       \
	({                                                                                                \
		if ((s)->n == (s)->segs << SEG_BITS) {                                                    \
			(s)->seg = xrealloc((s)->seg, ((s)->segs + 1) * sizeof *(s)->seg);                \
			(s)->seg[(s)->segs++] = xcalloc(SEG_SIZE, sizeof **(s)->seg);                     \
		}                                                                                         \
		(s)->n++;                                                                                 \
		SEG_AT(s, (s)->n - 1);                                                                    \
	})
#define SEG_FREE(s)                                                    \
	do {                                                           \
		for (u32 seg_i_ = 0; !(s)->mapped && seg_i_ < (s)->segs; seg_i_++) \
			free((s)->seg[seg_i_]);                        \
		free((s)->seg);                                        \
		memset((s), 0, sizeof *(s));                           \
	} while (0)
#endif
