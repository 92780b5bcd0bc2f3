/* What an image's entry point runs: command lines, scripts, libraries as glibc's and musl's loaders find them, and which packages that reaches. */
#include "program/closure.h"
#include "elf_of.h"
#include "package/binary.h"
#include "package_world.h"
#include "program/loader.h"
#include "program/script.h"

static const char *none[] = { NULL };

static void start(struct world *w)
{
	begin(w);
	w->img.config = (struct config){ .env = none, .entrypoint = none, .cmd = none, .shell = none, .workdir = "/" };
}

static void elf(struct world *w, u32 layer, const char *path, struct elf_of e)
{
	struct buf b = elf_of(e);
	content(w, layer, path, buf_str(&b));
	buf_free(&b);
}

#define LD "/lib64/ld-linux-x86-64.so.2"
/* A glibc and its loader, where Debian has them. */
static void glibc(struct world *w)
{
	put(w, 0, "lib64", TAR_SYMLINK, "usr/lib64", 0);
	put(w, 0, "lib", TAR_SYMLINK, "usr/lib", 0);
	put(w, 0, "bin", TAR_SYMLINK, "usr/bin", 0);
	put(w, 0, "usr/lib64/ld-linux-x86-64.so.2", TAR_SYMLINK, "../lib/x86_64-linux-gnu/ld-2.36.so", 0);
	elf(w, 0, "usr/lib/x86_64-linux-gnu/ld-2.36.so", (struct elf_of){ .soname = "ld-linux-x86-64.so.2" });
	elf(w, 0, "usr/lib/x86_64-linux-gnu/libc.so.6", (struct elf_of){ .soname = "libc.so.6", .needed = { "ld-linux-x86-64.so.2" } });
}

static void program(struct world *w, const char *path) { elf(w, 0, path, (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" } }); }

static struct closure *find(struct world *w)
{
	static const struct closure_options o = { .elf = binary_elf };
	w->r = rootfs_build(&w->img, NULL);
	return closure_find(&w->img, w->r, &o);
}

static bool on(const struct world *w, const struct closure *c, const char *path)
{
	node_id id = rootfs_find(w->r, str_of(path), false);
	assert_int_not_equal(id, 0);
	return c->because[id] != 0;
}

static void is_whole(const struct closure *c)
{
	for (u32 i = 0; i < c->doubts.n; i++)
		print_message("doubt: %s\n", c->doubts.v[i]);
	assert_int_equal(c->doubts.n, 0);
	assert_int_equal(c->languages, 0);
	assert_true(closure_whole(c));
}

static void doubts(const struct closure *c, const char *what)
{
	for (u32 i = 0; i < c->doubts.n; i++)
		if (strstr(c->doubts.v[i], what))
			return;
	fail_msg("no doubt about %s: %s", what, c->doubts.n ? c->doubts.v[0] : "none");
}

static void finish(struct world *w, struct closure *c)
{
	closure_free(c);
	end(w);
}

#define CMD(...) (w.img.config.cmd = (const char *[]){ __VA_ARGS__, NULL })
#define ENTRY(...) (w.img.config.entrypoint = (const char *[]){ __VA_ARGS__, NULL })
#define ENV(...) (w.img.config.env = (const char *[]){ __VA_ARGS__, NULL })

static void libraries(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	glibc(&w);
	elf(&w, 0, "usr/bin/server", (struct elf_of){ .interpreter = LD, .needed = { "libssl.so.3", "libc.so.6" } });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/libssl.so.3", (struct elf_of){ .soname = "libssl.so.3", .needed = { "libcrypto.so.3" } });
	put(&w, 0, "usr/lib/x86_64-linux-gnu/libcrypto.so.3", TAR_SYMLINK, "libcrypto.so.3.0.1", 0);
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/libcrypto.so.3.0.1", (struct elf_of){ .soname = "libcrypto.so.3" });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libcrypto.so.3", (struct elf_of){ .soname = "libcrypto.so.3" });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so", (struct elf_of){ .needed = { "libz.so.1" } });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/libz.so.1", (struct elf_of){ .soname = "libz.so.1" });
	elf(&w, 0, "usr/lib/libz.so.1", (struct elf_of){ .soname = "libz.so.1", .narrow = true });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/libnss_files.so.2", (struct elf_of){ .soname = "libnss_files.so.2" });
	elf(&w, 0, "usr/lib/x86_64-linux-gnu/libidle.so.1", (struct elf_of){ .soname = "libidle.so.1" });
	program(&w, "usr/bin/idle");
	text(&w, 0, "etc/server.conf", "x");
	CMD("server", "--config=/etc/server.conf", "-p", "80");
	struct closure *c = find(&w);
	is_whole(c);
	static const char *const yes[] = { "usr/bin/server", "usr/lib/x86_64-linux-gnu/libssl.so.3", "usr/lib/x86_64-linux-gnu/libcrypto.so.3", "usr/lib/x86_64-linux-gnu/libcrypto.so.3.0.1",
		"usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libcrypto.so.3", "usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so", "usr/lib/x86_64-linux-gnu/libz.so.1", "usr/lib/x86_64-linux-gnu/ld-2.36.so",
		"usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libnss_files.so.2", "etc/server.conf" };
	static const char *const no[] = { "usr/lib/x86_64-linux-gnu/libidle.so.1", "usr/bin/idle", "usr/lib/libz.so.1" };
	for (size_t i = 0; i < countof(yes); i++)
		if (!on(&w, c, yes[i]))
			fail_msg("%s is not reached", yes[i]);
	for (size_t i = 0; i < countof(no); i++)
		assert_false(on(&w, c, no[i]));
	/* by whom */
	node_id crypto = rootfs_find(w.r, STR("usr/lib/x86_64-linux-gnu/libcrypto.so.3.0.1"), true), ssl = rootfs_find(w.r, STR("usr/lib/x86_64-linux-gnu/libssl.so.3"), true);
	assert_int_equal(c->because[crypto], ssl);
	assert_int_equal(c->because[rootfs_find(w.r, STR("usr/bin/server"), true)], CLOSURE_START);
	finish(&w, c);
}

static void search_paths(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	glibc(&w);
	text(&w, 0, "etc/ld.so.conf", "# all of them\ninclude ld.so.conf.d/*.conf\n");
	text(&w, 0, "etc/ld.so.conf.d/own.conf", "/opt/conf\n");
	text(&w, 0, "etc/ld.so.conf.d/own.conf.old", "/opt/old\n");
	elf(&w, 0, "opt/conf/libconf.so", (struct elf_of){ .soname = "libconf.so" });
	elf(&w, 0, "opt/old/libconf.so", (struct elf_of){ .soname = "libconf.so" });
	/* RPATH is asked of whoever loaded, RUNPATH is not. */
	elf(&w, 0, "opt/app/bin/run", (struct elf_of){ .interpreter = LD, .rpath = "$ORIGIN/../lib:/none", .needed = { "liba.so", "libc.so.6", "libconf.so" } });
	elf(&w, 0, "opt/app/lib/liba.so", (struct elf_of){ .soname = "liba.so", .needed = { "libb.so" } });
	elf(&w, 0, "opt/app/lib/libb.so", (struct elf_of){ .soname = "libb.so", .runpath = "${ORIGIN}/deep", .needed = { "libd.so", "libenv.so" } });
	elf(&w, 0, "opt/app/lib/deep/libd.so", (struct elf_of){ .soname = "libd.so", .needed = { "liba.so", "libgone.so" } });
	elf(&w, 0, "opt/env/libenv.so", (struct elf_of){ .soname = "libenv.so" });
	elf(&w, 0, "opt/app/lib/libenv.so", (struct elf_of){ .soname = "libenv.so" });
	elf(&w, 0, "opt/pre/libpre.so", (struct elf_of){ .soname = "libpre.so" });
	CMD("/opt/app/bin/run");
	ENV("LD_LIBRARY_PATH=/opt/env", "LD_PRELOAD=/opt/pre/libpre.so");
	struct closure *c = find(&w);
	assert_true(on(&w, c, "opt/conf/libconf.so") && !on(&w, c, "opt/old/libconf.so"));
	assert_true(on(&w, c, "opt/app/lib/liba.so") && on(&w, c, "opt/app/lib/libb.so") && on(&w, c, "opt/app/lib/deep/libd.so"));
	assert_true(on(&w, c, "opt/env/libenv.so") && !on(&w, c, "opt/app/lib/libenv.so"));
	assert_true(on(&w, c, "opt/pre/libpre.so"));
	doubts(c, "libgone.so");
	finish(&w, c);
}

static void musl(void **state)
{
	(void)state;
	struct world w;
	for (u32 own = 0; own < 2; own++) {
		start(&w);
		elf(&w, 0, "lib/ld-musl-x86_64.so.1", (struct elf_of){ .soname = "ld-musl-x86_64.so.1" });
		put(&w, 0, "lib/libc.musl-x86_64.so.1", TAR_SYMLINK, "ld-musl-x86_64.so.1", 0);
		elf(&w, 0, "usr/bin/tool", (struct elf_of){ .interpreter = "/lib/ld-musl-x86_64.so.1", .runpath = "/opt", .needed = { "libz.so.1", "libc.musl-x86_64.so.1" } });
		elf(&w, 0, "usr/lib/libz.so.1", (struct elf_of){ .soname = "libz.so.1", .needed = { "libdeep.so", "libpthread.so.0" } });
		elf(&w, 0, "srv/libz.so.1", (struct elf_of){ .soname = "libz.so.1", .needed = { "libdeep.so" } });
		elf(&w, 0, "opt/libdeep.so", (struct elf_of){ .soname = "libdeep.so" }); /* the program's RUNPATH holds for its libraries, too */
		if (own)
			text(&w, 0, "etc/ld-musl-x86_64.path", "/srv\n/lib");
		ENTRY("tool");
		struct closure *c = find(&w);
		is_whole(c);
		assert_int_equal(on(&w, c, "usr/lib/libz.so.1"), !own);
		assert_int_equal(on(&w, c, "srv/libz.so.1"), own);
		assert_true(on(&w, c, "opt/libdeep.so") && on(&w, c, "lib/ld-musl-x86_64.so.1"));
		finish(&w, c);
	}
}

/* ENTRYPOINT's script sets up, and starts what CMD says. */
static void scripts(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	glibc(&w);
	static const char *const programs[] = { "usr/bin/dash", "usr/sbin/nginx", "usr/bin/sed", "usr/bin/tini", "usr/bin/gosu", "usr/bin/curl", "usr/bin/idle", "opt/jre/bin/tool", "usr/bin/echo" };
	for (size_t i = 0; i < countof(programs); i++)
		program(&w, programs[i]);
	put(&w, 0, "usr/bin/sh", TAR_SYMLINK, "dash", 0);
	text(&w, 0, "entry.sh", "#!/bin/sh -e\n. /lib/common.sh\nTOOLS=/opt/jre\necho hello\nif [ -z \"$X\" ]; then set -- nginx \"$@\"; fi\n"
				"start() { $TOOLS/bin/tool \"$1\"; }\nstart x\nexec gosu app \"$@\"\n");
	text(&w, 0, "usr/lib/common.sh", "x=$(sed -n 1p /etc/x)\n");
	ENTRY("tini", "--", "/entry.sh");
	CMD("-g", "daemon off;");
	w.img.config_doc = json_loads("{\"config\":{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl -f http://localhost || exit 1\"]}}}", 0, NULL);
	struct closure *c = find(&w);
	is_whole(c);
	for (size_t i = 0; i < countof(programs); i++)
		if (on(&w, c, programs[i]) != (strcmp(programs[i], "usr/bin/idle") && strcmp(programs[i], "usr/bin/echo")))
			fail_msg("%s", programs[i]);
	assert_true(on(&w, c, "usr/bin/sh") && on(&w, c, "usr/lib/common.sh"));
	json_decref(w.img.config_doc);
	finish(&w, c);
}

/* Ways that cannot be followed to their end, each with a program that may be at it. */
static void ways_that_are_not_known(void **state)
{
	(void)state;
	static const struct { const char *script, *doubt; } cases[] = {
		{ "#!/bin/sh\neval \"$1\"\n", "computes" },
		{ "#!/bin/sh\n\"$PROGRAM\" x\n", "computes" },
		{ "#!/bin/sh\n. \"$dir/env\"\n", "computes" },
		{ "#!/bin/sh\nexec sh\n", "types into it" },
		{ "#!/bin/sh\n/opt/gone\n", "/opt/gone" },
		{ "#!/bin/sh\nfor p in a b; do p=x; $p; done\n", "computes" },
		{ "#!/usr/bin/awk -f\nBEGIN { }\n", NULL },
		{ "#!/usr/bin/execlineb\nfoo\n", "language" },
		{ "#!/usr/bin/gone\nfoo\n", "/usr/bin/gone" },
		{ "\001no program", "no program of a kind" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		start(&w);
		glibc(&w);
		program(&w, "usr/bin/sh");
		program(&w, "usr/bin/awk");
		program(&w, "usr/bin/execlineb");
		program(&w, "usr/bin/idle");
		text(&w, 0, "run", cases[i].script);
		ENTRY("/run");
		struct closure *c = find(&w);
		if (cases[i].doubt)
			doubts(c, cases[i].doubt);
		else
			is_whole(c);
		assert_int_equal(closure_whole(c), !cases[i].doubt);
		assert_false(on(&w, c, "usr/bin/idle"));
		finish(&w, c);
	}
}

static void interpreters(void **state)
{
	(void)state;
	static const struct { const char *script; u32 language; } cases[] = {
		{ "#!/usr/bin/env python3\nimport os\n", CLOSURE_PYTHON }, { "#!/usr/bin/env -S node --x\n", CLOSURE_NODE }, { "#!/bin/sh\nexec java -jar /app.jar\n", CLOSURE_JAVA }, { "#!/usr/bin/ruby3.1\n", CLOSURE_RUBY },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		start(&w);
		glibc(&w);
		static const char *const programs[] = { "usr/bin/sh", "usr/bin/env", "usr/bin/python3.11", "usr/bin/node", "usr/bin/java", "usr/bin/ruby3.1" };
		for (size_t k = 0; k < countof(programs); k++)
			program(&w, programs[k]);
		put(&w, 0, "usr/bin/python3", TAR_SYMLINK, "python3.11", 0);
		text(&w, 0, "run", cases[i].script);
		text(&w, 0, "app.jar", "");
		ENTRY("/run");
		struct closure *c = find(&w);
		assert_int_equal(c->doubts.n, 0);
		assert_int_equal(c->languages, cases[i].language);
		assert_false(closure_whole(c));
		assert_int_equal(on(&w, c, "app.jar"), cases[i].language == CLOSURE_JAVA);
		finish(&w, c);
	}
	assert_int_equal(closure_language(STR("libpython3.11.so.1.0")), CLOSURE_PYTHON);
	assert_int_equal(closure_language(STR("nodejs")), CLOSURE_NODE);
	assert_int_equal(closure_language(STR("nodetool")), 0);
	assert_int_equal(closure_language(STR("php-fpm8.2")), CLOSURE_PHP);
}

/* Rings of links, scripts that start each other, libraries that need each other, very many of everything: it ends, and says where it stopped. */
static void hostile(void **state)
{
	(void)state;
	struct world w;
	char path[100], name[2][40];
	start(&w);
	glibc(&w);
	program(&w, "usr/bin/sh");
	text(&w, 0, "a", "#!/bin/sh\n/b\n. /a\n/link\n");
	text(&w, 0, "b", "#!/bin/sh\n/a\n/ring /big\n");
	put(&w, 0, "link", TAR_SYMLINK, "link", 0);
	text(&w, 0, "loop", "#!/loop\n");
	elf(&w, 0, "ring", (struct elf_of){ .interpreter = "/ring", .needed = { "libx.so", "libc.so.6" } });
	elf(&w, 0, "usr/lib/libx.so", (struct elf_of){ .soname = "liby.so", .needed = { "libx.so", "liby.so", "libz.so" } });
	elf(&w, 0, "usr/lib/libz.so", (struct elf_of){ .soname = "libz.so", .needed = { "libx.so" } });
	for (u32 i = 0; i < 3000; i++) { /* a chain, each with RPATH to be asked for all below */
		snprintf(path, sizeof path, "usr/lib/libn%u.so", i);
		snprintf(name[0], sizeof name[0], "libn%u.so", i + 1);
		elf(&w, 0, path, (struct elf_of){ .rpath = "/none:/nowhere:/usr/none:$ORIGIN/none", .needed = { name[0] } });
	}
	elf(&w, 0, "big", (struct elf_of){ .interpreter = LD, .needed = { "libn0.so" } });
	struct buf many = BUF(0);
	buf_puts(&many, "#!/bin/sh\n");
	for (u32 i = 0; i < 30; i++)
		buf_printf(&many, "/p%u\n", i);
	content(&w, 0, "many", buf_str(&many));
	buf_free(&many);
	CMD("/a");
	w.img.config_doc = json_loads("{\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"/loop\",\"/many\"]}}}", 0, NULL);
	struct closure *c = find(&w);
	assert_true(on(&w, c, "usr/lib/libz.so") && on(&w, c, "b") && on(&w, c, "many"));
	doubts(c, "over a budget");
	json_decref(w.img.config_doc);
	finish(&w, c);
}

/* --- packages --- */
static void reach_is(const struct world *w, const char *name, enum package_reach want)
{
	const struct package *k = get(w->p, name);
	assert_non_null(k);
	if (k->reach != want)
		fail_msg("%s: %u", name, k->reach);
}

static void world_of_packages(struct world *w)
{
	start(w);
	glibc(w);
	program(w, "usr/bin/server");
	program(w, "usr/bin/idle");
	program(w, "usr/bin/python3");
	program(w, "usr/bin/sh");
	text(w, 0, "usr/share/data/table", "x");
	text(w, 0, "usr/lib/python3/dist-packages/flask-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: flask\nVersion: 2.0\n");
	text(w, 0, "app/node_modules/left-pad/package.json", "{\"name\":\"left-pad\",\"version\":\"1.0.0\"}");
	text(w, 0, "var/lib/dpkg/status", "Package: server\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\nPackage: idle\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
					   "Package: data\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\nPackage: libc6\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n");
	text(w, 0, "var/lib/dpkg/info/server.list", "/.\n/usr/bin/server\n");
	text(w, 0, "var/lib/dpkg/info/idle.list", "/.\n/usr/bin/idle\n");
	text(w, 0, "var/lib/dpkg/info/data.list", "/.\n/usr/share/data/table\n");
	text(w, 0, "var/lib/dpkg/info/libc6.list", "/.\n/lib/x86_64-linux-gnu/libc.so.6\n");
}

static void packages_of_the_closure(void **state)
{
	(void)state;
	static const struct { const char *cmd[4]; enum package_reach server, idle, data, libc, flask, pad; } cases[] = {
		{ { "server" }, REACH_YES, REACH_NO, REACH_UNKNOWN, REACH_YES, REACH_NO, REACH_NO },
		{ { "python3", "/app.py" }, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN, REACH_YES, REACH_UNKNOWN, REACH_NO }, /* there is no node */
		{ { "sh", "-c", "server && idle" }, REACH_YES, REACH_YES, REACH_UNKNOWN, REACH_YES, REACH_NO, REACH_NO },
		{ { "sh" }, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN, REACH_YES, REACH_UNKNOWN, REACH_NO },
		{ { NULL }, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN, REACH_UNKNOWN },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w;
		world_of_packages(&w);
		w.img.config.cmd = (const char **)(uintptr_t)cases[i].cmd;
		look(&w);
		packages_reach(w.p, w.r);
		reach_is(&w, "server", cases[i].server);
		reach_is(&w, "idle", cases[i].idle);
		reach_is(&w, "data", cases[i].data);
		reach_is(&w, "libc6", cases[i].libc);
		reach_is(&w, "flask", cases[i].flask);
		reach_is(&w, "left-pad", cases[i].pad);
		end(&w);
	}
}

/* --- notes --- */
static void script_is(const char *text, const char *want)
{
	struct buf note = BUF(0);
	script_commands(str_of(text), &note);
	assert_string_equal(buf_str(&note).p, want);
	buf_free(&note);
}

static void commands(void **state)
{
	(void)state;
	script_is("", "\n");
	script_is("a b; cd x && c | d", "\n=a\x1f" "b\n=c\n=d\n");
	script_is("exec \"$@\"", "A\n");
	script_is("X=/opt; $X/run; Y=1; Y=2; \"$Y\"", "\n=/opt/run\n=\x1e$Y\n");
	script_is("X=a; read X; $X", "\n=\x1e$X\n");
	script_is("eval x", "D\n");
	script_is(". /etc/profile; source \"$f\"", "D\n./etc/profile\n");
	script_is("x=$(date +%s) y='a\nb' run 'a\nb'", "\n=run\x1f" "a b\n=date\x1f+%s\n");
	script_is("exec su-exec app redis-server", "\n=su-exec\n=redis-server\n");
	script_is("if", "D\n");
	struct str words[SCRIPT_WORDS];
	assert_int_equal(script_line(STR("#! /usr/bin/env -S  python3 -u"), words), 4);
	assert_true(str_is(words[2], "python3"));
	assert_int_equal(script_line(STR("#!"), words), 0);
	assert_int_equal(script_line(STR("x"), words), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries), cmocka_unit_test(search_paths), cmocka_unit_test(musl), cmocka_unit_test(scripts), cmocka_unit_test(ways_that_are_not_known), cmocka_unit_test(interpreters),
		cmocka_unit_test(hostile), cmocka_unit_test(packages_of_the_closure), cmocka_unit_test(commands),
	};
	return cmocka_run_group_tests_name("closure", tests, NULL, NULL);
}
