#include "base/buf.h"
#include "base/file.h"
#include "command/command.h"
#include "version/version.h"
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)(2 * VERSION_MAX + 2))

static const struct option options[] = {
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* --- compare --- */
static const char *answer(const struct version_scheme *s, struct str line)
{
	int order = 0;
	struct str a = str_cut(&line, '\t'), b = line;
	if (!b.p || str_chr(b, '\t') || s->compare(a, b, &order) < 0)
		return "error";
	return order < 0 ? "-1" : order > 0 ? "1" : "0";
}

/* A line in, a line out; in a pipe each answer is there before the next question. */
static int run_compare(const struct option_value *opt, char **args, int n_args)
{
	(void)opt;
	(void)n_args;
	const struct version_scheme *s = version_scheme_named(str_of(args[0]));
	struct error err = { 0 };
	if (!s) {
		struct buf names = BUF(0);
		for (const struct version_scheme *const *v = version_schemes; *v; v++)
			buf_printf(&names, " %s", (*v)->name);
		error_set(&err, ERR_USAGE, "db compare %.40s: no such scheme; there are:%s", args[0], names.p);
		buf_free(&names);
		return command_fail(&err);
	}
	struct buf line = BUF(LINE_MAX_BYTES);
	char *in = xmalloc(64 * KiB);
	ssize_t got;
	while ((got = read(STDIN_FILENO, in, 64 * KiB)) > 0) {
		struct str rest = str_n(in, (size_t)got);
		while (rest.p && rest.n) {
			struct str piece = str_cut(&rest, '\n');
			buf_add(&line, piece);
			if (!rest.p) /* goes on in the next read */
				break;
			puts(line.over ? "error" : answer(s, buf_str(&line)));
			buf_clear(&line);
			line.over = false;
		}
		fflush(stdout);
	}
	if (line.n)
		puts(line.over ? "error" : answer(s, buf_str(&line)));
	free(in);
	buf_free(&line);
	if (got < 0) {
		error_errno(&err, "standard input");
		return command_fail(&err);
	}
	return command_done(0);
}

static const struct subcommand subcommands[] = {
	{ "compare", "SCHEME", "Read lines A, tab, B and answer each with -1, 0, 1 or error: which of two versions is the later one.", "", 1, 1, run_compare },
	{ NULL, NULL, NULL, NULL, 0, 0, NULL },
};

const struct command command_db = {
	.name = "db",
	.summary = "the advisory database",
	.synopsis = "SUBCOMMAND ARGUMENT...",
	.description = "",
	.options = options,
	.examples = "pare db compare dpkg <versions # two versions a line, tab between them\n",
	.subcommands = subcommands,
};
