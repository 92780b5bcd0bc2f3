/* place.h — where publishers keep their feeds, and how one finds the files there. */
#ifndef PARE_UPDATE_PLACE_H
#define PARE_UPDATE_PLACE_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

enum place_form {
	PLACE_FILE,    /* the URL is the file */
	PLACE_LIST,    /* names below the URL, separated by blanks */
	PLACE_YEARS,   /* a name with a year in it, from `first` on until there is none */
	PLACE_INDEX,   /* directories listed in HTML: patterns of files, and of directories with a slash behind them, one level deep */
	PLACE_POINTER, /* a small document that holds the name of the file */
};
enum place_digest {
	DIGEST_OF_NOTHING,
	DIGEST_OF_FILE,    /* FILE.sha256 beside it, where there is one: the hexadecimal digits, and the name or not */
	DIGEST_OF_CONTENT, /* FILE less its ".json.gz", with ".meta" behind it: a line "sha256:HEX", of what is compressed in it */
};
struct place {
	const char *kind, *url; /* the URL ends with a slash, except of PLACE_FILE */
	enum place_form form;
	const char *names;
	enum place_digest digest;
	u32 first;
};
/* How the feed is kept by its publisher; NULL: one file, at the feed's own URL. */
const struct place *place_of(const char *kind);
extern const struct place place_listed; /* any directory, listed in HTML, with files of any feed */

/* The links of an HTML page that are names in its own directory ("main.json", "v3.19/"): no other host, no path, nothing that leaves it. Calls f with each, in order, at most
 * LINKS_MAX; a link twice is told twice. */
#define LINKS_MAX 20000u
int place_links(struct str html, int (*f)(void *ctx, struct str name), void *ctx);
/* Whether a name is fit to be one of a file below a directory of ours: letters, digits, "._-+%~@", no leading dot in any part of it, at most 200 bytes a part. */
bool place_name_ok(struct str name);
/* The name that a pointer holds: its first line; p NULL when it is not fit. */
struct str place_pointed(struct str text);
/* 64 hexadecimal digits in a ".sha256" or ".meta"; p NULL when there are none. */
struct str place_digest_of(enum place_digest kind, struct str text);
#endif
