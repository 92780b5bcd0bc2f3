#include "report/udiff.h"
#include "base/buf.h"
#include <setjmp.h>
#include <cmocka.h>

static char *diff(struct str a, struct str b, bool terminal)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	report_udiff(f, STR("f"), a, b, terminal);
	fclose(f);
	return text;
}

static void is(const char *a, const char *b, const char *want)
{
	char *got = diff(str_of(a), str_of(b), false);
	assert_string_equal(got, want);
	free(got);
}

#define HEAD "--- a/f\n+++ b/f\n"

static void test_hunks(void **state)
{
	(void)state;
	is("a\n", "a\n", "");
	is("a\nb\nc\n", "a\nB\nc\n", HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
	is("", "a\n", HEAD "@@ -0,0 +1 @@\n+a\n");
	is("a\n", "", HEAD "@@ -1 +0,0 @@\n-a\n");
	is("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n5\n6\n7\n8\n", HEAD "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n");
	is("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n", HEAD "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n"); /* contexts that meet */
	is("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n", HEAD "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void test_ends_of_files(void **state)
{
	(void)state;
	is("a\nb", "a\nc", HEAD "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n");
	is("a", "a\n", HEAD "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
	is("a\r\n", "b\r\n", HEAD "@@ -1 +1 @@\n-a\r\n+b\r\n");
}

static void test_terminals(void **state)
{
	(void)state;
	char *got = diff(STR("a\x1b[31m\n"), STR("b\n"), true);
	assert_null(strchr(got, '\x1b'));
	assert_non_null(strstr(got, "-a\\x1b[31m\n"));
	free(got);
}

/* More changes than are looked for: one block out, one in, and still all of both. */
static void test_many_changes(void **state)
{
	(void)state;
	struct buf a = BUF(0), b = BUF(0);
	for (u32 i = 0; i < 3 * UDIFF_CHANGES; i++) {
		buf_printf(&a, "a%u\n", i);
		buf_printf(&b, "b%u\n", i);
	}
	char *got = diff(buf_str(&a), buf_str(&b), false);
	u32 minus = 0, plus = 0;
	for (const char *p = got; *p; p++) {
		minus += p[0] == '\n' && p[1] == '-';
		plus += p[0] == '\n' && p[1] == '+';
	}
	assert_int_equal(minus, 3 * UDIFF_CHANGES);
	assert_int_equal(plus, 3 * UDIFF_CHANGES + 1); /* and +++ */
	free(got);
	buf_free(&a);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hunks), cmocka_unit_test(test_ends_of_files), cmocka_unit_test(test_terminals), cmocka_unit_test(test_many_changes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
