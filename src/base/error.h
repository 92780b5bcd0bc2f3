/* error.h — why something failed, for the one line that the user reads.
 *
 * Functions return 0, or -1 with *err set; on success *err is untouched. On the way up error_wrap() adds the
 * circumstances: "layer 3: gzip: bad checksum". Only command/ prints. The text may hold bytes of the image: whoever
 * prints it neutralises it (text.h). `kind` is the exit status the failure deserves (CLI.md).
 */
#ifndef PARE_BASE_ERROR_H
#define PARE_BASE_ERROR_H
#include "base/common.h"

enum error_kind {
	ERR_NONE = 0,
	ERR_USAGE = 2, /* the command line or a configuration file is wrong */
	ERR_INPUT = 3, /* the input is damaged, unsupported or over a budget */
	ERR_ENV = 4,   /* network, permission, disk */
};

struct error {
	enum error_kind kind;
	char text[1024]; /* "" while kind is ERR_NONE; cut when longer */
};

/* Sets *err (err may be NULL) and returns -1, so that callers can write: return error_set(err, ERR_INPUT, "..."); */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...) printf_like(3, 4);
/* The same with ": " and the text of errno behind it; kind is ERR_ENV. */
int error_errno(struct error *err, const char *fmt, ...) printf_like(2, 3);
/* Puts "CONTEXT: " in front of what *err says. Returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) printf_like(2, 3);

/* What could not be read although the rest could: the `incomplete` list of the reports. A list that is not empty means
 * exit status 3. Bounded: from PROBLEMS_MAX on only counted. Not thread-safe: one list a thread, merged in order. */
#define PROBLEMS_MAX 256
struct problems {
	char **v; /* owned; n of them */
	u32 n, more; /* more: how many were dropped */
};
void problem_add(struct problems *p, const char *fmt, ...) printf_like(2, 3);
void problems_merge(struct problems *to, const struct problems *from, const char *prefix); /* prefix may be NULL */
void problems_free(struct problems *p);
#endif
