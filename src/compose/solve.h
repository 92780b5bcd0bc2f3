/* solve.h — which packages an image gets: those that are named, and what they depend on.
 *
 * Depends and Pre-Depends with versions and alternatives, what is provided (with a version, where one is asked for), Conflicts and Breaks. Essential packages are not taken for being essential. What
 * serves installing (admin.h) and what is excluded satisfies every dependency by being left out, unless it is named itself; struct left_out tells.
 *
 * The choice is deterministic: groups with one candidate first, in the order of their fields; of alternatives one that is there already, else the first that can be had, its newest version, then what
 * provides it, by name. Where a choice leads nowhere the next is tried, within SOLVE_STEPS in all. Of one name there is one version. */
#ifndef PARE_COMPOSE_SOLVE_H
#define PARE_COMPOSE_SOLVE_H
#include "compose/index.h"

#define SOLVE_STEPS 25000000u /* relations, versions and providers that are looked at: seconds */
#define SOLVE_CHOSEN 10000u     /* packages of one image */
#define SOLVE_CANDIDATES 64u    /* looked at for one group */

struct solve_ask {
	const char *const *packages; /* "name" or "name=version", NULL-terminated */
	const char *const *exclude;  /* names likewise; NULL: none */
	bool recommends;             /* what they recommend, too, where it can be had */
};
struct chosen {
	u32 package;          /* in the index */
	u32 by;               /* who wanted it: 1 + index in struct solution, 0: it is named */
	const char *why;      /* "Depends: libc6 (>= 2.36)"; "named" */
};
struct left_out {
	struct str name;
	const char *kind;     /* "package manager", "excluded", … */
	u32 by;               /* the first that wanted it: 1 + index in the solution */
	u32 n;                /* how many did */
};
struct solution {
	struct chosen *v;     /* each behind what it depends on, but for rings; owned by the arena, as all here */
	u32 n;
	struct left_out *left;
	u32 n_left;
};
/* ERR_INPUT: it cannot be solved, and by which chain; ERR_USAGE: a name that nobody has. */
int solve(const struct package_index *ix, const struct solve_ask *ask, struct arena *a, struct solution *ret, struct error *err) must_check;
/* "python3 named; python3.11 for python3 (Depends: …)": the way from what is named to `name`, one step a line. NULL: it is not there. */
const char *solve_explain(const struct package_index *ix, const struct solution *s, struct str name, struct arena *a) must_check;
#endif
