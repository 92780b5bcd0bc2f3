/* layer/stream.h: views, skips, inflating every format in every cut, budgets, taps. Compressed bytes come from the libraries themselves. */
#include "base/buf.h"
#include "layer/deflate.h"
#include "layer/stream.h"
#include <bzlib.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <lzma.h>
#include <pthread.h>
#include <unistd.h>
#include <zstd.h>
#include <setjmp.h>
#include <cmocka.h>

#define PLAIN (300 * KiB + 17)
static char plain[PLAIN];

static int make_plain(void **state)
{
	(void)state;
	u32 x = 1;
	for (size_t i = 0; i < sizeof plain; i++) {
		x = x * 1664525 + 1013904223;
		plain[i] = (char)(i % 5000 < 2000 ? 'a' + i / 64 % 20 : x >> 24);
	}
	return 0;
}

/* --- a stream in pieces that promises nothing more than stream.h: a view is gone STREAM_KEEP calls later --- */
struct pieces {
	struct str left;
	size_t piece;
	char *kept[STREAM_KEEP + 1];
	u32 turn;
	bool fails; /* at the end, instead of ending */
	bool *closed;
};

static int pieces_next(void *ctx, struct str *view, struct error *err)
{
	struct pieces *p = ctx;
	char **slot = &p->kept[p->turn++ % countof(p->kept)];
	size_t n = MIN(p->piece, p->left.n);
	free(*slot);
	*slot = xmalloc(n);
	memcpy(*slot, p->left.p, n);
	if (n == 0 && p->fails)
		return error_set(err, ERR_ENV, "the disk is gone");
	*view = str_n(*slot, n);
	p->left = str_from(p->left, n);
	return 0;
}

static void pieces_close(void *ctx)
{
	struct pieces *p = ctx;
	for (size_t i = 0; i < countof(p->kept); i++)
		free(p->kept[i]);
	if (p->closed)
		*p->closed = true;
	free(p);
}

static struct stream *in_pieces(struct str s, size_t piece, bool fails, bool *closed)
{
	struct pieces *p = xcalloc(1, sizeof *p);
	*p = (struct pieces){ .left = s, .piece = piece, .fails = fails, .closed = closed };
	return stream_callback(pieces_next, pieces_close, p);
}

/* --- compressors --- */
static int collect(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	buf_add(ctx, bytes);
	return 0;
}

static void gzip(struct buf *out, struct str s)
{
	struct deflate *d = deflate_new(COMP_GZIP, 1, collect, out);
	assert_int_equal(deflate_write(d, s, NULL), 0);
	assert_int_equal(deflate_finish(d, NULL), 0);
	deflate_free(d);
}

static void zstd(struct buf *out, struct str s)
{
	buf_reserve(out, ZSTD_compressBound(s.n));
	size_t n = ZSTD_compress(out->p + out->n, ZSTD_compressBound(s.n), s.p, s.n, 1);
	assert_false(ZSTD_isError(n));
	out->n += n;
}

static void xz(struct buf *out, struct str s)
{
	size_t bound = lzma_stream_buffer_bound(s.n), at = 0;
	buf_reserve(out, bound);
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, (const u8 *)s.p, s.n, (u8 *)out->p + out->n, &at, bound), LZMA_OK);
	out->n += at;
}

static void bzip2(struct buf *out, struct str s)
{
	unsigned n = (unsigned)(s.n + s.n / 50 + 1000);
	buf_reserve(out, n);
	assert_int_equal(BZ2_bzBuffToBuffCompress(out->p + out->n, &n, (char *)(uintptr_t)s.p, (unsigned)s.n, 1, 0, 0), BZ_OK);
	out->n += n;
}

static void (*const packers[])(struct buf *, struct str) = { [COMP_GZIP] = gzip, [COMP_ZSTD] = zstd, [COMP_XZ] = xz, [COMP_BZIP2] = bzip2 };

/* --- reading back --- */
static int read_all(struct stream *s, struct buf *out, struct error *err)
{
	struct str view;
	int r;
	while ((r = stream_next(s, &view, err)) == 0 && view.n) {
		assert_true(view.n <= STREAM_CHUNK);
		buf_add(out, view);
	}
	assert_int_equal(s->at, out->n);
	return r;
}

/* Inflates `packed` in pieces: what comes out, and how it ended. */
static int inflate(struct str packed, size_t piece, struct buf *out, enum compression *kind, struct error *err)
{
	struct stream *s;
	buf_clear(out);
	if (stream_inflate(in_pieces(packed, piece, false, NULL), &s, kind, err) < 0)
		return -1;
	int r = read_all(s, out, err);
	if (r == 0) { /* the end stays the end */
		struct str view;
		assert_int_equal(stream_next(s, &view, err), 0);
		assert_int_equal(view.n, 0);
	}
	stream_close(s);
	return r;
}

static void every_format(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 511, 5000, STREAM_CHUNK - 1, STREAM_CHUNK, STREAM_CHUNK + 1, PLAIN }, pieces[] = { 1, 7, 512, 100000, STREAM_CHUNK };
	for (enum compression c = COMP_GZIP; c <= COMP_BZIP2; c++)
		for (size_t i = 0; i < countof(sizes); i++) {
			struct buf packed = BUF(0), out = BUF(0);
			packers[c](&packed, str_n(plain, sizes[i]));
			assert_int_equal(compression_sniff(buf_str(&packed)), c);
			for (size_t k = sizes[i] > 6000 ? 1 : 0; k < countof(pieces); k++) {
				enum compression kind = COMP_NONE;
				struct error err = { 0 };
				assert_int_equal(inflate(buf_str(&packed), pieces[k], &out, &kind, &err), 0);
				assert_int_equal(kind, c);
				assert_int_equal(out.n, sizes[i]);
				assert_memory_equal(buf_str(&out).p, plain, sizes[i]);
			}
			buf_free(&packed);
			buf_free(&out);
		}
}

static void plain_bytes(void **state)
{
	(void)state;
	struct buf out = BUF(0);
	enum compression kind = COMP_GZIP;
	static const struct str odd[] = { { "", 0 }, { "\x1f", 1 }, { "\x1f\x8b", 2 }, { "BZh0xx", 6 }, { "\xfd" "7zX", 4 }, { "hello", 5 } };
	for (size_t i = 0; i < countof(odd); i++)
		for (size_t piece = 1; piece < 8; piece++) {
			assert_int_equal(inflate(odd[i], piece, &out, &kind, NULL), 0);
			assert_int_equal(kind, COMP_NONE);
			assert_int_equal(out.n, odd[i].n);
			assert_memory_equal(buf_str(&out).p, odd[i].p, odd[i].n);
		}
	buf_free(&out);
}

static void several_members(void **state)
{
	(void)state;
	static const char skippable[] = "\x53\x2a\x4d\x18\x05\0\0\0notes";
	for (enum compression c = COMP_GZIP; c <= COMP_BZIP2; c++) {
		struct buf packed = BUF(0), out = BUF(0), want = BUF(0);
		if (c == COMP_ZSTD)
			buf_add(&packed, str_n(skippable, 13));
		for (size_t i = 0; i < 40; i++) {
			struct str part = str_n(plain + i * 1000, i * i % 3000);
			packers[c](&packed, part);
			buf_add(&want, part);
			if (c == COMP_ZSTD && i % 3 == 0)
				buf_add(&packed, str_n(skippable, 13));
		}
		for (size_t piece = 1; piece < 2000; piece = piece * 2 + 1) {
			struct error err = { 0 };
			if (inflate(buf_str(&packed), piece, &out, NULL, &err) < 0)
				fail_msg("%s in pieces of %zu: %s", compression_name(c), piece, err.text);
			assert_int_equal(out.n, want.n);
			assert_memory_equal(out.p, want.p, want.n);
		}
		/* Zero bytes behind the last are padding; anything else is damage, found after all that came before. */
		buf_add(&packed, str_n("\0\0\0\0\0\0\0\0", 8));
		assert_int_equal(inflate(buf_str(&packed), 100, &out, NULL, NULL), 0);
		buf_puts(&packed, "junk");
		struct error err = { 0 };
		assert_int_equal(inflate(buf_str(&packed), 100, &out, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(out.n, want.n);
		buf_free(&packed);
		buf_free(&out);
		buf_free(&want);
	}
}

/* Every part that a gzip header may have, in every cut (RFC 1952 section 2.3). */
static void gzip_headers(void **state)
{
	(void)state;
	struct buf body = BUF(0), packed = BUF(0), out = BUF(0);
	gzip(&body, str_n(plain, 900));
	for (u32 flags = 0; flags < 64; flags++) {
		char fixed[10] = { 0x1f, (char)0x8b, 8, (char)flags, 1, 2, 3, 4, 0, 3 };
		buf_clear(&packed);
		buf_add(&packed, str_n(fixed, 10));
		if (flags & 4)
			buf_add(&packed, flags & 1 ? str_n("\0\0", 2) : str_n("\x05\0extra", 7));
		if (flags & 8)
			buf_add(&packed, str_n("name\0", 5));
		if (flags & 16)
			buf_add(&packed, str_n("what it is\0", 11));
		u32 crc = libdeflate_crc32(0, packed.p, packed.n);
		char check[2] = { (char)crc, (char)(crc >> 8) };
		if (flags & 2)
			buf_add(&packed, str_n(check, 2));
		size_t header = packed.n;
		buf_add(&packed, str_from(buf_str(&body), 10));
		for (size_t piece = 1; piece < 40; piece++) {
			struct error err = { 0 };
			int r = inflate(buf_str(&packed), piece, &out, NULL, &err);
			if (r != (flags & 32 ? -1 : 0) || (r == 0 && (out.n != 900 || memcmp(out.p, plain, 900) != 0)))
				fail_msg("flags %u in pieces of %zu: %d, %zu bytes: %s", flags, piece, r, out.n, err.text);
		}
		if (flags & 2) {
			packed.p[header - 1] = (char)(packed.p[header - 1] ^ 1);
			assert_int_equal(inflate(buf_str(&packed), 7, &out, NULL, NULL), -1);
		}
		for (size_t n = 6; n < header; n++)
			assert_int_equal(inflate(str_n(packed.p, n), 3, &out, NULL, NULL), -1);
	}
	buf_free(&body);
	buf_free(&packed);
	buf_free(&out);
}

static void cut_short(void **state)
{
	(void)state;
	for (enum compression c = COMP_GZIP; c <= COMP_BZIP2; c++) {
		struct buf packed = BUF(0), out = BUF(0);
		packers[c](&packed, str_n(plain, 3000));
		for (size_t n = 6; n < packed.n; n++) {
			struct error err = { 0 };
			if (inflate(str_n(packed.p, n), n % 90 + 1, &out, NULL, &err) == 0)
				fail_msg("%s: %zu of %zu bytes are not all", compression_name(c), n, packed.n);
			assert_int_equal(err.kind, ERR_INPUT);
			assert_true(strncmp(err.text, compression_name(c), strlen(compression_name(c))) == 0);
			assert_true(out.n <= 3000);
			assert_memory_equal(buf_str(&out).p, plain, out.n); /* what came before was right */
		}
		if (c == COMP_GZIP) { /* deflate gives what it has: all but the trailer is all of the content */
			assert_int_equal(inflate(str_n(packed.p, packed.n - 1), 10, &out, NULL, NULL), -1);
			assert_int_equal(out.n, 3000);
		}
		buf_free(&packed);
		buf_free(&out);
	}
}

static void damaged(void **state)
{
	(void)state;
	for (enum compression c = COMP_GZIP; c <= COMP_BZIP2; c++) {
		struct buf packed = BUF(0), out = BUF(0);
		u32 found = 0, flips = 0;
		packers[c](&packed, str_n(plain, 5000));
		for (size_t at = 10; at < packed.n; at += 7) {
			packed.p[at] = (char)(packed.p[at] ^ 0x10);
			struct error err = { 0 };
			bool bad = inflate(buf_str(&packed), 1000, &out, NULL, &err) < 0;
			flips++;
			found += bad;
			/* The length of a code that nothing uses may be any. zstd's frames of one call carry no check sum: digests are for that. */
			if (!bad && c != COMP_ZSTD && !(out.n == 5000 && memcmp(out.p, plain, 5000) == 0))
				fail_msg("%s: byte %zu of %zu: not noticed", compression_name(c), at, packed.n);
			packed.p[at] = (char)(packed.p[at] ^ 0x10);
		}
		assert_true(c == COMP_ZSTD || found > flips * 9 / 10);
		buf_free(&packed);
		buf_free(&out);
	}
}

static void bombs(void **state)
{
	(void)state;
	/* An RLE block of zstd makes 128 KiB of four bytes: 5 GiB from 160 KiB. */
	struct buf bomb = BUF(0);
	buf_add(&bomb, str_n("\x28\xb5\x2f\xfd\x00\x38", 6));
	for (u32 i = 0; i < 40960; i++) {
		u32 head = (128u * 1024) << 3 | 2 | (i == 40959);
		char block[4] = { (char)head, (char)(head >> 8), (char)(head >> 16), 'z' };
		buf_add(&bomb, str_n(block, 4));
	}
	struct stream *s;
	struct error err = { 0 };
	assert_int_equal(stream_inflate(stream_memory(buf_str(&bomb)), &s, NULL, &err), 0);
	assert_int_equal(stream_drain(s, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "budget"));
	assert_true(s->at >= INFLATE_FREE - STREAM_CHUNK && s->at <= INFLATE_FREE + STREAM_CHUNK);
	assert_int_equal(stream_drain(s, &err), -1); /* errors are final */
	stream_close(s);
	/* A frame that wants a window over INFLATE_MEMORY. */
	err = (struct error){ 0 };
	assert_int_equal(stream_inflate(stream_memory(str_n("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9)), &s, NULL, &err), 0);
	assert_int_equal(stream_drain(s, &err), -1);
	stream_close(s);
	buf_free(&bomb);
}

static void failing_source(void **state)
{
	(void)state;
	for (enum compression c = COMP_NONE; c <= COMP_BZIP2; c++) {
		struct buf packed = BUF(0);
		bool closed = false;
		struct stream *s;
		struct error err = { 0 };
		if (c)
			packers[c](&packed, str_n(plain, 3000));
		else
			buf_add(&packed, str_n(plain, 3000));
		assert_int_equal(stream_inflate(in_pieces(str_n(packed.p, packed.n / 2), 10, true, &closed), &s, NULL, &err), 0);
		assert_int_equal(stream_drain(s, &err), -1);
		assert_int_equal(err.kind, ERR_ENV); /* not the image's fault */
		assert_string_equal(err.text, "the disk is gone");
		assert_false(closed);
		stream_close(s);
		assert_true(closed);
		closed = false;
		assert_int_equal(stream_inflate(in_pieces(str_n(packed.p, 3), 10, true, &closed), &s, NULL, &err), -1);
		assert_true(closed);
		buf_free(&packed);
	}
}

static void skipping(void **state)
{
	(void)state;
	struct str view;
	struct error err = { 0 };
	struct stream *s = stream_concat(STR("01234"), stream_memory(str_n(plain, 1000)));
	assert_true(stream_can_seek(s));
	assert_int_equal(stream_skip(s, 3, &err), 0);
	assert_int_equal(stream_next(s, &view, &err), 0);
	assert_true(str_is(view, "34"));
	assert_int_equal(stream_skip(s, 990, &err), 0);
	assert_int_equal(stream_next(s, &view, &err), 0);
	assert_int_equal(view.n, 10);
	assert_memory_equal(view.p, plain + 990, 10);
	assert_int_equal(s->at, 1005);
	assert_int_equal(stream_skip(s, 1, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	stream_close(s);
	s = stream_concat(STR("01234"), in_pieces(str_n(plain, 1000), 10, false, NULL));
	assert_false(stream_can_seek(s));
	assert_int_equal(stream_skip(s, 1, &err), -1);
	stream_close(s);
}

static void files(void **state)
{
	(void)state;
	char name[] = "test-stream-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, plain, PLAIN), PLAIN);
	struct buf out = BUF(0);
	struct error err = { 0 };
	struct stream *s = stream_file(fd, false, 1000, UINT64_MAX, 4096);
	assert_int_equal(read_all(s, &out, &err), 0);
	assert_int_equal(out.n, PLAIN - 1000);
	assert_memory_equal(out.p, plain + 1000, out.n);
	stream_close(s);
	buf_clear(&out);
	s = stream_file(fd, false, PLAIN - 10, 100, 0); /* not beyond the end */
	assert_int_equal(read_all(s, &out, &err), 0);
	assert_int_equal(out.n, 10);
	stream_close(s);
	s = stream_file(fd, false, PLAIN + 10, 100, 0);
	buf_clear(&out);
	assert_int_equal(read_all(s, &out, &err), 0);
	assert_int_equal(out.n, 0);
	stream_close(s);
	/* A view stays good for STREAM_KEEP more calls. */
	s = stream_file(fd, false, 0, UINT64_MAX, 1000);
	struct str views[STREAM_KEEP + 1];
	for (size_t i = 0; i <= STREAM_KEEP; i++)
		assert_int_equal(stream_next(s, &views[i], &err), 0);
	for (size_t i = 0; i <= STREAM_KEEP; i++)
		assert_memory_equal(views[i].p, plain + 1000 * i, 1000);
	stream_close(s);
	assert_int_equal(fcntl(fd, F_GETFD) >= 0, 1); /* not its own */
	s = stream_file(fd, true, 0, 1, 0);
	stream_close(s);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "piped", 5), 5);
	close(pipes[1]);
	s = stream_file(pipes[0], true, 0, UINT64_MAX, 0);
	assert_false(stream_can_seek(s));
	buf_clear(&out);
	assert_int_equal(read_all(s, &out, &err), 0);
	assert_string_equal(out.p, "piped");
	stream_close(s);
	buf_free(&out);
}

static void taps(void **state)
{
	(void)state;
	static const size_t pieces[] = { 1, 1000, STREAM_CHUNK };
	for (enum digest_alg alg = DIGEST_SHA256; alg <= DIGEST_SHA512; alg++)
		for (size_t i = 0; i < countof(pieces); i++) {
			size_t n = pieces[i] == 1 ? 3000 : PLAIN;
			struct tap *t;
			struct stream *s = stream_tap(in_pieces(str_n(plain, n), pieces[i], false, NULL), alg, &t);
			assert_int_equal(stream_drain(s, NULL), 0);
			struct digest got = tap_digest(t), want = digest_bytes(alg, str_n(plain, n));
			assert_true(digest_eq(&got, &want));
			stream_close(s);
		}
	/* Over and under an inflating stage at once, and given up half way. */
	struct buf packed = BUF(0);
	gzip(&packed, str_n(plain, PLAIN));
	struct tap *below, *above;
	struct stream *s, *in = stream_tap(in_pieces(buf_str(&packed), 999, false, NULL), DIGEST_SHA256, &below);
	assert_int_equal(stream_inflate(in, &s, NULL, NULL), 0);
	s = stream_tap(s, DIGEST_SHA256, &above);
	assert_int_equal(stream_drain(s, NULL), 0);
	struct digest a = tap_digest(above), b = tap_digest(below), plain_digest = digest_bytes(DIGEST_SHA256, str_n(plain, PLAIN)), packed_digest = digest_bytes(DIGEST_SHA256, buf_str(&packed));
	assert_true(digest_eq(&a, &plain_digest) && digest_eq(&b, &packed_digest));
	stream_close(s);
	s = stream_tap(in_pieces(str_n(plain, PLAIN), 999, false, NULL), DIGEST_SHA256, &above);
	struct str view;
	assert_int_equal(stream_next(s, &view, NULL), 0);
	stream_close(s);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format), cmocka_unit_test(plain_bytes), cmocka_unit_test(several_members), cmocka_unit_test(gzip_headers), cmocka_unit_test(cut_short), cmocka_unit_test(damaged), cmocka_unit_test(bombs),
		cmocka_unit_test(failing_source), cmocka_unit_test(skipping), cmocka_unit_test(files), cmocka_unit_test(taps),
	};
	return cmocka_run_group_tests(tests, make_plain, NULL);
}
