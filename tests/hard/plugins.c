/* plugins.c — asks for libraries whose names it makes up: by name alone ("codec big"), and all that lie in a directory ("all"). */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ask(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW);
	const char *(*says)(void) = lib ? (const char *(*)(void))dlsym(lib, "says") : NULL;
	printf("%s\n", says ? says() : "missing");
	return !says;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int n, char **v)
{
	char path[512], *found[64];
	size_t k = 0;
	int bad = 0;
	if (n > 2 && !strcmp(v[1], "codec")) {
		snprintf(path, sizeof path, "libhardcodec_%s.so.1", v[2]);
		return ask(path);
	}
	if (n > 1 && !strcmp(v[1], "all")) {
		const char *dir = getenv("PLUGINS") ? getenv("PLUGINS") : "/usr/lib/hardhost/plugins";
		DIR *d = opendir(dir);
		for (struct dirent *e; d && k < 64 && (e = readdir(d));)
			if (strstr(e->d_name, ".so"))
				found[k++] = strdup(e->d_name);
		qsort(found, k, sizeof *found, by_name);
		for (size_t i = 0; i < k; i++) {
			snprintf(path, sizeof path, "%s/%s", dir, found[i]);
			bad |= ask(path);
		}
		return bad || !k;
	}
	puts("plain");
	return 0;
}
