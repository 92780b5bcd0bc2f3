/* The bytes are what an editor sends: framed messages, in whatever pieces. Behind "BODY" each line is the body of one message, so that a fuzzer need not keep lengths right;
 * a document is opened first. What is sent back must be whole messages of JSON. */
#include "base/json.h"
#include "lsp/frame.h"
#include "lsp/lsp.h"

static void check_output(struct str out)
{
	struct frames f = { 0 };
	struct str body;
	const char *why;
	frames_add(&f, out);
	for (;;) {
		enum frame kind = frames_next(&f, &body, &why);
		if (kind == FRAME_MORE)
			break;
		if (kind == FRAME_BAD)
			abort();
		json_t *j = json_read(body, "answer", NULL);
		const char *version = json_text(j, "jsonrpc");
		if (!version || strcmp(version, "2.0") != 0)
			abort();
		json_decref(j);
	}
	if (f.at != f.in.n)
		abort();
	frames_free(&f);
}

static void bodies(struct lsp *s, struct str rest)
{
	static const char *const first[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"capabilities\":{}}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"file:///d/Dockerfile\",\"languageId\":\"dockerfile\",\"version\":1,"
		"\"text\":\"FROM debian AS a\\nRUN apt-get update\\r\\nMAINTAINER \\ud83d\\ude00 x\\nCOPY . /\\n\"}}}",
	};
	for (size_t i = 0; i < countof(first); i++)
		lsp_message(s, str_of(first[i]));
	while (rest.p && lsp_message(s, str_cut(&rest, '\n')))
		lsp_idle(s);
}

static void frames(struct lsp *s, struct str in)
{
	struct frames f = { 0 };
	struct str body;
	const char *why;
	enum frame kind;
	for (size_t piece = 1; in.n; piece = piece * 2 + 1) {
		frames_add(&f, str_head(in, piece));
		in = str_from(in, piece);
		while ((kind = frames_next(&f, &body, &why)) != FRAME_MORE)
			if (kind == FRAME_BAD)
				lsp_bad_frame(s, why);
			else if (!lsp_message(s, body))
				goto end;
		lsp_idle(s);
	}
end:
	frames_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lsp_host host = { 0 };
	struct str in = str_n(data, size);
	char *p = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&p, &n);
	if (!out)
		abort();
	struct lsp *s = lsp_new(out, &host);
	if (str_starts(in, STR("BODY")))
		bodies(s, str_from(in, 4));
	else
		frames(s, in);
	lsp_free(s);
	fclose(out);
	check_output(str_n(p, n));
	free(p);
	return 0;
}
