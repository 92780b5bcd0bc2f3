/* pattern.h — the patterns of ${NAME#p}, ${NAME%p} and ${NAME/p/with}: `*`, `?`, everything else literal, `\` before * ? \ } and /.
 *
 * BuildKit turns them into regular expressions, whose semantics these are: neither `*` nor `?` matches a newline, `?` is a character, brackets are literal.
 * Work is pattern times value; over PATTERN_WORK it is an error. */
#ifndef PARE_DOCKERFILE_PATTERN_H
#define PARE_DOCKERFILE_PATTERN_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define PATTERN_WORK (16 * MiB)

/* Cuts what the pattern matches off the front of *value, or off its end; the longest or the shortest of it. */
int pattern_cut(struct str pattern, struct str *value, bool at_end, bool longest, struct error *err) must_check;
/* Appends `value` with the first match, or all, replaced. */
int pattern_replace(struct str pattern, struct str value, struct str with, bool all, struct buf *out, struct error *err) must_check;
#endif
