/* The first byte tells which of dpkg's files the rest is; the others are there and sound, so that what it says meets something. */
#include "packages_world.h"

static const struct {
	const char *path, *sound;
} files[] = {
	{ "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nConffiles:\n /etc/a.conf 0\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n" },
	{ "var/lib/dpkg/info/a:amd64.list", "/.\n/bin\n/bin/a\n" },
	{ "var/lib/dpkg/info/b.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/b\n" },
	{ "var/lib/dpkg/diversions", "/bin/a\n/opt/alpha/one\nb\n" },
	{ "var/lib/apt/extended_states", "Package: b\nArchitecture: amd64\nAuto-Installed: 1\n" },
	{ "var/lib/dpkg/status.d/c", "Package: c\nVersion: 3\n" },
	{ "var/lib/dpkg/status.d/c.md5sums", "d41d8cd98f00b204e9800998ecf8427e  etc/passwd\n" },
	{ "etc/os-release", "ID=x\n" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct facts *f = facts_new();
	world_files(f);
	for (size_t i = 0; i < countof(files); i++)
		world_put(f, files[i].path, TAR_FILE, "", i == (size_t)data[0] % 16 ? str_n(data + 1, size - 1) : str_of(files[i].sound));
	world_read(f);
	return 0;
}
