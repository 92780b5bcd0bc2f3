/* A binary package of any bytes: its members, its control files, its entries, and its scripts read. */
#include "base/file.h"
#include "compose/deb.h"
#include "compose/script.h"
#include <sys/mman.h>
#include <unistd.h>

static int each(void *ctx, const struct tar_entry *e, struct str path, struct tar *content, struct error *err)
{
	struct str view;
	u64 *bytes = ctx;
	(void)path;
	if (e->type != TAR_FILE)
		return 0;
	do {
		if (tar_content(content, &view, err) < 0)
			return -1;
		*bytes += view.n;
	} while (view.n && *bytes < 8u << 20);
	return 0;
}

static void command(void *ctx, const struct script_command *c)
{
	(void)ctx;
	if (!c->n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct deb d;
	struct deb_control c;
	u64 bytes = 0;
	if (fd < 0)
		fd = memfd_create("deb", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (deb_open(fd, &d, &err) == 0) {
		if (deb_read_control(&d, &a, &c, &err) == 0) {
			(void)!script_each(c.postinst, &a, command, NULL);
			(void)!script_each(c.preinst, &a, command, NULL);
		}
		(void)(deb_each(&d, each, &bytes, &err) < 0);
	} else if (!err.kind) {
		abort();
	}
	(void)!script_each(str_n(data, size), &a, command, NULL);
	arena_free(&a);
	return 0;
}
