/* lsp/: places in a text as editors count them, messages in a stream, documents that follow their editor. */
#include "lsp/document.h"
#include "lsp/frame.h"
#include "lsp/position.h"
#include <setjmp.h>
#include <cmocka.h>

/* Every place of a text there and back; and what is outside ends at an end. */
static void round_trip(const char *text, enum position_unit unit)
{
	struct lines l = { 0 };
	struct str s = str_of(text);
	lines_of(s, &l);
	for (u32 i = 0; i <= s.n; i++) {
		struct position p = position_of(&l, s, unit, i);
		u32 back = position_offset(&l, s, unit, p.line, p.character);
		bool inside = i > 0 && i < s.n && ((s.p[i - 1] == '\r' && s.p[i] == '\n') || ((u8)s.p[i] & 0xc0) == 0x80);
		if (back != i && !inside)
			fail_msg("%s: %u is %u:%u is %u", text, i, p.line, p.character, back);
	}
	assert_int_equal(position_offset(&l, s, unit, l.n, 0), s.n);
	assert_int_equal(position_offset(&l, s, unit, UINT64_MAX, UINT64_MAX), s.n);
	lines_free(&l);
}

static void places(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "a", "a\n", "\n\n", "a\r\nb\r\n", "a\rb\r", "\r\n\r", "\xc3\xa9\xf0\x9f\x98\x80x\n\xe4\xb8\xad", "bad \xff\xfe byte\n" };
	for (size_t i = 0; i < countof(texts); i++) {
		round_trip(texts[i], UNIT_UTF16);
		round_trip(texts[i], UNIT_UTF8);
	}
}

static void check_place(const char *text, enum position_unit unit, u32 offset, u32 line, u32 character)
{
	struct lines l = { 0 };
	lines_of(str_of(text), &l);
	struct position p = position_of(&l, str_of(text), unit, offset);
	assert_int_equal(p.line, line);
	assert_int_equal(p.character, character);
	lines_free(&l);
}

static void units(void **state)
{
	(void)state;
	static const char text[] = "\xc3\xa9\xf0\x9f\x98\x80x\ry";
	check_place(text, UNIT_UTF16, 6, 0, 3);
	check_place(text, UNIT_UTF8, 6, 0, 6);
	check_place(text, UNIT_UTF16, 8, 1, 0); /* a lone CR ends a line */
	struct lines l = { 0 };
	lines_of(str_of(text), &l);
	assert_int_equal(position_offset(&l, str_of(text), UNIT_UTF16, 0, 2), 2);  /* between the halves of a pair: its beginning */
	assert_int_equal(position_offset(&l, str_of(text), UNIT_UTF16, 0, 99), 7); /* behind the end of the line: its end */
	lines_of(str_of("a\r\nb"), &l);
	assert_int_equal(l.n, 2);
	assert_int_equal(position_offset(&l, str_of("a\r\nb"), UNIT_UTF16, 0, 99), 1);
	lines_free(&l);
}

/* What comes of a stream that is cut after `piece` bytes, again and again: "M<body>" and "B" joined. */
static void frames_of(const char *in, size_t piece, struct buf *out)
{
	struct frames f = { 0 };
	struct str rest = str_of(in), body;
	const char *why;
	enum frame kind;
	while (rest.n) {
		frames_add(&f, str_head(rest, piece));
		rest = str_from(rest, piece);
		while ((kind = frames_next(&f, &body, &why)) != FRAME_MORE) {
			buf_putc(out, kind == FRAME_BAD ? 'B' : 'M');
			if (kind == FRAME_MESSAGE)
				buf_add(out, body);
		}
	}
	frames_free(&f);
}

static void framing(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "Content-Length: 2\r\n\r\n{}Content-Length: 1\r\n\r\n1", "M{}M1" },
		{ "content-length:3\r\nContent-Type: x; charset=utf-8\r\n\r\nabc", "Mabc" },
		{ "Content-Length: 2\n\n{}", "M{}" },
		{ "Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n1", "MM1" },
		{ "hello\r\n\r\nContent-Length: 1\r\n\r\n1", "BM1" },
		{ "Content-Length: x\r\n\r\nContent-Length: 1\r\n\r\n1", "BM1" },
		{ "Content-Length: 5\r\n\r\n1234", "" },
		{ "Content-Length: 5\r\n", "" },
	};
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t piece = 1; piece < 80; piece += 3) {
			struct buf out = BUF(0);
			frames_of(cases[i].in, piece, &out);
			assert_string_equal(buf_str(&out).p, cases[i].out);
			buf_free(&out);
		}
}

static void too_long_a_message(void **state)
{
	(void)state;
	static const char head[] = "Content-Length: 33554433\r\n\r\n", next[] = "Content-Length: 1\r\n\r\n1";
	struct frames f = { 0 };
	struct str body;
	const char *why;
	char *much = xcalloc(1, FRAME_BYTES + 1);
	frames_add(&f, str_of(head));
	assert_int_equal(frames_next(&f, &body, &why), FRAME_BAD);
	frames_add(&f, str_n(much, FRAME_BYTES));
	assert_int_equal(frames_next(&f, &body, &why), FRAME_MORE);
	assert_true(f.in.cap < FRAME_BYTES); /* it was not kept */
	frames_add(&f, str_n(much, 1));
	frames_add(&f, str_of(next));
	assert_int_equal(frames_next(&f, &body, &why), FRAME_MESSAGE);
	assert_true(str_is(body, "1"));
	frames_free(&f);
	free(much);
}

static void paths(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *path;
	} cases[] = {
		{ "file:///a/Dockerfile", "/a/Dockerfile" }, { "file:///a%20b/%C3%A9", "/a b/\xc3\xa9" }, { "file://localhost/x", "/x" }, { "file:///50%", "/50%" },
		{ "file:///%zz", "/%zz" }, { "file://host/x", NULL }, { "untitled:Untitled-1", NULL }, { "file:///a%00b", NULL }, { "", NULL },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct document *d = document_new(str_of(cases[i].uri), 1);
		if (cases[i].path)
			assert_string_equal(d->path, cases[i].path);
		else
			assert_null(d->path);
		document_close(d);
	}
}

static void splices(void **state)
{
	(void)state;
	struct document *d = document_new(STR("file:///Dockerfile"), 1);
	document_set(d, STR("FROM a\nRUN b\n"));
	document_splice(d, 5, 6, STR("alpine"));
	document_splice(d, 0, 0, STR("# x\n"));
	document_splice(d, (u32)d->text.n, (u32)d->text.n, STR("USER y"));
	assert_string_equal(d->text.p, "# x\nFROM alpine\nRUN b\nUSER y");
	assert_int_equal(d->lines.n, 4);
	document_splice(d, 0, (u32)d->text.n, STR(""));
	assert_int_equal(d->text.n, 0);
	assert_int_equal(d->lines.n, 1);
	document_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places), cmocka_unit_test(units), cmocka_unit_test(framing), cmocka_unit_test(too_long_a_message), cmocka_unit_test(paths), cmocka_unit_test(splices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
