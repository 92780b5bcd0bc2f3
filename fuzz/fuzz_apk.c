/* The bytes are apk's database. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, "lib/apk/db/installed", TAR_FILE, "", str_n(data, size));
	world_read(f);
	return 0;
}
