/* exec.h — RUN: a step's command in a container on the step's tree (run/box.h), with what it asks to have mounted.
 *
 * One box for a whole build; steps in it at the same time. Mounts: directories of other trees (read-only, or with changes that are thrown away), caches (STORE/build/mounts/, locked as `sharing` says), memory, secrets (files in memory of the
 * step's own, gone with it), the socket of an ssh agent. What was made in the tree only to mount on is taken away again (diff_options.forget).
 * Output is passed on as it comes, control characters taken out by who prints. A step ends by --timeout, when `stop` is set, or with this process; nothing it started stays. */
#ifndef PARE_BUILD_EXEC_H
#define PARE_BUILD_EXEC_H
#include "build/instruction.h"
#include <stdatomic.h>

struct exec_secret { /* --secret id=ID,src=FILE | env=NAME */
	const char *id, *file, *env;
};
struct exec_agent { /* --ssh ID[=SOCKET|KEY,…] */
	const char *id, *socket;
	const char *const *keys;
};
struct exec_options {
	const char *store, *runtime; /* NULL: as box.h */
	enum step_network network;   /* --network: of steps that say nothing; STEP_DEFAULT: the host's, since there is no daemon to make another */
	const char *const *ulimits;  /* "nofile=100:200"; NULL-terminated */
	const char *const *hosts;    /* --add-host "NAME:IP" */
	u64 shm;                     /* --shm-size, bytes; 0: 64 MiB */
	bool elsewhere;              /* as another machine would have it: host name, order of directories, clocks that count from its start */
	u32 seconds;                 /* of one step; 0: no end */
	const struct exec_secret *secrets;
	const struct exec_agent *agents;
	u32 n_secrets, n_agents;
	bool insecure;               /* --allow security.insecure */
	const struct run_ids *ids;
};
struct exec;
int exec_open(const struct exec_options *opt, struct exec **ret, struct error *err) must_check; /* the runtime is looked for when the first step runs */
void exec_close(struct exec *x); /* ends everything; NULL is fine */

struct exec_job {
	const struct run_step *step;
	const char *arch;                      /* of the stage's platform; NULL: this machine's */
	const struct snapshot *below;
	const struct upper *upper;
	const struct snapshot *const *sources; /* by mount: the tree that its `from` is; NULL: none */
	const atomic_bool *stop;               /* NULL: nothing stops it */
	void (*output)(void *ctx, int stream, struct str bytes); /* 1, 2; from the calling thread */
	void *ctx;
	struct leak *leak;                     /* what must not stay in cache mounts; NULL: nothing */
};
struct exec_told {
	int status;             /* exit status; 128 + signal */
	const char *over;       /* "600 seconds", "stopped"; NULL: it ended by itself */
	const char *cleaned;    /* paths in cache mounts that went because of it, a line each; NULL: none */
	const char **forget;    /* for diff_options; NULL-terminated; the arena's */
};
/* 0: it ran, whatever its status. ERR_ENV: it could not be run; ERR_USAGE: a required secret or agent was not given (`required`), or what it may not have (insecure). From several threads at once. */
int exec_run(struct exec *x, struct arena *a, const struct exec_job *job, struct exec_told *ret, struct error *err) must_check;
const struct secrets *exec_secrets(const struct exec *x); /* all that were given */
/* What the values of secrets are, for a search in what the step wrote; n of them, borrowed. */
u32 exec_secret_values(struct exec *x, const struct run_step *step, const struct str **ret);
#endif
