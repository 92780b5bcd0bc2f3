#include "base/library.h"
#include <dlfcn.h>

void library_load(const char *const *sonames, const char *package, const struct library_function *functions, size_t n)
{
	void *lib = NULL;
	char why[200] = "";
	for (size_t i = 0; !lib && sonames[i]; i++)
		if (!(lib = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL)) && !*why)
			snprintf(why, sizeof why, "%s", dlerror());
	if (!lib) { /* as the linker says it: not there, or no memory for it */
		fprintf(stderr, "pare: %s (Debian: %s)\n", why, package);
		_Exit(4);
	}
	for (size_t i = 0; i < n; i++) {
		void *f = dlsym(lib, functions[i].name);
		if (!f) {
			fprintf(stderr, "pare: %s has no %s (Debian: %s)\n", sonames[0], functions[i].name, package);
			_Exit(4);
		}
		memcpy(functions[i].to, &f, sizeof f);
	}
}
