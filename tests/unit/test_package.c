/* The packages of an image: dpkg, apk, os-release, and the notes that collectors leave; rpm in test_rpm.c. */
#include "package_world.h"

/* --- dpkg --- */

static const char status_file[] = "Package: libc6\nEssential: no\nStatus: install ok installed\nSection: libs\nInstalled-Size: 10\nArchitecture: amd64\nMulti-Arch: same\n"
				  "Source: glibc (2.36-8)\nVersion: 2.36-9\nDepends: libgcc-s1,\n libcrypt1 (>= 1:4.4)\nPre-Depends: base\nDescription: GNU C Library\n more\n .\n Depends: none\n"
				  "Conffiles:\n /etc/ld.conf d4e7a7b88a71b5ffd9e2644e71a0cfab\n /etc/old.conf d4e7a7b88a71b5ffd9e2644e71a0cfab obsolete\n\n"
				  "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n"
				  "package: bash\nessential: yes\nStatus: hold ok half-configured\nArchitecture: amd64\nVersion: 5.2-1\nSource: bash-src\n\n\n"
				  "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
				  "Package: never\nStatus: unknown ok not-installed\n\n"
				  "Package: half\nStatus: install reinstreq half-installed\n\n"
				  "Package: tool\nStatus: install ok triggers-pending\nArchitecture: all\nVersion: 1:0.1\nSource: toolbox";

static void dpkg_status(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", status_file);
	text(&w, 1, "var/lib/apt/extended_states",
	     "Package: tool\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: libc6\nArchitecture: i386\nAuto-Installed: 1\n\nPackage: bash\nArchitecture: amd64\nAuto-Installed: 0\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 4);
	const struct package *bash = &p->v[0], *libc = &p->v[1], *libc32 = &p->v[2], *tool = &p->v[3];
	assert_string_equal(bash->name, "bash");
	assert_true(bash->essential);
	assert_false(bash->automatic);
	assert_string_equal(bash->source_name, "bash-src");
	assert_string_equal(bash->source_version, "5.2-1");
	assert_int_equal(bash->installed_size, 0);
	assert_string_equal(libc->type, "deb");
	assert_string_equal(libc->arch, "amd64");
	assert_string_equal(libc->version, "2.36-9");
	assert_string_equal(libc->source_name, "glibc");
	assert_string_equal(libc->source_version, "2.36-8");
	assert_string_equal(libc->depends, "base, libgcc-s1, libcrypt1 (>= 1:4.4)");
	assert_string_equal(libc->summary, "GNU C Library");
	assert_string_equal(libc->section, "libs");
	assert_int_equal(libc->installed_size, 10240);
	assert_false(libc->essential);
	assert_false(libc->automatic);
	assert_string_equal(libc32->arch, "i386");
	assert_string_equal(libc32->source_name, "libc6");
	assert_string_equal(libc32->summary, "");
	assert_true(libc32->automatic);
	assert_string_equal(tool->version, "1:0.1");
	assert_string_equal(tool->source_name, "toolbox");
	assert_true(tool->automatic);
	end(&w);
}

static void dpkg_owners(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	put(&w, 0, "bin", TAR_SYMLINK, "usr/bin", 0);
	put(&w, 0, "lib", TAR_SYMLINK, "/usr/lib", 0);
	file(&w, 0, "usr/bin/bash", 100);
	put(&w, 0, "usr/bin/rbash", TAR_SYMLINK, "bash", 0);
	file(&w, 0, "usr/lib/x86/libc.so", 40);
	file(&w, 0, "usr/lib/i386/libc.so", 41);
	file(&w, 0, "usr/bin/tool", 7);
	file(&w, 0, "usr/bin/tool.moved", 9);
	file(&w, 0, "usr/share/doc/x", 1);
	file(&w, 0, "etc/ld.conf", 3);
	file(&w, 0, "etc/old.conf", 4);
	file(&w, 0, "home/me", 1000);
	text(&w, 0, "var/lib/dpkg/status", status_file);
	text(&w, 0, "var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86\n/lib/x86/libc.so\n");
	text(&w, 0, "var/lib/dpkg/info/libc6:i386.list", "/.\n/lib/i386/libc.so\n/usr/bin/absent\n");
	text(&w, 0, "var/lib/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n/bin/rbash\n/usr/bin/tool\n/usr/share/doc\n/usr/share/doc/x\n/lib/x86/libc.so\n/lib/../bin/later");
	/* tool has no list; its sums must do, and its own /usr/bin/tool was moved aside by bash's. */
	text(&w, 0, "var/lib/dpkg/info/tool.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/tool\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/later\nd41d8cd98f00b204e9800998ecf8427e  usr/bin/linked\n");
	text(&w, 0, "var/lib/dpkg/diversions", "/usr/bin/tool\n/usr/bin/tool.moved\nbash\n");
	file(&w, 1, "usr/bin/later", 500);
	put(&w, 1, "usr/bin/linked", TAR_HARDLINK, "usr/bin/later", 0);
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 4);
	assert_string_equal(owner(&w, "usr/bin/bash"), "bash");
	assert_string_equal(owner(&w, "bin/rbash"), "bash");
	assert_string_equal(owner(&w, "usr/bin/tool"), "bash");
	assert_string_equal(owner(&w, "usr/bin/tool.moved"), "tool");
	assert_string_equal(owner(&w, "usr/lib/x86/libc.so"), "libc6"); /* the first that claims it */
	assert_string_equal(owner(&w, "etc/ld.conf"), "libc6");
	assert_string_equal(owner(&w, "etc/old.conf"), "libc6");
	assert_string_equal(owner(&w, "usr/bin/later"), "tool"); /* what bash says with ".." says nothing */
	assert_string_equal(owner(&w, "home/me"), "");
	assert_string_equal(owner(&w, "usr/share/doc"), ""); /* directories are nobody's */
	/* bash: bash, rbash, tool, doc/x, and the link /bin that its list names */
	assert_int_equal(p->v[0].files, 5);
	assert_int_equal(p->v[0].bytes, 108);
	assert_int_equal(p->v[0].layer, 0);
	assert_string_equal(p->v[1].arch, "amd64");
	assert_int_equal(p->v[1].files, 4); /* libc.so, two configuration files, the link /lib */
	assert_int_equal(p->v[1].bytes, 47);
	assert_string_equal(p->v[2].arch, "i386");
	assert_int_equal(p->v[2].bytes, 41);
	assert_int_equal(p->v[3].files, 3);
	assert_int_equal(p->v[3].bytes, 509); /* later and linked are one file */
	assert_int_equal(p->v[3].layer, 1);
	assert_int_equal(p->bytes, 108 + 47 + 41 + 509);
	end(&w);
}

/* Only what is visible counts: the database of the upper layer, and of the files those that are left. */
static void dpkg_layers(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n\n");
	text(&w, 0, "var/lib/dpkg/info/a.list", "/opt/a\n/opt/a2\n");
	file(&w, 0, "opt/a", 10);
	file(&w, 0, "opt/a2", 5);
	text(&w, 2, "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 2\n\nPackage: empty\nStatus: install ok unpacked\nVersion: 2\n\n");
	file(&w, 1, "opt/a", 20);
	file(&w, 1, "opt/.wh.a2", 0);
	struct packages *p = look(&w);
	assert_int_equal(p->n, 2);
	assert_null(get(p, "b"));
	assert_string_equal(get(p, "a")->version, "2");
	assert_int_equal(get(p, "a")->bytes, 20);
	assert_int_equal(get(p, "a")->files, 1);
	assert_int_equal(get(p, "a")->layer, 1);
	assert_int_equal(get(p, "empty")->layer, 2); /* owns nothing: where the database says so */
	end(&w);
}

static void dpkg_single_files(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "usr/lib/libc.so.6", 12);
	file(&w, 0, "usr/share/zoneinfo/UTC", 3);
	text(&w, 0, "var/lib/dpkg/status.d/bGliYzY=", "Package: libc6\nVersion: 2.28-10\nArchitecture: amd64\nSource: glibc\n");
	text(&w, 0, "var/lib/dpkg/status.d/bGliYzY=.md5sums", "d41d8cd98f00b204e9800998ecf8427e  ./usr/lib/libc.so.6\n");
	text(&w, 0, "var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nStatus: install ok installed\n");
	text(&w, 0, "var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n");
	text(&w, 0, "var/lib/dpkg/status.d/removed", "Package: removed\nVersion: 2\nStatus: deinstall ok config-files\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	assert_string_equal(owner(&w, "usr/lib/libc.so.6"), "libc6");
	assert_string_equal(owner(&w, "usr/share/zoneinfo/UTC"), "tzdata");
	assert_string_equal(get(p, "libc6")->source_name, "glibc");
	assert_string_equal(get(p, "libc6")->source_version, "2.28-10");
	end(&w);
}

static void dpkg_damage(void **state)
{
	(void)state;
	static const struct {
		const char *status, *problem;
		u32 packages;
	} cases[] = {
		{ "", NULL, 0 },
		{ "\n\n", NULL, 0 },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nnonsense\n", "/var/lib/dpkg/status: line 4 is no field", 1 },
		{ " continued\nPackage: a\nStatus: install ok installed\nVersion: 1\n", "line 1 continues nothing", 1 },
		{ "Status: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n", "line 1 has no package name", 1 },
		{ "Package: a\nStatus: install ok installed\n", "line 1 has no version", 1 },
		{ "Package: a\nVersion: 1\n", "no status that dpkg knows", 1 },
		{ "Package: a\nPackage: b\nStatus: install ok installed\nVersion: 1\n", "names Package twice", 1 },
		{ "Package: ../../a b\nStatus: install ok installed\nVersion: 1\n", "no package name", 0 },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		begin(&w);
		text(&w, 0, "var/lib/dpkg/status", cases[i].status);
		struct packages *p = look(&w);
		assert_int_equal(p->n, cases[i].packages);
		assert_int_equal(p->problems.n, cases[i].problem ? 1 : 0);
		assert_true(!cases[i].problem || told(p, cases[i].problem));
		end(&w);
	}
	struct world w;
	begin(&w);
	content(&w, 0, "var/lib/dpkg/status", str_n("Package: a\nStatus: install ok installed\nVersion: 1\n\n\0\0\0\0", 57));
	text(&w, 0, "var/lib/dpkg/info/a.md5sums", "not a sum\n");
	text(&w, 0, "var/lib/dpkg/diversions", "/only\n");
	struct packages *p = look(&w);
	assert_true(told(p, "status: line 5 is no field"));
	assert_true(told(p, "a.md5sums: line 1 is no checksum"));
	assert_true(told(p, "diversions: ends inside"));
	end(&w);
	begin(&w); /* there, but its content never seen (too large, or a link to another name) */
	file(&w, 0, "var/lib/dpkg/status", 12);
	put(&w, 0, "lib/apk/db/installed", TAR_DIR, NULL, 0);
	p = look(&w);
	assert_true(told(p, "/var/lib/dpkg/status: its content was not taken"));
	assert_true(told(p, "/lib/apk/db/installed: is no regular file"));
	end(&w);
}

/* --- apk --- */

static void apk_installed(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "bin/busybox", 800);
	put(&w, 0, "bin/sh", TAR_SYMLINK, "/bin/busybox", 0);
	file(&w, 0, "root.txt", 1);
	text(&w, 1, "lib/apk/db/installed",
	     "C:Q1abc=\nP:busybox\nV:1.36.1-r15\nA:x86_64\nS:10\nI:958464\nT:Size optimized\nU:https://x\nL:GPL-2.0-only\no:busy\nm:Me <me@x>\nt:1\nc:ff\nD:so:libc.musl-x86_64.so.1 !x\np:cmd:sh=1\n"
	     "F:bin\nM:0:0:1777\nR:busybox\na:0:0:755\nZ:Q1x=\nR:sh\nF:\nR:root.txt\n\nP:.deps\nV:0\nA:noarch\n\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2);
	const struct package *b = get(p, "busybox");
	assert_string_equal(b->type, "apk");
	assert_string_equal(b->version, "1.36.1-r15");
	assert_string_equal(b->arch, "x86_64");
	assert_string_equal(b->source_name, "busy");
	assert_string_equal(b->source_version, "1.36.1-r15");
	assert_string_equal(b->license, "GPL-2.0-only");
	assert_string_equal(b->summary, "Size optimized");
	assert_string_equal(b->depends, "so:libc.musl-x86_64.so.1 !x");
	assert_int_equal(b->installed_size, 958464);
	assert_int_equal(b->files, 3);
	assert_int_equal(b->bytes, 801);
	assert_int_equal(b->layer, 0);
	assert_string_equal(get(p, ".deps")->source_name, ".deps");
	assert_int_equal(get(p, ".deps")->layer, 1);
	assert_string_equal(owner(&w, "bin/sh"), "busybox");
	end(&w);
}

static void apk_damage(void **state)
{
	(void)state;
	static const struct {
		const char *db, *problem;
		u32 packages;
	} cases[] = {
		{ "", NULL, 0 },
		{ "P:a\nV:1", NULL, 1 },
		{ "P:a\nV:1\n\n\n\nP:b\nV:1\n\n", NULL, 2 },
		{ "P:a\n\nP:b\nV:2\n", "before line 2 has no version", 1 },
		{ "V:1\nF:etc\nR:passwd\n\nP:b\nV:2\n", "has no name", 1 },
		{ "P:a\nV:1\ngarbage\n", "line 3 is no field", 1 },
		{ "P:a\nV:1\nF:etc\nR:x\nP:b\nV:1\nR:y\n\nP:c\nV:1\n", "line 5 begins a package inside another", 2 },
		{ "\x80\xff\n", "line 1 is no field", 0 },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		begin(&w);
		text(&w, 0, "usr/lib/apk/db/installed", cases[i].db);
		struct packages *p = look(&w);
		assert_int_equal(p->n, cases[i].packages);
		assert_int_equal(p->problems.n, cases[i].problem ? 1 : 0);
		assert_true(!cases[i].problem || told(p, cases[i].problem));
		end(&w);
	}
}

/* The same database at two places, or the same file by two names, is told once. */
static void twice(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	file(&w, 0, "etc/a", 5);
	text(&w, 0, "lib/apk/db/installed", "P:b\nV:1\n\nP:a\nV:1\nF:etc\nR:a\n");
	text(&w, 0, "usr/lib/apk/db/installed", "P:a\nV:1\nF:etc\nR:a\n\nP:c\nV:1\n");
	struct packages *p = look(&w);
	assert_int_equal(p->n, 3);
	assert_string_equal(p->v[0].name, "a");
	assert_string_equal(owner(&w, "etc/a"), "a");
	assert_int_equal(p->v[0].bytes, 5);
	end(&w);
}

/* --- os-release --- */

static void os_release(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	put(&w, 0, "etc/os-release", TAR_SYMLINK, "../usr/lib/os-release", 0);
	text(&w, 0, "usr/lib/os-release", "# x\nID=\"old\"\n");
	text(&w, 1, "usr/lib/os-release", "NAME=x\nID=debian\r\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian \"GNU\"/Linux'\nBROKEN\nID_LIKE=unix\n");
	struct packages *p = look(&w);
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_version, "12");
	assert_string_equal(p->os_pretty, "Debian \"GNU\"/Linux");
	assert_int_equal(p->problems.n, 0);
	end(&w);
	begin(&w);
	text(&w, 0, "usr/lib/os-release", "ID=\"a\\\"b\\x\" # no\nVERSION_ID=1 2\n");
	p = look(&w);
	assert_string_equal(p->os_id, "a\"b\\x");
	assert_string_equal(p->os_version, "1");
	assert_string_equal(p->os_pretty, "");
	end(&w);
	begin(&w);
	p = look(&w);
	assert_string_equal(p->os_id, "");
	assert_int_equal(p->n, 0);
	assert_int_equal(p->problems.n, 0);
	end(&w);
}

/* --- notes --- */

static void notes(void **state)
{
	(void)state;
	struct note_writer w;
	struct buf out = BUF(0);
	note_begin(&w, &out);
	note_put(&w, NOTE_PACKAGE, STR(""));
	note_text(&w, NOTE_NAME, STR(" a\0b"));
	note_text(&w, NOTE_ARCH, STR("  "));
	note_number(&w, NOTE_SIZE, 0);
	note_number(&w, NOTE_SIZE, 300);
	note_number(&w, NOTE_SIZE, ((u64)1 << 62) - 1);
	note_path(&w, STR(""), STR("/usr/share/one"));
	note_path(&w, STR("/usr/share"), STR("two"));
	note_path(&w, STR("./usr/share/"), STR("twofold"));
	note_path(&w, STR(""), STR("/."));
	note_path(&w, STR(""), STR("x"));
	for (u32 i = 0; i < 10; i++)
		note_damage(&w, "no %u", i);
	assert_int_equal(note_end(&w, NULL), 0);
	static const char *const paths[] = { "usr/share/one", "usr/share/two", "usr/share/twofold", "x" };
	static const u64 sizes[] = { 0, 300, ((u64)1 << 62) - 1 };
	struct note_reader r = { .rest = buf_str(&out) };
	struct str s;
	u32 n_paths = 0, n_sizes = 0, n_damages = 0;
	u8 t;
	while (note_next(&r, &t, &s)) {
		u64 v;
		if (t == NOTE_PATH)
			assert_true(str_is(s, paths[n_paths++]));
		if (t == NOTE_NAME)
			assert_true(str_is(s, "a"));
		if (t == NOTE_SIZE) {
			assert_true(note_leb(&s, &v));
			assert_true(v == sizes[n_sizes++]);
		}
		n_damages += t == NOTE_DAMAGE;
		assert_int_not_equal(t, NOTE_ARCH);
	}
	assert_false(r.bad);
	assert_int_equal(n_paths, 4);
	assert_int_equal(n_sizes, 3);
	assert_int_equal(n_damages, NOTE_DAMAGES + 1);
	note_close(&r);
	for (size_t i = 1; i < out.n; i++) { /* cut anywhere: the whole items, then an end that is told or is one */
		u32 items = 0;
		r = (struct note_reader){ .rest = str_head(buf_str(&out), i) };
		while (note_next(&r, &t, &s))
			items++;
		assert_true(items < 20);
		note_close(&r);
	}
	buf_free(&out);
	struct buf narrow = BUF(40);
	struct error err = { 0 };
	note_begin(&w, &narrow);
	note_text(&w, NOTE_NAME, STR("012345678901234567890123456789"));
	note_text(&w, NOTE_VERSION, STR("012345678901234567890123456789"));
	assert_int_equal(note_end(&w, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	buf_free(&narrow);
	struct world world; /* kept facts that are no note */
	begin(&world);
	facts_note(world.facts[0], put(&world, 0, "lib/apk/db/installed", TAR_FILE, NULL, 5), COLLECT_APK, STR("\2\3abc\1\0\15\1\7"));
	assert_true(told(look(&world), "/lib/apk/db/installed: its kept facts are damaged"));
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpkg_status),
		cmocka_unit_test(dpkg_owners),
		cmocka_unit_test(dpkg_layers),
		cmocka_unit_test(dpkg_single_files),
		cmocka_unit_test(dpkg_damage),
		cmocka_unit_test(apk_installed),
		cmocka_unit_test(apk_damage),
		cmocka_unit_test(twice),
		cmocka_unit_test(os_release),
		cmocka_unit_test(notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
