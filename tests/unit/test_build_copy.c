/* COPY and ADD: what they find and where they put it. Skipped where no namespaces can be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_of.h"
#include "build/copy_inner.h"
#include "layer/tarout.h"
#include "run/inner.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct disk_of disk;
static struct run_ids ids;
#define at(name) disk_place(&disk, name)
#define put(name, text, mode) disk_file(&disk, name, STR(text), mode)
#define dir(name, mode) disk_dir(&disk, name, mode)

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	disk_open(&disk, "/var/tmp/pare-test-");
	assert_int_equal(run_ids_find(&ids, &err), 0);
	dir("c", 0755);
	dir("c/sub", 0755);
	dir("c/sub/deep", 0711);
	dir("c/ro", 0555);
	put("c/a.txt", "a", 0644);
	put("c/b.txt", "b", 0600);
	put("c/sub/s.txt", "s", 04755);
	put("c/sub/deep/x.txt", "x", 0644);
	put("c/sub/deep/y.md", "y", 0644);
	assert_int_equal(link(at("c/a.txt"), at("c/sub/twin1")), 0);
	assert_int_equal(link(at("c/a.txt"), at("c/sub/twin2")), 0);
	assert_int_equal(symlink("a.txt", at("c/ln")), 0);
	assert_int_equal(symlink("sub", at("c/lnd")), 0);
	assert_int_equal(symlink("/nowhere", at("c/dangling")), 0);
	dir("up", 0755);
	dir("work", 0755);
	dir("mnt", 0755);
	dir("tmp", 0755);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clean_dir(disk.dir, &ids);
	disk_close(&disk);
	return 0;
}

static struct context *context(void)
{
	struct error err = { 0 };
	struct context *c = NULL;
	const struct context_options opt = { .store = at("store"), .dir = at("tmp") };
	assert_int_equal(context_open(at("c"), &opt, &c, &err), 0);
	return c;
}

/* One step on what is in up/ already: its upper directory is the tree. 0, or the kind of error, which is in *err. */
static enum error_kind copy(struct copy_spec c, const struct copy_from *from, struct digest *key, struct error *err)
{
	struct arena a = { 0 };
	struct cache_key k = { .a = &a };
	struct copy_fetched *f = NULL;
	const struct snapshot below = { 0 };
	const struct upper u = { .upper = at("up"), .work = at("work"), .root = at("mnt") };
	if (!c.workdir)
		c.workdir = "/";
	c.time = 1000;
	c.epoch = -1;
	c.unpack = -1;
	*err = (struct error){ 0 };
	int r = copy_key(&c, from, at("tmp"), &k, &f, err);
	if (r == 0) {
		cache_key_end(&k);
		if (key)
			*key = k.digest;
		r = copy_do(&c, from, f, &ids, &below, &u, err);
	}
	copy_fetched_free(f);
	arena_free(&a);
	return r < 0 ? err->kind : ERR_NONE;
}

static enum error_kind copy_files(const char *const *sources, const char *dest, struct copy_spec c, struct error *err)
{
	struct copy_item items[8];
	struct context *x = context();
	const struct copy_from from = { .context = x };
	c.items = items;
	c.dest = str_of(dest);
	for (c.n = 0; sources[c.n]; c.n++)
		items[c.n] = (struct copy_item){ .kind = COPY_FILES, .source = str_of(sources[c.n]) };
	enum error_kind r = copy(c, &from, NULL, err);
	context_close(x);
	return r;
}
#define NONE ((struct copy_spec){ 0 })
#define FILES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define GOOD(sources, dest, spec)                                     \
	do {                                                          \
		struct error err_;                                    \
		if (copy_files(sources, dest, spec, &err_) != ERR_NONE) { \
			print_error("%s\n", err_.text);               \
			fail();                                       \
		}                                                     \
	} while (0)
#define BAD(sources, dest, spec, want, says)                                        \
	do {                                                                        \
		struct error err_;                                                  \
		assert_int_equal(copy_files(sources, dest, spec, &err_), want);     \
		if (!strstr(err_.text, says))                                       \
			print_error("%s\n", err_.text);                             \
		assert_non_null(strstr(err_.text, says));                           \
	} while (0)

/* "755" a directory's or file's mode, "-> x" a link's end, "" nothing there. */
static const char *is(const char *path)
{
	static char room[256];
	char whole[600];
	struct stat st;
	snprintf(whole, sizeof whole, "%s/%s", at("up"), path);
	if (lstat(whole, &st) < 0)
		return "";
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(whole, room + 3, sizeof room - 4);
		memcpy(room, "-> ", 3);
		room[3 + MAX(n, 0)] = '\0';
	} else {
		snprintf(room, sizeof room, "%s%o %u:%u", S_ISDIR(st.st_mode) ? "d" : "", st.st_mode & 07777u, st.st_uid - (ids.rootless ? ids.uid : 0), st.st_gid - (ids.rootless ? ids.gid : 0));
	}
	return room;
}

static void holds(const char *path, const char *want)
{
	struct buf b = BUF(0);
	struct error err = { 0 };
	char whole[600];
	snprintf(whole, sizeof whole, "%s/%s", at("up"), path);
	assert_int_equal(file_read(whole, 1 << 20, &b, &err), 0);
	assert_string_equal(b.p ? b.p : "", want);
	buf_free(&b);
}

static struct stat about(const char *path)
{
	char whole[600];
	struct stat st = { 0 };
	snprintf(whole, sizeof whole, "%s/%s", at("up"), path);
	assert_int_equal(lstat(whole, &st), 0);
	return st;
}

static void test_files(void **state)
{
	(void)state;
	GOOD(FILES("a.txt"), "/new", NONE);
	assert_string_equal(is("new"), "644 0:0");
	assert_int_equal(about("new").st_mtim.tv_sec, 1000);
	GOOD(FILES("b.txt"), "/x/y/z", NONE);
	assert_string_equal(is("x/y/z"), "600 0:0");
	assert_string_equal(is("x/y"), "d755 0:0");
	assert_int_equal(about("x/y").st_mtim.tv_sec, 1000);
	GOOD(FILES("a.txt", "b.txt"), "/dir/", NONE);
	holds("dir/b.txt", "b");
	GOOD(FILES("ln"), "other", NONE);
	holds("other", "a");
	GOOD(FILES("lnd/s.txt", "sub/../a.txt"), "d2/", NONE);
	assert_string_equal(is("d2/s.txt"), "4755 0:0");
	holds("d2/a.txt", "a");
	GOOD(FILES("[ab].txt"), "glob/", NONE);
	holds("glob/b.txt", "b");
	GOOD(FILES("[^a].txt", "*.none", "s?b/*.txt"), "glob2", ((struct copy_spec){ .workdir = "/w" }));
	assert_string_equal(is("w/glob2"), "4755 0:0"); /* one after the other */
	BAD(FILES("nope"), "/", NONE, ERR_INPUT, "nope: not found in the build context");
	BAD(FILES("dangling"), "/", NONE, ERR_INPUT, "dangling: not found");
	BAD(FILES("../c/a.txt"), "/", NONE, ERR_INPUT, "../c/a.txt");
	BAD(FILES("sub/../../../etc/passwd"), "/p", NONE, ERR_INPUT, "leads out");
	BAD(FILES("nope/*"), "/", NONE, ERR_INPUT, "nope/*");
}

static void test_directories(void **state)
{
	(void)state;
	GOOD(FILES("."), "/all/", NONE);
	assert_string_equal(is("all"), "d755 0:0");
	assert_string_equal(is("all/ro"), "d555 0:0");
	assert_string_equal(is("all/sub/deep"), "d711 0:0");
	assert_string_equal(is("all/lnd"), "-> sub");
	assert_string_equal(is("all/dangling"), "-> /nowhere");
	assert_int_equal(about("all/sub/deep").st_mtim.tv_sec, 1000);
	assert_int_equal(about("all/lnd").st_mtim.tv_sec, 1000);
	assert_true(about("all/a.txt").st_ino == about("all/sub/twin1").st_ino && about("all/a.txt").st_nlink == 3);
	GOOD(FILES("ro"), "/r", NONE); /* made as any other, whatever the source is like */
	assert_string_equal(is("r"), "d755 0:0");
	dir("up/there", 01777);
	dir("up/there/deep", 0700);
	GOOD(FILES("sub"), "/there", NONE); /* it stays as it is, what is in it becomes as the source */
	assert_string_equal(is("there"), "d1777 0:0");
	assert_string_equal(is("there/deep"), "d711 0:0");
	GOOD(FILES("a.txt"), "/there/deep", NONE);
	holds("there/deep/a.txt", "a");
	put("up/file", "f", 0644);
	BAD(FILES("sub"), "/file", NONE, ERR_INPUT, "/file");
	put("up/there/s.txt", "old", 0600);
	GOOD(FILES("sub"), "/there/", NONE);
	assert_string_equal(is("there/s.txt"), "4755 0:0");
	dir("up/there/x", 0755);
	dir("up/there/x/a.txt", 0755);
	BAD(FILES("a.txt"), "/there/x/", NONE, ERR_INPUT, "/there/x/a.txt");
	BAD(FILES("a.txt"), "/file/", NONE, ERR_INPUT, "file");
}

static void test_links_of_the_tree(void **state)
{
	(void)state;
	dir("up/real", 0755);
	assert_int_equal(symlink("/real", at("up/alias")), 0);
	assert_int_equal(symlink("/not/yet", at("up/dangle")), 0);
	assert_int_equal(symlink(disk.dir, at("up/out")), 0);
	assert_int_equal(symlink("../../../../../../../../etc", at("up/etc2")), 0);
	assert_int_equal(symlink("loop", at("up/loop")), 0);
	GOOD(FILES("a.txt"), "/alias/", NONE);
	holds("real/a.txt", "a");
	GOOD(FILES("b.txt"), "/dangle/", NONE);
	holds("not/yet/b.txt", "b");
	GOOD(FILES("a.txt"), "/out/c/a", NONE); /* a place of the same name, within */
	char within[256];
	snprintf(within, sizeof within, "%s/c/a", disk.dir + 1);
	holds(within, "a");
	GOOD(FILES("b.txt"), "/etc2/f", NONE);
	holds("etc/f", "b");
	BAD(FILES("a.txt"), "/loop/x", NONE, ERR_INPUT, "loop");
	put("up/old", "old", 0644);
	assert_int_equal(symlink("old", at("up/link")), 0);
	GOOD(FILES("a.txt"), "/link", NONE); /* what it leads to is written */
	holds("old", "a");
	assert_string_equal(is("link"), "-> old");
	assert_int_equal(symlink("../old", at("up/real/b.txt")), 0);
	GOOD(FILES("b.txt"), "/real/", NONE); /* in a directory it is replaced */
	assert_string_equal(is("real/b.txt"), "600 0:0");
	holds("old", "a");
	assert_int_equal(access(at("c/a"), F_OK), -1);
}

static void test_owners_and_modes(void **state)
{
	(void)state;
	dir("up/etc", 0755);
	put("up/etc/passwd", "root:x:0:0::/:/bin/sh\nmail:x:8:12::/:/bin/sh\n", 0644);
	put("up/etc/group", "root:x:0:\nusers:x:100:\n", 0644);
	bool one = ids.single;
	if (one)
		skip();
	u32 sub_uid = ids.rootless ? ids.uid_first - ids.uid - 1 : 0;
	(void)sub_uid;
	if (!ids.rootless) {
		GOOD(FILES("a.txt"), "/n/", ((struct copy_spec){ .chown = STR("mail") }));
		assert_string_equal(is("n"), "d755 8:12");
		assert_string_equal(is("n/a.txt"), "644 8:12");
		GOOD(FILES("sub"), "/n2/", ((struct copy_spec){ .chown = STR("12") }));
		assert_string_equal(is("n2/s.txt"), "4755 12:12");
		assert_string_equal(is("n2/deep"), "d711 12:12");
		GOOD(FILES("a.txt"), "/n3", ((struct copy_spec){ .chown = STR("mail:users"), .chmod = STR("0750") }));
		assert_string_equal(is("n3"), "750 8:100");
		GOOD(FILES("a.txt"), "/n4", ((struct copy_spec){ .chown = STR("7:users") }));
		assert_string_equal(is("n4"), "644 7:100");
	}
	int root = open(at("up"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct {
		const char *text;
		u32 uid, gid;
	} v[] = { { "root", 0, 0 }, { "mail:", 8, 12 }, { "who", 0, 0 }, { "who:9", 0, 9 }, { ":9", 0, 9 }, { "mail:who", 8, 12 }, { "7:who", 7, 7 }, { "mail:root", 8, 0 }, { "9:users", 9, 100 } };
	for (size_t i = 0; i < countof(v); i++) {
		struct copy_owner o = { 0 };
		struct error err = { 0 };
		assert_int_equal(copy_owner_find(str_of(v[i].text), root, false, &o, &err), 0);
		if (o.uid != v[i].uid || o.gid != v[i].gid || !o.set || err.kind) {
			print_error("%s: %u:%u\n", v[i].text, o.uid, o.gid);
			fail();
		}
	}
	close(root);
	BAD(FILES("a.txt"), "/n5", ((struct copy_spec){ .chown = STR("nobody:1") }), ERR_INPUT, "nobody");
	BAD(FILES("a.txt"), "/n5", ((struct copy_spec){ .chmod = STR("9z") }), ERR_USAGE, "9z");
	GOOD(FILES("sub"), "/m/", ((struct copy_spec){ .chmod = STR("640") }));
	assert_string_equal(is("m/deep"), "d640 0:0");
	assert_string_equal(is("m"), "d755 0:0");
	GOOD(FILES("sub"), "/m2/", ((struct copy_spec){ .chmod = STR("go-rwx,u=rwX") }));
	assert_string_equal(is("m2/deep"), "d700 0:0");
	assert_string_equal(is("m2/deep/x.txt"), "600 0:0");
}

static u32 mode(const char *text, u32 was, bool directory)
{
	struct copy_mode m;
	struct error err;
	assert_int_equal(copy_mode_parse(str_of(text), &m, &err), 0);
	return copy_mode_of(&m, was, directory);
}

static void test_mode(void **state)
{
	(void)state;
	struct copy_mode m;
	struct error err;
	assert_int_equal(mode("u=rwx,go=r", 0644, false), 0744);
	assert_int_equal(mode("a+X", 0644, false), 0644);
	assert_int_equal(mode("a+X", 0744, false), 0755);
	assert_int_equal(mode("+X", 0644, true), 0755);
	assert_int_equal(mode("g=u,o-r", 0764, false), 0770);
	assert_int_equal(mode("u+s,+t", 0755, false), 05755);
	assert_int_equal(mode("7777", 0, false), 07777);
	assert_int_equal(mode("go=", 0777, false), 0700);
	assert_int_equal(mode("u+x-w", 0644, false), 0544);
	const char *bad[] = { "", "8", "10000", "u", "u?r", "rwx", "u=rwz", ",", "u=r,", "u=gx" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(copy_mode_parse(str_of(bad[i]), &m, &err), -1);
}

static void test_parents_and_exclude(void **state)
{
	(void)state;
	GOOD(FILES("./sub/s.txt", "./sub/deep/*.md"), "/p/", ((struct copy_spec){ .parents = true }));
	assert_string_equal(is("p/sub/s.txt"), "4755 0:0");
	assert_string_equal(is("p/sub/deep"), "d711 0:0");
	holds("p/sub/deep/y.md", "y");
	assert_string_equal(is("p/sub/deep/x.txt"), "");
	assert_string_equal(is("p/a.txt"), "");
	GOOD(FILES("./sub/./deep/*.txt"), "/p2/", ((struct copy_spec){ .parents = true }));
	holds("p2/deep/x.txt", "x");
	GOOD(FILES("sub/deep/./*.md"), "/p3/", ((struct copy_spec){ .parents = true }));
	holds("p3/y.md", "y");
	GOOD(FILES("**/*.md"), "/p4/", ((struct copy_spec){ .parents = true }));
	holds("p4/sub/deep/y.md", "y");
	BAD(FILES("sub/no"), "/p5/", ((struct copy_spec){ .parents = true }), ERR_INPUT, "sub/no");
	const struct str md[] = { STR("**/*.md"), STR("ro") }, deep[] = { STR("deep"), STR("!deep/x.txt") }, b[] = { STR("b.txt") };
	GOOD(FILES("."), "/e/", ((struct copy_spec){ .exclude = md, .n_exclude = 2 }));
	assert_string_equal(is("e/sub/deep/y.md"), "");
	assert_string_equal(is("e/ro"), "");
	holds("e/sub/deep/x.txt", "x");
	GOOD(FILES("sub"), "/e2/", ((struct copy_spec){ .exclude = deep, .n_exclude = 2 }));
	holds("e2/deep/x.txt", "x");
	assert_string_equal(is("e2/deep/y.md"), "");
	assert_string_equal(is("e2/deep"), "d711 0:0");
	GOOD(FILES("*.txt"), "/e3/", ((struct copy_spec){ .exclude = b, .n_exclude = 1 }));
	assert_string_equal(is("e3/b.txt"), "");
	holds("e3/a.txt", "a");
	GOOD(FILES("./sub"), "/e4/", ((struct copy_spec){ .parents = true, .exclude = md, .n_exclude = 1 }));
	assert_string_equal(is("e4/sub/deep/y.md"), "");
	holds("e4/sub/deep/x.txt", "x");
}

static void test_ignored(void **state)
{
	(void)state;
	put("c/.dockerignore", "a.txt\nsub\n!sub/deep/x.txt\nro\ndangling\nout\n", 0644);
	BAD(FILES("a.txt"), "/", NONE, ERR_INPUT, "a.txt: not found");
	BAD(FILES("ln"), "/", NONE, ERR_INPUT, "ln: not found");
	assert_int_equal(symlink("b.txt", at("c/out")), 0);
	BAD(FILES("out"), "/", NONE, ERR_INPUT, "out: not found"); /* the link itself */
	BAD(FILES("ro"), "/", NONE, ERR_INPUT, "ro: not found");
	GOOD(FILES("[!-ko-z]*"), "/all/", NONE);
	assert_string_equal(is("all/a.txt"), "");
	holds("all/deep/x.txt", "x");
	GOOD(FILES("."), "/dot", NONE);
	assert_string_equal(is("dot/sub/deep/y.md"), "");
	holds("dot/sub/deep/x.txt", "x");
	assert_string_equal(is("dot/ro"), "");
	assert_string_equal(is("dot/ln"), "-> a.txt");
}

static void test_texts(void **state)
{
	(void)state;
	struct error err;
	const struct copy_from none = { 0 };
	struct copy_item items[2] = { { .kind = COPY_TEXT, .source = STR("one"), .text = STR("1\n") }, { .kind = COPY_TEXT, .source = STR("two"), .text = { NULL, 0 } } };
	struct digest first, second;
	assert_int_equal(copy((struct copy_spec){ .items = items, .n = 2, .dest = STR("/d/") }, &none, &first, &err), ERR_NONE);
	holds("d/one", "1\n");
	assert_string_equal(is("d/two"), "664 0:0");
	items[0].text = STR("2\n");
	assert_int_equal(copy((struct copy_spec){ .items = items, .n = 1, .dest = STR("/f"), .chmod = STR("755") }, &none, &second, &err), ERR_NONE);
	assert_string_equal(is("f"), "755 0:0");
	assert_false(digest_eq(&first, &second));
}

static void test_key(void **state)
{
	(void)state;
	struct error err;
	struct context *x = context();
	const struct copy_from from = { .context = x };
	struct copy_item item = { .kind = COPY_FILES, .source = STR("sub") };
	struct copy_spec c = { .items = &item, .n = 1, .dest = STR("/k") };
	struct digest a, b;
	assert_int_equal(copy(c, &from, &a, &err), ERR_NONE);
	put("c/b.txt", "other", 0600);
	assert_int_equal(copy(c, &from, &b, &err), ERR_NONE);
	assert_true(digest_eq(&a, &b));
	put("c/sub/s.txt", "t", 04755);
	assert_int_equal(copy(c, &from, &b, &err), ERR_NONE);
	assert_false(digest_eq(&a, &b));
	c.chmod = STR("0755");
	assert_int_equal(copy(c, &from, &a, &err), ERR_NONE);
	assert_false(digest_eq(&a, &b));
	/* a file that changed after the key was made is no part of that key's layer */
	struct arena ar = { 0 };
	struct cache_key k = { .a = &ar };
	struct copy_fetched *f = NULL;
	const struct snapshot below = { 0 };
	const struct upper u = { .upper = at("up"), .work = at("work"), .root = at("mnt") };
	c.unpack = -1;
	c.epoch = -1;
	c.workdir = "/";
	assert_int_equal(copy_key(&c, &from, at("tmp"), &k, &f, &err), 0);
	put("c/sub/s.txt", "later", 04755);
	assert_int_equal(copy_do(&c, &from, f, &ids, &below, &u, &err), -1);
	assert_non_null(strstr(err.text, "changed"));
	copy_fetched_free(f);
	arena_free(&ar);
	context_close(x);
}

static void test_from_tree(void **state)
{
	(void)state;
	struct error err;
	dir("t", 0755);
	dir("t/d", 0750);
	put("t/d/f", "f", 0640);
	assert_int_equal(symlink("/d/f", at("t/ln")), 0);
	assert_int_equal(symlink(at("c"), at("t/out")), 0);
	if (!ids.rootless)
		assert_int_equal(chown(at("t/d/f"), 5, 6), 0);
	const struct timespec t[2] = { { 77, 5 }, { 77, 5 } };
	assert_int_equal(utimensat(AT_FDCWD, at("t/d/f"), t, 0), 0);
	const char *dirs[] = { at("t") };
	const struct snapshot tree = { .dirs = dirs, .n = 1 };
	const struct digest id = { .alg = DIGEST_SHA256 };
	const struct copy_from from = { .tree = &tree, .tree_id = &id };
	struct copy_item items[1] = { { .kind = COPY_FILES, .source = STR("/../../ln") } };
	struct copy_spec c = { .items = items, .n = 1, .dest = STR("/ft/") };
	if (copy(c, &from, NULL, &err) != ERR_NONE) {
		print_error("%s\n", err.text);
		fail();
	}
	assert_string_equal(is("ft/ln"), ids.rootless ? "640 0:0" : "640 5:6");
	assert_int_equal(about("ft/ln").st_mtim.tv_sec, 77);
	assert_int_equal(about("ft/ln").st_mtim.tv_nsec, 5);
	items[0].source = STR("out/a.txt");
	assert_int_equal(copy(c, &from, NULL, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "out/a.txt"));
}

static void entry(struct buf *b, const char *path, enum tar_type type, const char *text, u32 mode, u32 uid)
{
	struct error err = { 0 };
	const struct tarout_entry e = { .path = str_of(path), .type = type, .link = type == TAR_SYMLINK ? str_of(text) : STR(""), .size = type == TAR_FILE ? strlen(text) : 0, .mode = mode, .uid = uid, .gid = uid, .mtime = 55 };
	assert_int_equal(tarout_header(&e, b, &err), 0);
	if (type == TAR_FILE) {
		buf_puts(b, text);
		for (u32 i = tarout_padding(strlen(text)); i--;)
			buf_putc(b, '\0');
	}
}

static void test_add(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	u32 uid = ids.rootless ? 0 : 5; /* else nobody here could look */
	entry(&b, "top/", TAR_DIR, "", 0750, uid);
	entry(&b, "top/f", TAR_FILE, "f", 06755, uid);
	entry(&b, "top/l", TAR_SYMLINK, "/etc", 0777, 0);
	int fd = open(at("c/x.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(file_write_all(fd, b.p, b.n), 0);
	close(fd);
	buf_free(&b);
	put("c/no.tar", "this is none", 0644);
	GOOD(FILES("*.tar"), "/add/", ((struct copy_spec){ .add = true, .chown = STR("0:0") }));
	holds("add/top/f", "f");
	holds("add/no.tar", "this is none");
	assert_string_equal(is("add/top/l"), "-> /etc");
	if (!ids.rootless) {
		assert_string_equal(is("add/top/f"), "6755 5:5"); /* what the archive says */
		assert_string_equal(is("add/top"), "d750 5:5");
	}
	assert_int_equal(about("add/top/f").st_mtim.tv_sec, 55);
	assert_int_equal(about("add/top").st_mtim.tv_sec, 55);
	GOOD(FILES("x.tar"), "/plain/", NONE); /* COPY unpacks nothing */
	assert_string_equal(is("plain/x.tar"), "644 0:0");
	put("up/file", "f", 0644);
	BAD(FILES("x.tar"), "/file", ((struct copy_spec){ .add = true }), ERR_INPUT, "file");
}

static void test_match(void **state)
{
	(void)state;
	const struct {
		const char *pattern, *name;
		bool match;
	} v[] = {
		{ "abc", "abc", true }, { "*", "abc", true }, { "*c", "abc", true }, { "a*", "a", true }, { "a*b*c", "axbyc", true }, { "a*b*c", "axbyd", false }, { "a?c", "abc", true }, { "a?c", "a\xC3\xA9""c", true },
		{ "[ab]c", "ac", true }, { "[^ab]c", "ac", false }, { "[a-c]x", "bx", true }, { "[a-c]x", "dx", false }, { "a\\*", "a*", true }, { "a\\*", "ab", false }, { "[\\]]", "]", true }, { "[", "a", false },
		{ "[]a]", "]", false }, { "[-]", "-", false }, { "a[", "ab", false }, { "", "", true }, { "", "a", false }, { "a**b", "axb", true }, { "*?", "", false }, { "[x-]", "x", false }, { "*a", "aaab", false },
	};
	for (size_t i = 0; i < countof(v); i++)
		if (copy_match(str_of(v[i].pattern), str_of(v[i].name)) != v[i].match) {
			print_error("%s %s\n", v[i].pattern, v[i].name);
			fail();
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_of_the_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owners_and_modes, setup, teardown),
		cmocka_unit_test(test_mode),
		cmocka_unit_test_setup_teardown(test_parents_and_exclude, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_add, setup, teardown),
		cmocka_unit_test(test_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
