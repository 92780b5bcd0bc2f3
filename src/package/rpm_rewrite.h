/* rpm_rewrite.h — rpm's database with fewer packages, in the form that it has.
 *
 *      SQLite   is only read, as rpm_sqlite.c reads it; what is left goes row by row into a new one, whose tables are ours: so nothing that a hostile schema says is carried out
 *      NDB      the blobs that are left, one behind the other. Index.db beside it must go: rpm makes it anew
 *      BDB      the same pages without the pairs that went, their overflow pages free. All other tables (Name, Basenames …) must go: rpm makes them anew */
#ifndef PARE_PACKAGE_RPM_REWRITE_H
#define PARE_PACKAGE_RPM_REWRITE_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

/* Whether a package, by name, version (struct package's) and architecture, is left. */
typedef bool rpm_left(void *ctx, struct str name, struct str version, struct str arch);
/* Is it a database in one of these forms at all? */
bool rpm_can_rewrite(struct str file) must_check;
/* The new file's bytes, into out: the headers of packages that are left, and of SQLite's tables that lead to them the rows that do. -1: damaged (ERR_INPUT). */
int rpm_rewrite(struct str file, rpm_left *left, void *ctx, struct buf *out, struct error *err) must_check;
#endif
