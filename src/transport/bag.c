#include "transport/bag.h"
#include "oci/reference.h"
#include <unistd.h>

struct bag_image {
	struct source base;
	struct bag *bag;
};

static struct bag *bag_of(struct source *s) { return ((struct bag_image *)s)->bag; }

static int open_layer(struct source *s, u32 i, struct stream **ret, struct error *err)
{
	if (s->layers[i].missing)
		return error_set(err, ERR_INPUT, "%s: not there", s->layers[i].place);
	return bag_of(s)->ops->open(bag_of(s), s->layers[i].place, ret, err);
}

static void identity(struct source *s, u32 i, struct buf *out)
{
	struct bag *b = bag_of(s);
	if (b->ops->identity && !s->layers[i].missing)
		b->ops->identity(b, s->layers[i].place, out);
}

static void bag_close(struct bag *b)
{
	problems_free(&b->problems);
	b->ops->close(b);
}

static void close_source(struct source *s) { bag_close(bag_of(s)); }

static const struct source_ops ops = { open_layer, identity, close_source };

/* --- documents --- */
static json_t *document(struct bag *b, const char *name, struct error *err)
{
	struct buf text = BUF(0);
	json_t *doc = NULL;
	if (b->ops->read(b, name, JSON_BYTES, &text, err) == 0)
		doc = json_read(buf_str(&text), name, err);
	buf_free(&text);
	return doc;
}

/* The bytes of a blob, when they are what its descriptor says. With `noted` other bytes are returned all the same and said to be a problem: what they
 * say is reported, but as incomplete. */
static int blob(struct bag *b, struct arena *a, const struct descriptor *d, struct problems *noted, struct str *ret, struct error *err)
{
	char path[DIGEST_TEXT + 8];
	struct buf text = BUF(0);
	digest_path(&d->digest, path);
	if (d->bad)
		return error_set(err, ERR_INPUT, "%s", d->bad);
	if (b->ops->read(b, path, JSON_BYTES, &text, err) < 0)
		return -1;
	struct digest got = digest_bytes(d->digest.alg, buf_str(&text));
	struct error e = { 0 };
	if (!digest_eq(&got, &d->digest))
		error_set(&e, ERR_INPUT, "%s: its digest is %s", path, DIGEST_STR(&got));
	else if (text.n != d->size)
		error_set(&e, ERR_INPUT, "%s: %zu bytes, its descriptor says %llu", path, text.n, (unsigned long long)d->size);
	if (e.kind && noted)
		problem_add(noted, "%s", e.text);
	int r = e.kind && !noted ? -1 : 0;
	if (r < 0)
		*err = e;
	else
		*ret = str_n(arena_strdup(a, buf_str(&text)), text.n);
	buf_free(&text);
	return r;
}

/* The configuration: without a sound one the layers are still read, but nothing says what their diff IDs should be. */
static void config(struct source *s, struct bag *b, const struct descriptor *d)
{
	struct error e = { 0 };
	s->config_digest = d->digest;
	if (blob(b, &s->arena, d, &s->problems, &s->config, &e) < 0)
		problem_add(&s->problems, "configuration: %s", e.text);
}

static void layer(struct source *s, struct bag *b, u32 i, const struct descriptor *d, const char *place)
{
	struct source_layer *l = &s->layers[i];
	l->desc = *d;
	l->place = arena_strdup(&s->arena, str_of(place));
	if (d->bad) {
		problem_add(&s->problems, "layer %u: %s", i, d->bad);
		l->missing = true;
	} else if (!b->ops->find(b, l->place, &l->stored)) {
		problem_add(&s->problems, "layer %u: %s: not there", i, l->place);
		l->missing = true;
	} else if (b->ops->take && b->ops->take(b, l->place, &l->read)) {
		l->was_read = true;
	}
}

static int oci_image(struct source *s, struct bag *b, const struct descriptor *d, struct error *err)
{
	if (blob(b, &s->arena, d, &s->problems, &s->manifest, err) < 0)
		return error_wrap(err, "manifest");
	autojson json_t *doc = json_read(s->manifest, "manifest", err);
	struct manifest m;
	if (!doc || manifest_parse(&s->arena, doc, &m, err) < 0)
		return doc ? error_wrap(err, "manifest %s", DIGEST_STR(&d->digest)) : -1;
	s->digest = d->digest;
	s->manifest_media_type = d->media_type[0] ? d->media_type : m.media_type;
	config(s, b, &m.config);
	s->layers = arena_array(&s->arena, struct source_layer, m.n);
	s->n_layers = m.n;
	for (u32 i = 0; i < m.n; i++) {
		char path[DIGEST_TEXT + 8];
		layer(s, b, i, &m.layers[i], digest_path(&m.layers[i].digest, path));
	}
	return 0;
}

/* --- choosing from an index --- */
struct candidates {
	struct bag *bag;
	struct arena *arena;
	const struct source_options *opt;
	struct platform want;
	const struct descriptor *best;
	const char *best_name; /* the tag it was found under */
	int best_score;
	const struct descriptor *absent; /* the first that is not there */
	const struct descriptor *other;  /* the first that is no image */
	const struct descriptor *only; /* the first image that was seen … */
	const char *only_name;
	u32 seen;                      /* … of so many */
	struct buf platforms; /* those that were there, for the message */
};

static const char *tag_of(const struct descriptor *d) { return d->image_name ? d->image_name : d->ref_name; }

static void consider(struct candidates *c, const struct descriptor *d, const char *name)
{
	bool artifact = d->media_type[0] && !media_type_is_manifest(d->media_type); /* a chart, a signature: something that is no image */
	if (artifact && !c->other)
		c->other = d;
	if (d->attestation || d->bad || artifact)
		return;
	/* An archive of one platform may still have the index of all: what is not there is chosen only when it was asked for. */
	u64 size;
	char path[DIGEST_TEXT + 8];
	if (!c->opt->platform_forced && !c->bag->ops->find(c->bag, digest_path(&d->digest, path), &size)) {
		c->absent = c->absent ? c->absent : d;
		return;
	}
	bool known = d->platform.arch[0] || d->platform.os[0];
	int score = known ? platform_match(&c->want, &d->platform) : 1;
	if (c->seen++ == 0) {
		c->only = d;
		c->only_name = name;
	}
	if (known)
		platform_list(&d->platform, &c->platforms);
	if (score > c->best_score) {
		c->best = d;
		c->best_name = name;
		c->best_score = score;
	}
}

static bool named(const struct descriptor *d, const char *choice)
{
	return (d->ref_name && strcmp(d->ref_name, choice) == 0) || (d->image_name && (strcmp(d->image_name, choice) == 0 || reference_same(d->image_name, choice))) ||
	       (choice[0] == '@' && strcmp(DIGEST_STR(&d->digest), choice + 1) == 0);
}

static int gather(struct candidates *c, const struct index *x, const char *choice, const char *name, int depth, struct error *err)
{
	if (depth > OCI_NESTED_MAX)
		return error_set(err, ERR_INPUT, "indexes inside indexes: more than %d deep", OCI_NESTED_MAX);
	u64 number = UINT64_MAX;
	if (choice[0] == '@' && !str_to_u64(str_of(choice + 1), &number))
		number = UINT64_MAX;
	for (u32 i = 0; i < x->n; i++) {
		const struct descriptor *d = &x->manifests[i];
		if (choice[0] ? !named(d, choice) && number != i : d->refers && x->n > 1)
			continue;
		const char *tag = tag_of(d) ? tag_of(d) : name;
		if (!media_type_is_index(d->media_type)) {
			consider(c, d, tag);
			continue;
		}
		struct str text;
		struct index inner;
		if (blob(c->bag, c->arena, d, NULL, &text, err) < 0)
			return error_wrap(err, "index");
		autojson json_t *doc = json_read(text, "index", err);
		if (!doc || index_parse(c->arena, doc, &inner, err) < 0 || gather(c, &inner, "", tag, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int choose(struct source *s, struct bag *b, const struct index *x, const char *choice, const struct source_options *opt, const struct descriptor **ret, struct error *err)
{
	struct candidates c = { .bag = b, .arena = &s->arena, .opt = opt, .want = opt->platform ? *opt->platform : platform_host() };
	int r = gather(&c, x, choice, NULL, 0, err);
	char text[100];
	if (r == 0 && c.seen == 0 && c.absent)
		c.best = c.absent; /* opening it says what is missing */
	else if (r == 0 && c.seen == 0 && c.other && strncmp(c.other->media_type, MT_DOCKER_SCHEMA1, strlen(MT_DOCKER_SCHEMA1)) == 0)
		r = error_set(err, ERR_INPUT, "%s: Docker's manifests of schema 1 are not supported", b->name);
	else if (r == 0 && c.seen == 0 && c.other)
		r = error_set(err, ERR_INPUT, "%s: no image%s%s: it is of the type %s", b->name, choice[0] ? " under " : "", choice, c.other->media_type);
	else if (r == 0 && c.seen == 0)
		r = choice[0] ? error_set(err, ERR_USAGE, "%s: no image '%s' in it", b->name, choice) : error_set(err, ERR_INPUT, "%s: its index names no image", b->name);
	if (r == 0 && !c.best && !opt->platform_forced && c.seen == 1) { /* the only one there is, if for another machine */
		c.best = c.only;
		c.best_name = c.only_name;
	}
	if (r == 0 && !c.best)
		r = error_set(err, ERR_USAGE, "%s: nothing for %s; there is: %s (--platform)", b->name, platform_text(&c.want, text), c.platforms.n ? c.platforms.p : "nothing");
	if (r == 0) {
		*ret = c.best;
		if (c.best_name)
			s->reference = c.best_name;
	}
	buf_free(&c.platforms);
	return r;
}

/* --- several images, and none is named --- */
static void list_name(struct buf *names, const char *name, size_t number)
{
	if (names->n > 300)
		return;
	buf_puts(names, names->n ? ", " : "");
	if (name)
		buf_printf(names, "%.200s", name);
	else
		buf_printf(names, "@%zu", number);
}

static int several(const struct bag *b, const struct buf *names, struct error *err)
{
	return error_set(err, ERR_USAGE, "%s: several images are in it; name one of: %s", b->name, names->p);
}

/* Entries without a name that are each for a platform are one image; so is what stands there under several names. */
static int only_one(const struct bag *b, const struct index *x, struct error *err)
{
	const struct descriptor *first = NULL;
	bool tags = false, bare = false, other = false;
	struct buf names = BUF(0);
	for (u32 i = 0; i < x->n; i++) {
		const struct descriptor *d = &x->manifests[i];
		if (d->bad || d->attestation || d->refers)
			continue;
		tags |= tag_of(d) != NULL;
		bare |= !d->platform.arch[0];
		other |= first && !digest_eq(&first->digest, &d->digest);
		first = first ? first : d;
		list_name(&names, d->ref_name ? d->ref_name : d->image_name, i);
	}
	int r = other && (tags || bare) ? several(b, &names, err) : 0;
	buf_free(&names);
	return r;
}

static int only_entry(const struct bag *b, const json_t *doc, struct error *err)
{
	struct buf names = BUF(0);
	const json_t *first = json_array_get(doc, 0);
	bool other = false;
	size_t i;
	json_t *e;
	json_array_foreach (doc, i, e) {
		other |= !json_equal(json_object_get(e, "Config"), json_object_get(first, "Config")) || !json_equal(json_object_get(e, "Layers"), json_object_get(first, "Layers"));
		list_name(&names, json_string_value(json_array_get(json_arr(e, "RepoTags"), 0)), i);
	}
	int r = other ? several(b, &names, err) : 0;
	buf_free(&names);
	return r;
}

static int oci(struct source *s, struct bag *b, const json_t *doc, const char *choice, const struct source_options *opt, struct error *err)
{
	struct index x;
	const struct descriptor *d = NULL;
	if (index_parse(&s->arena, doc, &x, err) < 0)
		return error_wrap(err, "index.json");
	if (opt->one && !choice[0] && only_one(b, &x, err) < 0)
		return -1;
	if (choose(s, b, &x, choice, opt, &d, err) < 0)
		return -1;
	return oci_image(s, b, d, err);
}

/* --- docker-archive: manifest.json is [{Config, RepoTags, Layers}] --- */
static bool clean_name(const char *name, char *out) { return name && tar_clean(str_of(name), out) > 0; }

static const json_t *docker_entry(const json_t *doc, const char *choice, const char **tag)
{
	u64 number;
	if (choice[0] == '@')
		return str_to_u64(str_of(choice + 1), &number) ? json_array_get(doc, (size_t)number) : NULL;
	size_t i;
	json_t *item;
	json_array_foreach (doc, i, item) {
		json_t *tags = json_arr(item, "RepoTags");
		if (!choice[0]) {
			*tag = tags ? json_string_value(json_array_get(tags, 0)) : NULL;
			return item;
		}
		for (size_t k = 0; tags && k < json_array_size(tags); k++) {
			const char *t = json_string_value(json_array_get(tags, k));
			if (t && (strcmp(t, choice) == 0 || reference_same(t, choice))) {
				*tag = t;
				return item;
			}
		}
	}
	return NULL;
}

static void docker_config(struct source *s, struct bag *b, const char *name)
{
	struct buf text = BUF(0);
	struct error e = { 0 };
	if (b->ops->read(b, name, JSON_BYTES, &text, &e) < 0) {
		problem_add(&s->problems, "configuration: %s", e.text);
	} else {
		s->config = str_n(arena_strdup(&s->arena, buf_str(&text)), text.n);
		s->config_digest = digest_bytes(DIGEST_SHA256, s->config);
		/* A name that is a digest must be the right one; any other name is as good. */
		const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
		struct str hex = str_of(base);
		if (str_starts(hex, STR("sha256:")))
			hex = str_from(hex, 7);
		struct digest want;
		char full[DIGEST_TEXT];
		if (hex.n >= 64 && (hex.n == 64 || str_is(str_from(hex, 64), ".json")) && strncmp(name, "blobs/", 6) == 0) {
			snprintf(full, sizeof full, "sha256:%.64s", hex.p);
			if (digest_parse(str_of(full), &want, NULL) == 0 && !digest_eq(&want, &s->config_digest))
				problem_add(&s->problems, "configuration: %s: its digest is %s", name, DIGEST_STR(&s->config_digest));
		}
	}
	buf_free(&text);
}

static int docker(struct source *s, struct bag *b, const json_t *doc, const char *choice, const struct source_options *opt, struct error *err)
{
	static const struct descriptor none = { .media_type = "" };
	char clean[TAR_PATH_MAX + 1];
	const char *tag = NULL;
	if (!json_is_array(doc) || json_array_size(doc) == 0)
		return error_set(err, ERR_INPUT, "%s: manifest.json names no image", b->name);
	if (opt->one && !choice[0] && only_entry(b, doc, err) < 0)
		return -1;
	const json_t *e = docker_entry(doc, choice, &tag);
	if (!e)
		return error_set(err, ERR_USAGE, "%s: no image '%s' in it (%zu image%s)", b->name, choice, json_array_size(doc), json_array_size(doc) == 1 ? "" : "s");
	if (tag)
		s->reference = arena_strdup(&s->arena, str_of(tag));
	if (!clean_name(json_text(e, "Config"), clean))
		problem_add(&s->problems, "manifest.json: names no configuration");
	else
		docker_config(s, b, clean);
	json_t *list = json_arr(e, "Layers");
	size_t n = list ? json_array_size(list) : 0;
	if (!list)
		problem_add(&s->problems, "manifest.json: \"Layers\" is no array");
	if (n > OCI_LAYERS_MAX)
		return error_set(err, ERR_INPUT, "manifest.json: %zu layers: more than %d", n, OCI_LAYERS_MAX);
	s->layers = arena_array(&s->arena, struct source_layer, n);
	s->n_layers = (u32)n;
	for (u32 i = 0; i < n; i++) {
		if (clean_name(json_string_value(json_array_get(list, i)), clean))
			layer(s, b, i, &none, clean);
		else
			layer(s, b, i, &(struct descriptor){ .media_type = "", .bad = "manifest.json: a layer without a name" }, "");
	}
	return 0;
}

static int fill(struct source *s, struct bag *b, enum bag_form form, const char *choice, const struct source_options *opt, struct error *err)
{
	u64 size;
	bool has_index = form != BAG_DOCKER && b->ops->find(b, "index.json", &size), has_manifest = form != BAG_OCI && b->ops->find(b, "manifest.json", &size);
	struct error e = { 0 };
	if (has_index) {
		autojson json_t *doc = document(b, "index.json", &e);
		json_t *list = doc ? json_object_get(doc, "manifests") : NULL;
		/* Docker 25 writes both forms; an index without manifests beside manifest.json says nothing. */
		if (doc && !(has_manifest && (!json_is_array(list) || json_array_size(list) == 0)))
			return oci(s, b, doc, choice, opt, err);
		if (!has_manifest) {
			*err = e;
			return -1;
		}
	}
	if (has_manifest) {
		autojson json_t *doc = document(b, "manifest.json", err);
		return doc ? docker(s, b, doc, choice, opt, err) : -1;
	}
	if (b->problems.n)
		return error_set(err, ERR_INPUT, "%s: %s", b->name, b->problems.v[0]);
	return error_set(err, ERR_INPUT, "%s: no image in it (neither index.json nor manifest.json)", b->name);
}

int bag_source(struct bag *b, enum bag_form form, const char *transport, const char *choice, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct source *s = source_new(sizeof(struct bag_image), &ops, transport);
	((struct bag_image *)s)->bag = b;
	if (opt->layer && opt->layer->headers_only) /* between headers it seeks: what it reads more is wasted */
		b->chunk = 2048;
	s->reference = arena_strdup(&s->arena, str_of(b->name));
	s->manifest_media_type = "";
	problems_merge(&s->problems, &b->problems, NULL);
	if (fill(s, b, form, choice, opt, err) < 0) {
		source_close(s);
		return -1;
	}
	if (form == BAG_ANY && !transport)
		s->transport = s->manifest.n ? "oci-archive" : "docker-archive";
	*ret = s;
	return 0;
}

void bag_split(const char *detail, char **file, const char **choice)
{
	*file = xstrdup(detail);
	*choice = "";
	if (access(detail, F_OK) == 0)
		return;
	const char *first = NULL;
	for (const char *p = strchr(detail, ':'); p; p = strchr(p + 1, ':')) {
		char *head = strndup(detail, (size_t)(p - detail));
		bool there = head && access(head, F_OK) == 0;
		free(head);
		if (!first || there)
			first = p;
		if (there)
			break;
	}
	if (first) {
		(*file)[first - detail] = '\0';
		*choice = first + 1;
	}
}
