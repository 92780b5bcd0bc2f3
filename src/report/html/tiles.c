#include "report/html/tiles.h"
#include "base/text.h"

/* --- pieces --- */

struct collect {
	const struct rootfs *r;
	struct pieces *to;
	u32 *owner; /* by inode; SEEN when its piece is there */
};
#define SEEN UINT32_MAX

static int collect(void *ctx, node_id id)
{
	struct collect *c = ctx;
	if (rootfs_type(c->r, id) != TAR_FILE)
		return 0;
	inode_id inode = rootfs_node(c->r, id)->inode;
	const struct inode *in = rootfs_inode(c->r, inode);
	if (c->owner[inode] == SEEN)
		return 0;
	struct piece piece = { .bytes = rootfs_size(c->r, id), .node = id, .layer = in->layer, .entry = in->entry, .owner = c->owner[inode] };
	c->owner[inode] = SEEN;
	VEC_PUSH(c->to->v, c->to->n, c->to->cap, piece);
	return 0;
}

void pieces_visible(const struct rootfs *r, const struct packages *p, struct pieces *ret)
{
	autofree u32 *owner = xcalloc((size_t)r->inodes.n + 1, sizeof *owner);
	for (node_id id = 1; id < r->nodes.n; id++) /* as packages.h counts: the oldest name that somebody owns */
		if (p->owner[id] && !owner[rootfs_node(r, id)->inode])
			owner[rootfs_node(r, id)->inode] = p->owner[id];
	struct collect c = { r, ret, owner };
	rootfs_walk(r, ROOTFS_ROOT, collect, &c);
}

void pieces_wasted(const struct rootfs *r, struct pieces *ret)
{
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		struct piece piece = { .bytes = w->bytes, .node = w->node, .layer = w->layer, .entry = w->entry, .gone = true };
		if (w->bytes)
			VEC_PUSH(ret->v, ret->n, ret->cap, piece);
	}
}

void pieces_free(struct pieces *p)
{
	free(p->v);
	*p = (struct pieces){ 0 };
}

/* --- growing: all of it --- */

enum { KIND_ROOT, KIND_GROUP, KIND_DIR, KIND_FILE };

struct leaf { /* a tile before the cut */
	u64 bytes;
	u32 parent;
	u32 what; /* KIND_DIR: its node; KIND_FILE: index of its piece */
	u32 group, files;
	s32 layer, owner;
	u32 shown; /* its index after the cut, UINT32_MAX */
	u16 cost;
	u8 kind;
	bool gone;
};
typedef SEG(struct leaf) leaves;

struct grow {
	const struct rootfs *r;
	const struct pieces *pieces;
	leaves all;
	u32 *dirs; /* by node: the leaf of that directory in the group it was last needed for */
	u32 base;  /* leaf of the group, or the root */
	u32 group;
	u32 *way;  /* scratch */
	u32 n_way, cap_way;
};

#define TILE_COST 58u /* columns of one tile without its name, at their widest */

size_t html_escaped(struct str s)
{
	size_t n = 0;
	while (s.n) {
		u32 c;
		size_t k = text_utf8(s, &c);
		if (!k || c == 0x2028 || c == 0x2029 || c == '<' || c == '>' || c == '&' || c < 32 || (c >= 127 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
			n += 6;
		else
			n += c == '"' || c == '\\' ? 2 : k;
		s = str_from(s, k ? k : 1);
	}
	return n;
}

/* A name that is cut ends between two characters. */
static struct str short_name(const char *name)
{
	struct str s = str_of(name);
	if (s.n <= TILE_NAME_MAX)
		return s;
	size_t n = TILE_NAME_MAX;
	while (n > TILE_NAME_MAX - 4 && ((u8)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_head(s, n);
}

static struct str name_of(const struct rootfs *r, const struct pieces *pieces, const struct leaf *l)
{
	if (l->kind != KIND_DIR && l->kind != KIND_FILE)
		return STR("");
	const struct piece *p = l->kind == KIND_FILE ? &pieces->v[l->what] : NULL;
	if (!p || p->node)
		return short_name(rootfs_node(r, p ? p->node : l->what)->name);
	const struct facts *f = r->image->layers[p->layer].facts;
	return short_name(facts_name(f, facts_entry(f, p->entry)));
}

static u32 push(struct grow *g, u32 parent, u8 kind, u32 what)
{
	struct leaf *l = SEG_PUSH(&g->all);
	l->parent = parent;
	l->kind = kind;
	l->what = what;
	l->group = g->group;
	l->cost = (u16)(TILE_COST + html_escaped(name_of(g->r, g->pieces, l)));
	return g->all.n - 1;
}

/* The leaf of a directory; those above it that the group has not needed yet are made on the way. */
static u32 dir_leaf(struct grow *g, node_id dir)
{
	g->n_way = 0;
	u32 at = g->base;
	for (node_id d = dir; d != ROOTFS_ROOT; d = rootfs_node(g->r, d)->parent) {
		const struct leaf *l = SEG_AT(&g->all, g->dirs[d]);
		if (l->what == d && l->kind == KIND_DIR && l->group == g->group) {
			at = g->dirs[d];
			break;
		}
		VEC_PUSH(g->way, g->n_way, g->cap_way, d);
	}
	while (g->n_way) {
		node_id d = g->way[--g->n_way];
		at = g->dirs[d] = push(g, at, KIND_DIR, d);
	}
	return at;
}

static void fold(s32 *to, s32 from, bool first)
{
	if (first)
		*to = from;
	else if (*to != from)
		*to = TILE_MIXED;
}

static void grow(struct grow *g, const struct pieces *pieces, enum tile_group by)
{
	g->pieces = pieces;
	g->base = push(g, 0, KIND_ROOT, 0);
	for (u32 i = 0; i < pieces->n; i++) {
		const struct piece *p = &pieces->v[i];
		if (by != TILE_DIRECTORY && (i == 0 || p->group != g->group)) {
			g->group = p->group;
			g->base = push(g, 0, KIND_GROUP, 0);
		}
		u32 parent = p->node ? dir_leaf(g, rootfs_node(g->r, p->node)->parent) : g->base;
		u32 at = push(g, parent, KIND_FILE, i);
		struct leaf *l = SEG_AT(&g->all, at);
		l->bytes = p->bytes;
		l->files = 1;
		l->layer = (s32)p->layer;
		l->owner = (s32)p->owner;
		l->gone = p->gone;
	}
	for (u32 i = g->all.n; i-- > 1;) {
		const struct leaf *l = SEG_AT(&g->all, i);
		struct leaf *up = SEG_AT(&g->all, l->parent);
		fold(&up->layer, l->layer, !up->files);
		fold(&up->owner, l->owner, !up->files);
		up->gone = up->files ? up->gone && l->gone : l->gone;
		up->bytes += l->bytes;
		up->files += l->files;
	}
}

/* --- cutting --- */

/* What it costs to show every leaf of at least `least` bytes, and one sum in each directory. */
static u64 cost(const leaves *all, u64 least)
{
	u64 sum = 2 * TILE_COST;
	for (u32 i = 1; i < all->n; i++) {
		const struct leaf *l = SEG_AT(all, i);
		if (l->bytes >= least)
			sum += l->cost + (l->kind == KIND_FILE ? 0 : TILE_COST);
	}
	return sum;
}

static u64 threshold(const leaves *all, u64 budget)
{
	u64 low = 1, high = SEG_AT(all, 0)->bytes;
	high = high == UINT64_MAX ? high : high + 1; /* shows nothing but the root */
	while (low < high) {
		u64 mid = low + (high - low) / 2;
		if (cost(all, mid) <= budget)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void cut(const struct rootfs *r, const struct pieces *pieces, leaves *all, u64 least, struct tiles *ret)
{
	u32 kept = 0;
	for (u32 i = 0; i < all->n; i++) {
		struct leaf *l = SEG_AT(all, i);
		l->shown = UINT32_MAX;
		if (i && l->bytes < least)
			continue;
		struct tile t = { .parent = i ? SEG_AT(all, l->parent)->shown : 0, .group = l->group, .is_group = l->kind == KIND_GROUP, .bytes = l->bytes };
		t.files = l->files;
		t.layer = l->layer;
		t.owner = l->owner;
		t.gone = l->gone;
		t.name = name_of(r, pieces, l);
		l->shown = kept++;
		VEC_PUSH(ret->v, ret->n, ret->cap, t);
	}
	autofree u32 *sums = xcalloc((size_t)kept + 1, sizeof *sums); /* by tile: its nameless child */
	for (u32 i = 1; i < all->n; i++) {
		const struct leaf *l = SEG_AT(all, i);
		u32 up = l->shown == UINT32_MAX ? SEG_AT(all, l->parent)->shown : UINT32_MAX;
		if (up == UINT32_MAX)
			continue;
		bool first = !sums[up];
		if (first) {
			struct tile t = { .parent = up, .gone = true };
			VEC_PUSH(ret->v, ret->n, ret->cap, t);
			sums[up] = ret->n - 1;
		}
		struct tile *t = &ret->v[sums[up]];
		fold(&t->layer, l->layer, first);
		fold(&t->owner, l->owner, first);
		t->gone = t->gone && l->gone;
		t->bytes += l->bytes;
		t->files += l->files;
	}
}

static int piece_cmp(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->gone != b->gone)
		return a->gone ? 1 : -1;
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

void tiles_cut(const struct rootfs *r, struct pieces *pieces, enum tile_group by, u64 budget, struct tiles *ret)
{
	for (u32 i = 0; i < pieces->n; i++)
		pieces->v[i].group = by == TILE_LAYER ? pieces->v[i].layer : by == TILE_PACKAGE ? pieces->v[i].owner : 0;
	if (pieces->n)
		qsort(pieces->v, pieces->n, sizeof *pieces->v, piece_cmp);
	struct grow g = { .r = r, .dirs = xcalloc((size_t)r->nodes.n + 1, sizeof(u32)) };
	grow(&g, pieces, by);
	cut(r, pieces, &g.all, threshold(&g.all, budget), ret);
	free(g.dirs);
	free(g.way);
	SEG_FREE(&g.all);
}

void tiles_free(struct tiles *t)
{
	free(t->v);
	*t = (struct tiles){ 0 };
}
