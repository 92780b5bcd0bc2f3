#include "report/history.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/columns.h"
#include <time.h>

/* A step: an entry of the configuration's history, or a layer that has none. */
struct step {
	s32 history, layer; /* -1: none */
};

/* Lowest first; the caller's to free. Layers without an entry come where they lie. */
static struct step *steps_of(const struct image *img, u32 *n)
{
	struct step *v = xcalloc((size_t)img->config.n_history + img->n_layers + 1, sizeof *v);
	u32 layer = 0;
	*n = 0;
	for (u32 i = 0; i < img->config.n_history; i++) {
		for (; layer < img->n_layers && img->layers[layer].history < 0; layer++)
			v[(*n)++] = (struct step){ -1, (s32)layer };
		bool has = layer < img->n_layers && img->layers[layer].history == (s32)i;
		v[(*n)++] = (struct step){ (s32)i, has ? (s32)layer++ : -1 };
	}
	for (; layer < img->n_layers; layer++)
		v[(*n)++] = (struct step){ -1, (s32)layer };
	return v;
}

/* An instruction that made no layer: as image_instruction() writes those that did. */
static void instruction(const struct image *img, struct step s, struct buf *out)
{
	buf_clear(out);
	if (s.layer >= 0) {
		image_instruction(img, (u32)s.layer, out);
		return;
	}
	const char *by = img->config.history[s.history].created_by;
	struct image_layer one = { .command = by ? by : "" };
	image_instruction(&(struct image){ .layers = &one, .n_layers = 1 }, 0, out);
}

static s64 seconds(const char *rfc3339)
{
	struct tm tm = { 0 };
	const char *end = rfc3339 ? strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	return end ? (s64)timegm(&tm) : 0;
}

static const char *changed_bytes(u64 bytes, char out[24], char sign)
{
	if (!bytes)
		return "";
	snprintf(out, 24, "%c%s", sign, TEXT_SIZE(bytes));
	return out;
}

void history_table(FILE *f, const struct rootfs *r, bool whole, s64 now)
{
	const struct image *img = r->image;
	struct columns c = { .n = 7, .right = 1u << 2 | 1u << 3 | 1u << 4, .most = { [5] = whole ? 0 : 80, [6] = whole ? 0 : 40 } };
	struct buf text = BUF(0);
	u32 n;
	struct step *v = steps_of(img, &n);
	static const char *const heading[] = { "LAYER", "CREATED", "SIZE", "ADDED", "REMOVED", "CREATED BY", "COMMENT" };
	for (u32 i = 0; i < countof(heading); i++)
		columns_add(&c, heading[i]);
	for (u32 i = n; i-- > 0;) {
		const struct history *h = v[i].history >= 0 ? &img->config.history[v[i].history] : NULL;
		const struct image_layer *l = v[i].layer >= 0 ? &img->layers[v[i].layer] : NULL;
		char added[24], removed[24];
		if (l && whole)
			columns_add(&c, DIGEST_STR(&l->diff_id));
		else if (l)
			columns_addf(&c, "%u", l->index);
		else
			columns_add(&c, "-");
		columns_add(&c, COLUMNS_AGO(h ? seconds(h->created) : 0, now));
		columns_add(&c, l ? TEXT_SIZE(l->size) : "0 B");
		const struct layer_change *d = l ? &r->layers[v[i].layer] : NULL;
		columns_add(&c, d ? changed_bytes(d->added_bytes + d->changed_bytes, added, '+') : "");
		columns_add(&c, d ? changed_bytes(d->removed_bytes, removed, '-') : "");
		instruction(img, v[i], &text);
		columns_add(&c, text.p);
		columns_add(&c, h ? h->comment : NULL);
	}
	columns_write(f, &c);
	columns_free(&c);
	buf_free(&text);
	free(v);
}

static void step_json(struct jsonw *w, const struct rootfs *r, struct step s, struct buf *text)
{
	const struct image *img = r->image;
	const struct history *h = s.history >= 0 ? &img->config.history[s.history] : NULL;
	instruction(img, s, text);
	jsonw_obj(w);
	jsonw_kz(w, "created", h ? h->created : NULL);
	jsonw_kz(w, "created_by", h ? h->created_by : NULL);
	jsonw_ks(w, "instruction", buf_str(text));
	jsonw_kz(w, "comment", h ? h->comment : NULL);
	jsonw_kb(w, "empty_layer", s.layer < 0);
	jsonw_key(w, "layer");
	if (s.layer < 0) {
		jsonw_null(w);
		jsonw_end(w);
		return;
	}
	const struct image_layer *l = &img->layers[s.layer];
	const struct layer_change *d = &r->layers[s.layer];
	jsonw_obj(w);
	jsonw_ku(w, "index", l->index);
	jsonw_kz(w, "digest", l->digest.alg ? DIGEST_STR(&l->digest) : NULL);
	jsonw_kz(w, "diff_id", l->diff_id.alg ? DIGEST_STR(&l->diff_id) : NULL);
	jsonw_ku(w, "size", l->size);
	jsonw_ku(w, "compressed_size", l->compressed_size);
	jsonw_ku(w, "added", d->added);
	jsonw_ku(w, "changed", d->changed);
	jsonw_ku(w, "removed", d->removed);
	jsonw_ku(w, "added_bytes", d->added_bytes);
	jsonw_ku(w, "changed_bytes", d->changed_bytes);
	jsonw_ku(w, "removed_bytes", d->removed_bytes);
	jsonw_end(w);
	jsonw_end(w);
}

void history_json(FILE *f, const struct subject *s)
{
	const struct rootfs *r = s->rootfs;
	struct jsonw w;
	struct buf text = BUF(0);
	u32 n;
	struct step *v = steps_of(r->image, &n);
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "image", image_title(r->image));
	jsonw_kz(&w, "digest", r->image->digest.alg ? DIGEST_STR(&r->image->digest) : NULL);
	jsonw_key(&w, "history");
	jsonw_arr(&w);
	for (u32 i = 0; i < n; i++)
		step_json(&w, r, v[i], &text);
	jsonw_end(&w);
	json_incomplete(&w, &s->problems);
	jsonw_end(&w);
	buf_free(&text);
	free(v);
}
