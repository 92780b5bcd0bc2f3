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

struct lock_input {
	const char *name;   /* of profiles: letters, digits, "-" */
	const char *image;  /* as it stands in snippets */
	const char *tree;   /* the directory of the result's tree (run_tree) */
	const struct config *config;
	const struct observed *seen;    /* settled; calls when they were watched */
	const struct observed *written; /* settled; NULL: not known, then the root stays writable */
	bool not_root;      /* it passed as LOCK_USER, as which it is to run */
};
#define LOCK_USER "65532:65532"

struct lock {
	const char *seccomp, *seccomp_steady; /* JSON that both Docker and a runtime (linux.seccomp) take */
	const char *apparmor;
	const char *const *capabilities;      /* NULL-terminated; "CAP_CHOWN" */
	const char *const *own_capabilities;  /* as the image's own user; the same when `user` is NULL */
	bool no_new_privileges;
	bool read_only;                       /* with `tmpfs` alone it is enough */
	const char *const *tmpfs;             /* writable places, empty in the image */
	const char *const *volumes;           /* writable places that are not */
	const char *user;                     /* LOCK_USER, or NULL: the image's */
	const char *docker, *compose, *kubernetes;
	u32 n_calls, n_calls_steady;
	struct arena a;
};
int lock_make(const struct lock_input *in, struct lock **ret, struct error *err) must_check;
void lock_free(struct lock *l);
/* seccomp.json, seccomp-steady.json, apparmor.profile, docker-run.txt, compose.yaml, kubernetes.yaml; each whole or not at all. */
int lock_write(const struct lock *l, const char *dir, struct error *err) must_check;

struct trial;
struct run_tree;
/* Makes it and runs the result under it (trial_under()): as somebody else than root when that passes, with a read-only root file system when that does. *ret NULL: under none of these was every answer
 * the same. `in` says neither tree nor whether it is root. */
int lock_prove(struct trial *t, const struct run_tree *result, const struct lock_input *in, struct lock **ret, struct error *err) must_check;

/* --- within lock-down --- */
enum lock_group { /* of functions that ELF files import */
	GROUP_EXEC, GROUP_CHROOT, GROUP_OWNER, GROUP_MODE, GROUP_IDS, GROUP_KILL, GROUP_BIND, GROUP_RAW, GROUP_NODE, GROUP_IPC, GROUP_MQUEUE, GROUP_AIO, GROUP_NUMA, GROUP_PRIORITY, GROUP_AUDIT,
	GROUP_CAPABILITY, GROUP_HANDLE, GROUP_MODULE, GROUP_SELF, GROUPS,
};
struct lock_tree {
	bool imports[GROUPS];  /* GROUP_SELF: something makes calls itself */
	u64 capabilities;      /* of files that have some */
	bool set_id;           /* there are set-user-ID or set-group-ID programs */
	const char **programs; /* paths of what can be executed; for AppArmor */
	u32 n_programs, cap_programs;
};
int lock_look(const char *tree, struct arena *a, struct lock_tree *ret, struct error *err) must_check;
const char *lock_seccomp(struct arena *a, const struct lock_tree *t, const struct observed *seen, bool steady, u32 *n);
const char *lock_apparmor(struct arena *a, const struct lock_input *in, const struct lock *l, const struct lock_tree *t);
void lock_snippets(const struct lock_input *in, struct lock *l);
#endif
