/* TOML of any bytes, and what it says as rules of secrets. */
#include "base/toml.h"
#include "secret/set.h"

static void ignore(void *ctx, const struct secret_found *f) { (void)ctx, (void)f; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	struct error err = { 0 };
	json_t *doc = NULL;
	struct secret_set *set = NULL;
	if (toml_parse(text, &doc, &err) == 0)
		json_decref(doc);
	else if (!err.text[0])
		abort();
	if (secret_set_of(text, &set, &err) == 0) {
		secret_scan(set, STR("srv/a.txt"), text, ignore, NULL);
		secret_set_free(set);
	}
	return 0;
}
