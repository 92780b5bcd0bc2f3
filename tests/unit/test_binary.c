/* Programs: ELF facts out of pieces, what their bytes say they are, Go's and Rust's build information, and what becomes of it in an image. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "package/binary.h"
#include "package_world.h"
#include <libdeflate.h>
#include <pcre2.h>

extern const struct collector binary_collector;

/* --- ELF files by hand --- */

struct elf {
	struct buf b;
	bool wide, big;
};

static void number(struct elf *e, u64 v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		buf_putc(&e->b, (char)(u8)(v >> 8 * (e->big ? n - 1 - i : i)));
}

static void word(struct elf *e, u64 v) { number(e, v, e->wide ? 8 : 4); }

static void program_header(struct elf *e, u32 type, u64 at, u64 size)
{
	number(e, type, 4);
	if (e->wide)
		number(e, 6, 4);
	word(e, at);
	word(e, 0x10000 + at);
	word(e, 0);
	word(e, size);
	word(e, size);
	if (!e->wide)
		number(e, 6, 4);
	word(e, 0);
}

/* A library that needs two others, says where to look for them and who it is; `tail` stands behind it. */
static struct buf make(bool wide, bool big, struct str tail)
{
	struct elf e = { .b = BUF(0), .wide = wide, .big = big };
	static const char strings[] = "\0libone.so.1\0libtwo.so.2\0libme.so.3\0/opt/lib:$ORIGIN";
	u32 head = wide ? 64 : 52, entry = wide ? 56 : 32, w = wide ? 8 : 4;
	u64 interp = head + 4 * entry, note = interp + 8, text = note + 20, dyn = text + sizeof strings, end = dyn + 8 * 2 * w;
	u8 ident[16] = { 0x7f, 'E', 'L', 'F', wide ? 2 : 1, big ? 2 : 1, 1 };
	buf_add(&e.b, str_n(ident, 16));
	number(&e, ELF_DYN, 2);
	number(&e, 183, 2);
	number(&e, 1, 4);
	word(&e, 0);
	word(&e, head);
	word(&e, 0);
	number(&e, 0, 4);
	number(&e, head, 2);
	number(&e, entry, 2);
	number(&e, 4, 2);
	number(&e, 0, 6);
	program_header(&e, 1, 0, end);
	program_header(&e, 3, interp, 8);
	program_header(&e, 4, note, 20);
	program_header(&e, 2, dyn, 8 * 2 * w);
	buf_add(&e.b, STR("/lib/ld\0"));
	number(&e, 4, 4);
	number(&e, 4, 4);
	number(&e, 3, 4);
	buf_add(&e.b, STR("GNU\0\xde\xad\xbe\xef"));
	buf_add(&e.b, str_n(strings, sizeof strings));
	const u64 entries[][2] = { { 1, 1 }, { 1, 13 }, { 14, 25 }, { 29, 36 }, { 5, 0x10000 + text }, { 10, sizeof strings }, { 0, 0 }, { 0, 0 } };
	for (size_t i = 0; i < countof(entries); i++) {
		word(&e, entries[i][0]);
		word(&e, entries[i][1]);
	}
	assert_int_equal(e.b.n, end);
	buf_add(&e.b, tail);
	return e.b;
}

static bool read_elf(struct elf_reader *r, struct str s, size_t piece, struct elf_facts *f)
{
	elf_begin(r);
	for (size_t at = 0; at < s.n; at += piece)
		elf_feed(r, str_head(str_from(s, at), piece));
	return elf_end(r, f);
}

static void same(struct str a, const char *b) { assert_true(a.p && str_is(a, b)); }

static void elf_facts_of_pieces(void **state)
{
	(void)state;
	struct elf_reader *r = elf_reader_new();
	for (u32 kind = 0; kind < 4; kind++) {
		char zeros[9000] = { 0 };
		struct buf b = make(kind & 1, kind & 2, str_n(zeros, kind & 1 ? sizeof zeros : 0));
		static const size_t pieces[] = { 1, 7, 100, 4096, 100000 };
		for (size_t i = 0; i < countof(pieces); i++) {
			struct elf_facts f, g;
			struct arena a = { 0 };
			struct buf kept = BUF(0);
			assert_true(read_elf(r, buf_str(&b), pieces[i], &f));
			elf_encode(&f, &kept);
			assert_true(elf_decode(buf_str(&kept), &a, &g));
			assert_int_equal(g.machine, 183);
			assert_int_equal(g.type, ELF_DYN);
			assert_int_equal(g.class, kind & 1 ? ELF_64 : ELF_32);
			assert_int_equal(g.data, kind & 2 ? ELF_BIG : ELF_LITTLE);
			same(g.interpreter, "/lib/ld");
			same(g.soname, "libme.so.3");
			same(g.runpath, "/opt/lib:$ORIGIN");
			assert_null(g.rpath.p);
			same(g.build_id, "\xde\xad\xbe\xef");
			assert_int_equal(g.n_needed, 2);
			same(g.needed[0], "libone.so.1");
			same(g.needed[1], "libtwo.so.2");
			assert_false(g.cut || g.is_static || g.is_go || g.is_rust);
			for (size_t n = 0; n < kept.n; n++) /* what is cut off is damaged, or ends between two names */
				if (elf_decode(str_n(kept.p, n), &a, &g))
					assert_true(n < kept.n && g.n_needed < 2);
			arena_free(&a);
			buf_free(&kept);
		}
		buf_free(&b);
	}
	elf_reader_free(r);
}

static void elf_damaged(void **state)
{
	(void)state;
	struct elf_reader *r = elf_reader_new();
	struct buf b = make(true, false, STR(""));
	struct elf_facts f;
	for (size_t n = 0; n <= b.n; n++)
		assert_int_equal(read_elf(r, str_n(b.p, n), 50, &f), n >= 64);
	/* The dynamic section's strings stand nowhere. */
	assert_true(read_elf(r, buf_str(&b), 50, &f));
	assert_false(f.cut);
	for (size_t i = 0; i + 8 <= b.n; i++) {
		struct buf c = BUF(0);
		buf_add(&c, buf_str(&b));
		memset(c.p + i, 0xff, 8);
		if (read_elf(r, buf_str(&c), 64, &f))
			assert_true(f.n_needed <= ELF_NEEDED_MAX);
		buf_free(&c);
	}
	buf_free(&b);
	elf_reader_free(r);
}

/* --- what the collector finds --- */

/* "type/name@version" of each package in the note, separated by blanks; damage as "!text". */
static struct buf found(const char *path, struct str content, size_t piece)
{
	const char *slash = strrchr(path, '/');
	struct str dir = str_n(path, (size_t)(slash - path)), name = str_of(slash + 1);
	struct buf note = BUF(0), out = BUF(0);
	struct error err = { 0 };
	void *s = binary_collector.stream->open();
	buf_puts(&out, "");
	if (binary_collector.sniff(dir, name, NULL, str_head(content, COLLECT_HEAD))) {
		binary_collector.stream->begin(s, dir, name, NULL);
		for (size_t at = 0, n; at < content.n; at += n) {
			n = MIN(at ? piece : MAX(piece, COLLECT_HEAD), content.n - at);
			binary_collector.stream->feed(s, str_n(content.p + at, n));
		}
		assert_int_equal(binary_collector.stream->end(s, &note, &err), 0);
	}
	struct note_reader r = { .rest = buf_str(&note) };
	struct str v;
	u8 tag;
	while (note_next(&r, &tag, &v))
		if (tag == BINARY_TYPE || tag == NOTE_NAME || tag == NOTE_VERSION || tag == NOTE_DAMAGE)
			buf_printf(&out, "%s%.*s", tag == BINARY_TYPE ? (out.n ? " " : "") : tag == NOTE_NAME ? "/" : tag == NOTE_VERSION ? "@" : "!", STR_FMT(v));
	assert_false(r.bad);
	note_close(&r);
	buf_free(&note);
	binary_collector.stream->close(s);
	return out;
}

static void expect_pieces(const char *path, struct str content, const char *what, size_t piece)
{
	struct buf b = found(path, content, piece);
	assert_string_equal(b.p, what);
	buf_free(&b);
}

static void expect(const char *path, struct str content, const char *what)
{
	struct buf elf = make(true, false, content);
	expect_pieces(path, buf_str(&elf), what, 1 << 20);
	expect_pieces(path, buf_str(&elf), what, 13);
	buf_free(&elf);
}

static void classes(void **state)
{
	(void)state;
	expect("usr/sbin/nginx", STR("x\0nginx version: nginx/9.8.7\n\0"), "generic/nginx@9.8.7");
	expect("usr/sbin/nginx2", STR("x\0nginx version: nginx/9.8.7\n\0"), "");
	expect("usr/sbin/nginx", STR("x\0see nginx 9.8.7\n\0"), "");
	expect("usr/lib/libpython3.11.so.1.0", STR("a\0" "3.10.1\0b\0" "3.11.4\0c"), "generic/python@3.11.4");
	expect("usr/lib/libpython3.1.so", STR("a\0" "3.11.4\0"), "");
	expect("usr/bin/gzip", STR("pack level\0" "1.12\0%s"), "generic/gzip@1.12");
	expect("usr/bin/gzip", STR("pack level\0" "1.12\0%s\0BusyBox v1.36.1 (2023)\0"), "generic/busybox@1.36.1");
	expect("sbin/any", STR("\0BusyBox v1.36.1 (2023)\0"), "generic/busybox@1.36.1");
	expect("usr/bin/postgres", STR("\0PostgreSQL 17beta2 on"), "generic/postgresql@17beta2");
	expect("usr/bin/psql", STR("psql (PostgreSQL) 16.3\n"), "generic/postgresql@16.3");
	expect("usr/bin/mysql", STR("/build/mysql-8.0.1/x /build/percona-server-8.0.2/x"), "generic/percona-server@8.0.2");
	expect("usr/bin/redis-server", STR("\0" "7.0.11" "0123456789ab-1700000000000000000\0"), "generic/redis@7.0.11");
	expect("usr/bin/deno", STR("deno-0123456789012345678901234567890123456789" "1.16.4rel"), "generic/deno@1.16.4");
	expect("usr/bin/deno", STR("OTel-Deno/0.76.0 Deno/2.9.2Missing"), "generic/deno@2.9.2");
	expect("usr/bin/deno", STR("deno-0123456789012345678901234567890123456789release/v1.32.0windows"), "generic/deno@1.32.0");
	expect("opt/jvm/bin/java", STR("\0openjdk\0java\0" "0.0\0" "21+35-LTS\0"), "generic/openjdk@21+35-LTS");
	expect("opt/zulu21/bin/java", STR("\0openjdk\0java\0" "0.0\0" "21.0.1+12\0"), "generic/zulu@21.0.1+12");
	expect("usr/bin/helm", STR("\0\0v3.1.2\0\0"), "golang/helm.sh/helm@v3.1.2");
	/* Texts, only where a class asks for them. */
	expect_pieces("usr/bin/elixir", STR("#!/bin/sh\nELIXIR_VERSION=1.2.3\n"), "generic/elixir@1.2.3", 5);
	expect_pieces("usr/local/go/VERSION", STR("go1.21.3\ntime\n"), "generic/go@1.21.3", 5);
	expect_pieces("srv/app/VERSION", STR("1.21.3 needs go1.5\n"), "", 5);
	expect_pieces("usr/bin/nginx", STR("nginx version: nginx/9.8.7\n"), "", 5);
	expect_pieces("opt/VERSION", STR("go1.21.3 BusyBox v1.36.1 (2023)\n"), "generic/go@1.21.3", 5);
}

/* Wherever the pieces end, and wherever the buffer does. */
static void over_the_edges(void **state)
{
	(void)state;
	static char big[200 * 1024];
	static const char words[] = "\0nginx version: nginx/9.8.7\n";
	for (size_t at = 60000; at < 70000; at += 37) {
		memset(big, 'a', sizeof big);
		memcpy(big, "\177ELF", 4);
		memcpy(big + at, words, sizeof words);
		expect_pieces("bin/nginx", str_n(big, sizeof big), "generic/nginx@9.8.7", at % 3 ? 65536 : 4097);
	}
}

static void rows(void **state)
{
	(void)state;
	u32 classes_n = 0;
	assert_non_null(binary_rows[0].files);
	for (u32 i = 0; i < binary_n_rows; i++) {
		const struct binary_row *r = &binary_rows[i];
		int number_of_error;
		PCRE2_SIZE at;
		pcre2_code *c = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED, PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_NEVER_UTF, &number_of_error, &at, NULL);
		if (!c)
			fail_msg("row %u: %s", i, r->pattern);
		pcre2_code_free(c);
		if (r->files) {
			assert_true(r->type && r->name);
			classes_n++;
		}
		assert_true(!(r->flags & BINARY_WORD) || r->before_n);
		assert_true(r->near_max <= BINARY_BACK);
	}
	assert_true(classes_n >= 90);
}

static void budget(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	buf_add(&b, STR("\177ELF"));
	for (u32 i = 0; i < 210000; i++)
		buf_add(&b, STR("\0" "1.10.1x"));
	struct buf out = found("bin/envoy", buf_str(&b), 65536);
	assert_true(str_starts(buf_str(&out), STR("!over a budget")));
	buf_free(&out);
	buf_clear(&b);
	buf_add(&b, STR("\177ELF"));
	buf_add(&b, str_n(go_modules_begin, 16));
	buf_puts(&b, "path\tx\n");
	for (u32 i = 0; i < 30000; i++)
		buf_puts(&b, "dep\ta\t1\n");
	buf_add(&b, str_n(go_modules_end, 16));
	out = found("bin/any", buf_str(&b), 65536);
	assert_true(str_contains(buf_str(&out), STR("!over a budget")));
	assert_true(out.n < 20100 * 14);
	buf_free(&out);
	buf_free(&b);
}

/* --- Go --- */

static const char modules[] = "path\texample.org/tool/cmd/tool\nmod\texample.org/tool\t(devel)\t\ndep\texample.org/a\tv1.2.3\th1:x=\ndep\texample.org/b\tv1.0.0\n=>\texample.org/c\tv2.0.0\th1:y=\n"
			      "dep\texample.org/d\tv0.0.0\n=>\t./d\t\t\n";
#define PLAIN "golang/example.org/a@v1.2.3 golang/example.org/c@v2.0.0 golang/example.org/d@v0.0.0 golang/example.org/tool"

static void go_list(struct buf *b, const char *more)
{
	buf_add(b, str_n(go_modules_begin, 16));
	buf_puts(b, modules);
	buf_puts(b, more);
	buf_add(b, str_n(go_modules_end, 16));
}

static void go_case(const char *more, const char *what)
{
	struct buf elf = make(true, false, STR("")), list = BUF(0);
	go_list(&list, more);
	while (elf.n % 16)
		buf_putc(&elf, 0);
	buf_add(&elf, STR("\xff Go buildinf:\x08\x02"));
	for (u32 i = 0; i < 16; i++)
		buf_putc(&elf, 0);
	buf_add(&elf, STR("\x08go1.21.3"));
	buf_putc(&elf, (char)(u8)((list.n & 0x7f) | 0x80));
	buf_putc(&elf, (char)(u8)(list.n >> 7));
	buf_add(&elf, buf_str(&list));
	expect_pieces("bin/tool", buf_str(&elf), what, 11);
	expect_pieces("bin/tool", buf_str(&elf), what, 100000);
	buf_free(&elf);
	buf_free(&list);
}

static void go_programs(void **state)
{
	(void)state;
	go_case("", PLAIN " golang/stdlib@v1.21.3");
	go_case("build\t-ldflags=\"-s -w -X main.version=4.5.6 -X example.org/other.Version=9.9.9\"\n", PLAIN "@v4.5.6 golang/stdlib@v1.21.3");
	go_case("build\t-ldflags=\"-X 'example.org/tool/version.Version=v7.8.9-rc.1'\"\n", PLAIN "@v7.8.9-rc.1 golang/stdlib@v1.21.3");
	go_case("build\t-ldflags=\"-X main.goVersion=1.20.1\"\n", PLAIN " golang/stdlib@v1.21.3");
	go_case("build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2023-04-05T06:07:08Z\n", PLAIN "@v0.0.0-20230405060708-0123456789ab golang/stdlib@v1.21.3");
	/* Before Go 1.18 the list stands by itself, and the version somewhere. */
	struct buf old = BUF(0);
	buf_add(&old, STR("text\0go1.17.5\0"));
	go_list(&old, "");
	expect("bin/tool", buf_str(&old), PLAIN " golang/stdlib@v1.17.5");
	/* The same in a program for Windows. */
	char dos[80] = "MZ";
	struct buf windows = BUF(0);
	dos[60] = 64;
	memcpy(dos + 64, "PE\0", 4);
	buf_add(&windows, str_n(dos, sizeof dos));
	buf_add(&windows, buf_str(&old));
	expect_pieces("bin/tool.exe", buf_str(&windows), PLAIN " golang/stdlib@v1.17.5", 30);
	windows.p[64] = 'Q';
	expect_pieces("bin/tool.exe", buf_str(&windows), "", 30);
	buf_free(&windows);
	old.n -= 16;
	expect("bin/tool", buf_str(&old), "!its list of Go modules has no end golang/stdlib@v1.17.5");
	buf_free(&old);
}

/* --- Rust --- */

static void rust_programs(void **state)
{
	(void)state;
	static const char json[] = "{\"packages\":[{\"name\":\"cc\",\"version\":\"1.0.1\",\"source\":\"crates.io\",\"kind\":\"build\"},{\"name\":\"serde\",\"version\":\"1.0.2\",\"source\":\"crates.io\"},"
				   "{\"name\":\"tool\",\"version\":\"0.1.0\",\"source\":\"local\",\"dependencies\":[0,1],\"root\":true}]}";
	char packed[1024];
	for (int level = 0; level <= 9; level++) {
		struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
		size_t n = libdeflate_zlib_compress(c, json, sizeof json - 1, packed, sizeof packed);
		assert_true(n > 0);
		libdeflate_free_compressor(c);
		for (size_t before = 0; before < 20; before += 7) {
			struct buf b = BUF(0);
			for (size_t i = 0; i < before; i++)
				buf_puts(&b, "x\x9cx");
			buf_add(&b, str_n(packed, n));
			buf_puts(&b, "and more of the program behind it");
			expect("bin/tool", buf_str(&b), "cargo/serde@1.0.2 cargo/tool@0.1.0");
			buf_free(&b);
		}
		/* Damaged in the middle: said, not passed over. */
		char *middle = packed + n / 2 + n / 4;
		memset(middle, 0, (size_t)(packed + n - middle));
		struct buf elf = make(true, false, str_n(packed, n)), out = found("bin/tool", buf_str(&elf), 50);
		assert_true(str_starts(buf_str(&out), STR("!its list of crates is damaged")));
		buf_free(&out);
		buf_free(&elf);
	}
}

/* --- in an image --- */

static void image(void **state)
{
	(void)state;
	struct world w;
	struct buf nginx = make(true, false, STR("\0nginx version: nginx/9.8.7\n\0"));
	begin(&w);
	text(&w, 0, "etc/os-release", "ID=debian\nVERSION_ID=12\n");
	text(&w, 0, "var/lib/dpkg/status", "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.8.7-1\n");
	text(&w, 0, "var/lib/dpkg/info/nginx.list", "/usr/sbin/nginx\n");
	content(&w, 0, "usr/sbin/nginx", buf_str(&nginx));
	content(&w, 1, "opt/nginx/nginx", buf_str(&nginx));
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	assert_string_equal(p->v[0].type, "deb");
	assert_string_equal(p->v[1].type, "generic");
	assert_string_equal(p->v[1].name, "nginx");
	assert_string_equal(p->v[1].version, "9.8.7");
	assert_string_equal(p->v[1].path, "/opt/nginx/nginx");
	assert_int_equal(p->v[1].origin, ORIGIN_BINARY);
	assert_int_equal(p->v[1].layer, 1);
	assert_int_equal(p->v[1].bytes, nginx.n);
	struct arena a = { 0 };
	struct elf_facts f;
	assert_true(binary_elf(w.r, rootfs_find(w.r, STR("opt/nginx/nginx"), true), &a, &f));
	same(f.soname, "libme.so.3");
	assert_false(binary_elf(w.r, rootfs_find(w.r, STR("etc/os-release"), true), &a, &f));
	arena_free(&a);
	buf_free(&nginx);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_facts_of_pieces),
		cmocka_unit_test(elf_damaged),
		cmocka_unit_test(classes),
		cmocka_unit_test(over_the_edges),
		cmocka_unit_test(rows),
		cmocka_unit_test(budget),
		cmocka_unit_test(go_programs),
		cmocka_unit_test(rust_programs),
		cmocka_unit_test(image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
