/* Up to the first zero byte a package's desc, behind it its files. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts *f = facts_new();
	struct str all = str_n(data, size), desc = str_cut(&all, '\0');
	world_files(f);
	world_put(f, "var/lib/pacman/local/a-1/desc", TAR_FILE, "", desc);
	if (all.p)
		world_put(f, "var/lib/pacman/local/a-1/files", TAR_FILE, "", all);
	world_put(f, "var/lib/pacman/local/b-1/desc", TAR_FILE, "", desc);
	world_read(f);
	return 0;
}
