#include "oci/reference.h"
#include <setjmp.h>
#include <cmocka.h>

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *full_of(struct arena *a, const char *text)
{
	struct reference r;
	struct error err = { 0 };
	if (reference_parse(a, str_of(text), &r, &err) < 0) {
		assert_int_equal(err.kind, ERR_USAGE);
		assert_true(err.text[0] != '\0');
		return NULL;
	}
	assert_int_equal(err.kind, ERR_NONE);
	return reference_text(a, &r);
}

/* As docker's own reference package has them (its normalize_test.go covers the same ground). */
static const struct {
	const char *text, *full, *familiar;
} good[] = {
	{ "alpine", "docker.io/library/alpine:latest", "alpine:latest" },
	{ "alpine:3.18", "docker.io/library/alpine:3.18", "alpine:3.18" },
	{ "docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest" },
	{ "index.docker.io/library/alpine:1", "docker.io/library/alpine:1", "alpine:1" },
	{ "user/app", "docker.io/user/app:latest", "user/app:latest" },
	{ "library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ "docker.io/my.org/app", "docker.io/my.org/app:latest", "docker.io/my.org/app:latest" },
	{ "docker.io/localhost/app", "docker.io/localhost/app:latest", "docker.io/localhost/app:latest" },
	{ "localhost/app:v1", "localhost/app:v1", "localhost/app:v1" },
	{ "localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000/a/b:c" },
	{ "ghcr.io/o/p", "ghcr.io/o/p:latest", "ghcr.io/o/p:latest" },
	{ "Registry/app", "Registry/app:latest", "Registry/app:latest" },
	{ "127.0.0.1:80/x", "127.0.0.1:80/x:latest", "127.0.0.1:80/x:latest" },
	{ "[fd00:1::2]:5000/x:y", "[fd00:1::2]:5000/x:y", "[fd00:1::2]:5000/x:y" },
	{ "[::1]/x", "[::1]/x:latest", "[::1]/x:latest" },
	{ "a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest", "a__b/c---d.e_f:latest" },
	{ "x@sha256:" D64, "docker.io/library/x@sha256:" D64, "x@sha256:" D64 },
	{ "x:1@sha256:" D64, "docker.io/library/x:1@sha256:" D64, "x:1@sha256:" D64 },
	{ "x:_T.-9", "docker.io/library/x:_T.-9", "x:_T.-9" },
	{ "0123456789abcdef", "docker.io/library/0123456789abcdef:latest", "0123456789abcdef:latest" },
	{ "xn--n3h.com/a", "xn--n3h.com/a:latest", "xn--n3h.com/a:latest" },
};

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		struct arena a = { 0 };
		struct reference r;
		assert_int_equal(reference_parse(&a, str_of(good[i].text), &r, NULL), 0);
		assert_string_equal(reference_text(&a, &r), good[i].full);
		assert_string_equal(reference_familiar(&a, &r), good[i].familiar);
		assert_string_equal(full_of(&a, good[i].full), good[i].full); /* normal names stay as they are */
		assert_string_equal(full_of(&a, good[i].familiar), good[i].full);
		arena_free(&a);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "/", "a/", "/a", "a//b", "A", "a/B", "docker.io/A", "a:", ":a", "a:b:c", "a:.x", "a:-x", "a: b", "a b", "a@", "@sha256:" D64, "a@sha256:12", "a@md5:" D64,
		"a@sha256:" D64 "@sha256:" D64, "a@SHA256:" D64, D64, "a._b", "a..b", "a___b", "-a", "a-", ".a", "a.", "_a", "a_", "localhost:/a", "localhost:x/a", "-x.com/a", "x-.com/a", "a..com/b",
		".com/a", "[::1/x", "[]/x", "[::1]5/x", "[::g]/x", "http://x/y", "a\nb", "\xc3\xa9", "a%2fb", "../x", "a/../b", "~/x", "x.com:80:80/y",
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct arena a = { 0 };
		const char *got = full_of(&a, bad[i]);
		if (got)
			fail_msg("'%s' was taken as %s", bad[i], got);
		arena_free(&a);
	}
	struct arena a = { 0 };
	struct reference r;
	assert_int_equal(reference_parse(&a, str_n("a\0b", 3), &r, NULL), -1);
	arena_free(&a);
}

/* The limits, one character on either side. */
static void lengths(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char text[600], xs[400];
	memset(xs, 'x', sizeof xs);
	for (int n = 120; n < 140; n++) {
		snprintf(text, sizeof text, "a:%.*s", n, xs);
		assert_int_equal(full_of(&a, text) != NULL, n <= 128);
	}
	for (int n = 240; n < 260; n++) {
		snprintf(text, sizeof text, "x.com/%.*s", n, xs);
		assert_int_equal(full_of(&a, text) != NULL, n <= 255);
		snprintf(text, sizeof text, "%.*s", n, xs); /* "library/" comes in front */
		assert_int_equal(full_of(&a, text) != NULL, n <= 247);
		snprintf(text, sizeof text, "%.*s.com/a", n, xs);
		assert_int_equal(full_of(&a, text) != NULL, n + 4 <= 259);
	}
	arena_free(&a);
}

static void same(void **state)
{
	(void)state;
	assert_true(reference_same("alpine", "docker.io/library/alpine:latest"));
	assert_true(reference_same("index.docker.io/alpine", "alpine:latest"));
	assert_true(reference_same("a@sha256:" D64, "docker.io/library/a@sha256:" D64));
	assert_false(reference_same("alpine", "alpine:3"));
	assert_false(reference_same("alpine", "localhost/alpine"));
	assert_false(reference_same("alpine", "user/alpine"));
	assert_false(reference_same("a@sha256:" D64, "a"));
	assert_false(reference_same("a:latest@sha256:" D64, "a@sha256:" D64));
	assert_true(reference_same(D64, D64)); /* no names, but the same */
	assert_false(reference_same(D64, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(refused), cmocka_unit_test(lengths), cmocka_unit_test(same) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
