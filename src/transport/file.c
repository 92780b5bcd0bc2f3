/* Archives in files and on standard input: docker-archive and oci-archive, plain or compressed as a whole. */
#include "base/file.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* A file's times tick only so often: what was changed just now may change again without a sign. */
#define TICK_NS 20000000

void transport_identity(const struct stat *st, u64 offset, u64 size, struct buf *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	s64 age = (s64)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000 + (now.tv_nsec - st->st_ctim.tv_nsec);
	if (age >= 0 && age < TICK_NS)
		return;
	buf_printf(out, "%llx:%llx:%llx:%llx.%lx:%llx.%lx:%llx+%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino, (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		   st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (unsigned long long)offset, (unsigned long long)size);
}

static enum bag_form form_of(const char *transport)
{
	if (!transport)
		return BAG_ANY;
	return strcmp(transport, "oci-archive") == 0 ? BAG_OCI : BAG_DOCKER;
}

bool archive_is_plain(int fd)
{
	char head[16];
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0)
		return false;
	ssize_t n = pread(fd, head, sizeof head, 0);
	return n >= 0 && compression_sniff(str_n(head, (size_t)n)) == COMP_NONE;
}

int archive_source(const char *file, const char *choice, const char *transport, const struct source_options *opt, struct source **ret, struct error *err)
{
	bool standard_input = strcmp(file, "-") == 0;
	int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "%s", standard_input ? "standard input" : file);
	const char *name = standard_input ? "standard input" : file;
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return error_set(err, ERR_USAGE, "%s: a directory, not an archive", name);
	}
	if (archive_is_plain(fd)) {
		struct bag *b = bag_archive(fd, name, err);
		return b ? bag_source(b, form_of(transport), transport, choice, opt, ret, err) : -1;
	}
	struct buf identity = BUF(0);
	if (S_ISREG(st.st_mode) && !standard_input)
		transport_identity(&st, 0, (u64)st.st_size, &identity);
	int r = source_open_streamed(stream_file(fd, true, 0, UINT64_MAX, 0), transport, name, choice, buf_str(&identity), opt, ret, err);
	buf_free(&identity);
	return r;
}

static int open_kind(const char *detail, const char *transport, const struct source_options *opt, struct source **ret, struct error *err)
{
	autofree char *file = NULL;
	const char *choice;
	bag_split(detail, &file, &choice);
	return archive_source(file, choice, transport, opt, ret, err);
}

static int open_docker(const char *detail, const struct source_options *opt, struct source **ret, struct error *err) { return open_kind(detail, "docker-archive", opt, ret, err); }
static int open_oci(const char *detail, const struct source_options *opt, struct source **ret, struct error *err) { return open_kind(detail, "oci-archive", opt, ret, err); }

const struct transport transport_docker_archive = { "docker-archive", "FILE[:REF|:@N]", "what `docker save` writes; - is standard input", open_docker };
const struct transport transport_oci_archive = { "oci-archive", "FILE[:TAG]", "an OCI image layout in a tar archive; - is standard input", open_oci };
