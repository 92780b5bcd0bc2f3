/* The packages of an image beyond dpkg, apk and rpm: pacman, chisel, licences; and what holds of all: what is told twice, who owns what, coverage. */
#include "package_world.h"
#include "report/sbom.h"
#include <zstd.h>

static void pacman(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "usr/bin/bash", 99);
	file(&w, 0, "usr/bin/other", 5);
	text(&w, 0, "var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
	text(&w, 0, "var/lib/pacman/local/bash-1:5.2-1/desc",
	     "%NAME%\nbash\n\n%VERSION%\n1:5.2-1\n\n%BASE%\nshells\n\n%DESC%\nThe shell\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL-3.0-or-later\nMIT OR ISC\n\n%SIZE%\n99\n\n%REASON%\n1\n\n%DEPENDS%\nreadline\nglibc>=2\n\n%NAME%\nliar\n");
	text(&w, 0, "var/lib/pacman/local/bash-1:5.2-1/files", "%FILES%\nusr/\nusr/bin/\nusr/bin/bash\n\n%BACKUP%\nusr/bin/other\tabc\n");
	text(&w, 0, "var/lib/pacman/local/bash-1:5.2-1/deep/desc", "%NAME%\nno\n\n%VERSION%\n1\n");
	text(&w, 0, "var/lib/pacman/local/empty-1/desc", "%NAME%\nempty\n");
	file(&w, 0, "var/lib/pacman/local/gone-1/files", 0);
	struct packages *p = look(&w);
	assert_int_equal(p->n, 1);
	const struct package *k = &p->v[0];
	assert_string_equal(k->type, "alpm");
	assert_string_equal(k->name, "bash");
	assert_string_equal(k->version, "1:5.2-1");
	assert_string_equal(k->arch, "x86_64");
	assert_string_equal(k->source_name, "shells");
	assert_string_equal(k->license, "GPL-3.0-or-later AND (MIT OR ISC)");
	assert_string_equal(k->depends, "readline, glibc>=2");
	assert_string_equal(k->path, "/var/lib/pacman/local/bash-1:5.2-1/desc");
	assert_int_equal(k->origin, ORIGIN_DATABASE);
	assert_true(k->automatic);
	assert_int_equal(k->bytes, 99);
	assert_string_equal(owner(&w, "usr/bin/bash"), "bash");
	assert_string_equal(owner(&w, "usr/bin/other"), "");
	assert_true(told(p, "empty-1/desc: has no version"));
	assert_true(told(p, "gone-1: has no desc"));
	assert_int_equal(p->problems.n, 2);
	end(&w);
}

static const char wall[] = "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":9}\n"
			   "{\"kind\":\"content\",\"slice\":\"base-files_base\",\"path\":\"/etc/issue\"}\n"
			   "{\"kind\":\"content\",\"slice\":\"base-files_lib\",\"path\":\"/usr/lib/x\"}\n"
			   "{\"kind\":\"content\",\"slice\":\"libc6_libs\",\"path\":\"/usr/lib/libc.so\"}\n"
			   "{\"kind\":\"package\",\"name\":\"libc6\",\"version\":\"2.39-0ubuntu8\",\"sha256\":\"00\",\"arch\":\"amd64\"}\n"
			   "{\"kind\":\"package\",\"name\":\"base-files\",\"version\":\"13ubuntu10\",\"sha256\":\"00\",\"arch\":\"amd64\"}\n"
			   "{\"kind\":\"path\",\"path\":\"/etc/issue\",\"mode\":\"0644\",\"slices\":[\"base-files_base\"]}\n"
			   "{\"kind\":\"slice\",\"name\":\"base-files_base\"}\n";

static void put_wall(struct world *w, const char *plain)
{
	char packed[4096];
	size_t n = ZSTD_compress(packed, sizeof packed, plain, strlen(plain), 3);
	assert_false(ZSTD_isError(n));
	content(w, 0, "var/lib/chisel/manifest.wall", str_n(packed, n));
}

static void chisel(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "etc/issue", 3);
	file(&w, 0, "usr/lib/x", 4);
	file(&w, 0, "usr/lib/libc.so", 50);
	put_wall(&w, wall);
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	assert_string_equal(p->v[0].name, "base-files");
	assert_int_equal(p->v[0].bytes, 7);
	assert_string_equal(p->v[1].version, "2.39-0ubuntu8");
	assert_string_equal(p->v[1].arch, "amd64");
	assert_string_equal(p->v[1].type, "deb");
	assert_string_equal(owner(&w, "usr/lib/libc.so"), "libc6");
	end(&w);
	static const char *const bad[] = { "{\"schema\":1}\n", "no\n", "{\"jsonwall\":\"1.0\"}\n{\"kind\":\"package\",\"name\":\"x\"}\n", "{\"jsonwall\":\"1.0\"}\n{\"kind\":\"content\",\"path\":\"x\"}\n", "{\"jsonwall\":\"1.0\"}\n[]\n" };
	for (size_t i = 0; i < countof(bad); i++) {
		begin(&w);
		put_wall(&w, bad[i]);
		p = look(&w);
		assert_int_equal(p->n, 0);
		assert_int_equal(p->problems.n, 1);
		end(&w);
	}
	begin(&w);
	content(&w, 0, "var/lib/chisel/manifest.wall", STR("\x28\xb5\x2f\xfd damaged"));
	assert_int_equal(look(&w)->problems.n, 1);
	end(&w);
}

static void copyright(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status",
	     "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
	     "Package: c\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\nPackage: d\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n");
	text(&w, 0, "usr/share/doc/a/copyright",
	     "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: a\n\nFiles: *\nCopyright: me\nLicense: GPL-2+\n This is …\n License: no\n\n"
	     "Files: x\nLicense: Expat or Artistic\n\nLicense: GPL-2+\n On Debian systems, see /usr/share/common-licenses/GPL-2.\n\nFiles: y\nLicense:\n text\n");
	put(&w, 0, "usr/share/doc/b", TAR_SYMLINK, "a", 0);
	text(&w, 0, "usr/share/doc/c/copyright", "You may take any later version of it.\nsee `/usr/share/common-licenses/LGPL-2.1'.\nAnd /usr/share/common-licenses/Apache-2.0.\n");
	text(&w, 0, "usr/share/doc/d/copyright",
	     " * Permission is hereby granted, free of charge, to any person obtaining\n * a copy of this software and associated documentation files (the x)\n\n"
	     "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that …\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_string_equal(get(p, "a")->license, "GPL-2.0-or-later AND (MIT OR Artistic-1.0-Perl)");
	assert_string_equal(get(p, "b")->license, "GPL-2.0-or-later AND (MIT OR Artistic-1.0-Perl)");
	assert_string_equal(get(p, "c")->license, "Apache-2.0 AND LGPL-2.1-or-later");
	assert_string_equal(get(p, "d")->license, "BSD-2-Clause AND MIT");
	packages_free(w.p);
	w.p = packages_read_set(w.r, COLLECT_OS, false); /* of a smaller set, whatever notes there are */
	assert_string_equal(get(w.p, "a")->license, "");
	end(&w);
}

/* npm's packages as an example of a language's. */
static void language(struct world *w)
{
	file(w, 0, "usr/lib/node_modules/x/index.js", 10);
	text(w, 0, "usr/lib/node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1.0.0\",\"license\":\"MIT\"}");
	text(w, 0, "app/node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"}");
	text(w, 1, "app/node_modules/y/node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"}");
	text(w, 0, "var/lib/dpkg/status", "Package: node-x\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n");
	text(w, 0, "var/lib/dpkg/info/node-x.list", "/usr/lib/node_modules/x/package.json\n/usr/lib/node_modules/x/index.js\n");
}

static void within(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	language(&w);
	struct packages *p = look(&w);
	assert_int_equal(p->n, 3); /* the two of the application, each where it is, and the system's */
	assert_string_equal(p->v[0].name, "node-x");
	assert_string_equal(p->v[1].path, "/app/node_modules/x/package.json");
	assert_string_equal(p->v[2].path, "/app/node_modules/y/node_modules/x/package.json");
	assert_int_equal(p->v[1].layer, 0);
	assert_int_equal(p->v[2].layer, 1);
	assert_int_equal(p->v[1].origin, ORIGIN_INSTALLED);
	assert_string_equal(p->v[1].purl, "pkg:npm/x@1.0.0");
	assert_string_equal(owner(&w, "usr/lib/node_modules/x/package.json"), "node-x");
	packages_free(w.p);
	w.p = p = packages_read(w.r, true);
	assert_int_equal(p->n, 4);
	assert_string_equal(p->v[3].path, "/usr/lib/node_modules/x/package.json");
	assert_int_equal(p->v[3].within, 1);
	assert_int_equal(p->v[1].within, 0);
	static const char *const npm[] = { "npm", NULL };
	packages_keep(p, npm);
	assert_int_equal(p->n, 3);
	assert_int_equal(p->v[2].within, 0);
	assert_string_equal(owner(&w, "usr/lib/node_modules/x/package.json"), "");
	packages_free(w.p);
	w.p = p = packages_read_set(w.r, COLLECT_OS, false);
	assert_int_equal(p->n, 1);
	end(&w);
}

/* Two databases that say the same, one that says more. */
static void twice(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n");
	text(&w, 0, "var/lib/dpkg/status.d/a", "Package: a\nArchitecture: all\nVersion: 1\n");
	text(&w, 0, "var/lib/dpkg/status.d/b", "Package: b\nArchitecture: all\nVersion: 1\n");
	struct packages *p = look(&w);
	assert_int_equal(p->n, 2);
	assert_string_equal(p->v[0].path, "/var/lib/dpkg/status");
	assert_string_equal(p->v[1].path, "/var/lib/dpkg/status.d/b");
	end(&w);
}

/* Packages without a tree are written as those of an image. */
static void document(void **state)
{
	(void)state;
	struct packages *p = packages_new();
	struct subject s;
	u32 i = packages_add(p, "npm"), k = packages_add(p, "deb"), again = packages_add(p, "npm");
	p->os_id = "debian";
	p->v[i].name = p->v[again].name = "x";
	p->v[i].version = p->v[again].version = "1";
	p->v[i].origin = p->v[k].origin = p->v[again].origin = ORIGIN_DOCUMENT;
	p->v[k].name = "bash";
	p->v[k].license = "GPLv3+";
	packages_finish(p);
	assert_int_equal(p->n, 2);
	assert_string_equal(p->v[0].purl, "pkg:deb/debian/bash?distro=debian");
	assert_string_equal(p->v[0].license, "GPL-3.0-or-later");
	assert_string_equal(p->v[0].source_name, "bash");
	assert_string_equal(p->v[1].purl, "pkg:npm/x@1");
	subject_of_packages("bom.json", p, &s);
	char *text = NULL;
	size_t n;
	for (u32 w = 0; sbom_writers[w]; w++) {
		FILE *f = open_memstream(&text, &n);
		sbom_writers[w]->write(f, &s, &(struct sbom_options){ .files = true });
		fclose(f);
		assert_non_null(strstr(text, "bash"));
		free(text);
	}
	subject_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pacman), cmocka_unit_test(chisel), cmocka_unit_test(copyright), cmocka_unit_test(within), cmocka_unit_test(twice), cmocka_unit_test(document) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
