#include "advisory/match.h"
#include "advisory/severity.h"
#include "advisory/verdict.h"
#include "base/text.h"
#include "rule/eol.h"

struct hit {
	struct str id, fixed, severity, reason, advisory; /* views into the database */
	const char *canonical, *why;
	enum fix_state state;
	u32 rank;
	bool affected; /* else: it has the fix */
};

struct matcher {
	const struct packages *p;
	const struct db *d;
	const struct match_options *opt;
	struct scan *out;
	struct distro distro;
	struct arena tmp;          /* of one package */
	struct hit *hits;
	u32 n_hits, cap_hits;
	/* the package that is asked for */
	const struct package *k;
	u32 index;
	bool os;
	const struct version_scheme *scheme;
	u32 unclear, streams;      /* could not be compared; of module streams that errata don't tell apart */
	struct str *why;           /* the ids that opt->why stands for */
	u32 n_why, cap_why;
	struct arena keep;
	struct error *err;
};

/* --- --why --- */
static bool is_wanted(const struct matcher *m, struct str id)
{
	for (u32 i = 0; i < m->n_why; i++)
		if (str_eq(m->why[i], id))
			return true;
	return false;
}

static void want(struct matcher *m, struct str id)
{
	if (!is_wanted(m, id) && m->n_why < 1000) {
		struct str copy = { arena_strdup(&m->keep, id), id.n };
		VEC_PUSH(m->why, m->n_why, m->cap_why, copy);
	}
}

static int want_record(void *ctx, const struct db_record *r)
{
	want(ctx, r->id);
	return 0;
}

static void want_ids(struct matcher *m)
{
	struct db_vuln v;
	struct str id = str_of(m->opt->why);
	want(m, id);
	if (db_vuln(m->d, &m->tmp, id, &v))
		for (u32 i = 0; i < v.n_aliases; i++)
			want(m, v.aliases[i]);
	(void)!db_by_id(m->d, id, want_record, m, NULL); /* what is damaged is met, and told of, when packages are asked for */
	arena_free(&m->tmp);
}

static void answer(const struct matcher *m, const struct db_record *r, u32 package, bool affected, const char *reason)
{
	const struct match_answer a = { r, package, affected, reason };
	if (m->opt->on_answer)
		m->opt->on_answer(m->opt->ctx, &a);
}

/* Records of the id that no package of this image was asked for. */
static int not_asked(void *ctx, const struct db_record *r)
{
	struct matcher *m = ctx;
	char reason[300];
	bool here = false, installed = false;
	for (u32 i = 0; i < m->distro.n_ecosystems; i++)
		here |= str_is(r->ecosystem, m->distro.ecosystems[i]);
	for (u32 i = 0; i < m->p->n; i++) {
		const struct package *k = &m->p->v[i];
		const char *eco = ecosystem_of_type(k->type);
		if (eco && str_is(r->ecosystem, eco))
			here = true;
		installed |= str_is(r->package, k->name) || str_is(r->package, k->source_name);
	}
	if (here && installed)
		return 0; /* it has been answered */
	if (here)
		snprintf(reason, sizeof reason, "%.*s is not installed", STR_FMT(str_head(r->package, 120)));
	else
		snprintf(reason, sizeof reason, "for %.*s; this image is %s %s", STR_FMT(str_head(r->ecosystem, 80)), *m->p->os_id ? m->p->os_id : "of no known system", m->p->os_version);
	answer(m, r, UINT32_MAX, false, reason);
	return 0;
}

/* --- one package --- */
static int on_record(void *ctx, const struct db_record *r)
{
	struct matcher *m = ctx;
	const struct package *k = m->k;
	bool wanted = m->n_why && is_wanted(m, r->id);
	struct str version = str_of(m->os && m->distro.rules & DISTRO_SOURCE && !r->binary ? k->source_version : k->version);
	struct verdict v;
	verdict_on(r, k, version, m->scheme, m->os ? &m->distro : NULL, m->p->os_content_sets, wanted, &v);
	if (wanted)
		answer(m, r, m->index, v.kind == VERDICT_AFFECTED, v.reason);
	if (v.kind == VERDICT_UNCLEAR)
		m->unclear++;
	bool fix_counts = v.kind == VERDICT_FIXED_HERE && m->os && m->distro.rules & DISTRO_CPE;
	if (v.kind != VERDICT_AFFECTED && !fix_counts)
		return 0;
	/* Records live as long as the callback; the database, and so what their views point at, longer. */
	struct hit h = { .id = r->id, .fixed = r->fixed, .severity = r->severity, .reason = r->reason, .advisory = r->advisory, .state = r->state, .rank = v.rank, .affected = v.kind == VERDICT_AFFECTED };
	h.why = h.affected ? arena_strdup(&m->tmp, str_of(v.reason)) : "";
	VEC_PUSH(m->hits, m->n_hits, m->cap_hits, h);
	return 0;
}

/* One name of all that a vulnerability has: its CVE, else the GitHub advisory's, else its own. */
static const char *canonical(struct matcher *m, struct str id)
{
	struct db_vuln v;
	struct str best = id;
	if (!m->os && !str_starts(id, STR("CVE-")) && db_vuln(m->d, &m->tmp, id, &v))
		for (u32 i = 0; i < v.n_aliases; i++) {
			struct str a = v.aliases[i];
			int rank = str_starts(a, STR("CVE-")) ? 2 : str_starts(a, STR("GHSA-")), have = str_starts(best, STR("CVE-")) ? 2 : str_starts(best, STR("GHSA-"));
			if (rank > have || (rank && rank == have && str_cmp(a, best) < 0))
				best = a;
		}
	return arena_strdup(&m->tmp, best);
}

static int by_canonical(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	int c = strcmp(x->canonical, y->canonical);
	if (!c)
		c = (int)y->rank - (int)x->rank;
	if (!c)
		c = str_cmp(x->id, y->id);
	if (!c)
		c = str_cmp(x->fixed, y->fixed);
	return c ? c : str_cmp(x->advisory, y->advisory);
}

static bool later(const struct matcher *m, struct str a, struct str b)
{
	int c = 0;
	if (m->scheme->compare(a, b, &c) < 0)
		c = str_cmp(a, b);
	return c > 0;
}

/* The hit that speaks for a group of one id; NULL: it has the fix. Of those with a fix the highest; a fix counts more than none. */
static const struct hit *speaker(const struct matcher *m, const struct hit *v, u32 n)
{
	const struct hit *best = NULL;
	bool any_fix = false, cpe = m->os && m->distro.rules & DISTRO_CPE;
	for (u32 i = 0; i < n && v[i].rank == v[0].rank; i++) /* extended support's own fixes, where there are any */
		any_fix |= v[i].fixed.n > 0;
	for (u32 i = 0; i < n && (v[i].rank == v[0].rank || !any_fix); i++) {
		if (!v[i].affected || (cpe && any_fix && !v[i].fixed.n))
			continue;
		if (!best || (v[i].fixed.n && (!best->fixed.n || later(m, v[i].fixed, best->fixed))))
			best = &v[i];
	}
	return best;
}

static const char *joined(struct scan *out, const struct hit *v, u32 n, const char *not_this, bool advisories)
{
	struct buf b = BUF(1000);
	for (u32 i = 0; i < n; i++)
		for (struct str rest = advisories ? v[i].advisory : v[i].id; rest.n;) {
			struct str word = str_cut(&rest, ' ');
			bool there = !word.n || str_is(word, not_this);
			for (struct str have = buf_str(&b); have.n && !there;)
				there = str_eq(str_cut(&have, ' '), word);
			if (!there)
				buf_printf(&b, "%s%.*s", b.n ? " " : "", STR_FMT(word));
		}
	const char *z = b.n ? arena_strdup(&out->arena, buf_str(&b)) : "";
	buf_free(&b);
	return z;
}

static void emit(struct matcher *m, const struct hit *h, const struct hit *group, u32 n)
{
	struct arena *a = &m->out->arena;
	const struct package *k = m->k;
	struct scan_finding *f = scan_add(m->out, KIND_VULNERABILITY, h->canonical, SEV_MEDIUM);
	f->package = arena_strdup(a, str_of(k->name));
	f->version = arena_strdup(a, str_of(k->version));
	f->fixed_version = arena_strdup(a, str_is(h->fixed, "0") ? STR("") : h->fixed);
	f->state = fix_state_text[h->fixed.n ? FIX_FIXED : h->state == FIX_FIXED ? FIX_AFFECTED : h->state];
	f->reason = arena_strdup(a, h->reason);
	f->purl = arena_strdup(a, str_of(k->purl));
	f->path = arena_strdup(a, str_of(k->path));
	f->package_index = (s32)m->index;
	f->layer = package_placed(k) ? (s32)k->layer : -1;
	f->match = arena_strdup(a, str_of(h->why));
	f->vendor_severity = arena_strdup(a, h->severity);
	f->aliases = joined(m->out, group, n, f->id, false);
	f->advisories = joined(m->out, group, n, "", true);
}

static void reduce(struct matcher *m)
{
	for (u32 i = 0; i < m->n_hits; i++)
		m->hits[i].canonical = canonical(m, m->hits[i].id);
	if (m->n_hits)
		qsort(m->hits, m->n_hits, sizeof *m->hits, by_canonical);
	for (u32 i = 0, j; i < m->n_hits; i = j) {
		for (j = i + 1; j < m->n_hits && strcmp(m->hits[i].canonical, m->hits[j].canonical) == 0; j++)
			;
		const struct hit *h = speaker(m, m->hits + i, j - i);
		if (h)
			emit(m, h, m->hits + i, j - i);
	}
}

static int ask(struct matcher *m, const char *ecosystem, const char *name)
{
	return db_affected(m->d, str_of(ecosystem), str_of(name), on_record, m, m->err);
}

/* Other vendors' builds of a distribution's package have versions of their own. */
static bool foreign(const struct matcher *m, const struct package *k)
{
	return m->os && m->distro.rules & DISTRO_CPE && (str_ends(str_of(k->version), STR(".remi")) || str_starts(str_of(k->vendor), STR("Remi")));
}

static int match_one(struct matcher *m, u32 i)
{
	const struct package *k = m->k = &m->p->v[i];
	const char *eco = ecosystem_of_type(k->type);
	m->index = i;
	m->os = m->distro.type && strcmp(m->distro.type, k->type) == 0;
	m->n_hits = 0;
	m->scheme = m->os ? m->distro.scheme : version_scheme_of_type(k->type);
	if (k->within || foreign(m, k) || !m->scheme)
		return 0;
	const char *name = m->os && m->distro.rules & DISTRO_SOURCE && *k->source_name ? k->source_name : k->name;
	int r = 0;
	/* What Root.io has built again carries its name in the version, and has advisories of its own. */
	if (m->os && m->distro.root && strstr(k->version, "root.io") && db_has_ecosystem(m->d, str_of(m->distro.root))) {
		r = ask(m, m->distro.root, name);
	} else if (m->os) {
		for (u32 j = 0; j < m->distro.n_ecosystems && r == 0; j++)
			r = ask(m, m->distro.ecosystems[j], name);
		if (r == 0 && m->distro.pro && strstr(k->version, "esm"))
			r = ask(m, m->distro.pro, name);
		m->streams += m->distro.rules & DISTRO_NO_STREAMS && *k->module;
	} else if (eco) {
		r = ask(m, eco, k->name);
	}
	if (r == 0)
		reduce(m);
	arena_free(&m->tmp);
	return r;
}

/* --- how much of it can be spoken of --- */
static void add_config(struct scan *out, const char *id, enum severity sev, const char *title, const char *remedy)
{
	struct scan_finding *f = scan_add(out, KIND_CONFIG, id, sev);
	f->title = title;
	f->remedy = remedy;
	f->state = "affected";
}

static void os_of(struct matcher *m)
{
	struct scan *out = m->out;
	const struct distro *d = &m->distro;
	struct db_eol e;
	out->os.id = arena_strdup(&out->arena, str_of(m->p->os_id));
	out->os.version = arena_strdup(&out->arena, str_of(m->p->os_version));
	out->os.pretty = arena_strdup(&out->arena, str_of(m->p->os_pretty));
	out->os.eol = "";
	const char *end = "";
	if (m->d && *d->eol_product && *d->eol_cycle && db_eol(m->d, str_of(d->eol_product), str_of(d->eol_cycle), &e)) {
		out->os.eol = end = arena_strdup(&out->arena, e.eol);
		if (strcmp(d->eol_product, "debian") == 0 && e.extended.n && str_cmp(e.extended, e.eol) > 0) /* LTS is there for everybody */
			end = arena_strdup(&out->arena, e.extended);
	} else if (*d->builtin && *d->eol_cycle) {
		const struct end_of_life *x = eol_of_version(str_of(d->builtin), str_of(d->eol_cycle));
		if (x)
			out->os.eol = end = arena_printf(&out->arena, "%04u-%02u-%02u", x->date / 10000, x->date / 100 % 100, x->date % 100);
	}
	out->os.is_eol = strcmp(end, "true") == 0 || (*end >= '0' && *end <= '9' && m->opt->today && strcmp(end, m->opt->today) < 0);
	if (out->os.is_eol)
		add_config(out, "os-end-of-life", SEV_HIGH, arena_printf(&out->arena, "%s %s gets no security updates any more since %s", out->os.id, out->os.version, end),
			"build on a release that is supported: what is found from now on is not repaired in this one");
}

static const char *list_ecosystems(const struct matcher *m, struct arena *a)
{
	return m->distro.n_ecosystems ? m->distro.ecosystems[0] : arena_printf(a, "%s %s", *m->p->os_id ? m->p->os_id : "an unknown system", m->p->os_version);
}

/* Packages of a kind that the database says nothing of: told, so that no finding is not taken for no fault. */
static void coverage(struct matcher *m)
{
	u32 os = 0;
	bool covered = false;
	for (u32 i = 0; i < m->distro.n_ecosystems; i++)
		covered |= db_has_ecosystem(m->d, str_of(m->distro.ecosystems[i]));
	for (u32 i = 0, j; i < m->p->n; i = j) { /* sorted by type */
		const char *type = m->p->v[i].type, *eco = ecosystem_of_type(type);
		for (j = i; j < m->p->n && strcmp(m->p->v[j].type, type) == 0; j++)
			;
		bool system = strcmp(type, "deb") == 0 || strcmp(type, "rpm") == 0 || strcmp(type, "apk") == 0 || strcmp(type, "alpm") == 0;
		if (system)
			os += j - i;
		if (system && (!covered || !m->distro.type || strcmp(m->distro.type, type))) {
			const char *what = list_ecosystems(m, &m->out->arena);
			problem_add(&m->out->notes, "%u %s packages were not checked: the database has no advisories for %s", j - i, type, what);
			add_config(m->out, "os-not-covered", SEV_HIGH, arena_printf(&m->out->arena, "the advisory database says nothing of %s: its %u %s packages were not checked", what, j - i, type),
				"take a database with that distribution's feed: pare db update, or pare db build --from …");
		} else if (!system && (!eco || !db_has_ecosystem(m->d, str_of(eco)))) {
			problem_add(&m->out->notes, eco ? "%u %s packages were not checked: the database has no advisories for %s" : "%u %s packages were not checked: nobody publishes advisories for them%.0s", j - i, type, eco);
		}
	}
	if (m->distro.type && !(m->distro.rules & DISTRO_NO_PACKAGES) && !os && m->p->executable_bytes > m->p->identified_bytes) {
		problem_add(&m->out->problems, "%s %s without its package database: what is installed cannot be known", m->p->os_id, m->p->os_version);
		add_config(m->out, "package-database-missing", SEV_HIGH, arena_printf(&m->out->arena, "%s %s, but its package database is not there", m->p->os_id, m->p->os_version),
			"leave the package database in the image: it is small, and without it nobody can tell what has to be repaired");
	}
	if (m->unclear)
		problem_add(&m->out->notes, "%u comparisons could not be made: a version is not of its scheme (--why tells)", m->unclear);
	if (m->streams)
		problem_add(&m->out->notes, "%u packages of module streams were not checked: the errata of %s do not tell streams apart", m->streams, m->p->os_id);
}

void match_system(const struct packages *p, const struct db *d, const struct match_options *opt, struct scan *out)
{
	struct matcher m = { .p = p, .d = d, .opt = opt, .out = out };
	distro_of(p, &m.keep, &m.distro);
	os_of(&m);
	out->coverage.executable_bytes = p->executable_bytes;
	out->coverage.identified_bytes = p->identified_bytes;
	arena_free(&m.keep);
}

int match_packages(const struct packages *p, const struct db *d, const struct match_options *opt, struct scan *out, struct error *err)
{
	struct matcher m = { .p = p, .d = d, .opt = opt, .out = out, .err = err };
	int r = 0;
	distro_of(p, &m.keep, &m.distro);
	if (opt->why)
		want_ids(&m);
	for (u32 i = 0; i < p->n && r == 0; i++)
		r = match_one(&m, i);
	if (r == 0 && opt->why)
		r = db_by_id(d, str_of(opt->why), not_asked, &m, err);
	if (r == 0) {
		if (!opt->quiet)
			coverage(&m);
		severity_enrich(out, d);
	}
	free(m.hits);
	free(m.why);
	arena_free(&m.tmp);
	arena_free(&m.keep);
	return r;
}
