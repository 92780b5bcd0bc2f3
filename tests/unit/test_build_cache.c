/* build/cache.h: what is found again and what is not, why, and what of another machine's cache is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "build/cache.h"
#include "base/file.h"
#include "build/cache_in.h"
#include "build/room.h"
#include "run/box.h"
#include "store/load.h"
#include "store/store.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64];
static struct store *store;
static struct arena arena;

#define OK(x) assert_int_equal(x, 0)

static const char *below(const char *name) { return arena_printf(&arena, "%s/%s", place, name); }

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	snprintf(place, sizeof place, "/var/tmp/pare-test-XXXXXX");
	assert_non_null(mkdtemp(place));
	OK(store_open(below("store"), true, &store, &err));
	return 0;
}

static int teardown(void **state)
{
	struct run_ids ids = { 0 };
	(void)state;
	store_close(store);
	run_tree_remove(place, &ids);
	arena_free(&arena);
	return 0;
}

static struct build_cache *open_cache(const char *scope)
{
	struct error err = { 0 };
	struct build_cache *c;
	OK(cache_open(below("store"), store, scope, &c, &err));
	return c;
}

static struct cache_key key(const char *const *inputs)
{
	struct cache_key k = { .a = &arena };
	for (; *inputs; inputs += 2)
		cache_key_add(&k, inputs[0], str_of(inputs[1]));
	cache_key_end(&k);
	return k;
}
#define KEY(...) key((const char *const[]){ __VA_ARGS__, NULL })

/* A layer of these bytes, not compressed, in the store. */
static struct build_layer layer(struct store *s, const char *text)
{
	struct error err = { 0 };
	struct build_layer l = { .digest = digest_bytes(DIGEST_SHA256, str_of(text)), .size = strlen(text), .plain = strlen(text) };
	l.diff_id = l.digest;
	OK(store_add_blob(s, &l.digest, l.size, 0, stream_memory(str_of(text)), &err));
	return l;
}

static int find(struct build_cache *c, const struct cache_key *k, const char *instruction, bool *changed, struct build_layer *l)
{
	struct error err = { 0 };
	int r = cache_find(c, k, instruction, changed, l, &err);
	if (r < 0)
		fail_msg("%s", err.text);
	return r;
}

static void put(struct build_cache *c, const struct cache_key *k, const char *instruction, const struct build_layer *l)
{
	struct error err = { 0 };
	OK(cache_put(c, k, instruction, l, &err));
}

static const char *why_on(struct build_cache *c, const struct cache_key *k, const char *instruction, const char *on)
{
	struct buf b = BUF(0);
	cache_explain(c, k, instruction, on, &b);
	const char *ret = arena_strdup(&arena, buf_str(&b));
	buf_free(&b);
	return ret;
}

static const char *why(struct build_cache *c, const struct cache_key *k, const char *instruction) { return why_on(c, k, instruction, NULL); }

static void test_keys(void **state)
{
	(void)state;
	struct cache_key a = KEY("command", "make"), b = KEY("command", "make"), c = KEY("commandm", "ake"), d = KEY("command", "make", "user", ""), e = KEY("user", "", "command", "make");
	assert_true(digest_eq(&a.digest, &b.digest));
	assert_false(digest_eq(&a.digest, &c.digest));
	assert_false(digest_eq(&a.digest, &d.digest));
	assert_false(digest_eq(&d.digest, &e.digest));
}

static void test_found(void **state)
{
	(void)state;
	struct build_cache *c = open_cache("found");
	struct cache_key k = KEY("command", "make"), nothing = KEY("command", "true"), other = KEY("command", "other");
	struct build_layer l = layer(store, "the layer"), got;
	bool changed;
	assert_int_equal(find(c, &k, "1/2 RUN make", &changed, &got), 0);
	put(c, &k, "1/2 RUN make", &l);
	put(c, &nothing, "2/2 RUN true", NULL);
	cache_close(c);
	c = open_cache("found");
	assert_int_equal(find(c, &k, "1/2 RUN make", &changed, &got), 1);
	assert_true(changed);
	assert_memory_equal(&got, &l, sizeof l);
	assert_int_equal(find(c, &nothing, "2/2 RUN true", &changed, &got), 1);
	assert_false(changed);
	assert_int_equal(find(c, &other, "2/2 RUN other", &changed, &got), 0);
	cache_close(c);
}

/* --- what pruning does --- */
static int count(void *ctx, const struct store_built *b, struct error *err)
{
	(void)b, (void)err;
	++*(u32 *)ctx;
	return 0;
}

static void test_kept(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct store *s;
	struct store_swept swept;
	struct build_layer got;
	bool changed;
	u32 n = 0;
	OK(store_open(below("kept"), true, &s, &err));
	struct build_cache *c;
	OK(cache_open(below("kept"), s, "kept", &c, &err));
	struct cache_key k = KEY("command", "make");
	struct build_layer l = layer(s, "kept"), lost = layer(s, "nobody's");
	put(c, &k, "1/1 RUN make", &l);
	cache_close(c);
	store_close(s); /* with its leases */
	OK(store_open(below("kept"), true, &s, &err));
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 1);
	assert_int_equal(store_has(s, &lost.digest, &err), 0);
	OK(cache_open(below("kept"), s, "kept", &c, &err));
	assert_int_equal(find(c, &k, "1/1 RUN make", &changed, &got), 1);
	OK(store_built_each(s, count, &n, &err));
	assert_int_equal(n, 1);
	cache_close(c);
	OK(store_built_drop(s, &k.digest, &err));
	store_close(s);
	OK(store_open(below("kept"), true, &s, &err));
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 1);
	OK(cache_open(below("kept"), s, "kept", &c, &err));
	assert_int_equal(find(c, &k, "1/1 RUN make", &changed, &got), 0);
	assert_string_equal(why(c, &k, "1/1 RUN make"), "its record was pruned");
	cache_close(c);
	store_close(s);
}

/* --- why not --- */
static void test_explained(void **state)
{
	(void)state;
	struct build_cache *c = open_cache("explained");
	struct cache_key first = KEY("below", "nothing", "command", "first"), copy = KEY("below", "sha256:1", "file a", "sha256:a1", "file b", "sha256:b1", "files", "1"),
			 run = KEY("below", "sha256:2", "command", "/bin/sh", "command", "-c", "command", "make", "variable V", "1", "user", "");
	assert_string_equal(why(c, &run, "3/3 RUN make"), "it was never built here");
	put(c, &first, "1/3 RUN first", NULL);
	put(c, &copy, "2/3 COPY . /", NULL);
	put(c, &run, "3/3 RUN make", NULL);
	cache_close(c);
	c = open_cache("explained");
	struct cache_key arg = KEY("below", "sha256:2", "command", "/bin/sh", "command", "-c", "command", "make", "variable V", "2", "user", "");
	assert_string_equal(why(c, &arg, "3/3 RUN make"), "variable V was \"1\", is \"2\"");
	struct cache_key before = KEY("below", "sha256:3", "command", "/bin/sh", "command", "-c", "command", "make", "variable V", "1", "user", "");
	assert_string_equal(why(c, &before, "3/3 RUN make"), "a step before it changed");
	struct cache_key text = KEY("below", "sha256:3", "command", "/bin/sh", "command", "-c", "command", "make all", "variable V", "1", "user", "");
	assert_string_equal(why(c, &text, "3/3 RUN make all"), "command was \"make\", is \"make all\"; a step before it changed, too");
	assert_string_equal(why_on(c, &text, "3/3 RUN make all", "the base image"), "the base image changed; command was \"make\", is \"make all\"");
	struct cache_key shell = KEY("below", "sha256:2", "command", "bash", "command", "-e", "command", "-c", "command", "make", "variable V", "1", "user", "");
	assert_string_equal(why(c, &shell, "3/3 RUN make"), "command was \"/bin/sh\", is \"bash -e\"");
	struct cache_key shorter = KEY("below", "sha256:2", "command", "make", "variable V", "1", "user", "");
	assert_string_equal(why(c, &shorter, "3/3 RUN make"), "command was \"/bin/sh -c\", is \"\"");
	struct cache_key more = KEY("below", "sha256:2", "command", "/bin/sh", "command", "-c", "command", "make", "variable V", "1", "variable W", "x", "user", "");
	assert_string_equal(why(c, &more, "4/4 RUN make"), "variable W \"x\" is new");
	struct cache_key files = KEY("below", "sha256:1", "file a", "sha256:a2", "file c", "sha256:c1", "files", "1");
	assert_string_equal(why(c, &files, "2/3 COPY . /"), "file a changed; file c is new; file b is gone");
	assert_string_equal(why(c, &files, "9/9 ADD x /"), "no such step was in the last build");
	assert_string_equal(why(c, &files, "other 2/3 COPY . /"), "no such step was in the last build");
	char was[5000], is[5000];
	memset(was, 'x', sizeof was);
	memset(is, 'x', sizeof is);
	was[4999] = is[4999] = '\0';
	was[50] = '\0';
	is[40] = 'y';
	is[300] = '\0';
	struct cache_key long1 = KEY("command", was), long2 = KEY("command", is);
	put(c, &long1, "long 1/1 RUN x", NULL);
	cache_close(c);
	c = open_cache("explained");
	assert_non_null(strstr(why(c, &long2, "long 1/1 RUN x"), "command differs from byte 41 on: was \"xxx"));
	cache_close(c);
}

/* What is longer than is kept, and what is no text, is compared all the same. */
static void test_long_values(void **state)
{
	(void)state;
	struct build_cache *c = open_cache("long");
	char *text = arena_alloc(&arena, 20001);
	memset(text, 'a', 20000);
	text[20000] = '\0';
	struct cache_key k = KEY("here-document", text, "raw", "\xff\xfe", "user", "a"), other = KEY("here-document", text, "raw", "\xff\xfe", "user", "b");
	put(c, &k, "1/1 RUN x", NULL);
	cache_close(c);
	c = open_cache("long");
	assert_string_equal(why(c, &other, "1/1 RUN x"), "user was \"a\", is \"b\"");
	cache_close(c);
}

/* --- elsewhere --- */
static void export_to(struct build_cache *c, const char *spec)
{
	struct error err = { 0 };
	if (cache_export(c, spec, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_elsewhere(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct buf note = BUF(0);
	struct store *s;
	struct build_cache *c = open_cache("elsewhere");
	struct cache_key ships = KEY("command", "ships"), other = KEY("command", "other"), nothing = KEY("command", "nothing");
	struct build_layer a = layer(store, "layer a"), b = layer(store, "layer b"), got;
	bool changed;
	put(c, &ships, "final 1/2 RUN ships", &a);
	put(c, &nothing, "final 2/2 RUN nothing", NULL);
	put(c, &other, "build 1/1 RUN other", &b);
	cache_of_target(c, &ships);
	cache_of_target(c, &nothing);
	export_to(c, arena_printf(&arena, "type=local,dest=%s", below("min")));
	export_to(c, arena_printf(&arena, "type=local,mode=max,dest=%s", below("max")));
	export_to(c, arena_printf(&arena, "type=local,mode=max,dest=%s", below("max")));
	cache_close(c);
	for (u32 max = 0; max < 2; max++) {
		OK(store_open(below(max ? "there-max" : "there-min"), true, &s, &err));
		OK(cache_open(below(max ? "there-max" : "there-min"), s, "there", &c, &err));
		OK(cache_import(c, arena_printf(&arena, "type=local,src=%s", below("nowhere")), &note, &err));
		assert_non_null(strstr(note.p, "nowhere"));
		buf_clear(&note);
		OK(cache_import(c, arena_printf(&arena, "type=local,src=%s", below(max ? "max" : "min")), &note, &err));
		assert_string_equal(buf_str(&note).p, "");
		assert_int_equal(find(c, &ships, "1/2 RUN ships", &changed, &got), 1);
		assert_true(changed);
		assert_memory_equal(&got, &a, sizeof a);
		assert_int_equal(store_has(s, &a.digest, &err), 1);
		assert_int_equal(find(c, &nothing, "2/2 RUN nothing", &changed, &got), 1);
		assert_false(changed);
		assert_int_equal(find(c, &other, "1/1 RUN other", &changed, &got), (int)max);
		cache_close(c);
		OK(cache_open(below(max ? "there-max" : "there-min"), s, "there", &c, &err)); /* it is ours now */
		assert_int_equal(find(c, &ships, "1/2 RUN ships", &changed, &got), 1);
		cache_close(c);
		store_close(s);
	}
	buf_free(&note);
}

static void refuse(int (*f)(struct build_cache *c, const char *spec, struct error *err), struct build_cache *c, const char *spec)
{
	struct error err = { 0 };
	if (f(c, spec, &err) == 0)
		fail_msg("%s was taken", spec);
	assert_int_equal(err.kind, ERR_USAGE);
}

static int import_it(struct build_cache *c, const char *spec, struct error *err)
{
	struct buf note = BUF(0);
	int r = cache_import(c, spec, &note, err);
	buf_free(&note);
	return r;
}

static void test_specs(void **state)
{
	(void)state;
	struct build_cache *c = open_cache("specs");
	static const char *const bad[] = { "type=inline", "type=gha", "type=s3,bucket=x", "type=local", "type=local,mode=most,dest=/x", "type=registry", "type=local,colour=red,dest=/x", "type=local,compression=zstd,dest=/x" };
	for (u32 i = 0; i < countof(bad); i++)
		refuse(cache_export, c, bad[i]);
	refuse(import_it, c, "type=azblob,name=x");
	refuse(import_it, c, "type=local,dest=/x");
	cache_close(c);
}

/* A record whose blob is other content than it says, or is not there, is none. */
static void test_lies(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct build_cache *c = open_cache("lies");
	struct cache_key k = KEY("command", "lies");
	struct build_layer l = layer(store, "lies"), got;
	bool changed;
	struct store *s;
	l.diff_id.bytes[0] ^= 1;
	put(c, &k, "1/1 RUN lies", &l);
	export_to(c, arena_printf(&arena, "type=local,mode=max,dest=%s", below("lying")));
	cache_close(c);
	OK(store_open(below("believing"), true, &s, &err));
	OK(cache_open(below("believing"), s, "x", &c, &err));
	OK(import_it(c, arena_printf(&arena, "type=local,src=%s", below("lying")), &err));
	assert_int_equal(find(c, &k, "1/1 RUN lies", &changed, &got), 0);
	cache_close(c);
	store_close(s);
}

static void test_records(void **state)
{
	(void)state;
#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct {
		const char *text;
		int n; /* -1: refused */
	} cases[] = {
		{ "", -1 }, { "[]", -1 }, { "{}", -1 }, { "{\"version\":2,\"steps\":[]}", -1 }, { "{\"version\":1,\"steps\":{}}", -1 }, { "{\"version\":1,\"steps\":[", -1 },
		{ "{\"version\":1,\"steps\":[]}", 0 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\",\"layer\":null}]}", 1 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\"}]}", 0 },
		{ "{\"version\":1,\"steps\":[1,null,\"x\",{\"key\":\"sha256:0\",\"layer\":null},{\"key\":\"" D "\",\"layer\":null,\"instruction\":7}]}", 1 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\",\"layer\":{\"digest\":\"" D "\",\"diffID\":\"" D "\",\"size\":1,\"plain\":1,\"compression\":\"gzip\"}}]}", 1 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\",\"layer\":{\"digest\":\"" D "\",\"diffID\":\"" D "\",\"size\":1,\"plain\":1,\"compression\":\"xz\"}}]}", 0 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\",\"layer\":{\"digest\":\"" D "\",\"diffID\":\"" D "\",\"size\":9223372036854775807,\"plain\":1,\"compression\":\"gzip\"}}]}", 0 },
		{ "{\"version\":1,\"steps\":[{\"key\":\"" D "\",\"layer\":{\"digest\":\"" D "\",\"diffID\":\"../../x\",\"size\":1,\"plain\":1,\"compression\":\"gzip\"}}]}", 0 },
	};
	for (u32 i = 0; i < countof(cases); i++) {
		struct cache_record *v;
		u32 n = 0;
		struct error err = { 0 };
		int r = cache_records_read(str_of(cases[i].text), &arena, &v, &n, &err);
		if (r < 0 ? cases[i].n >= 0 : (int)n != cases[i].n)
			fail_msg("case %u: %d, %u", i, r, n);
	}
}

/* --- within the budget --- */
static const char *mount_of(const char *store_dir, char digit, s64 used)
{
	const struct timespec ts[2] = { { used, 0 }, { used, 0 } };
	char hex[65];
	struct error err = { 0 };
	memset(hex, digit, 64);
	hex[64] = '\0';
	const char *path = arena_printf(&arena, "%s/build/mounts/%s", store_dir, hex);
	OK(file_mkdirs(arena_printf(&arena, "%s/data", path), &err));
	int fd = open(arena_printf(&arena, "%s/data/f", path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char *bytes = arena_zalloc(&arena, 100000);
	assert_int_equal(write(fd, bytes, 100000), 100000);
	close(fd);
	OK(utimensat(AT_FDCWD, path, ts, 0));
	return path;
}

static void test_budget(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct store *s;
	struct build_cache *c;
	const char *dir = below("room");
	OK(store_open(dir, true, &s, &err));
	OK(cache_open(dir, s, "room", &c, &err));
	struct cache_key k = KEY("command", "x");
	char *text = arena_alloc(&arena, 200001);
	memset(text, 'x', 200000);
	text[200000] = '\0';
	struct build_layer l = layer(s, text);
	put(c, &k, "1/1 RUN x", &l);
	cache_close(c);
	store_close(s);
	const struct timespec long_ago[2] = { { 1000, 0 }, { 1000, 0 } };
	const char *last = arena_printf(&arena, "%s/build/last/%s", dir, "x");
	close(open(last, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	OK(utimensat(AT_FDCWD, last, long_ago, 0));
	const char *old = mount_of(dir, 'a', 1000), *used = mount_of(dir, 'b', 500), *young = mount_of(dir, 'c', 2000);
	int fd = open(used, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OK(flock(fd, LOCK_SH));
	build_room_keep(dir, 250000);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(last, F_OK), -1);
	OK(access(used, F_OK));
	OK(access(young, F_OK));
	OK(store_open(dir, true, &s, &err));
	assert_int_equal(store_has(s, &l.digest, &err), 1);
	store_close(s);
	build_room_keep(dir, 1000); /* not twice an hour */
	OK(access(young, F_OK));
	OK(unlink(arena_printf(&arena, "%s/build/kept", dir)));
	build_room_keep(dir, 1000);
	assert_int_equal(access(young, F_OK), -1);
	OK(access(used, F_OK));
	OK(store_open(dir, true, &s, &err));
	assert_int_equal(store_has(s, &l.digest, &err), 0);
	store_close(s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), cmocka_unit_test(test_found), cmocka_unit_test(test_kept), cmocka_unit_test(test_explained), cmocka_unit_test(test_long_values), cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_specs), cmocka_unit_test(test_lies), cmocka_unit_test(test_records), cmocka_unit_test(test_budget),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
