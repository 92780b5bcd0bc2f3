/* leak.h — the values of a step's secrets where they must not be: in what it wrote to its tree (the build fails), in its cache mounts (the file goes), in what it says (*** stands in their place).
 *
 * They are looked for as they are but for blanks around them, and in base64 on one line, as headers and configurations have them. Not those of less than four bytes, which are everywhere. What a program did to a value besides nobody finds. */
#ifndef PARE_BUILD_LEAK_H
#define PARE_BUILD_LEAK_H
#include "base/buf.h"
#include "base/error.h"

struct run_ids;
struct leak; /* one thread at a time */
struct leak *leak_new(const struct str *values, u32 n); /* NULL: there is nothing to look for; then nothing below is called but leak_free() */
void leak_free(struct leak *l);
bool leak_in(const struct leak *l, struct str text);
/* In the content of a file, piece by piece; after leak_begin(). */
void leak_begin(struct leak *l);
bool leak_on(struct leak *l, struct str bytes);
/* Of stream 1 or 2 the next bytes, into out. What may be the beginning of a value waits for what comes; with `last` nothing does. */
void leak_mask(struct leak *l, int stream, struct str bytes, bool last, struct buf *out);
/* Files below `name` in the directory that were changed at that time (seconds since 1970) or later and have a value in them, and whatever has one in its name: removed, their paths into out, a line each. */
int leak_clean(struct leak *l, const struct run_ids *ids, int dir, const char *name, s64 since, struct buf *out, struct error *err) must_check;
#endif
