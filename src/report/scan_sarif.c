/* `pare scan --format sarif`: SARIF 2.1.0. A rule a vulnerability or kind of fault, a result a finding. What has no file of its own in the image is placed at its package database. */
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/scan_show.h"

static void text_object(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_kz(w, "text", *text ? text : "-");
	jsonw_end(w);
}

static const char *level(const struct scan_finding *f) { return f->severity >= SEV_HIGH ? "error" : f->severity == SEV_MEDIUM ? "warning" : "note"; }

static int by_id(const void *a, const void *b, void *ctx)
{
	const struct scan_finding *v = ctx;
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int c = strcmp(v[x].id, v[y].id);
	return c ? c : (x > y) - (x < y);
}

/* Rules are numbered by their names' order; rule[i] is that of finding i. */
static u32 number_rules(const struct scan *scan, u32 *rule, u32 *first)
{
	u32 n = 0;
	autofree u32 *order = xcalloc(scan->n + 1, sizeof *order);
	for (u32 i = 0; i < scan->n; i++)
		order[i] = i;
	if (scan->n)
		qsort_r(order, scan->n, sizeof *order, by_id, scan->v);
	for (u32 i = 0; i < scan->n; i++) {
		if (i == 0 || strcmp(scan->v[order[i - 1]].id, scan->v[order[i]].id))
			first[n++] = order[i];
		rule[order[i]] = n - 1;
	}
	return n;
}

static void write_rule(struct jsonw *w, const struct scan_finding *f)
{
	char score[16];
	static const double middle[] = { 0.0, 2.5, 5.5, 8.0, 9.5 };
	jsonw_obj(w);
	jsonw_kz(w, "id", f->id);
	jsonw_kz(w, "name", finding_kind_text[f->kind]);
	text_object(w, "shortDescription", *f->title ? f->title : f->id);
	text_object(w, "fullDescription", f->kind == KIND_CONFIG && *f->reason ? f->reason : *f->title ? f->title : f->id);
	if (*f->url)
		jsonw_kz(w, "helpUri", f->url);
	text_object(w, "help", *f->remedy ? f->remedy : *f->title ? f->title : f->id);
	jsonw_key(w, "defaultConfiguration");
	jsonw_obj(w);
	jsonw_kz(w, "level", level(f));
	jsonw_end(w);
	jsonw_key(w, "properties");
	jsonw_obj(w);
	snprintf(score, sizeof score, "%.1f", f->cvss > 0 ? f->cvss : middle[f->severity]);
	jsonw_kz(w, "security-severity", score);
	jsonw_kz(w, "precision", "very-high");
	jsonw_key(w, "tags");
	jsonw_arr(w);
	jsonw_str(w, STR("security"));
	jsonw_str(w, str_of(finding_kind_text[f->kind]));
	jsonw_str(w, str_of(scan_severity(f)));
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void uri_of(const char *path, struct buf *out)
{
	for (const char *p = path + (path[0] == '/'); *p; p++) {
		u8 c = (u8)*p;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/@+,=", c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void location(struct jsonw *w, const struct scan_finding *f)
{
	struct buf uri = BUF(0);
	uri_of(*f->path ? f->path : *f->package ? f->package : "image", &uri);
	jsonw_key(w, "locations");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_key(w, "physicalLocation");
	jsonw_obj(w);
	jsonw_key(w, "artifactLocation");
	jsonw_obj(w);
	jsonw_ks(w, "uri", buf_str(&uri));
	jsonw_kz(w, "uriBaseId", "IMAGE");
	jsonw_end(w);
	jsonw_key(w, "region");
	jsonw_obj(w);
	jsonw_ku(w, "startLine", f->line ? f->line : 1);
	jsonw_end(w);
	jsonw_end(w);
	if (*f->purl) {
		jsonw_key(w, "logicalLocations");
		jsonw_arr(w);
		jsonw_obj(w);
		jsonw_kz(w, "name", f->package);
		jsonw_kz(w, "fullyQualifiedName", f->purl);
		jsonw_kz(w, "kind", "package");
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
	buf_free(&uri);
}

static void message(struct jsonw *w, const struct scan_finding *f)
{
	char where[512];
	struct buf text = BUF(0);
	buf_puts(&text, *f->title ? f->title : f->id);
	buf_printf(&text, "\n%s", scan_where(f, where));
	if (*f->fixed_version)
		buf_printf(&text, "\nFixed in %s", f->fixed_version);
	else if (f->kind == KIND_VULNERABILITY)
		buf_printf(&text, "\nState: %s", f->state);
	if (*f->remedy)
		buf_printf(&text, "\n%s", f->remedy);
	text_object(w, "message", buf_str(&text).p);
	buf_free(&text);
}

static void result(struct jsonw *w, const struct scan_finding *f, u32 rule)
{
	char print[24];
	u64 hash = hash64(str_of(f->path), hash64(str_of(f->package), hash64(str_of(f->id), 0))); /* not the version: the same finding after another upgrade that did not help */
	jsonw_obj(w);
	jsonw_kz(w, "ruleId", f->id);
	jsonw_ku(w, "ruleIndex", rule);
	jsonw_kz(w, "level", level(f));
	message(w, f);
	location(w, f);
	snprintf(print, sizeof print, "%016llx", (unsigned long long)hash);
	jsonw_key(w, "partialFingerprints");
	jsonw_obj(w);
	jsonw_kz(w, "pareFinding/v1", print);
	jsonw_end(w);
	if (*f->suppressed) {
		jsonw_key(w, "suppressions");
		jsonw_arr(w);
		jsonw_obj(w);
		jsonw_kz(w, "kind", "external");
		jsonw_kz(w, "justification", f->suppressed);
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	struct jsonw w;
	autofree u32 *rule = xcalloc(scan->n + 1, sizeof *rule), *first = xcalloc(scan->n + 1, sizeof *first);
	u32 n = number_rules(scan, rule, first);
	(void)opt;
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_kz(&w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	jsonw_kz(&w, "version", "2.1.0");
	jsonw_key(&w, "runs");
	jsonw_arr(&w);
	jsonw_obj(&w);
	jsonw_key(&w, "tool");
	jsonw_obj(&w);
	jsonw_key(&w, "driver");
	jsonw_obj(&w);
	jsonw_kz(&w, "name", "pare");
	jsonw_kz(&w, "fullName", "pare scan");
	jsonw_kz(&w, "version", PARE_VERSION);
	jsonw_kz(&w, "semanticVersion", PARE_VERSION);
	jsonw_key(&w, "rules");
	jsonw_arr(&w);
	for (u32 i = 0; i < n; i++)
		write_rule(&w, &scan->v[first[i]]);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "originalUriBaseIds");
	jsonw_obj(&w);
	jsonw_key(&w, "IMAGE");
	jsonw_obj(&w);
	text_object(&w, "description", scan_title(s));
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "invocations");
	jsonw_arr(&w);
	jsonw_obj(&w);
	jsonw_kb(&w, "executionSuccessful", scan->problems.n == 0);
	jsonw_key(&w, "toolExecutionNotifications");
	jsonw_arr(&w);
	for (u32 k = 0; k < 2; k++)
		for (u32 i = 0; i < (k ? scan->notes.n : scan->problems.n); i++) {
			jsonw_obj(&w);
			jsonw_kz(&w, "level", k ? "note" : "error");
			text_object(&w, "message", (k ? scan->notes.v : scan->problems.v)[i]);
			jsonw_end(&w);
		}
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key(&w, "results");
	jsonw_arr(&w);
	for (u32 i = 0; i < scan->n; i++)
		result(&w, &scan->v[i], rule[i]);
	for (int i = 0; i < 4; i++)
		jsonw_end(&w);
}
const struct scan_writer scan_writer_sarif = { "sarif", write };
