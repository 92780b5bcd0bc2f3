/* merely.h — level `package`: of what would stay only because its package does, what goes all the same, since nobody misses it there.
 *
 *      a program or library of which a library, a script of which the interpreter is another package's and goes     (and what needs that, in turn)
 *      a library in a directory of the loader that nothing that is left needs, and whose name nothing that is needed says in any form ("libx.so.1", "libx"; "x" where libraries are loaded by that)
 *      a link to what goes
 *      data of a family (family_has()) that nobody asked for: who needs of it has it already
 *
 * What is needed is the graph's, and untouched. */
#ifndef PARE_SLIM_MERELY_H
#define PARE_SLIM_MERELY_H
#include "program/graph.h"

/* `stays` by node: what would stay, regular files and links; taken back where it goes. What lacks something is the graph's to spare from now on: its kin that stay do not bring it. */
void merely_sift(struct graph *g, bool *stays);
/* By node, malloc'ed: whether it is or lies in a family's directory. Such data neither speaks for its package nor stays with it. */
bool *merely_of_families(const struct graph *g);
#endif
