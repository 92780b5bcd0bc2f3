/* buf.h — bytes that grow, up to a ceiling that is stated when the buffer is made. */
#ifndef PARE_BASE_BUF_H
#define PARE_BASE_BUF_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

struct buf {
	char *p;      /* owned; always terminated once anything was added */
	size_t n, cap;
	size_t max;   /* 0: no input decides how much goes in */
	bool over;    /* something was refused because of max; stays set */
};

#define BUF(limit) ((struct buf){ .max = (limit) })
void buf_add(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *z);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_reserve(struct buf *b, size_t more);
void buf_free(struct buf *b);
static inline void buf_clear(struct buf *b) { b->n = 0; if (b->p) b->p[0] = '\0'; }
static inline struct str buf_str(const struct buf *b) { return (struct str){ b->p ? b->p : "", b->n }; }

/* A vector by hand: VEC_PUSH(v, n, cap, item) with v a pointer of the item's type, n and cap u32 or size_t. */
#define VEC_PUSH(v, n, cap, item)                                              \
	do {                                                                   \
		if ((n) == (cap)) {                                            \
			(cap) = (cap) ? (cap) * 2 : 8;                         \
			(v) = xrealloc((v), (size_t)(cap) * sizeof *(v));      \
		}                                                              \
		(v)[(n)++] = (item);                                           \
	} while (0)
#endif
