/* failed.h — what a RUN that ended with a status has left, to be looked around in: an image without a name, with the tree as it was then and the step's environment, user and directory.
 *
 * Nothing is built on it. One is kept a build (the same context, Dockerfile, target and platforms: the scope of cache.h); the next such build removes it, whether it fails, too, or ends well; so does `pare prune`, as any image without
 * a name. A step that wrote the value of a secret, or over 512 MiB, has left nothing.
 *
 *	STORE/build/failed/HEX  the image's digest; HEX: the build's scope */
#ifndef PARE_BUILD_FAILED_H
#define PARE_BUILD_FAILED_H
#include "build/plan.h"

struct failed_step {
	struct build_stage *stage; /* as it was before the step */
	const struct action *act;
	const struct build_layer *layer; /* what the step has changed; NULL: nothing */
	const struct snapshot *below;    /* the tree: these, and what is above */
	const struct upper *upper;
	int status;
};
/* The command that leads into it ("pare run -it --entrypoint /bin/sh sha256:…"; of a tree without a shell one that tells of it), in the stage's arena; NULL: there is none, and the build fails as it would have. */
const char *failed_keep(struct worker *w, const struct failed_step *f);
void failed_forget(struct build *b, struct store *s); /* what the build of this scope before has left goes */
#endif
