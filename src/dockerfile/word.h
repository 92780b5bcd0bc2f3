/* word.h — BuildKit's words and expansion (its `shell` package: Lex.ProcessWord, ProcessWords): quotes, escapes, $NAME, ${NAME} and the operators
 * :- :+ :? - + ? # ## % %% / //. Not the shell's: no globbing, no command substitution, no splitting of quoted text. */
#ifndef PARE_DOCKERFILE_WORD_H
#define PARE_DOCKERFILE_WORD_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define WORD_DEPTH 64           /* ${a:-${b:-…}} */
#define WORD_BYTES (1 * MiB)    /* of one result */

/* What variables are worth. lookup returns false for one that is not set; *ret is good until the next call. */
struct word_env {
	bool (*lookup)(void *ctx, struct str name, struct str *ret);
	void *ctx;
	/* NULL, or told of every variable that is used: its name, its offset in the word, whether it was set, and whether an operator
	 * (`:-`, `-`, `:+`, `+`, `:?`, `?`) provides for it being unset. */
	void (*used)(void *ctx, struct str name, u32 at, bool set, bool provided);
};

struct word_options {
	char escape;        /* '\\' or '`' */
	bool raw_quotes;    /* keep quotes */
	bool raw_escapes;   /* keep escape characters */
	bool skip_unset;    /* leave $NAME as it is when NAME is not set */
};

/* One word, expanded, unsplit. ERR_INPUT for what BuildKit refuses (`${`, a bad operator, `${X:?}` unset, over a limit). */
int word_expand(struct arena *a, struct str word, const struct word_options *opt, const struct word_env *env, struct str *ret, struct error *err) must_check;
/* Split into words after expansion, as ENV's and EXPOSE's arguments are. *ret is an array in the arena. */
int word_split(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct str **ret, u32 *n, struct error *err) must_check;
#endif
