/* `pare lint --lsp`: the language server, judging as the command line would. */
#include "command/lint.h"
#include "command/command.h"
#include "lsp/lsp.h"

static int options(void *ctx, const char *path, struct lint_options *ret, struct error *err)
{
	(void)path, (void)err;
	*ret = *(const struct lint_options *)ctx;
	return 0;
}

int lint_serve(struct lint_options *opt)
{
	struct error err = { 0 };
	int status = lsp_serve(0, stdout, &(struct lsp_host){ options, opt }, &err);
	return status < 0 ? command_fail(&err) : status;
}
