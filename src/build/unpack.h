/* unpack.h — a tar archive into a directory, which is its root directory: nothing in it leads out of that, neither names nor what links make of them.
 *
 * Entries are taken as docker's archive.Untar takes them: a directory that is there stays and becomes what the entry says; anything else that is there goes. Devices are left out (they cannot be made in a user
 * namespace), of extended attributes those of users and capabilities are taken. Names that climb out are ERR_INPUT. Ceilings: CONTEXT_FILES entries; bytes as stream_inflate() has them. */
#ifndef PARE_BUILD_UNPACK_H
#define PARE_BUILD_UNPACK_H
#include "base/error.h"
#include "layer/stream.h"

struct unpack_options {
	const char *name;  /* of the archive, for messages */
	bool about;        /* owners, attributes and times, too; else they are ours, as in a build context */
	s64 epoch;         /* no time is later; < 0: none */
};
/* `plain`: the tar, inflated; stays the caller's. `root`: open. */
int unpack(int root, struct stream *plain, const struct unpack_options *opt, struct error *err) must_check;
/* Whether the file is a tar archive, plain or compressed as stream_inflate() reads it. Its offset is of no account, before and after. */
bool unpack_is_archive(int fd);
/* Of the first bytes: whether they are of a tar or something compressed. */
bool unpack_looks_like(struct str head);
#endif
