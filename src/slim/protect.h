/* protect.h — what the configuration of an image names, and so is part of the program wherever it lies.
 *
 * Words of Entrypoint, Cmd and Healthcheck (shell strings are cut at blanks, quotes and operators), values of Env, the working directory,
 * volumes, the directories of PATH; and, one step further, the absolute paths written in the scripts that these words start. */
#ifndef PARE_SLIM_PROTECT_H
#define PARE_SLIM_PROTECT_H
#include "base/common.h"
#include "base/error.h"
#include "rootfs/rootfs.h"

struct protect {
	struct arena arena;
	const char **words; /* last components of what the start commands and their scripts say */
	u32 n, cap;
};

/* Marks guard[node] with an enum litter_why; of a directory: for all below it. Words are kept for protect_calls(). */
void protect_read(struct protect *p, const struct image *img, const struct rootfs *r, u8 *guard, struct problems *problems);
/* Whether the start command, or its script, calls one of these programs (names, separated by blanks; "go" also as /usr/local/go/bin/go). */
bool protect_calls(const struct protect *p, const char *tools);
void protect_free(struct protect *p);
#endif
