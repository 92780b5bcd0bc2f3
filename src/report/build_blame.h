/* build_blame.h — which line of a Dockerfile wrote what: bytes of each layer, how many are left in the end, and the step that it came of. */
#ifndef PARE_REPORT_BUILD_BLAME_H
#define PARE_REPORT_BUILD_BLAME_H
#include "build/build.h"
#include "report/subject.h"

/* Layers that no step of the trace came to are the base image's. `json`: {"layers":[…],"files":[…]}, every file of the final tree with its place. */
void build_blame(FILE *f, const struct subject *s, const struct build_trace *trace, u32 n, bool json);
#endif
