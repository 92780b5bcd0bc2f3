/* registry.c — a repository's tags as things that may go.
 *
 * An item is a tag with all that stands on its manifest: the manifests of an index, what refers to it (signatures, SBOMs), and the tags that only hold such
 * ("sha256-…", "sha256-….sig"). Those are no items of their own: they go with the last tag of what they belong to, and stay as long as one of its tags does. Registries do not list what has no
 * tag; what such tags name is found through them.
 *
 * Removing: a manifest by its digest when every tag of it goes, else the tag alone, where the registry can do that. Before that the tags are read again: what was moved
 * or came meanwhile keeps what it stands on. */
#include "prune/prune.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "base/json.h"
#include "oci/reference.h"
#include "transport/repo.h"

#define NODES_MAX 200000u
#define CONFIG_MAX ((size_t)(4 * MiB))

struct list { /* of indices */
	u32 *v, n, cap;
};
struct part {
	struct prune_part p;
	struct digest digest;
	u32 seen;
};
struct node { /* a manifest or an index */
	struct digest digest;
	struct list uses;     /* nodes that are there because of it */
	struct list parts;    /* blobs, itself among them */
	s64 created;
	bool there, gone;
	u32 seen, left;       /* left: items that need it and stay */
};
struct tag {
	const char *name;
	u32 node;             /* 0: it could not be read */
	struct digest about;  /* of a tag that belongs to another manifest; none else */
};
struct place {
	struct repo *r;
	struct arena *a;
	struct node *nodes;   /* from 1 */
	struct part **parts;  /* from 1 */
	struct tag *tags;
	u32 n_nodes, cap_nodes, n_parts, cap_parts, n_tags, cap_tags;
	struct hashtab node_index, part_index;
	u32 turn;
};

static u32 hash_of(const struct digest *d) { return (u32)hash64(str_n(d->bytes, sizeof d->bytes), hash_seed); }

static void list_add(struct list *l, u32 id)
{
	for (u32 i = l->n; i > 0 && i + 64 > l->n; i--) /* the same again stands near */
		if (l->v[i - 1] == id)
			return;
	VEC_PUSH(l->v, l->n, l->cap, id);
}

static u32 part_of(struct place *p, const struct descriptor *d)
{
	u32 h = hash_of(&d->digest);
	for (u32 at = h, id; (id = hashtab_next(&p->part_index, h, &at));)
		if (digest_eq(&p->parts[id]->digest, &d->digest))
			return id;
	struct part *new = arena_new(p->a, struct part);
	*new = (struct part){ .digest = d->digest, .p.bytes = d->size };
	VEC_PUSH(p->parts, p->n_parts, p->cap_parts, new);
	hashtab_add(&p->part_index, h, p->n_parts - 1);
	return p->n_parts - 1;
}

/* --- reading --- */
static s64 moment(const char *text)
{
	s64 t = 0;
	return text && strchr(text, 'T') && prune_age(text, 0, &t, NULL) == 0 ? t : 0;
}

/* When the image was made; 0 when nobody says. What could not be asked for is no answer: it would count as the oldest, and go. */
static int created_of(struct place *p, const struct descriptor *config, s64 *ret, struct error *err)
{
	struct buf text = BUF(CONFIG_MAX);
	struct stream *s = NULL;
	struct str view = { "", 1 };
	struct error why = { 0 };
	*ret = 0;
	if (config->size > CONFIG_MAX || config->size < 3)
		return 0;
	int r = repo_blob(p->r, config, 0, &s, &why);
	while (r == 0 && view.n && (r = stream_next(s, &view, &why)) == 0)
		buf_add(&text, view);
	stream_close(s);
	autojson json_t *doc = r == 0 && !text.over ? json_read_limit(buf_str(&text), CONFIG_MAX, "config", &why) : NULL;
	*ret = moment(doc ? json_text(doc, "created") : NULL);
	buf_free(&text);
	if (r == 0)
		return 0;
	int has = repo_has(p->r, config, err);
	if (has > 0)
		*err = why;
	return has == 0 ? 0 : -1;
}

static u32 node_of(struct place *p, const struct digest *digest, bool *new)
{
	u32 h = hash_of(digest);
	*new = false;
	for (u32 at = h, id; (id = hashtab_next(&p->node_index, h, &at));)
		if (digest_eq(&p->nodes[id].digest, digest))
			return id;
	VEC_PUSH(p->nodes, p->n_nodes, p->cap_nodes, ((struct node){ .digest = *digest }));
	hashtab_add(&p->node_index, h, p->n_nodes - 1);
	*new = true;
	return p->n_nodes - 1;
}

static int node_uses(struct place *p, u32 id, const struct digest *digest, struct list *todo, struct error *err)
{
	bool new;
	u32 child = node_of(p, digest, &new);
	if (p->n_nodes > NODES_MAX)
		return error_set(err, ERR_INPUT, "%s: over %u manifests", repo_name(p->r), NODES_MAX);
	list_add(&p->nodes[id].uses, child);
	if (new)
		VEC_PUSH(todo->v, todo->n, todo->cap, child);
	return 0;
}

/* What a document names. Damage makes it an item without these, not a failure. */
static int node_fill(struct place *p, u32 id, const struct document *d, struct list *todo, struct error *err)
{
	struct descriptor self = { .digest = d->digest, .size = d->bytes.n };
	struct error ignored = { 0 };
	struct arena a = { 0 };
	struct index x;
	struct manifest m;
	int r = 0;
	autojson json_t *doc = json_read_limit(buf_str(&d->bytes), REPO_DOCUMENT_MAX, "manifest", &ignored);
	p->nodes[id].there = true;
	list_add(&p->nodes[id].parts, part_of(p, &self));
	if (doc && media_type_is_index(d->type) && index_parse(&a, doc, &x, &ignored) == 0) {
		for (u32 i = 0; i < x.n && r == 0; i++)
			r = x.manifests[i].bad ? 0 : node_uses(p, id, &x.manifests[i].digest, todo, err);
	} else if (doc && manifest_parse(&a, doc, &m, &ignored) == 0) {
		list_add(&p->nodes[id].parts, part_of(p, &m.config));
		for (u32 i = 0; i < m.n; i++)
			if (!m.layers[i].bad)
				list_add(&p->nodes[id].parts, part_of(p, &m.layers[i]));
		r = created_of(p, &m.config, &p->nodes[id].created, err);
	}
	if (r == 0 && doc && !p->nodes[id].created)
		p->nodes[id].created = moment(json_text(json_obj(doc, "annotations"), "org.opencontainers.image.created"));
	autojson json_t *about = r == 0 ? repo_referrers(p->r, &d->digest, NULL, err) : NULL;
	if (r == 0 && !about)
		r = -1;
	for (size_t i = 0; r == 0 && i < json_array_size(json_arr(about, "manifests")); i++) {
		struct digest digest;
		if (digest_parse(json_view(json_array_get(json_arr(about, "manifests"), i), "digest"), &digest, NULL) == 0)
			r = node_uses(p, id, &digest, todo, err);
	}
	arena_free(&a);
	return r;
}

/* Everything that a node stands on. */
static int node_rest(struct place *p, struct list *todo, struct error *err)
{
	int r = 0;
	while (r >= 0 && todo->n) {
		u32 id = todo->v[--todo->n];
		struct document d = { 0 };
		struct error why = { 0 };
		r = repo_document(p->r, DIGEST_STR(&p->nodes[id].digest), &d, &why);
		if (r == 0)
			r = node_fill(p, id, &d, todo, err);
		else if (r < 0 && why.kind == ERR_INPUT)
			r = 0; /* damaged: it stays as it is */
		else if (r < 0)
			*err = why;
		document_free(&d);
	}
	free(todo->v);
	*todo = (struct list){ 0 };
	return r < 0 ? -1 : 0;
}

/* 1: it is gone meanwhile. */
static int tag_read(struct place *p, struct tag *t, struct error *err)
{
	struct document d = { 0 };
	struct error why = { 0 };
	struct list todo = { 0 };
	bool new;
	t->node = 0;
	int r = repo_document(p->r, t->name, &d, &why);
	if (r < 0 && why.kind != ERR_INPUT)
		*err = why;
	if (r != 0)
		return r < 0 && why.kind == ERR_INPUT ? 0 : r;
	t->node = node_of(p, &d.digest, &new);
	r = p->nodes[t->node].there ? 0 : node_fill(p, t->node, &d, &todo, err);
	document_free(&d);
	int rest = node_rest(p, &todo, r < 0 ? NULL : err);
	return r < 0 ? r : rest;
}

/* "sha256-HEX", "sha256-HEX.sig": belongs to sha256:HEX. */
static bool belongs_to(const char *tag, struct digest *ret)
{
	struct str s = str_of(tag), name = str_cut(&s, '.');
	char text[DIGEST_TEXT];
	if (!str_starts(name, STR("sha256-")) || name.n != 7 + 64)
		return false;
	snprintf(text, sizeof text, "sha256:%.*s", 64, name.p + 7);
	return digest_parse(str_of(text), ret, NULL) == 0;
}

static int take_tag(void *ctx, const char *name, struct error *err)
{
	struct place *p = ctx;
	(void)err;
	struct tag t = { .name = arena_strdup(p->a, str_of(name)) };
	(void)belongs_to(name, &t.about);
	VEC_PUSH(p->tags, p->n_tags, p->cap_tags, t);
	return 0;
}

static int read_all(struct place *p, struct error *err)
{
	if (repo_tags(p->r, take_tag, p, err) < 0)
		return -1;
	u32 n = 0;
	for (u32 i = 0; i < p->n_tags; i++) {
		int r = tag_read(p, &p->tags[i], err);
		if (r < 0)
			return -1;
		if (r == 0)
			p->tags[n++] = p->tags[i];
	}
	p->n_tags = n;
	for (u32 i = 0; i < n; i++) { /* what belongs to a manifest hangs on it, be it without a tag or gone */
		struct list todo = { 0 };
		bool new;
		if (!p->tags[i].about.alg || !p->tags[i].node)
			continue;
		u32 about = node_of(p, &p->tags[i].about, &new);
		if (new)
			VEC_PUSH(todo.v, todo.n, todo.cap, about);
		if (node_rest(p, &todo, err) < 0)
			return -1;
		list_add(&p->nodes[about].uses, p->tags[i].node);
	}
	return 0;
}

/* --- items --- */
/* All nodes of a root that are there, itself first; each once. */
static void closure(struct place *p, u32 root, struct list *ret)
{
	ret->n = 0;
	p->turn++;
	VEC_PUSH(ret->v, ret->n, ret->cap, root);
	p->nodes[root].seen = p->turn;
	for (u32 i = 0; i < ret->n; i++) {
		const struct list *uses = &p->nodes[ret->v[i]].uses;
		for (u32 k = 0; k < uses->n; k++) {
			if (p->nodes[uses->v[k]].seen != p->turn) {
				p->nodes[uses->v[k]].seen = p->turn;
				VEC_PUSH(ret->v, ret->n, ret->cap, uses->v[k]);
			}
		}
	}
}

static void item_parts(struct place *p, const struct list *nodes, struct prune_item *i)
{
	struct list all = { 0 };
	s64 youngest = 0;
	for (u32 k = 0; k < nodes->n; k++) {
		const struct node *n = &p->nodes[nodes->v[k]];
		youngest = MAX(youngest, n->created);
		for (u32 q = 0; q < n->parts.n; q++) {
			struct part *part = p->parts[n->parts.v[q]];
			if (part->seen != p->turn) {
				part->seen = p->turn;
				part->p.holders++;
				VEC_PUSH(all.v, all.n, all.cap, n->parts.v[q]);
			}
		}
	}
	struct prune_part **v = arena_array(p->a, struct prune_part *, all.n + 1);
	for (u32 k = 0; k < all.n; k++)
		v[k] = &p->parts[all.v[k]]->p;
	i->parts = v;
	i->n_parts = all.n;
	i->created = p->nodes[nodes->v[0]].created ? p->nodes[nodes->v[0]].created : youngest;
	free(all.v);
}

/* The repository as it was named, wherever registries.conf leads that; *path without the registry. */
static const char *whole_name(struct place *p, const char **path)
{
	struct reference ref;
	if (reference_parse(p->a, str_of(repo_name(p->r)), &ref, &(struct error){ 0 }) < 0)
		return *path = repo_name(p->r);
	*path = ref.path;
	return arena_printf(p->a, "%s/%s", ref.domain, ref.path);
}

static int list(void *ctx, struct arena *a, struct prune_item **ret, u32 *ret_n, struct error *err)
{
	struct place *p = ctx;
	struct list nodes = { 0 };
	p->a = a;
	if (read_all(p, err) < 0)
		return -1;
	struct prune_item *items = arena_array(a, struct prune_item, 2 * (size_t)p->n_tags + 1);
	const char *path, *whole = whole_name(p, &path);
	u32 n = 0;
	for (u32 i = 0; i < p->n_tags; i++) {
		const struct tag *t = &p->tags[i];
		if (t->about.alg && t->node)
			continue;
		items[n] = (struct prune_item){ .kind = PRUNE_TAG, .id = t->name, .name = arena_printf(a, "%s:%s", whole, t->name), .path = arena_printf(a, "%s:%s", path, t->name) };
		if (t->node) {
			closure(p, t->node, &nodes);
			item_parts(p, &nodes, &items[n]);
			for (u32 k = 0; k < nodes.n; k++)
				p->nodes[nodes.v[k]].left++;
		} else {
			items[n].in_use = "something that cannot be read";
		}
		n++;
	}
	for (u32 i = 0; i < p->n_tags; i++) { /* what belongs to something without a tag */
		bool new;
		u32 about = p->tags[i].about.alg && p->tags[i].node ? node_of(p, &p->tags[i].about, &new) : 0;
		if (!about || p->nodes[about].left)
			continue;
		items[n] = (struct prune_item){ .kind = PRUNE_MANIFEST, .id = arena_strdup(a, str_of(DIGEST_STR(&p->tags[i].about))), .dangling = true };
		items[n].name = arena_printf(a, "%s@%.19s", whole, items[n].id);
		closure(p, about, &nodes);
		item_parts(p, &nodes, &items[n]);
		for (u32 k = 0; k < nodes.n; k++)
			p->nodes[nodes.v[k]].left++;
		n++;
	}
	free(nodes.v);
	*ret = items;
	*ret_n = n;
	return 0;
}

/* --- removing --- */
/* The tag of that name among the first n, which are sorted; NULL: none. */
static struct tag *tag_named(struct place *p, u32 n, const char *name)
{
	u32 from = 0;
	while (from < n) {
		u32 middle = from + (n - from) / 2;
		int c = strcmp(p->tags[middle].name, name);
		if (c == 0)
			return &p->tags[middle];
		from = c < 0 ? middle + 1 : from;
		n = c < 0 ? n : middle;
	}
	return NULL;
}

/* The node of an item; 0: none. */
static u32 root_of(struct place *p, u32 n_tags, const struct prune_item *i)
{
	struct digest d;
	bool new;
	if (i->kind == PRUNE_MANIFEST)
		return digest_parse(str_of(i->id), &d, NULL) == 0 ? node_of(p, &d, &new) : 0;
	const struct tag *t = tag_named(p, n_tags, i->id);
	return t ? t->node : 0;
}

static void hold(struct place *p, u32 root, bool on)
{
	struct list nodes = { 0 };
	closure(p, root, &nodes);
	for (u32 k = 0; k < nodes.n; k++)
		p->nodes[nodes.v[k]].left += on ? 1 : UINT32_MAX;
	free(nodes.v);
}

/* The tags as they are now: an item whose tag means something else stays, and so does all that a tag stands on which came meanwhile. `goes` is the caller's, n of them. */
static int look_again(struct place *p, const struct prune_item *items, u32 n, bool *goes, struct error *err)
{
	u32 before = p->n_tags;
	u32 *item_of = xcalloc((size_t)before + 1, sizeof *item_of); /* of a tag: its item + 1 */
	for (u32 i = 0; i < n; i++) {
		const struct tag *t = items[i].kind == PRUNE_TAG ? tag_named(p, before, items[i].id) : NULL;
		if (t)
			item_of[t - p->tags] = i + 1;
	}
	int r = repo_tags(p->r, take_tag, p, err);
	for (u32 i = before; i < p->n_tags && r >= 0; i++) {
		const struct tag *known = tag_named(p, before, p->tags[i].name);
		u32 item = known ? item_of[known - p->tags] : 0;
		if (item ? !goes[item - 1] : known != NULL)
			continue;
		u32 old = known ? known->node : 0;
		struct tag t = p->tags[i];
		r = tag_read(p, &t, err);
		if (r == 0 && t.node && t.node != old) {
			hold(p, t.node, true);
			if (item)
				goes[item - 1] = false;
		}
	}
	p->n_tags = before;
	free(item_of);
	return r < 0 ? -1 : 0;
}

static int remove_item(struct place *p, const struct prune_item *i, u32 root, struct error *err)
{
	if (p->nodes[root].left) /* another tag needs the manifest */
		return i->kind == PRUNE_TAG ? repo_delete(p->r, i->id, err) : 0;
	struct list nodes = { 0 };
	int r = 0;
	closure(p, root, &nodes);
	for (u32 k = 0; k < nodes.n && r >= 0; k++) { /* the index before its manifests, the image before what refers to it */
		struct node *n = &p->nodes[nodes.v[k]];
		if (!n->there || n->gone || n->left)
			continue;
		r = repo_delete(p->r, DIGEST_STR(&n->digest), err);
		n->gone = r >= 0;
	}
	free(nodes.v);
	return r < 0 ? -1 : 0;
}

/* What stood under manifests that are gone now, and under no other, whatever was meant to go. */
static u64 freed_by(struct place *p)
{
	u64 freed = 0;
	p->turn++;
	for (int gone = 0; gone < 2; gone++) /* first what is there still: its parts are not free */
		for (u32 i = 1; i < p->n_nodes; i++)
			for (u32 k = 0; p->nodes[i].gone == (gone > 0) && k < p->nodes[i].parts.n; k++) {
				struct part *part = p->parts[p->nodes[i].parts.v[k]];
				freed += gone && part->seen != p->turn ? part->p.bytes : 0;
				part->seen = p->turn;
			}
	return freed;
}

static int carry_out(void *ctx, const struct prune_item *items, u32 n, u64 *freed, struct error *err)
{
	struct place *p = ctx;
	bool *goes = xcalloc(n + 1, sizeof *goes);
	struct error first = { 0 };
	u32 failed = 0;
	*freed = 0;
	for (u32 i = 0; i < n; i++)
		goes[i] = items[i].goes && root_of(p, p->n_tags, &items[i]);
	int r = look_again(p, items, n, goes, err);
	for (u32 i = 0; r == 0 && i < n; i++)
		if (goes[i])
			hold(p, root_of(p, p->n_tags, &items[i]), false);
	for (u32 i = 0; r == 0 && i < n; i++) {
		struct error why = { 0 };
		if (!goes[i])
			continue;
		if (remove_item(p, &items[i], root_of(p, p->n_tags, &items[i]), &why) < 0 && !failed++)
			first = why;
	}
	*freed = freed_by(p);
	free(goes);
	if (failed) {
		*err = first;
		return failed > 1 ? error_wrap(err, "%u things could not be removed; the first", failed) : -1;
	}
	return r;
}

static void finish(void *ctx)
{
	struct place *p = ctx;
	for (u32 i = 0; i < p->n_nodes; i++) {
		free(p->nodes[i].uses.v);
		free(p->nodes[i].parts.v);
	}
	free(p->nodes);
	free(p->parts);
	free(p->tags);
	hashtab_free(&p->node_index);
	hashtab_free(&p->part_index);
}

struct prune_place prune_registry(struct repo *r)
{
	struct place *p = arena_new(&r->arena, struct place);
	p->r = r;
	hashtab_open(&p->node_index, 64);
	hashtab_open(&p->part_index, 256);
	VEC_PUSH(p->nodes, p->n_nodes, p->cap_nodes, ((struct node){ 0 }));
	VEC_PUSH(p->parts, p->n_parts, p->cap_parts, NULL);
	return (struct prune_place){ .list = list, .carry_out = carry_out, .close = finish, .ctx = p };
}
