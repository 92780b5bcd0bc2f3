/* Configuration files of the host: any text is read to its end or refused with the line that is wrong. */
#include "transport/storeconf.h"

static void found(void *ctx, const char *key, const char *value)
{
	if (strlen(key) > 4096)
		abort();
	*(size_t *)ctx += strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	size_t total = 0;
	if (storeconf_toml(&a, str_n(data, size), "storage.conf", found, &total, &err) < 0 && (err.kind != ERR_USAGE || !strstr(err.text, "line ")))
		abort();
	if (total > size)
		abort();
	arena_free(&a);
	return 0;
}
