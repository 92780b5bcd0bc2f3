#include "advisory/severity.h"
#include "advisory/cvss.h"

bool severity_of_word(struct str word, enum severity *ret)
{
	static const struct {
		const char *word;
		enum severity severity;
	} words[] = {
		{ "critical", SEV_CRITICAL }, { "important", SEV_HIGH }, { "high", SEV_HIGH }, { "urgent", SEV_CRITICAL }, { "moderate", SEV_MEDIUM }, { "medium", SEV_MEDIUM }, { "low", SEV_LOW }, { "minor", SEV_LOW },
		{ "negligible", SEV_INFO }, { "unimportant", SEV_INFO }, { "none", SEV_INFO }, { "informational", SEV_INFO },
	};
	word = str_trim(word);
	while (word.n && strchr("*!", word.p[word.n - 1])) /* the tracker's "low**": set by a script, not by a person */
		word.n--;
	for (size_t i = 0; i < countof(words); i++)
		if (str_ieq(word, str_of(words[i].word))) {
			*ret = words[i].severity;
			return true;
		}
	return false;
}

enum severity severity_of_score(double cvss) { return cvss >= 9 ? SEV_CRITICAL : cvss >= 7 ? SEV_HIGH : cvss >= 4 ? SEV_MEDIUM : cvss > 0 ? SEV_LOW : SEV_INFO; }

/* Version 3.1 is what most are rated in and what scales are made for; then 3.0, 4.0, 2; of several the first named by who rates them all (NVD). */
static u32 preference(const struct db_cvss *c)
{
	u32 version = str_starts(c->version, STR("3.1")) ? 4 : str_starts(c->version, STR("3")) ? 3 : str_starts(c->version, STR("4")) ? 2 : 1;
	return version * 2 + str_is(c->source, "nvd");
}

static const struct db_cvss *best_cvss(const struct db_vuln *v, double *score)
{
	const struct db_cvss *best = NULL;
	for (u32 i = 0; i < v->n_cvss; i++) {
		double s = v->cvss[i].score;
		if (s <= 0 && cvss_score(v->cvss[i].vector, &s) < 0)
			continue;
		if (best && preference(&v->cvss[i]) <= preference(best))
			continue;
		best = &v->cvss[i];
		*score = s;
	}
	return best;
}

/* The title, else the description's first sentence, in one line. */
static const char *title_of(struct arena *a, const struct db_vuln *v)
{
	struct str s = str_trim(v->title.n ? v->title : v->description);
	size_t n = 0;
	while (n < s.n && n < 200 && s.p[n] != '\n' && !(s.p[n] == '.' && n + 1 < s.n && s.p[n + 1] == ' ' && n > 30))
		n++;
	bool cut = n == 200 && n < s.n;
	while (cut && n > 150 && s.p[n] != ' ')
		n--;
	while (n && ((u8)s.p[n - 1] & 0xC0) == 0x80 && n < s.n && ((u8)s.p[n] & 0xC0) == 0x80)
		n--; /* not in the middle of a character */
	return arena_printf(a, "%.*s%s", STR_FMT(str_head(s, n)), cut ? " …" : "");
}

static const char *url_of(struct arena *a, const char *id)
{
	static const char *const places[][2] = { { "CVE-", "https://nvd.nist.gov/vuln/detail/" }, { "GHSA-", "https://github.com/advisories/" }, { "GO-", "https://pkg.go.dev/vuln/" },
		{ "DSA-", "https://security-tracker.debian.org/tracker/" }, { "DLA-", "https://security-tracker.debian.org/tracker/" }, { "TEMP-", "https://security-tracker.debian.org/tracker/" },
		{ "RHSA-", "https://access.redhat.com/errata/" }, { "RUSTSEC-", "https://rustsec.org/advisories/" }, { "USN-", "https://ubuntu.com/security/notices/" } };
	for (size_t i = 0; i < countof(places); i++)
		if (str_starts(str_of(id), str_of(places[i][0])))
			return arena_printf(a, "%s%s%s", places[i][1], id, places[i][0][0] == 'R' && places[i][0][1] == 'U' ? ".html" : "");
	return arena_printf(a, "https://osv.dev/vulnerability/%s", id);
}

struct known {
	const char *title, *url, *vector, *kev, *aliases;
	double cvss, epss, percentile;
	struct str severity;
	bool ransomware;
};

static const char *aliases_of(struct arena *a, const struct db_vuln *v, const char *id, const char *have)
{
	struct buf out = BUF(2000);
	buf_puts(&out, have);
	for (u32 i = 0; i < v->n_aliases; i++) {
		bool there = str_is(v->aliases[i], id);
		for (struct str rest = buf_str(&out); rest.n && !there;)
			there = str_eq(str_cut(&rest, ' '), v->aliases[i]);
		if (!there)
			buf_printf(&out, "%s%.*s", out.n ? " " : "", STR_FMT(v->aliases[i]));
	}
	const char *z = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return z;
}

static void look_up(struct scan *s, const struct db *d, struct arena *tmp, const struct scan_finding *f, struct known *k)
{
	struct db_vuln v;
	struct db_kev kev;
	struct db_epss epss;
	struct str id = str_of(f->id);
	*k = (struct known){ .title = "", .vector = "", .kev = "", .aliases = f->aliases, .epss = -1, .percentile = -1, .url = url_of(&s->arena, f->id) };
	if (db_vuln(d, tmp, id, &v)) {
		const struct db_cvss *c = best_cvss(&v, &k->cvss);
		k->title = title_of(&s->arena, &v);
		k->severity = v.severity;
		k->aliases = aliases_of(&s->arena, &v, f->id, f->aliases);
		if (c)
			k->vector = arena_strdup(&s->arena, c->vector);
	}
	if (db_kev(d, id, &kev)) {
		k->kev = kev.date_added.n ? arena_strdup(&s->arena, kev.date_added) : "yes";
		k->ransomware = kev.ransomware;
	}
	if (db_epss(d, id, &epss)) {
		k->epss = epss.score;
		k->percentile = epss.percentile;
	}
}

static void apply(struct scan_finding *f, const struct known *k)
{
	if (!*f->title)
		f->title = k->title;
	f->url = k->url;
	if (k->cvss > 0) {
		f->cvss = k->cvss;
		f->cvss_vector = k->vector;
	}
	f->aliases = k->aliases;
	f->kev = k->kev;
	f->ransomware = k->ransomware;
	f->epss = k->epss;
	f->epss_percentile = k->percentile;
	if (severity_of_word(str_of(f->vendor_severity), &f->severity) || severity_of_word(k->severity, &f->severity))
		return;
	f->unrated = !*f->cvss_vector && f->cvss <= 0;
	f->severity = f->unrated ? SEV_MEDIUM : severity_of_score(f->cvss);
}

static int by_id(const void *a, const void *b, void *ctx)
{
	const struct scan_finding *v = ctx;
	int c = strcmp(v[*(const u32 *)a].id, v[*(const u32 *)b].id);
	return c ? c : (*(const u32 *)a > *(const u32 *)b) - (*(const u32 *)a < *(const u32 *)b);
}

void severity_enrich(struct scan *s, const struct db *d)
{
	autofree u32 *order = xcalloc(s->n + 1, sizeof *order);
	struct arena tmp = { 0 };
	struct known k = { 0 };
	u32 n = 0;
	for (u32 i = 0; i < s->n; i++)
		if (s->v[i].kind == KIND_VULNERABILITY)
			order[n++] = i;
	if (n)
		qsort_r(order, n, sizeof *order, by_id, s->v);
	for (u32 i = 0; i < n; i++) {
		struct scan_finding *f = &s->v[order[i]];
		if (i == 0 || strcmp(s->v[order[i - 1]].id, f->id)) {
			arena_free(&tmp);
			look_up(s, d, &tmp, f, &k);
		}
		apply(f, &k);
	}
	arena_free(&tmp);
}
