/* `pare scan --format html`: one file that loads nothing and runs nothing; every text of the image is escaped, and the page's own policy permits its style alone. */
#include "base/text.h"
#include "report/scan_show.h"

static const char style[] =
	"body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:110rem;padding:0 1rem;color:#1b1f24;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}th{position:sticky;top:0;background:#f6f8fa}"
	"td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-family:ui-monospace,monospace;font-size:.92em}.s{display:inline-block;min-width:4.6em;padding:0 .45em;border-radius:.3em;color:#fff;text-align:center}"
	".critical{background:#8b0a1a}.high{background:#c9341c}.medium{background:#9a6700}.low{background:#3a6ea5}.info,.unknown{background:#6e7781}.muted{color:#57606a}.big span{margin-right:.8em}"
	"@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th{background:#161b22}th,td{border-color:#30363d}.muted{color:#8b949e}a{color:#79b8ff}}";

static void put(FILE *f, const char *z)
{
	struct buf out = BUF(0);
	text_xml(&out, str_of(z), false);
	fputs(buf_str(&out).p, f);
	buf_free(&out);
}

static void put_attribute(FILE *f, const char *z)
{
	struct buf out = BUF(0);
	text_xml(&out, str_of(z), true);
	fputs(buf_str(&out).p, f);
	buf_free(&out);
}

static void head(FILE *f, const struct subject *s, const struct scan *scan)
{
	u32 n[SEVERITIES];
	bool any = false;
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>", f);
	put(f, scan_title(s));
	fprintf(f, "</title><style>%s</style></head><body>\n<h1>", style);
	put(f, scan_title(s));
	fputs("</h1>\n<p>", f);
	put(f, *scan->os.id ? scan_system(scan, (char[128]){ 0 }) : "no known system");
	if (*scan->os.eol)
		fprintf(f, scan->os.is_eol ? ", <strong>no updates since %s</strong>" : ", supported until %s", scan->os.eol);
	fprintf(f, "; %u packages</p>\n<p class=\"big\">", s->packages->n);
	scan_count(scan, n);
	for (int i = SEVERITIES - 1; i >= 0; i--)
		if (n[i]) {
			fprintf(f, "<span><span class=\"s %s\">%s</span> %u</span>", severity_text[i], severity_text[i], n[i]);
			any = true;
		}
	fputs(any ? "</p>\n" : "Nothing found.</p>\n", f);
}

static void actions(FILE *f, const struct subject *s, const struct scan *scan)
{
	struct arena a = { 0 };
	struct scan_action *v;
	u32 n = scan_actions(s, scan, &a, &v);
	if (n)
		fputs("<h2>What to do first</h2>\n<ol>\n", f);
	for (u32 i = 0; i < n && i < 12; i++) {
		fputs("<li><code>", f);
		put(f, v[i].text);
		fprintf(f, "</code> <span class=\"muted\">%u finding%s%s</span></li>\n", v[i].count, v[i].count == 1 ? "" : "s", v[i].kev ? ", exploited" : "");
	}
	if (n)
		fputs("</ol>\n", f);
	free(v);
	arena_free(&a);
}

static void row(FILE *f, const struct scan_finding *x)
{
	char where[512];
	fprintf(f, "<tr><td><code>");
	put(f, scan_where(x, where));
	fprintf(f, "</code>%s</td><td><span class=\"s %s\">%s</span></td><td>", x->presence == PRESENCE_LIVE ? "" : x->presence == PRESENCE_SHADOWED ? " <span class=\"muted\">shadowed</span>" : " <span class=\"muted\">deleted</span>",
		scan_severity(x), scan_severity(x));
	if (str_starts(str_of(x->url), STR("https://"))) {
		fputs("<a rel=\"noreferrer\" href=\"", f);
		put_attribute(f, x->url);
		fputs("\">", f);
		put(f, x->id);
		fputs("</a>", f);
	} else {
		put(f, x->id);
	}
	fprintf(f, "%s</td><td class=\"n\">", *x->kev ? " <strong>exploited</strong>" : "");
	if (x->cvss > 0)
		fprintf(f, "%.1f", x->cvss);
	fputs("</td><td class=\"n\">", f);
	if (x->epss >= 0)
		fprintf(f, "%.1f&nbsp;%%", x->epss * 100);
	fputs("</td><td>", f);
	put(f, *x->fixed_version ? x->fixed_version : x->kind == KIND_VULNERABILITY ? x->state : "");
	fputs("</td><td>", f);
	put(f, *x->suppressed ? x->suppressed : x->title);
	if (*x->remedy) {
		fputs("<br><span class=\"muted\">", f);
		put(f, x->remedy);
		fputs("</span>", f);
	}
	fputs("</td></tr>\n", f);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	u32 *order, n = scan_order(scan, opt->show_suppressed, &order);
	head(f, s, scan);
	actions(f, s, scan);
	if (n)
		fputs("<h2>Findings</h2>\n<table><thead><tr><th>Where</th><th>Severity</th><th>Finding</th><th>CVSS</th><th>EPSS</th><th>Fixed in</th><th>What</th></tr></thead><tbody>\n", f);
	for (u32 i = 0; i < n; i++)
		row(f, &scan->v[order[i]]);
	if (n)
		fputs("</tbody></table>\n", f);
	for (u32 k = 0; k < 2; k++) {
		const struct problems *p = k ? &scan->notes : &scan->problems;
		for (u32 i = 0; i < p->n; i++) {
			fputs(i ? "<li>" : k ? "<h2>Not judged</h2><ul><li>" : "<h2>Could not be read</h2><ul><li>", f);
			put(f, p->v[i]);
			fputs(i + 1 == p->n ? "</li></ul>\n" : "</li>\n", f);
		}
	}
	fputs("</body></html>\n", f);
	free(order);
}
const struct scan_writer scan_writer_html = { "html", write };
