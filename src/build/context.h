/* context.h — what COPY, ADD and bind mounts may take files from: the build context, and named ones (--build-context).
 *
 *	DIR            a directory of this machine, without what its .dockerignore keeps out; only ever read below it (openat2, RESOLVE_IN_ROOT for the links in it, which lead nowhere else)
 *	-              standard input: a tar (plain, gzip, bzip2, xz, zstd), or the text of a Dockerfile, whose context is empty
 *	git URL        "https://host/repo.git#ref:dir", "git@host:repo.git…", "git://…": fetched by git (depth 1, no hooks, no submodule leads to a file URL; `.git` only with BUILDKIT_CONTEXT_KEEP_GIT_DIR)
 *	http URL       a tar, or a Dockerfile
 *
 * What is no directory is unpacked into one below `dir` of the options, which goes when it is closed. "DOCKERFILE.dockerignore" beside the Dockerfile stands before ".dockerignore".
 *
 * Digests of contents are kept in STORE/build/contexts/ under a file's device, inode, size, and times of change (mtime and ctime, ns): a file is read again when any of them differs, or when it was changed just before it was read
 * (CONTEXT_RACY), so that nothing a clock cannot tell apart is missed. Owners and times of files count for nothing: all of it is root's, at the time of the build (diff.h).
 *
 * Ceilings: CONTEXT_FILES, CONTEXT_DEPTH, CONTEXT_STEPS, over them ERR_INPUT, never a quiet cut. Errors: ERR_USAGE no such directory; ERR_ENV what cannot be read. */
#ifndef PARE_BUILD_CONTEXT_H
#define PARE_BUILD_CONTEXT_H
#include "build/cache.h"
#include "dockerfile/dockerignore.h"

#define CONTEXT_FILES 4000000u
#define CONTEXT_DEPTH 256u
#define CONTEXT_STEPS ((u64)200 << 30) /* that matching with .dockerignore may take, all in all (dockerignore.h) */
#define CONTEXT_RACY 50 /* ms; 2,000 where the file system is another machine's */

struct context;
struct context_options {
	const char *store;    /* as in load.h: where digests are kept */
	const char *dir;      /* where what is no directory is unpacked */
	const char *dockerfile; /* -f as written; NULL: "Dockerfile" of the context. "-": standard input */
	bool named;           /* --build-context: only .dockerignore of its own is read */
	bool keep_git;
	const struct secrets *secrets; /* for git.h; NULL: none */
};
int context_open(const char *where, const struct context_options *opt, struct context **ret, struct error *err) must_check;
void context_close(struct context *c); /* NULL is fine */
/* The Dockerfile: its text into out, and what to call it in messages ("Dockerfile", "dir/app.Dockerfile"). Of a directory `-f` is a path of this machine, else of the context. ERR_USAGE: there is none. */
int context_dockerfile(struct context *c, struct buf *out, const char **name, struct error *err) must_check;
const char *context_name(const struct context *c); /* absolute real path, or the URL without credentials: says which build it is */
/* Of one that was fetched: from where, without credentials, and which bytes or commit ("sha256:…", "sha1:…"); false: it was not. */
bool context_origin(const struct context *c, const char **uri, const char **digest);
int context_root(const struct context *c);         /* its directory, open */

/* Whether `path` (clean, relative) is kept out; whether all below it is, so that it need not be entered. */
bool context_ignored(struct context *c, struct str path);
bool context_ignored_below(struct context *c, struct str path);

/* Digest of one file or directory tree as COPY takes it: type, permission bits, content, link; names below it. Only what is not ignored.
 * f (may be NULL) is told each file with its own digest, for explanations; a directory with a '/' at its end. 1: there is no such path. Reads with all cores. What changes while it is read is read again, and an
 * error in the end. */
int context_digest(struct context *c, struct str path, int (*f)(void *ctx, struct str path, const struct digest *d, struct error *err), void *ctx, struct digest *ret, struct error *err) must_check;

/* The same for COPY itself, within build/: of what `p` picks below `path` (clean, without links on its way), told with what the file was like when it was read, so that it is known that it is copied as it was read. */
struct pick;
struct context_entry {
	struct str path;         /* below the context */
	const struct digest *digest;
	u64 dev, ino, size;
	s64 mtime, ctime;        /* ns */
	u32 mode;                /* with its type */
};
int context_digest_picked(struct context *c, const char *path, const struct pick *p, int (*f)(void *ctx, const struct context_entry *e, struct error *err), void *ctx, struct digest *ret, struct error *err) must_check;
#endif
