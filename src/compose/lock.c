/* compose.lock (docs/schema/compose-lock.schema.json): what was chosen, so that it can be composed again, to the byte, without asking an index. */
#include "base/file.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "compose/compose.h"
#include "compose/relation.h"

#define LOCK_VERSION 1u

struct writing {
	const struct composition *v;
	u32 n;
};

static void one_source(struct jsonw *w, const struct composition *c, u32 i)
{
	const struct compose_source *s = &c->sources[i];
	jsonw_kz(w, "url", s->uri);
	jsonw_kz(w, "suite", s->suite);
	jsonw_ks(w, "codename", s->codename);
	jsonw_ks(w, "version", s->version);
	jsonw_ks(w, "date", s->date);
	jsonw_kz(w, "digest", DIGEST_STR(&s->release));
	jsonw_kz(w, "signed_by", s->signed_by);
}

static void one_package(struct jsonw *w, const struct composition *c, u32 i)
{
	const struct compose_package *p = &c->v[i];
	jsonw_ks(w, "name", p->name);
	jsonw_ks(w, "version", p->version);
	jsonw_ks(w, "architecture", p->arch);
	jsonw_kz(w, "url", p->url);
	jsonw_ku(w, "size", p->size);
	jsonw_kz(w, "digest", DIGEST_STR(&p->sha256));
	jsonw_ks(w, "why", p->why);
}

static void one_left(struct jsonw *w, const struct composition *c, u32 i)
{
	const struct compose_left *l = &c->left[i];
	jsonw_kz(w, "name", l->name);
	jsonw_kz(w, "kind", l->kind);
	jsonw_kz(w, "by", l->by);
	jsonw_ku(w, "dependents", l->n);
}

static void write_list(struct jsonw *w, const char *key, u32 n, void (*one)(struct jsonw *w, const struct composition *c, u32 i), const struct composition *c)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++) {
		jsonw_obj(w);
		one(w, c, i);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void one_architecture(struct jsonw *w, const struct composition *all, u32 i)
{
	const struct composition *c = &all[i];
	jsonw_kz(w, "architecture", c->arch);
	write_list(w, "sources", c->n_sources, one_source, c);
	write_list(w, "packages", c->n, one_package, c);
	write_list(w, "left_out", c->n_left, one_left, c);
}

static void write_all(FILE *f, void *ctx)
{
	const struct writing *x = ctx;
	const struct recipe *r = x->v[0].recipe;
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_ku(&w, "version", LOCK_VERSION);
	jsonw_kz(&w, "distribution", r->distribution);
	jsonw_key(&w, "asked");
	jsonw_arr(&w);
	for (u32 i = 0; r->packages[i]; i++)
		jsonw_str(&w, str_of(r->packages[i]));
	jsonw_end(&w);
	write_list(&w, "architectures", x->n, one_architecture, x->v);
	jsonw_end(&w);
}

int compose_lock_write(const struct composition *v, u32 n, const char *path, struct error *err)
{
	struct writing w = { v, n };
	return outfile_write(path, write_all, &w, err);
}

/* --- back --- */

static struct str copy(struct composition *c, const json_t *o, const char *key)
{
	struct str s = json_view(o, key);
	return s.n ? str_n(arena_strdup(&c->arena, s), s.n) : STR("");
}

static int read_package(struct composition *c, const json_t *o, struct compose_package *p)
{
	struct error e = { 0 };
	*p = (struct compose_package){ .name = copy(c, o, "name"), .version = copy(c, o, "version"), .arch = copy(c, o, "architecture"), .why = copy(c, o, "why") };
	const char *url = json_text(o, "url");
	if (!package_name_ok(p->name) || !package_version_ok(p->version) || (!str_is(p->arch, c->arch) && !str_is(p->arch, "all")) || !url || mirror_check_url(url, &e) < 0 || !json_u64(o, "size", &p->size) ||
	    digest_parse(json_view(o, "digest"), &p->sha256, &e) < 0 || p->sha256.alg != DIGEST_SHA256)
		return -1;
	p->url = arena_strdup(&c->arena, str_of(url));
	return 0;
}

static int stale(const char *name, const char *what, struct str word, struct error *err) { return error_set(err, ERR_USAGE, "%s: %.*s %s: write it anew with --lock", name, STR_FMT(str_head(word, 100)), what); }

/* What SPEC names has to be there, as it is named; what it excludes must not. */
static int fits(const struct composition *c, const char *name, struct error *err)
{
	const struct recipe *r = c->recipe;
	for (u32 i = 0; r->packages && r->packages[i]; i++) {
		struct str version = str_of(r->packages[i]), package = str_cut(&version, '=');
		bool there = false;
		for (u32 k = 0; k < c->n; k++)
			there |= str_eq(c->v[k].name, package) && (!version.p || str_eq(c->v[k].version, version));
		if (!there)
			return stale(name, "is not in it, which SPEC names", str_of(r->packages[i]), err);
	}
	for (u32 k = 0; r->exclude && k < c->n; k++)
		if (str_listed(c->v[k].name, r->exclude))
			return stale(name, "is in it, which SPEC excludes", c->v[k].name, err);
	return 0;
}

/* It was asked for the same: of the same release, and for nothing that SPEC does not name any more. */
static int asks_the_same(const struct composition *c, const json_t *doc, const json_t *arch, const char *name, struct error *err)
{
	const struct recipe *r = c->recipe;
	json_t *o, *list = json_arr(doc, "asked");
	size_t i;
	if (!str_is(json_view(doc, "distribution"), r->distribution))
		return stale(name, "is not its distribution", str_of(r->distribution), err);
	bool suite = !r->suites || !r->suites[0];
	json_array_foreach (json_arr(arch, "sources"), i, o)
		suite = suite || str_is(json_view(o, "suite"), r->suites[0]);
	if (!suite)
		return stale(name, "is not its suite", str_of(r->suites[0]), err);
	json_array_foreach (list, i, o) {
		struct str word = str_of(json_is_string(o) ? json_string_value(o) : ""), rest = word, package = str_cut(&rest, '=');
		bool said = false;
		for (u32 k = 0; r->packages && r->packages[k] && !said; k++) {
			struct str now = str_of(r->packages[k]);
			said = str_eq(str_cut(&now, '='), package);
		}
		if (!said)
			return stale(name, "was asked for, which SPEC does not name", word, err);
	}
	return 0;
}

int compose_lock_read(struct composition *c, struct str text, const char *name, struct error *err)
{
	autojson json_t *doc = json_read(text, name, err);
	json_t *list = doc ? json_arr(doc, "architectures") : NULL, *o, *arch = NULL, *packages, *p;
	u64 version;
	size_t i;
	if (!doc || !json_u64(doc, "version", &version) || version != LOCK_VERSION || !list)
		return doc ? error_set(err, ERR_USAGE, "%s: no lock file of this version", name) : -1;
	json_array_foreach (list, i, o)
		if (str_is(json_view(o, "architecture"), c->arch))
			arch = o;
	packages = arch ? json_arr(arch, "packages") : NULL;
	if (!packages || json_array_size(packages) > SOLVE_CHOSEN)
		return error_set(err, ERR_USAGE, "%s: nothing for %s is in it", name, c->arch);
	c->v = arena_array(&c->arena, struct compose_package, json_array_size(packages) + 1);
	json_array_foreach (packages, i, p) {
		if (read_package(c, p, &c->v[i]) < 0)
			return error_set(err, ERR_USAGE, "%s: package %zu of %s is damaged", name, i + 1, c->arch);
		for (u32 k = 0; k < i; k++)
			if (str_eq(c->v[k].name, c->v[i].name))
				return error_set(err, ERR_USAGE, "%s: %.*s is in it twice", name, STR_FMT(c->v[i].name));
	}
	c->n = (u32)json_array_size(packages);
	return fits(c, name, err) < 0 ? -1 : asks_the_same(c, doc, arch, name, err);
}
