#include "rule/diagnostic.h"

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	int c = strcmp(x->code, y->code);
	return c ? c : strcmp(x->message, y->message);
}

static int by_bytes(const void *a, const void *b)
{
	const struct diagnostic *x = a, *y = b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : by_place(a, b);
}

void diagnostics_sort(struct diagnostics *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof *d->v, by_place);
}

void diagnostics_sort_by_bytes(struct diagnostics *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof *d->v, by_bytes);
}

void diagnostics_free(struct diagnostics *d)
{
	free(d->v);
	arena_free(&d->arena);
	*d = (struct diagnostics){ 0 };
}
