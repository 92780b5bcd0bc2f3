/* parser.h — what the readers of words and of grammar share; nobody else includes it.
 *
 * One position moves through one text. Reading inside something (a backquoted part, a here-document's body, braces whose end is known) narrows
 * [i, n) or changes the text for the time being; `map` leads back to the tree's offsets. */
#ifndef PARE_SHELL_PARSER_H
#define PARE_SHELL_PARSER_H
#include "base/buf.h"
#include "shell/shell.h"

#define SH_ERRORS 64

struct sh_pending {            /* a here-document whose body comes with the next newline */
	struct sh_redirect *final; /* NULL while it is still on the stack of redirections */
	u32 stacked;
	struct sh_node *owner;
};

struct sh_parser {
	struct sh_tree *tree;
	struct arena *arena;
	const char *s;
	u32 i, n;
	const u32 *map;            /* of a copy without backslashes: n + 1 offsets; NULL: the tree's own text */
	u32 depth, nodes;
	u64 budget;                /* bytes that may still be looked at ahead; keeps hostile text linear */
	bool stopped;              /* over a limit */
	struct sh_node *owner;     /* node whose words are read now: the parent of substitutions */
	/* Stacks: what is being read lies on top, and is copied to the arena when complete. */
	struct sh_part *parts;
	struct sh_word *words;
	struct sh_assign *assigns;
	struct sh_redirect *redirects;
	struct sh_pending *pending;
	size_t n_parts, n_words, n_assigns, n_redirects, n_pending;
	size_t cap_parts, cap_words, cap_assigns, cap_redirects, cap_pending, cap_errors;
};

static inline int sh_cur(const struct sh_parser *p) { return p->i < p->n ? (unsigned char)p->s[p->i] : -1; }
static inline int sh_peek(const struct sh_parser *p, u32 k) { return p->n - p->i > k ? (unsigned char)p->s[p->i + k] : -1; }
static inline u32 sh_pos(const struct sh_parser *p, u32 i) { return p->map ? p->map[i] : i; }
static inline struct str sh_slice(const struct sh_parser *p, u32 a, u32 b) { return str_n(p->s + a, b - a); }
static inline bool sh_name_start(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static inline bool sh_digit(int c) { return c >= '0' && c <= '9'; }
static inline bool sh_name_char(int c) { return sh_name_start(c) || sh_digit(c); }
static inline bool sh_blank(int c) { return c == ' ' || c == '\t'; }
static inline bool sh_meta(int c) { return c < 0 || c == ' ' || c == '\t' || c == '\n' || (c && strchr(";&|<>()", c)); } /* ends a word */

/* space.c */
void sh_fail(struct sh_parser *p, u32 at, const char *message);  /* at: offset in the text that is read */
void sh_stop(struct sh_parser *p, const char *why);
bool sh_enter(struct sh_parser *p);                              /* one level deeper; false: too deep, nothing to leave */
static inline void sh_leave(struct sh_parser *p) { p->depth--; }
bool sh_ends_text(const struct sh_parser *p, u32 i);             /* offset i is the end of a line, or of all */
void sh_skip_blanks(struct sh_parser *p);                        /* and continuations */
void sh_skip_space(struct sh_parser *p);                         /* a comment too */
void sh_skip_newlines(struct sh_parser *p);                      /* newlines too, and the here-documents they bring */

/* Reading inside: the limit is narrowed to `end`, and put back to `n` after (unless reading has stopped). */
static inline void sh_widen(struct sh_parser *p, u32 n)
{
	p->n = p->stopped ? p->i : n;
}

/* parse.c */
struct sh_node *sh_parse_script(struct sh_parser *p);            /* up to the end of what is read: what closes nothing is an error */
struct sh_node *sh_parse_list(struct sh_parser *p);              /* up to what ends a list, which stays */

/* word.c */
enum sh_word_flags { SH_WORD_PLAIN = 0, SH_WORD_VALUE = 1, SH_WORD_DECL = 2, SH_WORD_REGEX = 4 };
bool sh_read_word(struct sh_parser *p, u32 flags, struct sh_word *ret); /* false when there is none */
void sh_read_text(struct sh_parser *p, u32 end, bool arithmetic, struct sh_word *ret); /* up to `end` as inside of "…": here-documents, arithmetic */
bool sh_scan_arithmetic(struct sh_parser *p, u32 from, u32 *end); /* offset of the `))` that closes; false: it is none */
void sh_read_array(struct sh_parser *p, const struct sh_word **items, u32 *n); /* behind `(`, past `)` */
#endif
