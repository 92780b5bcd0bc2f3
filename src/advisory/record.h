/* record.h — inside of the database: keys, and what values look like.
 *
 *      "!"                                      "pare advisories" u32 version
 *      "a" ECOSYSTEM \0 PACKAGE \0 be16 part    records, one behind the other
 *      "c" be16 number                          ECOSYSTEM: numbers stand for them in "i" and "n"
 *      "e" ID                                   u32 score, u32 percentile, in 1e-9
 *      "i" ID \0 be16 part                      { be16 ecosystem, string package } …
 *      "k" ID                                   u8 ransomware, string added, string due
 *      "l" ID \0 ID                             nothing: other names of a vulnerability, both ways
 *      "n" PACKAGE \0 be16 part                 be16 ecosystem …
 *      "o" PRODUCT \0 CYCLE                     strings
 *      "s" KIND \0 LOCATION                     u64 records, u64 files, string newest
 *      "v" ID                                   a vulnerability
 *
 * A value is a row of numbers (LEB128) and strings. A string is a number: 0 for "", 2n+1 for n bytes that follow, 2k for those of the string that began at byte k of
 * this value, so that what a package's records have in common stands there once, and every string is still a view into the map.
 * Names in keys are the normal ones (db_normal_name), shortened with a hash when longer than DB_NAME_MAX. */
#ifndef PARE_ADVISORY_RECORD_H
#define PARE_ADVISORY_RECORD_H
#include "advisory/db.h"

#define DB_MAGIC "pare advisories"
#define DB_NAME_MAX ((size_t)200)
#define DB_PART ((size_t)MiB) /* a value is cut there, between two records */

/* Values being written. */
struct encoder {
	struct buf out;
	struct {
		u32 at, n; /* a string of out, behind its number; n 0: free */
		u32 token;
	} *table;          /* open addressing, NULL until wanted */
	u32 n, cap;
};
void encode_number(struct encoder *e, u64 n);
void encode_string(struct encoder *e, struct str s, bool share);
void encode_record(struct encoder *e, const struct db_record *r, struct str normal, bool share); /* normal: the package as the key has it */
void encode_vuln(struct encoder *e, const struct db_vuln *v);
void encoder_clear(struct encoder *e);
void encoder_free(struct encoder *e);

/* Values being read; `bad` stays set once something did not hold. */
struct decoder {
	struct str all;
	size_t at;
	bool bad;
};
u64 decode_number(struct decoder *d);
struct str decode_string(struct decoder *d);
/* The next record of a value, 1; 0 at its end; -1 damaged. *versions grows as needed (owned by the caller). Ecosystem and package are those of the key. */
struct version_list {
	struct str *v;
	u32 cap;
};
int decode_record(struct decoder *d, struct str ecosystem, struct str package, struct version_list *versions, struct db_record *ret) must_check;
bool decode_vuln(struct str value, struct arena *a, struct db_vuln *ret) must_check;

/* Appends a name to a key: shortened when it is long. */
void key_name(struct buf *key, struct str name);
void key_normal_name(struct buf *key, struct str ecosystem, struct str package);
#endif
