#include "base/library.h"
#include <dlfcn.h>

void library_load(const char *const *sonames, const char *package, const struct library_function *functions, size_t n)
{
	void *lib = NULL;
	for (size_t i = 0; !lib && sonames[i]; i++)
		lib = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		fprintf(stderr, "pare: %s is not installed (Debian: %s)\n", sonames[0], package);
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
