/* effect.h — what maintainer scripts would have done, and is known to matter, done here: one file a topic, each a function on the composition whose tree is full. */
#ifndef PARE_COMPOSE_EFFECT_H
#define PARE_COMPOSE_EFFECT_H
#include "compose/compose.h"

struct compose_package *effect_package(struct composition *c, const char *name); /* NULL: it is not there */

int effect_accounts(struct composition *c, struct error *err) must_check;     /* accounts.c: etc/passwd, group, shadow, gshadow */
int effect_certificates(struct composition *c, struct error *err) must_check; /* certificates.c: etc/ssl/certs */
int effect_alternatives(struct composition *c, struct error *err) must_check; /* alternatives.c */
int effect_loader(struct composition *c, struct error *err) must_check;       /* ldcache.c: etc/ld.so.cache */
void effect_notes(struct composition *c);                                     /* notes.c: what scripts do that is not done here */
#endif
