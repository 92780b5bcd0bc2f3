/* command.h — what the program can do: one `const struct command` a file, gathered in `commands[]`.
 *
 * Options are declared in tables; help, man pages and completion are printed from them (manual.c). A command's run() gets the
 * values in the order of its table, calls the rooms below, prints, and returns an exit status of CLI.md. */
#ifndef PARE_COMMAND_COMMAND_H
#define PARE_COMMAND_COMMAND_H
#include "base/common.h"
#include "base/error.h"

enum option_kind {
	OPT_FLAG,  /* --name; may be given again: counted */
	OPT_VALUE, /* --name VALUE or --name=VALUE; the last counts */
	OPT_LIST,  /* the same, every one counts */
	OPT_OPTIONAL, /* --name, or --name=VALUE: a value only behind '='; without one value is NULL, as for a flag */
};

struct option {
	const char *name;    /* without the dashes */
	char letter;         /* 0: none */
	enum option_kind kind;
	const char *arg;     /* what stands for the value in help: "FILE"; NULL for flags */
	const char *help;    /* a sentence; may be long, is wrapped */
	const char *choices; /* "table json tsv": anything else is refused; NULL: any value */
};

struct option_value {
	u32 count;
	const char *value;  /* the last; NULL when not given */
	const char **list;  /* OPT_LIST: count of them */
};

/* Whether it was given, and as this word. */
static inline bool option_is(const struct option_value *v, const char *word) { return v->value && strcmp(v->value, word) == 0; }

/* A long option of the program that this one stands in for, which is not here: refused for a reason, or, without one, taken: what it asks for is so anyway. */
struct foreign_option {
	const char *name;
	const char *why;
};

#define ARGS_MANY UINT32_MAX
/* Of a command that does several things on one subject (`pare db build`, `pare db status`): the first operand says which. One manual, one table of options. */
struct subcommand {
	const char *name;
	const char *synopsis; /* behind the name */
	const char *summary;  /* one line */
	const char *options;  /* names of the command's options that it takes, separated by blanks; the others are refused */
	u32 min_args, max_args;
	int (*run)(const struct option_value *opt, char **args, int n_args); /* args: behind the subcommand's name */
};

struct command {
	const char *name;
	const char *summary;    /* one line */
	const char *synopsis;   /* "IMAGE -o OUT", without the program's and the command's name */
	const char *description; /* paragraphs separated by an empty line */
	const struct option *options; /* ends with a NULL name */
	const struct foreign_option *foreign; /* ends with a NULL name; NULL: none */
	const char *examples;   /* lines "COMMAND # what it does" */
	u32 min_args, max_args; /* operands */
	int (*run)(const struct option_value *opt, char **args, int n_args);
	u32 program;            /* this operand (1 is the first) is a program: what follows is that one's, options too; 0: none is */
	bool hidden;
	const struct subcommand *subcommands; /* ends with a NULL name; then run, min_args and max_args are not used */
};
extern const struct command *const commands[]; /* NULL-terminated, in the order of help */
extern const struct option global_options[];   /* work everywhere */

struct globals {
	bool quiet, no_color;
	const char *store; /* NULL: default */
	bool color;        /* standard output is a terminal and nothing speaks against it */
};
extern struct globals globals;

/* Prints "pare: WHAT: WHY" for *err, neutralised, and returns its exit status. */
int command_fail(const struct error *err);
/* Prints one such line per problem (at most 20, then how many more) and returns 3; 0 when there are none. */
struct problems;
int command_problems(const struct problems *p);
/* The same for claims that did not hold (image.unverified): they fail nothing. Silent with --quiet. */
void command_unverified(const struct problems *p);
/* A line on standard error that is no error; silent with --quiet. */
void command_note(const char *fmt, ...) printf_like(1, 2);
/* Flushes standard output; 4 with a line when it could not be written, else `status`. */
int command_done(int status);

/* As if it had been called with these words (which may be moved about): for a command that has another one do its work. */
int command_call(const char *name, int argc, char **argv);

/* manual.c */
void manual_help(FILE *f, const struct command *c);  /* NULL: the overview */
void manual_subcommand(FILE *f, const struct command *c, const struct subcommand *u);
void manual_man(FILE *f, const struct command *c);   /* roff, man(7) */
void manual_complete(FILE *f, const char *shell);    /* "bash", "zsh", "fish" */
extern const struct command command_manual;          /* hidden: prints these for packages */
#endif
