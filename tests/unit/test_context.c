/* Build contexts: what is in them and what is not, what their digests depend on, and where links and archives lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_of.h"
#include "build/context_inner.h"
#include "build/git.h"
#include "build/pick.h"
#include "build/unpack.h"
#include "build/within.h"
#include "layer/tarout.h"
#include "run/inner.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct disk_of disk;
#define at(name) disk_place(&disk, name)
#define put(name, text) disk_file(&disk, name, str_of(text), 0644)
#define dir(name) disk_dir(&disk, name, 0755)

static int setup(void **state)
{
	(void)state;
	disk_open(&disk, "/var/tmp/pare-test-");
	dir("c");
	dir("c/sub");
	dir("c/sub/deep");
	put("c/a", "a");
	put("c/sub/b", "b");
	put("c/sub/deep/x", "x");
	put("outside", "no");
	assert_int_equal(symlink("sub", at("c/in")), 0);
	assert_int_equal(symlink("..", at("c/up")), 0);
	assert_int_equal(symlink(at("outside"), at("c/steal")), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	const struct run_ids ids = { 0 };
	clean_dir(disk.dir, &ids);
	disk_close(&disk);
	return 0;
}

static struct context *open_as(const char *where, const char *dockerfile, bool named)
{
	struct error err = { 0 };
	struct context *c = NULL;
	const struct context_options opt = { .store = at("store"), .dir = at("tmp"), .dockerfile = dockerfile, .named = named };
	if (context_open(where, &opt, &c, &err) < 0) {
		print_error("%s\n", err.text);
		fail();
	}
	return c;
}

static int count(void *ctx, struct str path, const struct digest *d, struct error *err)
{
	struct buf *b = ctx;
	(void)d;
	(void)err;
	buf_printf(b, "%.*s ", STR_FMT(path));
	return 0;
}

static struct digest of(const char *path, struct buf *names)
{
	struct error err = { 0 };
	struct digest d = { 0 };
	struct context *c = open_as(at("c"), NULL, false);
	int r = context_digest(c, str_of(path), names ? count : NULL, names, &d, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	context_close(c);
	return d;
}

static void test_depends(void **state)
{
	(void)state;
	struct buf names = BUF(0);
	struct digest whole = of("", &names), sub = of("sub", NULL), a = of("a", NULL), now;
	assert_string_equal(names.p, "/ a in steal sub/ sub/b sub/deep/ sub/deep/x up ");
	buf_free(&names);
	now = of("in", NULL); /* through the link */
	assert_true(digest_eq(&now, &sub));
	const struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, at("c/a"), t, 0), 0);
	now = of("a", NULL);
	assert_true(digest_eq(&now, &a)); /* times are no content */
	chmod(at("c/a"), 0755);
	now = of("a", NULL);
	assert_false(digest_eq(&now, &a));
	chmod(at("c/a"), 0644);
	now = of("a", NULL);
	assert_true(digest_eq(&now, &a));
	put("c/a", "z"); /* of the same length and time */
	assert_int_equal(utimensat(AT_FDCWD, at("c/a"), t, 0), 0);
	now = of("a", NULL);
	assert_false(digest_eq(&now, &a));
	put("c/a", "a");
	now = of("", NULL);
	assert_true(digest_eq(&now, &whole));
	rename(at("c/sub/b"), at("c/sub/B"));
	now = of("sub", NULL);
	assert_false(digest_eq(&now, &sub));
	rename(at("c/sub/B"), at("c/sub/b"));
	unlink(at("c/in"));
	assert_int_equal(symlink("a", at("c/in")), 0);
	now = of("", NULL);
	assert_false(digest_eq(&now, &whole));
}

/* What is known from earlier builds is believed as far as it looks the same. */
static void test_known(void **state)
{
	(void)state;
	struct stat st;
	char path[256];
	snprintf(path, sizeof path, "%s", at("known"));
	struct known *k = known_open(path);
	assert_int_equal(stat(at("c/a"), &st), 0);
	struct known_file f = { .dev = 1, .ino = 2, .size = 3, .mtime = 4, .ctime = 5, .mode = S_IFREG | 0644, .digest = { 7 } }, g = f;
	assert_null(known_find(k, &f));
	known_add(k, &f);
	g.ino = 1;
	known_add(k, &g);
	g.ino = 2;
	g.digest[0] = 8;
	known_add(k, &g);
	known_close(k);
	k = known_open(path);
	const struct known_file *got = known_find(k, &f);
	assert_non_null(got);
	assert_int_equal(got->digest[0], 8);
	g.ctime = 6;
	assert_null(known_find(k, &g));
	known_close(k);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	fseek(file, 60, SEEK_SET);
	fputc(99, file);
	fclose(file);
	k = known_open(path); /* damaged: empty */
	assert_null(known_find(k, &f));
	known_close(k);
}

/* A file that was written this moment may be written once more without a clock seeing it. */
static void test_young(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		put("c/a", i & 1 ? "1" : "2");
		struct digest one = of("a", NULL);
		put("c/a", i & 1 ? "3" : "4");
		struct digest two = of("a", NULL);
		assert_false(digest_eq(&one, &two));
	}
}

static void test_large(void **state)
{
	(void)state;
	size_t n = 9 * MiB + 5;
	char *b = xcalloc(1, n + 1);
	memset(b, 'x', n);
	put("c/a", b);
	struct digest one = of("a", NULL), two;
	b[5 * MiB] = 'y';
	put("c/a", b);
	two = of("a", NULL);
	assert_false(digest_eq(&one, &two));
	b[5 * MiB] = 'x';
	put("c/a", b);
	two = of("a", NULL);
	assert_true(digest_eq(&one, &two));
	free(b);
}

static void ignored(const char *text, const char *want)
{
	struct buf names = BUF(0);
	put("c/.dockerignore", text);
	of("", &names);
	assert_string_equal(names.p, want);
	buf_free(&names);
}

static void test_ignore(void **state)
{
	(void)state;
	ignored("sub\nin\nup\nsteal\n", "/ .dockerignore a ");
	ignored("*\n!sub/deep\n", "/ sub/ sub/deep/ sub/deep/x ");
	ignored("**\n!sub/nothing\n", "/ ");
	ignored("sub\n!sub/*/x\nin\nup\nsteal\n.dockerignore", "/ a sub/ sub/deep/ sub/deep/x ");
	struct context *c = open_as(at("c"), NULL, false);
	struct error err = { 0 };
	struct digest d;
	assert_int_equal(context_digest(c, STR("up"), NULL, NULL, &d, &err), 0); /* a directory that is the context itself */
	assert_int_equal(context_digest(c, STR("sub/b"), NULL, NULL, &d, &err), 1);
	assert_int_equal(context_digest(c, STR("steal"), NULL, NULL, &d, &err), 1);
	assert_int_equal(context_digest(c, STR("../outside"), NULL, NULL, &d, &err), -1);
	assert_true(context_ignored(c, STR("sub/b")) && !context_ignored_below(c, STR("sub")) && context_ignored_below(c, STR("in")));
	context_close(c);
	put("c/D.dockerignore", "sub\n");
	put("c/D", "FROM x\n");
	c = open_as(at("c"), at("c/D"), false); /* stands before .dockerignore */
	assert_true(context_ignored(c, STR("sub")) && !context_ignored(c, STR("in")));
	context_close(c);
	c = open_as(at("c"), at("c/D"), true);
	assert_true(context_ignored(c, STR("in")));
	context_close(c);
	unlink(at("c/.dockerignore"));
	put("ignore-everything", "**\n");
	assert_int_equal(symlink(at("ignore-everything"), at("c/.dockerignore")), 0); /* leads out: there is none */
	c = open_as(at("c"), NULL, false);
	assert_false(context_ignored(c, STR("a")));
	context_close(c);
}

static void test_dockerfile(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct buf b = BUF(0);
	const char *name;
	struct context *c = open_as(at("c"), NULL, false);
	assert_int_equal(context_dockerfile(c, &b, &name, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(symlink(at("outside"), at("c/Dockerfile")), 0);
	assert_int_equal(context_dockerfile(c, &b, &name, &err), -1);
	unlink(at("c/Dockerfile"));
	assert_int_equal(mkfifo(at("c/Dockerfile"), 0644), 0);
	assert_int_equal(context_dockerfile(c, &b, &name, &err), -1);
	unlink(at("c/Dockerfile"));
	put("c/dockerfile", "FROM low\n");
	assert_int_equal(context_dockerfile(c, &b, &name, &err), 0);
	assert_string_equal(b.p, "FROM low\n");
	context_close(c);
	buf_clear(&b);
	put("c/sub/Other", "FROM other\n");
	c = open_as(at("c"), "sub/Other", false); /* not of the working directory: of the context */
	assert_int_equal(context_dockerfile(c, &b, &name, &err), 0);
	assert_string_equal(b.p, "FROM other\n");
	assert_string_equal(name, "sub/Other");
	context_close(c);
	buf_free(&b);
}

static void test_odd_files(void **state)
{
	(void)state;
	struct buf names = BUF(0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", at("c/socket"));
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(mkfifo(at("c/fifo"), 0644), 0);
	put("c/a\nb", "newline");
	of("", &names);
	assert_string_equal(names.p, "/ a a\nb fifo in steal sub/ sub/b sub/deep/ sub/deep/x up ");
	buf_free(&names);
	close(s);
	char deep[1024] = "c";
	for (u32 i = 0; i < CONTEXT_DEPTH + 2; i++) {
		snprintf(deep + 1 + 2 * i, sizeof deep - 1 - 2 * i, "/d");
		dir(deep);
	}
	struct context *c = open_as(at("c"), NULL, false);
	struct error err = { 0 };
	struct digest d;
	assert_int_equal(context_digest(c, STR("."), NULL, NULL, &d, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	context_close(c);
}

/* --- paths --- */
static void leads(int root, const char *path, bool follow, bool missing, const char *want)
{
	char out[WITHIN_PATH];
	int r = within_resolve(root, str_of(path), follow, missing, out);
	if (!want) {
		assert_int_equal(r, -1);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(out, want);
}

static void test_within(void **state)
{
	(void)state;
	int root = open(at("c"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(symlink("/not/yet", at("c/dangle")), 0);
	assert_int_equal(symlink("loop", at("c/loop")), 0);
	leads(root, "/in/./b", true, false, "sub/b");
	leads(root, "in", false, false, "in");
	leads(root, "in/", true, false, "sub");
	leads(root, "up/up/../../a", true, false, "a");
	leads(root, "steal", true, false, NULL);
	leads(root, "loop", true, false, NULL);
	leads(root, "loop", true, true, NULL);
	leads(root, "a/x", true, true, NULL);
	leads(root, "dangle/file", true, true, "not/yet/file");
	leads(root, "no/../in/b", true, true, "sub/b");
	leads(root, "no/in", true, false, NULL);
	assert_true(within_climbs(STR("a/../../b")) && within_climbs(STR("/..")) && !within_climbs(STR("a/../b")) && !within_climbs(STR("")));
	assert_true(within_open(root, "in", O_RDONLY) < 0 && errno == ELOOP);
	close(root);
}

/* --- archives --- */
static void add(struct buf *b, const char *path, enum tar_type type, const char *link, const char *text, u32 mode)
{
	struct error err = { 0 };
	const struct tarout_entry e = { .path = str_of(path), .type = type, .link = str_of(link ? link : ""), .size = type == TAR_FILE ? strlen(text) : 0, .mode = mode, .mtime = 5 };
	assert_int_equal(tarout_header(&e, b, &err), 0);
	if (type == TAR_FILE) {
		buf_puts(b, text);
		for (u32 i = tarout_padding(strlen(text)); i--;)
			buf_putc(b, '\0');
	}
}

static int unpack_it(struct buf *b, struct error *err)
{
	const struct unpack_options opt = { .name = "e.tar", .epoch = -1 };
	int root = open(at("c"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stream *s = stream_memory(buf_str(b));
	int r = unpack(root, s, &opt, err);
	stream_close(s);
	close(root);
	buf_free(b);
	return r;
}

static void test_unpack(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct stat st, other;
	struct buf b = BUF(0);
	add(&b, "sub", TAR_FILE, NULL, "a file now", 0600); /* what was a directory goes */
	add(&b, "new/way/f", TAR_FILE, NULL, "f", 04755);
	add(&b, "ro/", TAR_DIR, NULL, "", 0555);
	add(&b, "ro/in", TAR_FILE, NULL, "i", 0444);
	add(&b, "hard", TAR_HARDLINK, "new/way/f", "", 0);
	add(&b, "abs", TAR_SYMLINK, "/new", "", 0777);
	add(&b, "abs/way/g", TAR_FILE, NULL, "g", 0644); /* through a link: as in a root directory */
	add(&b, "dev", TAR_CHAR, NULL, "", 0644);
	assert_int_equal(unpack_it(&b, &err), 0);
	assert_true(stat(at("c/sub"), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600);
	assert_true(stat(at("c/new/way/f"), &st) == 0 && (st.st_mode & 07777) == 04755);
	assert_true(stat(at("c/hard"), &other) == 0 && other.st_ino == st.st_ino);
	assert_true(stat(at("c/ro"), &st) == 0 && (st.st_mode & 07777) == 0555);
	assert_true(stat(at("c/new/way/g"), &st) == 0);
	assert_true(lstat(at("c/dev"), &st) < 0);
	const struct {
		const char *path;
		enum tar_type type;
		const char *link;
	} bad[] = { { "../evil", TAR_FILE, NULL }, { "a/../../evil", TAR_FILE, NULL }, { "h", TAR_HARDLINK, "../outside" }, { "h", TAR_HARDLINK, "steal/../outside" }, { "up2", TAR_HARDLINK, "/outside" } };
	for (size_t i = 0; i < countof(bad); i++) {
		add(&b, bad[i].path, bad[i].type, bad[i].link, "x", 0644);
		assert_int_equal(unpack_it(&b, &err), -1);
	}
	assert_true(lstat(at("evil"), &st) < 0);
	add(&b, "steal/x", TAR_FILE, NULL, "x", 0644); /* a link that leads out: a way within */
	unpack_it(&b, &err);
	add(&b, "up/evil", TAR_FILE, NULL, "x", 0644);
	assert_int_equal(unpack_it(&b, &err), 0);
	assert_true(lstat(at("evil"), &st) < 0 && lstat(at("c/evil"), &st) == 0);
}

static void test_stdin(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct buf b = BUF(0), text = BUF(0);
	const char *name;
	int before = dup(STDIN_FILENO);
	add(&b, "Dockerfile", TAR_FILE, NULL, "FROM tar\n", 0644);
	add(&b, "f", TAR_FILE, NULL, "f", 0644);
	add(&b, ".dockerignore", TAR_FILE, NULL, "f\n", 0644);
	put("text", "FROM text\n");
	int fd = open(at("archive"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file_write_all(fd, b.p, b.n), 0);
	lseek(fd, 0, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	struct context *c = open_as("-", NULL, false);
	assert_int_equal(context_dockerfile(c, &text, &name, &err), 0);
	assert_string_equal(text.p, "FROM tar\n");
	assert_true(context_ignored(c, STR("f")));
	context_close(c);
	close(fd);
	fd = open(at("text"), O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	c = open_as("-", NULL, false);
	buf_clear(&text);
	assert_int_equal(context_dockerfile(c, &text, &name, &err), 0);
	assert_string_equal(text.p, "FROM text\n");
	struct digest d;
	assert_int_equal(context_digest(c, STR("text"), NULL, NULL, &d, &err), 1); /* its context is empty */
	context_close(c);
	assert_true(rmdir(at("tmp")) == 0); /* nothing is left in it */
	dup2(before, STDIN_FILENO);
	close(before);
	close(fd);
	buf_free(&b);
	buf_free(&text);
}

/* --- git URLs --- */
static void url(const char *text, int want, const char *remote, const char *shown, const char *ref, const char *sub)
{
	struct arena a = { 0 };
	struct git_source g = { 0 };
	struct error err = { 0 };
	assert_int_equal(git_parse(&a, str_of(text), &g, &err), want);
	if (want == 1) {
		assert_string_equal(g.remote, remote);
		assert_string_equal(g.shown, shown);
		assert_string_equal(g.ref ? g.ref : "", ref);
		assert_string_equal(g.dir ? g.dir : "", sub);
	}
	if (want < 0)
		assert_int_equal(err.kind, ERR_USAGE);
	arena_free(&a);
}

static void test_git_url(void **state)
{
	(void)state;
	url("https://h/p.git#main:dir/sub", 1, "https://h/p.git", "https://h/p.git", "main", "dir/sub");
	url("https://u:secret@h/p.git", 1, "https://h/p.git", "https://h/p.git", "", "");
	url("git@h:p/q.git#:d", 1, "git@h:p/q.git", "git@h:p/q.git", "", "d");
	url("github.com/o/n", 1, "https://github.com/o/n", "https://github.com/o/n", "", "");
	url("git://h/p?branch=b&subdir=d", 1, "git://h/p", "git://h/p", "b", "d");
	url("ssh://git@h/p#refs/pull/1/head", 1, "ssh://git@h/p", "ssh://h/p", "refs/pull/1/head", "");
	url("https://h/p.tar.gz", 0, NULL, NULL, NULL, NULL);
	url("dir/file", 0, NULL, NULL, NULL, NULL);
	url("a@b", 0, NULL, NULL, NULL, NULL);
	url("https://h/p.git#--upload-pack=x", -1, NULL, NULL, NULL, NULL);
	url("https://h/p.git#main:../x", -1, NULL, NULL, NULL, NULL);
	url("https://h/p.git#a b", -1, NULL, NULL, NULL, NULL);
	url("https://h/p.git?what=x", -1, NULL, NULL, NULL, NULL);
	url("https://h/p.git?commit=abc", -1, NULL, NULL, NULL, NULL);
	url("git://h/\np", -1, NULL, NULL, NULL, NULL);
}

/* A branch before a tag, a tag's commit before the tag, a whole name as it is; what is no ID is none. */
static void test_git_listed(void **state)
{
	(void)state;
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	static const struct {
		const char *lines, *ref, *id;
	} cases[] = {
		{ A "\trefs/tags/v\n" B "\trefs/tags/v^{}\n", "v", B }, { A "\trefs/tags/v\n" B "\trefs/heads/v\n", "v", B }, { A "\trefs/heads/x/v\n", "v", "" }, { A "\tHEAD\n" B "\trefs/heads/HEAD\n", "HEAD", B },
		{ A "\trefs/heads/v\n" B "\trefs/pull/1/head", "refs/pull/1/head", B }, { "remote: " A "\trefs/heads/v\n", "v", "" }, { "abc\trefs/heads/v\n", "v", "" }, { "", "v", "" },
	};
	for (u32 i = 0; i < countof(cases); i++)
		if (!str_is(git_listed(str_of(cases[i].lines), cases[i].ref), cases[i].id))
			fail_msg("case %u", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_depends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_young, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ignore, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dockerfile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_within, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unpack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdin, setup, teardown),
		cmocka_unit_test(test_git_url),
		cmocka_unit_test(test_git_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
