/* `pare scan --format markdown`: for a job's summary or a comment. */
#include "base/text.h"
#include "report/scan_show.h"

#define ROWS 500 /* a comment holds no more */

static void put(FILE *f, const char *z)
{
	struct buf text = BUF(0);
	text_markdown(&text, str_of(z));
	fputs(buf_str(&text).p, f);
	buf_free(&text);
}

static void summary(FILE *f, const struct scan *scan)
{
	u32 n[SEVERITIES];
	bool some = false;
	scan_count(scan, n);
	for (int i = SEVERITIES - 1; i >= 0; i--)
		if (n[i]) {
			fprintf(f, "%s**%u** %s", some ? ", " : "", n[i], severity_text[i]);
			some = true;
		}
	fputs(some ? "\n" : "Nothing found.\n", f);
	if (*scan->os.id) {
		fputs("\n", f);
		put(f, scan_system(scan, (char[128]){ 0 }));
		if (*scan->os.eol)
			fprintf(f, scan->os.is_eol ? ", **no updates since %s**" : ", supported until %s", scan->os.eol);
		fputs("\n", f);
	}
}

static void actions(FILE *f, const struct subject *s, const struct scan *scan)
{
	struct arena a = { 0 };
	struct scan_action *v;
	u32 n = scan_actions(s, scan, &a, &v);
	if (n)
		fputs("\n### What to do first\n\n", f);
	for (u32 i = 0; i < n && i < 6; i++) {
		fprintf(f, "%u. ", i + 1);
		put(f, v[i].text);
		fprintf(f, " (%u finding%s)\n", v[i].count, v[i].count == 1 ? "" : "s");
	}
	free(v);
	arena_free(&a);
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	u32 *order, n = scan_order(scan, opt->show_suppressed, &order);
	char where[512], score[16];
	fputs("## ", f);
	put(f, scan_title(s));
	fputs("\n\n", f);
	summary(f, scan);
	actions(f, s, scan);
	for (u32 i = 0; i < n && i < ROWS; i++) {
		const struct scan_finding *x = &scan->v[order[i]];
		if (i == 0)
			fputs("\n### Findings\n\n| Where | Severity | Finding | CVSS | Fixed in | What |\n|---|---|---|---:|---|---|\n", f);
		score[0] = '\0';
		if (x->cvss > 0)
			snprintf(score, sizeof score, "%.1f", x->cvss);
		fputs("| ", f);
		put(f, scan_where(x, where));
		fprintf(f, " | %s | ", scan_severity(x));
		put(f, x->id);
		fprintf(f, "%s | %s | ", *x->kev ? " (exploited)" : "", score);
		put(f, *x->fixed_version ? x->fixed_version : x->kind == KIND_VULNERABILITY ? x->state : "");
		fputs(" | ", f);
		put(f, x->title);
		fputs(" |\n", f);
	}
	if (n > ROWS)
		fprintf(f, "\nand %u more\n", n - ROWS);
	for (u32 k = 0; k < 2; k++)
		for (u32 i = 0; i < (k ? scan->notes.n : scan->problems.n); i++) {
			fputs(i ? "* " : k ? "\n### Not judged\n\n* " : "\n### Could not be read\n\n* ", f);
			put(f, (k ? scan->notes.v : scan->problems.v)[i]);
			fputs("\n", f);
		}
	free(order);
}
const struct scan_writer scan_writer_markdown = { "markdown", write };
