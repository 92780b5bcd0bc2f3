/* lsp.h — `pare lint --lsp`: the Language Server Protocol, version 3.17, for Dockerfiles.
 *
 *     editor ── didOpen, didChange ──► text of each document ─► lint_open() ─► publishDiagnostics
 *               hover                ◄── the findings there: why; and the instruction's stage
 *               codeAction           ◄── a quick fix a finding; source.fixAll.pare: every safe fix at once
 *
 * Documents are followed whole or change by change, positions in UTF-16 units, or in UTF-8 where the editor offers it. Findings are published when there is
 * nothing more to read, so that somebody who types fast waits for one judgement, not for all of them. Nothing is read from disk but configuration (host->options);
 * nothing is written but answers.
 *
 * Limits: LSP_DOCUMENTS open at once, a document of DF_BYTES, a message of FRAME_BYTES. A document that is too long is not judged, and says so, until it is sent
 * whole again. What is no message, no request or no method gets the protocol's error; a notification that makes no sense is logged (window/logMessage). */
#ifndef PARE_LSP_LSP_H
#define PARE_LSP_LSP_H
#include "base/common.h"
#include "base/error.h"
#include "lint/lint.h"

#define LSP_DOCUMENTS 1000

struct lsp_host {
	/* How the file at `path` is judged (NULL: the document is in no file). What *ret points to is good until the next call. */
	int (*options)(void *ctx, const char *path, struct lint_options *ret, struct error *err);
	void *ctx;
};

struct lsp;
struct lsp *lsp_new(FILE *out, const struct lsp_host *host); /* out and host are borrowed */
void lsp_free(struct lsp *s);
/* One message; false when it was `exit`. */
bool lsp_message(struct lsp *s, struct str body);
void lsp_bad_frame(struct lsp *s, const char *why); /* something that is no message came */
void lsp_idle(struct lsp *s);                       /* publishes what changed */
/* The exit status: 0 when `shutdown` was asked for, 1 otherwise. */
int lsp_status(const struct lsp *s);

/* Serves until `exit` or the end of the input; returns the exit status. ERR_ENV (and -1) when reading or writing fails. */
int lsp_serve(int in, FILE *out, const struct lsp_host *host, struct error *err);
#endif
