/* Names inside a container, from outside. */
#include "base/file.h"
#include "run/resolve.h"
#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct stage place;
static struct resolver r;
static char met[4096];
static const char *stop;

static bool meet(void *ctx, struct str path, bool last)
{
	(void)ctx;
	(void)last;
	size_t n = strlen(met);
	snprintf(met + n, sizeof met - n, "%.*s ", STR_FMT(path));
	return !stop || !str_is(path, stop);
}

static void make(const char *name, const char *link)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", place.path, name);
	if (link && *link)
		assert_int_equal(symlink(link, path), 0);
	else if (link)
		assert_int_equal(mkdir(path, 0755), 0);
	else
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	assert_int_equal(stage_make(&place, "/tmp/test_resolve.", &err), 0);
	make("a", "");
	make("a/b", "");
	make("a/b/file", NULL);
	make("link", "a/b");
	make("out", "../../../../../a/b/file");
	make("absolute", "/link/file");
	make("dangling", "a/none");
	make("loop", "loop");
	make("a/up", "..");
	make("jail", "");
	make("jail/root", "/inner");
	make("jail/inner", NULL);
	r = (struct resolver){ .root = open(place.path, O_PATH | O_DIRECTORY | O_CLOEXEC), .meet = meet };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(r.root);
	seen_forget(&r.dirs);
	stage_remove(&place);
	return 0;
}

static void is(const char *prefix, const char *base, const char *path, bool follow, enum resolved want, const char *at, const char *links)
{
	met[0] = '\0';
	assert_int_equal(resolve(&r, str_of(prefix), str_of(base), str_of(path), follow), want);
	assert_string_equal(r.at, at);
	if (links)
		assert_string_equal(met, links);
}

static void names(void **state)
{
	(void)state;
	for (int again = 0; again < 2; again++) { /* directories are remembered */
		is("", "", "/a/b/file", true, RESOLVED_FOUND, "/a/b/file", "/a/b/file ");
		assert_true(r.is_file);
		is("", "/a", "b/./../b//file", true, RESOLVED_FOUND, "/a/b/file", "/a/b/file ");
		is("", "", "/link/file", true, RESOLVED_FOUND, "/a/b/file", "/link /a/b/file ");
		is("", "", "/link", false, RESOLVED_FOUND, "/link", "/link ");
		is("", "", "/link/", true, RESOLVED_FOUND, "/a/b", "/link /a/b ");
		assert_true(r.is_dir);
		is("", "", "/absolute", true, RESOLVED_FOUND, "/a/b/file", "/absolute /link /a/b/file ");
		is("", "", "/a/up/a/up", true, RESOLVED_FOUND, "/", NULL);
		is("", "", "/", true, RESOLVED_FOUND, "/", "/ ");
	}
}

static void never_outside(void **state)
{
	(void)state;
	is("", "", "/out", true, RESOLVED_FOUND, "/a/b/file", "/out /a/b/file ");
	is("", "", "/../../a/../../a/b/file", true, RESOLVED_FOUND, "/a/b/file", NULL);
	is("/jail", "/jail", "/root", true, RESOLVED_FOUND, "/jail/inner", "/jail/root /jail/inner ");
	is("/jail", "/jail", "../../inner", true, RESOLVED_FOUND, "/jail/inner", NULL);
}

static void what_is_not_there(void **state)
{
	(void)state;
	is("", "", "/none/x/../y", true, RESOLVED_MISSING, "/none/y", "");
	is("", "", "/dangling", true, RESOLVED_MISSING, "/a/none", "/dangling ");
	is("", "", "/a/b/file/x", true, RESOLVED_MISSING, "/a/b/file/x", NULL);
	met[0] = '\0';
	assert_int_equal(resolve(&r, STR(""), STR(""), STR("/loop"), true), RESOLVED_ELSEWHERE);
	assert_int_equal(resolve(&r, STR(""), STR(""), STR("/proc/self/root"), true), RESOLVED_ELSEWHERE);
}

static void stopped(void **state)
{
	(void)state;
	stop = "/link";
	is("", "", "/absolute", true, RESOLVED_STOPPED, "/link", NULL);
	stop = NULL;
}

static void hashes(void **state)
{
	(void)state;
	struct seen_set s = { 0 };
	assert_false(seen_has(&s, 1));
	for (u64 i = 0; i < 5000; i++)
		seen_add(&s, i * 0x9e3779b97f4a7c15);
	for (u64 i = 0; i < 5000; i++)
		assert_true(seen_has(&s, i * 0x9e3779b97f4a7c15));
	assert_false(seen_has(&s, 12345));
	seen_forget(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(never_outside), cmocka_unit_test(what_is_not_there), cmocka_unit_test(stopped), cmocka_unit_test(hashes) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
