/* assign.h — "name = value" in any language's dress, around a word of the name. */
#ifndef PARE_SECRET_ASSIGN_H
#define PARE_SECRET_ASSIGN_H
#include "base/common.h"
#include "base/str.h"

struct assignment {
	size_t name, name_end; /* the whole name */
	size_t at, end;        /* the value, without quotes */
	bool quoted;
	size_t over;           /* with false: up to here nothing ends a value, so nothing in between is worth another look; 0 else */
};
/* The word is text[at, end). False when nothing is assigned to it. Looks at no more than a few hundred bytes. */
bool secret_assignment(struct str text, size_t at, size_t end, struct assignment *ret);
#endif
