#include "lsp/document.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "file:///a%20b" -> "/a b"; NULL for what is in no file of this machine. */
static char *path_of(struct str uri)
{
	if (!str_starts(uri, STR("file://")))
		return NULL;
	struct str rest = str_from(uri, 7);
	if (str_starts(rest, STR("localhost/")))
		rest = str_from(rest, 9);
	if (rest.n == 0 || rest.p[0] != '/')
		return NULL;
	char *path = xmalloc(rest.n + 1), *o = path;
	for (size_t i = 0; i < rest.n; i++) {
		char c = rest.p[i];
		if (c == '%' && i + 2 < rest.n && hex(rest.p[i + 1]) >= 0 && hex(rest.p[i + 2]) >= 0) {
			c = (char)(hex(rest.p[i + 1]) << 4 | hex(rest.p[i + 2]));
			i += 2;
		}
		if (c == '\0') {
			free(path);
			return NULL;
		}
		*o++ = c;
	}
	*o = '\0';
	return path;
}

struct document *document_new(struct str uri, s64 version)
{
	struct document *d = xcalloc(1, sizeof *d);
	d->uri = xmalloc(uri.n + 1);
	memcpy(d->uri, uri.p, uri.n);
	d->uri[uri.n] = '\0';
	d->path = path_of(uri);
	d->version = version;
	d->text = BUF(DF_BYTES);
	return d;
}

void document_forget(struct document *d)
{
	if (d->opened)
		lint_close(&d->lint);
	diagnostics_free(&d->found);
	d->opened = d->judged = false;
	d->err = (struct error){ 0 };
}

void document_close(struct document *d)
{
	document_forget(d);
	lines_free(&d->lines);
	buf_free(&d->text);
	free(d->uri);
	free(d->path);
	free(d);
}

static void changed(struct document *d)
{
	if (d->text.over) { /* what is kept would not be what the editor has */
		d->over = true;
		buf_clear(&d->text);
		d->text.over = false;
	}
	d->unpublished = true;
	lines_of(buf_str(&d->text), &d->lines);
}

void document_set(struct document *d, struct str text)
{
	document_forget(d);
	d->over = false;
	buf_clear(&d->text);
	buf_add(&d->text, text);
	changed(d);
}

void document_splice(struct document *d, u32 at, u32 end, struct str with)
{
	document_forget(d);
	d->unpublished = true;
	if (d->over)
		return;
	struct buf next = BUF(d->text.max);
	struct str old = buf_str(&d->text);
	buf_reserve(&next, MIN(at + with.n + (old.n - end), d->text.max));
	buf_add(&next, str_head(old, at));
	buf_add(&next, with);
	buf_add(&next, str_from(old, end));
	buf_free(&d->text);
	d->text = next;
	changed(d);
}

void document_judge(struct document *d, const struct lsp_host *host)
{
	if (d->judged)
		return;
	d->judged = true;
	struct lint_options opt = { 0 };
	if (d->over) {
		error_set(&d->err, ERR_INPUT, "over %llu MiB: not judged", (unsigned long long)(DF_BYTES / MiB));
		return;
	}
	if (host->options && host->options(host->ctx, d->path, &opt, &d->err) < 0)
		return;
	if (lint_open(buf_str(&d->text), &opt, &d->found, &d->lint, &d->err) < 0)
		return;
	d->opened = true;
	d->lint.opt = NULL; /* what the host gave is gone with its next call */
	diagnostics_sort(&d->found);
}
