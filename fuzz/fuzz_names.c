/* What a manifest or an index names, by the store: every digest that comes out is one, and their number is bounded by the document. */
#include "store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { NULL, "", MT_MANIFEST, MT_INDEX, MT_DOCKER_LIST, "text/plain" };
	for (size_t t = 0; t < countof(types); t++) {
		struct names n;
		struct error err = { 0 };
		if (names_read(str_n(data, size), types[t], &n, &err) < 0) {
			if (err.kind != ERR_INPUT || !err.text[0])
				abort();
			continue;
		}
		if (n.n > size / 64 || !n.type[0] || strlen(n.type) >= sizeof n.type)
			abort();
		for (u32 i = 0; i < n.n; i++)
			if (n.v[i].digest.alg == DIGEST_NONE || n.v[i].kind > NAMED_MAYBE)
				abort();
		free(n.v);
	}
	return 0;
}
