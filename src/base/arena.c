#include "base/arena.h"

struct arena_block {
	struct arena_block *next;
	size_t size; /* keeps what follows aligned to 16 */
};

static void grow(struct arena *a, size_t n)
{
	size_t size = a->next ? a->next : 4096;
	a->next = MIN(size * 2, (size_t)MiB);
	if (size < n + sizeof(struct arena_block) + 16)
		size = n + sizeof(struct arena_block) + 16;
	struct arena_block *b = xmalloc(size);
	b->next = a->head;
	b->size = size;
	a->head = b;
	a->at = (char *)(b + 1);
	a->end = (char *)b + size;
	a->total += size;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t pad = (size_t)(-(uintptr_t)a->at & 15);
	if (!a->head || (size_t)(a->end - a->at) < n + pad) {
		grow(a, n);
		pad = (size_t)(-(uintptr_t)a->at & 15);
	}
	char *p = a->at + pad;
	a->at = p + n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n) { return memset(arena_alloc(a, n), 0, n); }

char *arena_bytes(struct arena *a, struct str s)
{
	if (!a->head || (size_t)(a->end - a->at) < s.n + 1)
		grow(a, s.n + 1);
	char *p = a->at;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	a->at = p + s.n + 1;
	return p;
}

char *arena_strdup(struct arena *a, struct str s) { return arena_bytes(a, s); }

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	char *p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_free(struct arena *a)
{
	struct arena_block *b = a->head;
	while (b) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
	*a = (struct arena){ 0 };
}
