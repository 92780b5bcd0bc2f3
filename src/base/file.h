/* file.h — files of the host: bounded reads, lookups that stay below a directory, results that are whole or absent. */
#ifndef PARE_BASE_FILE_H
#define PARE_BASE_FILE_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"

/* Opens `path` (from an image or a document: data, not trusted) for reading below dirfd; never leaves it, follows no
 * magic links (openat2(2), RESOLVE_BENEATH). Only regular files. Returns the fd or -1: ERR_INPUT, or ERR_ENV for a
 * right that is missing. */
int file_open_beneath(int dirfd, const char *path, struct error *err) must_check;

/* Everything of a file the user named (`-`-less), at most `limit` bytes. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *err) must_check;
int file_read_fd(int fd, size_t limit, const char *name, struct buf *out, struct error *err) must_check;

/* pread(2) until n bytes or the end; returns the bytes read or -1 with errno. */
ssize_t file_pread(int fd, void *p, size_t n, u64 offset);
int file_write_all(int fd, const void *p, size_t n) must_check; /* 0, or -1 with errno */
/* A file of `dir` that has no name, to be read and written, gone with its last descriptor; -1 with errno. */
int file_nameless(const char *dir);
int file_link(int fd, const char *path); /* locks it and gives it one, which must not be there; 0, or -1 with errno: it cannot have one */
char *file_real(const char *path); /* where it leads, when it is a link to something that is there, else itself; the caller's */
int file_mkdirs(const char *path, struct error *err) must_check; /* mkdir -p, 0700 for what is new */

/* A result that appears at once or not at all: written beside its place, synced, renamed.
 *   struct outfile o;
 *   if (outfile_open(&o, path, err) < 0) ...; write to o.fd; if (outfile_commit(&o, err) < 0) ...
 * outfile_abort() removes what was written; it does nothing after a commit. A signal (INT, TERM, HUP) removes it too. What a process leaves that is killed is "PATH.part-XXXXXXXX",
 * eight letters; it is locked as long as its process lives, which is how file_leftover() knows. */
struct outfile {
	int fd;          /* -1 when closed */
	char *path, *tmp; /* owned */
	int slot;        /* of the table that the signal handler cleans */
};
int outfile_open(struct outfile *o, const char *path, struct error *err) must_check; /* ERR_ENV where something stands there that is no regular file: a device is never replaced */
/* The same of a file that is written already and has no name (file_nameless()), so that its bytes need not be copied; the fd stays the caller's. ERR_ENV where `path` is on another
 * file system, or that one has no such files: it has to be copied. */
int outfile_adopt(struct outfile *o, const char *path, int fd, struct error *err) must_check;
int outfile_commit(struct outfile *o, struct error *err) must_check;
/* The same without waiting for the disk: for a cache whose files carry their own check sum. */
int outfile_commit_unsynced(struct outfile *o, struct error *err) must_check;
void outfile_abort(struct outfile *o);
/* All of it: what write() writes, as FILE. For results that a user named: a link is followed, and what is no regular file (a pipe, /dev/null), or open here already (/dev/stdout, /dev/fd/N), is
 * written to as it is. */
int outfile_write(const char *path, void (*write)(FILE *f, void *ctx), void *ctx, struct error *err) must_check;

/* A directory of our own, "PREFIXXXXXXXXX", for what is being made: locked, and gone with all that is in it when it is removed, or a signal ends us. */
struct stage {
	char *path; /* owned; NULL: none */
	int fd, slot;
};
int stage_make(struct stage *s, const char *prefix, struct error *err) must_check;
void stage_remove(struct stage *s); /* does nothing twice */

/* What a killed process left, an outfile's or a stage (by its `prefix`; NULL: no stages): true when PATH is one that no living process has locked. Then it is removed, unless `dry`; *bytes (may be NULL)
 * grows by what was in it. Where there are no locks nothing is taken for left over. */
bool file_leftover(const char *path, const char *prefix, bool dry, u64 *bytes);
/* Of a directory, whatever was left of names that begin with `base` ("": any), and stages. */
void file_sweep(const char *dir, const char *base, const char *prefix);
/* A directory that was begun here and came to nothing: what has one of these beginnings of a name is removed, and then the directory, if that was all; nothing, when it has a `mark` meanwhile, or somebody
 * has it locked. */
struct unmake {
	const char *mark, *ours[6]; /* NULL-terminated */
};
void file_unmake(const char *dir, const struct unmake *what);

/* Names a path to be removed when a signal ends the program: a file, a directory with all that is in it; with `what` as file_unmake() does. Called before the path is there, if it is new for sure. Returns a slot for
 * file_forget(), or -1 when full. */
int file_unlink_at_exit(const char *path);
int file_unmake_at_exit(const char *path, const struct unmake *what); /* `what` is static */
void file_forget(int slot);
/* +1: this process has a directory locked that it may be unmaking; -1: no more. Its own lock keeps no signal from that. */
void file_own_lock(int change);
/* Installs the handlers for that; once, from main(). */
void file_catch_signals(void);
/* What such a signal says on standard error before all else: the end of a line that was not at its end. NULL: nothing. Not copied. */
void file_say_at_signal(const char *text);
#endif
