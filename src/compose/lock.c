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

static void write_packages(struct jsonw *w, const struct composition *c)
{
	jsonw_key(w, "packages");
	jsonw_arr(w);
	for (u32 i = 0; i < c->n; i++) {
		const struct compose_package *p = &c->v[i];
		jsonw_obj(w);
		jsonw_ks(w, "name", p->name);
		jsonw_ks(w, "version", p->version);
		jsonw_ks(w, "architecture", p->arch);
		jsonw_kz(w, "url", p->url);
		jsonw_ku(w, "size", p->size);
		jsonw_kz(w, "digest", DIGEST_STR(&p->sha256));
		jsonw_ks(w, "why", p->why);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void write_architecture(struct jsonw *w, const struct composition *c)
{
	jsonw_obj(w);
	jsonw_kz(w, "architecture", c->arch);
	jsonw_key(w, "sources");
	jsonw_arr(w);
	for (u32 i = 0; i < c->n_sources; i++) {
		const struct compose_source *s = &c->sources[i];
		jsonw_obj(w);
		jsonw_kz(w, "url", s->uri);
		jsonw_kz(w, "suite", s->suite);
		jsonw_ks(w, "codename", s->codename);
		jsonw_ks(w, "version", s->version);
		jsonw_ks(w, "date", s->date);
		jsonw_kz(w, "digest", DIGEST_STR(&s->release));
		jsonw_kz(w, "signed_by", s->signed_by);
		jsonw_end(w);
	}
	jsonw_end(w);
	write_packages(w, c);
	jsonw_key(w, "left_out");
	jsonw_arr(w);
	for (u32 i = 0; i < c->n_left; i++) {
		jsonw_obj(w);
		jsonw_kz(w, "name", c->left[i].name);
		jsonw_kz(w, "kind", c->left[i].kind);
		jsonw_kz(w, "by", c->left[i].by);
		jsonw_ku(w, "dependents", c->left[i].n);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
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
	jsonw_key(&w, "architectures");
	jsonw_arr(&w);
	for (u32 i = 0; i < x->n; i++)
		write_architecture(&w, &x->v[i]);
	jsonw_end(&w);
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
			return error_set(err, ERR_USAGE, "%s: %s is not in it: it is older than SPEC; write it anew with --lock", name, r->packages[i]);
	}
	for (u32 k = 0; r->exclude && k < c->n; k++)
		if (str_listed(c->v[k].name, r->exclude))
			return error_set(err, ERR_USAGE, "%s: %.*s is in it, which SPEC excludes: write it anew with --lock", name, STR_FMT(c->v[k].name));
	return 0;
}

int compose_lock_read(struct composition *c, struct str text, const char *name, struct error *err)
{
	autojson json_t *doc = json_read(text, name, err);
	json_t *list = doc ? json_arr(doc, "architectures") : NULL, *o, *packages = NULL, *p;
	u64 version;
	size_t i;
	if (!doc || !json_u64(doc, "version", &version) || version != LOCK_VERSION || !list)
		return doc ? error_set(err, ERR_USAGE, "%s: no lock file of this version", name) : -1;
	json_array_foreach (list, i, o)
		if (json_text(o, "architecture") && strcmp(json_text(o, "architecture"), c->arch) == 0)
			packages = json_arr(o, "packages");
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
	return fits(c, name, err);
}
