#include "rootfs/rootfs.h"

const char *const waste_reason_text[] = { "overwritten", "deleted", "opaque", "metadata-only", "duplicate" };

/* A name that an inode loses in the layer being applied. Counted at the layer's end only, since a hard link of the same layer may
 * still give the inode another name. */
struct loss {
	inode_id inode;
	node_id node;
	u32 by_entry;
	u8 reason;
	inode_id successor; /* what stands at its path now, 0: nothing to compare with */
};

struct builder {
	struct rootfs *r;
	const struct rootfs_options *opt;
	const struct facts *facts; /* of the layer being applied */
	u32 layer, entry;
	struct loss *losses;
	u32 n_losses, cap_losses;
	/* The directory of the entry before: entries come in runs, and the next directory is near. Good while nothing was replaced. */
	u32 memo_dir, memo_depth;
	struct str memo_path;
	node_id memo_node;
	bool memo_plain; /* no symbolic link led there: each component is the parent of the next */
	bool lower; /* names that this layer hid count as there */
	bool detoured; /* the path followed last went through a symbolic link */
	u64 steps;     /* made behind symbolic links, in all */
	char rest[2 * TAR_PATH_MAX + 2], swap[2 * TAR_PATH_MAX + 2];
};

/* --- names --- */
static u32 hash_of(node_id parent, struct str name) { return (u32)hash64(name, parent + hash_seed); }

static node_id lookup_hashed(const struct rootfs *r, node_id parent, struct str name, u32 h)
{
	for (u32 at = h, id; (id = hashtab_next(&r->names, h, &at));) {
		const struct node *n = rootfs_node(r, id);
		if (n->parent == parent && n->length == name.n && memcmp(name.p, n->name, name.n) == 0)
			return id;
	}
	return 0;
}

static node_id lookup(const struct rootfs *r, node_id parent, struct str name) { return lookup_hashed(r, parent, name, hash_of(parent, name)); }

/* The node of a name, made when there is none (then it is gone until somebody puts something there); 0: over the budget. A name that is
 * not `kept` — terminated, and there as long as the tree — is copied. */
static node_id lookup_or_add(struct rootfs *r, node_id parent, struct str name, bool kept)
{
	u32 h = hash_of(parent, name);
	node_id found = lookup_hashed(r, parent, name, h);
	if (found || r->nodes.n >= ROOTFS_NODES_MAX)
		return found;
	struct node *x = SEG_PUSH(&r->nodes);
	node_id id = r->nodes.n - 1;
	struct node *dir = SEG_AT(&r->nodes, parent);
	*x = (struct node){ .name = kept ? name.p : arena_bytes(&r->arena, name), .parent = parent, .sibling = dir->child, .state = NODE_GONE, .layer = UINT32_MAX, .type = TAR_DIR, .listed = true, .length = (u16)name.n };
	dir->child = id;
	hashtab_add(&r->names, h, id);
	return id;
}

/* A name that is to live again stands on its directory's list. */
static void relist(struct rootfs *r, node_id id)
{
	struct node *n = SEG_AT(&r->nodes, id);
	if (n->listed)
		return;
	struct node *dir = SEG_AT(&r->nodes, n->parent);
	n->sibling = dir->child;
	n->listed = true;
	dir->child = id;
}

static inode_id add_inode(struct rootfs *r, u32 layer, u32 entry, u64 size)
{
	struct inode *i = SEG_PUSH(&r->inodes);
	*i = (struct inode){ .size = size, .layer = layer, .entry = entry };
	return r->inodes.n - 1;
}

static const struct fact_entry *inode_entry(const struct rootfs *r, inode_id id)
{
	if (!id)
		return NULL;
	const struct inode *i = rootfs_inode(r, id);
	return facts_entry(r->image->layers[i->layer].facts, i->entry);
}

const struct fact_entry *rootfs_entry(const struct rootfs *r, node_id id) { return inode_entry(r, rootfs_node(r, id)->inode); }

const struct facts *rootfs_facts(const struct rootfs *r, node_id id)
{
	inode_id i = rootfs_node(r, id)->inode;
	return i ? r->image->layers[rootfs_inode(r, i)->layer].facts : NULL;
}

/* --- finding the way --- */
static void tell(const struct builder *b, node_id id)
{
	if (b->opt && b->opt->changed)
		b->opt->changed(b->opt->changed_ctx, b->r, b->layer, id);
}

static bool there(const struct builder *b, node_id id)
{
	const struct node *n = rootfs_node(b->r, id);
	return n->state == NODE_LIVE || (b->lower && n->layer == b->layer);
}

/* Replaces what is left of the path by TARGET/rest; false when that is too long. */
static bool detour(struct builder *b, const char *target, struct str *rest)
{
	size_t n = strlen(target);
	if (n + 1 + (rest->p ? rest->n : 0) >= sizeof b->swap)
		return false;
	memcpy(b->swap, target, n);
	if (rest->p) {
		b->swap[n++] = '/';
		memmove(b->swap + n, rest->p, rest->n);
		n += rest->n;
	}
	memcpy(b->rest, b->swap, n);
	*rest = str_n(b->rest, n);
	return true;
}

enum { WAY_FIND, WAY_MAKE };

/* Where the way to a directory leaves the one to the directory before: *ret_node is what the first *ret_length bytes of its path lead to. */
static u32 shared_way(const struct builder *b, struct str dir, node_id *ret_node, size_t *ret_length)
{
	*ret_node = ROOTFS_ROOT;
	*ret_length = 0;
	if (!b->memo_node || !b->memo_plain)
		return 0;
	struct str last = b->memo_path;
	size_t i = str_same(dir, last);
	if ((i < dir.n && dir.p[i] != '/') || (i < last.n && last.p[i] != '/')) { /* back to the end of a component */
		const char *slash = i ? memrchr(dir.p, '/', i) : NULL;
		i = slash ? (size_t)(slash - dir.p) : 0;
	}
	if (i == 0)
		return 0;
	*ret_node = b->memo_node;
	*ret_length = i;
	u32 shared = b->memo_depth;
	for (const char *c = last.p + i; (c = memchr(c, '/', (size_t)(last.p + last.n - c))); c++, shared--)
		*ret_node = rootfs_node(b->r, *ret_node)->parent;
	return shared;
}

/* Follows a clean directory path from the root through symbolic links. WAY_MAKE: makes the directories that are missing. 0: not
 * there (no problem noted), or impossible (noted when making). *ret_depth (NULL: not asked): how many components that took. */
static node_id follow_path(struct builder *b, struct str path, int way, u32 *ret_depth)
{
	struct rootfs *r = b->r;
	node_id at = ROOTFS_ROOT;
	u32 links = 0, steps = 0;
	size_t known = 0;
	const char *why = NULL;
	bool refused = way == WAY_MAKE; /* what is merely not there is no problem for who looks; what was not looked at is one */
	if (way == WAY_MAKE)
		steps = shared_way(b, path, &at, &known);
	struct str rest = path.n > known ? str_from(path, known ? known + 1 : 0) : (struct str){ NULL, 0 };
	while (rest.p) {
		struct str c = str_cut(&rest, '/');
		b->steps += links > 0;
		if (++steps > ROOTFS_DEPTH_MAX) {
			why = "nested too deep";
			refused = true;
			break;
		}
		if (c.n == 0 || (c.n == 1 && c.p[0] == '.'))
			continue;
		if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.') {
			if (at != ROOTFS_ROOT)
				at = rootfs_node(r, at)->parent;
			continue;
		}
		node_id id = lookup(r, at, c);
		if (!id || !there(b, id)) {
			if (way == WAY_FIND)
				return 0;
			id = lookup_or_add(r, at, c, false);
			if (!id) {
				why = "more names than the budget";
				break;
			}
			struct node *n = SEG_AT(&r->nodes, id);
			relist(r, id);
			n->state = NODE_LIVE;
			n->inode = 0;
			n->type = TAR_DIR; /* it may have been something else before it went */
			n->layer = b->layer;
			tell(b, id);
			at = id;
			continue;
		}
		u8 type = rootfs_type(r, id);
		if (type == TAR_DIR) {
			at = id;
		} else if (type == TAR_SYMLINK) {
			b->detoured = true;
			if (b->opt && b->opt->trace)
				b->opt->trace->through(b->opt->trace->ctx, b->layer, b->entry, id);
			const char *target = facts_string(rootfs_facts(r, id), rootfs_entry(r, id)->link);
			if (++links > ROOTFS_LINKS_MAX || !detour(b, target, &rest)) {
				why = "too many symbolic links on the way";
				refused = true;
				break;
			}
			b->steps += rest.n / 64;
			if (b->steps > ROOTFS_STEPS_MAX) {
				why = "more steps behind symbolic links than the budget";
				refused = true;
				break;
			}
			if (target[0] == '/')
				at = ROOTFS_ROOT;
		} else {
			why = "its parent is not a directory";
			break;
		}
	}
	if (ret_depth)
		*ret_depth = steps;
	if (!why)
		return at;
	if (refused && b->facts) /* rootfs_find() has none: it only asks */
		problem_add(&r->problems, "layer %u: /%.*s: %s", b->layer, STR_FMT(str_head(path, 300)), why);
	return 0;
}

/* The directory of entry e. */
static node_id parent_of(struct builder *b, const struct fact_entry *e, int way)
{
	if (e->dir == 0)
		return ROOTFS_ROOT;
	if (way == WAY_MAKE && e->dir == b->memo_dir && b->memo_node)
		return b->memo_node;
	b->detoured = false;
	struct str path = str_of(facts_dir(b->facts, e));
	u32 depth = 0;
	node_id id = follow_path(b, path, way, &depth);
	if (way == WAY_MAKE && !(b->detoured && b->opt->trace)) { /* a trace is told of the way of every entry */
		b->memo_dir = e->dir;
		b->memo_path = path;
		b->memo_depth = depth;
		b->memo_node = id;
		b->memo_plain = !b->detoured;
	}
	return id;
}

/* --- losing names --- */
static void lose(struct builder *b, node_id id, u8 reason, inode_id successor)
{
	struct loss l = { .inode = rootfs_node(b->r, id)->inode, .node = id, .by_entry = b->entry, .reason = reason, .successor = successor };
	VEC_PUSH(b->losses, b->n_losses, b->cap_losses, l);
	if (b->opt->trace)
		b->opt->trace->hid(b->opt->trace->ctx, b->layer, b->entry, id);
}

/* Hides everything below `top`; without recursion. Names are taken off their directory's list as they go, so that however often a
 * directory is emptied each is met once for each time that it came. */
static void hide_below(struct builder *b, node_id top, u8 reason)
{
	struct rootfs *r = b->r;
	b->memo_node = 0;
	for (node_id at = top;;) {
		node_id id = rootfs_node(r, at)->child;
		if (!id) {
			if (at == top)
				break;
			at = rootfs_node(r, at)->parent;
			continue;
		}
		struct node *n = SEG_AT(&r->nodes, id);
		((struct node *)SEG_AT(&r->nodes, at))->child = n->sibling;
		n->sibling = 0;
		n->listed = false;
		if (n->state != NODE_LIVE)
			continue;
		lose(b, id, reason, 0);
		n->state = NODE_GONE;
		n->layer = b->layer;
		tell(b, id);
		at = id;
	}
}

static void hide(struct builder *b, node_id id, u8 reason)
{
	struct node *n = SEG_AT(&b->r->nodes, id);
	lose(b, id, reason, 0);
	n->state = NODE_GONE;
	n->layer = b->layer;
	tell(b, id);
	hide_below(b, id, reason);
}

static bool same_content(const struct builder *b, inode_id x, inode_id y)
{
	const struct rootfs *r = b->r;
	const struct fact_entry *e = inode_entry(r, x), *f = inode_entry(r, y);
	if (!e || !f || e->type != TAR_FILE || f->type != TAR_FILE || e->size != f->size || fact_stored(e) != fact_stored(f))
		return false;
	if (!((e->flags | f->flags) & FACT_UNHASHED))
		return hash_eq(e->hash, f->hash);
	bool same = false;
	const struct inode *i = rootfs_inode(r, x), *k = rootfs_inode(r, y);
	return b->opt->same && b->opt->same(b->opt->same_ctx, i->layer, i->entry, k->layer, k->entry, &same) == 0 && same;
}

static u8 replaced_reason(const struct builder *b, inode_id old, inode_id now)
{
	if (!same_content(b, old, now))
		return WASTE_OVERWRITTEN;
	const struct rootfs *r = b->r;
	const struct fact_entry *e = inode_entry(r, old), *f = inode_entry(r, now);
	const struct facts *fe = r->image->layers[rootfs_inode(r, old)->layer].facts, *ff = r->image->layers[rootfs_inode(r, now)->layer].facts;
	bool same = e->mode == f->mode && e->uid == f->uid && e->gid == f->gid && e->mtime == f->mtime && e->mtime_ns == f->mtime_ns && str_eq(facts_xattrs(fe, e), facts_xattrs(ff, f));
	return same ? WASTE_DUPLICATE : WASTE_METADATA;
}

static void waste(struct rootfs *r, struct waste_item w)
{
	*SEG_PUSH(&r->waste) = w;
	r->wasted += w.bytes;
}

/* Bytes of an entry that never gets a name. */
static void never_named(struct builder *b, const struct fact_entry *e, u8 reason)
{
	if (e->size)
		waste(b->r, (struct waste_item){ .layer = b->layer, .entry = b->entry, .by_layer = b->layer, .by_entry = b->entry, .bytes = e->size, .reason = reason });
}

static void finish_layer(struct builder *b)
{
	struct rootfs *r = b->r;
	struct layer_change *c = &r->layers[b->layer];
	for (u32 i = 0; i < b->n_losses; i++) {
		const struct loss *l = &b->losses[i];
		const struct node *n = rootfs_node(r, l->node);
		const struct fact_entry *e = inode_entry(r, l->inode);
		bool removed = n->state == NODE_GONE;
		if (removed && (!e || rootfs_inode(r, l->inode)->layer != b->layer)) {
			c->removed++;
			c->removed_bytes += e ? e->size : 0;
		}
		if (!e || e->type == TAR_DIR)
			continue;
		struct inode *in = SEG_AT(&r->inodes, l->inode);
		if (--in->names > 0)
			continue;
		u8 reason = l->successor ? replaced_reason(b, l->inode, l->successor) : l->reason;
		waste(r, (struct waste_item){ in->layer, in->entry, b->layer, l->by_entry, l->node, e->size, reason });
	}
	b->n_losses = 0;
}

/* --- entries --- */
static bool same_directory(const struct fact_entry *a, const struct fact_entry *e) { return a && a->mode == e->mode && a->uid == e->uid && a->gid == e->gid; }

static void count(struct builder *b, bool was_there, const struct fact_entry *e)
{
	struct layer_change *c = &b->r->layers[b->layer];
	if (was_there) {
		c->changed++;
		c->changed_bytes += e->size;
	} else {
		c->added++;
		c->added_bytes += e->size;
	}
}

/* The name `id` is now inode `in`, whatever it was. */
static void put(struct builder *b, node_id id, inode_id in, const struct fact_entry *e)
{
	struct rootfs *r = b->r;
	struct node *n = SEG_AT(&r->nodes, id);
	bool live = n->state == NODE_LIVE, hidden_now = !live && n->layer == b->layer;
	u8 old = live ? rootfs_type(r, id) : 0;
	if (live && old == TAR_DIR && e->type == TAR_DIR) {
		if (!same_directory(rootfs_entry(r, id), e))
			count(b, true, e);
	} else {
		count(b, live || hidden_now, e);
		if (live) {
			if (old == TAR_DIR)
				hide_below(b, id, WASTE_OVERWRITTEN);
			lose(b, id, WASTE_OVERWRITTEN, in);
			b->memo_node = 0;
		}
	}
	relist(r, id);
	n->state = NODE_LIVE;
	n->inode = in;
	n->type = e->type;
	n->layer = b->layer;
	((struct inode *)SEG_AT(&r->inodes, in))->names++;
	tell(b, id);
	if (b->opt->trace)
		b->opt->trace->placed(b->opt->trace->ctx, b->layer, b->entry, id);
}

static void hard_link(struct builder *b, node_id parent, const struct fact_entry *e)
{
	struct rootfs *r = b->r;
	struct str target = str_of(facts_string(b->facts, e->link)), name = target, dir = str_n("", 0);
	const char *slash = target.n ? memrchr(target.p, '/', target.n) : NULL;
	if (slash) {
		dir = str_n(target.p, (size_t)(slash - target.p));
		name = str_from(target, dir.n + 1);
	}
	b->lower = true;
	node_id at = follow_path(b, dir, WAY_FIND, NULL), to = at ? lookup(r, at, name) : 0;
	bool found = to && there(b, to);
	b->lower = false;
	const char *why = !found ? "its target is not there" : rootfs_type(r, to) == TAR_DIR ? "its target is a directory" : NULL;
	if (why) {
		problem_add(&r->problems, "layer %u: /%s%s%s: hard link to /%.*s: %s", b->layer, facts_dir(b->facts, e), e->dir ? "/" : "", facts_name(b->facts, e), STR_FMT(str_head(target, 200)), why);
		return;
	}
	inode_id in = rootfs_node(r, to)->inode;
	const char *link_name = facts_name(b->facts, e);
	node_id id = lookup_or_add(r, parent, str_of(link_name), true);
	if (!id)
		problem_add(&r->problems, "layer %u: more than %u names: over the budget", b->layer, ROOTFS_NODES_MAX);
	if (id && b->opt->trace)
		b->opt->trace->linked(b->opt->trace->ctx, b->layer, b->entry, to);
	if (id)
		put(b, id, in, inode_entry(r, in));
}

static void place(struct builder *b, const struct fact_entry *e)
{
	struct rootfs *r = b->r;
	const char *name = facts_name(b->facts, e);
	if (!*name) { /* the root itself: its metadata, when it is a directory */
		if (e->type == TAR_DIR) {
			inode_id in = add_inode(r, b->layer, b->entry, 0);
			struct node *root = SEG_AT(&r->nodes, ROOTFS_ROOT);
			root->inode = in;
			root->layer = b->layer;
			tell(b, ROOTFS_ROOT);
		} else {
			problem_add(&r->problems, "layer %u: an entry for the root that is no directory", b->layer);
			never_named(b, e, WASTE_OVERWRITTEN);
		}
		return;
	}
	node_id parent = parent_of(b, e, WAY_MAKE);
	if (!parent) {
		never_named(b, e, WASTE_OVERWRITTEN);
		return;
	}
	if (e->type == TAR_HARDLINK) {
		hard_link(b, parent, e);
		return;
	}
	node_id id = lookup_or_add(r, parent, str_of(name), true);
	if (!id) {
		if (r->problems.n == 0 || r->nodes.n >= ROOTFS_NODES_MAX)
			problem_add(&r->problems, "layer %u: more than %u names: over the budget", b->layer, ROOTFS_NODES_MAX);
		never_named(b, e, WASTE_OVERWRITTEN);
		return;
	}
	put(b, id, add_inode(r, b->layer, b->entry, e->size), e);
}

/* --- whiteouts --- */
enum mark { MARK_NONE, MARK_HIDE, MARK_OPAQUE, MARK_META };
static const char PREFIX[] = ".wh.", OPAQUE[] = ".wh..wh..opq", META[] = ".wh..wh.";

static enum mark mark_of(const struct facts *f, const struct fact_entry *e)
{
	const char *dir = facts_dir(f, e), *name = facts_name(f, e);
	if (*name != '.' && *dir != '.')
		return MARK_NONE; /* nearly all of them */
	if (strncmp(dir, META, strlen(META)) == 0) /* aufs keeps things of its own there */
		return MARK_META;
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return MARK_NONE;
	if (strcmp(name, OPAQUE) == 0)
		return MARK_OPAQUE;
	return strncmp(name, META, strlen(META)) == 0 ? MARK_META : MARK_HIDE;
}

static void whiteout(struct builder *b, const struct fact_entry *e, enum mark mark)
{
	node_id dir = parent_of(b, e, WAY_FIND);
	if (mark == MARK_OPAQUE) {
		if (dir)
			hide_below(b, dir, WASTE_OPAQUE);
		return;
	}
	struct str name = str_of(facts_name(b->facts, e) + strlen(PREFIX));
	if (name.n == 0 || str_is(name, ".") || str_is(name, "..")) {
		problem_add(&b->r->problems, "layer %u: a whiteout of nothing: /%s%s%s", b->layer, facts_dir(b->facts, e), e->dir ? "/" : "", facts_name(b->facts, e));
		return;
	}
	node_id id = dir ? lookup(b->r, dir, name) : 0;
	if (id && rootfs_node(b->r, id)->state == NODE_LIVE)
		hide(b, id, WASTE_DELETED);
}

static void apply(struct builder *b, u32 layer)
{
	const struct facts *f = b->r->image->layers[layer].facts;
	b->facts = f;
	b->layer = layer;
	if (!f)
		return;
	bool opaque = false;
	b->lower = true; /* so that the order of whiteouts does not matter: one may go through a link that another hides */
	for (b->entry = 0; b->entry < f->entries.n; b->entry++) {
		const struct fact_entry *e = facts_entry(f, b->entry);
		enum mark m = mark_of(f, e);
		b->r->stored += e->size;
		opaque |= m == MARK_OPAQUE;
		if (m == MARK_HIDE)
			whiteout(b, e, m);
	}
	for (b->entry = 0; opaque && b->entry < f->entries.n; b->entry++) {
		const struct fact_entry *e = facts_entry(f, b->entry);
		if (mark_of(f, e) == MARK_OPAQUE)
			whiteout(b, e, MARK_OPAQUE);
	}
	b->lower = false;
	b->memo_node = 0;
	for (b->entry = 0; b->entry < f->entries.n; b->entry++) {
		const struct fact_entry *e = facts_entry(f, b->entry);
		if (mark_of(f, e) == MARK_NONE)
			place(b, e);
		else
			never_named(b, e, WASTE_DELETED);
	}
	finish_layer(b);
}

static void count_names(struct rootfs *r)
{
	for (node_id id = 2; id < r->nodes.n; id++) {
		if (rootfs_node(r, id)->state != NODE_LIVE)
			continue;
		switch (rootfs_type(r, id)) {
		case TAR_FILE: r->files++; break;
		case TAR_DIR: r->dirs++; break;
		case TAR_SYMLINK: r->links++; break;
		default: r->others++; break;
		}
	}
}

struct rootfs *rootfs_build(const struct image *img, const struct rootfs_options *opt)
{
	static const struct rootfs_options none;
	struct rootfs *r = xcalloc(1, sizeof *r);
	struct builder *b = xcalloc(1, sizeof *b);
	b->r = r;
	b->opt = opt ? opt : &none;
	r->image = img;
	r->layers = xcalloc(img->n_layers, sizeof *r->layers);
	hashtab_open(&r->names, MIN(image_paths(img), ROOTFS_NODES_MAX));
	(void)SEG_PUSH(&r->nodes);  /* 0: none */
	(void)SEG_PUSH(&r->inodes);
	struct node *root = SEG_PUSH(&r->nodes);
	root->name = "";
	root->parent = ROOTFS_ROOT;
	root->type = TAR_DIR;
	u32 n = b->opt->layers ? MIN(b->opt->layers, img->n_layers) : img->n_layers;
	for (u32 i = 0; i < n; i++)
		apply(b, i);
	r->visible = r->stored - r->wasted;
	count_names(r);
	free(b->losses);
	free(b);
	return r;
}

void rootfs_free(struct rootfs *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	SEG_FREE(&r->nodes);
	SEG_FREE(&r->inodes);
	SEG_FREE(&r->waste);
	hashtab_free(&r->names);
	free(r->order);
	free(r->layers);
	problems_free(&r->problems);
	free(r);
}

/* --- asking --- */
node_id rootfs_child(const struct rootfs *r, node_id dir, struct str name)
{
	node_id id = lookup(r, dir, name);
	return id && rootfs_node(r, id)->state == NODE_LIVE ? id : 0;
}

/* One path, its last component not followed. */
static node_id find_one(struct builder *b, struct str path, node_id *ret_dir)
{
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	struct str dir = slash ? str_n(path.p, (size_t)(slash - path.p)) : str_n("", 0), name = slash ? str_from(path, dir.n + 1) : path;
	node_id at = *ret_dir = follow_path(b, dir, WAY_FIND, NULL);
	if (!at || name.n == 0 || str_is(name, "."))
		return at;
	return str_is(name, "..") ? rootfs_node(b->r, at)->parent : rootfs_child(b->r, at, name);
}

node_id rootfs_find(const struct rootfs *r, struct str path, bool follow)
{
	struct builder *b = xcalloc(1, sizeof *b);
	struct buf here = BUF(2 * TAR_PATH_MAX), next = BUF(0);
	b->r = (struct rootfs *)(uintptr_t)r; /* only read: WAY_FIND makes nothing */
	buf_add(&here, path);
	node_id at = 0, dir;
	for (u32 i = 0; i < ROOTFS_LINKS_MAX && !here.over; i++) {
		at = find_one(b, buf_str(&here), &dir);
		if (!at || !follow || rootfs_type(r, at) != TAR_SYMLINK)
			break;
		const char *target = facts_string(rootfs_facts(r, at), rootfs_entry(r, at)->link);
		buf_clear(&next);
		if (target[0] != '/') {
			rootfs_path(r, dir, &next);
			buf_putc(&next, '/');
		}
		buf_puts(&next, target);
		buf_clear(&here);
		buf_add(&here, buf_str(&next));
		at = 0; /* unless it leads somewhere in time */
	}
	buf_free(&here);
	buf_free(&next);
	free(b);
	return at;
}

node_id rootfs_follow(const struct rootfs *r, node_id id)
{
	if (!id || rootfs_type(r, id) != TAR_SYMLINK)
		return id;
	struct buf path = BUF(0);
	id = rootfs_find(r, rootfs_path(r, id, &path), true);
	buf_free(&path);
	return id;
}

struct str rootfs_path(const struct rootfs *r, node_id id, struct buf *out)
{
	buf_clear(out);
	if (id == ROOTFS_ROOT) {
		buf_putc(out, '/');
		return buf_str(out);
	}
	size_t n = 0;
	for (node_id k = id; k != ROOTFS_ROOT; k = rootfs_node(r, k)->parent)
		n += rootfs_node(r, k)->length + 1;
	buf_reserve(out, n);
	out->n = n;
	out->p[n] = '\0';
	for (node_id k = id; k != ROOTFS_ROOT; k = rootfs_node(r, k)->parent) {
		size_t len = rootfs_node(r, k)->length;
		memcpy(out->p + n - len, rootfs_node(r, k)->name, len);
		n -= len + 1;
		out->p[n] = '/';
	}
	return buf_str(out);
}

struct str rootfs_waste_path(const struct rootfs *r, const struct waste_item *w, struct buf *out)
{
	if (w->node)
		return rootfs_path(r, w->node, out);
	const struct facts *f = r->image->layers[w->layer].facts;
	struct buf clean = BUF(0);
	facts_path(f, facts_entry(f, w->entry), &clean);
	buf_clear(out);
	buf_putc(out, '/');
	buf_add(out, buf_str(&clean));
	buf_free(&clean);
	return buf_str(out);
}

struct item {
	const char *name;
	node_id id;
	bool below; /* what is below the name, not the name itself: sorts as "name/" */
};

static int by_path(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	const u8 *x = (const u8 *)a->name, *y = (const u8 *)b->name;
	while (*x && *x == *y)
		x++, y++;
	int cx = *x ? *x : a->below ? '/' : 0, cy = *y ? *y : b->below ? '/' : 0;
	return cx - cy;
}

/* Live children of dir; with `below` each directory that has any twice. */
static struct item *items_of(const struct rootfs *r, node_id dir, bool below, u32 *ret_n)
{
	struct item *v = NULL;
	u32 n = 0, cap = 0;
	for (node_id id = rootfs_node(r, dir)->child; id; id = rootfs_node(r, id)->sibling) {
		const struct node *x = rootfs_node(r, id);
		if (x->state != NODE_LIVE)
			continue;
		VEC_PUSH(v, n, cap, ((struct item){ x->name, id, false }));
		if (below && x->child && rootfs_type(r, id) == TAR_DIR)
			VEC_PUSH(v, n, cap, ((struct item){ x->name, id, true }));
	}
	if (n)
		qsort(v, n, sizeof *v, by_path);
	*ret_n = n;
	return v;
}

u32 rootfs_children(const struct rootfs *r, node_id dir, node_id **ids)
{
	u32 n;
	struct item *v = items_of(r, dir, false, &n);
	*ids = xmalloc(n * sizeof **ids);
	for (u32 i = 0; i < n; i++)
		(*ids)[i] = v[i].id;
	free(v);
	return n;
}

static int walk_sorted(const struct rootfs *r, node_id from, int (*visit)(void *, node_id), void *ctx)
{
	struct level {
		struct item *v;
		u32 n, at;
	} *stack = NULL;
	u32 depth = 0, cap = 0;
	int stop = 0;
	struct level top = { .at = 0 };
	top.v = items_of(r, from, true, &top.n);
	VEC_PUSH(stack, depth, cap, top);
	while (depth && !stop) {
		struct level *l = &stack[depth - 1];
		if (l->at == l->n) {
			free(l->v);
			depth--;
			continue;
		}
		struct item it = l->v[l->at++];
		if (!it.below) {
			stop = visit(ctx, it.id);
			continue;
		}
		struct level next = { .at = 0 };
		next.v = items_of(r, it.id, true, &next.n);
		VEC_PUSH(stack, depth, cap, next);
	}
	while (depth)
		free(stack[--depth].v);
	free(stack);
	return stop;
}

static int keep_order(void *ctx, node_id id)
{
	node_id **at = ctx;
	*(*at)++ = id;
	return 0;
}

int rootfs_walk(const struct rootfs *r, node_id from, int (*visit)(void *, node_id), void *ctx)
{
	if (from != ROOTFS_ROOT)
		return walk_sorted(r, from, visit, ctx);
	u32 n = r->files + r->dirs + r->links + r->others;
	if (!r->order) {
		node_id *at = ((struct rootfs *)(uintptr_t)r)->order = xmalloc(n * sizeof *at);
		walk_sorted(r, ROOTFS_ROOT, keep_order, &at);
	}
	for (u32 i = 0; i < n; i++) {
		int stop = visit(ctx, r->order[i]);
		if (stop)
			return stop;
	}
	return 0;
}
