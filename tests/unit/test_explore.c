/* The explorer without a terminal: history of names, rows of the tree, filters, sorting; rows of the pager; names and cuts. */
#include "explore/app.h"
#include "explore/content.h"
#include "explore/match.h"
#include "explore/model.h"
#include "explore/pager.h"
#include "explore/screen.h"
#include "rootfs/rootfs.h"
#include <locale.h>
#include <setjmp.h>
#include <cmocka.h>

static struct image_layer layers[4];
static struct image image;

static void add(u32 layer, u8 type, const char *path, u64 size, u32 mode, const char *link)
{
	struct tar_entry e = { .path = str_of(path), .link = str_of(link ? link : ""), .type = (enum tar_type)type, .flag = '0', .mode = mode, .raw_mode = mode, .size = size, .stored = size };
	struct error err = { 0 };
	u32 at;
	char clean[TAR_PATH_MAX];
	ssize_t n = tar_clean(e.path, clean);
	assert_true(n >= 0);
	assert_int_equal(facts_add((struct facts *)(uintptr_t)layers[layer].facts, &e, str_n(clean, (size_t)n), &at, &err), 0);
}

static struct rootfs *begin(u32 n)
{
	memset(layers, 0, sizeof layers);
	for (u32 i = 0; i < n; i++)
		layers[i] = (struct image_layer){ .index = i, .facts = facts_new(), .command = "RUN something", .history = -1, .media_type = "", .place = "" };
	image = (struct image){ .layers = layers, .n_layers = n, .reference = "test" };
	return NULL;
}

static void end(struct rootfs *r)
{
	rootfs_free(r);
	for (u32 i = 0; i < image.n_layers; i++)
		facts_free((struct facts *)(uintptr_t)layers[i].facts);
}

/* Two layers that add, change, remove, and one that replaces a directory by a file. */
static struct rootfs *example(void)
{
	begin(3);
	add(0, TAR_DIR, "etc", 0, 0755, NULL);
	add(0, TAR_FILE, "etc/passwd", 100, 0644, NULL);
	add(0, TAR_FILE, "etc/motd", 10, 0644, NULL);
	add(0, TAR_DIR, "var/cache", 0, 0755, NULL);
	add(0, TAR_FILE, "var/cache/big", 5000, 0644, NULL);
	add(0, TAR_SYMLINK, "bin", 0, 0777, "usr/bin");
	add(1, TAR_DIR, "etc", 0, 0755, NULL);
	add(1, TAR_FILE, "etc/passwd", 120, 0644, NULL);
	add(1, TAR_FILE, "etc/.wh.motd", 0, 0, NULL);
	add(1, TAR_FILE, "app/run", 700, 0755, NULL);
	add(1, TAR_HARDLINK, "app/again", 0, 0755, "app/run");
	add(2, TAR_FILE, "var", 3, 0644, NULL);
	add(2, TAR_FILE, "etc/motd", 11, 0644, NULL);
	return rootfs_build(&image, NULL);
}

/* The rows as one line: "+app +app/again …". */
static char *rows(const struct model *m)
{
	static char out[4096];
	size_t n = 0;
	out[0] = '\0';
	for (u32 i = 0; i < m->n_rows; i++) {
		struct buf path = BUF(0);
		rootfs_path(m->full, m->rows[i].node, &path);
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%c%s", i ? " " : "", " +~-"[m->diff[m->rows[i].node]], path.p + 1);
		buf_free(&path);
	}
	return out;
}

static node_id at(const struct model *m, const char *path)
{
	for (u32 i = 0; i < m->n_rows; i++) {
		struct buf b = BUF(0);
		rootfs_path(m->full, m->rows[i].node, &b);
		bool same = strcmp(b.p, path) == 0;
		buf_free(&b);
		if (same)
			return m->rows[i].node;
	}
	fail_msg("no row %s", path);
	return 0;
}

static void test_layers(void **state)
{
	(void)state;
	struct rootfs *r = example();
	struct model m;
	model_init(&m, &image, r);
	assert_string_equal(rows(&m), " bin  etc  etc/motd  etc/passwd  var  var/cache  var/cache/big");
	model_select_layer(&m, 1);
	assert_string_equal(rows(&m), "+app +app/again +app/run  bin ~etc -etc/motd ~etc/passwd  var  var/cache  var/cache/big");
	assert_int_equal(m.counts[DIFF_ADDED], 2);
	assert_int_equal(m.counts[DIFF_CHANGED], 1);
	assert_int_equal(m.counts[DIFF_REMOVED], 1);
	model_select_layer(&m, 2);
	assert_string_equal(rows(&m), " app  app/again  app/run  bin ~etc +etc/motd  etc/passwd ~var -var/cache -var/cache/big");
	model_aggregate(&m, true);
	assert_string_equal(rows(&m), "+app +app/again +app/run  bin ~etc ~etc/motd ~etc/passwd ~var -var/cache -var/cache/big");
	model_select_layer(&m, 99); /* beyond the last: the last */
	assert_int_equal(m.layer, 2);
	model_aggregate(&m, false);
	model_select_layer(&m, 0);
	assert_string_equal(rows(&m), " bin  etc  etc/motd  etc/passwd  var  var/cache  var/cache/big");
	model_free(&m);
	end(r);
}

/* Every state agrees with a tree built of so many layers. */
static void test_states_are_trees(void **state)
{
	(void)state;
	struct rootfs *full = example();
	struct model m;
	model_init(&m, &image, full);
	for (u32 k = 0; k < 3; k++) {
		struct rootfs *r = rootfs_build(&image, &(struct rootfs_options){ .layers = k + 1 });
		model_select_layer(&m, k);
		u32 live = 0;
		for (node_id i = ROOTFS_ROOT + 1; i < m.n; i++) {
			bool there = i < r->nodes.n && rootfs_node(r, i)->state == NODE_LIVE;
			assert_int_equal(m.now[i] != 0, there);
			if (!there)
				continue;
			live++;
			assert_string_equal(rootfs_node(r, i)->name, rootfs_node(full, i)->name);
			assert_ptr_equal(model_entry(&m, i), rootfs_entry(r, i));
		}
		assert_int_equal(live, r->files + r->dirs + r->links + r->others);
		rootfs_free(r);
	}
	model_free(&m);
	end(full);
}

static void test_sizes(void **state)
{
	(void)state;
	struct rootfs *r = example();
	struct model m;
	model_init(&m, &image, r);
	assert_int_equal(m.size[at(&m, "/var")], 5000);
	model_select_layer(&m, 1);
	assert_int_equal(m.size[at(&m, "/app")], 700); /* two names, one inode */
	assert_int_equal(m.size[at(&m, "/app/again")], 700);
	assert_int_equal(m.size[at(&m, "/etc")], 120); /* what was removed is not there */
	assert_int_equal(m.size[at(&m, "/etc/motd")], 10);
	model_select_layer(&m, 2);
	assert_int_equal(m.size[at(&m, "/var")], 3);
	assert_int_equal(m.size[at(&m, "/var/cache")], 5000); /* of a removed directory: what it had */
	model_select_layer(&m, 1);
	model_sort(&m, true);
	assert_string_equal(rows(&m), " var  var/cache  var/cache/big +app +app/again +app/run ~etc ~etc/passwd -etc/motd  bin");
	model_sort(&m, false);
	assert_string_equal(rows(&m), "+app +app/again +app/run  bin ~etc -etc/motd ~etc/passwd  var  var/cache  var/cache/big");
	model_free(&m);
	end(r);
}

static void test_hide_and_filter(void **state)
{
	(void)state;
	struct rootfs *r = example();
	struct model m;
	struct error err = { 0 };
	model_init(&m, &image, r);
	model_select_layer(&m, 1);
	model_toggle_hidden(&m, DIFF_SAME);
	assert_string_equal(rows(&m), "+app +app/again +app/run ~etc -etc/motd ~etc/passwd");
	model_toggle_hidden(&m, DIFF_REMOVED);
	assert_string_equal(rows(&m), "+app +app/again +app/run ~etc ~etc/passwd");
	model_toggle_hidden(&m, DIFF_CHANGED);
	assert_string_equal(rows(&m), "+app +app/again +app/run");
	model_toggle_hidden(&m, DIFF_ADDED);
	assert_int_equal(m.n_rows, 0);
	model_move(&m, 1);
	model_left(&m);
	model_right(&m);
	model_toggle_hidden(&m, DIFF_ADDED);
	model_toggle_hidden(&m, DIFF_CHANGED);
	model_toggle_hidden(&m, DIFF_REMOVED);
	model_toggle_hidden(&m, DIFF_SAME);
	assert_int_equal(model_filter(&m, "big", &err), 0);
	assert_string_equal(rows(&m), " var  var/cache  var/cache/big");
	assert_int_equal(model_filter(&m, "^/etc/[mp].*d$", &err), 0);
	assert_string_equal(rows(&m), "~etc -etc/motd ~etc/passwd");
	assert_int_equal(model_filter(&m, "r?n", &err), 0);
	assert_string_equal(rows(&m), "+app +app/run");
	assert_int_equal(model_filter(&m, "(", &err), -1); /* the filter stays */
	assert_string_equal(rows(&m), "+app +app/run");
	assert_int_equal(model_filter(&m, "nothing like it", &err), 0);
	assert_int_equal(m.n_rows, 0);
	assert_int_equal(model_filter(&m, "", &err), 0);
	assert_int_equal(m.n_rows, 10);
	model_free(&m);
	end(r);
}

static void test_collapse_and_select(void **state)
{
	(void)state;
	struct rootfs *r = example();
	struct model m;
	model_init(&m, &image, r);
	model_select_layer(&m, 1);
	model_move(&m, 3);
	assert_int_equal(m.rows[m.sel].node, at(&m, "/etc/passwd"));
	assert_int_equal(m.rows[m.sel].depth, 1);
	assert_true(m.rows[m.sel].last);
	node_id etc = at(&m, "/etc"), passwd = at(&m, "/etc/passwd");
	model_toggle(&m, etc); /* what is hidden passes the selection to its directory, and gets it back */
	assert_int_equal(m.rows[m.sel].node, etc);
	assert_true(model_collapsed(&m, etc));
	model_toggle(&m, etc);
	assert_int_equal(m.rows[m.sel].node, passwd);
	model_left(&m);
	assert_int_equal(m.rows[m.sel].node, etc);
	model_toggle_all(&m);
	assert_string_equal(rows(&m), "+app  bin ~etc  var");
	assert_int_equal(m.rows[m.sel].node, etc);
	model_right(&m); /* expands and goes in */
	assert_string_equal(rows(&m), "+app  bin ~etc -etc/motd ~etc/passwd  var");
	assert_int_equal(m.sel, 3);
	model_toggle_all(&m);
	assert_int_equal(m.n_rows, 10);
	model_move(&m, -((s64)1 << 40));
	assert_int_equal(m.sel, 0);
	model_move(&m, (s64)1 << 40);
	assert_int_equal(m.sel, 9);
	model_toggle_all(&m);
	model_reveal(&m, passwd);
	assert_int_equal(m.rows[m.sel].node, passwd);
	model_select_layer(&m, 0); /* stays on the same name */
	assert_int_equal(m.rows[m.sel].node, passwd);
	model_free(&m);
	end(r);
}

static void test_no_layers(void **state)
{
	(void)state;
	begin(0);
	struct rootfs *r = rootfs_build(&image, NULL);
	struct model m;
	model_init(&m, &image, r);
	assert_int_equal(m.n_rows, 0);
	model_move(&m, 1);
	model_toggle_all(&m);
	model_sort(&m, true);
	model_aggregate(&m, true);
	model_reveal(&m, 5);
	assert_int_equal(m.n_rows, 0);
	model_free(&m);
	end(r);
}

static void test_unread_layer(void **state)
{
	(void)state;
	begin(3);
	add(0, TAR_FILE, "a", 1, 0644, NULL);
	add(2, TAR_FILE, ".wh.a", 0, 0, NULL);
	facts_free((struct facts *)(uintptr_t)layers[1].facts);
	layers[1].facts = NULL;
	struct rootfs *r = rootfs_build(&image, NULL);
	struct model m;
	model_init(&m, &image, r);
	model_select_layer(&m, 1);
	assert_string_equal(rows(&m), " a");
	model_select_layer(&m, 2);
	assert_string_equal(rows(&m), "-a");
	model_free(&m);
	rootfs_free(r);
	facts_free((struct facts *)(uintptr_t)layers[0].facts);
	facts_free((struct facts *)(uintptr_t)layers[2].facts);
}

static void test_deep_and_many(void **state)
{
	(void)state;
	begin(1);
	char path[TAR_PATH_MAX];
	size_t n = 0;
	for (int i = 0; i < 400; i++)
		n += (size_t)snprintf(path + n, sizeof path - n, "%sd", i ? "/" : "");
	add(0, TAR_FILE, path, 7, 0644, NULL);
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof path, "many/%05d", (i * 7919) % 20000);
		add(0, TAR_FILE, path, (u64)i, 0644, NULL);
	}
	struct rootfs *r = rootfs_build(&image, NULL);
	struct model m;
	struct error err = { 0 };
	model_init(&m, &image, r);
	assert_int_equal(m.n_rows, 400 + 20001);
	assert_int_equal(m.rows[399].depth, 399);
	assert_int_equal(m.size[m.rows[0].node], 7);
	assert_string_equal(rootfs_node(r, m.rows[401].node)->name, "00000");
	assert_string_equal(rootfs_node(r, m.rows[20400].node)->name, "19999");
	model_sort(&m, true);
	for (u32 i = 2; i < 20001; i++)
		assert_true(m.size[m.rows[i - 1].node] >= m.size[m.rows[i].node] || m.rows[i].depth != m.rows[i - 1].depth);
	assert_int_equal(model_filter(&m, "d/d/d$", &err), 0);
	assert_int_equal(m.n_rows, 400); /* the two uppermost lead to those that match */
	model_free(&m);
	end(r);
}

static void test_match(void **state)
{
	(void)state;
	static const struct { const char *pattern, *path; enum match_kind kind; bool want; } cases[] = {
		{ "", "/a", MATCH_ALL, true },
		{ "pass", "/etc/PassWd", MATCH_TEXT, true },
		{ "Pass", "/etc/passwd", MATCH_TEXT, false },
		{ "a.b", "/axb", MATCH_TEXT, false },
		{ "a.b", "/xa.bx", MATCH_TEXT, true },
		{ "*.so", "/usr/lib/libc.so", MATCH_GLOB, true },
		{ "*.so", "/usr/lib/libc.so.6", MATCH_GLOB, false },
		{ "/usr/*/x", "/usr/lib/x", MATCH_GLOB, true },
		{ "usr/*/x", "/usr/lib/x", MATCH_GLOB, true },
		{ "/usr/*", "/usr/lib/x", MATCH_GLOB, false },
		{ "lib.*so", "/usr/lib/libc.so", MATCH_REGEX, true },
		{ "^/usr", "/opt/usr", MATCH_REGEX, false },
		{ "(a|b)$", "/x/b", MATCH_REGEX, true },
		{ "\\.py$", "/x\xff.py", MATCH_REGEX, true },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct match m = { 0 };
		struct error err = { 0 };
		assert_int_equal(match_compile(&m, cases[i].pattern, &err), 0);
		assert_int_equal(m.kind, cases[i].kind);
		assert_int_equal(match_path(&m, cases[i].path, strlen(cases[i].path)), cases[i].want);
		match_free(&m);
	}
	static const char *const bad[] = { "(", "[", "(a)\\1", "\\" };
	for (size_t i = 0; i < countof(bad); i++) {
		struct match m = { 0 };
		struct error err = { 0 };
		assert_int_equal(match_compile(&m, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

static size_t text_row(const char *s, size_t n, size_t width, char out[256])
{
	struct buf b = BUF(0);
	size_t k = pager_text_row(str_n(s, n), width, true, &b);
	snprintf(out, 256, "%s", b.p ? b.p : "");
	buf_free(&b);
	return k;
}

static void test_pager_rows(void **state)
{
	(void)state;
	char out[256];
	assert_int_equal(text_row("abc\ndef", 7, 80, out), 4);
	assert_string_equal(out, "abc");
	assert_int_equal(text_row("abcdef", 6, 4, out), 4);
	assert_string_equal(out, "abcd");
	assert_int_equal(text_row("abcd\nx", 6, 4, out), 5); /* no empty row after a full one */
	assert_int_equal(text_row("a\r\nb", 4, 80, out), 3);
	assert_string_equal(out, "a");
	assert_int_equal(text_row("a\tb", 3, 80, out), 3);
	assert_string_equal(out, "a       b");
	assert_int_equal(text_row("\033[31mred", 8, 80, out), 8);
	assert_string_equal(out, "\\x1b[31mred");
	assert_int_equal(text_row("\xff\xfe", 2, 80, out), 2);
	assert_string_equal(out, "\\xff\\xfe");
	assert_int_equal(text_row("\xe4\xb8\xad\xe6\x96\x87", 6, 3, out), 3); /* a wide character doesn't go into the last column */
	assert_int_equal(text_row("\033", 1, 2, out), 1); /* narrower than one character: progress all the same */
	assert_int_equal(text_row("", 0, 2, out), 0);
	struct buf b = BUF(0);
	pager_hex_row(0x1234, STR("AB\x00\xff"), 8, &b);
	assert_string_equal(b.p, "00001234  41 42 00 ff              AB..");
	buf_free(&b);
	assert_true(pager_is_binary(STR("\x7f" "ELF\0")));
	assert_false(pager_is_binary(STR("plain\ttext\r\n\033[1m")));
	assert_false(pager_is_binary(STR("gr\xc3\xbc\xc3\x9f")));
	assert_true(pager_is_binary(STR("\xff\xff\xff\xff\xff\xff\xff")));
	assert_false(pager_is_binary(STR("")));
}

static void test_safe_names(void **state)
{
	(void)state;
	static const struct { const char *name, *want; } cases[] = {
		{ "passwd", "passwd" }, { ".bashrc", ".bashrc" }, { "..", "file" }, { ".", "file" }, { "", "file" }, { "-rf", "_rf" }, { "a/../b", "a_.._b" },
		{ "\033]0;x\007", "_]0;x_" }, { "a\nb", "a_b" }, { "\xff", "_" }, { "a\\b", "a_b" }, { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" }, { "\xe2\x80\xae" "txt", "_txt" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = BUF(0);
		content_safe_name(cases[i].name, &b);
		assert_string_equal(b.p, cases[i].want);
		buf_free(&b);
	}
	char name[1000];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	struct buf b = BUF(0);
	content_safe_name(name, &b);
	assert_in_range(b.n, 1, 200);
	buf_free(&b);
}

static void test_fit(void **state)
{
	(void)state;
	static const struct { const char *text; int width; bool utf8; const char *want; int used; } cases[] = {
		{ "abc", 5, true, "abc", 3 }, { "abcdef", 4, true, "abc…", 4 }, { "abcdef", 4, false, "abc~", 4 }, { "abcd", 4, true, "abcd", 4 }, { "abc", 0, true, "", 0 }, { "", 3, true, "", 0 },
		{ "\xe4\xb8\xad\xe6\x96\x87", 3, true, "\xe4\xb8\xad…", 3 }, { "\xe4\xb8\xad\xe6\x96\x87", 2, true, "…", 1 }, { "\xe4\xb8\xad", 2, false, "?", 1 },
		{ "\033[2J", 20, true, "\\x1b[2J", 7 }, { "\xcc\x81" "a", 5, true, "a", 1 }, { "e\xcc\x81", 1, true, "e\xcc\x81", 1 }, { "\xff", 9, true, "\\xff", 4 },
	};
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b = BUF(0);
		assert_int_equal(screen_fit(&b, str_of(cases[i].text), cases[i].width, cases[i].utf8), cases[i].used);
		assert_string_equal(b.p ? str_n(b.p, b.n).p : "", cases[i].want);
		assert_int_equal(b.n, strlen(cases[i].want));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers), cmocka_unit_test(test_states_are_trees), cmocka_unit_test(test_sizes), cmocka_unit_test(test_hide_and_filter),
		cmocka_unit_test(test_collapse_and_select), cmocka_unit_test(test_no_layers), cmocka_unit_test(test_unread_layer), cmocka_unit_test(test_deep_and_many),
		cmocka_unit_test(test_match), cmocka_unit_test(test_pager_rows), cmocka_unit_test(test_safe_names), cmocka_unit_test(test_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
