/* What servers say, and what they are told: challenges, links, pointers, URLs, passwords. */
#include "transport/auth.h"
#include "transport/fetch.h"
#include "update/artifact.h"
#include "update/place.h"
#include <setjmp.h>
#include <cmocka.h>

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void challenges(void **state)
{
	static const struct {
		const char *text;
		enum auth_kind kind;
		const char *realm, *service;
	} t[] = {
		{ "Bearer realm=\"https://a.example/token\",service=\"s\",scope=\"repository:x:pull\"", AUTH_BEARER, "https://a.example/token", "s" },
		{ "bearer  Realm = https://a.example/t , service=s", AUTH_BEARER, "https://a.example/t", "s" },
		{ "Basic realm=\"x, y\"", AUTH_BASIC, "x, y", "" },
		{ "Basic realm=\"one\", Bearer realm=\"two\", Basic realm=\"three\"", AUTH_BEARER, "two", "" },
		{ "Negotiate, Basic", AUTH_BASIC, "", "" },
		{ "Bearer realm=\"a\\\"b\"", AUTH_BEARER, "a\"b", "" },
		{ "Bearer realm=\"a\tb\"", AUTH_BEARER, "", "" },
		{ "Digest realm=\"x\"", AUTH_NONE, "", "" },
		{ "", AUTH_NONE, "", "" },
		{ ",,= \"", AUTH_NONE, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct arena a = { 0 };
		struct auth_challenge c = auth_challenge(&a, str_of(t[i].text));
		assert_int_equal(c.kind, t[i].kind);
		assert_string_equal(c.realm, t[i].kind ? t[i].realm : "");
		assert_string_equal(c.service, t[i].service);
		arena_free(&a);
	}
}

static int add_link(void *ctx, struct str name)
{
	buf_printf(ctx, "%.*s ", STR_FMT(name));
	return 0;
}

static void links(void **state)
{
	static const char html[] = "<a href=\"../\">..</a> <A HREF = 'v3.19/'>x</A><a href=main.json>m</a><a href=\"./b.xml.gz\">b</a><a href='/abs'><a href=\"//h/x\"><a href=\"https://h/x\">"
				   "<a href=\"a/b\"><a href=\"?C=M;O=A\"><a href=\"\"><a href><a href=\".git/\"><a href=\"x y\"><a href=\"cut";
	struct buf out = BUF(0);
	(void)state;
	assert_int_equal(place_links(STR(html), add_link, &out), 0);
	assert_string_equal(out.p, "v3.19/ main.json b.xml.gz cut ");
	buf_free(&out);
}

static void names_and_digests(void **state)
{
	(void)state;
	assert_true(place_name_ok(STR("Rocky%20Linux/all.zip")));
	const char *bad[] = { "", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a/.b", "a b", "a\\b", "a\nb", "a:b" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(place_name_ok(str_of(bad[i])));
	assert_false(place_name_ok(STR("a\0b")));
	assert_true(str_is(place_pointed(STR(" a.tar.zst \r\nmore")), "a.tar.zst"));
	assert_null(place_pointed(STR("a/b\n")).p);
	assert_true(str_is(place_digest_of(DIGEST_OF_FILE, STR(D64 "  a.tar\n")), D64));
	assert_null(place_digest_of(DIGEST_OF_FILE, STR("sha256:" D64)).p);
	assert_true(str_is(place_digest_of(DIGEST_OF_CONTENT, STR("size:3\r\nsha256:" D64 "\r\n")), D64));
	assert_null(place_digest_of(DIGEST_OF_CONTENT, STR(D64)).p);
}

static void urls(void **state)
{
	static const struct {
		const char *url, *origin;
	} t[] = { { "https://H.Example/a", "https://h.example" }, { "HTTPS://h:443", "https://h" }, { "http://h:443/", "http://h:443" }, { "http://h:80?x", "http://h" }, { "http://[::1]:5000/x", "http://[::1]:5000" },
		{ "https://u:p@h/", NULL }, { "https://u@h", NULL }, { "ftp://h/x", NULL }, { "https:///x", NULL }, { "https://h/a b", NULL }, { "https://h/a\rb", NULL }, { "https://h\\@e/", NULL }, { "h/x", NULL } };
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct buf out = BUF(0);
		struct error err = { 0 };
		struct str o = fetch_origin(t[i].url, &out);
		assert_int_equal(fetch_check_url(t[i].url, &err), t[i].origin ? 0 : -1);
		assert_true(t[i].origin ? str_is(o, t[i].origin) : !o.p);
		buf_free(&out);
	}
}

static void this_machine(void **state)
{
	static const char *const local[] = { "localhost", "localhost:5000", "http://localhost/x", "127.0.0.1", "https://127.1.2.3:443/", "[::1]", "[::1]:80" },
		*const other[] = { "127.example.com", "127.0.0.1.example:80", "localhost.example", "https://example/localhost", "[::1].example", "[::2]", "" };
	(void)state;
	for (size_t i = 0; i < countof(local); i++)
		assert_true(http_local(local[i]) && !http_local(other[i]));
}

static void passwords(void **state)
{
	static const char text[] = "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"bWU6aHVi\"}, \"h.example\": {\"username\": \"me\", \"password\": \"pw\"}, \"h.example/team\": {\"auth\": \"bWU6YTpi\"},"
				   "\"h.example/te\": {\"auth\": \"bWU6bm8=\"}, \"i.example\": {\"identitytoken\": \"t\"}, \"bad.example\": {\"auth\": \"bWU\"}}, \"credsStore\": \"x\"}";
	static const struct {
		const char *host, *path, *user, *password, *identity;
	} t[] = { { "docker.io", "library/x", "me", "hub", NULL }, { "h.example", "other/x", "me", "pw", NULL }, { "h.example", "team/x", "me", "a:b", NULL }, { "h.example", "team", "me", "a:b", NULL },
		{ "h.example", "teams/x", "me", "pw", NULL }, { "i.example", "x", NULL, NULL, "t" }, { "bad.example", "x", NULL, NULL, NULL }, { "example", "x", NULL, NULL, NULL }, { "h.example:80", "x", NULL, NULL, NULL } };
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct arena a = { 0 };
		struct auth_credentials c = { 0 };
		struct error err = { 0 };
		assert_int_equal(auth_read(&a, STR(text), "auth.json", t[i].host, t[i].path, &c, &err), 0);
		const char *got[] = { c.user, c.password, c.identity }, *want[] = { t[i].user, t[i].password, t[i].identity };
		for (size_t k = 0; k < countof(got); k++) {
			assert_int_equal(got[k] != NULL, want[k] != NULL);
			if (got[k])
				assert_string_equal(got[k], want[k]);
		}
		assert_int_equal(c.helper != NULL, !c.user && !c.identity);
		arena_free(&a);
	}
	struct arena a = { 0 };
	assert_string_equal(auth_basic(&a, "me", "pw"), "Authorization: Basic bWU6cHc=");
	assert_string_equal(auth_escape(&a, "a b&c=\xc3\xa4~"), "a%20b%26c%3D%C3%A4~");
	arena_free(&a);
}

static void names_of_artifacts(void **state)
{
	static const char *const good[] = { "oci://h.example/a/b:1", "docker://h.example/a/b:1", "h.example/a/b:1" }, *const bad[] = { "oci://x", "h.example/A:1", "", "oci://", "h.example/a:b c" };
	(void)state;
	for (size_t i = 0; i < countof(good) + countof(bad); i++) {
		struct arena a = { 0 };
		struct reference r;
		struct error err = { 0 };
		bool ok = i < countof(good);
		assert_int_equal(artifact_name(&a, ok ? good[i] : bad[i - countof(good)], &r, &err), ok ? 0 : -1);
		if (ok)
			assert_string_equal(reference_text(&a, &r), "h.example/a/b:1");
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(challenges), cmocka_unit_test(links), cmocka_unit_test(names_and_digests), cmocka_unit_test(urls), cmocka_unit_test(this_machine), cmocka_unit_test(passwords),
		cmocka_unit_test(names_of_artifacts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
