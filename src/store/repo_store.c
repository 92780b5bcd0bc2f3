/* repo_store.c — our store as a place that keeps content under its digest. */
#include "store/store.h"
#include "transport/repo.h"

struct repo_store {
	struct repo base;
	struct store *store;
	const char *given;       /* what the location says */
	bool parsed;             /* it is a name: ref */
	struct reference ref;
};

static struct repo_store *of(struct repo *r) { return (struct repo_store *)r; }

/* "docker.io/library/alpine:TAG" of this repository; NULL when the location is no name. */
static const char *name_with(struct repo_store *s, const char *tag, struct error *err)
{
	struct reference ref = s->ref, check;
	if (!s->parsed) {
		error_set(err, ERR_USAGE, "pare:%s: names an image by its digest, not a repository", s->given);
		return NULL;
	}
	ref.digest = (struct digest){ 0 };
	ref.tag = tag ? tag : ref.tag;
	const char *name = reference_text(&s->base.arena, &ref);
	return reference_parse(&s->base.arena, str_of(name), &check, err) < 0 ? NULL : name;
}

static int document(struct repo *r, const char *which, struct document *ret, struct error *err)
{
	struct repo_store *s = of(r);
	struct store_ref ref;
	if (which && !strchr(which, ':') && !s->parsed) /* an ID has no tags */
		return 1;
	const char *name = !which ? s->given : strchr(which, ':') ? which : name_with(s, which, err);
	for (bool again = false;; again = true) {
		int status = name ? store_resolve(s->store, name, &ref, &r->arena, err) : -1;
		if (status != 0)
			return status;
		/* Whoever prunes leaves it alone until we are done. Where nothing can be written (a full disk, somebody else's) it is read without. */
		if (store_lease(s->store, &ref.digest, NULL) < 0) { /* see above */
		}
		if (store_document(s->store, &ref.digest, &ret->bytes, err) == 0)
			break;
		if (again) /* it was not merely replaced and removed between the two */
			return -1;
		buf_clear(&ret->bytes);
	}
	if (!which && s->parsed && !s->ref.digest.alg) /* "cafe12" may be either */
		r->nameless = strcmp(ref.name, reference_text(&r->arena, &s->ref)) != 0;
	ret->digest = ref.digest;
	snprintf(ret->type, sizeof ret->type, "%s", ref.type);
	return 0;
}

static int blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err)
{
	u64 size;
	return store_blob(of(r)->store, &d->digest, from, ret, &size, err);
}

static int has(struct repo *r, const struct descriptor *d, struct error *err) { return store_has(of(r)->store, &d->digest, err); }

static int put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err)
{
	struct store *s = of(r)->store;
	int there = store_has(s, &d->digest, err);
	*how = there == 1 ? PUT_THERE : PUT_SENT;
	if (there != 0)
		return there < 0 ? -1 : 0;
	return store_take_blob(s, &d->digest, d->size, from->file, from->open, from->ctx, err);
}

static int put_document(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err)
{
	struct repo_store *s = of(r);
	struct digest d;
	bool nameless = !tag && (!s->parsed || !s->ref.tag); /* pare:NAME@sha256:… is kept by its digest alone */
	const char *name = nameless ? "" : tag && !tag[0] ? NULL : name_with(s, tag, err);
	if (!name && !(tag && !tag[0]))
		return -1;
	if (store_add_document(s->store, type, bytes, &d, err) < 0)
		return -1;
	if (!digest_eq(&d, digest))
		return error_set(err, ERR_INPUT, "manifest %s: the store names content by sha256", DIGEST_STR(digest));
	return name ? store_set_ref(s->store, name, &d, err) : 0;
}

static json_t *referrers(struct repo *r, const struct digest *subject, struct error *err) { return store_referrers(of(r)->store, subject, err); }

/* --- tags --- */
struct walk {
	struct repo_store *s;
	struct arena *a;
	const char *prefix; /* "docker.io/library/alpine:" */
	const struct digest *digest; /* NULL: any */
	const char **v;
	u32 n, cap;
};

static int see(void *ctx, const struct store_ref *ref, struct error *err)
{
	struct walk *w = ctx;
	(void)err;
	size_t n = strlen(w->prefix);
	if (strncmp(ref->name, w->prefix, n) == 0 && !strchr(ref->name + n, '/') && (!w->digest || digest_eq(w->digest, &ref->digest))) {
		const char *tag = arena_strdup(w->a, str_of(ref->name + n));
		VEC_PUSH(w->v, w->n, w->cap, tag);
	}
	return 0;
}

static int gather(struct walk *w, struct error *err)
{
	if (!w->s->parsed)
		return 0;
	w->prefix = arena_printf(w->a, "%s/%s:", w->s->ref.domain, w->s->ref.path);
	return store_each_ref(w->s->store, see, w, err);
}

static int tags(struct repo *r, int (*f)(void *ctx, const char *tag, struct error *err), void *ctx, struct error *err)
{
	struct arena a = { 0 };
	struct walk w = { .s = of(r), .a = &a };
	int status = gather(&w, err);
	for (u32 i = 0; status == 0 && i < w.n; i++)
		status = f(ctx, w.v[i], err);
	free(w.v);
	arena_free(&a);
	return status;
}

/* By a digest: every tag of this repository that means it, and what was kept by it alone. Content goes with the next sweep. */
static int erase(struct repo *r, const char *which, struct error *err)
{
	struct repo_store *s = of(r);
	struct arena a = { 0 };
	struct digest d;
	const char *name;
	if (!strchr(which, ':')) {
		name = name_with(s, which, err);
		return name ? store_drop_ref(s->store, name, err) : -1;
	}
	if (digest_parse(str_of(which), &d, err) < 0)
		return -1;
	struct walk w = { .s = s, .a = &a, .digest = &d };
	int status = gather(&w, err), none = 1;
	for (u32 i = 0; status >= 0 && i < w.n; i++) {
		name = name_with(s, w.v[i], err);
		status = name ? store_drop_ref(s->store, name, err) : -1;
		none &= status;
	}
	if (status >= 0)
		status = store_drop_ref(s->store, which, err);
	free(w.v);
	arena_free(&a);
	return status < 0 ? -1 : status & none;
}

static void close_store(struct repo *r) { store_close(of(r)->store); }

static const struct repo_ops ops = { "pare", document, blob, has, put_blob, put_document, referrers, tags, erase, close_store };

static bool is_id(struct str s)
{
	if (str_starts(s, STR("sha256:")))
		s = str_from(s, 7);
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n >= 6;
}

int repo_store_open(const char *ref, const struct repo_options *opt, struct repo **ret, struct error *err)
{
	struct repo_store *s = (struct repo_store *)repo_new(sizeof *s, &ops);
	struct arena *a = &s->base.arena;
	s->given = arena_strdup(a, str_of(ref));
	/* "sha256:…" is a digest or its beginning, never a repository of that name. */
	s->parsed = !(strncmp(ref, "sha256:", 7) == 0 && is_id(str_of(ref)));
	int r = 0;
	if (s->parsed && reference_parse(a, str_of(ref), &s->ref, err) < 0) {
		if (!is_id(str_of(ref)))
			r = -1;
		s->parsed = false;
	}
	if (s->parsed && s->ref.tag) /* without a tag it is to be kept by its digest alone; that of an index may name one platform's image */
		s->base.named = s->ref.digest;
	else if (!s->parsed && digest_parse(str_of(ref), &s->base.named, NULL) < 0) /* the beginning of one */
		s->base.named = (struct digest){ 0 };
	s->base.nameless = !s->parsed;
	s->base.name = arena_printf(a, "pare:%s", s->parsed ? reference_familiar(a, &s->ref) : ref);
	r = r < 0 ? r : store_open(opt->store, opt->write || opt->erase, &s->store, err);
	if (r < 0) {
		repo_close(&s->base);
		return -1;
	}
	s->base.dir = opt->write ? store_images_dir(s->store) : NULL;
	*ret = &s->base;
	return 0;
}
