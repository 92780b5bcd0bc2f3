/* arena.h — memory that is freed all at once: one arena an image, a request, a parse.
 *
 * Blocks double from 4 KiB up to 1 MiB; larger requests get a block of their own. Nothing is freed one by one. */
#ifndef PARE_BASE_ARENA_H
#define PARE_BASE_ARENA_H
#include "base/common.h"
#include "base/str.h"

struct arena_block;
struct arena {
	struct arena_block *head; /* all zero is an empty arena */
	char *at, *end;
	size_t next; /* size of the next block */
	u64 total;   /* bytes asked of the system */
};

void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull)); /* aligned to 16, not cleared */
void *arena_zalloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, struct str s) __attribute__((returns_nonnull)); /* terminated */
char *arena_bytes(struct arena *a, struct str s) __attribute__((returns_nonnull));  /* unaligned and terminated: packs names tightly */
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);
void arena_free(struct arena *a); /* everything; the arena can be used again */

#define arena_new(a, T) ((T *)arena_zalloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_zalloc((a), sizeof(T) * (n)))
#endif
