/* places.h — the transports, for their table, and what several of them share. */
#ifndef PARE_TRANSPORT_PLACES_H
#define PARE_TRANSPORT_PLACES_H
#include "transport/transport.h"
#include <sys/stat.h>

extern const struct transport transport_docker_archive, transport_oci_archive, transport_oci, transport_rootfs, transport_docker_daemon, transport_containers_storage,
	transport_docker, transport_pare;

/* Whether the Docker engine, when there is one, has an image of this name or ID. */
bool docker_daemon_has(const char *ref);
/* struct source_ops.identity of `size` bytes at `offset` of a file; nothing when it was changed too recently to tell. */
void transport_identity(const struct stat *st, u64 offset, u64 size, struct buf *out);

/* A file or standard input ("-") that holds an archive: plain and seekable ones are sought, others read as they pass by or, when content will be
 * needed, copied into the spool directory first. `transport` NULL: by content. */
int archive_source(const char *file, const char *choice, const char *transport, const struct source_options *opt, struct source **ret, struct error *err) must_check;
/* Whether fd is a regular file, at its beginning, that begins plainly: it can be sought. */
bool archive_is_plain(int fd);
/* All of a stream in a file of `dir` that has no name any more; its fd. */
int archive_spool(struct stream *plain, const char *dir, struct error *err) must_check;
int archive_spool_file(const char *dir, struct error *err) must_check; /* an empty one */
#define PLACE_STAGE "pare-image-" /* stages (file.h) there, of images that go somewhere as a whole */
/* Where such files go: the store when it is given, else $TMPDIR, else /var/tmp. */
const char *archive_spool_dir(struct arena *a, const char *store);
#endif
