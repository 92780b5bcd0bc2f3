/* base/toml.h: what the specification's examples say, and what it calls invalid. */
#include "base/toml.h"
#include <setjmp.h>
#include <cmocka.h>

static void valid(void **state)
{
	(void)state;
	static const struct {
		const char *toml, *json;
	} of[] = {
		{ "", "{}" }, { "# c\n\n", "{}" }, { "a = 1", "{\"a\":1}" }, { "a.b . c = 1\n", "{\"a\":{\"b\":{\"c\":1}}}" }, { "\"a b\" = 'x'\n'' = 2\n", "{\"\":2,\"a b\":\"x\"}" }, { "a=\"\\t\\u00e9\\U0001F600\"", "{\"a\":\"\\t\u00e9\U0001F600\"}" },
		{ "a = \"\"\"\nx\\\n   y\"\"\"\"\n", "{\"a\":\"xy\\\"\"}" }, { "a = '''\n\\d'x''''\n", "{\"a\":\"\\\\d'x'\"}" }, { "a = [ 1, [ 'x', ], # c\n { b = true, c.d = false }, ]\r\n", "{\"a\":[1,[\"x\"],{\"b\":true,\"c\":{\"d\":false}}]}" },
		{ "a=[]\nb={}", "{\"a\":[],\"b\":{}}" }, { "a=0x1F\nb=0o17\nc=0b11\nd=-1_000\ne=+0", "{\"a\":31,\"b\":15,\"c\":3,\"d\":-1000,\"e\":0}" }, { "a=1.5\nb=-2e1\nc=6.25E-1\nd=inf", "{\"a\":1.5,\"b\":-20.0,\"c\":0.625,\"d\":\"inf\"}" },
		{ "a=1979-05-27T07:32:00Z\nb=1979-05-27 07:32:00\nc=07:32:00\nd=1979-05-27", "{\"a\":\"1979-05-27T07:32:00Z\",\"b\":\"1979-05-27 07:32:00\",\"c\":\"07:32:00\",\"d\":\"1979-05-27\"}" },
		{ "[a]\nb=1\n[a.c]\nd=2\n[e]\n", "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"e\":{}}" }, { "[a.b]\n[a]\nc=1\n", "{\"a\":{\"b\":{},\"c\":1}}" }, { "[[a]]\nb=1\n[a.c]\nd=1\n[[a]]\n[[a.e]]\n[[a.e]]\nf=1\n", "{\"a\":[{\"b\":1,\"c\":{\"d\":1}},{\"e\":[{},{\"f\":1}]}]}" },
		{ "[ a . 'b' ]\n", "{\"a\":{\"b\":{}}}" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct error err = { 0 };
		json_t *doc = NULL;
		if (toml_parse(str_of(of[i].toml), &doc, &err) < 0)
			fail_msg("%s: %s", of[i].toml, err.text);
		char *text = json_dumps(doc, JSON_SORT_KEYS | JSON_COMPACT);
		assert_string_equal(text, of[i].json);
		free(text);
		json_decref(doc);
	}
}

static void invalid(void **state)
{
	(void)state;
	static const struct {
		const char *toml, *says;
	} of[] = {
		{ "a", "line 1: no '='" }, { "\na=\n", "line 2" }, { "a=1 b=2", "more than one" }, { "a=1\na=2", "line 2: a key twice" }, { "a=01", "no value" }, { "a=1__0", "no value" }, { "a=0x", "no value" }, { "a=1.", "no value" }, { "a=.5", "no value" }, { "a=1e", "no value" },
		{ "a=99999999999999999999", "no value" }, { "a=tru", "no value" }, { "a=\"x", "without an end" }, { "a=\"x\ny\"", "on its line" }, { "a=\"\\q\"", "escape" }, { "a=\"\\ud800\"", "no character" }, { "a=\"\\u0000\"", "no character" }, { "a=\"\\u12\"", "digits" },
		{ "a='\x01'", "control" }, { "# \x7f\n", "control" }, { "a='\xff'", "UTF-8" }, { "a=[1 2]", "comma" }, { "a=[1,,2]", "no value" }, { "a=[1", "without an end" }, { "a={b=1,}", "no key" }, { "a={b=1", "comma" }, { "a={b=1 c=2}", "comma" },
		{ "[a]\n[a]", "a table twice" }, { "[a]\nb=1\n[a.b]", "something else" }, { "a={}\n[a]", "something else" }, { "a={}\na.b=1", "something else" }, { "a=[]\n[[a]]", "something else" }, { "[[a]]\n[a]", "an array already" }, { "[a]\n[[a]]", "something else" },
		{ "a.b=1\n[a]", "a table twice" }, { "[a.b]\n[a]\nb.c=1", "something else" }, { "[a", "without its end" }, { "[]", "no key" }, { "=1", "no key" }, { "\"\"\"a\"\"\"=1", "as a key" },
		{ "a=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "too deep" }, { "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", "too deep" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct error err = { 0 };
		json_t *doc = NULL;
		if (toml_parse(str_of(of[i].toml), &doc, &err) == 0)
			fail_msg("%s: taken", of[i].toml);
		if (!strstr(err.text, of[i].says))
			fail_msg("%s: %s", of[i].toml, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(valid), cmocka_unit_test(invalid) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
