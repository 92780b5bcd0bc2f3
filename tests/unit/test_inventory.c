/* The kept packages of an image: what was written is read, and nothing else is. */
#include "report/inventory.h"
#include <setjmp.h>
#include <cmocka.h>

static struct package one(const char *name)
{
	return (struct package){ .type = "deb", .name = name, .version = "1:2.0-1", .arch = "amd64", .purl = "pkg:deb/x", .path = "/var/lib/dpkg/status", .module = "", .vendor = "", .source_name = "src",
		.source_version = "2", .license = "MIT", .summary = "", .section = "libs", .depends = "a, b", .provides = "c", .placed = true, .origin = ORIGIN_INSTALLED, .essential = true, .within = 1, .layer = 3, .files = 7, .bytes = 1ull << 40 };
}

static void round_trip(void **state)
{
	(void)state;
	struct package v[] = { one("a"), one("") };
	const char *paths[] = { "/usr/bin/x", "/y" };
	struct packages p = { .v = v, .n = 2, .os_id = "debian", .os_version = "12", .os_pretty = "", .os_codename = "bookworm", .os_branch = "", .os_content_sets = "", .executable_bytes = 5, .identified_bytes = 4, .bytes = 9 };
	struct subject s = { .packages = &p, .unidentified = paths, .n_unidentified = 2 }, back = { 0 };
	struct buf b = BUF(0);
	inventory_write(&s, &b);
	assert_int_equal(inventory_read(buf_str(&b), &back), 0);
	assert_int_equal(back.packages->n, 2);
	assert_string_equal(back.packages->os_codename, "bookworm");
	assert_int_equal(back.packages->executable_bytes, 5);
	const struct package *k = &back.packages->v[0];
	assert_string_equal(k->name, "a");
	assert_string_equal(k->depends, "a, b");
	assert_true(k->essential && !k->automatic && k->placed && k->origin == ORIGIN_INSTALLED && k->layer == 3 && k->files == 7 && k->bytes == 1ull << 40 && k->within == 1);
	assert_string_equal(back.packages->v[1].name, "");
	assert_int_equal(back.n_unidentified, 2);
	assert_string_equal(back.unidentified[1], "/y");
	packages_free(back.packages);
	for (size_t n = 0; n < b.n; n++) /* cut off anywhere */
		assert_int_equal(inventory_read(str_n(b.p, n), &back), -1);
	for (size_t i = 0; i < b.n; i++) { /* any byte another */
		b.p[i] ^= 1;
		assert_int_equal(inventory_read(buf_str(&b), &back), -1);
		b.p[i] ^= 1;
	}
	buf_putc(&b, 'x');
	assert_int_equal(inventory_read(buf_str(&b), &back), -1);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
