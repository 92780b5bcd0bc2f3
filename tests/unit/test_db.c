#include "advisory/db.h"
#include "advisory/record.h"
#include "advisory/sort.h"
#include "advisory/tree.h"
#include "base/file.h"
#include <fcntl.h>
#include <lmdb.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static const char *path(const char *name)
{
	static char p[4][128];
	static u32 i;
	i = (i + 1) % 4;
	snprintf(p[i], sizeof p[i], "%s/%s", dir, name);
	return p[i];
}

static struct str content(const char *name)
{
	struct buf b = BUF(0);
	struct error err = { 0 };
	assert_int_equal(file_read(path(name), GiB, &b, &err), 0);
	return buf_str(&b);
}

static u32 seed;
static u32 dice(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

/* --- tree --- */
static void number_key(u32 i, struct buf *key, struct buf *value)
{
	buf_clear(key);
	buf_clear(value);
	buf_printf(key, "%08u", i);
	for (u32 k = 0; k < i % 37; k++)
		buf_putc(key, (char)('a' + k % 7));
	u32 n = i % 1000 == 999 ? 100000 : i % 100 == 99 ? 3000 : i % 61;
	for (u32 k = 0; k < n; k++)
		buf_putc(value, (char)(i + k));
}

static void write_tree(const char *name, u32 n)
{
	struct error err = { 0 };
	int fd = open(path(name), O_CREAT | O_TRUNC | O_RDWR, 0600);
	assert_true(fd >= 0);
	struct tree_writer *w = tree_writer_new(fd);
	struct buf key = BUF(0), value = BUF(0);
	for (u32 i = 0; i < n; i++) {
		number_key(i, &key, &value);
		assert_int_equal(tree_add(w, buf_str(&key), buf_str(&value), &err), 0);
	}
	if (n)
		assert_int_equal(tree_add(w, buf_str(&key), STR(""), &err), -1); /* the same key again */
	assert_int_equal(tree_finish(w, &err), 0);
	tree_writer_free(w);
	close(fd);
	buf_free(&key);
	buf_free(&value);
}

static void check_tree(const char *name, u32 n)
{
	struct str file = content(name);
	struct tree t;
	struct tree_at at;
	struct error err = { 0 };
	struct buf key = BUF(0), value = BUF(0);
	assert_int_equal(tree_view(file, &t, &err), 0);
	assert_int_equal(t.entries, n);
	int r = tree_seek(&t, STR(""), &at);
	for (u32 i = 0; i < n; i++, r = tree_next(&at)) {
		number_key(i, &key, &value);
		struct str got;
		assert_int_equal(r, 1);
		assert_true(str_eq(at.key, buf_str(&key)) && str_eq(at.value, buf_str(&value)));
		assert_int_equal(tree_get(&t, buf_str(&key), &got), 1);
		assert_true(str_eq(got, buf_str(&value)));
		buf_putc(&key, '!');
		assert_int_equal(tree_get(&t, buf_str(&key), &got), 0);
	}
	assert_int_equal(r, 0);
	assert_int_equal(tree_seek(&t, STR("zzz"), &at), 0);
	free((char *)file.p);
	buf_free(&key);
	buf_free(&value);
}

/* LMDB itself finds the same in it. */
static void check_lmdb(const char *name, u32 n)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	MDB_val k, v;
	MDB_stat st;
	struct buf key = BUF(0), value = BUF(0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, path(name), MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &st), 0);
	assert_int_equal(st.ms_entries, n);
	assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
	for (u32 i = 0; i < n; i++) {
		number_key(i, &key, &value);
		assert_int_equal(mdb_cursor_get(cursor, &k, &v, MDB_NEXT), 0);
		assert_true(str_eq(str_n(k.mv_data, k.mv_size), buf_str(&key)) && str_eq(str_n(v.mv_data, v.mv_size), buf_str(&value)));
		k = (MDB_val){ key.n, key.p };
		assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
	}
	assert_int_equal(mdb_cursor_get(cursor, &k, &v, MDB_NEXT), MDB_NOTFOUND);
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	buf_free(&key);
	buf_free(&value);
}

static void test_tree(void **state)
{
	(void)state;
	static const u32 sizes[] = { 0, 1, 2, 60, 97, 98, 100, 101, 5000, 20000 };
	for (size_t i = 0; i < countof(sizes); i++) {
		write_tree("tree", sizes[i]);
		check_tree("tree", sizes[i]);
		check_lmdb("tree", sizes[i]);
	}
	for (u32 n = 4000; n < 5200; n += 29) { /* every way in which the last pages of a level may end */
		write_tree("tree", n);
		check_lmdb("tree", n);
	}
}

/* --- sorting --- */
struct sorted {
	struct buf all;
	u32 n;
};
static int collect(void *ctx, struct str key, struct str value, struct error *err)
{
	(void)err;
	struct sorted *s = ctx;
	buf_add(&s->all, key);
	buf_putc(&s->all, '=');
	buf_add(&s->all, value);
	buf_putc(&s->all, '\n');
	s->n++;
	return 0;
}

static struct sorted sort_numbers(size_t run, u32 start)
{
	struct error err = { 0 };
	struct sorter *s = sorter_new(path("sort"), run);
	struct sorted out = { 0 };
	seed = start;
	for (u32 i = 0; i < 6000; i++) { /* each pair twice, and every key with several values */
		char key[32], value[32];
		u32 k = (i * 7919u + start) % 3000;
		snprintf(key, sizeof key, "key %u", k % 1000);
		snprintf(value, sizeof value, "%u", k);
		assert_int_equal(sorter_add(s, str_of(key), str_of(value), &err), 0);
	}
	assert_int_equal(sorter_each(s, collect, &out, &err), 0);
	sorter_free(s);
	return out;
}

static void test_sort(void **state)
{
	(void)state;
	struct sorted a = sort_numbers(MiB, 1), b = sort_numbers(2000, 77), c = sort_numbers(500, 5);
	assert_int_equal(a.n, 3000);
	assert_true(str_eq(buf_str(&a.all), buf_str(&b.all)));
	assert_true(str_eq(buf_str(&a.all), buf_str(&c.all)));
	struct str rest = buf_str(&a.all), last = STR("");
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		assert_true(str_cmp(last, line) != 0);
		last = line;
	}
	buf_free(&a.all);
	buf_free(&b.all);
	buf_free(&c.all);
}

/* --- the database --- */
#define N 3000u
static const char *const ecosystems[] = { "Debian:12", "Debian:11", "Alpine:v3.19", "PyPI", "npm" };

static void add(struct db_writer *w, u32 i)
{
	struct error err = { 0 };
	char id[32], package[32], fixed[32], advisory[64];
	snprintf(id, sizeof id, "CVE-2024-%04u", i / 3);
	snprintf(package, sizeof package, "Package_%u", i % 50 ? i % 200 : 0);
	snprintf(fixed, sizeof fixed, "1.%u-1", i);
	snprintf(advisory, sizeof advisory, "DSA-%u-1 DLA-%u-1", i, i % 10);
	struct str versions[] = { STR("1.0"), STR("1.1") };
	struct db_record r = {
		.id = str_of(id), .ecosystem = str_of(ecosystems[i % countof(ecosystems)]), .package = str_of(package), .fixed = i % 4 ? str_of(fixed) : STR(""), .introduced = STR("0"),
		.last_affected = STR(""), .severity = i % 2 ? STR("high") : STR("not yet assigned"), .reason = i % 4 ? STR("") : STR("no-dsa: Minor issue"), .advisory = str_of(advisory),
		.module = STR(""), .arches = STR("x86_64 aarch64"), .cpe = STR(""), .source = STR("a feed"), .state = i % 4 ? FIX_FIXED : FIX_DEFERRED, .binary = i % 2,
		.versions = versions, .n_versions = i % 3,
	};
	assert_int_equal(db_add_record(w, &r, &err), 0);
}

static void add_others(struct db_writer *w, bool backwards)
{
	struct error err = { 0 };
	struct str aliases[] = { STR("GHSA-aaaa"), STR("PYSEC-1") }, more[] = { STR("GHSA-aaaa"), STR("CVE-2024-0001") };
	struct db_cvss nvd = { STR("nvd"), STR("3.1"), STR("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), 9.8 }, own = { STR("redhat"), STR("3.1"), STR("CVSS:3.1/AV:L"), 4.25 };
	struct db_vuln v[] = {
		{ .id = STR("CVE-2024-0001"), .title = STR("A title"), .description = STR("Short"), .published = STR("2024-01-02"), .modified = STR("2024-02-01"), .severity = STR(""), .aliases = aliases, .n_aliases = 2, .cvss = &nvd, .n_cvss = 1 },
		{ .id = STR("CVE-2024-0001"), .title = STR(""), .description = STR("A longer description"), .published = STR("2024-01-01"), .modified = STR("2024-03-01"), .severity = STR("low"), .aliases = more, .n_aliases = 1, .cvss = &own, .n_cvss = 1 },
	};
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(db_add_vuln(w, &v[backwards ? 1 - i : i], &err), 0);
	assert_int_equal(db_add_kev(w, STR("CVE-2024-0001"), &(struct db_kev){ STR("2024-05-01"), STR("2024-05-22"), true }, &err), 0);
	assert_int_equal(db_add_epss(w, STR("CVE-2024-0001"), &(struct db_epss){ 0.97541, 0.99987 }, &err), 0);
	assert_int_equal(db_add_eol(w, &(struct db_eol){ STR("debian"), STR("12"), STR("bookworm"), STR("2023-06-10"), STR("2026-06-10"), STR("2028-06-30") }, &err), 0);
	struct db_source s[] = { { STR("osv"), backwards ? STR("/a/osv/") : STR("/elsewhere/osv"), STR("2024-01-02"), 10, 2 }, { STR("osv"), STR("osv"), STR("2024-01-03"), 12, 0 } };
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(db_add_source(w, &s[backwards ? 1 - i : i], &err), 0);
}

static void build(const char *name, int order)
{
	struct db_writer *w;
	struct error err = { 0 };
	assert_int_equal(db_writer_open(path(name), &w, &err), 0);
	if (order)
		add_others(w, true);
	for (u32 i = 0; i < N; i++)
		add(w, order ? (i * 1709u) % N : i);
	if (order)
		add(w, 7); /* the same again */
	else
		add_others(w, false);
	u64 records, others;
	struct str newest;
	db_writer_since(w, &records, &others, &newest);
	assert_true(records == N + (order ? 1 : 0) && others == 5 && str_is(newest, "2024-05-01"));
	db_writer_since(w, &records, &others, &newest);
	assert_true(records == 0 && others == 0 && newest.n == 0);
	assert_int_equal(db_writer_commit(w, &err), 0);
}

struct seen {
	u32 n, stop;
	struct buf text;
};
static int see(void *ctx, const struct db_record *r)
{
	struct seen *s = ctx;
	buf_printf(&s->text, "%.*s %.*s %.*s %.*s\n", STR_FMT(r->id), STR_FMT(r->ecosystem), STR_FMT(r->package), STR_FMT(r->fixed));
	return ++s->n == s->stop ? 5 : 0;
}
static void forget(struct seen *s) { s->n = s->stop = 0; buf_clear(&s->text); }

static void test_same_bytes(void **state)
{
	(void)state;
	build("a", 0);
	build("b", 1);
	struct str a = content("a"), b = content("b");
	assert_true(str_eq(a, b));
	assert_true(a.n < N * 150);
	free((char *)a.p);
	free((char *)b.p);
}

static int check_record(void *ctx, const struct db_record *r)
{
	u32 *n = ctx, i;
	assert_int_equal(sscanf(r->advisory.p, "DSA-%u-1", &i), 1);
	char package[32];
	snprintf(package, sizeof package, "Package_%u", i % 50 ? i % 200 : 0);
	assert_true(str_is(r->package, package) && str_is(r->ecosystem, ecosystems[i % countof(ecosystems)]));
	assert_true(str_is(r->severity, i % 2 ? "high" : "not yet assigned") && str_is(r->reason, i % 4 ? "" : "no-dsa: Minor issue"));
	assert_true(str_is(r->source, "a feed") && str_is(r->arches, "x86_64 aarch64") && str_is(r->cpe, "") && str_is(r->introduced, "0"));
	assert_true(r->state == (i % 4 ? FIX_FIXED : FIX_DEFERRED) && r->binary == (i % 2 != 0) && r->n_versions == i % 3);
	assert_true(r->n_versions < 2 || str_is(r->versions[1], "1.1"));
	++*n;
	return 0;
}

static int check_source(void *ctx, const struct db_source *s)
{
	++*(u32 *)ctx;
	assert_true(str_is(s->kind, "osv") && str_is(s->location, "osv") && str_is(s->newest, "2024-01-03") && s->records == 12 && s->files == 2);
	return 0;
}

static void test_queries(void **state)
{
	(void)state;
	struct db *d;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct seen s = { 0 };
	u32 n = 0;
	build("db", 0);
	assert_int_equal(db_open(path("db"), &d, &err), 0);
	assert_int_equal(db_each(d, check_record, &n, &err), 0);
	assert_int_equal(n, N);
	struct db_walk *walk = db_walk_new(d);
	struct db_record r;
	struct str normal;
	int more;
	for (n = 0; (more = db_walk_next(walk, &r, &normal, &err)) > 0;)
		check_record(&n, &r);
	assert_int_equal(more, 0);
	assert_int_equal(n, N);
	db_walk_free(walk);

	assert_int_equal(db_affected(d, STR("Debian:12"), STR("Package_5"), see, &s, &err), 0);
	assert_true(s.n > 5 && str_starts(buf_str(&s.text), STR("CVE-2024-")));
	u32 all = s.n;
	forget(&s);
	s.stop = 2;
	assert_int_equal(db_affected(d, STR("Debian:12"), STR("Package_5"), see, &s, &err), 5);
	forget(&s);
	assert_int_equal(db_affected(d, STR("Debian:12"), STR("package_5"), see, &s, &err), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(db_affected(d, STR("PyPI"), STR("package-3"), see, &s, &err), 0); /* by its normal name, spelled as the feed does */
	assert_true(s.n > 5 && str_contains(buf_str(&s.text), STR(" Package_3 ")));
	forget(&s);
	assert_int_equal(db_affected(d, STR("Debian"), STR("Package_5"), see, &s, &err), 0);
	assert_int_equal(s.n, 0);

	assert_int_equal(db_by_id(d, STR("CVE-2024-0001"), see, &s, &err), 0);
	assert_string_equal(s.text.p, "CVE-2024-0001 Debian:12 Package_5 1.5-1\nCVE-2024-0001 PyPI Package_3 1.3-1\nCVE-2024-0001 npm Package_4 \n");
	forget(&s);
	assert_int_equal(db_by_id(d, STR("GHSA-aaaa"), see, &s, &err), 0); /* an alias */
	assert_int_equal(s.n, 3);
	forget(&s);
	assert_int_equal(db_by_id(d, STR("DSA-5-1"), see, &s, &err), 0); /* an advisory */
	assert_string_equal(s.text.p, "CVE-2024-0001 Debian:12 Package_5 1.5-1\n");
	forget(&s);
	assert_int_equal(db_by_id(d, STR("DLA-5-1"), see, &s, &err), 0);
	assert_int_equal(s.n, N / 10);
	forget(&s);
	assert_int_equal(db_by_name(d, STR("Package_5"), see, &s, &err), 0);
	assert_true(s.n >= all);
	forget(&s);
	assert_int_equal(db_by_name(d, STR("package.3"), see, &s, &err), 0);
	assert_true(s.n > 5 && !str_contains(buf_str(&s.text), STR("npm")));

	assert_true(db_has_ecosystem(d, STR("PyPI")) && !db_has_ecosystem(d, STR("PyP")) && !db_has_ecosystem(d, STR("Debian:13")));
	struct db_vuln v;
	assert_true(db_vuln(d, &a, STR("GHSA-aaaa"), &v));
	assert_true(str_is(v.id, "CVE-2024-0001") && str_is(v.title, "A title") && str_is(v.description, "A longer description") && str_is(v.severity, "low"));
	assert_true(str_is(v.published, "2024-01-01") && str_is(v.modified, "2024-03-01") && v.n_aliases == 2 && v.n_cvss == 2);
	assert_true(str_is(v.cvss[0].source, "nvd") && v.cvss[0].score == 9.8 && v.cvss[1].score == 4.25);
	struct db_kev k;
	struct db_epss e;
	struct db_eol o;
	assert_true(db_kev(d, STR("PYSEC-1"), &k) && k.ransomware && str_is(k.due_date, "2024-05-22") && !db_kev(d, STR("CVE-1"), &k));
	assert_true(db_epss(d, STR("CVE-2024-0001"), &e) && e.score > 0.975409 && e.score < 0.975411 && e.percentile > 0.9998);
	assert_true(db_eol(d, STR("debian"), STR("12"), &o) && str_is(o.product, "debian") && str_is(o.cycle, "12") && str_is(o.extended, "2028-06-30") && !db_eol(d, STR("debian"), STR("1"), &o));
	n = 0;
	assert_int_equal(db_sources(d, check_source, &n), 0);
	assert_int_equal(n, 1);
	db_close(d);
	arena_free(&a);
	buf_free(&s.text);
}

static void test_long_things(void **state)
{
	(void)state;
	struct db_writer *w;
	struct db *d;
	struct error err = { 0 };
	struct buf name = BUF(0);
	struct str *versions = xcalloc(10000, sizeof *versions);
	for (u32 i = 0; i < 10000; i++)
		versions[i] = STR("1.0");
	for (u32 i = 0; i < 3000; i++)
		buf_putc(&name, 'x');
	assert_int_equal(db_writer_open(path("long"), &w, &err), 0);
	struct db_record r = { .id = buf_str(&name), .ecosystem = STR("npm"), .package = buf_str(&name), .versions = versions, .n_versions = 10000 };
	assert_int_equal(db_add_record(w, &r, &err), 0);
	r.package = STR("");
	assert_int_equal(db_add_record(w, &r, &err), -1);
	r.package = STR("a\0b");
	assert_int_equal(db_add_record(w, &r, &err), -1);
	for (u32 i = 0; i < 40000; i++) { /* more than one value holds */
		char id[64];
		snprintf(id, sizeof id, "CVE-%08u-aaaaaaaaaaaaaaaaaaa", i);
		struct db_record many = { .id = str_of(id), .ecosystem = STR("npm"), .package = STR("kernel") };
		assert_int_equal(db_add_record(w, &many, &err), 0);
	}
	assert_int_equal(db_writer_commit(w, &err), 0);
	assert_int_equal(db_open(path("long"), &d, &err), 0);
	struct seen s = { 0 };
	assert_int_equal(db_affected(d, STR("npm"), buf_str(&name), see, &s, &err), 0);
	assert_int_equal(s.n, 2); /* equal ones are one: 4096, 4096, 1808 */
	forget(&s);
	assert_int_equal(db_by_id(d, buf_str(&name), see, &s, &err), 0);
	assert_int_equal(s.n, 2);
	forget(&s);
	assert_int_equal(db_affected(d, STR("npm"), STR("kernel"), see, &s, &err), 0);
	assert_int_equal(s.n, 40000);
	db_close(d);
	buf_free(&s.text);
	buf_free(&name);
	free(versions);
}

/* --- files that mean harm --- */
static void put_file(const char *name, struct str bytes)
{
	int fd = open(path(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0 && file_write_all(fd, bytes.p, bytes.n) == 0);
	close(fd);
}

static int count_record(void *ctx, const struct db_record *r)
{
	*(u64 *)ctx += r->id.n + r->package.n + (r->n_versions ? r->versions[0].n : 0);
	return 0;
}
static int count_source(void *ctx, const struct db_source *s)
{
	*(u64 *)ctx += s->kind.n;
	return 0;
}

static void ask_everything(const char *name)
{
	struct db *d;
	struct error err = { 0 };
	struct arena a = { 0 };
	u64 n = 0;
	if (db_open(path(name), &d, &err) < 0) {
		assert_true(err.kind == ERR_INPUT && strstr(err.text, name));
		return;
	}
	int r = db_each(d, count_record, &n, &err);
	assert_true(r == 0 || (r == -1 && err.kind == ERR_INPUT));
	r = db_by_id(d, STR("CVE-2024-0001"), count_record, &n, &err);
	assert_true(r == 0 || (r == -1 && err.kind == ERR_INPUT));
	r = db_by_name(d, STR("Package_5"), count_record, &n, &err);
	assert_true(r == 0 || (r == -1 && err.kind == ERR_INPUT));
	struct db_walk *walk = db_walk_new(d);
	struct db_record record;
	struct str normal;
	while ((r = db_walk_next(walk, &record, &normal, &err)) > 0)
		n += normal.n;
	assert_true(r == 0 || (r == -1 && err.kind == ERR_INPUT));
	db_walk_free(walk);
	struct db_vuln v;
	struct db_kev k;
	struct db_epss e;
	struct db_eol o;
	(void)!db_vuln(d, &a, STR("CVE-2024-0001"), &v);
	(void)!db_kev(d, STR("CVE-2024-0001"), &k);
	(void)!db_epss(d, STR("CVE-2024-0001"), &e);
	(void)!db_eol(d, STR("debian"), STR("12"), &o);
	(void)!db_sources(d, count_source, &n);
	db_close(d);
	arena_free(&a);
}

static void test_hostile(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct db *d;
	build("good", 0);
	struct str good = content("good");
	char *bad = xmalloc(good.n);
	for (size_t n = 0; n < good.n; n += 1531) { /* cut off anywhere */
		put_file("bad", str_head(good, n));
		assert_int_equal(db_open(path("bad"), &d, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	seed = 4;
	for (u32 i = 0; i < 600; i++) {
		memcpy(bad, good.p, good.n);
		for (u32 k = 0; k <= i % 40; k++) {
			u32 at = dice() % (u32)good.n;
			if (i % 3 == 0) /* heads of pages and nodes */
				at = dice() % 2 ? dice() % (u32)(good.n / 4096) * 4096 + dice() % 64 : dice() % 256;
			bad[at] = (char)(i % 2 ? dice() : 0xff);
		}
		put_file("bad", str_n(bad, good.n));
		ask_everything("bad");
	}
	memcpy(bad, good.p, good.n);
	char *magic = memmem(bad, good.n, DB_MAGIC, strlen(DB_MAGIC));
	assert_non_null(magic);
	magic[strlen(DB_MAGIC)] = 9;
	put_file("bad", str_n(bad, good.n));
	assert_int_equal(db_open(path("bad"), &d, &err), -1);
	assert_true(err.kind == ERR_INPUT && strstr(err.text, "format 9") && strstr(err.text, "pare db update"));
	put_file("bad", STR("SQLite format 3, or whatever else a file may be"));
	assert_int_equal(db_open(path("bad"), &d, &err), -1);
	assert_true(err.kind == ERR_INPUT && strstr(err.text, "not an advisory database"));
	write_tree("bad", 100);
	assert_int_equal(db_open(path("bad"), &d, &err), -1);
	assert_true(err.kind == ERR_INPUT && strstr(err.text, "not an advisory database"));
	assert_int_equal(db_open(dir, &d, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(db_open(path("nothing"), &d, &err), -1);
	assert_true(err.kind == ERR_ENV && strstr(err.text, "pare db build"));
	free(bad);
	free((char *)good.p);
}

static void test_abort(void **state)
{
	(void)state;
	struct db_writer *w;
	struct error err = { 0 };
	assert_int_equal(db_writer_open(path("never"), &w, &err), 0);
	add(w, 1);
	db_writer_abort(w);
	assert_int_equal(access(path("never"), F_OK), -1);
	assert_int_equal(db_writer_open(path("no/such/directory"), &w, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
}

int main(void)
{
	snprintf(dir, sizeof dir, "/tmp/pare-test-db-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_long_things),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_abort),
	};
	int r = cmocka_run_group_tests_name("db", tests, NULL, NULL);
	static const char *const names[] = { "tree", "a", "b", "db", "long", "good", "bad" };
	for (size_t i = 0; i < countof(names); i++)
		unlink(path(names[i]));
	rmdir(dir);
	return r;
}
