/* relation.h — relations between packages as Debian writes them (deb-version(7), Debian Policy section 7): "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0". */
#ifndef PARE_COMPOSE_RELATION_H
#define PARE_COMPOSE_RELATION_H
#include "base/common.h"
#include "base/str.h"

enum relation_op { REL_ANY, REL_LT, REL_LE, REL_EQ, REL_GE, REL_GT };

struct relation {
	struct str name;    /* without ":any" and the like */
	enum relation_op op;
	struct str version; /* empty with REL_ANY */
};

/* The next group of a field, between commas; false at its end. */
bool relation_group(struct str *field, struct str *group) must_check;
/* The next alternative of a group; false at its end. What is not understood, or of another architecture than `arch` (NULL: none) that is named in it ("foo:arm64"), has no name. */
bool relation_next(struct str *group, const char *arch, struct relation *ret) must_check;
/* Whether a version satisfies it. */
bool relation_holds(const struct relation *r, struct str version) must_check;
const char *relation_op_text(enum relation_op op); /* "<<", ">=" …; "" of REL_ANY */

bool package_name_ok(struct str s);    /* lower case letters, digits, + - . */
bool package_version_ok(struct str s); /* what deb-version(7) allows, at most 256 bytes */
#endif
