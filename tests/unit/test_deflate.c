/* Compressed bytes: read back by the other direction, for each level that has a way of its own, at the sizes where the ways part. */
#include "base/buf.h"
#include "layer/deflate.h"
#include <setjmp.h>
#include <cmocka.h>

static int collect(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	buf_add(ctx, bytes);
	return 0;
}

static void pack(enum compression kind, int level, struct str s, struct buf *out)
{
	struct deflate *d = deflate_new(kind, level, collect, out);
	assert_int_equal(deflate_write(d, s, NULL), 0);
	assert_int_equal(deflate_finish(d, NULL), 0);
	deflate_free(d);
}

static void unpack(struct str packed, struct str want)
{
	struct stream *s;
	struct str view;
	size_t at = 0;
	assert_int_equal(stream_inflate(stream_memory(packed), &s, NULL, NULL), 0);
	for (;;) {
		assert_int_equal(stream_next(s, &view, NULL), 0);
		if (!view.n)
			break;
		assert_true(view.n <= want.n - at);
		assert_memory_equal(view.p, want.p + at, view.n);
		at += view.n;
	}
	assert_int_equal(at, want.n);
	stream_close(s);
}

#define MOST (2 * DEFLATE_BLOCK + 5000)
static char *made(u32 kind)
{
	char *p = xmalloc(MOST);
	u32 x = 1;
	for (size_t i = 0; i < MOST; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = kind == 0 ? '\0' : kind == 1 ? "abcdefgh\n  "[(x >> 24) % 11] : (char)(x >> 24);
	}
	return p;
}

static void round_trips(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, 4096, 4097, DEFLATE_BLOCK - 1, DEFLATE_BLOCK, DEFLATE_BLOCK + 1, MOST };
	static const struct { enum compression kind; int level; } ways[] = { { COMP_GZIP, DEFLATE_FAST }, { COMP_GZIP, 0 }, { COMP_GZIP, 12 }, { COMP_ZSTD, 0 }, { COMP_ZSTD, 19 } };
	(void)state;
	for (u32 kind = 0; kind < 3; kind++) {
		char *p = made(kind);
		for (size_t i = 0; i < countof(sizes); i++)
			for (size_t w = 0; w < (sizes[i] > DEFLATE_BLOCK / 2 ? 2 : countof(ways)); w++) {
				struct buf once = BUF(0), again = BUF(0);
				pack(ways[w].kind, ways[w].level, str_n(p, sizes[i]), &once);
				pack(ways[w].kind, ways[w].level, str_n(p, sizes[i]), &again);
				assert_true(str_eq(buf_str(&once), buf_str(&again)));
				unpack(buf_str(&once), str_n(p, sizes[i]));
				buf_free(&once);
				buf_free(&again);
			}
		free(p);
	}
}

/* What is compressed already costs next to nothing, in time and bytes: stored blocks (of 65,535 bytes at most, RFC 1951 section 3.2.4). */
static void dense_bytes(void **state)
{
	struct buf out = BUF(0);
	char *p = made(2);
	(void)state;
	pack(COMP_GZIP, DEFLATE_FAST, str_n(p, DEFLATE_BLOCK), &out);
	assert_true(out.n >= DEFLATE_BLOCK && out.n < DEFLATE_BLOCK + 200);
	buf_free(&out);
	free(p);
}

/* Without it the bytes depend on an address, which only now and then is seen: so it is looked for itself. */
static void fast_has_a_dictionary(void **state)
{
	struct buf out = BUF(0);
	char *p = made(1);
	(void)state;
	pack(COMP_GZIP, DEFLATE_FAST, str_n(p, 10000), &out);
	assert_memory_equal(out.p + 10, "\0\x10\0\xef\xff", 5);
	assert_memory_equal(out.p + 15, p, 16);
	buf_free(&out);
	free(p);
}

static int count(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	*(u64 *)ctx += bytes.n;
	return 0;
}

/* What is written can be read: zeros beyond what a reader takes at any ratio are refused as zstd, and are no matter as gzip. */
static void nothing_that_is_a_bomb(void **state)
{
	static const char zeros[DEFLATE_BLOCK];
	(void)state;
	for (int gzip = 0; gzip <= 1; gzip++) {
		struct error err = { 0 };
		u64 n = 0, given = 0;
		struct deflate *d = deflate_new(gzip ? COMP_GZIP : COMP_ZSTD, gzip ? 12 : 1, count, &given);
		int r = 0;
		for (; r == 0 && n < (gzip ? 64 * MiB : INFLATE_FREE + GiB); n += sizeof zeros)
			r = deflate_write(d, str_n(zeros, sizeof zeros), &err);
		r = r < 0 ? r : deflate_finish(d, &err);
		assert_int_equal(r, gzip ? 0 : -1);
		assert_true(gzip ? n / INFLATE_RATIO <= given : n > INFLATE_FREE);
		assert_true(gzip || (err.kind == ERR_INPUT && strstr(err.text, "budget")));
		deflate_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_that_is_a_bomb), cmocka_unit_test(round_trips), cmocka_unit_test(dense_bytes), cmocka_unit_test(fast_has_a_dictionary) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
