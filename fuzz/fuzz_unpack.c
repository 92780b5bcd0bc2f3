/* An archive into a directory: whatever is in it, what lies beside that directory stays as it was. */
#include "build/unpack.h"
#include "build/within.h"
#include <fcntl.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char place[] = "/tmp/pare-fuzz-XXXXXX", path[64];
	const struct unpack_options opt = { .name = "a.tar", .epoch = size & 1 ? 1 : -1 };
	struct within_names names;
	struct stream *s = stream_memory(str_n(data, size));

	if (size > 256 * KiB || !mkdtemp(place)) {
		stream_close(s);
		return 0;
	}
	snprintf(path, sizeof path, "%s/root", place);
	int above = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC), root = -1;
	if (above < 0 || mkdirat(above, "root", 0755) < 0 || (root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	if (unpack(root, s, &opt, NULL) < 0) {
		/* as it may be */
	}
	if (within_names(above, 10, &names, NULL) < 0 || names.n != 1 || strcmp(names.v[0], "root") != 0)
		abort();
	within_names_free(&names);
	within_remove(above, "root");
	close(root);
	close(above);
	rmdir(place);
	stream_close(s);
	return 0;
}
