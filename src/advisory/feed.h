/* feed.h — the upstream feeds: one file a kind, each the publisher's own format, gathered in feeds[].
 *
 * An importer reads what `path` holds (a file, or a directory searched below, its files in bytewise order; .gz, .zst, .xz and .bz2 by content, .zip and .tar where
 * publishers ship those) document by document, value by value, never a whole feed in memory, and adds what it says to the writer. Feeds are data: budgets,
 * no depth, no size believed. A document that is damaged ends the import with an error that names it (a database with a hole is worse than none), a value
 * that is merely unknown (a new field, another ecosystem) is passed over and counted. */
#ifndef PARE_ADVISORY_FEED_H
#define PARE_ADVISORY_FEED_H
#include "advisory/db.h"

struct feed {
	const char *kind;    /* "osv", "alpine-secdb", "debian-tracker", "ubuntu-osv", "redhat-csaf-vex", "wolfi", "suse", "amazon", "oracle", "nvd", "kev", "epss", "eol" */
	const char *summary; /* for help: what it is, who publishes it */
	const char *url;     /* where `db update` fetches it; NULL: several or none */
	int (*import)(const char *path, struct db_writer *w, struct error *err);
};
extern const struct feed *const feeds[]; /* NULL-terminated */
const struct feed *feed_named(struct str kind);

/* For importers (feed.c). Walks `path`; calls f with each file's content, decompressed, at most `limit` bytes; `name` is the path below `path`. */
typedef int feed_file(void *ctx, const char *name, struct str content, struct error *err);
int feed_walk(const char *path, const char *suffixes, size_t limit, feed_file *f, void *ctx, struct error *err) must_check;
/* For one document of any size that is an array or an object of many values: calls f with each value below `depth` keys, as jansson values, one at a time.
 * key: the member's name ("" in arrays). Constant memory. */
#include <jansson.h>
typedef int feed_value(void *ctx, const char *const *keys, json_t *value, struct error *err);
int feed_json_each(const char *file, u32 depth, feed_value *f, void *ctx, struct error *err) must_check;
#endif
