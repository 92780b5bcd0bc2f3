/* rpm's three kinds of database, written here by the formats' descriptions in src/package/rpm_*.c. */
#include "package/rpm.h"
#include "package_world.h"
#include <sqlite3.h>
#include <unistd.h>

/* --- a writer of headers --- */

static void be32(struct buf *b, u32 v) { buf_add(b, str_n((const char[]){ (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v }, 4)); }
static void le32(struct buf *b, u32 v) { buf_add(b, str_n((const char[]){ (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) }, 4)); }
static void set_le32(char *p, u32 v) { memcpy(p, (const char[]){ (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) }, 4); }

struct head {
	struct buf index, data;
	u32 n;
};

static void tag(struct head *h, u32 id, u32 type, u32 count, struct str bytes)
{
	if (type == 4)
		while (h->data.n % 4)
			buf_putc(&h->data, 0);
	be32(&h->index, id);
	be32(&h->index, type);
	be32(&h->index, (u32)h->data.n);
	be32(&h->index, count);
	buf_add(&h->data, bytes);
	h->n++;
}

static void tag_text(struct head *h, u32 id, u32 type, const char *z) { tag(h, id, type, 1, str_n(z, strlen(z) + 1)); }

static void tag_u32(struct head *h, u32 id, u32 n, const u32 *v)
{
	struct buf b = BUF(0);
	for (u32 i = 0; i < n; i++)
		be32(&b, v[i]);
	tag(h, id, 4, n, buf_str(&b));
	buf_free(&b);
}

/* The header as a database holds it; frees h. */
static struct buf head_done(struct head *h)
{
	struct buf b = BUF(0);
	be32(&b, h->n);
	be32(&b, (u32)h->data.n);
	buf_add(&b, buf_str(&h->index));
	buf_add(&b, buf_str(&h->data));
	buf_free(&h->index);
	buf_free(&h->data);
	return b;
}

static struct buf small(const char *name, const char *version)
{
	struct head h = { 0 };
	tag_text(&h, 1000, 6, name);
	tag_text(&h, 1001, 6, version);
	tag_text(&h, 1002, 6, "1");
	tag_text(&h, 1022, 6, "noarch");
	return head_done(&h);
}

/* alpha 7:1.5-3, with seven files of which a ghost, one replaced by another package and one left out; `extra` bytes make it long. */
static struct buf large(size_t extra)
{
	struct head h = { 0 };
	struct buf filler = BUF(0);
	for (size_t i = 0; i < extra; i++)
		buf_putc(&filler, (char)(i * 7 + i / 256));
	tag(&h, 63, 7, 16, STR("0123456789abcdef"));
	tag_text(&h, 1000, 6, "alpha");
	tag_text(&h, 1001, 6, "1.5");
	tag_text(&h, 1002, 6, "3");
	tag_u32(&h, 1003, 1, (const u32[]){ 7 });
	tag(&h, 1004, 9, 2, STR("The first\nof all\0Das erste\0"));
	tag_u32(&h, 1009, 1, (const u32[]){ 4096 });
	tag_text(&h, 1011, 6, "Alpha Works, Inc.");
	tag_text(&h, 1014, 6, "MIT and BSD");
	tag_text(&h, 1016, 9, "System/Base");
	tag_text(&h, 1022, 6, "x86_64");
	tag(&h, 1029, 1, 7, str_n("\0\0\0\0\1\2\3", 7));
	tag_u32(&h, 1037, 7, (const u32[]){ 0, 1, 0, 64, 0, 0, 16 });
	tag_text(&h, 1044, 6, "alpha-suite-1.5-3.src.rpm");
	tag_u32(&h, 1048, 3, (const u32[]){ 0, 12, (1u << 24) | 10 });
	tag(&h, 1049, 8, 3, STR("/bin/sh\0beta\0rpmlib(PayloadIsXz)\0"));
	tag(&h, 1050, 8, 3, STR("\0" "2-1\0" "1\0"));
	tag_u32(&h, 1116, 7, (const u32[]){ 0, 0, 1, 1, 1, 1, 1 });
	tag(&h, 1117, 8, 7, STR("tool\0.rc\0one\0ghost\0replaced\0left-out\0shared\0"));
	tag(&h, 1118, 8, 2, STR("/usr/bin/\0/opt/alpha/\0"));
	tag(&h, 5000, 7, (u32)filler.n, buf_str(&filler));
	tag_text(&h, 5096, 6, "alpha:1:8010020190829143335:cdc1202b");
	tag_text(&h, 1022, 6, "aarch64"); /* what rpm adds behind counts */
	buf_free(&filler);
	return head_done(&h);
}

/* --- writers of databases --- */

struct bytes {
	struct buf v[8];
	u32 n;
};

static void bytes_free(struct bytes *b)
{
	for (u32 i = 0; i < b->n; i++)
		buf_free(&b->v[i]);
}

static struct bytes three_packages(size_t extra)
{
	return (struct bytes){ .v = { small("zeta", "0"), large(extra), small("gpg-pubkey", "aa") }, .n = 3 };
}

static struct buf sqlite_of(const struct bytes *b, const char *create)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	sqlite3_int64 n;
	struct buf out = BUF(0);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, create, NULL, NULL, NULL), SQLITE_OK);
	for (u32 i = 0; i < b->n; i++) {
		assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO Packages (blob) VALUES (?)", -1, &s, NULL), SQLITE_OK);
		sqlite3_bind_blob(s, 1, b->v[i].p, (int)b->v[i].n, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(s), SQLITE_DONE);
		sqlite3_finalize(s);
	}
	unsigned char *p = sqlite3_serialize(db, "main", &n, 0);
	assert_non_null(p);
	buf_add(&out, str_n(p, (size_t)n));
	sqlite3_free(p);
	sqlite3_close(db);
	return out;
}
#define PACKAGES_TABLE "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
static struct buf sqlite(const struct bytes *b) { return sqlite_of(b, PACKAGES_TABLE); }

static u32 adler(struct str s)
{
	u32 a = 1, b = 0;
	for (size_t i = 0; i < s.n; i++) {
		a = (a + (u8)s.p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static struct buf ndb(const struct bytes *b)
{
	struct buf out = BUF(0);
	buf_puts(&out, "RpmP");
	le32(&out, 0);
	le32(&out, 1);
	le32(&out, 1);
	le32(&out, b->n + 1);
	while (out.n < 4096) {
		if (out.n % 16 == 0 && out.n >= 32)
			buf_puts(&out, "Slot");
		else
			buf_putc(&out, 0);
	}
	for (u32 i = 0; i < b->n; i++) {
		size_t at = out.n, slot = 32 + (size_t)16 * (i + (i > 0)); /* the second slot stays free */
		buf_puts(&out, "BlbS");
		le32(&out, i + 1);
		le32(&out, 1);
		le32(&out, (u32)b->v[i].n);
		buf_add(&out, buf_str(&b->v[i]));
		while (out.n % 16 != 4)
			buf_putc(&out, 0);
		le32(&out, adler(str_from(buf_str(&out), at)));
		le32(&out, (u32)b->v[i].n);
		buf_puts(&out, "BlbE");
		set_le32(out.p + slot + 4, i + 1);
		set_le32(out.p + slot + 8, (u32)(at / 16));
		set_le32(out.p + slot + 12, (u32)((out.n - at) / 16));
	}
	return out;
}

struct page {
	char *p;
	bool big;
};

static void page32(struct page g, size_t at, u32 v)
{
	for (u32 i = 0; i < 4; i++)
		g.p[at + i] = (char)(v >> (g.big ? 24 - 8 * i : 8 * i));
}

static void page16(struct page g, size_t at, u32 v)
{
	g.p[at] = (char)(g.big ? v >> 8 : v);
	g.p[at + 1] = (char)(g.big ? v : v >> 8);
}

#define BDB_PAGE 512u

static void bdb_item(struct page g, u32 *n, u32 *low, struct str bytes)
{
	*low -= (u32)bytes.n;
	memcpy(g.p + *low, bytes.p, bytes.n);
	page16(g, 26 + (size_t)2 * *n, *low);
	++*n;
}

/* Page 1 holds the pairs, short values in place; long ones have overflow pages from 3 on, and page 2 is free. */
static struct buf bdb(const struct bytes *b, bool big)
{
	struct buf out = BUF(0);
	u32 pages = 3, n = 0, low = BDB_PAGE;
	for (u32 i = 0; i < b->n; i++)
		pages += b->v[i].n > 120 ? (u32)((b->v[i].n + BDB_PAGE - 27) / (BDB_PAGE - 26)) : 0;
	buf_reserve(&out, (size_t)pages * BDB_PAGE);
	memset(out.p, 0, (size_t)pages * BDB_PAGE);
	out.n = (size_t)pages * BDB_PAGE;
	struct page meta = { out.p, big }, hash = { out.p + BDB_PAGE, big };
	page32(meta, 12, 0x061561);
	page32(meta, 16, 9);
	page32(meta, 20, BDB_PAGE);
	meta.p[25] = 8;
	page32(meta, 32, pages - 1);
	page32(hash, 8, 1);
	hash.p[25] = 13;
	bdb_item(hash, &n, &low, str_n("\1\0\0\0\0", 5)); /* the counter */
	bdb_item(hash, &n, &low, str_n("\1\5\0\0\0", 5));
	u32 next = 3;
	for (u32 i = 0; i < b->n; i++) {
		char key[5] = { 1 }, off[12] = { 3 };
		page32((struct page){ key, big }, 1, i + 1);
		bdb_item(hash, &n, &low, str_n(key, 5));
		struct str rest = buf_str(&b->v[i]);
		if (rest.n <= 120) {
			char value[121] = { 1 };
			memcpy(value + 1, rest.p, rest.n);
			bdb_item(hash, &n, &low, str_n(value, rest.n + 1));
			continue;
		}
		page32((struct page){ off, big }, 4, next);
		page32((struct page){ off, big }, 8, (u32)rest.n);
		bdb_item(hash, &n, &low, str_n(off, 12));
		for (; rest.n; next++) {
			struct page o = { out.p + (size_t)next * BDB_PAGE, big };
			struct str part = str_head(rest, BDB_PAGE - 26);
			rest = str_from(rest, part.n);
			page32(o, 8, next);
			page32(o, 16, rest.n ? next + 1 : 0);
			page16(o, 20, 1);
			page16(o, 22, (u32)part.n);
			o.p[25] = 7;
			memcpy(o.p + 26, part.p, part.n);
		}
	}
	page16(hash, 20, n);
	return out;
}

static void alpha_files(struct world *w)
{
	static const char *const names[] = { "usr/bin/tool", "usr/bin/.rc", "opt/alpha/one", "opt/alpha/ghost", "opt/alpha/replaced", "opt/alpha/left-out", "opt/alpha/shared" };
	for (u32 i = 0; i < countof(names); i++)
		file(w, 1, names[i], 1u << i);
}

static void is_alpha(const struct world *w)
{
	const struct packages *p = w->p;
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(p->n, 2); /* keys are no packages */
	const struct package *a = get(p, "alpha"), *z = get(p, "zeta");
	assert_string_equal(z->version, "0-1");
	assert_string_equal(z->source_name, "zeta");
	assert_string_equal(z->source_version, "0-1");
	assert_int_equal(z->layer, 0);
	assert_string_equal(a->type, "rpm");
	assert_string_equal(a->version, "7:1.5-3");
	assert_string_equal(a->arch, "aarch64");
	assert_string_equal(a->source_name, "alpha-suite");
	assert_string_equal(a->source_version, "7:1.5-3");
	assert_string_equal(a->license, "MIT AND BSD");
	assert_string_equal(a->summary, "The first");
	assert_string_equal(a->vendor, "Alpha Works, Inc.");
	assert_string_equal(a->module, "alpha:1:8010020190829143335:cdc1202b");
	assert_string_equal(a->section, "System/Base");
	assert_string_equal(a->depends, "/bin/sh, beta >= 2-1");
	assert_int_equal(a->installed_size, 4096);
	assert_int_equal(a->files, 4);
	assert_int_equal(a->bytes, 1 + 2 + 4 + 64);
	assert_int_equal(a->layer, 1);
	assert_string_equal(owner(w, "opt/alpha/ghost"), "");
	assert_string_equal(owner(w, "opt/alpha/replaced"), "");
	assert_string_equal(owner(w, "opt/alpha/left-out"), "");
	assert_string_equal(owner(w, "usr/bin/.rc"), "alpha");
}

static void rpm_databases(void **state)
{
	(void)state;
	static const char *const where[] = { "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages", "usr/share/rpm/Packages" };
	for (u32 i = 0; i < 4; i++) {
		struct bytes b = three_packages(3000);
		struct buf db = i == 0 ? sqlite(&b) : i == 1 ? ndb(&b) : bdb(&b, i == 3);
		struct world w;
		begin(&w);
		alpha_files(&w);
		content(&w, 0, where[i], buf_str(&db));
		look(&w);
		is_alpha(&w);
		end(&w);
		buf_free(&db);
		bytes_free(&b);
	}
}

/* One directory by two names is read once; of several databases in one directory rpm's choice counts. */
static void rpm_places(void **state)
{
	(void)state;
	struct bytes b = three_packages(10), old = { .v = { small("stale", "9") }, .n = 1 }, none = { .n = 0 };
	struct buf new = sqlite(&b), left = bdb(&old, false), empty = ndb(&none);
	struct world w;
	begin(&w);
	put(&w, 0, "var/lib/rpm", TAR_SYMLINK, "../../usr/lib/sysimage/rpm", 0);
	alpha_files(&w);
	content(&w, 0, "usr/lib/sysimage/rpm/rpmdb.sqlite", buf_str(&new));
	content(&w, 0, "usr/lib/sysimage/rpm/Packages", buf_str(&left));
	look(&w);
	is_alpha(&w);
	end(&w);
	begin(&w); /* one without packages is passed over */
	content(&w, 0, "var/lib/rpm/Packages.db", buf_str(&empty));
	content(&w, 0, "var/lib/rpm/Packages", buf_str(&left));
	assert_int_equal(look(&w)->n, 1);
	assert_non_null(get(w.p, "stale"));
	assert_int_equal(w.p->problems.n, 0);
	end(&w);
	buf_free(&new);
	buf_free(&left);
	buf_free(&empty);
	bytes_free(&b);
	bytes_free(&old);
}

static u32 problems_of(const char *path, struct str db, const char *what, u32 *packages)
{
	struct world w;
	begin(&w);
	content(&w, 0, path, db);
	struct packages *p = look(&w);
	if (what && !told(p, what)) {
		for (u32 i = 0; i < p->problems.n; i++)
			print_message("%s\n", p->problems.v[i]);
		fail_msg("no problem says: %s", what);
	}
	u32 n = p->problems.n;
	*packages = p->n;
	end(&w);
	return n;
}

static void rpm_damage(void **state)
{
	(void)state;
	u32 n;
	problems_of("var/lib/rpm/Packages", STR(""), "/var/lib/rpm/Packages: is empty", &n);
	problems_of("var/lib/rpm/Packages", STR("something else"), "is no SQLite, NDB or Berkeley DB", &n);
	struct bytes b = three_packages(3000);
	struct buf db = ndb(&b);
	db.p[4096 + 40] ^= 1; /* inside of zeta */
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "package 1: checksum does not match", &n);
	assert_int_equal(n, 1); /* what it says of itself is no header any more; alpha stays */
	db.p[4096 + 40] ^= 1;
	problems_of("var/lib/rpm/Packages.db", str_head(buf_str(&db), db.n - 600), "package 3 lies outside", &n);
	problems_of("var/lib/rpm/Packages.db", str_head(buf_str(&db), 2000), "cut off", &n);
	set_le32(db.p + 32 + 32 + 8, 1);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "package 2 is not where its slot says", &n);
	assert_int_equal(n, 1);
	buf_free(&db);
	db = bdb(&b, false);
	problems_of("var/lib/rpm/Packages", str_head(buf_str(&db), db.n - BDB_PAGE), "cut off", &n);
	assert_int_equal(n, 1); /* zeta is whole */
	set_le32(db.p + 3 * BDB_PAGE + 16, 3); /* the chain leads to itself */
	problems_of("var/lib/rpm/Packages", buf_str(&db), "package 2: its overflow pages are damaged", &n);
	assert_int_equal(n, 1);
	db.p[24] = 1;
	problems_of("var/lib/rpm/Packages", buf_str(&db), "encryption", &n);
	buf_free(&db);
	db = sqlite(&b);
	problems_of("var/lib/rpm/rpmdb.sqlite", str_head(buf_str(&db), db.n - 4096), "SQLite: ", &n);
	buf_free(&db);
	buf_free(&b.v[1]);
	b.v[1] = small("broken", "");
	db = sqlite(&b);
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "package 2: a header without a version", &n);
	assert_int_equal(n, 1);
	buf_free(&db);
	bytes_free(&b);
}

/* What a schema can hold beside tables, and headers that claim more than they have. */
static void rpm_hostile(void **state)
{
	(void)state;
	u32 n;
	struct bytes none = { .n = 0 }, b = three_packages(10);
	struct buf db = sqlite_of(&none, "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
					 "CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS hnum, zeroblob(9) AS blob FROM c");
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "has no table Packages", &n);
	buf_free(&db);
	db = sqlite_of(&none, "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, y AS (x||x||x||x), z AS (y||y||y||y), blob AS (z||z||z||z));"
			      "INSERT INTO Packages (x) VALUES (zeroblob(2000))");
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&db), "SQLite: ", &n);
	assert_int_equal(n, 0);
	buf_free(&db);
	/* A basename list that is longer than its directory indexes. */
	struct head h = { 0 };
	tag_text(&h, 1000, 6, "liar");
	tag_text(&h, 1001, 6, "1");
	tag_text(&h, 1002, 6, "1");
	tag_u32(&h, 1116, 1, (const u32[]){ 5 });
	tag(&h, 1117, 8, 1, STR("x\0"));
	tag(&h, 1118, 8, 1, STR("/\0"));
	tag(&h, 1049, 8, 0x7fffffff, STR("a\0"));
	tag(&h, 1044, 6, 1, str_n("a-1-1.src.rpm", 13)); /* its end is missing */
	buf_free(&b.v[1]);
	b.v[1] = head_done(&h);
	db = ndb(&b);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "the list of files of liar is damaged", &n);
	problems_of("var/lib/rpm/Packages.db", buf_str(&db), "tag 1049", &n);
	assert_int_equal(n, 2);
	buf_free(&db);
	bytes_free(&b);
}

/* rpm's own way of writing: in WAL mode, the log emptied when it is done; a crash leaves the newest pages in the log alone. */
static void rpm_log(void **state)
{
	(void)state;
	char dir[] = "test_package-XXXXXX";
	struct bytes b = three_packages(10);
	struct buf path = BUF(0), log = BUF(0), db_file = BUF(0), sql = BUF(0), before = BUF(0);
	sqlite3 *db;
	u32 n;
	assert_non_null(mkdtemp(dir));
	buf_printf(&path, "%s/rpmdb.sqlite", dir);
	assert_int_equal(sqlite3_open(path.p, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL;" PACKAGES_TABLE "; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(file_read(path.p, 1 << 20, &before, NULL), 0);
	buf_puts(&sql, "INSERT INTO Packages (blob) VALUES (x'");
	for (size_t i = 0; i < b.v[0].n; i++)
		buf_printf(&sql, "%02x", (u8)b.v[0].p[i]);
	buf_puts(&sql, "')");
	assert_int_equal(sqlite3_exec(db, sql.p, NULL, NULL, NULL), SQLITE_OK);
	buf_puts(&path, "-wal");
	assert_int_equal(file_read(path.p, 1 << 20, &log, NULL), 0);
	assert_true(log.n > 32);
	/* A passive checkpoint leaves the log as it is, with nothing in it that the database lacks. */
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL), SQLITE_OK);
	path.n -= 4;
	path.p[path.n] = '\0';
	assert_int_equal(file_read(path.p, 1 << 20, &db_file, NULL), 0);
	sqlite3_close(db);
	unlink(path.p);
	rmdir(dir);
	for (u32 i = 0; i < 3; i++) {
		struct world w;
		begin(&w);
		content(&w, 0, "var/lib/rpm/rpmdb.sqlite", buf_str(i == 1 ? &before : &db_file));
		content(&w, 0, "var/lib/rpm/rpmdb.sqlite-wal", i == 2 ? STR("") : buf_str(&log));
		struct packages *p = look(&w);
		assert_int_equal(p->n, i == 1 ? 0 : 1);
		assert_int_equal(p->problems.n, i == 1 ? 1 : 0);
		assert_true(i != 1 || told(p, "rpmdb.sqlite-wal: holds changes"));
		end(&w);
	}
	problems_of("var/lib/rpm/rpmdb.sqlite", buf_str(&before), NULL, &n);
	assert_int_equal(n, 0);
	buf_free(&path);
	buf_free(&log);
	buf_free(&db_file);
	buf_free(&sql);
	buf_free(&before);
	bytes_free(&b);
}

/* Cut off anywhere, or with any byte changed, a database is read to an end: and a cut one is never taken for a whole one. */
static void rpm_everywhere(void **state)
{
	(void)state;
	struct bytes b = three_packages(600);
	for (u32 kind = 0; kind < 4; kind++) {
		const char *path = kind == 0 ? "var/lib/rpm/rpmdb.sqlite" : kind == 1 ? "var/lib/rpm/Packages.db" : "var/lib/rpm/Packages";
		struct buf db = kind == 0 ? sqlite(&b) : kind == 1 ? ndb(&b) : bdb(&b, kind == 3);
		u32 n, step = kind == 0 ? 197 : 29;
		for (size_t i = 0; i < db.n; i += step)
			assert_int_not_equal(problems_of(path, str_head(buf_str(&db), i), NULL, &n), 0);
		for (size_t i = 0; i < db.n; i += step) {
			for (u32 k = 0; k < 3; k++) {
				char keep = db.p[i];
				db.p[i] = (char)(k == 0 ? ~keep : k == 1 ? 0x7f : keep + 1);
				problems_of(path, buf_str(&db), NULL, &n);
				assert_true(n <= 3);
				db.p[i] = keep;
			}
		}
		buf_free(&db);
	}
	bytes_free(&b);
}

/* --- with fewer packages --- */

static bool but_zeta(void *ctx, struct str name, struct str version, struct str arch)
{
	(void)version, (void)arch;
	++*(u32 *)ctx;
	return !str_is(name, "zeta");
}

static bool none_left(void *ctx, struct str name, struct str version, struct str arch)
{
	(void)ctx, (void)name, (void)version, (void)arch;
	return false;
}

static void rpm_without(void **state)
{
	(void)state;
	for (u32 kind = 0; kind < 4; kind++) {
		const char *path = kind == 0 ? "usr/lib/sysimage/rpm/rpmdb.sqlite" : kind == 1 ? "usr/lib/sysimage/rpm/Packages.db" : "var/lib/rpm/Packages";
		struct bytes b = { .v = { small("zeta", "0"), large(3000), small("omega", "1") }, .n = 3 };
		struct buf db = kind == 0 ? sqlite(&b) : kind == 1 ? ndb(&b) : bdb(&b, kind == 3), out = BUF(0);
		struct error err = { 0 };
		u32 asked = 0, n;
		assert_true(rpm_can_rewrite(buf_str(&db)));
		assert_int_equal(rpm_rewrite(buf_str(&db), but_zeta, &asked, &out, &err), 0);
		assert_int_equal(asked, 3);
		assert_int_equal(problems_of(path, buf_str(&out), NULL, &n), 0);
		assert_int_equal(n, 2);
		struct world w;
		begin(&w);
		alpha_files(&w);
		content(&w, 0, path, buf_str(&out));
		look(&w);
		assert_string_equal(w.p->v[0].name, "alpha");
		assert_string_equal(w.p->v[1].name, "omega");
		assert_int_equal(w.p->v[0].files, 4);
		end(&w);
		if (kind == 1) { /* no gap is left, and rpm sees that what it remembers of the file is old */
			assert_true(out.n < db.n);
			assert_int_equal(out.p[8], db.p[8] + 1);
		}
		buf_free(&out);
		buf_free(&db);
		bytes_free(&b);
	}
}

/* The pages of a value that goes are zero but for the list of free pages. */
static void rpm_bdb_frees_pages(void **state)
{
	(void)state;
	for (u32 big = 0; big < 2; big++) {
		struct bytes b = { .v = { large(3000), small("zeta", "0"), small("omega", "1") }, .n = 3 };
		struct buf db = bdb(&b, big), out = BUF(0);
		struct error err = { 0 };
		u32 n;
		assert_int_equal(rpm_rewrite(buf_str(&db), none_left, NULL, &out, &err), 0);
		assert_int_equal(problems_of("var/lib/rpm/Packages", buf_str(&out), NULL, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(out.n, db.n);
		u32 pages = 0;
		for (u32 page = big ? rpm_be32(out.p + 28) : rpm_le32(out.p + 28); page; pages++) {
			const char *p = out.p + (size_t)page * BDB_PAGE;
			assert_in_range(page, 3, out.n / BDB_PAGE - 1);
			assert_int_equal(p[25], 0);
			for (u32 i = 26; i < BDB_PAGE; i++)
				assert_int_equal(p[i], 0);
			page = big ? rpm_be32(p + 16) : rpm_le32(p + 16);
		}
		assert_int_equal(pages, out.n / BDB_PAGE - 3);
		buf_free(&out);
		buf_free(&db);
		bytes_free(&b);
	}
}

/* With any byte changed a database is written anew as one that is whole, or not at all. */
static void rpm_without_everywhere(void **state)
{
	(void)state;
	struct bytes b = three_packages(600);
	for (u32 kind = 1; kind < 4; kind++) {
		const char *path = kind == 1 ? "var/lib/rpm/Packages.db" : "var/lib/rpm/Packages";
		struct buf db = kind == 1 ? ndb(&b) : bdb(&b, kind == 3);
		for (size_t i = 0; i < db.n; i += 13) {
			for (u32 k = 0; k < 3; k++) {
				char keep = db.p[i];
				struct buf out = BUF(0);
				struct error err = { 0 };
				u32 asked = 0, n;
				db.p[i] = (char)(k == 0 ? ~keep : k == 1 ? 0x7f : keep + 1);
				if (rpm_can_rewrite(buf_str(&db)) && rpm_rewrite(buf_str(&db), but_zeta, &asked, &out, &err) == 0) {
					problems_of(path, buf_str(&out), NULL, &n);
					assert_true(n <= asked);
				}
				db.p[i] = keep;
				buf_free(&out);
			}
		}
		for (size_t i = 0; i < db.n; i += 37) {
			struct buf out = BUF(0);
			struct error err = { 0 };
			u32 asked = 0;
			if (rpm_can_rewrite(str_head(buf_str(&db), i)))
				assert_int_equal(rpm_rewrite(str_head(buf_str(&db), i), but_zeta, &asked, &out, &err), -1);
			buf_free(&out);
		}
		buf_free(&db);
	}
	bytes_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rpm_without),
		cmocka_unit_test(rpm_bdb_frees_pages),
		cmocka_unit_test(rpm_without_everywhere),
		cmocka_unit_test(rpm_databases),
		cmocka_unit_test(rpm_places),
		cmocka_unit_test(rpm_damage),
		cmocka_unit_test(rpm_hostile),
		cmocka_unit_test(rpm_log),
		cmocka_unit_test(rpm_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
