#include "transport/transport.h"
#include "transport/bag.h"
#include "transport/places.h"
#include "transport/source_repo.h"
#include <errno.h>
#include <unistd.h>

const struct transport *const transports[] = {
	&transport_docker_archive, &transport_oci, &transport_oci_archive, &transport_docker_daemon, &transport_containers_storage, &transport_docker, &transport_pare, &transport_rootfs, NULL,
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

static const struct transport *transport_of(const char *location, const char **detail)
{
	for (const struct transport *const *t = transports; *t; t++) {
		size_t n = strlen((*t)->name);
		if (strncmp(location, (*t)->name, n) != 0 || location[n] != ':')
			continue;
		if (*t == &transport_docker && strncmp(location + n, "://", 3) != 0)
			continue; /* "docker:27": an image of that name */
		*detail = location + n + 1;
		return *t;
	}
	return NULL;
}

/* An ID, or the beginning of one, is no name that a registry knows. */
static bool is_id(const char *name)
{
	size_t n = strlen(name);
	return strncmp(name, "sha256:", 7) == 0 || (n >= 12 && n <= 64 && strspn(name, "0123456789abcdef") == n);
}

/* A name that is no path: of our store, of the Docker engine, of its registry. What each said stands in the error. */
static int open_name(const char *name, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct error store = { 0 }, engine = { 0 }, registry = { 0 };
	int r = source_store(name, opt, ret, &store);
	if (r == 0 || transport_docker_daemon.open(name, opt, ret, &engine) == 0)
		return 0;
	bool ask = engine.kind != ERR_USAGE && !is_id(name); /* what is no name is none anywhere */
	int s = ask ? source_registry(name, opt, ret, &registry) : 1;
	if (s == 0)
		return 0;
	enum error_kind kind = ask ? registry.kind : engine.kind;
	const char *in_registry = !ask ? "" : s > 0 ? "; its registry has no such image" : "; ";
	return error_set(err, kind ? kind : ERR_ENV, "%s: no such file; %s; %s%s%s", name, r < 0 && store.kind != ERR_USAGE ? store.text : "not in the store", engine.text, in_registry, registry.text);
}

int source_open(const char *location, const struct source_options *opt, struct source **ret, struct error *err)
{
	if (strcmp(location, "-") == 0)
		return archive_source("-", "", NULL, opt, ret, err);
	const char *detail;
	const struct transport *t = transport_of(location, &detail);
	if (t && !detail[strspn(detail, "/")] && (!detail[0] || t == &transport_docker))
		return error_set(err, ERR_USAGE, "%s: nothing behind the ':'", location);
	if (t)
		return t->open(detail, opt, ret, err);
	if (access(location, F_OK) == 0)
		return open_path(location, opt, ret, err);
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
	return open_name(location, opt, ret, err);
}
