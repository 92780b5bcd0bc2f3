#include "build/base.h"
#include "copy/copy.h"
#include "store/store.h"
#include "transport/transport.h"

bool base_is_image(const char *where) { return str_starts(str_of(where), STR("docker-image://")) || str_starts(str_of(where), STR("oci-layout://")); }

const char *base_context(const char *const *contexts, struct str name)
{
	struct arena a = { 0 };
	const char *ret = NULL, *asked = arena_strdup(&a, name);
	for (; contexts && *contexts; contexts++) {
		struct str rest = str_of(*contexts), is = str_cut(&rest, '=');
		if (rest.p && (str_ieq(is, name) || reference_same(arena_strdup(&a, is), asked)))
			ret = rest.p;
	}
	arena_free(&a);
	return ret;
}

/* DIR[:TAG][@DIGEST] as a location; what has a digest needs no tag. */
static const char *layout_place(struct arena *a, const char *text)
{
	struct digest d;
	const char *at = strrchr(text, '@');
	if (!at || digest_parse(str_of(at + 1), &d, NULL) < 0)
		return arena_printf(a, "oci:%s", text);
	char *dir = arena_strdup(a, str_n(text, (size_t)(at - text))), *slash = strrchr(dir, '/'), *tag = strrchr(slash ? slash : dir, ':');
	if (tag)
		*tag = '\0';
	return arena_printf(a, "oci:%s:@%s", dir, at + 1);
}

/* Which place the image is to be taken from, and what it is called in our store then. */
static int find_place(struct bases *b, const char *name, const char **from, const char **kept, struct error *err)
{
	const char *where = base_context(b->contexts, str_of(name));
	struct reference ref;
	if (where && str_starts(str_of(where), STR("oci-layout://"))) { /* DIR[:TAG][@DIGEST] */
		*from = layout_place(&b->a, where + 13);
		*kept = NULL;
		return 0;
	}
	const char *word = where ? where + 15 : name; /* docker-image:// */
	if (reference_parse(&b->a, str_of(word), &ref, err) < 0)
		return -1;
	*kept = reference_text(&b->a, &ref);
	*from = NULL;
	if (!b->pull || (b->found && !b->pull)) {
		struct store_ref have;
		int r = store_resolve(b->store, *kept, &have, &b->a, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return 0;
	}
	const char *found = b->found ? b->found(b->ctx, &b->a, word) : word;
	*from = strchr(found, ':') && (str_starts(str_of(found), STR("docker-daemon:")) || str_starts(str_of(found), STR("docker://"))) ? found : arena_printf(&b->a, "docker://%s", *kept);
	return 0;
}

/* Into our store, under its name (what has none there, under its digest alone). */
static int fetch(struct bases *b, const char *from, const char *kept, const struct platform *p, struct digest *ret, struct error *err)
{
	struct copy_result r;
	char platform[100];
	struct copy_options o = { .source = *b->repo, .target = { .store = b->dir }, .by_digest = !kept, .allowed = b->allowed, .ctx = b->ctx };
	if (*platform_text(p, platform))
		o.platform = arena_strdup(&b->a, str_of(platform));
	if (copy_image(from, kept ? arena_printf(&b->a, "pare:%s", kept) : "pare:base", &o, &b->a, &r, err) < 0)
		return -1;
	*ret = r.digest;
	return 0;
}

static int read_base(struct bases *b, const char *location, const struct platform *p, struct base *ret, struct error *err)
{
	struct source *s;
	struct source_options o = { .platform = p, .platform_forced = true, .registry = &(struct repo_options){ .store = b->dir } };
	if (source_open(location, &o, &s, err) < 0)
		return -1;
	int r = s->problems.n ? error_set(err, ERR_INPUT, "%s", s->problems.v[0]) : !s->config.n ? error_set(err, ERR_INPUT, "has no configuration") : 0;
	struct config *c = arena_new(&b->a, struct config);
	json_t *doc = r == 0 ? json_read(s->config, "configuration", err) : NULL;
	r = r < 0 || !doc ? -1 : config_parse(&b->a, doc, c, err);
	json_decref(doc);
	if (r == 0 && c->n_diff_ids != s->n_layers)
		r = error_set(err, ERR_INPUT, "has %u layers, but its configuration says %u", s->n_layers, c->n_diff_ids);
	if (r == 0 && c->platform.os[0] && !platform_match(p, &c->platform))
		r = error_set(err, ERR_INPUT, "is for %s, not for %s", platform_text(&c->platform, (char[100]){ 0 }), platform_text(p, (char[100]){ 0 }));
	for (u32 i = 0; r == 0 && i < s->n_layers; i++) {
		const struct descriptor *d = &s->layers[i].desc;
		struct build_layer l = { .diff_id = c->diff_ids[i], .digest = d->digest, .size = d->size, .media_type = arena_strdup(&b->a, str_of(d->media_type)) };
		l.compression = str_ends(str_of(d->media_type), STR("gzip")) ? COMP_GZIP : str_ends(str_of(d->media_type), STR("zstd")) ? COMP_ZSTD : COMP_NONE;
		r = store_lease(b->store, &l.digest, err);
		if (r == 0)
			ret->chain = chain_add(&b->a, &ret->chain, &l);
	}
	ret->config = str_of(arena_strdup(&b->a, s->config));
	ret->config.n = s->config.n;
	ret->digest = s->digest;
	ret->parsed = c;
	source_close(s);
	return r;
}

static int get(struct bases *b, struct base *base, struct error *err)
{
	const char *from, *kept;
	struct digest d = { 0 };
	if (find_place(b, base->name, &from, &kept, err) < 0)
		return -1;
	if (from && fetch(b, from, kept, &base->platform, &d, err) < 0)
		return -1;
	const char *location = d.alg ? arena_printf(&b->a, "pare:%s", DIGEST_STR(&d)) : arena_printf(&b->a, "pare:%s", kept);
	return read_base(b, location, &base->platform, base, err);
}

int base_get(struct bases *b, const char *name, const struct platform *p, const struct base **ret, struct error *err)
{
	int r = 0;
	pthread_mutex_lock(&b->lock);
	struct base *is = b->first;
	while (is && !(strcmp(is->name, name) == 0 && memcmp(&is->platform, p, sizeof *p) == 0))
		is = is->next;
	if (!is) {
		is = arena_new(&b->a, struct base);
		is->name = arena_strdup(&b->a, str_of(name));
		is->platform = *p;
		r = get(b, is, err);
		if (r == 0) {
			is->next = b->first;
			b->first = is;
		}
	}
	pthread_mutex_unlock(&b->lock);
	if (r < 0)
		return error_wrap(err, "%s", name);
	*ret = is;
	return 0;
}

void bases_free(struct bases *b)
{
	arena_free(&b->a);
	pthread_mutex_destroy(&b->lock);
}
