/* Feeds in JSON: the first byte chooses whose. */
#include "feed_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static feed_document *const kinds[] = { feed_osv, feed_ubuntu, feed_alpine, feed_wolfi, feed_debian, feed_redhat, feed_suse, feed_nvd, feed_kev, feed_eol };
	if (!size)
		return 0;
	feed_document *f = kinds[data[0] % countof(kinds)];
	struct feed_job j = { .kind = "fuzz" };
	struct error err = { 0 };
	struct stream *s = stream_memory(str_n(data + 1, size - 1));
	int r = f(&j, "fuzz", s, &err);
	if ((r < 0) != (err.kind != ERR_NONE))
		abort();
	stream_close(s);
	arena_free(&j.arena);
	buf_free(&j.content);
	return 0;
}
