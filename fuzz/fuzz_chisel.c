/* The bytes are chisel's manifest, compressed or not. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, "var/lib/chisel/manifest.wall", TAR_FILE, "", str_n(data, size));
	world_read(f);
	return 0;
}
