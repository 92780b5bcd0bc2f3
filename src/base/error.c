#include "base/error.h"
#include <errno.h>
#include <unistd.h>

void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void cleanup_free(void *p)
{
	void *at;
	memcpy(&at, p, sizeof at);
	free(at);
}

void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static void *alive(void *p)
{
	if (!p) {
		static const char line[] = "pare: memory: none left\n";
		if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
			_exit(4);
		_exit(4);
	}
	return p;
}

void *xmalloc(size_t n) { return alive(malloc(n ? n : 1)); }
void *xcalloc(size_t n, size_t size) { return alive(calloc(n ? n : 1, size ? size : 1)); }
void *xrealloc(void *p, size_t n) { return alive(realloc(p, n ? n : 1)); }
char *xstrdup(const char *s) { return alive(strdup(s)); }

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		err->kind = kind;
		vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
	}
	return -1;
}

int error_errno(struct error *err, const char *fmt, ...)
{
	int e = errno;
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		err->kind = ERR_ENV;
		int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < sizeof err->text)
			snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(e));
	}
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	if (err) {
		char head[256], old[sizeof err->text];
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(head, sizeof head, fmt, ap);
		va_end(ap);
		memcpy(old, err->text, sizeof old);
		size_t n = strlen(head), room = sizeof err->text;
		memcpy(err->text, head, n);
		err->text[n++] = ':';
		err->text[n++] = ' ';
		size_t m = MIN(strlen(old), room - n - 1);
		memcpy(err->text + n, old, m);
		err->text[n + m] = '\0';
	}
	return -1;
}

static void push(struct problems *p, char *text)
{
	if (p->n >= PROBLEMS_MAX) {
		p->more++;
		free(text);
		return;
	}
	p->v = xrealloc(p->v, (p->n + 1) * sizeof *p->v);
	p->v[p->n++] = text;
}

void problem_add(struct problems *p, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	push(p, xstrdup(text));
}

void problems_merge(struct problems *to, const struct problems *from, const char *prefix)
{
	for (u32 i = 0; i < from->n; i++) {
		if (prefix)
			problem_add(to, "%s: %s", prefix, from->v[i]);
		else
			push(to, xstrdup(from->v[i]));
	}
	to->more += from->more;
}

void problems_free(struct problems *p)
{
	for (u32 i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	*p = (struct problems){ 0 };
}
