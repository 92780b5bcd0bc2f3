/* store.c — what may go of our own store: names, images without one, what steps of builds came to, and what nothing needs any more. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "prune/prune.h"
#include "store/about.h"

#define RECORD_MAX (64 * KiB) /* of the build cache */

struct blob {
	struct digest digest;
	struct prune_part part;
};

/* Items while they are listed. */
struct listing {
	struct store *s;
	struct arena *a;
	struct store_ref *refs;
	u32 n, cap;
	struct blob **blobs; /* the arena's */
	struct hashtab known; /* digest -> index of blobs + 1 */
	u32 n_blobs, cap_blobs;
	/* The parts of one root, until the next comes. */
	struct digest root;
	struct prune_part **parts;
	u32 n_parts, cap_parts;
	bool root_leased;
	struct prune_item *items;
	struct prune_item *built; /* what steps of builds came to */
	u32 n_built, cap_built;
};

static int add_ref(void *ctx, const struct store_ref *ref, struct error *err)
{
	(void)err;
	struct listing *l = ctx;
	struct store_ref one = *ref;
	one.name = arena_strdup(l->a, str_of(ref->name));
	one.type = arena_strdup(l->a, str_of(ref->type));
	VEC_PUSH(l->refs, l->n, l->cap, one);
	return 0;
}

static struct blob *blob_of(struct listing *l, const struct digest *d, u64 size)
{
	u32 hash = (u32)hash64(str_n(d, sizeof *d), hash_seed);
	for (u32 at = hash, id; (id = hashtab_next(&l->known, hash, &at));)
		if (digest_eq(&l->blobs[id - 1]->digest, d))
			return l->blobs[id - 1];
	struct blob *b = arena_new(l->a, struct blob);
	*b = (struct blob){ .digest = *d, .part.bytes = size };
	VEC_PUSH(l->blobs, l->n_blobs, l->cap_blobs, b);
	hashtab_add(&l->known, hash, l->n_blobs);
	return b;
}

/* The parts gathered are those of every reference to the root. */
static void root_done(struct listing *l)
{
	struct prune_part **parts = arena_array(l->a, struct prune_part *, l->n_parts + 1);
	if (l->n_parts)
		memcpy(parts, l->parts, l->n_parts * sizeof *parts);
	for (u32 i = 0; i < l->n; i++) {
		if (!digest_eq(&l->refs[i].digest, &l->root))
			continue;
		l->items[i].parts = parts;
		l->items[i].n_parts = l->n_parts;
		l->items[i].in_use = l->root_leased ? "a running process" : NULL;
		for (u32 p = 0; p < l->n_parts; p++)
			parts[p]->holders++;
	}
	l->n_parts = 0;
	l->root_leased = false;
}

static int add_part(void *ctx, const struct digest *root, const struct digest *blob, u64 size, bool leased, struct error *err)
{
	(void)err;
	struct listing *l = ctx;
	if (!digest_eq(root, &l->root)) {
		root_done(l);
		l->root = *root;
	}
	u32 before = l->n_blobs;
	struct blob *b = blob_of(l, blob, size);
	if (leased && l->n_blobs != before)
		b->part.holders = 1; /* the process */
	l->root_leased |= leased && digest_eq(root, blob);
	VEC_PUSH(l->parts, l->n_parts, l->cap_parts, &b->part);
	return 0;
}

/* Names of one repository are neighbours: "a/b:…". */
static struct str repository(const char *name)
{
	struct str s = str_of(name), tag = str_base(s);
	const char *colon = str_chr(tag, ':');
	return colon ? str_n(s.p, (size_t)(colon - s.p)) : s;
}

/* A tag that cosign made, "sha256-HEX.sig": a signature is none of the newest N images of its repository. */
static bool is_signature(const char *name)
{
	struct str tag = str_from(str_of(name), repository(name).n + (name[repository(name).n] != '\0'));
	struct str head = str_cut(&tag, '.');
	return str_starts(head, STR("sha256-")) && head.n == 7 + 64;
}

static int make_items(struct listing *l, struct error *err)
{
	u32 group = 0;
	l->items = arena_array(l->a, struct prune_item, l->n + 1);
	for (u32 i = 0; i < l->n; i++) {
		const struct store_ref *ref = &l->refs[i];
		struct store_about *about = arena_new(l->a, struct store_about);
		struct reference name;
		if (store_about(l->s, ref, l->a, about, err) < 0)
			return -1;
		bool named = ref->name[0] != '\0';
		struct prune_item *it = &l->items[i];
		*it = (struct prune_item){ .kind = PRUNE_IMAGE, .created = ref->created, .used = ref->used, .labels = about->labels, .dangling = !named };
		struct digest *is = arena_new(l->a, struct digest);
		*is = ref->digest;
		it->stands_for = is;
		it->id = named ? ref->name : arena_strdup(l->a, str_of(DIGEST_STR(&ref->digest)));
		it->name = !named ? "<none>" : reference_parse(l->a, str_of(ref->name), &name, &(struct error){ 0 }) < 0 ? ref->name : reference_familiar(l->a, &name);
		if (i && !str_eq(repository(ref->name), repository(l->refs[i - 1].name)))
			group = i;
		it->group = is_signature(ref->name) ? l->n + i : group;
	}
	return 0;
}

/* A record of the build cache, with its layer, which images may stand on, too. */
static int add_built(void *ctx, const struct store_built *b, struct error *err)
{
	struct listing *l = ctx;
	(void)err;
	autojson json_t *j = json_read_limit(b->record, RECORD_MAX, "record", &(struct error){ 0 });
	const char *name = j ? json_text(j, "instruction") : NULL;
	struct prune_item it = { .kind = PRUNE_CACHE, .id = arena_strdup(l->a, str_of(DIGEST_STR(&b->key))), .name = arena_strdup(l->a, str_of(name ? name : "a step")), .used = b->used, .dangling = true };
	if (b->layer.alg && b->size) {
		u32 before = l->n_blobs;
		struct blob *blob = blob_of(l, &b->layer, b->size);
		struct prune_part **part = arena_array(l->a, struct prune_part *, 1);
		if (b->leased && l->n_blobs != before)
			blob->part.holders = 1; /* the process */
		part[0] = &blob->part;
		part[0]->holders++;
		it.parts = part;
		it.n_parts = 1;
	}
	VEC_PUSH(l->built, l->n_built, l->cap_built, it);
	return 0;
}

static int join_built(struct listing *l, struct error *err)
{
	if (store_built_each(l->s, add_built, l, err) < 0)
		return -1;
	if (!l->n_built)
		return 0;
	struct prune_item *all = arena_array(l->a, struct prune_item, l->n + l->n_built + 1);
	memcpy(all, l->items, l->n * sizeof *all);
	memcpy(all + l->n, l->built, l->n_built * sizeof *all);
	l->items = all;
	l->n += l->n_built;
	return 0;
}

static int add_unneeded(struct listing *l, struct error *err)
{
	struct store_swept swept;
	if (store_sweep(l->s, true, &swept, err) < 0)
		return -1;
	u32 files = swept.blobs + swept.partials;
	if (files)
		l->items[l->n++] = (struct prune_item){ .kind = PRUNE_BLOB, .id = "", .bytes = swept.bytes,
			.name = arena_printf(l->a, "%u blob%s", files, files == 1 ? "" : "s") };
	return 0;
}

static int list(void *ctx, struct arena *a, struct prune_item **ret, u32 *n, struct error *err)
{
	struct listing l = { .s = ctx, .a = a };
	hashtab_open(&l.known, 256);
	int r = store_each_ref(l.s, add_ref, &l, err);
	r = r < 0 ? r : make_items(&l, err);
	r = r < 0 ? r : store_each_part(l.s, add_part, &l, err);
	if (r >= 0) {
		root_done(&l);
		r = join_built(&l, err);
		r = r < 0 ? r : add_unneeded(&l, err);
	}
	*ret = l.items;
	*n = l.n;
	hashtab_free(&l.known);
	free(l.refs);
	free(l.blobs);
	free(l.parts);
	free(l.built);
	return r < 0 ? -1 : 0;
}

static int carry_out(void *ctx, const struct prune_item *items, u32 n, u64 *freed, struct error *err)
{
	struct store *s = ctx;
	struct store_swept swept = { 0 };
	struct digest key;
	int r = 0;
	for (u32 i = 0; r >= 0 && i < n; i++)
		if (items[i].goes && items[i].kind == PRUNE_CACHE)
			r = digest_parse(str_of(items[i].id), &key, err) < 0 ? -1 : store_built_drop(s, &key, err);
		else if (items[i].goes && items[i].kind == PRUNE_IMAGE)
			r = store_drop_ref_if(s, items[i].id, items[i].stands_for, err);
	r = r < 0 ? r : store_sweep(s, false, &swept, err);
	*freed = swept.bytes;
	return r < 0 ? -1 : 0;
}

struct prune_place prune_store(struct store *s) { return (struct prune_place){ .list = list, .carry_out = carry_out, .ctx = s }; }
