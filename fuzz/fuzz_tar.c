/* Byte 0: the size of the pieces; its highest bit: check sums as they are. The rest is an archive, read three ways: contents read, contents passed
 * over, and with seeking. All three must agree, and every number that comes out must fit the archive. */
#include "headers.h"
#include "layer/tar.h"
#include "pieces.h"

struct seen {
	struct hash {
		u64 v;
	} all;
	u32 n;
	int end;
};

static void mix(struct seen *s, const void *p, size_t n)
{
	const u8 *b = p;
	for (size_t i = 0; i < n; i++)
		s->all.v = (s->all.v ^ b[i]) * 0x100000001b3u;
	s->all.v = (s->all.v ^ n) * 0x100000001b3u;
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_clean(struct str path)
{
	char clean[TAR_PATH_MAX + 1], again[TAR_PATH_MAX + 1];
	ssize_t n = tar_clean(path, clean);
	if (n < 0)
		return;
	require((size_t)n <= path.n && clean[n] == '\0' && strlen(clean) == (size_t)n);
	require(tar_clean(str_n(clean, (size_t)n), again) == n && strcmp(clean, again) == 0);
	struct str rest = str_n(clean, (size_t)n);
	while (n && rest.p) {
		struct str c = str_cut(&rest, '/');
		require(c.n > 0 && !str_is(c, ".") && !str_is(c, ".."));
	}
}

static void check_entry(struct seen *s, const struct tar_entry *e, u64 size, u64 *end)
{
	require(e->path.n > 0 && !memchr(e->path.p, '\0', e->path.n));
	require(e->start % 512 == 0 && e->data % 512 == 0 && e->start >= *end && e->data >= e->start + 512 && e->data <= size);
	require(e->mode <= 07777 && e->mtime_ns < 1000000000);
	require(e->type == TAR_FILE || e->size == 0);
	require(e->type == TAR_FILE || e->type == TAR_OTHER || e->stored == 0);
	require(e->sparse || e->type != TAR_FILE || e->size == e->stored);
	*end = e->data + ((e->stored + 511) & ~(u64)511);
	check_clean(e->path);
	struct str rest = e->xattrs, name, value, last = { NULL, 0 };
	while (tar_xattr_next(&rest, &name, &value)) {
		require(!last.p || str_cmp(last, name) < 0);
		last = name;
	}
	require(rest.n == 0);
	u64 numbers[] = { e->start, e->data, e->size, e->stored, (u64)e->mtime, e->mtime_ns, e->mode, e->raw_mode, e->uid, e->gid, (u64)e->type, e->major, e->minor };
	mix(s, numbers, sizeof numbers);
	mix(s, e->path.p, e->path.n);
	mix(s, e->link.p, e->link.n);
	mix(s, e->xattrs.p, e->xattrs.n);
}

static struct seen read_all(struct stream *in, u64 size, bool contents)
{
	struct seen s = { 0 };
	struct tar *t = tar_open(in);
	struct tar_entry e;
	struct error err = { 0 };
	u64 end = 0;
	while ((s.end = tar_next(t, &e, &err)) == 1) {
		check_entry(&s, &e, size, &end);
		s.n++;
		u64 got = 0;
		struct str view = { NULL, 1 };
		while (contents && view.n) {
			if (tar_content(t, &view, &err) < 0) {
				s.end = -1;
				goto done;
			}
			got += view.n;
		}
		require(!contents || got <= e.stored);
		require(!contents || e.sparse || got == e.stored);
	}
done:
	require((s.end < 0) == (err.kind != ERR_NONE) && (s.end >= 0 || err.text[0]));
	tar_close(t);
	stream_close(in);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t n = size - 1;
	u8 *copy = xmalloc(n), how = data[0];
	if (n)
		memcpy(copy, data + 1, n);
	if (!(how & 0x80))
		headers_repair(copy, n);
	struct str all = str_n(copy, n);
	struct seen a = read_all(pieces_stream(all, how), n, true), b = read_all(pieces_stream(all, (u8)(how + 3)), n, false), c = read_all(stream_memory(all), n, false);
	require(a.end == b.end && b.end == c.end && a.n == b.n && b.n == c.n);
	require(a.all.v == b.all.v && b.all.v == c.all.v);
	free(copy);
	return 0;
}
