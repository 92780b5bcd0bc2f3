/* keeper.h — the first process of a box, and what it and this program say to each other over their socket: one JSON object a message, behind its length, descriptors with it.
 *
 * A request is answered before the next is read, {"ok":…} or {"error":…,"kind":…}. That a process ended is told by itself: `struct ended` down the pipe that came with its start.
 * When the socket closes, however that came about, the keeper ends everything in the box, removes its directory and ends. It does what it does by itself, since it alone may: the upper
 * directories belong to IDs that an ordinary user is not.
 *
 *      start    id, spec, again              fds: standard input, output, error, pipe   →  pid (as seen from the keeper), runtime (which), fd: pidfd
 *      exec     id, spec                     fds: as above                              →
 *      signal   id, signal (a number)
 *      remove   id
 *      socket   domain, type                                                            →  fd
 *      ports    max                                                                     →  ports
 *      busy     id                                                                      →  us
 *      written  id                                                                      →  fd: a file of records (struct written_record, then its path) */
#ifndef PARE_RUN_KEEPER_H
#define PARE_RUN_KEEPER_H
#include "base/json.h"
#include "run/inner.h"

#define MESSAGE_MAX (64 * MiB)
#define MESSAGE_FDS 4u
#define BOX_CONTAINERS 4096u /* alive at once */

struct keeper {
	const struct run_tree *tree;
	const struct run_ids *ids;
	const struct config *config;
	const char *dir;     /* the box's directory */
	const char *runtime[2]; /* paths; the second, or NULL, is taken when the first starts nothing */
	bool is_crun[2];
	u32 at;                 /* which of them */
	bool proved;            /* it started something */
	bool host_network, userns;
	char user_ns[64]; /* this program's */
	struct run_limits limits; /* all set */
	const char *const *hide;
	u32 n_hide;
	int sock, stage; /* ours; the box's directory, locked */
	u64 floor;       /* bytes that the disk keeps free */

	struct process *v; /* what runs or has run: containers and what was started in them */
	u32 n, cap;
	int signals;
	u64 tick, next_count; /* when budgets were last looked at, ms; when threads will be counted */
	struct {
		pid_t pid;
		int status;
	} reaped[64];    /* strangers, the latest: a program may end before its pid is known */
	u32 n_reaped;
	u32 bundles;
};

struct process {
	u32 id;          /* of its container */
	bool exec, runs, gone; /* gone: removed; its place is free */
	pid_t pid;
	int tell;        /* the pipe, -1 when told */
	u64 deadline;    /* ms of the monotonic clock */
	char over[80];
	json_t *spec;
	/* of a container */
	char name[32];   /* what the runtime calls it */
	bool mounted;
	u64 next_look;   /* at what it wrote, ms */
	char **made;     /* paths that the runtime makes to mount on: nothing that the program wrote */
	u32 n_made, cap_made;
};

struct ended {
	int status;
	char over[80]; /* "" none */
};
struct written_record {
	u64 size;
	u32 length; /* of the path, which follows */
	char kind, pad[3];
};

/* --- keeper.c --- */
int keeper_run(void *ctx); /* struct keeper; in the child that ids_fork() made */
u64 keeper_now(void);      /* ms */

/* --- message.c --- */
int keeper_send(int sock, const json_t *j, const int *fds, u32 n) must_check;
/* 0: the other side is gone. fds: MESSAGE_FDS of them, the caller's. */
int keeper_receive(int sock, json_t **ret, int *fds, u32 *n, struct error *err) must_check;

/* --- overlay.c: what a container's tree is made of (in the keeper) --- */
int overlay_hide(const struct keeper *k, struct error *err) must_check;
int overlay_mount(struct keeper *k, u32 id, struct error *err) must_check;
void overlay_remove(struct keeper *k, u32 id);
#define OVERLAY_DEPTH 400u /* levels of directories, of what was written: more than any program has use for */
u64 overlay_bytes(const struct keeper *k, u32 id); /* UINT64_MAX: deeper than that */
int overlay_written(const struct keeper *k, const struct process *c, int out, struct error *err) must_check;
/* A path as the container sees it, opened (O_PATH); `make`: a directory that is not there is made. -1 with errno. */
int overlay_open(const struct keeper *k, u32 id, const char *path, u64 flags, bool make);

/* --- bundle.c: what the runtime is told (in the keeper) --- */
/* DIR/cID/bundle/config.json and what it names. */
int bundle_write(struct keeper *k, struct process *c, struct error *err) must_check;
/* `process` of the runtime specification; base: the container's own spec, for what this one does not say. */
json_t *bundle_process(const struct keeper *k, u32 id, const json_t *spec, const json_t *base, struct error *err);
#endif
