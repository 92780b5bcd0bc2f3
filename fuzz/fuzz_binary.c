/* The first byte chooses the file's name, the second how long the pieces are; the rest is the content, behind the mark of ELF files. What is found does not depend on
 * the pieces, and the note can be read. */
#include "package/binary.h"
#include "package/package.h"

extern const struct collector binary_collector;

static void take(struct str dir, struct str name, struct str content, size_t piece, struct buf *note)
{
	struct error err = { 0 };
	void *s = binary_collector.stream->open();
	if (!binary_collector.sniff(dir, name, NULL, str_head(content, COLLECT_HEAD)))
		abort();
	for (u32 turn = 0; turn < 2; turn++) { /* one file leaves nothing to the next */
		buf_clear(note);
		binary_collector.stream->begin(s, dir, name, NULL);
		for (size_t at = 0, n; at < content.n; at += n) {
			n = MIN(at ? piece : MAX(piece, COLLECT_HEAD), content.n - at);
			binary_collector.stream->feed(s, str_n(content.p + at, n));
		}
		if (binary_collector.stream->end(s, note, &err) < 0)
			abort();
	}
	binary_collector.stream->close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "any", "envoy", "java", "libpython3.11.so.1.0", "postgres", "grafana", "deno", "mysqld", "filebeat", "jdb", "elixir",
					     "redis-server", "gzip", "libcrypto.so.3",
					     "helm", "pilot-agent" };
	if (size < 2)
		return 0;
	struct buf content = BUF(0), one = BUF(0), two = BUF(0);
	struct str name = str_of(names[data[0] % countof(names)]), v;
	buf_add(&content, STR("\177ELF"));
	buf_add(&content, str_n(data + 2, size - 2));
	take(STR("usr/bin"), name, buf_str(&content), data[1] % 128u + 1, &one);
	take(STR("usr/bin"), name, buf_str(&content), (size_t)1 << 20, &two);
	if (!str_eq(buf_str(&one), buf_str(&two)))
		abort();
	struct note_reader r = { .rest = buf_str(&one) };
	u8 tag;
	while (note_next(&r, &tag, &v))
		;
	if (r.bad)
		abort();
	note_close(&r);
	buf_free(&content);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
