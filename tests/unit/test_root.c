/* Trees put together from directories: what is seen in them, where ways lead, what comes back from the child. Skipped where no overlay can be mounted in a user namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_of.h"
#include "run/inner.h"
#include "run/root.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct disk_of disk;
static struct run_ids ids;
static bool can;
#define at(name) disk_place(&disk, name)
#define put(name, text) disk_file(&disk, name, str_of(text), 0644)
#define dir(name) disk_dir(&disk, name, 0755)

static int nothing(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)fds;
	(void)err;
	return out < 0 ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	disk_open(&disk, "/var/tmp/pare-test-");
	assert_int_equal(run_ids_find(&ids, &err), 0);
	const char *dirs[] = { "mnt", "a", "b", "up", "work", "a/d", "b/d" };
	for (size_t i = 0; i < countof(dirs); i++)
		dir(dirs[i]);
	put("a/one", "a");
	put("b/one", "b");
	put("b/two", "b");
	put("b/d/x", "x");
	assert_int_equal(symlink("/d", at("b/link")), 0);
	assert_int_equal(symlink("../../../../..", at("b/out")), 0);
	assert_int_equal(symlink("/new/deep", at("b/dangling")), 0);
	assert_int_equal(symlink("loop", at("b/loop")), 0);
	const char *lowers[] = { at("a"), at("b") };
	struct run_root r = { .lowers = lowers, .n_lowers = 2 };
	struct root_job job = { .roots = &r, .n = 1, .dir = at("mnt"), .f = nothing };
	can = root_do(&ids, &job, &err) == 0;
	if (!can)
		print_message("%s\n", err.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clean_dir(disk.dir, &ids);
	disk_close(&disk);
	return 0;
}

/* What fails in the child is said by its status: cmocka's own way out leads nowhere there. */
#define CHECK(x)                                                                         \
	do {                                                                             \
		if (!(x))                                                                \
			return error_set(err, ERR_INPUT, "line %d: %s: %s", __LINE__, #x, strerror(errno)); \
	} while (0)

static bool is(int root, const char *path, const char *want)
{
	char text[16] = "";
	autofd int fd = root_open(root, path, O_RDONLY);
	return fd >= 0 && read(fd, text, sizeof text - 1) == (ssize_t)strlen(want) && strcmp(text, want) == 0;
}

static void run(const struct root_job *job)
{
	struct error err = { 0 };
	if (!can)
		skip();
	int r = root_do(&ids, job, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
}

static int several(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	CHECK(is(fds[0], "/one", "a") && is(fds[0], "two", "b") && is(fds[0], "/link/x", "x"));
	CHECK(is(fds[0], "/out/one", "a")); /* above the root is the root */
	CHECK(mkdirat(fds[0], "new", 0700) < 0 && errno == EROFS);
	CHECK(is(fds[1], "/one", "b") && mkdirat(fds[1], "new", 0700) < 0 && errno == EROFS);
	CHECK(faccessat(fds[2], "one", F_OK, 0) < 0 && mkdirat(fds[2], "new", 0700) < 0 && errno == EROFS);
	return 0;
}

static void test_read_only(void **state)
{
	(void)state;
	const char *two[] = { at("a"), at("b") }, *one[] = { at("b") };
	const struct run_root r[] = { { .lowers = two, .n_lowers = 2 }, { .lowers = one, .n_lowers = 1 }, { 0 } };
	run(&(struct root_job){ .roots = r, .n = 3, .dir = at("mnt"), .f = several });
	run(&(struct root_job){ .roots = r, .n = 3, .dir = disk.dir, .f = several }); /* what is mounted on does not hide it */
	assert_int_equal(access(at("mnt/one"), F_OK), -1);
}

static int writes(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	CHECK(unlinkat(fds[0], "one", 0) == 0);
	autofd int fd = root_open(fds[0], "/d/y", O_WRONLY | O_CREAT);
	CHECK(fd >= 0 && fchmod(fd, 04755) == 0 && file_write_all(fd, "y", 1) == 0);
	CHECK(fchmodat(fds[0], "two", 0600, 0) == 0);
	return 0;
}

static int again(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	struct stat st;
	CHECK(faccessat(fds[0], "one", F_OK, 0) < 0 && errno == ENOENT);
	CHECK(is(fds[0], "d/y", "y") && is(fds[0], "d/x", "x"));
	CHECK(fstat(fds[0], &st) == 0 && (st.st_mode & 07777) == 0711);
	return 0;
}

static void test_upper(void **state)
{
	(void)state;
	struct stat st;
	const char *two[] = { at("a"), at("b") };
	struct run_root r = { .lowers = two, .n_lowers = 2, .upper = at("up"), .work = at("work") };
	assert_int_equal(chmod(at("up"), 0700), 0);
	assert_int_equal(chmod(at("a"), 0711), 0);
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = writes });
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = again });
	assert_int_equal(lstat(at("up/one"), &st), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	assert_int_equal(lstat(at("up/two"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lstat(at("b/two"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static int scratch(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	struct stat st;
	CHECK(fstat(fds[0], &st) == 0 && (st.st_mode & 07777) == 0755 && st.st_uid == 0);
	CHECK(mkdirat(fds[0], "new", 0700) == 0);
	return 0;
}

static void test_of_nothing(void **state)
{
	(void)state;
	dir("up2");
	dir("work2");
	struct run_root r = { .upper = at("up2"), .work = at("work2") };
	assert_int_equal(chmod(at("up2"), 0700), 0);
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = scratch });
	assert_int_equal(access(at("up2/new"), F_OK), 0);
}

static void test_many(void **state)
{
	(void)state;
	char name[16];
	const char *v[ROOT_LOWERS_MAX + 1];
	struct error err = { 0 };
	dir("many");
	for (u32 i = 0; i <= ROOT_LOWERS_MAX; i++) {
		snprintf(name, sizeof name, "many/%u", i);
		dir(name);
		v[i] = strdup(at(name));
	}
	put("many/127/last", "last");
	struct run_root r = { .lowers = v, .n_lowers = ROOT_LOWERS_MAX };
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = nothing });
	r.n_lowers++;
	assert_int_equal(root_do(&ids, &(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = nothing }, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	for (u32 i = 0; i <= ROOT_LOWERS_MAX; i++)
		free((void *)(uintptr_t)v[i]);
}

static int ways(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	struct stat st;
	autofd int a = root_make(fds[0], "/x/y/z", 0750, 0, 0, 1000), b = root_make(fds[0], "dangling/c", 0755, 0, 0, 2000), c = root_make(fds[0], "/link/sub/", 0755, 0, 0, 3000);
	CHECK(a >= 0 && fstat(a, &st) == 0 && (st.st_mode & 07777) == 0750 && st.st_mtime == 1000);
	CHECK(fstatat(fds[0], "x", &st, 0) == 0 && st.st_mtime == 1000 && (st.st_mode & 07777) == 0750);
	CHECK(b >= 0 && fstatat(fds[0], "new/deep/c", &st, 0) == 0 && st.st_mtime == 2000);
	CHECK(c >= 0 && fstatat(fds[0], "d/sub", &st, 0) == 0);
	autofd int d = root_make(fds[0], "/out/out/up", 0755, 0, 0, 0);
	CHECK(d >= 0 && fstatat(fds[0], "up", &st, 0) == 0);
	CHECK(root_make(fds[0], "/two/x", 0755, 0, 0, 0) < 0 && errno == ENOTDIR);
	CHECK(root_make(fds[0], "/loop/x", 0755, 0, 0, 0) < 0 && errno == ELOOP);
	CHECK(root_open(fds[0], "/nowhere", O_PATH) < 0 && errno == ENOENT);
	return 0;
}

static int missing(void *ctx, const int *fds, int out, struct error *err)
{
	(void)ctx;
	(void)out;
	static const struct {
		const char *path, *real;
		size_t there;
	} cases[] = { { "/", "", 0 }, { "/d/x", "/d/x", 4 }, { "/link/x", "/d/x", 4 }, { "/link/n/m", "/d/n/m", 2 }, { "/dangling/y", "/new/deep/y", 0 }, { "/out/two", "/two", 4 }, { "/out/q", "/q", 0 },
		      { "/n/a/../b/./c", "/n/b/c", 0 }, { "/n/../../..", "", 0 } };
	for (size_t i = 0; i < countof(cases); i++) {
		char real[4096] = "?";
		size_t there = 99;
		if (root_missing(fds[0], cases[i].path, real, &there) < 0 || strcmp(real, cases[i].real) != 0 || there != cases[i].there)
			return error_set(err, ERR_INPUT, "%s: %s, %zu", cases[i].path, real, there);
	}
	return 0;
}

static void test_ways(void **state)
{
	(void)state;
	const char *one[] = { at("b") };
	dir("up3");
	dir("work3");
	struct run_root r = { .lowers = one, .n_lowers = 1, .upper = at("up3"), .work = at("work3") };
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = missing });
	run(&(struct root_job){ .roots = &r, .n = 1, .dir = at("mnt"), .f = ways });
}

/* --- what comes back --- */
static int tells(void *ctx, const int *fds, int out, struct error *err)
{
	(void)fds;
	const char *how = ctx;
	char piece[4096] = { 0 };
	if (strcmp(how, "dies") == 0)
		raise(SIGKILL);
	for (u32 i = 0; i < 1000; i++)
		if (file_write_all(out, piece, sizeof piece) < 0)
			return error_errno(err, "writing");
	return strcmp(how, "fails") == 0 ? error_set(err, ERR_USAGE, "as it was told") : 0;
}

static int takes(void *ctx, int in, struct error *err)
{
	const char *how = ctx;
	char piece[4096];
	size_t sum = 0;
	for (ssize_t n; (n = read(in, piece, sizeof piece)) > 0; sum += (size_t)n)
		if (strcmp(how, "no more") == 0)
			return error_set(err, ERR_INPUT, "enough of it");
	return sum == 1000 * sizeof piece && strcmp(how, "fails") != 0 ? 0 : error_set(err, ERR_INPUT, "%zu came", sum);
}

static void test_take(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct root_job job = { .dir = at("mnt"), .f = tells, .take = takes, .ctx = (char[]){ "well" } };
	run(&job);
	job.ctx = (char[]){ "fails" };
	assert_int_equal(root_do(&ids, &job, &err), -1);
	assert_string_equal(err.text, "as it was told");
	assert_int_equal(err.kind, ERR_USAGE);
	job.ctx = (char[]){ "no more" };
	assert_int_equal(root_do(&ids, &job, &err), -1);
	assert_string_equal(err.text, "enough of it");
	job.ctx = (char[]){ "dies" };
	assert_int_equal(root_do(&ids, &job, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	const char *none[] = { at("not there") };
	struct run_root r = { .lowers = none, .n_lowers = 1 };
	job.roots = &r;
	job.n = 1;
	assert_int_equal(root_do(&ids, &job, &err), -1);
	assert_non_null(strstr(err.text, "not there"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_upper),
		cmocka_unit_test(test_of_nothing),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_take),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
