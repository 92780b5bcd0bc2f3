/* snapshot.h — trees of chains as directories of this machine, so that steps can run on them: STORE/build/trees/.
 *
 *	IDS/full-HEX   the whole tree of the chain HEX (its ID): of base images, and of whatever has nothing else
 *	IDS/diff-HEX   what the topmost layer of the chain HEX changed, as an overlay's upper directory has it
 *	IDS/kept-HEX   something else that has a digest (a build context)
 *	IDS/new-…      a step's upper directory while it runs (base/file.h, a stage: gone with a killed process's lock)
 *
 * In each of them: tree/, the tree itself; size, how many bytes it takes about. When it was last used is the time of the directory.
 * IDS says how IDs are mapped (root; an ordinary user's ranges): owners on disk differ; and since when the machine runs. All of it can be made again from the layers in our store, so nothing is synced: a tree is only
 * believed while the machine has not been started anew, and only if no step was ending it when the process died (it appears by rename).
 * Several processes: who uses a tree has it locked (shared); only one that nobody uses goes, the least recently used first, when all together are over the budget (SNAPSHOT_BUDGET or a tenth of the disk, whichever
 * is less, unless said otherwise), or at `pare prune`.
 * Threads: everything but snapshots_open() and _close() may be called from several. */
#ifndef PARE_BUILD_SNAPSHOT_H
#define PARE_BUILD_SNAPSHOT_H
#include "build/chain.h"
#include "base/error.h"
#include "base/file.h"
#include "run/root.h"

#define SNAPSHOT_BUDGET ((u64)20 * GiB)
#define SNAPSHOT_DEPTH 96u /* directories that one tree is put together from; a deeper one is made whole */

struct snapshots;
/* `store` as in load.h. */
int snapshots_open(const char *store, const struct run_ids *ids, struct snapshots **ret, struct error *err) must_check;
void snapshots_close(struct snapshots *s); /* keeps within the budget; NULL is fine */
const char *snapshots_dir(const struct snapshots *s); /* "STORE/build/trees/IDS": where stages and mount points may be made */

struct snapshot { /* a tree that is in use: its directories, topmost first */
	const char **dirs;
	u32 n;
	void *keep;
};
/* Those of a chain; what is not there is made from its layers in our store. */
int snapshot_get(struct snapshots *s, const struct chain *c, struct snapshot *ret, struct error *err) must_check;
/* Those of something else that has a digest (a build context), put there with upper_keep_as(). 1: it is not there. */
int snapshot_find(struct snapshots *s, const struct digest *d, struct snapshot *ret, struct error *err) must_check;
void snapshot_release(struct snapshot *s);

struct upper { /* of a step; zero: none */
	struct stage stage;   /* …/new-XXXXXXXX */
	const char *upper, *work, *root; /* directories in it, empty; root: to mount on */
	s64 began;            /* seconds since 1970 */
	void *keep;
};
int upper_make(struct snapshots *s, struct upper *ret, struct error *err) must_check;
/* What is in it is from now on what the topmost layer of `c` changed. Somebody else's that is there already is as good. */
int upper_keep(struct snapshots *s, struct upper *u, const struct chain *c, struct error *err) must_check;
int upper_keep_as(struct snapshots *s, struct upper *u, const struct digest *d, struct error *err) must_check;
void upper_drop(struct upper *u); /* does nothing twice, or after a keep */

/* For `pare prune`, `pare du`: every tree, whatever its IDs. visit: bytes on disk, when it was last used, whether it is in use. */
int snapshots_each(const char *store, int (*visit)(void *ctx, const char *name, u64 bytes, s64 used, bool in_use, struct error *err), void *ctx, struct error *err) must_check;
u64 snapshots_bytes(const char *path); /* of a directory, on disk: what is linked several times counts once, all together; what cannot be looked at nothing */
int snapshots_remove(const char *store, const char *name, u64 *freed, struct error *err) must_check; /* 1: it is in use, or gone */
void snapshots_sweep(const char *store); /* what builds that were killed had begun goes; the next build does that, too */
#endif
