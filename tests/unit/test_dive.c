/* rootfs/dive.h: dive's figures, which are its model's and not the specification's. The expected ones were worked out by hand from that model. */
#include "image_of.h"
#include "rootfs/dive.h"
#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct {
	const char *name, *layers[6];
	u64 size, user, wasted, least, all; /* efficiency is least/all */
	const char *files; /* path count bytes, most bytes first */
} cases[] = {
	{ "nothing", { "" }, 0, 0, 0, 1, 1, "" },
	{ "one layer", { "f a 123\nf b/c 4" }, 4, 0, 0, 4, 4, "" },
	{ "twice", { "f a 123", "f a 45" }, 5, 2, 5, 2, 5, "/a 2 5\n" },
	{ "the last of a layer counts", { "f a 123\nf a 4", "f a 55" }, 6, 2, 3, 1, 3, "/a 2 3\n" },
	{ "a whiteout of a file costs nothing", { "f a 123", "w a" }, 3, 0, 3, 0, 3, "/a 2 3\n" },
	{ "a whiteout of a directory costs what was in it", { "d d\nf d/x 123\nf d/y 4", "w d" }, 4, 0, 0, 8, 8, "" },
	{ "a whiteout of nothing ends the layer", { "f a 1", "f b 22\nf z 333\nw nope\nf a 55" }, 8, 7, 0, 0, 1, "" },
	{ "hard links have no size", { "f a 123\nh b a", "f b 4" }, 4, 1, 1, 3, 4, "/b 2 1\n" },
	{ "no way through links", { "d d\nf d/x 123\nl l d", "f l/x 45" }, 5, 2, 0, 5, 5, "" },
	{ "opaque is not there", { "d d\nf d/x 123", "o d\nf d/y 4" }, 4, 1, 0, 4, 4, "" },
	{ "most bytes first, of equals the later", { "f a 1\nf b 1\nf c 22", "f a 1\nf b 1\nf c 22" }, 8, 4, 8, 4, 8, "/c 2 4\n/b 2 2\n/a 2 2\n" },
	{ "whiteouts are met under their own names", { "f a 1\nf b 1", "f a -\nw b" }, 2, 0, 2, 0, 2, "/a 2 1\n/b 2 1\n" },
	{ "three times", { "f a 1", "f a 22", "f a 333" }, 6, 5, 6, 1, 6, "/a 3 6\n" },
	{ "went and came", { "f a 1", "w a", "f a 22" }, 3, 2, 3, 0, 3, "/a 3 3\n" },
};

static void figures(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct image_of w;
		image_of(&w, cases[i].layers);
		struct dive *d = dive_measure(&w.img);
		buf_clear(&text);
		buf_puts(&text, "");
		for (u32 k = 0; k < d->n_files; k++)
			buf_printf(&text, "%s %u %llu\n", d->files[k].path, d->files[k].count, (unsigned long long)d->files[k].bytes);
		if (strcmp(text.p, cases[i].files) != 0)
			fail_msg("%s:\n%s", cases[i].name, text.p);
		if (d->size != cases[i].size || d->user_size != cases[i].user || d->wasted_bytes != cases[i].wasted || d->efficiency != (double)cases[i].least / (double)cases[i].all)
			fail_msg("%s: size %llu, user %llu, wasted %llu, efficiency %g", cases[i].name, (unsigned long long)d->size, (unsigned long long)d->user_size, (unsigned long long)d->wasted_bytes, d->efficiency);
		if (d->user_size)
			assert_true(d->user_wasted_percent == (double)d->wasted_bytes / (double)d->user_size);
		else
			assert_true(d->wasted_bytes ? isinf(d->user_wasted_percent) : isnan(d->user_wasted_percent));
		dive_free(d);
		image_of_free(&w);
	}
	buf_free(&text);
}

static int list(void *ctx, const struct dive_entry *e)
{
	buf_printf(ctx, "%s%s ", e->path, e->entry ? "" : "?");
	return 0;
}

static void lists(void **state)
{
	(void)state;
	struct image_of w;
	struct buf text = BUF(0);
	image_of(&w, (const char *const[]){ "f b/y/z 1\nf a 1\nd b\nf b/x 2\nw c\no b", NULL });
	assert_int_equal(dive_list(&w.img, 0, list, &text), 0);
	assert_string_equal(text.p, ".wh.c a b/x b/y/z ? b ");
	image_of_free(&w);
	buf_free(&text);
}

static void modes(void **state)
{
	(void)state;
	static const struct {
		u8 type;
		u16 mode;
		u32 go;
	} t[] = { { TAR_FILE, 0644, 0644 }, { TAR_FILE, 06755, 0755 | 1u << 23 | 1u << 22 }, { TAR_DIR, 01777, 0777 | 1u << 31 | 1u << 20 }, { TAR_SYMLINK, 0777, 0777 | 1u << 27 }, { TAR_CHAR, 0600, 0600 | 1u << 26 | 1u << 21 },
		  { TAR_BLOCK, 0600, 0600 | 1u << 26 }, { TAR_FIFO, 0600, 0600 | 1u << 25 }, { TAR_HARDLINK, 0644, 0644 } };
	for (size_t i = 0; i < countof(t); i++) {
		struct fact_entry e = { .type = t[i].type, .mode = t[i].mode };
		assert_int_equal(dive_file_mode(&e), t[i].go);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(figures), cmocka_unit_test(lists), cmocka_unit_test(modes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
