/* diff.h — what a step changed, from its upper directory to a layer in our store.
 *
 * Reproducible by construction (same step on the same tree, same bytes):
 *   - entries in bytewise order of their paths, parents before children; hard links to the first of their names;
 *   - times: what was stamped by the clock during the step becomes DIFF_TIME, or SOURCE_DATE_EPOCH where that is given, which nothing is later than; what an archive brought keeps its own. The source's time in
 *     byte code of Python (PEP 552, byte 8) follows its file's, so that it stays valid;
 *   - attributes without those of overlays (user.overlay., trusted.overlay.) and of the host (security.selinux, security.ima, security.evm, system.); capabilities in the form that has no namespace (VFS_CAP_REVISION_2);
 *   - a directory that only stands above what changed is left out, unless its owner, mode or attributes changed;
 *   - whiteouts ".wh.NAME" (layer.md) for what is gone, ".wh..wh..opq" in a directory that hides all below it; sockets are left out.
 * The upper directory is changed to say the same (times, byte code), so that the next step sees what one after the cache sees.
 * IDs are those inside the namespace. Compressed once, as everything in our store is by default (gzip, DEFLATE_FAST). */
#ifndef PARE_BUILD_DIFF_H
#define PARE_BUILD_DIFF_H
#include "build/snapshot.h"
#include "store/store.h"

#define DIFF_TIME 499162500 /* 1985-10-26T08:15:00Z: what npm stamps into its archives; a year that zip files can say, in every time zone */

struct diff_options {
	s64 epoch;            /* SOURCE_DATE_EPOCH; < 0: none */
	bool as_it_is;        /* of a directory that is no step's (a cache mount): nothing in it is changed, all times stay, its root is in the layer, too */
	const char *const *forget; /* absolute paths that are not part of it: what was only there to be mounted on, when it is empty still; NULL-terminated or NULL */
	/* NULL, or told of everything that is in it, by its path: where a link leads, its attributes, its content as it passes, in between and at the end n 0; for values that must not be there. In a child: only its error comes
	 * back. */
	int (*content)(void *ctx, struct str path, struct str bytes, struct error *err);
	void *ctx;
};
struct diff_told {
	u32 entries;      /* 0: nothing changed, there is no layer */
	u64 bytes;        /* of content */
};
/* `below`: the tree that the upper directory lies on. The blob is in the store, leased. */
int diff_take(struct store *s, const struct run_ids *ids, const struct upper *u, const struct snapshot *below, const struct diff_options *opt, struct build_layer *ret, struct diff_told *told, struct error *err) must_check;
/* Several layers as one, with what they hide gone (--squash): those of `c` from index `from` on. */
int diff_squash(struct store *s, const struct chain *c, u32 from, struct build_layer *ret, struct error *err) must_check;
#endif
