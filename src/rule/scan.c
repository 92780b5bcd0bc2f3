#include "rule/scan.h"
#include "base/buf.h"

const char *const finding_kind_text[] = { "vulnerability", "secret", "config", "license" };
const char *const presence_text[] = { "live", "shadowed", "deleted" };
const char *const reachable_text[] = { "unknown", "yes", "no" };

struct scan_finding *scan_add(struct scan *s, enum finding_kind kind, const char *id, enum severity sev)
{
	struct scan_finding f = { .kind = kind, .id = arena_strdup(&s->arena, str_of(id)), .severity = sev, .package_index = -1, .layer = -1, .epss = -1, .epss_percentile = -1, .count = 1 };
	const char **texts[] = { &f.vendor_severity, &f.package, &f.version, &f.fixed_version, &f.state, &f.reason, &f.purl, &f.path, &f.title, &f.match, &f.remedy, &f.url, &f.cvss_vector, &f.kev,
		&f.suppressed, &f.aliases, &f.advisories };
	for (size_t i = 0; i < countof(texts); i++)
		*texts[i] = "";
	VEC_PUSH(s->v, s->n, s->cap, f);
	return &s->v[s->n - 1];
}

double scan_risk(const struct scan_finding *f)
{
	static const double middle[] = { 0.5, 2.5, 5.0, 7.5, 9.5 };
	static const double seen[] = { [PRESENCE_LIVE] = 1, [PRESENCE_SHADOWED] = 0.3, [PRESENCE_DELETED] = 0.3 };
	double harm = f->cvss > 0 ? (middle[f->severity] + f->cvss) / 2 : middle[f->severity];
	if (f->kind != KIND_VULNERABILITY) /* it is there, not merely possible */
		return 10 * harm * (f->kind == KIND_SECRET ? 0.9 : f->kind == KIND_CONFIG ? 0.5 : 0.2);
	double chance = *f->kev ? 1 : f->epss < 0 ? 0.4 : 0.3 + 0.7 * f->epss;
	return 10 * harm * chance * seen[f->presence] * (f->reachable == REACHABLE_NO ? 0.3 : 1) * (*f->fixed_version ? 1 : 0.8);
}

static int compare(const void *a, const void *b)
{
	const struct scan_finding *x = a, *y = b;
	if (x->risk != y->risk)
		return x->risk < y->risk ? 1 : -1;
	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->severity != y->severity)
		return (int)y->severity - (int)x->severity;
	int c = strcmp(x->id, y->id);
	c = c ? c : strcmp(x->package, y->package);
	c = c ? c : strcmp(x->version, y->version);
	c = c ? c : strcmp(x->path, y->path);
	c = c ? c : (x->layer > y->layer) - (x->layer < y->layer);
	c = c ? c : (x->line > y->line) - (x->line < y->line);
	c = c ? c : strcmp(x->purl, y->purl);
	return c ? c : strcmp(x->match, y->match);
}

void scan_sort(struct scan *s)
{
	for (u32 i = 0; i < s->n; i++)
		s->v[i].risk = scan_risk(&s->v[i]);
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, compare);
}

void scan_count(const struct scan *s, u32 count[SEVERITIES])
{
	memset(count, 0, SEVERITIES * sizeof *count);
	for (u32 i = 0; i < s->n; i++)
		if (!*s->v[i].suppressed)
			count[s->v[i].severity]++;
}

void scan_free(struct scan *s)
{
	free(s->v);
	problems_free(&s->notes);
	problems_free(&s->problems);
	arena_free(&s->arena);
	*s = (struct scan){ 0 };
}
