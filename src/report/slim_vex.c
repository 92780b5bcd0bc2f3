#include "report/slim_vex.h"
#include "base/hash.h"
#include "report/openvex.h"

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void statement(struct jsonw *w, const char *image, const char *purl)
{
	jsonw_obj(w);
	jsonw_key(w, "vulnerability");
	jsonw_obj(w);
	jsonw_kz(w, "name", "*");
	jsonw_kz(w, "description", "Every vulnerability of this package");
	jsonw_end(w);
	jsonw_key(w, "products");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "@id", image);
	jsonw_key(w, "subcomponents");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kz(w, "@id", purl);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_kz(w, "status", "not_affected");
	jsonw_kz(w, "justification", "component_not_present");
	jsonw_kz(w, "impact_statement", "no file of this package is in the image: nothing needs it");
	jsonw_end(w);
}

void slim_vex(FILE *f, const struct slim *s)
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
	u64 hash = hash64(buf_str(&image), 0);
	for (u32 i = 0; i < n; i++)
		hash = hash64(str_of(v[i]), hash);
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
	for (u32 i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			statement(&w, image.p, v[i]);
	jsonw_end(&w);
	jsonw_end(&w);
	buf_free(&image);
	buf_free(&id);
}
