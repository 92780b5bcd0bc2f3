#include "rule/finding.h"
#include "base/buf.h"

const char *const severity_text[] = { "info", "low", "medium", "high", "critical" };

struct finding *findings_add(struct findings *f, const char *rule, enum severity sev, const char *message, ...)
{
	va_list ap;
	char text[2048];
	va_start(ap, message);
	vsnprintf(text, sizeof text, message, ap);
	va_end(ap);
	struct finding x = { .rule = rule, .severity = sev, .message = arena_strdup(&f->arena, str_of(text)), .layer = -1, .count = 1 };
	VEC_PUSH(f->v, f->n, f->cap, x);
	return &f->v[f->n - 1];
}

static int compare(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	if (x->severity != y->severity)
		return (int)y->severity - (int)x->severity;
	int c = strcmp(x->rule, y->rule);
	if (c)
		return c;
	c = strcmp(x->path ? x->path : "", y->path ? y->path : "");
	return c ? c : x->layer != y->layer ? (x->layer > y->layer) - (x->layer < y->layer) : strcmp(x->message, y->message);
}

void findings_sort(struct findings *f)
{
	if (f->n)
		qsort(f->v, f->n, sizeof *f->v, compare);
}

void findings_free(struct findings *f)
{
	free(f->v);
	arena_free(&f->arena);
	*f = (struct findings){ 0 };
}
