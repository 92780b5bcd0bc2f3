/* graph.h — the stages of a Dockerfile, what flows between them, and what ships.
 *
 *     ARG V=12  ─┐ (global scope)
 *     FROM debian:${V} AS build ──┐ base          state of a stage at each instruction:
 *     FROM build AS test          │               user, workdir, shell, environment
 *     FROM scratch                │
 *     COPY --from=build /x /x ────┘ copied
 *
 * A stage *ships* when it is the target or the target's base, directly or through others: its layers are in the image. It is *needed* when
 * anything of it reaches the target (COPY --from, RUN --mount=from). Everything else only builds, or is not built at all.
 *
 * State at an instruction is what holds when it begins: inherited from the base stage (or, with df_graph_options.base, from the base
 * image's configuration), changed by what stands before it. Values are expanded with BuildKit's rules; what depends on something unknown
 * (a base image's environment that is not at hand, an ARG without a default) is unknown, not empty. ONBUILD triggers of a base stage hold in the
 * stages built on it. The platform is linux/amd64 unless `platform` or a build argument (TARGETARCH=…) says otherwise, so that answers depend on no machine.
 *
 * Limits: DF_VALUES bytes of expanded values a file, DF_VARS assignments; from there on values are unknown. */
#ifndef PARE_DOCKERFILE_GRAPH_H
#define PARE_DOCKERFILE_GRAPH_H
#include "dockerfile/parse.h"
#include "dockerfile/word.h"

#define DF_NONE UINT32_MAX
#define DF_VALUES (8 * MiB)
#define DF_VARS 200000

struct df_var {
	struct str name;
	struct str value;       /* p NULL: set by name only or of unknown value */
	bool known;             /* value is the whole truth */
	bool env;               /* from ENV (ships in the configuration), else from ARG */
	bool predefined;        /* BuildKit's own (TARGETARCH, HTTP_PROXY, …) */
	u32 instruction;        /* that set it; DF_NONE: inherited or predefined */
	const struct df_var *shadow; /* what was set before it, of whatever name; look-ups take the first of a name */
};

struct df_scope;
struct df_state { /* holds before one instruction; shared between instructions that don't change it */
	struct str user;        /* as expanded; p NULL: not set here (the base image's, root unless known) */
	u32 user_at;            /* instruction that set it, DF_NONE */
	struct str workdir;     /* p NULL likewise; without a leading '/': relative to the base image's, which is not known */
	bool workdir_set;       /* by a WORKDIR of this stage or of its base stages */
	bool env_known;         /* what is not in `vars` is not set: the base image's environment is at hand, or there is none */
	bool arg_over_env;      /* an ARG has the name of an ENV before it */
	u32 workdir_at;
	const struct str *shell; /* words of SHELL; NULL: the default (/bin/sh -c, or cmd on Windows) */
	u32 n_shell, shell_at;
	const struct df_var *vars;     /* newest first, older values of a name included */
	const struct df_scope *scope;  /* the newest of each name: df_state_var() */
};

struct df_stage {
	u32 index, from;        /* from: index of its FROM instruction; DF_NONE for the instructions of a file that has none before its first FROM-less stage */
	u32 first, end;         /* its instructions [first, end), FROM included */
	struct str name;        /* of AS, as written; p NULL */
	struct str image;       /* the base as written */
	struct str image_expanded; /* with global ARGs' defaults; as written where one has none */
	bool image_known;       /* every variable in it had a value */
	struct str platform;    /* of --platform, as written; p NULL */
	u32 base;               /* stage it is built on, DF_NONE: an image (or scratch) */
	bool replaced;          /* df_graph_options.replaced: an image of its own name, without instructions */
	bool scratch, windows;  /* windows: by the name of its image or its platform, or its base's */
	bool ships, needed, target;
	const u32 *uses;        /* stages that COPY --from, ADD --from and RUN --mount name (ONBUILD's of the base stage too); n_uses */
	u32 n_uses;
	u32 n_onbuild;          /* ONBUILD instructions of it */
	struct str base_os, base_arch; /* of its base image, where that is at hand; else p NULL */
	const struct df_trigger *triggers; /* ONBUILD's of its base, in order: they hold right behind its FROM; n_triggers */
	u32 n_triggers;
};

struct df_trigger {
	const struct df_instruction *instruction; /* NULL: it cannot be read */
	const char *why;              /* then; may quote it */
	struct str text;
	const struct df_state *state; /* before it */
};

struct df_graph {
	struct arena arena;
	const struct df_file *file;
	struct df_stage *stages;
	u32 n_stages;
	const struct df_state **state; /* by instruction index */
	const u32 *stage_of;           /* by instruction index; DF_NONE for the global ARGs */
	const struct df_var *globals;  /* ARGs before the first FROM, and the predefined platform ARGs */
	const struct df_state *global_state; /* what FROM is expanded with */
	const u32 *by_name;            /* stage indices in order of name (case ignored) and index */
	struct df_file *onbuild;       /* parsed triggers of base images; n_onbuild */
	u32 n_onbuild;
	u32 target;                    /* stage index; the last unless named; DF_NONE when there is none */
	bool over;                     /* a limit was reached: not every value is right */
};

struct df_base { /* what is known of an image that a stage is built on */
	struct str user, workdir;
	struct str os, arch;     /* p NULL: not known */
	const struct str *env;   /* NAME=VALUE */
	const struct str *shell;
	const struct str *onbuild;
	u32 n_env, n_shell, n_onbuild;
};
struct df_graph_options {
	const struct str *build_args; /* NAME=VALUE, --build-arg */
	u32 n_build_args;
	const struct str *platform;   /* NAME=VALUE of TARGETPLATFORM and the like; NULL: linux/amd64's */
	u32 n_platform;
	bool exact;                   /* for a build: what has no value is not set, and is not unknown */
	struct str target;            /* p NULL: the last stage */
	/* NULL, or says what is known of a stage's image (image_expanded, on its platform); false: nothing. */
	bool (*base)(void *ctx, const struct df_stage *stage, struct df_base *ret);
	/* NULL, or whether something else stands for the stage of that name (--build-context). */
	bool (*replaced)(void *ctx, struct str name);
	void *ctx;
};

/* Never fails: a stage that names itself or a later one has no base. */
void df_graph_build(const struct df_file *f, const struct df_graph_options *opt, struct df_graph *ret);
void df_graph_free(struct df_graph *g);
/* Stage named or numbered `name` as COPY --from finds it from a stage `before` (only earlier ones), case ignored; DF_NONE. */
u32 df_graph_stage(const struct df_graph *g, struct str name, u32 before);
u32 df_graph_named(const struct df_graph *g, struct str name, u32 before); /* by name only */
const struct df_var *df_state_var(const struct df_state *s, struct str name);
/* What word expansion sees at an instruction (dockerfile/word.h). */
struct word_env df_state_env(const struct df_state *s);
struct str df_path_join(struct arena *a, struct str base, struct str path); /* path.Join(base, path), as far as slashes and dots go */
extern const char *const df_predefined_args[]; /* HTTP_PROXY … TARGETPLATFORM …; NULL-terminated */
#endif
