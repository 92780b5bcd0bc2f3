#include "build/chain.h"
#include "base/buf.h"
#include "store/load.h"
#include "store/store.h"

struct digest chain_id(const struct digest *id, const struct build_layer *l)
{
	if (!id->alg)
		return l->diff_id;
	char text[2 * DIGEST_TEXT];
	int n = snprintf(text, sizeof text, "%s %s", DIGEST_STR(id), DIGEST_STR(&l->diff_id));
	return digest_bytes(DIGEST_SHA256, str_n(text, (size_t)n));
}

struct chain chain_add(struct arena *a, const struct chain *below, const struct build_layer *l)
{
	struct build_layer *v = (struct build_layer *)(uintptr_t)below->v;
	u32 room = below->room;
	if (below->n >= room) {
		room = 2 * (below->n + 4);
		v = arena_array(a, struct build_layer, room);
		if (below->n)
			memcpy(v, below->v, below->n * sizeof *v);
	}
	v[below->n] = *l;
	return (struct chain){ v, below->n + 1, chain_id(&below->id, l), room };
}

const char *layer_type(const struct build_layer *l) { return l->compression == COMP_GZIP ? MT_LAYER "+gzip" : l->compression == COMP_ZSTD ? MT_LAYER "+zstd" : MT_LAYER; }

int layer_open(struct store *s, const struct digest *stored, struct stream **ret, enum compression *kind, struct error *err)
{
	struct stream *bytes;
	return store_blob(s, stored, 0, &bytes, NULL, err) < 0 ? -1 : stream_inflate(bytes, ret, kind, err);
}

/* The least that an image is: its layers. */
static int put_documents(struct store *s, const struct chain *c, struct digest *ret, struct error *err)
{
	struct buf config = BUF(0), manifest = BUF(0);
	buf_puts(&config, "{\"architecture\":\"\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
	for (u32 i = 0; i < c->n; i++)
		buf_printf(&config, "%s\"%s\"", i ? "," : "", DIGEST_STR(&c->v[i].diff_id));
	buf_puts(&config, "]}}");
	struct digest d = digest_bytes(DIGEST_SHA256, buf_str(&config));
	buf_printf(&manifest, "{\"schemaVersion\":2,\"mediaType\":\"" MT_MANIFEST "\",\"config\":{\"mediaType\":\"" MT_CONFIG "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[", DIGEST_STR(&d), config.n);
	for (u32 i = 0; i < c->n; i++)
		buf_printf(&manifest, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", i ? "," : "", c->v[i].media_type ? c->v[i].media_type : layer_type(&c->v[i]), DIGEST_STR(&c->v[i].digest), (unsigned long long)c->v[i].size);
	buf_puts(&manifest, "]}");
	int r = store_has(s, &d, err);
	if (r == 0)
		r = store_add_blob(s, &d, config.n, 0, stream_memory(buf_str(&config)), err);
	r = r < 0 ? r : store_add_document(s, MT_MANIFEST, buf_str(&manifest), ret, err);
	buf_free(&config);
	buf_free(&manifest);
	return r;
}

int chain_load(struct store *s, const struct chain *c, struct image **ret, struct error *err)
{
	struct digest d;
	struct buf dir = BUF(0), place = BUF(0);
	struct image *img = NULL;
	if (put_documents(s, c, &d, err) < 0)
		return -1;
	struct str images = str_of(store_images_dir(s)); /* STORE/images */
	buf_add(&dir, str_head(images, images.n - str_base(images).n));
	buf_printf(&place, "pare:%s", DIGEST_STR(&d));
	struct load_options opt = { .store = dir.p, .need_content = true };
	int r = image_load(place.p, &opt, &img, err);
	if (r == 0 && img->problems.n) {
		r = error_set(err, ERR_INPUT, "%s", img->problems.v[0]);
		image_close(img);
	}
	buf_free(&dir);
	buf_free(&place);
	if (r == 0)
		*ret = img;
	return r;
}
