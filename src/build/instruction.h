/* instruction.h — what one instruction of a stage means: what it changes in the configuration, and what is to be done to the tree.
 *
 * BuildKit's dockerfile2llb to the letter where it and docker's legacy builder differ. Words are expanded with what holds before the instruction (df_state_env()); what BuildKit refuses is ERR_INPUT with the reason, without file and
 * line, which the caller puts in front. The configuration is a JSON document of the OCI image specification (config.md) in which everything of the base's that nothing changes stays as it was, unknown fields too. */
#ifndef PARE_BUILD_INSTRUCTION_H
#define PARE_BUILD_INSTRUCTION_H
#include "base/buf.h"
#include "base/json.h"
#include "build/copy.h"
#include "dockerfile/graph.h"
#include "oci/platform.h"

enum mount_type { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH, MOUNT_TEXT };
enum mount_sharing { SHARING_SHARED, SHARING_PRIVATE, SHARING_LOCKED };
struct run_mount { /* RUN --mount=…; MOUNT_TEXT: a here-document's file, made here */
	enum mount_type type;
	const char *id;         /* of cache, secret, ssh; never NULL there: cache's default is its target */
	const char *from;       /* of bind and cache: a stage, a context or an image; NULL: the build context (bind), nothing (cache) */
	const char *source;     /* of bind and cache: in `from`; NULL: its root */
	const char *target;     /* absolute and clean (made so from cwd); NULL: a secret that is only a variable */
	const char *env;        /* of a secret: the variable's name; NULL none */
	struct str text;
	bool writable, required, mode_set;
	u32 mode, uid, gid;     /* defaults: secret 0400, cache 0755, ssh 0600, text 0755 */
	u64 size;               /* of tmpfs; 0: none said */
	enum mount_sharing sharing;
};
enum step_network { STEP_DEFAULT, STEP_NONE, STEP_HOST };
struct run_step {
	const char *const *argv; /* NULL-terminated, as it is started: the shell's words in front, here-documents put in */
	const char *const *env;  /* NAME=VALUE: ENV's, and ARGs that are declared with a value (ENV wins), proxies too; NULL-terminated, sorted as BuildKit has them */
	const char *const *secret_env; /* names of `env` that are no part of the key (predefined proxy arguments); NULL-terminated */
	const char *user, *cwd;  /* cwd absolute; user "": root */
	const struct run_mount *mounts;
	u32 n_mounts;
	enum step_network network;
	bool insecure;           /* --security=insecure */
};
enum action_kind { ACTION_NONE, ACTION_RUN, ACTION_COPY, ACTION_WORKDIR };
struct action { /* everything in the arena */
	enum action_kind kind;
	struct run_step run;
	struct copy_spec copy;
	const char *copy_from;   /* --from as expanded: a stage, a context, an image; NULL: the build context */
	const char *workdir;     /* to be made when it is not there, as is what is above it; those that are made are `owner`'s */
	const char *owner;       /* of ACTION_WORKDIR: USER's text as for --chown; "": root */
	const char *created_by;  /* for the history, as BuildKit writes it: "RUN /bin/sh -c make # buildkit"; NULL: it has no entry there (FROM, ONBUILD) */
	bool layer;              /* its entry is of a layer (RUN, COPY, ADD, WORKDIR but of "/") */
	const char *name;        /* for people: "RUN make", one line */
};

struct stage_image {
	struct arena *a;
	json_t *doc;             /* the configuration that is being made */
	struct platform platform; /* what the document says of it */
	bool cmd_set;            /* by a CMD of this stage: its ENTRYPOINT leaves it alone */
	size_t said;             /* bytes of histories and environments: of a hostile file they are cut, or refused */
	const struct df_state *env_of; /* whose environment `env` is */
	const char *const *env, *const *secret_env;
};
/* `base`: the configuration document of the base image, n 0: of scratch. Its ONBUILD triggers are taken out; what its history lacks or has too much for its layers is put right.
 * `p`: the platform of scratch, and of a document that says none. --platform may then be set with stage_image_platform(), which is what BuildKit does with the target of a build for which it was given. */
int stage_image_begin(struct arena *a, struct str base, const struct platform *p, struct stage_image *ret, struct error *err) must_check;
void stage_image_copy(struct arena *a, struct stage_image *from, bool last, struct stage_image *ret); /* FROM of another stage: its ONBUILD triggers are taken out. `last`: nobody asks for that one's again, it is taken itself */
void stage_image_platform(struct stage_image *im, const struct platform *p);
void stage_image_free(struct stage_image *im);
/* What graph.h needs for a build: opt->platform and opt->exact. The caller sets build_args (--build-arg, each NAME=VALUE; one that has no value is looked up in the environment first, and left out where that has none either), target,
 * and base(), whose df_base comes from the configuration of the base image (stage_image_base()). After df_graph_build(): g->over is an error (ERR_INPUT); stages[i].triggers come right behind FROM, each with its state. */
void instruction_platforms(struct arena *a, const struct platform *build, const struct platform *target, struct df_graph_options *opt);
/* What the graph must know of a base image: of its document as it came. Strings are the arena's. */
int stage_image_base(struct arena *a, struct str config, struct df_base *ret, struct error *err) must_check;

/* `state`: what holds before it (graph.h: state[index], of a trigger its own). `escape`: the file's, for triggers, too. FROM, ARG and ONBUILD do nothing (ACTION_NONE), but what BuildKit refuses in them is refused;
 * global ARGs and FROM are to be asked, too (im may be NULL for those). */
struct instruction_options {
	s64 time, epoch;         /* for copy_spec */
	u32 text_mode;           /* likewise */
	const struct str *build_args; /* as in df_graph_options */
	u32 n_build_args;
	const struct df_state *globals; /* the graph's global_state */
};
int instruction_apply(struct stage_image *im, const struct df_instruction *i, const struct df_state *state, char escape, const struct instruction_options *opt, struct action *ret, struct error *err) must_check;
/* One more entry of the history; created: seconds since 1970, < 0: not said. */
void stage_image_history(struct stage_image *im, const char *created_by, bool empty, s64 created);
/* The layer with this index (from 0, of those that its history has now) is not there after all: its entry is of none. */
void stage_image_drop_layer(struct stage_image *im, u32 index);
/* The document with these diff IDs, into out: compact, keys in a steady order. --label on top. */
int stage_image_finish(const struct stage_image *im, const struct chain *c, const char *const *labels, s64 created, struct buf *out, struct error *err) must_check;
#endif
