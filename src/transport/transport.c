#include "transport/transport.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <errno.h>
#include <unistd.h>

const struct transport *const transports[] = {
	&transport_docker_archive, &transport_oci, &transport_oci_archive, &transport_docker_daemon, &transport_containers_storage, &transport_rootfs, NULL,
};

struct source *source_new(size_t size, const struct source_ops *ops, const char *transport)
{
	struct source *s = xcalloc(1, size);
	s->ops = ops;
	s->transport = transport;
	s->manifest_media_type = "";
	s->reference = "";
	return s;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	s->ops->close(s);
	problems_free(&s->problems);
	arena_free(&s->arena);
	free(s);
}

/* A path that exists: a directory with index.json is a layout, anything else is judged by what is in it. */
static int open_path(const char *path, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return error_errno(err, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return archive_source(path, "", NULL, opt, ret, err);
	struct buf index = BUF(0);
	buf_printf(&index, "%s/index.json", path);
	bool layout = access(index.p, F_OK) == 0;
	buf_clear(&index);
	buf_printf(&index, "%s/oci-layout", path);
	layout |= access(index.p, F_OK) == 0;
	buf_free(&index);
	if (layout)
		return transport_oci.open(path, opt, ret, err);
	if (opt->plain_dirs)
		return transport_rootfs.open(path, opt, ret, err);
	return error_set(err, ERR_INPUT, "%s: a directory without an OCI layout (rootfs:%s reads it as a root file system)", path, path);
}

int source_open(const char *location, const struct source_options *opt, struct source **ret, struct error *err)
{
	if (strcmp(location, "-") == 0)
		return archive_source("-", "", NULL, opt, ret, err);
	const char *colon = strchr(location, ':');
	for (const struct transport *const *t = transports; colon && *t; t++) {
		size_t n = strlen((*t)->name);
		if ((size_t)(colon - location) == n && memcmp(location, (*t)->name, n) == 0) {
			if (!colon[1])
				return error_set(err, ERR_USAGE, "%s: nothing behind the ':'", location);
			return (*t)->open(colon + 1, opt, ret, err);
		}
	}
	if (access(location, F_OK) == 0)
		return open_path(location, opt, ret, err);
	if (strncmp(location, "docker://", 9) == 0)
		return error_set(err, ERR_USAGE, "%s: registries are not read; `docker pull` the image and name it without docker://", location);
	/* FILE:CHOICE without a transport */
	autofree char *file = NULL;
	const char *choice;
	bag_split(location, &file, &choice);
	if (choice[0] && access(file, F_OK) == 0) {
		struct stat st;
		if (stat(file, &st) == 0 && S_ISDIR(st.st_mode))
			return transport_oci.open(location, opt, ret, err);
		return archive_source(file, choice, NULL, opt, ret, err);
	}
	if (strchr(location, '/') == location || strncmp(location, "./", 2) == 0 || strncmp(location, "../", 3) == 0) {
		errno = ENOENT;
		return error_errno(err, "%s", location);
	}
	struct error e = { 0 };
	if (transport_docker_daemon.open(location, opt, ret, &e) == 0)
		return 0;
	if (err)
		*err = e;
	return error_wrap(err, "%s: no such file; asked the Docker engine", location);
}
