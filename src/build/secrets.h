/* secrets.h — values and agents that reach only the step that asks for them. Values are read once, when a build begins; they are in no message. */
#ifndef PARE_BUILD_SECRETS_H
#define PARE_BUILD_SECRETS_H
#include "build/exec.h"

#define SECRET_MAX ((u64)500 * KiB)

struct secrets;
/* ERR_USAGE: a file, key or socket that was given and is not there. */
int secrets_open(const struct exec_options *opt, struct secrets **ret, struct error *err) must_check;
void secrets_close(struct secrets *s);
/* p NULL: none of this ID was given. */
struct str secrets_value(const struct secrets *s, const char *id);
/* The socket of an agent; NULL: none of this ID was given. */
const char *secrets_agent(const struct secrets *s, const char *id);
#endif
