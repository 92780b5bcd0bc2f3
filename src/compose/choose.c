#include "compose/compose.h"
#include "compose/release.h"
#include <time.h>
#include <unistd.h>

void composition_init(struct composition *c, const struct recipe *r, const char *arch)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 v;
	*c = (struct composition){ .recipe = r, .arch = arch, .epoch = -1, .tree.spool = -1 };
	if (epoch && str_to_u64(str_of(epoch), &v) && v < (u64)1 << 40)
		c->epoch = (s64)v;
}

void composition_free(struct composition *c)
{
	if (c->tree.v)
		ctree_free(&c->tree);
	problems_free(&c->notes);
	arena_free(&c->arena);
}

static struct str kept_str(struct arena *a, struct str s) { return s.n ? str_n(arena_strdup(a, s), s.n) : STR(""); }

struct choosing {
	struct composition *c;
	struct mirror *m;
	struct package_index ix;
	struct apt_sources sources;
};

/* By its hash, which a mirror that is being updated has still; else by its name. */
static int get_index(struct choosing *x, const char *dists, const char *name, bool by_hash, struct mirror_want *w, struct error *err)
{
	struct arena *a = &x->c->arena;
	struct error why = { 0 };
	struct str base = str_base(str_of(name));
	if (by_hash) {
		w->url = mirror_url(a, dists, str_of(arena_printf(a, "%.*sby-hash/SHA256/%s", (int)(base.p - name), name, strchr(DIGEST_STR(&w->sha256), ':') + 1)));
		if (mirror_get(x->m, w, 1, "index", &why) == 0)
			return 0;
	}
	w->url = mirror_url(a, dists, str_of(name));
	if (mirror_get(x->m, w, 1, "index", by_hash ? &(struct error){ 0 } : err) == 0)
		return 0;
	if (by_hash)
		*err = why;
	return -1;
}

/* The Packages of one component for one architecture: xz, else gzip, else plain. *found false: there is none. */
static int read_packages(struct choosing *x, const struct release *r, u32 source, const char *component, const char *arch, bool *found, struct error *err)
{
	static const char *const forms[] = { ".xz", ".gz", "" };
	const struct apt_source *s = &x->sources.v[source];
	struct arena *a = &x->c->arena;
	const char *last = strrchr(component, '/'), *name = NULL, *dists = arena_printf(a, "%s/dists/%s", s->uri, s->suite);
	struct mirror_want w = { .fd = -1 };
	*found = false;
	for (u32 i = 0; i < countof(forms) && !*found; i++) {
		name = arena_printf(a, "%s/binary-%s/Packages%s", last ? last + 1 : component, arch, forms[i]);
		*found = release_file(r, name, &w.sha256, &w.size);
	}
	if (!*found || !w.size)
		return 0;
	if (get_index(x, dists, name, r->by_hash, &w, err) < 0)
		return -1;
	struct stream *plain;
	enum compression kind;
	int ret = stream_inflate(stream_file(w.fd, true, 0, UINT64_MAX, 0), &plain, &kind, err);
	if (ret == 0)
		ret = index_read(&x->ix, plain, x->c->arch, source, r->late, err);
	return ret < 0 ? error_wrap(err, "%s", w.url) : 0;
}

static int read_component(struct choosing *x, const struct release *r, u32 source, const char *component, struct error *err)
{
	const struct apt_source *s = &x->sources.v[source];
	bool found, all = false;
	if (read_packages(x, r, source, component, x->c->arch, &found, err) < 0 || (r->has_all && read_packages(x, r, source, component, "all", &all, err) < 0))
		return -1;
	return found || all ? 0 : error_set(err, ERR_INPUT, "%s/dists/%s: it has no %s for %s", s->uri, s->suite, component, x->c->arch);
}

static int read_source(struct choosing *x, u32 i, struct error *err)
{
	struct composition *c = x->c;
	const struct apt_source *s = &x->sources.v[i];
	const struct recipe *p = c->recipe;
	struct release_trust t = { p->keyring, p->distribution, p->allow_unsigned, p->any_date, (s64)time(NULL) };
	struct release r;
	if (mirror_check_url(s->uri, err) < 0 || release_fetch(x->m, s, &t, &c->arena, &r, err) < 0)
		return -1;
	struct compose_source *told = &c->sources[c->n_sources++];
	*told = (struct compose_source){ s->uri, s->suite, r.signed_by, kept_str(&c->arena, r.codename), kept_str(&c->arena, r.version), kept_str(&c->arena, r.date), r.digest };
	int ret = 0;
	for (u32 k = 0; ret == 0 && s->components[k]; k++)
		ret = read_component(x, &r, i, s->components[k], err);
	release_free(&r);
	return ret;
}

/* base-files first: the directories that all others stand in are its. */
static u32 *in_order(struct choosing *x, const struct solution *s)
{
	u32 *v = xcalloc(s->n + 1u, sizeof *v), n = 0;
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < s->n; i++)
			if (str_is(x->ix.v[s->v[i].package].name, "base-files") == (pass == 0))
				v[n++] = i;
	return v;
}

static void keep_chosen(struct choosing *x, const struct solution *s)
{
	struct composition *c = x->c;
	struct arena *a = &c->arena;
	u32 *order = in_order(x, s);
	c->n = s->n;
	c->v = arena_array(a, struct compose_package, s->n + 1u);
	for (u32 i = 0; i < s->n; i++) {
		const struct chosen *k = &s->v[order[i]];
		const struct index_package *p = &x->ix.v[k->package];
		const struct index_package *by = k->by ? &x->ix.v[s->v[k->by - 1].package] : NULL;
		c->v[i] = (struct compose_package){ .name = kept_str(a, p->name), .version = kept_str(a, p->version), .arch = kept_str(a, p->arch), .sha256 = p->sha256, .size = p->size };
		c->v[i].url = mirror_url(a, x->sources.v[p->source].uri, p->file);
		c->v[i].why = str_of(by ? arena_printf(a, "%.*s: %s", STR_FMT(by->name), k->why) : k->why);
	}
	free(order);
	c->left = arena_array(a, struct compose_left, s->n_left + 1u);
	c->n_left = s->n_left;
	for (u32 i = 0; i < s->n_left; i++) {
		const struct left_out *l = &s->left[i];
		c->left[i] = (struct compose_left){ arena_strdup(a, l->name), l->kind, l->by ? arena_strdup(a, x->ix.v[s->v[l->by - 1].package].name) : NULL, l->n };
	}
}

/* What is named, and base-files: without it nobody knows which distribution it is. */
static const char *const *asked(const struct recipe *r, struct arena *a)
{
	u32 n = 0;
	bool base = r->exclude && str_listed(STR("base-files"), r->exclude);
	for (; r->packages[n]; n++)
		base |= strcmp(r->packages[n], "base-files") == 0 || strncmp(r->packages[n], "base-files=", 11) == 0;
	const char **v = arena_array(a, const char *, n + 2u);
	memcpy(v, r->packages, n * sizeof *v);
	if (!base)
		v[n] = "base-files";
	return v;
}

int compose_choose(struct composition *c, struct mirror *m, const char *explain, struct error *err)
{
	struct choosing x = { .c = c, .m = m };
	struct solution s = { 0 };
	if (!c->recipe->packages || !c->recipe->packages[0])
		return error_set(err, ERR_USAGE, "no package is named");
	if (sources_of(c->recipe, c->arch, &c->arena, &x.sources, err) < 0)
		return -1;
	index_open(&x.ix);
	c->sources = arena_array(&c->arena, struct compose_source, x.sources.n + 1u);
	int r = 0;
	for (u32 i = 0; r == 0 && i < x.sources.n; i++)
		r = read_source(&x, i, err);
	if (r == 0) {
		index_finish(&x.ix);
		c->index_packages = x.ix.n;
		if (x.ix.left_out)
			problem_add(&c->notes, "%u packages of the index are damaged, and were not looked at", x.ix.left_out);
		struct solve_ask ask = { asked(c->recipe, &c->arena), c->recipe->exclude, c->recipe->recommends };
		r = solve(&x.ix, &ask, &c->arena, &s, err);
	}
	if (r == 0) {
		keep_chosen(&x, &s);
		if (explain)
			c->explained = solve_explain(&x.ix, &s, str_of(explain), &c->arena);
	}
	index_free(&x.ix);
	return r;
}
