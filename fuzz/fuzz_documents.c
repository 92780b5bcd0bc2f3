/* Byte 0 says which document the rest is: an index, a manifest, a configuration; or manifest.json or index.json of an archive that also holds
 * what they may name. Numbers, digests and lists must keep their promises whatever stands there. */
#include "layer/image.h"
#include "layer/tarout.h"
#include "transport/transport.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_digest(const struct digest *d)
{
	char text[DIGEST_TEXT], path[DIGEST_TEXT + 8];
	struct digest again;
	if (!d->alg)
		return;
	require(digest_parse(str_of(digest_text(d, text)), &again, NULL) == 0 && digest_eq(d, &again));
	require(strncmp(digest_path(d, path), "blobs/sha", 9) == 0 && !strchr(path + 13, '/'));
}

static void check_platform(const struct platform *p)
{
	char text[100];
	struct platform copy = *p;
	platform_text(p, text);
	platform_normalise(&copy);
	struct platform host = platform_host();
	require(platform_match(&host, p) >= 0);
	require(memchr(p->os, '\0', 32) && memchr(p->arch, '\0', 32) && memchr(p->variant, '\0', 32));
}

static void check_descriptor(const struct descriptor *d)
{
	require(d->media_type && (!d->bad || d->digest.alg == DIGEST_NONE));
	check_digest(&d->digest);
	check_platform(&d->platform);
}

static u32 length(const char **v)
{
	u32 n = 0;
	while (v[n])
		n += strlen(v[n]) < SIZE_MAX;
	return n;
}

static void check_config(const struct config *c)
{
	require(c->env && c->entrypoint && c->cmd && c->shell && c->volumes && c->ports && c->onbuild && c->label_keys && c->label_values);
	length(c->env), length(c->entrypoint), length(c->cmd), length(c->shell), length(c->volumes), length(c->ports), length(c->onbuild);
	require(length(c->label_keys) == length(c->label_values));
	require(c->n_diff_ids <= OCI_LAYERS_MAX && c->bad_diff_ids <= c->n_diff_ids);
	u32 bad = 0;
	for (u32 i = 0; i < c->n_diff_ids; i++) {
		check_digest(&c->diff_ids[i]);
		bad += !c->diff_ids[i].alg;
	}
	require(bad == c->bad_diff_ids);
	check_platform(&c->platform);
	/* An image that has only this configuration. */
	struct image_layer layers[3] = { 0 };
	struct image img = { .layers = layers, .n_layers = 3, .config = *c };
	struct buf text = BUF(0);
	for (u32 i = 0; i < 3; i++) {
		layers[i].command = i < c->n_history && c->history[i].created_by ? c->history[i].created_by : "";
		image_instruction(&img, i, &text);
	}
	require(image_base_layers(&img) <= 3);
	buf_free(&text);
}

static void parse(u8 kind, struct str text)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	json_t *doc = json_read(text, "it", &err);
	require(doc || err.text[0]);
	if (doc && kind == 0) {
		struct index x;
		if (index_parse(&a, doc, &x, &err) == 0)
			for (u32 i = 0; i < x.n; i++)
				check_descriptor(&x.manifests[i]);
	} else if (doc && kind == 1) {
		struct manifest m;
		if (manifest_parse(&a, doc, &m, &err) == 0) {
			check_descriptor(&m.config);
			for (u32 i = 0; i < m.n; i++)
				check_descriptor(&m.layers[i]);
		}
	} else if (doc) {
		struct config c;
		if (config_parse(&a, doc, &c, &err) == 0)
			check_config(&c);
	}
	json_decref(doc);
	arena_free(&a);
}

static void member(struct buf *out, const char *name, struct str content)
{
	struct tarout_entry e = { .path = str_of(name), .type = TAR_FILE, .mode = 0644, .size = content.n };
	static const char zero[512];
	require(tarout_header(&e, out, NULL) == 0);
	buf_add(out, content);
	buf_add(out, str_n(zero, tarout_padding(content.n)));
}

/* The document in an archive, beside things worth naming; opened like any archive from a pipe. */
static void archive(bool docker, struct str text)
{
	struct buf all = BUF(0), layer = BUF(0);
	static const char zero[TAR_TRAILER];
	member(&layer, "etc/x", STR("x"));
	buf_add(&layer, str_n(zero, sizeof zero));
	member(&all, "config.json", STR("{\"rootfs\":{\"diff_ids\":[]}}"));
	member(&all, "layer.tar", buf_str(&layer));
	struct str manifest = STR("{\"config\":{\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":0},\"layers\":[]}");
	struct digest d = digest_bytes(DIGEST_SHA256, manifest);
	char path[DIGEST_TEXT + 8];
	member(&all, digest_path(&d, path), manifest);
	member(&all, docker ? "manifest.json" : "index.json", text);
	buf_add(&all, str_n(zero, sizeof zero));
	struct source_options opt = { 0 };
	struct source *s = NULL;
	struct error err = { 0 };
	if (source_open_streamed(stream_memory(buf_str(&all)), NULL, "it", "", str_n("", 0), &opt, &s, &err) == 0) {
		const struct facts *seen = NULL; /* there is one layer to be named, however often */
		for (u32 i = 0; i < s->n_layers; i++) {
			struct source_layer *l = &s->layers[i];
			require(l->place && !(l->missing && l->was_read));
			if (l->was_read && l->read.facts != seen && strcmp(l->place, "layer.tar") == 0) {
				require(!seen);
				seen = l->read.facts;
			} else if (l->was_read && l->read.facts != seen) {
				facts_free(l->read.facts);
			}
		}
		facts_free((struct facts *)(uintptr_t)seen);
		source_close(s);
	} else {
		require(err.text[0]);
	}
	buf_free(&all);
	buf_free(&layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str text = str_n(data + 1, size - 1);
	u8 kind = data[0] % 5;
	if (kind < 3)
		parse(kind, text);
	else
		archive(kind == 3, text);
	return 0;
}
