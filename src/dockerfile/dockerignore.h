/* dockerignore.h — .dockerignore files and what they keep out of the build context (moby/patternmatcher's rules, whose file is
 * read as its `ignorefile` package does).
 *
 * Lines of patterns; `#` starts a comment in column 1; `!` takes files in again. `*` and `?` stay within a path component, `**` crosses
 * them, `[…]` is a class, backslash quotes. A directory that matches takes along what is in it; the last pattern that matches decides. */
#ifndef PARE_DOCKERFILE_DOCKERIGNORE_H
#define PARE_DOCKERFILE_DOCKERIGNORE_H
#include "base/arena.h"
#include "base/common.h"
#include "base/str.h"

#define DOCKERIGNORE_PATTERNS 10000
#define DOCKERIGNORE_STEPS 50000000 /* that matching may take, all in all: from there on nothing is ignored */

struct dockerignore_pattern;
struct dockerignore {
	const struct dockerignore_pattern *v;
	u32 n;
	bool exceptions; /* any pattern with `!` */
	bool bad;        /* docker refuses the file */
	bool over;       /* it has more patterns: the rest was not read */
	u64 steps;       /* still allowed */
};

/* Everything is in the arena; text is borrowed. */
void dockerignore_read(struct arena *a, struct str text, struct dockerignore *ret);
/* Whether `path` (relative, slashes, clean) or a directory above it is kept out. */
bool dockerignore_matches(struct dockerignore *d, struct str path);
/* Whether a pattern may match something below `path` (clean) that matches neither it nor what is above it; `exceptions`: only those with `!` are asked. True where that is not certain. */
bool dockerignore_below(const struct dockerignore *d, struct str path, bool exceptions);
/* Whether a pattern keeps out everything at the top: `*`, `**` or both with a slash between. */
bool dockerignore_everything(const struct dockerignore *d);
/* filepath.Clean. */
struct str dockerignore_clean(struct arena *a, struct str path);
#endif
