/* What composing reads: paragraphs, releases, keys, sources of apt, SPEC, scripts; and the tree it makes. */
#include "base/buf.h"
#include "compose/compose.h"
#include "compose/deb822.h"
#include "compose/release.h"
#include "compose/script.h"
#include "compose/sources.h"
#include <setjmp.h>
#include <cmocka.h>

static void paragraphs(void **state)
{
	static const char *const names[] = { "A", "Long", "Missing" };
	struct str rest = STR("\n\nA: 1\nlong: x\n y\n .\nA: 2\n# note\n\n \t\nA:\n"), p, v[3];
	struct error err = { 0 };
	(void)state;
	assert_true(deb822_next(&rest, &p));
	assert_int_equal(deb822_fields(p, names, v, 3, &err), 0);
	assert_true(str_is(v[0], "1") && str_is(v[1], "x\n y\n .") && !v[2].p);
	assert_true(deb822_next(&rest, &p));
	assert_int_equal(deb822_fields(p, names, v, 3, &err), 0);
	assert_true(v[0].p && v[0].n == 0);
	assert_false(deb822_next(&rest, &p));
	assert_int_equal(deb822_fields(STR(" continues"), names, v, 3, &err), -1);
	assert_int_equal(deb822_fields(STR("word"), names, v, 3, &err), -1);
	assert_int_equal(deb822_fields(str_n("A: \0", 4), names, v, 3, &err), -1);
}

static void dates(void **state)
{
	s64 t;
	(void)state;
	assert_true(release_date(STR("Sat, 11 Jul 2026 10:16:37 UTC"), &t) && t == 1783764997);
	assert_true(release_date(STR("Thu, 01 Jan 1970 00:00:00 GMT"), &t) && t == 0);
	static const char *const none[] = { "", "2026-07-11", "Sat, 11 Foo 2026 10:16:37 UTC", "Sat, 41 Jul 2026 10:16:37 UTC", "Sat, 11 Jul 2026 10:16:37 CET", "Sat, 11 Jul 2026 30:16:37 UTC", "Sat, 11 Jul 2026" };
	for (u32 i = 0; i < countof(none); i++)
		assert_false(release_date(str_of(none[i]), &t));
}

static void release(void **state)
{
	struct release r = { .text = BUF(0) };
	struct error err = { 0 };
	struct digest d;
	u64 size;
	(void)state;
	buf_puts(&r.text, "Suite: stable\nCodename: bookworm\nAcquire-By-Hash: yes\nNotAutomatic: yes\nSHA256:\n"
			  " 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  12 main/binary-amd64/Packages\n"
			  " short 1 x\n 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef no y\n");
	assert_int_equal(release_parse(&r, &err), 0);
	assert_true(r.by_hash && r.late && str_is(r.suite, "stable"));
	assert_true(release_file(&r, "main/binary-amd64/Packages", &d, &size) && size == 12);
	assert_false(release_file(&r, "x", &d, &size));
	assert_false(release_file(&r, "y", &d, &size));
	assert_false(release_file(&r, "main", &d, &size));
	buf_clear(&r.text);
	buf_puts(&r.text, "Suite: stable\nMD5Sum:\n 0 0 x\n");
	assert_int_equal(release_parse(&r, &err), -1);
	release_free(&r);
}

static void armor(void **state)
{
	struct buf out = BUF(1000);
	struct error err = { 0 };
	(void)state;
	assert_int_equal(release_dearmor(STR("-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\naGVs\nbG8=\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"), &out, &err), 0);
	assert_string_equal(out.p, "hello");
	buf_clear(&out);
	assert_int_equal(release_dearmor(STR("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\naGVs\n"), &out, &err), -1);
	assert_int_equal(release_dearmor(STR("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n????\n-----END PGP\n"), &out, &err), -1);
	assert_int_equal(release_dearmor(STR("nothing"), &out, &err), -1);
	buf_free(&out);
}

static void sources(void **state)
{
	struct arena a = { 0 };
	struct apt_sources s = { 0 };
	(void)state;
	sources_list(STR("# deb x y z\ndeb [arch=amd64,arm64 signed-by=/k.gpg trusted=no] http://one/debian bookworm main contrib # said\n"
			 "deb-src http://one/debian bookworm main\ndeb http://flat/ ./\n  deb http://two stable main\ndeb\n"), &a, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[0].uri, "http://one/debian");
	assert_string_equal(s.v[0].signed_by[0], "/k.gpg");
	assert_string_equal(s.v[0].components[1], "contrib");
	assert_string_equal(s.v[0].archs[1], "arm64");
	assert_false(s.v[0].trusted);
	assert_null(s.v[1].archs);
	sources_deb822(STR("Types: deb deb-src\nURIs: http://three http://four\nSuites: a a-updates\nComponents: main\nCheck-Valid-Until: no\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n aGVs\n"
					    " -----END PGP PUBLIC KEY BLOCK-----\n\nTypes: deb-src\nURIs: http://five\nSuites: a\n\nTypes: deb\nEnabled: no\nURIs: http://six\nSuites: a\n"), &a, &s);
	assert_int_equal(s.n, 6);
	assert_string_equal(s.v[3].suite, "a-updates");
	assert_true(s.v[5].any_date && str_contains(s.v[5].key, STR("-----\n\naGVs\n")));
	sources_deb822(STR("broken\n\nTypes: deb\nURIs: http://seven\nSuites: b\n"), &a, &s);
	assert_int_equal(s.n, 7);
	arena_free(&a);
}

static void recipe(void **state)
{
	struct arena a = { 0 };
	struct recipe r;
	struct error err = { 0 };
	(void)state;
	recipe_init(&r);
	assert_int_equal(recipe_parse(STR("suite: bookworm\npackages: [python3, tzdata=2024a-0]\nenv: {A: 1}\nusers:\n- app:1000\n- {name: db, uid: 5, home: /db}\nlayers: 4\nentrypoint: python3 -m app\nlabels: {a: b}\n"), "S", &a, &r, &err), 0);
	assert_string_equal(r.suites[0], "bookworm");
	assert_false(r.only_suites);
	assert_string_equal(r.packages[1], "tzdata=2024a-0");
	assert_string_equal(r.env[0], "A=1");
	assert_true(r.n_users == 2 && r.users[0].uid == 1000 && r.users[0].gid == 1000 && r.users[1].gid == 5);
	assert_string_equal(r.entrypoint[2], "app");
	assert_int_equal(r.layers, 4);
	static const struct { const char *text, *why; } wrong[] = {
		{ "suite: x\npackages: [a]\npackage: b\n", "S:3: no key of a SPEC: package" },
		{ "suite: x\n\nrecommends: maybe\n", "S:3: true or false is wanted here: maybe" },
		{ "layers: 0\n", "S:1: layers: package, one or a number from 1 to 120: 0" },
		{ "packages: {a: b}\n", "S:1: a list is wanted here" },
		{ "packages: [[a]]\n", "S:1: a text is wanted here" },
		{ "suite: a\nsuite: b\n", "S:2: twice: suite" },
		{ "users: [{name: x, group: y}]\n", "S:1: a user has no: group" },
		{ "users: ['Bad Name']\n", "S:1: users: NAME, NAME:UID or NAME:UID:GID: Bad Name" },
		{ "users: [{name: x, home: 'a:b'}]\n", "S:1: users: no name that is one, or a colon in a field" },
		{ "- a\n", "S:1: keys with values are wanted" },
		{ "", "S:1: keys with values are wanted" },
		{ "a: [\n", "S:2: not YAML: did not find expected node content" },
	};
	for (u32 i = 0; i < countof(wrong); i++) {
		recipe_init(&r);
		err = (struct error){ 0 };
		assert_int_equal(recipe_parse(str_of(wrong[i].text), "S", &a, &r, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_string_equal(err.text, wrong[i].why);
	}
	arena_free(&a);
}

static void told(void *ctx, const struct script_command *c)
{
	struct buf *b = ctx;
	for (u32 i = 0; i < c->n; i++)
		buf_printf(b, "%s%s", i ? " " : "", c->v[i] ? c->v[i] : "?");
	if (!c->fresh)
		buf_puts(b, " (later)");
	buf_putc(b, '\n');
}

static void scripts(void **state)
{
	struct arena a = { 0 };
	struct buf b = BUF(0);
	(void)state;
	assert_true(script_each(STR("#!/bin/sh -e\nDIR=/usr/lib/x\nNAME=a\nif test $1; then NAME=b; fi\nfor p in one \"two\"; do\n  /usr/bin/update-alternatives --install $DIR/$p ${p} \"$DPKG_ROOT/bin/$p\" 5\ndone\nadduser $NAME `id`\n"), &a, told, &b));
	assert_non_null(strstr(b.p, "update-alternatives --install /usr/lib/x/one one /bin/one 5\nupdate-alternatives --install /usr/lib/x/two two /bin/two 5\n"));
	assert_non_null(strstr(b.p, "adduser ? ?\n"));
	/* a variable that is split, one that is computed again only where something holds, one loop in another */
	buf_clear(&b);
	assert_true(script_each(STR("#!/bin/sh\nP=17\nT='java key'\nif x; then P=$(expr $P - 1); fi\nfor i in $T; do for k in 1 2; do set $i $k $P \"$T\"; done; done\nQ=1\nQ=2\necho $Q\n"), &a, told, &b));
	assert_non_null(strstr(b.p, "set java 1 17 java key\nset java 2 17 java key\nset key 1 17 java key\nset key 2 17 java key\n"));
	assert_non_null(strstr(b.p, "echo ?\n"));
	/* functions, with what they are called with */
	buf_clear(&b);
	assert_true(script_each(STR("#!/bin/sh\nU=u\nown() {\n  D=\"$1\"\n  chown $U:${2} $D\n  own x y\n}\nnobody() { never; }\nboth() { own $1 g; own /b \"$2\"; }\nboth /a h\nset $1\n"), &a, told, &b));
	assert_string_equal(b.p, "both /a h\nown /a g\nchown u:g /a\nown x y\nown /b h\nchown u:h /b\nown x y\nset ?\n");
	/* what runs when a package is new */
	buf_clear(&b);
	assert_true(script_each(STR("#!/bin/sh\ncase \"$1\" in\nconfigure|reconfigure)\n  a1\n  if dpkg --compare-versions \"$2\" lt-nl 2; then b1; else a2; fi\n  [ -n \"$2\" ] && b2\n  test -z \"$2\" && a3\n"
				    "  ;;\nabort-upgrade) b3 ;;\n*) b4 ;;\nesac\nif [ \"$1\" = triggered ]; then b5; fi\nif [ \"$1\" = configure ] && [ -n \"$2\" ]; then b6; fi\nif true; then a4; fi\n"
				    "if [ -z \"$2\" ]; then a5; elif x; then b7; else b8; fi\n[ -z \"$2\" ] || b9\nif [ -z \"$2\" ] && x; then a6; else a7; fi\n"), &a, told, &b));
	for (u32 i = 1; i <= 9; i++) {
		char line[24];
		snprintf(line, sizeof line, "b%u (later)\n", i);
		assert_non_null(strstr(b.p, line));
		snprintf(line, sizeof line, "\na%u\n", i);
		assert_true(i > 7 || strstr(b.p, line) || strncmp(b.p, line + 1, 3) == 0);
	}
	assert_false(script_each(STR("#!/usr/bin/perl\nprint 1;\n"), &a, told, &b));
	assert_false(script_each(STR("\x7f" "ELF"), &a, told, &b));
	buf_free(&b);
	arena_free(&a);
}

static void kept(void **state)
{
	struct recipe r;
	(void)state;
	recipe_init(&r);
	assert_true(compose_keeps(&r, STR("usr/share/doc/x/copyright"), TAR_FILE));
	assert_true(compose_keeps(&r, STR("usr/share/doc/x"), TAR_SYMLINK));
	assert_false(compose_keeps(&r, STR("usr/share/doc/x/changelog.gz"), TAR_FILE));
	assert_false(compose_keeps(&r, STR("usr/share/doc/x/examples"), TAR_DIR));
	assert_false(compose_keeps(&r, STR("usr/share/man/man1/x.1.gz"), TAR_FILE));
	assert_true(compose_keeps(&r, STR("usr/share/mandarin"), TAR_FILE));
	r.drop = (const char *const[]){ "/usr/lib/x", NULL };
	r.keep = (const char *const[]){ "usr/share/man/man1/*", NULL };
	assert_true(compose_keeps(&r, STR("usr/share/man/man1/x.1.gz"), TAR_FILE));
	assert_false(compose_keeps(&r, STR("usr/lib/x/y"), TAR_FILE));
	assert_true(compose_keeps(&r, STR("usr/lib/xy"), TAR_FILE));
}

static void real_paths(void **state)
{
	static const struct { const char *path, *real; } v[] = { { "bin/ls", "usr/bin/ls" }, { "lib", "usr/lib" }, { "lib64/ld.so", "usr/lib64/ld.so" }, { "library/x", "library/x" }, { "var/run/x", "run/x" }, { "usr/bin/x", "usr/bin/x" }, { "", "" } };
	char out[TAR_PATH_MAX];
	(void)state;
	for (u32 i = 0; i < countof(v); i++)
		assert_true(str_is(str_n(out, ctree_real(str_of(v[i].path), out)), v[i].real));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(paragraphs), cmocka_unit_test(dates), cmocka_unit_test(release), cmocka_unit_test(armor), cmocka_unit_test(sources), cmocka_unit_test(recipe), cmocka_unit_test(scripts), cmocka_unit_test(kept), cmocka_unit_test(real_paths) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
