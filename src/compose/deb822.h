/* deb822.h — paragraphs of "Name: value" lines as Debian's files have them (deb822(5)): Release, Packages, control, sources. */
#ifndef PARE_COMPOSE_DEB822_H
#define PARE_COMPOSE_DEB822_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

/* The next paragraph of a text that is all there: without the blank lines around it. False at the end. */
bool deb822_next(struct str *rest, struct str *paragraph) must_check;
/* Its fields of these names (n of them; any case), each with the line breaks of its continued lines and no blanks around; p NULL: it is not there. The first of a name counts. ERR_INPUT: a
 * line that is none, a NUL. */
int deb822_fields(struct str paragraph, const char *const *names, struct str *values, u32 n, struct error *err) must_check;
/* The words of a value, separated by blanks and line breaks: false at its end. */
bool deb822_word(struct str *rest, struct str *word) must_check;
#endif
