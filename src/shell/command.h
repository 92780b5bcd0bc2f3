/* command.h — the simple commands of a shell text, as rules ask about them: which program, with which options and operands.
 *
 * A flat list in the order of the text, commands inside substitutions, functions and loops included. Wrappers that run another command
 * (env, sudo, nice, nohup, time, exec, command, xargs, timeout, chroot …) are commands themselves; `wraps` is the one they start. */
#ifndef PARE_SHELL_COMMAND_H
#define PARE_SHELL_COMMAND_H
#include "shell/shell.h"

struct sh_command {
	const struct sh_node *node;  /* SH_SIMPLE */
	struct str name;             /* first word's text ("apt-get", "/usr/bin/apt", "${PIP}") */
	struct str base;             /* its last path component */
	const struct sh_word *args;  /* words after the name */
	u32 n_args;
	u32 index;
	const struct sh_command *wraps; /* e.g. of `sudo apt-get`: a command made of the words behind; NULL */
	bool wrapped;                /* made so; its node is the wrapper's */
	bool in_substitution, in_function, in_condition; /* runs for its output; only when called; in the condition of if/while/&&-less test */
};

struct sh_commands {
	struct arena arena;
	const struct sh_command *v;
	u32 n;
};
void sh_commands_of(const struct sh_tree *t, struct sh_commands *ret);
void sh_commands_free(struct sh_commands *c);

/* Options: words that begin with '-' before a `--`. "-y", "-qqy" hold the letters y and q; "--foo=x" is the option foo with a value. */
bool sh_has_flag(const struct sh_command *c, const char *name);              /* "y" or "long-name" */
bool sh_has_any_flag(const struct sh_command *c, const char *const *names);  /* NULL-terminated */
/* The value of an option: "--name=V", "--name V", "-nV", "-n V"; p NULL when it isn't there. */
struct str sh_flag_value(const struct sh_command *c, const char *name);
/* The n-th operand (from 0): words that are no options; `valued` names options whose next word is their value (NULL: none). NULL when there are fewer. */
const struct sh_word *sh_operand(const struct sh_command *c, u32 n, const char *const *valued);
bool sh_is(const struct sh_command *c, const char *name);                    /* by base name */
/* `apt-get [options] install …`: program and sub-command (first operand). */
bool sh_is_sub(const struct sh_command *c, const char *name, const char *sub);
#endif
