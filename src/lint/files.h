/* files.h — the Dockerfiles that the operands of `pare lint` name. */
#ifndef PARE_LINT_FILES_H
#define PARE_LINT_FILES_H
#include "base/arena.h"
#include "base/error.h"

#define FILES_MAX 200000 /* Dockerfiles of one call */
#define FILES_DEPTH 64   /* directories deep */

struct lint_paths {
	struct arena arena;
	const char **v;      /* as given; below a directory: DIR/path/inside */
	u32 n, cap;
	struct problems problems; /* directories that could not be read, ceilings that were reached */
};

/* Files as they are, whatever their name, and "-"; directories for what is called Dockerfile*, *.Dockerfile, Containerfile*, *.Containerfile (letters
 * of either case) below them, sorted bytewise, `.git` and what .gitignore files ignore left out, symbolic links to directories not followed. A file that is found twice is there once. */
void lint_paths_find(char **operands, u32 n, struct lint_paths *ret);
void lint_paths_free(struct lint_paths *p);
bool lint_is_dockerfile_name(struct str name);
#endif
