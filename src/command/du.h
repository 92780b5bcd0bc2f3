/* du.h — what `pare du` says of places other than our own store. */
#ifndef PARE_COMMAND_DU_H
#define PARE_COMMAND_DU_H
#include "base/common.h"

/* --engine WHICH: returns the exit status. verbose: everything, not only the largest of each kind. */
int du_engine(const char *which, bool json, bool verbose);
#endif
