/* The first byte tells whose text the rest is: a gem's specification, a Python distribution's metadata and lists of files; the others are there and sound. */
#include "packages_world.h"

#define SITE "usr/lib/python3/site-packages/"
#define GEMS "usr/lib/ruby/gems/3.1.0/"

static const struct {
	const char *path, *sound;
} files[] = {
	{ GEMS "specifications/g-1.gemspec", "Gem::Specification.new do |s|\n s.name = \"g\"\n s.version = \"1\"\nend\n" },
	{ GEMS "specifications/default/d-1.gemspec", "# stub: d 1 ruby lib\n" },
	{ SITE "a-1.dist-info/METADATA", "Name: a\nVersion: 1\n" },
	{ SITE "a-1.dist-info/RECORD", "a/a.py,,\n" },
	{ SITE "b-1.egg-info/PKG-INFO", "Name: b\nVersion: 1\n" },
	{ SITE "b-1.egg-info/top_level.txt", "b\n" },
	{ SITE "c-1.egg-info/PKG-INFO", "Name: c\nVersion: 1\n" },
	{ SITE "c-1.egg-info/installed-files.txt", "../c.py\n" },
	{ SITE "d-1.egg-info", "Name: d\nVersion: 1\n" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, GEMS "gems/g-1/lib/g.rb", TAR_FILE, "", STR("1"));
	world_put(f, "usr/lib/ruby/3.1.0/d.rb", TAR_FILE, "", STR("12"));
	world_put(f, SITE "a/a.py", TAR_FILE, "", STR("123"));
	world_put(f, SITE "b/b.py", TAR_FILE, "", STR("1234"));
	for (size_t i = 0; i < countof(files); i++)
		world_put(f, files[i].path, TAR_FILE, "", i == (size_t)data[0] % 16 ? str_n(data + 1, size - 1) : str_of(files[i].sound));
	world_read(f);
	return 0;
}
