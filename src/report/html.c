#include "report/html.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "oci/digest.h"
#include "report/html/document.h"
#include "report/html/page.h"
#include "report/html/tiles.h"
#include <math.h>

#define INSTRUCTIONS ((size_t)200000) /* bytes of all instructions together, escaped */

/* --- escaping --- */

/* A stream that passes JSON on with <, >, &, U+2028 and U+2029 as \u escapes. They stand in strings only, so the document stays the same. */
struct filter {
	FILE *to;
	u8 held[2]; /* bytes that may begin U+2028 */
	u32 n_held;
};

static void release(struct filter *f)
{
	fwrite_unlocked(f->held, 1, f->n_held, f->to);
	f->n_held = 0;
}

static ssize_t filter_write(void *cookie, const char *p, size_t n)
{
	struct filter *f = cookie;
	for (size_t i = 0; i < n; i++) {
		u8 c = (u8)p[i];
		if (f->n_held == 2 && (c == 0xa8 || c == 0xa9)) {
			fprintf(f->to, "\\u202%c", c == 0xa8 ? '8' : '9');
			f->n_held = 0;
			continue;
		}
		if ((f->n_held == 0 && c == 0xe2) || (f->n_held == 1 && c == 0x80)) {
			f->held[f->n_held++] = c;
			continue;
		}
		release(f);
		if (c == '<' || c == '>' || c == '&')
			fprintf(f->to, "\\u%04x", c);
		else if (c == 0xe2)
			f->held[f->n_held++] = c;
		else
			putc_unlocked(c, f->to);
	}
	return ferror(f->to) ? -1 : (ssize_t)n;
}

static int filter_close(void *cookie)
{
	release(cookie);
	return 0;
}

void html_cut(struct jsonw *w, const char *key, struct str s, size_t max)
{
	struct buf cut = { 0 };
	size_t used = 0, i = 0;
	while (i < s.n) {
		u32 c;
		size_t n = text_utf8(str_from(s, i), &c), cost = html_escaped(str_n(s.p + i, n ? n : 1));
		if (used + cost > max)
			break;
		used += cost;
		i += n ? n : 1;
	}
	buf_add(&cut, str_head(s, i));
	if (i < s.n)
		buf_puts(&cut, "…");
	if (key)
		jsonw_key(w, key);
	jsonw_str(w, buf_str(&cut));
	buf_free(&cut);
}

/* --- the document --- */

void html_image(struct page *g)
{
	const struct image *img = g->r->image;
	struct jsonw *w = &g->w;
	char platform[100];
	jsonw_key(w, "image");
	jsonw_obj(w);
	html_cut(w, "reference", str_of(img->reference), HTML_PATH);
	jsonw_kz(w, "digest", img->digest.alg ? DIGEST_STR(&img->digest) : NULL);
	jsonw_kz(w, "config_digest", img->config_digest.alg ? DIGEST_STR(&img->config_digest) : NULL);
	jsonw_kz(w, "platform", platform_text(&img->config.platform, platform));
	html_cut(w, "created", str_of(img->config.created ? img->config.created : ""), 64);
	jsonw_ku(w, "size", img->size);
	jsonw_end(w);
}

void html_totals(struct page *g)
{
	struct jsonw *w = &g->w;
	jsonw_key(w, "totals");
	jsonw_obj(w);
	jsonw_ku(w, "visible", g->r->visible);
	jsonw_ku(w, "stored", g->r->stored);
	jsonw_ku(w, "wasted", g->r->wasted);
	jsonw_ku(w, "compressed", g->r->image->compressed_size);
	jsonw_ku(w, "files", g->r->files);
	jsonw_ku(w, "layers", g->r->image->n_layers);
	jsonw_ku(w, "packages", g->p->n);
	jsonw_ku(w, "package_bytes", g->p->bytes);
	jsonw_end(w);
}

struct layer_sum {
	u64 bytes, wasted, files;
};

static void put_layer_sums(struct jsonw *w, u64 size, u64 compressed, const struct layer_sum *s)
{
	jsonw_ku(w, "size", size);
	jsonw_ku(w, "compressed_size", compressed);
	jsonw_ku(w, "bytes", s->bytes);
	jsonw_ku(w, "wasted", s->wasted);
	jsonw_ku(w, "files", s->files);
}

static void put_layers(struct page *g, const struct layer_sum *sums)
{
	const struct image *img = g->r->image;
	struct jsonw *w = &g->w;
	u32 shown = MIN(img->n_layers, HTML_LAYERS);
	size_t each = MIN(INSTRUCTIONS / (shown ? shown : 1), (size_t)4000);
	jsonw_key(w, "layers");
	jsonw_arr(w);
	for (u32 i = 0; i < shown; i++) {
		jsonw_obj(w);
		jsonw_ku(w, "index", i);
		buf_clear(&g->text);
		image_instruction(img, i, &g->text);
		html_cut(w, "instruction", buf_str(&g->text), each);
		put_layer_sums(w, img->layers[i].size, img->layers[i].compressed_size, &sums[i]);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_key(w, "more_layers");
	if (shown == img->n_layers) {
		jsonw_null(w);
		return;
	}
	struct layer_sum rest = { 0 };
	u64 size = 0, compressed = 0;
	for (u32 i = shown; i < img->n_layers; i++) {
		rest.bytes += sums[i].bytes;
		rest.wasted += sums[i].wasted;
		rest.files += sums[i].files;
		size += img->layers[i].size;
		compressed += img->layers[i].compressed_size;
	}
	jsonw_obj(w);
	jsonw_ku(w, "count", img->n_layers - shown);
	put_layer_sums(w, size, compressed, &rest);
	jsonw_end(w);
}

/* The `max` largest items of waste, by their indices, most bytes first; equal ones as they were lost. */
static u32 largest_waste(const struct rootfs *r, u32 *v, u32 max)
{
	u32 n = 0;
	for (u32 i = 0; i < r->waste.n; i++) {
		u64 bytes = SEG_AT(&r->waste, i)->bytes;
		u32 at = n;
		while (at && SEG_AT(&r->waste, v[at - 1])->bytes < bytes)
			at--;
		if (!bytes || at == max)
			continue;
		n += n < max;
		memmove(v + at + 1, v + at, (n - at - 1) * sizeof *v);
		v[at] = i;
	}
	return n;
}

static void put_waste(struct page *g)
{
	const struct rootfs *r = g->r;
	struct jsonw *w = &g->w;
	u32 v[HTML_WASTE], n = largest_waste(r, v, HTML_WASTE);
	u64 count = 0, shown = 0;
	for (u32 i = 0; i < r->waste.n; i++)
		count += SEG_AT(&r->waste, i)->bytes != 0;
	jsonw_key(w, "waste");
	jsonw_obj(w);
	jsonw_ku(w, "bytes", r->wasted);
	jsonw_key(w, "efficiency");
	jsonw_double(w, r->stored ? (double)r->visible / (double)r->stored : 1);
	jsonw_ku(w, "count", count);
	jsonw_key(w, "items");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		const struct waste_item *item = SEG_AT(&r->waste, v[i]);
		shown += item->bytes;
		jsonw_obj(w);
		html_cut(w, "path", rootfs_waste_path(r, item, &g->text), HTML_PATH);
		jsonw_ku(w, "bytes", item->bytes);
		jsonw_ku(w, "layer", item->layer);
		jsonw_ku(w, "by_layer", item->by_layer);
		jsonw_kz(w, "reason", waste_reason_text[item->reason]);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_ku(w, "more_bytes", r->wasted - shown);
	jsonw_end(w);
}

static void put_dive(struct page *g, const struct dive *d)
{
	struct jsonw *w = &g->w;
	jsonw_key(w, "dive");
	jsonw_obj(w);
	jsonw_key(w, "efficiency");
	jsonw_double(w, d->efficiency);
	jsonw_ku(w, "wasted_bytes", d->wasted_bytes);
	jsonw_key(w, "user_wasted_percent");
	jsonw_double(w, d->user_wasted_percent);
	jsonw_end(w);
}

/* --- views --- */

static s64 owner_index(struct page *g, s32 owner)
{
	if (owner <= 0)
		return owner;
	if (!g->local[owner]) {
		VEC_PUSH(g->owners, g->n_owners, g->cap_owners, (u32)owner);
		g->local[owner] = g->n_owners;
	}
	return g->local[owner];
}

static struct str group_name(struct page *g, enum tile_group by, u32 group)
{
	buf_clear(&g->text);
	if (by == TILE_LAYER) {
		buf_printf(&g->text, "%u · ", group);
		image_instruction(g->r->image, group, &g->text);
	} else if (group) {
		const struct package *k = &g->p->v[group - 1];
		buf_printf(&g->text, "%s %s", k->name, k->version);
	} else {
		buf_puts(&g->text, "(no package)");
	}
	return buf_str(&g->text);
}

enum column { COL_NAME, COL_PARENT, COL_BYTES, COL_FILES, COL_LAYER, COL_OWNER, COLS };

static void put_column(struct page *g, const struct tiles *t, enum tile_group by, enum column col)
{
	static const char *const names[COLS] = { "name", "parent", "bytes", "files", "layer", "owner" };
	struct jsonw *w = &g->w;
	jsonw_key(w, names[col]);
	jsonw_arr(w);
	for (u32 i = 0; i < t->n; i++) {
		const struct tile *x = &t->v[i];
		switch (col) {
		case COL_NAME:
			if (i == 0)
				jsonw_str(w, STR("/"));
			else if (x->is_group)
				html_cut(w, NULL, group_name(g, by, x->group), 120);
			else
				jsonw_str(w, x->name);
			break;
		case COL_PARENT: jsonw_u64(w, x->parent); break;
		case COL_BYTES: jsonw_u64(w, x->bytes); break;
		case COL_FILES: jsonw_u64(w, x->files); break;
		case COL_LAYER: jsonw_s64(w, x->layer); break;
		default: jsonw_s64(w, owner_index(g, x->owner)); break;
		}
	}
	jsonw_end(w);
}

void html_view(struct page *g, const char *name, enum tile_group by, struct pieces *pieces)
{
	struct jsonw *w = &g->w;
	struct tiles t = { 0 };
	tiles_cut(g->r, pieces, by, HTML_TILES, &t);
	jsonw_key(w, name);
	jsonw_obj(w);
	for (int col = 0; col < COLS; col++)
		put_column(g, &t, by, (enum column)col);
	jsonw_key(w, "wasted");
	jsonw_arr(w);
	for (u32 i = 0; i < t.n; i++)
		if (t.v[i].gone && t.v[i].files)
			jsonw_u64(w, i);
	jsonw_end(w);
	jsonw_end(w);
	tiles_free(&t);
}

void html_owners(struct page *g)
{
	struct jsonw *w = &g->w;
	jsonw_key(w, "owners");
	jsonw_arr(w);
	for (u32 i = 0; i < g->n_owners; i++)
		html_cut(w, NULL, group_name(g, TILE_PACKAGE, g->owners[i]), 120);
	jsonw_end(w);
}

void html_incomplete(struct page *g, const struct problems *incomplete)
{
	struct jsonw *w = &g->w;
	jsonw_key(w, "incomplete");
	jsonw_arr(w);
	for (u32 i = 0; incomplete && i < incomplete->n; i++)
		html_cut(w, NULL, str_of(incomplete->v[i]), HTML_PROBLEM);
	if (incomplete && incomplete->more) {
		char text[32];
		snprintf(text, sizeof text, "%u more", incomplete->more);
		jsonw_str(w, str_of(text));
	}
	jsonw_end(w);
}

struct inspected {
	const struct dive *dive;
	const struct problems *incomplete;
};

static void put_document(struct page *g, const void *ctx)
{
	const struct inspected *in = ctx;
	struct pieces pieces = { 0 };
	struct jsonw *w = &g->w;
	autofree struct layer_sum *sums = xcalloc((size_t)g->r->image->n_layers + 1, sizeof *sums);
	jsonw_obj(w);
	html_image(g);
	html_totals(g);
	put_waste(g);
	put_dive(g, in->dive);
	jsonw_key(w, "views");
	jsonw_obj(w);
	pieces_visible(g->r, g->p, &pieces);
	html_view(g, "directory", TILE_DIRECTORY, &pieces);
	html_view(g, "package", TILE_PACKAGE, &pieces);
	pieces_wasted(g->r, &pieces);
	for (u32 i = 0; i < pieces.n; i++) {
		struct layer_sum *s = &sums[pieces.v[i].layer];
		s->bytes += pieces.v[i].bytes;
		s->wasted += pieces.v[i].gone ? pieces.v[i].bytes : 0;
		s->files++;
	}
	html_view(g, "layer", TILE_LAYER, &pieces);
	jsonw_end(w);
	pieces_free(&pieces);
	put_layers(g, sums);
	html_owners(g);
	html_incomplete(g, in->incomplete);
	jsonw_end(w);
}

/* --- the page --- */

/* 'sha256-BASE64' of a piece of the page, for the policy. */
static void put_hash(FILE *f, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct digest d = digest_bytes(DIGEST_SHA256, s);
	fputs("'sha256-", f);
	for (u32 i = 0; i < 32; i += 3) {
		u32 left = MIN(32 - i, 3u), v = (u32)d.bytes[i] << 16 | (left > 1 ? (u32)d.bytes[i + 1] << 8 : 0) | (left > 2 ? d.bytes[i + 2] : 0);
		for (u32 k = 0; k < 4; k++)
			putc_unlocked(k <= left ? digits[v >> (18 - 6 * k) & 63] : '=', f);
	}
	putc_unlocked('\'', f);
}

static void put_head(FILE *f)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; style-src ",
	      f);
	put_hash(f, str_n(html_css, html_css_size));
	fputs("; script-src ", f);
	put_hash(f, str_n(html_js, html_js_size));
	fputs("\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>pare</title>\n<style>", f);
	fwrite(html_css, 1, html_css_size, f);
	fputs("</style>\n</head>\n<body>\n", f);
	fwrite(html_body, 1, html_body_size, f);
}

int html_page(FILE *f, const struct rootfs *r, const struct packages *p, void (*document)(struct page *g, const void *ctx), const void *ctx, struct error *err)
{
	struct filter filter = { .to = f };
	put_head(f);
	fputs("<script type=\"application/json\" id=\"data\">", f);
	FILE *json = fopencookie(&filter, "w", (cookie_io_functions_t){ .write = filter_write, .close = filter_close });
	if (!json)
		return error_errno(err, "html");
	struct page g = { .r = r, .p = p, .local = xcalloc((size_t)p->n + 1, sizeof *g.local) };
	jsonw_init(&g.w, json, 0);
	document(&g, ctx);
	bool failed = fclose(json) != 0;
	free(g.local);
	free(g.owners);
	buf_free(&g.text);
	fputs("</script>\n<script>", f);
	fwrite(html_js, 1, html_js_size, f);
	fputs("</script>\n</body>\n</html>\n", f);
	return failed || ferror(f) ? error_errno(err, "cannot write the report") : 0;
}

int report_html(FILE *f, const struct rootfs *r, const struct packages *p, const struct dive *d, const struct problems *incomplete, struct error *err)
{
	return html_page(f, r, p, put_document, &(struct inspected){ d, incomplete }, err);
}
