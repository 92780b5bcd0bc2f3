/* fetched.h — a file from a URL, within build/: for contexts and ADD. */
#ifndef PARE_BUILD_FETCHED_H
#define PARE_BUILD_FETCHED_H
#include "base/arena.h"
#include "oci/digest.h"

/* Into `path` (PATH.part and PATH.note beside it meanwhile); *sha256 of what came. */
int fetched_file(const char *url, const char *path, struct digest *sha256, struct error *err) must_check;
/* What BuildKit calls a file of that URL: the last name of its path, percent-decoded; "__unnamed__" where there is none. ERR_USAGE: one that is no name. */
int fetched_name(struct arena *a, struct str url, const char **ret, struct error *err) must_check;
#endif
