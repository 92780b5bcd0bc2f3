/* `pare scan --format junit`: a test suite a package (or file), a failed case a finding; what nothing was found in is one case that passed. */
#include "base/text.h"
#include "report/scan_show.h"

static void attribute(FILE *f, const char *name, const char *value)
{
	struct buf out = BUF(0);
	text_xml(&out, str_of(value), true);
	fprintf(f, " %s=\"%s\"", name, buf_str(&out).p);
	buf_free(&out);
}

static void text(FILE *f, const char *before, const char *value)
{
	struct buf out = BUF(0);
	text_xml(&out, str_of(value), false);
	if (out.n)
		fprintf(f, "%s%s\n", before, out.p);
	buf_free(&out);
}

static void finding(FILE *f, const struct scan_finding *x)
{
	char where[512];
	fputs("    <testcase", f);
	attribute(f, "classname", scan_where(x, where));
	attribute(f, "name", x->id);
	fputs(">\n      <failure", f);
	attribute(f, "type", scan_severity(x));
	attribute(f, "message", *x->title ? x->title : x->id);
	fputs(">\n", f);
	text(f, "", *x->match ? x->match : x->path);
	text(f, "fixed in ", x->fixed_version);
	text(f, "", x->remedy);
	text(f, "", x->url);
	fputs("      </failure>\n    </testcase>\n", f);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	u32 *order, n = scan_order(scan, opt->show_suppressed, &order);
	char where[512];
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", f);
	attribute(f, "name", scan_title(s));
	fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"%u\">\n", MAX(n, 1u) + scan->problems.n, n, scan->problems.n);
	for (u32 i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && scan_same_group(&scan->v[order[i]], &scan->v[order[j]]); j++)
			;
		fputs("  <testsuite", f);
		attribute(f, "name", scan_where(&scan->v[order[i]], where));
		fprintf(f, " tests=\"%u\" failures=\"%u\">\n", j - i, j - i);
		for (u32 k = i; k < j; k++)
			finding(f, &scan->v[order[k]]);
		fputs("  </testsuite>\n", f);
	}
	if (!n || scan->problems.n) {
		fprintf(f, "  <testsuite name=\"pare scan\" tests=\"%u\" errors=\"%u\">\n", (n ? 0 : 1) + scan->problems.n, scan->problems.n);
		if (!n)
			fputs("    <testcase classname=\"pare scan\" name=\"nothing found\"/>\n", f);
		for (u32 i = 0; i < scan->problems.n; i++) {
			fputs("    <testcase classname=\"pare scan\" name=\"incomplete\">\n      <error", f);
			attribute(f, "message", scan->problems.v[i]);
			fputs("/>\n    </testcase>\n", f);
		}
		fputs("  </testsuite>\n", f);
	}
	fputs("</testsuites>\n", f);
	free(order);
}
const struct scan_writer scan_writer_junit = { "junit", write };
