/* system.h — what every program may count on: directories of the standard hierarchy, accounts and names, the loader's tables, what anybody may write to. */
#ifndef PARE_PROGRAM_SYSTEM_H
#define PARE_PROGRAM_SYSTEM_H
#include "program/graph.h"

extern const struct graph_kind graph_system;
void system_configuration(struct graph *g); /* working directory, volumes, what Env names */
#endif
