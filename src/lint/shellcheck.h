/* shellcheck.h — ShellCheck's findings that matter in a RUN, on our own shell tree: what the files of this topic share.
 *
 * One walk over each script asks every question; shellcheck_table.c has what the rules are, shellcheck.c walks, the others judge: words
 * (shellcheck_word.c), commands (shellcheck_command.c), control flow (shellcheck_flow.c), variables (shellcheck_var.c), the dialect (shellcheck_dialect.c).
 *
 * With LINT_HADOLINT a question is answered as ShellCheck does when hadolint calls it: ENV and ARG of the stage and the proxies are exported as 1, the dialect
 * is the first word of SHELL, its options are not looked at. Otherwise what is known of the image is used to stay silent: the shell of its distribution, `set -e`
 * by SHELL, programs that print one word. When unsure: silent. */
#ifndef PARE_LINT_SHELLCHECK_H
#define PARE_LINT_SHELLCHECK_H
#include "base/buf.h"
#include "lint/lint.h"

enum sc_id {
	/* syntax */
	SC1072, SC1007, SC1097,
	/* words */
	SC2006, SC2016, SC2027, SC2035, SC2046, SC2048, SC2060, SC2061, SC2062, SC2068, SC2070, SC2086, SC2088, SC2140,
	/* commands */
	SC2002, SC2009, SC2010, SC2011, SC2012, SC2024, SC2028, SC2038, SC2059, SC2065, SC2069, SC2107, SC2109, SC2115, SC2116, SC2126, SC2155, SC2162, SC2166, SC2174, SC2185,
	SC2196, SC2197, SC2211, SC2215, SC2216, SC2224, SC2225, SC2226, SC2242,
	/* flow */
	SC2013, SC2015, SC2041, SC2043, SC2044, SC2045, SC2066, SC2103, SC2164, SC2251,
	/* variables */
	SC2034, SC2036, SC2037, SC2125, SC2153, SC2154, SC2209, SC2283,
	/* what sh does not have */
	SC3001, SC3004, SC3005, SC3006, SC3007, SC3008, SC3009, SC3010, SC3011, SC3014, SC3015, SC3018, SC3019, SC3020, SC3021, SC3024, SC3028, SC3029, SC3030, SC3032, SC3033,
	SC3036, SC3037, SC3039, SC3040, SC3043, SC3044, SC3045, SC3046, SC3047, SC3053, SC3054, SC3057, SC3059, SC3060,
	SC_RULES
};
extern const struct lint_rule rules_shellcheck[SC_RULES + 1];

enum sc_shell { SC_SH, SC_DASH, SC_BUSYBOX, SC_BASH };

struct sc_var {
	struct str name;
	bool clean, dirty, unsure; /* values it was given: certainly one word, certainly not, unknown */
	bool environment;          /* by ENV, ARG, or one of the proxies */
	bool assigned, array, exported;
	u32 reads;
	const struct sh_word *word; /* its first value; NULL: none of its own */
	u32 at, end;               /* of its first assignment */
};

/* Where a word stands. */
enum sc_place { SC_NAME, SC_ARG, SC_VALUE, SC_REDIRECT, SC_BODY, SC_LOOP, SC_SUBJECT, SC_PATTERN, SC_TEST, SC_SUM };

struct sc {
	struct lint *l;
	const struct lint_script *s;
	enum sc_shell shell;
	bool hado;             /* at hadolint's semantics */
	bool unsure_shell;     /* sh could be bash under another name: what it lacks is not said */
	bool set_e;
	bool reads_others;     /* sources a file or evaluates: variables come from elsewhere */
	u64 off[(SC_RULES + 63) / 64]; /* switched off by `# shellcheck disable=` in the script */
	struct sc_var *vars;   /* open addressing; cap_vars a power of two */
	u32 n_vars, cap_vars;
	struct buf text;       /* for one question at a time */
	struct diagnostic nowhere; /* what is switched off goes here */
};

/* A finding on bytes [at, end) of the script. Never NULL. */
struct diagnostic *sc_add(struct sc *c, enum sc_id id, u32 at, u32 end, const char *message, ...) printf_like(5, 6);
/* A fix of the finding just added. */
void sc_fix(struct sc *c, struct diagnostic *d, enum fix_safety safety, const char *title, u32 at, u32 end, struct str with);
void sc_fix_more(struct sc *c, struct diagnostic *d, u32 at, u32 end, struct str with);

/* The name a command goes by: through command, builtin, exec and busybox; "" when it isn't literal. Its base name. */
struct str sc_name(const struct sh_node *n);
/* The first command of a substitution when it is one simple command, else NULL. */
const struct sh_node *sc_only_command(const struct sh_node *list);
/* Whether its output goes elsewhere than to the log: a redirection or a pipe, its own or that of a compound command around it. */
bool sc_is_redirected(const struct sh_node *n);
/* Whether what `n` returns is looked at: a condition of if or a loop, or followed by && or ||; at any level above. */
bool sc_is_condition(const struct sh_node *n);
/* The literal text of a word's parts, substitutions and patterns left out; good until the next question. */
struct str sc_literal(struct sc *c, const struct sh_word *w);
bool sc_has_glob(const struct sh_word *w);      /* an unquoted * ? [ */
bool sc_may_split(const struct sh_word *w);     /* can become other than one word: substitution, pattern, braces outside quotes, "$@" */
bool sc_is_array(const struct sh_part *p);      /* $@, ${a[@]} */
const struct sc_var *sc_var(const struct sc *c, struct str name);

/* Judges. */
void sc_vars(struct sc *c);                                                    /* collects, before everything else */
void sc_vars_judge(struct sc *c);
void sc_flow_node(struct sc *c, const struct sh_node *n);
void sc_command_node(struct sc *c, const struct sh_node *n);
void sc_var_node(struct sc *c, const struct sh_node *n);
void sc_dialect_node(struct sc *c, const struct sh_node *n);
void sc_word(struct sc *c, const struct sh_node *n, const struct sh_word *w, enum sc_place place);
/* `free`: not split here (quotes, assignments, [[ ]]); `quoted`: inside "…". */
void sc_word_part(struct sc *c, const struct sh_node *n, const struct sh_word *w, const struct sh_part *p, enum sc_place place, bool free, bool quoted);
void sc_dialect_part(struct sc *c, const struct sh_part *p, enum sc_place place, bool quoted);
#endif
