/* `pare lint --lsp`: the language server, judging as the command line would. */
#include "command/lint.h"
#include "command/command.h"
#include "command/lint_run.h"
#include "lsp/lsp.h"

struct serving {
	const struct lint_options *opt;
	struct lint_surroundings around; /* of the file that was asked for last */
};

static int options(void *ctx, const char *path, struct lint_options *ret, struct error *err)
{
	struct serving *s = ctx;
	(void)err;
	lint_surroundings_free(&s->around);
	*ret = *s->opt;
	lint_surroundings_read(path, NULL, ret, &s->around);
	return 0;
}

int lint_serve(struct lint_options *opt)
{
	struct error err = { 0 };
	struct serving s = { .opt = opt };
	int status = lsp_serve(0, stdout, &(struct lsp_host){ options, &s }, &err);
	lint_surroundings_free(&s.around);
	return status < 0 ? command_fail(&err) : status;
}
