/* Records of a build cache that another machine exported: what is read of them is whole, or they are refused. */
#include "build/cache_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct cache_record *v = NULL;
	u32 n = 0;
	if (cache_records_read(str_n(data, size), &a, &v, &n, &err) < 0) {
		if (err.kind != ERR_INPUT)
			abort();
	} else {
		for (u32 i = 0; i < n; i++) {
			const struct cache_record *r = &v[i];
			if (r->key.alg == DIGEST_NONE || !r->instruction || (i && memcmp(&v[i - 1].key, &r->key, sizeof r->key) > 0))
				abort();
			if (r->changed && (r->layer.digest.alg != DIGEST_SHA256 || r->layer.diff_id.alg != DIGEST_SHA256 || r->layer.size > CACHE_LAYER_MAX || r->layer.compression > COMP_ZSTD))
				abort();
			json_t *again = cache_layer_json(r);
			struct cache_record back;
			if (!cache_layer_read(again, &back) || back.changed != r->changed || !digest_eq(&back.layer.digest, &r->layer.digest))
				abort();
			json_decref(again);
		}
	}
	arena_free(&a);
	return 0;
}
