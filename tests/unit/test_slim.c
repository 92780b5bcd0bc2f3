/* The plan on facts built by hand, its proof, the litter rules, and the configuration for fewer layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "slim/config.h"
#include "slim/litter.h"
#include "slim/plan.h"
#include "slim/prove.h"
#include "transport/sink.h"
#include <fcntl.h>
#include <unistd.h>

/* --- images of facts alone: "f PATH SIZE", "d PATH", "l PATH TARGET", "h PATH TARGET" --- */
#define LAYERS 4
struct bench {
	struct image img;
	struct image_layer layers[LAYERS];
	struct trace trace;
	struct litter litter;
	struct plan plan;
};

static struct facts *facts_of(const char *text)
{
	struct facts *f = facts_new();
	struct error err = { 0 };
	u64 at = 0;
	for (struct str rest = str_of(text); rest.p;) {
		struct str line = str_cut(&rest, '\n'), kind = str_cut(&line, ' '), path = str_cut(&line, ' ');
		struct tar_entry e = { .path = path, .type = kind.p[0] == 'f' ? TAR_FILE : kind.p[0] == 'd' ? TAR_DIR : kind.p[0] == 'l' ? TAR_SYMLINK : TAR_HARDLINK, .mode = 0755 };
		u32 i;
		if (e.type == TAR_FILE && line.p)
			assert_true(str_to_u64(line, &e.size));
		else
			e.link = line.p ? line : STR("");
		e.stored = e.size;
		e.start = at;
		e.data = at + 512;
		at = e.data + ((e.size + 511) & ~(u64)511);
		assert_int_equal(facts_add(f, &e, path, &i, &err), 0);
		struct fact_entry *x = SEG_AT(&f->entries, i);
		x->hash = hash_bytes(path); /* every file has its own content */
		x->flags &= (u8)~FACT_UNHASHED;
	}
	f->size = at + 1024;
	return f;
}

static void setup(struct bench *b, const char *const *layers)
{
	static const char *none[] = { NULL };
	static const struct litter_options plain;
	struct error err = { 0 };
	*b = (struct bench){ 0 };
	b->img.layers = b->layers;
	b->img.config = (struct config){ .env = none, .entrypoint = none, .cmd = none, .volumes = none };
	for (; b->img.n_layers < LAYERS && layers[b->img.n_layers]; b->img.n_layers++)
		b->layers[b->img.n_layers].facts = facts_of(layers[b->img.n_layers]);
	assert_int_equal(trace_make(&b->img, &b->trace, &err), 0);
	litter_find(&b->img, b->trace.tree, NULL, &plain, &b->litter);
	plan_make(&b->trace, &b->litter, &(struct plan_options){ 0 }, &b->plan);
}

static bool holds(struct bench *b)
{
	struct proof p;
	struct simulated *s = simulate(&b->plan);
	struct rootfs *tree = rootfs_build(simulated_image(s), NULL);
	bool ok = prove(&b->plan, NULL, tree, &p);
	rootfs_free(tree);
	simulated_free(s);
	return ok;
}

static void teardown(struct bench *b)
{
	u32 n = b->img.n_layers;
	plan_free(&b->plan);
	litter_free(&b->litter);
	trace_free(&b->trace);
	for (u32 i = 0; i < n; i++)
		facts_free((struct facts *)(uintptr_t)b->layers[i].facts);
}

/* "KEPT" letters by entry: '.' goes, 'k' stays, 'r' takes another's name, 'm' is written elsewhere, 'l' links elsewhere. */
static void shape(const struct bench *b, char *out)
{
	for (u32 g = 0; g < b->trace.total; g++) {
		const struct change *c = plan_change(&b->plan, g);
		if (g && g == b->trace.base[trace_layer(&b->trace, g)])
			*out++ = '|';
		*out++ = c ? "rml"[c->kind] : b->plan.need[g] ? 'k' : '.';
	}
	*out = '\0';
}

static void check_plan(const char *const *layers, const char *want)
{
	struct bench b;
	char got[200];
	setup(&b, layers);
	shape(&b, got);
	assert_string_equal(got, want);
	assert_true(holds(&b));
	teardown(&b);
}
#define PLAN(want, ...) check_plan((const char *const[]){ __VA_ARGS__, NULL }, want)

static void test_plan(void **state)
{
	(void)state;
	PLAN(".k|k", "f a 900\nf b 1", "f a 10");
	PLAN(".k|..|.", "f a 900\nf b 1", "f x 900\nf .wh.a 0", "f .wh.x 0"); /* with what they hide, whiteouts go */
	PLAN("k|k", "f a 0", "f .wh.a 0");                                      /* no byte to save: nothing is touched */
	PLAN("kk|k", "f a 900\nh b a", "f .wh.a 0");                              /* the other name holds on to the content, and the whiteout to its task */
	PLAN(".k|kk|k", "f w 900\nf a 900", "h b a\nf .wh.w 0", "f .wh.a 0");
	PLAN("k.k|kk", "d d\nf d/x 900\nf k 1", "d d\nf d/.wh..wh..opq 0");
	PLAN("k|k|k", "l s d", "f s/x 900", "f .wh.s 0");                    /* the link is on the way to what stays */
}

static void test_litter_and_links(void **state)
{
	(void)state;
	PLAN("kkr.ml", "d tmp\nd srv\nf tmp/a 900\nf tmp/b 900\nh srv/a tmp/a\nh srv/b tmp/a");
	PLAN("kk.k", "d tmp\nd srv\nf tmp/b 900\nf srv/a 5");
	PLAN("kkk.|k", "d tmp\nd srv\nf tmp/a 900\nf tmp/b 900", "h srv/a tmp/a"); /* from another layer: the name stays, too */
	PLAN("kk", "d tmp\nf tmp/a 0");                                             /* an empty file costs nothing */
	PLAN("k", "f tmp/a 900");                                                   /* no layer lists the directory */
}

static void test_proof_sees(void **state)
{
	(void)state;
	struct bench b;
	setup(&b, (const char *const[]){ "d tmp\nf tmp/a 900\nf b 900\nh c b", "f b 10", NULL });
	assert_true(holds(&b));
	u8 *need = b.plan.need;
	for (u32 g = 0; g < b.trace.total; g++) { /* whatever else is left out or kept is seen */
		u8 was = need[g];
		if (plan_change(&b.plan, g))
			continue; /* b's first content, which c takes over: neither depends on being needed */
		need[g] = was ? NEED_NOT : NEED_TREE;
		bool same = holds(&b);
		need[g] = was;
		assert_true(was ? !same : g == 1 ? same : !same); /* litter that stays is no difference: it is not removed then */
	}
	((struct fact_entry *)(uintptr_t)facts_entry(b.layers[1].facts, 0))->mode = 04755;
	struct proof p;
	struct rootfs *other = rootfs_build(&b.img, NULL);
	assert_false(prove(&b.plan, NULL, other, &p)); /* litter still there */
	assert_int_equal(p.extra, 1);
	rootfs_free(other);
	teardown(&b);
}

/* --- litter --- */
static u8 kind_at(const struct bench *b, const char *path)
{
	node_id id = rootfs_find(b->trace.tree, str_of(path), false);
	assert_int_not_equal(id, 0);
	return b->litter.kind[id];
}

static void test_litter(void **state)
{
	(void)state;
	struct bench b;
	setup(&b, (const char *const[]){ "d usr\nd usr/__pycache__\nf usr/__pycache__/a.cpython-311.pyc 9\nf usr/__pycache__/b.c.pypy39.pyc 9\nf usr/__pycache__/k.cpython-311.opt-2.pyc 9\n"
					 "f usr/__pycache__/plain.pyc 9\nf usr/k.py 9\nd __pycache__\nf __pycache__/r.cpython-311.pyc 9\nd opt\nd opt/conda\nd opt/conda/pkgs\nf opt/conda/pkgs/x 9\n"
					 "d srv\nd srv/conda\nd srv/conda/conda-meta\nd srv/conda/pkgs\nd srv/conda/pkgs/d\nf srv/conda/pkgs/d/x 9\nf srv/conda/pkgs/d/empty 0", NULL });
	assert_int_equal(kind_at(&b, "/usr/__pycache__/a.cpython-311.pyc"), LITTER_BYTECODE);
	assert_int_equal(kind_at(&b, "/usr/__pycache__/b.c.pypy39.pyc"), LITTER_BYTECODE);
	assert_int_equal(kind_at(&b, "/usr/__pycache__/k.cpython-311.opt-2.pyc"), LITTER_NONE);
	assert_int_equal(kind_at(&b, "/usr/__pycache__/plain.pyc"), LITTER_NONE);
	assert_int_equal(kind_at(&b, "/__pycache__/r.cpython-311.pyc"), LITTER_BYTECODE);
	assert_int_equal(kind_at(&b, "/opt/conda/pkgs/x"), LITTER_NONE); /* nothing says that it is conda's */
	assert_int_equal(kind_at(&b, "/srv/conda/pkgs"), LITTER_NONE);
	assert_int_equal(kind_at(&b, "/srv/conda/pkgs/d"), LITTER_LANGUAGE);
	assert_int_equal(kind_at(&b, "/srv/conda/pkgs/d/empty"), LITTER_LANGUAGE);
	teardown(&b);
}

/* --- configuration --- */
static void check_config(const char *before, u32 n, const s32 *emptied, u32 n_emptied, const char *after)
{
	struct error err = { 0 };
	struct image img = { .config_doc = json_read(str_of(before), "test", &err) };
	struct digest ids[2] = { digest_bytes(DIGEST_SHA256, STR("a")), digest_bytes(DIGEST_SHA256, STR("b")) };
	struct config_change c = { .diff_ids = ids, .n = n, .emptied = emptied, .n_emptied = n_emptied };
	struct buf out = BUF(0), want = BUF(0);
	assert_non_null(img.config_doc);
	config_rewrite(&img, str_of(before), &c, &out);
	for (struct str rest = str_of(after); rest.p;) { /* A and B stand for the digests */
		buf_add(&want, str_cut(&rest, '@'));
		if (rest.p) {
			buf_puts(&want, DIGEST_STR(&ids[rest.p[0] == 'B']));
			rest = str_from(rest, 1);
		}
	}
	assert_string_equal(out.p, want.p);
	autojson json_t *doc = json_read(buf_str(&out), "result", &err);
	assert_non_null(doc);
	assert_true(config_same(img.config_doc, doc));
	json_decref(img.config_doc);
	buf_free(&out);
	buf_free(&want);
}

static void test_config(void **state)
{
	(void)state;
	static const s32 first[] = { 0 }, two[] = { 0, 2 };
	check_config("{\"rootfs\":{\"diff_ids\":[\"x\"]}}", 1, NULL, 0, "{\"rootfs\":{\"diff_ids\":[\"@A\"]}}");
	check_config(" {\"a\" : 1.0e1,\n\"rootfs\": {\"type\":\"layers\", \"diff_ids\": [ \"x\", \"y]\" ] , \"z\":[]}, \"b\":\"\\\"}\\u0041\"}\n", 2, NULL, 0,
		" {\"a\" : 1.0e1,\n\"rootfs\": {\"type\":\"layers\", \"diff_ids\": [\"@A\",\"@B\"] , \"z\":[]}, \"b\":\"\\\"}\\u0041\"}\n");
	check_config("{\"history\":[{\"c\":1}],\"rootfs\":{\"diff_ids\":[\"x\"]}}", 1, first, 1, "{\"history\":[{\"c\":1,\"empty_layer\":true}],\"rootfs\":{\"diff_ids\":[\"@A\"]}}");
	check_config("{\"rootfs\":{\"diff_ids\":[]},\"history\":[{ }, {\"empty_layer\":true}, {\"empty_layer\": false,\"c\":[{}]}]}", 1, two, 2,
		"{\"rootfs\":{\"diff_ids\":[\"@A\"]},\"history\":[{ \"empty_layer\":true}, {\"empty_layer\":true}, {\"empty_layer\": true,\"c\":[{}]}]}");
	/* Odd spellings: written anew, same values, same order. */
	check_config("{\"root\\u0066s\":{\"diff_ids\":[\"x\"]},\"k\":[1]}", 1, NULL, 0, "{\"rootfs\":{\"diff_ids\":[\"@A\"]},\"k\":[1]}");
	check_config("{\"k\":1}", 1, NULL, 0, "{\"k\":1,\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"@A\"]}}");
}

/* --- sink: a layer of which only an upper bound is known, over the length that a plain header can say --- */
static void test_sink(void **state)
{
	(void)state;
	char dir[] = "/tmp/pare-test-XXXXXX", path[64], location[96];
	struct error err = { 0 };
	struct sink *sink;
	struct sink_layer l, no = { 0 };
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/out", dir);
	snprintf(location, sizeof location, "oci-archive:%s", path);
	assert_int_equal(sink_open(location, NULL, &sink, &err), 0);
	assert_int_equal(sink_layer(sink, stream_memory(STR("abandoned")), COMP_NONE, 0, 9, 9, &no, &err), 1);
	assert_int_equal(no.size, 0);
	assert_int_equal(sink_layer(sink, stream_memory(STR("hello")), COMP_NONE, 0, 9 * GiB, 0, &l, &err), 0);
	assert_int_equal(sink_layer(sink, stream_memory(STR("hello")), COMP_NONE, 0, 5, 6, &l, &err), 0); /* there already */
	struct digest wrong = digest_bytes(DIGEST_SHA256, STR("other"));
	assert_int_equal(sink_copy(sink, stream_memory(STR("hello")), &wrong, 5, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	struct sink_image img = { .config = STR("{}"), .layers = &l, .n_layers = 1 };
	assert_int_equal(sink_seal(sink, &img, &err), 0);
	assert_int_not_equal(access(path, F_OK), 0); /* not before it is committed */
	assert_int_equal(sink_commit(sink, &err), 0);
	sink_close(sink);
	struct stream *s = stream_file(open(path, O_RDONLY | O_CLOEXEC), true, 0, UINT64_MAX, 0);
	struct tar *t = tar_open(s);
	struct tar_entry e;
	u32 files = 0, hello = 0;
	int r;
	while ((r = tar_next(t, &e, &err)) == 1) {
		files += e.type == TAR_FILE;
		hello += str_ends(e.path, str_of(strchr(DIGEST_STR(&l.digest), ':') + 1)) && e.size == 5;
	}
	assert_int_equal(r, 0);
	assert_int_equal(files, 5); /* layer, configuration, manifest, index.json, oci-layout */
	assert_int_equal(hello, 1);
	tar_close(t);
	stream_close(s);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* nothing else is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan), cmocka_unit_test(test_litter_and_links), cmocka_unit_test(test_proof_sees), cmocka_unit_test(test_litter), cmocka_unit_test(test_config),
		cmocka_unit_test(test_sink),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
