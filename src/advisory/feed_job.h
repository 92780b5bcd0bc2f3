/* feed_job.h — what importers share: one run over one feed, its counts, and the small questions that all of them ask. */
#ifndef PARE_ADVISORY_FEED_JOB_H
#define PARE_ADVISORY_FEED_JOB_H
#include "advisory/feed.h"
#include "base/json.h"

struct feed_job {
	const char *kind;
	struct db_writer *w;
	struct arena arena;  /* of the document at hand: emptied behind each */
	struct buf content;  /* of the document at hand, where it is read whole */
	u64 records, files;
	u64 passed;          /* values that say nothing we know: other products, ranges of commits */
	struct str head;     /* what feed_peek read */
	char newest[16];     /* "2024-06-01", the latest date met; "" none */
};

/* Runs `f` over every file of `path` and adds the source's line. For feed.import. */
typedef int feed_document(struct feed_job *j, const char *name, struct stream *s, struct error *err);
int feed_run(const char *kind, const char *path, const char *suffixes, feed_document *f, struct db_writer *w, struct error *err) must_check;

int feed_text(struct feed_job *j, const char *name, struct stream *s, size_t limit, struct error *err) must_check; /* all of it into j->content */
int feed_json(struct feed_job *j, const char *name, struct stream *s, json_t **ret, struct error *err) must_check; /* as one value: json_decref it */

int feed_record(struct feed_job *j, const struct db_record *r, struct error *err) must_check; /* adds and counts; fills r.source. Without a name it says nothing: passed over */
int feed_vuln(struct feed_job *j, const struct db_vuln *v, struct error *err) must_check;
void feed_newest(struct feed_job *j, struct str date); /* any text that begins with "YYYY-MM-DD" */
struct str feed_date(struct str date);                 /* its "YYYY-MM-DD"; empty when it isn't one */
bool feed_is_cve(struct str id);                       /* "CVE-2024-1234" and nothing else */
struct str feed_cut(struct str text, size_t most);     /* at most that many bytes, whole characters */
struct str feed_severity(struct str title);            /* "Moderate" of "Moderate: libtiff security update"; empty */

struct db_cvss feed_cvss(struct str source, struct str vector); /* with its version, and the score as it follows from the vector */
double feed_score(const json_t *score); /* as a document says it; 0 for what is none */
int feed_peek(struct feed_job *j, struct stream *s, int *first, struct error *err) must_check; /* the first byte that is no blank, -1 none; for feed_next and feed_text */
int feed_next(struct feed_job *j, struct stream *s, struct str *view, struct error *err) must_check;

/* A list that grows in the arena: with its document, which has a ceiling. */
struct feed_list {
	struct str *v;
	u32 n, cap;
};
void feed_push(struct feed_job *j, struct feed_list *l, struct str s);
void feed_push_once(struct feed_job *j, struct feed_list *l, struct str s); /* unless it is in a short list already */
struct str feed_join(struct feed_job *j, const struct feed_list *l); /* sorted, separated by blanks */

#define FEED_TITLE ((size_t)256)        /* bytes of a title, */
#define FEED_DESCRIPTION DB_TEXT_MAX    /* of a description: more is cut */
enum { FEED_REFERENCES = 16 };          /* references of one vulnerability */

/* --- ecosystems (feed_ecosystem.c) --- */
struct feed_ecosystem {
	const char *name;   /* as the OSV schema spells it, without release */
	bool distribution;  /* advisories are expanded to their CVEs */
	bool binary;        /* `package` names a binary package */
	bool binaries;      /* sources are named, their binaries listed: one record a binary */
	const char *scheme; /* of version.h */
};
/* Splits "alpine:v3.19" into what is known of "Alpine" and ":v3.19". False: it is none of those that are known. */
bool feed_ecosystem(struct str name, struct feed_ecosystem *ret, struct str *release);

/* --- documents, for importers of several formats --- */
int feed_osv_document(struct feed_job *j, const char *name, json_t *doc, struct error *err) must_check;
int feed_csaf_document(struct feed_job *j, const char *name, json_t *doc, struct error *err) must_check;
int feed_xml(struct feed_job *j, const char *name, struct stream *s, struct error *err) must_check; /* OVAL and updateinfo */

/* --- each kind's importer as a function of one document: for feeds[], tests and fuzzers --- */
feed_document feed_osv, feed_ubuntu, feed_alpine, feed_wolfi, feed_debian, feed_redhat, feed_suse, feed_amazon, feed_oracle, feed_nvd, feed_kev, feed_epss, feed_eol;
#endif
