#include "secret/scan.h"
#include "secret/scanner.h"

bool secret_scan(struct secret_set *set, struct str path, struct str text, void (*f)(void *ctx, const struct secret_found *found), void *ctx)
{
	struct scanner *s = scanner_new(set);
	scanner_begin(s, path);
	s->binary = text.n && memchr(text.p, '\0', MIN(text.n, COLLECT_HEAD)) != NULL;
	for (size_t at = 0; s->place != PLACE_NOTHING && at < text.n;) { /* what vectorscan takes at once is less than 4 GiB */
		size_t lo = at > SECRET_BEFORE ? at - SECRET_BEFORE : 0, until = MIN(text.n, at + (size_t)(64 * MiB)), hi = MIN(text.n, until + SECRET_AFTER);
		scanner_text(s, str_n(text.p + lo, hi - lo), lo, at - lo, until - lo);
		at = until;
	}
	scanner_end(s);
	for (u32 i = 0; i < s->n_hits; i++)
		f(ctx, &s->hits[i].found);
	bool all = !s->gave_up && !s->full;
	scanner_free(s);
	return all;
}
