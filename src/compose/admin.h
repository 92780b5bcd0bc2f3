/* admin.h — packages that serve the installing of packages, or are a shell: an image of packages has them only where they are named. */
#ifndef PARE_COMPOSE_ADMIN_H
#define PARE_COMPOSE_ADMIN_H
#include "base/common.h"
#include "base/str.h"

/* What kind of a thing it is ("package manager", "shell", "configuration of packages", …); NULL: an ordinary package. `dependent_section`: of the package that wants it ("perl"): some are needed by
 * programs of that section. */
const char *admin_kind(struct str name, struct str dependent, struct str dependent_section);
#endif
