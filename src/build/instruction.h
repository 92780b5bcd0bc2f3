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
	const char *workdir;     /* to be made when it is not there */
	const char *created_by;  /* for the history, as BuildKit writes it: "RUN /bin/sh -c make # buildkit" */
	const char *name;        /* for people: "RUN make", one line */
};

struct stage_image {
	struct arena *a;
	json_t *doc;             /* the configuration that is being made */
	struct platform platform;
	const char *author;      /* MAINTAINER */
};
/* `base`: the configuration document of the base image, n 0: of scratch. Its ONBUILD triggers are taken out. */
int stage_image_begin(struct arena *a, struct str base, const struct platform *p, struct stage_image *ret, struct error *err) must_check;
void stage_image_copy(struct arena *a, const struct stage_image *from, struct stage_image *ret); /* FROM of another stage: its ONBUILD triggers are taken out */
void stage_image_free(struct stage_image *im);

/* `state`: what holds before it. `text`: the file that the instruction is of (triggers: theirs). FROM and ARG do nothing (ACTION_NONE). */
struct instruction_options {
	s64 time, epoch;         /* for copy_spec */
	const char *platform;    /* "linux/amd64", what the stage is built for */
};
int instruction_apply(struct stage_image *im, const struct df_instruction *i, const struct df_state *state, char escape, const struct instruction_options *opt, struct action *ret, struct error *err) must_check;
/* One more entry of the history; created: of the document, seconds since 1970. */
void stage_image_history(struct stage_image *im, const char *created_by, bool empty, s64 created);
/* The document with these diff IDs, into out: compact, keys in a steady order. --label on top. */
int stage_image_finish(const struct stage_image *im, const struct chain *c, const char *const *labels, s64 created, struct buf *out, struct error *err) must_check;
#endif
