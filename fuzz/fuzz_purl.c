/* The bytes are a package URL; one that can be read is made again from what was read, and says the same. */
#include "package/purl.h"

static void same(const char *a, const char *b)
{
	if (strcmp(a, b) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct purl u, v;
	if (purl_parse(&a, str_n(data, size), &u) == 0) {
		struct package k = { .type = u.type, .name = purl_name(&a, &u), .version = purl_version(&a, &u), .arch = u.arch, .module = u.module };
		k.source_name = k.name;
		k.source_version = k.version;
		const char *z = purl_make(&a, &k, "", "");
		if (strlen(z) < PURL_MAX / 4 && purl_parse(&a, str_of(z), &v) == 0) {
			same(u.type, v.type);
			same(purl_make(&a, &(struct package){ .type = v.type, .name = purl_name(&a, &v), .version = purl_version(&a, &v), .arch = v.arch, .module = v.module,
							      .source_name = purl_name(&a, &v), .source_version = purl_version(&a, &v) }, "", ""), z);
		}
	}
	arena_free(&a);
	return 0;
}
