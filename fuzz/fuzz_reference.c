/* Whatever is taken as a name is printed, read again, and must come out the same: normal names are stable. */
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct reference r, again;
	struct error err = { 0 };
	if (reference_parse(&a, str_n(data, size), &r, &err) == 0) {
		const char *full = reference_text(&a, &r), *familiar = reference_familiar(&a, &r);
		if (strlen(r.path) > 255 || (r.tag && strlen(r.tag) > 128) || strstr(r.path, "..") || strstr(full, "//"))
			abort();
		if (reference_parse(&a, str_of(full), &again, &err) < 0 || strcmp(reference_text(&a, &again), full) != 0)
			abort();
		if (!reference_same(full, familiar))
			abort();
	} else if (err.kind != ERR_USAGE || !err.text[0]) {
		abort();
	}
	arena_free(&a);
	return 0;
}
