/* keeper.h — the first process of a box, and what it and this program say to each other over their socket: one JSON object a message, behind its length, descriptors with it.
 *
 * A request is answered before the next is read, {"ok":…} or {"error":…,"kind":…}. That a process ended is told by itself: `struct ended` down the pipe that came with its start.
 * When the socket closes, however that came about, the keeper ends everything in the box, removes its directory and ends. It does what it does by itself, since it alone may: the upper
 * directories belong to IDs that an ordinary user is not.
 *
 *      start    id, spec, again              fds: standard input, output, error, pipe, and of a build's step the content of its files
 *                                                                                       →  pid (as seen from the keeper), runtime (which), made (of a build's step), fds: pidfd, our end of its terminal
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
#include "run/root.h"

#define MESSAGE_MAX (64 * MiB)
#define MESSAGE_FDS 5u
#define KEEPER_RELAYS 8u /* of one container */
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
	u32 emulated;           /* architectures that the box has a handler for */
	bool later;             /* clocks that count from the machine's start are those of another one */
	bool no_seccomp;        /* it, or the kernel, has none: steps go without */
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
	bool build;      /* spec has it: a build's step */
	bool places;     /* it has a file system of its own that its mounts come from */
	bool refused;    /* a mount of it cannot be made: no matter of how a program ends */
	pid_t init;      /* of a build's step: first process of its PID namespace, 0: none */
	int content;     /* what its files hold, -1 none: while it is started */
	int terminal;    /* our end of its terminal, -1 none: likewise */
	pid_t relays[KEEPER_RELAYS];
	u32 n_relays;
	u64 next_look;   /* at what it wrote, ms */
	char **made;     /* paths that the runtime makes to mount on: nothing that the program wrote (of a build's step: real ones, of what was not there) */
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
int keeper_loopback(struct error *err) must_check; /* of this network namespace, is up */
void process_over(struct process *p, const char *fmt, ...) printf_like(2, 3); /* a budget of it is used up, in words: it is killed */

/* --- budget.c --- */
struct counted {
	u32 processes; /* and threads */
	u64 us;        /* of processors */
};
void budget_count(pid_t first, struct counted *ret);
void budget_look(struct keeper *k); /* ends what is over its budget; may be called at any time */

/* --- ports.c --- */
void ports_tell(const struct keeper *k, json_t *reply);

/* --- message.c --- */
int keeper_send(int sock, const json_t *j, const int *fds, u32 n) must_check;
/* 0: the other side is gone. fds: MESSAGE_FDS of them, the caller's. */
int keeper_receive(int sock, json_t **ret, int *fds, u32 *n, struct error *err) must_check;
/* The one descriptor that a runtime sends (of a terminal, of a filter's listener), with words that say nothing needed; -1: none. */
int message_descriptor(int sock);
/* A socket in a directory of its own, to which runtimes send such; -1 and *err. */
int message_listen(struct stage *stage, char path[108], struct error *err) must_check;

/* --- overlay.c: what a container's tree is made of (in the keeper) --- */
int overlay_hide(const struct keeper *k, struct error *err) must_check;
int overlay_mount(struct keeper *k, u32 id, const struct run_root *own, struct error *err) must_check; /* own NULL: the box's tree */
void overlay_remove(struct keeper *k, u32 id);
#define OVERLAY_DEPTH 400u /* levels of directories, of what was written: more than any program has use for */
u64 overlay_bytes(const struct keeper *k, u32 id); /* UINT64_MAX: deeper than that */
int overlay_written(const struct keeper *k, const struct process *c, int out, struct error *err) must_check;
/* A path as the container sees it, opened (O_PATH); `make`: NULL, or user and group of a directory that is made where it is not there. -1 with errno. */
int overlay_open(const struct keeper *k, u32 id, const char *path, u64 flags, const u32 *make);

/* --- places.c: what a build's step has mounted (in the keeper) ---
 *
 *      DIR/mem               in memory: state, log and pid of the runtime
 *      DIR/mem/cN            the bundle, etc
 *      DIR/mem/cN/places/I   a file system of its own, to be thrown away at once with all that is mounted in it: where the runtime takes mount I from; pid, net: its namespaces */
#define PLACES "%s/mem/c%u/places"
/* The root of a container's own, or NULL; into the arena. */
const struct run_root *places_root(struct arena *a, const json_t *spec);
int places_open(struct keeper *k, struct process *c, struct error *err) must_check;
int places_mount(struct keeper *k, struct process *c, const json_t *mount, u32 i, char options[256], struct error *err) must_check;
/* Its PID namespace, with a first process that only buries: a program that ends itself by a signal would not end as that. "pid" in it; with `alone` a network that leads nowhere, "net". */
int places_init(const struct keeper *k, struct process *c, bool alone, struct error *err) must_check;
/* Their end. false: it is mounted still; then nothing below may be removed. */
bool places_close(struct keeper *k, struct process *c);
/* ERR_INPUT: the directory (a real path of the tree) lies in a mount, and a link is on the way there. */
int places_under(const struct keeper *k, const struct process *c, const char *cwd, struct error *err) must_check;
/* Notes what is not there on the way to a path that something is mounted on. */
void places_note(const struct keeper *k, struct process *c, const char *where);

/* --- relay.c: a socket of the container's own that leads to one of this machine --- */
int relay_start(const char *to, const char *at, u32 mode, u32 uid, u32 gid, pid_t *ret, struct error *err) must_check;

/* --- terminal.c: a container's own, which the runtime makes in there and hands out over a socket (--console-socket) --- */
#define TERMINAL_PATH 108u /* bytes of a socket's address */
int terminal_listen(const struct keeper *k, char path[TERMINAL_PATH], struct error *err) must_check; /* the socket; path: by which the runtime finds it */
/* What came, with the size that the spec says; -1: nothing. */
int terminal_take(int listener, const json_t *spec);

/* --- bundle.c: what the runtime is told (in the keeper) --- */
/* DIR/mem/cID/config.json and what it names. */
int bundle_write(struct keeper *k, struct process *c, struct error *err) must_check;
int bundle_without_seccomp(const struct keeper *k, const struct process *c) must_check; /* the same again, for a runtime that knows none */
/* `process` of the runtime specification; base: the container's own spec, for what this one does not say. */
json_t *bundle_process(const struct keeper *k, u32 id, const json_t *spec, const json_t *base, struct error *err);

/* --- emulate.c --- */
/* So that programs for that architecture ("arm64") run in the box. ERR_ENV: they cannot. */
int emulate(struct keeper *k, const char *arch, struct error *err) must_check;
#endif
