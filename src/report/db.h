/* db.h — the advisory database for people and programs: what is in it, what it says of one vulnerability or package, what two of them differ in.
 * JSON: docs/schema/db-status, db-search and db-diff. Documents are written while the database is read; memory does not grow with it. */
#ifndef PARE_REPORT_DB_H
#define PARE_REPORT_DB_H
#include "advisory/db.h"

/* `day`: today as days since 1970, for ages. */
int report_db_status(FILE *f, const struct db *d, const char *path, u64 size, s64 day, bool json, struct error *err) must_check;
/* By id or, when nothing has that id, by package. Nothing found is an answer, too. */
int report_db_search(FILE *f, const struct db *d, struct str what, bool json, struct error *err) must_check;
int report_db_diff(FILE *f, const struct db *before, const struct db *after, bool json, struct error *err) must_check;

/* For db_diff.c. */
struct jsonw;
void db_judgement_json(struct jsonw *w, const struct db_record *r); /* members: what can differ between two databases */
void db_judgement_text(struct buf *out, const struct db_record *r); /* "fixed in 1.2-3", "will not fix (Minor issue)" */
#endif
