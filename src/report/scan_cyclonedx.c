/* `pare scan --format cyclonedx`: CycloneDX 1.6, the packages that something was found in and what was found, with its state as VEX has it. A vulnerability stands once, with all it affects. */
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/scan_show.h"

static int by_id(const void *a, const void *b, void *ctx)
{
	const struct scan_finding *v = ctx;
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int c = strcmp(v[x].id, v[y].id);
	return c ? c : (x > y) - (x < y);
}

static void rating(struct jsonw *w, const struct scan_finding *f)
{
	static const struct {
		struct str prefix;
		const char *method;
	} methods[] = { { { "CVSS:4.0", 8 }, "CVSSv4" }, { { "CVSS:3.1", 8 }, "CVSSv31" }, { { "CVSS:3.0", 8 }, "CVSSv3" } };
	jsonw_key(w, "ratings");
	jsonw_arr(w);
	jsonw_obj(w);
	if (f->cvss > 0) {
		jsonw_key(w, "score");
		jsonw_double(w, f->cvss);
	}
	jsonw_kz(w, "severity", scan_severity(f));
	if (*f->cvss_vector) {
		const char *method = "CVSSv2";
		for (size_t i = 0; i < countof(methods); i++)
			if (str_starts(str_of(f->cvss_vector), methods[i].prefix))
				method = methods[i].method;
		jsonw_kz(w, "method", method);
		jsonw_kz(w, "vector", f->cvss_vector);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void analysis(struct jsonw *w, const struct scan_finding *f)
{
	const char *state = strcmp(f->state, "under_investigation") == 0 ? "in_triage" : strcmp(f->state, "not_affected") == 0 ? "not_affected" : "exploitable";
	jsonw_key(w, "analysis");
	jsonw_obj(w);
	jsonw_kz(w, "state", state);
	if (strcmp(f->state, "will_not_fix") == 0 || strcmp(f->state, "fixed") == 0) {
		jsonw_key(w, "response");
		jsonw_arr(w);
		jsonw_str(w, f->state[0] == 'w' ? STR("will_not_fix") : STR("update"));
		jsonw_end(w);
	}
	if (*f->suppressed || *f->match)
		jsonw_kz(w, "detail", *f->suppressed ? f->suppressed : f->match);
	jsonw_end(w);
}

static u64 ref_of(const struct scan_finding *f) { return hash64(str_of(f->path), hash64(str_of(f->purl), hash64(str_of(f->version), hash64(str_of(f->package), 1)))); }

static void put_ref(struct jsonw *w, const char *key, const struct scan_finding *f)
{
	char ref[32];
	snprintf(ref, sizeof ref, "package-%016llx", (unsigned long long)ref_of(f));
	jsonw_kz(w, key, ref);
}

static void vulnerability(struct jsonw *w, const struct scan_finding *v, const u32 *order, u32 n)
{
	const struct scan_finding *f = &v[order[0]];
	jsonw_obj(w);
	jsonw_kz(w, "bom-ref", f->id);
	jsonw_kz(w, "id", f->id);
	if (*f->url) {
		jsonw_key(w, "source");
		jsonw_obj(w);
		jsonw_kz(w, "url", f->url);
		jsonw_end(w);
	}
	rating(w, f);
	if (*f->title)
		jsonw_kz(w, "description", f->title);
	if (*f->remedy)
		jsonw_kz(w, "recommendation", f->remedy);
	analysis(w, f);
	jsonw_key(w, "affects");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		bool there = false;
		for (u32 j = i; j-- > 0 && i - j < 64 && !there;)
			there = ref_of(&v[order[j]]) == ref_of(&v[order[i]]);
		if (there)
			continue;
		jsonw_obj(w);
		put_ref(w, "ref", &v[order[i]]);
		jsonw_key(w, "versions");
		jsonw_arr(w);
		jsonw_obj(w);
		jsonw_kz(w, "version", v[order[i]].version);
		jsonw_kz(w, "status", "affected");
		jsonw_end(w);
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static int by_what(const void *a, const void *b)
{
	const struct scan_finding *x = *(const struct scan_finding *const *)a, *y = *(const struct scan_finding *const *)b;
	int c = strcmp(x->purl, y->purl);
	c = c ? c : strcmp(x->package, y->package);
	c = c ? c : strcmp(x->version, y->version);
	return c ? c : strcmp(x->path, y->path);
}

static void components(struct jsonw *w, const struct scan *scan, const u32 *order, u32 n)
{
	autofree const struct scan_finding **v = xcalloc(n + 1, sizeof *v);
	for (u32 i = 0; i < n; i++)
		v[i] = &scan->v[order[i]];
	if (n)
		qsort(v, n, sizeof *v, by_what);
	jsonw_key(w, "components");
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		if (i && by_what(&v[i - 1], &v[i]) == 0)
			continue;
		jsonw_obj(w);
		jsonw_kz(w, "type", "library");
		put_ref(w, "bom-ref", v[i]);
		jsonw_kz(w, "name", v[i]->package);
		jsonw_kz(w, "version", v[i]->version);
		if (*v[i]->purl)
			jsonw_kz(w, "purl", v[i]->purl);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	struct jsonw w;
	autofree u32 *order = xcalloc(scan->n + 1, sizeof *order);
	u32 n = 0;
	for (u32 i = 0; i < scan->n; i++)
		if (scan->v[i].kind == KIND_VULNERABILITY && (opt->show_suppressed || !*scan->v[i].suppressed))
			order[n++] = i;
	if (n)
		qsort_r(order, n, sizeof *order, by_id, scan->v);
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	jsonw_kz(&w, "bomFormat", "CycloneDX");
	jsonw_kz(&w, "specVersion", "1.6");
	jsonw_ku(&w, "version", 1);
	jsonw_key(&w, "metadata");
	jsonw_obj(&w);
	jsonw_key(&w, "tools");
	jsonw_obj(&w);
	jsonw_key(&w, "components");
	jsonw_arr(&w);
	jsonw_obj(&w);
	jsonw_kz(&w, "type", "application");
	jsonw_kz(&w, "name", "pare");
	jsonw_kz(&w, "version", PARE_VERSION);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "component");
	jsonw_obj(&w);
	jsonw_kz(&w, "type", "container");
	jsonw_kz(&w, "bom-ref", "image");
	jsonw_kz(&w, "name", scan_title(s));
	jsonw_end(&w);
	jsonw_end(&w);
	components(&w, scan, order, n);
	jsonw_key(&w, "vulnerabilities");
	jsonw_arr(&w);
	for (u32 i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && strcmp(scan->v[order[i]].id, scan->v[order[j]].id) == 0; j++)
			;
		vulnerability(&w, scan->v, order + i, j - i);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}
const struct scan_writer scan_writer_cyclonedx = { "cyclonedx", write };
