/* effect.h — what maintainer scripts would have done, and is known to matter, done here: one file a topic, each a function on the composition whose tree is full. */
#ifndef PARE_COMPOSE_EFFECT_H
#define PARE_COMPOSE_EFFECT_H
#include "compose/compose.h"

struct compose_package *effect_package(struct composition *c, const char *name); /* NULL: it is not there */

int effect_accounts(struct composition *c, struct error *err) must_check;     /* accounts.c: etc/passwd, group, shadow, gshadow */
int effect_certificates(struct composition *c, struct error *err) must_check; /* certificates.c: etc/ssl/certs */
void effect_alternatives(struct composition *c);                              /* alternatives.c */
int effect_loader(struct composition *c, struct error *err) must_check;       /* ldcache.c: etc/ld.so.cache */
int effect_tmpfiles(struct composition *c, struct error *err) must_check;     /* tmpfiles.c: directories of usr/lib/tmpfiles.d */
/* Each line of the files DIR….conf, in the order of their names, but for blank ones and comments. */
int effect_lines(struct composition *c, struct str dir, void (*line)(void *ctx, struct str line), void *ctx, struct error *err) must_check;
/* files.c: an ID by its number, or of an account file ("etc/passwd", then *second is the group's; "etc/group"); a clean path that is no mount's; "0755" */
bool effect_id(struct composition *c, const char *file, struct str name, u32 *ret, u32 *second) must_check;
const char *effect_path(struct composition *c, const char *z) must_check;
bool effect_mode(const char *s, u32 *mode) must_check;
struct script_command;
/* files.c: a command that makes directories and links or changes owners and modes, done; false: it is none of those. *done false: not all of its words are known. */
bool effect_file_command(struct composition *c, const struct script_command *s, bool *done) must_check;
void effect_php(struct composition *c);                                       /* php.c: extensions that are there are enabled */
void effect_notes(struct composition *c);                                     /* notes.c: that, for each script; and what they do that is not done here */
#endif
