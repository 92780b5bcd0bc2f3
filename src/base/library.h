/* library.h — libraries of the system that are loaded when something is first asked of them: what a command does not need, it need neither
 * wait for nor hold in memory. */
#ifndef PARE_BASE_LIBRARY_H
#define PARE_BASE_LIBRARY_H
#include "base/common.h"

struct library_function {
	const char *name;
	void *to; /* a pointer to a function */
};
/* Loads the first of the sonames (ends with NULL) that is there and finds its functions. Ends the program with a line on standard error
 * (status 4) where it or one of them is missing: the package of the system, `package`, is not installed. */
void library_load(const char *const *sonames, const char *package, const struct library_function *functions, size_t n);
#endif
