/* Dive's model, kept apart from the specification's. One trie of raw path components serves for all three trees that dive has: the one of
 * the layer at hand (nodes stamped with it), the layers below stacked (flags), and the sums by path. */
#include "rootfs/dive.h"
#include "base/hash.h"
#include "base/seg.h"
#include "base/hashtab.h"
#include <math.h>

struct dnode {
	const char *name;
	u32 parent, child, sibling;
	u32 stamp;       /* 1 + the layer whose tree it was last part of */
	u32 inner;       /* 1 + the layer in whose tree it last had something below it */
	u32 entry;       /* of that layer; UINT32_MAX: implied */
	u64 below_size;  /* in the stacked tree */
	u64 sum, least;  /* of the sizes that layers gave to this path */
	u32 count;
	bool below, below_dir;
	bool named;      /* dive knows the path, if only from a whiteout at which it gave up */
};

struct trie {
	SEG(struct dnode) nodes;
	struct hashtab names; /* (parent, name) -> node */
	struct arena arena;
	const struct image *img;
	u32 layer;
	const struct facts *facts;
	u32 *members, n_members, cap_members; /* the nodes of the layer's tree, in the order of being found */
	u32 deepest; /* components of its longest directory path */
};

static struct dnode *at(const struct trie *t, u32 id) { return SEG_AT(&t->nodes, id); }
static u32 hash_of(u32 parent, struct str name) { return (u32)hash64(name, parent + hash_seed); }

static u32 look_hashed(const struct trie *t, u32 parent, struct str name, u32 h)
{
	for (u32 k = h, id; (id = hashtab_next(&t->names, h, &k));)
		if (at(t, id)->parent == parent && strncmp(name.p, at(t, id)->name, name.n) == 0 && !at(t, id)->name[name.n])
			return id;
	return 0;
}

static u32 look(const struct trie *t, u32 parent, struct str name) { return look_hashed(t, parent, name, hash_of(parent, name)); }

/* `kept`: the name is terminated and lives as long as the facts; others are copied. */
static u32 make(struct trie *t, u32 parent, struct str name, bool kept)
{
	u32 h = hash_of(parent, name), id = look_hashed(t, parent, name, h);
	if (id)
		return id;
	struct dnode *n = SEG_PUSH(&t->nodes);
	id = t->nodes.n - 1;
	*n = (struct dnode){ .name = kept ? name.p : arena_bytes(&t->arena, name), .parent = parent, .sibling = at(t, parent)->child, .least = UINT64_MAX };
	at(t, parent)->child = id;
	hashtab_add(&t->names, h, id);
	return id;
}

static bool is_whiteout(const char *name) { return name[0] == '.' && strncmp(name, ".wh.", 4) == 0; }

/* One component in the tree of the layer at hand; 0 for what dive leaves out. */
static u32 component(struct trie *t, u32 parent, struct str name, bool kept)
{
	if (str_starts(name, STR(".wh..wh."))) {
		u32 known = look(t, parent, name);
		if (!known || at(t, known)->stamp != t->layer + 1)
			return 0;
	}
	u32 id = make(t, parent, name, kept);
	if (at(t, id)->stamp != t->layer + 1) {
		at(t, id)->stamp = t->layer + 1;
		at(t, id)->entry = UINT32_MAX;
		at(t, parent)->inner = t->layer + 1;
		VEC_PUSH(t->members, t->n_members, t->cap_members, id);
	}
	return id;
}

/* Where the way to the directory *rest leaves that to `last`, whose node is `node` and which has `depth` components: *ret_node, *rest what
 * is left of it; returns the components passed. */
static u32 shared_way(const struct trie *t, struct str last, u32 depth, struct str *rest, u32 node, u32 *ret_node)
{
	size_t cut = str_same(*rest, last);
	if ((cut < rest->n && rest->p[cut] != '/') || (cut < last.n && last.p[cut] != '/')) { /* back to the end of a component */
		const char *slash = cut ? memrchr(last.p, '/', cut) : NULL;
		cut = slash ? (size_t)(slash - last.p) : 0;
	}
	if (!cut)
		return 0;
	for (const char *c = last.p + cut; (c = memchr(c, '/', (size_t)(last.p + last.n - c))); c++, depth--)
		node = at(t, node)->parent;
	*ret_node = node;
	*rest = cut < rest->n ? str_from(*rest, cut + 1) : (struct str){ NULL, 0 };
	return depth;
}

/* The layer's tree; entries in a run share their directory. Returns the bytes of its files. */
static u64 layer_tree(struct trie *t, u32 layer)
{
	u64 size = 0;
	u32 memo_dir = 0, memo = 1, memo_depth = 0;
	struct str memo_path = STR("");
	t->layer = layer;
	t->n_members = t->deepest = 0;
	t->facts = t->img->layers[layer].facts;
	for (u32 i = 0; t->facts && i < t->facts->entries.n; i++) {
		const struct fact_entry *e = facts_entry(t->facts, i);
		const char *name = facts_name(t->facts, e);
		if (!*name)
			continue;
		size += e->size;
		u32 id = 1;
		if (e->dir && e->dir == memo_dir) {
			id = memo;
		} else {
			struct str path = str_of(facts_dir(t->facts, e)), rest = path;
			u32 depth = 0;
			if (memo_dir) /* what it shares with the directory before need not be looked up */
				depth = shared_way(t, memo_path, memo_depth, &rest, memo, &id);
			for (; id && rest.n && rest.p; depth++)
				id = component(t, id, str_cut(&rest, '/'), false);
			t->deepest = MAX(t->deepest, depth);
			memo_dir = id ? e->dir : 0;
			memo = id;
			memo_path = path;
			memo_depth = depth;
		}
		if (id)
			id = component(t, id, str_of(name), true);
		if (id)
			at(t, id)->entry = i;
	}
	return size;
}

/* --- visiting: children first, sorted by name --- */
struct step {
	u32 *v;
	u32 n, i, node;
};

static _Thread_local const struct trie *sorting;
static int by_name(const void *a, const void *b) { return strcmp(at(sorting, *(const u32 *)a)->name, at(sorting, *(const u32 *)b)->name); }

static struct step children(const struct trie *t, u32 node)
{
	struct step s = { .node = node };
	u32 cap = 0;
	for (u32 id = at(t, node)->child; id; id = at(t, id)->sibling)
		if (at(t, id)->stamp == t->layer + 1)
			VEC_PUSH(s.v, s.n, cap, id);
	sorting = t;
	if (s.n)
		qsort(s.v, s.n, sizeof *s.v, by_name);
	return s;
}

/* Every node of the layer's tree; `leaf` when nothing is below it. Stops when visit says so. */
static int visit_layer(struct trie *t, int (*visit)(struct trie *t, u32 node, bool leaf, void *ctx), void *ctx)
{
	struct step *stack = NULL;
	u32 depth = 0, cap = 0;
	int stop = 0;
	VEC_PUSH(stack, depth, cap, children(t, 1));
	while (depth && !stop) {
		struct step *s = &stack[depth - 1];
		if (s->i < s->n) {
			struct step next = children(t, s->v[s->i++]);
			VEC_PUSH(stack, depth, cap, next);
			continue;
		}
		u32 node = s->node;
		bool leaf = s->n == 0;
		free(s->v);
		if (--depth)
			stop = visit(t, node, leaf, ctx);
	}
	while (depth)
		free(stack[--depth].v);
	free(stack);
	return stop;
}

static const struct fact_entry *entry_of(const struct trie *t, u32 id)
{
	return at(t, id)->entry == UINT32_MAX ? NULL : facts_entry(t->facts, at(t, id)->entry);
}

/* --- the stacked tree --- */
static void stack_add(struct trie *t, u32 id)
{
	const struct fact_entry *e = entry_of(t, id);
	for (u32 k = at(t, id)->parent; k != 1 && !at(t, k)->below; k = at(t, k)->parent) {
		at(t, k)->below = true;
		at(t, k)->below_dir = false;
		at(t, k)->below_size = 0;
	}
	struct dnode *n = at(t, id);
	n->below = true;
	n->below_dir = e && e->type == TAR_DIR;
	n->below_size = e ? e->size : 0;
}

/* The next node of the stacked subtree of `top` in any order; 0 after the last. */
static u32 stack_next(const struct trie *t, u32 top, u32 id)
{
	if (at(t, id)->below && at(t, id)->child)
		return at(t, id)->child;
	while (id != top && !at(t, id)->sibling)
		id = at(t, id)->parent;
	return id == top ? 0 : at(t, id)->sibling;
}

static void stack_remove(struct trie *t, u32 top)
{
	/* What is unset on the way must still be gone through: collect first. */
	u32 *v = NULL, n = 0, cap = 0;
	for (u32 id = top; id; id = stack_next(t, top, id))
		if (at(t, id)->below)
			VEC_PUSH(v, n, cap, id);
	while (n)
		at(t, v[--n])->below = false;
	free(v);
}

static u32 hidden_by(struct trie *t, u32 whiteout) { return look(t, at(t, whiteout)->parent, str_of(at(t, whiteout)->name + 4)); }

static int stack_raw(struct trie *t, u32 id, bool leaf, void *ctx)
{
	(void)leaf;
	(void)ctx;
	stack_add(t, id);
	return 0;
}

static bool parents_below(const struct trie *t, u32 id)
{
	for (u32 k = at(t, id)->parent; k != 1; k = at(t, k)->parent)
		if (!at(t, k)->below)
			return false;
	return true;
}

static int stack_one(struct trie *t, u32 id, bool leaf, void *ctx)
{
	(void)leaf;
	(void)ctx;
	if (!is_whiteout(at(t, id)->name)) {
		stack_add(t, id);
		return 0;
	}
	u32 hidden = hidden_by(t, id);
	if (hidden && at(t, hidden)->below && parents_below(t, hidden))
		stack_remove(t, hidden);
	return 0;
}

/* --- the sums --- */
struct sums {
	u32 *twice, n, cap; /* paths that a second layer named, in the order of being found so */
	u32 *via, cap_via;  /* the nodes at which they were found: a path itself or its whiteout, which comes elsewhere in the order */
};

static int sum_up(struct trie *t, u32 id, bool leaf, void *ctx)
{
	struct sums *s = ctx;
	if (!leaf)
		return 0;
	const struct fact_entry *e = entry_of(t, id);
	u64 size = e ? e->size : 0;
	u32 path = id;
	if (is_whiteout(at(t, id)->name)) {
		path = make(t, at(t, id)->parent, str_of(at(t, id)->name + 4), true); /* the end of a name that stays */
		size = 0;
		at(t, path)->named = true;
		if (!at(t, path)->below || !parents_below(t, path))
			return 1; /* hides nothing: dive gives the layer up */
		if (at(t, path)->below_dir)
			for (u32 k = path; k; k = stack_next(t, path, k))
				if (at(t, k)->below)
					size += at(t, k)->below_size;
	}
	struct dnode *n = at(t, path);
	n->named = true;
	n->sum += size;
	n->least = MIN(n->least, size);
	if (++n->count == 2) {
		u32 k = s->n;
		VEC_PUSH(s->via, k, s->cap_via, id);
		VEC_PUSH(s->twice, s->n, s->cap, path);
	}
	return 0;
}

static u32 depth_of(const struct trie *t, u32 id)
{
	u32 n = 0;
	for (; id != 1; id = at(t, id)->parent)
		n++;
	return n;
}

/* Two nodes of which neither is above the other, in the order of visit_layer(). */
struct found {
	u32 via, path;
};

static int by_visit(const void *pa, const void *pb)
{
	const struct trie *t = sorting;
	u32 a = ((const struct found *)pa)->via, b = ((const struct found *)pb)->via, da = depth_of(t, a), db = depth_of(t, b);
	for (; da > db; da--)
		a = at(t, a)->parent;
	for (; db > da; db--)
		b = at(t, b)->parent;
	if (a == b)
		return 0;
	while (at(t, a)->parent != at(t, b)->parent) {
		a = at(t, a)->parent;
		b = at(t, b)->parent;
	}
	return strcmp(at(t, a)->name, at(t, b)->name);
}

/* Dive goes through a layer in order, which is of consequence only where a whiteout hides nothing (it gives up there), or hides what the
 * same layer brings. Everywhere else any order gives the same sums, and none has to be made; but comparing two paths that are all depth takes
 * longer than going there. */
static bool in_order_only(struct trie *t)
{
	if (t->deepest > 128)
		return true;
	for (u32 i = 0; i < t->n_members; i++) {
		u32 id = t->members[i];
		if (!is_whiteout(at(t, id)->name))
			continue;
		u32 hidden = hidden_by(t, id);
		if (!hidden || at(t, id)->inner == t->layer + 1 || !at(t, hidden)->below || !parents_below(t, hidden) || at(t, hidden)->stamp == t->layer + 1)
			return true;
	}
	return false;
}

static void sum_layer(struct trie *t, struct sums *s, bool in_order)
{
	u32 before = s->n;
	if (in_order) {
		visit_layer(t, sum_up, s);
		return;
	}
	for (u32 i = 0; i < t->n_members; i++)
		sum_up(t, t->members[i], at(t, t->members[i])->inner != t->layer + 1, s);
	/* Paths that are found twice come in dive's order all the same. */
	u32 n = s->n - before;
	struct found *v = xmalloc(n * sizeof *v);
	for (u32 i = 0; i < n; i++)
		v[i] = (struct found){ s->via[before + i], s->twice[before + i] };
	sorting = t;
	if (n > 1)
		qsort(v, n, sizeof *v, by_visit);
	for (u32 i = 0; i < n; i++)
		s->twice[before + i] = v[i].path;
	free(v);
}

static void stack_layer(struct trie *t, bool in_order)
{
	if (in_order) {
		visit_layer(t, stack_one, NULL);
		return;
	}
	for (int add = 0; add < 2; add++)
		for (u32 i = 0; i < t->n_members; i++)
			if (is_whiteout(at(t, t->members[i])->name) == !add)
				stack_one(t, t->members[i], false, NULL);
}

/* The highest layer with a whiteout; the stacked tree is of use up to there only. */
static u32 last_whiteout(const struct image *img)
{
	for (u32 i = img->n_layers; i-- > 0;) {
		const struct facts *f = img->layers[i].facts;
		for (u32 k = 0; f && k < f->entries.n; k++)
			if (is_whiteout(facts_name(f, facts_entry(f, k))))
				return i + 1;
	}
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	/* Ascending and stable as dive sorts; the list is read backwards. */
	const struct dnode *x = at(sorting, *(const u32 *)a), *y = at(sorting, *(const u32 *)b);
	return (x->sum > y->sum) - (x->sum < y->sum);
}

static void sort_stable(const struct trie *t, u32 *v, u32 n)
{
	u32 *from = v, *to = xmalloc(n * sizeof *to), *spare = to;
	sorting = t;
	for (u32 width = 1; width < n; width *= 2) {
		for (u32 i = 0; i < n; i += 2 * width) {
			u32 a = i, mid = MIN(i + width, n), b = mid, end = MIN(i + 2 * width, n), k = i;
			while (a < mid || b < end)
				to[k++] = b >= end || (a < mid && by_bytes(&from[a], &from[b]) <= 0) ? from[a++] : from[b++];
		}
		u32 *x = from;
		from = to;
		to = x;
	}
	if (from != v)
		memcpy(v, from, n * sizeof *v);
	free(spare);
}

static const char *path_of(const struct trie *t, u32 id, struct arena *a, bool slash)
{
	struct buf parts = BUF(0);
	size_t n = 0;
	for (u32 k = id; k != 1; k = at(t, k)->parent)
		n += strlen(at(t, k)->name) + 1;
	buf_reserve(&parts, n);
	size_t end = n;
	for (u32 k = id; k != 1; k = at(t, k)->parent) {
		size_t len = strlen(at(t, k)->name);
		memcpy(parts.p + end - len, at(t, k)->name, len);
		end -= len + 1;
		parts.p[end] = '/';
	}
	const char *r = arena_bytes(a, slash ? str_n(parts.p, n) : str_n(parts.p + 1, n - 1));
	buf_free(&parts);
	return r;
}

static struct trie *trie_new(const struct image *img)
{
	struct trie *t = xcalloc(1, sizeof *t);
	t->img = img;
	hashtab_open(&t->names, image_paths(img));
	(void)SEG_PUSH(&t->nodes);
	struct dnode *root = SEG_PUSH(&t->nodes);
	root->name = "";
	return t;
}

static void trie_free(struct trie *t)
{
	SEG_FREE(&t->nodes);
	free(t->members);
	hashtab_free(&t->names);
	arena_free(&t->arena);
	free(t);
}

struct dive *dive_measure(const struct image *img)
{
	struct dive *d = xcalloc(1, sizeof *d);
	struct trie *t = trie_new(img);
	struct sums s = { 0 };
	d->layer_sizes = arena_array(&d->arena, u64, img->n_layers);
	u32 stacked = last_whiteout(img);
	for (u32 i = 0; i < img->n_layers; i++) {
		d->layer_sizes[i] = layer_tree(t, i);
		d->size += d->layer_sizes[i];
		if (i > 0)
			d->user_size += d->layer_sizes[i];
		if (i == 0 && stacked) /* dive begins with a copy of the lowest layer's tree, whiteouts and all */
			visit_layer(t, stack_raw, NULL);
		bool in_order = in_order_only(t);
		sum_layer(t, &s, in_order);
		if (i < stacked)
			stack_layer(t, in_order);
	}
	s64 least = 0;
	u64 all = 0;
	for (u32 id = 2; id < t->nodes.n; id++)
		if (at(t, id)->named) {
			least += at(t, id)->count ? (s64)at(t, id)->least : -1; /* dive's mark for "no size yet" is added up, too */
			all += at(t, id)->sum;
		}
	d->efficiency = all ? (double)least / (double)all : 1.0;
	sort_stable(t, s.twice, s.n);
	d->files = arena_array(&d->arena, struct dive_file, s.n);
	d->n_files = s.n;
	for (u32 i = 0; i < s.n; i++) {
		u32 id = s.twice[s.n - 1 - i];
		d->files[i] = (struct dive_file){ path_of(t, id, &d->arena, true), at(t, id)->count, at(t, id)->sum };
		d->wasted_bytes += at(t, id)->sum;
	}
	d->user_wasted_percent = (double)d->wasted_bytes / (double)d->user_size; /* 0/0 and x/0 are meant */
	free(s.twice);
	free(s.via);
	trie_free(t);
	return d;
}

void dive_free(struct dive *d)
{
	if (!d)
		return;
	arena_free(&d->arena);
	free(d);
}

struct listing {
	int (*visit)(void *, const struct dive_entry *);
	void *ctx;
};

static int list_one(struct trie *t, u32 id, bool leaf, void *ctx)
{
	(void)leaf;
	struct listing *l = ctx;
	const struct fact_entry *e = entry_of(t, id);
	struct dive_entry out = { .path = "", .entry = e, .facts = t->facts };
	struct buf path = BUF(0);
	if (e) {
		facts_path(t->facts, e, &path);
		out.path = path.p;
	}
	int r = l->visit(l->ctx, &out);
	buf_free(&path);
	return r;
}

int dive_list(const struct image *img, u32 layer, int (*visit)(void *, const struct dive_entry *), void *ctx)
{
	struct trie *t = trie_new(img);
	struct listing l = { .visit = visit, .ctx = ctx };
	layer_tree(t, layer);
	int r = visit_layer(t, list_one, &l);
	trie_free(t);
	return r;
}

u32 dive_file_mode(const struct fact_entry *e)
{
	u32 m = e->mode & 0777;
	if (e->mode & 04000)
		m |= 1u << 23;
	if (e->mode & 02000)
		m |= 1u << 22;
	if (e->mode & 01000)
		m |= 1u << 20;
	switch (e->type) {
	case TAR_DIR: return m | 1u << 31;
	case TAR_SYMLINK: return m | 1u << 27;
	case TAR_BLOCK: return m | 1u << 26;
	case TAR_CHAR: return m | 1u << 26 | 1u << 21;
	case TAR_FIFO: return m | 1u << 25;
	default: return m;
	}
}
