#include "report/slim_risks.h"
#include "advisory/match.h"
#include "check/secrets.h"

int slim_scan(const struct slim *s, const struct db *d, const char *today, bool secrets, struct slim_scan *ret, struct error *err)
{
	const struct match_options match = { .quiet = true, .today = today };
	*ret = (struct slim_scan){ .looked = d != NULL, .searched = secrets };
	if (s->opt.choose.level == SLIM_SAFE && d)
		ret->own = packages_read_set(s->trace.tree, COLLECT_PACKAGES, false);
	if (d && match_packages(ret->own ? ret->own : s->packages, d, &match, &ret->vulnerabilities, err) < 0) {
		slim_scan_free(ret);
		return -1;
	}
	if (secrets)
		secrets_find(s->img, s->trace.tree, NULL, &ret->secrets);
	return 0;
}

static bool package_left(const struct slim_scan *x, const struct slim *s, u32 i)
{
	if (!x->own)
		return s->added.left ? s->added.left[i] : true;
	return !x->own->v[i].database || !plan_removes(&s->plan, x->own->v[i].database);
}

/* The entry of a layer that the collector of secrets left a note on; TRACE_NONE: there is none at that path. */
static u32 entry_of(const struct slim *s, u32 layer, struct str path, struct buf *text)
{
	const struct facts *f = s->img->layers[layer].facts;
	u32 found = TRACE_NONE;
	for (u32 i = 0; i < f->n_notes; i++) /* the last counts */
		if (f->notes[i].collector == COLLECT_SECRET && str_eq(facts_path(f, facts_entry(f, f->notes[i].entry), text), path))
			found = s->trace.base[layer] + f->notes[i].entry;
	return found;
}

/* The same content in a lower layer was not told of; it may be what stays. */
static bool secret_left(const struct slim *s, const struct scan_finding *f, struct buf *text)
{
	struct str path = str_of(f->path);
	if (f->layer < 0 || (u32)f->layer >= s->img->n_layers || !path.n || path.p[0] != '/')
		return true;
	u32 own = entry_of(s, (u32)f->layer, str_from(path, 1), text);
	if (own == TRACE_NONE || !slim_drops(s, own))
		return true;
	for (u32 l = (u32)f->layer; l-- > 0;) {
		u32 g = entry_of(s, l, str_from(path, 1), text);
		if (g != TRACE_NONE && !slim_drops(s, g) && hash_eq(trace_entry(&s->trace, g)->hash, trace_entry(&s->trace, own)->hash))
			return true;
	}
	return false;
}

static void count(struct slim_risk *r, const struct scan_finding *f)
{
	r->total++;
	*(f->unrated ? &r->unrated : &r->severity[f->severity]) += 1;
	r->fixable += *f->fixed_version != '\0';
}

void slim_count_risks(const struct slim_scan *x, struct slim *s)
{
	struct buf text = BUF(0);
	s->vulnerabilities = (struct slim_risks){ .known = x->looked };
	s->secrets = (struct slim_risks){ .known = x->searched };
	for (u32 i = 0; i < x->vulnerabilities.n; i++) {
		const struct scan_finding *f = &x->vulnerabilities.v[i];
		if (f->kind != KIND_VULNERABILITY)
			continue;
		count(&s->vulnerabilities.before, f);
		if (f->package_index < 0 || package_left(x, s, (u32)f->package_index))
			count(&s->vulnerabilities.after, f);
	}
	for (u32 i = 0; i < x->secrets.n; i++) {
		count(&s->secrets.before, &x->secrets.v[i]);
		if (secret_left(s, &x->secrets.v[i], &text))
			count(&s->secrets.after, &x->secrets.v[i]);
	}
	buf_free(&text);
}

void slim_scan_free(struct slim_scan *x)
{
	scan_free(&x->vulnerabilities);
	scan_free(&x->secrets);
	packages_free(x->own);
	*x = (struct slim_scan){ 0 };
}
