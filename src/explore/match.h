/* match.h — what the filter line of the explorer means. Paths are matched whole, with their leading '/'.
 *
 *   text   no special character        a part of the path; in any case of letters when the text has no capitals
 *   glob   `*` or `?` and nothing else  as str_glob: `*.so`, `usr/l*`, matched against the name when it has no '/'
 *   regex  anything with ^ $ + ( ) | [ { \ or ".*" or ".?"   POSIX extended, without back-references (their cost has no bound) */
#ifndef PARE_EXPLORE_MATCH_H
#define PARE_EXPLORE_MATCH_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include <locale.h>
#include <regex.h>

#define MATCH_MAX 256 /* bytes of a pattern, terminated */

enum match_kind { MATCH_ALL, MATCH_TEXT, MATCH_GLOB, MATCH_REGEX };
struct match {
	enum match_kind kind;
	char text[MATCH_MAX];
	bool fold;
	regex_t re;
	locale_t bytes; /* paths are bytes, not characters */
};

int match_compile(struct match *m, const char *text, struct error *err) must_check; /* "": MATCH_ALL */
bool match_path(const struct match *m, const char *path, size_t n); /* path[n] is '\0' */
void match_free(struct match *m);
extern const char *const match_kind_text[];
#endif
