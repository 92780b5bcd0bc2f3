/* feed.h — the upstream feeds: one file a kind, each the publisher's own format, gathered in feeds[].
 *
 * An importer reads what `path` holds (a file, or a directory searched below, its files in bytewise order; .gz, .zst, .xz and .bz2 by content, .zip and .tar where
 * publishers ship those) document by document, value by value, never a whole feed in memory, and adds what it says to the writer. Feeds are data: budgets,
 * no depth, no size believed. A document that is damaged ends the import with an error that names it (a database with a hole is worse than none), a value
 * that is merely unknown (a new field, another ecosystem) is passed over and counted.
 *
 * What each kind writes, which match.h relies on. "binary", "source": what db_record.package names (db_record.binary). Versions are kept as the feed writes them
 * (epochs too).
 *
 *   kind             ecosystem                                     names    states and what else is set
 *   osv              the document's, its first part spelled as     (1)      FIXED with `fixed`; AFFECTED without, or with `last_affected`; `versions` alone too.
 *                    the schema does ("bitnami" → "Bitnami")                Language advisories keep their id, aliases beside it (db_vuln); those of distributions become
 *                                                                           one record a CVE with `advisory` naming them (2). Withdrawn: only db_vuln.withdrawn. Bug
 *                                                                           fixes (ALBA, RLEA …) without a CVE: NOT_AFFECTED.
 *   ubuntu-osv       "Ubuntu:22.04:LTS", "Ubuntu:24.10",           source   as osv; `advisory` "USN-…"; `severity` Ubuntu's priority; `reason` "Available with Ubuntu
 *                    "Ubuntu:Pro:16.04:LTS", "Ubuntu:Pro:FIPS:…"            Pro…" for Pro's
 *   alpine-secdb     "Alpine:v3.19", "Alpine:edge"                 source   FIXED; "0": NOT_AFFECTED with fixed "0" (the branch never had it)
 *   wolfi            "Wolfi", "Chainguard" or "MinimOS",           source   the same
 *                    as the document says
 *   debian-tracker   "Debian:12", "Debian:sid"; a codename that    source   resolved: FIXED, or NOT_AFFECTED with fixed "0". open: AFFECTED; DEFERRED (postponed) and
 *                    is not known as it is: "Debian:zurg"                   WILL_NOT_FIX (ignored), END_OF_LIFE (urgency), with `reason` "no-dsa: …", "postponed: …",
 *                                                                           "ignored: …"; no-dsa alone stays AFFECTED. undetermined: UNDER_INVESTIGATION. `severity`: urgency
 *   redhat-csaf-vex  "Red Hat", with `cpe` as the document has it  both     `fixed` "[epoch:]version-release", `module` "nodejs:18", `arches`, `advisory` "RHSA-…"; AFFECTED,
 *                    ("cpe:/o:redhat:enterprise_linux:8::baseos")  (3)      WILL_NOT_FIX, DEFERRED, END_OF_LIFE ("Out of support scope"), UNDER_INVESTIGATION, NOT_AFFECTED
 *   suse             "SUSE:Linux Enterprise Server 15 SP3",        binary   FIXED; AFFECTED, NOT_AFFECTED where the OVAL says so
 *                    "openSUSE:Leap 15.5", "openSUSE:Tumbleweed"
 *   amazon           "Amazon Linux:1", ":2", ":2022", ":2023"      binary   FIXED, `arches`, `advisory` "ALAS2-…"
 *   oracle           "Oracle Linux:8"                              binary   FIXED, `arches`, `module`, `advisory` "ELSA-…"; "ksplice", "fips" builds are told by `fixed`
 *   nvd, kev, epss, eol: no records
 *
 *   (1) source: Debian, Ubuntu, Echo, Alpine, Wolfi, Chainguard, MinimOS, Alpaquita, BellSoft Hardened Containers, Photon OS, Azure Linux, Mageia, openEuler; binary:
 *       AlmaLinux, Rocky Linux, Red Hat, SUSE, openSUSE, Amazon Linux, Oracle Linux. Languages: false. SUSE's own documents name sources and list their binaries: one
 *       record a binary.
 *   (2) db_record.id is the CVE. Without any CVE it is the advisory's own id. `db search` finds a record by its id, by each word of `advisory` and by the aliases of its
 *       vulnerability.
 *   (3) not `binary` when the product's purl has arch=src: the ".src" builds of what is fixed, and components without a fix in older documents. Red Hat's rules ask a
 *       package by its own name in either case (a component "glibc" without a fix says nothing of glibc-common). UNDER_INVESTIGATION is written, and NOT_AFFECTED of
 *       Enterprise Linux itself, whatever build was looked at.
 *
 * Packages keep the feed's spelling ("Werkzeug"); keys of the database have the normal name. */
#ifndef PARE_ADVISORY_FEED_H
#define PARE_ADVISORY_FEED_H
#include "advisory/db.h"
#include "layer/stream.h"
#include <jansson.h>

#define FEED_FILES ((u32)4 << 20) /* files below one directory, members of one archive */
#define FEED_DEPTH 32             /* directories in directories */
#define FEED_DOCUMENT (128 * MiB) /* one document that is read whole: Red Hat's largest have tens of megabytes */
#define FEED_VALUE (32 * MiB)     /* one value of feed_json_stream */

struct feed {
	const char *kind;    /* "osv", "debian-tracker" …: the table above */
	const char *summary; /* for help: what it is, who publishes it */
	const char *url;     /* where `db update` fetches it; NULL: several or none */
	int (*import)(const char *path, struct db_writer *w, struct error *err);
};
extern const struct feed *const feeds[]; /* NULL-terminated */
const struct feed *feed_named(struct str kind);

/* For importers (feed_walk.c). Calls f with each file below `path` (or with `path` itself), in bytewise order of their names; a zip or tar is taken for a directory of
 * its members (in its own order). `suffixes`: ".json .xml", those of a compression may follow; "" all; a path that is itself a file is taken whatever its name; symbolic
 * links are not followed. `name` is what to call it in messages. */
typedef int feed_stream(void *ctx, const char *name, struct stream *s, struct error *err); /* s: decompressed; stays the walker's */
int feed_walk_streams(const char *path, const char *suffixes, feed_stream *f, void *ctx, struct error *err) must_check;

/* For one document of any size that is an array or an object of many values (feed_json.c): calls f with each array or object that lies `depth` keys deep (1 to 8), as
 * jansson values, one at a time. keys[i]: the name of the member at level i ("" in arrays). Constant memory: one value, at most FEED_VALUE. Scalars are passed over. */
typedef int feed_value(void *ctx, const char *const *keys, json_t *value, struct error *err);
int feed_json_stream(struct stream *s, const char *name, u32 depth, feed_value *f, void *ctx, struct error *err) must_check;
#endif
