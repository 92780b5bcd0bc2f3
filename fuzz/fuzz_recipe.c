/* SPEC and compose.lock of any bytes. */
#include "compose/compose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct recipe r;
	struct error err = { 0 };
	struct composition c;
	recipe_init(&r);
	if (recipe_parse(str_n(data, size), "SPEC", &a, &r, &err) < 0 && err.kind != ERR_USAGE)
		abort();
	recipe_init(&r);
	composition_init(&c, &r, "amd64");
	if (compose_lock_read(&c, str_n(data, size), "compose.lock", &err) == 0 && c.n > SOLVE_CHOSEN)
		abort();
	composition_free(&c);
	arena_free(&a);
	return 0;
}
