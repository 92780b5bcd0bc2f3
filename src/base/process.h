/* process.h — children of this program: a part of itself in a process of its own, or another program to its end. */
#ifndef PARE_BASE_PROCESS_H
#define PARE_BASE_PROCESS_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"

/* Forks; the child runs run(ctx) and ends with what it returns, without the parent's exit handlers. Signals are at their defaults there (SIGPIPE ignored), so that what the parent
 * has named to be removed by a signal stays. Of the parent's threads only the caller's is there. The pid, or -1 with errno. */
pid_t process_fork(int (*run)(void *ctx), void *ctx) must_check;
/* The same in namespaces of its own (clone(2): CLONE_NEWPID …), of a process that has one thread. */
pid_t process_fork_apart(int namespaces, int (*run)(void *ctx), void *ctx) must_check;
/* Forks and becomes the program, which a signal ends (SIGTERM, unless it has rights of its own) when the calling thread does: its standard input, output and error are fds[0..2], every other descriptor is closed, and it is not preferred to others, if this process is; the pid, or -1. When it cannot be had, the child's status is 127.
 * env: "NAME=VALUE" besides what this process has, or in place of its own; NULL-terminated, or NULL. */
pid_t process_spawn(const char *path, const char *const *argv, const char *const *env, const int fds[3]) must_check;
/* Of this process, all descriptors but the first three and these two. */
void process_close_others(int a, int b);
/* Its exit status, or 128 + signal; -1: no such child. */
int process_wait(pid_t pid);
/* argv[0] is looked for in PATH and where administrators' programs are; to its end. What it writes goes to `out` (both outputs; inside its ceiling). Its exit status; -1 with *err when it is not there. */
int process_run(const char *const *argv, struct buf *out, struct error *err) must_check;
int process_run_with(const char *const *argv, const char *const *env, struct buf *out, struct error *err) must_check; /* what nobody is to see in a list of processes is not an argument */
/* Where a program is: PATH, then /usr/local/sbin … /bin. Into out (a path of its own is taken as it is); false: nowhere. */
bool process_find(const char *name, struct buf *out);
#endif
