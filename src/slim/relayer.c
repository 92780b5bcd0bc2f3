#include "slim/relayer.h"
#include "base/hash.h"
#include "layer/tarout.h"
#include "slim/prove.h"

static const char *const class_name[] = { "runtime", "dependencies", "application" };

enum item_kind { ITEM_NODE, ITEM_LISTING, ITEM_IMPLIED, ITEM_DIRECTORY, ITEM_WHITEOUT, ITEM_ADDED };
struct item {
	const char *path;
	node_id node; /* of a name that is no directory */
	u32 g;        /* entry that is listed, or index of an addition */
	enum item_kind kind;
};

struct builder {
	struct relayer *r;
	const struct plan *p;
	const struct trace *t;
	const struct rootfs *tree;
	bool one;
	struct arena a;
	u8 *class;               /* by node */
	u8 *bits;                /* by node: layers that list this directory, 1 << class */
	bool *there;             /* by node: in a layer that is kept */
	node_id *match;          /* by node: the same path in `under` */
	const char **inode_path; /* by inode: a name that it has already */
	u8 *inode_class;
	struct image under_img;  /* the layers kept below */
	u32 *under_layer;        /* of the original, by layer of that */
	struct rootfs *under;
	struct item *items[RELAYER_CLASSES];
	u32 n[RELAYER_CLASSES], cap[RELAYER_CLASSES];
};

static bool wanted(const struct builder *b, node_id id)
{
	return !plan_removes(b->p, id) && !(b->r->added && b->p->litter->kind[id] == LITTER_DATABASE && rootfs_type(b->tree, id) != TAR_DIR);
}

static u32 content_of(const struct builder *b, node_id id)
{
	const struct inode *i = rootfs_inode(b->tree, rootfs_node(b->tree, id)->inode);
	return rootfs_node(b->tree, id)->inode ? b->t->base[i->layer] + i->entry : TRACE_NONE;
}

/* The same of what is kept below; TRACE_NONE also for a name that is not there. */
static u32 content_under(const struct builder *b, node_id id)
{
	const struct node *n = id ? rootfs_node(b->under, id) : NULL;
	if (!n || !n->inode)
		return TRACE_NONE;
	const struct inode *i = rootfs_inode(b->under, n->inode);
	return b->t->base[b->under_layer[i->layer]] + i->entry;
}

static enum relayer_place place_of(const struct builder *b, u32 g) { return g == TRACE_NONE ? PLACE_NEW : b->r->place[trace_layer(b->t, g)]; }

static bool same_listing(const struct trace *t, u32 a, u32 b)
{
	if (a == b || a == TRACE_NONE || b == TRACE_NONE)
		return a == b;
	const struct fact_entry *e = trace_entry(t, a), *f = trace_entry(t, b);
	return e->mode == f->mode && e->uid == f->uid && e->gid == f->gid && e->mtime == f->mtime && e->mtime_ns == f->mtime_ns &&
	       str_eq(facts_xattrs(t->img->layers[trace_layer(t, a)].facts, e), facts_xattrs(t->img->layers[trace_layer(t, b)].facts, f));
}

/* --- which layers are kept --- */
/* It has content, hides nothing (what it hid is gone), and nothing that comes later and is not kept changes what it made. */
static bool on_top(const struct builder *b, u32 l)
{
	const struct trace *t = b->t;
	u64 bytes = 0;
	for (u32 g = t->base[l]; g < t->base[l + 1]; g++) {
		const struct step *s = &t->steps[g];
		u32 hider = s->hider, maker = s->node ? trace_maker(t, s->node) : TRACE_NONE;
		bytes += trace_entry(t, g)->size;
		if (trace_is_whiteout(t, g))
			return false;
		if (hider != TRACE_NONE && hider >= t->base[l + 1] && place_of(b, hider) != PLACE_ABOVE)
			return false;
		if (maker != TRACE_NONE && maker >= t->base[l + 1] && place_of(b, maker) != PLACE_ABOVE && !same_listing(t, g, maker))
			return false;
	}
	return bytes > 0;
}

static void find_places(struct builder *b, bool below, bool above)
{
	const struct plan_layer *v = b->p->layers;
	u32 n = b->t->img->n_layers, low = 0;
	memset(b->r->place, PLACE_NEW, MAX(n, 1u));
	for (; below && low < n && v[low].fate != LAYER_REWRITTEN; low++)
		b->r->place[low] = v[low].fate == LAYER_KEPT ? PLACE_BELOW : PLACE_NEW;
	for (u32 l = n; above && l-- > low;)
		if (v[l].fate == LAYER_KEPT && on_top(b, l))
			b->r->place[l] = PLACE_ABOVE;
}

static bool anything_new(const struct builder *b)
{
	u32 new = 0;
	for (u32 l = 0; l < b->t->img->n_layers; l++)
		new += b->r->place[l] == PLACE_NEW && b->p->layers[l].fate != LAYER_DROPPED;
	return new || b->one;
}

static void build_under(struct builder *b)
{
	const struct image *img = b->t->img;
	b->under_img = *img;
	b->under_img.layers = xcalloc(MAX(img->n_layers, 1u), sizeof *img->layers);
	b->under_img.n_layers = 0;
	b->under_img.problems = (struct problems){ 0 };
	b->under_layer = xcalloc(MAX(img->n_layers, 1u), sizeof *b->under_layer);
	for (u32 l = 0; l < img->n_layers; l++) {
		if (b->r->place[l] != PLACE_BELOW)
			continue;
		b->under_layer[b->under_img.n_layers] = l;
		b->under_img.layers[b->under_img.n_layers++] = img->layers[l];
	}
	b->under = rootfs_build(&b->under_img, NULL);
	b->match[ROOTFS_ROOT] = ROOTFS_ROOT;
	for (node_id id = rootfs_next(b->tree, ROOTFS_ROOT); id && b->under_img.n_layers; id = rootfs_next(b->tree, id)) {
		const struct node *n = rootfs_node(b->tree, id);
		node_id up = b->match[n->parent];
		if (up && rootfs_type(b->under, up) == TAR_DIR && wanted(b, id))
			b->match[id] = rootfs_child(b->under, up, str_n(n->name, n->length));
	}
}

/* --- what goes into which --- */
static void add(struct builder *b, enum relayer_class c, struct str path, struct item item)
{
	item.path = arena_strdup(&b->a, path);
	VEC_PUSH(b->items[c], b->n[c], b->cap[c], item);
}

static void add_node(struct builder *b, enum relayer_class c, node_id id, u32 g, enum item_kind kind)
{
	struct buf path = BUF(0);
	add(b, c, str_from(rootfs_path(b->tree, id, &path), 1), (struct item){ .node = id, .g = g, .kind = kind });
	buf_free(&path);
}

/* Files, links, devices: those that are not in a layer that is kept. */
static int place_files(struct builder *b, struct error *why)
{
	const struct rootfs *r = b->tree;
	struct buf path = BUF(0);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		const struct node *n = rootfs_node(r, id);
		if (n->type == TAR_DIR || !wanted(b, id))
			continue;
		u32 g = content_of(b, id);
		bool below = b->match[id] && content_under(b, b->match[id]) == g;
		b->there[id] = below || place_of(b, trace_maker(b->t, id)) == PLACE_ABOVE;
		if (below && rootfs_inode(r, n->inode)->names > 1 && !b->inode_path[n->inode])
			b->inode_path[n->inode] = arena_strdup(&b->a, str_from(rootfs_path(r, id, &path), 1));
		u8 class = b->one ? CLASS_APPLICATION : b->class[id];
		if (!b->there[id] && b->inode_class[n->inode] < class)
			b->inode_class[n->inode] = class;
	}
	buf_free(&path);
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		const struct node *n = rootfs_node(r, id);
		if (n->type == TAR_DIR || b->there[id] || !wanted(b, id))
			continue;
		u32 g = content_of(b, id);
		if (place_of(b, g) == PLACE_ABOVE)
			return error_set(why, ERR_INPUT, "a hard link leads into a layer above it");
		add_node(b, b->inode_class[n->inode], id, g, ITEM_NODE);
		b->bits[n->parent] |= (u8)(1u << b->inode_class[n->inode]);
	}
	return 0;
}

static void place_directory(struct builder *b, node_id id)
{
	const struct trace *t = b->t;
	u32 final = trace_maker(t, id), first = final, now;
	node_id m = b->match[id];
	bool under = m && rootfs_type(b->under, m) == TAR_DIR, absent = !under && !b->bits[id], above = place_of(b, final) == PLACE_ABOVE;
	while (!b->one && first != TRACE_NONE && t->steps[first].below != TRACE_NONE)
		first = t->steps[first].below;
	now = b->bits[id] & ~(1u << CLASS_APPLICATION) ? first : under ? content_under(b, m) : TRACE_NONE;
	if (!above && (absent || !same_listing(t, now, final)))
		b->bits[id] |= 1u << CLASS_APPLICATION;
	b->bits[rootfs_node(b->tree, id)->parent] |= b->bits[id];
	for (u32 c = 0; c < RELAYER_CLASSES; c++) {
		u32 g = c == CLASS_APPLICATION ? final : first;
		if (!(b->bits[id] & 1u << c))
			continue;
		if (g != TRACE_NONE)
			add_node(b, c, id, g, ITEM_LISTING);
		else if (absent || (m && !under)) /* nothing in it makes it, or something else stands there */
			add_node(b, c, id, TRACE_NONE, ITEM_IMPLIED);
	}
}

static void place_root(struct builder *b)
{
	u32 g = content_of(b, ROOTFS_ROOT);
	if (g != TRACE_NONE && place_of(b, g) != PLACE_ABOVE && !same_listing(b->t, content_under(b, ROOTFS_ROOT), g))
		add(b, CLASS_APPLICATION, STR(""), (struct item){ .g = g, .kind = ITEM_LISTING });
}

static bool is_added(const struct additions *x, struct str path)
{
	for (u32 i = 0; x && i < x->n; i++) {
		struct str v = str_of(x->v[i].path);
		if (str_starts(v, path) && (v.n == path.n || v.p[path.n] == '/'))
			return true;
	}
	return false;
}

/* What a layer that is kept below shows, and the result does not. */
static void place_whiteouts(struct builder *b)
{
	const struct rootfs *u = b->under;
	node_id *back = xcalloc(u->nodes.n, sizeof *back);
	struct buf path = BUF(0), mark = BUF(0);
	for (node_id id = rootfs_next(b->tree, ROOTFS_ROOT); id; id = rootfs_next(b->tree, id))
		back[b->match[id]] = id;
	back[ROOTFS_ROOT] = ROOTFS_ROOT;
	for (node_id id = rootfs_next(u, ROOTFS_ROOT); id; id = rootfs_next(u, id)) {
		node_id up = back[rootfs_node(u, id)->parent];
		if (back[id] || !up || rootfs_type(b->tree, up) != TAR_DIR)
			continue;
		struct str at = str_from(rootfs_path(u, id, &path), 1), name = str_base(at);
		if (is_added(b->r->added, at))
			continue;
		buf_clear(&mark);
		buf_add(&mark, str_head(at, at.n - name.n));
		buf_puts(&mark, ".wh.");
		buf_add(&mark, name);
		add(b, CLASS_APPLICATION, buf_str(&mark), (struct item){ .kind = ITEM_WHITEOUT });
		b->bits[up] |= 1u << CLASS_APPLICATION;
	}
	free(back);
	buf_free(&path);
	buf_free(&mark);
}

static void place_added(struct builder *b)
{
	const struct additions *x = b->r->added;
	for (u32 i = 0; x && i < x->n; i++) {
		struct str path = str_of(x->v[i].path);
		for (size_t k = 1; k < path.n; k++) {
			if (path.p[k] != '/')
				continue;
			node_id id = rootfs_find(b->tree, str_head(path, k), true);
			if (id && wanted(b, id))
				b->bits[id] |= 1u << CLASS_APPLICATION;
			else
				add(b, CLASS_APPLICATION, str_head(path, k), (struct item){ .g = i, .kind = ITEM_DIRECTORY });
		}
		add(b, CLASS_APPLICATION, path, (struct item){ .g = i, .kind = ITEM_ADDED });
	}
}

/* --- entries --- */
static void grow(struct relayer_layer *v, u32 from)
{
	if (v->n == v->cap) {
		v->cap = MAX(64u, v->cap * 2);
		v->from = xrealloc(v->from, v->cap * sizeof *v->from);
		v->at = xrealloc(v->at, v->cap * sizeof *v->at);
	}
	v->from[v->n] = from;
	v->at[v->n++] = 0;
}

/* One entry more, of which `like` (of `of`) says everything but path and link. */
static int put(struct builder *b, struct relayer_layer *v, const char *path, const char *link, const struct fact_entry *like, const struct facts *of, u32 from, struct error *err)
{
	struct tar_entry t = { .path = str_of(path), .link = str_of(link), .type = (enum tar_type)like->type, .xattrs = of ? facts_xattrs(of, like) : STR("") };
	u32 i;
	if (facts_add(v->facts, &t, str_of(path), &i, err) < 0)
		return -1;
	struct fact_entry *e = SEG_AT(&v->facts->entries, i), made = *e;
	bool sparse = like->flags & FACT_SPARSE;
	*e = *like;
	e->dir = made.dir;
	e->name = made.name;
	e->xattrs = made.xattrs;
	if (!sparse)
		e->link = made.link;
	e->flags &= (u8)~FACT_CONTIGUOUS;
	grow(v, from);
	if (like->type == TAR_FILE && of)
		b->r->carried[from] = true;
	if (sparse) {
		struct buf was = BUF(0);
		bool same = str_is(facts_path(of, like, &was), path);
		buf_free(&was);
		v->size += like->head + fact_stored(like) + tarout_padding(fact_stored(like));
		return same ? 0 : error_set(err, ERR_INPUT, "/%.200s: a sparse file under another name", path);
	}
	struct buf head = BUF(0);
	int r = relayer_header(v->facts, e, &head, err);
	v->size += head.n + (e->type == TAR_FILE ? e->size + tarout_padding(e->size) : 0);
	buf_free(&head);
	return r;
}

static int put_node(struct builder *b, struct relayer_layer *v, const struct item *x, struct error *err)
{
	const struct inode *i = rootfs_inode(b->tree, rootfs_node(b->tree, x->node)->inode);
	const char **named = &b->inode_path[rootfs_node(b->tree, x->node)->inode];
	const struct facts *f = b->t->img->layers[i->layer].facts;
	const struct fact_entry *like = facts_entry(f, i->entry);
	v->of[i->layer] = true;
	if (*named) {
		struct fact_entry link = { .type = TAR_HARDLINK, .mode = like->mode, .uid = like->uid, .gid = like->gid, .mtime = like->mtime, .mtime_ns = like->mtime_ns };
		return put(b, v, x->path, *named, &link, NULL, TRACE_NONE, err);
	}
	if (i->names > 1)
		*named = x->path;
	return put(b, v, x->path, like->type == TAR_SYMLINK ? facts_string(f, like->link) : "", like, f, like->type == TAR_FILE ? x->g : TRACE_NONE, err);
}

static int put_added(struct builder *b, struct relayer_layer *v, const struct item *x, struct error *err)
{
	const struct addition *a = &b->r->added->v[x->g];
	struct fact_entry e = { .type = TAR_FILE, .mode = (u16)a->mode, .uid = a->uid, .gid = a->gid, .mtime = a->mtime, .size = a->content.n };
	struct hasher *h = hasher_new();
	hasher_add(h, a->content);
	e.hash = hasher_value(h);
	hasher_free(h);
	return put(b, v, x->path, "", &e, NULL, RELAYER_ADDED | x->g, err);
}

static int put_item(struct builder *b, struct relayer_layer *v, const struct item *x, struct error *err)
{
	struct fact_entry e = { .type = TAR_DIR, .mode = 0755 };
	switch (x->kind) {
	case ITEM_NODE:
		return put_node(b, v, x, err);
	case ITEM_ADDED:
		return put_added(b, v, x, err);
	case ITEM_LISTING:
		return put(b, v, x->path, "", trace_entry(b->t, x->g), b->t->img->layers[trace_layer(b->t, x->g)].facts, TRACE_NONE, err);
	case ITEM_WHITEOUT:
		e = (struct fact_entry){ .type = TAR_FILE, .mode = 0644 };
		break;
	case ITEM_DIRECTORY:
		e.mtime = b->r->added->v[x->g].mtime;
		break;
	case ITEM_IMPLIED:
		break;
	}
	return put(b, v, x->path, "", &e, NULL, TRACE_NONE, err);
}

static int by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c ? c : (x->g > y->g) - (x->g < y->g);
}

static int fill(struct builder *b, struct error *err)
{
	for (u32 c = 0; c < RELAYER_CLASSES; c++) {
		struct relayer_layer *v = &b->r->v[c];
		v->name = b->one ? "all in one layer" : class_name[c];
		if (!b->n[c] && !(b->one && c == CLASS_APPLICATION))
			continue;
		v->facts = facts_new();
		v->size = TAR_TRAILER;
		v->of = xcalloc(MAX(b->t->img->n_layers, 1u), sizeof *v->of);
		if (b->n[c])
			qsort(b->items[c], b->n[c], sizeof *b->items[c], by_path);
		for (u32 i = 0; i < b->n[c]; i++) /* a directory that several additions need is made once */
			if ((i == 0 || strcmp(b->items[c][i].path, b->items[c][i - 1].path) != 0) && put_item(b, v, &b->items[c][i], err) < 0)
				return -1;
	}
	return 0;
}

/* --- proof --- */
static void take(struct image *img, u64 *bytes, const struct facts *f, const struct image_layer *like)
{
	struct image_layer *l = &img->layers[img->n_layers];
	*l = like ? *like : (struct image_layer){ .media_type = "", .command = "", .history = -1 };
	l->facts = f;
	l->index = img->n_layers++;
	for (u32 i = 0; f && i < f->entries.n; i++)
		*bytes += facts_entry(f, i)->size;
}

static bool holds(struct builder *b, struct error *why)
{
	const struct image *from = b->t->img;
	struct image img = *from;
	struct proof proof;
	img.problems = (struct problems){ 0 };
	img.layers = xcalloc(from->n_layers + RELAYER_CLASSES, sizeof *img.layers);
	img.n_layers = 0;
	b->r->bytes = 0;
	for (u32 l = 0; l < from->n_layers; l++)
		if (b->r->place[l] == PLACE_BELOW)
			take(&img, &b->r->bytes, from->layers[l].facts, &from->layers[l]);
	for (u32 c = 0; c < RELAYER_CLASSES; c++)
		if (b->r->v[c].facts)
			take(&img, &b->r->bytes, b->r->v[c].facts, NULL);
	for (u32 l = 0; l < from->n_layers; l++)
		if (b->r->place[l] == PLACE_ABOVE)
			take(&img, &b->r->bytes, from->layers[l].facts, &from->layers[l]);
	b->r->layers = img.n_layers;
	struct rootfs *tree = rootfs_build(&img, NULL);
	bool ok = prove(b->p, b->r->added, tree, &proof);
	rootfs_free(tree);
	free(img.layers);
	if (!ok)
		error_set(why, ERR_INPUT, "%s", proof.first);
	return ok && img.n_layers;
}

static void clear(struct builder *b)
{
	if (b->under)
		rootfs_free(b->under);
	free(b->under_img.layers);
	free(b->under_layer);
	free(b->bits);
	free(b->there);
	free(b->match);
	free(b->inode_path);
	free(b->inode_class);
	for (u32 c = 0; c < RELAYER_CLASSES; c++)
		free(b->items[c]);
	arena_free(&b->a);
}

static void drop_layers(struct relayer *r)
{
	for (u32 c = 0; c < RELAYER_CLASSES; c++) {
		struct relayer_layer *v = &r->v[c];
		if (v->facts)
			facts_free(v->facts);
		free(v->from);
		free(v->at);
		free(v->of);
		*v = (struct relayer_layer){ 0 };
	}
	memset(r->carried, 0, r->plan->trace->total);
	r->layers = 0;
}

/* With the places as they are set. */
static bool try(struct builder *from, struct error *why)
{
	struct builder b = *from;
	u32 nodes = b.tree->nodes.n, inodes = b.tree->inodes.n;
	b.bits = xcalloc(nodes, 1);
	b.there = xcalloc(nodes, sizeof *b.there);
	b.match = xcalloc(nodes, sizeof *b.match);
	b.inode_path = xcalloc(inodes, sizeof *b.inode_path);
	b.inode_class = xcalloc(inodes, 1);
	drop_layers(b.r);
	build_under(&b);
	bool ok = place_files(&b, why) == 0;
	if (ok) {
		place_added(&b);
		place_whiteouts(&b);
		for (node_id id = nodes; id-- > ROOTFS_ROOT + 1;) /* what is in a directory comes behind it */
			if (rootfs_node(b.tree, id)->state == NODE_LIVE && rootfs_type(b.tree, id) == TAR_DIR && wanted(&b, id))
				place_directory(&b, id);
		place_root(&b);
		ok = fill(&b, why) == 0 && holds(&b, why);
	}
	clear(&b);
	return ok;
}

int relayer_make(const struct plan *p, const struct packages *pkgs, const struct additions *added, enum relayer_form form, struct relayer *ret, struct error *why)
{
	u32 n = p->trace->img->n_layers;
	*ret = (struct relayer){ .plan = p, .added = added && added->n ? added : NULL, .place = xcalloc(MAX(n, 1u), 1), .carried = xcalloc(MAX(p->trace->total, 1u), sizeof *ret->carried) };
	struct builder b = { .r = ret, .p = p, .t = p->trace, .tree = p->trace->tree, .one = form == RELAYER_ONE };
	bool ok = false, some = n > 0;
	for (u32 keep = b.one ? 0 : 3; some && !ok; keep--) { /* both ends, the lower, none */
		find_places(&b, keep >= 2, keep >= 3);
		some = anything_new(&b);
		if (some && !b.class)
			b.class = relayer_classes(p, pkgs);
		ok = some && try(&b, why);
		if (keep <= 1)
			break;
	}
	free(b.class);
	if (!ok)
		relayer_free(ret);
	return ok;
}

void relayer_free(struct relayer *r)
{
	if (!r->plan)
		return;
	drop_layers(r);
	free(r->place);
	free(r->carried);
	*r = (struct relayer){ 0 };
}

bool relayer_drops(const struct relayer *r, u32 g)
{
	if (!r->layers || r->carried[g] || r->place[trace_layer(r->plan->trace, g)] != PLACE_NEW || trace_entry(r->plan->trace, g)->type != TAR_FILE)
		return false;
	return r->plan->need[g] || plan_change(r->plan, g);
}
