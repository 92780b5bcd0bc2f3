/* choose.h — what of an image stays at levels `package` and `file`: needed by what is known of programs (program/graph.h), or touched by a run (run/observe.h).
 *
 *      configuration ─┐
 *      --keep, --exec ├─► graph ─► reached ─┬─ file:    exactly that
 *      runs, traces ──┘                     └─ package: units of which something is reached stay whole, but for documentation, headers and what only builders use
 *
 * A unit is a package of the system; of what no package owns, a package directory of a language (node_modules/x, site-packages/x, gems/x-1, vendor/x/y), else the highest directory that nobody shares
 * (/app, /opt/x); a file that lies among those of packages is a unit by itself. Links that lead to nothing that stays go, but for those into /dev and /proc; directories that were empty stay at
 * both levels (an entry each: programs make files in them), as does the licence text of every package with files left.
 *
 * The choice is told to plan.h as litter is: LITTER_UNNEEDED for every node that goes, so that layers, hard links and whiteouts are worked out by what is there already. What litter.h would take out stays
 * when it is reached.
 *
 * The package managers' databases are not the choice's: database.h makes them say what is left. */
#ifndef PARE_SLIM_CHOOSE_H
#define PARE_SLIM_CHOOSE_H
#include "package/package.h"
#include "program/graph.h"
#include "run/observe.h"
#include "slim/litter.h"

enum slim_level { SLIM_SAFE, SLIM_PACKAGE, SLIM_FILE };

struct choose_options {
	enum slim_level level;
	const char *const *keep; /* patterns (str_glob); n_keep of them */
	u32 n_keep;
	const char *const *const *commands; /* --exec: words, each NULL-terminated; n_commands of them */
	u32 n_commands;
	const struct observed *observed;    /* settled; may be NULL */
};

struct choice {
	enum slim_level level;
	struct graph *graph;       /* uses and reasons; USE_PACKAGE for what stays with its unit */
	const struct rootfs *r;
	const struct packages *pkgs;
	struct litter *litter;
	u8 *litter_kind;           /* by node: what litter_find() said */
	bool *wanted;              /* by node: a database that the program doesn't do without */
	bool keep_databases;       /* those that the program reads stay as they are: it tells what they say */
	struct graph_owners owners;
	const char **names;        /* of owners */
	node_id *gone_shells, *gone_managers, *gone_setuid; /* what goes of these, in the order of nodes; each with its number */
	u32 n_shells, n_managers, n_setuid;
};

/* `l` as made by litter_find(); borrowed, and changed. ERR_INPUT when nothing starts and nothing was observed or asked for: then nothing says what is needed. */
int choose(const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct choose_options *opt, struct litter *l, struct choice *ret, struct error *err) must_check;
/* More is needed: a run looked for it (paths of the image, as they were missed). True when anything that was to go stays now. `same`: it did without all the same: then what describes a package that is gone
 * (a language's package manager looks at all of them) does not come back. */
bool choose_restore(struct choice *c, const char *const *paths, u32 n, bool same);
/* Sets keep_databases, and forgets what was decided over databases. */
void choose_keep_databases(struct choice *c);
/* Whether a run may look for it in vain: names that go, in observed.h's form; into *ret (malloc'ed, paths in the arena), whole directories by their own name only. */
u32 choose_gone(const struct choice *c, struct arena *a, const char ***ret);
/* Whether a file of a tree is a program that who breaks in likes: bits of enum tool. */
enum tool { TOOL_SHELL = 1, TOOL_MANAGER = 2, TOOL_SETUID = 4 };
u32 choose_tool(const struct rootfs *r, node_id id);
void choice_free(struct choice *c);
#endif
