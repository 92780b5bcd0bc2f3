/* server.h — what the parts of the language server share: its state, and how an answer is written. */
#ifndef PARE_LSP_SERVER_H
#define PARE_LSP_SERVER_H
#include "base/json.h"
#include "base/jsonw.h"
#include "lsp/document.h"
#include "lsp/lsp.h"

enum { LSP_PARSE_ERROR = -32700, LSP_INVALID_REQUEST = -32600, LSP_NO_METHOD = -32601, LSP_INVALID_PARAMS = -32602, LSP_NOT_INITIALIZED = -32002 };

struct lsp {
	FILE *out;
	const struct lsp_host *host;
	struct document **documents; /* owned, n of them */
	u32 n, cap;
	enum position_unit unit;
	bool initialized, shut_down;
	bool markdown;               /* hover may be Markdown */
	bool versioned_edits;        /* the editor takes documentChanges */
	bool watches;                /* it watches files for us when it is asked to */
	FILE *memory;                /* the message that is being written */
	char *p;
	size_t size;
};

/* A message: begin gives the writer inside its object, with "jsonrpc" written; send ends the object and sends it. */
void message_begin(struct lsp *s, struct jsonw *w);
void message_send(struct lsp *s, struct jsonw *w);
/* An answer to request `id` (borrowed); its "result" is to be written. */
void answer_begin(struct lsp *s, struct jsonw *w, const json_t *id);
void answer_null(struct lsp *s, const json_t *id);
void answer_error(struct lsp *s, const json_t *id, int code, const char *text); /* id NULL: unknown */

void write_range(struct jsonw *w, const char *key, const struct lsp *s, struct document *d, u32 at, u32 end);

/* answer.c: what is said of a document. */
void publish(struct lsp *s, struct document *d);        /* textDocument/publishDiagnostics */
void publish_nothing(struct lsp *s, const struct document *d);
void answer_hover(struct lsp *s, const json_t *id, struct document *d, u32 offset);
/* The actions for [at, end); `only` is the array of kinds that are wanted, NULL: all. */
void answer_actions(struct lsp *s, const json_t *id, struct document *d, u32 at, u32 end, const json_t *only);
#endif
