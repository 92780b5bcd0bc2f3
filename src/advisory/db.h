/* db.h — the advisory database: one LMDB file, mapped read-only, opened in microseconds, the same bytes from the same feeds.
 *
 * What feeds say becomes records: one a package, release and range of versions. Beside them stands what is known of each vulnerability itself.
 *
 *      affected   ECOSYSTEM, PACKAGE → its records                      (match.h asks by package)
 *      ids        ID → ecosystems and packages                          (`db search CVE-…`); the ID is the record's own, each word of its `advisory`, the vulnerability's aliases
 *      names      PACKAGE → ecosystems                                  (`db search PACKAGE`)
 *      vulns      ID → title, severities, CVSS, aliases, references, dates    (NVD, OSV, VEX)
 *      kev, epss  "CVE-…" → dates; score and percentile
 *      eol        PRODUCT, CYCLE → dates
 *      sources    KIND, LOCATION → what was read, its newest date, how many records
 *
 * record.h says how that is written, tree.h what the file is made of.
 *
 * ECOSYSTEM is the OSV schema's name with the release: "Debian:12", "Alpine:v3.19", "Ubuntu:22.04:LTS", "Red Hat" (release in `cpe`, see match.h), "Rocky Linux:9",
 * "npm", "PyPI", "Go", "Maven", "RubyGems", "crates.io", "Packagist", "NuGet", …; and "Amazon Linux:2", "Oracle Linux:8" of our own. Languages are matched by the
 * purl type's normal name (pypi: lower case, runs of -_. as one "-").
 *
 * Records keep the name as the feed spells it ("Werkzeug"), keys hold the normal one, of what is added and of what is asked alike.
 *
 * A database is data, too: it may come from a registry. Nothing in it is believed: every page number, offset and length is checked when it is used, and no query reads more than the
 * file is long; so a file that is cut off, damaged or made by somebody who means harm ends in ERR_INPUT (db_open, or the query that meets it), not in a crash or a hang. What that cannot
 * tell is whether the advisories are the right ones: whoever fetches a database compares the digest of the whole file. A file is replaced by renaming another over it; one that
 * is shortened while it is open takes its reader down, as with every mapped file. */
#ifndef PARE_ADVISORY_DB_H
#define PARE_ADVISORY_DB_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define DB_VERSION 1            /* of the format: another one is refused with the remedy (`pare db update`) */
#define DB_MAP_MAX (16 * GiB)

#define DB_TEXT_MAX ((size_t)1000) /* bytes of a description, 300 of a title */
#define DB_REFERENCES_MAX 16u      /* of one vulnerability, the first in their order */

enum fix_state { FIX_AFFECTED, FIX_FIXED, FIX_UNDER_INVESTIGATION, FIX_WILL_NOT_FIX, FIX_DEFERRED, FIX_END_OF_LIFE, FIX_NOT_AFFECTED, FIX_UNKNOWN };
extern const char *const fix_state_text[]; /* CLI.md: "affected" "fixed" "under_investigation" "will_not_fix" "fix_deferred" "end_of_life" "not_affected" "unknown" */

enum { RANGE_MAX = 4096 }; /* ranges or versions of one record */

/* One package of one release, one range. Strings empty when nothing is said. When a feed lists several ranges there are several records. */
struct db_record {
	struct str id;            /* "CVE-2024-1234", "GHSA-…", "DSA-…" when there is no CVE */
	struct str ecosystem, package;
	struct str introduced;    /* affected from here on; "" or "0": from the beginning */
	struct str fixed;         /* not any more from here on; "" no fix. "0" of Debian: never affected */
	struct str last_affected; /* instead of fixed: the last one that is */
	const struct str *versions; /* exactly these, besides the range; n_versions of them. With any and no range: only these */
	u32 n_versions;
	enum fix_state state;     /* FIX_FIXED when `fixed` is known */
	struct str severity;      /* the vendor's word as it is: "Important", "low", "not yet assigned" */
	struct str reason;        /* the vendor's: "no-dsa: Minor issue", "postponed", "Vulnerable code not present" */
	struct str advisory;      /* "DSA-5000-1", "RHSA-2024:1234", separated by blanks */
	struct str module;        /* rpm: "nodejs:18"; only packages of that stream */
	struct str arches;        /* separated by blanks; "" all */
	struct str cpe;           /* Red Hat: the product's CPE, which names the release and stream */
	struct str source;        /* the feed: "debian-tracker", "osv" … */
	bool binary;              /* `package` is a binary package's name; else the source's, where the ecosystem tells them apart */
};

struct db_cvss {
	struct str source, version, vector; /* "nvd", "3.1", "CVSS:3.1/AV:N/…" */
	double score;
};
struct db_vuln {
	struct str id, title, description, published, modified, severity;
	const struct str *aliases, *references, *cwes;
	u32 n_aliases, n_references, n_cwes;
	const struct db_cvss *cvss;
	u32 n_cvss;
	bool withdrawn;
};
struct db_kev { struct str date_added, due_date; bool ransomware; };
struct db_epss { double score, percentile; };
struct db_eol { struct str product, cycle, codename, release, eol, extended; }; /* dates "2028-06-30"; "" when not set; "true": it is over, no day is known */
struct db_source { struct str kind, location, newest; u64 records, files; };  /* newest: the latest date that the feed itself names; never a clock's or a file system's */

/* --- writing (db_write.c): everything is sorted by what it is, so that neither the order of files nor of directories matters --- */
struct db_writer;
/* The file appears at db_writer_commit() and not before (base/file.h); memory stays bounded whatever is added. */
int db_writer_open(const char *path, struct db_writer **ret, struct error *err) must_check;
int db_add_record(struct db_writer *w, const struct db_record *r, struct error *err) must_check; /* copies */
int db_add_vuln(struct db_writer *w, const struct db_vuln *v, struct error *err) must_check;     /* of several feeds: joined. Long texts are cut (DB_TEXT_MAX, DB_REFERENCES_MAX) */
int db_add_kev(struct db_writer *w, struct str id, const struct db_kev *k, struct error *err) must_check;
int db_add_epss(struct db_writer *w, struct str id, const struct db_epss *e, struct error *err) must_check;
int db_add_eol(struct db_writer *w, const struct db_eol *e, struct error *err) must_check;
/* Importers say this at their end. Of several with the same kind and location (its last part alone is kept) the largest of each number and the latest date count. */
int db_add_source(struct db_writer *w, const struct db_source *s, struct error *err) must_check;
/* What was added since the last call (or the beginning): for the summary of one feed. *newest: the latest day that a vulnerability of it names, "" none; until the next call. */
void db_writer_since(struct db_writer *w, u64 *records, u64 *others, struct str *newest);
int db_writer_commit(struct db_writer *w, struct error *err) must_check; /* frees, whatever happens */
void db_writer_abort(struct db_writer *w);

/* --- reading (db.c): views point into the map and live as long as the database --- */
struct db;
/* Default place: STORE/advisories.db. Several threads may read. ERR_INPUT for a damaged or foreign file. */
int db_open(const char *path, struct db **ret, struct error *err) must_check;
void db_close(struct db *d);
/* Calls f for every record on the package in that ecosystem, in order; stops when f returns not 0 and returns that; -1 damaged. */
int db_affected(const struct db *d, struct str ecosystem, struct str package, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err) must_check;
int db_by_id(const struct db *d, struct str id, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err) must_check; /* aliases too */
int db_by_name(const struct db *d, struct str package, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err) must_check;
bool db_has_ecosystem(const struct db *d, struct str ecosystem); /* whether any record is of it: else "not covered", never a quiet zero */
/* What is known by `id`, with what its other names add (a CVE by its GHSA). *ret is of `a` and of the map; its id is the first name that anything is known by. */
bool db_vuln(const struct db *d, struct arena *a, struct str id, struct db_vuln *ret);
bool db_kev(const struct db *d, struct str id, struct db_kev *ret);
bool db_epss(const struct db *d, struct str id, struct db_epss *ret);
bool db_eol(const struct db *d, struct str product, struct str cycle, struct db_eol *ret); /* product: endoflife.date's name ("debian", "alpine-linux", "rocky-linux"); cycle "12" */
int db_sources(const struct db *d, int (*f)(void *ctx, const struct db_source *s), void *ctx);
/* Every record in the order of the file: by ecosystem, normal name, id. */
int db_each(const struct db *d, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err) must_check;
/* The same, one record a call, so that two databases can be walked beside each other: 1, 0 at the end, -1 damaged. *normal: the package as keys have it.
 * The list of versions is good until the next call, the rest as long as the database. */
struct db_walk;
struct db_walk *db_walk_new(const struct db *d);
int db_walk_next(struct db_walk *w, struct db_record *ret, struct str *normal, struct error *err) must_check;
void db_walk_free(struct db_walk *w);
#endif
