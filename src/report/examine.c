#include "report/examine.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include <time.h>

extern const struct examiner examiner_secrets, examiner_config, examiner_license;
const struct examiner *const examiners[] = { &examiner_secrets, &examiner_config, &examiner_license, NULL };

#define UNIDENTIFIED 100 /* paths that are named; the bytes count all */

/* --- packages that only lower layers hold --- */
struct names { /* each package once, found by type, name and architecture, with its version or without */
	struct hashtab exact, any;
	const struct package **v;
	u32 n, cap;
};

static u32 hash_of(const struct package *k, bool version)
{
	u64 h = hash64(str_of(k->arch), hash64(str_of(k->name), hash64(str_of(k->type), hash_seed)));
	return (u32)(version ? hash64(str_of(k->version), h) : h);
}

static bool has(const struct names *s, const struct package *k, bool version)
{
	const struct hashtab *t = version ? &s->exact : &s->any;
	u32 h = hash_of(k, version), at = h;
	for (u32 id; (id = hashtab_next(t, h, &at));) {
		const struct package *x = s->v[id - 1];
		if (strcmp(x->type, k->type) == 0 && strcmp(x->name, k->name) == 0 && strcmp(x->arch, k->arch) == 0 && (!version || strcmp(x->version, k->version) == 0))
			return true;
	}
	return false;
}

/* False: it is there already. `k` stays the caller's. */
static bool name_it(struct names *s, const struct package *k)
{
	if (has(s, k, true))
		return false;
	bool first = !has(s, k, false);
	VEC_PUSH(s->v, s->n, s->cap, k);
	hashtab_add(&s->exact, hash_of(k, true), s->n);
	if (first)
		hashtab_add(&s->any, hash_of(k, false), s->n);
	return true;
}

static void names_open(struct names *s)
{
	*s = (struct names){ 0 };
	hashtab_open(&s->exact, 64);
	hashtab_open(&s->any, 64);
}

static void names_free(struct names *s)
{
	hashtab_free(&s->exact);
	hashtab_free(&s->any);
	free(s->v);
}

struct lower {
	struct names image, gone; /* what the final image has; what was met in a layer above */
	struct arena arena;
};

/* Whether a layer says anything of packages. */
static bool tells(const struct image_layer *l)
{
	for (u32 i = 0; l->facts && i < l->facts->n_notes; i++)
		if (l->facts->notes[i].collector != COLLECT_SECRET && l->facts->notes[i].collector != COLLECT_BINARY && l->facts->notes[i].collector != COLLECT_OSRELEASE &&
		    l->facts->notes[i].collector != COLLECT_PROGRAM)
			return true;
	return false;
}

static const struct package *keep(struct arena *a, const struct package *k)
{
	struct package *copy = arena_new(a, struct package);
	copy->type = arena_strdup(a, str_of(k->type));
	copy->name = arena_strdup(a, str_of(k->name));
	copy->version = arena_strdup(a, str_of(k->version));
	copy->arch = arena_strdup(a, str_of(k->arch));
	return copy;
}

static int lower_layer(const struct subject *s, u32 layer, const struct examine_options *opt, struct lower *l, struct scan *out, struct error *err)
{
	struct rootfs_options ro = { .layers = layer + 1 };
	struct rootfs *r = rootfs_build(s->image, &ro);
	struct packages *p = packages_read_set(r, COLLECT_PACKAGES, false), only = *p;
	struct match_options match = opt->match;
	u32 first = out->n;
	only.v = xcalloc(p->n + 1, sizeof *only.v);
	only.n = 0;
	for (u32 i = 0; i < p->n; i++) {
		if (has(&l->image, &p->v[i], true) || has(&l->gone, &p->v[i], true))
			continue;
		name_it(&l->gone, keep(&l->arena, &p->v[i]));
		only.v[only.n++] = p->v[i];
	}
	match.why = NULL;
	match.quiet = true;
	int status = only.n ? match_packages(&only, opt->db, &match, out, err) : 0;
	for (u32 i = first; i < out->n; i++) {
		out->v[i].presence = has(&l->image, &only.v[out->v[i].package_index], false) ? PRESENCE_SHADOWED : PRESENCE_DELETED;
		out->v[i].package_index = -1;
	}
	free(only.v);
	packages_free(p);
	rootfs_free(r);
	return status;
}

static int lower_layers(const struct subject *s, const struct examine_options *opt, struct scan *out, struct error *err)
{
	struct lower l = { 0 };
	int r = 0;
	names_open(&l.image);
	names_open(&l.gone);
	for (u32 i = 0; i < s->packages->n; i++)
		name_it(&l.image, &s->packages->v[i]);
	for (u32 i = s->image->n_layers - 1; i-- > 0 && r == 0;)
		if (tells(&s->image->layers[i]))
			r = lower_layer(s, i, opt, &l, out, err);
	names_free(&l.image);
	names_free(&l.gone);
	arena_free(&l.arena);
	return r;
}

/* --- how old the database is, by its own dates --- */
#define OLD_DAYS 30

static s64 days_of(struct str date)
{
	u64 y, m, d;
	struct str rest = str_head(date, 10);
	if (!str_to_u64(str_cut(&rest, '-'), &y) || !str_to_u64(str_cut(&rest, '-'), &m) || !str_to_u64(rest, &d) || y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31)
		return -1;
	struct tm tm = { .tm_year = (int)y - 1900, .tm_mon = (int)m - 1, .tm_mday = (int)d };
	return (s64)timegm(&tm) / 86400;
}

static int newest_of(void *ctx, const struct db_source *s)
{
	struct str *newest = ctx;
	if (str_cmp(str_head(s->newest, 10), *newest) > 0)
		*newest = str_head(s->newest, 10);
	return 0;
}

static void age(const struct examine_options *opt, struct scan *out)
{
	struct str newest = { "", 0 };
	(void)!db_sources(opt->db, newest_of, &newest);
	s64 then = days_of(newest), now = days_of(str_of(opt->match.today));
	if (then >= 0 && now >= 0 && now - then > OLD_DAYS)
		problem_add(&out->notes, "the database is %lld days old, by the newest date in it (%.*s): what was found since is not known (pare db update)", (long long)(now - then), STR_FMT(newest));
}

/* --- all of it --- */
static void unidentified(const struct subject *s, struct scan *out)
{
	const struct packages *p = s->packages;
	u32 n = s->rootfs && !s->n_unidentified ? MIN(p->n_unidentified, (u32)UNIDENTIFIED) : s->n_unidentified;
	struct buf path = BUF(0);
	out->coverage.unidentified = arena_alloc(&out->arena, (n + 1) * sizeof(char *));
	for (u32 i = 0; i < n; i++) {
		struct str z = i < s->n_unidentified ? str_of(s->unidentified[i]) : rootfs_path(s->rootfs, p->unidentified[i], &path);
		out->coverage.unidentified[out->coverage.n_unidentified++] = arena_strdup(&out->arena, z);
	}
	buf_free(&path);
}

_Static_assert((int)REACH_YES == (int)REACHABLE_YES && (int)REACH_NO == (int)REACHABLE_NO && (int)REACH_UNKNOWN == (int)REACHABLE_UNKNOWN, "the same words");

static void set_reachable(const struct subject *s, struct scan_finding *f)
{
	if (f->presence != PRESENCE_LIVE)
		f->reachable = REACHABLE_NO; /* a container does not see it */
	else if (f->package_index >= 0 && (u32)f->package_index < s->packages->n)
		f->reachable = s->packages->v[f->package_index].reach;
}

int examine(const struct subject *s, const struct examine_options *opt, struct scan *out, struct error *err)
{
	if (opt->kinds & EXAMINE_VULNERABILITIES && s->rootfs && s->packages->owner)
		packages_reach(s->packages, s->rootfs);
	match_system(s->packages, opt->db, &opt->match, out);
	unidentified(s, out);
	if (opt->kinds & EXAMINE_VULNERABILITIES) {
		if (!opt->db)
			problem_add(&out->problems, "vulnerabilities were not looked for: there is no advisory database (pare db update fetches one, --db FILE names one)");
		else if (match_packages(s->packages, opt->db, &opt->match, out, err) < 0)
			return -1;
		else if (opt->all_layers && s->image && s->image->n_layers && lower_layers(s, opt, out, err) < 0)
			return -1;
		if (opt->db)
			age(opt, out);
	}
	for (const struct examiner *const *e = examiners; *e; e++)
		if (opt->kinds & 1u << (*e)->kind)
			(*e)->examine(s, opt, out);
	for (u32 i = 0; i < out->n; i++)
		if (out->v[i].kind == KIND_VULNERABILITY) {
			set_reachable(s, &out->v[i]);
			out->v[i].remedy = remedy_of(s, out, &out->v[i]);
		}
	u32 n = 0;
	for (u32 i = 0; i < out->n; i++) /* what the system itself is found wanting in is configuration */
		if (opt->kinds & 1u << out->v[i].kind || (opt->kinds & EXAMINE_VULNERABILITIES && out->v[i].kind == KIND_CONFIG))
			out->v[n++] = out->v[i];
	out->n = n;
	problems_merge(&out->problems, &s->problems, NULL);
	scan_sort(out);
	return 0;
}
