/* OCI image layouts in a directory (OCI image specification, image-layout.md). */
#include "base/file.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct layout {
	struct bag base;
	int dirfd;
};

static bool find(struct bag *b, const char *name, u64 *size)
{
	autofd int fd = file_open_beneath(((struct layout *)b)->dirfd, name, NULL);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	*size = (u64)st.st_size;
	return true;
}

static int read_member(struct bag *b, const char *name, u64 limit, struct buf *out, struct error *err)
{
	autofd int fd = file_open_beneath(((struct layout *)b)->dirfd, name, err);
	return fd < 0 ? -1 : file_read_fd(fd, (size_t)limit, name, out, err);
}

static int open_member(struct bag *b, const char *name, struct stream **ret, struct error *err)
{
	int fd = file_open_beneath(((struct layout *)b)->dirfd, name, err);
	if (fd < 0)
		return -1;
	*ret = stream_file(fd, true, 0, UINT64_MAX, b->chunk);
	return 0;
}

static void identity(struct bag *b, const char *name, struct buf *out)
{
	autofd int fd = file_open_beneath(((struct layout *)b)->dirfd, name, NULL);
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0)
		transport_identity(&st, 0, (u64)st.st_size, out);
}

static void close_layout(struct bag *b)
{
	close(((struct layout *)b)->dirfd);
	free((char *)(uintptr_t)b->name);
	free(b);
}

static const struct bag_ops ops = { find, read_member, open_member, NULL, identity, close_layout };

struct bag *bag_directory(int fd, const char *name)
{
	struct layout *l = xcalloc(1, sizeof *l);
	l->base.ops = &ops;
	l->base.name = xstrdup(name);
	l->dirfd = fd;
	return &l->base;
}

static int open_oci(const char *detail, const struct source_options *opt, struct source **ret, struct error *err)
{
	autofree char *dir = NULL;
	const char *choice;
	bag_split(detail, &dir, &choice);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", dir);
	return bag_source(bag_directory(fd, dir), BAG_OCI, "oci", choice, opt, ret, err);
}

const struct transport transport_oci = { "oci", "DIR[:TAG]", "an OCI image layout in a directory", open_oci };
