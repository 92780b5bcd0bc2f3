/* rootfs/rootfs.h: what layers add up to, and whose bytes are waste. Every case is layers, the tree and the waste as text. */
#include "image_of.h"
#include "rootfs/rootfs.h"
#include <setjmp.h>
#include <cmocka.h>

static int tree_line(void *ctx, node_id id)
{
	struct {
		const struct rootfs *r;
		struct buf out, path;
	} *t = ctx;
	buf_printf(&t->out, "%c%s %u", rootfs_type(t->r, id), rootfs_path(t->r, id, &t->path).p, rootfs_node(t->r, id)->layer);
	if (rootfs_type(t->r, id) == TAR_FILE)
		buf_printf(&t->out, " %llu", (unsigned long long)rootfs_size(t->r, id));
	buf_putc(&t->out, '\n');
	return 0;
}

static void tree_of(const struct rootfs *r, struct buf *out)
{
	struct {
		const struct rootfs *r;
		struct buf out, path;
	} t = { .r = r };
	rootfs_walk(r, ROOTFS_ROOT, tree_line, &t);
	buf_clear(out);
	buf_add(out, buf_str(&t.out));
	buf_free(&t.out);
	buf_free(&t.path);
}

static void waste_of(const struct rootfs *r, struct buf *out)
{
	struct buf path = BUF(0);
	u64 sum = 0;
	buf_clear(out);
	buf_puts(out, "");
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		sum += w->bytes;
		if (w->bytes)
			buf_printf(out, "%s %llu %u>%u %s\n", rootfs_waste_path(r, w, &path).p, (unsigned long long)w->bytes, w->layer, w->by_layer, waste_reason_text[w->reason]);
	}
	assert_true(sum == r->wasted && r->stored == r->visible + r->wasted);
	buf_free(&path);
}

static const struct {
	const char *name, *layers[6], *tree, *waste;
	u32 problems;
} cases[] = {
	{ "nothing", { "" }, "", "" },
	{ "whiteout", { "d a\nf a/x 123\nf b 12", "w a/x" }, "d/a 0\nf/b 0 2\n", "/a/x 3 0>1 deleted\n" },
	{ "whiteout of a directory", { "d a\nf a/x 123\nd a/b\nf a/b/y 1", "w a" }, "", "/a/b/y 1 0>1 deleted\n/a/x 3 0>1 deleted\n" },
	{ "whiteout stands behind what the layer adds", { "d a\nf a/x 123", "f a/x 45\nw a/x" }, "d/a 0\nf/a/x 1 2\n", "/a/x 3 0>1 deleted\n" },
	{ "whiteout of what is not there", { "f a 1", "w b\nw c/d" }, "f/a 0 1\n", "" },
	{ "whiteout of nothing", { "f a 1", "w " }, "f/a 0 1\n", "", 1 },
	{ "opaque", { "d a\nf a/x 123\nd a/b\nf a/b/y 1\nf z 1", "d a 0700\nf a/n 22\no a" }, "d/a 1\nf/a/n 1 2\nf/z 0 1\n", "/a/b/y 1 0>1 opaque\n/a/x 3 0>1 opaque\n" },
	{ "opaque root", { "f a 1\nd b\nf b/c 2", "o .\nf d 1" }, "f/d 1 1\n", "/b/c 1 0>1 opaque\n/a 1 0>1 opaque\n" },
	{ "deleted counts before opaque", { "d a\nf a/x 123", "o a\nw a/x" }, "d/a 0\n", "/a/x 3 0>1 deleted\n" },
	{ "opaque through a link that goes", { "d d\nf d/x 12\nl a d", "w a\no a" }, "d/d 0\n", "/d/x 2 0>1 opaque\n" },
	{ "overwritten", { "f a 123", "f a 45" }, "f/a 1 2\n", "/a 3 0>1 overwritten\n" },
	{ "overwritten twice", { "f a 123", "f a 45", "f a 6789" }, "f/a 2 4\n", "/a 3 0>1 overwritten\n/a 2 1>2 overwritten\n" },
	{ "twice in one layer", { "f a 123\nf a 45" }, "f/a 0 2\n", "/a 3 0>0 overwritten\n" },
	{ "duplicate", { "f a 123", "f a 123" }, "f/a 1 3\n", "/a 3 0>1 duplicate\n" },
	{ "metadata only", { "f a 123", "f a 123 0600", "f a 123 0600 5" }, "f/a 2 3\n", "/a 3 0>1 metadata-only\n/a 3 1>2 metadata-only\n" },
	{ "same content elsewhere is no waste", { "f a 123\nf b 123" }, "f/a 0 3\nf/b 0 3\n", "" },
	{ "a directory again keeps what is in it", { "d a\nf a/x 1", "d a 0700" }, "d/a 1\nf/a/x 0 1\n", "" },
	{ "a file for a directory", { "d a\nd a/b\nf a/b/x 12", "f a 3" }, "f/a 1 1\n", "/a/b/x 2 0>1 overwritten\n" },
	{ "a directory for a file", { "f a 123", "d a\nf a/x 1" }, "d/a 1\nf/a/x 1 1\n", "/a 3 0>1 overwritten\n" },
	{ "a device for a file", { "f a 123", "c a" }, "c/a 1\n", "/a 3 0>1 overwritten\n" },
	{ "implied parents", { "f a/b/c 1", "f a/b/d 2" }, "d/a 0\nd/a/b 0\nf/a/b/c 0 1\nf/a/b/d 1 1\n", "" },
	{ "implied again after it went", { "f a 12", "w a\nf a/b 1" }, "d/a 1\nf/a/b 1 1\n", "/a 2 0>1 deleted\n" },
	{ "hard links", { "f a 123\nh b a\nh c b" }, "f/a 0 3\nf/b 0 3\nf/c 0 3\n", "" },
	{ "one name is left", { "f a 123\nh b a", "w a" }, "f/b 0 3\n", "" },
	{ "no name is left", { "f a 123\nh b a", "w a", "f b 1" }, "f/b 2 1\n", "/b 3 0>2 overwritten\n" },
	{ "a link to what the same layer hides", { "f a 123", "w a\nh b a" }, "f/b 1 3\n", "" },
	{ "a link over its own target", { "f a 123", "h a a" }, "f/a 1 3\n", "" },
	{ "a link to what an earlier entry put there", { "f a 123", "f a 45\nh b a" }, "f/a 1 2\nf/b 1 2\n", "/a 3 0>1 overwritten\n" },
	{ "a link to a symbolic link", { "l a x\nh b a" }, "l/a 0\nl/b 0\n", "" },
	{ "a link to nothing", { "h b a" }, "", "", 1 },
	{ "a link to a directory", { "d a\nh b a" }, "d/a 0\n", "", 1 },
	{ "a link through a link", { "d d\nf d/x 12\nl l d", "h l/y l/x" }, "d/d 0\nf/d/x 0 2\nf/d/y 1 2\nl/l 0\n", "" },
	{ "entries go through links", { "d d\nl l d\nl abs /d", "f l/x 1\nf abs/y 2" }, "l/abs 0\nd/d 0\nf/d/x 1 1\nf/d/y 1 1\nl/l 0\n", "" },
	{ "whiteouts go through links", { "d d\nf d/x 123\nl l d", "w l/x" }, "d/d 0\nl/l 0\n", "/d/x 3 0>1 deleted\n" },
	{ "a whiteout of a link hides the link", { "d d\nf d/x 123\nl l d", "w l" }, "d/d 0\nf/d/x 0 3\n", "" },
	{ "an entry at a link replaces it", { "d d\nf d/x 123\nl l d", "d l\nf l/y 1" }, "d/d 0\nf/d/x 0 3\nd/l 1\nf/l/y 1 1\n", "" },
	{ "links never leave the root", { "l up ../../..\nd a\nl a/up ../../x", "f up/x/y 1\nf a/up/z 1" }, "d/a 0\nl/a/up 0\nl/up 0\nd/x 1\nf/x/y 1 1\nf/x/z 1 1\n", "" },
	{ "a link to what is not there makes it", { "l l nowhere/x", "f l/y 1" }, "l/l 0\nd/nowhere 1\nd/nowhere/x 1\nf/nowhere/x/y 1 1\n", "" },
	{ "loops", { "l a b\nl b a", "f a/x 123" }, "l/a 0\nl/b 0\n", "/a/x 3 1>1 overwritten\n", 1 },
	{ "a file is no parent", { "f a 1", "f a/b 123" }, "f/a 0 1\n", "/a/b 3 1>1 overwritten\n", 1 },
	{ "a file is no root", { "f . 123\nd ." }, "", "/ 3 0>0 overwritten\n", 1 },
	{ "a whiteout with content", { "f .wh.a 123" }, "", "/.wh.a 3 0>0 deleted\n" },
	{ "aufs's own", { "f .wh..wh.plnk/5.1 12\nf .wh..wh.aufs -" }, "", "/.wh..wh.plnk/5.1 2 0>0 deleted\n" },
	{ "order of whole paths", { "f a/b 1\nf a-b 1\nf a.b 1\nf a0 1\nd a\nf a/-c 1" }, "d/a 0\nf/a-b 0 1\nf/a.b 0 1\nf/a/-c 0 1\nf/a/b 0 1\nf/a0 0 1\n", "" },
	{ "came, went, came", { "f a 1", "w a", "f a 22", "w a" }, "", "/a 1 0>1 deleted\n/a 2 2>3 deleted\n" },
	{ "a directory went and came", { "d a\nf a/x 1\nf a/y 1", "w a", "d a\nf a/y 22", "o a\nf a/x 333" }, "d/a 2\nf/a/x 3 3\n", "/a/y 1 0>1 deleted\n/a/x 1 0>1 deleted\n/a/y 2 2>3 opaque\n" },
	{ "empty files waste nothing", { "f a -", "w a" }, "", "" },
};

static void trees(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct image_of w;
		image_of(&w, cases[i].layers);
		struct rootfs *r = rootfs_build(&w.img, NULL);
		tree_of(r, &text);
		if (strcmp(text.p ? text.p : "", cases[i].tree) != 0)
			fail_msg("%s: the tree is\n%s", cases[i].name, text.p);
		waste_of(r, &text);
		if (strcmp(text.p, cases[i].waste) != 0)
			fail_msg("%s: the waste is\n%s", cases[i].name, text.p);
		if (r->problems.n != cases[i].problems)
			fail_msg("%s: %u problems", cases[i].name, r->problems.n);
		rootfs_free(r);
		image_of_free(&w);
	}
	buf_free(&text);
}

static void changes(void **state)
{
	(void)state;
	static const char *const layers[] = { "d a\nf a/x 123\nf b 1\nl l a", "w b\nf a/x 45\nf n 6\nd a", "f n 6\nd a 0700\nw l\nf l 22\nf t 1\nw t", NULL };
	struct image_of w;
	image_of(&w, layers);
	struct rootfs *r = rootfs_build(&w.img, NULL);
	assert_true(r->layers[0].added == 4 && r->layers[0].changed == 0 && r->layers[0].removed == 0 && r->layers[0].added_bytes == 4);
	assert_true(r->layers[1].added == 1 && r->layers[1].changed == 1 && r->layers[1].removed == 1 && r->layers[1].removed_bytes == 1 && r->layers[1].changed_bytes == 2);
	assert_true(r->layers[2].added == 1 && r->layers[2].changed == 3 && r->layers[2].removed == 0);
	assert_true(r->files == 4 && r->dirs == 1 && r->links == 0 && r->others == 0);
	rootfs_free(r);
	r = rootfs_build(&w.img, &(struct rootfs_options){ .layers = 1 });
	assert_true(r->files == 2 && r->links == 1 && r->stored == 4 && r->wasted == 0);
	rootfs_free(r);
	image_of_free(&w);
}

static void asking(void **state)
{
	(void)state;
	static const char *const layers[] = { "d usr\nd usr/bin\nf usr/bin/sh 1\nl bin usr/bin\nl abs /usr\nl loop loop\nl sh bin/sh\nl usr/up ../bin\nl gone nowhere\nf .x 1", NULL };
	static const struct {
		const char *path, *found, *followed;
	} t[] = {
		{ "/usr/bin/sh", "/usr/bin/sh", "/usr/bin/sh" }, { "bin/sh", "/usr/bin/sh", "/usr/bin/sh" }, { "/abs/bin/../bin/sh", "/usr/bin/sh", "/usr/bin/sh" }, { "/bin", "/bin", "/usr/bin" },
		{ "sh", "/sh", "/usr/bin/sh" }, { "/usr/up/sh", "/usr/bin/sh", "/usr/bin/sh" }, { "/usr/up", "/usr/up", "/usr/bin" }, { "/", "/", "/" }, { "", "/", "/" }, { "..", "/", "/" }, { "usr/bin/", "/usr/bin", "/usr/bin" },
		{ "loop", "/loop", NULL }, { "loop/x", NULL, NULL }, { "gone", "/gone", NULL }, { "usr/bin/sh/x", NULL, NULL }, { "nowhere", NULL, NULL }, { "./usr/./bin/..", "/usr", "/usr" }, { ".x", "/.x", "/.x" }, { "usr//bin", "/usr/bin", "/usr/bin" },
	};
	struct image_of w;
	struct buf path = BUF(0);
	image_of(&w, layers);
	struct rootfs *r = rootfs_build(&w.img, NULL);
	for (size_t i = 0; i < countof(t); i++)
		for (int follow = 0; follow < 2; follow++) {
			const char *want = follow ? t[i].followed : t[i].found;
			node_id id = rootfs_find(r, str_of(t[i].path), follow);
			if (!id != !want || (id && strcmp(rootfs_path(r, id, &path).p, want) != 0))
				fail_msg("%s (%d): %s", t[i].path, follow, id ? path.p : "not found");
		}
	node_id *ids, usr = rootfs_find(r, STR("usr"), false);
	assert_int_equal(rootfs_children(r, usr, &ids), 2);
	assert_string_equal(rootfs_node(r, ids[0])->name, "bin");
	free(ids);
	assert_int_equal(rootfs_child(r, usr, STR("nope")), 0);
	assert_int_equal(r->problems.n, 0);
	rootfs_free(r);
	image_of_free(&w);
	buf_free(&path);
}

static int count_to_two(void *ctx, node_id id)
{
	(void)id;
	return ++*(int *)ctx == 2 ? 7 : 0;
}

static void sizes(void **state)
{
	(void)state;
	static const char *const layers[] = { "d a\nf a/x 123\nd b\nh b/y a/x\nf b/z 4444\nf top 1", "w top", NULL };
	struct image_of w;
	image_of(&w, layers);
	struct rootfs *r = rootfs_build(&w.img, NULL);
	assert_true(r->visible == 7 && r->wasted == 1 && rootfs_size(r, rootfs_find(r, STR("b/y"), false)) == 3 && rootfs_size(r, rootfs_find(r, STR("a"), false)) == 0);
	int n = 0;
	assert_int_equal(rootfs_walk(r, ROOTFS_ROOT, count_to_two, &n), 7);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(rootfs_walk(r, rootfs_find(r, STR("b"), false), count_to_two, &n), 7);
	rootfs_free(r);
	image_of_free(&w);
}

static int equal_if_long(void *ctx, u32 la, u32 ea, u32 lb, u32 eb, bool *same)
{
	++*(int *)ctx;
	assert_true(la == 0 && lb == 1 && ea == eb);
	*same = ea == 0;
	return 0;
}

/* Without hashes, contents are compared by whoever can; without anybody they count as different. */
static void unhashed(void **state)
{
	(void)state;
	static const char *const layers[] = { "f a 123\nf b 123", "f a 123\nf b 123", NULL };
	struct image_of w;
	struct buf text = BUF(0);
	image_of(&w, layers);
	for (u32 l = 0; l < 2; l++)
		for (u32 i = 0; i < 2; i++)
			((struct fact_entry *)SEG_AT(&w.facts[l]->entries, i))->flags |= FACT_UNHASHED;
	int asked = 0;
	struct rootfs *r = rootfs_build(&w.img, &(struct rootfs_options){ .same = equal_if_long, .same_ctx = &asked });
	waste_of(r, &text);
	assert_string_equal(text.p, "/a 3 0>1 duplicate\n/b 3 0>1 overwritten\n");
	assert_int_equal(asked, 2);
	rootfs_free(r);
	r = rootfs_build(&w.img, NULL);
	waste_of(r, &text);
	assert_string_equal(text.p, "/a 3 0>1 overwritten\n/b 3 0>1 overwritten\n");
	rootfs_free(r);
	image_of_free(&w);
	buf_free(&text);
}

/* Work that input could make grow without bound: it ends soon, and what was not done is said. */
static void budgets(void **state)
{
	(void)state;
	struct buf text = BUF(0), deep = BUF(0);
	for (int i = 0; i < 4000; i++)
		buf_puts(&deep, i ? "/a" : "a");
	buf_printf(&text, "l s %s\nd z\n", deep.p);
	for (int i = 0; i < 40000; i++)
		buf_puts(&text, "f s/x 1\nf z/x 1\n");
	struct image_of w;
	image_of(&w, (const char *const[]){ text.p, NULL });
	struct rootfs *r = rootfs_build(&w.img, NULL);
	assert_true(r->problems.n > 0 && strstr(r->problems.v[0], "budget"));
	assert_true(r->stored == r->visible + r->wasted && r->stored == 80000);
	rootfs_free(r);
	image_of_free(&w);
	/* A directory of many, emptied again and again. */
	buf_clear(&text);
	buf_puts(&text, "d d\n");
	for (int i = 0; i < 40000; i++)
		buf_printf(&text, "f d/%d 1\n", i);
	buf_clear(&deep);
	for (int i = 0; i < 40000; i++)
		buf_puts(&deep, "f d -\nd d\no d\n");
	image_of(&w, (const char *const[]){ text.p, deep.p, NULL });
	r = rootfs_build(&w.img, NULL);
	assert_true(r->wasted == 40000 && r->dirs == 1 && r->files == 0 && r->problems.n == 0);
	rootfs_free(r);
	image_of_free(&w);
	buf_free(&text);
	buf_free(&deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees), cmocka_unit_test(changes), cmocka_unit_test(asking), cmocka_unit_test(sizes), cmocka_unit_test(unhashed), cmocka_unit_test(budgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
