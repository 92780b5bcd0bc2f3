/* baseenv.h — which environment variables a base image sets, as far as that is known without having it. */
#ifndef PARE_LINT_BASEENV_H
#define PARE_LINT_BASEENV_H
#include "base/common.h"
#include "base/str.h"

/* A distribution's image, that sets PATH and nothing else worth mentioning: debian, alpine, busybox … under any tag. */
bool baseenv_is_bare(struct str image);
/* A variable that images of languages, servers and clouds are known to set: JAVA_HOME, GOPATH, PHP_INI_DIR … */
bool baseenv_is_common(struct str name);
#endif
