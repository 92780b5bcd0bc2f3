#include "slim/plan.h"
#include "layer/tarout.h"

const char *const need_because[] = {
	"", "part of the program", "its layer is kept as it is", "it hides what stays below it", "another name holds on to its content", "it is on the way to what stays",
	"something in it stays", "a directory is there because of it",
};

struct planner {
	struct plan *p;
	const struct trace *t;
	const struct litter *litter;
	bool *whole;
	bool *firm;  /* by entry: content of an inode whose names must not be exchanged */
	u32 *stack, depth, cap;
	bool no_changes;
};

static void need(struct planner *pl, u32 g, enum need why)
{
	if (g == TRACE_NONE || pl->p->need[g])
		return;
	pl->p->need[g] = (u8)why;
	VEC_PUSH(pl->stack, pl->depth, pl->cap, g);
}

static void need_listings(struct planner *pl, node_id dir, enum need why)
{
	for (u32 g = trace_maker(pl->t, dir); g != TRACE_NONE; g = pl->t->steps[g].below)
		need(pl, g, why);
}

/* First of the ways of an entry. */
static u32 first_way(const struct trace *t, u32 g)
{
	u32 lo = 0, hi = t->n_ways;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		if (t->ways[mid].entry < g)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool has_way(const struct trace *t, u32 g)
{
	u32 i = first_way(t, g);
	return i < t->n_ways && t->ways[i].entry == g;
}

/* Whether a hard link may do without the name it was made from. */
static bool loose(const struct planner *pl, u32 g)
{
	const struct step *s = &pl->t->steps[g];
	return s->carrier != TRACE_NONE && !pl->firm[s->carrier] && trace_layer(pl->t, s->carrier) == trace_layer(pl->t, g);
}

static void close_over(struct planner *pl)
{
	const struct trace *t = pl->t;
	while (pl->depth) {
		u32 g = pl->stack[--pl->depth];
		const struct step *s = &t->steps[g];
		need(pl, s->hider, NEED_HIDES);
		if (s->provider != TRACE_NONE && !loose(pl, g))
			need(pl, s->provider, NEED_LINK);
		for (u32 i = first_way(t, g); i < t->n_ways && t->ways[i].entry == g; i++)
			need(pl, t->ways[i].link, NEED_WAY);
		if (s->node && s->hider == TRACE_NONE)
			need_listings(pl, s->node, NEED_BELOW); /* a directory that stays is what its last listing says */
		for (node_id up = t->n_lost ? s->node : 0; up && up != ROOTFS_ROOT;) { /* what took away the unlisted directories it lay in */
			up = rootfs_node(t->tree, up)->parent;
			need(pl, trace_lost_after(t, up, g), NEED_HIDES);
		}
		node_id dir = s->node ? rootfs_node(t->tree, s->node)->parent : 0;
		if (dir && pl->litter->kind[dir])
			need_listings(pl, dir, NEED_BELOW);
	}
}

/* Names of one inode may be exchanged only where nothing else depends on their order: in one layer, none of them replaced in it, none
 * reached through a symbolic link, and no global headers between entries (they would speak for the new header too). */
static void find_firm(struct planner *pl)
{
	const struct trace *t = pl->t;
	for (u32 l = 0; l < t->img->n_layers; l++) {
		const struct facts *f = t->img->layers[l].facts;
		u64 end = 0;
		bool gaps = pl->no_changes;
		for (u32 i = 0; f && !gaps && i < f->entries.n; i++) {
			gaps = facts_entry(f, i)->start != end;
			end = fact_end(facts_entry(f, i));
		}
		for (u32 g = t->base[l]; g < t->base[l + 1]; g++) {
			const struct step *s = &t->steps[g];
			u32 c = s->carrier != TRACE_NONE ? s->carrier : g;
			const struct fact_entry *e = s->carrier == TRACE_NONE ? facts_entry(f, g - t->base[l]) : NULL;
			bool replaced = s->hider != TRACE_NONE && s->hider < t->base[l + 1];
			if (gaps || replaced || has_way(t, g) || (e && (e->flags & FACT_SPARSE || e->type != TAR_FILE)))
				pl->firm[c] = true;
		}
	}
}

static void need_tree(struct planner *pl)
{
	const struct rootfs *r = pl->t->tree;
	for (node_id id = ROOTFS_ROOT + 1; id < r->nodes.n; id++)
		if (rootfs_node(r, id)->state == NODE_LIVE && !pl->litter->kind[id])
			need_listings(pl, id, NEED_TREE);
	for (u32 l = 0; l < pl->t->img->n_layers; l++)
		for (u32 g = pl->t->base[l]; g < pl->t->base[l + 1]; g++)
			if (pl->whole[l])
				need(pl, g, NEED_LAYER);
			else if (!pl->t->steps[g].node && !trace_is_whiteout(pl->t, g))
				need(pl, g, NEED_TREE); /* the root */
	close_over(pl);
}

/* Marks the directories that a needed entry lies in. */
static void support(const struct rootfs *r, node_id id, bool *held)
{
	while (id && id != ROOTFS_ROOT && !held[id]) {
		held[id] = true;
		id = rootfs_node(r, id)->parent;
	}
}

/* A directory that no layer lists is there because something was put in it: one such thing must stay, be it hidden since. */
static void hold_implied(struct planner *pl)
{
	const struct trace *t = pl->t;
	const struct rootfs *r = t->tree;
	bool *held = xcalloc(r->nodes.n, sizeof *held), any = false;
	for (u32 g = 0; g < t->total; g++)
		if (pl->p->need[g] && t->steps[g].node)
			support(r, t->steps[g].node, held);
	for (node_id id = ROOTFS_ROOT + 1; !any && id < r->nodes.n; id++)
		any = rootfs_node(r, id)->state == NODE_LIVE && !rootfs_node(r, id)->inode && !held[id];
	for (u32 g = t->total; any && g-- > 0;) { /* the latest: what came before may have gone with an earlier directory of that name */
		if (pl->p->need[g] || !t->steps[g].node)
			continue;
		bool wanted = false;
		for (node_id id = t->steps[g].node; id != ROOTFS_ROOT && !wanted; id = rootfs_node(r, id)->parent) {
			const struct node *n = rootfs_node(r, id);
			wanted = n->state == NODE_LIVE && !n->inode && !held[id];
		}
		if (wanted) {
			need(pl, g, NEED_IMPLIED);
			close_over(pl);
			support(r, t->steps[g].node, held);
		}
	}
	free(held);
}

static int by_entry(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

static void change(struct plan *p, u32 entry, u32 other, enum change_kind kind)
{
	VEC_PUSH(p->changes, p->n_changes, p->cap_changes, ((struct change){ entry, other, kind }));
}

/* Gives inodes whose first name goes to the next that stays. */
static void exchange_names(struct planner *pl)
{
	struct plan *p = pl->p;
	const struct trace *t = pl->t;
	u32 *heir = xmalloc(MAX(t->total, 1u) * sizeof *heir); /* by carrier */
	for (u32 g = 0; g < t->total; g++)
		heir[g] = TRACE_NONE;
	for (u32 g = 0; g < t->total; g++) {
		const struct step *s = &t->steps[g];
		if (!p->need[g] || s->provider == TRACE_NONE || !loose(pl, g))
			continue;
		if (!p->need[s->carrier] && heir[s->carrier] == TRACE_NONE) {
			heir[s->carrier] = g;
			change(p, s->carrier, g, CHANGE_RENAME);
			change(p, g, TRACE_NONE, CHANGE_MOVED);
		} else if (!p->need[s->provider]) {
			change(p, g, p->need[s->carrier] ? s->carrier : heir[s->carrier], CHANGE_RELINK);
		}
	}
	free(heir);
	if (p->n_changes)
		qsort(p->changes, p->n_changes, sizeof *p->changes, by_entry);
}

const struct change *plan_change(const struct plan *p, u32 g)
{
	struct change key = { .entry = g };
	return p->n_changes ? bsearch(&key, p->changes, p->n_changes, sizeof key, by_entry) : NULL;
}

u64 plan_gone(const struct plan *p, u32 g)
{
	if (p->need[g] || plan_change(p, g))
		return 0;
	return trace_entry(p->trace, g)->size;
}

int plan_header(const struct plan *p, const struct change *c, struct buf *out, struct error *err)
{
	const struct trace *t = p->trace;
	u32 l = trace_layer(t, c->entry), named = c->kind == CHANGE_RENAME ? c->other : c->entry;
	const struct facts *f = t->img->layers[l].facts;
	const struct fact_entry *e = facts_entry(f, c->entry - t->base[l]);
	struct buf path = BUF(0), link = BUF(0);
	struct tarout_entry o = { .type = c->kind == CHANGE_RENAME ? TAR_FILE : TAR_HARDLINK, .mode = e->mode, .uid = e->uid, .gid = e->gid, .mtime = e->mtime, .mtime_ns = e->mtime_ns };
	o.path = str_from(trace_path(t, named, &path), 1);
	if (c->kind == CHANGE_RENAME) {
		o.size = e->size;
		o.xattrs = facts_xattrs(f, e);
	} else {
		o.link = str_from(trace_path(t, c->other, &link), 1);
	}
	int r = tarout_header(&o, out, err);
	buf_free(&path);
	buf_free(&link);
	return r;
}

static u64 changed_length(const struct plan *p, const struct change *c, const struct fact_entry *e)
{
	struct buf h = BUF(0);
	u64 n = 0;
	if (c->kind != CHANGE_MOVED && plan_header(p, c, &h, NULL) == 0)
		n = h.n + (c->kind == CHANGE_RENAME ? fact_stored(e) + tarout_padding(fact_stored(e)) : 0);
	buf_free(&h);
	return n;
}

static void measure(struct planner *pl, u32 l)
{
	struct plan *p = pl->p;
	const struct facts *f = pl->t->img->layers[l].facts;
	struct plan_layer m = { .size = TAR_TRAILER };
	u64 end = 0;
	u32 stay = 0;
	for (u32 i = 0; f && i < f->entries.n; i++) {
		const struct fact_entry *e = facts_entry(f, i);
		u32 g = pl->t->base[l] + i;
		const struct change *c = plan_change(p, g);
		m.size += e->start - end;
		end = fact_end(e);
		if (c) {
			m.size += changed_length(p, c, e);
			stay += c->kind != CHANGE_MOVED;
			m.gone += c->kind == CHANGE_RENAME; /* its name does, if not its content */
		} else if (p->need[g]) {
			m.size += end - e->start;
			stay++;
		} else {
			m.gone++;
			m.saved += e->size;
		}
	}
	bool smaller = f && m.saved && m.size < f->size;
	m.fate = m.gone == 0 ? LAYER_KEPT : stay == 0 ? LAYER_DROPPED : smaller ? LAYER_REWRITTEN : LAYER_KEPT;
	p->layers[l] = m;
}

static void clear(struct plan *p)
{
	memset(p->need, 0, p->trace->total);
	p->n_changes = 0;
	p->saved = 0;
}

/* One round; true when it made layers that must be kept whole after all, so that another is needed. */
static bool round_of(struct planner *pl)
{
	struct plan *p = pl->p;
	u32 n = pl->t->img->n_layers, left = 0;
	bool again = false;
	clear(p);
	need_tree(pl);
	hold_implied(pl);
	exchange_names(pl);
	for (u32 l = 0; l < n; l++) {
		measure(pl, l);
		p->saved += p->layers[l].saved;
		left += p->layers[l].fate != LAYER_DROPPED;
		if (p->layers[l].fate == LAYER_KEPT && p->layers[l].gone)
			again = pl->whole[l] = true;
	}
	if (!again && n && !left) /* an image has at least one layer */
		again = pl->whole[0] = true;
	return again;
}

void plan_make(const struct trace *t, const struct litter *l, const struct plan_options *opt, struct plan *ret)
{
	u32 n = t->img->n_layers;
	*ret = (struct plan){ .trace = t, .litter = l, .need = xcalloc(MAX(t->total, 1u), 1), .layers = xcalloc(MAX(n, 1u), sizeof *ret->layers) };
	struct planner pl = { .p = ret, .t = t, .litter = l, .whole = xcalloc(MAX(n, 1u), 1), .firm = xcalloc(MAX(t->total, 1u), 1), .no_changes = opt->no_changes };
	for (u32 i = 0; opt->whole && i < n; i++)
		pl.whole[i] = opt->whole[i];
	find_firm(&pl);
	while (round_of(&pl)) { /* each round keeps one layer more whole: it ends */
	}
	free(pl.whole);
	free(pl.firm);
	free(pl.stack);
}

void plan_free(struct plan *p)
{
	free(p->need);
	free(p->changes);
	free(p->layers);
	*p = (struct plan){ 0 };
}
