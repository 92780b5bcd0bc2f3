/* trial.h — the proof by running: the original with what goes hidden (the deny run), then original and result side by side, the same probes on both.
 *
 *      trial_train()    the original runs twice: watched, for what it touches; and as it is, for what its answers differ in by nature
 *      trial_deny()     the original, watched, without what is to go: what was looked for and not there is a miss, with who asked; a difference without a miss names what lies in directories that were listed
 *           ▲  │ missed: the caller restores it (choose_restore()), plans again; at most TRIAL_ROUNDS times
 *           └──┘
 *      trial_compare()  the tree of the result, beside the original once more; the probes of --verify, which nothing was trained with, too
 *
 * A difference is believed when it comes twice: the original runs once more, which may show that it differs by nature, and so does the other side. What is proven is answers, exit statuses, new errors in
 * logs, and health. The image runs in a bare container, with nothing but its own configuration (or that of --compose): what it cannot do there is a note, and is compared all the same. */
#ifndef PARE_SLIM_TRIAL_H
#define PARE_SLIM_TRIAL_H
#include "base/jsonw.h"
#include "run/session.h"

#define TRIAL_ROUNDS 8

struct trial_options { /* all of it the caller's, and outlives the trial */
	const struct config *config; /* of the image */
	const struct run_ids *ids;
	const char *store, *runtime; /* as in box.h */
	enum run_network network;
	struct run_limits limits;
	const struct probe *probes, *verify;
	u32 n_probes, n_verify;
	const struct run_spec *spec;     /* how it is started: of --compose; NULL: as the image says */
	const char *const *health;       /* likewise */
	const u16 *ports;
	u32 n_ports;
	const char *const *const *starts; /* more command lines to start it with, each in a run of its own, besides its own */
	u32 n_starts;
	u32 duration;                    /* of the training run */
	bool by_hand;
	void (*ready)(void *ctx, const struct run_box *b, const u16 *ports, u32 n);
	void *ctx;
	bool calls;                      /* note system calls, too */
};

struct trial_row { /* of what is proven, to print */
	const char *name;    /* "start", "health", a probe's text */
	char before[120], after[120];
	char why[300];       /* "" when it passed */
	char masked[120];    /* what differs by nature; "" nothing */
	bool pass;
};
struct trial_miss {
	const char *path, *by; /* looked for in vain, and by whom */
	u32 round;             /* from 1 */
};
struct trial {
	struct trial_options opt;
	const struct run_tree *original;
	struct trial_row *rows;
	u32 n_rows, cap_rows;
	struct trial_miss *misses;
	u32 n_misses, cap_misses;
	u32 rounds;            /* deny runs */
	struct trial_row *differences; /* of the deny runs, those that did not pass; `masked` says of which round */
	u32 n_differences, cap_differences;
	u32 *stops;            /* seconds that each run of a service was given to end when it was told to; less once the training run has shown that it does not */
	u32 n_stops, cap_stops;
	bool service;          /* what it is */
	struct problems notes; /* what could not be tried, one line each */
	const char *runtime;   /* "runc 1.1.5" */
	struct observed *written; /* what the original writes while it runs; after trial_train() */
	struct arena a;
	void *keep;
};

int trial_open(const struct run_tree *original, const struct trial_options *opt, struct trial **ret, struct error *err) must_check;
void trial_close(struct trial *t); /* NULL is fine */
/* -1 only when containers cannot be run (ERR_ENV). `seen` takes what was touched. */
int trial_train(struct trial *t, struct observed *seen, struct error *err) must_check;
/* `paths` are not there: absolute clean paths, files or whole directories. *missed takes what has to come back; *same: answers are those of the original. */
int trial_deny(struct trial *t, const char *const *paths, u32 n, struct observed *missed, bool *same, struct error *err) must_check;
/* The tree of the result. Rows are those of the last call. *same: every one of them passes. */
int trial_compare(struct trial *t, const struct run_tree *result, bool *same, struct error *err) must_check;
/* A tree once more in other circumstances (a profile of system calls, no rights, another user): the same probes, those of --verify, too. One row is added, `name`. `spec` NULL: none but those of the options. */
int trial_under(struct trial *t, const struct run_tree *tree, const char *name, const struct run_spec *spec, bool *same, struct error *err) must_check;
/* The evidence as the value of a key: an object (docs/schema/slim-evidence.schema.json, "trial"). */
void trial_json(struct jsonw *w, const struct trial *t);
#endif
