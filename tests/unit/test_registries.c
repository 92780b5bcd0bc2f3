/* Registries without one: registries.conf, what headers say, names of files of passwords. */
#include "transport/answer.h"
#include "transport/auth.h"
#include "transport/registries.h"
#include <setjmp.h>
#include <cmocka.h>

static const char CONF[] = "unqualified-search-registries = [\"docker.io\"]\n"
			   "[aliases]\n\"x\" = \"y.example/x\"\n"
			   "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"mirror.example:5000/hub\"\npull-from-mirror = \"digest-only\"\n"
			   "[[registry.mirror]]\nlocation = \"localhost:1\"\ninsecure = true\n"
			   "[[registry]]\nprefix = \"docker.io/team\"\nlocation = \"in.example/t\"\ninsecure = true\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.example\"\n"
			   "[[registry]]\nprefix = \"*.wild.example\"\nlocation = \"tame.example/w\"\n"
			   "[[registry]]\nprefix = \"no.example/x\"\nblocked = true\n"
			   "[[registry]]\nprefix = \"twice.example\"\nlocation = \"a.example\"\n[[registry]]\nprefix = \"twice.example\"\nlocation = \"b.example\"\n"
			   "[[registry]]\nprefix = \"tags.example/a/b:1\"\nblocked = true\n[[registry]]\nprefix = \"tags.example/c:2\"\n[[registry.mirror]]\nlocation = \"m.example/c\"\n"
			   "[registries.insecure]\nregistries = [\"old.example\", \"older.example\"]\n[registries.block]\nregistries = [\"older.example\"]\n";

static void text_of(const struct registries_way *w, struct buf *out)
{
	buf_clear(out);
	for (u32 i = 0; i < w->n; i++)
		buf_printf(out, "%s%s/%s%s%s", i ? " " : "", w->place[i].domain, w->place[i].path, w->place[i].insecure ? "!" : "", w->place[i].pull == PULL_DIGEST ? "@" : w->place[i].pull == PULL_TAG ? ":" : "");
}

static void ways(void **state)
{
	static const struct {
		const char *domain, *path, *want, *tag; /* want NULL: blocked */
	} t[] = {
		{ "docker.io", "library/alpine", "mirror.example:5000/hub/library/alpine@ localhost:1/library/alpine! docker.io/library/alpine" },
		{ "docker.io", "team/x", "m.example/x@ in.example/t/x!" },
		{ "docker.io", "teams/x", "mirror.example:5000/hub/teams/x@ localhost:1/teams/x! docker.io/teams/x" },
		{ "a.wild.example", "x/y", "tame.example/w/x/y" },
		{ "wild.example", "x", "wild.example/x" },
		{ "no.example", "x/y", NULL },
		{ "no.example", "xy", "no.example/xy" },
		{ "twice.example", "x", "b.example/x" },
		{ "other.example:5000", "x", "other.example:5000/x" },
		{ "tags.example", "a/b", NULL, "1" },
		{ "tags.example", "a/b", "tags.example/a/b", "11" },
		{ "tags.example", "a/b", "tags.example/a/b" },
		{ "tags.example", "a/b/c", "tags.example/a/b/c", "1" },
		{ "tags.example", "c", "m.example/c tags.example/c", "2" },
		{ "old.example", "x", "old.example/x!" },
		{ "older.example", "x", NULL },
	};
	struct arena a = { 0 };
	struct error err = { 0 };
	struct registries all = { 0 };
	struct buf out = BUF(0);
	(void)state;
	assert_int_equal(registries_read(&a, STR(CONF), "x.conf", &all, &err), 0);
	for (size_t i = 0; i < countof(t); i++) {
		struct registries_way w;
		struct error why = { 0 };
		int r = registries_choose(&a, &all, t[i].domain, t[i].path, t[i].tag, &w, &why);
		assert_int_equal(r, t[i].want ? 0 : -1);
		if (r == 0) {
			text_of(&w, &out);
			assert_string_equal(out.p, t[i].want);
		} else {
			assert_int_equal(why.kind, ERR_ENV);
			assert_non_null(strstr(why.text, "x.conf"));
		}
	}
	free(all.v);
	buf_free(&out);
	arena_free(&a);
}

static void wrong_files(void **state)
{
	static const char *const bad[] = { "[[registry]]\n", "[[registry]]\nprefix = 1\n[registry]\n", "[registry]\nx = 1\n", "[[registry]]\nlocation = \"https://x.example\"\n", "[[registry]]\nlocation = \"a b\"\n",
		"[[registry]]\nlocation = \"x.example\"\nblocked = \"yes\"\n", "[[registry]]\nlocation = \"x.example\"\n[[registry.mirror]]\ninsecure = true\n",
		"[[registry]]\nlocation = \"x.example\"\n[[registry.mirror]]\nlocation = \"m.example\"\npull-from-mirror = \"never\"\n", "[[registry", "[registries.block]\nregistries = [1]\n", "[[registry]]\nlocation = \"u:p@x.example\"\n" };
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct arena a = { 0 };
		struct error err = { 0 };
		struct registries all = { 0 };
		assert_int_equal(registries_read(&a, str_of(bad[i]), "x.conf", &all, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		free(all.v);
		arena_free(&a);
	}
}

static void places(void **state)
{
	static const struct {
		const char *url, *to, *want;
	} t[] = {
		{ "https://r.example/v2/a/x?y", "/v2/b", "https://r.example/v2/b" },
		{ "https://r.example:5000/v2/a/x?y", "?n=2", "https://r.example:5000/v2/a/x?n=2" },
		{ "https://r.example/v2/a/x", "z?q", "https://r.example/v2/a/z?q" },
		{ "https://r.example", "z", "https://r.example/z" },
		{ "https://r.example/x", "https://other.example/y", "https://other.example/y" },
		{ "https://r.example/x", "//other.example/y", "https://other.example/y" },
		{ "http://r.example/x", "http://other.example/y", "http://other.example/y" },
		{ "https://r.example/x", "http://r.example/y", NULL },
		{ "https://r.example/x", "ftp://r.example/y", NULL },
		{ "https://r.example/x", "https://u:p@r.example/y", NULL },
		{ "https://r.example/x", "javascript:x", NULL },
		{ "https://r.example/x", "/a b", NULL },
		{ "https://r.example/x", "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct arena a = { 0 };
		const char *got = answer_place(&a, t[i].url, str_of(t[i].to));
		assert_int_equal(got != NULL, t[i].want != NULL);
		if (got)
			assert_string_equal(got, t[i].want);
		arena_free(&a);
	}
}

static void links(void **state)
{
	static const struct {
		const char *link, *want;
		bool elsewhere;
	} t[] = {
		{ "</v2/a/tags/list?last=x&n=1>; rel=\"next\"", "https://r.example/v2/a/tags/list?last=x&n=1" },
		{ "<?n=1>;rel=next", "https://r.example/v2/a/tags/list?n=1" },
		{ "</p>; rel=\"prev\", </n>; title=\"a, b; rel=x\"; rel=\"last next\"", "https://r.example/n" },
		{ "<https://R.example:443/n>; Rel=NEXT", "https://R.example:443/n" },
		{ "<https://other.example/n>; rel=next", NULL, true },
		{ "<http://r.example/n>; rel=next", NULL, true },
		{ "<file:///n>; rel=next", NULL, true },
		{ "<list?n=1000>; rel=next", NULL, true },
		{ "</n>; rel=prev", NULL },
		{ "</n", NULL },
		{ ">/n<; rel=next", NULL },
		{ "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct arena a = { 0 };
		bool elsewhere;
		const char *got = answer_next(&a, "https://r.example/v2/a/tags/list?n=1000", str_of(t[i].link), &elsewhere);
		assert_int_equal(elsewhere, t[i].elsewhere);
		assert_int_equal(got != NULL, t[i].want != NULL);
		if (got)
			assert_string_equal(got, t[i].want);
		arena_free(&a);
	}
	struct arena a = { 0 };
	bool elsewhere;
	assert_null(answer_next(&a, "https://r.example/", (struct str){ NULL, 0 }, &elsewhere));
	arena_free(&a);
}

static void ranges(void **state)
{
	u64 n = 7, s = 7;
	(void)state;
	assert_true(answer_first(STR("bytes 100-199/1000"), &n) && n == 100);
	assert_true(answer_first(STR("bytes 5-9/*"), &n) && n == 5);
	assert_true(!answer_first(STR("bytes */1000"), &n) && !answer_first(STR("100-199"), &n) && !answer_first(STR("bytes 100"), &n) && !answer_first((struct str){ NULL, 0 }, &n));
	assert_true(answer_held(STR("0-99"), &n) && n == 100);
	assert_true(answer_held(STR("bytes=0-0"), &n) && n == 1);
	assert_true(!answer_held(STR("1-99"), &n) && !answer_held(STR("0-18446744073709551615"), &n) && !answer_held(STR("0"), &n) && !answer_held(STR("0--1"), &n) && !answer_held((struct str){ NULL, 0 }, &n));
	assert_true(answer_limit(STR("100;w=21600"), &n, &s) && n == 100 && s == 21600);
	assert_true(!answer_limit(STR("100"), &n, &s) && !answer_limit(STR("100;w=0"), &n, &s) && !answer_limit(STR("x;w=1"), &n, &s) && !answer_limit(STR("1;w=99999999999"), &n, &s));
}

static void helper_names(void **state)
{
	static const char *const bad[] = { "", "../x", "a/b", "a b", "a;b", ".x", "a\nb" };
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct buf out = BUF(0);
		struct error err = { 0 };
		assert_int_equal(auth_helper(bad[i], "get", STR("x"), &out, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ways), cmocka_unit_test(wrong_files), cmocka_unit_test(places), cmocka_unit_test(links), cmocka_unit_test(ranges), cmocka_unit_test(helper_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
