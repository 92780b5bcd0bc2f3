/* Package databases written anew (slim/database.h): root directories on disk, of which what is kept is said by patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_of.h"
#include "layer/tar.h"
#include "report/subject.h"
#include "slim/database.h"
#include "slim/plan.h"
#include <sys/stat.h>
#include <zstd.h>
#include <unistd.h>

/* --- a root directory, and what becomes of it --- */
struct bench {
	struct disk_of disk;
	struct image *img;
	struct trace trace;
	struct packages *p;
	struct litter litter;
	struct choice choice;
	struct additions added;
	struct plan plan;
};

static void begin(struct bench *b)
{
	*b = (struct bench){ 0 };
	disk_open(&b->disk, "/tmp/pare-database-");
}

static void file(struct bench *b, const char *path, const char *text) { disk_file(&b->disk, path, str_of(text), 0644); }
static void link_to(struct bench *b, const char *path, const char *to) { disk_link(&b->disk, path, to); }

/* Keeps what matches these patterns, and writes the databases anew. False: the image is not whole, which ends a slimming. */
static bool keep_whole(struct bench *b, const char *const *patterns)
{
	static const struct litter_options plain;
	struct error err = { 0 };
	u32 n = 0;
	while (patterns[n])
		n++;
	const struct load_options load = { .collectors = slim_collectors(false), .sets = slim_sets, .need_content = true, .no_cache = true };
	const struct choose_options opt = { .level = SLIM_FILE, .keep = patterns, .n_keep = n };
	assert_int_equal(image_load(arena_printf(&b->disk.a, "rootfs:%s", b->disk.dir), &load, &b->img, &err), 0);
	assert_int_equal(trace_make(b->img, &b->trace, &err), 0);
	b->p = packages_read_set(b->trace.tree, COLLECT_PACKAGES, false);
	if (b->img->problems.n || b->p->problems.n)
		return false;
	litter_find(b->img, b->trace.tree, b->p, &plain, &b->litter);
	assert_int_equal(choose(b->img, b->trace.tree, b->p, &opt, &b->litter, &b->choice, &err), 0);
	assert_int_equal(database_rewrite(&b->choice, &b->added, &err), 0);
	return true;
}
static void keep(struct bench *b, const char *const *patterns) { assert_true(keep_whole(b, patterns)); }
#define KEEP(b, ...) keep(b, (const char *const[]){ __VA_ARGS__, NULL })

static void end(struct bench *b)
{
	plan_free(&b->plan);
	additions_free(&b->added);
	if (b->choice.graph)
		choice_free(&b->choice);
	litter_free(&b->litter);
	packages_free(b->p);
	trace_free(&b->trace);
	image_close(b->img);
	disk_close(&b->disk);
}

static const char *added(struct bench *b, const char *path)
{
	const char *found = NULL;
	for (u32 i = 0; i < b->added.n; i++) {
		assert_true(i == 0 || strcmp(b->added.v[i - 1].path, b->added.v[i].path) < 0);
		if (strcmp(b->added.v[i].path, path) == 0)
			found = arena_strdup(&b->disk.a, b->added.v[i].content);
	}
	return found ? found : "(none)";
}

static bool goes(const struct bench *b, const char *path)
{
	node_id id = rootfs_find(b->trace.tree, str_of(path), false);
	assert_int_not_equal(id, 0);
	return b->litter.kind[id] != LITTER_NONE;
}

/* "name name": those that are left, and "name name" of those that are told to be gone. */
static const char *left(struct bench *b)
{
	struct packages of;
	struct buf text = BUF(0);
	packages_left(&b->choice, &b->added, &of);
	for (u32 i = 0; i < of.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", of.v[i].name);
	packages_left_free(&of);
	const char *z = arena_strdup(&b->disk.a, buf_str(&text));
	buf_free(&text);
	return z;
}

static const char *gone(struct bench *b)
{
	struct buf text = BUF(0);
	for (u32 i = 0; i < b->added.n_gone; i++) {
		struct str purl = str_of(b->added.gone[i]), name = str_base(str_cut(&purl, '@'));
		buf_printf(&text, "%s%.*s", i ? " " : "", STR_FMT(name));
	}
	const char *z = arena_strdup(&b->disk.a, buf_str(&text));
	buf_free(&text);
	return z;
}

/* --- dpkg --- */
#define STANZA(name, version, arch) "Package: " name "\nStatus: install ok installed\nVersion: " version "\nArchitecture: " arch "\n"
#define SUM "0123456789abcdef0123456789abcdef  "

static void dpkg_status_d(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("used", "1-2", "amd64") "Description: short\n long\n .\n more\n\n" STANZA("idle", "3", "amd64") "\n" STANZA("empty", "4", "all") "\nPackage: half\nStatus: deinstall ok config-files\nVersion: 1\n\n");
	file(&b, "var/lib/dpkg/info/used.list", "/.\n/usr\n/usr/bin/used\n/usr/bin/spare\n/usr/share/doc/used/copyright\n");
	file(&b, "var/lib/dpkg/info/used.md5sums", SUM "usr/bin/used\n" SUM "usr/bin/spare\nshort\n" SUM "usr/bin/absent\n");
	file(&b, "var/lib/dpkg/info/idle.list", "/.\n/usr/bin/idle\n/usr/share/doc/idle/copyright\n");
	file(&b, "var/lib/dpkg/info/used.postinst", "#!/bin/sh\n");
	file(&b, "usr/bin/used", "u");
	file(&b, "usr/bin/spare", "s");
	file(&b, "usr/bin/idle", "i");
	file(&b, "usr/share/doc/used/copyright", "terms");
	file(&b, "usr/share/doc/idle/copyright", "terms");
	KEEP(&b, "/usr/bin/used");
	assert_string_equal(left(&b), "used");
	assert_string_equal(gone(&b), "idle");
	assert_int_equal(b.added.n, 2);
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/used"), STANZA("used", "1-2", "amd64") "Description: short\n long\n .\n more\n");
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/used.md5sums"), SUM "usr/bin/used\n");
	assert_true(goes(&b, "/var/lib/dpkg/status") && goes(&b, "/var/lib/dpkg/info/used.postinst") && !goes(&b, "/usr/share/doc/used/copyright") && goes(&b, "/usr/share/doc/idle/copyright"));
	struct packages of;
	packages_left(&b.choice, &b.added, &of);
	assert_int_equal(of.v[0].files, 2);
	assert_int_equal(of.v[0].bytes, 6);
	packages_left_free(&of);
	end(&b);
}

/* A file of configuration stands in no md5sums; it is a file all the same. */
static void dpkg_conffiles(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("conf", "1", "all") "Conffiles:\n /etc/conf.ini 00000000000000000000000000000000\n /etc/old.ini 11111111111111111111111111111111 obsolete\n\n" STANZA("idle", "1", "all") "\n");
	file(&b, "var/lib/dpkg/info/conf.list", "/.\n/etc\n/etc/conf.ini\n/usr/bin/conf\n");
	file(&b, "var/lib/dpkg/info/conf.md5sums", SUM "usr/bin/conf\n");
	file(&b, "var/lib/dpkg/info/conf.conffiles", "/etc/conf.ini\n");
	file(&b, "var/lib/dpkg/info/idle.list", "/.\n/usr/bin/idle\n");
	file(&b, "etc/conf.ini", "x=1\n");
	file(&b, "usr/bin/conf", "c");
	file(&b, "usr/bin/idle", "i");
	KEEP(&b, "/etc/conf.ini");
	assert_string_equal(left(&b), "conf");
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/conf.md5sums"), "(none)");
	assert_non_null(strstr(added(&b, "var/lib/dpkg/status.d/conf"), "Conffiles:\n /etc/conf.ini"));
	end(&b);
}

static void dpkg_architectures(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("libx", "1", "amd64") "Multi-Arch: same\n\n" STANZA("libx", "1", "i386") "Multi-Arch: same\n\n" STANZA("liby", "1", "amd64") "\n" STANZA("liby", "1", "i386") "\n");
	file(&b, "var/lib/dpkg/info/libx:amd64.list", "/.\n/usr/lib/a/libx.so.1\n");
	file(&b, "var/lib/dpkg/info/libx:i386.list", "/.\n/usr/lib/i/libx.so.1\n");
	file(&b, "var/lib/dpkg/info/libx:i386.md5sums", SUM "usr/lib/i/libx.so.1\n");
	file(&b, "var/lib/dpkg/info/liby:amd64.list", "/.\n/usr/lib/a/liby.so.1\n");
	file(&b, "var/lib/dpkg/info/liby:i386.list", "/.\n/usr/lib/i/liby.so.1\n");
	file(&b, "usr/lib/a/libx.so.1", "1");
	file(&b, "usr/lib/i/libx.so.1", "2");
	file(&b, "usr/lib/a/liby.so.1", "3");
	file(&b, "usr/lib/i/liby.so.1", "4");
	KEEP(&b, "/usr/lib/*/libx.so.1", "/usr/lib/i/liby.so.1");
	assert_string_equal(left(&b), "libx libx liby");
	assert_non_null(strstr(added(&b, "var/lib/dpkg/status.d/libx:amd64"), "amd64"));
	assert_non_null(strstr(added(&b, "var/lib/dpkg/status.d/libx:i386"), "i386"));
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/libx:i386.md5sums"), SUM "usr/lib/i/libx.so.1\n");
	assert_non_null(strstr(added(&b, "var/lib/dpkg/status.d/liby"), "i386"));
	end(&b);
}

/* One package's file stands under another name, since another package has that one; a link of the alternatives is nobody's. */
static void dpkg_diversions_and_alternatives(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("first", "1", "all") "\n" STANZA("over", "1", "all") "\n" STANZA("mawk", "1", "all") "\n" STANZA("gawk", "1", "all") "\n");
	file(&b, "var/lib/dpkg/diversions", "/usr/bin/tool\n/usr/bin/tool.first\nover\n");
	file(&b, "var/lib/dpkg/info/first.list", "/.\n/usr/bin/tool\n");
	file(&b, "var/lib/dpkg/info/first.md5sums", SUM "usr/bin/tool\n");
	file(&b, "var/lib/dpkg/info/over.list", "/.\n/usr/bin/tool\n");
	file(&b, "var/lib/dpkg/info/over.md5sums", SUM "usr/bin/tool\n");
	file(&b, "var/lib/dpkg/info/mawk.list", "/.\n/usr/bin/mawk\n");
	file(&b, "var/lib/dpkg/info/gawk.list", "/.\n/usr/bin/gawk\n");
	file(&b, "var/lib/dpkg/alternatives/awk", "auto\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n");
	file(&b, "usr/bin/tool", "over");
	file(&b, "usr/bin/tool.first", "first");
	file(&b, "usr/bin/mawk", "m");
	file(&b, "usr/bin/gawk", "g");
	link_to(&b, "etc/alternatives/awk", "/usr/bin/mawk");
	link_to(&b, "usr/bin/awk", "/etc/alternatives/awk");
	KEEP(&b, "/usr/bin/awk", "/usr/bin/tool", "/usr/bin/tool.first");
	assert_string_equal(left(&b), "first mawk over");
	assert_string_equal(gone(&b), "gawk");
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/over.md5sums"), SUM "usr/bin/tool\n");
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/first.md5sums"), "(none)");
	assert_true(!goes(&b, "/etc/alternatives/awk") && goes(&b, "/var/lib/dpkg/alternatives/awk") && goes(&b, "/var/lib/dpkg/diversions"));
	end(&b);
}

static void dpkg_in_place(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("used", "1", "all") "\n" STANZA("idle", "1", "all") "\n");
	file(&b, "var/lib/dpkg/info/used.list", "/.\n/usr\n/usr/bin/used\n/usr/bin/spare\n/usr/bin/absent\n");
	file(&b, "var/lib/dpkg/info/idle.list", "/.\n/usr/bin/idle\n");
	file(&b, "usr/bin/used", "u");
	file(&b, "usr/bin/spare", "s");
	file(&b, "usr/bin/idle", "i");
	assert_int_equal(chmod(disk_place(&b.disk, "var/lib/dpkg/status"), 0640), 0);
	KEEP(&b, "/usr/bin/used", "/var/lib/dpkg/status", "/var/lib/dpkg/info/idle.list");
	assert_string_equal(added(&b, "var/lib/dpkg/status"), STANZA("used", "1", "all") "\n");
	assert_int_equal(b.added.n, 2);
	assert_string_equal(added(&b, "var/lib/dpkg/info/used.list"), "/.\n/usr\n/usr/bin/used\n");
	assert_string_equal(b.added.v[1].path, "var/lib/dpkg/status");
	assert_int_equal(b.added.v[1].mode, 0640);
	assert_true(!goes(&b, "/var/lib/dpkg/info/idle.list"));
	end(&b);
}

/* Names that would be another place, a whiteout, or the same file twice. */
static void dpkg_hostile_names(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	struct buf status = BUF(0);
	buf_puts(&status, STANZA("..", "1", "all") "\n" STANZA(".wh.used", "1", "all") "\n" STANZA("a.md5sums", "1", "all") "\n" STANZA("a", "1", "all") "\n" STANZA("used", "1", "all") "\n" STANZA("used", "1", "all") "\nPackage: ");
	for (int i = 0; i < 300; i++)
		buf_putc(&status, 'x');
	buf_puts(&status, "\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n");
	buf_putc(&status, '\0');
	static const char *const names[] = { "..", ".wh.used", "a.md5sums", "a", "used" };
	for (size_t i = 0; i < countof(names); i++) {
		file(&b, arena_printf(&b.disk.a, "var/lib/dpkg/info/%s.list", names[i]), arena_printf(&b.disk.a, "/.\n/usr/bin/f%zu\n", i));
		file(&b, arena_printf(&b.disk.a, "var/lib/dpkg/info/%s.md5sums", names[i]), arena_printf(&b.disk.a, SUM "usr/bin/f%zu\n", i));
		file(&b, arena_printf(&b.disk.a, "usr/bin/f%zu", i), "f");
	}
	file(&b, "var/lib/dpkg/status", status.p);
	buf_free(&status);
	KEEP(&b, "/usr/bin/*");
	for (u32 i = 0; i < b.added.n; i++) {
		const char *name = b.added.v[i].path + strlen("var/lib/dpkg/status.d/");
		assert_true(str_starts(str_of(b.added.v[i].path), STR("var/lib/dpkg/status.d/")) && *name != '.' && strlen(name) < 255 && !strchr(name, '/'));
		assert_true(i == 0 || strcmp(b.added.v[i].path, b.added.v[i - 1].path) > 0);
	}
	assert_string_equal(added(&b, "var/lib/dpkg/status.d/used"), STANZA("used", "1", "all"));
	assert_true(b.added.doubts.n >= 2);
	end(&b);
}

/* --- the others of the system --- */
static void chisel_manifest(void **state)
{
	(void)state;
	static const char wall[] = "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":9}\n"
				   "{\"kind\":\"content\",\"slice\":\"idle_bins\",\"path\":\"/usr/bin/idle\"}\n"
				   "{\"kind\":\"content\",\"slice\":\"used_bins\",\"path\":\"/usr/bin/used\"}\n"
				   "{\"kind\":\"package\",\"name\":\"idle\",\"version\":\"1\",\"arch\":\"amd64\"}\n"
				   "{\"kind\":\"package\",\"name\":\"used\",\"version\":\"2\",\"arch\":\"amd64\"}\n"
				   "{\"kind\":\"path\",\"path\":\"/usr/bin/\",\"mode\":\"0755\"}\n"
				   "{\"kind\":\"path\",\"path\":\"/usr/bin/idle\",\"mode\":\"0755\",\"slices\":[\"idle_bins\"]}\n"
				   "{\"kind\":\"slice\",\"name\":\"idle_bins\"}\n"
				   "{\"kind\":\"slice\",\"name\":\"used_bins\"}\n";
	for (int all = 0; all < 2; all++) {
		struct bench b;
		struct error err = { 0 };
		struct stream *plain;
		struct buf text = BUF(0);
		char packed[1024];
		begin(&b);
		size_t n = ZSTD_compress(packed, sizeof packed, wall, sizeof wall - 1, 3);
		FILE *f = fopen(disk_place(&b.disk, "var/lib/chisel/manifest.wall"), "w");
		assert_int_equal(fwrite(packed, 1, n, f), n);
		assert_int_equal(fclose(f), 0);
		file(&b, "usr/bin/used", "u");
		file(&b, "usr/bin/idle", "i");
		KEEP(&b, all ? "/usr/bin/*" : "/usr/bin/used");
		assert_string_equal(left(&b), all ? "idle used" : "used");
		assert_int_equal(b.added.n, !all);
		assert_int_equal(goes(&b, "/var/lib/chisel/manifest.wall"), !all); /* written anew */
		if (!all) {
			assert_int_equal(stream_inflate(stream_memory(b.added.v[0].content), &plain, NULL, &err), 0);
			for (struct str view = STR("x"); view.n; buf_add(&text, view))
				assert_int_equal(stream_next(plain, &view, &err), 0);
			stream_close(plain);
			buf_putc(&text, '\0');
			assert_string_equal(text.p, "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":5}\n{\"kind\":\"content\",\"slice\":\"used_bins\",\"path\":\"/usr/bin/used\"}\n"
						    "{\"kind\":\"package\",\"name\":\"used\",\"version\":\"2\",\"arch\":\"amd64\"}\n{\"kind\":\"path\",\"path\":\"/usr/bin/\",\"mode\":\"0755\"}\n"
						    "{\"kind\":\"slice\",\"name\":\"used_bins\"}\n");
		}
		buf_free(&text);
		end(&b);
	}
}

static void apk_installed(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "lib/apk/db/installed",
	     "C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:used\nV:1-r0\nA:x86_64\nF:\nF:usr/bin\nM:0:0:755\nR:used\na:0:0:755\nZ:Q1b=\nR:spare\nZ:Q1c=\nF:usr/share/none\nR:x\nF:../../etc\nR:passwd\nr:idle\n\n"
	     "P:idle\nV:2-r0\nA:x86_64\nF:usr/bin\nR:idle\n\nP:nofiles\nV:1-r0\nA:noarch\n\n\n\n");
	file(&b, "usr/bin/used", "u");
	file(&b, "usr/bin/spare", "s");
	file(&b, "usr/bin/idle", "i");
	file(&b, "etc/apk/repositories", "https://dl.test/alpine/v3.20/main\n");
	file(&b, "etc/apk/world", "used\nidle\n");
	KEEP(&b, "/usr/bin/used");
	assert_string_equal(left(&b), "used");
	assert_string_equal(gone(&b), "idle");
	assert_string_equal(added(&b, "lib/apk/db/installed"), "C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:used\nV:1-r0\nA:x86_64\nF:\nF:usr/bin\nM:0:0:755\nR:used\na:0:0:755\nZ:Q1b=\nF:../../etc\nr:idle\n\n");
	assert_true(goes(&b, "/lib/apk/db/installed") && !goes(&b, "/etc/apk/repositories"));
	end(&b);
}

static void pacman_local(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	static const char *const names[] = { "used", "idle" };
	for (size_t i = 0; i < countof(names); i++) {
		file(&b, arena_printf(&b.disk.a, "var/lib/pacman/local/%s-1-1/desc", names[i]), arena_printf(&b.disk.a, "%%NAME%%\n%s\n\n%%VERSION%%\n1-1\n\n%%ARCH%%\nx86_64\n\n", names[i]));
		file(&b, arena_printf(&b.disk.a, "var/lib/pacman/local/%s-1-1/files", names[i]), arena_printf(&b.disk.a, "%%FILES%%\nusr/\nusr/bin/\nusr/bin/%s\n\n", names[i]));
		file(&b, arena_printf(&b.disk.a, "var/lib/pacman/local/%s-1-1/mtree", names[i]), "x");
		file(&b, arena_printf(&b.disk.a, "usr/bin/%s", names[i]), "x");
	}
	KEEP(&b, "/usr/bin/used");
	assert_string_equal(left(&b), "used");
	assert_string_equal(gone(&b), "idle");
	assert_int_equal(b.added.n, 0);
	assert_true(!goes(&b, "/var/lib/pacman/local/used-1-1/desc") && !goes(&b, "/var/lib/pacman/local/used-1-1/files") && !goes(&b, "/var/lib/pacman/local/used-1-1"));
	assert_true(goes(&b, "/var/lib/pacman/local/idle-1-1/desc") && goes(&b, "/var/lib/pacman/local/idle-1-1/files") && goes(&b, "/var/lib/pacman/local/idle-1-1/mtree"));
	end(&b);
}

/* --- languages --- */
static void composer_list(void **state)
{
	(void)state;
	struct bench b;
	begin(&b);
	file(&b, "app/vendor/composer/installed.json", "[{\"name\":\"a/used\",\"version\":\"1\",\"time\":\"\\u00e9\"},{\"name\":\"b/idle\",\"version\":\"2\",\"n\":[1,2.5,null]},{\"name\":\"c/meta\",\"version\":\"3\",\"install-path\":null}]");
	file(&b, "app/vendor/a/used/u.php", "<?php\n");
	file(&b, "app/vendor/b/idle/i.php", "<?php\n");
	KEEP(&b, "/app/vendor/a/**", "/app/vendor/composer/installed.json");
	assert_string_equal(left(&b), "a/used c/meta");
	assert_string_equal(gone(&b), "idle");
	assert_string_equal(added(&b, "app/vendor/composer/installed.json"),
			    "[\n    {\n        \"name\": \"a/used\",\n        \"version\": \"1\",\n        \"time\": \"\xc3\xa9\"\n    },\n    {\n        \"name\": \"c/meta\",\n        \"version\": \"3\",\n        \"install-path\": null\n    }\n]\n");
	end(&b);
}

/* --- what a run does not do without --- */
static void wanted(void **state)
{
	(void)state;
	struct bench b;
	struct error err = { 0 };
	struct arena a = { 0 };
	const char **hidden, *path = "/lib/apk/db/installed";
	begin(&b);
	file(&b, path + 1, "P:used\nV:1-r0\nA:x86_64\nF:usr/bin\nR:used\n\nP:idle\nV:2-r0\nA:x86_64\nF:usr/bin\nR:idle\n\n");
	file(&b, "usr/bin/used", "u");
	file(&b, "usr/bin/idle", "i");
	KEEP(&b, "/usr/bin/used");
	for (int round = 0; round < 2; round++) {
		bool is = false;
		u32 n = choose_gone(&b.choice, &a, &hidden);
		for (u32 i = 0; i < n; i++)
			is |= strcmp(hidden[i], path) == 0;
		free(hidden);
		assert_int_equal(is, round == 0);
		assert_int_equal(choose_restore(&b.choice, &path, 1, true), false); /* the program did without */
		assert_int_equal(choose_restore(&b.choice, &path, 1, false), round == 0);
		if (round)
			break;
		additions_free(&b.added);
		assert_int_equal(database_rewrite(&b.choice, &b.added, &err), 0);
		assert_string_equal(added(&b, "lib/apk/db/installed"), "P:used\nV:1-r0\nA:x86_64\nF:usr/bin\nR:used\n\n");
		assert_string_equal(left(&b), "used");
	}
	arena_free(&a);
	end(&b);
}

/* --- the layer --- */
static void layer_of_additions(void **state)
{
	(void)state;
	struct bench b;
	struct error err = { 0 };
	struct buf tar = BUF(0);
	begin(&b);
	file(&b, "var/lib/dpkg/status", STANZA("used", "1", "all") "\n" STANZA("more", "1", "all") "\n");
	file(&b, "var/lib/dpkg/info/used.list", "/.\n/usr/bin/used\n");
	file(&b, "var/lib/dpkg/info/more.list", "/.\n/usr/bin/more\n");
	file(&b, "usr/bin/used", "u");
	file(&b, "usr/bin/more", "m");
	KEEP(&b, "/usr/bin/*");
	additions_add(&b.added, "srv/x/new", STR("content"), 7);
	plan_make(&b.trace, &b.litter, &(struct plan_options){ 0 }, &b.plan);
	assert_int_equal(additions_tar(&b.added, &b.plan, &tar, &err), 0);
	assert_int_equal(tar.n % 512, 0);
	static const char *const names[] = { "srv/", "srv/x/", "srv/x/new", "var/lib/dpkg/", "var/lib/dpkg/status.d/", "var/lib/dpkg/status.d/more", "var/lib/dpkg/status.d/used" };
	size_t at = 0;
	for (size_t i = 0; i < countof(names); i++) {
		assert_string_equal(tar.p + at, names[i]);
		assert_int_equal(tar.p[at + 156], names[i][strlen(names[i]) - 1] == '/' ? '5' : '0');
		at += 512 + (((size_t)strtoul(tar.p + at + 124, NULL, 8) + 511) & ~(size_t)511);
	}
	assert_int_equal(tar.n - at, 1024);
	buf_free(&tar);
	end(&b);
}

/* With any byte changed: what is written has its place and nowhere else, and is a tar. */
static void any_byte(void **state)
{
	(void)state;
	static const char *const bases[][4] = {
		{ "var/lib/dpkg/status", STANZA("used", "1", "all") "\n" STANZA("idle", "1", "all") "\n", "var/lib/dpkg/info/used.list", "/.\n/usr/bin/used\n" },
		{ "var/lib/dpkg/status.d/used", STANZA("used", "1", "all"), "var/lib/dpkg/status.d/used.md5sums", SUM "usr/bin/used\n" },
		{ "lib/apk/db/installed", "P:used\nV:1-r0\nA:x86_64\nF:usr/bin\nR:used\nZ:Q1b=\n\nP:idle\nV:2-r0\nA:all\n\n", "etc/apk/world", "used\n" },
		{ "usr/bin/composer/installed.json", "{\"packages\":[{\"name\":\"a/b\",\"version\":\"1\",\"install-path\":\"..\"},{\"name\":\"c\",\"version\":\"2\",\"install-path\":\"../../lib/c\"}]}", "usr/lib/c/x", "x" },
	};
	static const char *const patterns[] = { "/usr/bin/**", NULL };
	u32 written = 0;
	for (size_t i = 0; i < countof(bases); i++) {
		for (size_t at = 0; at < strlen(bases[i][1]); at++) {
			struct bench b;
			struct error err = { 0 };
			struct buf tar = BUF(0);
			begin(&b);
			char *text = arena_strdup(&b.disk.a, str_of(bases[i][1]));
			text[at] = "/.\n~"[at % 4];
			file(&b, bases[i][0], text);
			file(&b, bases[i][2], bases[i][3]);
			file(&b, "usr/bin/used", "u");
			if (keep_whole(&b, patterns)) {
				written += b.added.n != 0;
				plan_make(&b.trace, &b.litter, &(struct plan_options){ 0 }, &b.plan);
				assert_int_equal(additions_tar(&b.added, &b.plan, &tar, &err), 0);
			}
			for (u32 k = 0; k < b.added.n; k++) {
				struct str path = str_of(b.added.v[k].path);
				assert_true(str_is(path, bases[i][0]) || str_starts(path, STR("var/lib/dpkg/status.d/")));
				assert_false(str_contains(path, STR("/.")));
			}
			buf_free(&tar);
			end(&b);
		}
	}
	assert_in_range(written, 50, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpkg_status_d), cmocka_unit_test(dpkg_conffiles), cmocka_unit_test(dpkg_architectures), cmocka_unit_test(dpkg_diversions_and_alternatives), cmocka_unit_test(dpkg_in_place),
		cmocka_unit_test(dpkg_hostile_names), cmocka_unit_test(chisel_manifest), cmocka_unit_test(apk_installed), cmocka_unit_test(pacman_local), cmocka_unit_test(composer_list), cmocka_unit_test(wanted), cmocka_unit_test(layer_of_additions), cmocka_unit_test(any_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
