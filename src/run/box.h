/* box.h — a place to run containers of one tree in, of which nothing is left when it is closed, however that comes about.
 *
 *      pare ──socket── keeper: first process of a PID namespace, with mount, network, IPC and UTS namespaces of its own, all in a user namespace (as root: one in which every ID is itself)
 *                        │       mounts the overlay:  hide (whiteouts) / tree, below an upper directory that takes what the program writes
 *                        └─ runc or crun ── the container's first process ── …
 *
 * The keeper is a fork of this process and dies with it: when the socket closes it ends. With the first process of a PID namespace the kernel ends every other one in it, whatever it forked
 * or double-forked to; mounts are in a namespace that nobody else is in. What the containers wrote the keeper removes before it ends; what is left where it was killed, too, the next run
 * removes. No cgroup is needed, none is made. In a user namespace root of a container is root of nothing outside: it cannot make a device node, load a module or set the clock.
 *
 * The container sees: its own /proc, /dev, /dev/pts, /dev/shm, a read-only /sys; /etc/hosts, /etc/hostname and /etc/resolv.conf of the box when the image's user would get them from an engine;
 * an empty, writable directory for each volume of the configuration (with what the image has there copied up, as engines do); a loopback network of its own, or the host's.
 * Capabilities, masked and read-only paths are those that engines give by default. Hostname "pare"; HOSTNAME and HOME are set as engines do.
 *
 * Budgets end what goes beyond them: seconds of wall time, bytes written (watched, and RLIMIT_FSIZE), processes, bytes of output. Which one ended it is said.
 *
 * As an ordinary user: newuidmap and newgidmap with the ranges of /etc/subuid and /etc/subgid; without a range only the user's own ID is mapped, and run_ids says so (`single`). */
#ifndef PARE_RUN_BOX_H
#define PARE_RUN_BOX_H
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "oci/manifest.h"
#include "run/tree.h"
#include <stdatomic.h>

struct run_root;
struct run_ids { /* inside 0 is the user; inside ID n (1 <= n <= count) is outside ID first + n - 1 */
	u32 uid, gid;             /* of the user */
	u32 uid_first, uid_count; /* 0: none */
	u32 gid_first, gid_count;
	bool rootless, single;
};
int run_ids_find(struct run_ids *ret, struct error *err) must_check;

enum run_network { RUN_LOOPBACK, RUN_HOST };

struct run_limits { /* 0: the default; the type's greatest: none */
	u32 seconds;    /* of one container: 600 */
	u64 written;    /* bytes of its upper directory: 4 GiB, or half of what the disk has. What the disk keeps free is kept free anyway */
	u32 processes;  /* and threads: 4096 */
	u64 output;     /* bytes of its standard output and error that are kept: 16 MiB; the rest is read and dropped, and said */
};

struct run_box_options {
	const char *runtime;     /* NULL: runc or crun, whichever works here; a name or path */
	const char *store;
	const struct config *config; /* of the image */
	enum run_network network;
	struct run_limits limits;
	const char *const *hide; /* absolute clean paths (of files or whole directories) that are not to be there; n_hide of them */
	u32 n_hide;
	bool later;              /* clocks that count from the machine's start (not the time of day) say something else */
};
struct run_box;
/* ERR_ENV with the remedy when containers cannot be run here ("install runc", "needs /etc/subuid …"). The tree is the caller's and outlives the box; NULL: every container has a root of its own. */
int run_box_open(const struct run_tree *t, const struct run_ids *ids, const struct run_box_options *opt, struct run_box **ret, struct error *err) must_check;
void run_box_close(struct run_box *b); /* ends everything in it; NULL is fine */

/* What a container has mounted besides what all have. */
struct box_mount {
	enum { BOX_TREE, BOX_HOST, BOX_MEMORY, BOX_FILE, BOX_SOCKET } kind;
	const char *target;          /* absolute and clean; made where it is not there */
	const struct run_root *root; /* BOX_TREE: read-only, or with changes that are thrown away (`writable`) */
	const char *source;          /* BOX_TREE: a file or directory in it, its links followed inside it (NULL: its root). BOX_HOST: a directory of this machine. BOX_SOCKET: a unix socket of this machine,
	                              * which is reached by way of one that the container has for itself */
	struct str content;          /* BOX_FILE: in memory of the container's own, gone with it */
	bool writable;               /* not of BOX_FILE */
	u32 mode, uid, gid;          /* BOX_MEMORY (mode), BOX_FILE, BOX_SOCKET */
	u64 size;                    /* BOX_MEMORY: 0: what there is */
};
struct run_ulimit {
	const char *type;            /* "RLIMIT_NOFILE" */
	u64 soft, hard;              /* not over this process's own */
};
/* A step of a build: its environment is what is given, with PATH and HOME where they are not; /etc/hosts and /etc/resolv.conf are there as long as it runs; no budget but the box's. */
struct run_build {
	const struct run_root *root; /* in place of the box's tree; what it changes is in its upper directory */
	const struct box_mount *mounts; /* in the order in which they are mounted */
	u32 n_mounts, n_ulimits;
	const struct run_ulimit *ulimits;
	const char *const *hosts;    /* more lines of /etc/hosts; NULL-terminated or NULL */
	const char *hostname;
	const char *arch;            /* of its programs ("arm64"): emulated where it is not this machine's; NULL: this one's */
	u64 shm;                     /* bytes of /dev/shm; 0: 64 MiB */
	bool alone;                  /* a network of its own that leads nowhere, whatever the box's is */
	bool insecure;               /* every capability that there is in a user namespace, and nothing masked or read-only */
};

struct run_spec { /* one container, or one more process in a container */
	const char *const *argv;  /* NULL: the image's entry point and command */
	const char *const *env;   /* added to the image's, or in place of its own; NULL-terminated or NULL */
	const char *user, *cwd;   /* NULL: the image's */
	bool read_only;           /* the root file system is */
	const char *const *tmpfs; /* writable places then; NULL-terminated or NULL */
	const char *const *volumes; /* besides the image's; likewise */
	const char *seccomp;      /* a JSON object, linux.seccomp of the runtime specification; NULL: none */
	const char *apparmor;
	const char *const *capabilities; /* the only ones it has ("CAP_CHOWN"); NULL: the default set; {NULL}: none */
	bool no_new_privileges;
	struct str input;         /* standard input; p NULL: closed (nothing to read) */
	int listener;             /* >= 0 with `seccomp`: a listening unix socket which gets the seccomp listener's descriptor (linux.seccomp.listenerPath) */
	const char *listener_path; /* of a build's step without `seccomp`: one that answers getdents64(2) (disorder.h) */
	const struct run_build *build; /* NULL: an image is run */
	bool follow;              /* what it prints is asked for with run_follow(), not kept */
	bool converse;            /* with `follow`: its standard input comes through run_converse() */
	bool terminal;            /* with `converse`: a terminal of its own is its standard input, output and error, and the one that controls it; not with run_again() */
	u16 rows, columns;        /* of the terminal, as it starts; 0: not known */
};

struct run_result {
	bool ended;             /* else it runs still */
	int status;             /* exit status; 128 + signal */
	const char *over;       /* the budget that ended it: "600 seconds", or NULL */
	struct buf out, err;    /* so far; what passes the budget is dropped and counted */
	u64 dropped;
};

struct run_container; /* one container; its upper directory lives as long */
/* Starts it and returns when its first process has been started (with a listener: when somebody answers it). A program or user that the image does not have is no failure: that ends with
 * status 127 or 126 and the reason in its standard error, as in a shell; so with run_exec(). */
int run_start(struct run_box *b, const struct run_spec *spec, struct run_container **ret, struct error *err) must_check;
/* Waits at most `ms` (-1: until a budget ends it). What is in ret belongs to the container. */
int run_wait(struct run_container *c, int ms, const struct run_result **ret, struct error *err) must_check;
/* Of a container that was started with `follow`: waits for its end and passes on what it prints as it comes, in this thread. Ends it when *stop is set ("stopped" is what ended it then; NULL: nothing does). */
int run_follow(struct run_container *c, const atomic_bool *stop, void (*output)(void *ctx, int stream, struct str bytes), void *ctx, const struct run_result **ret, struct error *err) must_check;
/* The same of one that was started with `converse`: meanwhile what comes from `input` is passed to it, to its end (of a terminal: whose end is the program's, as when one hangs up). Output of its terminal is stream 1. */
int run_converse(struct run_container *c, int input, const atomic_bool *stop, void (*output)(void *ctx, int stream, struct str bytes), void *ctx, const struct run_result **ret, struct error *err) must_check;
int run_terminal(const struct run_container *c); /* our end of its terminal, the container's; -1: it has none */
/* Of a build's step: what had to be made in its tree only to be mounted on, as paths in its upper directory; NULL-terminated, the container's. */
const char *const *run_made(const struct run_container *c);
int run_signal(struct run_container *c, const char *signal, struct error *err) must_check; /* "SIGTERM", "15" */
/* Starts it once more on the same upper directory, after it ended. */
int run_again(struct run_container *c, struct error *err) must_check;
/* One more process in it, to its end (the budget of seconds is its own). The caller frees ret->out and ret->err. */
int run_exec(struct run_container *c, const struct run_spec *spec, struct run_result *ret, struct error *err) must_check;
void run_remove(struct run_container *c); /* kills it; NULL is fine */

/* A socket that belongs to the box's network: connect() leads into it from here. -1 and *err. */
int run_socket(struct run_box *b, int domain, int type, struct error *err) must_check;
/* TCP ports that somebody listens on in there (loopback or any address), ascending; at most `max`. Returns how many. */
u32 run_ports(struct run_box *b, u16 *ports, u32 max);
/* Processor time that the container used so far, in microseconds; of all its processes that still live: for telling whether it waits. */
u64 run_busy(struct run_container *c);
int run_pid(const struct run_container *c); /* its first process as seen from here */
const char *run_runtime(const struct run_box *b); /* "runc 1.1.5" */

/* What the program wrote: every name of the upper directory, once the container has ended or at any time. kind 'c' made or changed, 'd' deleted. */
int run_written(struct run_container *c, int (*visit)(void *ctx, char kind, struct str path, u64 size), void *ctx, struct error *err) must_check;
#endif
