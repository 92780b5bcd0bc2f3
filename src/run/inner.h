/* inner.h — what the parts of running share, within run/: where it all lies, IDs, removing. */
#ifndef PARE_RUN_INNER_H
#define PARE_RUN_INNER_H
#include "base/arena.h"
#include "base/file.h"
#include "run/box.h"

#define RUN_TREE "tree-" /* stages in STORE/run */
#define RUN_BOX "box-"
#define RUN_DEPTH 64     /* directories that are open at once while a tree is walked; what lies deeper is brought up first */

/* --- ids.c --- */
/* Forks; the child runs run(ctx) as root of a user namespace in which the image's IDs are mapped: as root they are themselves (and where there are no user namespaces it goes without). */
int ids_fork(const struct run_ids *ids, int (*run)(void *ctx), void *ctx, pid_t *ret, struct error *err) must_check;
/* What ends with a line on `fd` of a pipe, or with nothing: run(ctx, err) in such a child, its error here. */
int ids_do(const struct run_ids *ids, int (*run)(void *ctx, struct error *err), void *ctx, struct error *err) must_check;
/* The same; with `take` there is a pipe besides, from run's `out` to take's `in`, which runs here meanwhile (without: out is -1). Of two errors the one that came first. The child ends with this thread, and has no pipe or socket of others. */
int ids_do_with(const struct run_ids *ids, int (*run)(void *ctx, int out, struct error *err), int (*take)(void *ctx, int in, struct error *err), void *ctx, struct error *err) must_check;
static inline bool ids_mapped(const struct run_ids *ids, u32 uid, u32 gid)
{
	return !ids->rootless || ((uid == 0 || uid <= ids->uid_count) && (gid == 0 || gid <= ids->gid_count));
}

/* --- root.c --- */
/* From now on mounts of this process (in a mount namespace that it has to itself) are nobody else's. */
int mounts_private(struct error *err) must_check;
/* mount(2) of an overlay on `at` has failed: why, in words; its upper directory, or -1. */
int overlay_refused(int upper, const char *at, struct error *err);

/* --- clean.c --- */
/* STORE/run, made when absent, after what killed processes left there was removed. Into the arena. */
const char *run_dir(struct arena *a, const char *store, const struct run_ids *ids, struct error *err);
/* All that is in a directory, however deep; directories that nobody may enter are opened first. Returns 0 when it is empty. */
int clean_below(int fd);
/* The same with the directory itself, in a child that may, when this process may not. */
void clean_dir(const char *path, const struct run_ids *ids);
#endif
