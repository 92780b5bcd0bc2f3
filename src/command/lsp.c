/* `pare lint --lsp`: the language server, judging as the command line would. */
#include "command/lint.h"
#include "command/lint_run.h"
#include "lsp/lsp.h"
#include "rule/config.h"
#include <sys/stat.h>

struct serving {
	const struct option_value *opt;
	const char *given;               /* --config */
	char *file;                      /* the configuration that `judgement` has; NULL: none was near */
	struct stat st;
	struct lint_judgement *judgement;
	struct lint_surroundings around; /* of the file that was asked for last */
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads the configuration for a document unless the one at hand is the same, unchanged. */
static int configure(struct serving *s, const char *path, struct error *err)
{
	struct stat st = { 0 };
	char *file = s->given ? xstrdup(s->given) : path ? config_near(path) : NULL;
	if (file && stat(file, &st) < 0)
		memset(&st, 0, sizeof st);
	if (s->judgement && file && s->file && strcmp(file, s->file) == 0 && same_file(&st, &s->st)) {
		free(file);
		return 0;
	}
	lint_judgement_free(s->judgement);
	free(s->file);
	s->file = file;
	s->st = st;
	s->judgement = lint_judgement_read(s->opt, file, err);
	return s->judgement ? 0 : -1;
}

static int options(void *ctx, const char *path, struct lint_options *ret, struct error *err)
{
	struct serving *s = ctx;
	lint_surroundings_free(&s->around);
	if (configure(s, path, err) < 0)
		return -1;
	*ret = *lint_judgement_options(s->judgement);
	lint_surroundings_read(path, NULL, ret, &s->around);
	return 0;
}

int lint_serve(const struct option_value *opt, const char *file)
{
	struct error err = { 0 };
	struct serving s = { .opt = opt, .given = file };
	globals.quiet = true; /* an editor shows as trouble what is printed beside the protocol */
	int status = lsp_serve(0, stdout, &(struct lsp_host){ options, &s }, &err);
	lint_surroundings_free(&s.around);
	lint_judgement_free(s.judgement);
	free(s.file);
	return status < 0 ? command_fail(&err) : status;
}
