/* oci/: digests, platforms, the documents of an image; and what layer/image.h reads out of a history. */
#include "layer/image.h"
#include "oci/manifest.h"
#include <setjmp.h>
#include <cmocka.h>

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define D64 "sha256:" HEX64

static void digests(void **state)
{
	(void)state;
	struct digest d, e;
	struct error err = { 0 };
	char text[DIGEST_TEXT], path[DIGEST_TEXT + 8];
	assert_int_equal(digest_parse(STR(D64), &d, &err), 0);
	assert_string_equal(digest_text(&d, text), D64);
	assert_string_equal(digest_path(&d, path), "blobs/sha256/" HEX64);
	e = digest_bytes(DIGEST_SHA256, STR(""));
	assert_true(digest_eq(&d, &e));
	static const char *const empty512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
	static const char *const empty384 = "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b";
	e = digest_bytes(DIGEST_SHA512, STR(""));
	assert_string_equal(digest_text(&e, text), empty512);
	assert_int_equal(digest_parse(str_of(empty384), &d, &err), 0);
	e = digest_bytes(DIGEST_SHA384, STR(""));
	assert_true(digest_eq(&d, &e));
	struct digest none = { 0 };
	assert_string_equal(digest_text(&none, text), "");
	struct digester *g = digester_new(DIGEST_SHA256);
	digester_add(g, STR("ab"));
	digester_add(g, STR(""));
	digester_add(g, STR("c"));
	d = digester_finish(g);
	e = digest_bytes(DIGEST_SHA256, STR("abc"));
	assert_true(digest_eq(&d, &e));
	static const char *const bad[] = { "", "sha256", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", D64 "0", "sha256:" HEX64 "/..",
					   "sha512:" HEX64, "SHA256:" HEX64, "sha256:../../../../../../../../../../../../../../../../../../../../etc/pass", " " D64, "sha256:+" HEX64 };
	for (size_t i = 0; i < countof(bad); i++) {
		memset(&d, 7, sizeof d);
		e = d;
		err = (struct error){ 0 };
		assert_int_equal(digest_parse(str_of(bad[i]), &d, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_memory_equal(&d, &e, sizeof d);
	}
}

static void platforms(void **state)
{
	(void)state;
	static const struct {
		const char *text, *normal;
	} good[] = { { "linux/amd64", "linux/amd64" }, { "arm64", "linux/arm64" },	 { "linux/aarch64", "linux/arm64" },  { "linux/arm64/v8", "linux/arm64" }, { "x86_64", "linux/amd64" },    { "linux/armhf", "linux/arm/v7" },
		     { "linux/armel", "linux/arm/v6" }, { "Linux/AMD64", "linux/amd64" }, { "linux/arm/7", "linux/arm/v7" }, { "i386", "linux/386" },	    { "windows/amd64", "windows/amd64" }, { "linux/amd64/v1", "linux/amd64" },
		     { "linux/amd64/v3", "linux/amd64/v3" }, { "macos/arm64", "darwin/arm64" }, { "linux/riscv64", "linux/riscv64" } };
	struct platform p, q;
	char text[100];
	for (size_t i = 0; i < countof(good); i++) {
		assert_int_equal(platform_parse(str_of(good[i].text), &p, NULL), 0);
		assert_string_equal(platform_text(&p, text), good[i].normal);
	}
	static const char *const bad[] = { "", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux amd64", "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "l\x1b/x" };
	struct error err;
	for (size_t i = 0; i < countof(bad); i++) {
		err = (struct error){ 0 };
		assert_int_equal(platform_parse(str_of(bad[i]), &p, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	/* For each wish, what is there from best to worst; what stands behind NULL will not do. */
	static const char *const order[][8] = {
		{ "linux/arm/v7", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm", NULL, "linux/arm/v8", "linux/amd64" },
		{ "linux/arm64", "linux/arm64", NULL, "linux/arm", "windows/arm64" },
		{ "linux/amd64", "linux/amd64", "linux/amd64/v2", NULL, "linux/386" },
		{ "linux/amd64/v3", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", NULL, "linux/amd64/v4" },
	};
	for (size_t i = 0; i < countof(order); i++) {
		int last = 1000;
		bool fits = true;
		assert_int_equal(platform_parse(str_of(order[i][0]), &p, NULL), 0);
		for (size_t k = 1; k < 8; k++) {
			if (!order[i][k]) {
				if (!fits)
					break;
				fits = false;
				continue;
			}
			assert_int_equal(platform_parse(str_of(order[i][k]), &q, NULL), 0);
			int m = platform_match(&p, &q);
			if (fits ? m <= 0 || m >= last : m != 0)
				fail_msg("%s for %s: %d after %d", order[i][k], order[i][0], m, last);
			last = m;
		}
	}
	struct platform raw = { .os = "linux", .arch = "x86_64" };
	assert_int_equal(platform_parse(STR("linux/amd64"), &p, NULL), 0);
	assert_int_equal(platform_match(&p, &raw), 100);
	p = platform_host();
	assert_string_equal(p.os, "linux");
}

static json_t *doc_of(const char *text)
{
	struct error err = { 0 };
	json_t *doc = json_read(str_of(text), "it", &err);
	if (!doc)
		fail_msg("%s", err.text);
	return doc;
}

static void indexes(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct index x;
	autojson json_t *doc = doc_of("{\"manifests\":[{\"mediaType\":\"" MT_MANIFEST "\",\"digest\":\"" D64 "\",\"size\":5,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"},"
				      "\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\",\"io.containerd.image.name\":\"a/b:v1\"}},"
				      "{\"digest\":\"" D64 "\",\"size\":-1},{\"digest\":\"nope\",\"size\":1},{\"size\":1},5,"
				      "{\"digest\":\"" D64 "\",\"size\":1,\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}]}");
	assert_int_equal(index_parse(&a, doc, &x, &err), 0);
	assert_int_equal(x.n, 6);
	const struct descriptor *d = &x.manifests[0];
	assert_null(d->bad);
	assert_string_equal(d->media_type, MT_MANIFEST);
	assert_string_equal(d->ref_name, "v1");
	assert_string_equal(d->image_name, "a/b:v1");
	assert_string_equal(d->platform.variant, "v7");
	assert_int_equal(d->size, 5);
	for (u32 i = 1; i < 5; i++) {
		assert_non_null(x.manifests[i].bad);
		assert_int_equal(x.manifests[i].digest.alg, DIGEST_NONE);
		assert_string_equal(x.manifests[i].media_type, "");
	}
	assert_true(x.manifests[5].attestation && !x.manifests[0].attestation);
	static const char *const bad[] = { "{}", "{\"manifests\":{}}", "{\"manifests\":null}", "[]" };
	for (size_t i = 0; i < countof(bad); i++) {
		autojson json_t *b = doc_of(bad[i]);
		assert_int_equal(index_parse(&a, b, &x, &err), -1);
	}
	assert_true(media_type_is_index(MT_INDEX) && media_type_is_index(MT_DOCKER_LIST) && !media_type_is_index(MT_MANIFEST) && !media_type_is_index(""));
	assert_true(media_type_is_manifest(MT_MANIFEST) && media_type_is_manifest(MT_DOCKER_MANIFEST) && !media_type_is_manifest(MT_INDEX));
	arena_free(&a);
}

static void manifests(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct manifest m;
	autojson json_t *doc = doc_of("{\"mediaType\":\"" MT_MANIFEST "\",\"config\":{\"digest\":\"" D64 "\",\"size\":1},\"layers\":[{\"digest\":\"" D64 "\",\"size\":2},{\"digest\":\"x:y\",\"size\":3}],\"annotations\":{\"k\":\"v\"}}");
	assert_int_equal(manifest_parse(&a, doc, &m, &err), 0);
	assert_int_equal(m.n, 2);
	assert_null(m.layers[0].bad);
	assert_non_null(m.layers[1].bad);
	assert_non_null(m.annotations);
	static const char *const bad[] = { "{}", "{\"layers\":[]}", "{\"config\":{\"digest\":\"" D64 "\",\"size\":1}}", "{\"config\":{\"digest\":\"x\",\"size\":1},\"layers\":[]}", "5" };
	for (size_t i = 0; i < countof(bad) - 1; i++) {
		autojson json_t *b = doc_of(bad[i]);
		assert_int_equal(manifest_parse(&a, b, &m, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	/* One layer too many. */
	struct buf big = BUF(0);
	buf_puts(&big, "{\"config\":{\"digest\":\"" D64 "\",\"size\":1},\"layers\":[0");
	for (int i = 0; i < OCI_LAYERS_MAX; i++)
		buf_puts(&big, ",0");
	buf_puts(&big, "]}");
	autojson json_t *many = doc_of(big.p);
	assert_int_equal(manifest_parse(&a, many, &m, &err), -1);
	buf_free(&big);
	arena_free(&a);
}

static void configurations(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct config c;
	autojson json_t *doc = doc_of("{\"os\":\"linux\",\"architecture\":\"amd64\",\"created\":\"2020-01-02T03:04:05Z\",\"config\":{\"User\":\"1000\",\"Env\":[\"A=b\",5,\"C=\"],\"Cmd\":[\"/x\"],\"Entrypoint\":null,"
				      "\"Labels\":{\"k\":\"v\",\"n\":1},\"ExposedPorts\":{\"80/tcp\":{}},\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"]},\"StopSignal\":\"x\\u0000y\"},"
				      "\"rootfs\":{\"diff_ids\":[\"" D64 "\",\"no\",7]},\"history\":[{\"created_by\":\"a\"},{\"created_by\":\"b\",\"empty_layer\":true},\"c\",{\"empty_layer\":\"true\"}]}");
	assert_int_equal(config_parse(&a, doc, &c, &err), 0);
	assert_string_equal(c.platform.arch, "amd64");
	assert_string_equal(c.user, "1000");
	assert_string_equal(c.env[0], "A=b");
	assert_string_equal(c.env[1], "C=");
	assert_null(c.env[2]);
	assert_string_equal(c.cmd[0], "/x");
	assert_null(c.entrypoint[0]);
	assert_string_equal(c.label_keys[0], "k");
	assert_string_equal(c.label_values[1], "");
	assert_string_equal(c.ports[0], "80/tcp");
	assert_string_equal(c.stop_signal, "x");
	assert_true(c.healthcheck);
	assert_int_equal(c.n_diff_ids, 3);
	assert_int_equal(c.bad_diff_ids, 2);
	assert_int_equal(c.diff_ids[1].alg, DIGEST_NONE);
	assert_int_equal(c.n_history, 4);
	assert_true(c.history[1].empty_layer && !c.history[0].empty_layer && !c.history[3].empty_layer);
	assert_null(c.history[2].created_by);
	autojson json_t *least = doc_of("{}");
	assert_int_equal(config_parse(&a, least, &c, &err), 0);
	assert_true(c.env && !c.env[0] && c.label_keys && !c.healthcheck && !c.n_diff_ids && !c.user);
	autojson json_t *off = doc_of("{\"config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}");
	assert_int_equal(config_parse(&a, off, &c, &err), 0);
	assert_false(c.healthcheck);
	autojson json_t *list = doc_of("[]");
	assert_int_equal(config_parse(&a, list, &c, &err), -1);
	arena_free(&a);
}

static void instructions(void **state)
{
	(void)state;
	static const struct {
		const char *by, *shown;
	} t[] = {
		{ "/bin/sh -c #(nop) ADD file:abc in / ", "ADD file:abc in /" },
		{ "/bin/sh -c apt-get update", "RUN apt-get update" },
		{ "RUN /bin/sh -c make # buildkit", "RUN make" },
		{ "RUN |1 A=b /bin/sh -c make # buildkit", "RUN make" },
		{ "RUN /bin/bash -c make # buildkit", "RUN /bin/bash -c make" },
		{ "|1 A=b /bin/sh -c make all", "RUN make all" },
		{ "|2 A=b c D=e /bin/sh -c x", "RUN x" },
		{ "|999999 /bin/sh -c x", "|999999 /bin/sh -c x" },
		{ "COPY dir:1 in /app", "COPY dir:1 in /app" },
		{ "", "(no history)" },
		{ "   ", "(no history)" },
	};
	struct buf out = BUF(0);
	for (size_t i = 0; i < countof(t); i++) {
		struct image_layer l = { .command = t[i].by };
		struct image img = { .layers = &l, .n_layers = 1 };
		buf_clear(&out);
		image_instruction(&img, 0, &out);
		assert_string_equal(out.p, t[i].shown);
	}
	buf_free(&out);
}

static void base_layers(void **state)
{
	(void)state;
	struct image_layer l[3] = { { .command = "" }, { .command = "" }, { .command = "" } };
	struct history debian[] = { { .created_by = "/bin/sh -c #(nop) ADD file:1 in / " }, { .created_by = "/bin/sh -c #(nop)  CMD [\"bash\"]", .empty_layer = true }, { .created_by = "RUN x" }, { .created_by = "COPY y" }, { .created_by = "CMD [\"y\"]", .empty_layer = true } };
	struct image img = { .layers = l, .n_layers = 3, .config = { .history = debian, .n_history = countof(debian) } };
	assert_int_equal(image_base_layers(&img), 1);
	img.n_layers = 1;
	assert_int_equal(image_base_layers(&img), 0);
	struct history own[] = { { .created_by = "COPY a" }, { .created_by = "COPY b" }, { .created_by = "COPY c" } };
	img = (struct image){ .layers = l, .n_layers = 3, .config = { .history = own, .n_history = 3 } };
	assert_int_equal(image_base_layers(&img), 0);
	img.config.n_history = 0;
	assert_int_equal(image_base_layers(&img), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests), cmocka_unit_test(platforms), cmocka_unit_test(indexes), cmocka_unit_test(manifests), cmocka_unit_test(configurations), cmocka_unit_test(instructions), cmocka_unit_test(base_layers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
