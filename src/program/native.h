/* native.h — programs, libraries and scripts as the kernel, the loader and shells take them (closure.h drives all three): what is reached by any other way is started or loaded, too. */
#ifndef PARE_PROGRAM_NATIVE_H
#define PARE_PROGRAM_NATIVE_H
#include "program/graph.h"
#include "program/source.h"

extern const struct source_language source_shell, source_archive;
/* What a path leads to that somebody names: a file; a directory that is his own, with all below it; any other by itself. 0: nothing is there. */
node_id native_named(struct graph *g, node_id dir, struct str path, node_id by);
extern const struct graph_kind graph_native;
#endif
