/* `pare scan --format json`: docs/schema/scan.schema.json. */
#include "base/jsonw.h"
#include "report/scan_show.h"

static void text_or_null(struct jsonw *w, const char *key, const char *z) { jsonw_kz(w, key, *z ? z : NULL); }

static void words(struct jsonw *w, const char *key, const char *list)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (struct str rest = str_of(list); rest.n;)
		jsonw_str(w, str_cut(&rest, ' '));
	jsonw_end(w);
}

static void number_or_null(struct jsonw *w, const char *key, double v, bool known)
{
	jsonw_key(w, key);
	if (known)
		jsonw_double(w, v);
	else
		jsonw_null(w);
}

static void problems(struct jsonw *w, const char *key, const struct problems *p)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < p->n; i++)
		jsonw_str(w, str_of(p->v[i]));
	if (p->more) {
		char more[64];
		snprintf(more, sizeof more, "and %u more", p->more);
		jsonw_str(w, str_of(more));
	}
	jsonw_end(w);
}

static void finding(struct jsonw *w, const struct scan_finding *f)
{
	jsonw_obj(w);
	jsonw_kz(w, "kind", finding_kind_text[f->kind]);
	jsonw_kz(w, "id", f->id);
	words(w, "aliases", f->aliases);
	words(w, "advisories", f->advisories);
	jsonw_kz(w, "severity", scan_severity(f));
	text_or_null(w, "vendor_severity", f->vendor_severity);
	text_or_null(w, "package", f->package);
	text_or_null(w, "version", f->version);
	text_or_null(w, "fixed_version", f->fixed_version);
	jsonw_kz(w, "state", *f->state ? f->state : "affected");
	text_or_null(w, "reason", f->reason);
	text_or_null(w, "purl", f->purl);
	text_or_null(w, "path", f->path);
	jsonw_key(w, "line");
	if (f->line)
		jsonw_u64(w, f->line);
	else
		jsonw_null(w);
	jsonw_key(w, "layer");
	if (f->layer >= 0)
		jsonw_s64(w, f->layer);
	else
		jsonw_null(w);
	jsonw_kz(w, "presence", presence_text[f->presence]);
	jsonw_key(w, "reachable");
	if (f->reachable == REACHABLE_UNKNOWN)
		jsonw_null(w);
	else
		jsonw_bool(w, f->reachable == REACHABLE_YES);
	text_or_null(w, "title", f->title);
	number_or_null(w, "cvss", f->cvss, f->cvss > 0 || *f->cvss_vector);
	text_or_null(w, "cvss_vector", f->cvss_vector);
	number_or_null(w, "epss", f->epss, f->epss >= 0);
	number_or_null(w, "epss_percentile", f->epss_percentile, f->epss_percentile >= 0);
	text_or_null(w, "kev", f->kev);
	jsonw_kb(w, "ransomware", f->ransomware);
	text_or_null(w, "match", f->match);
	text_or_null(w, "remedy", f->remedy);
	text_or_null(w, "url", f->url);
	text_or_null(w, "suppressed", f->suppressed);
	jsonw_kb(w, "known", f->known);
	jsonw_ku(w, "count", f->count);
	number_or_null(w, "risk", (double)(s64)(f->risk * 100 + 0.5) / 100, true);
	jsonw_end(w);
}

static void counts(struct jsonw *w, const struct scan *scan)
{
	u32 n[SEVERITIES], kind[4] = { 0 }, suppressed = 0;
	scan_count(scan, n);
	jsonw_key(w, "counts");
	jsonw_obj(w);
	for (int i = SEVERITIES - 1; i >= 0; i--)
		jsonw_ku(w, severity_text[i], n[i]);
	for (u32 i = 0; i < scan->n; i++) {
		if (*scan->v[i].suppressed)
			suppressed++;
		else
			kind[scan->v[i].kind]++;
	}
	for (int i = 0; i < 4; i++)
		jsonw_ku(w, finding_kind_text[i], kind[i]);
	jsonw_ku(w, "suppressed", suppressed);
	jsonw_end(w);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	struct jsonw w;
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_key(&w, "image");
	jsonw_obj(&w);
	jsonw_kz(&w, "reference", scan_title(s));
	if (s->image && s->image->digest.alg) {
		char text[DIGEST_TEXT];
		jsonw_kz(&w, "digest", digest_text(&s->image->digest, text));
	} else {
		jsonw_kz(&w, "digest", NULL);
	}
	jsonw_end(&w);
	jsonw_key(&w, "os");
	jsonw_obj(&w);
	text_or_null(&w, "id", scan->os.id);
	text_or_null(&w, "version", scan->os.version);
	text_or_null(&w, "pretty", scan->os.pretty);
	text_or_null(&w, "eol", scan->os.eol);
	jsonw_kb(&w, "is_eol", scan->os.is_eol);
	jsonw_end(&w);
	jsonw_key(&w, "coverage");
	jsonw_obj(&w);
	jsonw_ku(&w, "executable_bytes", scan->coverage.executable_bytes);
	jsonw_ku(&w, "identified_bytes", scan->coverage.identified_bytes);
	jsonw_key(&w, "unidentified");
	jsonw_arr(&w);
	for (u32 i = 0; i < scan->coverage.n_unidentified; i++)
		jsonw_str(&w, str_of(scan->coverage.unidentified[i]));
	jsonw_end(&w);
	problems(&w, "notes", &scan->notes);
	problems(&w, "incomplete", &scan->problems);
	jsonw_end(&w);
	counts(&w, scan);
	jsonw_key(&w, "licenses");
	jsonw_arr(&w);
	for (u32 i = 0; i < scan->n_licenses; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "category", scan->licenses[i].category);
		jsonw_ku(&w, "packages", scan->licenses[i].packages);
		jsonw_kz(&w, "names", scan->licenses[i].names);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "findings");
	jsonw_arr(&w);
	for (u32 i = 0; i < scan->n; i++)
		if (opt->show_suppressed || !*scan->v[i].suppressed)
			finding(&w, &scan->v[i]);
	jsonw_end(&w);
	jsonw_end(&w);
}
const struct scan_writer scan_writer_json = { "json", write };
