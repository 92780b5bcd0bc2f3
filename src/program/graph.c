#include "program/graph.h"
#include "program/family.h"

/* Each kind of knowledge: one line. */
const struct graph_kind *const graph_kinds[] = { NULL };
