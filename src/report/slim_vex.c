#include "report/slim_vex.h"
#include "base/hash.h"
#include "report/openvex.h"

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Packages of one statement, as parts of the image. */
static void body(struct jsonw *w, const char *image, const char *const *purls, u32 n)
{
	jsonw_key(w, "products");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "@id", image);
	jsonw_key(w, "subcomponents");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		if (i && strcmp(purls[i], purls[i - 1]) == 0)
			continue;
		jsonw_obj(w);
		jsonw_kz(w, "@id", purls[i]);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_kz(w, "status", "not_affected");
	jsonw_kz(w, "justification", "component_not_present");
	jsonw_kz(w, "impact_statement", "no file of this package is in the image: nothing needs it");
	jsonw_end(w);
}

static void all_of(struct jsonw *w, const char *image, const char *purl)
{
	jsonw_obj(w);
	jsonw_key(w, "vulnerability");
	jsonw_obj(w);
	jsonw_kz(w, "name", "*");
	jsonw_kz(w, "description", "Every vulnerability of this package");
	jsonw_end(w);
	body(w, image, &purl, 1);
}

static int by_vulnerability(const void *a, const void *b)
{
	const struct scan_finding *x = *(const struct scan_finding *const *)a, *y = *(const struct scan_finding *const *)b;
	int c = strcmp(x->id, y->id);
	c = c ? c : strcmp(x->aliases, y->aliases);
	return c ? c : strcmp(x->purl, y->purl);
}

static void named(struct jsonw *w, const char *image, const struct scan_finding *f, const char *const *purls, u32 n)
{
	jsonw_obj(w);
	openvex_vulnerability(w, f);
	body(w, image, purls, n);
}

/* Those of packages that went: a vulnerability may be of several. `gone` is sorted. */
static void by_name(struct jsonw *w, const char *image, const struct slim_scan *x, const char *const *gone, u32 n_gone)
{
	const struct scan *scan = &x->vulnerabilities;
	autofree const struct scan_finding **v = xcalloc(scan->n + 1u, sizeof *v);
	autofree const char **purls = xcalloc(scan->n + 1u, sizeof *purls);
	u32 n = 0;
	for (u32 i = 0; i < scan->n && n_gone; i++)
		if (scan->v[i].kind == KIND_VULNERABILITY && bsearch(&scan->v[i].purl, gone, n_gone, sizeof *gone, by_text))
			v[n++] = &scan->v[i];
	if (n)
		qsort(v, n, sizeof *v, by_vulnerability);
	for (u32 i = 0, j; i < n; i = j) {
		for (j = i; j < n && strcmp(v[j]->id, v[i]->id) == 0 && strcmp(v[j]->aliases, v[i]->aliases) == 0; j++)
			purls[j - i] = v[j]->purl;
		named(w, image, v[i], purls, j - i);
	}
}

void slim_vex(FILE *f, const struct slim *s, const struct slim_scan *x, const char *digest)
{
	struct jsonw w;
	struct buf image = BUF(0), id = BUF(0);
	u32 n = 0;
	autofree const char **v = xcalloc(s->added.n_gone + 1u, sizeof *v);
	for (u32 i = 0; i < s->added.n_gone; i++)
		if (s->added.gone[i] && *s->added.gone[i])
			v[n++] = s->added.gone[i];
	if (n)
		qsort(v, n, sizeof *v, by_text);
	buf_puts(&image, "pkg:oci/");
	openvex_name(s->img, &image);
	for (const char *z = digest ? digest : ""; *z; z++)
		buf_printf(&image, z == digest ? "@%c" : *z == ':' ? "%%3A" : "%c", *z);
	u64 hash = hash64(buf_str(&image), 0);
	for (u32 i = 0; i < n; i++)
		hash = hash64(str_of(v[i]), hash);
	for (u32 i = 0; i < x->vulnerabilities.n; i++)
		hash = hash64(str_of(x->vulnerabilities.v[i].id), hash64(str_of(x->vulnerabilities.v[i].purl), hash));
	buf_printf(&id, "https://openvex.dev/docs/public/vex-%016llx", (unsigned long long)hash);
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "@context", "https://openvex.dev/ns/v0.2.0");
	jsonw_kz(&w, "@id", id.p);
	jsonw_kz(&w, "author", "pare");
	openvex_time(&w, s->img);
	jsonw_ku(&w, "version", 1);
	jsonw_key(&w, "statements");
	jsonw_arr(&w);
	by_name(&w, image.p, x, v, n);
	for (u32 i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			all_of(&w, image.p, v[i]);
	jsonw_end(&w);
	jsonw_end(&w);
	buf_free(&image);
	buf_free(&id);
}
