/* layer/tar.h: every form of header, numbers that lie, pax records, sparse files in all forms, exact offsets. */
#include "base/buf.h"
#include "layer/tar.h"
#include <setjmp.h>
#include <cmocka.h>

/* --- making archives, byte for byte --- */
struct head {
	const char *name, *link, *prefix, *magic; /* magic: "ustar\0" + "00" unless given */
	char flag;                                /* '0' unless given; 'z' for NUL */
	const char *size, *mode, *uid, *mtime;    /* fields as they are; NULL: zero, or `n` */
	u64 n;
	struct { size_t at; const char *p; size_t n; } raw[3];
	const char *checksum;
};

static struct buf ar;
static u64 block_at(void) { return ar.n; }

static void field_put(char *h, size_t at, size_t width, const char *given, u64 v)
{
	if (given)
		memcpy(h + at, given, MIN(width, strlen(given)));
	else
		for (size_t i = width - 1; i-- > 0; v >>= 3)
			h[at + i] = (char)('0' + (v & 7));
}

static void head(struct head x)
{
	char h[512] = { 0 };
	memcpy(h, x.name, strnlen(x.name, 100));
	field_put(h, 100, 8, x.mode, 0644);
	field_put(h, 108, 8, x.uid, 0);
	field_put(h, 116, 8, NULL, 0);
	field_put(h, 124, 12, x.size, x.n);
	field_put(h, 136, 12, x.mtime, 1000);
	h[156] = x.flag == 'z' ? '\0' : x.flag ? x.flag : '0';
	if (x.link)
		memcpy(h + 157, x.link, strnlen(x.link, 100));
	if (x.magic)
		memcpy(h + 257, x.magic, strlen(x.magic));
	else
		memcpy(h + 257, "ustar\00000", 8);
	if (x.prefix)
		memcpy(h + 345, x.prefix, strnlen(x.prefix, 155));
	for (size_t i = 0; i < 3; i++)
		if (x.raw[i].p)
			memcpy(h + x.raw[i].at, x.raw[i].p, x.raw[i].n);
	u32 sum = 0;
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (u8)h[i];
	char text[16];
	snprintf(text, sizeof text, "%06o", sum);
	memcpy(h + 148, x.checksum ? x.checksum : text, 7);
	buf_add(&ar, str_n(h, sizeof h));
}

static void body(struct str s)
{
	static const char zero[512];
	buf_add(&ar, s);
	buf_add(&ar, str_n(zero, (512 - s.n % 512) % 512));
}

static void file(const char *name, const char *content)
{
	head((struct head){ .name = name, .n = strlen(content) });
	body(str_of(content));
}

static void end(void)
{
	static const char zero[1024];
	buf_add(&ar, str_n(zero, sizeof zero));
}

/* pax records: "key=value" each, lengths put in front. */
static void pax_bytes(char flag, struct str records)
{
	head((struct head){ .name = "PaxHeaders/x", .flag = flag, .n = records.n });
	body(records);
}

static void record(struct buf *to, const char *text, size_t n)
{
	size_t len = n + 2;
	for (size_t digits = 1; digits < 8; digits++) {
		char num[16];
		if ((size_t)snprintf(num, sizeof num, "%zu", len + digits) == digits) {
			len += digits;
			break;
		}
	}
	buf_printf(to, "%zu ", len);
	buf_add(to, str_n(text, n));
	buf_putc(to, '\n');
}

#define pax(flag, ...)                                                                 \
	do {                                                                           \
		static const char *const list_[] = { __VA_ARGS__ };                    \
		struct buf r_ = BUF(0);                                                \
		for (size_t i_ = 0; i_ < countof(list_); i_++)                         \
			record(&r_, list_[i_], strlen(list_[i_]));                     \
		pax_bytes(flag, buf_str(&r_));                                         \
		buf_free(&r_);                                                         \
	} while (0)

/* --- reading them, in pieces of several sizes, that must all say the same --- */
struct pieces {
	struct str left;
	size_t piece;
};

static int pieces_next(void *ctx, struct str *view, struct error *err)
{
	struct pieces *p = ctx;
	(void)err;
	*view = str_head(p->left, p->piece);
	p->left = str_from(p->left, view->n);
	return 0;
}

static void pieces_close(void *ctx) { free(ctx); }

static struct stream *in_pieces(size_t piece)
{
	struct pieces *p = xmalloc(sizeof *p);
	*p = (struct pieces){ buf_str(&ar), piece };
	return stream_callback(pieces_next, pieces_close, p);
}

#define SEEN 16
struct seen {
	struct tar_entry e;
	char path[300], link[300], content[700];
	struct buf xattrs;
	size_t n_content;
};
static struct seen seen[SEEN];
static u32 n_seen;
static int ended;
static struct error why;

static void forget(void)
{
	for (u32 i = 0; i < SEEN; i++)
		buf_free(&seen[i].xattrs);
	memset(seen, 0, sizeof seen);
	n_seen = 0;
	why = (struct error){ 0 };
}

static void one(struct tar *t, struct seen *s)
{
	snprintf(s->path, sizeof s->path, "%.*s", (int)s->e.path.n, s->e.path.p);
	snprintf(s->link, sizeof s->link, "%.*s", (int)s->e.link.n, s->e.link.p ? s->e.link.p : "");
	buf_add(&s->xattrs, s->e.xattrs);
	s->e.path = s->e.link = s->e.xattrs = str_n("", 0);
	struct str view;
	int r;
	while ((r = tar_content(t, &view, &why)) == 0 && view.n) {
		assert_true(s->n_content + view.n <= sizeof s->content);
		memcpy(s->content + s->n_content, view.p, view.n);
		s->n_content += view.n;
	}
}

static void read_with(struct stream *in)
{
	forget();
	struct tar *t = tar_open(in);
	while (n_seen < SEEN && (ended = tar_next(t, &seen[n_seen].e, &why)) == 1)
		one(t, &seen[n_seen++]);
	if (ended < 0) { /* final */
		struct tar_entry e;
		struct error again = { 0 };
		assert_int_equal(tar_next(t, &e, &again), -1);
	}
	tar_close(t);
	stream_close(in);
}

static void read_all(void)
{
	static const size_t sizes[] = { 1, 3, 511, 512, 513, 100000 };
	struct seen first[SEEN];
	read_with(stream_memory(buf_str(&ar)));
	u32 n = n_seen;
	int how = ended;
	memcpy(first, seen, sizeof first);
	for (u32 i = 0; i < SEEN; i++)
		first[i].xattrs = (struct buf){ 0 };
	for (size_t i = 0; i < countof(sizes); i++) {
		read_with(in_pieces(sizes[i]));
		assert_int_equal(n_seen, n);
		assert_int_equal(ended, how);
		for (u32 k = 0; k < n; k++) {
			assert_true(seen[k].e.start == first[k].e.start && seen[k].e.data == first[k].e.data && seen[k].e.stored == first[k].e.stored);
			assert_string_equal(seen[k].path, first[k].path);
			assert_memory_equal(seen[k].content, first[k].content, sizeof seen[k].content);
		}
	}
	/* Contents passed over instead of read, by seeking and by reading. */
	for (int seeks = 0; seeks < 2; seeks++) {
		struct stream *in = seeks ? stream_memory(buf_str(&ar)) : in_pieces(700);
		struct tar *t = tar_open(in);
		struct tar_entry e;
		u32 k = 0;
		int r;
		while ((r = tar_next(t, &e, NULL)) == 1) {
			assert_true(k < n && e.start == first[k].e.start && e.data == first[k].e.data && e.size == first[k].e.size);
			k++;
		}
		assert_true(k == n && r == how);
		tar_close(t);
		stream_close(in);
	}
}

static int begin(void **state)
{
	(void)state;
	buf_free(&ar);
	return 0;
}

static int done(void **state)
{
	(void)state;
	forget();
	buf_free(&ar);
	return 0;
}

#define is_entry(i, t, p) assert_int_equal(seen[i].e.type, t), assert_string_equal(seen[i].path, p)

/* --- the tests --- */
static void plain_headers(void **state)
{
	(void)state;
	file("a", "hello");
	head((struct head){ .name = "d/", .flag = '5', .mode = "0001755" });
	head((struct head){ .name = "l", .flag = '2', .link = "a/b" });
	head((struct head){ .name = "h", .flag = '1', .link = "a", .n = 5 }); /* a link has no content, whatever it says */
	head((struct head){ .name = "c", .flag = '3', .raw = { { 329, "0000001", 7 }, { 337, "0000003", 7 } } });
	head((struct head){ .name = "b", .flag = '4', .raw = { { 329, "0000010", 7 }, { 337, "3777777", 7 } } });
	head((struct head){ .name = "p", .flag = '6' });
	head((struct head){ .name = "contiguous", .flag = '7', .n = 2 });
	body(STR("xy"));
	file("last", "");
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 9);
	is_entry(0, TAR_FILE, "a");
	assert_int_equal(seen[0].n_content, 5);
	assert_memory_equal(seen[0].content, "hello", 5);
	assert_true(seen[0].e.size == 5 && seen[0].e.stored == 5 && seen[0].e.start == 0 && seen[0].e.data == 512 && seen[0].e.mode == 0644 && seen[0].e.mtime == 1000);
	is_entry(1, TAR_DIR, "d/");
	assert_true(seen[1].e.mode == 01755 && seen[1].e.start == 1024);
	is_entry(2, TAR_SYMLINK, "l");
	assert_string_equal(seen[2].link, "a/b");
	is_entry(3, TAR_HARDLINK, "h");
	assert_true(seen[3].e.size == 0 && seen[3].e.stored == 0 && seen[3].n_content == 0);
	is_entry(4, TAR_CHAR, "c");
	assert_true(seen[4].e.major == 1 && seen[4].e.minor == 3);
	is_entry(5, TAR_BLOCK, "b");
	assert_true(seen[5].e.major == 8 && seen[5].e.minor == 0xfffff);
	is_entry(6, TAR_FIFO, "p");
	is_entry(7, TAR_FILE, "contiguous");
	is_entry(8, TAR_FILE, "last");
	assert_int_equal(seen[8].e.flag, '0');
}

static void old_headers(void **state)
{
	(void)state;
	head((struct head){ .name = "f", .flag = 'z', .magic = "", .n = 2 });
	body(STR("hi"));
	head((struct head){ .name = "d/", .flag = 'z', .magic = "" });
	head((struct head){ .name = "slash/", .n = 3 }); /* by its type a file */
	body(STR("abc"));
	head((struct head){ .name = "blank", .size = "         5 ", .mode = "   644 " });
	body(STR("12345"));
	head((struct head){ .name = "n", .prefix = "some/where" });
	head((struct head){ .name = "n", .prefix = "not here", .magic = "ustar  " });
	head((struct head){ .name = "junk", .uid = "17\0", .raw = { { 111, "junk", 4 } } });
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 7);
	is_entry(0, TAR_FILE, "f");
	is_entry(1, TAR_DIR, "d/");
	is_entry(2, TAR_FILE, "slash/");
	assert_int_equal(seen[2].e.size, 3);
	is_entry(3, TAR_FILE, "blank");
	assert_true(seen[3].e.size == 5 && seen[3].e.mode == 0644);
	is_entry(4, TAR_FILE, "some/where/n");
	is_entry(5, TAR_FILE, "n");
	assert_int_equal(seen[6].e.uid, 017);
}

static void signed_checksums(void **state)
{
	(void)state;
	file("\xff\xfe", "");
	s32 sum = 8 * ' ';
	for (size_t i = 0; i < 512; i++)
		if (i < 148 || i >= 156)
			sum += (signed char)ar.p[i];
	char text[16];
	snprintf(text, sizeof text, "%06o", (u32)sum);
	memcpy(ar.p + 148, text, 7);
	end();
	read_all();
	assert_int_equal(n_seen, 1);
	assert_int_equal(ended, 0);
}

static void long_names(void **state)
{
	(void)state;
	static char name[251], target[211], full[101];
	memset(name, 'n', sizeof name - 1);
	memset(target, 't', sizeof target - 1);
	memset(full, 'f', sizeof full - 1);
	file("a", "");
	head((struct head){ .name = "././@LongLink", .flag = 'L', .magic = "ustar  ", .n = sizeof name });
	body(str_n(name, sizeof name));
	head((struct head){ .name = "././@LongLink", .flag = 'K', .magic = "ustar  ", .n = sizeof target - 1 }); /* no NUL at its end */
	body(str_n(target, sizeof target - 1));
	head((struct head){ .name = "short", .flag = '2', .link = "other", .magic = "ustar  " });
	file(full, "x"); /* exactly 100 bytes: no NUL in the field; and nothing of the names before */
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 3);
	is_entry(1, TAR_SYMLINK, name);
	assert_string_equal(seen[1].link, target);
	assert_true(seen[1].e.start == 512 && seen[1].e.data == 512 + 2 * 1024 + 512);
	is_entry(2, TAR_FILE, full);
}

static void pax_records(void **state)
{
	(void)state;
	pax('x', "path=whole/path", "linkpath=far", "uid=3000000", "gid=4294967295", "mtime=-1.25", "SCHILY.xattr.user.b=1", "SCHILY.xattr.user.a==", "SCHILY.xattr.user.b=2", "other=ignored");
	head((struct head){ .name = "n", .flag = '2', .link = "near", .uid = "garbage", .mtime = "not a number" });
	pax('x', "size=5", "mtime=7.000000001");
	head((struct head){ .name = "s", .size = "77777777777" });
	body(STR("hello"));
	pax('x', "path=gone", "path=");
	file("kept", "");
	file("plain", "");
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 4);
	is_entry(0, TAR_SYMLINK, "whole/path");
	assert_string_equal(seen[0].link, "far");
	assert_true(seen[0].e.uid == 3000000 && seen[0].e.gid == UINT32_MAX && seen[0].e.mtime == -2 && seen[0].e.mtime_ns == 750000000 && seen[0].e.start == 0);
	struct str rest = buf_str(&seen[0].xattrs), name, value;
	assert_true(tar_xattr_next(&rest, &name, &value) && str_is(name, "user.a") && str_is(value, "="));
	assert_true(tar_xattr_next(&rest, &name, &value) && str_is(name, "user.b") && str_is(value, "2")); /* the later counts */
	assert_false(tar_xattr_next(&rest, &name, &value));
	assert_true(seen[1].e.size == 5 && seen[1].n_content == 5 && seen[1].e.mtime == 7 && seen[1].e.mtime_ns == 1);
	is_entry(2, TAR_FILE, "kept");
	is_entry(3, TAR_FILE, "plain");
	assert_true(seen[3].e.uid == 0 && seen[3].xattrs.n == 0);
}

static void pax_many_xattrs(void **state)
{
	(void)state;
	struct buf r = BUF(0), text = BUF(0);
	for (u32 i = 0; i < 200; i++) { /* each name twice, the second value counts */
		buf_clear(&text);
		buf_printf(&text, "SCHILY.xattr.user.%03u=%u", i % 100, i);
		record(&r, text.p, text.n);
	}
	buf_clear(&text);
	buf_add(&text, str_n("SCHILY.xattr.nul=a\0b", 20));
	record(&r, text.p, text.n);
	pax_bytes('x', buf_str(&r));
	file("f", "");
	end();
	read_all();
	struct str rest = buf_str(&seen[0].xattrs), name, value;
	assert_true(tar_xattr_next(&rest, &name, &value) && str_is(name, "nul") && value.n == 3);
	for (u32 i = 0; i < 100; i++) {
		assert_true(tar_xattr_next(&rest, &name, &value));
		buf_clear(&text);
		buf_printf(&text, "%u", 100 + i);
		assert_true(str_eq(value, buf_str(&text)));
	}
	assert_int_equal(rest.n, 0);
	buf_free(&r);
	buf_free(&text);
}

static void pax_globals(void **state)
{
	(void)state;
	pax('g', "comment=x", "mtime=5");
	file("a", "");
	pax('x', "mtime=6");
	file("b", "");
	pax('g', "mtime=");
	file("c", "");
	end();
	read_all();
	assert_int_equal(n_seen, 3);
	assert_true(seen[0].e.mtime == 5 && seen[1].e.mtime == 6 && seen[2].e.mtime == 1000);
	assert_true(seen[0].e.start == 1024 && seen[1].e.start == 1536); /* the entry's own headers belong to it, global ones don't */
}

static void numbers(void **state)
{
	(void)state;
	static const char big[] = "\x80\0\0\0\0\0\0\0\0\0\0\x05", old[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0", id[] = "\x80\0\0\0\0\x30\0\0";
	head((struct head){ .name = "f", .magic = "ustar  ", .raw = { { 124, big, 12 }, { 136, old, 12 }, { 108, id, 8 } } });
	body(STR("hello"));
	head((struct head){ .name = "g", .uid = "7777777", .mtime = "777777777777" });
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_true(seen[0].e.size == 5 && seen[0].e.mtime == -16 && seen[0].e.uid == 0x300000);
	assert_true(seen[1].e.uid == 07777777 && seen[1].e.mtime == 0777777777777);
}

/* Each is one entry's header (after a sound entry) that must be refused. */
static void hostile_numbers(void **state)
{
	(void)state;
	static const char minus[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", huge[] = "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", wide[] = "\x80\0\0\1\0\0\0\0\0\0\0\0", low[] = "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0",
			  lost[] = "\xff\xff\xff\xff\0\0\0\0\0\0\0\0", most[] = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", id[] = "\x80\0\0\1\0\0\0\0", minus_id[] = "\xff\xff\xff\xff\xff\xff\xff\xfe";
	const struct head bad[] = {
		{ .name = "x", .size = "zzz" },
		{ .name = "x", .size = "12 34" },
		{ .name = "x", .size = "-5" },
		{ .name = "x", .size = "888" },
		{ .name = "x", .raw = { { 124, minus, 12 } } },
		{ .name = "x", .raw = { { 124, huge, 12 } } },
		{ .name = "x", .raw = { { 124, wide, 12 } } },
		{ .name = "x", .raw = { { 124, most, 12 } } },
		{ .name = "x", .raw = { { 136, low, 12 } } },
		{ .name = "x", .raw = { { 136, lost, 12 } } },
		{ .name = "x", .raw = { { 108, id, 8 } } },
		{ .name = "x", .raw = { { 108, minus_id, 8 } } },
		{ .name = "x", .mode = "rwxr-xr" },
		{ .name = "x", .mtime = "yesterday" },
		{ .name = "x", .flag = '3', .raw = { { 329, "7777777", 7 } } },
		{ .name = "x", .checksum = "0000000" },
		{ .name = "x", .checksum = "zzzzzzz" },
		{ .name = "" },
		{ .name = "x", .flag = 'x', .size = "77777777777" }, /* an extended header over the budget */
		{ .name = "x", .flag = 'L', .n = TAR_EXTENDED_MAX + 1 },
	};
	for (size_t i = 0; i < countof(bad); i++) {
		buf_clear(&ar);
		file("sound", "1");
		head(bad[i]);
		end();
		read_all();
		if (ended != -1 || n_seen != 1)
			fail_msg("%zu: %d after %u", i, ended, n_seen);
		assert_int_equal(why.kind, ERR_INPUT);
		assert_memory_equal(why.text, "tar: ", 5);
	}
}

static void hostile_pax(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"5 a=b\n", "999 a=b\n", "0 a=b\n", "-6 a=b\n", "6 a=bx", "6 abcd", "6 =ab\n", "a=b\n", "6a=bc\n", "18446744073709551622 a=b\n", "4 a\n", " 6 a=b\n", "9 uid=-1\n", "9 size=x\n", "23 size=9223372036854775808\n",
		"18 uid=4294967296\n", "11 mtime=x\n", "13 mtime=1.x\n", "30 mtime=99999999999999999999\n", "12 path=a\0b\n", "10 gid=1 2\n", "6 a=b\n\n",
	};
	static const size_t lengths[] = { [19] = 12 };
	for (size_t i = 0; i < countof(bad); i++) {
		buf_clear(&ar);
		file("sound", "1");
		pax_bytes('x', str_n(bad[i], i < countof(lengths) && lengths[i] ? lengths[i] : strlen(bad[i])));
		file("behind", "");
		end();
		read_all();
		if (ended != -1 || n_seen != 1)
			fail_msg("%zu: '%s': %d after %u", i, bad[i], ended, n_seen);
	}
}

static void early_ends(void **state)
{
	(void)state;
	file("a", "hello");
	file("b", "world");
	end();
	size_t whole = ar.n;
	for (size_t n = 0; n <= whole; n += 37) {
		ar.n = n;
		read_all();
		if (n == 0 || (n >= 2048 && (n % 512 == 0 || n >= 2560)))
			assert_int_equal(ended, 0);
		else if (n == 1024)
			assert_int_equal(ended, 0); /* between two entries */
		else
			assert_int_equal(ended, -1);
		assert_int_equal(n_seen, (n >= 512) + (n >= 1536));
	}
	ar.n = 1024;
	read_all();
	assert_true(ended == 0 && n_seen == 1);
	/* An extended header without its entry. */
	ar.n = 0;
	pax('x', "path=x");
	read_all();
	assert_int_equal(ended, -1);
	end();
	read_all();
	assert_int_equal(ended, -1);
	/* What is behind a zero block is nobody's. */
	buf_clear(&ar);
	file("a", "");
	end();
	buf_puts(&ar, "junk");
	read_all();
	assert_true(ended == 0 && n_seen == 1);
}

static void sparse_old(void **state)
{
	(void)state;
	/* offset, bytes: 0 4, 512 4; length 1024 */
	static const char map[] = "00000000000\0" "00000000004\0" "00000001000\0" "00000000004", real[] = "00000002000";
	head((struct head){ .name = "s", .flag = 'S', .magic = "ustar  ", .n = 8, .raw = { { 386, map, sizeof map }, { 483, real, sizeof real } } });
	body(STR("abcdefgh"));
	/* with a block of more pairs */
	static const char two[] = "00000000000\0" "00000000004", pairs[24 * 21 + 8] = "00000000100\0" "00000000002";
	head((struct head){ .name = "m", .flag = 'S', .magic = "ustar  ", .n = 6, .raw = { { 386, two, sizeof two }, { 482, "\1", 1 }, { 483, real, sizeof real } } });
	body(str_n(pairs, 512));
	body(STR("abcdef"));
	file("after", "x");
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 3);
	assert_true(seen[0].e.sparse && seen[0].e.size == 1024 && seen[0].e.stored == 8 && seen[0].n_content == 8);
	assert_true(seen[1].e.sparse && seen[1].e.size == 1024 && seen[1].e.stored == 6 && seen[1].e.data == seen[1].e.start + 1024);
	is_entry(2, TAR_FILE, "after");
	/* Maps that lie: pieces back to front, behind the end, more than is stored. */
	static const char *const lies[] = { "00000001000\0" "00000000004\0" "00000000000\0" "00000000004", "00000000000\0" "00000000004\0" "00000001777\0" "00000000004", "00000000000\0" "00000000010\0" "00000001000\0" "00000000004",
					    "00000000000\0" "00000000004\0" "00000000002\0" "00000000004", "x0000000000\0" "00000000004\0" "00000001000\0" "00000000004" };
	for (size_t i = 0; i < countof(lies); i++) {
		buf_clear(&ar);
		head((struct head){ .name = "s", .flag = 'S', .magic = "ustar  ", .n = 8, .raw = { { 386, lies[i], sizeof map }, { 483, real, sizeof real } } });
		body(STR("abcdefgh"));
		end();
		read_all();
		if (ended != -1)
			fail_msg("map %zu was believed", i);
	}
}

static void sparse_pax(void **state)
{
	(void)state;
	pax('x', "GNU.sparse.size=100", "GNU.sparse.numblocks=2", "GNU.sparse.offset=10", "GNU.sparse.numbytes=3", "GNU.sparse.offset=50", "GNU.sparse.numbytes=2");
	file("zero", "hello");
	pax('x', "GNU.sparse.size=100", "GNU.sparse.name=one", "GNU.sparse.map=10,3,50,2");
	file("GNUSparseFile.1/x", "hello");
	pax('x', "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=two", "GNU.sparse.realsize=100", "path=GNUSparseFile.1/a-long-name");
	head((struct head){ .name = "GNUSparseFile.1/x", .n = 512 + 5 });
	body(STR("2\n10\n3\n50\n2\n"));
	body(STR("hello"));
	pax('x', "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=hole", "GNU.sparse.realsize=100");
	head((struct head){ .name = "GNUSparseFile.1/y", .n = 512 });
	body(STR("1\n100\n0\n"));
	file("after", "");
	end();
	read_all();
	assert_int_equal(ended, 0);
	assert_int_equal(n_seen, 5);
	static const char *const names[] = { "zero", "one", "two", "hole" };
	for (u32 i = 0; i < 4; i++) {
		is_entry(i, TAR_FILE, names[i]);
		assert_true(seen[i].e.sparse && seen[i].e.size == 100);
	}
	assert_true(seen[0].e.stored == 5 && seen[2].e.stored == 517 && seen[2].n_content == 5);
	assert_memory_equal(seen[2].content, "hello", 5);
	assert_true(seen[3].e.stored == 512 && seen[3].n_content == 0);
	static const char *const lies[] = { "2\n10\n3\n", "1\n10\n4\n", "1\n98\n5\n", "2\n50\n2\n10\n3\n", "x\n", "1\n\n", "99999999999999999999\n", "9999999\n1\n", "\n" };
	for (size_t i = 0; i < countof(lies); i++) {
		buf_clear(&ar);
		pax('x', "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=two", "GNU.sparse.realsize=100");
		head((struct head){ .name = "x", .n = 512 + 5 });
		body(str_of(lies[i]));
		body(STR("hello"));
		end();
		read_all();
		if (ended != -1)
			fail_msg("map '%s' was believed", lies[i]);
	}
	buf_clear(&ar);
	pax('x', "GNU.sparse.map=0,5");
	file("f", "hello");
	end();
	read_all();
	assert_int_equal(ended, -1); /* no size */
	buf_clear(&ar);
	pax('x', "GNU.sparse.size=100", "GNU.sparse.map=0,6");
	file("f", "hello");
	end();
	read_all();
	assert_int_equal(ended, -1);
}

static void unknown_types(void **state)
{
	(void)state;
	head((struct head){ .name = "q", .flag = 'Q', .n = 3 });
	body(STR("abc"));
	head((struct head){ .name = "vol", .flag = 'V' });
	file("after", "x");
	end();
	read_all();
	assert_int_equal(n_seen, 3);
	is_entry(0, TAR_OTHER, "q");
	assert_true(seen[0].e.size == 0 && seen[0].e.stored == 3);
	is_entry(2, TAR_FILE, "after");
}

static void members(void **state)
{
	(void)state;
	file("a", "hello");
	file("b", "x");
	end();
	struct stream *in = stream_memory(buf_str(&ar));
	struct tar *t = tar_open(in);
	struct tar_entry e;
	struct str view;
	assert_int_equal(tar_next(t, &e, NULL), 1);
	struct stream *m = tar_stream(t);
	assert_int_equal(stream_next(m, &view, NULL), 0);
	assert_true(str_is(view, "hello"));
	assert_int_equal(stream_next(m, &view, NULL), 0);
	assert_int_equal(view.n, 0);
	stream_close(m);
	assert_int_equal(tar_next(t, &e, NULL), 1);
	assert_true(str_is(e.path, "b"));
	tar_close(t);
	stream_close(in);
	assert_int_equal(block_at(), 4 * 512 + 1024);
}

static void clean_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path, *clean;
	} t[] = { { "a/b", "a/b" }, { "/a//b/", "a/b" }, { "./a/./b", "a/b" }, { "../../a", "a" }, { "a/../../b", "b" }, { "a/b/../c", "a/c" }, { ".", "" }, { "/", "" }, { "", "" }, { "..", "" }, { "...", "..." }, { "a/..", "" },
		  { ".wh.a", ".wh.a" }, { "a/ b\n", "a/ b\n" } };
	char out[TAR_PATH_MAX + 1];
	for (size_t i = 0; i < countof(t); i++) {
		assert_int_equal(tar_clean(str_of(t[i].path), out), strlen(t[i].clean));
		assert_string_equal(out, t[i].clean);
	}
	struct buf deep = BUF(0);
	while (deep.n < TAR_PATH_MAX + 100)
		buf_puts(&deep, "x/");
	assert_int_equal(tar_clean(buf_str(&deep), out), -1);
	deep.n = TAR_PATH_MAX - 1;
	assert_true(tar_clean(buf_str(&deep), out) > 0);
	while (deep.n < 4 * TAR_PATH_MAX)
		buf_puts(&deep, "/..");
	assert_true(tar_clean(buf_str(&deep), out) >= 0);
	buf_free(&deep);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, done)
	const struct CMUnitTest tests[] = {
		T(plain_headers), T(old_headers), T(signed_checksums), T(long_names), T(pax_records), T(pax_many_xattrs), T(pax_globals), T(numbers), T(hostile_numbers),
		T(hostile_pax), T(early_ends), T(sparse_old), T(sparse_pax), T(unknown_types), T(members), T(clean_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
