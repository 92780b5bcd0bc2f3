/* base/: strings, patterns, text, JSON both ways, buffers, arenas, files, threads. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/seg.h"
#include "base/text.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void assert_str(struct str s, const char *z)
{
	assert_int_equal(s.n, strlen(z));
	assert_memory_equal(s.p, z, s.n);
}

static void strings(void **state)
{
	(void)state;
	struct str rest = STR("a,,b");
	assert_str(str_cut(&rest, ','), "a");
	assert_true(str_is(str_cut(&rest, ','), ""));
	assert_non_null(rest.p);
	assert_str(str_cut(&rest, ','), "b");
	assert_null(rest.p);
	rest = STR("");
	assert_int_equal(str_cut(&rest, ',').n, 0);
	assert_null(rest.p);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0 && str_cmp(STR("a\xff"), STR("a\x01")) > 0 && str_cmp(STR(""), STR("")) == 0);
	assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")) && str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
	assert_str(str_trim(STR(" \t x y\r\n")), "x y");
	assert_int_equal(str_trim(STR(" \n")).n, 0);
	assert_true(str_contains(STR("hello"), STR("ell")) && !str_contains(STR(""), STR("x")));
	assert_true(str_ieq(STR("MiB"), STR("mib")) && !str_ieq(STR("a"), STR("ab")) && !str_ieq(STR("["), STR("{")));
	assert_int_equal(str_from(STR("abc"), 5).n, 0);
	assert_int_equal(str_head(STR("abc"), 5).n, 3);
	assert_true(str_eq((struct str){ NULL, 0 }, STR("")));
}

static void numbers(void **state)
{
	(void)state;
	u64 v = 7;
	assert_true(str_to_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	static const char *const bad[] = { "", "18446744073709551616", "99999999999999999999999", "-1", "+1", "1 ", " 1", "0x1", "1.0", "a" };
	for (size_t i = 0; i < countof(bad); i++) {
		v = 7;
		assert_false(str_to_u64(str_of(bad[i]), &v));
		assert_int_equal(v, 7);
	}
	assert_true(str_to_u64(STR("000"), &v) && v == 0);
}

static const struct {
	const char *pattern, *path;
	bool match;
} globs[] = {
	{ "*.so", "/usr/lib/x.so", true },
	{ "*.so", "/usr/lib/x.so.1", false },
	{ "x", "/a/x", true },
	{ "x", "/x/a", false },
	{ "/usr/*", "/usr/lib", true },
	{ "/usr/*", "/usr/lib/x", false },
	{ "usr/*", "/usr/lib", true },
	{ "/usr/**", "/usr/lib/x", true },
	{ "/usr/**/x", "/usr/x", true },
	{ "/usr/**/x", "/usr/a/b/x", true },
	{ "/usr/**/x", "/usr/a/bx", false },
	{ "**/foo", "/foo", true },
	{ "**/foo", "/a/b/foo", true },
	{ "**/foo", "/a/barfoo", false },
	{ "/**/.cache/pip", "/root/.cache/pip", true },
	{ "/**/.cache/pip", "/root/x.cache/pip", false },
	{ "a**b", "/a/x/b", true },
	{ "a**b", "/a/x/c", false },
	{ "**", "/a/b", true },
	{ "/a/**", "/a", false },
	{ "?", "/a/b", true },
	{ "/?", "/ab", false },
	{ "/a?b", "/a/b", false },
	{ "/[a-c]x", "/bx", true },
	{ "/[!a-c]x", "/bx", false },
	{ "/[^a-c]x", "/dx", true },
	{ "/[!a]", "//", false },
	{ "/[]]", "/]", true },
	{ "/[a-]", "/-", true },
	{ "/[", "/[", true },
	{ "/[ab", "/a", false },
	{ "\\*", "/*", true },
	{ "\\*", "/x", false },
	{ "/a*b*c", "/axxbyyc", true },
	{ "/a*b*c", "/axxbyy", false },
	{ "/a*/c", "/ab/c", true },
	{ "/a*/c", "/a/b/c", false },
	{ "", "/a", false },
	{ "*", "/a/b", true },
	{ "**/*.py", "/a/b.py", true },
	{ "/x/**/y/**/z", "/x/1/y/2/3/z", true },
	{ "/x/**/y/**/z", "/x/1/2/3/z", false },
};

static void patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(globs); i++)
		if (str_glob(str_of(globs[i].pattern), str_of(globs[i].path)) != globs[i].match)
			fail_msg("%s on %s: not %d", globs[i].pattern, globs[i].path, globs[i].match);
	/* No pattern is exponential. */
	struct buf path = BUF(0), pattern = BUF(0);
	for (int i = 0; i < 2000; i++)
		buf_puts(&path, "a");
	for (int i = 0; i < 60; i++)
		buf_puts(&pattern, "*a");
	buf_puts(&pattern, "b");
	assert_false(str_glob(buf_str(&pattern), buf_str(&path)));
	buf_free(&path);
	buf_free(&pattern);
}

static void sizes(void **state)
{
	(void)state;
	static const struct {
		u64 bytes;
		const char *text;
	} shown[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1.00 kB" }, { 1234, "1.23 kB" }, { 38200000, "38.2 MB" }, { 999499, "999 kB" }, { 999500, "1.00 MB" }, { 1500000000, "1.50 GB" }, { UINT64_MAX, "18.4 EB" } };
	for (size_t i = 0; i < countof(shown); i++)
		assert_string_equal(TEXT_SIZE(shown[i].bytes), shown[i].text);
	assert_string_equal(TEXT_COUNT(0), "0");
	assert_string_equal(TEXT_COUNT(999), "999");
	assert_string_equal(TEXT_COUNT(1000), "1,000");
	assert_string_equal(TEXT_COUNT(UINT64_MAX), "18,446,744,073,709,551,615");
	static const struct {
		const char *text;
		u64 bytes;
	} read[] = { { "7", 7 }, { "20MB", 20000000 }, { "1.5 GB", 1500000000 }, { "31KiB", 31744 }, { "1k", 1000 }, { "1Ki", 1024 }, { "2b", 2 }, { " 3kb ", 3000 }, { "0", 0 }, { "1PiB", (u64)1 << 50 } };
	u64 v;
	for (size_t i = 0; i < countof(read); i++) {
		assert_true(text_parse_size(str_of(read[i].text), &v));
		assert_true(v == read[i].bytes);
	}
	static const char *const bad[] = { "", "MB", ".", "1..2", "-1", "1 x", "1kx", "10000000000PB", "1  MB", "1bb", "0x10" };
	for (size_t i = 0; i < countof(bad); i++)
		if (text_parse_size(str_of(bad[i]), &v))
			fail_msg("'%s' is no size", bad[i]);
}

static void passwords(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "ADD https://u:p@h/x.git /x", "ADD https://***@h/x.git /x" }, { "https://token@h", "https://***@h" }, { "https://u:p@q@h/a@b", "https://***@h/a@b" }, { "ssh://git@h/x", "ssh://git@h/x" },
		{ "ssh://git:p@h/x", "ssh://***@h/x" }, { "https://h/a@b://c@d e@f", "https://h/a@b://***@d e@f" }, { "a://'b@c'", "a://'b@c'" }, { "://@h", "://@h" }, { "", "" }, { "https://", "https://" },
		{ "http://a:b@c http://d:e@f", "http://***@c http://***@f" }, { "a://ssh://u:p@h", "a://ssh://***@h" },
	};
	for (size_t i = 0; i < countof(t); i++) {
		struct buf out = BUF(0);
		text_hide_passwords(&out, str_of(t[i].in));
		assert_string_equal(out.p ? out.p : "", t[i].out);
		buf_free(&out);
	}
}

static void escapes(void **state)
{
	(void)state;
	struct buf out = BUF(0);
	static const struct {
		const char *in, *safe, *tsv;
	} t[] = {
		{ "plain/ü€𝄞", "plain/ü€𝄞", "plain/ü€𝄞" },
		{ "a\tb\nc\\d", "a\\tb\\nc\\d", "a\\tb\\nc\\\\d" },
		{ "\x1b[31m\x7f\r", "\\x1b[31m\\x7f\\x0d", "\\x1b[31m\\x7f\\x0d" },
		{ "\xc2\x9b\xc2\xa0", "\\xc2\\x9b\xc2\xa0", "\\xc2\\x9b\xc2\xa0" },
		{ "\xff\xc0\x80\xed\xa0\x80", "\\xff\\xc0\\x80\\xed\\xa0\\x80", "\\xff\\xc0\\x80\\xed\\xa0\\x80" },
		{ "\xe2\x80\xae|", "\\xe2\\x80\\xae|", "\xe2\x80\xae|" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82", "\\xe2\\x82" },
	};
	for (size_t i = 0; i < countof(t); i++) {
		buf_clear(&out);
		text_safe(&out, str_of(t[i].in));
		assert_string_equal(out.p, t[i].safe);
		buf_clear(&out);
		text_tsv(&out, str_of(t[i].in));
		assert_string_equal(out.p, t[i].tsv);
	}
	buf_clear(&out);
	text_fit(&out, STR("abcdef"), 4, false);
	assert_string_equal(out.p, "abc…");
	buf_clear(&out);
	text_fit(&out, STR("abcdef"), 4, true);
	assert_string_equal(out.p, "…def");
	buf_clear(&out);
	text_fit(&out, STR("世界x"), 4, false);
	assert_string_equal(out.p, "世…");
	assert_int_equal(text_width(STR("世界x")), 5);
	assert_int_equal(text_width(STR("e\xcc\x81")), 1);
	buf_free(&out);
}

static void doubles(void **state)
{
	(void)state;
	char out[40];
	assert_string_equal(text_double(0.1, out), "0.1");
	assert_string_equal(text_double(1.0, out), "1");
	assert_string_equal(text_double(NAN, out), "null");
	assert_string_equal(text_double(-INFINITY, out), "null");
	const double odd = 0.1 + 0.2;
	assert_true(strtod(text_double(odd, out), NULL) == odd);
	assert_string_equal(text_time(1577934245, out), "2020-01-02T03:04:05Z");
	assert_string_equal(text_time(-1, out), "1969-12-31T23:59:59Z");
}

static char *json_text_of(void (*make)(struct jsonw *w), int indent)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct jsonw w;
	jsonw_init(&w, f, indent);
	make(&w);
	fclose(f);
	return text;
}

static void everything(struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_ks(w, "s", STR("q\"b\\n\nt\tc\x01z\x7f"));
	jsonw_ks(w, "bad", STR("a\xff" "b\xe2\x80\xae"));
	jsonw_kz(w, "none", NULL);
	jsonw_ku(w, "max", UINT64_MAX);
	jsonw_key(w, "list");
	jsonw_arr(w);
	jsonw_s64(w, -5);
	jsonw_double(w, 0.5);
	jsonw_double(w, NAN);
	jsonw_bool(w, true);
	jsonw_null(w);
	jsonw_arr(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_kb(w, "no", false);
	jsonw_end(w);
}

static void json_out(void **state)
{
	(void)state;
	char *text = json_text_of(everything, 0);
	assert_string_equal(text, "{\"s\":\"q\\\"b\\\\n\\nt\\tc\\u0001z\\u007f\",\"bad\":\"a\xef\xbf\xbd" "b\\u202e\",\"none\":null,\"max\":18446744073709551615,"
				  "\"list\":[-5,0.5,null,true,null,[]],\"no\":false}\n");
	free(text);
	text = json_text_of(everything, 2);
	assert_non_null(strstr(text, "\n  \"list\": [\n    -5,\n"));
	free(text);
}

static void json_in(void **state)
{
	(void)state;
	struct error err = { 0 };
	autojson json_t *doc = json_read(STR("{\"a\":1,\"a\":2,\"n\":-1,\"f\":1.5,\"s\":\"x\\u0000y\",\"bad\":\"\xff\",\"l\":[],\"o\":{}}"), "it", &err);
	assert_non_null(doc);
	u64 v = 9;
	assert_true(json_u64(doc, "a", &v) && v == 2);
	assert_false(json_u64(doc, "n", &v));
	assert_false(json_u64(doc, "f", &v));
	assert_false(json_u64(doc, "s", &v));
	assert_false(json_u64(doc, "absent", &v));
	assert_int_equal(v, 2);
	assert_int_equal(json_view(doc, "s").n, 3);
	assert_str(json_view(doc, "bad"), "\xef\xbf\xbd");
	assert_null(json_view(doc, "a").p);
	assert_non_null(json_arr(doc, "l"));
	assert_null(json_arr(doc, "o"));
	assert_non_null(json_obj(doc, "o"));
	assert_null(json_obj(NULL, "o"));
	static const char *const bad[] = { "", "{", "5", "\"x\"", "{} {}", "{\"a\":}", "[1,]", "nul", "{\"a\" 1}", "[\"\x01\"]" };
	for (size_t i = 0; i < countof(bad); i++) {
		err = (struct error){ 0 };
		assert_null(json_read(str_of(bad[i]), "it", &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_memory_equal(err.text, "it: ", 4);
	}
	struct buf deep = BUF(0);
	for (int i = 0; i < JSON_NESTED; i++)
		buf_putc(&deep, '[');
	for (int i = 0; i < JSON_NESTED; i++)
		buf_putc(&deep, ']');
	json_t *fine = json_read(buf_str(&deep), "it", NULL);
	assert_non_null(fine);
	json_decref(fine);
	buf_clear(&deep);
	for (int i = 0; i < 2000000; i++)
		buf_puts(&deep, "[");
	assert_null(json_read(buf_str(&deep), "it", &err));
	assert_non_null(strstr(err.text, "nested"));
	buf_clear(&deep);
	buf_puts(&deep, "[\"[[[[\\\"[[[[\"]");
	json_t *brackets = json_read(buf_str(&deep), "it", NULL);
	assert_non_null(brackets);
	json_decref(brackets);
	buf_free(&deep);
}

static void buffers(void **state)
{
	(void)state;
	struct buf b = BUF(10);
	buf_puts(&b, "12345678");
	buf_puts(&b, "abc");
	assert_true(b.over);
	assert_string_equal(b.p, "12345678");
	buf_printf(&b, "%d", 99);
	assert_string_equal(b.p, "1234567899");
	buf_printf(&b, "x");
	assert_int_equal(b.n, 10);
	buf_free(&b);
	assert_int_equal(b.max, 10);
	struct buf none = BUF(0);
	assert_string_equal(buf_str(&none).p, "");
	u32 *v = NULL, n = 0, cap = 0;
	for (u32 i = 0; i < 1000; i++)
		VEC_PUSH(v, n, cap, i);
	assert_true(n == 1000 && v[999] == 999);
	free(v);
	SEG(u64) seg = { 0 };
	u64 *first = SEG_PUSH(&seg);
	for (u64 i = 1; i < 3 * SEG_SIZE; i++)
		*SEG_PUSH(&seg) = i;
	assert_ptr_equal(first, SEG_AT(&seg, 0));
	assert_true(*SEG_AT(&seg, 2 * SEG_SIZE + 1) == 2 * SEG_SIZE + 1);
	SEG_FREE(&seg);
	assert_int_equal(seg.n, 0);
}

static void arenas(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char *last = NULL;
	for (size_t i = 1; i < 3000; i++) {
		char *p = arena_zalloc(&a, i % 97);
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0xaa, i % 97);
		last = arena_bytes(&a, STR("odd"));
		assert_string_equal(last, "odd");
	}
	char *big = arena_alloc(&a, 5 * MiB);
	memset(big, 1, 5 * MiB);
	assert_string_equal(last, "odd");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
	assert_string_equal(arena_strdup(&a, STR("a\0b")), "a");
	arena_free(&a);
	assert_null(a.head);
	assert_string_equal(arena_strdup(&a, STR("again")), "again");
	arena_free(&a);
}

static void errors(void **state)
{
	(void)state;
	struct error err = { 0 };
	assert_int_equal(error_set(&err, ERR_INPUT, "%d bytes", 5), -1);
	error_wrap(&err, "layer %d", 3);
	assert_string_equal(err.text, "layer 3: 5 bytes");
	assert_int_equal(err.kind, ERR_INPUT);
	for (int i = 0; i < 100; i++)
		error_wrap(&err, "%0200d", i);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	errno = ENOENT;
	error_errno(&err, "x");
	assert_string_equal(err.text, "x: No such file or directory");
	assert_int_equal(err.kind, ERR_ENV);
	assert_int_equal(error_set(NULL, ERR_ENV, "x"), -1);

	struct problems p = { 0 }, q = { 0 };
	for (int i = 0; i < PROBLEMS_MAX + 10; i++)
		problem_add(&p, "%d", i);
	assert_int_equal(p.n, PROBLEMS_MAX);
	assert_int_equal(p.more, 10);
	problem_add(&q, "first");
	problems_merge(&q, &p, "in");
	assert_string_equal(q.v[1], "in: 0");
	assert_int_equal(q.n + q.more, PROBLEMS_MAX + 11);
	problems_free(&p);
	problems_free(&q);
}

static char dir[] = "test-base-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static const char *in_dir(struct buf *b, const char *name)
{
	buf_clear(b);
	buf_printf(b, "%s/%s", dir, name);
	return b->p;
}

static int remove_dir(void **state)
{
	(void)state;
	static const char *const names[] = { "out", "pipe", "link", "target", "in/link", "in/file", "in/up", "in/abs", "in/fifo", "in/sub", "in", "a/b/c", "a/b", "a" };
	struct buf b = BUF(0);
	for (size_t i = 0; i < countof(names); i++)
		remove(in_dir(&b, names[i]));
	buf_free(&b);
	return rmdir(dir);
}

static void results(void **state)
{
	(void)state;
	struct buf path = BUF(0), text = BUF(0);
	struct outfile o;
	struct error err = { 0 };
	in_dir(&path, "out");
	assert_int_equal(outfile_open(&o, path.p, &err), 0);
	assert_int_equal(file_write_all(o.fd, "one", 3), 0);
	assert_int_equal(access(path.p, F_OK), -1); /* not before it is whole */
	assert_int_equal(outfile_commit(&o, &err), 0);
	outfile_abort(&o);
	assert_int_equal(file_read(path.p, 100, &text, &err), 0);
	assert_string_equal(text.p, "one");
	struct outfile gone;
	assert_int_equal(outfile_open(&gone, path.p, &err), 0);
	assert_int_equal(file_write_all(gone.fd, "two", 3), 0);
	char *tmp = xstrdup(gone.tmp);
	outfile_abort(&gone);
	assert_int_equal(access(tmp, F_OK), -1);
	free(tmp);
	buf_clear(&text);
	assert_int_equal(file_read(path.p, 2, &text, &err), -1); /* over the limit */
	assert_int_equal(err.kind, ERR_INPUT);
	buf_clear(&text);
	assert_int_equal(file_read(path.p, 3, &text, &err), 0);
	assert_string_equal(text.p, "one");
	assert_int_equal(outfile_open(&o, in_dir(&path, "nowhere/out"), &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	assert_int_equal(file_mkdirs(in_dir(&path, "a/b/c"), &err), 0);
	assert_int_equal(file_mkdirs(path.p, &err), 0);
	buf_free(&path);
	buf_free(&text);
}

static void put_text(FILE *f, void *ctx) { fputs(ctx, f); }

/* Results that a user named: a link leads somewhere, a device stays one, what is open already is written on. */
static void results_elsewhere(void **state)
{
	(void)state;
	struct buf path = BUF(0), text = BUF(0), link = BUF(0);
	struct outfile o;
	struct stat st;
	struct error err = { 0 };
	char got[16];
	in_dir(&path, "pipe");
	assert_int_equal(mkfifo(path.p, 0600), 0);
	int fd = open(path.p, O_RDWR);
	assert_int_equal(outfile_write(path.p, put_text, (char[]){ "through" }, &err), 0);
	assert_int_equal(read(fd, got, sizeof got), 7);
	assert_int_equal(outfile_open(&o, path.p, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	assert_int_equal(stat(path.p, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	close(fd);
	in_dir(&path, "target");
	in_dir(&link, "link");
	assert_int_equal(symlink("target", link.p), 0);
	fd = open(path.p, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "one ", 4), 4);
	char own[40];
	snprintf(own, sizeof own, "/dev/fd/%d", fd);
	assert_int_equal(outfile_write(own, put_text, (char[]){ "two" }, &err), 0);
	assert_int_equal(file_read(path.p, 100, &text, &err), 0);
	assert_str(buf_str(&text), "one two");
	close(fd);
	assert_int_equal(outfile_write(own, put_text, (char[]){ "three" }, &err), -1);
	assert_int_equal(outfile_write(link.p, put_text, (char[]){ "new" }, &err), 0);
	buf_clear(&text);
	assert_int_equal(file_read(path.p, 100, &text, &err), 0);
	assert_str(buf_str(&text), "new");
	assert_int_equal(lstat(link.p, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(file_mkdirs("", &err), -1);
	buf_free(&path);
	buf_free(&text);
	buf_free(&link);
}

static void beneath(void **state)
{
	(void)state;
	struct buf path = BUF(0);
	struct error err = { 0 };
	assert_int_equal(mkdir(in_dir(&path, "in"), 0700), 0);
	autofd int at = open(path.p, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(at, "sub", 0700), 0);
	int fd = openat(at, "file", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlinkat("file", at, "link"), 0);
	assert_int_equal(symlinkat("../out", at, "up"), 0);
	assert_int_equal(symlinkat("/etc/passwd", at, "abs"), 0);
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	static const char *const bad[] = { "up", "abs", "../out", "/etc/passwd", "sub", "fifo", "nowhere", "file/x", "" };
	for (size_t i = 0; i < countof(bad); i++) {
		err = (struct error){ 0 };
		assert_int_equal(file_open_beneath(at, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	static const char *const good[] = { "file", "link", "sub/../file", "./file" };
	for (size_t i = 0; i < countof(good); i++) {
		fd = file_open_beneath(at, good[i], &err);
		assert_true(fd >= 0);
		close(fd);
	}
	buf_free(&path);
}

static void hashes(void **state)
{
	(void)state;
	struct hasher *h = hasher_new();
	char data[5000];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7);
	for (size_t piece = 1; piece < sizeof data; piece = piece * 3 + 1) { /* does not depend on how it came */
		hasher_reset(h);
		for (size_t at = 0; at < sizeof data; at += piece)
			hasher_add(h, str_n(data + at, MIN(piece, sizeof data - at)));
		assert_true(hash_eq(hasher_value(h), hash_bytes(str_n(data, sizeof data))));
	}
	assert_false(hash_eq(hash_bytes(STR("a")), hash_bytes(STR("b"))));
	assert_true(hash64(STR("a"), 1) != hash64(STR("a"), 2));
	hasher_free(h);
}

static atomic_uint ran[1000];
static void run_one(u32 i, void *ctx) { atomic_fetch_add(&((atomic_uint *)ctx)[i], 1); }

struct pipe_test {
	struct queue q;
	u64 sum;
	atomic_uint waiting;
	u32 most;
};

static void *consume(void *arg)
{
	struct pipe_test *t = arg;
	struct queue_item item;
	while (queue_take(&t->q, &item)) {
		u32 waiting = atomic_load(&t->waiting);
		t->most = MAX(t->most, waiting);
		t->sum += item.n;
		atomic_fetch_sub(&t->waiting, 1);
		queue_done(&t->q);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	thread_each(countof(ran), run_one, ran);
	for (size_t i = 0; i < countof(ran); i++)
		assert_int_equal(ran[i], 1);
	thread_each(0, run_one, ran);
	assert_int_equal(thread_busy(), 0);
	assert_in_range(thread_count(), 1, 64);
	struct pipe_test t = { 0 };
	queue_init(&t.q, 4);
	pthread_t thread = thread_start(consume, &t);
	for (size_t i = 1; i <= 5000; i++) {
		queue_put(&t.q, (struct queue_item){ NULL, i, NULL });
		atomic_fetch_add(&t.waiting, 1);
	}
	queue_drain(&t.q);
	assert_true(t.sum == 5000u * 5001 / 2);
	queue_close(&t.q);
	pthread_join(thread, NULL);
	assert_true(t.q.put == t.q.done);
	queue_destroy(&t.q);
}

static void tables(void **state)
{
	(void)state;
	struct hashtab t;
	hashtab_open(&t, 10);
	for (u32 id = 1; id <= 5000; id++) /* every fifth hash alike, at the end of the slots too */
		hashtab_add(&t, id % 5 ? id * 2654435761u : UINT32_MAX, id);
	assert_int_equal(t.n, 5000);
	assert_true(t.n <= t.slots / 4 * 3);
	u32 at = UINT32_MAX, found = 0;
	for (u32 id; (id = hashtab_next(&t, UINT32_MAX, &at)); found++)
		assert_int_equal(id % 5, 0);
	assert_int_equal(found, 1000);
	for (u32 id = 1; id <= 5000; id++)
		if (id % 5) {
			u32 h = id * 2654435761u, k = h;
			assert_int_equal(hashtab_next(&t, h, &k), id);
			assert_int_equal(hashtab_next(&t, h, &k), 0);
		}
	hashtab_free(&t);
}

static void same_starts(void **state)
{
	(void)state;
	assert_int_equal(str_same(STR("usr/share/doc/a"), STR("usr/share/doc/b")), 14);
	assert_int_equal(str_same(STR("usr"), STR("usr/share")), 3);
	assert_int_equal(str_same(STR("a"), STR("b")), 0);
	assert_int_equal(str_same(str_n(NULL, 0), STR("b")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables), cmocka_unit_test(same_starts), cmocka_unit_test(strings), cmocka_unit_test(numbers), cmocka_unit_test(patterns), cmocka_unit_test(sizes), cmocka_unit_test(passwords),
		cmocka_unit_test(escapes), cmocka_unit_test(doubles), cmocka_unit_test(json_out),
		cmocka_unit_test(json_in), cmocka_unit_test(buffers), cmocka_unit_test(arenas), cmocka_unit_test(errors), cmocka_unit_test(results), cmocka_unit_test(results_elsewhere), cmocka_unit_test(beneath), cmocka_unit_test(hashes),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
