/* root.h — a tree put together from directories: read-only ones, topmost first, below one that takes what is changed (an overlay; "user.overlay." attributes, whiteouts are devices 0/0).
 * Of one directory alone, or of an upper one alone, it is that directory itself.
 *
 * In a user namespace of ours alone (box.h): as root every ID is itself, as an ordinary user those of /etc/subuid. What is mounted is seen by nobody else and is gone with the process. */
#ifndef PARE_RUN_ROOT_H
#define PARE_RUN_ROOT_H
#include "run/box.h"

#define ROOT_LOWERS_MAX 128u

struct run_root {
	const char *const *lowers; /* absolute paths of directories, topmost first; n_lowers of them, 0: an empty tree */
	u32 n_lowers;
	const char *upper, *work;  /* empty directories on one file system, writable in the namespace; NULL both: nothing is changed */
};
/* In the keeper, or in a child of root_do(): mounts it on the directory `at`, nodev. The first time an upper directory is used it becomes as the topmost lower one is (owner, mode, attributes, time). */
int root_mount(const struct run_root *r, const char *at, struct error *err) must_check;
int root_bind(int fd, const char *at, bool read_only) must_check; /* a directory or file that is open, on one that is there; -1 with errno */
void root_about(int from, int to); /* directory `to` becomes as `from` is, but for what is in it */

/* Runs f in a child (process.h: of this process's threads only the caller's is there) with user and mount namespaces of its own and all capabilities in them, in which the n trees are mounted, the umask 0:
 * fds[i] is an open directory, the root of tree i. `dir`: a directory that exists, where they are mounted (what is in it stays to be seen). f's error is the caller's; `out` (>= 0) stays open for it, to write to.
 * With `take`, which runs here meanwhile, the other end of a pipe is read from: what f writes to its `out`. */
struct root_job {
	const struct run_root *roots;
	u32 n;
	const char *dir;
	int (*f)(void *ctx, const int *fds, int out, struct error *err); /* in the child */
	int (*take)(void *ctx, int in, struct error *err);               /* here; NULL: out is -1 */
	void *ctx;
};
int root_do(const struct run_ids *ids, const struct root_job *job, struct error *err) must_check;
/* Opens `path` as it is seen in the tree: links are followed inside it (openat2, RESOLVE_IN_ROOT). -1 with errno. */
int root_open(int root, const char *path, u64 flags);
/* The path as the tree has it, without links: its first `there` bytes are of what is there, the rest is of what is not ("" is the root). Where a link leads to nothing: what that would be. -1 with errno. */
int root_missing(int root, const char *path, char real[4096], size_t *there);
/* The same of a directory (O_RDONLY) that is made, with all above it, where it is not there; `mode` (less the umask), `uid`, `gid` (-1: as the kernel has it) and `mtime` (-1: the clock's) of what is made; setgid is handed on. A link that leads to nothing: there. -1 with errno. */
int root_make(int root, const char *path, u32 mode, u32 uid, u32 gid, s64 mtime);
#endif
