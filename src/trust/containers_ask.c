/* policy.json: which requirements an image has to meet, and whether it does. */
#include "trust/containers_parts.h"
#include "base/buf.h"
#include "oci/reference.h"
#include "trust/key.h"

bool containers_name(struct arena *a, const char *text, struct named *ret)
{
	struct reference r;
	struct str s = str_of(text);
	if (reference_parse(a, s, &r, NULL) < 0)
		return false;
	const char *at = str_chr(s, '@'), *slash;
	s = at ? str_n(s.p, (size_t)(at - s.p)) : s;
	slash = memrchr(s.p, '/', s.n);
	bool tagged = str_chr(slash ? str_from(s, (size_t)(slash - s.p)) : s, ':');
	*ret = (struct named){ r.domain, arena_printf(a, "%s/%s", r.domain, r.path), tagged ? r.tag : NULL, r.digest };
	return true;
}

static bool same(const struct named *a, const struct named *b)
{
	return strcmp(a->repository, b->repository) == 0 && !a->tag == !b->tag && (!a->tag || strcmp(a->tag, b->tag) == 0) && digest_eq(&a->digest, &b->digest);
}

/* The image under another prefix; NULL: nothing comes of that. */
static const char *remapped(struct arena *a, const struct requirement *r, const struct named *image)
{
	struct str name = str_of(image->repository), prefix = str_of(r->first);
	if (!str_starts(name, prefix) || (name.n > prefix.n && name.p[prefix.n] != '/'))
		return image->repository;
	return arena_printf(a, "%s%s", r->second, name.p + prefix.n);
}

bool containers_identity(struct arena *a, const struct requirement *r, const struct named *image, const char *identity)
{
	struct named wanted, said;
	if (!containers_name(a, identity, &said))
		return false;
	if (r->identity == EXACT_REFERENCE || r->identity == EXACT_REPOSITORY) {
		if (!containers_name(a, r->first, &wanted))
			return false;
		return r->identity == EXACT_REFERENCE ? same(&wanted, &said) : strcmp(wanted.repository, said.repository) == 0;
	}
	if (!image)
		return false;
	wanted = *image;
	if (r->identity == REMAP_IDENTITY) {
		struct named other;
		if (!containers_name(a, remapped(a, r, image), &other))
			return false;
		wanted.repository = other.repository;
	}
	if (r->identity == MATCH_REPOSITORY || (r->identity != MATCH_EXACT && wanted.digest.alg && !wanted.tag))
		return strcmp(wanted.repository, said.repository) == 0;
	if (r->identity != MATCH_EXACT) /* with both, the digest has been held already */
		wanted.digest = (struct digest){ 0 };
	return (wanted.tag || wanted.digest.alg) && same(&wanted, &said);
}

/* --- scopes --- */
static const struct scope *scope_of(const struct containers *p, const char *transport, struct str name)
{
	for (u32 i = 0; i < p->n; i++)
		if (strcmp(p->scopes[i].transport, transport) == 0 && str_is(name, p->scopes[i].name))
			return &p->scopes[i];
	return NULL;
}

/* `name`, then what stands in front of its last '/', and so on. */
static const struct scope *scope_above(const struct containers *p, const char *transport, const char *name)
{
	const struct scope *s;
	for (struct str n = str_of(name); n.n;) {
		if ((s = scope_of(p, transport, n)))
			return s;
		const char *slash = memrchr(n.p, '/', n.n);
		n = str_n(n.p, slash ? (size_t)(slash - n.p) : 0);
	}
	return NULL;
}

static const struct scope *of_registry(const struct containers *p, struct arena *a, const struct named *image)
{
	const char *whole = image->tag ? arena_printf(a, "%s:%s", image->repository, image->tag) : image->repository;
	const struct scope *s = image->digest.alg ? scope_of(p, "docker", str_of(arena_printf(a, "%s@%s", image->repository, DIGEST_STR(&image->digest)))) : NULL;
	s = s ? s : scope_of(p, "docker", str_of(whole));
	s = s ? s : scope_above(p, "docker", image->repository);
	for (const char *dot = strchr(image->domain, '.'); dot && !s; dot = strchr(dot + 1, '.'))
		s = scope_of(p, "docker", str_of(arena_printf(a, "*%s", dot)));
	return s;
}

/* "oci:DIR:TAG", by its place on the disk. */
static const struct scope *of_layout(const struct containers *p, struct arena *a, const char *detail)
{
	struct str s = str_of(detail);
	const char *colon = memrchr(s.p, ':', s.n);
	autofree char *whole = realpath(detail, NULL), *dir = whole || !colon ? NULL : realpath(arena_printf(a, "%.*s", (int)(colon - s.p), s.p), NULL);
	if (!whole && !dir)
		return NULL;
	const struct scope *found = dir ? scope_of(p, "oci", str_of(arena_printf(a, "%s%s", dir, colon))) : NULL;
	return found ? found : scope_above(p, "oci", dir ? dir : whole);
}

/* The requirements for it; *odd: its transport has scopes whose form is not known here. */
static const struct scope *choose(const struct containers *p, struct arena *a, const char *transport, const char *detail, const struct named *image, bool *odd)
{
	bool registry = strcmp(transport, "docker") == 0, layout = strcmp(transport, "oci") == 0, any = false;
	const struct scope *s = registry && image ? of_registry(p, a, image) : layout ? of_layout(p, a, detail) : NULL;
	for (u32 i = 0; i < p->n; i++)
		any = any || (strcmp(p->scopes[i].transport, transport) == 0 && p->scopes[i].name[0]);
	*odd = any && !registry && !layout;
	s = s ? s : scope_of(p, transport, STR(""));
	return s ? s : &p->all;
}

/* --- signatures --- */
static int read_keys(const struct requirement *r, struct key **keys, u32 *n, struct error *err)
{
	for (*n = 0; *n < r->n_keys; ++*n) {
		const struct key_place *k = &r->keys[*n];
		if ((k->file ? key_public(k->file, &keys[*n], err) : key_parse_public(str_of(k->pem), "keyData", &keys[*n], err)) < 0)
			return -1;
	}
	return 0;
}

/* One signature under one of the keys, with the name that is wanted. 1: there is none; *why says why. */
static int signed_by(const struct requirement *r, struct repo *from, const struct named *image, const struct digest *d, struct arena *a, const char **why, struct error *err)
{
	struct key **keys = arena_array(a, struct key *, r->n_keys + 1);
	struct signature *v;
	u32 n_keys, n, good;
	int status = read_keys(r, keys, &n_keys, err);
	if (status == 0 && (status = trust_verify(from, d, keys, n_keys, a, &v, &n, &good, err)) == 0) {
		status = 1;
		*why = n ? NULL : "there is no signature";
		for (u32 i = 0; i < n && status; i++) {
			if (v[i].key && containers_identity(a, r, image, v[i].identity))
				status = 0;
			else if (v[i].key || !*why)
				*why = v[i].key ? arena_printf(a, "is signed as \"%.200s\"", v[i].identity) : v[i].why_not;
		}
	}
	for (u32 i = 0; i < n_keys; i++)
		key_free(keys[i]);
	return status;
}

int containers_allows(const struct containers *p, struct repo *from, const char *name, const struct digest *d, struct arena *a, struct error *err)
{
	/* A place that keeps digests says what it is; else the name begins with it, or is a registry's. */
	const char *colon = strchr(name, ':'), *transport = from ? repo_transport(from) : "docker", *detail = name;
	static const char *const places[] = { "docker-archive", "oci-archive", "docker-daemon", "containers-storage", "rootfs", "dir", "file", "pare", "oci", NULL };
	if (colon && str_listed(str_n(name, (size_t)(colon - name)), places) && (!from || strcmp(transport, "docker") != 0)) {
		transport = from ? transport : arena_strdup(a, str_n(name, (size_t)(colon - name)));
		detail = colon + 1;
	}
	bool may = strcmp(transport, "docker") == 0 || (strcmp(transport, "pare") == 0 && !(from && repo_nameless(from)));
	struct named called, *image = may && containers_name(a, detail, &called) ? &called : NULL;
	bool odd;
	const struct scope *s = choose(p, a, transport, detail, image, &odd);
	const char *where = s == &p->all ? "the default" : arena_printf(a, "%s \"%s\"", s->transport, s->name);
	if (odd)
		return error_set(err, ERR_INPUT, "%s: refused: %s has scopes for %s:, which are not read here", name, p->file, transport);
	for (u32 i = 0; i < s->n; i++) {
		const struct requirement *r = &s->v[i];
		const char *why = NULL;
		if (r->kind == REQUIRE_NOTHING)
			continue;
		if (r->kind == REQUIRE_NOTHING_LIKE_IT)
			return error_set(err, ERR_INPUT, "%s: rejected by %s of %s", name, where, p->file);
		if (r->cannot)
			return error_set(err, ERR_INPUT, "%s: refused: %s of %s wants %s", name, where, p->file, r->cannot);
		if (!from || !d || d->alg == DIGEST_NONE)
			return error_set(err, ERR_INPUT, "%s: refused by %s of %s: it has to be signed, and its place keeps no signatures", name, where, p->file);
		int status = signed_by(r, from, image, d, a, &why, err);
		if (status < 0)
			return error_wrap(err, "%s: %s of %s", name, where, p->file);
		if (status > 0)
			return error_set(err, ERR_INPUT, "%s: refused by %s of %s: no signature that it wants: %s", name, where, p->file, why ? why : "another key");
	}
	return 0;
}
