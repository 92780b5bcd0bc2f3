/* choose.h — what of an image stays at levels `package` and `file`: needed by what is known of programs (program/graph.h), or touched by a run (run/observe.h).
 *
 *      configuration ─┐
 *      --keep, --exec ├─► graph ─► reached ─┬─ file:    exactly that
 *      runs, traces ──┘                     └─ package: every package with a reached file stays whole, but for documentation, headers and what only builders use;
 *                                                       directories that nobody owns stay when something in them is reached
 *
 * The choice is told to plan.h as litter is: a kind for every node that goes, so that layers, hard links and whiteouts are worked out by what is there already. At every level of these shells,
 * package managers and setuid programs that nothing reaches go, and are counted by name. */
#ifndef PARE_SLIM_CHOOSE_H
#define PARE_SLIM_CHOOSE_H
#include "package/package.h"
#include "program/graph.h"
#include "run/observe.h"
#include "slim/litter.h"

enum slim_level { LEVEL_SAFE, LEVEL_PACKAGE, LEVEL_FILE };

struct choose_options {
	enum slim_level level;
	const char *const *keep; /* patterns, as litter_options */
	u32 n_keep;
	const char *const *commands; /* --exec: command lines, each split by NULs? see choose.c */
	u32 n_commands;
	const struct observed *observed; /* may be NULL */
};

struct choice {
	struct graph *graph;  /* uses and reasons, with USE_PACKAGE put in */
	const char **named;   /* shells, package managers, setuid programs that go: paths */
	u32 n_named;
};

/* Adds LITTER_UNNEEDED to `l` (made by litter_find()) for what goes. ERR_INPUT when nothing is started and nothing was observed (what is needed cannot be known). */
int choose(const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct choose_options *opt, struct litter *l, struct choice *ret, struct error *err) must_check;
/* Puts nodes back (a run missed them), with USE_SEEN; true when anything changed. */
bool choose_restore(struct choice *c, const struct observed *missed, struct litter *l);
void choice_free(struct choice *c);
#endif
