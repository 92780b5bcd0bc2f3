/* lint.h — one Dockerfile judged: the facts that every rule asks, and the rules.
 *
 * lint_run() parses the file, builds its stage graph, parses the shell text of every RUN (of ONBUILD RUN, of shell-form CMD, ENTRYPOINT and
 * HEALTHCHECK too), and then asks each rule of lint_rules[] once. A rule loops over what it is about and speaks with lint_add().
 *
 * Semantics. `codes` says whose: LINT_ALL is ours, where the stage graph and the shell tree take away false alarms (build stages, cache mounts,
 * ARG in FROM); LINT_HADOLINT and LINT_BUILDKIT restrict to that tool's rules, at that tool's semantics to the letter. A rule whose two answers
 * differ asks lint->codes. */
#ifndef PARE_LINT_LINT_H
#define PARE_LINT_LINT_H
#include "dockerfile/graph.h"
#include "dockerfile/parse.h"
#include "rule/diagnostic.h"
#include "rule/ignore.h"
#include "shell/command.h"

enum lint_codes { LINT_ALL, LINT_HADOLINT, LINT_BUILDKIT };

/* A shell script of the file: text in shell form, or a here-document that a shell runs. */
struct lint_script {
	const struct df_instruction *in;    /* RUN, CMD, ENTRYPOINT, HEALTHCHECK; of an ONBUILD its trigger */
	const struct df_instruction *outer; /* the instruction of the file: in, or its ONBUILD */
	const struct df_heredoc *heredoc;   /* the script is its body; NULL: in->rest */
	struct df_text text;                /* what was parsed; df_text_at() leads back to the file */
	struct sh_tree tree;
	struct sh_commands commands;
	enum sh_dialect dialect;            /* by SHELL, `# hadolint shell=`, a here-document's #! */
	bool posix;                         /* a POSIX-like shell runs it; false: PowerShell, cmd, or a here-document for another interpreter: tree is empty */
	struct str shell;                   /* the program's name: "sh", "bash", "ash" …; "sh" unless said otherwise */
	bool pipefail;                      /* SHELL, or `set -o pipefail` in the script, says so */
	bool json;                          /* the words of a JSON form, quoted where a shell needs it; of ["sh","-c","…"] the script alone. A finding's fix is forgotten */
	u32 stage;                          /* DF_NONE before the first FROM */
};

struct lint_label { struct str name, type; }; /* label-schema */

struct lint_options {
	enum lint_codes codes;
	const struct str *trusted;          /* trustedRegistries */
	u32 n_trusted;
	const struct lint_label *labels;
	u32 n_labels;
	bool strict_labels;
	bool no_ignore_pragma;              /* disable-ignore-pragma */
	const struct str *build_args;       /* NAME=VALUE */
	u32 n_build_args;
	struct str target;
	struct str ignored_files;           /* .dockerignore beside the file; p NULL: none (CopyIgnoredFile) */
	const char *ruleset;                /* "2026.1"; NULL: the newest */
	/* Levels by rule: returns the level for a rule that was found (overrides, ignored lists); NULL: the rule's own. */
	enum level (*level)(void *ctx, const struct rule *r);
	void *level_ctx;
	const char *context;                /* directory whose files COPY takes; NULL: not at hand */
	s64 now;                            /* Unix seconds: what is out of support by then; 0: today */
	bool (*base)(void *ctx, const struct df_stage *stage, struct df_base *ret); /* what is known of base images (dockerfile/graph.h); NULL: nothing */
	void *base_ctx;
};

struct lint {
	const struct lint_options *opt;
	enum lint_codes codes;              /* opt->codes */
	struct df_file file;
	struct df_graph graph;
	struct lint_script *scripts;        /* in the order of the file */
	u32 n_scripts;
	struct diagnostics *out;
	const struct lint_rule *rule;       /* the one that is asked now; a check that speaks for a group sets it to the rule it speaks as */
	struct arena *arena;                /* out's: texts of findings, fixes */
	const struct lint_effects *effects; /* lint/effect.h: made when a rule asks */
	bool refused;                       /* BuildKit refuses the file */
	bool check_error;                   /* `# check=error=true`: BuildKit's warnings are errors */
	struct {                            /* the driver's own */
		const struct lint_rule *level_of;
		enum level level;
		bool no_fix;
		u32 first, dropped;
		struct check_options check; /* `# check=` of the file */
		struct diagnostic forgotten;
	} own;
};

/* A finding more than this in one file is not kept; one of the rule `too-many-findings` says so. */
#define LINT_FINDINGS 10000

struct lint_rule {
	struct rule meta;
	/* NULL: the rule belongs to the nearest rule above it in its array that has a check, which speaks for both (l->rule = &rules_x[i]; lint_add(…)):
	 * such a check is called when any rule of its group is wanted. The driver speaks for rules_driver[]. */
	void (*check)(struct lint *l);
};
/* One array a topic, beside its code (lint/apt.c: `const struct lint_rule rules_apt[]`, ended by a NULL name), gathered in lint/rules.c. */
extern const struct lint_rule *const lint_rule_sets[];
u32 lint_rule_count(void);
const struct lint_rule *lint_rule_at(u32 i);   /* in the order of the sets */
/* The rules that go by a name: several of ours may be one of another tool's. Start with NULL. */
const struct lint_rule *lint_rule_named(struct str name_or_code, const struct lint_rule *after);
const struct lint_rule *lint_rule_find(struct str name_or_code);   /* ours, hadolint's, BuildKit's, or an alias with or without its tool's prefix; NULL */

const char *lint_code(const struct rule *r, enum lint_codes codes); /* what is printed as `code`: hadolint's, else BuildKit's, else ours */
bool lint_rule_wanted(const struct rule *r, const struct lint_options *opt); /* by codes and rule set; its level is another question */

/* Judges `text`. Findings are appended to *out, not yet sorted; *refused says whether the file parses. */
int lint_run(struct str text, const struct lint_options *opt, struct diagnostics *out, bool *refused, struct error *err) must_check;
/* The same with the facts kept, for whoever needs them after (fixes, bytes, the language server): release with lint_close(). */
int lint_open(struct str text, const struct lint_options *opt, struct diagnostics *out, struct lint *ret, struct error *err) must_check;
void lint_close(struct lint *l);

/* --- for rules --- */
/* A finding on a whole instruction (its keyword's line), on a span of the file, on a word or command of a script. Returns it, to add bytes and a fix to;
 * never NULL (a finding that is not wanted goes to a place that is forgotten). */
struct diagnostic *lint_add(struct lint *l, const struct df_instruction *i, const char *message, ...) printf_like(3, 4);
struct diagnostic *lint_add_at(struct lint *l, const struct df_instruction *i, struct df_span where, const char *message, ...) printf_like(4, 5);
struct diagnostic *lint_add_cmd(struct lint *l, const struct lint_script *s, const struct sh_command *c, const char *message, ...) printf_like(4, 5);
struct diagnostic *lint_add_word(struct lint *l, const struct lint_script *s, const struct sh_word *w, const char *message, ...) printf_like(4, 5);
/* File span of script bytes [at, end). */
struct df_span lint_span(const struct lint_script *s, u32 at, u32 end);

/* Loops. Instructions of the file that are not bad, with their ONBUILD triggers looked through: for (i = lint_next(l, NULL); i; i = lint_next(l, i)) gives an ONBUILD's
 * trigger in its place (its index is the ONBUILD's). */
const struct df_instruction *lint_next(const struct lint *l, const struct df_instruction *i);
/* Scripts of RUN only (ONBUILD RUN included) that a POSIX-like shell runs, each command. Hadolint doesn't ask which shell runs a command, so with
 * LINT_HADOLINT every RUN is given; who cares (DL4006, SC…) asks s->posix. */
const struct lint_script *lint_next_run(const struct lint *l, const struct lint_script *s);
#define lint_each_command(l, s, c)                                                     \
	for (const struct lint_script *s = lint_next_run((l), NULL); s; s = lint_next_run((l), s)) \
		for (const struct sh_command *c = s->commands.v, *c##_end = c ? c + s->commands.n : c; c < c##_end; c++)

/* Whether what instruction `i` does ends up in the image (its stage ships); true without stages. */
bool lint_ships(const struct lint *l, const struct df_instruction *i);
/* Whether a path is covered by a RUN --mount=type=cache or tmpfs of the script's instruction. */
bool lint_mounted(const struct lint_script *s, struct str path);

/* --- fixes (lint/fix.h has what is done with them) --- */
/* A fix of one edit, for the finding that was added last; texts are copied. fix_add() adds further edits to the finding's fix. Line ends in `with` are "\n": they become the file's own. */
void lint_fix(struct lint *l, struct diagnostic *d, enum fix_safety safety, const char *title, struct df_span where, struct str with);
void lint_fix_add(struct lint *l, struct diagnostic *d, struct df_span where, struct str with);
#endif
