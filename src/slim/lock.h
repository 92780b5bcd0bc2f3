/* lock.h — what a program may be held to: system calls, capabilities, files, where it writes, whose rights; as profiles and as snippets of engines.
 *
 *      tree of the result ─► functions that its ELF files import ─┐
 *      observed calls ────────────────────────────────────────────┼─► seccomp (start, steady), capabilities, AppArmor, read-only root
 *      paths, ports, what was written ────────────────────────────┘
 *
 * Generous where a library could call it: every call that any program may make without harm to others is allowed; groups of calls beyond that when a file that is left imports a function
 * that makes them, or a run made them. Programs that make calls themselves (static ones, Go, syscall(2)) get all that is ordinary. Never given but when seen: mounting, modules, kexec, bpf, ptrace,
 * keyrings, setting clocks, reboot, swap.
 *
 * The tree is hostile: it is walked without following a link, LOCK_FILES and LOCK_FILE at most; what is not looked at counts as a program that makes calls itself. */
#ifndef PARE_SLIM_LOCK_H
#define PARE_SLIM_LOCK_H
#include "base/arena.h"
#include "oci/manifest.h"
#include "run/observe.h"

#define LOCK_FILES 200000u
#define LOCK_FILE (1 * GiB)

struct lock_tree;
struct lock_input {
	const char *name;   /* of profiles: letters, digits, "-" */
	const char *image;  /* as it stands in snippets */
	const char *tree;   /* the directory of the result's tree (run_tree) */
	const struct lock_tree *known; /* what is in the tree (lock_look()); NULL: it is looked at */
	const struct config *config;
	const struct observed *seen;    /* settled; calls when they were watched */
	const struct observed *written; /* settled; NULL: not known, then the root stays writable */
	bool service;       /* it stays and serves; a command works on files of whoever calls it */
	bool not_root;      /* it is to run as somebody else: whose directories it writes in, or LOCK_USER */
	bool loose;         /* every call that is ordinary */
};
#define LOCK_USER "65532:65532"

struct lock {
	const char *seccomp, *seccomp_steady; /* JSON that both Docker and a runtime (linux.seccomp) take */
	const char *apparmor;
	const char *const *capabilities;      /* NULL-terminated; "CAP_CHOWN" */
	const char *const *own_capabilities;  /* as the image's own user; the same when `user` is NULL */
	bool no_new_privileges;
	bool read_only;                       /* with `tmpfs` and `volumes` it is enough */
	const char *const *tmpfs;             /* writable places of no lasting value, empty in the image */
	const char *const *volumes;           /* writable places that are to outlive a stop, with what the image has there */
	bool filled;                          /* it has something there */
	const char *user;                     /* NULL: the image's */
	bool against;                         /* something speaks against another user than the image's */
	const char *docker, *compose, *kubernetes, *runtime;
	u32 n_calls, n_calls_steady;
	struct arena a;
};
int lock_make(const struct lock_input *in, struct lock **ret, struct error *err) must_check;
void lock_free(struct lock *l);
/* seccomp.json, seccomp-steady.json, apparmor.profile, docker-run.txt, compose.yaml, kubernetes.yaml, runtime.json; each whole or not at all. */
int lock_write(const struct lock *l, const char *dir, struct error *err) must_check;

struct trial;
struct run_tree;
/* Makes it and runs the result under it (trial_under()): as somebody else than root when that passes, with a read-only root file system when that does. *ret NULL: under none of these was every answer
 * the same. `in` says neither tree nor whether it is root. */
int lock_prove(struct trial *t, const struct run_tree *result, const struct lock_input *in, struct lock **ret, struct error *err) must_check;

/* --- within lock-down --- */
enum lock_group { /* of functions that make the same calls, or speak for the same capability: a line of lock_rows each */
	GROUP_EXEC, GROUP_FORK, GROUP_LISTEN, GROUP_PAIR, GROUP_RECEIVE, GROUP_SENDFILE, GROUP_SPLICE, GROUP_COPY, GROUP_INOTIFY, GROUP_EPOLL, GROUP_EVENTFD, GROUP_SIGNALFD, GROUP_TIMERFD, GROUP_TIMER,
	GROUP_ALARM, GROUP_XATTR, GROUP_SETXATTR, GROUP_OWNER, GROUP_MODE, GROUP_TIMES, GROUP_LINK, GROUP_SYMLINK, GROUP_NODE, GROUP_TRUNCATE, GROUP_FALLOCATE, GROUP_ADVISE, GROUP_SYNC, GROUP_LOCK,
	GROUP_MINCORE, GROUP_REMAP, GROUP_PKEY, GROUP_MEMFD, GROUP_PIDFD, GROUP_IDS, GROUP_CHROOT, GROUP_CAPABILITY, GROUP_CAPGET, GROUP_PRIORITY, GROUP_SCHEDULE, GROUP_AFFINITY, GROUP_IPC,
	GROUP_MQUEUE, GROUP_AIO, GROUP_NUMA, GROUP_HANDLE, GROUP_CLOCK, GROUP_PERSONALITY, GROUP_RARE, GROUP_KILL, GROUP_BIND, GROUP_AUDIT, GROUP_DLSYM, GROUP_FFI, GROUP_SYSCALL, GROUP_UNSEEN, GROUPS,
};
struct lock_row {
	const char *functions, *calls; /* separated by blanks */
};
extern const struct lock_row lock_rows[GROUPS];
struct lock_words; /* functions, to look up */
struct lock_words *lock_words_make(void);
void lock_words_free(struct lock_words *w);
void lock_function(const struct lock_words *w, struct str name, bool groups[GROUPS]); /* one more that is called */

/* Numbers that code with instructions of its own for it calls; `all`: wherever they stand. Those that it calls syscall(2) with, by way of the pointer at `slot` (0: unknown); `address`: of
 * the text; `all_else`: where it cannot be told, every one that is passed to some function. */
void lock_text_calls(struct str text, bool all, u64 *numbers);
void lock_text_syscall(struct str text, u64 address, u64 slot, bool all_else, u64 *numbers);

struct lock_tree {
	bool imports[GROUPS];
	u64 numbers[OBSERVED_CALLS / 64]; /* of calls that programs make themselves */
	bool any;              /* something makes calls that cannot be known: all that is ordinary */
	bool narrow;           /* there are programs of 32 bits */
	u64 capabilities;      /* of files that have some */
	bool set_id;           /* there are set-user-ID or set-group-ID programs */
	const char **programs; /* paths of what can be executed; for AppArmor */
	u32 n_programs, cap_programs;
};
struct lock_places {
	const char **tmpfs, **volumes; /* NULL-terminated */
	u32 n_tmpfs, n_volumes;
	bool lost;    /* it writes somewhere that cannot be given by itself */
	bool filled;  /* a volume has something in it */
	bool of_root; /* a place that root alone may write in */
	bool mixed;   /* places of several others */
	u32 uid, gid; /* the last one's */
	const char *owner; /* "33:33": of whom all are that are not root's; or NULL */
};
int lock_places(struct lock_places *p, struct arena *a, const struct lock_input *in, struct error *err) must_check;
bool lock_can(const struct lock_tree *t, enum lock_group g);   /* one of them, at least */
bool lock_calls(const struct lock_tree *t, struct str call); /* by its number */
void lock_elf(const struct lock_words *w, struct str f, struct lock_tree *t);    /* one more file */
void lock_script(const struct lock_words *w, struct str f, struct lock_tree *t); /* likewise, when what is there leaves it to scripts */
bool lock_is_root(const char *user);
bool lock_holds(const char *const *capabilities, const char *name);
int lock_look(const char *tree, struct arena *a, struct lock_tree *ret, struct error *err) must_check;
const char *lock_seccomp(struct arena *a, const struct lock_tree *t, const struct observed *seen, bool raw, bool steady, u32 *n); /* raw: packet sockets may be asked for */
const char *lock_apparmor(struct arena *a, const struct lock_input *in, const struct lock *l, const struct lock_tree *t);
void lock_snippets(const struct lock_input *in, struct lock *l);
#endif
