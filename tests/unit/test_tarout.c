/* What tarout.c writes, tar.c reads back the same; what deflate.c packs, stream_inflate() gives back, and always the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "layer/deflate.h"
#include "layer/tarout.h"

static void round_trip(const struct tarout_entry *e, struct str content, size_t want_header)
{
	struct error err = { 0 };
	struct buf b = BUF(0);
	static const char zero[TAR_TRAILER];
	assert_int_equal(tarout_header(e, &b, &err), 0);
	if (want_header)
		assert_int_equal(b.n, want_header);
	assert_int_equal(b.n % TAR_BLOCK_SIZE, 0);
	buf_add(&b, content);
	buf_add(&b, str_n(zero, tarout_padding(content.n)));
	u64 end = b.n;
	buf_add(&b, str_n(zero, sizeof zero));
	struct stream *s = stream_memory(buf_str(&b));
	struct tar *t = tar_open(s);
	struct tar_entry got;
	if (tar_next(t, &got, &err) != 1)
		fail_msg("%.*s: %s", STR_FMT(e->path), err.text);
	struct str path = got.path;
	if (e->type == TAR_DIR) {
		assert_int_equal(path.p[path.n - 1], '/');
		path.n--;
	}
	assert_true(str_eq(path, e->path.n ? e->path : STR(".")));
	assert_int_equal(got.type, e->type);
	assert_int_equal(got.mode, e->mode);
	assert_int_equal(got.uid, e->uid);
	assert_int_equal(got.gid, e->gid);
	assert_int_equal(got.mtime, e->mtime);
	assert_int_equal(got.mtime_ns, e->mtime_ns);
	assert_true(str_eq(got.link, e->link));
	assert_int_equal(got.size, e->type == TAR_FILE ? e->size : 0);
	assert_true(str_eq(got.xattrs, e->xattrs));
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK) {
		assert_int_equal(got.major, e->major);
		assert_int_equal(got.minor, e->minor);
	}
	if (e->size == content.n) {
		assert_int_equal(got.data + content.n + tarout_padding(content.n), end);
		assert_int_equal(tar_next(t, &got, &err), 0);
	}
	tar_close(t);
	stream_close(s);
	buf_free(&b);
}

static void test_plain(void **state)
{
	(void)state;
	round_trip(&(struct tarout_entry){ .path = STR("etc/motd"), .type = TAR_FILE, .mode = 04755, .uid = 1000, .gid = 07777777, .size = 5, .mtime = 1600000000 }, STR("hello"), 512);
	round_trip(&(struct tarout_entry){ .path = STR("etc"), .type = TAR_DIR, .mode = 01777 }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR(""), .type = TAR_DIR, .mode = 0755 }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("l"), .type = TAR_SYMLINK, .mode = 0777, .link = STR("../x/y") }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("h"), .type = TAR_HARDLINK, .mode = 0644, .link = STR("etc/motd") }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("dev/null"), .type = TAR_CHAR, .mode = 0666, .major = 1, .minor = 3 }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("dev/sda"), .type = TAR_BLOCK, .mode = 0660, .major = 8, .minor = 1048575 }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("p"), .type = TAR_FIFO, .mode = 0600 }, STR(""), 512);
}

static void test_long(void **state)
{
	(void)state;
	char a[4000];
	memset(a, 'a', sizeof a);
	for (size_t n = 95; n < 320; n++) { /* around every limit of name, prefix and link */
		round_trip(&(struct tarout_entry){ .path = str_n(a, n), .type = TAR_FILE, .mode = 0644 }, STR(""), n <= 100 ? 512 : 1536);
		round_trip(&(struct tarout_entry){ .path = str_n(a, n), .type = TAR_DIR, .mode = 0755 }, STR(""), n <= 99 ? 512 : 1536);
		round_trip(&(struct tarout_entry){ .path = STR("l"), .type = TAR_SYMLINK, .mode = 0777, .link = str_n(a, n) }, STR(""), n <= 100 ? 512 : 1536);
		a[60] = '/';
		round_trip(&(struct tarout_entry){ .path = str_n(a, n), .type = TAR_FILE, .mode = 0644 }, STR(""), n <= 161 ? 512 : 1536);
		round_trip(&(struct tarout_entry){ .path = str_n(a, n), .type = TAR_DIR, .mode = 0755 }, STR(""), n <= 160 ? 512 : 1536);
		a[60] = 'a';
	}
	round_trip(&(struct tarout_entry){ .path = str_n(a, sizeof a), .type = TAR_FILE, .mode = 0644 }, STR(""), 0);
	round_trip(&(struct tarout_entry){ .path = STR("\xff\xfe\n raw"), .type = TAR_FILE, .mode = 0644 }, STR(""), 512);
	a[0] = '/'; /* a '/' at the very start is no place to split */
	round_trip(&(struct tarout_entry){ .path = str_n(a, 101), .type = TAR_FILE, .mode = 0644 }, STR(""), 1536);
}

static void test_large(void **state)
{
	(void)state;
	round_trip(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .mode = 0644, .uid = 2097152, .gid = UINT32_MAX - 1 }, STR(""), 1536);
	static const s64 times[] = { -1, 0, 077777777777, 0100000000000, -62135596800 };
	static const u32 fractions[] = { 0, 1, 500000000, 999999999 };
	for (size_t i = 0; i < countof(times); i++)
		for (size_t k = 0; k < countof(fractions); k++)
			round_trip(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .mode = 0644, .mtime = times[i], .mtime_ns = fractions[k] }, STR(""), 0);
	round_trip(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .mode = 0644, .size = 8 * GiB - 1 }, STR(""), 512);
	round_trip(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .mode = 0644, .size = 8 * GiB }, STR(""), 1536);
}

static void attribute(struct buf *b, struct str name, struct str value)
{
	u32 n[2] = { (u32)name.n, (u32)value.n };
	buf_add(b, str_n(n, sizeof n));
	buf_add(b, name);
	buf_add(b, value);
}

static void test_attributes(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	char long_value[1000]; /* its record's length has one digit more than that of its rest */
	memset(long_value, 'v', sizeof long_value);
	attribute(&b, STR("security.capability"), STR("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	attribute(&b, STR("user.empty"), STR(""));
	for (size_t n = 940; n < 1000; n++) {
		struct buf one = BUF(0);
		buf_add(&one, buf_str(&b));
		attribute(&one, STR("user.x\ny"), str_n(long_value, n));
		round_trip(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .mode = 0755, .xattrs = buf_str(&one) }, STR(""), 0);
		buf_free(&one);
	}
	buf_free(&b);
}

static void test_refused(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct buf out = BUF(0), path = BUF(0);
	while (path.n <= TAR_PATH_MAX + 8)
		buf_puts(&path, "aaaaaaaaaaaaaaaa");
	assert_int_equal(tarout_header(&(struct tarout_entry){ .path = buf_str(&path), .type = TAR_FILE }, &out, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(tarout_header(&(struct tarout_entry){ .path = STR("d"), .type = TAR_CHAR, .minor = 2097152 }, &out, &err), -1);
	struct buf odd = BUF(0); /* a pax keyword ends at its first '=' */
	attribute(&odd, STR("user.a=b"), STR("v"));
	assert_int_equal(tarout_header(&(struct tarout_entry){ .path = STR("f"), .type = TAR_FILE, .xattrs = buf_str(&odd) }, &out, &err), -1);
	assert_int_equal(out.n, 0);
	buf_free(&odd);
	buf_free(&path);
	buf_free(&out);
}

/* --- deflate --- */
static int gather(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	buf_add(ctx, bytes);
	return 0;
}

static void pack(struct str in, enum compression kind, int level, size_t step, struct buf *out)
{
	struct error err = { 0 };
	struct deflate *d = deflate_new(kind, level, gather, out);
	for (size_t i = 0; i < in.n; i += step)
		assert_int_equal(deflate_write(d, str_head(str_from(in, i), step), &err), 0);
	assert_int_equal(deflate_finish(d, &err), 0);
	deflate_free(d);
}

static void unpack(struct str in, enum compression want, struct buf *out)
{
	struct error err = { 0 };
	struct stream *s;
	enum compression kind;
	assert_int_equal(stream_inflate(stream_memory(in), &s, &kind, &err), 0);
	assert_int_equal(kind, want);
	for (struct str view;;) {
		assert_int_equal(stream_next(s, &view, &err), 0);
		if (view.n == 0)
			break;
		buf_add(out, view);
	}
	stream_close(s);
}

static void test_deflate(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 511, DEFLATE_BLOCK - 1, DEFLATE_BLOCK, DEFLATE_BLOCK + 1, 7 * DEFLATE_BLOCK / 2 };
	struct buf data = BUF(0);
	buf_reserve(&data, 4 * DEFLATE_BLOCK);
	for (u32 i = 0, x = 1; i < 4 * DEFLATE_BLOCK; i++) { /* half noise, half text */
		x = x * 1664525 + 1013904223;
		data.p[i] = i & 4096 ? (char)(x >> 24) : (char)('a' + (x >> 30));
	}
	for (size_t k = 0; k < countof(sizes); k++) {
		for (enum compression kind = COMP_NONE; kind <= COMP_ZSTD; kind++) {
			struct buf one = BUF(0), other = BUF(0), back = BUF(0);
			struct str in = str_n(data.p, sizes[k]);
			setenv("PARE_THREADS", "1", 1);
			pack(in, kind, 0, 100000, &one);
			setenv("PARE_THREADS", "5", 1);
			pack(in, kind, 0, 4 * DEFLATE_BLOCK, &other);
			assert_true(str_eq(buf_str(&one), buf_str(&other)));
			unpack(buf_str(&one), kind, &back);
			assert_true(str_eq(buf_str(&back), in));
			assert_true(kind == COMP_NONE || sizes[k] < 100000 || one.n < sizes[k]);
			buf_free(&one);
			buf_free(&other);
			buf_free(&back);
		}
	}
	buf_free(&data);
}

static int refuse(void *ctx, struct str bytes, struct error *err)
{
	(void)bytes;
	u32 *calls = ctx;
	return ++*calls >= 2 ? error_set(err, ERR_ENV, "full") : 0;
}

static void test_deflate_stops(void **state)
{
	(void)state;
	for (enum compression kind = COMP_NONE; kind <= COMP_ZSTD; kind++) {
		struct error err = { 0 };
		u32 calls = 0, turn = 0;
		struct buf block = BUF(0);
		struct deflate *d = deflate_new(kind, 1, refuse, &calls);
		buf_reserve(&block, MiB);
		int r = 0;
		for (u32 x = 1; r == 0 && turn < 200; turn++) {
			for (u32 i = 0; i < MiB; i++)
				block.p[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
			r = deflate_write(d, str_n(block.p, MiB), &err);
		}
		assert_int_equal(r, -1);
		assert_string_equal(err.text, "full");
		deflate_free(d);
		buf_free(&block);
	}
}

static void test_levels(void **state)
{
	(void)state;
	assert_true(deflate_can(COMP_GZIP, 0) && deflate_can(COMP_GZIP, 12) && !deflate_can(COMP_GZIP, 13) && deflate_can(COMP_GZIP, DEFLATE_FAST) && !deflate_can(COMP_GZIP, -2));
	assert_true(deflate_can(COMP_ZSTD, 19) && !deflate_can(COMP_ZSTD, 20) && deflate_can(COMP_NONE, 0) && !deflate_can(COMP_NONE, 1) && !deflate_can(COMP_XZ, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_long), cmocka_unit_test(test_large), cmocka_unit_test(test_attributes), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deflate), cmocka_unit_test(test_deflate_stops), cmocka_unit_test(test_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
