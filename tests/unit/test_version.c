#include "version/version.h"
#include <setjmp.h>
#include <cmocka.h>

/* Ascending chains: each entry stands before all that follow it. */
static const struct {
	const char *scheme;
	const char *chain[12];
} chains[] = {
	{ "dpkg", { "0.9~~", "0.9~rc1-1", "0.9", "0.9-1", "0.9a-1", "0.9+b1-1", "0.10", "1:0.1", "10:0" } },
	{ "apk", { "0.9", "1.0_alpha", "1.0_alpha2", "1.0_rc1", "1.0", "1.0-r1", "1.0_p1", "1.0b", "1.0.1", "1.1" } },
	{ "apk", { "1.00", "1.01", "1.05", "1.1", "1.10" } },
	{ "apk", { "6.0-r1", "6.0p1-r0", "6.0p1-r1", "6.0p2-r0" } },
	{ "rpm", { "1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0a-1", "1.0.1-1", "1.1-0", "1:0.1-1" } },
	{ "semver", { "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.10.0", "99999999999999999999999.0.0" } },
	{ "npm", { "v1.2.3beta", "1.2.3", "=1.2.4", "v 1.3.0" } },
	{ "nuget", { "1.0.0-ALPHA", "1.0.0-beta", "1.0", "1.0.0.1-a", "1.0.0.1" } },
	{ "pep440", { "no version", "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0+abc", "1.0+1", "1.0.post1", "1!0.1" } },
	{ "gem", { "1.0.a", "1.0.a.1", "1.0.b", "1.0-rc.1", "1.0", "1.0.1", "1.10" } },
	{ "maven", { "1-alpha", "1a1", "1-beta-2", "1-m3", "1-cr1", "1-SNAPSHOT", "1.0", "1-sp", "1-foo", "1-1", "1.1" } },
	{ "go", { "v0.0.0-20200101000000-abcdefabcdef", "v0.0.1", "v1.2.0-rc.2", "v1.2.0", "go1.20rc2", "go1.20", "1.20.1", "go1.21beta1" } },
	{ "composer", { "dev-main", "1.0-dev", "1.0-alpha2", "1.0b1", "1.0-RC1", "v1.0", "1.0-p1", "1.0.1", "1.x-dev", "2.0", "20200101" } },
};

static void test_chains(void **state)
{
	(void)state;
	for (size_t k = 0; k < countof(chains); k++) {
		const struct version_scheme *s = version_scheme_named(str_of(chains[k].scheme));
		assert_non_null(s);
		for (size_t i = 0; i < countof(chains[k].chain) && chains[k].chain[i]; i++)
			for (size_t j = 0; j < countof(chains[k].chain) && chains[k].chain[j]; j++) {
				int c = 9;
				if (s->compare(str_of(chains[k].chain[i]), str_of(chains[k].chain[j]), &c) < 0 || (c > 0) - (c < 0) != (i > j) - (i < j))
					fail_msg("%s: %s beside %s: %d", s->name, chains[k].chain[i], chains[k].chain[j], c);
			}
	}
}

static const struct {
	const char *scheme, *a, *b;
} equal[] = {
	{ "dpkg", "0:1.0-0", "1.0" }, { "dpkg", "1.00", "1.0" }, { "apk", "1.0~abc-r1", "1.0-r1" }, { "apk", "01", "1" }, { "rpm", "1.0.-1", "1_0-1" }, { "rpm", "0:1-1", "1-1" },
	{ "semver", "v1.2.3+a", "1.2.3+b" }, { "semver", "1.2", "1.2.0" }, { "npm", "1.2.3-beta", "1.2.3beta" }, { "nuget", "1.0.0-A+x", "1.0-a" },
	{ "pep440", "1.0.0", "1" }, { "pep440", "1.0-ALPHA_1", "v1a1" }, { "pep440", "1-2", "1.post2" }, { "pep440", "1.0+a.1", "1.0+A-1" }, { "gem", "1.0.0", "1" },
	{ "gem", "", "0" }, { "gem", "1-a", "1.pre.a" }, { "gem", "1.0.a.0", "1.a" }, { "maven", "1-ga", "1.0.0-FINAL" }, { "maven", "1-a1", "1-alpha-1" }, { "maven", "1-foo", "1.foo" },
	{ "go", "v1.2.3+incompatible", "v1.2.3" }, { "go", "go1.20rc1", "1.20.0-rc.1" }, { "composer", "1.0-beta.2", "1.0.0.0b2" }, { "composer", "1.0+build", "1" }, { "composer", "1.0@dev", "1.0" },
};

static void test_equal(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(equal); i++) {
		int c = 9;
		if (version_scheme_named(str_of(equal[i].scheme))->compare(str_of(equal[i].a), str_of(equal[i].b), &c) < 0 || c != 0)
			fail_msg("%s: %s beside %s: %d", equal[i].scheme, equal[i].a, equal[i].b, c);
	}
}

static const struct {
	const char *scheme, *text;
} none[] = {
	{ "dpkg", "" }, { "dpkg", "a:1" }, { "dpkg", "1 2" }, { "dpkg", "1-" }, { "rpm", "" }, { "apk", "" }, { "semver", "one" }, { "semver", "1.2.3_4" }, { "npm", "latest" }, { "nuget", "1.2.3.4.5" },
	{ "pep440", "" }, { "gem", "1gamma" }, { "gem", "1..2" }, { "gem", "1_2" }, { "gem", "1-" }, { "go", "devel" }, { "composer", "1.2.3.#" }, { "composer", "1.5.1.dev100" }, { "composer", "foo-dev" },
};

static void test_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(none); i++) {
		int c = 9;
		if (version_scheme_named(str_of(none[i].scheme))->compare(str_of(none[i].text), STR("1"), &c) == 0 || c != 9)
			fail_msg("%s: '%s' is a version: %d", none[i].scheme, none[i].text, c);
	}
	char *big = xcalloc(1, VERSION_MAX + 2);
	memset(big, '1', VERSION_MAX + 1);
	for (const struct version_scheme *const *s = version_schemes; *s; s++) {
		int c;
		assert_int_equal((*s)->compare(str_n(big, VERSION_MAX + 1), STR("1"), &c), -1);
		assert_int_equal((*s)->compare(STR("1"), str_n(big, VERSION_MAX + 1), &c), -1);
	}
	free(big);
}

static void test_order(void **state)
{
	(void)state;
	assert_true(version_order(&version_semver, "1.9.0", "1.10.0") < 0);
	assert_true(version_order(&version_semver, "nothing", "1.10.0") > 0);
	assert_true(version_order(&version_semver, "1.10.0", "nothing") < 0);
	assert_true(version_order(&version_semver, "a", "b") < 0);
	assert_int_equal(version_order(&version_semver, "a", "a"), 0);
	assert_ptr_equal(version_scheme_of_type("deb"), &version_dpkg);
	assert_ptr_equal(version_scheme_of_type("golang"), &version_go);
	assert_ptr_equal(version_scheme_of_type("cargo"), &version_semver);
	assert_null(version_scheme_named(STR("debian")));
}

static const struct {
	const char *scheme, *range, *in, *out; /* versions separated by blanks */
} ranges[] = {
	{ "npm", "^1.2 || >=3.0.0 <4", "1.2.0 1.9.0 3.0.0 3.9.9", "1.1.9 2.0.0 2.0.0-rc.1 4.0.0" },
	{ "npm", "^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0" },
	{ "npm", "^0.0.3", "0.0.3", "0.0.2 0.0.4" },
	{ "npm", "~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0 1.3.0-rc.1" },
	{ "npm", "~1", "1.0.0 1.9.0", "2.0.0 0.9.0" },
	{ "npm", "1.2", "1.2.0 1.2.7", "1.1.0 1.3.0" },
	{ "npm", "1.x", "1.0.0 1.9.7", "0.1.0 2.3.0" },
	{ "npm", ">1.2", "1.3.0", "1.2.0 1.2.7" },
	{ "npm", "1.2.3 - 2.3", "1.2.3 2.3.9", "1.2.2 2.4.0" },
	{ "npm", "*", "0.0.1 9.9.9", "" },
	{ "npm", "", "0.0.1 9.9.9", "" },
	{ "maven", "[1.0,2.0)", "1.0 1.5 2.0-rc1", "0.9 2.0 2.1" },
	{ "maven", "(,1.0],[1.2,)", "0.1 1.0 1.2 9", "1.1" },
	{ "maven", "[1.5]", "1.5 1.5.0", "1.4 1.6" },
	{ "nuget", "[1.0,2.0]", "1.0 2.0", "2.0.1 0.9" },
	{ "nuget", "1.0", "1.0 3.0", "0.9" },
	{ "pep440", ">=1,<2,!=1.5", "1.0 1.4", "1.5 2.0 0.9" },
	{ "pep440", "==1.2.*", "1.2 1.2.7", "1.3 1.20" },
	{ "pep440", "~=1.4.2", "1.4.2 1.4.9", "1.5 1.4.1" },
	{ "gem", "~> 1.2", "1.2 1.9", "1.1 2.0 2.0.a" },
	{ "gem", "~> 1.2.3, != 1.2.5", "1.2.3 1.2.9", "1.2.5 1.3" },
	{ "gem", "~> 1", "1 1.5", "2" },
	{ "composer", "~1.2", "1.2 1.9", "2.0 1.1" },
	{ "composer", ">=1.0,<1.5|>=2.0,<2.1", "1.0 1.4.9 2.0.5", "1.5 1.6 2.1" },
	{ "composer", "1.2.*", "1.2.0 1.2.9", "1.3 1.1" },
	{ "dpkg", "<< 1.2-3", "1.2-2 1.2-3~deb", "1.2-3" },
	{ "go", ">=1.2.0, <1.3.0", "v1.2.0 v1.2.9", "v1.3.0 v1.1.0" },
};

static void check(size_t i, const char *versions, int want)
{
	struct str rest = str_of(versions);
	while (rest.n) {
		struct str v = str_cut(&rest, ' ');
		int got = version_in_range(version_scheme_named(str_of(ranges[i].scheme)), v, str_of(ranges[i].range));
		if (got != want)
			fail_msg("%s: %.*s in '%s': %d", ranges[i].scheme, STR_FMT(v), ranges[i].range, got);
	}
}

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(ranges); i++) {
		check(i, ranges[i].in, 1);
		check(i, ranges[i].out, 0);
	}
	assert_int_equal(version_in_range(&version_npm, STR("1.0.0"), STR(">=word")), -1);
	assert_int_equal(version_in_range(&version_npm, STR("word"), STR(">=1")), -1);
	assert_int_equal(version_in_range(&version_maven, STR("1"), STR("[1.0,2.0")), -1);
	assert_int_equal(version_in_range(&version_npm, STR("1.0.0"), STR(">=")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_ranges),
	};
	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
