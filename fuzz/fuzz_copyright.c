/* The bytes are a copyright file, a licence as some ecosystem spells it, and an expression. */
#include "package/license.h"
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts *f = facts_new();
	struct buf once = BUF(0), twice = BUF(0);
	struct str raw = str_n(data, size), rest, one;
	world_files(f);
	world_put(f, "var/lib/dpkg/status.d/a", TAR_FILE, "", STR("Package: a\nVersion: 1\n"));
	world_put(f, "usr/share/doc/a/copyright", TAR_FILE, "", raw);
	world_read(f);
	license_expression(&once, raw);
	if (license_valid(buf_str(&once))) { /* what is an expression stays what it is */
		license_expression(&twice, buf_str(&once));
		if (!license_valid(buf_str(&twice)))
			abort();
	}
	size_t n = 0;
	for (rest = buf_str(&once); license_next(&rest, &one); n += one.n)
		;
	if (n > once.n)
		abort();
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
