/* document.h — one open document: its text as the editor has it, and what was found in it. */
#ifndef PARE_LSP_DOCUMENT_H
#define PARE_LSP_DOCUMENT_H
#include "base/buf.h"
#include "lint/lint.h"
#include "lsp/lsp.h"
#include "lsp/position.h"

struct document {
	char *uri, *path;     /* owned; path NULL: not file: */
	s64 version;
	struct buf text;
	struct lines lines;
	bool unpublished;     /* what the editor shows is older than the text */
	bool over;            /* too long: text is empty */
	bool judged;          /* lint and found are of this text */
	bool opened;          /* lint is there; else err says why not */
	struct lint lint;
	struct diagnostics found;
	struct error err;
};

struct document *document_new(struct str uri, s64 version);
void document_close(struct document *d);
void document_set(struct document *d, struct str text);
/* [at, end) becomes `with`. */
void document_splice(struct document *d, u32 at, u32 end, struct str with);
/* Judges the text unless that was done; without a lint the document has none. */
void document_judge(struct document *d, const struct lsp_host *host);
void document_forget(struct document *d); /* what was found */
#endif
