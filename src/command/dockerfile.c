#include "base/file.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "dockerfile/word.h"
#include "report/dockerfile.h"

#define STRINGS_BYTES (32 * MiB) /* of standard input with --words and --expand */
#define ERRORS_SHOWN 20

enum { O_FORMAT, O_WORDS, O_EXPAND, O_ENV, O_ESCAPE };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: everything, with the lines it stands on.", "table json" },
	[O_WORDS] = { "words", 0, OPT_FLAG, NULL, "Read strings from standard input, one a line, and print each one's words after expansion, as a JSON array a line.", NULL },
	[O_EXPAND] = { "expand", 0, OPT_FLAG, NULL, "The same, but print the expansion, as a JSON string a line.", NULL },
	[O_ENV] = { "env", 'e', OPT_LIST, "NAME=VALUE", "A variable for --words and --expand; without a value it is set to nothing.", NULL },
	[O_ESCAPE] = { "escape", 0, OPT_VALUE, "CHAR", "The escape character of --words and --expand: \\ (the default) or `.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* --- strings --- */
static bool lookup(void *ctx, struct str name, struct str *ret)
{
	const struct option_value *env = ctx;
	for (u32 i = env->count; i-- > 0;) {
		struct str value = str_of(env->list[i]), key = str_cut(&value, '=');
		if (str_eq(key, name)) {
			*ret = value.p ? value : str_n("", 0);
			return true;
		}
	}
	return false;
}

static bool string_line(struct jsonw *w, struct str line, bool split, const struct word_options *wo, const struct word_env *env)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct str whole, *words;
	u32 n = 0;
	int r = split ? word_split(&a, line, wo, env, &words, &n, &err) : word_expand(&a, line, wo, env, &whole, &err);
	if (r < 0) {
		jsonw_obj(w);
		jsonw_kz(w, "error", err.text);
		jsonw_end(w);
	} else if (!split) {
		jsonw_str(w, whole);
		putc('\n', w->f);
	} else {
		jsonw_arr(w);
		for (u32 i = 0; i < n; i++)
			jsonw_str(w, words[i]);
		jsonw_end(w);
	}
	arena_free(&a);
	return r == 0;
}

static int strings(const struct option_value *opt, struct error *err)
{
	struct buf in = BUF(STRINGS_BYTES);
	struct word_options wo = { .escape = opt[O_ESCAPE].value ? opt[O_ESCAPE].value[0] : '\\' };
	struct word_env env = { .lookup = lookup, .ctx = (void *)&opt[O_ENV] };
	bool bad = false;
	if (file_read_fd(0, STRINGS_BYTES, "standard input", &in, err) < 0) {
		buf_free(&in);
		return command_fail(err);
	}
	struct str rest = buf_str(&in);
	while (rest.n) {
		struct jsonw w;
		jsonw_init(&w, stdout, 0);
		bad |= !string_line(&w, str_cut(&rest, '\n'), opt[O_WORDS].count > 0, &wo, &env);
	}
	buf_free(&in);
	return command_done(bad ? ERR_INPUT : 0);
}

/* --- a file --- */
static int file(const struct option_value *opt, const char *path, struct error *err)
{
	struct buf text = BUF(DF_BYTES);
	struct df_file f;
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	int r = standard ? file_read_fd(0, DF_BYTES, name, &text, err) : file_read(path, DF_BYTES, &text, err);
	if (r == 0 && df_parse(buf_str(&text), &f, err) < 0)
		r = error_wrap(err, "%s", name);
	if (r < 0) {
		buf_free(&text);
		return command_fail(err);
	}
	if (option_is(&opt[O_FORMAT], "json"))
		report_dockerfile_json(stdout, &f);
	else
		report_dockerfile_table(stdout, &f);
	u32 fatal = 0;
	for (u32 i = 0; i < f.n_errors; i++) {
		struct error e = { 0 };
		if (!f.errors[i].fatal || fatal++ >= ERRORS_SHOWN)
			continue;
		error_set(&e, ERR_INPUT, "%s:%u: %s", name, f.errors[i].line, f.errors[i].message);
		command_fail(&e);
	}
	if (fatal > ERRORS_SHOWN) {
		struct error e = { 0 };
		error_set(&e, ERR_INPUT, "%s: and %u more", name, fatal - ERRORS_SHOWN);
		command_fail(&e);
	}
	int status = f.refused ? ERR_INPUT : 0;
	df_free(&f);
	buf_free(&text);
	return command_done(status);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	bool text = opt[O_WORDS].count || opt[O_EXPAND].count;
	const char *escape = opt[O_ESCAPE].value;
	if (opt[O_WORDS].count && opt[O_EXPAND].count)
		error_set(&err, ERR_USAGE, "--words and --expand: one of them at a time");
	else if (text ? n_args != 0 : n_args != 1)
		error_set(&err, ERR_USAGE, text ? "--words and --expand read standard input: no FILE" : "no FILE: name a Dockerfile, or - for standard input");
	else if (escape && strcmp(escape, "\\") != 0 && strcmp(escape, "`") != 0)
		error_set(&err, ERR_USAGE, "--escape %.40s: it is \\ or `", escape);
	else
		return text ? strings(opt, &err) : file(opt, args[0], &err);
	return command_fail(&err);
}

const struct command command_dockerfile = {
	.name = "dockerfile",
	.summary = "a Dockerfile as BuildKit reads it",
	.synopsis = "FILE",
	.description = "Parses a Dockerfile (- is standard input) and prints its instructions: keyword, flags, arguments, here-documents, and the lines they stand on. "
		       "The language is BuildKit's to the letter: directives, continued lines with comments and empty lines between, here-documents, JSON and shell forms.\n"
		       "\n"
		       "What BuildKit would refuse is named on standard error, with its line; the rest of the file is printed all the same, and the status is 3.\n"
		       "\n"
		       "With --words and --expand it reads strings instead, and prints what BuildKit makes of quotes, escapes, $NAME and ${NAME} with its operators. "
		       "A string that it refuses becomes {\"error\": WHY}, and the status is 3.",
	.options = options,
	.examples = "pare dockerfile Dockerfile # one line an instruction\n"
		    "pare dockerfile - --format json <Dockerfile # for programs\n"
		    "pare dockerfile --expand --env TAG=12 # then type: debian:${TAG:-11}\n",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
