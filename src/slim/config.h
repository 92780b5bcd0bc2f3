/* config.h — an image configuration for fewer layers: new diff IDs, history entries of layers that went marked empty; every other byte as it was. */
#ifndef PARE_SLIM_CONFIG_H
#define PARE_SLIM_CONFIG_H
#include "base/common.h"
#include "layer/image.h"

struct config_change {
	const struct digest *diff_ids; /* of the layers that are left */
	u32 n;
	const s32 *emptied;            /* indices into history, ascending; n_emptied of them */
	u32 n_emptied;
	struct config_added {          /* entries of layers that are new, lowest first; words of our own, in which nothing needs escaping */
		const char *created_by, *comment; /* comment: may be NULL */
	} added[3];
	u32 n_added;
	s32 before;                    /* index into history of what stands behind them; < 0: nothing */
};

/* `text` is the configuration as stored, img->config_doc the same parsed; without one (a plain directory) a minimal one is made. Into out. */
void config_rewrite(const struct image *img, struct str text, const struct config_change *c, struct buf *out);
/* Whether two configurations say the same but for diff IDs and history. */
bool config_same(const json_t *a, const json_t *b);
#endif
