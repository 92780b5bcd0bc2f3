/* plan.h — what a build is going to do, known before its first step: for each platform the stages that its target needs, their bases, their contexts; and the state of each while it is built.
 *
 *	Dockerfile ─ graph (with the triggers of bases, as soon as these are known) ─ stages: waiting → ready → (parked at a step that takes from another stage) → done
 *
 * Within build/: plan.c makes it, stage.c takes one stage on from step to step, step.c does a step or finds that it was done, build.c lets as many stages run as are ready, export.c makes the image of what the target came to. */
#ifndef PARE_BUILD_PLAN_H
#define PARE_BUILD_PLAN_H
#include <pthread.h>
#include "build/base.h"
#include "build/build.h"
#include "build/cache.h"

#define BUILD_WORKERS 16u /* stages at once: most of them wait for their container */
#define BUILD_ROUNDS 16u  /* of triggers that bring triggers */

enum stage_state { STAGE_WAITING, STAGE_READY, STAGE_RUNNING, STAGE_DONE };
struct build_stage {
	struct build_target *target;
	u32 index;                 /* in the graph */
	const struct df_stage *is;
	struct platform platform;
	char platform_text[100];
	struct build_stage *on;    /* stage it is built on; NULL: an image, or scratch */
	atomic_uint users;         /* that ask for its image still: stages that are built on it, and the output */
	const struct base *base;   /* image; NULL */
	const char *files;         /* named context whose files it begins with, as FROM NAME has it; NULL */
	struct stage_image image;
	struct chain chain;
	struct arena a;
	u32 at;                    /* 1 + what comes next: triggers, then instructions behind FROM; 0: not begun */
	u32 step, n_steps;         /* of n_steps that are counted, FROM's among them */
	bool no_cache, ships;
	enum stage_state state;
	struct build_stage *next;  /* of those that are ready */
	struct build_stage *waits; /* that it is parked for; NULL none */
	struct action act;         /* what `at` means, while it is parked there */
	bool has_act, unknown;     /* unknown: a dry run cannot say what its tree is */
	u32 base_layers;           /* of its chain, those of the image it comes from */
	const char *source, *look; /* where it failed: the lines of the Dockerfile; the command that leads into what the step left, or NULL */
};
struct build_target { /* one platform */
	struct build *b;
	struct platform platform;
	char platform_text[100];
	struct df_file file;
	struct df_graph graph;
	struct build_stage *stages; /* by index of the graph; only those needed are filled in */
	struct str *args;          /* build arguments, platform's among them */
	u32 n_args, n_bases;
	struct build_stage *last;  /* the target's own */
};
struct build_context { /* of --build-context, and the build context as the first */
	const char *name, *where;
	struct context *open;
};
struct build {
	const struct build_options *opt;
	struct arena a;
	struct store *store;
	const char *store_path;
	struct run_ids ids;
	struct snapshots *snapshots;
	struct build_cache *cache;
	struct exec *exec;
	struct bases bases;
	struct stage scratch;      /* a directory for what is fetched and unpacked */
	struct build_context *contexts;
	u32 n_contexts;
	pthread_mutex_t context_lock;
	struct buf dockerfile;     /* its text as it is */
	const char *dockerfile_name;
	struct build_target *targets;
	u32 n_targets;
	s64 time;                  /* what is new is stamped with (diff.h) */

	pthread_mutex_t lock;      /* all below, and the states of stages */
	pthread_cond_t change;
	struct build_stage *ready;
	u32 running, left;         /* stages: at work; not done */
	atomic_bool stop;
	int failed;                /* 0, or what build_run() is to return */
	struct error err;          /* the first */
	const char *source, *look; /* of that: a stage's */
	atomic_bool kept;          /* what a step has left (failed.h) */
	struct step_done *steps;   /* that were done in this build, or are being done */
	struct build_trace *trace;
	u32 n_trace, cap_trace;
	struct build_origin {      /* what steps took from elsewhere */
		const char *uri, *digest; /* of the stages' arenas */
	} *origins;
	u32 n_origins, cap_origins;
	u32 n_steps, n_cached;
	u64 kept_out;
	void *worker_stores[BUILD_WORKERS + 1]; /* struct store; they lease what was made */
	u32 leases;
	pthread_mutex_t event_lock;
};

/* plan.c */
int plan_build(struct build *b, struct error *err) must_check;
void plan_close(struct build *b);
/* "Dockerfile:3" of an instruction. */
const char *plan_place(struct arena *a, const struct build_target *t, const struct df_instruction *i);
/* What --from (of COPY, of a mount) means to a stage: another stage, a context, or an image (then *image). */
struct plan_from {
	struct build_stage *stage;
	struct context *context;
	const struct base *image;
};
int plan_from(struct build_stage *s, const char *name, struct plan_from *ret, struct error *err) must_check;

/* stage.c: on to its end (1), or to a step that needs a stage which is not done (0; s->waits). */
struct worker { /* a thread's own */
	struct build *b;
	struct store *store;
};
int stage_advance(struct worker *w, struct build_stage *s, struct error *err) must_check;

/* step.c: what the action comes to, on s->chain, which grows by a layer when it changed something. *changed. -2: the step failed (1 of build_run()). */
int step_do(struct worker *w, struct build_stage *s, const struct df_instruction *i, const struct action *act, bool *changed, struct error *err) must_check;
void steps_free(struct build *b);

/* export.c: of targets that are done; before anything is: whether they can go there at all. */
int export_check(struct arena *a, const struct build_options *opt, struct error *err) must_check;
int export_build(struct build *b, struct arena *a, struct build_result *ret, struct error *err) must_check;
int export_blob(struct store *s, struct str bytes, struct digest *ret, struct error *err) must_check;
/* Configuration and manifest of an image with these layers, into the store. */
struct export_image {
	struct digest digest, config; /* of its manifest; of its configuration */
	u64 size, bytes;              /* of the manifest; of all layers, as they are stored */
};
int export_put(struct store *s, const struct chain *c, struct str config, json_t *annotations, struct export_image *ret, struct error *err) must_check;
/* export_local.c: the tree below a directory of this machine, nothing in it followed. */
int export_local(struct build *b, struct build_target *t, const char *dest, struct error *err) must_check;
/* build.c */
void build_tell(struct build *b, const struct build_event *e);
#endif
