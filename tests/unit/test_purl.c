/* Package URLs, and licences as expressions. */
#include "package/license.h"
#include "package/purl.h"
#include <setjmp.h>
#include <cmocka.h>

static struct package package(const char *type, const char *name, const char *version)
{
	return (struct package){ .type = type, .name = name, .version = version, .arch = "", .module = "", .source_name = name, .source_version = version };
}

static void made(void **state)
{
	(void)state;
	static const struct {
		const char *type, *name, *version, *want;
	} v[] = {
		{ "npm", "lodash", "4.17.21", "pkg:npm/lodash@4.17.21" },
		{ "npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0" },
		{ "npm", "JSONStream", "1", "pkg:npm/JSONStream@1" },
		{ "pypi", "Typing_Extensions", "4.1+x", "pkg:pypi/typing-extensions@4.1%2Bx" },
		{ "maven", "org.slf4j:slf4j-api", "1.7", "pkg:maven/org.slf4j/slf4j-api@1.7" },
		{ "maven", "guava", "", "pkg:maven/guava" },
		{ "golang", "github.com/BurntSushi/toml/v2", "v2.0.0+incompatible", "pkg:golang/github.com/BurntSushi/toml/v2@v2.0.0%2Bincompatible" },
		{ "golang", "stdlib", "1.21", "pkg:golang/stdlib@1.21" },
		{ "composer", "Symfony/Console", "v5", "pkg:composer/symfony/console@v5" },
		{ "nuget", "Newtonsoft.Json", "13.0.1", "pkg:nuget/Newtonsoft.Json@13.0.1" },
		{ "generic", "a b?c#d@e%", "1/2", "pkg:generic/a%20b%3Fc%23d%40e%25@1%2F2" },
		{ "golang", "a/../b//c", "1", "pkg:golang/a/b/c@1" },
	};
	struct arena a = { 0 };
	for (size_t i = 0; i < countof(v); i++) {
		struct package k = package(v[i].type, v[i].name, v[i].version);
		assert_string_equal(purl_make(&a, &k, "debian", "12"), v[i].want);
	}
	struct package deb = package("deb", "libssl3", "1:3.0.11-1~deb12u2+b1");
	deb.arch = "amd64";
	deb.source_name = "openssl";
	deb.source_version = "3.0.11-1~deb12u2";
	assert_string_equal(purl_make(&a, &deb, "debian", "12"), "pkg:deb/debian/libssl3@1:3.0.11-1~deb12u2%2Bb1?arch=amd64&distro=debian-12&upstream=openssl%403.0.11-1~deb12u2");
	assert_string_equal(purl_make(&a, &deb, "", ""), "pkg:deb/libssl3@1:3.0.11-1~deb12u2%2Bb1?arch=amd64&upstream=openssl%403.0.11-1~deb12u2");
	struct package rpm = package("rpm", "nodejs", "1:18.1-1.el9");
	rpm.arch = "x86_64";
	rpm.module = "nodejs:18:9020:abc";
	assert_string_equal(purl_make(&a, &rpm, "rhel", "9.2"), "pkg:rpm/redhat/nodejs@18.1-1.el9?arch=x86_64&distro=rhel-9.2&epoch=1&rpmmod=nodejs:18:9020:abc");
	struct package apk = package("apk", "musl", "1.2-r0");
	assert_string_equal(purl_make(&a, &apk, "alpine", ""), "pkg:apk/alpine/musl@1.2-r0?distro=alpine");
	arena_free(&a);
}

static void parsed(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct purl u;
	assert_int_equal(purl_parse(&a, STR("pkg:deb/debian/libssl3@1:3.0.11%2Bb1?arch=amd64&distro=debian-12&upstream=openssl%403.0.11&x=y"), &u), 0);
	assert_string_equal(u.type, "deb");
	assert_string_equal(u.name_space, "debian");
	assert_string_equal(purl_name(&a, &u), "libssl3");
	assert_string_equal(u.version, "1:3.0.11+b1");
	assert_string_equal(u.arch, "amd64");
	assert_string_equal(u.distro, "debian-12");
	assert_string_equal(u.upstream, "openssl@3.0.11");
	assert_int_equal(purl_parse(&a, STR(" PKG://NPM/%40babel/core@7.0.0#lib/x \n"), &u), 0);
	assert_string_equal(u.type, "npm");
	assert_string_equal(purl_name(&a, &u), "@babel/core");
	assert_string_equal(u.subpath, "lib/x");
	assert_int_equal(purl_parse(&a, STR("pkg:npm/@babel/core@7.0.0"), &u), 0);
	assert_string_equal(purl_name(&a, &u), "@babel/core");
	assert_string_equal(u.version, "7.0.0");
	assert_int_equal(purl_parse(&a, STR("pkg:npm/@babel/core"), &u), 0);
	assert_string_equal(purl_name(&a, &u), "@babel/core");
	assert_string_equal(u.version, "");
	assert_int_equal(purl_parse(&a, STR("pkg:maven/org.slf4j/slf4j-api@1.7"), &u), 0);
	assert_string_equal(purl_name(&a, &u), "org.slf4j:slf4j-api");
	assert_int_equal(purl_parse(&a, STR("pkg:rpm/fedora/curl@7.50.3-1.fc25?epoch=2"), &u), 0);
	assert_string_equal(purl_version(&a, &u), "2:7.50.3-1.fc25");
	static const char *const bad[] = { "", "pkg:", "pkg:npm", "pkg:npm/", "pkg:npm/?arch=x", "npm/x@1", "pkg:n%pm/x", "pkg:npm/a%00b@1", "pkg:npm/a@1%00", "http://x/y@1" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(purl_parse(&a, str_of(bad[i]), &u), -1);
	arena_free(&a);
}

/* What was made reads back the same. */
static void round_trip(void **state)
{
	(void)state;
	static const char *const v[][3] = { { "npm", "@a/b", "1.0" }, { "maven", "a.b:c", "1%" }, { "golang", "x.org/y/z", "v1+2" }, { "deb", "g++", "4:12~1" }, { "generic", "\xc3\xa9 @", "?#&=" }, { "rpm", "x", "3:1-2" } };
	struct arena a = { 0 };
	for (size_t i = 0; i < countof(v); i++) {
		struct package k = package(v[i][0], v[i][1], v[i][2]);
		struct purl u;
		assert_int_equal(purl_parse(&a, str_of(purl_make(&a, &k, "os", "1")), &u), 0);
		assert_string_equal(purl_name(&a, &u), v[i][1]);
		assert_string_equal(purl_version(&a, &u), v[i][2]);
	}
	arena_free(&a);
}

static void licenses(void **state)
{
	(void)state;
	static const char *const v[][2] = {
		{ "MIT", "MIT" },
		{ "mit", "MIT" },
		{ "The MIT License", "MIT" },
		{ "Expat", "MIT" },
		{ "GPLv2+ and (MIT or BSD)", "GPL-2.0-or-later AND (MIT OR BSD)" },
		{ "GPLv2", "GPL-2.0-only" },
		{ "GPL-2", "GPL-2.0-only" },
		{ "LGPL-2.1+", "LGPL-2.1-or-later" },
		{ "GPL-2.0-or-later", "GPL-2.0-or-later" },
		{ "GPL+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl" },
		{ "GPL", "GPL" },
		{ "GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later" },
		{ "GNU Lesser General Public License v2.1", "LGPL-2.1-only" },
		{ "GPL-2.0-with-classpath-exception", "GPL-2.0-with-classpath-exception" },
		{ "GPL-3+ with GCC exception", "GPL-3.0-or-later WITH GCC-exception-3.1" },
		{ "Apache License, Version 2.0", "Apache-2.0" },
		{ "The Apache Software License, Version 2.0", "Apache-2.0" },
		{ "ASL 2.0", "Apache-2.0" },
		{ "Apache-2.0+", "Apache-2.0+" },
		{ "BSD 3-Clause", "BSD-3-Clause" },
		{ "BSD-3-clause and ISC", "BSD-3-Clause AND ISC" },
		{ "MIT BSD-2-Clause", "MIT AND BSD-2-Clause" },
		{ "MIT/Apache-2.0", "MIT OR Apache-2.0" },
		{ "GPL-2+, LGPL-2.1", "GPL-2.0-or-later AND LGPL-2.1-only" },
		{ "GPL-1+ or Artistic, and BSD-3-clause", "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND BSD-3-Clause" },
		{ "Artistic-2", "Artistic-2.0" },
		{ "(MIT OR CC0-1.0)", "(MIT OR CC0-1.0)" },
		{ "SEE LICENSE IN LICENSE.md", "SEE LICENSE IN LICENSE.md" },
		{ "own  words", "own words" },
		{ "MIT and", "MIT and" },
		{ "(MIT", "(MIT" },
		{ "MIT)", "MIT)" },
		{ "", "" },
		{ "LicenseRef-own", "LicenseRef-own" },
		{ "https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0" },
		{ "https://opensource.org/licenses/mit-license.php", "MIT" },
		{ "http://www.eclipse.org/legal/epl-2.0/", "EPL-2.0" },
		{ "https://example.org/ours", "https://example.org/ours" },
	};
	for (size_t i = 0; i < countof(v); i++) {
		struct buf b = BUF(0);
		license_expression(&b, str_of(v[i][0]));
		assert_string_equal(buf_str(&b).p, v[i][1]);
		buf_free(&b);
	}
}

static void valid(void **state)
{
	(void)state;
	static const char *const good[] = { "MIT", "MIT AND (ISC OR Zlib)", "GPL-2.0-only WITH Classpath-exception-2.0", "Apache-2.0+", "LicenseRef-x", "((MIT))" };
	static const char *const bad[] = { "", "mit", "MIT ISC", "MIT AND", "AND MIT", "(MIT", "MIT)", "()", "BSD", "MIT, ISC", "MIT or ISC" };
	for (size_t i = 0; i < countof(good); i++)
		assert_true(license_valid(str_of(good[i])));
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(license_valid(str_of(bad[i])));
	struct str rest = STR("MIT AND (ISC AND Zlib) AND X11"), one;
	assert_true(license_next(&rest, &one) && str_is(one, "MIT"));
	assert_true(license_next(&rest, &one) && str_is(one, "(ISC AND Zlib)"));
	assert_true(license_next(&rest, &one) && str_is(one, "X11"));
	assert_false(license_next(&rest, &one));
	rest = STR("MIT OR ISC AND X11");
	assert_true(license_next(&rest, &one) && str_is(one, "MIT OR ISC AND X11"));
	assert_false(license_next(&rest, &one));
	assert_true(license_is_choice(STR("MIT OR ISC")));
	assert_false(license_is_choice(STR("MIT AND (ISC OR X11)")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(made), cmocka_unit_test(parsed), cmocka_unit_test(round_trip), cmocka_unit_test(licenses), cmocka_unit_test(valid) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
