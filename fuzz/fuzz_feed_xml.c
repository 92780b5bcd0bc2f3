/* Feeds in XML: OVAL and updateinfo. */
#include "feed_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_job j = { .kind = "fuzz" };
	struct error err = { 0 };
	struct stream *s = stream_memory(str_n(data, size));
	int r = feed_xml(&j, "fuzz", s, &err);
	if ((r < 0) != (err.kind != ERR_NONE))
		abort();
	stream_close(s);
	arena_free(&j.arena);
	buf_free(&j.content);
	return 0;
}
