/* fields.h — "type=registry,ref=host/app,mode=max", as --output, --cache-to, --secret and --attest take it: a line of CSV. A field with a comma in it stands in quotes as a whole: type=image,"name=a,b",push=true. */
#ifndef PARE_BUILD_FIELDS_H
#define PARE_BUILD_FIELDS_H
#include "base/arena.h"
#include "base/error.h"

struct field {
	struct str key, value; /* value.p NULL: without "=" */
	const char *text;      /* the value, NUL-terminated, the arena's; "" without one */
};
/* The next one of *rest; false: there is none. */
bool field_next(struct arena *a, struct str *rest, struct field *ret);
/* true, 1, nothing behind the key; false, 0. ERR_USAGE: something else. */
int field_true(const struct field *f, bool *ret, struct error *err) must_check;
/* What stands in these texts between commas and is not empty: NULL-terminated, the arena's; NULL: nothing. */
const char *const *field_words(struct arena *a, const char *const *texts, u32 n);
#endif
