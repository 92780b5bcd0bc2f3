#include "prune/prune.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#define NOW 1700000000
#define DAY 86400

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static s64 age(const char *text)
{
	s64 v = -1;
	struct error err = { 0 };
	return prune_age(text, NOW, &v, &err) < 0 ? -1 : v;
}

static void test_ages(void **state)
{
	(void)state;
	assert_int_equal(age("24h"), NOW - DAY);
	assert_int_equal(age("30d"), NOW - 30 * DAY);
	assert_int_equal(age("2w"), NOW - 14 * DAY);
	assert_int_equal(age("1h30m"), NOW - 5400);
	assert_int_equal(age("1.5h"), NOW - 5400);
	assert_int_equal(age("1700000000"), 1700000000);
	assert_int_equal(age("2023-11-14"), 1699920000);
	assert_int_equal(age("2023-11-14T22:13"), 1699999980);
	assert_int_equal(age("2023-11-14T22:13:20Z"), NOW);
	assert_int_equal(age("2023-11-14T22:13:20.123456Z"), NOW);
	assert_int_equal(age("2023-11-15T00:13:20+02:00"), NOW);
	assert_int_equal(age("2023-11-14T20:43:20-01:30"), NOW);
	assert_int_equal(age("0"), 1); /* 0 would be "any age" */
	assert_int_equal(age("100y"), 1);
	static const char *const bad[] = { "", "h", "24", "12q", "1..5h", "yesterday", "2023-13-01", "2023-11-14T22:13:20+2", "99999999999999999999h", "-5h", "1 h", "2023-11-14 x" };
	for (size_t i = 0; i < countof(bad); i++)
		if (strcmp(bad[i], "24") != 0) /* seconds since 1970 */
			assert_int_equal(age(bad[i]), -1);
}

static void test_filters(void **state)
{
	(void)state;
	struct prune_rules r = { 0 };
	struct error err = { 0 };
	assert_int_equal(prune_filter(&arena, "until=24h", NOW, &r, &err), 0);
	assert_int_equal(r.until, NOW - DAY);
	assert_int_equal(prune_filter(&arena, "label=a", NOW, &r, &err), 0);
	assert_int_equal(prune_filter(&arena, "label=b=c=d", NOW, &r, &err), 0);
	assert_string_equal(r.labels[0], "a");
	assert_string_equal(r.labels[1], "b=c=d");
	assert_null(r.labels[2]);
	assert_int_equal(prune_filter(&arena, "label!=keep", NOW, &r, &err), 0);
	assert_string_equal(r.not_labels[0], "keep");
	assert_int_equal(prune_filter(&arena, "dangling=false", NOW, &r, &err), 0);
	assert_true(r.dangling_off);
	assert_int_equal(prune_filter(&arena, "dangling=1", NOW, &r, &err), 0);
	assert_false(r.dangling_off);
	static const char *const bad[] = { "", "until", "until=", "until=soon", "label=", "dangling=maybe", "size=3", "=x" };
	for (size_t i = 0; i < countof(bad); i++) {
		assert_int_equal(prune_filter(&arena, bad[i], NOW, &r, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

static const char *const yes[] = { "team=a", "keep", NULL };

static void decide(struct prune_item *v, u32 n, const struct prune_rules *r) { prune_decide(&arena, v, n, r, NOW); }

/* Nothing that is in use goes, under any rules. */
static void test_in_use(void **state)
{
	(void)state;
	for (u32 bits = 0; bits < 64; bits++) {
		struct prune_item v[] = {
			{ PRUNE_CONTAINER, "1", "c", .created = 1, .in_use = "itself" },
			{ PRUNE_IMAGE, "2", "<none>", .created = 1, .dangling = true, .in_use = "container c" },
			{ PRUNE_IMAGE, "3", "web:1", .created = 1, .in_use = "container c" },
			{ PRUNE_VOLUME, "4", "v", .created = 1, .dangling = true, .in_use = "container c" },
			{ PRUNE_CACHE, "5", "x", .created = 1, .bytes = 100, .in_use = "a build" },
			{ PRUNE_TAG, "6", "1.0", .created = 1, .in_use = "an index" },
			{ PRUNE_MANIFEST, "7", "m", .created = 1, .dangling = true, .in_use = "an index" },
			{ PRUNE_BLOB, "8", "b", .created = 1, .in_use = "a lease" },
			{ PRUNE_NETWORK, "9", "n", .created = 1, .in_use = "container c" },
		};
		static const char *const any[] = { "*", NULL };
		decide(v, countof(v), &(struct prune_rules){ .all = bits & 1, .until = bits & 2 ? NOW : 0, .names = bits & 4 ? any : NULL, .keep = bits & 8 ? 1 : 0, .keep_storage = bits & 16 ? 1 : 0,
							     .dangling_off = bits & 32 });
		for (u32 i = 0; i < countof(v); i++) {
			assert_false(v[i].goes);
			assert_memory_equal(v[i].why, "used by ", 8);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	struct prune_item v[] = {
		{ PRUNE_IMAGE, "sha256:1", "<none>", .created = 1, .bytes = 5, .dangling = true },
		{ PRUNE_IMAGE, "sha256:2", "web:1.0", .created = 1, .bytes = 7 },
		{ PRUNE_IMAGE, "sha256:3", "web:pr-1", .created = 1, .bytes = 11 },
		{ PRUNE_TAG, "t", "1.0", .created = 1 },
		{ PRUNE_VOLUME, "v", "data", .created = 1 },
		{ PRUNE_CONTAINER, "c", "c", .created = 1 },
	};
	decide(v, countof(v), &(struct prune_rules){ 0 });
	assert_true(v[0].goes && !v[1].goes && !v[2].goes && !v[3].goes && !v[4].goes && v[5].goes);
	assert_string_equal(v[0].why, "untagged");
	assert_string_equal(v[1].why, "has a name");
	assert_int_equal(prune_total(v, countof(v)).bytes, 5);
	assert_int_equal(prune_total(v, countof(v)).go, 2);
	assert_int_equal(prune_total(v, countof(v)).stay, 4);
	decide(v, countof(v), &(struct prune_rules){ .all = true });
	for (u32 i = 0; i < countof(v); i++)
		assert_int_equal(v[i].goes, v[i].kind != PRUNE_VOLUME); /* what is in those is lost for ever: by their names only */
	static const char *const data[] = { "data", NULL };
	decide(v, countof(v), &(struct prune_rules){ .names = data });
	assert_true(v[4].goes && !v[1].goes);
	decide(v, countof(v), &(struct prune_rules){ .dangling_off = true }); /* as docker's dangling=false */
	assert_true(v[0].goes && v[1].goes);
	static const char *const pr[] = { "pr-*", NULL }, *const web[] = { "web:1*", NULL };
	decide(v, countof(v), &(struct prune_rules){ .names = pr });
	assert_true(v[0].goes && !v[1].goes && v[2].goes);
	assert_string_equal(v[1].why, "matches no pattern");
	assert_string_equal(v[2].why, "matches pr-*");
	decide(v, countof(v), &(struct prune_rules){ .all = true, .protect = web });
	assert_true(!v[1].goes && v[2].goes);
	assert_string_equal(v[1].why, "protected by web:1*");
	decide(v, countof(v), &(struct prune_rules){ .until = NOW }); /* by age: tags; images with a name only with all, as docker has it */
	assert_true(v[3].goes && !v[1].goes);
}

static void test_labels_and_age(void **state)
{
	(void)state;
	struct prune_item v[] = {
		{ PRUNE_CONTAINER, "1", "a", .created = NOW - 40 * DAY, .labels = yes },
		{ PRUNE_CONTAINER, "2", "b", .created = NOW - 40 * DAY },
		{ PRUNE_CONTAINER, "3", "c", .created = NOW - 40 * DAY, .used = NOW - DAY },
		{ PRUNE_CONTAINER, "4", "d" },
		{ PRUNE_CONTAINER, "5", "e", .created = NOW - 30 * DAY },
	};
	decide(v, countof(v), &(struct prune_rules){ .until = NOW - 30 * DAY });
	assert_true(v[0].goes && v[1].goes && !v[2].goes && !v[3].goes && !v[4].goes);
	assert_string_equal(v[0].why, "stopped, older than 30 days");
	assert_string_equal(v[2].why, "used less than 30 days ago");
	assert_string_equal(v[3].why, "its age is not known");
	assert_string_equal(v[4].why, "made less than 30 days ago");
	static const char *const key[] = { "team", NULL }, *const both[] = { "team=a", "keep", NULL }, *const other[] = { "team=b", NULL };
	decide(v, countof(v), &(struct prune_rules){ .labels = key });
	assert_true(v[0].goes && !v[1].goes);
	decide(v, countof(v), &(struct prune_rules){ .labels = both });
	assert_true(v[0].goes);
	decide(v, countof(v), &(struct prune_rules){ .labels = other });
	assert_false(v[0].goes);
	decide(v, countof(v), &(struct prune_rules){ .not_labels = both });
	assert_true(!v[0].goes && v[1].goes);
	assert_string_equal(v[0].why, "has the label team=a");
	struct prune_item blob = { PRUNE_BLOB, "", "3 blobs", .bytes = 9 }; /* no rule holds back what nothing needs */
	decide(&blob, 1, &(struct prune_rules){ .until = 1, .labels = key, .names = both });
	assert_true(blob.goes);
	assert_string_equal(blob.why, "nothing needs it");
}

static void test_keep(void **state)
{
	(void)state;
	struct prune_item v[] = {
		{ PRUNE_TAG, "a1", "1", .created = 10, .group = 1 }, { PRUNE_TAG, "a2", "2", .created = 20, .group = 1 }, { PRUNE_TAG, "a3", "3", .created = 30, .group = 1 },
		{ PRUNE_TAG, "b1", "1", .created = 5, .group = 2 }, { PRUNE_TAG, "b2", "latest", .created = 50, .group = 2 }, { PRUNE_TAG, "b3", "2", .created = 5, .group = 2, .in_use = "an index" },
	};
	decide(v, countof(v), &(struct prune_rules){ .keep = 2 });
	assert_true(v[0].goes && !v[1].goes && !v[2].goes);
	assert_true(v[3].goes && !v[4].goes && !v[5].goes);
	assert_string_equal(v[0].why, "not of the newest 2");
	assert_string_equal(v[1].why, "the newest 2 are kept");
	static const char *const latest[] = { "latest", NULL }; /* what is protected does not count */
	decide(v, countof(v), &(struct prune_rules){ .keep = 1, .protect = latest });
	assert_true(!v[4].goes && v[3].goes && !v[5].goes);
	/* Equal times: the same ones stay, whatever the order of the list. */
	struct prune_item w[6];
	for (u32 turn = 0; turn < 6; turn++) {
		static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
		for (u32 i = 0; i < 6; i++)
			w[i] = (struct prune_item){ PRUNE_IMAGE, names[(i + turn) % 6], names[(i + turn) % 6], .created = 7 };
		decide(w, 6, &(struct prune_rules){ .all = true, .keep = 2 });
		for (u32 i = 0; i < 6; i++)
			assert_int_equal(w[i].goes, strcmp(w[i].name, "e") < 0);
	}
}

static void test_keep_storage(void **state)
{
	(void)state;
	struct prune_item v[] = {
		{ PRUNE_CACHE, "1", "one", .created = 1, .used = 40, .bytes = 40 }, { PRUNE_CACHE, "2", "two", .created = 1, .used = 10, .bytes = 30 },
		{ PRUNE_CACHE, "3", "three", .created = 1, .used = 20, .bytes = 20 }, { PRUNE_CACHE, "4", "four", .created = 1, .used = 5, .bytes = 10, .in_use = "a build" },
		{ PRUNE_CONTAINER, "5", "c", .created = 1, .bytes = 1000 },
	};
	decide(v, countof(v), &(struct prune_rules){ .keep_storage = 70 });
	assert_true(!v[0].goes && v[1].goes && !v[2].goes && !v[3].goes && v[4].goes); /* 100, 70 */
	decide(v, countof(v), &(struct prune_rules){ .keep_storage = 69 });
	assert_true(!v[0].goes && v[1].goes && v[2].goes);
	decide(v, countof(v), &(struct prune_rules){ .keep_storage = 100 });
	assert_true(!v[0].goes && !v[1].goes && !v[2].goes && v[4].goes);
	assert_string_equal(v[0].why, "of the 100 B that are kept");
	decide(v, countof(v), &(struct prune_rules){ .keep_storage = 1 }); /* cannot be reached: all that may go goes */
	assert_int_equal(prune_total(v, countof(v)).bytes, 1090);
}

static void test_parts(void **state)
{
	(void)state;
	struct prune_part base = { 100, 3, 0 }, x = { 10, 1, 0 }, y = { 20, 2, 0 };
	struct prune_part *pa[] = { &base, &x }, *pb[] = { &base, &y }, *pc[] = { &base, &y };
	struct prune_item v[] = {
		{ PRUNE_IMAGE, "a", "a:1", .used = 30, .parts = pa, .n_parts = 2 },
		{ PRUNE_IMAGE, "b", "b:1", .used = 20, .parts = pb, .n_parts = 2 },
		{ PRUNE_IMAGE, "c", "c:1", .used = 10, .parts = pc, .n_parts = 2 },
	};
	decide(v, 3, &(struct prune_rules){ .all = true });
	assert_int_equal(v[0].bytes, 10);
	assert_int_equal(v[1].bytes, 0);
	assert_int_equal(v[2].bytes, 120);
	assert_int_equal(prune_total(v, 3).bytes, 130);
	decide(v, 3, &(struct prune_rules){ 0 });
	assert_int_equal(prune_total(v, 3).bytes, 0);
	assert_int_equal(v[0].bytes, 10); /* what each would free */
	assert_int_equal(v[1].bytes, 0);
	decide(v, 3, &(struct prune_rules){ .all = true, .keep_storage = 129, .keep_storage_images = true });
	assert_true(!v[0].goes && v[1].goes && v[2].goes); /* 130, 130, 110 */
	assert_int_equal(prune_total(v, 3).bytes, 20);
	base.holders = 4; /* something that is not listed needs it */
	decide(v, 3, &(struct prune_rules){ .all = true });
	assert_int_equal(prune_total(v, 3).bytes, 30);
}

/* What something that stays stands on stays, over several steps; what goes takes nothing along that another needs. */
static void test_users(void **state)
{
	(void)state;
	struct prune_item v[4] = {
		{ PRUNE_CONTAINER, "1", "stopped", .created = NOW - 10 },
		{ PRUNE_IMAGE, "2", "web:1", .created = NOW - 999999 },
		{ PRUNE_CACHE, "3", "RUN make", .created = NOW - 999999 },
		{ PRUNE_VOLUME, "4", "data", .created = NOW - 999999 },
	};
	const struct prune_item *const by_container[] = { &v[0], NULL }, *const by_image[] = { &v[1], NULL };
	v[1].users = by_container;
	v[2].users = by_image;
	decide(v, countof(v), &(struct prune_rules){ .all = true });
	assert_true(v[0].goes && v[1].goes && v[2].goes);
	assert_false(v[3].goes); /* a volume with a name is not a matter of --all */
	decide(v, countof(v), &(struct prune_rules){ .all = true, .until = NOW - 1000 });
	assert_true(!v[0].goes && !v[1].goes && !v[2].goes);
	assert_string_equal(v[1].why, "used by container stopped");
	assert_string_equal(v[2].why, "used by image web:1");
	const char *const named[] = { "data", NULL };
	decide(v, countof(v), &(struct prune_rules){ .names = named });
	assert_true(v[3].goes);
}

static void test_nothing(void **state)
{
	(void)state;
	decide(NULL, 0, &(struct prune_rules){ .all = true, .keep = 3, .keep_storage = 1 });
	assert_int_equal(prune_total(NULL, 0).go, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_labels_and_age),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_keep_storage),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests_name("prune", tests, setup, teardown);
}
