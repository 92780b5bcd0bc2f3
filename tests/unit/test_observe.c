#include "base/buf.h"
#include "base/file.h"
#include "run/calls.h"
#include "run/observe.h"
#include <dirent.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct digest image(const char *text) { return digest_bytes(DIGEST_SHA256, str_of(text)); }

static char *written(struct observed *o)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	observed_write(o, f);
	fclose(f);
	return text;
}

static struct observed *example(const struct digest *config)
{
	struct observed *o = observed_new(config);
	observed_add(o, STR("/etc/b"), SEEN_OPENED, STR("/bin/two"), true);
	observed_add(o, STR("/etc/a"), SEEN_LOOKED_AT, STR("/bin/one"), false);
	observed_add(o, STR("/etc/b"), SEEN_WRITTEN, STR("/bin/one"), false);
	observed_add(o, STR("/a\xff\nb"), SEEN_MISSING, STR("/bin/\xfe"), false);
	observed_port(o, 8080);
	observed_port(o, 80);
	observed_port(o, 8080);
	observed_call(o, (u32)call_number(STR("read")), true);
	observed_run(o);
	return o;
}

static void adds_up(void **state)
{
	(void)state;
	struct observed *o = example(NULL);
	observed_settle(o);
	assert_int_equal(o->n_paths, 3);
	const struct observed_path *p = observed_find(o, STR("/etc/b"));
	assert_non_null(p);
	assert_int_equal(p->what, SEEN_OPENED | SEEN_WRITTEN);
	assert_string_equal(p->by, "/bin/one");
	assert_true(p->start);
	assert_false(observed_find(o, STR("/etc/a"))->start);
	assert_null(observed_find(o, STR("/etc/c")));
	assert_int_equal(o->n_ports, 2);
	assert_int_equal(o->ports[0], 80);
	observed_free(o);
}

static void unclean_paths_are_dropped(void **state)
{
	static const char *const bad[] = { "", "a", "/a/", "//a", "/a/../b", "/./a", "/..", "/proc", "/proc/1/maps", "/dev/null", "/sys/x" };
	(void)state;
	struct observed *o = observed_new(NULL);
	for (size_t i = 0; i < countof(bad); i++)
		observed_add(o, str_of(bad[i]), SEEN_OPENED, STR(""), true);
	observed_add(o, str_n("/a\0b", 4), SEEN_OPENED, STR(""), true);
	observed_add(o, STR("/fine"), 0, STR(""), true);
	observed_settle(o);
	assert_int_equal(o->n_paths, 0);
	observed_add(o, STR("/"), SEEN_LISTED, STR(""), true);
	observed_add(o, STR("/process"), SEEN_OPENED, STR(""), true);
	observed_add(o, STR("/a/...b/.c"), SEEN_OPENED, STR(""), true);
	observed_settle(o);
	assert_int_equal(o->n_paths, 3);
	observed_free(o);
}

static void file_and_back(void **state)
{
	(void)state;
	struct digest config = image("x"), read;
	struct error err = { 0 };
	struct observed *o = example(&config), *again = observed_new(&config);
	autofree char *text = written(o);
	assert_int_equal(observed_read(str_of(text), "t", again, &read, &err), 0);
	assert_true(digest_eq(&read, &config));
	autofree char *text_again = written(again);
	assert_string_equal(text, text_again);
	assert_non_null(strstr(text, "\"read\""));
	observed_free(o);
	observed_free(again);
}

static void order_does_not_count(void **state)
{
	(void)state;
	struct observed *a = example(NULL), *b = observed_new(NULL), *ab = observed_new(NULL), *ba = observed_new(NULL);
	observed_add(b, STR("/z"), SEEN_MADE, STR("/bin/zero"), true);
	observed_add(b, STR("/etc/a"), SEEN_OPENED, STR("/bin/null"), true);
	observed_port(b, 22);
	observed_run(b);
	observed_merge(ab, a);
	observed_merge(ab, b);
	observed_merge(ba, b);
	observed_merge(ba, a);
	autofree char *first = written(ab), *second = written(ba);
	assert_string_equal(first, second);
	assert_int_equal(ab->runs, 2);
	observed_free(a);
	observed_free(b);
	observed_free(ab);
	observed_free(ba);
}

static void refused(const char *text, const char *why)
{
	struct error err = { 0 };
	struct digest config;
	struct observed *o = observed_new(NULL);
	assert_int_equal(observed_read(str_of(text), "t", o, &config, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", text, err.text);
	observed_free(o);
}

static void damaged_files(void **state)
{
	(void)state;
	refused("", "no trace");
	refused("[]", "no trace");
	refused("{}", "no trace");
	refused("{\"trace\":1,\"config\":\"\",\"runs\":1,\"paths\":[", "cut short");
	refused("{\"trace\":2,\"config\":\"\",\"runs\":1,\"paths\":[]}", "format 2");
	refused("{\"trace\":1,\"config\":\"md5:1\",\"runs\":1,\"paths\":[]}", "no digest");
	refused("{\"trace\":1,\"config\":\"\",\"runs\":-1,\"paths\":[]}", "no count");
	refused("{\"trace\":1,\"config\":\"\",\"runs\":1,\"paths\":{}}", "no array");
	refused("{\"trace\":1,\"config\":\"\",\"runs\":1,\"paths\":[{}]}", "without \"path\"");
	refused("{\"trace\":1,\"config\":\"\",\"runs\":1,\"paths\":[{\"path\":{\"hex\":\"2\"},\"what\":[]}]}", "without \"path\"");
}

static u32 count(const char *dir, char name[256])
{
	u32 n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.') {
			snprintf(name, 256, "%s", e->d_name);
			n++;
		}
	closedir(d);
	return n;
}

static void directory(void **state)
{
	(void)state;
	char dir[] = "/tmp/test_observe.XXXXXX", name[256], path[400];
	struct error err = { 0 };
	struct digest config = image("x"), other = image("y");
	u32 others;
	assert_non_null(mkdtemp(dir));
	struct observed *o = example(&config), *to = observed_new(&config), *elsewhere = observed_new(&other);
	assert_int_equal(observed_save(o, dir, &err), 0);
	assert_int_equal(observed_save(o, dir, &err), 0);
	assert_int_equal(count(dir, name), 1);
	assert_int_equal(observed_load(dir, to, &others, &err), 0);
	assert_int_equal(others, 0);
	assert_int_equal(to->runs, 1);
	assert_int_equal(observed_load(dir, elsewhere, &others, &err), 0);
	assert_int_equal(others, 1);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fputs(" ", f);
	fclose(f);
	assert_int_equal(observed_load(dir, to, &others, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, name));
	unlink(path);
	rmdir(dir);
	assert_int_equal(observed_load(dir, to, &others, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	observed_free(o);
	observed_free(to);
	observed_free(elsewhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up), cmocka_unit_test(unclean_paths_are_dropped), cmocka_unit_test(file_and_back),
		cmocka_unit_test(order_does_not_count), cmocka_unit_test(damaged_files), cmocka_unit_test(directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
