/* The first byte tells whose document the rest is: npm, Composer, NuGet, conda. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "app/node_modules/@s/x/package.json", "app/package.json", "app/vendor/composer/installed.json", "app/x.deps.json", "opt/conda/conda-meta/x-1-0.json" };
	if (size == 0)
		return 0;
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, "app/node_modules/@s/x/node_modules/y/package.json", TAR_FILE, "", STR("{\"name\": \"y\", \"version\": \"1\"}"));
	world_put(f, "app/vendor/a/b/c.php", TAR_FILE, "", STR("123"));
	world_put(f, "app/x.dll", TAR_FILE, "", STR("1234"));
	world_put(f, names[data[0] % countof(names)], TAR_FILE, "", str_n(data + 1, size - 1));
	world_read(f);
	return 0;
}
