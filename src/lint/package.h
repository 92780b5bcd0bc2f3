/* package.h — what the rules about package managers share: which command is meant, what it installs, whether versions are pinned, what is cleaned up.
 *
 * Two readings. hadolint knows a command by its first word as written, a sub-command by its standing anywhere behind it, and values of options by a
 * short list. We look through paths and wrappers (`sudo /usr/bin/apt-get`), know the managers' options, put in what variables are known to hold, and
 * say nothing of what cannot be known (`apt-get install $PACKAGES`). Every function here answers in the reading that l->codes asks for. */
#ifndef PARE_LINT_PACKAGE_H
#define PARE_LINT_PACKAGE_H
#include "lint/lint.h"

static inline bool pkg_hado(const struct lint *l) { return l->codes == LINT_HADOLINT; }

bool pkg_is(const struct lint *l, const struct sh_command *c, const char *name);
bool pkg_is_any(const struct lint *l, const struct sh_command *c, const char *const *names);
/* The sub-command's word, when the command is one of `names` and the sub-command one of `subs`; NULL. `valued`: options with their value in the next word. */
const struct sh_word *pkg_sub(const struct lint *l, const struct sh_command *c, const char *const *names, const char *const *subs, const char *const *valued);

/* --- what is installed: for (struct pkg_word p = { 0 }; pkg_next(…, &p);) --- */
struct pkg_word {
	const struct sh_word *word;
	struct str text;     /* quotes gone, variables put in where their value is known; else as ${NAME}. Good until the next call */
	bool open;           /* something in it is unknown */
	bool whole;          /* nothing of it is known */
	/* own */
	u32 i;
	bool started, value, operands;
	struct str more;
	char buf[512];
};
/* The operands behind word `sub` (NULL: all). `dropped`: hadolint's list of options whose next word is none; `valued`: ours. */
bool pkg_next(const struct lint *l, const struct lint_script *s, const struct sh_command *c, const struct sh_word *sub, const char *const *valued,
              const char *const *dropped, struct pkg_word *p);

/* Whether a variable among the arguments holds one of these options, or may hold options (`apt-get install $APT_OPTS curl`). */
bool pkg_may_hold(const struct lint *l, const struct lint_script *s, const struct sh_command *c, const char *const *options);

/* --- speaking: one finding an instruction for hadolint, one a command for us --- */
struct pkg_say {
	struct diagnostic *d;
	const struct df_instruction *in;
	u32 edits;
};
/* A finding on word `w`; NULL: on the command. Returns whether the finding is new. */
bool pkg_say(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, const struct sh_word *w, const char *message, ...) printf_like(6, 7);
void pkg_fix(struct lint *l, struct pkg_say *y, enum fix_safety safety, const char *title, struct df_span where, struct str with);
/* ` option` behind a word. */
void pkg_fix_option(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_word *behind, enum fix_safety safety, const char *title, const char *option);
/* `&& command` behind the script's last command, so that it runs last and the outcome stays; nothing where the script is none that can be added to. */
void pkg_fix_append(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *like, enum fix_safety safety, const char *title, const char *command);

/* --- unpinned packages --- */
struct pkg_pin {
	const char *const *names, *const *subs, *const *valued, *const *dropped;
	bool (*pinned)(const struct lint *l, struct str package);     /* or nothing that could be */
	bool (*silent)(const struct lint *l, const struct lint_script *s, const struct sh_command *c); /* NULL; nothing to say of this command (not asked for hadolint) */
	const char *how;       /* "NAME=VERSION" */
};
void pkg_unpinned(struct lint *l, const struct pkg_pin *pin);
/* Speaks of one command whose operands from `sub` on are packages. */
void pkg_unpinned_in(struct lint *l, struct pkg_say *y, const struct lint_script *s, const struct sh_command *c, const struct sh_word *sub, const struct pkg_pin *pin);

/* --- commands that would ask --- */
struct pkg_yes {
	const char *const *names;
	const char *const *subs, *const *hado_subs, *const *valued;
	const char *const *flags;         /* options that answer */
	bool (*silent)(const struct lint *l, const struct lint_script *s, const struct sh_command *c); /* NULL; not asked for hadolint */
	const char *option;               /* that the fix adds */
	bool global;                      /* behind the program, else behind the sub-command */
};
extern const char *const pkg_yes_words[];
void pkg_asks(struct lint *l, const struct pkg_yes *yes);
bool pkg_fed(const struct sh_command *c); /* its input is a pipe, a file or a here-document: `yes | apt-get install x` */

/* --- what is removed in the same script --- */
/* Whether the command takes `path` (absolute, or below "/root" for the home directory) away: rm, find -delete. */
bool pkg_removes(const struct sh_command *c, struct str path);
/* A command from a script whose name says that it cleans up; nobody can look into it. */
bool pkg_cleans_by_name(const struct sh_command *c);
/* A cache or tmpfs mount that holds `fragment` in its target, hadolint's way. */
bool pkg_mounts(const struct lint_script *s, const char *fragment);

/* --- stages --- */
/* Whether what the script leaves behind counts: we ask what ships, hadolint compares FROM lines. bases: which stages others are built on, to be freed. */
u8 *pkg_bases(const struct lint *l);
bool pkg_stays(const struct lint *l, const struct lint_script *s, const u8 *bases);
bool pkg_in_chain(const struct lint *l, u32 stage, u32 base); /* stage is `base` or built on it */
/* Where a text stands in the file, at most once a stage; looked for when it is first asked for. Whether one of the places is in the script's stage or
 * its bases, before it or in it. */
struct pkg_mention {
	const char *text;
	bool known;
	u32 at[16], n;
};
bool pkg_mentioned(const struct lint *l, const struct lint_script *s, struct pkg_mention *m);
/* The value that an ENV or ARG gives a variable before the script; p NULL: none, or unknown. */
struct str pkg_env(const struct lint *l, const struct lint_script *s, const char *name);
#endif
