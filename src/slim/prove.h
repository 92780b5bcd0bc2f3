/* prove.h — the tree of a result is the tree of its original but for what the plan removed: every name, type, mode, owner, time, device, link
 * target and extended attribute, the content of every file (its XXH3 in the facts), and which names share an inode. */
#ifndef PARE_SLIM_PROVE_H
#define PARE_SLIM_PROVE_H
#include "base/common.h"
#include "slim/database.h"
#include "slim/plan.h"

/* What a plan would make, as an image: facts of the entries that stay, no bytes. */
struct simulated;
struct simulated *simulate(const struct plan *p);
const struct image *simulated_image(const struct simulated *s);
void simulated_free(struct simulated *s);

/* Whether the name is one that the plan takes out of the final tree. */
bool plan_removes(const struct plan *p, node_id id);

struct proof {
	u32 names;        /* compared */
	u32 missing, extra, metadata, content, links; /* differences: names on one side only, what they are, their bytes, what they share */
	char first[512];  /* the first difference, for people; "" when there is none */
};
/* True when nothing differs. `added` (may be NULL): files that are new, or in place of a database that was written anew; each must be there, with its content. */
bool prove(const struct plan *p, const struct additions *added, const struct rootfs *after, struct proof *ret);
#endif
