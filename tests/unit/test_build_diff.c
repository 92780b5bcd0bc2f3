/* build/snapshot.h and build/diff.h: what a step did to a tree, as a layer and as a directory, said the same by both; the same bytes whenever it happens; what no layer can say is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "build/diff.h"
#include "layer/tar.h"
#include "run/tree.h"
#include "layer/image.h"
#include "store/db.h"
#include "store/load.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char place[64];
static struct run_ids ids;
static struct store *store;
static struct snapshots *snaps;
static struct arena arena;
static bool can;

static int probe(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx, (void)fds, (void)out, (void)err;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	char path[128];
	snprintf(place, sizeof place, "/var/tmp/pare-test-XXXXXX");
	assert_non_null(mkdtemp(place));
	assert_int_equal(run_ids_find(&ids, &err), 0);
	snprintf(path, sizeof path, "%s/probe", place);
	assert_int_equal(mkdir(path, 0700), 0);
	char other[128];
	snprintf(other, sizeof other, "%s/other", place);
	assert_int_equal(mkdir(other, 0700), 0);
	const char *lower[] = { other, path };
	struct run_root root = { lower, 2, NULL, NULL };
	struct root_job job = { .roots = &root, .n = 1, .dir = path, .f = probe };
	can = root_do(&ids, &job, &err) == 0;
	if (!can)
		print_message("no overlays here: %s\n", err.text);
	assert_int_equal(store_open(place, true, &store, &err), 0);
	assert_int_equal(snapshots_open(place, &ids, &snaps, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	snapshots_close(snaps);
	store_close(store);
	arena_free(&arena);
	run_tree_remove(place, &ids);
	return 0;
}

#define OK(x) assert_int_equal(x, 0)

/* --- a step --- */
struct work {
	void (*do_it)(int root);
};

static int work(void *ctx, const int *fds, int out, struct error *err)
{
	struct work *w = ctx;
	(void)out, (void)err;
	w->do_it(fds[0]);
	return 0;
}

static int take(struct upper *u, const struct snapshot *below, const struct diff_options *opt, struct build_layer *l, struct diff_told *told, struct error *err)
{
	struct diff_options none = { .epoch = -1 };
	return diff_take(store, &ids, u, below, opt ? opt : &none, l, told, err);
}

/* Does it on the chain; *ret the chain with it. Returns how many entries its layer has. */
static u32 step(const struct chain *c, void (*do_it)(int root), const struct diff_options *opt, struct chain *ret)
{
	struct error err = { 0 };
	struct snapshot below;
	struct upper u;
	struct work w = { do_it };
	struct build_layer l;
	struct diff_told told;
	OK(snapshot_get(snaps, c, &below, &err));
	OK(upper_make(snaps, &u, &err));
	struct run_root root = { below.dirs, below.n, u.upper, u.work };
	struct root_job job = { .roots = &root, .n = 1, .dir = u.root, .f = work, .ctx = &w };
	if (root_do(&ids, &job, &err) < 0)
		fail_msg("%s", err.text);
	if (take(&u, &below, opt, &l, &told, &err) < 0)
		fail_msg("%s", err.text);
	snapshot_release(&below);
	if (told.entries) {
		*ret = chain_add(&arena, c, &l);
		OK(upper_keep(snaps, &u, ret, &err));
	} else {
		*ret = *c;
	}
	upper_drop(&u);
	return told.entries;
}

/* "d 0755 dir/ 499162500\n" of each entry of the topmost layer. */
static const char *listing(const struct chain *c)
{
	struct error err = { 0 };
	struct stream *blob, *plain;
	struct tar_entry e;
	struct buf b = BUF(0);
	enum compression kind;
	OK(store_blob(store, &c->v[c->n - 1].digest, 0, &blob, NULL, &err));
	OK(stream_inflate(blob, &plain, &kind, &err));
	struct tar *t = tar_open(plain);
	while (tar_next(t, &e, &err) == 1) {
		buf_printf(&b, "%c %04o %.*s", e.type, e.mode, STR_FMT(e.path));
		if (e.link.n)
			buf_printf(&b, " -> %.*s", STR_FMT(e.link));
		if (e.size)
			buf_printf(&b, " %llu", (unsigned long long)e.size);
		if (e.mtime != DIFF_TIME)
			buf_printf(&b, " @%lld", (long long)e.mtime);
		struct str rest = e.xattrs, name, value;
		while (tar_xattr_next(&rest, &name, &value))
			buf_printf(&b, " %.*s=%.*s", STR_FMT(name), STR_FMT(value));
		buf_putc(&b, '\n');
	}
	assert_int_equal(err.kind, 0);
	tar_close(t);
	stream_close(plain);
	const char *ret = arena_strdup(&arena, buf_str(&b));
	buf_free(&b);
	return ret;
}

static void put_at(int root, const char *path, const char *text, s64 mtime)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	struct timespec ts[2] = { { mtime, 0 }, { mtime, 0 } };
	if (mtime)
		OK(futimens(fd, ts));
	close(fd);
}

/* --- the base of them all --- */
static void make_base(int root)
{
	OK(mkdirat(root, "etc", 0755));
	OK(mkdirat(root, "etc/conf.d", 0755));
	OK(mkdirat(root, "gone", 0755));
	OK(mkdirat(root, "new", 0755));
	put_at(root, "etc/passwd", "root:x:0:0::/:/bin/sh\n", 1000000000);
	put_at(root, "etc/conf.d/a", "a", 1000000000);
	put_at(root, "etc-release", "1", 1000000000);
	put_at(root, "gone/file", "x", 1000000000);
	put_at(root, "new/old", "x", 1000000000);
	put_at(root, "same", "same", 1000000000);
	put_at(root, "moved", "moved", 1000000000);
	OK(symlinkat("etc", root, "link"));
}

static struct chain base(void)
{
	static struct chain c;
	struct chain none = { 0 };
	if (!c.n)
		assert_int_equal(step(&none, make_base, NULL, &c), 12);
	return c;
}

static void test_first(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base();
	assert_string_equal(listing(&c), "d 0755 etc/\nf 0644 etc-release 1 @1000000000\nd 0755 etc/conf.d/\nf 0644 etc/conf.d/a 1 @1000000000\nf 0644 etc/passwd 22 @1000000000\nd 0755 gone/\n"
					"f 0644 gone/file 1 @1000000000\nl 0777 link -> etc\nf 0644 moved 5 @1000000000\nd 0755 new/\nf 0644 new/old 1 @1000000000\nf 0644 same 4 @1000000000\n");
	assert_int_equal(c.v[0].compression, COMP_GZIP);
}

static void nothing(int root) { (void)root; }

/* What stands there as it was, though the step wrote it anew. */
static void unchanged(int root)
{
	OK(fchmodat(root, "same", 0600, 0));
	OK(fchmodat(root, "same", 0644, 0));
	put_at(root, "etc/tmp", "", 0);
	OK(unlinkat(root, "etc/tmp", 0));
}

static void test_nothing(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base(), d;
	assert_int_equal(step(&c, nothing, NULL, &d), 0);
	assert_int_equal(step(&c, unchanged, NULL, &d), 0);
}

static void changes(int root)
{
	put_at(root, "etc/passwd", "changed", 0);
	OK(unlinkat(root, "gone/file", 0));
	OK(unlinkat(root, "gone", AT_REMOVEDIR));
	OK(unlinkat(root, "new/old", 0));
	OK(unlinkat(root, "new", AT_REMOVEDIR));
	OK(mkdirat(root, "new", 0700));
	put_at(root, "new/one", "1", 0);
	OK(linkat(root, "new/one", root, "a-name", 0));
	OK(renameat(root, "moved", root, "etc/moved"));
	OK(mkdirat(root, "etc/only-above", 0755));
	OK(mkfifoat(root, "fifo", 0600));
	OK(fchmodat(root, "etc/conf.d", 0750, 0));
	OK(utimensat(root, "same", NULL, 0)); /* touched: another time is a change */
	int fd = openat(root, "attributes", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	OK(fsetxattr(fd, "user.b", "2", 1, 0));
	OK(fsetxattr(fd, "user.a", "1", 1, 0));
	close(fd);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	OK(fchdir(root));
	snprintf(un.sun_path, sizeof un.sun_path, "sock");
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	OK(bind(s, (struct sockaddr *)&un, sizeof un));
	close(s);
}

#define CHANGED                                                                                                                                                          \
	"f 0644 a-name 1\nf 0755 attributes user.a=1 user.b=2\nd 0750 etc/conf.d/\nf 0644 etc/moved 5 @1000000000\nd 0755 etc/only-above/\nf 0644 etc/passwd 7\np 0600 fifo\n" \
	"f 0000 .wh.gone\nf 0000 .wh.moved\nd 0700 new/\nf 0000 new/.wh..wh..opq\nh 0644 new/one -> a-name\nf 0644 same 4\n"

/* What a tree shows, each name with what is said of it; two trees that are the same give the same text. */
static void describe(int root, const char *path, struct buf *out)
{
	int fd = root_open(root, path, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	char names[64][64];
	u32 n = 0;
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	struct dirent **v;
	int all = scandir(proc, &v, NULL, alphasort);
	for (int i = 0; i < all; i++) {
		if (v[i]->d_name[0] != '.' && n < 64)
			snprintf(names[n++], 64, "%.63s", v[i]->d_name);
		free(v[i]);
	}
	free(v);
	for (u32 i = 0; i < n; i++) {
		struct stat st;
		char below[8192];
		OK(fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW));
		snprintf(below, sizeof below, "%.4000s%s%s", path, path[0] ? "/" : "", names[i]);
		buf_printf(out, "%s %o %u %lld %lld %u\n", below, st.st_mode, st.st_uid, S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size, (long long)st.st_mtim.tv_sec, S_ISDIR(st.st_mode) ? 0 : (unsigned)st.st_nlink);
		if (S_ISDIR(st.st_mode))
			describe(root, below, out);
	}
	close(fd);
}

static int describe_all(void *ctx, const int *fds, int out, struct error *err)
{
	struct buf b = BUF(0);
	struct stat st;
	(void)ctx;
	OK(fstat(fds[0], &st));
	buf_printf(&b, "root %o %lld\n", st.st_mode, (long long)st.st_mtim.tv_sec);
	describe(fds[0], "", &b);
	return file_write_all(out, b.p, b.n) < 0 ? error_errno(err, "pipe") : 0;
}

static int read_all(void *ctx, int in, struct error *err) { return file_read_fd(in, 1 << 20, "pipe", ctx, err); }

static const char *tree_of(const struct chain *c)
{
	struct error err = { 0 };
	struct snapshot t;
	struct buf b = BUF(1 << 20);
	char at[128];
	snprintf(at, sizeof at, "%s/probe", place);
	OK(snapshot_get(snaps, c, &t, &err));
	struct run_root root = { t.dirs, t.n, NULL, NULL };
	struct root_job job = { .roots = &root, .n = 1, .dir = at, .f = describe_all, .take = read_all, .ctx = &b };
	if (root_do(&ids, &job, &err) < 0)
		fail_msg("%s", err.text);
	snapshot_release(&t);
	const char *ret = arena_strdup(&arena, buf_str(&b));
	buf_free(&b);
	return ret;
}

static int remove_one(void *ctx, const char *name, u64 bytes, s64 used, bool in_use, struct error *err)
{
	u32 *n = ctx;
	u64 freed = 0;
	(void)bytes;
	assert_true(used > 1600000000);
	assert_false(in_use);
	assert_int_equal(snapshots_remove(place, name, &freed, err), 0);
	++*n;
	return 0;
}

static u32 forget_trees(void)
{
	struct error err = { 0 };
	u32 n = 0;
	OK(snapshots_each(place, remove_one, &n, &err));
	return n;
}

/* The directories that steps left and those that are made of the layers show the same. */
static void test_changes(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base(), d, e;
	assert_int_equal(step(&c, changes, NULL, &d), 13);
	assert_string_equal(listing(&d), CHANGED);
	const char *before = tree_of(&d);
	assert_true(forget_trees() >= 2);
	assert_string_equal(tree_of(&d), before);
	assert_non_null(strstr(before, "etc/moved "));
	assert_null(strstr(before, "gone"));
	assert_null(strstr(before, "new/old"));
	sleep(2); /* what the clock says is no matter */
	assert_int_equal(step(&c, changes, NULL, &e), 13);
	assert_memory_equal(&d.v[1], &e.v[1], sizeof d.v[1]);
}

static void test_epoch(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base(), d;
	struct diff_options opt = { .epoch = 900000000 };
	step(&c, changes, &opt, &d);
	const char *text = listing(&d);
	assert_null(strstr(text, "@1000000000"));
	assert_non_null(strstr(text, "etc/moved 5 @900000000\n"));
	assert_non_null(strstr(text, "etc/passwd 7 @900000000\n"));
}

/* --- squashed --- */
static void more_changes(int root)
{
	OK(unlinkat(root, "etc/passwd", 0));
	OK(unlinkat(root, "a-name", 0)); /* new/one has the content now */
	OK(linkat(root, "new/one", root, "z-name", 0));
	OK(linkat(root, "same", root, "same-too", 0));
	OK(unlinkat(root, "etc/conf.d/a", 0));
	OK(mkdirat(root, "etc/conf.d/a", 0711));
	put_at(root, "etc/conf.d/a/in", "in", 0);
}

/* One layer instead of two shows the same tree, and has nothing of what the second took away. */
static void test_squash(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct error err = { 0 };
	struct chain c = base(), d, e;
	struct build_layer l;
	step(&c, changes, NULL, &d);
	step(&d, more_changes, NULL, &e);
	forget_trees();
	const char *whole = tree_of(&e);
	for (u32 from = 0; from < 2; from++) {
		if (diff_squash(store, &e, from, &l, &err) < 0)
			fail_msg("%s", err.text);
		struct chain below = { 0 };
		for (u32 i = 0; i < from; i++)
			below = chain_add(&arena, &below, &e.v[i]);
		struct chain one = chain_add(&arena, &below, &l);
		forget_trees();
		assert_string_equal(tree_of(&one), whole);
		const char *text = listing(&one);
		assert_null(strstr(text, "f 0644 a-name"));
		if (from == 0)
			assert_null(strstr(text, ".wh."));
		else
			assert_string_equal(text, "f 0000 etc/.wh.passwd\nf 0000 .wh.gone\nf 0000 .wh.moved\nf 0000 new/.wh.old\nd 0750 etc/conf.d/\nd 0711 etc/conf.d/a/\nd 0755 etc/only-above/\nd 0700 new/\n"
						  "f 0755 attributes user.a=1 user.b=2\nf 0644 etc/moved 5 @1000000000\nf 0644 etc/conf.d/a/in 2\nf 0644 new/one 1\nf 0644 same 4\n"
						  "p 0600 fifo\nh 0644 same-too -> same\nh 0644 z-name -> new/one\n");
	}
}

static void one_file(int root) { put_at(root, "one-file", "settled", 0); }

static s64 added_of(const struct digest *d)
{
	s64 added = 0;
	struct error err = { 0 };
	OK(db_number(store, &added, &err, "SELECT added FROM blobs WHERE digest = ?", "d", d));
	return added;
}

/* A layer is only waited for when a document names it. */
static void test_settled(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct error err = { 0 };
	struct chain c = base(), d;
	struct image *img;
	step(&c, one_file, NULL, &d);
	assert_int_equal(store_has(store, &d.v[1].digest, &err), 1);
	assert_true(added_of(&d.v[1].digest) < 0);
	OK(chain_load(store, &d, &img, &err));
	image_close(img);
	assert_true(added_of(&d.v[1].digest) > 0);
}

/* --- byte code --- */
static void code_at(int root, const char *path, u32 time, u32 flags)
{
	u8 head[20] = { 0xa7, 0x0d, '\r', '\n', (u8)flags, 0, 0, 0, (u8)time, (u8)(time >> 8), (u8)(time >> 16), (u8)(time >> 24) };
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, head, sizeof head), sizeof head);
	close(fd);
}

static u32 code_time(int root, const char *path)
{
	u8 head[12];
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, head, sizeof head), sizeof head);
	close(fd);
	return (u32)head[8] | (u32)head[9] << 8 | (u32)head[10] << 16 | (u32)head[11] << 24;
}

static void compile(int root)
{
	struct stat st;
	OK(mkdirat(root, "py", 0755));
	OK(mkdirat(root, "py/__pycache__", 0755));
	static const char *const sources[] = { "py/Zero.py", "py/mod.py", "py/kept.py" };
	for (u32 i = 0; i < 3; i++)
		put_at(root, sources[i], "pass", i == 2 ? 1234567890 : 0);
	OK(fstatat(root, "py/mod.py", &st, 0));
	u32 now = (u32)st.st_mtim.tv_sec;
	code_at(root, "py/__pycache__/Zero.cpython-311.pyc", now, 0);
	code_at(root, "py/__pycache__/mod.cpython-311.opt-1.pyc", now, 0);
	code_at(root, "py/__pycache__/kept.cpython-311.pyc", 1234567890, 0);
	code_at(root, "py/__pycache__/below.cpython-311.pyc", 77, 0);
	code_at(root, "py/mod.pyc", now, 0);
	code_at(root, "py/__pycache__/hash.cpython-311.pyc", now, 1);
}

static int check_code(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx, (void)out;
	bool right = code_time(fds[0], "py/__pycache__/Zero.cpython-311.pyc") == DIFF_TIME && code_time(fds[0], "py/__pycache__/mod.cpython-311.opt-1.pyc") == DIFF_TIME &&
		     code_time(fds[0], "py/mod.pyc") == DIFF_TIME && code_time(fds[0], "py/__pycache__/kept.cpython-311.pyc") == 1234567890 &&
		     code_time(fds[0], "py/__pycache__/below.cpython-311.pyc") == 77;
	return right ? 0 : error_set(err, ERR_INPUT, "byte code");
}

static void test_python(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct error err = { 0 };
	struct chain c = base(), d;
	step(&c, compile, NULL, &d);
	for (u32 i = 0; i < 2; i++) {
		struct snapshot t;
		char at[128];
		snprintf(at, sizeof at, "%s/probe", place);
		OK(snapshot_get(snaps, &d, &t, &err));
		struct run_root root = { t.dirs, t.n, NULL, NULL };
		struct root_job job = { .roots = &root, .n = 1, .dir = at, .f = check_code };
		OK(root_do(&ids, &job, &err));
		snapshot_release(&t);
		forget_trees();
	}
}

/* --- what was only there to be mounted on --- */
static void mounts(int root)
{
	OK(mkdirat(root, "mnt", 0755));
	OK(mkdirat(root, "mnt/a", 0755));
	OK(mkdirat(root, "mnt/b", 0755));
	put_at(root, "mnt/empty", "", 0);
	put_at(root, "mnt/b/left", "x", 0);
	OK(mkdirat(root, "run", 0755));
	put_at(root, "run/secret", "", 0);
}

static void test_forget(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base(), d;
	const char *const paths[] = { "/run", "/mnt/a", "/mnt/b", "/run/secret", "/mnt/empty", "/etc", "/nowhere/at/all", "/", NULL };
	struct diff_options opt = { .epoch = -1, .forget = paths };
	assert_int_equal(step(&c, mounts, &opt, &d), 3);
	assert_string_equal(listing(&d), "d 0755 mnt/\nd 0755 mnt/b/\nf 0644 mnt/b/left 1\n");
}

/* --- refused --- */
static void forbidden(int root) { put_at(root, "etc/.wh.passwd", "", 0); }

static int no_secret(void *ctx, struct str path, struct str bytes, struct error *err)
{
	(void)ctx, (void)path;
	return str_contains(bytes, STR("hunter2")) ? error_set(err, ERR_INPUT, "a secret") : 0;
}

static void secret(int root) { put_at(root, "etc/secret", "password hunter2", 0); }

static void refused(void (*do_it)(int root), const struct diff_options *opt, const char *text)
{
	struct error err = { 0 };
	struct snapshot below;
	struct upper u;
	struct build_layer l;
	struct diff_told told;
	struct chain c = base();
	OK(snapshot_get(snaps, &c, &below, &err));
	OK(upper_make(snaps, &u, &err));
	int fd = open(u.upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OK(mkdirat(fd, "etc", 0755));
	do_it(fd);
	close(fd);
	assert_int_equal(take(&u, &below, opt, &l, &told, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, text));
	upper_drop(&u);
	upper_drop(&u);
	snapshot_release(&below);
}

static void test_refused(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct diff_options opt = { .epoch = -1, .content = no_secret };
	refused(forbidden, NULL, "/etc/.wh.passwd");
	refused(secret, &opt, "a secret");
}

/* --- depth, and many layers --- */
static void deep(int root)
{
	int at = dup(root);
	for (u32 i = 0; i < 1500; i++) {
		OK(mkdirat(at, "d", 0755));
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	put_at(at, "bottom", "x", 0);
	close(at);
}

static void test_deep(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct chain c = base(), d;
	assert_int_equal(step(&c, deep, NULL, &d), 1501);
}

static u32 serial;
static void one_more(int root)
{
	char name[32];
	snprintf(name, sizeof name, "file-%u", serial);
	put_at(root, name, name, 0);
}

static void test_many(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct error err = { 0 };
	struct chain c = base();
	for (serial = 0; serial < SNAPSHOT_DEPTH + 10; serial++)
		assert_int_equal(step(&c, one_more, NULL, &c), 1);
	struct snapshot t;
	OK(snapshot_get(snaps, &c, &t, &err));
	assert_in_range(t.n, 1, SNAPSHOT_DEPTH);
	u64 freed = 0;
	const char *name = strstr(t.dirs[0], "trees/") + 6;
	char tree[512];
	snprintf(tree, sizeof tree, "%.*s", (int)(strrchr(name, '/') - name), name);
	assert_int_equal(snapshots_remove(place, tree, &freed, &err), 1); /* it is in use */
	snapshot_release(&t);
	assert_int_equal(snapshots_remove(place, tree, &freed, &err), 0);
	assert_int_equal(snapshots_remove(place, tree, &freed, &err), 1);
	assert_int_equal(snapshots_remove(place, "../../x", &freed, &err), -1);
	assert_non_null(strstr(tree_of(&c), "file-100 "));
}

static void test_kept(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct upper u;
	struct snapshot t;
	struct digest d = digest_bytes(DIGEST_SHA256, STR("context"));
	assert_int_equal(snapshot_find(snaps, &d, &t, &err), 1);
	OK(upper_make(snaps, &u, &err));
	OK(upper_keep_as(snaps, &u, &d, &err));
	OK(upper_make(snaps, &u, &err));
	OK(upper_keep_as(snaps, &u, &d, &err)); /* somebody else's is as good */
	OK(snapshot_find(snaps, &d, &t, &err));
	assert_int_equal(t.n, 1);
	snapshot_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first), cmocka_unit_test(test_nothing), cmocka_unit_test(test_changes), cmocka_unit_test(test_epoch), cmocka_unit_test(test_squash), cmocka_unit_test(test_settled), cmocka_unit_test(test_python), cmocka_unit_test(test_forget),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_deep), cmocka_unit_test(test_many), cmocka_unit_test(test_kept),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
