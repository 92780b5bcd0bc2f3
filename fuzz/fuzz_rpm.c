/* The bytes are a database of rpm's of whatever kind (its content tells); behind "WAL" the log of one; behind "NOTE" what a collector
 * is said to have kept. */
#include "packages_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n(data, size);
	struct facts *f = facts_new();
	world_files(f);
	if (str_starts(s, STR("WAL"))) {
		world_put(f, "var/lib/rpm/rpmdb.sqlite-wal", TAR_FILE, "", str_from(s, 3));
	} else if (str_starts(s, STR("NOTE"))) {
		struct tar_entry e = { .path = STR("lib/apk/db/installed"), .type = TAR_FILE };
		u32 id;
		if (facts_add(f, &e, e.path, &id, NULL) < 0)
			abort();
		facts_note(f, id, COLLECT_APK, str_from(s, 4));
	} else {
		world_put(f, "var/lib/rpm/Packages", TAR_FILE, "", s);
	}
	world_read(f);
	return 0;
}
