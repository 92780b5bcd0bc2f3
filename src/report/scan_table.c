/* `pare scan` for people: what it is, how bad, what to do first, then every finding, those of one package beside each other, the worst package first. */
#include "base/text.h"
#include "report/scan_show.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"
#define SHOW_ACTIONS 6

struct table {
	FILE *f;
	const struct scan_options *opt;
	const struct scan *scan;
};
static const char *const severity_color[] = { DIM, "\033[36m", "\033[33m", "\033[31m", "\033[1;31m" };

static const char *paint(const struct table *t, const char *code) { return t->opt->color ? code : ""; }

static void put(const struct table *t, const char *z, size_t width, bool pad) { text_put(t->f, str_of(z), width, false, pad); }

static u32 of_state(const struct scan *scan, u32 *kev, u32 *fixable, u32 *unrated)
{
	u32 suppressed = 0;
	*kev = *fixable = *unrated = 0;
	for (u32 i = 0; i < scan->n; i++) {
		const struct scan_finding *f = &scan->v[i];
		if (*f->suppressed) {
			suppressed++;
			continue;
		}
		*kev += *f->kev != '\0';
		*fixable += f->kind == KIND_VULNERABILITY && *f->fixed_version;
		*unrated += f->unrated;
	}
	return suppressed;
}

static void head(const struct table *t, const struct subject *s)
{
	const struct scan *scan = t->scan;
	u32 n[SEVERITIES], kev, fixable, unrated, suppressed = of_state(scan, &kev, &fixable, &unrated);
	fputs(paint(t, BOLD), t->f);
	put(t, scan_title(s), 100, false);
	fputs(paint(t, PLAIN), t->f);
	if (*scan->os.id) {
		fputs("  ", t->f);
		put(t, scan_system(scan, (char[128]){ 0 }), 60, false);
		if (*scan->os.eol)
			fprintf(t->f, "  %s%s %s%s", scan->os.is_eol ? paint(t, "\033[31m") : "", scan->os.is_eol ? "no updates since" : "supported until", scan->os.eol, paint(t, scan->os.is_eol ? PLAIN : ""));
	}
	fprintf(t->f, "\n%s packages", TEXT_COUNT(s->packages->n));
	if (scan->coverage.executable_bytes)
		fprintf(t->f, "; of %s of programs and libraries %.0f %% are known", TEXT_SIZE(scan->coverage.executable_bytes),
			100 * (double)scan->coverage.identified_bytes / (double)scan->coverage.executable_bytes);
	putc('\n', t->f);
	scan_count(scan, n);
	u32 all = 0;
	for (int i = SEVERITIES - 1; i >= 0; i--) {
		u32 shown = n[i] - (i == SEV_MEDIUM ? unrated : 0);
		all += n[i];
		if (shown)
			fprintf(t->f, "%s%u %s%s   ", paint(t, severity_color[i]), shown, severity_text[i], paint(t, PLAIN));
	}
	if (unrated)
		fprintf(t->f, "%u unrated   ", unrated);
	if (!all)
		fputs("nothing found", t->f);
	if (kev)
		fprintf(t->f, "%s%u known to be exploited%s   ", paint(t, severity_color[SEV_CRITICAL]), kev, paint(t, PLAIN));
	if (fixable)
		fprintf(t->f, "%u with a fix   ", fixable);
	if (suppressed)
		fprintf(t->f, "%s%s%u suppressed%s", all ? "" : "   ", paint(t, DIM), suppressed, paint(t, PLAIN));
	putc('\n', t->f);
}

static void first(const struct table *t, const struct subject *s)
{
	struct arena a = { 0 };
	struct scan_action *v;
	u32 n = scan_actions(s, t->scan, &a, &v);
	if (n)
		fprintf(t->f, "\n%sWhat to do first%s\n", paint(t, BOLD), paint(t, PLAIN));
	for (u32 i = 0; i < n && i < SHOW_ACTIONS; i++) {
		fprintf(t->f, "%3u. ", i + 1);
		put(t, v[i].text, t->opt->width > 60 ? t->opt->width - 6 : 54, false);
		fprintf(t->f, "\n     %s%u finding%s:", paint(t, DIM), v[i].count, v[i].count == 1 ? "" : "s");
		bool some = false;
		for (int k = SEVERITIES - 1; k >= 0; k--)
			if (v[i].severity[k]) {
				fprintf(t->f, "%s %u %s", some ? "," : "", v[i].severity[k], severity_text[k]);
				some = true;
			}
		if (v[i].unrated)
			fprintf(t->f, "%s %u unrated", some ? "," : "", v[i].unrated);
		fprintf(t->f, "%s%s\n", v[i].kev ? "; exploited" : "", paint(t, PLAIN));
	}
	if (n > SHOW_ACTIONS)
		fprintf(t->f, "     and %u more\n", n - SHOW_ACTIONS);
	free(v);
	arena_free(&a);
}

struct widths {
	size_t id, package, version, fixed;
};

static void widen(size_t *w, const char *z, size_t max) { *w = MIN(MAX(*w, text_width(str_of(z))), max); }

static void vulnerability(const struct table *t, const struct scan_finding *f, const struct scan_finding *before, const struct widths *w, u32 places)
{
	bool same = before && scan_same_group(before, f);
	char score[16] = "", epss[16] = "";
	put(t, same ? "" : f->package, w->package, true);
	fputs("  ", t->f);
	put(t, same ? "" : f->version, w->version, true);
	fprintf(t->f, "  %s%-8s%s  ", paint(t, f->unrated ? DIM : severity_color[f->severity]), scan_severity(f), paint(t, PLAIN));
	put(t, f->id, w->id, true);
	fputs("  ", t->f);
	put(t, *f->fixed_version ? f->fixed_version : f->state, w->fixed, true);
	if (f->cvss > 0)
		snprintf(score, sizeof score, "%.1f", f->cvss);
	if (f->epss >= 0)
		snprintf(epss, sizeof epss, "%.1f%%", f->epss * 100);
	size_t used = w->id + w->package + w->version + w->fixed + 36;
	fprintf(t->f, "  %4s %6s %s%-3s%s  ", score, epss, paint(t, severity_color[SEV_CRITICAL]), *f->kev ? "KEV" : "", paint(t, PLAIN));
	fputs(f->presence == PRESENCE_LIVE ? "" : f->presence == PRESENCE_SHADOWED ? "[shadowed] " : "[deleted] ", t->f);
	fputs(f->presence == PRESENCE_LIVE && f->reachable == REACHABLE_NO ? "[not reached] " : "", t->f);
	if (places > 1)
		fprintf(t->f, "[%u places] ", places);
	put(t, *f->suppressed ? f->suppressed : f->title, t->opt->width > used + 12 ? t->opt->width - used : 12, false);
	putc('\n', t->f);
}

static void vulnerabilities(const struct table *t, const u32 *order, u32 n)
{
	struct widths w = { 13, 7, 9, 8 };
	const struct scan_finding *before = NULL;
	for (u32 i = 0; i < n; i++) {
		const struct scan_finding *f = &t->scan->v[order[i]];
		if (f->kind != KIND_VULNERABILITY)
			continue;
		widen(&w.id, f->id, 20);
		widen(&w.package, f->package, 28);
		widen(&w.version, f->version, 24);
		widen(&w.fixed, *f->fixed_version ? f->fixed_version : f->state, 24);
	}
	for (u32 i = 0; i < n; i++) {
		const struct scan_finding *f = &t->scan->v[order[i]];
		if (f->kind != KIND_VULNERABILITY)
			continue;
		if (!before)
			fprintf(t->f, "\n%s%-*s  %-*s  %-8s  %-*s  %-*s  CVSS   EPSS %-3s  TITLE%s\n", paint(t, BOLD), (int)w.package, "PACKAGE", (int)w.version, "INSTALLED", "SEVERITY", (int)w.id, "VULNERABILITY",
				(int)w.fixed, "FIXED IN", "", paint(t, PLAIN));
		u32 places = 1;
		while (i + 1 < n && scan_same_group(f, &t->scan->v[order[i + 1]]) && strcmp(f->id, t->scan->v[order[i + 1]].id) == 0) {
			places++;
			i++;
		}
		vulnerability(t, f, before, &w, places);
		before = f;
	}
}

static bool same_check(const struct scan_finding *a, const struct scan_finding *b)
{
	return a && a->kind == KIND_CONFIG && b->kind == KIND_CONFIG && b->layer >= 0 && *b->path == '/' && strcmp(a->id, b->id) == 0 && strcmp(a->title, b->title) == 0 && *a->suppressed == *b->suppressed;
}

static void others(const struct table *t, enum finding_kind kind, const char *title, const u32 *order, u32 n)
{
	bool any = false;
	char where[512];
	const struct scan_finding *before = NULL;
	const char *said = NULL;
	size_t rest = t->opt->width > 70 ? t->opt->width - 12 : 58;
	for (u32 i = 0; i < n; i++) {
		const struct scan_finding *f = &t->scan->v[order[i]];
		if (f->kind != kind)
			continue;
		if (!any)
			fprintf(t->f, "\n%s%s%s\n", paint(t, BOLD), title, paint(t, PLAIN));
		any = true;
		if (same_check(before, f)) { /* another place of the one above */
			scan_where(f, where);
			fputs("            ", t->f);
			put(t, where, rest, false);
			fprintf(t->f, "  layer %d\n", f->layer);
			continue;
		}
		before = before && strcmp(before->id, f->id) == 0 ? before : f;
		fprintf(t->f, "  %s%-8s%s  ", paint(t, severity_color[f->severity]), scan_severity(f), paint(t, PLAIN));
		put(t, *f->title ? f->title : f->id, rest, false);
		scan_where(f, where);
		if (*where || f->layer >= 0) {
			fputs("\n            ", t->f);
			put(t, where, rest, false);
			if (f->layer >= 0)
				fprintf(t->f, "%slayer %d", *where ? "  " : "", f->layer);
			fputs(f->presence == PRESENCE_LIVE ? "" : f->presence == PRESENCE_SHADOWED ? ", hidden by a later layer but still there" : ", deleted by a later layer but still there", t->f);
			if (*f->match && kind == KIND_SECRET) {
				fputs("  ", t->f);
				put(t, f->match, 60, false);
			}
		}
		if (*f->remedy && (!said || strcmp(said, f->remedy) != 0)) { /* once for all that one thing repairs */
			fprintf(t->f, "\n            %s", paint(t, DIM));
			said = f->remedy;
			put(t, f->remedy, rest, false);
			fputs(paint(t, PLAIN), t->f);
		}
		putc('\n', t->f);
	}
}

static void licenses(const struct table *t)
{
	for (u32 i = 0; t->opt->licenses && i < t->scan->n_licenses; i++) {
		const struct scan_license *l = &t->scan->licenses[i];
		if (!i)
			fprintf(t->f, "\n%sPackages by licence%s\n", paint(t, BOLD), paint(t, PLAIN));
		fprintf(t->f, "  %6s  %-17s ", TEXT_COUNT(l->packages), l->category);
		put(t, l->names, t->opt->width > 70 ? t->opt->width - 28 : 42, false);
		putc('\n', t->f);
	}
}

static void notes(const struct table *t)
{
	for (u32 i = 0; i < t->scan->notes.n; i++) {
		fputs(i ? "" : "\nNot judged\n", t->f);
		fputs("  ", t->f);
		put(t, t->scan->notes.v[i], t->opt->width > 40 ? t->opt->width - 2 : 38, false);
		putc('\n', t->f);
	}
}

/* Columns are padded; nobody wants the blanks behind the last one. */
static void put_trimmed(FILE *f, struct str text)
{
	while (text.n) {
		struct str line = str_cut(&text, '\n');
		while (line.n && line.p[line.n - 1] == ' ')
			line.n--;
		fwrite(line.p, 1, line.n, f);
		putc('\n', f);
	}
}

static void write(FILE *f, const struct subject *s, const struct scan *scan, const struct scan_options *opt)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return;
	struct table t = { memory, opt, scan };
	u32 *order, n = scan_order(scan, opt->show_suppressed, &order);
	head(&t, s);
	first(&t, s);
	vulnerabilities(&t, order, n);
	others(&t, KIND_SECRET, "Secrets", order, n);
	others(&t, KIND_CONFIG, "Configuration", order, n);
	others(&t, KIND_LICENSE, "Licences", order, n);
	licenses(&t);
	notes(&t);
	free(order);
	fclose(memory);
	put_trimmed(f, str_n(text, size));
	free(text);
}
const struct scan_writer scan_writer_table = { "table", write };
