#include "report/first.h"
#include "check/config.h"

#define PLACES 3

struct group {
	const struct scan_finding *worst;
	const char *key;
	u32 n, count, at; /* findings; places; the order they came in, which is by risk */
	u32 severity[SEVERITIES], kev, fixable;
	double risk; /* of all together */
	const struct scan_finding *place[PLACES];
};

static double score(double worst, double all) { return MIN(100.0, worst + all / 20); }

/* What puts findings together. */
static const char *key_of(const struct subject *s, const struct scan_finding *f)
{
	if (f->kind != KIND_VULNERABILITY)
		return f->id;
	const struct package *k = f->package_index >= 0 && s->packages && (u32)f->package_index < s->packages->n ? &s->packages->v[f->package_index] : NULL;
	return k && k->origin == ORIGIN_DATABASE ? k->source_name : f->package;
}

static int by_key(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int c = (int)x->worst->kind - (int)y->worst->kind;
	c = c ? c : (int)(x->worst->presence != PRESENCE_LIVE) - (int)(y->worst->presence != PRESENCE_LIVE);
	c = c ? c : strcmp(x->key, y->key);
	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static int by_at(const void *a, const void *b) { return (((const struct group *)a)->at > ((const struct group *)b)->at) - (((const struct group *)a)->at < ((const struct group *)b)->at); }

static bool same_group(const struct group *a, const struct group *b)
{
	return a->worst->kind == b->worst->kind && (a->worst->presence != PRESENCE_LIVE) == (b->worst->presence != PRESENCE_LIVE) && strcmp(a->key, b->key) == 0;
}

static void take(struct group *g, const struct scan_finding *f)
{
	for (u32 i = 0; i < MIN(g->n, (u32)PLACES) && f->kind == KIND_VULNERABILITY; i++)
		if (strcmp(g->place[i]->id, f->id) == 0) /* one that several packages of a source have */
			return;
	if (g->n < PLACES)
		g->place[g->n] = f;
	g->n++;
	g->count += f->count;
	g->risk += f->risk;
	g->severity[f->severity]++;
	g->kev += *f->kev != '\0';
	g->fixable += *f->fixed_version != '\0';
}

static u32 groups_of(const struct subject *s, const struct scan *scan, struct group **ret)
{
	struct group *v = xcalloc(scan->n + 1, sizeof *v);
	u32 all = 0, n = 0;
	for (u32 i = 0; i < scan->n; i++)
		if (!*scan->v[i].suppressed && scan->v[i].severity > SEV_INFO)
			v[all++] = (struct group){ .worst = &scan->v[i], .key = key_of(s, &scan->v[i]), .at = i };
	if (all)
		qsort(v, all, sizeof *v, by_key);
	for (u32 i = 0; i < all; i++) {
		const struct scan_finding *f = v[i].worst;
		if (!n || !same_group(&v[n - 1], &v[i]))
			v[n++] = v[i];
		take(&v[n - 1], f);
	}
	if (n)
		qsort(v, n, sizeof *v, by_at);
	*ret = v;
	return n;
}

static void vulnerabilities(const struct group *g, struct buf *out)
{
	const struct scan_finding *f = g->worst;
	bool some = false;
	buf_printf(out, "%s%s%s: ", f->package, *f->version ? " " : "", f->version);
	if (g->n == 1) {
		buf_puts(out, f->id);
		if (*f->title && strcmp(f->title, f->id) != 0)
			buf_printf(out, ", %.*s", STR_FMT(str_head(str_of(f->title), 80)));
	} else {
		buf_printf(out, "%u vulnerabilities (", g->n);
		for (int i = SEVERITIES - 1; i >= 0; i--) {
			if (!g->severity[i])
				continue;
			buf_printf(out, "%s%u %s", some ? ", " : "", g->severity[i], severity_text[i]);
			some = true;
		}
		buf_printf(out, "), %s", f->id);
	}
	if (g->kev)
		buf_printf(out, ", %s", g->n == 1 ? "exploited" : g->kev == 1 ? "one is exploited" : "some are exploited");
	if (g->fixable)
		buf_printf(out, "; %s%s", g->fixable == g->n ? "fixed in " : "some have a fix", g->fixable == g->n ? f->fixed_version : "");
	else
		buf_puts(out, "; no fix yet");
	if (f->presence != PRESENCE_LIVE)
		buf_puts(out, "; in a lower layer only");
}

static void places(const struct group *g, struct buf *out)
{
	char where[512];
	for (u32 i = 0; i < MIN(g->n, (u32)PLACES); i++)
		buf_printf(out, "%s%s", i ? ", " : "", scan_where(g->place[i], where));
	if (g->count > PLACES)
		buf_puts(out, ", …");
}

static void message(const struct group *g, struct buf *out)
{
	const struct scan_finding *f = g->worst;
	const struct config_check *c = f->kind == KIND_CONFIG ? config_check_get(f->id) : NULL;
	if (f->kind == KIND_VULNERABILITY) {
		vulnerabilities(g, out);
	} else if (c && c->one) {
		buf_printf(out, "%u %s: ", g->count, g->count == 1 ? c->one : c->many);
		places(g, out);
	} else if (f->kind == KIND_CONFIG) {
		buf_puts(out, f->title);
		if (g->n > 1)
			buf_printf(out, " and %u more", g->n - 1);
	} else {
		char where[512];
		buf_puts(out, f->title);
		if (g->n > 1)
			buf_printf(out, " (%u places)", g->n);
		if (f->presence != PRESENCE_LIVE)
			buf_puts(out, ", hidden but still there");
		if (*scan_where(f, where))
			buf_printf(out, ": %s", where);
	}
}

void first_risks(const struct subject *s, const struct scan *scan, struct findings *ret)
{
	struct group *v;
	struct buf text = BUF(4000);
	u32 n = groups_of(s, scan, &v);
	for (u32 i = 0; i < n; i++) {
		const struct scan_finding *f = v[i].worst;
		enum severity worst = f->severity;
		for (int k = 0; k < SEVERITIES; k++)
			if (v[i].severity[k])
				worst = (enum severity)k;
		buf_clear(&text);
		message(&v[i], &text);
		struct finding *x = findings_add(ret, arena_strdup(&ret->arena, str_of(f->id)), worst, "%s", text.p);
		x->kind = finding_kind_text[f->kind];
		x->count = v[i].count;
		x->risk = score(f->risk, v[i].risk);
		x->layer = f->layer;
		x->path = *f->path ? arena_strdup(&ret->arena, str_of(f->path)) : NULL;
		x->fix = *f->remedy ? arena_strdup(&ret->arena, str_of(f->remedy)) : NULL;
	}
	free(v);
	buf_free(&text);
}

static int by_score(const void *a, const void *b)
{
	const struct first_action *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (!x->upgrade != !y->upgrade)
		return x->upgrade ? -1 : 1;
	if (x->upgrade)
		return (x->upgrade > y->upgrade) - (x->upgrade < y->upgrade); /* as they came, which is their own order */
	if (!x->finding->bytes != !y->finding->bytes)
		return x->finding->bytes ? 1 : -1;
	return (x->finding > y->finding) - (x->finding < y->finding);
}

u32 first_actions(const struct advice *a, u64 stored, const struct findings *risks, const struct scan_action *upgrades, u32 n_upgrades, struct first_action **ret)
{
	struct first_action *v = xcalloc((size_t)a->findings.n + risks->n + n_upgrades + 1, sizeof *v);
	u32 n = 0;
	for (u32 i = 0; i < a->findings.n; i++)
		v[n++] = (struct first_action){ .score = stored ? MIN(100.0, 200.0 * (double)a->findings.v[i].bytes / (double)stored) : 0, .finding = &a->findings.v[i] };
	for (u32 i = 0; i < risks->n; i++)
		if (strcmp(risks->v[i].kind, finding_kind_text[KIND_VULNERABILITY]) && risks->v[i].fix)
			v[n++] = (struct first_action){ .score = risks->v[i].risk, .finding = &risks->v[i] };
	for (u32 i = 0; i < n_upgrades; i++)
		if (upgrades[i].first->kind == KIND_VULNERABILITY)
			v[n++] = (struct first_action){ .score = score(upgrades[i].first->risk, upgrades[i].risk), .upgrade = &upgrades[i] };
	if (n)
		qsort(v, n, sizeof *v, by_score);
	*ret = v;
	return n;
}
