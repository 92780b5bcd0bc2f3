/* files.h — the Dockerfiles that the operands of `pare lint` name.
 *
 * A file is taken as it is, whatever its name, and so is "-". Below a directory everything that is called like a Dockerfile is taken, without
 * `.git` and what .gitignore files ignore: those on the way down, and, inside a repository, those above the directory and .git/info/exclude too
 * (gitignore(5): the last pattern that matches decides, inner files before outer ones, `!` takes back, what is below an ignored directory stays so).
 * Symbolic links to files are followed, those to directories are not. Order: the operands', and in each directory bytewise by name. */
#ifndef PARE_LINT_FILES_H
#define PARE_LINT_FILES_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define FILES_MAX 200000            /* Dockerfiles of one call */
#define FILES_DEPTH 64              /* directories deep */
#define FILES_IGNORE_BYTES (1 * MiB) /* of one .gitignore */
#define FILES_PATTERNS 10000        /* of one .gitignore */

struct lint_paths {
	struct arena arena;
	const char **v;      /* as given; below a directory DIR/path/inside, below "." path/inside. Each once */
	u32 n, cap;
	struct problems problems; /* directories that could not be read, ceilings that were reached */
};

void lint_paths_find(char **operands, u32 n, struct lint_paths *ret);
void lint_paths_free(struct lint_paths *p);
/* Dockerfile, Containerfile, either with something behind a `.`, `-` or `_` or anything behind the capitalised word, and whatever ends in .Dockerfile or
 * .Containerfile, letters of either case; but not what another language's ending (.go, .md, .j2 …) says is something else. */
bool lint_is_dockerfile_name(struct str name);
#endif
