/* layer/facts.h and layer/read.h: what is recorded, kept, found again, and not believed. */
#include "base/file.h"
#include "layer/facts.h"
#include "layer/read.h"
#include "layer/tarout.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static char dir[] = "test-facts-XXXXXX", path[sizeof dir + 8];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/kept", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static u32 add(struct facts *f, struct tar_entry e)
{
	u32 id = 0;
	struct error err = { 0 };
	if (facts_add(f, &e, e.path, &id, &err) < 0)
		fail_msg("%s", err.text);
	return id;
}

static struct facts *some(u32 files)
{
	struct facts *f = facts_new();
	char name[64];
	add(f, (struct tar_entry){ .path = STR(""), .type = TAR_DIR, .mode = 0755 });
	for (u32 i = 0; i < files; i++) {
		snprintf(name, sizeof name, "dir-%u/sub/file-%u", i % 700, i);
		u32 id = add(f, (struct tar_entry){ .path = str_of(name), .type = TAR_FILE, .mode = 04755, .uid = i, .gid = 7, .size = i, .stored = i, .mtime = -5, .mtime_ns = 9, .start = (u64)i * 1024, .data = (u64)i * 1024 + 512 });
		if (i % 5 == 0)
			facts_note(f, id, 1 + i % 2, str_n(name, i % 9));
	}
	char xattr[] = "\1\0\0\0\2\0\0\0nv\0";
	add(f, (struct tar_entry){ .path = STR("l"), .type = TAR_SYMLINK, .link = STR("../as/stored//"), .xattrs = str_n(xattr, 11) });
	add(f, (struct tar_entry){ .path = STR("h"), .type = TAR_HARDLINK, .link = STR("./../l/") });
	add(f, (struct tar_entry){ .path = STR("s"), .type = TAR_FILE, .size = (u64)1 << 40, .stored = ((u64)5 << 32) + 17, .sparse = true, .start = 512, .data = 1024 });
	add(f, (struct tar_entry){ .path = STR("c"), .type = TAR_CHAR, .major = 0xfff, .minor = 0xfffff });
	f->diff_id = digest_bytes(DIGEST_SHA256, STR("x"));
	f->size = 12345;
	return f;
}

static void check(const struct facts *f, u32 files)
{
	struct buf p = BUF(0);
	char name[64];
	assert_int_equal(f->entries.n, files + 5);
	assert_true(str_is(facts_path(f, facts_entry(f, 0), &p), ""));
	for (u32 i = 0; i < files; i++) {
		const struct fact_entry *e = facts_entry(f, 1 + i);
		snprintf(name, sizeof name, "dir-%u/sub/file-%u", i % 700, i);
		assert_string_equal(facts_path(f, e, &p).p, name);
		assert_true(e->type == TAR_FILE && e->mode == 04755 && e->uid == i && e->gid == 7 && e->size == i && fact_stored(e) == i && e->mtime == -5 && e->mtime_ns == 9 && e->start == (u64)i * 1024 && e->head == 512);
		assert_true(fact_end(e) == (u64)i * 1024 + 512 + (i + 511) / 512 * 512);
		struct str note = facts_get_note(f, 1 + i, 1 + i % 2);
		assert_true(i % 5 ? note.p == NULL : note.n == i % 9 && memcmp(note.p, name, note.n) == 0);
		assert_null(facts_get_note(f, 1 + i, 2 - i % 2).p);
	}
	const struct fact_entry *l = facts_entry(f, files + 1), *h = facts_entry(f, files + 2), *s = facts_entry(f, files + 3), *c = facts_entry(f, files + 4);
	assert_string_equal(facts_string(f, l->link), "../as/stored//");
	assert_int_equal(facts_xattrs(f, l).n, 11);
	assert_memory_equal(facts_xattrs(f, l).p, "\1\0\0\0\2\0\0\0nv\0", 11);
	assert_string_equal(facts_string(f, h->link), "l"); /* cleaned */
	assert_int_equal(facts_xattrs(f, h).n, 0);
	assert_true(s->flags & FACT_SPARSE && s->size == (u64)1 << 40 && fact_stored(s) == ((u64)5 << 32) + 17 && fact_end(s) == 1024 + ((u64)5 << 32) + 512);
	assert_int_equal(c->rdev, UINT32_MAX);
	buf_free(&p);
}

static void kept(void **state)
{
	(void)state;
	static const u32 sizes[] = { 0, 1, 5000, 60000 }; /* the last needs several segments of both kinds */
	struct error err = { 0 };
	for (size_t i = 0; i < countof(sizes); i++) {
		struct facts *f = some(sizes[i]);
		check(f, sizes[i]);
		assert_int_equal(facts_save(f, path, 99, &err), 0);
		struct facts *g = facts_load(path, 99, &err);
		assert_non_null(g);
		check(g, sizes[i]);
		assert_true(digest_eq(&f->diff_id, &g->diff_id) && g->size == 12345 && g->n_notes == f->n_notes && g->problems.n == 0);
		facts_free(g);
		facts_free(f);
	}
	assert_null(facts_load(path, 98, &err)); /* other collectors */
	assert_int_equal(err.kind, ERR_NONE);
	unlink(path);
	assert_null(facts_load(path, 99, &err));
	assert_int_equal(err.kind, ERR_NONE);
	assert_null(facts_load(path, 99, NULL));
	struct facts *f = some(1);
	assert_int_equal(facts_save(f, "nowhere/at/all", 99, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	facts_free(f);
}

/* Whatever byte of a kept file changes, and wherever it ends: it is not taken, and nothing breaks. */
static void damaged(void **state)
{
	(void)state;
	struct facts *f = some(300);
	struct buf text = BUF(0), copy = BUF(0);
	assert_int_equal(facts_save(f, path, 99, NULL), 0);
	assert_int_equal(file_read(path, 10 * MiB, &text, NULL), 0);
	for (size_t i = 0; i < text.n; i += i < 400 ? 1 : 61)
		for (int bit = 0; bit < 8; bit += 7) {
			int fd = open(path, O_WRONLY | O_TRUNC);
			buf_clear(&copy);
			buf_add(&copy, buf_str(&text));
			copy.p[i] = (char)(copy.p[i] ^ 1 << bit);
			assert_int_equal(file_write_all(fd, copy.p, copy.n), 0);
			close(fd);
			struct facts *g = facts_load(path, 99, NULL);
			if (g)
				fail_msg("bit %d of byte %zu of %zu", bit, i, text.n);
		}
	for (size_t n = 0; n < text.n; n += n < 400 ? 7 : 997) {
		int fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(file_write_all(fd, text.p, n), 0);
		close(fd);
		assert_null(facts_load(path, 99, NULL));
	}
	buf_free(&text);
	buf_free(&copy);
	facts_free(f);
}

static void over_budgets(void **state)
{
	(void)state;
	struct facts *f = facts_new();
	struct error err = { 0 };
	u32 id;
	struct buf far = BUF(0), wide = BUF(0);
	for (size_t i = 0; i <= TAR_PATH_MAX; i++)
		buf_putc(&far, 'x');
	buf_reserve(&wide, FACTS_STRING_SEG);
	memset(wide.p, 0, FACTS_STRING_SEG);
	struct tar_entry link = { .path = STR("l"), .type = TAR_SYMLINK, .link = buf_str(&far) }, hard = { .path = STR("h"), .type = TAR_HARDLINK, .link = buf_str(&far) },
			 attributes = { .path = STR("a"), .type = TAR_FILE, .xattrs = str_n(wide.p, FACTS_STRING_SEG) };
	assert_int_equal(facts_add(f, &link, link.path, &id, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(facts_add(f, &hard, hard.path, &id, &err), -1);
	assert_int_equal(facts_add(f, &attributes, attributes.path, &id, &err), -1);
	assert_int_equal(f->entries.n, 0);
	facts_free(f);
	buf_free(&far);
	buf_free(&wide);
}

/* --- reading a layer --- */
static void put(struct buf *ar, const char *name, enum tar_type type, const char *link, struct str content)
{
	struct tarout_entry e = { .path = str_of(name), .link = str_of(link), .type = type, .mode = 0644, .size = content.n };
	static const char zero[512];
	assert_int_equal(tarout_header(&e, ar, NULL), 0);
	buf_add(ar, content);
	buf_add(ar, str_n(zero, tarout_padding(content.n)));
}

static bool wants(struct str d, struct str name) { return str_is(d, "etc") && (str_is(name, "noted") || str_is(name, "bad") || str_is(name, "big")); }

static int take(struct str d, struct str name, struct str content, struct buf *note, struct error *err)
{
	buf_printf(note, "%.*s/%.*s=", STR_FMT(d), STR_FMT(name));
	buf_add(note, content);
	return str_is(name, "bad") ? error_set(err, ERR_INPUT, "odd") : 0;
}

static const struct collector taker = { .id = COLLECT_OSRELEASE, .version = 1, .name = "taker", .limit = 100, .wants = wants, .take = take };
static const struct collector *const takers[] = { &taker, NULL };

static void layer(struct buf *ar)
{
	static char big[200];
	static const char zero[1024];
	put(ar, "etc", TAR_DIR, "", STR(""));
	put(ar, "etc/noted", TAR_FILE, "", STR("hello"));
	put(ar, "etc/plain", TAR_FILE, "", STR("hello"));
	put(ar, "./etc/../etc/bad", TAR_FILE, "", STR("x"));
	put(ar, "etc/big", TAR_FILE, "", str_n(big, sizeof big));
	put(ar, "l", TAR_SYMLINK, "etc", STR(""));
	buf_add(ar, str_n(zero, sizeof zero));
}

static void reading(void **state)
{
	(void)state;
	struct buf ar = BUF(0);
	layer(&ar);
	for (int headers = 0; headers < 2; headers++) {
		struct layer_options opt = { .collectors = takers, .headers_only = headers };
		struct layer_read r;
		struct error err = { 0 };
		assert_int_equal(layer_read(stream_memory(buf_str(&ar)), &opt, &r, &err), 0);
		assert_int_equal(r.facts->entries.n, 6);
		assert_true(r.compression == COMP_NONE);
		struct str note = facts_get_note(r.facts, 1, COLLECT_OSRELEASE);
		assert_true(str_is(note, "etc/noted=hello"));
		assert_null(facts_get_note(r.facts, 2, COLLECT_OSRELEASE).p);
		assert_true(str_is(facts_get_note(r.facts, 3, COLLECT_OSRELEASE), "etc/bad=x")); /* what could be read */
		assert_null(facts_get_note(r.facts, 4, COLLECT_OSRELEASE).p);
		assert_int_equal(r.facts->problems.n, 2); /* the bad and the big one */
		const struct fact_entry *a = facts_entry(r.facts, 1), *b = facts_entry(r.facts, 2);
		if (headers) {
			assert_true(a->flags & FACT_UNHASHED && !r.facts->diff_id.alg && !r.blob.alg);
		} else {
			struct digest want = digest_bytes(DIGEST_SHA256, buf_str(&ar));
			assert_true(!(a->flags & FACT_UNHASHED) && hash_eq(a->hash, b->hash));
			assert_true(digest_eq(&r.blob, &want) && digest_eq(&r.facts->diff_id, &want) && r.blob_size == ar.n && r.facts->size == ar.n);
		}
		facts_free(r.facts);
	}
	buf_free(&ar);
}

/* --- several collectors of one file, by what it begins with, piece by piece --- */
static bool wants_c(struct str d, struct str name) { return (void)d, str_ends(name, STR(".c")); }

static size_t most_head, least_head;

static bool sniff_magic(struct str d, struct str name, const struct tar_entry *e, struct str head)
{
	(void)d, (void)name;
	assert_int_equal(head.n, MIN((u64)COLLECT_HEAD, e->stored));
	most_head = MAX(most_head, head.n);
	least_head = MIN(least_head, head.n);
	return str_starts(head, STR("MAGIC"));
}

struct counter {
	u64 bytes, files, ends, size;
	u32 sum;
	bool first;
};
static struct counter *counter; /* the one that is open */
static u32 opened, closed;

static void *counter_open(void)
{
	opened++;
	return counter = xcalloc(1, sizeof *counter);
}

static void counter_begin(void *state, struct str d, struct str name, const struct tar_entry *e)
{
	struct counter *c = state;
	(void)d, (void)name;
	assert_int_equal(c->files++, c->ends);
	c->bytes = c->sum = 0;
	c->size = e->stored;
	c->first = true;
}

static void counter_feed(void *state, struct str piece)
{
	struct counter *c = state;
	if (c->first)
		assert_true(piece.n >= MIN((u64)COLLECT_HEAD, MIN(c->size, 9000)));
	c->first = false;
	c->bytes += piece.n;
	for (size_t i = 0; i < piece.n; i++)
		c->sum = c->sum * 31 + (u8)piece.p[i];
}

static int counter_end(void *state, struct buf *note, struct error *err)
{
	struct counter *c = state;
	c->ends++;
	if (c->bytes == 7) /* "MAGIC7\n" leaves none */
		return 0;
	buf_printf(note, "%llu:%u", (unsigned long long)c->bytes, c->sum);
	return c->bytes == 8 ? error_set(err, ERR_INPUT, "eight is odd") : 0;
}

static void counter_close(void *state)
{
	free(state);
	closed++;
}

static const struct collector_stream counting = { counter_open, counter_begin, counter_feed, counter_end, counter_close };
static const struct collector whole = { .id = COLLECT_NPM, .version = 1, .name = "whole", .limit = 20000, .wants = wants_c, .sniff = sniff_magic, .take = take },
			      raw = { .id = COLLECT_GEM, .version = 1, .name = "raw", .limit = 6000, .sniff = sniff_magic },
			      pieces = { .id = COLLECT_BINARY, .version = 1, .name = "pieces", .limit = 9000, .wants = wants_c, .sniff = sniff_magic, .stream = &counting };
static const struct collector *const several[] = { &whole, &raw, &pieces, NULL };

struct slow {
	struct str rest;
	size_t step;
};

static int slow_next(void *ctx, struct str *view, struct error *err)
{
	struct slow *s = ctx;
	(void)err;
	*view = str_head(s->rest, s->step);
	s->rest = str_from(s->rest, view->n);
	return 0;
}

static u32 sum_of(struct str s)
{
	u32 sum = 0;
	for (size_t i = 0; i < s.n; i++)
		sum = sum * 31 + (u8)s.p[i];
	return sum;
}

static void collected_layer(struct buf *ar, char *big, size_t n)
{
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7 % 251);
	memcpy(big, "MAGIC", 5);
	put(ar, "a.c", TAR_FILE, "", STR("some text"));
	put(ar, "empty.c", TAR_FILE, "", STR(""));
	put(ar, "none", TAR_FILE, "", STR("nobody's"));
	put(ar, "big", TAR_FILE, "", str_n(big, n));
	put(ar, "seven", TAR_FILE, "", STR("MAGIC7\n"));
	put(ar, "eight", TAR_FILE, "", STR("MAGIC8!\n"));
	put(ar, "medium", TAR_FILE, "", str_n(big, 5000));
}

static void collecting(void **state)
{
	(void)state;
	static char big[12000];
	char text[64];
	struct buf ar = BUF(0);
	collected_layer(&ar, big, sizeof big);
	for (size_t step = 100; step < 20000; step = step * 3 + 1) {
		struct slow slow = { buf_str(&ar), step };
		struct layer_options opt = { .collectors = several };
		struct layer_read r;
		struct facts *f;
		opened = closed = 0;
		most_head = 0;
		least_head = SIZE_MAX;
		assert_int_equal(layer_read(stream_callback(slow_next, NULL, &slow), &opt, &r, NULL), 0);
		f = r.facts;
		assert_int_equal(opened, 1);
		assert_int_equal(closed, 1);
		assert_int_equal(most_head, COLLECT_HEAD);
		assert_int_equal(least_head, 7);
		assert_true(str_is(facts_get_note(f, 0, COLLECT_NPM), "/a.c=some text"));
		snprintf(text, sizeof text, "9:%u", sum_of(STR("some text")));
		assert_true(str_is(facts_get_note(f, 0, COLLECT_BINARY), text));
		assert_null(facts_get_note(f, 0, COLLECT_GEM).p);
		assert_true(str_is(facts_get_note(f, 1, COLLECT_NPM), "/empty.c="));
		assert_true(str_is(facts_get_note(f, 1, COLLECT_BINARY), "0:0"));
		assert_null(facts_get_note(f, 2, COLLECT_NPM).p);
		assert_int_equal(facts_get_note(f, 3, COLLECT_NPM).n, 5 + sizeof big);
		snprintf(text, sizeof text, "9000:%u", sum_of(str_n(big, 9000))); /* as far as its limit */
		assert_true(str_is(facts_get_note(f, 3, COLLECT_BINARY), text));
		assert_null(facts_get_note(f, 3, COLLECT_GEM).p);
		assert_null(facts_get_note(f, 4, COLLECT_BINARY).p);
		assert_int_equal(facts_get_note(f, 5, COLLECT_BINARY).n > 0, 1);
		assert_true(str_eq(facts_get_note(f, 6, COLLECT_GEM), str_n(big, 5000)));
		assert_int_equal(f->problems.n, 3); /* over two budgets, and the eight */
		facts_free(f);
	}
	buf_free(&ar);
}

/* What breaks off leaves no note, and those that read in pieces are told its end. Headers only: contents that nobody asked for by name are not read. */
static void collecting_less(void **state)
{
	(void)state;
	static char big[12000];
	struct buf ar = BUF(0);
	struct layer_options opt = { .collectors = several };
	struct layer_read r;
	collected_layer(&ar, big, sizeof big);
	opened = closed = 0;
	assert_int_equal(layer_read(stream_memory(str_n(ar.p, 9000)), &opt, &r, NULL), 0);
	assert_int_equal(opened, 1);
	assert_int_equal(closed, 1);
	assert_int_equal(r.facts->entries.n, 3);
	assert_int_equal(r.facts->n_notes, 4);
	facts_free(r.facts);
	opt.headers_only = true;
	assert_int_equal(layer_read(stream_memory(buf_str(&ar)), &opt, &r, NULL), 0);
	assert_int_equal(opened, 1);
	assert_int_equal(r.facts->n_notes, 2);
	assert_true(str_is(facts_get_note(r.facts, 0, COLLECT_NPM), "/a.c=some text"));
	facts_free(r.facts);
	buf_free(&ar);
}

/* Cut anywhere: the entries before the cut are there and right, nothing half of one is, and it is said. */
static void cut(void **state)
{
	(void)state;
	struct buf ar = BUF(0);
	layer(&ar);
	for (size_t n = 1; n < ar.n - 1024; n += 97) {
		struct layer_options opt = { .collectors = takers };
		struct layer_read r;
		assert_int_equal(layer_read(stream_memory(str_n(ar.p, n)), &opt, &r, NULL), 0);
		bool between = n == 512 || n == 1536 || n == 2560 || n == 3584 || n == 4608;
		assert_true(between || r.facts->problems.n > 0);
		assert_int_equal(r.facts->entries.n, (n >= 512) + (n >= 1536 - 507) + (n >= 2560 - 507) + (n >= 3584 - 511) + (n >= 4608 - 312));
		for (u32 i = 0; i < r.facts->n_notes; i++)
			assert_true(r.facts->notes[i].entry < r.facts->entries.n);
		facts_free(r.facts);
	}
	buf_free(&ar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept), cmocka_unit_test(damaged), cmocka_unit_test(over_budgets), cmocka_unit_test(reading), cmocka_unit_test(collecting),
		cmocka_unit_test(collecting_less), cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
