/* family.h — families of data that programs read by names that are made up while they run: kept whole when something that is needed can ask for them.
 *
 * A row of families[]: what asks (functions that programs import, libraries, programs, modules of languages, strings), and what answers (directories, patterns), with the part that is never asked for left
 * out (zoneinfo/right and posix; sources of locales; translations into languages of which no locale is there). New knowledge of this form is one row. */
#ifndef PARE_PROGRAM_FAMILY_H
#define PARE_PROGRAM_FAMILY_H
#include "program/graph.h"

extern const struct graph_kind graph_family;
/* A kind met something that asks for a family ("zones", "encodings", "locales", "accounts", "hosts", "services", "certificates", "shell", "messages", "terminals", "types", "magic" …). */
void family_ask(struct graph *g, const char *family, node_id because);
void family_functions(struct graph *g, u32 functions, node_id because); /* enum refer_function bits */
/* All that a pattern of absolute paths names, below it too; `without`: names, separated by blanks, that are left out (NULL: none). For knowledge of this form that is elsewhere. */
void family_answer(struct graph *g, struct str pattern, const char *without, node_id because);
/* Whether the C library makes up names in this directory for whoever asks it: time zones, encodings, locales. */
bool family_has(struct str dir);
#endif
