/* tracer.h — watches a container by seccomp's user notification: system calls that name files stop for as long as it takes to read the name, and go on.
 *
 *      container ──open("…")──► kernel ──notification──► tracer thread: /proc/PID/mem, cwd, root ──► observed
 *                      ▲                                    │
 *                      └────────── continue ────────────────┘
 *
 * It needs no privilege in the image and no agent in it, sees every process of the container whatever it forks, works for an ordinary user, and leaves ptrace to the program. Calls that
 * name no file are not slowed at all. As root, opening for reading with O_NONBLOCK (what servers do for each request) is told by fanotify instead, so that it does not stop; a name that is not there is
 * then not told. What the kernel opens by itself for execve (the interpreter of "#!", the loader of ELF) is read from the file.
 *
 * Programs of 32 bits (x86, arm) are watched, too; x32 is refused. io_uring, which no filter sees, is not there while it is watched (ENOSYS: programs do without). connect(2) is not watched: what it
 * leads to was made by a bind(2), which is.
 *
 * A name is read twice only by the kernel: what is recorded may differ from what a hostile program then opens; nothing is decided by it but what a trace says, and every name is
 * data (never opened here).
 *
 * A container whose tracer dies would wait for ever: the tracer's thread lives until the container is gone, and answers what it cannot read with "continue", too. */
#ifndef PARE_RUN_TRACER_H
#define PARE_RUN_TRACER_H
#include "run/box.h"
#include "run/observe.h"

struct tracer;
struct tracer_options {
	bool calls; /* every system call is noted, once per thread and call: slow, for profiles */
	/* NULL, or asked of each name that is looked for: true makes the call answer ENOENT. Called from the tracer's thread. */
	bool (*deny)(void *ctx, struct str path);
	void *ctx;
};
/* Fills in spec->seccomp, listener and listener_path; the tracer outlives the container. */
int tracer_open(struct run_box *b, const struct tracer_options *opt, struct observed *o, struct run_spec *spec, struct tracer **ret, struct error *err) must_check;
void tracer_ready(struct tracer *t); /* from here on it is the steady phase */
void tracer_close(struct tracer *t); /* after run_remove(); NULL is fine */
#endif
