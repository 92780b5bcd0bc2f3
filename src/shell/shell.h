/* shell.h — POSIX shell and bash, parsed tolerantly with exact positions (POSIX.1-2024 XCU 2, bash(1) "SHELL GRAMMAR").
 *
 * Made for the text of RUN, CMD, ENTRYPOINT, HEALTHCHECK and here-documents: lists, pipelines, redirections, here-documents, quoting,
 * substitutions, arithmetic, `[[ ]]`, arrays, functions, loops, case. What a shell would refuse becomes an error of the list and parsing goes
 * on where it can; the tree then holds what was understood. Offsets count bytes of the text that was given, which stays borrowed.
 *
 * A tree of nodes; a node's children are a linked list in the order of the text:
 *
 *     a && b | c; d        LIST( ANDOR( SIMPLE a, &&, PIPELINE( SIMPLE b, SIMPLE c ) ), SIMPLE d )
 *
 * ANDOR, PIPELINE and LIST with a single child are left out: the child stands in their place. Everything is in the arena of the tree.
 * Spans nest, except that the body of a here-document stands behind the command it belongs to. A here-document without its lines is no error:
 * in a Dockerfile they follow the instruction.
 *
 * Nothing recurses deeper than SH_DEPTH: what is nested deeper is an error, and the rest is not read. The same holds for SH_BYTES of text
 * and SH_NODES nodes. Time is linear. */
#ifndef PARE_SHELL_SHELL_H
#define PARE_SHELL_SHELL_H
#include "base/arena.h"
#include "base/common.h"
#include "base/str.h"

#define SH_DEPTH 100
#define SH_BYTES (1 * MiB)
#define SH_NODES 1000000

enum sh_dialect { SH_POSIX, SH_BASH }; /* only what a rule says depends on it: both parse the same language, bash's */

enum sh_kind {
	SH_LIST,      /* children: commands; op: what ends each (`;`, newline, `&`), NONE where a fault, or nothing, does; so too of an only child */
	SH_ANDOR,     /* children: two or more, child->op is && or || *before* it */
	SH_PIPELINE,  /* children: two or more, child->op is | or |& before it */
	SH_SIMPLE,    /* assigns, words, redirects */
	SH_SUBSHELL,  /* ( list ) */
	SH_GROUP,     /* { list; } */
	SH_IF,        /* children: condition, then-part, condition, then-part, …, [else-part]; each a LIST or its only child */
	SH_WHILE,     /* condition, body */
	SH_UNTIL,
	SH_FOR,       /* name in words; child: body */
	SH_SELECT,
	SH_ARITH_FOR, /* for ((a;b;c)); child: body */
	SH_CASE,      /* words: the subject; children: one SH_CASE_ITEM each */
	SH_CASE_ITEM, /* words: the patterns; child: body, if any */
	SH_FUNCTION,  /* name; child: body */
	SH_COND,      /* [[ … ]]: words between, operators included */
	SH_ARITH,     /* (( … )) */
	SH_COPROC,    /* child */
};

enum sh_op { SH_OP_NONE, SH_OP_SEMI, SH_OP_NEWLINE, SH_OP_AMP, SH_OP_AND, SH_OP_OR, SH_OP_PIPE, SH_OP_PIPE_AMP };

enum sh_part_kind {
	SH_LITERAL,   /* text as it stands, unquoted or inside "…" */
	SH_QUOTED_CHAR, /* \x, inside "…" too; text is x */
	SH_SINGLE,    /* '…' */
	SH_DOUBLE,    /* "…": parts inside */
	SH_DOLLAR_SINGLE, /* $'…', decoded */
	SH_DOLLAR_DOUBLE, /* $"…": parts inside */
	SH_PARAM,     /* $NAME, ${…}: name, op ("" or ":-" …), parts: the operand's word */
	SH_COMMAND,   /* $( … ) or `…`: child is its list */
	SH_ARITHMETIC, /* $(( … )), $[ … ]: parts inside */
	SH_PROCESS,   /* <( … ) >( … ): child */
	SH_GLOB,      /* * ? [..] and bash's extended patterns, unquoted */
	SH_BRACE,     /* {a,b} {1..9}, unquoted; in bash expanded, in sh literal; parts inside */
	SH_TILDE,     /* ~ or ~user at the start */
	SH_ARRAY,     /* (…) of NAME=(…) as an argument of declare, local, export …: parts of its words */
};

struct sh_node;
struct sh_part {
	enum sh_part_kind kind;
	u32 at, end;
	struct str text;             /* LITERAL, QUOTED_CHAR, SINGLE, DOLLAR_SINGLE: what it means; else its source */
	struct str name, op;         /* SH_PARAM: the parameter ("1", "@", "HOME", "#" …) and the operator; length (${#x}): op "#len"; ${!x}: op "!" */
	struct str index;            /* SH_PARAM: of ${a[index]}; p NULL: none */
	bool backquote;              /* SH_COMMAND as `…` */
	bool braces;                 /* SH_PARAM as ${…} */
	const struct sh_part *parts; /* inside quotes; operand of ${} */
	u32 n_parts;
	const struct sh_node *child;
};

struct sh_word {
	u32 at, end;
	struct str source;           /* as written */
	struct str text;             /* as one would read it: quotes and backslashes resolved, every substitution as in the source (`${x}`, `$(…)`) */
	bool literal;                /* text is exactly the word the command gets: no substitution, glob, brace or tilde in it */
	bool quoted;                 /* any part is quoted */
	const struct sh_part *parts;
	u32 n_parts;
};

struct sh_assign {               /* NAME=value, NAME+=value, NAME[i]=value, NAME=(…) */
	u32 at, end;
	struct str name;
	bool append, array;
	struct sh_word value;        /* empty word when there is none */
	const struct sh_word *items; /* of an array; n_items */
	u32 n_items;
};

struct sh_redirect {
	u32 at, end;
	struct str op;               /* "<" ">" ">>" ">&" "<&" "&>" "&>>" "<>" ">|" "<<" "<<-" "<<<" */
	s32 fd;                      /* -1: the operator's own, or one in a variable ({fd}>) */
	struct sh_word target;
	struct str body;             /* here-document: its lines; p NULL when its end is missing or it is none */
	const struct sh_word *expanded; /* the body as a word with parts when it is expanded, else NULL */
};

struct sh_node {
	enum sh_kind kind;
	u32 at, end;                 /* offsets; redirections behind a compound command included */
	enum sh_op op;
	bool negated;                /* ! in front */
	bool substituted;            /* the list of a substitution: its parent holds it in a word, not as a child */
	bool condition;              /* a condition of its parent: IF, WHILE, UNTIL */
	const struct sh_node *parent, *child, *next; /* parent of a substitution's list: the node whose word holds it */
	struct str name;             /* FOR, SELECT, FUNCTION */
	const struct sh_assign *assigns;
	const struct sh_word *words;
	const struct sh_redirect *redirects;
	u32 n_assigns, n_words, n_redirects;
};

struct sh_error {
	u32 at;
	const char *message;
};

struct sh_tree {
	struct arena arena;
	struct str text;             /* borrowed */
	const struct sh_node *root;  /* NULL when there is no command */
	struct sh_error *errors;
	u32 n_errors;
};

void sh_parse(struct str text, struct sh_tree *ret); /* release with sh_free */
void sh_free(struct sh_tree *t);

bool sh_is_name(struct str s); /* [A-Za-z_][A-Za-z0-9_]* */

/* Every node in the order of the text, substitutions' nodes after the node that holds them. */
typedef void sh_visit(void *ctx, const struct sh_node *n);
void sh_each(const struct sh_node *root, sh_visit *visit, void *ctx);

/* Every word of one node (values of assignments, items of arrays, words, targets of redirections, expanded here-documents), not those of its children. */
typedef void sh_visit_word(void *ctx, const struct sh_node *n, const struct sh_word *w);
void sh_each_word(const struct sh_node *n, sh_visit_word *visit, void *ctx);

/* Every part of a word, depth first: what stands in quotes and operands too, not what substitutions run. `quoted`: inside "…" (or the part itself is). */
typedef void sh_visit_part(void *ctx, const struct sh_word *w, const struct sh_part *part, bool quoted);
void sh_each_part(const struct sh_word *w, sh_visit_part *visit, void *ctx);
#endif
