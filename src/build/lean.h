/* lean.h — what package managers keep for a next time is in no layer that ships (--lean).
 *
 *	steps run, see and cache    [ base ][ RUN apt-get update: lists ][ RUN apt-get install: programs, archives ][ COPY ]
 *	the image has               [ base ]                             [ RUN apt-get install: programs           ][ COPY ]
 *
 * Nothing is hidden from a step: each sees all that steps before it wrote, so that what it does is what it would do without --lean, whether it is one that runs a package manager, a script that nobody reads, or
 * `cp -r ~/.npm elsewhere`; COPY --from finds it all, and keys are the same. Only when the target's layers are put together those of RUN are passed through once more without these files (base/caches.h). The result is what
 * a build without it gives, minus exactly these. What stays:
 *   - whatever a COPY, an ADD or the base image brought;
 *   - what lies below a volume of the image, or is named by its command, its entry point, its environment or its working directory;
 *   - what the tool reads that the image starts (`CMD ["go", "run", "."]` and go's cache), or that the shell's script calls which it starts;
 *   - what a symbolic link outside of it leads to; the content of a hard link outside of it;
 *   - names of what is gone (whiteouts), directories of the system, files without a byte.
 * A layer's result is kept in the build cache under the layer and what stays, so that a warm build does nothing. */
#ifndef PARE_BUILD_LEAN_H
#define PARE_BUILD_LEAN_H
#include "base/caches.h"
#include "build/cache.h"
#include "build/instruction.h"
#include "store/store.h"

struct lean_layer { /* what became of one layer of the target's chain */
	bool gone;              /* nothing is left of it: the image has no such layer */
	struct build_layer now; /* else; its kept_out and kept_of say what is not in it, of one that is gone, too */
};
/* Those of `c` that a RUN made (build_layer.run); `told`: one a layer. *ret: the chain of the image; its document loses the layers that are gone (stage_image_drop_layer()). It is the final one but for that. cache NULL: none. */
int lean_chain(struct store *s, struct build_cache *cache, struct arena *a, struct stage_image *im, const struct chain *c, struct lean_layer *told, struct chain *ret, struct error *err) must_check;
/* What apt, npm and composer download, where later builds of the same context find it again: the same step with a variable and a mount more for each that it calls, below /dev, where nothing of the tree is. A step comes to the same with and
 * without it, and its key knows nothing of it. But whoever may write there is believed (apt looks at the size of an archive that it has, npm at an index that it kept): so it is nobody else's, `whose` being the context's name, and no
 * Dockerfile can name it. Only for root's steps, of one architecture and base layer; not where the Dockerfile speaks of these caches, or of becoming somebody else. Its mounts come behind those of `step`. */
void lean_share(struct arena *a, const struct run_step *step, const struct stage_image *im, const char *whose, struct str dockerfile, struct run_step *ret);
/* "57.2 MB of apt's lists and apt's archives": for people. */
void lean_text(const struct lean_layer *l, struct buf *out);
#endif
