/* command.h — the simple commands of a shell text, as rules ask about them: which program, with which options and operands.
 *
 * A flat list in the order of the text, commands inside substitutions, functions and loops included. Wrappers that run another command
 * (env, sudo, nice, nohup, time, exec, command, xargs, timeout, chroot …) are commands themselves; `wraps` is the one they start, and it
 * follows them in the list with `wrapped` set. hadolint looks through none of them: a rule at its semantics passes over wrapped commands.
 *
 *     sudo -u app pip install -r x.txt      #0 sudo, args "-u app pip install -r x.txt", wraps #1
 *                                           #1 pip,  args "install -r x.txt", wrapped
 */
#ifndef PARE_SHELL_COMMAND_H
#define PARE_SHELL_COMMAND_H
#include "shell/shell.h"

struct sh_command {
	const struct sh_node *node;  /* SH_SIMPLE */
	const struct sh_word *word;  /* the name's */
	struct str name;             /* first word's text ("apt-get", "/usr/bin/apt", "${PIP}") */
	struct str base;             /* its last path component */
	const struct sh_word *args;  /* words after the name */
	u32 n_args;
	u32 index;                   /* in the list */
	const struct sh_command *wraps; /* e.g. of `sudo apt-get`: a command made of the words behind; NULL */
	bool wrapped;                /* made so; its node is the wrapper's */
	bool in_substitution, in_function, in_condition; /* runs for its output; only when called; as (part of) the condition of an if or a loop */
};

struct sh_commands {
	struct sh_command *v; /* owned */
	u32 n;
};
void sh_commands_of(const struct sh_tree *t, struct sh_commands *ret);
void sh_commands_free(struct sh_commands *c);

/* --- which program --- */
bool sh_is(const struct sh_command *c, const char *name);                    /* by base name */
bool sh_is_any(const struct sh_command *c, const char *const *names);        /* NULL-terminated */
/* `apt-get [options] install …`: program and sub-command (first operand). */
bool sh_is_sub(const struct sh_command *c, const char *name, const char *sub);

/* --- options: words that begin with '-' before a `--`. "-y", "-qqy" hold the letters y and q; "--foo=x" is the option foo with a value. --- */
bool sh_has_flag(const struct sh_command *c, const char *name);              /* "y" or "long-name" */
bool sh_has_any_flag(const struct sh_command *c, const char *const *names);  /* NULL-terminated */
u32 sh_count_flag(const struct sh_command *c, const char *name);             /* "-qq" holds q twice */
/* The word that holds the option; NULL. sh_next_flag: the next one after word `after` (NULL: from the start). */
const struct sh_word *sh_flag_word(const struct sh_command *c, const char *name);
const struct sh_word *sh_next_flag(const struct sh_command *c, const char *name, const struct sh_word *after);
/* The value of an option: "--name=V", "--name V", "-nV", "-n V", "-xn V"; p NULL when it isn't there or has none. sh_flag_value_at: of that word. */
struct str sh_flag_value(const struct sh_command *c, const char *name);
struct str sh_flag_value_at(const struct sh_command *c, const char *name, const struct sh_word *at);
/* Options of one dash and many letters, as find, java and go have them ("-delete", "-Xmx1g" by prefix "-Xmx"): sh_has_arg, sh_arg_starting. */

/* --- operands: words that are no options. `valued` names options whose next word is their value ("o", "root"; NULL-terminated; NULL: none). --- */
const struct sh_word *sh_operand(const struct sh_command *c, u32 n, const char *const *valued); /* the n-th, from 0; NULL when there are fewer */
/* for (w = sh_next_operand(c, NULL, valued); w; w = sh_next_operand(c, w, valued)) */
const struct sh_word *sh_next_operand(const struct sh_command *c, const struct sh_word *after, const char *const *valued);
u32 sh_count_operands(const struct sh_command *c, const char *const *valued);
/* The operands behind the first one that is `sub` ("install"): loop as above, starting with after = sh_sub_word(). */
const struct sh_word *sh_sub_word(const struct sh_command *c, const char *sub, const char *const *valued); /* NULL: it isn't among the operands */

/* --- arguments as they stand, options included --- */
const struct sh_word *sh_arg_word(const struct sh_command *c, const char *arg);      /* the first that reads so; NULL */
const struct sh_word *sh_arg_starting(const struct sh_command *c, const char *prefix);
const struct sh_word *sh_arg_containing(const struct sh_command *c, const char *part);
static inline bool sh_has_arg(const struct sh_command *c, const char *arg) { return sh_arg_word(c, arg) != NULL; }
static inline bool sh_has_any_arg(const struct sh_command *c, const char *const *args) /* NULL-terminated */
{
	for (; *args; args++)
		if (sh_has_arg(c, *args))
			return true;
	return false;
}

/* hadolint's reading, which knows no values and no `--`: what begins with '-' is a flag, "-" and "--" are not, everything else is an argument. */
bool sh_hado_flag(struct str arg);
const struct sh_word *sh_hado_next(const struct sh_command *c, const struct sh_word *after); /* the next that is no flag, as in sh_next_operand */
/* Arguments without flags and without the word behind each option named in `dropped` (hadolint's dropFlagArg), NULL-terminated. */
const struct sh_word *sh_hado_next_dropping(const struct sh_command *c, const struct sh_word *after, const char *const *dropped);
bool sh_hado_has_flag(const struct sh_command *c, const char *name); /* letters and --long, behind `--` too */

/* --- questions to a whole list --- */
const struct sh_command *sh_find(const struct sh_commands *l, const char *name);                   /* the first of that base name; NULL */
const struct sh_command *sh_find_sub(const struct sh_commands *l, const char *name, const char *sub);
const struct sh_command *sh_find_arg(const struct sh_commands *l, const char *name, const char *arg);
/* The next after `after` (NULL: from the start) of that base name. */
const struct sh_command *sh_find_next(const struct sh_commands *l, const char *name, const struct sh_command *after);

/* --- where a command stands --- */
/* The pipeline whose member it is (its node, or a compound command around it, as a member), or NULL; of that, whether it is the last member. */
const struct sh_node *sh_pipeline_of(const struct sh_command *c, bool *last);
/* Whether another command runs only when this one succeeds: it is followed by && (directly, or as the last of a chain that is). */
bool sh_and_follows(const struct sh_node *n);
/* Its redirection by operator's first character ('<' or '>'), NULL: none. */
const struct sh_redirect *sh_redirect_of(const struct sh_node *n, char direction);
#endif
