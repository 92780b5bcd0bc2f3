/* node.h — which modules and data of Node.js an image's program can need: Node's own resolution (Modules: CommonJS, ECMAScript, Packages) over the tree, from what sources refer to (source_javascript.c).
 *
 *      a source outside node_modules     the application: all of it stays; its tools' and tests' own imports count only when they are no development dependencies
 *      a source of a package             stays when it is imported, with the package's data (json, templates, wasm, addons) but not its tests, documentation, types and maps
 *      a name that is computed           the directory it begins with; without a beginning all of the package's sources, of an application all of its dependencies
 *
 * A package of which nothing is imported goes with its package.json; so what stays is what is listed. */
#ifndef PARE_PROGRAM_NODE_H
#define PARE_PROGRAM_NODE_H
#include "program/graph.h"
#include "program/source.h"

extern const struct graph_kind graph_node;
extern const struct source_language source_javascript;

/* node_resolve.c: the file that a name means in a source of this directory; 0: none (it is built in, or not there). */
node_id node_resolve(struct graph *g, node_id from, struct str name, bool import);
node_id node_path(struct graph *g, node_id dir, struct str path);        /* a path: as it is, with an ending, a directory's main file */
node_id node_package(struct graph *g, node_id from, struct str name);    /* the directory of an installed package; 0 */
node_id node_scope(struct graph *g, node_id dir);                        /* the package.json that counts there; 0 */
struct str node_split(struct str name, struct str *sub);                 /* "@a/b/c/d": "@a/b", "c/d" */
bool node_says(struct graph *g, node_id package, const char *directive, struct str value); /* a package.json */
#endif
