/* lua.h — modules of Lua and Tcl, and what their sources name. Lua's modules are looked for beside the source, in LUA_PATH, LUA_CPATH and the places that its builds search; a module that is named by what
 * is computed keeps all of these places. */
#ifndef PARE_PROGRAM_LUA_H
#define PARE_PROGRAM_LUA_H
#include "program/graph.h"
#include "program/source.h"

extern const struct graph_kind graph_lua;
extern const struct source_language source_lua, source_tcl;
#endif
