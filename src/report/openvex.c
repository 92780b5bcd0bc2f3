#include "report/openvex.h"
#include "base/hash.h"
#include "base/text.h"

static int by_id(const void *a, const void *b, void *ctx)
{
	const struct scan_finding *v = ctx;
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int c = strcmp(v[x].id, v[y].id);
	c = c ? c : strcmp(v[x].state, v[y].state);
	c = c ? c : strcmp(v[x].purl, v[y].purl);
	return c ? c : (x > y) - (x < y);
}

static const char *status_of(const struct scan_finding *f)
{
	return strcmp(f->state, "not_affected") == 0 ? "not_affected" : strcmp(f->state, "under_investigation") == 0 ? "under_investigation" : "affected";
}

static bool same_statement(const struct scan_finding *a, const struct scan_finding *b) { return strcmp(a->id, b->id) == 0 && strcmp(status_of(a), status_of(b)) == 0; }

void openvex_name(const struct image *img, struct buf *out)
{
	struct str name = str_base(str_of(image_title(img))), rest = name;
	name = str_cut(&rest, '@');
	rest = name;
	name = str_cut(&rest, ':');
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._~", c))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (u8)c);
	}
	if (!out->n)
		buf_puts(out, "image");
}

/* pkg:oci/NAME@sha256:…, as the purl specification has images; NULL: its digest is not known. */
static const char *image_purl(const struct subject *s, struct arena *a)
{
	if (!s->image || !s->image->digest.alg)
		return NULL;
	struct buf clean = BUF(256);
	openvex_name(s->image, &clean);
	char text[DIGEST_TEXT];
	digest_text(&s->image->digest, text);
	struct str digest = str_of(text), alg = str_cut(&digest, ':');
	const char *z = arena_printf(a, "pkg:oci/%s@%.*s%%3A%.*s", clean.p, STR_FMT(alg), STR_FMT(digest));
	buf_free(&clean);
	return z;
}

void openvex_time(struct jsonw *w, const struct image *img)
{
	char text[40] = "1970-01-01T00:00:00Z";
	u64 epoch;
	const char *z = getenv("SOURCE_DATE_EPOCH"), *created = img ? img->config.created : NULL;
	if (z && str_to_u64(str_of(z), &epoch) && epoch < 253402300800ull)
		text_time((s64)epoch, text);
	else if (created && strlen(created) >= 19)
		snprintf(text, sizeof text, "%.19sZ", created);
	jsonw_kz(w, "timestamp", text);
}

static void products(struct jsonw *w, const struct scan_finding *v, const u32 *order, u32 n, const char *image)
{
	jsonw_key(w, "products");
	jsonw_arr(w);
	if (image) {
		jsonw_obj(w);
		jsonw_kz(w, "@id", image);
		jsonw_key(w, "subcomponents");
		jsonw_arr(w);
	}
	for (u32 i = 0; i < n; i++) {
		if (i && strcmp(v[order[i]].purl, v[order[i - 1]].purl) == 0)
			continue;
		jsonw_obj(w);
		jsonw_kz(w, "@id", v[order[i]].purl);
		jsonw_end(w);
	}
	if (image) {
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
}

void openvex_vulnerability(struct jsonw *w, const struct scan_finding *f)
{
	jsonw_key(w, "vulnerability");
	jsonw_obj(w);
	jsonw_kz(w, "name", f->id);
	jsonw_key(w, "aliases");
	jsonw_arr(w);
	for (struct str rest = str_of(f->aliases); rest.n;)
		jsonw_str(w, str_cut(&rest, ' '));
	jsonw_end(w);
	jsonw_end(w);
}

static void statement(struct jsonw *w, const struct scan_finding *v, const u32 *order, u32 n, const char *image)
{
	const struct scan_finding *f = &v[order[0]];
	const char *status = status_of(f);
	jsonw_obj(w);
	openvex_vulnerability(w, f);
	products(w, v, order, n, image);
	jsonw_kz(w, "status", status);
	if (strcmp(status, "not_affected") == 0)
		jsonw_kz(w, "impact_statement", *f->suppressed ? f->suppressed : "not affected");
	else if (strcmp(status, "affected") == 0)
		jsonw_kz(w, "action_statement", *f->suppressed ? f->suppressed : *f->remedy ? f->remedy : "no action is known");
	jsonw_end(w);
}

void write_openvex(FILE *f, const struct subject *s, const struct scan *scan)
{
	struct jsonw w;
	struct arena a = { 0 };
	autofree u32 *order = xcalloc(scan->n + 1, sizeof *order);
	const char *image = image_purl(s, &a);
	u32 n = 0;
	u64 hash = hash64(str_of(image ? image : ""), 0);
	for (u32 i = 0; i < scan->n; i++)
		if (scan->v[i].kind == KIND_VULNERABILITY && *scan->v[i].purl)
			order[n++] = i;
	if (n)
		qsort_r(order, n, sizeof *order, by_id, scan->v);
	for (u32 i = 0; i < n; i++)
		hash = hash64(str_of(status_of(&scan->v[order[i]])), hash64(str_of(scan->v[order[i]].purl), hash64(str_of(scan->v[order[i]].id), hash)));
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "@context", "https://openvex.dev/ns/v0.2.0");
	jsonw_kz(&w, "@id", arena_printf(&a, "https://openvex.dev/docs/public/vex-%016llx", (unsigned long long)hash));
	jsonw_kz(&w, "author", "pare");
	openvex_time(&w, s->image);
	jsonw_ku(&w, "version", 1);
	jsonw_key(&w, "statements");
	jsonw_arr(&w);
	for (u32 i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && same_statement(&scan->v[order[i]], &scan->v[order[j]]); j++)
			;
		statement(&w, scan->v, order + i, j - i, image);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	arena_free(&a);
}
