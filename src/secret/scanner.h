/* scanner.h — what looks through one text after the other, buffer by buffer; one a thread.
 *
 *      file    |…………………………………………………………………………………………………|
 *      buffer            [ before | from …………… until | after ]      words between from and until are tried; the rest is there to look at
 */
#ifndef PARE_SECRET_SCANNER_H
#define PARE_SECRET_SCANNER_H
#include "secret/allow.h"
#include "secret/set.h"

struct hit {
	struct secret_found found;
	u32 index; /* of the rule in the set */
	bool weak;
};

struct scanner {
	struct secret_set *set;
	hs_scratch_t *scratch; /* one for both tables */
	bool made_for[2];      /* all, strong */
	struct words *words;   /* of the file's place */
	size_t smalls;         /* bytes that were looked through without a database */
	pcre2_match_data *match;
	pcre2_match_context *context;
	char path[4096];
	enum secret_place place;
	bool binary;
	struct hit *hits;
	u32 n_hits, cap_hits;
	bool gave_up, full;
	u64 no_value; /* up to here no value ends (assign.h) */
	u8 *fits;      /* by rule: whether the file's path is one of its: FITS_… */
	u32 *tries;    /* by rule: in this buffer */
	size_t *after; /* by rule: where its last match ended, or up to where it was searched; offsets of the file */
	/* the buffer */
	struct str text;
	u64 base;      /* its place in the file */
	size_t from, until;
	u32 lines;     /* line ends in front of `counted` */
	size_t counted;
};

struct scanner *scanner_new(struct secret_set *set);
void scanner_free(struct scanner *s);
void scanner_begin(struct scanner *s, struct str path);
/* `binary`: a NUL stands near the file's beginning. Consecutive buffers overlap: the caller says where its text stands in the file. */
void scanner_text(struct scanner *s, struct str text, u64 base, size_t from, size_t until);
void scanner_end(struct scanner *s); /* hits in order, none on top of another */
#endif
