/* Traces: read, or refused; what was read and written again reads back as the same. */
#include "run/observe.h"

static char *written(struct observed *o, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);
	observed_write(o, f);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest config;
	struct error err = { 0 };
	struct observed *o = observed_new(NULL), *again = observed_new(NULL);
	if (observed_read(str_n(data, size), "t", o, &config, &err) == 0) {
		size_t n, m;
		autofree char *first = written(o, &n);
		if (observed_read(str_n(first, n), "t", again, &config, &err) < 0)
			abort();
		autofree char *second = written(again, &m);
		if (n != m || memcmp(first, second, n) != 0)
			abort();
	} else if (err.kind != ERR_INPUT) {
		abort();
	}
	observed_free(o);
	observed_free(again);
	return 0;
}
