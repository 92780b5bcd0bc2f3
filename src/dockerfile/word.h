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
	bool skip_quotes;   /* quotes are characters like others: the contents of COPY's here-documents */
};

/* One word, expanded, unsplit. ERR_INPUT for what BuildKit refuses (`${`, a bad operator, `${X:?}` unset, over a limit). */
int word_expand(struct arena *a, struct str word, const struct word_options *opt, const struct word_env *env, struct str *ret, struct error *err) must_check;
/* Split into words after expansion, as ENV's and EXPOSE's arguments are. *ret is an array in the arena. */
int word_split(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct str **ret, u32 *n, struct error *err) must_check;

/* The same with what each word was made of: bytes [at, end) of `text`. */
struct word_place {
	struct str s;
	u32 at, end;
};
int word_split_places(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct word_place **ret, u32 *n, struct error *err) must_check;

/* Length of the white space (Unicode's, as Go's unicode.IsSpace has it) that starts at p[0 .. n), 0 when none does. */
static inline size_t word_space(const char *p, size_t n)
{
	u8 c = n ? (u8)p[0] : 0, d = n > 1 ? (u8)p[1] : 0, e = n > 2 ? (u8)p[2] : 0;
	if (c < 0x80)
		return c == ' ' || (c >= 9 && c <= 13);
	if (c == 0xC2)
		return d == 0x85 || d == 0xA0 ? 2 : 0;
	if (c == 0xE1)
		return d == 0x9A && e == 0x80 ? 3 : 0;
	if (c == 0xE2)
		return (d == 0x80 && ((e >= 0x80 && e <= 0x8A) || e == 0xA8 || e == 0xA9 || e == 0xAF)) || (d == 0x81 && e == 0x9F) ? 3 : 0;
	return c == 0xE3 && d == 0x80 && e == 0x80 ? 3 : 0;
}
#endif
