/* The HTML report's trees: every sum exact whatever the budget, and the budget kept; and the page's escaping of hostile names. */
#include "base/buf.h"
#include "report/html.h"
#include "report/html/tiles.h"
#include <setjmp.h>
#include <cmocka.h>

#define LAYERS 3

static struct facts *facts[LAYERS];
static struct image_layer layers[LAYERS];
static struct image img;
static struct rootfs *r;
static struct packages packages;

static void put(u32 layer, enum tar_type type, const char *path, const char *link, u64 size)
{
	struct tar_entry e = { .path = str_of(path), .link = str_of(link ? link : ""), .type = type, .mode = 0644, .size = size, .stored = size };
	u32 at;
	assert_int_equal(facts_add(facts[layer], &e, e.path, &at, NULL), 0);
	SEG_AT(&facts[layer]->entries, at)->flags &= (u8)~FACT_UNHASHED;
	SEG_AT(&facts[layer]->entries, at)->hash.lo = hash64(e.path, layer);
}

static void begin(void)
{
	for (u32 i = 0; i < LAYERS; i++) {
		facts[i] = facts_new();
		layers[i] = (struct image_layer){ .index = i, .facts = facts[i], .command = "COPY </script><b>& x", .media_type = "", .place = "" };
	}
	img = (struct image){ .layers = layers, .n_layers = LAYERS, .reference = "x" };
}

static void build(void)
{
	r = rootfs_build(&img, NULL);
	packages = (struct packages){ .owner = xcalloc(r->nodes.n, sizeof(u32)) };
}

static void end(void)
{
	free(packages.owner);
	rootfs_free(r);
	for (u32 i = 0; i < LAYERS; i++)
		facts_free(facts[i]);
}

static u32 dice(u64 *seed, u32 n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (u32)(*seed >> 33) % n;
}

static void some_files(u64 seed)
{
	for (int i = 0; i < 400; i++) {
		struct buf path = { 0 };
		for (u32 depth = 1 + dice(&seed, 4); depth; depth--)
			buf_printf(&path, "%c%u%s", "ab<\"\x7f"[dice(&seed, 5)], dice(&seed, 6), depth > 1 ? "/" : "");
		put(dice(&seed, LAYERS), TAR_FILE, path.p, NULL, dice(&seed, 4) ? dice(&seed, 5000) : 0);
		buf_free(&path);
	}
	put(1, TAR_FILE, "link/a", NULL, 1234567);
	put(1, TAR_HARDLINK, "link/b", "link/a", 0);
	put(2, TAR_FILE, "link/.wh.a", NULL, 0);
}

/* What the tiles cost as JSON, by the widths of the columns. */
static u64 measured(const struct tiles *t)
{
	u64 n = 0;
	for (u32 i = 0; i < t->n; i++) {
		char digits[128];
		const struct tile *x = &t->v[i];
		n += html_escaped(x->name) + 3;
		n += (u64)snprintf(digits, sizeof digits, "%u,%llu,%u,%d,%d,", x->parent, (unsigned long long)x->bytes, x->files, x->layer, x->owner);
	}
	return n;
}

static void check(const struct tiles *t, u64 bytes, u32 files)
{
	u64 *sum = xcalloc(t->n, sizeof *sum), *count = xcalloc(t->n, sizeof *count);
	assert_true(t->n > 0);
	assert_int_equal(t->v[0].bytes, bytes);
	assert_int_equal(t->v[0].files, files);
	for (u32 i = 1; i < t->n; i++) {
		assert_true(t->v[i].parent < i);
		sum[t->v[i].parent] += t->v[i].bytes;
		count[t->v[i].parent] += t->v[i].files;
	}
	for (u32 i = 0; i < t->n; i++) {
		if (!count[i])
			continue;
		assert_int_equal(sum[i], t->v[i].bytes);
		assert_int_equal(count[i], t->v[i].files);
	}
	free(sum);
	free(count);
}

static void sums(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 8; seed++) {
		begin();
		some_files(seed);
		build();
		packages.v = (struct package[]){ { .name = "p", .version = "1" }, { .name = "q", .version = "2" } };
		packages.n = 2;
		for (node_id id = 2; id < r->nodes.n; id++)
			if (rootfs_node(r, id)->state == NODE_LIVE && rootfs_type(r, id) == TAR_FILE)
				packages.owner[id] = id % 3;
		for (u64 budget = 200; budget < 200000; budget *= 2) {
			struct pieces pieces = { 0 };
			struct tiles t[3] = { 0 };
			pieces_visible(r, &packages, &pieces);
			u32 files = pieces.n;
			tiles_cut(r, &pieces, TILE_DIRECTORY, budget, &t[0]);
			check(&t[0], r->visible, files);
			tiles_cut(r, &pieces, TILE_PACKAGE, budget, &t[1]);
			check(&t[1], r->visible, files);
			pieces_wasted(r, &pieces);
			tiles_cut(r, &pieces, TILE_LAYER, budget, &t[2]);
			check(&t[2], r->stored, pieces.n);
			for (int i = 0; i < 3; i++) {
				assert_true(measured(&t[i]) <= budget);
				tiles_free(&t[i]);
			}
			pieces_free(&pieces);
		}
		end();
	}
}

static void large_files_stay(void **state)
{
	(void)state;
	begin();
	put(0, TAR_FILE, "d/large", NULL, 1000000);
	for (int i = 0; i < 1000; i++) {
		char path[32];
		snprintf(path, sizeof path, "d/small%d", i);
		put(1, TAR_FILE, path, NULL, 10);
	}
	build();
	struct pieces pieces = { 0 };
	struct tiles t = { 0 };
	pieces_visible(r, &packages, &pieces);
	tiles_cut(r, &pieces, TILE_DIRECTORY, 1000, &t);
	assert_int_equal(t.n, 4); /* root, d, large, the rest */
	assert_true(str_is(t.v[1].name, "d") && str_is(t.v[2].name, "large"));
	assert_true(t.v[3].name.n == 0 && t.v[3].parent == 1 && t.v[3].bytes == 10000 && t.v[3].files == 1000 && t.v[3].layer == 1);
	assert_int_equal(t.v[1].layer, TILE_MIXED);
	tiles_free(&t);
	pieces_free(&pieces);
	end();
}

static char *page(size_t *n)
{
	char *text;
	struct error err = { 0 };
	struct dive d = { .efficiency = 1 };
	FILE *f = open_memstream(&text, n);
	assert_int_equal(report_html(f, r, &packages, &d, NULL, &err), 0);
	fclose(f);
	return text;
}

static void hostile_names(void **state)
{
	(void)state;
	begin();
	put(0, TAR_FILE, "</script><script>alert(1)</script>", NULL, 5);
	put(0, TAR_FILE, "<!--<script>", NULL, 5);
	put(0, TAR_FILE, "x\xe2\x80\xa8y\xe2\x80\xa9z\xe2\x80\xe2\x80\xa8&amp;\x01\xe2", NULL, 5);
	build();
	size_t n;
	char *text = page(&n);
	const char *data = strstr(text, "id=\"data\">") + strlen("id=\"data\">"), *stop = strstr(data, "</script>");
	assert_int_equal(strncmp(stop, "</script>\n<script>", 18), 0);
	for (const char *p = data; p < stop; p++)
		assert_true(*p != '<' && *p != '>' && *p != '&' && ((u8)*p >= 32 || *p == '\n'));
	assert_null(memmem(data, (size_t)(stop - data), "\xe2\x80\xa8", 3));
	assert_null(memmem(data, (size_t)(stop - data), "\xe2\x80\xa9", 3));
	assert_non_null(memmem(data, (size_t)(stop - data), "x\\u2028y\\u2029z\xef\xbf\xbd", 14));
	assert_non_null(memmem(data, (size_t)(stop - data), "\\u0026amp;\\u0001\xef\xbf\xbd\"", 19));
	size_t again;
	char *second = page(&again);
	assert_true(n == again && memcmp(text, second, n) == 0);
	free(second);
	free(text);
	end();
}

static void escaped_lengths(void **state)
{
	(void)state;
	assert_int_equal(html_escaped(STR("abc")), 3);
	assert_int_equal(html_escaped(STR("<>&")), 18);
	assert_int_equal(html_escaped(STR("\"\\")), 4);
	assert_int_equal(html_escaped(STR("\xe2\x80\xa8")), 6);
	assert_int_equal(html_escaped(STR("\xc3\xa4")), 2);
	assert_true(html_escaped(STR("\xff")) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(large_files_stay),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(escaped_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
