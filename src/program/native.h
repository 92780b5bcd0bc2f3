/* native.h — programs, libraries and scripts as the kernel, the loader and shells take them (closure.h drives all three): what is reached by any other way is started or loaded, too. */
#ifndef PARE_PROGRAM_NATIVE_H
#define PARE_PROGRAM_NATIVE_H
#include "program/graph.h"

extern const struct graph_kind graph_native;
#endif
