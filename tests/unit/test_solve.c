/* Relations between packages, the index of a distribution, and what is chosen from it. */
#include "base/buf.h"
#include "compose/admin.h"
#include "compose/relation.h"
#include "compose/solve.h"
#include <setjmp.h>
#include <cmocka.h>

static struct relation one(const char *text)
{
	struct str group = str_of(text);
	struct relation r;
	assert_true(relation_next(&group, "amd64", &r));
	return r;
}

static void relations(void **state)
{
	(void)state;
	struct relation r = one("libc6 (>= 2.36)");
	assert_true(str_is(r.name, "libc6") && r.op == REL_GE && str_is(r.version, "2.36"));
	assert_true(relation_holds(&r, STR("2.36-9+deb12u1")));
	assert_false(relation_holds(&r, STR("2.36~rc1")));
	assert_true(str_is(one("python3:any (>= 3.9~)").name, "python3"));
	assert_true(str_is(one("gcc [amd64] <!nocheck>").name, "gcc"));
	assert_true(str_is(one("libc6:amd64 (>= 2)").name, "libc6"));
	static const char *const none[] = { "foo:arm64", "Foo", "foo (>= )", "foo (~ 1)", "foo (>= 1", "", "foo (= 1 2)", "foo (= a1)" };
	for (u32 i = 0; i < countof(none); i++)
		assert_int_equal(one(none[i]).name.n, 0);
	static const struct { const char *relation, *version; bool holds; } cases[] = {
		{ "a (<< 2)", "1", true },   { "a (<< 2)", "2", false }, { "a (<= 2)", "2", true }, { "a (<= 2)", "2.1", false }, { "a (= 1:2)", "2", false }, { "a (= 1:2-3)", "1:2-3", true },
		{ "a (>> 2)", "2", false },  { "a (>> 2)", "2.1", true }, { "a (< 2)", "2", true },  { "a (> 2)", "2", true },      { "a", "0", true },         { "a (= 1)", "", false },
	};
	for (u32 i = 0; i < countof(cases); i++) {
		r = one(cases[i].relation);
		assert_int_equal(relation_holds(&r, str_of(cases[i].version)), cases[i].holds);
	}
	struct str field = STR(" a (>= 1), b | c,, d "), group;
	u32 n = 0;
	while (relation_group(&field, &group))
		n++;
	assert_int_equal(n, 3);
}

static void administration(void **state)
{
	(void)state;
	assert_non_null(admin_kind(STR("dpkg"), STR("python3-minimal"), STR("python")));
	assert_non_null(admin_kind(STR("openssl"), STR("ca-certificates"), STR("misc")));
	assert_null(admin_kind(STR("openssl"), STR("nginx"), STR("httpd")));
	assert_non_null(admin_kind(STR("perl-base"), STR("nginx"), STR("httpd")));
	assert_null(admin_kind(STR("perl-base"), STR("libdbi-perl"), STR("universe/perl")));
	assert_null(admin_kind(STR("perl-base"), STR("perl"), STR("x")));
	assert_null(admin_kind(STR("libc6"), STR("nginx"), STR("httpd")));
}

/* --- an index --- */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct package_index ix;
	struct arena a;
	struct solution s;
	struct error err;
};

/* "NAME VERSION; Field: value; …" a package, lines. */
static void build(struct world *w, const char *text, const char *arch)
{
	struct buf b = BUF(0);
	memset(w, 0, sizeof *w);
	for (struct str rest = str_of(text); rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n')), field = str_cut(&line, ';'), version = field, name = str_cut(&version, ' ');
		if (!name.n)
			continue;
		buf_printf(&b, "Package: %.*s\nVersion: %.*s\nArchitecture: amd64\nFilename: pool/%.*s.deb\nSize: 10\nSHA256: " HEX "\n", STR_FMT(name), STR_FMT(version), STR_FMT(name));
		while (line.p) {
			field = str_trim(str_cut(&line, ';'));
			buf_printf(&b, "%.*s\n", STR_FMT(field));
		}
		buf_putc(&b, '\n');
	}
	index_open(&w->ix);
	assert_int_equal(index_read(&w->ix, stream_memory(buf_str(&b)), arch, 0, false, &w->err), 0);
	index_finish(&w->ix);
	buf_free(&b);
}

static void done(struct world *w)
{
	index_free(&w->ix);
	arena_free(&w->a);
}

/* "a=1 b=2" of what was chosen, in its order. */
static void chosen(struct world *w, struct solve_ask ask, const char *want)
{
	struct buf b = BUF(0);
	w->err = (struct error){ 0 };
	w->s = (struct solution){ 0 };
	if (solve(&w->ix, &ask, &w->a, &w->s, &w->err) < 0)
		buf_printf(&b, "%s", w->err.text);
	for (u32 i = 0; i < w->s.n; i++) {
		const struct index_package *p = &w->ix.v[w->s.v[i].package];
		buf_printf(&b, "%s%.*s=%.*s", i ? " " : "", STR_FMT(p->name), STR_FMT(p->version));
	}
	assert_string_equal(b.p, want);
	buf_free(&b);
}

#define ASK(...) ((struct solve_ask){ .packages = (const char *const[]){ __VA_ARGS__, NULL } })

static void choices(void **state)
{
	struct world w;
	(void)state;
	build(&w,
	      "app 1; Depends: libfoo (>= 2), web | libbar\n"
	      "libfoo 1\nlibfoo 2; Depends: libc6\nlibfoo 3; Depends: nowhere\n"
	      "libbar 1\nlibc6 2.36; Depends: libgcc\nlibgcc 1; Depends: libc6\n"
	      "nginx 1; Provides: web\napache 1; Provides: web (= 2)\n"
	      "old 1; Depends: web (>= 2)\nolder 1; Depends: web (>= 3)\n"
	      "tool 1; Depends: dpkg, libbar; Pre-Depends: debconf | debconf-2.0; Recommends: nginx, nowhere\n"
	      "dpkg 1\ndebconf 1\n"
	      "clash 1; Depends: libbar; Conflicts: libfoo\nbroken 1; Depends: clash, libfoo\n"
	      "perl-base 1; Provides: perlapi\nxs 1; Depends: perlapi\n"
	      "either 1; Depends: clash | libbar, libfoo (<< 3)\n",
	      "amd64");
	chosen(&w, ASK("libbar"), "libbar=1");
	/* libfoo 3 leads nowhere; a name that is only provided comes from the first by name */
	chosen(&w, ASK("app"), "apache=1 libgcc=1 libc6=2.36 libfoo=2 app=1");
	/* what is there already serves an alternative */
	chosen(&w, ASK("app", "libbar"), "libgcc=1 libc6=2.36 libfoo=2 libbar=1 app=1");
	chosen(&w, ASK("libfoo=1"), "libfoo=1");
	chosen(&w, ASK("libfoo=9"), "libfoo (= 9): libfoo is there in version 3");
	chosen(&w, ASK("old"), "apache=1 old=1");
	chosen(&w, ASK("older"), "older → web (>= 3): no package of the index has, or provides, it");
	chosen(&w, ASK("nosuch"), "nosuch: no package of the index has this name");
	assert_int_equal(w.err.kind, ERR_USAGE);
	/* administration is left out, and told; unless it is named */
	chosen(&w, ASK("tool"), "libbar=1 tool=1");
	assert_int_equal(w.s.n_left, 2);
	assert_string_equal(w.s.left[0].kind, "configuration of packages");
	chosen(&w, ASK("tool", "dpkg"), "dpkg=1 libbar=1 tool=1");
	chosen(&w, (struct solve_ask){ .packages = (const char *const[]){ "tool", NULL }, .recommends = true }, "libbar=1 nginx=1 tool=1");
	chosen(&w, (struct solve_ask){ .packages = (const char *const[]){ "app", NULL }, .exclude = (const char *const[]){ "libc6", "web", NULL } }, "libfoo=2 app=1");
	assert_int_equal(w.s.n_left, 2);
	assert_string_equal(w.s.left[0].kind, "excluded");
	chosen(&w, ASK("xs"), "xs=1");
	assert_true(w.s.n_left == 1 && str_is(w.s.left[0].name, "perl-base"));
	/* conflicts, and another choice that has none */
	chosen(&w, ASK("broken"), "broken → libfoo: clash does not go with libfoo");
	chosen(&w, ASK("either"), "libbar=1 libgcc=1 libc6=2.36 libfoo=2 either=1");
	const char *why = solve_explain(&w.ix, &w.s, STR("libgcc"), &w.a);
	assert_string_equal(why, "libgcc 1: for libc6 (Depends: libgcc)\nlibc6 2.36: for libfoo (Depends: libc6)\nlibfoo 2: for either (Depends: libfoo (<< 3))\neither 1: named\n");
	assert_null(solve_explain(&w.ix, &w.s, STR("nginx"), &w.a));
	done(&w);
}

/* The same, whatever order the index and the question have. */
static void any_order(void **state)
{
	struct world w;
	(void)state;
	build(&w, "x 1; Depends: y | z\nz 1\ny 1; Depends: q\nq 1\n", "amd64");
	chosen(&w, ASK("x", "q"), "q=1 y=1 x=1");
	done(&w);
	build(&w, "q 1\ny 1; Depends: q\nz 1\nx 1; Depends: y | z\n", "amd64");
	chosen(&w, ASK("q", "x"), "q=1 y=1 x=1");
	done(&w);
}

static void damaged(void **state)
{
	struct world w = { 0 };
	(void)state;
	static const char text[] =
		"Package: a\nVersion: 1\nArchitecture: amd64\nFilename: ../../etc/passwd\nSize: 1\nSHA256: " HEX "\n\n"
		"Package: b\nVersion: 1\nArchitecture: arm64\nFilename: b.deb\nSize: 1\nSHA256: " HEX "\n\n"
		"Package: c\nVersion: 1\nArchitecture: all\nFilename: c.deb\nSize: 1\nSHA256: " HEX "\n\n"
		"Package: d/e\nVersion: 1\nArchitecture: amd64\nFilename: d.deb\nSize: 1\nSHA256: " HEX "\n\n"
		"Package: f\nVersion: 1\nArchitecture: amd64\nFilename: f.deb\nSize: 1\nMD5sum: 0123\n\n"
		"no field\n\n"
		"Package: c\nVersion: 2\nArchitecture: amd64\nFilename: c2.deb\nSize: 7\nSHA256: " HEX "\n\n\n"
		"Package: c\nVersion: 1\nArchitecture: all\nFilename: other.deb\nSize: 1\nSHA256: " HEX; /* no line break at the end; a version that is there */
	for (size_t cut = 1; cut < 64; cut += 7) { /* however it comes */
		index_open(&w.ix);
		struct stream *s = stream_concat(str_n(text, cut), stream_memory(str_n(text + cut, sizeof text - 1 - cut)));
		assert_int_equal(index_read(&w.ix, s, "amd64", 3, false, &w.err), 0);
		index_finish(&w.ix);
		assert_int_equal(w.ix.n, 2);
		assert_int_equal(w.ix.left_out, 4);
		u32 c = index_find(&w.ix, STR("c"));
		assert_true(c && w.ix.v[w.ix.names[c].package - 1].size == 7 && w.ix.v[w.ix.names[c].package - 1].source == 3);
		assert_int_equal(index_find(&w.ix, STR("b")), 0);
		index_free(&w.ix);
	}
	/* a paragraph without an end */
	struct buf b = BUF(0);
	buf_puts(&b, "Package: a\n");
	for (size_t i = 0; b.n < INDEX_PARAGRAPH + 100000; i++)
		buf_puts(&b, " x\n");
	index_open(&w.ix);
	assert_int_equal(index_read(&w.ix, stream_memory(buf_str(&b)), "amd64", 0, false, &w.err), -1);
	assert_int_equal(w.err.kind, ERR_INPUT);
	index_free(&w.ix);
	buf_free(&b);
}

/* What is recommended and cannot be had, for whatever depends on it, is left. */
static void recommended(void **state)
{
	struct world w;
	(void)state;
	build(&w, "app 1; Recommends: broken, fine, clash | other; Depends: base\nbase 1\nbroken 1; Depends: part, nowhere\npart 1\nfine 1\nclash 1; Depends: x\nx 1; Conflicts: base\nother 1\n", "amd64");
	chosen(&w, (struct solve_ask){ .packages = (const char *const[]){ "app", NULL }, .recommends = true }, "base=1 app=1 fine=1 other=1");
	done(&w);
}

/* An index that is made to be searched for ever: choices of which none changes that the last thing cannot be had. */
static void budget(void **state)
{
	struct world w;
	struct buf text = BUF(0);
	(void)state;
	buf_puts(&text, "app 1; Depends: ");
	for (u32 i = 0; i < 60; i++)
		buf_printf(&text, "a%u | b%u, ", i, i);
	buf_puts(&text, "x | y\nx 1; Conflicts: app\ny 1; Conflicts: app\n");
	for (u32 i = 0; i < 60; i++)
		buf_printf(&text, "a%u 1\nb%u 1\n", i, i);
	build(&w, text.p, "amd64");
	assert_int_equal(solve(&w.ix, &ASK("app"), &w.a, &w.s, &w.err), -1);
	assert_int_equal(w.err.kind, ERR_INPUT);
	assert_non_null(strstr(w.err.text, "first in the way: app → x | y: y does not go with app"));
	buf_free(&text);
	done(&w);
}

/* A suite that is NotAutomatic serves only what no other has. */
static void late(void **state)
{
	struct world w = { 0 };
	(void)state;
	static const char stable[] = "Package: a\nVersion: 1\nArchitecture: amd64\nFilename: a1\nSize: 1\nSHA256: " HEX "\n";
	static const char backports[] = "Package: a\nVersion: 2\nArchitecture: amd64\nFilename: a2\nSize: 1\nSHA256: " HEX "\n\nPackage: b\nVersion: 1\nArchitecture: amd64\nFilename: b\nSize: 1\nSHA256: " HEX "\nDepends: a (>= 2)\n";
	index_open(&w.ix);
	assert_int_equal(index_read(&w.ix, stream_memory(str_of(backports)), "amd64", 0, true, &w.err), 0);
	assert_int_equal(index_read(&w.ix, stream_memory(str_of(stable)), "amd64", 1, false, &w.err), 0);
	index_finish(&w.ix);
	chosen(&w, ASK("a"), "a=1");
	chosen(&w, ASK("a=2"), "a=2");
	chosen(&w, ASK("b"), "a=2 b=1");
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(relations), cmocka_unit_test(administration), cmocka_unit_test(choices), cmocka_unit_test(any_order), cmocka_unit_test(damaged), cmocka_unit_test(late), cmocka_unit_test(recommended), cmocka_unit_test(budget) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
