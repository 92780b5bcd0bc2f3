/* secret.h — what looks like a secret: by the name of a variable, by the form of a value. Nothing here keeps or prints a value.
 *
 * For texts as small as a Dockerfile, with nothing to load first. The forms are the tokens among the rules (scan.h), which begin with what nobody else
 * uses. What only looks random is not taken for a secret; what has the form but is made up ("EXAMPLE", one letter repeated) is not taken either. */
#ifndef PARE_SECRET_SECRET_H
#define PARE_SECRET_SECRET_H
#include "base/common.h"
#include "base/str.h"

/* Whether a variable's name says that its value is a secret ("DB_PASSWORD", "API_KEY"; not "PASSWORD_FILE", not "PUBLIC_KEY"). */
bool secret_name(struct str name);
/* Whether a value is, or holds, a URL with a password in it ("postgres://app:pw@db/app"; not "postgres://app:$PW@db"). */
bool secret_url(struct str value);
/* Whether a value cannot be the secret itself: empty, a variable, "<token>", "xxxx", "***". */
bool secret_placeholder(struct str value);

struct secret_hit {
	const char *what; /* "GitHub token" */
	size_t at, end;   /* bytes of the text */
};
/* The next secret at or behind *from; moves *from behind it. One pass over the text, however many formats there are. */
bool secret_find(struct str text, size_t *from, struct secret_hit *ret);

/* Whether a file of that name holds secrets by custom (".env", "id_rsa", ".netrc", "server.key"); what it is called, or NULL.
 * `dir` is the name of its directory (".aws"). Examples (".env.example", "env.sample") and public halves are none. */
const char *secret_file(struct str dir, struct str name);
#endif
