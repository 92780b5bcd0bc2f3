/* build_output.h — --output of pare build: "type=oci,dest=app.tar", a directory, or "-". */
#ifndef PARE_COMMAND_BUILD_OUTPUT_H
#define PARE_COMMAND_BUILD_OUTPUT_H
#include "build/build.h"

/* *to_stdout becomes true when it goes there. ERR_USAGE: what it is wrong in. */
int build_output_read(struct arena *a, const char *text, struct build_output *ret, bool *to_stdout, struct error *err) must_check;
#endif
