#include "base/hs.h"
#include <dlfcn.h>
#include <pthread.h>

static struct hs loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fail(const char *what)
{
	fprintf(stderr, "pare: libhs: %s (Debian: libvectorscan5 or libhyperscan5)\n", what);
	_Exit(4);
}

static void load(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "hs_compile_lit_multi", &loaded.compile_lit_multi },
		{ "hs_compile_multi", &loaded.compile_multi },
		{ "hs_free_compile_error", &loaded.free_compile_error },
		{ "hs_free_database", &loaded.free_database },
		{ "hs_alloc_scratch", &loaded.alloc_scratch },
		{ "hs_free_scratch", &loaded.free_scratch },
		{ "hs_scan", &loaded.scan },
		{ "hs_open_stream", &loaded.open_stream },
		{ "hs_scan_stream", &loaded.scan_stream },
		{ "hs_close_stream", &loaded.close_stream },
	};
	void *lib = dlopen("libhs.so.5", RTLD_LAZY | RTLD_LOCAL);
	if (!lib)
		fail("libhs.so.5 is not installed");
	for (size_t i = 0; i < countof(functions); i++) {
		void *f = dlsym(lib, functions[i].name);
		if (!f)
			fail(functions[i].name);
		memcpy(functions[i].to, &f, sizeof f);
	}
}

const struct hs *hs(void)
{
	pthread_once(&once, load);
	return &loaded;
}
