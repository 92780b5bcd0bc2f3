#include "base/hs.h"
#include "base/library.h"
#include <pthread.h>

static struct hs loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const sonames[] = { "libhs.so.5", NULL };
	static const struct library_function functions[] = {
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
	library_load(sonames, "libhyperscan5 or libvectorscan5", functions, countof(functions));
}

const struct hs *hs(void)
{
	pthread_once(&once, load);
	return &loaded;
}
