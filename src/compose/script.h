/* script.h — maintainer scripts, read and never run: the commands in them with their words, as far as those can be known without running anything.
 *
 * Functions of the script are told where they are called, with the arguments that they get there; what nobody calls is not told.
 *
 * A word is known when it is made of text, of variables that the script sets once to known words, and of those of a `for` over known words, whose commands are told once a word. */
#ifndef PARE_COMPOSE_SCRIPT_H
#define PARE_COMPOSE_SCRIPT_H
#include "base/arena.h"
#include "base/str.h"
#include "shell/command.h"

#define SCRIPT_WORDS 64u  /* of one command that are told */
#define SCRIPT_DEPTH 3u   /* functions that call functions */
#define SCRIPT_TOLD 10000u /* of one script */
#define SCRIPT_CALLS 256u /* of functions, of one script */
#define SCRIPT_LOOPS 256u /* times that one command is told */

struct script_command {
	const struct sh_command *command;
	const char *v[SCRIPT_WORDS]; /* [0] is the command's base name; NULL: not known */
	u32 n;
	bool fresh; /* it runs when the package is new: not what is for an upgrade, a removal or a trigger alone, as far as the conditions around it say */
};
typedef void script_visit(void *ctx, const struct script_command *c);
/* False: it is no shell script (another interpreter, or a program). */
bool script_each(struct str text, struct arena *a, script_visit *f, void *ctx) must_check;
#endif
