/* The bytes are an archive as it lies in an image; the first byte chooses what it is called: a jar, a war, an egg, a descriptor that was unpacked. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "srv/app-1.0.jar", "srv/app.war", "usr/lib/python3/site-packages/x-1-py3.egg", "srv/META-INF/maven/g/a/pom.properties" };
	if (size == 0)
		return 0;
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, names[data[0] % countof(names)], TAR_FILE, "", str_n(data + 1, size - 1));
	world_read(f);
	return 0;
}
